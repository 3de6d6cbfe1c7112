/*
 * Where zones begin: walks from the root to a name, asking the servers of each
 * zone, without recursion, to whom they delegate.
 */
#ifndef KEYTURN_DELEGATION_H
#define KEYTURN_DELEGATION_H

#include <stdbool.h>

#include "dnsrun.h"
#include "nshost.h"
#include "rotation.h"

#define DELEGATION_TEXT_MAX 320

/* A zone as its parent delegates it. */
struct delegation {
	bool is_zone; /* false: no zone begins at this name */
	char *zone;
	struct nshosts hosts; /* with the parent's glue, or else as resolved */
	char trouble[DELEGATION_TEXT_MAX]; /* why nothing is known, or "" */
};

/*
 * The closest zone at or above name, which is as by dnswire_name.
 *
 * deadline  of monotime.h: from then on no further label is asked for
 * is_late   set to whether that was so: what is returned is no answer then
 * Returns NULL without memory; else trouble says when it could not be found.
 * It lives as long as run.
 */
const struct delegation *delegation_of(struct dnsrun *run,
    const struct dns_conf *conf, const char *name, long long deadline,
    bool *is_late);

/* The root, whose servers everybody has: is there a way to them? */
const struct delegation *delegation_root(struct dnsrun *run,
    const struct dns_conf *conf);

#endif
