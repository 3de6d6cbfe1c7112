/*
 * Random histories: rings live in a world in which everything fails, and an
 * oracle that knows the truth looks for a broken promise after every step.
 *
 * KEYTURN_TEST_SCALE  how many histories, 1 is 10,000
 * KEYTURN_TEST_SEED   run the history of that number only, and tell it
 */
#include <stdlib.h>
#include <string.h>

#include "life_oracle.h"
#include "tap.h"

#define HISTORIES 10000
#define KEYS_OUT  (WORLD_KEYS + ROTATION_ALGORITHMS_MAX)

static char slot_names[6][3] = { "k1", "k2", "k3", "k4", "k5", "k6" };
static char *slots[] = { slot_names[0], slot_names[1], slot_names[2],
	slot_names[3], slot_names[4], slot_names[5], NULL };

struct walk {
	struct world w;
	struct oracle oracle;
	struct rotation rules;
	struct ring *ring;
	int seq;
	time_t last_look[WORLD_KEYS];
	/* the file `clock` */
	struct moment last_tick;
	long long suspicious_until;
	struct life_clock clock;
	bool is_calm; /* nothing fails any more */
	bool is_told;
	/* of the tick */
	struct key_facts key_facts[WORLD_KEYS];
	struct facts facts;
	struct decision out[KEYS_OUT];
	long steps[STEP_CONDEMN + 1];
};

static bool
chance(struct walk *h, int n)
{
	return !h->is_calm && world_one_in(&h->w, n);
}

static void
tell(const struct walk *h, const char *what, const struct decision *d)
{
	const char *selector =
	    d && d->key != LIFE_NEW_KEY ? h->ring->keys[d->key].selector : "";

	if (h->is_told)
		printf("# %lld %s %s %s%s%s\n", h->w.now, what,
		    d ? step_name(d->step ? d->step : d->next) : "", selector,
		    d ? ": " : "", d ? d->text : "");
}

static void
make_rules(struct walk *h)
{
	struct rotation *r = &h->rules;
	struct world *w = &h->w;

	*r = (struct rotation){
		.mode = world_one_in(w, 8) ? ROTATION_MANUAL : ROTATION_AUTO,
		.interval = (6 + world_below(w, 8)) * DAY,
		.lead = 2 * DAY,
		.margin = HOUR,
		.retire_after = 11 * DAY,
		.revoke_for = (1 + world_below(w, 4)) * DAY,
		.delete_after = (2 + world_below(w, 14)) * DAY,
		.recheck = 6 * HOUR,
		.ttl = w->pos_ttl,
		.standby = !world_one_in(w, 4),
		.stagger = !world_one_in(w, 3),
		.revoke = world_one_in(w, 4) ? REVOKE_REMOVE : REVOKE_EMPTY,
		.algorithms = { { KEY_RSA_SHA256, 2048 },
		    { KEY_ED25519_SHA256, 256 } },
		.algorithm_count = world_one_in(w, 3) ? 2 : 1,
		.slots = world_one_in(w, 4) ? slots : NULL,
		.weekdays = world_one_in(w, 2) ? 0x7f : 0x1e,
	};
}

/* The clocks, as the file that the ticks leave behind lets them be judged. */
static void
read_clocks(struct walk *h)
{
	struct moment *last = &h->last_tick, now;
	bool is_uneven, has_gap;

	memset(&now, 0, sizeof(now));
	world_moment(&h->w, &now);
	if (last->wall == 0)
		*last = now;
	has_gap = now.wall - last->wall > 7 * DAY;
	if (strcmp(last->boot_id, now.boot_id) == 0)
		is_uneven = llabs((long long)(now.wall - last->wall) -
		                (now.boottime - last->boottime)) > 300;
	else
		is_uneven = now.wall < last->wall - 300 || has_gap;
	if (is_uneven)
		h->clock.even_since = now.wall;
	if (is_uneven || has_gap)
		h->suspicious_until = now.boottime + DAY;
	else if (strcmp(last->boot_id, now.boot_id) != 0 &&
	    h->suspicious_until > last->boottime)
		h->suspicious_until = now.boottime + DAY;
	else if (strcmp(last->boot_id, now.boot_id) != 0)
		h->suspicious_until = 0;
	h->clock.irreversible_wait =
	    now.boottime < h->suspicious_until ? DAY : HOUR;
	h->clock.now = now;
	h->oracle.irreversible_wait = h->clock.irreversible_wait;
	*last = now;
}

