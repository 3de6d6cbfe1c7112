/*
 * The status of rings.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "json.h"
#include "output.h"
#include "ringstatus.h"
#include "when.h"

/* One ring, and what is decided for its keys with what is known. */
struct view {
	const struct turner *t;
	struct known known;
	struct decision *decisions;
	size_t count;
	bool is_stuck; /* some key of it */
};

static int
view_load(struct view *v, struct turner *t, const char *domain, struct err *err)
{
	static const struct life_wish no_wish = { .wish = WISH_NONE };

	*v = (struct view){ .t = t };
	if (known_load(t, domain, NULL, &v->known, err) == -1)
		return -1;
	known_remember(&v->known);
	v->decisions =
	    calloc(v->known.ring->key_count + ROTATION_ALGORITHMS_MAX,
	        sizeof(*v->decisions));
	if (v->decisions == NULL) {
		known_clear(&v->known);
		return err_nomem(err);
	}
	/* As tick will, before it decides: when keyturnd let go of a key. */
	life_note(v->known.ring, &v->known.facts, &t->clock);
	v->count = life_decide(v->known.ring, &v->known.facts, &v->known.rules,
	    &t->clock, &no_wish, v->decisions);
	for (size_t i = 0; i < v->count; i++)
		v->is_stuck = v->is_stuck || v->decisions[i].is_stuck ||
		    v->decisions[i].is_alarm;
	return 0;
}

static void
view_clear(struct view *v)
{
	free(v->decisions);
	known_clear(&v->known);
}

/* When the key came into its state. */
static time_t
state_since(const struct ring_key *k)
{
	switch (k->state) {
	case KEY_GENERATED:
		return k->made;
	case KEY_PUBLISHED:
		return k->published;
	case KEY_READY:
		return k->ready;
	case KEY_ACTIVE:
		return k->activated;
	case KEY_RETIRING:
		return k->retired;
	case KEY_REVOKED:
		return k->revoked;
	default:
		return k->gone_seen;
	}
}

static enum step
next_step(const struct decision *d)
{
	return d->step != STEP_NONE ? d->step : d->next;
}

/* Whether the last look found the record of a key that was withdrawn. */
static bool
is_there_still(const struct ring_key *k, const struct look *l)
{
	return k->state == KEY_REVOKED && l != NULL &&
	    l->sight == SIGHT_COMPLETE;
}

/* What the last look found, as one of the four statuses. */
static const char *
dns_status(const struct ring_key *k, const struct look *l)
{
	enum sight sight = l != NULL ? l->sight : SIGHT_NONE;

	if ((k->state == KEY_REVOKED && sight == SIGHT_EMPTY) ||
	    (k->removed != 0 && sight == SIGHT_ABSENT))
		sight = SIGHT_COMPLETE;
	else if (is_there_still(k, l))
		sight = SIGHT_MISMATCH;
	return sight_status(sight, true);
}

/* What it found in words, or NULL. */
static const char *
dns_text(const struct ring_key *k, const struct look *l)
{
	if (is_there_still(k, l))
		return "every server had the record of the key";
	return l != NULL ? l->text : NULL;
}

/*
 * In words.
 */

static void
add_when(struct buf *out, const char *what, time_t t)
{
	char when[WHEN_TEXT_MAX];

	if (t == 0)
		return;
	when_text(t, when);
	buf_printf(out, ", %s %s", what, when);
}

static void
add_decision(struct buf *out, const struct decision *d)
{
	char when[WHEN_TEXT_MAX];

	buf_printf(out, "    %s",
	    d->is_alarm       ? "ALARM: "
	        : d->is_stuck ? "stuck: "
	                      : "next: ");
	if (next_step(d) != STEP_NONE)
		buf_printf(out, "%s", step_name(next_step(d)));
	if (d->step != STEP_NONE)
		buf_adds(out, " now");
	else if (d->when != 0) {
		when_text(d->when, when);
		buf_printf(out, " from %s", when);
	}
	buf_adds(out, ": ");
	buf_add_escaped(out, d->text, strlen(d->text));
	buf_addc(out, '\n');
}

static void
words_key(const struct view *v, const struct decision *d, struct buf *out)
{
	const struct ring_key *k = &v->known.ring->keys[d->key];
	const struct key_facts *f = &v->known.keys[d->key];
	const struct look *l = looks_find(&v->known.looks, k);
	const char *text = dns_text(k, l);
	char age[DURATION_TEXT_MAX];
	time_t since = state_since(k);

	duration_text(v->t->clock.now.wall - since, age);
	buf_printf(out, "  %s: %s%s%s, %s %u", k->selector,
	    key_state_name(k->state), since != 0 ? " for " : "",
	    since != 0 ? age : "", key_alg_type(k->alg), k->bits);
	add_when(out, "held since", f->held_since);
	add_when(out, "last signed", f->last_signed);
	add_when(out, "released", f->released);
	buf_printf(out, "\n    %s", dns_status(k, l));
	add_when(out, "looked", l != NULL ? l->when : 0);
	if (text != NULL && text[0] != '\0') {
		buf_adds(out, ": ");
		buf_add_escaped(out, text, strlen(text));
	}
	buf_addc(out, '\n');
	add_decision(out, d);
}

