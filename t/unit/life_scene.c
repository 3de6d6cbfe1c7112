/*
 * The scenes of life.c; see life_scene.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life_scene.h"

struct moment
scene_moment(long long ago)
{
	struct moment m = { .wall = NOW - ago, .boottime = BOOTTIME - ago };

	strcpy(m.boot_id, "this-boot");
	return m;
}

void
scene_init(struct scene *s)
{
	struct err err = ERR_INIT;

	memset(s, 0, sizeof(*s));
	s->ring = ring_new("example.com", "mx1", &err);
	if (s->ring == NULL)
		abort();
	s->ring->made = NOW - 100 * DAY;
	s->rules = (struct rotation){
		.interval = 90 * DAY,
		.lead = 7 * DAY,
		.margin = HOUR,
		.retire_after = 14 * DAY,
		.revoke_for = 30 * DAY,
		.delete_after = 30 * DAY,
		.recheck = 6 * HOUR,
		.ttl = HOUR,
		.standby = true,
		.algorithms = { { KEY_RSA_SHA256, 2048 } },
		.algorithm_count = 1,
		.weekdays = 0x1e, /* Monday to Thursday */
	};
	s->facts = (struct facts){
		.keys = s->f,
		.keyturnd_answers = true,
		.held_is_known = true,
	};
	s->clock = (struct life_clock){
		.now = scene_moment(0),
		.irreversible_wait = HOUR,
	};
	for (int i = 0; i < SCENE_KEYS; i++)
		s->f[i] = (struct key_facts){
			.cache_ttl = -1,
			.record_ttl = -1,
			.file = FILE_GOOD,
		};
}

/* The times that a key of that state has behind it. */
static void
scene_age(struct ring_key *k, struct key_facts *f)
{
	k->made = NOW - 3 * HOUR;
	if (k->state >= KEY_PUBLISHED) {
		k->published = NOW - 2 * HOUR;
		k->cache_ttl = k->record_ttl = HOUR;
	}
	if (k->state >= KEY_READY) {
		k->made = k->published = NOW - 90 * DAY;
		k->first_sighting = scene_moment(89 * DAY);
		k->ready = NOW - 88 * DAY;
		k->evidence.first = NOW - 89 * DAY;
		k->evidence.second = NOW - 88 * DAY;
		memcpy(k->evidence.fingerprint, k->fingerprint,
		    sizeof(k->fingerprint));
	}
	if (k->state >= KEY_ACTIVE) {
		k->activated = NOW - 62 * DAY; /* 2026-01-01T10:00:00Z */
		f->is_held = true;
		f->held_since = k->activated;
		f->last_signed = NOW - 60;
	}
	if (k->state >= KEY_RETIRING) {
		k->retired = k->released = NOW - 5 * DAY;
		f->is_held = false;
		f->released = k->retired;
		f->last_signed = k->retired - 60;
	}
	if (k->state >= KEY_REVOKED) {
		k->retired = k->released = NOW - 25 * DAY;
		f->released = k->retired;
		k->revoked = NOW - 5 * DAY;
	}
	if (k->state == KEY_GONE) {
		k->empty_seen = NOW - 5 * DAY;
		k->removed = k->gone_seen = NOW - 2 * DAY;
	}
}

struct ring_key *
scene_add(struct scene *s, const char *selector, enum key_state state)
{
	struct err err = ERR_INIT;
	struct ring_key *k = ring_add_key(s->ring, &err);
	size_t i = s->ring->key_count - 1;

	if (k == NULL)
		abort();
	strcpy(k->selector, selector);
	snprintf(k->file, sizeof(k->file), "%s.pem", selector);
	memset(k->fingerprint, (int)s->ring->key_count, SHA256_LEN);
	k->alg = KEY_RSA_SHA256;
	k->bits = 2048;
	k->state = state;
	scene_age(k, &s->f[i]);
	return k;
}

void
scene_decide(struct scene *s)
{
	s->count = life_decide(s->ring, &s->facts, &s->rules, &s->clock,
	    &s->wish, s->out);
}

void
scene_clear(struct scene *s)
{
	if (s->facts.keys != s->f)
		free(s->many);
	ring_free(s->ring);
}

static struct ring_key *
key(struct scene *s, int i)
{
	return &s->ring->keys[i];
}

