/*
 * Asking the servers of each name on the chains, breadth first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "authority.h"
#include "dnsname.h"
#include "monotime.h"
#include "parallel.h"
#include "resolver.h"
#include "survey.h"

enum { THREADS = 16, WITNESSES_MIN = 2 };

void
survey_clear(struct survey *survey)
{
	for (size_t i = 0; i < survey->server_count; i++) {
		free(survey->servers[i].host);
		reply_clear(&survey->servers[i].reply);
	}
	for (size_t i = 0; i < survey->name_count; i++) {
		free(survey->names[i].name);
		free(survey->names[i].zone);
	}
	free(survey->servers);
	survey->servers = NULL;
	survey->server_count = survey->name_count = 0;
}

size_t
survey_find(const struct survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->name_count; i++)
		if (strcmp(survey->names[i].name, name) == 0)
			return i;
	return SURVEY_NAMES_MAX;
}

/* Add a name unless it is there.  Returns -1 without memory. */
static int
add_name(struct survey *survey, const char *name)
{
	struct survey_name *n;

	if (survey_find(survey, name) != SURVEY_NAMES_MAX)
		return 0;
	if (survey->name_count == SURVEY_NAMES_MAX) {
		survey->is_too_long = true;
		return 0;
	}
	n = &survey->names[survey->name_count];
	memset(n, 0, sizeof(*n));
	n->name = strdup(name);
	if (n->name == NULL)
		return -1;
	survey->name_count++;
	return 0;
}

