/*
 * The body hash, tag bh= of RFC 6376 section 3.5: canonicalization and SHA-256
 * in one stream.
 */
#ifndef KEYTURN_BODY_HASH_H
#define KEYTURN_BODY_HASH_H

#include "canon.h"
#include "crlf.h"
#include "err.h"
#include "sha256.h"

struct body_hash {
	struct crlf crlf;
	struct canon_body canon;
	struct sha256 hash;
};

#define BODY_HASH_INIT              \
	{                           \
		.hash = SHA256_INIT \
	}

/* Start; may be called again on the same object for the next message. */
int body_hash_start(struct body_hash *bh, enum canon c, struct err *err);

/*
 * Feed the next piece of the message body.
 *
 * data, len  bytes in wire order, CRLF line ends (a lone LF counts as one, for
 *            no MTA sends it on as it is), cut anywhere; may hold NUL; len in
 *            bytes, 0 is fine.  Borrowed for the call.
 * Returns 0, or -1 with err set: ERR_CRYPTO.
 * One thread per body_hash.  Never keeps more than a few bytes of input.
 * RFC 6376 sections 3.4.3 (simple) and 3.4.4 (relaxed).
 */
int body_hash_update(struct body_hash *bh, const void *data, size_t len,
    struct err *err);

/* End of the body.  The object can be started again. */
int body_hash_final(struct body_hash *bh, unsigned char digest[SHA256_LEN],
    struct err *err);

/* Release; fine on a cleared or never started object. */
void body_hash_clear(struct body_hash *bh);

#endif
