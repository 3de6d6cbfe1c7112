/*
 * The key that signs.  Promise 3 (stay): it goes on signing until another one
 * can, whatever fails; promise 7 (watch): what is wrong with it is mended, and
 * told.
 */
#include "life_view.h"

/* Whether another key than k signs, in the eyes of keyturnd. */
static bool
is_other_signing(const struct life_view *v, const struct ring_key *k)
{
	for (size_t i = 0; i < v->ring->key_count; i++) {
		const struct ring_key *o = &v->ring->keys[i];

		if (o != k && ring_key_signs(o) && life_facts(v, o)->is_held &&
		    life_is_listed(v, o->alg))
			return true;
	}
	return false;
}

/* Without a successor. */
static void
retire(const struct life_view *v, struct decision *d, const char *why)
{
	if (v->facts == NULL || !v->facts->keyturnd_answers) {
		life_wait(d, STEP_RETIRE, 0,
		    "it should stop signing (%s), but keyturnd does not "
		    "answer: start keyturnd",
		    why);
		d->is_stuck = true;
		return;
	}
	life_step(d, STEP_RETIRE, v->now, "it stops signing: %s", why);
}

/* What holds the successor up, for the text. */
static void
add_successor(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const struct ring_key *next = life_next(v, k->alg);

	if (next == NULL)
		life_add(d,
		    "; there is no other key yet, the next tick makes "
		    "one");
	else
		life_add(d, "; it signs on until %s can, which is %s",
		    next->selector, key_state_name(next->state));
}

static void
leave(const struct life_view *v, struct decision *d)
{
	if (v->wish->wish == WISH_ROTATE) {
		life_wait(d, STEP_RETIRE, 0,
		    "the ring is being removed, nothing new is begun");
		return;
	}
	retire(v, d, "the ring is being removed");
	d->is_compromise = v->wish->wish == WISH_PANIC;
}

/* What panic makes of the active key itself. */
static bool
is_panic(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	bool is_asked = v->wish->wish == WISH_PANIC && life_is_concerned(v, k);

	if (!is_asked && !k->is_compromised)
		return false;
	if (is_asked && v->wish->is_unsigned) {
		retire(v, d, "it is compromised, and mail is to go unsigned");
		d->is_compromise = true;
	} else if (!k->is_compromised) {
		life_step(d, STEP_CONDEMN, v->now,
		    "it is compromised; its record is revoked as soon as "
		    "another key signs");
		add_successor(v, k, d);
	} else {
		life_wait(d, STEP_RETIRE, 0, "it is compromised");
		add_successor(v, k, d);
		life_add(d, "; to stop it now: `keyturn panic %s --unsigned`",
		    v->ring->domain);
		d->is_stuck = true;
		d->is_alarm = true;
	}
	return true;
}

/* Its key or its record is not as it should be. */
static bool
is_ill(const struct life_view *v, const struct ring_key *k, struct decision *d)
{
	const struct key_facts *f = life_facts(v, k);

	if (f->file == FILE_LOST) {
		life_wait(d, STEP_ACTIVATE, 0,
		    "its private key file %s is lost or damaged", k->file);
		add_successor(v, k, d);
	} else if (!life_is_bad_look(f)) {
		return false;
	} else if (k->republished == 0) {
		life_step(d, STEP_REPUBLISH, v->now,
		    "its record is not what it should be: %s",
		    life_sight_text(v, k));
		return true;
	} else if (!life_is_lost(v, k)) {
		life_wait(d, STEP_REPUBLISH, k->republished + LIFE_SETTLE,
		    "its record was handed to the DNS again at %s, but still: "
		    "%s",
		    WHEN(k->republished), life_sight_text(v, k));
		return true;
	} else if (v->now >= k->republished + v->rules->recheck) {
		life_step(d, STEP_REPUBLISH, k->republished + v->rules->recheck,
		    "its record was handed to the DNS again at %s, but still: "
		    "%s",
		    WHEN(k->republished), life_sight_text(v, k));
	} else {
		life_wait(d, STEP_REPUBLISH, k->republished + v->rules->recheck,
		    "its record cannot be kept published, it was handed to the "
		    "DNS again at %s, but still: %s",
		    WHEN(k->republished), life_sight_text(v, k));
		add_successor(v, k, d);
	}
	d->is_stuck = true;
	d->is_alarm = true;
	return true;
}

/* What keyturnd has to do about it. */
static bool
is_unconfirmed(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	if (v->facts == NULL || !v->facts->held_is_known ||
	    life_facts(v, k)->is_held)
		return false;
	if (!ring_key_signs(k)) {
		life_wait(d, STEP_CONFIRM, 0,
		    "the ring has no evidence for this key, keyturnd will not "
		    "sign with it: `keyturn repair %s`",
		    v->ring->domain);
		d->is_stuck = true;
		d->is_alarm = true;
	} else if (!v->facts->keyturnd_answers) {
		life_wait(d, STEP_CONFIRM, 0,
		    "keyturnd has not taken it up and does not answer: start "
		    "keyturnd");
		d->is_stuck = true;
	} else {
		life_step(d, STEP_CONFIRM, k->activated,
		    "keyturnd has not taken it up yet");
	}
	return true;
}

static void
say_well(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	time_t due = life_due(v->ring, k->alg, v->rules);

	life_wait(d, STEP_ACTIVATE, due, "signs since %s", WHEN(k->activated));
	if (life_facts(v, k)->sight == SIGHT_UNANSWERED)
		life_add(d, "; its record cannot be vouched for now: %s",
		    life_sight_text(v, k));
	if (due != 0)
		life_add(d, "; its successor's turn is due %s", WHEN(due));
	if (v->facts != NULL && !v->facts->held_is_known) {
		life_add(d, "; what keyturnd holds is not known");
		d->is_stuck = true;
	}
}

void
life_decide_active(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	if (v->wish->wish == WISH_RETIRE || v->wish->wish == WISH_REVOKE)
		life_wait(d, STEP_NONE, 0,
		    "it signs: `keyturn rotate %s` first; if it is "
		    "compromised, `keyturn panic %s`; to sign no more, "
		    "`keyturn remove %s`",
		    v->ring->domain, v->ring->domain, v->ring->domain);
	else if (v->wish->wish == WISH_PUBLISH)
		life_step(d, STEP_REPUBLISH, v->now, "asked for");
	else if (v->ring->is_leaving)
		leave(v, d);
	else if (is_panic(v, k, d))
		return;
	else if (life_active(v, k->alg) != k)
		retire(v, d, "another key of its kind signs");
	else if (!life_is_listed(v, k->alg) && is_other_signing(v, k))
		retire(v, d,
		    "rotation.algorithms does not name its kind any more");
	else if (!is_ill(v, k, d) && !is_unconfirmed(v, k, d))
		say_well(v, k, d);
}
