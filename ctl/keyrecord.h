/*
 * A key record, RFC 6376 section 3.6.1 with RFC 8463 section 4: what a TXT
 * record says about a public key, and the key.
 */
#ifndef KEYTURN_KEYRECORD_H
#define KEYTURN_KEYRECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "key.h"

enum keyrecord_state {
	KEYRECORD_GOOD,
	KEYRECORD_SYNTAX,  /* not a key record, or p= is not a key */
	KEYRECORD_REVOKED, /* p= is empty */
	KEYRECORD_TYPE,    /* k= names no type that we know */
	KEYRECORD_HASH,    /* h= does not permit sha256 */
	KEYRECORD_SERVICE, /* s= permits neither email nor all */
	KEYRECORD_WEAK,    /* an RSA key under KEY_RSA_BITS_MIN */
	KEYRECORD_NOMEM,
};

struct keyrecord {
	enum key_alg alg;   /* follows from k= */
	struct pubkey *key; /* NULL unless good */
	bool is_testing;    /* t=y */
	bool is_strict;     /* t=s: i= must have the domain of d= */
};

#define KEYRECORD_INIT      \
	{                   \
		.key = NULL \
	}

void keyrecord_clear(struct keyrecord *rec);

/*
 * Parse the text of a record into rec (replaced).  Unless the result is
 * KEYRECORD_GOOD err says what is wrong; that text is safe for a log.
 */
enum keyrecord_state keyrecord_parse(const char *text, size_t len,
    struct keyrecord *rec, struct err *err);

/*
 * The same for the content of a file that holds either a record or a public
 * key in PEM (SubjectPublicKeyInfo or, for RSA, PKCS#1).
 */
enum keyrecord_state keyrecord_parse_file(const char *text, size_t len,
    struct keyrecord *rec, struct err *err);

/* Append the record of key to out.  Returns 0, or -1 with err set. */
int keyrecord_write(const struct key *key, struct buf *out, struct err *err);

#endif
