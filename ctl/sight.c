/*
 * From the answers of all servers to a sighting.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnsrun.h"
#include "monotime.h"
#include "nsmemory.h"
#include "parallel.h"
#include "reply.h"
#include "resolver.h"
#include "sight.h"
#include "sight_lint.h"
#include "sight_record.h"
#include "survey.h"

enum { LOOK_THREADS = 8 };

struct sights {
	struct dnsrun *run;
	struct nsmemory *memory; /* or NULL */
	/* By mono_now_ms(): when a look was last answered, or the first began.
	 */
	atomic_llong answered;
	atomic_bool is_silent; /* looks were given up */
};

struct sights *
sights_new(const char *memory, struct err *err)
{
	struct sights *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_nomem(err);
		return NULL;
	}
	s->run = dnsrun_new(err);
	if (s->run != NULL && memory != NULL)
		s->memory = nsmemory_load(memory, time(NULL), err);
	if (s->run == NULL || (memory != NULL && s->memory == NULL)) {
		dnsrun_free(s->run);
		free(s);
		return NULL;
	}
	return s;
}

int
sights_save(struct sights *s, struct err *err)
{
	return s->memory != NULL ? nsmemory_save(s->memory, err) : 0;
}

void
sights_free(struct sights *s)
{
	struct err err = ERR_INIT;

	if (s == NULL)
		return;
	sights_save(s, &err);
	nsmemory_free(s->memory);
	dnsrun_free(s->run);
	free(s);
}

/* What a survey amounts to, while it is worked out. */
struct reading {
	const struct survey *survey;
	struct sighting *out;
	const char *want;   /* NULL: what the first server has */
	const char *target; /* where CNAMEs must lead, or NULL: anywhere */
	bool is_on_path[SURVEY_NAMES_MAX];  /* on the chain being followed */
	enum sight known[SURVEY_NAMES_MAX]; /* SIGHT_NONE: not worked out yet */
};

/* Several servers' sights as one. */
struct tally {
	size_t count, by[SIGHT_UNANSWERED + 1];
};

static void
tally_add(struct tally *t, enum sight sight)
{
	t->count++;
	t->by[sight]++;
}

static enum sight
tally_sum(const struct tally *t)
{
	static const enum sight uniform[] = { SIGHT_COMPLETE, SIGHT_EMPTY,
		SIGHT_ABSENT };

	if (t->by[SIGHT_MISMATCH] > 0)
		return SIGHT_MISMATCH;
	if (t->by[SIGHT_UNANSWERED] > 0 || t->count == 0)
		return SIGHT_UNANSWERED;
	for (size_t i = 0; i < sizeof(uniform) / sizeof(uniform[0]); i++)
		if (t->by[uniform[i]] == t->count)
			return uniform[i];
	return SIGHT_PARTIAL;
}

static void
raise_ttl(int *ttl, int to)
{
	if (to > *ttl)
		*ttl = to;
}

static enum sight sight_of_name(struct reading *v, size_t name);

/* The records that a server has. */
static enum sight
sight_of_records(struct reading *v, const struct reply *r,
    char text[SIGHT_TEXT_MAX])
{
	struct sighting *out = v->out;
	const char *data = r->record.len > 0 ? r->record.data : "";
	enum sight sight;

	if (out->record == NULL) {
		out->record = strndup(data, r->record.len);
		/* With nothing to compare it with, all must have the same. */
		if (v->want == NULL &&
		    sight_compare(data, r->record.len, NULL, text,
		        SIGHT_TEXT_MAX) == SIGHT_COMPLETE)
			v->want = out->record;
	}
	sight_lint_record(out, data, r->record.len, v->want);
	if (r->record_count > 1) {
		snprintf(text, SIGHT_TEXT_MAX, "%zu TXT records",
		    r->record_count);
		sight_lint_add(out, "several",
		    "%zu TXT records at the name: verifiers may take any of "
		    "them, or none",
		    r->record_count);
		return SIGHT_MISMATCH;
	}
	sight =
	    sight_compare(data, r->record.len, v->want, text, SIGHT_TEXT_MAX);
	if (sight == SIGHT_EMPTY)
		snprintf(text, SIGHT_TEXT_MAX, "p= is empty: revoked");
	return sight;
}

