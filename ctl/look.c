/*
 * Asking the servers of each name on the chains, breadth first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "authority.h"
#include "dnsname.h"
#include "look.h"
#include "parallel.h"
#include "resolver.h"

enum { THREADS = 16, WITNESSES_MIN = 2 };

void
look_clear(struct look *look)
{
	for (size_t i = 0; i < look->server_count; i++) {
		free(look->servers[i].host);
		reply_clear(&look->servers[i].reply);
	}
	for (size_t i = 0; i < look->name_count; i++) {
		free(look->names[i].name);
		free(look->names[i].zone);
	}
	free(look->servers);
	look->servers = NULL;
	look->server_count = look->name_count = 0;
}

size_t
look_find(const struct look *look, const char *name)
{
	for (size_t i = 0; i < look->name_count; i++)
		if (strcmp(look->names[i].name, name) == 0)
			return i;
	return LOOK_NAMES_MAX;
}

/* Add a name unless it is there.  Returns -1 without memory. */
static int
add_name(struct look *look, const char *name)
{
	struct look_name *n;

	if (look_find(look, name) != LOOK_NAMES_MAX)
		return 0;
	if (look->name_count == LOOK_NAMES_MAX) {
		look->is_too_long = true;
		return 0;
	}
	n = &look->names[look->name_count];
	memset(n, 0, sizeof(*n));
	n->name = strdup(name);
	if (n->name == NULL)
		return -1;
	look->name_count++;
	return 0;
}

