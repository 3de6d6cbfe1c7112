/*
 * Whether what is published at a selector is the public part of a private key,
 * and if not, what is most often behind that and what to do.  Looks nothing up
 * itself.
 */
#ifndef KEYTURN_KEYCHECK_H
#define KEYTURN_KEYCHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "key.h"
#include "sha256.h"
#include "sight.h"

#define KEYCHECK_TEXT_MAX 700

enum keycheck_finding {
	KEYCHECK_GOOD,
	KEYCHECK_PRIVATE,  /* the private key cannot be read */
	KEYCHECK_ABSENT,   /* no record */
	KEYCHECK_CNAME,    /* not beneath the CNAME of a slot */
	KEYCHECK_LAG,      /* not the same at every server */
	KEYCHECK_TAGS,     /* the right key, but h=, s= or t= differ */
	KEYCHECK_SEVERAL,  /* more than one record */
	KEYCHECK_SYNTAX,   /* not a key record */
	KEYCHECK_CUT,      /* p= is only the beginning of the right one */
	KEYCHECK_REVOKED,  /* p= is empty */
	KEYCHECK_TYPE,     /* RSA for Ed25519 or the reverse, or neither */
	KEYCHECK_USE,      /* h= or s= forbid it */
	KEYCHECK_WEAK,     /* an RSA key under 1024 bits */
	KEYCHECK_KEY,      /* the record is that of another key */
	KEYCHECK_SELECTOR, /* of another of our keys, or the other way round */
	KEYCHECK_WILDCARD, /* only what a wildcard gives to any name */
	KEYCHECK_UNANSWERED, /* the DNS does not answer: exit code 69 */
};

/* A key and what became of the comparison. */
struct keycheck {
	const char *domain, *selector;
	const struct key *key; /* NULL: not at hand */
	const char *record; /* without key: what should be published, or NULL:
	                       only the record is looked at */

	enum keycheck_finding finding;
	char text[KEYCHECK_TEXT_MAX]; /* what is wrong, for a person */
	bool has_published;           /* a key was found in the record */
	enum key_alg alg; /* of the published key, and the next two */
	unsigned bits;
	unsigned char published[SHA256_LEN]; /* fingerprint */
	bool is_testing;                     /* t=y */
};

/* "good", "key-mismatch" and so on, for programs. */
const char *keycheck_name(enum keycheck_finding finding);

/* "DKIM key OK", "DKIM key mismatch" and so on. */
const char *keycheck_title(enum keycheck_finding finding);

/* What is most often behind it, and the way out; NULL when good. */
const char *keycheck_cause(enum keycheck_finding finding);
const char *keycheck_remedy(enum keycheck_finding finding);

/* Set the finding and its text. */
void keycheck_set(struct keycheck *kc, enum keycheck_finding finding,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Judge the count records at the name.  Returns 0, or -1 with err set:
 * ERR_NOMEM, ERR_CRYPTO.
 */
int keycheck_records(struct keycheck *kc, const struct buf *records, int count,
    struct err *err);

/* Judge the content of a file: a record, or a public key.  Likewise. */
int keycheck_file(struct keycheck *kc, struct buf *file, struct err *err);

/* Judge what every server said.  Likewise. */
int keycheck_sighting(struct keycheck *kc, const struct sighting *s,
    struct err *err);

/* The exit code that a finding deserves. */
int keycheck_exit(enum keycheck_finding finding);

#endif