static void
words(const struct view *v, struct buf *out)
{
	const struct ring *ring = v->known.ring;

	buf_printf(out, "%s%s\n", ring->domain,
	    ring->is_leaving ? " (being removed)" : "");
	for (size_t i = 0; i < v->count; i++) {
		const struct decision *d = &v->decisions[i];

		if (d->key != LIFE_NEW_KEY) {
			words_key(v, d, out);
			continue;
		}
		buf_printf(out, "  a new key, %s\n", key_alg_type(d->alg));
		add_decision(out, d);
	}
}

/*
 * In JSON.
 */

static void
json_key(const struct view *v, size_t i, struct buf *out)
{
	const struct ring_key *k = &v->known.ring->keys[i];
	const struct key_facts *f = &v->known.keys[i];
	const struct look *l = looks_find(&v->known.looks, k);
	char hex[RING_HEX_MAX];

	hex_text(k->fingerprint, hex);
	json_text(out, "selector", k->selector);
	json_text(out, "state", key_state_name(k->state));
	json_when(out, "since", state_since(k));
	json_text(out, "algorithm", key_alg_name(k->alg));
	json_number(out, "bits", k->bits);
	json_text(out, "fingerprint", hex);
	json_when(out, "made", k->made);
	json_when(out, "activated", k->activated);
	json_when(out, "retired", k->retired);
	json_bool(out, "held", f->is_held);
	json_when(out, "held_since", f->held_since);
	json_when(out, "last_signed", f->last_signed);
	json_when(out, "released", f->released);
	json_text(out, "dns", dns_status(k, l));
	json_when(out, "looked", l != NULL ? l->when : 0);
	json_text(out, "dns_text", dns_text(k, l));
}

static void
json(const struct view *v, struct buf *out)
{
	const struct ring *ring = v->known.ring;

	json_text(out, "domain", ring->domain);
	json_bool(out, "leaving", ring->is_leaving);
	json_bool(out, "stuck", v->is_stuck);
	json_name(out, "keys");
	buf_addc(out, '[');
	for (size_t i = 0; i < v->count; i++) {
		const struct decision *d = &v->decisions[i];

		buf_adds(out, i == 0 ? "{" : ",{");
		if (d->key != LIFE_NEW_KEY)
			json_key(v, d->key, out);
		else
			json_text(out, "algorithm", key_alg_name(d->alg));
		json_text(out, "next",
		    next_step(d) != STEP_NONE ? step_name(next_step(d)) : NULL);
		json_bool(out, "next_is_due", d->step != STEP_NONE);
		json_when(out, "next_when", d->when);
		json_text(out, "next_text", d->text);
		json_bool(out, "stuck", d->is_stuck);
		json_bool(out, "alarm", d->is_alarm);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

/* A ring that cannot be read. */
static void
write_broken(const char *domain, const struct err *err, bool is_json,
    struct buf *out)
{
	if (!is_json) {
		out_error("%s", err->text);
		return;
	}
	json_text(out, "domain", domain);
	json_text(out, "error", err->text);
}

static void
write_total(size_t count, size_t stuck, size_t broken, struct buf *out)
{
	buf_printf(out, "%zu ring%s", count, count == 1 ? "" : "s");
	if (stuck > 0)
		buf_printf(out, ", %zu stuck", stuck);
	if (broken > 0)
		buf_printf(out, ", %zu that cannot be read", broken);
	buf_addc(out, '\n');
}

int
ringstatus_write(struct turner *t, char *const *domains, size_t count,
    bool is_json, struct buf *out)
{
	size_t stuck = 0, broken = 0;
	struct err err = ERR_INIT;
	struct view v;

	for (size_t i = 0; i < count; i++) {
		if (is_json)
			buf_adds(out, i == 0 ? "{" : ",{");
		if (view_load(&v, t, domains[i], &err) == -1) {
			broken++;
			write_broken(domains[i], &err, is_json, out);
		} else {
			stuck += v.is_stuck;
			if (is_json)
				json(&v, out);
			else if (v.is_stuck || count <= RINGSTATUS_LISTED)
				words(&v, out);
			view_clear(&v);
		}
		if (is_json)
			buf_addc(out, '}');
	}
	if (!is_json)
		write_total(count, stuck, broken, out);
	return stuck + broken > 0 ? CTL_PROBLEM : CTL_GOOD;
}
