/*
 * The way down: retiring, revoked, gone, and the private key.  Promises 2
 * (overlap) and 6 (irreversible steps take two ticks) are here.
 */
#include <string.h>

#include "life_view.h"

#define DAY 86400

/* When the record may be withdrawn, and why. */
struct withdrawal {
	time_t due; /* 0: not, d says why */
	bool is_unheld;
	bool is_plain; /* by removal, not by p= */
};

static bool
was_never_held(const struct life_view *v, const struct ring_key *k)
{
	const struct key_facts *f = life_facts(v, k);

	/* What the ring knows counts as well: the record of what was held may
	   have been lost, and be empty for that. */
	return v->facts != NULL && v->facts->held_is_known && !f->is_held &&
	    f->held_since == 0 && f->released == 0 && k->activated == 0 &&
	    k->released == 0 && !k->is_adopted;
}

static time_t
latest_of(time_t a, time_t b, time_t c)
{
	time_t t = a > b ? a : b;

	return t > c ? t : c;
}

/*
 * Whether k is out of keyturnd's hands; otherwise d says what is needed.
 */
static bool
is_let_go(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	if (v->facts == NULL || !v->facts->held_is_known) {
		life_wait(d, STEP_REVOKE, 0,
		    "what keyturnd holds is not known, and without that "
		    "nothing is withdrawn: see `keyturn status`");
		d->is_stuck = true;
		return false;
	}
	if (!life_facts(v, k)->is_held)
		return true;
	if (v->facts->keyturnd_answers) {
		life_step(d, STEP_CONFIRM, k->retired,
		    "keyturnd still holds it");
	} else {
		life_wait(d, STEP_CONFIRM, 0,
		    "keyturnd still holds it and does not answer: start "
		    "keyturnd");
		d->is_stuck = true;
	}
	return false;
}

/*
 * From when on the record of retiring key k may be withdrawn by the calendar;
 * 0: d says why not.
 */
static time_t
withdrawal_due(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const struct key_facts *f = life_facts(v, k);
	bool is_forced = v->wish->wish == WISH_REVOKE && v->wish->is_forced;
	time_t let_go = k->released;

	if (was_never_held(v, k))
		return k->retired;
	if (let_go == 0 && is_forced)
		let_go =
		    f->last_signed > k->retired ? f->last_signed : k->retired;
	if (let_go == 0) {
		life_wait(d, STEP_REVOKE, 0,
		    "%s, so nobody knows when it signed last: its record stays "
		    "until `keyturn revoke %s %s --force REASON`, from %s on",
		    k->is_adopted && k->activated == 0
		        ? "it was adopted and never signed here"
		        : "keyturnd has no note of when it released this key",
		    v->ring->domain, k->selector,
		    WHEN(k->retired + v->rules->retire_after));
		return 0;
	}
	return latest_of(let_go, k->retired, v->clock->even_since) +
	    v->rules->retire_after;
}

/*
 * An irreversible step that is due: announced by one tick, done by another.
 */
static void
decide_irreversible(const struct life_view *v, const struct ring_key *k,
    enum irreversible what, enum step step, time_t due, const char *why,
    struct decision *d)
{
	const struct life_clock *c = v->clock;
	const struct moment *at = &k->armed_at;
	bool is_armed = k->armed == what && at->wall >= due &&
	    at->boottime <= c->now.boottime && at->boot_id[0] != '\0' &&
	    strcmp(at->boot_id, c->now.boot_id) == 0;
	long long since = c->now.boottime - at->boottime;

	bool is_forced = v->wish->wish == WISH_REVOKE && v->wish->is_forced &&
	    what != IRREVERSIBLE_DELETE_FILE;

	if (v->is_behind && !is_forced) {
		life_say_behind(v, d, step);
	} else if (!is_armed) {
		life_step(d, STEP_ARM, due,
		    "%s; announced, and done at %s or later", why,
		    WHEN(v->now + c->irreversible_wait));
		d->irreversible = what;
	} else if (since < c->irreversible_wait) {
		time_t when = v->now + c->irreversible_wait - since;

		life_wait(d, step, when,
		    "%s; announced at %s, done at %s or later", why,
		    WHEN(at->wall), WHEN(when));
	} else {
		life_step(d, step, due, "%s; announced at %s", why,
		    WHEN(at->wall));
	}
}