/* One key of that state, alone. */
static void
generated(struct scene *s)
{
	scene_add(s, "a", KEY_GENERATED);
	s->f[A].sight = SIGHT_ABSENT;
}

static void
published(struct scene *s)
{
	scene_add(s, "a", KEY_PUBLISHED);
	s->f[A].sight = SIGHT_COMPLETE;
}

/* First seen long enough ago. */
static void
seen(struct scene *s)
{
	published(s);
	key(s, A)->first_sighting = scene_moment(2 * HOUR);
}

/* The steady state: A signs, B is ready, the turn is due 2026-04-01. */
static void
steady(struct scene *s)
{
	scene_add(s, "a", KEY_ACTIVE);
	scene_add(s, "b", KEY_READY);
	s->f[A].sight = s->f[B].sight = SIGHT_COMPLETE;
}

/* The same, a month later. */
static void
due(struct scene *s)
{
	steady(s);
	key(s, A)->activated -= 30 * DAY;
	key(s, B)->made = key(s, B)->published = NOW - 80 * DAY;
}

/* B signs, A retired 5 days ago, C is ready. */
static void
retiring(struct scene *s)
{
	scene_add(s, "a", KEY_RETIRING);
	scene_add(s, "b", KEY_ACTIVE)->activated = NOW - 5 * DAY;
	scene_add(s, "c", KEY_READY);
}

/* A retired 15 days ago: the overlap is over. */
static void
over(struct scene *s)
{
	retiring(s);
	key(s, A)->retired = key(s, A)->released = NOW - 15 * DAY;
	s->f[A].released = NOW - 15 * DAY;
	key(s, B)->activated = NOW - 15 * DAY;
}

static void
armed(struct scene *s)
{
	over(s);
	key(s, A)->armed = IRREVERSIBLE_REVOKE;
	key(s, A)->armed_at = scene_moment(HOUR);
}

static void
revoked(struct scene *s)
{
	retiring(s);
	key(s, A)->state = KEY_REVOKED;
	scene_age(key(s, A), &s->f[A]);
}

static void
gone(struct scene *s)
{
	retiring(s);
	key(s, A)->state = KEY_GONE;
	scene_age(key(s, A), &s->f[A]);
	key(s, A)->retired = key(s, A)->released = NOW - 40 * DAY;
	s->f[A].released = NOW - 40 * DAY;
}

/* How a case differs from its scene. */
#define SPOIL(name) static void name(struct scene *s)

