/*
 * The way up: generated, published, ready, and the step to active.  Promise 1
 * (gate) and the choice of the moment are here.
 */
#include <string.h>

#include "life_view.h"

/* So many new keys of an algorithm in a day mean that something is wrong. */
#define NEW_KEYS_A_DAY 8
#define DAY            86400

/* A key that will never be needed leaves again. */
static bool
is_useless(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const char *why;

	if (v->wish->wish == WISH_RETIRE)
		why = "asked for";
	else if (v->wish->wish == WISH_PANIC && v->wish->selector != NULL &&
	    strcmp(v->wish->selector, k->selector) == 0)
		why = "it is compromised";
	else if (v->ring->is_leaving)
		why = "the ring is being removed";
	else if (!life_is_listed(v, k->alg))
		why = "rotation.algorithms does not name its kind any more";
	else if (life_facts(v, k)->file == FILE_LOST)
		why = "its private key is lost; another key takes its place";
	else
		return false;
	life_step(d, STEP_RETIRE, v->now, "it will not be used: %s", why);
	d->is_compromise = v->wish->wish == WISH_PANIC;
	d->is_alarm =
	    !v->ring->is_leaving && life_facts(v, k)->file == FILE_LOST;
	return true;
}

/* A turn that should have happened by now. */
static bool
is_turn_late(const struct life_view *v, enum key_alg alg)
{
	time_t due = life_due(v->ring, alg, v->rules);
	enum turn_cause cause = life_turn_cause(v, alg);

	return cause == TURN_COMPROMISED || cause == TURN_LOST ||
	    (due != 0 && v->now >= due);
}

void
life_decide_generated(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const struct key_facts *f = life_facts(v, k);
	bool is_foreign =
	    (f->sight == SIGHT_MISMATCH || f->sight == SIGHT_EMPTY) &&
	    !f->is_wildcard;

	if (is_useless(v, k, d))
		return;
	if (f->sight == SIGHT_NONE) {
		life_wait(d, STEP_PUBLISH, 0,
		    "its name in the DNS has to be looked at first");
	} else if (is_foreign &&
	    !(v->wish->wish == WISH_PUBLISH && v->wish->is_forced)) {
		life_wait(d, STEP_PUBLISH, 0,
		    "something else is published at its name already: %s",
		    life_sight_text(v, k));
		if (!k->is_slot)
			life_add(d,
			    "; remove that, or use another selector: `keyturn "
			    "retire %s %s`",
			    v->ring->domain, k->selector);
		d->is_stuck = true;
		d->is_alarm = true;
	} else {
		life_step(d, STEP_PUBLISH, k->made,
		    "its record can be handed to the DNS");
	}
}

/*
 * Everything but the gate and the calendar that an activation needs, now.
 * Otherwise d says what is missing.
 */
static bool
can_activate(const struct life_view *v, const struct ring_key *k,
    bool is_forced, struct decision *d)
{
	const struct key_facts *f = life_facts(v, k);

	if (v->facts == NULL || !v->facts->keyturnd_answers)
		life_wait(d, STEP_ACTIVATE, 0,
		    "it should sign now, but keyturnd does not answer, and "
		    "without it nothing is activated: start keyturnd");
	else if (f->file != FILE_GOOD)
		life_wait(d, STEP_ACTIVATE, 0,
		    "it should sign now, but its private key file %s was not "
		    "read",
		    k->file);
	else if (!is_forced && f->sight != SIGHT_COMPLETE)
		life_wait(d, STEP_ACTIVATE, 0,
		    "it should sign now, but its record cannot be vouched for "
		    "now: %s",
		    life_sight_text(v, k));
	else if (!is_forced && k->alg == KEY_ED25519_SHA256 &&
	    life_is_listed(v, KEY_RSA_SHA256) &&
	    life_active(v, KEY_RSA_SHA256) == NULL)
		life_wait(d, STEP_ACTIVATE, 0,
		    "ed25519 keys sign only beside an RSA key, and none is "
		    "active yet");
	else
		return true;
	d->is_stuck = k->alg != KEY_ED25519_SHA256 ||
	    f->sight != SIGHT_COMPLETE || f->file != FILE_GOOD;
	d->is_alarm = d->is_stuck && is_turn_late(v, k->alg) &&
	    life_turn_cause(v, k->alg) != TURN_CALENDAR;
	return false;
}

