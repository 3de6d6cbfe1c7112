/*
 * What the DNS should have for the keys of a domain, those of its ring and
 * those of the KeyTable alike.
 */
#ifndef KEYTURN_DNSKEYS_H
#define KEYTURN_DNSKEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "ring.h"
#include "sight.h"
#include "turn.h"

enum dnskey_expect {
	DNSKEY_RECORD, /* value */
	DNSKEY_EMPTY,  /* value, with p= empty */
	DNSKEY_NONE,   /* no record any more */
	DNSKEY_SLOT,   /* no key yet, but the CNAME that leads to name */
};

struct dnskey {
	char domain[DNSNAME_MAX + 1];
	char selector[DNSNAME_MAX + 1];
	char *name;      /* of the record, without final dot */
	char *value;     /* of the record */
	char *empty;     /* the same, revoked */
	char *key_name;  /* where verifiers ask: a CNAME to name if different */
	char state[128]; /* "active", "KeyTable:3" ... */
	enum dnskey_expect expect;
	bool is_generated; /* not yet handed to the DNS */
	bool is_in_use;    /* or ready for it: a resolver may be asked */
};

struct dnskeys {
	struct dnskey *list;
	size_t count;
};

/*
 * Append the keys of domain (lower case) that are not gone, and the slots of
 * its ring that have none.  A ring that
 * cannot be read is an error, an unreadable key of the KeyTable is said and
 * left out.
 * Returns 0, or -1 with err set: as known_load and known_keys_load.
 */
int dnskeys_load(struct turner *t, const char *domain, struct dnskeys *out,
    struct err *err);
void dnskeys_clear(struct dnskeys *k);

/* What should be there now: value, empty, or NULL. */
const char *dnskey_value(const struct dnskey *k);

/* Whether what was found is what should be. */
bool dnskey_is_good(const struct dnskey *k, const struct sighting *s);

/* One of the four statuses, see sight_status.  s is NULL: no answer. */
const char *dnskey_status(const struct dnskey *k, const struct sighting *s);

#endif
