/*
 * Name servers and their addresses: the lists that are gathered for a zone.
 */
#ifndef KEYTURN_NSHOST_H
#define KEYTURN_NSHOST_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsask.h"
#include "dnsrun.h"
#include "rotation.h"

/* Of one zone.  More than any real zone has; beyond, nothing is proven. */
#define NSHOSTS_MAX          32
#define NSHOST_ADDRESSES_MAX 64

struct nshost {
	char *name; /* as by dnswire_name; the address where none is known */
	struct dns_address *addresses;
	size_t count;
	char *trouble;      /* why not all addresses are known, or NULL */
	bool is_remembered; /* no list of servers names it any more */
};

struct nshosts {
	struct nshost *hosts;
	size_t count;
	size_t address_count; /* of all hosts */
	bool is_over;         /* some limit was passed: not all are here */
	bool has_failed;      /* out of memory: likewise */
};

void nshosts_clear(struct nshosts *list);

/* The host of that name, added if it is new.  NULL beyond a limit. */
struct nshost *nshosts_add(struct nshosts *list, const char *name);
struct nshost *nshosts_find(const struct nshosts *list, const char *name);

/* Add an address unless host has it.  False beyond a limit. */
bool nshosts_add_address(struct nshosts *list, struct nshost *host,
    const struct dns_address *address);

/* Add the hosts that the NS records of zone in this section name. */
void nshosts_take(struct nshosts *list, const ldns_rr_list *section,
    const char *zone);

/*
 * Add the addresses that the records in this section give to hosts of the
 * list: glue.
 */
void nshosts_glue(struct nshosts *list, const ldns_rr_list *section);

/*
 * Ask the resolver for the addresses, A and AAAA, of each host (of those
 * without address only, if needy_only).  What cannot be learned is written
 * into its trouble, unless it has an address already.
 */
void nshosts_resolve(struct nshosts *list, struct dnsrun *run,
    const struct dns_conf *conf, bool needy_only);

#endif
