/*
 * The hash of a message's body up to l= bytes of its canonical form, RFC 6376
 * section 3.7 step 1.  Signing has no l= and uses body_hash.h.
 */
#ifndef KEYTURN_BODYDIGEST_H
#define KEYTURN_BODYDIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "canon.h"
#include "err.h"
#include "sha256.h"

struct body_digest {
	bool is_known;
	unsigned char digest[SHA256_LEN];
	unsigned long long total; /* bytes of the whole canonical body */
};

/*
 * Hash the first limit bytes of the canonical form of a body with CRLF or LF
 * line ends.  Returns 0, or -1 with err set: ERR_CRYPTO.
 */
int body_digest_compute(const char *body, size_t len, enum canon canon,
    unsigned long long limit, struct body_digest *out, struct err *err);

#endif