/* A record that verifiers still need is watched as well. */
static bool
is_vanished(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	if (!life_is_bad_look(life_facts(v, k)))
		return false;
	if (k->republished != 0 && v->now >= k->republished &&
	    v->now < k->republished + v->rules->recheck)
		life_wait(d, STEP_REPUBLISH, k->republished + v->rules->recheck,
		    "mail on its way needs its record, it was handed to the "
		    "DNS again at %s, but: %s",
		    WHEN(k->republished), life_sight_text(v, k));
	else
		life_step(d, STEP_REPUBLISH, v->now,
		    "mail on its way needs its record, but: %s",
		    life_sight_text(v, k));
	d->is_alarm = k->republished != 0 &&
	    (v->now >= k->republished + LIFE_SETTLE || v->now < k->republished);
	d->is_stuck = d->is_alarm;
	return true;
}

/*
 * Whether a key is revoked by removing its record: by the settings, or because
 * somebody else has removed it, and p= is put only where a record is.
 */
static bool
is_removed(const struct life_view *v, const struct ring_key *k)
{
	return v->rules->revoke == REVOKE_REMOVE ||
	    life_is_gone(life_facts(v, k));
}

/* Nothing is revoked before a replacement signs. */
static void
decide_compromised(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const struct ring_key *active = life_active(v, k->alg);

	if (!is_let_go(v, k, d))
		return;
	if (active != NULL && !life_facts(v, active)->is_held) {
		life_wait(d, STEP_REVOKE, 0,
		    "it is compromised; revoked as soon as keyturnd signs with "
		    "%s",
		    active->selector);
		d->is_stuck = true;
		return;
	}
	life_step(d, is_removed(v, k) ? STEP_REMOVE : STEP_REVOKE, v->now,
	    "it is compromised");
}

static void
decide_retiring(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const struct key_facts *f = life_facts(v, k);
	time_t due;

	if (k->is_compromised) {
		decide_compromised(v, k, d);
		return;
	}
	if (v->wish->wish == WISH_PANIC) {
		life_step(d, STEP_CONDEMN, v->now, "it is compromised");
		return;
	}
	if (v->wish->wish == WISH_PUBLISH) {
		life_step(d, STEP_REPUBLISH, v->now, "asked for");
		return;
	}
	if (!is_let_go(v, k, d))
		return;
	if (k->published == 0 && f->sight == SIGHT_MISMATCH &&
	    was_never_held(v, k)) {
		life_step(d, STEP_GONE, v->now,
		    "its record was never published");
		return;
	}
	due = withdrawal_due(v, k, d);
	if ((due == 0 || v->now < due) && !was_never_held(v, k) &&
	    is_vanished(v, k, d))
		return;
	if (due == 0)
		return;
	if (v->now < due) {
		life_wait(d, STEP_REVOKE, due,
		    "mail that it signed can be on its way until %s, %s after "
		    "%s %s: its record stays",
		    WHEN(due), SPAN(v->rules->retire_after),
		    v->clock->even_since == due - v->rules->retire_after
		        ? "the clock was last set, at"
		        : "keyturnd let it go at",
		    WHEN(due - v->rules->retire_after));
		return;
	}
	if (is_removed(v, k) || k->is_slot || was_never_held(v, k))
		decide_irreversible(v, k, IRREVERSIBLE_REMOVE, STEP_REMOVE, due,
		    was_never_held(v, k)
		        ? "it never signed: its record is removed"
		        : "no mail needs its record: it is removed",
		    d);
	else
		decide_irreversible(v, k, IRREVERSIBLE_REVOKE, STEP_REVOKE, due,
		    "no mail needs its record: p= is made empty", d);
}

/* What is there in place of nothing, or of an empty p=. */
static const char *
what_lingers(const struct life_view *v, const struct ring_key *k)
{
	return life_facts(v, k)->sight == SIGHT_COMPLETE
	    ? "every server has the record of the key"
	    : life_sight_text(v, k);
}

