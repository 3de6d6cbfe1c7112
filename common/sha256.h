/*
 * SHA-256, streaming.
 */
#ifndef KEYTURN_SHA256_H
#define KEYTURN_SHA256_H

#include <stddef.h>

#include "err.h"

#define SHA256_LEN 32

struct sha256 {
	void *ctx; /* EVP_MD_CTX */
};

#define SHA256_INIT         \
	{                   \
		.ctx = NULL \
	}

/*
 * Start a hash; may be called again on the same object, which then reuses its
 * memory.  All return 0, or -1 with err set: ERR_CRYPTO.
 */
int sha256_start(struct sha256 *h, struct err *err);
int sha256_update(struct sha256 *h, const void *data, size_t len,
    struct err *err);
int sha256_final(struct sha256 *h, unsigned char digest[SHA256_LEN],
    struct err *err);

/* The hash of len bytes at once. */
int sha256_of(const void *data, size_t len, unsigned char digest[SHA256_LEN],
    struct err *err);

/* Release; fine on a cleared or never started object. */
void sha256_clear(struct sha256 *h);

#endif