SPOIL(nothing)
{
	(void)s;
}
SPOIL(no_look)
{
	s->f[A].sight = s->f[B].sight = SIGHT_NONE;
}
SPOIL(foreign)
{
	s->f[A].sight = SIGHT_MISMATCH;
	s->f[A].sight_text = "ns1.example.net has \"v=DKIM1; p=AAAA\"";
}
SPOIL(wildcard)
{
	foreign(s);
	s->f[A].is_wildcard = true;
}
SPOIL(foreign_forced)
{
	foreign(s);
	s->wish = (struct life_wish){
		.wish = WISH_PUBLISH, .selector = "a", .is_forced = true
	};
}
SPOIL(partial)
{
	s->f[A].sight = SIGHT_PARTIAL;
	s->f[A].sight_text = "ns2.example.net has no record";
}
SPOIL(absent)
{
	s->f[A].sight = SIGHT_ABSENT;
}
SPOIL(silent)
{
	s->f[A].sight = SIGHT_UNANSWERED;
	s->f[A].sight_text = "ns2.example.net does not answer";
}
SPOIL(partial_just_now)
{
	partial(s);
	key(s, A)->published = NOW - 600;
}
SPOIL(partial_long)
{
	partial(s);
	key(s, A)->published = NOW - 7 * HOUR;
}
SPOIL(partial_again)
{
	partial(s);
	key(s, A)->republished = NOW - HOUR;
}
SPOIL(partial_a_day)
{
	partial_again(s);
	key(s, A)->published = NOW - 24 * HOUR;
}
SPOIL(one_short)
{
	key(s, A)->first_sighting = scene_moment(2 * HOUR - 1);
}
SPOIL(ttl_grew)
{
	s->f[A].cache_ttl = 3 * HOUR;
}
SPOIL(ttl_shrank)
{
	s->f[A].cache_ttl = 60;
}
SPOIL(ttl_unknown)
{
	key(s, A)->cache_ttl = -1;
}
SPOIL(weak)
{
	s->facts.min_wait = 48 * HOUR;
	s->f[A].is_weak_sight = true;
}
SPOIL(rebooted)
{
	strcpy(s->clock.now.boot_id, "next-boot");
}
SPOIL(wall_ahead)
{
	key(s, A)->first_sighting = scene_moment(600);
	key(s, A)->first_sighting.wall = NOW - 3 * HOUR;
}
SPOIL(wall_set_back)
{
	key(s, A)->first_sighting.wall = NOW + HOUR;
}
SPOIL(adopted)
{
	key(s, A)->is_adopted = true;
}
SPOIL(adopted_partial)
{
	adopted(s);
	partial(s);
}
SPOIL(adopted_beside)
{
	scene_add(s, "b", KEY_ACTIVE);
	adopted(s);
}
SPOIL(force)
{
	s->wish = (struct life_wish){
		.wish = WISH_ROTATE, .is_forced = true, .reason = "they wait"
	};
}
SPOIL(force_partial)
{
	force(s);
	partial(s);
}
SPOIL(force_no_daemon)
{
	force(s);
	s->facts.keyturnd_answers = false;
}
SPOIL(force_no_file)
{
	force(s);
	s->f[A].file = FILE_UNKNOWN;
}
SPOIL(file_lost)
{
	s->f[A].file = FILE_LOST;
}
SPOIL(leaving)
{
	s->ring->is_leaving = true;
}
SPOIL(only_ed25519)
{
	s->rules.algorithms[0] = (struct key_spec){ KEY_ED25519_SHA256, 256 };
}
SPOIL(retire_a)
{
	s->wish = (struct life_wish){ .wish = WISH_RETIRE, .selector = "a" };
}
SPOIL(revoke_a)
{
	s->wish = (struct life_wish){ .wish = WISH_REVOKE, .selector = "a" };
}
SPOIL(revoke_a_forced)
{
	revoke_a(s);
	s->wish.is_forced = true;
}
SPOIL(publish_a)
{
	s->wish = (struct life_wish){ .wish = WISH_PUBLISH, .selector = "a" };
}
SPOIL(publish_all)
{
	s->wish = (struct life_wish){ .wish = WISH_PUBLISH };
}
SPOIL(publish_a_partial)
{
	publish_a(s);
	partial(s);
}

SPOIL(no_daemon)
{
	s->facts.keyturnd_answers = false;
}
SPOIL(held_unknown)
{
	s->facts.held_is_known = false;
}
SPOIL(b_silent)
{
	s->f[B].sight = SIGHT_UNANSWERED;
	s->f[B].sight_text = "ns2.example.net does not answer";
}
SPOIL(b_silent_missing)
{
	b_silent(s);
	s->f[B].is_missing = true;
}
SPOIL(b_absent)
{
	s->f[B].sight = SIGHT_ABSENT;
}
SPOIL(b_file_unread)
{
	s->f[B].file = FILE_UNKNOWN;
}
SPOIL(b_file_lost)
{
	s->f[B].file = FILE_LOST;
}
SPOIL(b_other_evidence)
{
	key(s, B)->evidence.fingerprint[0] ^= 1;
}
SPOIL(on_friday)
{
	s->clock.now.wall += 2 * DAY;
	s->clock.now.boottime += 2 * DAY;
}
SPOIL(clock_behind)
{
	key(s, B)->evidence.second = NOW + 400;
}
SPOIL(clock_a_bit_behind)
{
	key(s, B)->evidence.second = NOW + 2;
}
SPOIL(a_unheld)
{
	s->f[A].is_held = false;
}
SPOIL(a_unheld_no_daemon)
{
	a_unheld(s);
	no_daemon(s);
}
SPOIL(a_unheld_unknown)
{
	a_unheld(s);
	held_unknown(s);
}
SPOIL(a_no_evidence)
{
	a_unheld(s);
	key(s, A)->evidence.fingerprint[3] ^= 1;
}
SPOIL(rotate)
{
	s->wish = (struct life_wish){ .wish = WISH_ROTATE };
}
SPOIL(rotate_leaving)
{
	rotate(s);
	leaving(s);
}
SPOIL(panic)
{
	s->wish = (struct life_wish){ .wish = WISH_PANIC };
}
SPOIL(panic_b_silent)
{
	panic(s);
	b_silent(s);
}
SPOIL(panic_unsigned)
{
	panic_b_silent(s);
	s->wish.is_unsigned = true;
}
SPOIL(panic_unsigned_ready)
{
	panic(s);
	s->wish.is_unsigned = true;
}
SPOIL(panic_a)
{
	panic(s);
	s->wish.selector = "a";
}
SPOIL(compromised)
{
	key(s, A)->is_compromised = true;
}
SPOIL(compromised_b_silent)
{
	compromised(s);
	b_silent(s);
}
SPOIL(manual)
{
	s->rules.mode = ROTATION_MANUAL;
}
SPOIL(manual_compromised)
{
	manual(s);
	compromised(s);
}
SPOIL(manual_file_lost)
{
	manual(s);
	file_lost(s);
}
SPOIL(manual_b_absent)
{
	manual(s);
	b_absent(s);
}
SPOIL(file_lost_b_silent)
{
	file_lost(s);
	b_silent(s);
}
SPOIL(just_republished)
{
	absent(s);
	key(s, A)->republished = NOW - 60;
}
SPOIL(republished)
{
	absent(s);
	key(s, A)->republished = NOW - 300;
}
SPOIL(republished_b_silent)
{
	republished(s);
	b_silent(s);
}
SPOIL(republished_long)
{
	absent(s);
	key(s, A)->republished = NOW - 6 * HOUR;
}
SPOIL(two_active)
{
	scene_add(s, "c", KEY_ACTIVE);
}
SPOIL(no_open_day)
{
	s->rules.weekdays = 0;
}

