/*
 * A ring and the world as one decision sees them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "life_view.h"

static time_t
later(time_t a, time_t b)
{
	return a > b ? a : b;
}

static time_t
key_latest(const struct ring_key *k)
{
	const time_t times[] = { k->made, k->published, k->ready, k->activated,
		k->retired, k->revoked, k->removed, k->empty_seen, k->gone_seen,
		k->released, k->republished, k->first_sighting.wall,
		k->evidence.first, k->evidence.second, k->armed_at.wall };
	time_t t = 0;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		t = later(t, times[i]);
	return t;
}

time_t
life_latest(const struct ring *ring)
{
	time_t t = ring->made;

	for (size_t i = 0; i < ring->key_count; i++)
		t = later(t, key_latest(&ring->keys[i]));
	return t;
}

void
life_view_init(struct life_view *v, const struct ring *ring,
    const struct facts *facts, const struct rotation *rules,
    const struct life_clock *clock, const struct life_wish *wish)
{
	static const struct life_wish none = { .wish = WISH_NONE };

	*v = (struct life_view){
		.ring = ring,
		.facts = facts,
		.rules = rules,
		.clock = clock,
		.wish = wish ? wish : &none,
		.now = clock->now.wall,
		.latest = life_latest(ring),
	};
	v->is_behind = v->now < v->latest;
}

bool
life_is_rising(const struct ring_key *k)
{
	return k->state < KEY_ACTIVE;
}

const struct ring_key *
life_active(const struct life_view *v, enum key_alg alg)
{
	return ring_in_state(v->ring, alg, KEY_ACTIVE);
}

const struct ring_key *
life_next(const struct life_view *v, enum key_alg alg)
{
	const struct ring_key *next = NULL;

	for (size_t i = 0; i < v->ring->key_count; i++) {
		const struct ring_key *k = &v->ring->keys[i];

		if (k->alg == alg && life_is_rising(k) &&
		    (next == NULL || k->state > next->state))
			next = k;
	}
	return next;
}

const struct key_facts *
life_facts(const struct life_view *v, const struct ring_key *k)
{
	static const struct key_facts nothing = {
		.cache_ttl = -1,
		.record_ttl = -1,
	};

	if (v->facts == NULL || v->facts->keys == NULL)
		return &nothing;
	return &v->facts->keys[k - v->ring->keys];
}

bool
life_is_listed(const struct life_view *v, enum key_alg alg)
{
	for (size_t i = 0; i < v->rules->algorithm_count; i++) {
		if (v->rules->algorithms[i].alg == alg)
			return true;
	}
	return false;
}

bool
life_is_bad_look(const struct key_facts *f)
{
	switch (f->sight) {
	case SIGHT_EMPTY:
	case SIGHT_ABSENT:
	case SIGHT_PARTIAL:
	case SIGHT_MISMATCH:
		return true;
	case SIGHT_UNANSWERED:
		return f->is_missing;
	default:
		return false;
	}
}

bool
life_is_gone(const struct key_facts *f)
{
	return f->sight == SIGHT_ABSENT ||
	    (f->sight == SIGHT_MISMATCH && f->is_wildcard);
}

bool
life_is_lost(const struct life_view *v, const struct ring_key *active)
{
	const struct key_facts *f = life_facts(v, active);

	if (f->file == FILE_LOST)
		return true;
	return active->republished != 0 && life_is_bad_look(f) &&
	    (v->now >= active->republished + LIFE_SETTLE ||
	        v->now < active->republished);
}

enum turn_cause
life_turn_cause(const struct life_view *v, enum key_alg alg)
{
	const struct ring_key *active = life_active(v, alg);
	time_t due;

	if (v->ring->is_leaving || !life_is_listed(v, alg))
		return TURN_NOT;
	if (active == NULL)
		return TURN_FIRST;
	if (active->is_compromised ||
	    (v->wish->wish == WISH_PANIC && life_is_concerned(v, active)))
		return TURN_COMPROMISED;
	if (v->wish->wish == WISH_ROTATE && life_is_alg_concerned(v, alg))
		return TURN_ASKED;
	if (life_is_lost(v, active))
		return TURN_LOST;
	due = life_due(v->ring, alg, v->rules);
	if (due != 0 && v->now >= due && !v->is_behind &&
	    life_open_day(v->rules, v->now) == v->now)
		return TURN_CALENDAR;
	return TURN_NOT;
}

/* The key that the wish names, or NULL. */
static const struct ring_key *
named(const struct life_view *v)
{
	return v->wish->selector ? ring_find(v->ring, v->wish->selector) : NULL;
}

const struct ring_key *
life_unfinished_panic(const struct ring *ring, enum key_alg alg)
{
	const struct ring_key *active = ring_in_state(ring, alg, KEY_ACTIVE);
	const struct ring_key *old = NULL;

	if (active == NULL || active->is_compromised)
		return NULL;
	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *k = &ring->keys[i];

		if (k->alg == alg && k->is_compromised &&
		    k->state == KEY_RETIRING)
			old = k;
	}
	return old;
}

