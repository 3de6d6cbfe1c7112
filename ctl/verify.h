/*
 * Verifying the DKIM signatures of a message: RFC 6376 section 6 with RFC 8301
 * (no rsa-sha1, no RSA key under 1024 bits) and RFC 8463 (Ed25519).
 */
#ifndef KEYTURN_VERIFY_H
#define KEYTURN_VERIFY_H

#include <stddef.h>
#include <time.h>

#include "bodydigest.h"
#include "err.h"
#include "keyrecord.h"
#include "message.h"
#include "verdict.h"

#define VERIFY_SIGNATURES_MAX 64 /* of one message */

/* Where key records come from. */
struct key_source {
	/*
	 * Find the record at name (lower case, no final dot).  Returns how
	 * many there are; if one, it is parsed into rec and *state is set, err
	 * saying what is wrong with it.  -1 with err set when the question
	 * could not be answered: ERR_IO makes a temperror of it, any other
	 * code ends the verification.
	 */
	int (*find)(void *arg, const char *name, struct keyrecord *rec,
	    enum keyrecord_state *state, struct err *err);
	void *arg;
};

/* One message being verified. */
struct verifier {
	const struct message *msg;
	const struct key_source *source;
	time_t now;
	size_t count;                /* signatures seen so far */
	struct body_digest whole[2]; /* by enum canon: bodies without l= */
};

/*
 * Verify the signature in field number field of v->msg, a DKIM-Signature.
 * Returns 0 with *out set, or -1 with err set: ERR_NOMEM, ERR_CRYPTO, or what
 * the source of keys says.
 */
int verify_field(struct verifier *v, size_t field, struct sig_verdict *out,
    struct err *err);

#endif
