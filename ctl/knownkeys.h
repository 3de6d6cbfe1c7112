/*
 * The private keys that this host has for a domain: those of the KeyTable and
 * those of its ring.
 */
#ifndef KEYTURN_KNOWNKEYS_H
#define KEYTURN_KNOWNKEYS_H

#include <stddef.h>

#include "conf.h"
#include "err.h"
#include "key.h"

struct known_key {
	char *selector;
	char *path; /* of the private key */
	char *from; /* "KeyTable:3" or "ring, active" */
	struct key *key;
	struct err err; /* why key is NULL */
};

struct known_keys {
	struct known_key *keys;
	size_t count;
};

/*
 * Append the keys that the KeyTable has for domain (lower case).  A key file
 * that cannot be read is no error here.
 * Returns 0, or -1 with err set: ERR_CONF (the KeyTable), ERR_NOMEM, ERR_IO.
 */
int known_keys_load(const struct conf *conf, const char *domain,
    struct known_keys *out, struct err *err);

/*
 * Append the keys of the ring of domain that still have their file, if there
 * is a ring.  Likewise; and ERR_KEY: the ring cannot be read.
 */
int known_keys_load_ring(const struct conf *conf, const char *domain,
    struct known_keys *out, struct err *err);
void known_keys_clear(struct known_keys *k);

/* The one with that selector (lower case), or NULL. */
const struct known_key *known_keys_find(const struct known_keys *k,
    const char *selector);

/* The one with that fingerprint, or NULL. */
const struct known_key *known_keys_of(const struct known_keys *k,
    const unsigned char fingerprint[SHA256_LEN]);

#endif