/* Put the step to active into d, with why, if nothing is missing. */
static void
activate(const struct life_view *v, const struct ring_key *k, bool is_forced,
    struct decision *d, const char *why)
{
	const struct ring_key *active = life_active(v, k->alg);

	if (!can_activate(v, k, is_forced, d))
		return;
	life_step(d, STEP_ACTIVATE, v->now, "%s", why);
	if (active != NULL)
		life_add(d, "; %s retires", active->selector);
	d->is_forced = is_forced;
	d->reason = is_forced ? v->wish->reason : NULL;
	d->is_compromise = active != NULL && v->wish->wish == WISH_PANIC;
}

static bool
is_forced_turn(const struct life_view *v, const struct ring_key *k)
{
	return v->wish->is_forced &&
	    (v->wish->wish == WISH_ROTATE || v->wish->wish == WISH_PANIC) &&
	    life_is_alg_concerned(v, k->alg) && life_next(v, k->alg) == k &&
	    !v->ring->is_leaving;
}

/* A published key that every server has. */
static void
decide_gate(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const struct moment *first = &k->first_sighting;
	int wait = life_gate_wait(v, k);
	time_t until = first->wall + wait;

	if (k->is_adopted && life_active(v, k->alg) == NULL &&
	    life_next(v, k->alg) == k) {
		activate(v, k, false, d,
		    "it signed before, and every server has its record");
	} else if (first->wall == 0) {
		life_step(d, STEP_SIGHT, v->now,
		    "every server has its record; caches that deny it have "
		    "forgotten that by %s",
		    WHEN(v->now + wait));
	} else if (!life_can_measure(v, first)) {
		life_step(d, STEP_SIGHT, v->now,
		    "every server has its record; the wait begins anew and "
		    "lasts until %s, for the host or its clock was reset since "
		    "%s",
		    WHEN(v->now + wait), WHEN(first->wall));
	} else if (!life_has_passed(v, first, wait)) {
		long long left =
		    wait - (v->clock->now.boottime - first->boottime);

		if (until < v->now + left)
			until = v->now + left;
		life_wait(d, STEP_READY, until,
		    "every server has its record since %s; ready from %s on, "
		    "when no cache can deny it any more (%s)",
		    WHEN(first->wall), WHEN(until), SPAN(wait));
	} else {
		life_step(d, STEP_READY, until,
		    "every server had its record at %s and has it now",
		    WHEN(first->wall));
	}
}

/* A published key that not every server has, or of which that is unknown. */
static void
decide_unseen(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	enum sight sight = life_facts(v, k)->sight;
	time_t handed =
	    k->republished > k->published ? k->republished : k->published;
	bool is_old = v->now >= k->published + v->rules->margin;

	if (sight == SIGHT_NONE) {
		life_wait(d, k->first_sighting.wall ? STEP_READY : STEP_SIGHT,
		    k->first_sighting.wall
		        ? k->first_sighting.wall + life_gate_wait(v, k)
		        : 0,
		    "its record was not looked at this time");
		return;
	}
	if (k->first_sighting.wall != 0)
		life_step(d, STEP_LOSE_SIGHT, v->now,
		    "every server had its record at %s, but now: %s; the wait "
		    "will begin anew",
		    WHEN(k->first_sighting.wall), life_sight_text(v, k));
	else if (life_is_bad_look(life_facts(v, k)) &&
	    (v->now >= handed + v->rules->recheck || v->now < handed))
		life_step(d, STEP_REPUBLISH, handed + v->rules->recheck,
		    "its record was handed to the DNS at %s, but: %s",
		    WHEN(handed), life_sight_text(v, k));
	else
		life_wait(d, STEP_SIGHT, 0,
		    "its record was handed to the DNS at %s; not every server "
		    "has it: %s; see `keyturn dns check %s`",
		    WHEN(handed), life_sight_text(v, k), v->ring->domain);
	d->is_stuck = is_old && (d->step == STEP_NONE || k->republished != 0);
	d->is_alarm = d->is_stuck &&
	    (is_turn_late(v, k->alg) || v->now >= k->published + DAY);
}

