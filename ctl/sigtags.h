/*
 * What a DKIM-Signature field says, taken apart and checked as far as that
 * goes without the key and the body: RFC 6376 sections 3.5 and 6.1.1.
 */
#ifndef KEYTURN_SIGTAGS_H
#define KEYTURN_SIGTAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "buf.h"
#include "canon.h"
#include "err.h"
#include "key.h"
#include "taglist.h"
#include "verdict.h"

/* In the order of RFC 6376 section 3.5. */
enum sigtag {
	TAG_V,
	TAG_A,
	TAG_B,
	TAG_BH,
	TAG_C,
	TAG_D,
	TAG_H,
	TAG_I,
	TAG_L,
	TAG_Q,
	TAG_S,
	TAG_T,
	TAG_X,
	TAG_COUNT,
};

struct sigtags {
	struct taglist list;
	const struct tag *tags[TAG_COUNT]; /* NULL where missing */
	enum key_alg alg;
	struct canon_pair canon;
	struct buf signature, body_hash; /* decoded b= and bh= */
	struct span identity_domain;     /* of i=, or d= */
	bool has_limit, has_time;
	unsigned long long limit;        /* l=; the largest number without */
	unsigned long long time, expiry; /* t=, x= */
};

#define SIGTAGS_INIT                                          \
	{                                                     \
		.signature = BUF_INIT, .body_hash = BUF_INIT, \
		.canon = { CANON_SIMPLE, CANON_SIMPLE },      \
	}

void sigtags_clear(struct sigtags *st);

/*
 * Parse and check value, which must live as long as st is used.
 *
 * st   SIGTAGS_INIT
 * now  for x=
 * Returns 1 when all is well; 0 when it is not, v then saying why; -1 with err
 * set: ERR_NOMEM.  v's domain, selector, algorithm and identity are filled in
 * as far as they are there.
 */
int sigtags_parse(struct sigtags *st, const char *value, size_t len, time_t now,
    struct sig_verdict *v, struct err *err);

#endif
