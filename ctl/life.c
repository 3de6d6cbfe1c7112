/*
 * The decision for each key of a ring.  What a key in each state needs is in
 * life_rise.c, life_active.c and life_fall.c; here is what concerns all of
 * them: commands, mode = manual, and that at most one step is taken for a key.
 */
#include <string.h>

#include "life_view.h"

const char *
step_name(enum step step)
{
	static const char *const names[] = {
		[STEP_NONE] = "none",
		[STEP_GENERATE] = "generate",
		[STEP_PUBLISH] = "publish",
		[STEP_REPUBLISH] = "republish",
		[STEP_SIGHT] = "sight",
		[STEP_LOSE_SIGHT] = "lose-sight",
		[STEP_READY] = "ready",
		[STEP_ACTIVATE] = "activate",
		[STEP_CONFIRM] = "confirm",
		[STEP_RETIRE] = "retire",
		[STEP_ARM] = "arm",
		[STEP_REVOKE] = "revoke",
		[STEP_NOTE_EMPTY] = "note-empty",
		[STEP_REMOVE] = "remove",
		[STEP_GONE] = "gone",
		[STEP_DELETE_FILE] = "delete-file",
		[STEP_CONDEMN] = "condemn",
	};

	return names[step];
}

static void
decide_key(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	if (!life_is_concerned(v, k)) {
		life_wait(d, STEP_NONE, 0, "not part of this command");
		return;
	}
	if (v->wish->wish == WISH_REVOKE && life_is_rising(k)) {
		life_wait(d, STEP_NONE, 0,
		    "it never signed: `keyturn retire %s %s`", v->ring->domain,
		    k->selector);
		return;
	}
	switch (k->state) {
	case KEY_GENERATED:
		life_decide_generated(v, k, d);
		break;
	case KEY_PUBLISHED:
		life_decide_published(v, k, d);
		break;
	case KEY_READY:
		life_decide_ready(v, k, d);
		break;
	case KEY_ACTIVE:
		life_decide_active(v, k, d);
		break;
	case KEY_RETIRING:
	case KEY_REVOKED:
	case KEY_GONE:
		life_decide_fallen(v, k, d);
		break;
	}
}

/* Whether the algorithm of spec i has no key on its way. */
static bool
wants_new(const struct life_view *v, size_t i)
{
	enum key_alg alg = v->rules->algorithms[i].alg;

	for (size_t j = 0; j < i; j++) {
		if (v->rules->algorithms[j].alg == alg)
			return false;
	}
	return !v->ring->is_leaving && life_is_alg_concerned(v, alg) &&
	    life_next(v, alg) == NULL;
}

/* The command that does by hand what tick leaves alone. */
static void
add_command(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	const char *verb = "revoke";

	if (k == NULL || d->next == STEP_ACTIVATE) {
		life_add(d, " (mode = manual: `keyturn rotate %s`)",
		    v->ring->domain);
		return;
	}
	if (d->next == STEP_PUBLISH || d->next == STEP_REPUBLISH)
		verb = "dns publish";
	else if (d->next == STEP_RETIRE)
		verb = "retire";
	life_add(d, " (mode = manual: `keyturn %s %s %s`)", verb,
	    v->ring->domain, k->selector);
}

/*
 * mode = manual: tick looks and reports; it is stuck only when the lead that
 * the next key had is overrun.
 */
static void
hold_back(const struct life_view *v, const struct ring_key *k,
    struct decision *d)
{
	time_t due = life_due(v->ring, d->alg, v->rules);

	if (!life_is_passive(v, k, d->alg))
		return;
	if (k == NULL || life_is_rising(k)) {
		d->is_stuck = due != 0 && v->now > due;
		d->is_alarm = d->is_alarm && d->is_stuck;
	}
	switch (d->step) {
	case STEP_NONE:
	case STEP_SIGHT:
	case STEP_LOSE_SIGHT:
	case STEP_READY:
	case STEP_NOTE_EMPTY:
	case STEP_GONE:
	case STEP_CONFIRM:
		return;
	default:
		break;
	}
	d->next = d->step;
	d->step = STEP_NONE;
	d->when = 0;
	add_command(v, k, d);
}

/* The keys that retire by another one's step have none of their own. */
static void
yield_to(const struct life_view *v, const struct decision *turn,
    struct decision *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct decision *d = &out[i];

		if (d->key == LIFE_NEW_KEY || d->alg != turn->alg ||
		    v->ring->keys[d->key].state != KEY_ACTIVE)
			continue;
		life_wait(d, STEP_RETIRE, 0, "%s takes its place now",
		    v->ring->keys[turn->key].selector);
		d->irreversible = IRREVERSIBLE_NONE;
		d->is_compromise = false;
	}
}

size_t
life_decide(const struct ring *ring, const struct facts *facts,
    const struct rotation *rules, const struct life_clock *clock,
    const struct life_wish *wish, struct decision *out)
{
	struct life_view v;
	size_t n = 0;

	life_view_init(&v, ring, facts, rules, clock, wish);
	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *k = &ring->keys[i];

		if (k->state == KEY_GONE && k->file[0] == '\0')
			continue;
		out[n] = (struct decision){
			.key = i,
			.alg = k->alg,
			.bits = k->bits,
		};
		decide_key(&v, k, &out[n]);
		hold_back(&v, k, &out[n++]);
	}
	for (size_t i = 0; i < rules->algorithm_count; i++) {
		if (!wants_new(&v, i))
			continue;
		out[n] = (struct decision){ .key = LIFE_NEW_KEY };
		life_decide_new(&v, &rules->algorithms[i], &out[n]);
		if (out[n].slot != NULL)
			v.taken[v.taken_count++] = out[n].slot;
		hold_back(&v, NULL, &out[n++]);
	}
	for (size_t i = 0; i < n; i++) {
		if (out[i].step == STEP_ACTIVATE)
			yield_to(&v, &out[i], out, n);
	}
	return n;
}
