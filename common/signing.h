/*
 * One signature of one message, in two steps with the private key's operation
 * between them: everything that the worker does itself, and that
 * `keyturn sign` does with the same code.
 */
#ifndef KEYTURN_SIGNING_H
#define KEYTURN_SIGNING_H

#include <time.h>

#include "buf.h"
#include "canon.h"
#include "err.h"
#include "hdrs.h"
#include "key.h"
#include "select.h"
#include "sha256.h"

/* What to sign with and what to say.  Everything borrowed. */
struct signing_order {
	enum key_alg alg;
	const char *domain, *selector;
	struct canon_pair canon;
	const char *sign_headers, *oversign_headers; /* see select.h */
	const unsigned char *body_hash;              /* SHA256_LEN bytes */
	time_t now;
};

struct signing {
	struct selection selection;
	struct buf value; /* of the DKIM-Signature field, CRLF at folds */
	unsigned char digest[SHA256_LEN]; /* to be signed */
};

#define SIGNING_INIT                        \
	{                                   \
		.selection = SELECTION_INIT \
	}

void signing_clear(struct signing *s);

/*
 * Select the fields, write the DKIM-Signature value with an empty b= and
 * compute the digest.  s is replaced, its memory reused.
 * Returns 0, or -1 with err set: ERR_NOMEM, ERR_CRYPTO, ERR_INPUT (no From
 * field: RFC 6376 section 5.4 wants it signed).
 */
int signing_prepare(struct signing *s, const struct hdrs *h,
    const struct signing_order *order, struct err *err);

/*
 * Put the signature of s->digest into s->value, which is then complete.
 * Returns 0, or -1 with err set: ERR_NOMEM.
 */
int signing_finish(struct signing *s, const unsigned char *sig, size_t sig_len,
    struct err *err);

#endif
