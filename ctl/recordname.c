/*
 * The names of key records.
 */
#include <string.h>

#include "recordname.h"

bool
recordname_is_target(const struct ring_key *key, const struct rotation *rules)
{
	return key->is_slot && rules->provider_zone != NULL;
}

void
recordname_of_slot(const char *slot, const char *domain,
    const struct rotation *rules, struct buf *out)
{
	buf_printf(out, "%s.%s.", slot, domain);
	dnsname_lower(rules->provider_zone, strlen(rules->provider_zone), out);
}

void
recordname_write(const struct ring *ring, const struct ring_key *key,
    const struct rotation *rules, struct buf *out)
{
	if (recordname_is_target(key, rules))
		recordname_of_slot(key->selector, ring->domain, rules, out);
	else
		dnsname_of_key(key->selector, strlen(key->selector),
		    ring->domain, strlen(ring->domain), out);
}