SPOIL(unlisted)
{
	key(s, A)->alg = KEY_ED25519_SHA256;
}
SPOIL(a_held)
{
	s->f[A].is_held = true;
	s->f[A].released = 0;
	key(s, A)->released = 0;
}
SPOIL(a_held_no_daemon)
{
	a_held(s);
	no_daemon(s);
}
SPOIL(never_released)
{
	s->f[A].released = 0;
	key(s, A)->released = 0;
}
SPOIL(held_lost)
{
	never_released(s);
	s->f[A].held_since = 0;
	s->f[A].last_signed = 0;
}
SPOIL(held_lost_forced)
{
	held_lost(s);
	revoke_a_forced(s);
}
SPOIL(never_activated)
{
	held_lost(s);
	key(s, A)->activated = 0;
	key(s, A)->retired = NOW - HOUR;
}
SPOIL(never_activated_unknown)
{
	never_activated(s);
	held_unknown(s);
}
SPOIL(never_activated_adopted)
{
	never_activated(s);
	adopted(s);
}
SPOIL(never_published)
{
	never_activated(s);
	key(s, A)->published = 0;
	foreign(s);
}
SPOIL(a_day_early)
{
	key(s, A)->released += 2 * DAY;
}
SPOIL(retired_late)
{
	key(s, A)->retired += 2 * DAY;
}
SPOIL(clock_jumped)
{
	s->clock.even_since = NOW - 3 * DAY;
}
SPOIL(revoke_remove)
{
	s->rules.revoke = REVOKE_REMOVE;
}
SPOIL(slot)
{
	key(s, A)->is_slot = true;
}
SPOIL(armed_behind)
{
	key(s, A)->armed_at.wall = NOW + HOUR;
}
SPOIL(armed_late)
{
	key(s, A)->armed_at = scene_moment(HOUR - 1);
}
SPOIL(armed_careful)
{
	s->clock.irreversible_wait = DAY;
}
SPOIL(armed_other)
{
	key(s, A)->armed = IRREVERSIBLE_DELETE_FILE;
}
SPOIL(armed_too_soon)
{
	key(s, A)->armed_at = scene_moment(2 * DAY);
	key(s, A)->released = NOW - 15 * DAY;
}
SPOIL(armed_wall_only)
{
	key(s, A)->armed_at.boottime = BOOTTIME - 60;
}
SPOIL(retiring_absent)
{
	absent(s);
}
SPOIL(retiring_absent_again)
{
	absent(s);
	key(s, A)->republished = NOW - HOUR;
}
SPOIL(compromised_panic)
{
	compromised(s);
	panic(s);
}
SPOIL(compromised_held)
{
	compromised(s);
	a_held(s);
}
SPOIL(compromised_unknown)
{
	compromised(s);
	held_unknown(s);
}
SPOIL(compromised_b_unheld)
{
	compromised(s);
	s->f[B].is_held = false;
}
SPOIL(compromised_absent)
{
	compromised(s);
	absent(s);
}
SPOIL(see_empty)
{
	s->f[A].sight = SIGHT_EMPTY;
}
SPOIL(see_old)
{
	s->f[A].sight = SIGHT_COMPLETE;
}
SPOIL(see_old_soon)
{
	see_old(s);
	key(s, A)->revoked = NOW - HOUR;
}
SPOIL(shown_a_month)
{
	key(s, A)->empty_seen = NOW - 30 * DAY;
}
SPOIL(shown_a_week)
{
	key(s, A)->empty_seen = NOW - 7 * DAY;
}
SPOIL(shown_slot)
{
	shown_a_week(s);
	slot(s);
}
SPOIL(shown_armed)
{
	shown_a_month(s);
	key(s, A)->armed = IRREVERSIBLE_REMOVE;
	key(s, A)->empty_seen -= 2 * HOUR;
	key(s, A)->armed_at = scene_moment(HOUR);
}
SPOIL(removed_absent)
{
	key(s, A)->removed = NOW - HOUR;
	absent(s);
}
SPOIL(removed_wild)
{
	key(s, A)->removed = NOW - HOUR;
	wildcard(s);
}
SPOIL(removed_lingers)
{
	key(s, A)->removed = NOW - 25 * HOUR;
	partial(s);
}
SPOIL(file_kept)
{
	key(s, A)->released = key(s, A)->retired = NOW - 20 * DAY;
}
SPOIL(file_armed)
{
	key(s, A)->armed = IRREVERSIBLE_DELETE_FILE;
	key(s, A)->armed_at = scene_moment(HOUR);
}
SPOIL(file_behind)
{
	file_armed(s);
	clock_behind(s);
}

