/*
 * What a step makes of the ring.  The ring's own time never runs backwards: a
 * step that is taken while the clock is behind is noted with the latest time
 * that the ring has seen, so that no wait is cut short by it.
 */
#include <stdlib.h>
#include <string.h>

#include "life_view.h"

#define FROM(state) (1U << (state))
#define RISING      (FROM(KEY_GENERATED) | FROM(KEY_PUBLISHED) | FROM(KEY_READY))
#define FALLEN      (FROM(KEY_RETIRING) | FROM(KEY_REVOKED) | FROM(KEY_GONE))

/* The states that a step fits. */
static const unsigned fits[] = {
	[STEP_NONE] = ~0U,
	[STEP_PUBLISH] = FROM(KEY_GENERATED),
	[STEP_REPUBLISH] = FROM(KEY_PUBLISHED) | FROM(KEY_READY) |
	    FROM(KEY_ACTIVE) | FROM(KEY_RETIRING),
	[STEP_SIGHT] = FROM(KEY_PUBLISHED),
	[STEP_LOSE_SIGHT] = FROM(KEY_PUBLISHED) | FROM(KEY_READY),
	[STEP_READY] = FROM(KEY_PUBLISHED),
	[STEP_ACTIVATE] = FROM(KEY_PUBLISHED) | FROM(KEY_READY),
	[STEP_CONFIRM] = ~0U,
	[STEP_RETIRE] = RISING | FROM(KEY_ACTIVE),
	[STEP_ARM] = FALLEN,
	[STEP_REVOKE] = FROM(KEY_RETIRING) | FROM(KEY_REVOKED),
	[STEP_NOTE_EMPTY] = FROM(KEY_REVOKED),
	[STEP_REMOVE] = FROM(KEY_RETIRING) | FROM(KEY_REVOKED),
	[STEP_GONE] = FROM(KEY_RETIRING) | FROM(KEY_REVOKED),
	[STEP_DELETE_FILE] = FALLEN,
	[STEP_CONDEMN] = FROM(KEY_ACTIVE) | FROM(KEY_RETIRING),
};

static time_t
ring_time(const struct ring *ring, const struct life_clock *clock)
{
	time_t latest = life_latest(ring);

	return clock->now.wall > latest ? clock->now.wall : latest;
}

static bool
raise_int(int *value, int to)
{
	if (to <= *value)
		return false;
	*value = to;
	return true;
}

static bool
note_ttls(struct ring_key *k, const struct key_facts *f)
{
	bool has_changed = false;

	if (f->sight == SIGHT_NONE)
		return false;
	if (life_is_rising(k))
		has_changed = raise_int(&k->cache_ttl, f->cache_ttl);
	if (k->state != KEY_GENERATED && k->state != KEY_GONE &&
	    raise_int(&k->record_ttl, f->record_ttl))
		has_changed = true;
	return has_changed;
}

/*
 * When keyturnd let k go.  A time before the key retired cannot be: a clock
 * was wrong; what counts is then when the ring saw it.
 */
static bool
note_release(struct ring_key *k, const struct facts *facts,
    const struct key_facts *f, time_t now)
{
	time_t released = k->released;

	if (!facts->held_is_known || life_is_rising(k) ||
	    k->state == KEY_ACTIVE)
		return false;
	if (f->is_held)
		released = 0;
	else if (released == 0 && f->released != 0)
		released = f->released >= k->retired ? f->released : now;
	if (released == k->released)
		return false;
	k->released = released;
	return true;
}

bool
life_note(struct ring *ring, const struct facts *facts,
    const struct life_clock *clock)
{
	time_t now = ring_time(ring, clock);
	bool has_changed = false;

	for (size_t i = 0; i < ring->key_count; i++) {
		struct ring_key *k = &ring->keys[i];
		const struct key_facts *f = &facts->keys[i];

		if (note_ttls(k, f))
			has_changed = true;
		if (note_release(k, facts, f, now))
			has_changed = true;
		if (k->republished != 0 && f->sight == SIGHT_COMPLETE &&
		    k->state <= KEY_RETIRING) {
			k->republished = 0;
			has_changed = true;
		}
	}
	return has_changed;
}

