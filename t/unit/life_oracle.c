/*
 * The promises, checked from outside; see life_oracle.h.
 */
#include <string.h>

#include "life_oracle.h"

/* Undetected errors of the wall clock in this world, and a second or two. */
#define SLACK 900

void
oracle_init(struct oracle *o, struct world *w, const struct rotation *rules)
{
	memset(o, 0, sizeof(*o));
	o->w = w;
	o->rules = rules;
	for (int i = 0; i < WORLD_KEYS; i++) {
		o->keys[i].run_start = -1;
		o->keys[i].gone = -1;
	}
}

void
oracle_before(struct oracle *o, const struct ring *ring)
{
	o->tick++;
	for (int i = 0; i < o->w->key_count; i++) {
		o->keys[i].was_there = false;
		o->keys[i].is_complete_now = false;
	}
	for (size_t i = 0; i < ring->key_count; i++) {
		struct watched_key *k = &o->keys[world_key_of(&ring->keys[i])];

		k->was_there = true;
		k->was = ring->keys[i].state;
	}
}

void
oracle_looked(struct oracle *o, int key, const struct key_facts *f)
{
	struct watched_key *k = &o->keys[key];
	const struct world *w = o->w;
	enum sight sight = f->sight;

	if (sight == SIGHT_NONE)
		return;
	k->is_complete_now = sight == SIGHT_COMPLETE;
	if (sight == SIGHT_COMPLETE) {
		if (k->run_start == -1)
			k->run_start = w->now;
		if (w->now - k->run_start >=
		    w->keys[key].seen_ttl + o->rules->margin)
			k->has_passed = true;
	} else if (!k->has_passed || sight != SIGHT_UNANSWERED ||
	    f->is_missing) {
		k->run_start = -1;
		k->has_passed = false;
	}
}

#define FAIL(...)                              \
	do {                                   \
		world_fail(o->w, __VA_ARGS__); \
	} while (0)

/* Promise 1. */
static void
check_gate(struct oracle *o, const struct ring *ring, const struct decision *d,
    int key)
{
	const struct watched_key *k = &o->keys[key];
	const struct wkey *wk = &o->w->keys[key];
	bool is_first = true;

	for (size_t i = 0; i < ring->key_count; i++)
		is_first &= ring->keys[i].state != KEY_ACTIVE ||
		    ring->keys[i].alg != wk->alg;
	if (!o->w->is_up)
		FAIL("gate: %s is activated without keyturnd", wk->selector);
	if (!wk->has_file)
		FAIL("gate: %s is activated without its file", wk->selector);
	if (d->is_forced)
		return;
	if (!k->is_complete_now)
		FAIL("gate: %s is activated without a look now", wk->selector);
	if (!k->has_passed && !(wk->is_adopted && is_first))
		FAIL("gate: %s is activated at %lld, complete since %lld",
		    wk->selector, o->w->now, k->run_start);
}

/* Promise 2. */
static void
check_overlap(struct oracle *o, int key)
{
	const struct world *w = o->w;
	const struct wkey *wk = &w->keys[key];

	if (wk->signs)
		FAIL("overlap: %s is withdrawn while it signs", wk->selector);
	if (wk->is_compromised || wk->is_forced_off || wk->last_held == -1)
		return;
	if (!w->held_is_known)
		FAIL("overlap: %s is withdrawn though held is unknown",
		    wk->selector);
	if (w->now - wk->last_held < o->rules->retire_after - SLACK)
		FAIL("overlap: %s is withdrawn at %lld, held until %lld",
		    wk->selector, w->now, wk->last_held);
}

/* Promise 3, for panic: nothing is revoked before a replacement signs. */
static void
check_replaced(struct oracle *o, const struct ring *ring, int key)
{
	const struct world *w = o->w;

	for (int i = 0; i < w->key_count; i++) {
		if (w->keys[i].signs && w->keys[i].alg == w->keys[key].alg)
			return;
	}
	if (w->is_up && !o->is_unsigned && !ring->is_leaving &&
	    w->keys[key].activated != -1)
		FAIL("stay: %s is revoked and nothing signs",
		    w->keys[key].selector);
}

/* Promise 6. */
static void
check_armed(struct oracle *o, enum irreversible what, int key)
{
	const struct world *w = o->w;
	const struct watched_key *k = &o->keys[key];
	const char *selector = w->keys[key].selector;

	if (k->armed != what)
		FAIL("clock: %s: irreversible step %d was not announced",
		    selector, (int)what);
	else if (k->armed_tick == o->tick || k->armed_boot != w->boots ||
	    w->now - w->boot - k->armed_boottime < o->irreversible_wait)
		FAIL("clock: %s: irreversible step %d is done at %lld, "
		     "announced %lld ago in boot %d",
		    selector, (int)what, w->now,
		    w->now - w->boot - k->armed_boottime, k->armed_boot);
}

static time_t
latest_in(const struct ring *ring)
{
	time_t t = 0;

	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *k = &ring->keys[i];
		const time_t times[] = { k->made, k->published, k->ready,
			k->activated, k->retired, k->revoked, k->removed,
			k->empty_seen, k->gone_seen };

		for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++)
			t = times[j] > t ? times[j] : t;
	}
	return t;
}

