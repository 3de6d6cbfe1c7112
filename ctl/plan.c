/*
 * The future of a ring.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* What caches may deny a record for, where that was never seen. */
#define USUAL_CACHE_TTL 3600

/* A ring on its way through time. */
struct journey {
	struct ring *ring;
	const struct ring_conf *conf;
	struct rotation rules; /* shares everything with conf */
	struct life_clock clock;
	struct key_facts *facts;    /* RING_KEYS_MAX */
	struct decision *decisions; /* RING_KEYS_MAX and those of new keys */
	size_t steps, made;
	struct err *err;
};

/* What a look will find when all goes well. */
static enum sight
good_sight(const struct ring_key *k)
{
	switch (k->state) {
	case KEY_GENERATED:
	case KEY_GONE:
		return SIGHT_ABSENT;
	case KEY_REVOKED:
		return k->removed != 0 ? SIGHT_ABSENT : SIGHT_EMPTY;
	default:
		return SIGHT_COMPLETE;
	}
}

static int
usual_cache_ttl(const struct ring *ring)
{
	int ttl = -1;

	for (size_t i = 0; i < ring->key_count; i++)
		if (ring->keys[i].cache_ttl > ttl)
			ttl = ring->keys[i].cache_ttl;
	return ttl >= 0 ? ttl : USUAL_CACHE_TTL;
}

static int
min_wait(const struct journey *j)
{
	return j->conf->dns.witness == DNS_WITNESS_RESOLVERS
	    ? j->conf->dns.min_wait
	    : 0;
}

/* What will be known of each key at the clock's time. */
static void
foresee(struct journey *j)
{
	int ttl = usual_cache_ttl(j->ring);

	for (size_t i = 0; i < j->ring->key_count; i++) {
		const struct ring_key *k = &j->ring->keys[i];
		struct key_facts *f = &j->facts[i];

		*f = (struct key_facts){ .sight = good_sight(k),
			.cache_ttl = ttl,
			.record_ttl = j->rules.ttl,
			.is_weak_sight =
			    j->conf->dns.witness == DNS_WITNESS_RESOLVERS,
			.file = FILE_GOOD,
			.held_since = k->activated };
		if (k->state == KEY_ACTIVE) {
			f->is_held = true;
			f->last_signed = j->clock.now.wall;
		} else if (k->retired != 0 && k->activated != 0) {
			f->last_signed = k->retired;
			f->released =
			    k->released != 0 ? k->released : k->retired;
		}
	}
}

/* A key that could be made: nobody can know its bytes. */
static void
make_key(struct journey *j, const struct decision *d, struct ring_key *made)
{
	unsigned long long number;

	*made = (struct ring_key){ .alg = d->alg,
		.bits = d->bits,
		.cache_ttl = -1,
		.record_ttl = -1 };
	do {
		number = ++j->made;
		snprintf(made->selector, sizeof(made->selector), "new-%llu",
		    number);
	} while (ring_find(j->ring, made->selector) != NULL);
	if (d->slot != NULL)
		snprintf(made->selector, sizeof(made->selector), "%s", d->slot);
	snprintf(made->file, sizeof(made->file), "new-%llu.pem", number);
	/* Unlike any real fingerprint. */
	memcpy(made->fingerprint, &number, sizeof(number));
	memcpy(made->fingerprint + 8, "plan", 4);
}

/* Take one step. */
static int
take(struct journey *j, const struct decision *d,
    void (*each)(void *arg, const struct plan_step *step), void *arg)
{
	struct facts facts = { .keys = j->facts,
		.keyturnd_answers = true,
		.held_is_known = true,
		.min_wait = min_wait(j) };
	struct plan_step step = { .when = j->clock.now.wall, .decision = d };
	struct ring_key made;
	bool is_new = d->key == LIFE_NEW_KEY;
	int rc;

	if (is_new) {
		make_key(j, d, &made);
		step.selector = made.selector;
	} else {
		step.key = &j->ring->keys[d->key];
		step.selector = step.key->selector;
	}
	each(arg, &step);
	if (is_new) {
		made.record = strdup("");
		if (made.record == NULL)
			return err_nomem(j->err);
	}
	rc = life_apply(j->ring, d, &facts, &j->rules, &j->clock,
	    is_new ? &made : NULL, j->err);
	if (is_new)
		free(made.record);
	j->steps++;
	return rc;
}

/* The first time after now of next, which may be 0 for none, and t. */
static time_t
sooner(time_t next, time_t t, time_t now)
{
	return t > now && (next == 0 || t < next) ? t : next;
}

/*
 * One tick.  Returns the time of the next one, 0 when nothing is to come, or
 * -1 with err set.
 */
static time_t
tick(struct journey *j, void (*each)(void *arg, const struct plan_step *step),
    void *arg)
{
	static const struct life_wish no_wish = { .wish = WISH_NONE };
	struct facts facts = { .keys = j->facts,
		.keyturnd_answers = true,
		.held_is_known = true,
		.min_wait = min_wait(j) };
	time_t now = j->clock.now.wall, next = 0;
	bool has_acted = false;
	size_t count;

	foresee(j);
	life_note(j->ring, &facts, &j->clock);
	count = life_decide(j->ring, &facts, &j->rules, &j->clock, &no_wish,
	    j->decisions);
	for (size_t i = 0; i < count; i++) {
		const struct decision *d = &j->decisions[i];

		if (d->step == STEP_NONE) {
			next = sooner(next, d->when, now);
			next = sooner(next, d->deletion, now);
			continue;
		}
		if (j->steps == PLAN_STEPS_MAX)
			return 0;
		if (j->ring->key_count == RING_KEYS_MAX)
			return err_set(j->err, ERR_LIMIT, "%s: %d keys",
			    j->ring->domain, RING_KEYS_MAX);
		if (take(j, d, each, arg) == -1)
			return -1;
		has_acted = true;
	}
	return has_acted ? now + PLAN_TICK : next;
}

static int
travel(struct journey *j, time_t until,
    void (*each)(void *arg, const struct plan_step *step), void *arg)
{
	time_t next = j->clock.now.wall;

	while (next != 0 && next <= until && j->steps < PLAN_STEPS_MAX) {
		j->clock.now.boottime += next - j->clock.now.wall;
		j->clock.now.wall = next;
		next = tick(j, each, arg);
		if (next == -1)
			return -1;
	}
	return j->steps == PLAN_STEPS_MAX ? 1 : 0;
}

int
plan_ring(const struct ring *ring, const struct ring_conf *conf,
    const struct life_clock *clock, time_t until,
    void (*each)(void *arg, const struct plan_step *step), void *arg,
    struct err *err)
{
	struct journey j = { .conf = conf,
		.rules = conf->rotation,
		.clock = *clock,
		.err = err };
	int rc = -1;

	j.rules.mode = ROTATION_AUTO;
	j.ring = ring_copy(ring, err);
	if (j.ring == NULL)
		return -1;
	j.facts = calloc(RING_KEYS_MAX, sizeof(*j.facts));
	j.decisions = calloc(RING_KEYS_MAX + ROTATION_ALGORITHMS_MAX,
	    sizeof(*j.decisions));
	if (j.facts == NULL || j.decisions == NULL)
		err_nomem(err);
	else
		rc = travel(&j, until, each, arg);
	free(j.decisions);
	free(j.facts);
	ring_free(j.ring);
	return rc;
}