/* What a new key wants. */
SPOIL(not_yet_lead)
{
	s->rules.standby = false;
	s->ring->key_count = 1;
}
SPOIL(in_lead)
{
	not_yet_lead(s);
	key(s, A)->activated -= 21 * DAY;
}
SPOIL(lead_lost)
{
	not_yet_lead(s);
	file_lost(s);
}
SPOIL(no_spare)
{
	s->ring->key_count = 1;
}
SPOIL(no_spare_leaving)
{
	no_spare(s);
	leaving(s);
}
static char k1[] = "k1", k2[] = "k2", k3[] = "k3";
static char *slots[] = { k1, k2, k3, NULL };
SPOIL(slots_free)
{
	no_spare(s);
	s->rules.slots = slots;
}
SPOIL(slots_full)
{
	slots_free(s);
	strcpy(key(s, A)->selector, "k1");
	scene_add(s, "k2", KEY_RETIRING);
	scene_add(s, "k3", KEY_REVOKED);
}
SPOIL(slots_draining)
{
	slots_full(s);
	key(s, 2)->state = KEY_GONE;
	key(s, 2)->record_ttl = 2 * DAY;
	key(s, 2)->gone_seen = NOW - 2 * DAY + 60;
}
SPOIL(slots_panic)
{
	slots_draining(s);
	key(s, 2)->gone_seen = NOW - 3 * DAY;
	key(s, 2)->released = key(s, 2)->retired = NOW - 5 * DAY;
}
SPOIL(slots_drained)
{
	slots_draining(s);
	key(s, 2)->gone_seen = NOW - 2 * DAY;
}
SPOIL(eight_today)
{
	no_spare(s);
	for (int i = 0; i < 8; i++) {
		char name[8];

		snprintf(name, sizeof(name), "x%d", i);
		scene_add(s, name, KEY_GONE)->made = NOW - (8 - i) * HOUR;
	}
}
SPOIL(is_full)
{
	struct err err = ERR_INIT;

	no_spare(s);
	while (s->ring->key_count < RING_KEYS_MAX)
		ring_add_key(s->ring, &err)->state = KEY_GONE;
	s->facts.keys = s->many =
	    calloc(RING_KEYS_MAX, sizeof(struct key_facts));
}

