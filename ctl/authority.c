/*
 * From a delegation to all the servers of a zone: every server is asked for
 * its own NS set, and the servers that this brings to light likewise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "parallel.h"
#include "resolver.h"

enum {
	THREADS = 16,
	ROUNDS = 4, /* of servers that name other servers */
	PROBES = 4, /* servers of the root, asked whether a family works */
};

/* What is to be made. */
struct request {
	struct dnsrun *run;
	const struct dns_conf *conf;
	struct nsmemory *memory;
	const struct delegation *from;
};

/* One server at one address, asked for its NS set. */
struct asked {
	struct nshost *host;
	struct dns_address at;
	struct nshosts found;
	bool is_refusal;
	char text[DNSASK_TEXT_MAX]; /* why there is no NS set, or "" */
};

struct asking {
	const struct request *request;
	struct asked *asked;
	size_t count;
};

void
authority_free(struct authority *a)
{
	if (a == NULL)
		return;
	nshosts_clear(&a->hosts);
	free(a->silences);
	free(a->zone);
	free(a);
}

static struct authority *
authority_new(const char *zone)
{
	struct authority *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->zone = strdup(zone);
	if (a == NULL || a->zone == NULL) {
		free(a);
		return NULL;
	}
	return a;
}

static void
release(void *value)
{
	authority_free(value);
}

bool
authority_is_refusal(const ldns_pkt *pkt)
{
	switch (ldns_pkt_get_rcode(pkt)) {
	case LDNS_RCODE_REFUSED:
	case LDNS_RCODE_NOTAUTH:
		return true;
	case LDNS_RCODE_NOERROR:
	case LDNS_RCODE_NXDOMAIN:
		/* Lame, or it sends us elsewhere. */
		return !ldns_pkt_aa(pkt);
	default:
		return false;
	}
}

static void
ask_one(void *arg, size_t i)
{
	struct asking *asking = arg;
	const struct request *r = asking->request;
	struct asked *asked = &asking->asked[i];
	struct dns_question q = { .name = r->from->zone,
		.type = LDNS_RR_TYPE_NS };
	struct dns_answer a;

	dnsrun_ask(r->run, &asked->at, &q, r->conf->timeout * 1000, &a);
	if (a.state != DNSASK_ANSWERED)
		memcpy(asked->text, a.text, sizeof(asked->text));
	else if (authority_is_refusal(a.pkt))
		asked->is_refusal = true;
	else if (ldns_pkt_get_rcode(a.pkt) != LDNS_RCODE_NOERROR)
		dnswire_rcode(a.pkt, asked->text);
	else
		nshosts_take(&asked->found, ldns_pkt_answer(a.pkt),
		    r->from->zone);
	dns_answer_clear(&a);
}

/* Ask all hosts of list from the given one on; NULL without memory. */
static struct asked *
ask_hosts(const struct request *r, const struct nshosts *list, size_t first,
    size_t *count)
{
	struct asking asking = { .request = r };
	size_t max = list->address_count;

	*count = 0;
	asking.asked = calloc(max > 0 ? max : 1, sizeof(*asking.asked));
	if (asking.asked == NULL)
		return NULL;
	for (size_t i = first; i < list->count; i++) {
		for (size_t j = 0; j < list->hosts[i].count; j++) {
			struct asked *asked = &asking.asked[asking.count++];

			asked->host = &list->hosts[i];
			asked->at = list->hosts[i].addresses[j];
		}
	}
	parallel(asking.count, THREADS, ask_one, &asking);
	*count = asking.count;
	return asking.asked;
}

static void
asked_free(struct asked *asked, size_t count)
{
	for (size_t i = 0; asked != NULL && i < count; i++)
		nshosts_clear(&asked[i].found);
	free(asked);
}

static void
add_silence(struct authority *a, const struct asked *asked)
{
	struct ns_silence *grown;

	grown = reallocarray(a->silences, a->silence_count + 1, sizeof(*grown));
	if (grown == NULL) {
		a->hosts.has_failed = true;
		return;
	}
	a->silences = grown;
	grown += a->silence_count++;
	memcpy(grown->address, asked->at.text, sizeof(grown->address));
	memcpy(grown->text, asked->text, sizeof(grown->text));
}