void
life_decide_published(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	enum sight sight = life_facts(v, k)->sight;

	if (is_useless(v, k, d))
		return;
	if (is_forced_turn(v, k))
		activate(v, k, true, d, "forced, without the gate");
	else if (v->wish->wish == WISH_PUBLISH &&
	    (k->first_sighting.wall == 0 || sight == SIGHT_COMPLETE))
		life_step(d, STEP_REPUBLISH, v->now, "asked for");
	else if (sight == SIGHT_COMPLETE)
		decide_gate(v, k, d);
	else
		decide_unseen(v, k, d);
}

static bool
has_evidence(const struct ring_key *k)
{
	return (k->evidence.second != 0 || k->evidence.is_forced) &&
	    memcmp(k->evidence.fingerprint, k->fingerprint,
	        sizeof(k->fingerprint)) == 0;
}

/* A ready key whose time has not come. */
static void
decide_spare(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	time_t due = life_due(v->ring, k->alg, v->rules);

	if (due == 0) {
		life_wait(d, STEP_ACTIVATE, 0,
		    "ready, but by rotation.weekdays and rotation.blackout no "
		    "day is open for a turn");
		d->is_stuck = true;
	} else if (v->now < due) {
		life_wait(d, STEP_ACTIVATE, due,
		    "ready; its turn is due %s; sooner: `keyturn rotate %s`",
		    WHEN(due), v->ring->domain);
	} else if (v->is_behind) {
		life_say_behind(v, d, STEP_ACTIVATE);
		life_add(d, "; or `keyturn rotate %s`", v->ring->domain);
	} else {
		due = life_open_day(v->rules, v->now);
		life_wait(d, STEP_ACTIVATE, due,
		    "ready; its turn waits for %s, the next open day by "
		    "rotation.weekdays and rotation.blackout; sooner: "
		    "`keyturn rotate %s`",
		    WHEN(due), v->ring->domain);
	}
}

/* A turn is not begun before the last one was confirmed. */
static bool
is_last_turn_open(const struct life_view *v, const struct ring_key *active)
{
	return active != NULL && v->facts != NULL && v->facts->held_is_known &&
	    !life_facts(v, active)->is_held;
}

void
life_decide_ready(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	static const char *const why[] = {
		[TURN_FIRST] = "no key of its kind signs yet",
		[TURN_COMPROMISED] = "the active key is compromised",
		[TURN_ASKED] = "asked for",
		[TURN_LOST] = "the record of the active key is lost",
		[TURN_CALENDAR] = "its turn is due",
	};
	enum turn_cause cause = life_turn_cause(v, k->alg);
	const struct ring_key *active = life_active(v, k->alg);
	enum sight sight = life_facts(v, k)->sight;

	if (is_useless(v, k, d))
		return;
	if (is_forced_turn(v, k))
		activate(v, k, !has_evidence(k) || sight != SIGHT_COMPLETE, d,
		    "forced");
	else if (!has_evidence(k))
		life_step(d, STEP_LOSE_SIGHT, v->now,
		    "the ring has no evidence for this key");
	else if (life_is_bad_look(life_facts(v, k)))
		/* First of all, and whatever becomes of publishing it again:
		   caches may deny it from now on. */
		life_step(d, STEP_LOSE_SIGHT, v->now,
		    "its record is not what it was: %s; it has to pass the "
		    "gate again",
		    life_sight_text(v, k));
	else if (v->wish->wish == WISH_PUBLISH)
		life_step(d, STEP_REPUBLISH, v->now, "asked for");
	else if (life_next(v, k->alg) != k)
		life_wait(d, STEP_ACTIVATE, 0, "ready, comes after %s",
		    life_next(v, k->alg)->selector);
	else if (cause == TURN_NOT)
		decide_spare(v, k, d);
	else if (cause == TURN_CALENDAR &&
	    is_last_turn_open(v, life_active(v, k->alg)))
		life_wait(d, STEP_ACTIVATE, 0,
		    "its turn is due, but keyturnd has not taken up %s yet",
		    life_active(v, k->alg)->selector);
	else if (cause == TURN_LOST && life_facts(v, active)->file == FILE_LOST)
		activate(v, k, false, d,
		    "the file of the active key is lost or damaged");
	else
		activate(v, k, false, d, why[cause]);
}

