/*
 * What one server at one address says of a TXT record: by UDP, by TCP, and for
 * how long caches may remember that it is not there.
 */
#ifndef KEYTURN_REPLY_H
#define KEYTURN_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "dnsrun.h"
#include "rotation.h"

enum reply_kind {
	REPLY_RECORDS, /* there are TXT records */
	REPLY_ALIAS,   /* a CNAME */
	REPLY_NOTHING, /* it says with authority that there is none */
	REPLY_BAD,     /* it answered, and that is of no use: see text */
	REPLY_SILENT,  /* it did not answer */
};

struct reply {
	enum reply_kind kind;
	size_t record_count;
	struct buf record; /* the first, its strings joined */
	char *alias;       /* as by dnswire_name */
	int ttl;           /* of what was found; -1 */
	int negative_ttl;  /* see dnswire_negative_ttl; -1 */
	int wildcard_ttl;  /* of a wildcard that the name is under; -1: none */
	bool is_wildcard;  /* what was found is what the wildcard gives */
	bool is_too_large; /* for UDP, and TCP fails */
	char text[DNSASK_TEXT_MAX];
};

/*
 * Ask an authority of zone for the TXT records at name (both as by
 * dnswire_name).  out is to be cleared.
 */
void reply_ask(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_address *at, const char *zone, const char *name,
    struct reply *out);

/*
 * Ask a resolver, which follows CNAMEs itself.  The negative TTL is the SOA's
 * minimum: what is left of the TTL in the resolver's cache says nothing.
 */
void reply_ask_resolver(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_address *at, const char *name, struct reply *out);

/* Take the TXT records at the end of the CNAMEs from name in an answer. */
void reply_read_resolved(const ldns_pkt *pkt, const char *name,
    void (*each)(void *arg, const ldns_rr *txt), void *arg);

void reply_clear(struct reply *r);

#endif
