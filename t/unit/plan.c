/*
 * plan.c: the steps of a turn come in their order, none earlier than the
 * settings say; no end and no crash where there is nothing to plan.
 */
#include "../../ctl/plan.h"

#include "tap.h"

#define DAY 86400
#define NOW ((time_t)1780000000) /* 2026-05-28, a Thursday */

static struct ring_conf conf = {
	.rotation = { .mode = ROTATION_AUTO,
	    .interval = 90 * DAY,
	    .lead = 7 * DAY,
	    .margin = 3600,
	    .retire_after = 14 * DAY,
	    .revoke_for = 30 * DAY,
	    .delete_after = 30 * DAY,
	    .recheck = 6 * 3600,
	    .ttl = 3600,
	    .standby = true,
	    .revoke = REVOKE_EMPTY,
	    .algorithms = { { KEY_RSA_SHA256, 2048 } },
	    .algorithm_count = 1,
	    .weekdays = 0x7f },
	.dns = { .min_wait = 2 * DAY },
};
static struct life_clock now = {
	.now = { .wall = NOW, .boottime = 100000, .boot_id = "boot" },
	.irreversible_wait = 3600,
};

/* What was planned. */
struct planned {
	time_t when;
	enum step step;
	enum irreversible irreversible;
	char selector[32];
};
static struct planned planned[PLAN_STEPS_MAX + 1];
static size_t planned_count;

static void
note(void *arg, const struct plan_step *s)
{
	struct planned *p = &planned[planned_count++];

	(void)arg;
	*p = (struct planned){ s->when, s->decision->step,
		s->decision->irreversible, "" };
	snprintf(p->selector, sizeof(p->selector), "%s", s->selector);
}

/* The first such step on that selector; its time, or 0. */
static time_t
when_of(enum step step, const char *selector)
{
	for (size_t i = 0; i < planned_count; i++)
		if (planned[i].step == step &&
		    strcmp(planned[i].selector, selector) == 0)
			return planned[i].when;
	return 0;
}

static struct ring *
ring_with_active(time_t activated)
{
	struct err err;
	struct ring *ring = ring_new("example.com", "host", &err);
	struct ring_key *k = ring_add_key(ring, &err);

	strcpy(k->selector, "old");
	strcpy(k->file, "old.pem");
	k->record = strdup("v=DKIM1; k=rsa; p=AAAA");
	k->alg = KEY_RSA_SHA256;
	k->bits = 2048;
	k->state = KEY_ACTIVE;
	k->made = k->published = activated - 2 * DAY;
	k->ready = activated - DAY;
	k->activated = activated;
	k->cache_ttl = 300;
	k->record_ttl = 3600;
	k->evidence.first = activated - 2 * DAY;
	k->evidence.second = k->ready;
	return ring;
}

static int
plan(struct ring *ring, time_t until)
{
	struct err err = ERR_INIT;
	int rc;

	planned_count = 0;
	rc = plan_ring(ring, &conf, &now, until, note, NULL, &err);
	if (rc == -1)
		printf("# %s\n", err.text);
	return rc;
}

static void
show(void)
{
	for (size_t i = 0; i < planned_count && i < 60; i++)
		printf("# +%8.3f d %s %s\n",
		    (double)(planned[i].when - NOW) / DAY,
		    step_name(planned[i].step), planned[i].selector);
}

static void
is_at(enum step step, const char *selector, time_t first, time_t slack)
{
	time_t t = when_of(step, selector);

	if (!ok(t >= first && t <= first + slack, "%s %s in its time",
	        step_name(step), selector))
		printf("# got %ld, want %ld to %ld\n", (long)(t - NOW),
		    (long)(first - NOW), (long)(first + slack - NOW));
}

static void
test_turn(void)
{
	struct ring *ring = ring_with_active(NOW - 10 * DAY);
	time_t due = NOW + 80 * DAY, gone;
	size_t keys = ring->key_count;

	ok(plan(ring, NOW + 200 * DAY) == 0, "a turn is planned");
	show();
	ok(ring->key_count == keys && ring->keys[0].state == KEY_ACTIVE,
	    "the ring itself is as it was");
	is_at(STEP_GENERATE, "new-1", NOW, PLAN_TICK);
	is_at(STEP_PUBLISH, "new-1", NOW, 2 * PLAN_TICK);
	/* The gate: the negative TTL and the margin between two sightings. */
	is_at(STEP_READY, "new-1",
	    when_of(STEP_SIGHT, "new-1") + 300 + conf.rotation.margin,
	    PLAN_TICK);
	is_at(STEP_ACTIVATE, "new-1", due, PLAN_TICK);
	is_at(STEP_REVOKE, "old",
	    when_of(STEP_ACTIVATE, "new-1") + conf.rotation.retire_after,
	    2 * 3600);
	gone = when_of(STEP_NOTE_EMPTY, "old");
	ok(gone >= when_of(STEP_REVOKE, "old"), "p= is seen after that");
	is_at(STEP_REMOVE, "old", gone + conf.rotation.revoke_for, 2 * 3600);
	is_at(STEP_DELETE_FILE, "old",
	    when_of(STEP_ACTIVATE, "new-1") + conf.rotation.delete_after,
	    2 * 3600);
	ok(when_of(STEP_DELETE_FILE, "old") < when_of(STEP_REMOVE, "old"),
	    "the private key is deleted before its record is removed");
	ok(when_of(STEP_GENERATE, "new-2") != 0,
	    "the next key is made for the next turn");
	for (size_t i = 1; i < planned_count; i++)
		if (planned[i].when < planned[i - 1].when)
			ok(false, "step %zu is before the one before it", i);
	ok(plan(ring, NOW + 79 * DAY) == 0 &&
	        when_of(STEP_ACTIVATE, "new-1") == 0 &&
	        when_of(STEP_READY, "new-1") != 0,
	    "--until a day before the turn ends before it");
	ring_free(ring);
}