static enum sight
sight_of_alias(struct reading *v, const struct reply *r,
    char text[SIGHT_TEXT_MAX])
{
	size_t name = survey_find(v->survey, r->alias);

	snprintf(text, SIGHT_TEXT_MAX, "CNAME to %.250s", r->alias);
	if (name == SURVEY_NAMES_MAX) {
		snprintf(text, SIGHT_TEXT_MAX, "CNAMEs over more than %d names",
		    SURVEY_NAMES_MAX);
		sight_lint_add(v->out, "cname-loop", "%s", text);
		return SIGHT_MISMATCH;
	}
	if (v->is_on_path[name]) {
		snprintf(text, SIGHT_TEXT_MAX, "a loop of CNAMEs at %.200s",
		    r->alias);
		sight_lint_add(v->out, "cname-loop", "%s", text);
		return SIGHT_MISMATCH;
	}
	return sight_of_name(v, name);
}

/* Whether the CNAMEs from the server's answer on come to the target. */
static bool
leads_to_target(const struct reading *v, const struct survey_server *s)
{
	const struct survey *survey = v->survey;

	for (size_t hops = 0; hops < SURVEY_NAMES_MAX && s != NULL; hops++) {
		const struct survey_server *next = NULL;
		size_t name;

		if (s->reply.kind != REPLY_ALIAS)
			return false;
		if (strcmp(s->reply.alias, v->target) == 0)
			return true;
		name = survey_find(survey, s->reply.alias);
		for (size_t i = 0; next == NULL && i < survey->server_count;
		     i++)
			if (survey->servers[i].name == name &&
			    survey->servers[i].reply.kind == REPLY_ALIAS)
				next = &survey->servers[i];
		s = next;
	}
	return false;
}

/*
 * What a server of the owner's amounts to where its answer, which is sight by
 * itself, does not lead to the target: then the key that is put there is not
 * this owner's, whatever verifiers find today.
 */
static enum sight
sight_astray(const struct survey_server *s, enum sight sight,
    char text[SIGHT_TEXT_MAX])
{
	switch (s->reply.kind) {
	case REPLY_NOTHING:
		snprintf(text, SIGHT_TEXT_MAX, "no CNAME");
		return SIGHT_ABSENT;
	case REPLY_RECORDS:
		snprintf(text, SIGHT_TEXT_MAX, "a TXT record and no CNAME");
		return SIGHT_MISMATCH;
	case REPLY_ALIAS:
		if (sight == SIGHT_UNANSWERED)
			break;
		snprintf(text, SIGHT_TEXT_MAX, "CNAME to %.250s",
		    s->reply.alias);
		return SIGHT_MISMATCH;
	default:
		break;
	}
	return sight;
}

/* Whether the answer has to lead to the target, and does not. */
static bool
is_astray(const struct reading *v, const struct survey_server *s)
{
	return v->target != NULL && s->name == 0 && !leads_to_target(v, s);
}

/* What one server at one address says by itself. */
static enum sight
sight_of_answer(struct reading *v, const struct survey_server *s,
    char text[SIGHT_TEXT_MAX])
{
	switch (s->reply.kind) {
	case REPLY_RECORDS:
		return sight_of_records(v, &s->reply, text);
	case REPLY_ALIAS:
		return sight_of_alias(v, &s->reply, text);
	case REPLY_NOTHING:
		snprintf(text, SIGHT_TEXT_MAX, "no TXT record at %.250s",
		    v->survey->names[s->name].name);
		return SIGHT_ABSENT;
	default:
		snprintf(text, SIGHT_TEXT_MAX, "%s", s->reply.text);
		return SIGHT_UNANSWERED;
	}
}

/* What one server at one address amounts to. */
static enum sight
sight_of_server(struct reading *v, const struct survey_server *s,
    char text[SIGHT_TEXT_MAX])
{
	enum sight sight = sight_of_answer(v, s, text);

	return is_astray(v, s) ? sight_astray(s, sight, text) : sight;
}