static bool
is_same_key(const struct ring_key *a, const struct ring_key *b)
{
	return memcmp(a->fingerprint, b->fingerprint, sizeof(a->fingerprint)) ==
	    0;
}

/* Promise 4: a selector has one key, for ever. */
static int
check_new(const struct ring *ring, const struct ring_key *made,
    const struct decision *d, const struct rotation *rules,
    const struct life_clock *clock, struct err *err)
{
	time_t when;

	for (size_t i = 0; i < ring->key_count; i++) {
		if (is_same_key(&ring->keys[i], made))
			return err_set(err, ERR_KEY,
			    "%s: this key is in the ring already, as %s",
			    made->selector, ring->keys[i].selector);
	}
	if (ring_find(ring, made->selector) == NULL)
		return 0;
	if (d->slot != NULL && strcmp(d->slot, made->selector) == 0 &&
	    life_slot_is_free(ring, d->slot, rules, clock, &when))
		return 0;
	return err_set(err, ERR_KEY, "%s: the selector was used before",
	    made->selector);
}

static int
apply_generate(struct ring *ring, const struct decision *d,
    const struct rotation *rules, const struct life_clock *clock,
    struct ring_key *made, struct err *err)
{
	time_t now = ring_time(ring, clock);
	struct ring_key *k;

	if (check_new(ring, made, d, rules, clock, err) == -1)
		return -1;
	k = ring_add_key(ring, err);
	if (k == NULL)
		return -1;
	memcpy(k->selector, made->selector, sizeof(k->selector));
	memcpy(k->file, made->file, sizeof(k->file));
	memcpy(k->fingerprint, made->fingerprint, sizeof(k->fingerprint));
	k->alg = made->alg;
	k->bits = made->bits;
	k->record = made->record;
	made->record = NULL;
	k->is_adopted = made->is_adopted;
	k->is_slot = d->slot != NULL;
	k->state = KEY_GENERATED;
	k->made = now;
	if (k->is_adopted) { /* it is in use: the DNS has its record */
		k->state = KEY_PUBLISHED;
		k->published = now;
	}
	return 0;
}

static void
disarm(struct ring_key *k)
{
	k->armed = IRREVERSIBLE_NONE;
	k->armed_at = (struct moment){ .wall = 0 };
}

/* Back to before the gate. */
static void
lose_sight(struct ring_key *k)
{
	k->state = KEY_PUBLISHED;
	k->ready = 0;
	k->first_sighting = (struct moment){ .wall = 0 };
	k->evidence = (struct evidence){ .first = 0 };
}

static void
testify(struct ring_key *k, time_t first, time_t second, int wait,
    const struct key_facts *f)
{
	struct evidence *e = &k->evidence;

	*e = (struct evidence){
		.first = first,
		.second = second,
		.wait = wait,
		.is_weak = f->is_weak_sight,
	};
	memcpy(e->fingerprint, k->fingerprint, sizeof(e->fingerprint));
	if (f->sight_text != NULL)
		strlcpy(e->text, f->sight_text, sizeof(e->text));
}

static void
retire(struct ring_key *k, time_t now, bool is_compromise)
{
	k->state = KEY_RETIRING;
	k->retired = now;
	k->released = 0;
	k->republished = 0;
	if (is_compromise)
		k->is_compromised = true;
	disarm(k);
}

