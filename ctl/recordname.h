/*
 * Where the record of a ring's key stands in the DNS.
 */
#ifndef KEYTURN_RECORDNAME_H
#define KEYTURN_RECORDNAME_H

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

#endif