/* NULL without memory. */
static struct survey_server *
add_server(struct survey *survey, size_t name, const char *host)
{
	struct survey_server *grown = reallocarray(survey->servers,
	    survey->server_count + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	survey->servers = grown;
	grown += survey->server_count;
	memset(grown, 0, sizeof(*grown));
	grown->name = name;
	grown->reply.kind = REPLY_SILENT;
	grown->reply.ttl = grown->reply.negative_ttl = -1;
	grown->reply.wildcard_ttl = -1;
	grown->host = strdup(host);
	if (grown->host == NULL)
		return NULL;
	survey->server_count++;
	return grown;
}

/* A host with each of its addresses. */
static int
add_host(struct survey *survey, size_t name, const struct nshost *host)
{
	struct survey_server *s;

	if (host->trouble != NULL || host->count == 0) {
		s = add_server(survey, name, host->name);
		if (s == NULL)
			return -1;
		snprintf(s->reply.text, sizeof(s->reply.text), "%s",
		    host->trouble != NULL ? host->trouble : "has no address");
	}
	for (size_t i = 0; i < host->count; i++) {
		s = add_server(survey, name, host->name);
		if (s == NULL)
			return -1;
		s->at = host->addresses[i];
		s->is_remembered = host->is_remembered;
	}
	return 0;
}

/* What the threads work on. */
struct asking {
	struct survey *survey;
	const struct authority *authority; /* NULL: resolvers */
	size_t first;
};

static void
ask_one(void *arg, size_t i)
{
	const struct asking *asking = arg;
	struct survey *survey = asking->survey;
	struct survey_server *s = &survey->servers[asking->first + i];
	const struct dns_conf *conf = &survey->query->conf->dns;
	const struct survey_name *n = &survey->names[s->name];
	const char *silence = NULL;

	if (s->at.text[0] == '\0')
		return;
	if (mono_until_ms(survey->deadline) == 0) {
		s->reply.kind = REPLY_BAD;
		snprintf(s->reply.text, sizeof(s->reply.text),
		    "not asked: the others took too long");
		return;
	}
	if (asking->authority == NULL) {
		reply_ask_resolver(survey->run, conf, &s->at, n->name,
		    &s->reply);
		return;
	}
	reply_ask(survey->run, conf, &s->at, n->zone, n->name, &s->reply);
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
ask_name(struct survey *survey, size_t i, const struct authority *a)
{
	struct asking asking = { survey, a, survey->server_count };
	struct survey_name *n = &survey->names[i];

	n->zone = strdup(a->zone);
	if (n->zone == NULL)
		return -1;
	snprintf(n->trouble, sizeof(n->trouble), "%s", a->trouble);
	if (n->trouble[0] != '\0')
		return 0;
	for (size_t j = 0; j < a->hosts.count; j++)
		if (add_host(survey, i, &a->hosts.hosts[j]) == -1)
			return -1;
	parallel(survey->server_count - asking.first, THREADS, ask_one,
	    &asking);
	for (size_t j = asking.first; j < survey->server_count; j++)
		if (survey->servers[j].reply.kind == REPLY_ALIAS &&
		    add_name(survey, survey->servers[j].reply.alias) == -1)
			return -1;
	return 0;
}

/* The i-th name, at whoever is its authority. */
static int
ask_authorities(struct survey *survey, size_t i)
{
	const struct sight_query *q = survey->query;
	const struct dns_conf *conf = &q->conf->dns;
	const char *name = survey->names[i].name;
	const struct authority *a;
	struct authority *fixed;
	int rc;

	if (conf->authorities == NULL || conf->authorities[0] == NULL ||
	    !dnsname_is_within(name, strlen(name), q->domain,
	        strlen(q->domain))) {
		a = authority_of(survey->run, conf, survey->memory, name,
		    survey->deadline);
		return a != NULL ? ask_name(survey, i, a) : -1;
	}
	fixed = authority_fixed(conf, q->domain);
	if (fixed == NULL)
		return -1;
	rc = ask_name(survey, i, fixed);
	authority_free(fixed);
	return rc;
}

/* All witnesses, for the first name; they follow CNAMEs themselves. */
static int
ask_witnesses(struct survey *survey)
{
	struct asking asking = { survey, NULL, 0 };
	const struct dns_conf *conf = &survey->query->conf->dns;
	struct survey_name *n = &survey->names[0];
	struct dns_address at;
	struct survey_server *s;

	n->zone = strdup("");
	if (n->zone == NULL)
		return -1;
	for (char *const *w = conf->witnesses; w != NULL && *w != NULL; w++) {
		if (!dns_address_parse(*w, &at))
			continue;
		s = add_server(survey, 0, at.text);
		if (s == NULL)
			return -1;
		s->at = at;
	}
	if (survey->server_count < WITNESSES_MIN)
		snprintf(n->trouble, sizeof(n->trouble),
		    "dns.witnesses: at least %d resolvers are needed",
		    WITNESSES_MIN);
	else
		parallel(survey->server_count, THREADS, ask_one, &asking);
	return 0;
}

/* The only thing known of a server is that it could not be reached. */
static bool
is_silent(const struct survey_server *s, bool ipv6)
{
	return s->at.text[0] != '\0' && s->reply.kind == REPLY_SILENT &&
	    !s->reply.is_too_large && dns_address_is_ipv6(&s->at) == ipv6;
}

/* Whether host has an address that is not of that family. */
static bool
has_other_family(const struct survey *survey, const struct survey_server *of,
    bool ipv6)
{
	for (size_t i = 0; i < survey->server_count; i++) {
		const struct survey_server *s = &survey->servers[i];

		if (s->name == of->name && s->at.text[0] != '\0' &&
		    strcmp(s->host, of->host) == 0 &&
		    dns_address_is_ipv6(&s->at) != ipv6)
			return true;
	}
	return false;
}

/* Leave the addresses of a family out that is dead from here. */
static void
leave_out(struct survey *survey, bool ipv6)
{
	size_t silent = 0;

	for (size_t i = 0; i < survey->server_count; i++)
		silent += is_silent(&survey->servers[i], ipv6);
	if (silent == 0 ||
	    authority_family_works(survey->run, &survey->query->conf->dns,
	        ipv6))
		return;
	for (size_t i = 0; i < survey->server_count; i++) {
		struct survey_server *s = &survey->servers[i];

		if (!is_silent(s, ipv6))
			continue;
		if (has_other_family(survey, s, ipv6))
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
first_name(struct survey *survey, struct err *err)
{
	const struct sight_query *q = survey->query;
	struct buf name = BUF_INIT;
	int rc = -1;

	if (!dnsname_is_valid(q->domain, strlen(q->domain)) ||
	    !dnsname_is_valid(q->selector, strlen(q->selector)) ||
	    !dnsname_of_key_fits(strlen(q->selector), strlen(q->domain)))
		return err_set(err, ERR_INPUT,
		    "not the name of a key record: %.80s._domainkey.%.200s",
		    q->selector, q->domain);
	if (q->target != NULL && q->is_at_target)
		dnsname_lower(q->target, strlen(q->target), &name);
	else
		dnsname_of_key(q->selector, strlen(q->selector), q->domain,
		    strlen(q->domain), &name);
	if (buf_str(&name) != NULL)
		rc = add_name(survey, buf_str(&name));
	buf_clear(&name);
	return rc == 0 ? 0 : err_nomem(err);
}

int
survey_ask(struct survey *survey, struct err *err)
{
	survey->deadline = mono_now_ms() +
	    SURVEY_TIMEOUTS * 1000LL * survey->query->conf->dns.timeout;
	if (first_name(survey, err) == -1)
		return -1;
	if (survey->query->conf->dns.witness == DNS_WITNESS_RESOLVERS)
		return ask_witnesses(survey) == 0 ? 0 : err_nomem(err);
	for (size_t i = 0; i < survey->name_count; i++)
		if (ask_authorities(survey, i) == -1)
			return err_nomem(err);
	leave_out(survey, false);
	leave_out(survey, true);
	return 0;
}