static void
apply_activate(struct ring *ring, struct ring_key *k, const struct decision *d,
    const struct key_facts *f, time_t now)
{
	if (d->is_forced) {
		testify(k, now, now, 0, f);
		k->evidence.is_forced = true;
		strlcpy(k->evidence.text, d->reason ? d->reason : "",
		    sizeof(k->evidence.text));
	} else if (k->state == KEY_PUBLISHED) { /* adopted */
		testify(k, now, now, 0, f);
	}
	for (size_t i = 0; i < ring->key_count; i++) {
		struct ring_key *o = &ring->keys[i];

		if (o != k && o->alg == k->alg && o->state == KEY_ACTIVE)
			retire(o, now, d->is_compromise);
	}
	if (k->ready == 0)
		k->ready = now;
	k->state = KEY_ACTIVE;
	k->activated = now;
	k->republished = 0;
}

/* p= was put, or its record taken away; the first time counts. */
static void
apply_withdraw(struct ring_key *k, enum step step, time_t now)
{
	time_t *done = step == STEP_REVOKE ? &k->revoked : &k->removed;

	if (*done != 0)
		k->republished = now;
	else
		k->republished = 0;
	if (*done == 0)
		*done = now;
	if (k->revoked == 0)
		k->revoked = now;
	k->state = KEY_REVOKED;
	disarm(k);
}

static void
apply_up(struct ring *ring, struct ring_key *k, const struct decision *d,
    const struct key_facts *f, const struct life_clock *clock, int wait)
{
	time_t now = ring_time(ring, clock);

	switch (d->step) {
	case STEP_PUBLISH:
		k->state = KEY_PUBLISHED;
		k->published = now;
		break;
	case STEP_REPUBLISH:
		k->republished = now;
		break;
	case STEP_SIGHT:
		k->first_sighting = clock->now;
		break;
	case STEP_LOSE_SIGHT:
		lose_sight(k);
		break;
	case STEP_READY:
		testify(k, k->first_sighting.wall, clock->now.wall, wait, f);
		k->state = KEY_READY;
		k->ready = now;
		break;
	case STEP_ACTIVATE:
		apply_activate(ring, k, d, f, now);
		break;
	default:
		break;
	}
}

static void
apply_down(struct ring_key *k, const struct decision *d, time_t now,
    const struct life_clock *clock)
{
	switch (d->step) {
	case STEP_RETIRE:
		retire(k, now, d->is_compromise);
		break;
	case STEP_CONDEMN:
		k->is_compromised = true;
		break;
	case STEP_ARM:
		k->armed = d->irreversible;
		k->armed_at = clock->now;
		break;
	case STEP_REVOKE:
	case STEP_REMOVE:
		apply_withdraw(k, d->step, now);
		break;
	case STEP_NOTE_EMPTY:
		k->empty_seen = now;
		k->republished = 0;
		break;
	case STEP_GONE:
		k->state = KEY_GONE;
		k->gone_seen = now;
		if (k->removed == 0)
			k->removed = now;
		disarm(k);
		break;
	case STEP_DELETE_FILE:
		k->file[0] = '\0';
		disarm(k);
		break;
	default:
		break;
	}
}

int
life_apply(struct ring *ring, const struct decision *d,
    const struct facts *facts, const struct rotation *rules,
    const struct life_clock *clock, struct ring_key *made, struct err *err)
{
	struct life_view v;
	struct ring_key *k;

	if (d->key == LIFE_NEW_KEY) {
		if (d->step == STEP_NONE)
			return 0;
		return apply_generate(ring, d, rules, clock, made, err);
	}
	k = &ring->keys[d->key];
	if ((fits[d->step] & FROM(k->state)) == 0)
		return err_set(err, ERR_KEY, "%s: %s: the key is %s",
		    k->selector, step_name(d->step), key_state_name(k->state));
	life_view_init(&v, ring, facts, rules, clock, NULL);
	note_ttls(k, life_facts(&v, k));
	apply_up(ring, k, d, life_facts(&v, k), clock, life_gate_wait(&v, k));
	apply_down(k, d, ring_time(ring, clock), clock);
	return 0;
}
