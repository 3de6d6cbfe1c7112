/*
 * Telling of what is wrong: each tick in the log, on_event once a day for the
 * same trouble of the same key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "output.h"
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

/* For one line: what a person is to publish has many. */
static const char *
text_of(const struct turned *turned)
{
	return turned->result == TURN_BY_HAND ? turned->decision.text
	                                      : turned->text;
}

static const struct ring_key *
key_of(const struct job *j, const struct turned *turned)
{
	const struct ring_key *key = ring_find(j->k.ring, turned->selector);

	return key != NULL ? key : &no_key;
}

/* The ring itself is in trouble, and not just in somebody else's hands. */
static bool
is_ring_alarm(const struct turn_report *r)
{
	return r->err.code != ERR_NONE && r->code != CTL_NOT_YET;
}

/*
 * Whether on_event was not run for this step of the key of late; notes that it
 * is now.
 */
static bool
is_news(struct turner *t, struct looks *looks, const struct ring_key *key,
    enum step step)
{
	time_t now = t->clock.now.wall;
	struct err ignored = ERR_INIT;
	struct look *l;

	/* A program that hangs would be waited for with each alarm; the next
	   run tells it of the rest. */
	if (t->has_event_hung)
		return false;
	l = looks_of(looks, key, &ignored);
	if (l == NULL)
		return true;
	if (l->alarmed != 0 && l->alarm_step == step && l->alarmed <= now &&
	    now - l->alarmed < EVENT_AGAIN)
		return false;
	l->alarmed = now;
	l->alarm_step = step;
	looks->has_changed = true;
	return true;
}

/* Whether the entry's trouble is in the report still. */
static bool
goes_on(const struct job *j, const struct look *l)
{
	if (is_ring_alarm(j->report) && strcmp(l->selector, LOOKS_NO_KEY) == 0)
		return true;
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

static void
tell(struct turner *t, const struct event *e, bool is_news)
{
	if (turner_tells(t, e->domain, e->selector, e->step))
		event_log(t->conf, e);
	if (is_news && !event_run(t->conf, e))
		t->has_event_hung = true;
}

/*
 * The same for a ring that could not be read, whose looks were not read either:
 * they remember when somebody was told.
 */
static bool
is_news_unread(struct turner *t, const char *domain)
{
	struct looks looks = { .count = 0 };
	struct err ignored = ERR_INIT;
	char *path = NULL;
	bool is_new = true;

	if (asprintf(&path, "%s/%s/looks", t->conf->rings, domain) == -1)
		return true;
	if (looks_load(path, &looks, &ignored) == 0) {
		is_new = is_news(t, &looks, &no_key, STEP_NONE);
		/* Where it cannot be written it is told each time. */
		if (looks.has_changed)
			looks_write(path, &looks, &ignored);
	}
	looks_clear(&looks);
	free(path);
	return is_new;
}

/* The ring itself cannot be worked on. */
static void
alarm_of_ring(struct turner *t, struct job *j)
{
	const struct turn_report *r = j->report;
	struct event e = { .when = t->clock.now.wall,
		.host = t->host,
		.domain = r->domain,
		.selector = "",
		.step = STEP_NONE,
		.text = r->err.text };

	if (is_ring_alarm(r))
		tell(t, &e,
		    j->is_open ? is_news(t, &j->k.looks, &no_key, STEP_NONE)
		               : is_news_unread(t, r->domain));
	else /* the next tick goes on */
		out_error("%s: %s", r->domain, r->err.text);
}

void
turn_alarm(struct turner *t, struct job *j)
{
	struct turn_report *r = j->report;

	if (r->err.code != ERR_NONE && t->is_tick)
		alarm_of_ring(t, j);
	if (!j->is_open)
		return;
	for (size_t i = 0; i < r->count; i++) {
		const struct turned *turned = &r->turned[i];
		struct event e = { .when = t->clock.now.wall,
			.host = t->host,
			.domain = r->domain,
			.selector = turned->selector,
			.step = step_of(turned),
			.text = text_of(turned) };

		if (is_alarm(turned) && e.text != NULL)
			tell(t, &e,
			    is_news(t, &j->k.looks, key_of(j, turned), e.step));
	}
	forget_ended(j);
}
