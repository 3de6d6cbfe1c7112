/*
 * When turns are due.  The days are those of the calendar on the wall; the
 * dates behind them were counted by Python's datetime.
 */
#include <stdio.h>
#include <string.h>

#include "../../common/when.h"
#include "life_scene.h"
#include "tap.h"

#define MON_THU 0x1e
#define ANY_DAY 0x7f

static const struct blackout christmas = { 0, 12, 18, 0, 1, 6 };
static const struct blackout once = { 2026, 4, 1, 2026, 4, 14 };

static const struct {
	const char *name, *t, *want;
	unsigned weekdays;
	const struct blackout *blackout;
} days[] = {
	{ "an open day is itself", "2026-04-01T10:00:00Z",
	    "2026-04-01T10:00:00Z", MON_THU, NULL },
	{ "Friday waits for Monday", "2026-04-03T10:00:00Z",
	    "2026-04-06T00:00:00Z", MON_THU, NULL },
	{ "the last second of Thursday", "2026-04-02T23:59:59Z",
	    "2026-04-02T23:59:59Z", MON_THU, NULL },
	{ "the first second of Friday", "2026-04-03T00:00:00Z",
	    "2026-04-06T00:00:00Z", MON_THU, NULL },
	{ "any day", "2026-04-04T10:00:00Z", "2026-04-04T10:00:00Z", ANY_DAY,
	    NULL },
	{ "before a blackout of every year", "2026-12-17T23:59:59Z",
	    "2026-12-17T23:59:59Z", ANY_DAY, &christmas },
	{ "in it", "2026-12-18T00:00:00Z", "2027-01-07T00:00:00Z", ANY_DAY,
	    &christmas },
	{ "in it, the other year", "2027-01-06T23:59:59Z",
	    "2027-01-07T00:00:00Z", ANY_DAY, &christmas },
	{ "in it, and then a weekend", "2028-01-06T12:00:00Z",
	    "2028-01-10T00:00:00Z", MON_THU, &christmas },
	{ "a blackout of one year", "2026-04-07T10:00:00Z",
	    "2026-04-15T00:00:00Z", MON_THU, &once },
	{ "not of the next", "2027-04-07T10:00:00Z", "2027-04-07T10:00:00Z",
	    MON_THU, &once },
	{ "the 29th of February", "2028-02-29T10:00:00Z",
	    "2028-02-29T10:00:00Z", MON_THU, NULL },
	{ "no day at all", "2026-04-01T10:00:00Z", "", 0, NULL },
};

static void
check_days(void)
{
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		struct rotation rules = { .weekdays = days[i].weekdays };
		char text[WHEN_TEXT_MAX];
		time_t t = 0;

		if (days[i].blackout != NULL)
			rules.blackout[rules.blackout_count++] =
			    *days[i].blackout;
		when_parse(days[i].t, &t);
		when_text(life_open_day(&rules, t), text);
		is_str(text, days[i].want, days[i].name);
	}
}

static time_t
due_of(struct scene *s, const char *domain)
{
	snprintf(s->ring->domain, sizeof(s->ring->domain), "%s", domain);
	return life_due(s->ring, KEY_RSA_SHA256, &s->rules);
}

/* Many domains that turned at the same moment. */
static void
check_stagger(void)
{
	struct scene s;
	int tenth[10] = { 0 }, first_early = 0, later_early = 0, wrong = 0;

	scene_set(&s, "steady", "nothing");
	s.rules.stagger = true;
	s.rules.weekdays = ANY_DAY;
	for (int i = 0; i < 2000; i++) {
		char domain[32];
		time_t first, next, from = s.ring->keys[A].activated;

		snprintf(domain, sizeof(domain), "customer%d.example", i);
		first = due_of(&s, domain) - from;
		wrong += first <= 0 || first > 90 * DAY;
		tenth[(first - 1) / (9 * DAY)]++;
		first_early += first < 90 * DAY / 4;
		/* The same domain when it has turned before. */
		s.ring->keys[B].activated = from - 50 * DAY;
		next = due_of(&s, domain) - from;
		s.ring->keys[B].activated = 0;
		later_early += next < 90 * DAY / 4;
		wrong += (next - first) % (90 * DAY) != 0;
		/* From its own moment on, exactly one interval. */
		s.ring->keys[A].activated += first;
		wrong += due_of(&s, domain) - from != first + 90 * DAY;
		s.ring->keys[A].activated = from;
	}
	is_int(wrong, 0, "each domain has a moment of its own in the interval");
	for (int i = 0; i < 10; i++)
		ok(tenth[i] > 140 && tenth[i] < 260,
		    "%d of 2000 domains in tenth %d", tenth[i], i);
	ok(first_early > 0, "a first key may be turned early");
	is_int(later_early, 0, "a later one lives a quarter of the interval");
	scene_clear(&s);
}

static void
check_due(void)
{
	struct scene s;
	char text[WHEN_TEXT_MAX];

	scene_set(&s, "steady", "nothing");
	when_text(life_due(s.ring, KEY_RSA_SHA256, &s.rules), text);
	is_str(text, "2026-04-01T10:00:00Z", "without stagger: 90 days");
	s.ring->keys[A].activated += 2 * DAY;
	when_text(life_due(s.ring, KEY_RSA_SHA256, &s.rules), text);
	is_str(text, "2026-04-06T00:00:00Z", "and the next open day");
	is_int(life_due(s.ring, KEY_ED25519_SHA256, &s.rules), 0,
	    "no active key of the kind: not due");
	/* Hosts and versions agree; FNV-1a by another program. */
	s.rules.stagger = true;
	s.rules.weekdays = ANY_DAY;
	is_int(due_of(&s, "example.com") % (90 * DAY), 88936, "example.com");
	is_int(due_of(&s, "example.org") % (90 * DAY), 1729539, "example.org");
	scene_clear(&s);
}

int
main(void)
{
	check_days();
	check_due();
	check_stagger();
	return tap_done();
}
