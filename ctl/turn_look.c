/*
 * Looking at the records of many rings at once, and keeping what was found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "recordname.h"
#include "turn_job.h"

#define LOOKS_AT_ONCE 512 /* records; an answer is some kilobytes */

/* Which key a query is about. */
struct asked {
	struct job *job;
	size_t key;
	char *target; /* of the query */
};

/* The looks of one go. */
struct going {
	struct sight_query queries[LOOKS_AT_ONCE];
	struct asked asked[LOOKS_AT_ONCE];
	size_t count;
	size_t given_up; /* not looked at, since no server answers */
};

/*
 * When the record of the key was last looked at; 0: never, or something else
 * was found in its place.  That is to be looked at again: what the publisher
 * could not mend then it may mend now, and mail fails as long as it does not.
 */
static time_t
last_look(const struct job *j, size_t key)
{
	const struct look *last =
	    looks_find(&j->k.looks, &j->k.ring->keys[key]);
	bool is_good = last != NULL &&
	    (last->sight == SIGHT_COMPLETE || last->sight == SIGHT_UNANSWERED);

	return is_good ? last->when : 0;
}

static bool
wants(const struct turner *t, const struct job *j, size_t key,
    const struct life_wish *wish)
{
	return life_wants_look(j->k.ring, key, &j->k.facts, &j->k.rules,
	    &t->clock, last_look(j, key), wish);
}

bool
turn_wants_look(const struct turner *t, const struct job *j,
    const struct life_wish *wish)
{
	for (size_t i = 0; i < j->k.ring->key_count; i++) {
		if (wants(t, j, i, wish))
			return true;
	}
	return false;
}

/* Whether a server answered well, and not with the record. */
static bool
is_missing(const struct sighting *s)
{
	for (size_t i = 0; i < s->server_count; i++) {
		const struct sight_server *server = &s->servers[i];

		if (!server->is_left_out &&
		    (server->sight == SIGHT_ABSENT ||
		        server->sight == SIGHT_EMPTY ||
		        server->sight == SIGHT_MISMATCH))
			return true;
	}
	return false;
}

/* What the answer says of a key, in the words of life.h. */
static void
take_answer(const struct sight_query *q, struct seen *seen)
{
	const struct sighting *s = &q->out;

	seen->facts.cache_ttl = seen->facts.record_ttl = -1;
	if (q->err.code != ERR_NONE) {
		seen->facts.sight = SIGHT_UNANSWERED;
		snprintf(seen->text, sizeof(seen->text), "%s", q->err.text);
		return;
	}
	seen->facts.sight = s->sight;
	seen->facts.cache_ttl = s->cache_ttl;
	seen->facts.record_ttl = s->record_ttl;
	seen->facts.is_weak_sight = s->is_weak;
	seen->facts.is_wildcard = s->is_wildcard;
	seen->facts.is_missing = is_missing(s);
	if (s->sight == SIGHT_COMPLETE)
		sighting_summary(s, seen->text, sizeof(seen->text));
	else
		snprintf(seen->text, sizeof(seen->text), "%s", s->text);
}

static int
remember(const struct turner *t, struct job *j, const struct ring_key *key,
    const struct seen *seen, struct err *err)
{
	struct look *l = looks_of(&j->k.looks, key, err);

	if (l == NULL)
		return -1;
	l->when = t->clock.now.wall;
	l->sight = seen->facts.sight;
	l->cache_ttl = seen->facts.cache_ttl;
	l->record_ttl = seen->facts.record_ttl;
	l->is_weak = seen->facts.is_weak_sight;
	memcpy(l->text, seen->text, sizeof(l->text));
	j->k.looks.has_changed = true;
	return 0;
}

/* Keep one answer. */
static int
keep(const struct turner *t, const struct asked *a, const struct sight_query *q,
    struct err *err)
{
	const struct ring_key *key = &a->job->k.ring->keys[a->key];
	struct buf json = BUF_INIT;
	struct seen *seen;

	seen =
	    reallocarray(a->job->seen, a->job->seen_count + 1, sizeof(*seen));
	if (seen == NULL)
		return err_nomem(err);
	a->job->seen = seen;
	seen += a->job->seen_count++;
	memset(seen, 0, sizeof(*seen));
	memcpy(seen->fingerprint, key->fingerprint, SHA256_LEN);
	seen->state = key->state;
	seen->first_sighting = key->first_sighting;
	take_answer(q, seen);
	if (q->err.code == ERR_NONE) {
		sighting_evidence(&q->out, &json);
		seen->evidence =
		    buf_str(&json) != NULL ? strdup(json.data) : NULL;
		buf_clear(&json);
		if (seen->evidence == NULL)
			return err_nomem(err);
	}
	return remember(t, a->job, key, seen, err);
}