/* The TTLs and the oddities of an answer. */
static void
note_reply(struct sighting *out, const struct reply *r, enum sight sight)
{
	raise_ttl(&out->cache_ttl, r->negative_ttl);
	raise_ttl(&out->cache_ttl, r->wildcard_ttl);
	if (r->kind == REPLY_RECORDS && sight == SIGHT_COMPLETE)
		raise_ttl(&out->record_ttl, r->ttl);
	else if (sight != SIGHT_COMPLETE)
		raise_ttl(&out->cache_ttl, r->ttl);
	if (r->wildcard_ttl != -1)
		sight_lint_add(out, "wildcard",
		    "a wildcard answers for names beside this one: caches may "
		    "hold what it says for %d s after the record is there",
		    r->wildcard_ttl);
	if (r->is_too_large)
		sight_lint_add(out, "too-large",
		    "the answer is too large for UDP, and TCP fails");
}

/* Fill in server number i of the sighting. */
static enum sight
take_server(struct reading *v, size_t i)
{
	const struct survey_server *s = &v->survey->servers[i];
	struct sight_server *to = &v->out->servers[i];

	to->is_left_out = s->is_left_out;
	to->sight = sight_of_server(v, s, to->text);
	note_reply(v->out, &s->reply, to->sight);
	if (s->is_remembered && to->sight != SIGHT_COMPLETE)
		strlcat(to->text, "; it served the zone in the last 48 hours",
		    sizeof(to->text));
	return to->sight;
}

static enum sight
sight_of_name(struct reading *v, size_t name)
{
	struct tally tally = { .count = 0 };
	enum sight sight;

	if (v->known[name] != SIGHT_NONE)
		return v->known[name];
	v->is_on_path[name] = true;
	for (size_t i = 0; i < v->survey->server_count; i++) {
		if (v->survey->servers[i].name != name)
			continue;
		sight = take_server(v, i);
		if (!v->out->servers[i].is_left_out)
			tally_add(&tally, sight);
	}
	v->is_on_path[name] = false;
	v->known[name] = v->survey->names[name].trouble[0] != '\0'
	    ? SIGHT_UNANSWERED
	    : tally_sum(&tally);
	return v->known[name];
}

/* Whether everything that was found is a wildcard's. */
static bool
is_all_wildcard(const struct survey *survey)
{
	bool was_found = false;

	for (size_t i = 0; i < survey->server_count; i++) {
		const struct reply *r = &survey->servers[i].reply;

		if (r->kind != REPLY_RECORDS && r->kind != REPLY_ALIAS)
			continue;
		if (!r->is_wildcard)
			return false;
		was_found = true;
	}
	return was_found;
}

/* Names and addresses of all servers.  -1 without memory. */
static int
copy_servers(const struct survey *survey, struct sighting *out)
{
	out->servers = calloc(survey->server_count + 1, sizeof(*out->servers));
	if (out->servers == NULL)
		return -1;
	for (size_t i = 0; i < survey->server_count; i++) {
		const struct survey_server *s = &survey->servers[i];
		struct sight_server *to = &out->servers[i];

		out->server_count++;
		to->name = strdup(s->host);
		to->address = strdup(s->at.text);
		to->zone = strdup(survey->names[s->name].zone);
		if (to->name == NULL || to->address == NULL || to->zone == NULL)
			return -1;
	}
	return 0;
}

/* The first server that says so, at the end of the CNAMEs if there are any. */
static const struct sight_server *
first_with(const struct survey *survey, const struct sighting *s,
    enum sight sight)
{
	for (size_t name = survey->name_count; name-- > 0;)
		for (size_t i = 0; i < s->server_count; i++)
			if (survey->servers[i].name == name &&
			    s->servers[i].sight == sight &&
			    !s->servers[i].is_left_out)
				return &s->servers[i];
	return NULL;
}

/* The server to speak of, or NULL. */
static const struct sight_server *
first_in_trouble(const struct survey *survey, const struct sighting *s)
{
	static const enum sight order[] = { SIGHT_MISMATCH, SIGHT_UNANSWERED,
		SIGHT_ABSENT, SIGHT_EMPTY };

	const struct sight_server *found = NULL;

	for (size_t i = 0;
	     found == NULL && i < sizeof(order) / sizeof(order[0]); i++)
		found = first_with(survey, s, order[i]);
	return found;
}

