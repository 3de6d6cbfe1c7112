/*
 * One tick over many rings.  All looks are made side by side, then each ring is
 * locked, read again and taken a step further, then keyturnd is asked once to
 * take what was turned.  A ring for which nothing is due is neither locked nor
 * written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "turn_job.h"

static void
job_close(struct job *j)
{
	for (size_t i = 0; i < j->seen_count; i++)
		free(j->seen[i].evidence);
	free(j->seen);
	j->seen = NULL;
	j->seen_count = 0;
	ring_free(j->base);
	j->base = NULL;
	known_clear(&j->k);
	j->is_open = false;
}

/* The ring cannot be worked on. */
static void
fail(struct job *j, const struct err *err)
{
	j->report->err = *err;
	switch (err->code) {
	case ERR_IO:
		j->report->code = CTL_CANNOT_WRITE;
		break;
	case ERR_LIMIT: /* somebody else has its lock */
	case ERR_NOMEM:
	case ERR_CRYPTO:
		j->report->code = CTL_NOT_YET;
		break;
	case ERR_CONF:
		j->report->code = CTL_CONFIG;
		break;
	default:
		j->report->code = CTL_PROBLEM;
		break;
	}
}

/* Decisions that keyturnd has a part in. */
static bool
needs_keyturnd(const struct decision *d)
{
	return d->step == STEP_ACTIVATE || d->step == STEP_RETIRE ||
	    d->step == STEP_CONFIRM;
}

/*
 * What is to be done with the ring now, with room for it allocated; keyturnd
 * is asked whether it is there only when that matters.
 * Returns how many decisions there are; NULL in *out: no memory.
 */
static size_t
decide(struct turner *t, struct job *j, const struct life_wish *wish,
    struct decision **out)
{
	size_t max = j->k.ring->key_count + ROTATION_ALGORITHMS_MAX;
	struct decision *d = calloc(max, sizeof(*d));
	size_t count = 0;

	*out = d;
	if (d == NULL)
		return 0;
	j->k.facts.keyturnd_answers = t->keyturnd != KEYTURND_SILENT;
	count = life_decide(j->k.ring, &j->k.facts, &j->k.rules, &t->clock,
	    wish, d);
	for (size_t i = 0; i < count; i++) {
		if (t->keyturnd != KEYTURND_UNASKED || !needs_keyturnd(&d[i]))
			continue;
		j->k.facts.keyturnd_answers = turner_asks(t);
		return life_decide(j->k.ring, &j->k.facts, &j->k.rules,
		    &t->clock, wish, d);
	}
	return count;
}

static const char *
selector_of(const struct job *j, const struct decision *d)
{
	return d->key != LIFE_NEW_KEY ? j->k.ring->keys[d->key].selector : "";
}

/* Whether there is anything in it for a report. */
static bool
is_worth_telling(const struct turner *t, const struct decision *d)
{
	return !t->is_tick || d->step != STEP_NONE || d->is_stuck ||
	    d->is_alarm;
}

static void
tell(struct turner *t, struct job *j, const struct decision *d,
    enum turn_result result, const char *text)
{
	struct turned *turned;

	if (!is_worth_telling(t, d))
		return;
	turned = turn_report_add(j->report, d, selector_of(j, d), result, text);
	if (turned != NULL && t->keyturnd == KEYTURND_SILENT &&
	    d->step == STEP_NONE &&
	    (d->next == STEP_ACTIVATE || d->next == STEP_CONFIRM))
		turned->is_silent = true;
}

/* One decision of a locked ring.  False: the ring is not to be gone on with. */
static bool
do_one(struct turner *t, struct ringlock *lock, struct job *j,
    const struct decision *d)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	enum turn_result result;
	bool is_lost = false;

	result = turn_step(t, lock, j, d, &text, &is_lost, &err);
	if (err.code != ERR_NONE)
		tell(t, j, d, result, err.text);
	else if (text.len > 0 && buf_str(&text) != NULL)
		tell(t, j, d, result, text.data);
	else
		tell(t, j, d, result, d->text);
	if (is_lost)
		fail(j, &err);
	buf_clear(&text);
	return !is_lost;
}

/* All that is due for a locked ring that was just read. */
static void
do_all(struct turner *t, struct ringlock *lock, struct job *j,
    const struct life_wish *wish)
{
	struct err err = ERR_INIT;
	struct decision *d = NULL;
	bool noted, goes_on = true;
	unsigned long steps;
	size_t count;

	j->base = ring_copy(j->k.ring, &err);
	if (j->base == NULL) {
		fail(j, &err);
		return;
	}
	steps = j->base->steps;
	noted = life_note(j->k.ring, &j->k.facts, &t->clock);
	count = decide(t, j, wish, &d);
	for (size_t i = 0; goes_on && i < count; i++)
		goes_on = do_one(t, lock, j, &d[i]);
	/*
	 * What was noted is committed by the first step that is, or by itself:
	 * a publisher that fails must not have a TTL that was seen forgotten.
	 */
	if (noted && goes_on && j->base->steps == steps &&
	    turn_commit(t, lock, j, "note", NULL, &err) == -1)
		fail(j, &err);
	if (d == NULL) {
		err_nomem(&err);
		fail(j, &err);
	}
	free(d);
}