const char *
authority_silence(const struct authority *a, const struct dns_address *at)
{
	for (size_t i = 0; i < a->silence_count; i++)
		if (strcmp(a->silences[i].address, at->text) == 0)
			return a->silences[i].text;
	return NULL;
}

/* Add the servers that the hosts from number first on name. */
static void
widen(const struct request *r, struct authority *a, size_t first)
{
	size_t count;
	struct asked *asked = ask_hosts(r, &a->hosts, first, &count);

	if (asked == NULL) {
		a->hosts.has_failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct nshosts *found = &asked[i].found;

		if (asked[i].text[0] != '\0')
			add_silence(a, &asked[i]);
		a->hosts.is_over |= found->is_over;
		a->hosts.has_failed |= found->has_failed;
		for (size_t j = 0; j < found->count; j++)
			nshosts_add(&a->hosts, found->hosts[j].name);
	}
	asked_free(asked, count);
}

/* Note who serves the zone now. */
static void
note(const struct request *r, const struct authority *a)
{
	time_t now = time(NULL);

	for (size_t i = 0; i < a->hosts.count; i++) {
		const struct nshost *host = &a->hosts.hosts[i];

		for (size_t j = 0; j < host->count; j++)
			nsmemory_note(r->memory, a->zone, host->name,
			    host->addresses[j].text, now);
	}
}

/* Servers of the past, in a list of their own. */
struct past {
	const struct nshosts *present;
	struct nshosts list;
};

static void
take_past(void *arg, const char *host, const char *address)
{
	struct past *past = arg;
	struct nshost *known = nshosts_find(past->present, host);
	struct dns_address at;
	struct nshost *added;

	if (!dns_address_parse(address, &at))
		return;
	for (size_t i = 0; known != NULL && i < known->count; i++)
		if (strcmp(known->addresses[i].text, at.text) == 0)
			return;
	added = nshosts_add(&past->list, host);
	if (added != NULL)
		nshosts_add_address(&past->list, added, &at);
}

/* A host of the past counts with the addresses that do not refuse the zone. */
static void
add_past(struct authority *a, const struct asked *asked)
{
	char name[DNSWIRE_NAME_MAX];
	struct nshost *host;

	/* With its address: a server may have moved to another. */
	snprintf(name, sizeof(name), "%s", asked->host->name);
	if (nshosts_find(&a->hosts, name) != NULL)
		snprintf(name, sizeof(name), "%.900s (before)",
		    asked->host->name);
	host = nshosts_add(&a->hosts, name);
	if (host == NULL)
		return;
	host->is_remembered = true;
	nshosts_add_address(&a->hosts, host, &asked->at);
}

static void
remember(const struct request *r, struct authority *a)
{
	struct past past = { .present = &a->hosts };
	struct asked *asked;
	size_t count;

	nsmemory_each(r->memory, a->zone, take_past, &past);
	asked = ask_hosts(r, &past.list, 0, &count);
	for (size_t i = 0; asked != NULL && i < count; i++)
		if (!asked[i].is_refusal)
			add_past(a, &asked[i]);
	a->hosts.is_over |= past.list.is_over;
	a->hosts.has_failed |= past.list.has_failed || asked == NULL;
	asked_free(asked, count);
	nshosts_clear(&past.list);
}

/* Take the parent's list over, glue and all. */
static void
take_delegation(struct authority *a, const struct delegation *from)
{
	for (size_t i = 0; i < from->hosts.count; i++) {
		const struct nshost *h = &from->hosts.hosts[i];
		struct nshost *host = nshosts_add(&a->hosts, h->name);

		for (size_t j = 0; host != NULL && j < h->count; j++)
			nshosts_add_address(&a->hosts, host, &h->addresses[j]);
	}
	a->hosts.is_over = from->hosts.is_over;
	a->hosts.has_failed = from->hosts.has_failed;
}

static void
judge_limits(struct authority *a)
{
	if (a->hosts.has_failed)
		snprintf(a->trouble, sizeof(a->trouble), "out of memory");
	else if (a->hosts.is_over)
		snprintf(a->trouble, sizeof(a->trouble),
		    "%.100s has more than %d servers or %d addresses", a->zone,
		    NSHOSTS_MAX, NSHOST_ADDRESSES_MAX);
	else if (a->hosts.count == 0)
		snprintf(a->trouble, sizeof(a->trouble),
		    "%.100s has no servers", a->zone);
}

