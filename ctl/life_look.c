/*
 * Which records have to be looked at now.
 */
#include "life_view.h"

static bool
is_stale(const struct life_view *v, time_t last_look)
{
	return last_look == 0 || v->now < last_look ||
	    v->now - last_look >= v->rules->recheck;
}

static bool
wants_published(const struct life_view *v, const struct ring_key *k,
    time_t last_look)
{
	const struct moment *first = &k->first_sighting;

	/* Until the wait is over, now and then, to see it vanish. */
	return first->wall == 0 || !life_can_measure(v, first) ||
	    life_has_passed(v, first, life_gate_wait(v, k)) ||
	    is_stale(v, last_look);
}

/* Whether this may be the tick in which the ready key takes over. */
static bool
may_turn(const struct life_view *v, enum key_alg alg)
{
	const struct ring_key *active = life_active(v, alg);

	return life_turn_cause(v, alg) != TURN_NOT ||
	    (active != NULL && active->republished != 0);
}

/*
 * Only what is acted upon: a look that finds a record incomplete must never be
 * forgotten.
 */
static bool
wants_for_wish(enum wish wish, const struct ring_key *k)
{
	if (wish == WISH_RETIRE)
		return false;
	return wish != WISH_REVOKE || k->state >= KEY_RETIRING;
}

bool
life_wants_look(const struct ring *ring, size_t key, const struct facts *facts,
    const struct rotation *rules, const struct life_clock *clock,
    time_t last_look, const struct life_wish *wish)
{
	const struct ring_key *k = &ring->keys[key];
	struct life_view v;

	life_view_init(&v, ring, facts, rules, clock, wish);
	if (!life_is_concerned(&v, k) || k->state == KEY_GONE)
		return false;
	if (v.wish->wish != WISH_NONE)
		return wants_for_wish(v.wish->wish, k);
	switch (k->state) {
	case KEY_GENERATED:
		return true;
	case KEY_PUBLISHED:
		return wants_published(&v, k, last_look);
	case KEY_READY:
		return is_stale(&v, last_look) || may_turn(&v, k->alg);
	case KEY_ACTIVE:
		return is_stale(&v, last_look) || k->republished != 0;
	case KEY_RETIRING:
		return is_stale(&v, last_look) || k->is_compromised ||
		    k->armed != IRREVERSIBLE_NONE || k->published == 0;
	case KEY_REVOKED:
		return k->removed != 0 || k->empty_seen == 0;
	case KEY_GONE:
		break;
	}
	return false;
}