static void
test_others(void)
{
	struct ring *ring = ring_with_active(NOW - 10 * DAY);
	time_t auto_turn, weak;
	struct err err;

	plan(ring, NOW + 100 * DAY);
	auto_turn = when_of(STEP_ACTIVATE, "new-1");
	conf.rotation.mode = ROTATION_MANUAL;
	plan(ring, NOW + 100 * DAY);
	ok(auto_turn != 0 && when_of(STEP_ACTIVATE, "new-1") == auto_turn,
	    "mode = manual is planned as if commands came in time");
	conf.rotation.mode = ROTATION_AUTO;

	conf.dns.witness = DNS_WITNESS_RESOLVERS;
	plan(ring, NOW + 100 * DAY);
	weak = when_of(STEP_READY, "new-1") - when_of(STEP_SIGHT, "new-1");
	ok(weak >= conf.dns.min_wait, "resolvers as witnesses: min_wait");
	conf.dns.witness = DNS_WITNESS_AUTHORITIES;

	ok(plan(ring, NOW - 1) == 0 && planned_count == 0,
	    "until a time that has passed: nothing");
	ok(plan(ring, NOW + 400000L * DAY) == 1 &&
	        planned_count == PLAN_STEPS_MAX,
	    "for ever: bounded, and said");
	ring_free(ring);

	ring = ring_new("example.com", "host", &err);
	ok(plan(ring, NOW + 30 * DAY) == 0 &&
	        when_of(STEP_GENERATE, "new-1") == NOW &&
	        when_of(STEP_ACTIVATE, "new-1") != 0,
	    "a ring without keys gets its first");
	ring->is_leaving = true;
	ok(plan(ring, NOW + 30 * DAY) == 0 && planned_count == 0,
	    "one that is leaving gets none");
	ring_free(ring);

	ring = ring_with_active(NOW - 10 * DAY);
	strcpy(ring->keys[0].selector, "new-1");
	plan(ring, NOW + DAY);
	ok(when_of(STEP_GENERATE, "new-1") == 0 &&
	        when_of(STEP_GENERATE, "new-2") != 0,
	    "names that are taken are passed over");
	ring_free(ring);
}

/* A key that was given up before it signed: no mail needs its record. */
static void
test_never_signed(void)
{
	struct ring *ring = ring_with_active(NOW - DAY);
	struct ring_key *k = &ring->keys[0];

	ring->is_leaving = true;
	k->state = KEY_RETIRING;
	k->activated = 0;
	k->retired = NOW;
	ok(plan(ring, NOW + 10 * DAY) == 0, "a ring that never signed");
	show();
	ok(when_of(STEP_REVOKE, "old") == 0, "nothing is revoked");
	is_at(STEP_REMOVE, "old", NOW + 3600, 2 * PLAN_TICK);
	ring_free(ring);
}

static void
test_slots(void)
{
	char one[] = "k1", two[] = "k2", three[] = "k3";
	char *slots[] = { one, two, three, NULL };
	struct ring *ring = ring_with_active(NOW - 10 * DAY);

	strcpy(ring->keys[0].selector, "k1");
	ring->keys[0].is_slot = true;
	conf.rotation.slots = slots;
	ok(plan(ring, NOW + 400 * DAY) == 0, "slots are planned");
	ok(when_of(STEP_GENERATE, "k2") == NOW &&
	        when_of(STEP_GENERATE, "k3") != 0 &&
	        when_of(STEP_GENERATE, "k1") > when_of(STEP_GONE, "k1"),
	    "each in its turn, and again when it is free");
	conf.rotation.slots = NULL;
	ring_free(ring);
}

int
main(void)
{
	test_turn();
	test_others();
	test_never_signed();
	test_slots();
	return tap_done();
}