static void
gather(struct walk *h)
{
	struct world *w = &h->w;

	h->facts = (struct facts){
		.keys = h->key_facts,
		.keyturnd_answers = w->is_up,
		.held_is_known = w->held_is_known,
	};
	for (size_t i = 0; i < h->ring->key_count; i++) {
		const struct wkey *k =
		    &w->keys[world_key_of(&h->ring->keys[i])];

		h->key_facts[i] = (struct key_facts){
			.cache_ttl = -1,
			.record_ttl = -1,
			.file = k->has_file ? FILE_GOOD : FILE_LOST,
		};
		if (!w->held_is_known)
			continue;
		h->key_facts[i].is_held = k->is_entered && k->released == 0;
		h->key_facts[i].held_since = k->since;
		h->key_facts[i].last_signed = k->last_signed;
		h->key_facts[i].released = k->released;
	}
}

static void
look(struct walk *h, const struct life_wish *wish)
{
	for (size_t i = 0; i < h->ring->key_count; i++) {
		int key = world_key_of(&h->ring->keys[i]);

		if (!life_wants_look(h->ring, i, &h->facts, &h->rules,
		        &h->clock, h->last_look[key], wish))
			continue;
		world_look(&h->w, key, &h->key_facts[i]);
		h->last_look[key] = h->clock.now.wall;
	}
}

static void
make_key(struct walk *h, const struct decision *d, struct ring_key *made)
{
	char selector[32];

	if (d->slot != NULL)
		snprintf(selector, sizeof(selector), "%s", d->slot);
	else
		snprintf(selector, sizeof(selector), "s%d", h->seq++);
	strcpy(made->selector, selector);
	snprintf(made->file, sizeof(made->file), "%s-%d.pem", selector,
	    h->w.key_count);
	made->alg = d->alg;
	made->bits = d->bits;
	world_fingerprint(world_new_key(&h->w, selector, d->alg),
	    made->fingerprint);
}

/* What the step does outside; false: it did not work this time. */
static bool
act(struct walk *h, const struct decision *d, int key, struct ring_key *made)
{
	switch (d->step) {
	case STEP_GENERATE:
		make_key(h, d, made);
		return true;
	case STEP_PUBLISH:
	case STEP_REPUBLISH:
	case STEP_REVOKE:
	case STEP_REMOVE:
		return world_publish(&h->w, key, d->step);
	case STEP_DELETE_FILE:
		h->w.keys[key].has_file = false;
		return true;
	default:
		return true;
	}
}

static void
note_truth(struct walk *h, const struct decision *d, int key)
{
	struct wkey *k;

	if (key == -1)
		return;
	k = &h->w.keys[key];
	if (d->step == STEP_ACTIVATE) {
		k->activated = h->w.now;
		k->is_forced |= d->is_forced;
	}
	for (size_t i = 0; i < h->ring->key_count; i++) {
		if (h->ring->keys[i].is_compromised)
			h->w.keys[world_key_of(&h->ring->keys[i])]
			    .is_compromised = true;
	}
}

/*
 * One step, as turn.c takes it, with a crash at any point.  False: killed.
 */
static bool
take(struct walk *h, const struct decision *d, const struct life_wish *wish)
{
	int key =
	    d->key == LIFE_NEW_KEY ? -1 : world_key_of(&h->ring->keys[d->key]);
	bool is_forced = wish && wish->is_forced;
	struct ring_key made = { .record = NULL };
	struct err err = ERR_INIT;
	int crash = chance(h, 60) ? world_below(&h->w, 3) : -1;

	if (crash == 0)
		return false;
	/* A look that changes the ring counts once that is written. */
	if (key != -1 && h->key_facts[d->key].sight != SIGHT_NONE &&
	    (crash != 1 || d->step == STEP_NONE ||
	        h->key_facts[d->key].sight == SIGHT_COMPLETE)) {
		world_observe(&h->w, key);
		oracle_looked(&h->oracle, key, &h->key_facts[d->key]);
	}
	if (d->step == STEP_NONE)
		tell(h, "wait", d);
	if (d->step == STEP_NONE)
		return true;
	h->steps[d->step]++;
	tell(h, "step", d);
	if (wish && wish->wish == WISH_REVOKE && wish->is_forced &&
	    h->ring->keys[d->key].released == 0)
		h->w.keys[key].is_forced_off = true;
	oracle_step(&h->oracle, h->ring, d, key, is_forced);
	if (!act(h, d, key, &made))
		return true;
	if (crash == 1)
		return false;
	if (life_apply(h->ring, d, &h->facts, &h->rules, &h->clock, &made,
	        &err) == -1)
		world_fail(&h->w, "life_apply: %s", err.text);
	note_truth(h, d, key);
	oracle_done(&h->oracle, d, key);
	if (crash == 2)
		return false;
	if (d->step == STEP_ACTIVATE || d->step == STEP_RETIRE ||
	    d->step == STEP_CONFIRM)
		keyturnd_reload(&h->w, h->ring);
	return true;
}