bool
life_is_alg_concerned(const struct life_view *v, enum key_alg alg)
{
	const struct ring_key *k = named(v);

	switch (v->wish->wish) {
	case WISH_NONE:
		return true;
	case WISH_ROTATE:
		return !v->wish->has_alg || v->wish->alg == alg;
	case WISH_PANIC:
		if (v->wish->selector != NULL)
			return k != NULL && k->alg == alg &&
			    k->state == KEY_ACTIVE;
		return (!v->wish->has_alg || v->wish->alg == alg) &&
		    life_unfinished_panic(v->ring, alg) == NULL;
	default:
		return false;
	}
}

bool
life_is_concerned(const struct life_view *v, const struct ring_key *k)
{
	if (v->wish->wish == WISH_NONE || named(v) == k)
		return true;
	/* Earlier keys of a slot may still have their private key. */
	if (v->wish->wish == WISH_REVOKE && v->wish->selector != NULL &&
	    k->state == KEY_GONE && strcmp(v->wish->selector, k->selector) == 0)
		return true;
	if (v->wish->wish == WISH_PUBLISH && v->wish->selector == NULL)
		return k->state != KEY_GONE;
	if (v->wish->wish == WISH_PANIC && v->wish->selector == NULL &&
	    k->is_compromised && k->state == KEY_RETIRING)
		return true;
	return life_is_alg_concerned(v, k->alg) &&
	    (k->state == KEY_ACTIVE || life_is_rising(k));
}

bool
life_is_passive(const struct life_view *v, const struct ring_key *k,
    enum key_alg alg)
{
	const struct ring_key *active = life_active(v, alg);

	if (v->rules->mode != ROTATION_MANUAL || v->wish->wish != WISH_NONE ||
	    v->ring->is_leaving)
		return false;
	/* A panic is carried to its end. */
	return (k == NULL || !k->is_compromised) &&
	    (active == NULL || !active->is_compromised);
}

int
life_gate_wait(const struct life_view *v, const struct ring_key *k)
{
	const struct key_facts *f = life_facts(v, k);
	int ttl = k->cache_ttl > f->cache_ttl ? k->cache_ttl : f->cache_ttl;
	int wait;

	if (ttl < 0)
		ttl = LIFE_UNKNOWN_TTL;
	wait = ttl + v->rules->margin;
	if (v->facts != NULL && wait < v->facts->min_wait)
		wait = v->facts->min_wait;
	return wait;
}

bool
life_can_measure(const struct life_view *v, const struct moment *m)
{
	const struct moment *now = &v->clock->now;

	return m->wall != 0 && m->wall <= now->wall &&
	    m->boottime <= now->boottime && now->boot_id[0] != '\0' &&
	    strcmp(m->boot_id, now->boot_id) == 0;
}

bool
life_has_passed(const struct life_view *v, const struct moment *m, int wait)
{
	const struct moment *now = &v->clock->now;

	return life_can_measure(v, m) && now->wall - m->wall >= wait &&
	    now->boottime - m->boottime >= wait;
}

const char *
life_sight_text(const struct life_view *v, const struct ring_key *k)
{
	static const char *const words[] = {
		[SIGHT_NONE] = "nobody has looked at its record",
		[SIGHT_COMPLETE] = "every server has its record",
		[SIGHT_EMPTY] = "every server has it with an empty p=",
		[SIGHT_ABSENT] = "no server has its record",
		[SIGHT_PARTIAL] = "some servers do not have its record",
		[SIGHT_MISMATCH] = "a server has something else at its name",
		[SIGHT_UNANSWERED] = "a server did not answer",
	};
	const struct key_facts *f = life_facts(v, k);

	return f->sight_text != NULL && f->sight_text[0] != '\0'
	    ? f->sight_text
	    : words[f->sight];
}

void
life_say_behind(const struct life_view *v, struct decision *d, enum step next)
{
	life_wait(d, next, v->latest,
	    "the clock says %s, but the ring has seen %s: nothing of this kind "
	    "is done before then; if the clock is wrong, set it",
	    WHEN(v->now), WHEN(v->latest));
	d->is_stuck = v->latest - v->now > LIFE_CLOCK_SLACK;
	d->is_alarm = d->is_stuck;
}

static void
put_text(struct decision *d, size_t at, const char *fmt, va_list ap)
{
	if (at < sizeof(d->text))
		vsnprintf(d->text + at, sizeof(d->text) - at, fmt, ap);
}

void
life_step(struct decision *d, enum step step, time_t when, const char *fmt, ...)
{
	va_list ap;

	d->step = step;
	d->next = STEP_NONE;
	d->when = when;
	d->is_stuck = false;
	d->is_alarm = false;
	va_start(ap, fmt);
	put_text(d, 0, fmt, ap);
	va_end(ap);
}

void
life_wait(struct decision *d, enum step next, time_t when, const char *fmt, ...)
{
	va_list ap;

	d->step = STEP_NONE;
	d->next = next;
	d->when = when;
	d->is_stuck = false;
	d->is_alarm = false;
	va_start(ap, fmt);
	put_text(d, 0, fmt, ap);
	va_end(ap);
}

void
life_add(struct decision *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_text(d, strlen(d->text), fmt, ap);
	va_end(ap);
}

struct when_buf
life_when(time_t t)
{
	struct when_buf b = { .text = "" };

	when_text(t, b.text);
	return b;
}

struct when_buf
life_span(long long seconds)
{
	struct when_buf b = { .text = "" };

	duration_text(seconds, b.text);
	return b;
}
