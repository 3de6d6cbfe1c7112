/*
 * Delegations.  The name is asked for label by label, so that no server learns
 * more of it than it must; servers of the root come from the resolver.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegation.h"
#include "monotime.h"
#include "parallel.h"
#include "resolver.h"

enum {
	HASTE_MS = 2000, /* others can be asked instead */
	OPINIONS = 2,    /* servers may be of different age */
	ROUNDS = 3,
	ROUND_MAX = 8,
};

/* How many addresses each round asks. */
static const size_t rounds[ROUNDS] = { 2, 4, ROUND_MAX };

/* What is to be made. */
struct request {
	struct dnsrun *run;
	const struct dns_conf *conf;
	const struct delegation *parent; /* NULL for the root */
	const char *name;
};

static void
delegation_free(void *value)
{
	struct delegation *d = value;

	nshosts_clear(&d->hosts);
	free(d->zone);
	free(d);
}

static struct delegation *
delegation_new(const char *name)
{
	struct delegation *d = calloc(1, sizeof(*d));

	if (d != NULL)
		d->zone = strdup(name);
	if (d == NULL || d->zone == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

static void *
make_root(void *arg)
{
	const struct request *r = arg;
	struct dns_question q = {
		.name = "", .type = LDNS_RR_TYPE_NS, .is_recursive = true
	};
	struct delegation *d = delegation_new("");
	struct dns_answer a;

	if (d == NULL)
		return NULL;
	d->is_zone = true;
	if (!resolver_ask(r->run, r->conf, &q, &a))
		snprintf(d->trouble, sizeof(d->trouble),
		    "the servers of the root are not known: %s", a.text);
	else {
		nshosts_take(&d->hosts, ldns_pkt_answer(a.pkt), "");
		nshosts_glue(&d->hosts, ldns_pkt_additional(a.pkt));
		nshosts_resolve(&d->hosts, r->run, r->conf, true);
		if (d->hosts.address_count == 0)
			snprintf(d->trouble, sizeof(d->trouble),
			    "the resolver knows no servers of the root");
	}
	dns_answer_clear(&a);
	return d;
}

/* One address that may be asked about a delegation, and what it said. */
struct opinion {
	const struct nshost *host;
	const struct dns_address *at;
	struct nshosts found; /* with NS records of the name: it delegates */
	bool is_good;
	char text[DNSASK_TEXT_MAX]; /* unless good: why not */
};

/* What the threads of one round work on. */
struct round {
	const struct request *request;
	struct opinion opinions[ROUND_MAX];
	size_t count;
};

/* What an answer says about a delegation. */
static void
judge(const struct request *r, const ldns_pkt *pkt, struct opinion *o)
{
	ldns_pkt_rcode rcode = ldns_pkt_get_rcode(pkt);

	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
		dnswire_rcode(pkt, o->text);
		return;
	}
	/* A server of both zones answers from the lower one. */
	nshosts_take(&o->found, ldns_pkt_answer(pkt), r->name);
	if (o->found.count == 0)
		nshosts_take(&o->found, ldns_pkt_authority(pkt), r->name);
	nshosts_glue(&o->found, ldns_pkt_additional(pkt));
	if (o->found.count > 0 || ldns_pkt_aa(pkt))
		o->is_good = true;
	else
		snprintf(o->text, sizeof(o->text),
		    "says nothing with authority");
}

static void
ask_one(void *arg, size_t i)
{
	struct round *round = arg;
	const struct request *r = round->request;
	struct opinion *o = &round->opinions[i];
	struct dns_question q = {
		.name = r->name, .type = LDNS_RR_TYPE_NS, .is_hasty = true
	};
	int timeout_ms = r->conf->timeout * 500;
	struct dns_answer a;

	dnsrun_ask(r->run, o->at, &q,
	    timeout_ms < HASTE_MS ? timeout_ms : HASTE_MS, &a);
	if (a.state == DNSASK_ANSWERED)
		judge(r, a.pkt, o);
	else
		memcpy(o->text, a.text, sizeof(o->text));
	dns_answer_clear(&a);
}

/* The addresses of a zone's servers, in the order in which to ask them. */
struct candidates {
	struct {
		const struct nshost *host;
		const struct dns_address *at;
	} list[NSHOST_ADDRESSES_MAX];
	size_t count;
};

/*
 * One address of each host, beginning at different hosts for different names,
 * then the others; those that were silent before come last.
 */
static void
add_candidates(const struct request *r, bool silent, struct candidates *c)
{
	const struct nshosts *list = &r->parent->hosts;
	size_t start = 0;

	for (const char *p = r->name; *p != '\0'; p++)
		start = start * 31 + (unsigned char)*p;
	for (size_t level = 0; level < NSHOST_ADDRESSES_MAX; level++) {
		for (size_t i = 0; i < list->count; i++) {
			const struct nshost *host =
			    &list->hosts[(start + i) % list->count];

			if (level >= host->count ||
			    c->count == NSHOST_ADDRESSES_MAX ||
			    dnsrun_is_silent(r->run, &host->addresses[level]) !=
			        silent)
				continue;
			c->list[c->count].host = host;
			c->list[c->count++].at = &host->addresses[level];
		}
	}
}

/* Add what an opinion found to the delegation. */
static void
take_opinion(struct delegation *d, const struct opinion *o)
{
	for (size_t i = 0; i < o->found.count; i++) {
		const struct nshost *from = &o->found.hosts[i];
		struct nshost *host = nshosts_add(&d->hosts, from->name);

		for (size_t j = 0; host != NULL && j < from->count; j++)
			nshosts_add_address(&d->hosts, host,
			    &from->addresses[j]);
	}
	d->hosts.is_over |= o->found.is_over;
	d->hosts.has_failed |= o->found.has_failed;
}

/*
 * Ask count candidates from number first on.  Returns how many good opinions
 * there were; the last bad one is told in why.
 */
static size_t
ask_round(const struct request *r, const struct candidates *c, size_t first,
    size_t count, struct delegation *d, char why[DELEGATION_TEXT_MAX])
{
	struct round *round = calloc(1, sizeof(*round));
	size_t good = 0;

	if (round == NULL) {
		d->hosts.has_failed = true;
		return 0;
	}
	round->request = r;
	for (size_t i = first; i < c->count && round->count < count; i++) {
		round->opinions[round->count].host = c->list[i].host;
		round->opinions[round->count++].at = c->list[i].at;
	}
	parallel(round->count, ROUND_MAX, ask_one, round);
	for (size_t i = 0; i < round->count; i++) {
		struct opinion *o = &round->opinions[i];

		if (o->is_good)
			good++;
		else
			snprintf(why, DELEGATION_TEXT_MAX, "%.100s (%s): %s",
			    o->host->name, o->at->text, o->text);
		take_opinion(d, o);
		nshosts_clear(&o->found);
	}
	free(round);
	return good;
}

static void *
make_delegation(void *arg)
{
	const struct request *r = arg;
	struct delegation *d = delegation_new(r->name);
	char why[DELEGATION_TEXT_MAX] = "it has no servers";
	struct candidates c = { .count = 0 };
	size_t asked = 0, good = 0;

	if (d == NULL)
		return NULL;
	add_candidates(r, false, &c);
	add_candidates(r, true, &c);
	for (size_t i = 0; i < ROUNDS && good < OPINIONS; i++) {
		/* One good opinion is worth no wait for silent servers. */
		if (good > 0 && asked >= rounds[0] + rounds[1])
			break;
		good += ask_round(r, &c, asked, rounds[i], d, why);
		asked += rounds[i];
	}
	if (good == 0)
		snprintf(d->trouble, sizeof(d->trouble),
		    "no server of %.80s says whether %.80s is delegated: "
		    "%.100s",
		    r->parent->zone[0] != '\0' ? r->parent->zone : "the root",
		    r->name, why);
	d->is_zone = d->hosts.count > 0;
	nshosts_resolve(&d->hosts, r->run, r->conf, true);
	return d;
}

/* The delegation of name by parent (NULL: the root), made once. */
static const struct delegation *
delegation_once(struct dnsrun *run, const struct dns_conf *conf,
    const struct delegation *parent, const char *name)
{
	struct request r = { run, conf, parent, name };
	const struct delegation *d = NULL;
	struct buf key = BUF_INIT;
	const char *text;

	buf_adds(&key, "delegation ");
	resolver_key(conf, &key);
	buf_adds(&key, parent != NULL ? name : ".");
	text = buf_str(&key);
	if (text != NULL)
		d = dnsrun_once(run, text,
		    parent != NULL ? make_delegation : make_root, &r,
		    delegation_free);
	buf_clear(&key);
	return d;
}

const struct delegation *
delegation_root(struct dnsrun *run, const struct dns_conf *conf)
{
	return delegation_once(run, conf, NULL, "");
}

/* The part of name that has one label more than the end of it at from. */
static const char *
longer_by_one(const char *name, const char *from)
{
	if (from == name)
		return NULL;
	from -= *from == '\0' ? 0 : 1; /* onto the dot */
	do {
		from--;
	} while (from > name &&
	    (from[-1] != '.' || (from - 1 > name && from[-2] == '\\')));
	return from;
}

/*
 * Whether a walk can go on where nobody says if there is a delegation: servers
 * of a zone as low as this are those who will be asked for the record too.
 */
static bool
is_low(const struct delegation *zone)
{
	return strchr(zone->zone, '.') != NULL;
}

const struct delegation *
delegation_of(struct dnsrun *run, const struct dns_conf *conf, const char *name,
    long long deadline, bool *is_late)
{
	const struct delegation *zone = delegation_root(run, conf);
	const struct delegation *d;
	const char *part = name + strlen(name);

	*is_late = false;
	while (zone != NULL && zone->trouble[0] == '\0' &&
	    (part = longer_by_one(name, part)) != NULL) {
		*is_late = mono_until_ms(deadline) == 0;
		if (*is_late)
			break;
		d = delegation_once(run, conf, zone, part);
		if (d == NULL)
			return NULL;
		if (d->is_zone || (d->trouble[0] != '\0' && !is_low(zone)))
			zone = d;
	}
	return zone;
}