/*
 * Lock the ring, read it again, since somebody else may have worked on it
 * meanwhile, and do what is due.
 */
static void
work(struct turner *t, struct job *j, const struct life_wish *wish)
{
	const char *domain = j->report->domain;
	struct err err = ERR_INIT;
	struct ringlock *lock;
	struct looks looks;
	struct known k;

	lock = ringstore_lock(t->store, domain, false, TURN_LOCK_WAIT, &err);
	if (lock == NULL || known_load(t, domain, lock, &k, &err) == -1) {
		fail(j, &err);
		ringstore_unlock(lock);
		return;
	}
	/* The looks of this run are younger than those of the file. */
	looks = k.looks;
	k.looks = j->k.looks;
	j->k.looks = looks;
	known_clear(&j->k);
	j->k = k;
	turn_take_seen(j);
	do_all(t, lock, j, wish);
	ringstore_unlock(lock);
}

/* Whether anything is to be done; tells of what waits. */
static bool
has_work(struct turner *t, struct job *j, const struct life_wish *wish)
{
	struct err err = ERR_INIT;
	struct decision *d = NULL;
	bool works;
	size_t count;

	/* The ring as it is in memory only: it is read again to be written. */
	if (life_note(j->k.ring, &j->k.facts, &t->clock))
		j->is_noted = true;
	works = j->is_noted;
	count = decide(t, j, wish, &d);
	for (size_t i = 0; i < count; i++)
		works = works || d[i].step != STEP_NONE;
	for (size_t i = 0; i < count && (!works || t->is_dry); i++)
		tell(t, j, &d[i], TURN_NOTHING, d[i].text);
	if (d == NULL) {
		err_nomem(&err);
		fail(j, &err);
	}
	free(d);
	return works && !t->is_dry;
}

/* Read the ring.  It is kept in memory only if there is something in it. */
static void
job_open(struct turner *t, struct job *j, const struct life_wish *wish)
{
	struct err err = ERR_INIT;

	if (known_load(t, j->report->domain, NULL, &j->k, &err) == -1) {
		fail(j, &err);
		return;
	}
	j->is_open = true;
	if (turn_wants_look(t, j, wish) || wish->wish != WISH_NONE)
		return;
	if (!has_work(t, j, wish) && j->report->count == 0 &&
	    !j->k.looks.has_changed)
		job_close(j);
	else /* told again when it is worked on */
		turn_report_clear(j->report);
}

static void
job_finish(struct turner *t, struct job *j)
{
	struct err err = ERR_INIT;

	if (!t->is_dry)
		turn_alarm(t, j);
	if (!j->is_open)
		return;
	looks_prune(&j->k.looks, j->k.ring);
	/* A ring that cannot be written has said so already. */
	if (!t->is_dry && j->k.looks.has_changed &&
	    looks_write(j->k.looks_path, &j->k.looks, &err) == -1 &&
	    j->report->err.code == ERR_NONE) {
		fail(j, &err);
		if (t->is_tick) /* the alarms are over */
			out_error("%s", err.text);
	}
	job_close(j);
}

static int
go(struct turner *t, struct job *jobs, size_t count,
    const struct life_wish *wish, struct err *err)
{
	/*
	 * What was seen was seen after the time by which is decided, and
	 * before the time from which a wait begins.
	 */
	if (clock_now(&t->clock.now, err) == -1)
		return -1;
	for (size_t i = 0; i < count; i++)
		job_open(t, &jobs[i], wish);
	t->looked = t->clock;
	if (turn_look(t, jobs, count, wish, err) == -1 ||
	    clock_now(&t->looked.now, err) == -1)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].is_open)
			continue;
		turn_take_seen(&jobs[i]);
		if (has_work(t, &jobs[i], wish))
			work(t, &jobs[i], wish);
	}
	turn_confirm(t, jobs, count);
	return 0;
}

int
turn_rings(struct turner *t, char *const *domains, const struct life_wish *wish,
    struct turn_report *reports, struct err *err)
{
	struct job *jobs;
	size_t count = 0;
	int rc;

	while (domains[count] != NULL)
		count++;
	jobs = calloc(count + 1, sizeof(*jobs));
	if (jobs == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		memset(&reports[i], 0, sizeof(reports[i]));
		snprintf(reports[i].domain, sizeof(reports[i].domain), "%s",
		    domains[i]);
		jobs[i].report = &reports[i];
	}
	rc = go(t, jobs, count, wish, err);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0)
			job_finish(t, &jobs[i]);
		job_close(&jobs[i]);
	}
	free(jobs);
	return rc;
}
