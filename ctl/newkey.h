/*
 * New keys of rings: their selectors, their files, what the ring says of them.
 */
#ifndef KEYTURN_NEWKEY_H
#define KEYTURN_NEWKEY_H

#include <time.h>

#include "err.h"
#include "key.h"
#include "ring.h"
#include "ringstore.h"
#include "rotation.h"

/* Where and when a key is to be. */
struct newkey_place {
	struct ringlock *lock;
	const char *directory; /* of the ring: no file there is a new key's */
	const struct ring *ring;
	const struct rotation *rules;
	time_t now;
};

/*
 * Whether selector can be that of a new key in the ring of domain: a selector,
 * short enough.  0, or -1 with err set: ERR_CONF.
 */
int newkey_check_selector(const char *selector, const char *domain,
    struct err *err);

/*
 * Choose a selector by the rules' template that neither the ring remembers nor
 * a file in its directory has.
 * Returns 0, or -1 with err set: ERR_CONF (the template makes none that can
 * be), ERR_IO, ERR_NOMEM.
 */
int newkey_selector(const struct newkey_place *place, char out[DNSNAME_MAX + 1],
    struct err *err);

/*
 * Make a private key, write its file and describe it in made (zeroed before).
 *
 * slot  the selector, one of the slots; or NULL: by the template
 * Returns 0, or -1 with err set: as newkey_selector, ringlock_write_key.
 * made->record is the caller's to free.
 */
int newkey_make(const struct newkey_place *place, enum key_alg alg,
    unsigned bits, const char *slot, struct ring_key *made, struct err *err);

/*
 * The same with a key that exists already and that the ring is to have under
 * the name selector.
 */
int newkey_take(const struct newkey_place *place, const struct key *key,
    const char *selector, struct ring_key *made, struct err *err);

#endif
