/*
 * What steps make of a ring, what looks leave in it, and which looks a tick
 * wants.
 */
#include <stdio.h>
#include <string.h>

#include "life_scene.h"
#include "tap.h"

static int
apply(struct scene *s, size_t key, enum step step, struct err *err)
{
	struct decision d = { .key = key, .step = step };

	return life_apply(s->ring, &d, &s->facts, &s->rules, &s->clock, NULL,
	    err);
}

/* Every step from every state: the ones that fit, and the refusal. */
static void
check_fits(void)
{
	/* g published ready active retiring revoked gone, by DESIGN */
	static const struct {
		enum step step;
		const char *fits;
	} table[] = {
		{ STEP_PUBLISH, "g" },
		{ STEP_REPUBLISH, "prat" },
		{ STEP_SIGHT, "p" },
		{ STEP_LOSE_SIGHT, "pr" },
		{ STEP_READY, "p" },
		{ STEP_ACTIVATE, "pr" },
		{ STEP_CONFIRM, "gpratvx" },
		{ STEP_RETIRE, "gpra" },
		{ STEP_ARM, "tvx" },
		{ STEP_REVOKE, "tv" },
		{ STEP_NOTE_EMPTY, "v" },
		{ STEP_REMOVE, "tv" },
		{ STEP_GONE, "tv" },
		{ STEP_DELETE_FILE, "tvx" },
		{ STEP_CONDEMN, "at" },
	};
	static const char letters[] = "gpratvx";

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char got[8] = "", want[200];

		for (int st = KEY_GENERATED; st <= KEY_GONE; st++) {
			struct err err = ERR_INIT;
			struct scene s;

			scene_init(&s);
			scene_add(&s, "a", (enum key_state)st);
			if (apply(&s, 0, table[i].step, &err) == 0) {
				strncat(got, &letters[st], 1);
			} else {
				snprintf(want, sizeof(want),
				    "a: %s: the key is %s",
				    step_name(table[i].step),
				    key_state_name((enum key_state)st));
				if (strcmp(err.text, want) != 0)
					is_str(err.text, want, "refusal");
			}
			scene_clear(&s);
		}
		is_str(got, table[i].fits, step_name(table[i].step));
	}
}