/* When a new key of spec is to be made; 0: now. */
static time_t
new_key_due(const struct life_view *v, enum key_alg alg)
{
	time_t due = life_due(v->ring, alg, v->rules);

	if (v->rules->standby || v->wish->wish != WISH_NONE ||
	    life_turn_cause(v, alg) != TURN_NOT)
		return 0;
	return due > v->rules->lead ? due - v->rules->lead : due;
}

static int
made_today(const struct life_view *v, enum key_alg alg, time_t *first)
{
	int n = 0;

	for (size_t i = v->ring->key_count; i-- > 0;) {
		const struct ring_key *k = &v->ring->keys[i];

		if (k->alg == alg && k->made > v->now - DAY &&
		    k->made <= v->now) {
			n++;
			*first = k->made;
		}
	}
	return n;
}

/* Whether there is room for one more; otherwise d says what is missing. */
static bool
can_generate(const struct life_view *v, enum key_alg alg, struct decision *d)
{
	time_t when = 0;

	if (v->ring->key_count >= RING_KEYS_MAX) {
		life_wait(d, STEP_GENERATE, 0,
		    "the ring has %d keys, which is the limit: make it anew "
		    "with `keyturn remove %s` and `keyturn add`",
		    RING_KEYS_MAX, v->ring->domain);
	} else if (made_today(v, alg, &when) >= NEW_KEYS_A_DAY) {
		life_wait(d, STEP_GENERATE, when + DAY,
		    "%d keys were made within a day and not one was used: "
		    "something is wrong; see `keyturn journal %s`",
		    NEW_KEYS_A_DAY, v->ring->domain);
	} else if (v->rules->slots != NULL) {
		d->slot = life_free_slot(v, &when);
		if (d->slot != NULL)
			return true;
		life_wait(d, STEP_GENERATE, when,
		    "no slot of rotation.slots is free");
		if (when != 0)
			life_add(d, " before %s", WHEN(when));
		d->is_stuck = is_turn_late(v, alg);
		d->is_alarm = d->is_stuck;
		return false;
	} else {
		return true;
	}
	d->is_stuck = true;
	d->is_alarm = true;
	return false;
}

void
life_decide_new(const struct life_view *v, const struct key_spec *spec,
    struct decision *d)
{
	static const char *const why[] = {
		[TURN_NOT] = "the next turn is near",
		[TURN_FIRST] = "there is no key of its kind",
		[TURN_COMPROMISED] = "the active key is compromised",
		[TURN_ASKED] = "asked for",
		[TURN_LOST] = "the active key or its record is lost",
		[TURN_CALENDAR] = "the next turn is due",
	};
	enum turn_cause cause = life_turn_cause(v, spec->alg);
	time_t due = new_key_due(v, spec->alg);

	d->alg = spec->alg;
	d->bits = spec->bits;
	if (v->now < due) {
		life_wait(d, STEP_GENERATE, due,
		    "the next key is made at %s, %s before its turn", WHEN(due),
		    SPAN(v->rules->lead));
		return;
	}
	if (can_generate(v, spec->alg, d))
		life_step(d, STEP_GENERATE, due != 0 ? due : v->now, "%s",
		    cause == TURN_NOT && v->rules->standby
		        ? "one key is always kept ready"
		        : why[cause]);
}