/* NULL without memory. */
static struct look_server *
add_server(struct look *look, size_t name, const char *host)
{
	struct look_server *grown =
	    reallocarray(look->servers, look->server_count + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	look->servers = grown;
	grown += look->server_count;
	memset(grown, 0, sizeof(*grown));
	grown->name = name;
	grown->reply.kind = REPLY_SILENT;
	grown->reply.ttl = grown->reply.negative_ttl = -1;
	grown->reply.wildcard_ttl = -1;
	grown->host = strdup(host);
	if (grown->host == NULL)
		return NULL;
	look->server_count++;
	return grown;
}

/* A host with each of its addresses. */
static int
add_host(struct look *look, size_t name, const struct nshost *host)
{
	struct look_server *s;

	if (host->trouble != NULL || host->count == 0) {
		s = add_server(look, name, host->name);
		if (s == NULL)
			return -1;
		snprintf(s->reply.text, sizeof(s->reply.text), "%s",
		    host->trouble != NULL ? host->trouble : "has no address");
	}
	for (size_t i = 0; i < host->count; i++) {
		s = add_server(look, name, host->name);
		if (s == NULL)
			return -1;
		s->at = host->addresses[i];
		s->is_remembered = host->is_remembered;
	}
	return 0;
}

/* What the threads work on. */
struct asking {
	struct look *look;
	const struct authority *authority; /* NULL: resolvers */
	size_t first;
};

static void
ask_one(void *arg, size_t i)
{
	const struct asking *asking = arg;
	struct look *look = asking->look;
	struct look_server *s = &look->servers[asking->first + i];
	const struct dns_conf *conf = &look->query->conf->dns;
	const struct look_name *n = &look->names[s->name];
	const char *silence = NULL;

	if (s->at.text[0] == '\0')
		return;
	if (asking->authority == NULL) {
		reply_ask_resolver(look->run, conf, &s->at, n->name, &s->reply);
		return;
	}
	reply_ask(look->run, conf, &s->at, n->zone, n->name, &s->reply);
	silence = authority_silence(asking->authority, &s->at);
	if (silence != NULL && s->reply.kind != REPLY_SILENT &&
	    s->reply.kind != REPLY_BAD) {
		s->reply.kind = REPLY_BAD;
		snprintf(s->reply.text, sizeof(s->reply.text),
		    "does not say who serves the zone: %.100s", silence);
	}
}

/* Ask the servers of the i-th name. */
static int
ask_name(struct look *look, size_t i, const struct authority *a)
{
	struct asking asking = { look, a, look->server_count };
	struct look_name *n = &look->names[i];

	n->zone = strdup(a->zone);
	if (n->zone == NULL)
		return -1;
	snprintf(n->trouble, sizeof(n->trouble), "%s", a->trouble);
	if (n->trouble[0] != '\0')
		return 0;
	for (size_t j = 0; j < a->hosts.count; j++)
		if (add_host(look, i, &a->hosts.hosts[j]) == -1)
			return -1;
	parallel(look->server_count - asking.first, THREADS, ask_one, &asking);
	for (size_t j = asking.first; j < look->server_count; j++)
		if (look->servers[j].reply.kind == REPLY_ALIAS &&
		    add_name(look, look->servers[j].reply.alias) == -1)
			return -1;
	return 0;
}

/* The i-th name, at whoever is its authority. */
static int
ask_authorities(struct look *look, size_t i)
{
	const struct sight_query *q = look->query;
	const struct dns_conf *conf = &q->conf->dns;
	const char *name = look->names[i].name;
	const struct authority *a;
	struct authority *fixed;
	int rc;

	if (conf->authorities == NULL || conf->authorities[0] == NULL ||
	    !dnsname_is_within(name, strlen(name), q->domain,
	        strlen(q->domain))) {
		a = authority_of(look->run, conf, look->memory, name);
		return a != NULL ? ask_name(look, i, a) : -1;
	}
	fixed = authority_fixed(conf, q->domain);
	if (fixed == NULL)
		return -1;
	rc = ask_name(look, i, fixed);
	authority_free(fixed);
	return rc;
}

/* All witnesses, for the first name; they follow CNAMEs themselves. */
static int
ask_witnesses(struct look *look)
{
	struct asking asking = { look, NULL, 0 };
	const struct dns_conf *conf = &look->query->conf->dns;
	struct look_name *n = &look->names[0];
	struct dns_address at;
	struct look_server *s;

	n->zone = strdup("");
	if (n->zone == NULL)
		return -1;
	for (char *const *w = conf->witnesses; w != NULL && *w != NULL; w++) {
		if (!dns_address_parse(*w, &at))
			continue;
		s = add_server(look, 0, at.text);
		if (s == NULL)
			return -1;
		s->at = at;
	}
	if (look->server_count < WITNESSES_MIN)
		snprintf(n->trouble, sizeof(n->trouble),
		    "dns.witnesses: at least %d resolvers are needed",
		    WITNESSES_MIN);
	else
		parallel(look->server_count, THREADS, ask_one, &asking);
	return 0;
}

/* The only thing known of a server is that it could not be reached. */
static bool
is_silent(const struct look_server *s, bool ipv6)
{
	return s->at.text[0] != '\0' && s->reply.kind == REPLY_SILENT &&
	    !s->reply.is_too_large && dns_address_is_ipv6(&s->at) == ipv6;
}

/* Whether host has an address that is not of that family. */
static bool
has_other_family(const struct look *look, const struct look_server *of,
    bool ipv6)
{
	for (size_t i = 0; i < look->server_count; i++) {
		const struct look_server *s = &look->servers[i];

		if (s->name == of->name && s->at.text[0] != '\0' &&
		    strcmp(s->host, of->host) == 0 &&
		    dns_address_is_ipv6(&s->at) != ipv6)
			return true;
	}
	return false;
}

/* Leave the addresses of a family out that is dead from here. */
static void
leave_out(struct look *look, bool ipv6)
{
	size_t silent = 0;

	for (size_t i = 0; i < look->server_count; i++)
		silent += is_silent(&look->servers[i], ipv6);
	if (silent == 0 ||
	    authority_family_works(look->run, &look->query->conf->dns, ipv6))
		return;
	for (size_t i = 0; i < look->server_count; i++) {
		struct look_server *s = &look->servers[i];

		if (!is_silent(s, ipv6))
			continue;
		if (has_other_family(look, s, ipv6))
			s->is_left_out = true;
		else
			snprintf(s->reply.text, sizeof(s->reply.text),
			    "has only IPv%d addresses, which cannot be "
			    "reached from here",
			    ipv6 ? 6 : 4);
	}
}

/* The name of the key's record, as dnswire_name gives names. */
static int
first_name(struct look *look, struct err *err)
{
	const struct sight_query *q = look->query;
	struct buf name = BUF_INIT;
	int rc = -1;

	if (!dnsname_is_valid(q->domain, strlen(q->domain)) ||
	    !dnsname_is_valid(q->selector, strlen(q->selector)) ||
	    !dnsname_of_key_fits(strlen(q->selector), strlen(q->domain)))
		return err_set(err, ERR_INPUT,
		    "not the name of a key record: %.80s._domainkey.%.200s",
		    q->selector, q->domain);
	dnsname_of_key(q->selector, strlen(q->selector), q->domain,
	    strlen(q->domain), &name);
	if (buf_str(&name) != NULL)
		rc = add_name(look, buf_str(&name));
	buf_clear(&name);
	return rc == 0 ? 0 : err_nomem(err);
}

int
look_ask(struct look *look, struct err *err)
{
	if (first_name(look, err) == -1)
		return -1;
	if (look->query->conf->dns.witness == DNS_WITNESS_RESOLVERS)
		return ask_witnesses(look) == 0 ? 0 : err_nomem(err);
	for (size_t i = 0; i < look->name_count; i++)
		if (ask_authorities(look, i) == -1)
			return err_nomem(err);
	leave_out(look, false);
	leave_out(look, true);
	return 0;
}
