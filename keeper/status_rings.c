/*
 * Rings in words and in JSON.  The rings and the record of what is held are
 * both in the order of their domains: they are walked side by side.
 */
#include <string.h>

#include "json.h"
#include "problem.h"
#include "status_rings.h"
#include "when.h"

enum { WORDS_RINGS_MAX = 100 }; /* in words all are listed up to so many */

/* The keys that were held for one ring, and those of them that sign. */
struct part {
	const struct snap *snap;
	const struct snap_ring *ring;
	const struct held_key *keys;
	size_t count;
};

/* The part for ring; *at moves on through held. */
static struct part
find_part(const struct snap *snap, const struct snap_ring *ring,
    const struct held *held, size_t *at)
{
	struct part p = { .snap = snap, .ring = ring };

	while (*at < held->count &&
	    strcmp(held->keys[*at].domain, ring->domain) < 0)
		++*at;
	p.keys = held->keys != NULL ? &held->keys[*at] : NULL;
	while (*at < held->count &&
	    strcmp(held->keys[*at].domain, ring->domain) == 0) {
		++*at;
		p.count++;
	}
	return p;
}

/* The entry that signs with a key that is held, or NULL. */
static const struct entry *
find_entry(const struct part *p, const struct held_key *k)
{
	for (size_t i = 0; i < p->ring->entry_count; i++) {
		const struct entry *e =
		    &p->snap->entries[p->ring->first_entry + i];

		if (e->key != NULL && strcmp(e->selector, k->selector) == 0 &&
		    memcmp(key_fingerprint(e->key), k->fingerprint,
		        SHA256_LEN) == 0)
			return e;
	}
	return NULL;
}

static const char *
state_name(enum entry_state state)
{
	static const char *const names[] = {
		[ENTRY_GOOD] = "good",
		[ENTRY_KEPT] = "kept",
		[ENTRY_BROKEN] = "broken",
	};

	return names[state];
}

static const char *
service_name(enum policy_key_state service)
{
	static const char *const names[] = {
		[POLICY_KEY_GOOD] = "signs",
		[POLICY_KEY_BROKEN] = "broken",
		[POLICY_KEY_NOT_YET] = "not yet active",
		[POLICY_KEY_NO_ACTIVE] = "no active key",
	};

	return names[service];
}

/* The later of what is on record and what was signed since. */
static time_t
last_signed(const struct held_key *k, const struct entry *e)
{
	long long last = e != NULL ? atomic_load(&e->usage->last) : 0;

	return last > k->last_signed ? (time_t)last : k->last_signed;
}

static void
words_key(const struct part *p, const struct held_key *k, struct buf *out)
{
	const struct entry *e = find_entry(p, k);
	char text[WHEN_TEXT_MAX];
	time_t last = last_signed(k, e);

	when_text(k->since, text);
	buf_printf(out, "    %s: held since %s", k->selector, text);
	if (last != 0) {
		when_text(last, text);
		buf_printf(out, ", last signed %s", text);
	}
	if (k->released != 0) {
		when_text(k->released, text);
		buf_printf(out, ", released %s", text);
	}
	if (e != NULL)
		buf_printf(out, ", %s, %lu signatures",
		    key_alg_name(key_algorithm(e->key)),
		    atomic_load(&e->usage->signatures));
	buf_addc(out, '\n');
}

void
status_rings_words(const struct snap *snap, const struct held *held,
    struct buf *out)
{
	size_t at = 0;

	if (snap->ring_count > 0)
		buf_printf(out, "rings: %zu in %s\n", snap->ring_count,
		    snap->rings_path);
	for (size_t i = 0; i < snap->ring_count; i++) {
		const struct snap_ring *r = &snap->rings[i];
		struct part p = find_part(snap, r, held, &at);
		struct buf line = BUF_INIT;

		if (r->state == ENTRY_GOOD &&
		    snap->ring_count > WORDS_RINGS_MAX)
			continue;
		if (r->state != ENTRY_GOOD)
			problem_describe_ring(r, &line);
		else
			buf_printf(&line, "ring %s: %s", r->domain,
			    service_name(r->service));
		buf_adds(out, "  ");
		buf_add_escaped(out, line.data, line.len);
		buf_addc(out, '\n');
		out->has_failed |= line.has_failed;
		buf_clear(&line);
		for (size_t k = 0; k < p.count; k++)
			words_key(&p, &p.keys[k], out);
	}
}

static void
json_key(const struct part *p, const struct held_key *k, struct buf *out)
{
	const struct entry *e = find_entry(p, k);
	char hex[RING_HEX_MAX];

	hex_text(k->fingerprint, hex);
	json_text(out, "selector", k->selector);
	json_text(out, "fingerprint", hex);
	json_text(out, "state", e ? state_name(e->state) : "released");
	json_text(out, "algorithm",
	    e ? key_alg_name(key_algorithm(e->key)) : NULL);
	json_number(out, "signatures",
	    e ? atomic_load(&e->usage->signatures) : 0);
	json_when(out, "activated", e ? e->activated : 0);
	json_when(out, "seen", e ? e->seen : 0);
	json_name(out, "forced");
	buf_adds(out, e && e->is_forced ? "true" : "false");
	json_when(out, "held_since", k->since);
	json_when(out, "last_signed", last_signed(k, e));
	json_when(out, "released", k->released);
}

void
status_rings_json(const struct snap *snap, const struct held *held,
    struct buf *out)
{
	size_t at = 0;

	json_name(out, "rings");
	buf_addc(out, '[');
	for (size_t i = 0; i < snap->ring_count; i++) {
		const struct snap_ring *r = &snap->rings[i];
		struct part p = find_part(snap, r, held, &at);

		buf_adds(out, i == 0 ? "{" : ",{");
		json_text(out, "ring", r->domain);
		json_text(out, "state", state_name(r->state));
		json_text(out, "service", service_name(r->service));
		json_text(out, "problem", r->problem);
		json_number(out, "steps", r->steps);
		json_name(out, "keys");
		buf_addc(out, '[');
		for (size_t k = 0; k < p.count; k++) {
			buf_adds(out, k == 0 ? "{" : ",{");
			json_key(&p, &p.keys[k], out);
			buf_addc(out, '}');
		}
		buf_adds(out, "]}");
	}
	buf_addc(out, ']');
}
