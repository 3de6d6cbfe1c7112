/*
 * Telling of what is wrong: each tick in the log, on_event once a day for the
 * same trouble of the same key.
 */
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "turn_job.h"

/* Stands in the looks for troubles that are no key's. */
static const struct ring_key no_key = { .selector = LOOKS_NO_KEY };

static bool
is_alarm(const struct turned *turned)
{
	return turned->decision.is_alarm || turned->result == TURN_FAILED;
}

static enum step
step_of(const struct turned *turned)
{
	return turned->decision.step != STEP_NONE ? turned->decision.step
	                                          : turned->decision.next;
}

static const struct ring_key *
key_of(const struct job *j, const struct turned *turned)
{
	const struct ring_key *key = ring_find(j->k.ring, turned->selector);

	return key != NULL ? key : &no_key;
}

/* Whether on_event was not run for this of late; notes that it is now. */
static bool
is_news(struct turner *t, struct job *j, const struct turned *turned)
{
	time_t now = t->clock.now.wall;
	struct err ignored = ERR_INIT;
	struct look *l = looks_of(&j->k.looks, key_of(j, turned), &ignored);

	if (l == NULL)
		return true;
	if (l->alarmed != 0 && l->alarm_step == step_of(turned) &&
	    l->alarmed <= now && now - l->alarmed < EVENT_AGAIN)
		return false;
	l->alarmed = now;
	l->alarm_step = step_of(turned);
	j->k.looks.has_changed = true;
	return true;
}

/* Whether the entry's trouble is in the report still. */
static bool
goes_on(const struct job *j, const struct look *l)
{
	for (size_t i = 0; i < j->report->count; i++) {
		const struct turned *turned = &j->report->turned[i];

		if (is_alarm(turned) &&
		    strcmp(key_of(j, turned)->selector, l->selector) == 0)
			return true;
	}
	return false;
}

/* What has ended is news when it begins again. */
static void
forget_ended(struct job *j)
{
	for (size_t i = 0; i < j->k.looks.count; i++) {
		struct look *l = &j->k.looks.list[i];

		if (l->alarmed == 0 || goes_on(j, l))
			continue;
		l->alarmed = 0;
		j->k.looks.has_changed = true;
	}
}

/* The ring itself cannot be worked on. */
static void
alarm_of_ring(struct turner *t, const struct turn_report *r)
{
	struct event e = { .when = t->clock.now.wall,
		.host = t->host,
		.domain = r->domain,
		.step = STEP_NONE,
		.text = r->err.text };

	event_log(t->conf, &e);
	event_run(t->conf, &e);
}

void
turn_alarm(struct turner *t, struct job *j)
{
	struct turn_report *r = j->report;

	if (r->err.code != ERR_NONE && t->is_tick)
		alarm_of_ring(t, r);
	if (!j->is_open)
		return;
	for (size_t i = 0; i < r->count; i++) {
		struct event e = { .when = t->clock.now.wall,
			.host = t->host,
			.domain = r->domain,
			.selector = r->turned[i].selector,
			.step = step_of(&r->turned[i]),
			.text = r->turned[i].text };

		if (!is_alarm(&r->turned[i]) || e.text == NULL)
			continue;
		event_log(t->conf, &e);
		if (is_news(t, j, &r->turned[i]))
			event_run(t->conf, &e);
	}
	forget_ended(j);
}