static int
go(const struct turner *t, struct going *g, struct err *err)
{
	int rc = 0;

	if (g->count > 0)
		sights_look(t->sights, g->queries, g->count);
	for (size_t i = 0; i < g->count; i++) {
		/* As if nobody had asked: the next tick does. */
		if (g->queries[i].err.code == ERR_LIMIT)
			g->given_up++;
		else if (rc == 0)
			rc = keep(t, &g->asked[i], &g->queries[i], err);
		sighting_clear(&g->queries[i].out);
		free(g->asked[i].target);
	}
	g->count = 0;
	return rc;
}

static int
ask(struct going *g, struct job *j, size_t key, struct err *err)
{
	const struct ring_key *k = &j->k.ring->keys[key];
	char *target = NULL;

	if (recordname_is_target(k, &j->k.rules)) {
		struct buf name = BUF_INIT;

		recordname_write(j->k.ring, k, &j->k.rules, &name);
		target = buf_str(&name) != NULL ? strdup(name.data) : NULL;
		buf_clear(&name);
		if (target == NULL)
			return err_nomem(err);
	}
	g->asked[g->count] = (struct asked){ j, key, target };
	g->queries[g->count++] = (struct sight_query){
		.domain = j->k.ring->domain,
		.selector = k->selector,
		.record = k->record,
		.conf = j->k.conf,
		.target = target,
		/* Whether what we withdrew is gone is nobody else's affair. */
		.is_at_target = k->state >= KEY_REVOKED,
		/* Before, the question would make caches deny it. */
		.may_ask_resolver = k->state >= KEY_READY,
	};
	return 0;
}

/* Ask for what is wanted of one ring. */
static int
ask_ring(const struct turner *t, struct going *g, struct job *j,
    const struct life_wish *wish, struct err *err)
{
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < j->k.ring->key_count; k++) {
		if (!wants(t, j, k, wish))
			continue;
		rc = ask(g, j, k, err);
		if (rc == 0 && g->count == LOOKS_AT_ONCE)
			rc = go(t, g, err);
	}
	return rc;
}

int
turn_look(struct turner *t, struct job *jobs, size_t count,
    const struct life_wish *wish, struct err *err)
{
	struct going *g = calloc(1, sizeof(*g));
	/*
	 * Somewhere: if looks are given up, it is not the same rings each time
	 * for which no time is left.
	 */
	size_t first = count > 0 ? arc4random_uniform((uint32_t)count) : 0;
	int rc = 0;

	if (g == NULL)
		return err_nomem(err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct job *j = &jobs[(first + i) % count];

		if (j->is_open)
			rc = ask_ring(t, g, j, wish, err);
	}
	if (rc == 0)
		rc = go(t, g, err);
	if (g->given_up > 0)
		out_error("%zu records were not looked up: no name server has "
		          "answered for %d s; the next tick goes on",
		    g->given_up, SIGHTS_SILENCE);
	for (size_t i = 0; i < g->count; i++)
		free(g->asked[i].target);
	free(g);
	return rc;
}

static bool
is_as_seen(const struct seen *s, const struct ring_key *key)
{
	return s->state == key->state &&
	    s->first_sighting.wall == key->first_sighting.wall &&
	    s->first_sighting.boottime == key->first_sighting.boottime;
}

static const struct seen *
seen_of(const struct job *j, const struct ring_key *key)
{
	/* The latest: a ring may be looked at more than once. */
	for (size_t i = j->seen_count; i > 0; i--) {
		const struct seen *s = &j->seen[i - 1];

		if (memcmp(s->fingerprint, key->fingerprint, SHA256_LEN) == 0)
			return is_as_seen(s, key) ? s : NULL;
	}
	return NULL;
}

void
turn_take_seen(struct job *j)
{
	for (size_t i = 0; i < j->k.ring->key_count; i++) {
		const struct seen *s = seen_of(j, &j->k.ring->keys[i]);
		struct key_facts *f = &j->k.keys[i];

		if (s == NULL)
			continue;
		f->sight = s->facts.sight;
		f->cache_ttl = s->facts.cache_ttl;
		f->record_ttl = s->facts.record_ttl;
		f->is_weak_sight = s->facts.is_weak_sight;
		f->is_wildcard = s->facts.is_wildcard;
		f->is_missing = s->facts.is_missing;
		f->sight_text = s->text;
	}
}

const char *
turn_evidence(const struct job *j, const struct ring_key *key)
{
	const struct seen *s = seen_of(j, key);

	return s != NULL ? s->evidence : NULL;
}