static const struct {
	const char *name;
	void (*set)(struct scene *);
} parts[] = {
#define PART(name)          \
	{                   \
#name, name \
	}
	PART(generated),
	PART(published),
	PART(seen),
	PART(steady),
	PART(due),
	PART(retiring),
	PART(over),
	PART(armed),
	PART(revoked),
	PART(gone),
	PART(nothing),
	PART(no_look),
	PART(foreign),
	PART(wildcard),
	PART(foreign_forced),
	PART(partial),
	PART(absent),
	PART(silent),
	PART(partial_just_now),
	PART(partial_long),
	PART(partial_again),
	PART(partial_a_day),
	PART(one_short),
	PART(ttl_grew),
	PART(ttl_shrank),
	PART(ttl_unknown),
	PART(weak),
	PART(rebooted),
	PART(wall_ahead),
	PART(wall_set_back),
	PART(adopted),
	PART(adopted_partial),
	PART(adopted_beside),
	PART(force),
	PART(force_partial),
	PART(force_no_daemon),
	PART(force_no_file),
	PART(file_lost),
	PART(leaving),
	PART(only_ed25519),
	PART(retire_a),
	PART(revoke_a),
	PART(revoke_a_forced),
	PART(publish_a),
	PART(publish_a_partial),
	PART(publish_all),
	PART(no_daemon),
	PART(held_unknown),
	PART(b_silent),
	PART(b_silent_missing),
	PART(b_absent),
	PART(b_file_unread),
	PART(b_file_lost),
	PART(b_other_evidence),
	PART(on_friday),
	PART(clock_behind),
	PART(clock_a_bit_behind),
	PART(a_unheld),
	PART(a_unheld_no_daemon),
	PART(a_unheld_unknown),
	PART(a_no_evidence),
	PART(rotate),
	PART(rotate_leaving),
	PART(panic),
	PART(panic_b_silent),
	PART(panic_unsigned),
	PART(panic_unsigned_ready),
	PART(panic_a),
	PART(compromised),
	PART(compromised_b_silent),
	PART(manual),
	PART(manual_compromised),
	PART(manual_file_lost),
	PART(manual_b_absent),
	PART(file_lost_b_silent),
	PART(just_republished),
	PART(republished),
	PART(republished_b_silent),
	PART(republished_long),
	PART(two_active),
	PART(no_open_day),
	PART(unlisted),
	PART(a_held),
	PART(a_held_no_daemon),
	PART(never_released),
	PART(held_lost),
	PART(held_lost_forced),
	PART(never_activated),
	PART(never_activated_unknown),
	PART(never_activated_adopted),
	PART(never_published),
	PART(a_day_early),
	PART(retired_late),
	PART(clock_jumped),
	PART(revoke_remove),
	PART(slot),
	PART(armed_behind),
	PART(armed_late),
	PART(armed_careful),
	PART(armed_other),
	PART(armed_too_soon),
	PART(armed_wall_only),
	PART(retiring_absent),
	PART(retiring_absent_again),
	PART(compromised_held),
	PART(compromised_panic),
	PART(compromised_unknown),
	PART(compromised_b_unheld),
	PART(compromised_absent),
	PART(see_empty),
	PART(see_old),
	PART(see_old_soon),
	PART(shown_a_month),
	PART(shown_a_week),
	PART(shown_slot),
	PART(shown_armed),
	PART(removed_absent),
	PART(removed_wild),
	PART(removed_lingers),
	PART(file_kept),
	PART(file_armed),
	PART(file_behind),
	PART(not_yet_lead),
	PART(in_lead),
	PART(lead_lost),
	PART(no_spare),
	PART(no_spare_leaving),
	PART(slots_free),
	PART(slots_full),
	PART(slots_draining),
	PART(slots_panic),
	PART(slots_drained),
	PART(eight_today),
	PART(is_full),
};

static void
set_part(struct scene *s, const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].name, name) == 0) {
			parts[i].set(s);
			return;
		}
	}
	fprintf(stderr, "no such scene: %s\n", name);
	abort();
}

void
scene_set(struct scene *s, const char *scene, const char *spoil)
{
	scene_init(s);
	set_part(s, scene);
	set_part(s, spoil);
}