/* "ns1.example.net (192.0.2.1): no CNAME". */
static void
name_server(const struct sight_server *server, char *out, size_t size)
{
	if (strcmp(server->name, server->address) == 0 ||
	    server->address[0] == '\0')
		snprintf(out, size, "%.80s: %.220s", server->name,
		    server->text);
	else
		snprintf(out, size, "%.80s (%s): %.160s", server->name,
		    server->address, server->text);
}

/*
 * Say which server does not lead to the target, and what the owner has to do
 * about it.  Returns whether there is one.
 */
static bool
tell_astray(const struct reading *v, struct sighting *s)
{
	for (size_t i = 0; i < s->server_count; i++) {
		const struct survey_server *server = &v->survey->servers[i];

		if (s->servers[i].is_left_out || !is_astray(v, server) ||
		    s->servers[i].sight == SIGHT_UNANSWERED)
			continue;
		name_server(&s->servers[i], s->text, sizeof(s->text));
		strlcat(s->text, "; the domain's owner must set ",
		    sizeof(s->text));
		strlcat(s->text, v->survey->names[0].name, sizeof(s->text));
		strlcat(s->text, ". CNAME ", sizeof(s->text));
		strlcat(s->text, v->target, sizeof(s->text));
		strlcat(s->text, ".", sizeof(s->text));
		s->is_astray = true;
		return true;
	}
	return false;
}

/*
 * Whether not one server answers, which is the way of a firewall rather than
 * of servers.
 */
static bool
is_all_silent(const struct survey *survey)
{
	size_t count = 0;

	if (survey->query->conf->dns.witness == DNS_WITNESS_RESOLVERS)
		return false;
	for (size_t i = 0; i < survey->server_count; i++) {
		if (survey->servers[i].is_left_out)
			continue;
		if (survey->servers[i].reply.kind != REPLY_SILENT)
			return false;
		count++;
	}
	return count > 0;
}

/* The one thing to tell a person. */
static void
write_text(const struct reading *v, struct sighting *s)
{
	const struct survey *survey = v->survey;
	const struct sight_server *server = first_in_trouble(survey, s);
	const char *name =
	    v->target != NULL ? v->target : survey->names[0].name;

	for (size_t i = 0; i < survey->name_count; i++)
		if (survey->names[i].trouble[0] != '\0') {
			snprintf(s->text, sizeof(s->text), "%s",
			    survey->names[i].trouble);
			return;
		}
	if (s->sight == SIGHT_COMPLETE)
		sighting_summary(s, s->text, sizeof(s->text));
	else if (tell_astray(v, s))
		return;
	else if (s->sight == SIGHT_ABSENT)
		snprintf(s->text, sizeof(s->text),
		    "no server has a TXT record at %.250s", name);
	else if (s->sight == SIGHT_EMPTY)
		snprintf(s->text, sizeof(s->text),
		    "every server says that the key is revoked (p= is empty)");
	else if (server == NULL)
		snprintf(s->text, sizeof(s->text), "nobody was asked");
	else
		name_server(server, s->text, sizeof(s->text));
	if (s->sight == SIGHT_UNANSWERED && is_all_silent(survey))
		strlcat(s->text,
		    "; if port 53 is closed to the outside, see dns.witness",
		    sizeof(s->text));
}

/* Remarks that need the plan or a resolver. */
static void
lint_more(struct sights *s, const struct sight_query *q, const char *name,
    struct sighting *out)
{
	struct dns_question question = {
		.name = name, .type = LDNS_RR_TYPE_TXT, .is_recursive = true
	};
	struct dns_answer a, unchecked;

	if (out->record_ttl > q->conf->rotation.ttl)
		sight_lint_add(out, "ttl",
		    "the record's TTL is %d, the plan says %d: caches keep it "
		    "for longer than is reckoned with",
		    out->record_ttl, q->conf->rotation.ttl);
	if (!q->may_ask_resolver)
		return;
	if (!resolver_ask(s->run, &q->conf->dns, &question, &a) &&
	    a.state == DNSASK_ANSWERED) {
		question.is_unchecked = true;
		if (resolver_ask(s->run, &q->conf->dns, &question, &unchecked))
			sight_lint_add(out, "bogus",
			    "%s; without validation it answers: DNSSEC of the "
			    "zone is broken",
			    a.text);
		dns_answer_clear(&unchecked);
	}
	dns_answer_clear(&a);
}

