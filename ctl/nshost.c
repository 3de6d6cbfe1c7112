/*
 * Gathering name servers.  Names and addresses come from others: each list has
 * a limit, and passing it is noted rather than passed over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nshost.h"
#include "parallel.h"
#include "resolver.h"

enum { RESOLVE_THREADS = 8 };

void
nshosts_clear(struct nshosts *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->hosts[i].name);
		free(list->hosts[i].addresses);
		free(list->hosts[i].trouble);
	}
	free(list->hosts);
	*list = (struct nshosts){ .hosts = NULL };
}

struct nshost *
nshosts_find(const struct nshosts *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->hosts[i].name, name) == 0)
			return &list->hosts[i];
	return NULL;
}

struct nshost *
nshosts_add(struct nshosts *list, const char *name)
{
	struct nshost *host = nshosts_find(list, name);

	if (host != NULL)
		return host;
	if (list->count >= NSHOSTS_MAX) {
		list->is_over = true;
		return NULL;
	}
	/* All at once: pointers to hosts stay good. */
	if (list->hosts == NULL)
		list->hosts = calloc(NSHOSTS_MAX, sizeof(*list->hosts));
	if (list->hosts == NULL) {
		list->has_failed = true;
		return NULL;
	}
	host = &list->hosts[list->count];
	host->name = strdup(name);
	if (host->name == NULL) {
		list->has_failed = true;
		return NULL;
	}
	list->count++;
	return host;
}

bool
nshosts_add_address(struct nshosts *list, struct nshost *host,
    const struct dns_address *address)
{
	struct dns_address *grown;

	for (size_t i = 0; i < host->count; i++)
		if (strcmp(host->addresses[i].text, address->text) == 0)
			return true;
	if (list->address_count >= NSHOST_ADDRESSES_MAX) {
		list->is_over = true;
		return false;
	}
	grown = reallocarray(host->addresses, host->count + 1, sizeof(*grown));
	if (grown == NULL) {
		list->has_failed = true;
		return false;
	}
	grown[host->count++] = *address;
	host->addresses = grown;
	list->address_count++;
	return true;
}

void
nshosts_take(struct nshosts *list, const ldns_rr_list *section,
    const char *zone)
{
	char name[DNSWIRE_NAME_MAX];

	for (size_t i = 0;
	     section != NULL && i < ldns_rr_list_rr_count(section); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);

		if (dnswire_is(rr, LDNS_RR_TYPE_NS, zone) &&
		    dnswire_target(rr, 0, name))
			nshosts_add(list, name);
	}
}

/* Add the addresses of host that this section has. */
static void
take_addresses(struct nshosts *list, struct nshost *host,
    const ldns_rr_list *section, const char *owner)
{
	struct dns_address address;

	for (size_t i = 0;
	     section != NULL && i < ldns_rr_list_rr_count(section); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);

		if ((dnswire_is(rr, LDNS_RR_TYPE_A, owner) ||
		        dnswire_is(rr, LDNS_RR_TYPE_AAAA, owner)) &&
		    dns_address_of_rr(rr, &address))
			nshosts_add_address(list, host, &address);
	}
}

void
nshosts_glue(struct nshosts *list, const ldns_rr_list *section)
{
	for (size_t i = 0; i < list->count; i++)
		take_addresses(list, &list->hosts[i], section,
		    list->hosts[i].name);
}

/* What the resolver says of one name. */
struct found {
	struct nshosts list; /* one host */
};

struct wanted {
	struct dnsrun *run;
	const struct dns_conf *conf;
	const char *name;
};

static void
found_free(void *value)
{
	struct found *found = value;

	nshosts_clear(&found->list);
	free(found);
}

static void
set_trouble(struct nshosts *list, struct nshost *host, const char *text)
{
	free(host->trouble);
	host->trouble = strdup(text);
	if (host->trouble == NULL)
		list->has_failed = true;
}

/* Ask for addresses of one type. */
static void
resolve_type(const struct wanted *w, ldns_rr_type type, struct nshosts *list,
    struct nshost *host)
{
	struct dns_question q = {
		.name = w->name, .type = type, .is_recursive = true
	};
	char name[DNSWIRE_NAME_MAX];
	struct dns_answer a;

	if (resolver_ask(w->run, w->conf, &q, &a)) {
		snprintf(name, sizeof(name), "%s", w->name);
		dnswire_follow(ldns_pkt_answer(a.pkt), name);
		take_addresses(list, host, ldns_pkt_answer(a.pkt), name);
	} else
		set_trouble(list, host, a.text);
	dns_answer_clear(&a);
}

static void *
resolve(void *arg)
{
	const struct wanted *w = arg;
	struct found *found = calloc(1, sizeof(*found));
	struct nshost *host;

	if (found == NULL)
		return NULL;
	host = nshosts_add(&found->list, w->name);
	if (host == NULL) {
		found_free(found);
		return NULL;
	}
	resolve_type(w, LDNS_RR_TYPE_A, &found->list, host);
	resolve_type(w, LDNS_RR_TYPE_AAAA, &found->list, host);
	return found;
}

/* What the threads of nshosts_resolve work on. */
struct resolving {
	struct dnsrun *run;
	const struct dns_conf *conf;
	const struct nshosts *list;
	const struct found *found[NSHOSTS_MAX];
	bool is_wanted[NSHOSTS_MAX];
};

static void
resolve_one(void *arg, size_t i)
{
	struct resolving *r = arg;
	struct wanted w = { r->run, r->conf, r->list->hosts[i].name };
	struct buf key = BUF_INIT;
	const char *text;

	if (!r->is_wanted[i])
		return;
	buf_adds(&key, "address ");
	resolver_key(r->conf, &key);
	buf_adds(&key, w.name);
	text = buf_str(&key);
	if (text != NULL)
		r->found[i] =
		    dnsrun_once(r->run, text, resolve, &w, found_free);
	buf_clear(&key);
}

/* Take over what was found for a host. */
static void
take_found(struct nshosts *list, struct nshost *host, const struct found *f)
{
	const struct nshost *from;

	if (f == NULL) {
		list->has_failed = true;
		return;
	}
	from = &f->list.hosts[0];
	for (size_t i = 0; i < from->count; i++)
		nshosts_add_address(list, host, &from->addresses[i]);
	list->is_over |= f->list.is_over;
	list->has_failed |= f->list.has_failed;
	/* With glue the resolver is a second opinion that may be missing. */
	if (host->count == from->count && from->trouble != NULL)
		set_trouble(list, host, from->trouble);
	else if (host->count == 0)
		set_trouble(list, host, "has no address");
}

void
nshosts_resolve(struct nshosts *list, struct dnsrun *run,
    const struct dns_conf *conf, bool needy_only)
{
	struct resolving r = { .run = run, .conf = conf, .list = list };

	for (size_t i = 0; i < list->count; i++)
		r.is_wanted[i] = !list->hosts[i].is_remembered &&
		    (!needy_only || list->hosts[i].count == 0);
	parallel(list->count, RESOLVE_THREADS, resolve_one, &r);
	for (size_t i = 0; i < list->count; i++)
		if (r.is_wanted[i])
			take_found(list, &list->hosts[i], r.found[i]);
}