/* Its record was withdrawn, but not every server shows that: again. */
static void
decide_lingering(const struct life_view *v, const struct ring_key *k,
    enum step again, time_t since, struct decision *d)
{
	time_t last = k->republished > since ? k->republished : since;

	if (life_facts(v, k)->sight == SIGHT_NONE) {
		life_wait(d, again == STEP_REVOKE ? STEP_NOTE_EMPTY : STEP_GONE,
		    0, "its record was not looked at this time");
		return;
	}
	if (v->now >= last + v->rules->recheck || v->now < last ||
	    v->wish->wish == WISH_PUBLISH)
		life_step(d, again, last + v->rules->recheck,
		    "its record was withdrawn at %s, but still: %s",
		    WHEN(since), what_lingers(v, k));
	else
		life_wait(d, again == STEP_REVOKE ? STEP_NOTE_EMPTY : STEP_GONE,
		    0,
		    "its record was withdrawn at %s, not every server shows "
		    "that: %s",
		    WHEN(since), what_lingers(v, k));
	d->is_stuck = v->now >= since + DAY;
	d->is_alarm = d->is_stuck && k->is_compromised;
}

static void
decide_revoked(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const struct key_facts *f = life_facts(v, k);
	time_t due;

	if (k->removed != 0) {
		if (life_is_gone(f))
			life_step(d, STEP_GONE, v->now,
			    "no server has its record any more");
		else
			decide_lingering(v, k, STEP_REMOVE, k->removed, d);
		return;
	}
	if (k->empty_seen == 0) {
		if (f->sight == SIGHT_EMPTY || life_is_gone(f))
			life_step(d, STEP_NOTE_EMPTY, v->now, "%s",
			    f->sight == SIGHT_EMPTY
			        ? "every server has it with an empty p="
			        : "no server has it any more");
		else
			decide_lingering(v, k, STEP_REVOKE, k->revoked, d);
		return;
	}
	/* A slot is needed again; nobody looks there for the old key. */
	due = k->empty_seen + (k->is_slot ? 0 : v->rules->revoke_for);
	if (v->now < due)
		life_wait(d, STEP_REMOVE, due,
		    "revoked, every server shows that since %s; its record is "
		    "removed from %s on",
		    WHEN(k->empty_seen), WHEN(due));
	else
		decide_irreversible(v, k, IRREVERSIBLE_REMOVE, STEP_REMOVE, due,
		    "its empty record has been shown long enough: it is "
		    "removed",
		    d);
}

/* From when on the private key may be deleted; 0: not. */
static time_t
deletion_due(const struct life_view *v, const struct ring_key *k)
{
	const struct key_facts *f = life_facts(v, k);
	time_t let_go;

	if (k->file[0] == '\0' || v->facts == NULL ||
	    !v->facts->held_is_known || f->is_held)
		return 0;
	let_go = k->released > k->retired ? k->released : k->retired;
	if (k->released == 0 && !was_never_held(v, k) && k->state != KEY_GONE)
		return 0;
	return let_go + v->rules->delete_after;
}

static void
decide_deletion(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	time_t due = deletion_due(v, k);
	bool is_other_armed =
	    k->armed == IRREVERSIBLE_REVOKE || k->armed == IRREVERSIBLE_REMOVE;

	if (d->step != STEP_NONE || d->is_alarm || is_other_armed)
		return;
	if (k->state == KEY_GONE && due != 0)
		life_wait(d, STEP_DELETE_FILE, due,
		    "gone; its private key is kept until %s", WHEN(due));
	else if (v->now < due)
		d->deletion = due;
	if (due != 0 && v->now >= due)
		decide_irreversible(v, k, IRREVERSIBLE_DELETE_FILE,
		    STEP_DELETE_FILE, due, "its private key is deleted", d);
}

void
life_decide_fallen(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	if (v->wish->wish == WISH_RETIRE) {
		life_wait(d, STEP_NONE, 0, "it is %s: retired at %s",
		    key_state_name(k->state), WHEN(k->retired));
		return;
	}
	if (k->state == KEY_RETIRING)
		decide_retiring(v, k, d);
	else if (is_let_go(v, k, d) && k->state == KEY_REVOKED)
		decide_revoked(v, k, d);
	decide_deletion(v, k, d);
}