static void
tick(struct walk *h, const struct life_wish *wish)
{
	size_t n;

	read_clocks(h);
	gather(h);
	look(h, wish);
	oracle_before(&h->oracle, h->ring);
	life_note(h->ring, &h->facts, &h->clock);
	n = life_decide(h->ring, &h->facts, &h->rules, &h->clock, wish, h->out);
	for (size_t i = 0; i < n && h->w.failure[0] == '\0'; i++) {
		if (!take(h, &h->out[i], wish))
			break;
	}
	oracle_after(&h->oracle, h->ring);
	world_send(&h->w);
}

/* A key of the ring, any. */
static const char *
any_selector(struct walk *h)
{
	return h->ring->keys[world_below(&h->w, (int)h->ring->key_count)]
	    .selector;
}

static void
operate(struct walk *h)
{
	char selector[DNSNAME_MAX + 1];
	struct life_wish wish = { .reason = "so they say" };

	if (h->ring->key_count == 0)
		return;
	strlcpy(selector, any_selector(h), sizeof(selector));
	wish.wish = (enum wish)(1 + world_below(&h->w, WISH_PANIC));
	if (wish.wish == WISH_ROTATE || wish.wish == WISH_PANIC)
		wish.selector = world_one_in(&h->w, 6) ? selector : NULL;
	else
		wish.selector = selector;
	if (wish.wish == WISH_PANIC && !world_one_in(&h->w, 3))
		return;
	wish.is_forced = world_one_in(&h->w, 8);
	wish.is_unsigned = world_one_in(&h->w, 8);
	if (wish.wish == WISH_PANIC && wish.is_unsigned)
		h->oracle.is_unsigned = true;
	if (h->is_told)
		printf("# %lld wish %d %s%s%s\n", h->w.now, (int)wish.wish,
		    wish.selector ? wish.selector : "",
		    wish.is_forced ? " forced" : "",
		    wish.is_unsigned ? " unsigned" : "");
	tick(h, &wish);
}

static void
reboot(struct walk *h)
{
	struct world *w = &h->w;

	keyturnd_die(w);
	if (world_one_in(w, 3))
		world_advance(w,
		    world_below(w, world_one_in(w, 5) ? 10 * DAY : HOUR));
	w->boots++;
	w->boot = w->now;
	switch (world_below(w, 6)) {
	case 0: /* a clock that starts anywhere */
		w->skew = -(long long)(1 + world_below(w, 400)) * DAY;
		w->ntp = w->now + world_below(w, 3 * DAY);
		break;
	case 1:
		w->skew = (8LL + world_below(w, 20)) * DAY;
		w->ntp = w->now + world_below(w, 20 * HOUR);
		break;
	default:
		break;
	}
	tell(h, "reboot", NULL);
	if (!world_one_in(w, 4))
		keyturnd_start(w, h->ring);
}

static void
jump(struct walk *h)
{
	struct world *w = &h->w;

	if (w->ntp != 0)
		return;
	if (world_one_in(w, 2) && w->drift < 400 && w->drift > -400) {
		w->drift += world_below(w, 400) - 200;
		w->skew = w->drift;
		return;
	}
	w->skew = w->drift + (world_below(w, 60) - 30LL) * DAY;
	w->ntp = w->now + world_below(w, 20 * HOUR);
	tell(h, "jump", NULL);
}

static void
lose_something(struct walk *h)
{
	struct world *w = &h->w;

	switch (world_below(w, 3)) {
	case 0: /* a key file */
		if (w->key_count > 0)
			w->keys[world_below(w, w->key_count)].has_file = false;
		break;
	case 1: /* what was held */
		if (!world_one_in(w, 4))
			break;
		for (int i = 0; i < w->key_count; i++) {
			struct wkey *k = &w->keys[i];

			k->is_entered = false;
			k->since = k->released = k->last_signed = 0;
		}
		break;
	case 2:
		w->held_is_known = !w->held_is_known;
		break;
	}
}

