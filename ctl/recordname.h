/*
 * Where the record of a ring's key stands in the DNS.
 */
#ifndef KEYTURN_RECORDNAME_H
#define KEYTURN_RECORDNAME_H

#include <stdbool.h>

#include "buf.h"
#include "ring.h"
#include "rotation.h"

/*
 * Append the name under which the record of key is published, without final
 * dot: "selector._domainkey.domain", or, for a slot that the customer's CNAME
 * points from, "selector.domain.provider-zone".
 */
void recordname_write(const struct ring *ring, const struct ring_key *key,
    const struct rotation *rules, struct buf *out);

/* Whether that is beneath a CNAME of the domain's owner. */
bool recordname_is_target(const struct ring_key *key,
    const struct rotation *rules);

/*
 * Append that name for a slot, whether or not it has a key: what the CNAME of
 * domain's owner points to.  rules->provider_zone is set.
 */
void recordname_of_slot(const char *slot, const char *domain,
    const struct rotation *rules, struct buf *out);

#endif
