/*
 * The names of key records.
 */
#include <string.h>

#include "recordname.h"

void
recordname_write(const struct ring *ring, const struct ring_key *key,
    const struct rotation *rules, struct buf *out)
{
	if (key->is_slot && rules->provider_zone != NULL)
		buf_printf(out, "%s.%s.%s", key->selector, ring->domain,
		    rules->provider_zone);
	else
		dnsname_of_key(key->selector, strlen(key->selector),
		    ring->domain, strlen(ring->domain), out);
}
