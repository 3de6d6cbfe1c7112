/*
 * Who must serve a record: all servers of the zone that it is in.  They are
 * the parent's delegation, the NS sets that these servers give themselves, and
 * those that served the zone within the last 48 hours unless they refuse it
 * now; each with all its addresses.
 */
#ifndef KEYTURN_AUTHORITY_H
#define KEYTURN_AUTHORITY_H

#include <stdbool.h>

#include "delegation.h"
#include "dnsrun.h"
#include "nshost.h"
#include "nsmemory.h"
#include "rotation.h"

/* A server at one address that did not say who serves its zone. */
struct ns_silence {
	char address[DNSASK_ADDRESS_MAX];
	char text[DNSASK_TEXT_MAX];
};

struct authority {
	char *zone;
	struct nshosts hosts;
	struct ns_silence *silences; /* servers without an NS set of theirs */
	size_t silence_count;
	char trouble[DELEGATION_TEXT_MAX]; /* why they are not known, or "" */
};

/*
 * The authorities of the zone that name (as by dnswire_name) is in.
 *
 * memory    NULL: nothing is remembered
 * deadline  of monotime.h: when the zone is not found by then, that is trouble
 * Returns NULL without memory.  It lives as long as run.
 */
const struct authority *authority_of(struct dnsrun *run,
    const struct dns_conf *conf, struct nsmemory *memory, const char *name,
    long long deadline);

/*
 * Those of dns.authorities in conf, for names at or below domain.  To be
 * freed; NULL without memory.
 */
struct authority *authority_fixed(const struct dns_conf *conf,
    const char *domain);
void authority_free(struct authority *a);

/*
 * Why it is not known whom the server at that address takes for servers of the
 * zone, or NULL.
 */
const char *authority_silence(const struct authority *a,
    const struct dns_address *at);

/* Whether an answer says: this zone is not mine. */
bool authority_is_refusal(const ldns_pkt *pkt);

/*
 * Make sure whether IPv6 (or IPv4) works from here: when no authority was
 * heard over it in this run, some servers of the root are asked.
 */
bool authority_family_works(struct dnsrun *run, const struct dns_conf *conf,
    bool ipv6);

#endif