static void *
make_authority(void *arg)
{
	const struct request *r = arg;
	struct authority *a = authority_new(r->from->zone);
	size_t done = 0;

	if (a == NULL)
		return NULL;
	memcpy(a->trouble, r->from->trouble, sizeof(a->trouble));
	if (a->trouble[0] != '\0')
		return a;
	take_delegation(a, r->from);
	for (size_t i = 0; i < ROUNDS && done < a->hosts.count; i++) {
		size_t first = done;

		done = a->hosts.count;
		nshosts_resolve(&a->hosts, r->run, r->conf, false);
		widen(r, a, first);
	}
	if (done < a->hosts.count)
		a->hosts.is_over = true;
	if (r->memory != NULL) {
		note(r, a);
		remember(r, a);
	}
	judge_limits(a);
	return a;
}

static void *
make_late(void *arg)
{
	const char *const *name = arg;
	struct authority *a = authority_new(*name);

	if (a != NULL)
		snprintf(a->trouble, sizeof(a->trouble),
		    "it takes too long to find the zone of %.200s", *name);
	return a;
}

/*
 * Nobody, for it took too long.  Not under the key of any zone: others may have
 * more time.
 */
static const struct authority *
authority_late(struct dnsrun *run, const char *name)
{
	const struct authority *a = NULL;
	struct buf key = BUF_INIT;
	const char *text;

	buf_printf(&key, "late %s", name);
	text = buf_str(&key);
	if (text != NULL)
		a = dnsrun_once(run, text, make_late, &name, release);
	buf_clear(&key);
	return a;
}

const struct authority *
authority_of(struct dnsrun *run, const struct dns_conf *conf,
    struct nsmemory *memory, const char *name, long long deadline)
{
	struct request r = { run, conf, memory, NULL };
	const struct authority *a = NULL;
	struct buf key = BUF_INIT;
	const char *text;
	bool is_late;

	r.from = delegation_of(run, conf, name, deadline, &is_late);
	if (r.from == NULL)
		return NULL;
	if (is_late)
		return authority_late(run, name);
	buf_adds(&key, "authority ");
	resolver_key(conf, &key);
	buf_adds(&key, r.from->zone);
	text = buf_str(&key);
	if (text != NULL)
		a = dnsrun_once(run, text, make_authority, &r, release);
	buf_clear(&key);
	return a;
}

struct authority *
authority_fixed(const struct dns_conf *conf, const char *domain)
{
	struct authority *a = authority_new(domain);
	struct dns_address at;

	if (a == NULL)
		return NULL;
	for (char *const *p = conf->authorities; *p != NULL; p++) {
		struct nshost *host;

		if (!dns_address_parse(*p, &at)) {
			snprintf(a->trouble, sizeof(a->trouble),
			    "dns.authorities: not an address: %.100s", *p);
			continue;
		}
		host = nshosts_add(&a->hosts, at.text);
		if (host != NULL)
			nshosts_add_address(&a->hosts, host, &at);
	}
	judge_limits(a);
	return a;
}

/* The probes of one address family. */
struct probing {
	struct dnsrun *run;
	int timeout_ms;
	const struct dns_address *at[PROBES];
	size_t count;
};

static void
probe_one(void *arg, size_t i)
{
	const struct probing *p = arg;
	struct dns_question q = { .name = "", .type = LDNS_RR_TYPE_NS };
	struct dns_answer a;

	dnsrun_ask(p->run, p->at[i], &q, p->timeout_ms, &a);
	dns_answer_clear(&a);
}

bool
authority_family_works(struct dnsrun *run, const struct dns_conf *conf,
    bool ipv6)
{
	struct probing p = { .run = run, .timeout_ms = conf->timeout * 1000 };
	const struct delegation *root;

	if (dnsrun_was_heard(run, ipv6))
		return true;
	root = delegation_root(run, conf);
	for (size_t i = 0; root != NULL && i < root->hosts.count; i++) {
		const struct nshost *host = &root->hosts.hosts[i];

		for (size_t j = 0; j < host->count && p.count < PROBES; j++)
			if (dns_address_is_ipv6(&host->addresses[j]) == ipv6)
				p.at[p.count++] = &host->addresses[j];
	}
	parallel(p.count, PROBES, probe_one, &p);
	return dnsrun_was_heard(run, ipv6);
}
