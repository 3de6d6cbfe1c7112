/*
 * TSIG: messages to and from a name server, signed with a shared secret.
 * RFC 8945.
 */
#ifndef KEYTURN_TSIG_H
#define KEYTURN_TSIG_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "buf.h"
#include "dnsname.h"
#include "err.h"

#define TSIG_SECRET_MAX 128 /* bytes: the block of SHA-512 */
#define TSIG_MAC_MAX    64
#define TSIG_FUDGE      300 /* seconds, RFC 8945 section 10 */

enum tsig_alg { TSIG_HMAC_SHA256, TSIG_HMAC_SHA512 };

/* Cleanse with tsig_key_clear. */
struct tsig_key {
	char name[DNSNAME_MAX + 1]; /* lower case, without final dot */
	enum tsig_alg alg;
	unsigned char secret[TSIG_SECRET_MAX];
	size_t secret_len;
};

/*
 * Read a key in the syntax of named.conf, as tsig-keygen(8) writes it:
 * key "name" { algorithm hmac-sha256; secret "..."; }; with comments.  The file
 * must be as secret as a private key.
 * Returns 0, or -1 with err set: ERR_KEY (the file's mode or owner, or
 * "path:line: what: value", which never has the secret), ERR_IO.
 */
int tsig_key_load(struct tsig_key *key, const char *path, struct err *err);
void tsig_key_clear(struct tsig_key *key);

/* "hmac-sha256" and so on. */
const char *tsig_alg_name(enum tsig_alg alg);

/* What the answer to a signed message is checked against. */
struct tsig_mac {
	unsigned char data[TSIG_MAC_MAX];
	size_t len;
};

/*
 * Sign the complete message: append a TSIG record made at now, keep its MAC.
 * Returns 0, or -1 with err set: ERR_CRYPTO, ERR_NOMEM.
 */
int tsig_sign(const struct tsig_key *key, time_t now, struct buf *message,
    struct tsig_mac *mac, struct err *err);

/* What the other side says of our signature, RFC 8945 section 3. */
enum { TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18 };

enum tsig_verdict {
	TSIG_GOOD,    /* signed by who has the key, as the answer to ours */
	TSIG_REFUSED, /* our signature was not taken: see *error; as the
	                 answer to that it need not be signed */
	TSIG_BAD,     /* err says why: it proves nothing */
};

/*
 * Verify the answer to what was signed with mac.
 *
 * error        set to what the other side says of our signature, 0: nothing
 * server_time  set with TSIG_BADTIME to its clock, when that is signed; else 0
 * Returns the verdict; with TSIG_BAD err is set: ERR_INPUT, ERR_CRYPTO.
 */
struct tsig_answer {
	unsigned error;
	time_t server_time;
};
enum tsig_verdict tsig_verify(const struct tsig_key *key, time_t now,
    const struct tsig_mac *mac, const struct buf *message,
    struct tsig_answer *answer, struct err *err);

#endif