static void
check_withdrawal(struct oracle *o, const struct ring *ring,
    const struct decision *d, int key, bool is_forced)
{
	const struct ring_key *rk = &ring->keys[d->key];
	bool is_panic = rk->state == KEY_RETIRING && rk->is_compromised;

	if ((d->step == STEP_REVOKE && rk->revoked != 0) ||
	    (d->step == STEP_REMOVE && rk->removed != 0))
		return; /* again */
	if (rk->state == KEY_RETIRING)
		check_overlap(o, key);
	if (is_panic) {
		check_replaced(o, ring, key);
		return;
	}
	check_armed(o,
	    d->step == STEP_REVOKE ? IRREVERSIBLE_REVOKE : IRREVERSIBLE_REMOVE,
	    key);
	if (world_wall(o->w) < latest_in(ring) && !is_forced)
		FAIL("clock: %s is withdrawn while the clock is behind",
		    o->w->keys[key].selector);
}

static void
check_deletion(struct oracle *o, const struct ring *ring,
    const struct decision *d, int key)
{
	const struct wkey *wk = &o->w->keys[key];

	check_armed(o, IRREVERSIBLE_DELETE_FILE, key);
	if (wk->signs || ring->keys[d->key].state < KEY_RETIRING)
		FAIL("deletion: the file of %s is deleted while it signs",
		    wk->selector);
	if (world_wall(o->w) < latest_in(ring))
		FAIL("clock: the file of %s is deleted while the clock is "
		     "behind",
		    wk->selector);
}

static void
note_arm(struct oracle *o, const struct decision *d, int key)
{
	struct watched_key *k = &o->keys[key];

	k->armed = d->irreversible;
	k->armed_boot = o->w->boots;
	k->armed_boottime = o->w->now - o->w->boot;
	k->armed_tick = o->tick;
}

void
oracle_step(struct oracle *o, const struct ring *ring, const struct decision *d,
    int key, bool is_forced)
{
	switch (d->step) {
	case STEP_ACTIVATE:
		check_gate(o, ring, d, key);
		break;
	case STEP_REVOKE:
	case STEP_REMOVE:
		check_withdrawal(o, ring, d, key, is_forced);
		break;
	case STEP_DELETE_FILE:
		check_deletion(o, ring, d, key);
		break;
	default:
		break;
	}
}

void
oracle_done(struct oracle *o, const struct decision *d, int key)
{
	if (d->step == STEP_ARM)
		note_arm(o, d, key);
	if (d->step == STEP_GONE)
		o->keys[key].gone = o->w->now;
}

/* Promise 4, of the selector of key i. */
static void
check_selector(struct oracle *o, const struct ring *ring, size_t i)
{
	const struct ring_key *k = &ring->keys[i];

	for (size_t j = 0; j < i; j++) {
		const struct ring_key *other = &ring->keys[j];
		const struct watched_key *wk = &o->keys[world_key_of(other)];

		if (strcmp(k->selector, other->selector) != 0)
			continue;
		if (!k->is_slot || !other->is_slot)
			FAIL("one: the selector %s is used again", k->selector);
		else if (other->state != KEY_GONE || wk->gone == -1 ||
		    o->w->now - wk->gone < o->w->pos_ttl - SLACK)
			FAIL("one: slot %s is used while it is not free",
			    k->selector);
	}
}

/* Promise 6: what one tick may make of a key. */
static bool
is_one_step(enum key_state from, enum key_state to)
{
	switch (from) {
	case KEY_GENERATED:
		return to == KEY_PUBLISHED || to == KEY_RETIRING;
	case KEY_PUBLISHED:
		return to == KEY_READY || to == KEY_ACTIVE ||
		    to == KEY_RETIRING;
	case KEY_READY:
		return to == KEY_ACTIVE || to == KEY_PUBLISHED ||
		    to == KEY_RETIRING;
	case KEY_ACTIVE:
		return to == KEY_RETIRING;
	case KEY_RETIRING:
		return to == KEY_REVOKED || to == KEY_GONE;
	case KEY_REVOKED:
		return to == KEY_GONE;
	case KEY_GONE:
		break;
	}
	return false;
}

static void
check_key(struct oracle *o, const struct ring *ring, size_t i)
{
	const struct ring_key *k = &ring->keys[i];
	int key = world_key_of(k);
	const struct watched_key *wk = &o->keys[key];

	if (!wk->was_there)
		check_selector(o, ring, i);
	if (wk->was_there && wk->was != k->state &&
	    !is_one_step(wk->was, k->state))
		FAIL("clock: %s went from %s to %s in one tick", k->selector,
		    key_state_name(wk->was), key_state_name(k->state));
	if (!wk->was_there && k->state != KEY_GENERATED && !k->is_adopted)
		FAIL("clock: %s was born %s", k->selector,
		    key_state_name(k->state));
	if (k->state == KEY_ACTIVE && !ring_key_signs(k))
		FAIL("gate: %s is active without evidence", k->selector);
}

void
oracle_after(struct oracle *o, const struct ring *ring)
{
	int active[2] = { 0, 0 };

	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *k = &ring->keys[i];

		check_key(o, ring, i);
		if (k->state == KEY_ACTIVE)
			active[k->alg]++;
	}
	for (int alg = 0; alg < 2; alg++) {
		if (active[alg] > 1)
			FAIL("one: %d active keys of %s", active[alg],
			    key_alg_name((enum key_alg)alg));
		if (active[alg] == 0 && o->was_active[alg] &&
		    !ring->is_leaving && !o->is_unsigned)
			FAIL("stay: no active key of %s any more",
			    key_alg_name((enum key_alg)alg));
		o->was_active[alg] |= active[alg] > 0;
	}
	/* Until the keys that take the place of the stopped ones sign. */
	if (active[0] >= o->was_active[0] && active[1] >= o->was_active[1])
		o->is_unsigned = false;
}