static void
disturb(struct walk *h)
{
	struct world *w = &h->w;

	if (chance(h, 40))
		world_fault(w);
	if (chance(h, 80))
		world_steal(w);
	if (chance(h, 40))
		keyturnd_die(w);
	if (!w->is_up && world_one_in(w, 4))
		keyturnd_start(w, h->ring);
	if (chance(h, 100))
		reboot(h);
	else if (chance(h, 100)) /* no tick could tell the two apart */
		jump(h);
	if (chance(h, 60))
		lose_something(h);
	if (!w->held_is_known && world_one_in(w, 6))
		w->held_is_known = true;
	if (chance(h, 50))
		w->neg_ttl = 60 + world_below(w, 2 * HOUR);
	if (world_one_in(w, 2) && w->name_count > 0)
		world_probe(w, world_below(w, w->name_count));
	if (chance(h, 30))
		operate(h);
	if (h->rules.mode == ROTATION_MANUAL && chance(h, 6))
		tick(h, &(struct life_wish){ .wish = WISH_ROTATE });
}

/* The first key was in use before. */
static void
adopt(struct walk *h)
{
	struct world *w = &h->w;
	int key = world_new_key(w, "old", KEY_RSA_SHA256);
	struct cell cell = { 2 * key, -1 };
	struct decision d = { .key = LIFE_NEW_KEY, .step = STEP_GENERATE };
	struct ring_key made = {
		.selector = "old",
		.file = "old.pem",
		.alg = KEY_RSA_SHA256,
		.bits = 2048,
		.is_adopted = true,
	};
	struct err err = ERR_INIT;

	w->keys[key].is_adopted = true;
	w->primary[w->keys[key].name] = cell;
	for (int a = 0; a < w->auth_count; a++)
		w->auths[a].cells[w->keys[key].name] = cell;
	world_fingerprint(key, made.fingerprint);
	read_clocks(h);
	gather(h);
	if (life_apply(h->ring, &d, &h->facts, &h->rules, &h->clock, &made,
	        &err) == -1)
		world_fail(w, "adopt: %s", err.text);
}

/* What an operator does who reads what tick says. */
static void
follow_advice(struct walk *h)
{
	for (size_t i = 0; i < h->ring->key_count; i++) {
		const struct ring_key *k = &h->ring->keys[i];
		char selector[DNSNAME_MAX + 1];
		struct life_wish wish = { .wish = WISH_REVOKE };

		if (k->state < KEY_RETIRING ||
		    (k->state == KEY_GONE && k->file[0] == '\0'))
			continue;
		strlcpy(selector, k->selector, sizeof(selector));
		wish.selector = selector;
		wish.is_forced = k->state == KEY_RETIRING && k->released == 0;
		if (wish.is_forced || h->rules.mode == ROTATION_MANUAL)
			tick(h, &wish);
	}
	if (h->rules.mode == ROTATION_MANUAL)
		tick(h, &(struct life_wish){ .wish = WISH_ROTATE });
}

/* Every promise about what has to happen in the end. */
static void
check_end(struct walk *h, long long calm)
{
	for (size_t i = 0; i < h->ring->key_count; i++) {
		const struct ring_key *k = &h->ring->keys[i];
		const struct wkey *wk = &h->w.keys[world_key_of(k)];

		if (k->state == KEY_ACTIVE && wk->activated < calm)
			world_fail(&h->w, "%s was never turned", k->selector);
		if (k->state == KEY_ACTIVE && !wk->signs)
			world_fail(&h->w, "%s is active, but does not sign",
			    k->selector);
		if (k->retired != 0 && wk->last_held < calm &&
		    k->retired < WORLD_EPOCH + (time_t)calm &&
		    (k->state != KEY_GONE || k->file[0] != '\0'))
			world_fail(&h->w, "%s is %s still%s", k->selector,
			    key_state_name(k->state),
			    k->file[0] ? ", with its file" : "");
		if (h->ring->is_leaving && k->state != KEY_GONE)
			world_fail(&h->w, "%s is %s though the ring leaves",
			    k->selector, key_state_name(k->state));
	}
	if (!h->ring->is_leaving &&
	    ring_in_state(h->ring, KEY_RSA_SHA256, KEY_ACTIVE) == NULL)
		world_fail(&h->w, "no key is active in the end");
}