/* Promise 4: selectors and keys are never used again. */
static void
check_new(void)
{
	static const struct {
		const char *name, *selector, *slot;
		unsigned char fingerprint;
		const char *want; /* NULL: taken */
	} cases[] = {
		{ "a new one", "n", NULL, 77, NULL },
		{ "the selector of the active key", "a", NULL, 77,
		    "a: the selector was used before" },
		{ "the selector of a key that is gone", "c", NULL, 77,
		    "c: the selector was used before" },
		{ "a slot that is free", "c", "c", 77, NULL },
		{ "a slot that is not", "a", "a", 77,
		    "a: the selector was used before" },
		{ "another selector than the slot", "c", "d", 77,
		    "c: the selector was used before" },
		{ "the same key again", "n", NULL, 1,
		    "n: this key is in the ring already, as a" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ring_key made = { .alg = KEY_RSA_SHA256, .bits = 2048 };
		struct decision d = { .key = LIFE_NEW_KEY,
			.step = STEP_GENERATE,
			.slot = cases[i].slot };
		struct err err = ERR_INIT;
		struct scene s;
		int rc;

		scene_set(&s, "steady", "nothing");
		scene_add(&s, "c", KEY_GONE)->retired = NOW - 40 * DAY;
		s.ring->keys[2].released = NOW - 40 * DAY;
		strcpy(made.selector, cases[i].selector);
		made.fingerprint[0] = cases[i].fingerprint;
		memset(made.fingerprint, cases[i].fingerprint, SHA256_LEN);
		rc = life_apply(s.ring, &d, &s.facts, &s.rules, &s.clock, &made,
		    &err);
		is_str(rc == 0 ? NULL : err.text, cases[i].want, cases[i].name);
		is_int((long long)s.ring->key_count, rc == 0 ? 4 : 3,
		    "and the ring has it, or is as it was");
		scene_clear(&s);
	}
}

static void
check_activate(void)
{
	struct decision d = { .key = 1, .step = STEP_ACTIVATE };
	struct err err = ERR_INIT;
	struct scene s;

	scene_set(&s, "steady", "nothing");
	s.f[B].sight_text = "6 addresses of 3 servers";
	is_int(apply(&s, 1, STEP_ACTIVATE, &err), 0, "activate");
	is_int(s.ring->keys[B].state, KEY_ACTIVE, "the ready key is active");
	is_int(s.ring->keys[A].state, KEY_RETIRING, "and the old one retires");
	is_int(s.ring->keys[A].retired, NOW, "now");
	ok(ring_key_signs(&s.ring->keys[B]), "keyturnd may sign with it");
	ok(!s.ring->keys[A].is_compromised, "nobody said compromised");
	scene_clear(&s);

	scene_set(&s, "steady", "nothing");
	d.is_compromise = true;
	life_apply(s.ring, &d, &s.facts, &s.rules, &s.clock, NULL, &err);
	ok(s.ring->keys[A].is_compromised, "panic marks the old key");
	ok(!s.ring->keys[B].is_compromised, "and not the new one");
	scene_clear(&s);

	scene_set(&s, "published", "force");
	d = (struct decision){
		.step = STEP_ACTIVATE, .is_forced = true, .reason = "they wait"
	};
	life_apply(s.ring, &d, &s.facts, &s.rules, &s.clock, NULL, &err);
	ok(ring_key_signs(&s.ring->keys[A]), "a forced key signs");
	ok(s.ring->keys[A].evidence.is_forced, "its evidence says forced");
	is_str(s.ring->keys[A].evidence.text, "they wait", "and why");
	scene_clear(&s);

	scene_set(&s, "seen", "nothing");
	s.f[A].sight_text = "6 addresses of 3 servers";
	is_int(apply(&s, 0, STEP_READY, &err), 0, "ready");
	is_int(s.ring->keys[A].evidence.first, NOW - 2 * HOUR, "first");
	is_int(s.ring->keys[A].evidence.second, NOW, "second");
	is_int(s.ring->keys[A].evidence.wait, 2 * HOUR, "wait");
	is_str(s.ring->keys[A].evidence.text, "6 addresses of 3 servers",
	    "what was seen");
	is_int(apply(&s, 0, STEP_LOSE_SIGHT, &err), 0, "lost again");
	is_int(s.ring->keys[A].state, KEY_PUBLISHED, "back to published");
	is_int(s.ring->keys[A].evidence.second, 0, "without evidence");
	is_int(s.ring->keys[A].first_sighting.wall, 0, "or a sighting");
	scene_clear(&s);
}

/* Promise 6: the ring's own time never runs backwards. */
static void
check_time(void)
{
	struct err err = ERR_INIT;
	struct scene s;

	scene_set(&s, "steady", "nothing");
	s.clock.now.wall = NOW - 400 * DAY;
	is_int(apply(&s, 0, STEP_RETIRE, &err), 0, "retire, a year behind");
	ok(s.ring->keys[A].retired >= s.ring->keys[A].activated,
	    "noted with the latest time of the ring");
	scene_clear(&s);
}

static void
check_note(void)
{
	struct scene s;

	scene_set(&s, "published", "nothing");
	s.f[A].cache_ttl = 3 * HOUR;
	s.f[A].record_ttl = 2 * HOUR;
	ok(life_note(s.ring, &s.facts, &s.clock), "larger TTLs are noted");
	is_int(s.ring->keys[A].cache_ttl, 3 * HOUR, "the negative one");
	is_int(s.ring->keys[A].record_ttl, 2 * HOUR, "that of the record");
	s.f[A].cache_ttl = 60;
	ok(!life_note(s.ring, &s.facts, &s.clock), "smaller ones are not");
	s.ring->keys[A].republished = NOW - HOUR;
	ok(life_note(s.ring, &s.facts, &s.clock), "whole again");
	is_int(s.ring->keys[A].republished, 0, "nothing was republished");
	scene_clear(&s);

	scene_set(&s, "over", "nothing");
	s.ring->keys[A].released = 0;
	ok(life_note(s.ring, &s.facts, &s.clock), "a release is noted");
	is_int(s.ring->keys[A].released, NOW - 15 * DAY, "as keyturnd says");
	s.f[A].released = 0;
	s.f[A].held_since = 0;
	ok(!life_note(s.ring, &s.facts, &s.clock),
	    "and outlives the loss of what was held");
	s.ring->keys[A].released = 0;
	s.f[A].released = s.ring->keys[A].retired - 1;
	ok(life_note(s.ring, &s.facts, &s.clock), "released before retired");
	is_int(s.ring->keys[A].released, NOW,
	    "a clock was wrong: counted from when it was seen");
	s.f[A].is_held = true;
	ok(life_note(s.ring, &s.facts, &s.clock), "held again");
	is_int(s.ring->keys[A].released, 0, "is not released");
	s.facts.held_is_known = false;
	s.f[A].is_held = false;
	s.f[A].released = NOW;
	ok(!life_note(s.ring, &s.facts, &s.clock),
	    "what is not known is not noted");
	scene_clear(&s);
}

static const struct {
	const char *name, *scene, *spoil;
	int key;
	long long ago; /* of the last look; 0: never */
	bool want;
} looks[] = {
	{ "before publishing", "generated", "nothing", A, 60, true },
	{ "until it is seen", "published", "nothing", A, 60, true },
	{ "not while the wait lasts", "seen", "one_short", A, 60, false },
	{ "now and then while the wait lasts", "seen", "one_short", A, 6 * HOUR,
	    true },
	{ "when the wait is over", "seen", "nothing", A, 60, true },
	{ "when the wait begins anew", "seen", "rebooted", A, 60, true },
	{ "recheck of the ready key", "steady", "nothing", B, 6 * HOUR, true },
	{ "not before", "steady", "nothing", B, 6 * HOUR - 1, false },
	{ "never looked", "steady", "nothing", B, 0, true },
	{ "a last look in the future", "steady", "nothing", B, -60, true },
	{ "the ready key when its turn is due", "due", "nothing", B, 60, true },
	{ "the ready key when the active one is lost", "steady", "file_lost", B,
	    60, true },
	{ "the ready key when the active one may be", "steady",
	    "just_republished", B, 60, true },
	{ "recheck of the active key", "steady", "nothing", A, 6 * HOUR, true },
	{ "the active key in between", "steady", "nothing", A, 60, false },
	{ "the active key while it is mended", "steady", "just_republished", A,
	    60, true },
	{ "recheck of the retiring key", "retiring", "nothing", A, 6 * HOUR,
	    true },
	{ "the compromised key", "retiring", "compromised", A, 60, true },
	{ "until p= is seen", "revoked", "nothing", A, 60, true },
	{ "not while p= is shown", "revoked", "shown_a_week", A, DAY, false },
	{ "until it is gone", "revoked", "removed_absent", A, 60, true },
	{ "never when it is gone", "gone", "nothing", A, 0, false },
	{ "rotate: the ready key", "steady", "rotate", B, 60, true },
	{ "revoke: not a key that never signed", "seen", "revoke_a", A, 0,
	    false },
	{ "retire: no look", "seen", "retire_a", A, 0, false },
	{ "publish a: not b", "steady", "publish_a", B, 0, false },
	{ "publish all: b too", "steady", "publish_all", B, 0, true },
	{ "publish all: not what is gone", "gone", "publish_all", A, 0, false },
};

static void
check_looks(void)
{
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct scene s;
		time_t last = looks[i].ago != 0 ? NOW - looks[i].ago : 0;

		scene_set(&s, looks[i].scene, looks[i].spoil);
		is_int(life_wants_look(s.ring, (size_t)looks[i].key, &s.facts,
		           &s.rules, &s.clock, last, &s.wish),
		    looks[i].want, looks[i].name);
		scene_clear(&s);
	}
}

int
main(void)
{
	check_fits();
	check_new();
	check_activate();
	check_time();
	check_note();
	check_looks();
	return tap_done();
}
