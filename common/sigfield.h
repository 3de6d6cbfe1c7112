/*
 * The DKIM-Signature header field as we write it, RFC 6376 section 3.5, and
 * the header hash over it, section 3.7.
 */
#ifndef KEYTURN_SIGFIELD_H
#define KEYTURN_SIGFIELD_H

#include <time.h>

#include "buf.h"
#include "canon.h"
#include "err.h"
#include "hdrs.h"
#include "key.h"
#include "select.h"
#include "sha256.h"

#define SIGFIELD_NAME "DKIM-Signature"

/* What one signature says.  Everything borrowed. */
struct sigfield {
	enum key_alg alg;
	struct canon_pair canon;
	const char *domain;   /* d=, lower-case A-labels */
	const char *selector; /* s= */
	time_t time;          /* t= */
	const struct selection *selection;
	const unsigned char *body_hash; /* SHA256_LEN bytes */
};

/*
 * Write the field's value into out (replaced): it begins with a space, is
 * folded by CRLF HTAB to lines of at most 78 columns where a single name or
 * domain is not longer, has no final CRLF and ends in an empty "b=".
 * Returns 0, or -1 with err set: ERR_NOMEM.
 */
int sigfield_build(const struct sigfield *sf, struct buf *out, struct err *err);

/*
 * Append the signature (sig_len bytes) in base64, folded, to a value made by
 * sigfield_build.  Returns 0, or -1 with err set: ERR_NOMEM.
 */
int sigfield_finish(struct buf *value, const unsigned char *sig, size_t sig_len,
    struct err *err);

/*
 * The hash that is signed: the selected fields, each with CRLF, then the
 * DKIM-Signature field with an empty b= and without CRLF.  RFC 6376 section
 * 3.7, step 2.
 *
 * name, value  the DKIM-Signature field as in hdrs.h; the value already
 *              without the content of b=.
 * Returns 0, or -1 with err set: ERR_NOMEM, ERR_CRYPTO.
 */
int header_hash(const struct hdrs *h, const struct selection *s, enum canon c,
    const char *name, size_t name_len, const char *value, size_t value_len,
    unsigned char digest[SHA256_LEN], struct err *err);

#endif