static time_t
latest(const struct ring *ring)
{
	time_t t = 0;

	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *k = &ring->keys[i];

		const time_t times[] = { k->made, k->published, k->ready,
			k->activated, k->retired, k->released, k->republished,
			k->revoked, k->empty_seen, k->removed, k->gone_seen,
			k->armed_at.wall, k->first_sighting.wall,
			k->evidence.second };

		for (size_t j = 0; j < sizeof(times) / sizeof(times[0]); j++)
			t = times[j] > t ? times[j] : t;
	}
	return t;
}

static void
calm_down(struct walk *h)
{
	const struct rotation *r = &h->rules;
	long long days = (r->interval * 5LL / 4) / DAY + 8;
	long long away =
	    (r->retire_after + r->revoke_for + r->delete_after) / DAY + 8;
	long long calm;

	if (h->w.by_hand || r->mode == ROTATION_MANUAL)
		away += 14;
	h->is_calm = true;
	world_heal(&h->w);
	keyturnd_start(&h->w, h->ring);
	if (latest(h->ring) > world_wall(&h->w))
		world_advance(&h->w, latest(h->ring) - world_wall(&h->w));
	calm = h->w.now;
	if (days < away)
		days = away;
	for (long long end = calm + days * DAY; h->w.now < end;) {
		world_advance(&h->w, 4 * HOUR + world_below(&h->w, 4 * HOUR));
		tick(h, NULL);
		if (world_one_in(&h->w, 4))
			follow_advice(h);
		if (h->w.failure[0] != '\0')
			return;
	}
	check_end(h, calm);
}

static void
live(struct walk *h, int days)
{
	for (long long end = days * (long long)DAY; h->w.now < end;) {
		int span = world_one_in(&h->w, 20) ? DAY : 6 * HOUR;

		world_advance(&h->w, 300 + world_below(&h->w, span));
		disturb(h);
		tick(h, NULL);
		if (h->w.failure[0] != '\0')
			return;
	}
	if (world_one_in(&h->w, 12))
		h->ring->is_leaving = true;
	calm_down(h);
}

static long totals[STEP_CONDEMN + 1], mails, excused;

static bool
history(uint64_t seed, bool is_told, struct walk *h)
{
	struct err err = ERR_INIT;
	bool is_good;

	memset(h, 0, sizeof(*h));
	h->is_told = is_told;
	world_init(&h->w, seed * 0x2545f4914f6cdd1dU);
	make_rules(h);
	oracle_init(&h->oracle, &h->w, &h->rules);
	h->ring = ring_new("example.com", "mx1", &err);
	if (h->ring == NULL)
		abort();
	h->ring->made = world_wall(&h->w);
	if (world_one_in(&h->w, 5))
		adopt(h);
	live(h, 30);
	is_good = h->w.failure[0] == '\0';
	if (!is_good)
		printf("# history %llu: %s\n", (unsigned long long)seed,
		    h->w.failure);
	for (int i = 0; i <= STEP_CONDEMN; i++)
		totals[i] += h->steps[i];
	mails += h->w.mail_sent;
	excused += h->w.mail_excused;
	ring_free(h->ring);
	return is_good;
}

int
main(void)
{
	const char *seed = getenv("KEYTURN_TEST_SEED");
	const char *scale = getenv("KEYTURN_TEST_SCALE");
	double n = HISTORIES * (scale ? strtod(scale, NULL) : 1.0);
	struct walk *h = calloc(1, sizeof(*h));
	int bad = 0;

	if (h == NULL)
		return 1;
	if (seed != NULL) {
		ok(history(strtoull(seed, NULL, 10), true, h), "history %s",
		    seed);
		free(h);
		return tap_done();
	}
	for (uint64_t i = 1; i <= (uint64_t)n && bad < 10; i++)
		bad += !history(i, false, h);
	ok(bad == 0, "%.0f histories keep every promise", n);
	for (int i = 1; i <= STEP_CONDEMN; i++)
		ok(totals[i] > 0, "%ld steps %s", totals[i],
		    step_name((enum step)i));
	ok(mails > 0, "%ld messages, %ld of them lost to others' faults", mails,
	    excused);
	free(h);
	return tap_done();
}