static int
conclude(struct sights *s, const struct sight_query *q,
    const struct survey *survey, struct sighting *out)
{
	struct reading v = { .survey = survey, .out = out, .want = q->record };

	if (!q->is_at_target && q->conf->dns.witness != DNS_WITNESS_RESOLVERS)
		v.target = q->target;
	if (copy_servers(survey, out) == -1)
		return -1;
	out->sight = sight_of_name(&v, 0);
	out->is_weak = q->conf->dns.witness == DNS_WITNESS_RESOLVERS;
	out->is_wildcard = is_all_wildcard(survey);
	write_text(&v, out);
	lint_more(s, q, survey->names[0].name, out);
	return 0;
}

/* What the threads of sights_look work on. */
struct looking {
	struct sights *sights;
	struct sight_query *queries;
};

/* Whether the DNS cannot be reached from here, as far as can be seen. */
static bool
is_silent(struct sights *s)
{
	if (mono_now_ms() - s->answered > SIGHTS_SILENCE * 1000LL)
		s->is_silent = true;
	return s->is_silent;
}

static void
look_one(void *arg, size_t i)
{
	const struct looking *l = arg;
	struct sight_query *q = &l->queries[i];
	struct survey survey = {
		.run = l->sights->run, .memory = l->sights->memory, .query = q
	};

	memset(&q->out, 0, sizeof(q->out));
	q->out.cache_ttl = q->out.record_ttl = -1;
	q->err = (struct err)ERR_INIT;
	if (is_silent(l->sights)) {
		err_set(&q->err, ERR_LIMIT,
		    "not looked up: no name server has answered for %d s",
		    SIGHTS_SILENCE);
		return;
	}
	if (survey_ask(&survey, &q->err) == 0 &&
	    conclude(l->sights, q, &survey, &q->out) == -1)
		err_nomem(&q->err);
	if (q->err.code == ERR_NONE && q->out.sight != SIGHT_UNANSWERED)
		l->sights->answered = mono_now_ms();
	survey_clear(&survey);
}

void
sights_look(struct sights *s, struct sight_query *queries, size_t count)
{
	struct looking l = { s, queries };

	s->answered = mono_now_ms();
	parallel(count, LOOK_THREADS, look_one, &l);
}

/* TXT records as they are gathered. */
struct gathered {
	struct buf *records;
	size_t count;
	bool has_failed;
};

static void
gather(void *arg, const ldns_rr *txt)
{
	struct gathered *g = arg;
	struct buf *grown =
	    reallocarray(g->records, g->count + 1, sizeof(*grown));

	if (grown == NULL) {
		g->has_failed = true;
		return;
	}
	g->records = grown;
	grown += g->count++;
	*grown = (struct buf)BUF_INIT;
	dnswire_txt(txt, grown);
	g->has_failed |= grown->has_failed;
}

int
sights_resolve_txt(struct sights *s, const struct dns_conf *conf,
    const char *name, struct buf **records, struct err *err)
{
	struct dns_question q = {
		.name = name, .type = LDNS_RR_TYPE_TXT, .is_recursive = true
	};
	struct gathered g = { .records = NULL };
	struct buf lower = BUF_INIT;
	struct dns_answer a;
	bool is_good = false;

	*records = NULL;
	dnsname_lower(name, strlen(name), &lower);
	if (!resolver_ask(s->run, conf, &q, &a))
		err_set(err, ERR_IO, "%s: %s", name, a.text);
	else if (buf_str(&lower) == NULL)
		err_nomem(err);
	else {
		reply_read_resolved(a.pkt, buf_str(&lower), gather, &g);
		is_good = !g.has_failed;
	}
	dns_answer_clear(&a);
	buf_clear(&lower);
	if (g.has_failed)
		err_nomem(err);
	if (is_good) {
		*records = g.records;
		return (int)g.count;
	}
	for (size_t i = 0; i < g.count; i++)
		buf_clear(&g.records[i]);
	free(g.records);
	return -1;
}
