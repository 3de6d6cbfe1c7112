/*
 * The reloader.  All that takes time happens here, outside any lock that a
 * serving thread takes.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "listener.h"
#include "log.h"
#include "monotime.h"
#include "notify.h"
#include "problem.h"
#include "reload.h"
#include "snap.h"

enum { NOTE_MS = 60000 }; /* between two records of who signed last */

/* One who waits in reload_wait for the reload that answers him. */
struct waiter {
	unsigned long long number; /* of his request */
	bool is_answered;
	struct outcome *out;
	struct waiter *next;
};

/*
 * Requests of one kind are numbered, and a reload answers all that were there
 * when it began.
 */
struct queue {
	unsigned long long requested, answered;
	struct outcome last;
	struct waiter *waiters;
};

struct reloader {
	const char *conf_path;
	struct generations *all;
	struct channel *channel;
	struct holding *holding;

	pthread_mutex_t lock;
	pthread_cond_t wanted, finished;
	struct queue queues[RELOAD_KINDS]; /* under the lock */
};

void
outcome_clear(struct outcome *o)
{
	free(o->text);
	*o = (struct outcome){ .code = 0 };
}

/* Log a line and add it to the text of the outcome. */
static void
say(void *arg, int level, const char *text)
{
	struct buf *out = arg;

	log_msg(level, NULL, "%s", text);
	buf_adds(out, text);
	buf_addc(out, '\n');
}

static void __attribute__((format(printf, 3, 4)))
sayf(struct buf *out, int level, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(out, level, text);
}

/* Name what has changed and waits for a restart. */
static void
say_restart(const struct reloader *r, const struct conf *conf, struct buf *out)
{
	char *names = conf_restart_differences(generations_conf(r->all), conf);

	if (names != NULL)
		sayf(out, LOG_WARNING,
		    "%s: changed and not in force until keyturnd is "
		    "restarted: %s",
		    conf->path, names);
	free(names);
}

/*
 * Put next in force and wait until the old generation is out of use.  What
 * next can sign with is on record before, what it cannot any more afterwards.
 * Returns 0, or -1 with err set; nothing has changed then.
 */
static int
replace(struct reloader *r, struct snap *next, unsigned *workers,
    struct err *err)
{
	int timeout_ms = next->conf->channel_timeout * 1000;
	struct generation *old;

	if (holding_enter(r->holding, next, err) == -1) {
		snap_free(next);
		return -1;
	}
	old = generation_publish(r->all, next, err);
	if (old == NULL)
		return -1;
	*workers = channel_announce(r->channel, timeout_ms);
	generation_wait(r->all, old);
	holding_settle(r->holding, old->snap, next);
	generation_free(old);
	return 0;
}

/* What has been put in force, in words; returns the code of the outcome. */
static int
tell(const struct reloader *r, const struct snap *snap, unsigned workers,
    struct buf *out)
{
	struct buf summary = BUF_INIT;
	const char *text;

	problem_summary(snap, &summary);
	text = buf_str(&summary);
	sayf(out, LOG_NOTICE, "generation %llu in force: %s; %u worker%s",
	    (unsigned long long)snap->generation, text ? text : "", workers,
	    workers == 1 ? " has it" : "s have it");
	buf_clear(&summary);
	problem_list(snap, say, out);
	say_restart(r, snap->conf, out);
	return snap->kept_count + snap->broken_count > 0 ? RELOAD_DEGRADED
	                                                 : RELOAD_TAKEN;
}

/* Build what comes after g.  Returns NULL with err set. */
static struct snap *
build(const struct reloader *r, enum reload_kind kind,
    const struct generation *g, struct err *err)
{
	struct held held = { .count = 0 };
	struct snap *next = NULL;
	int known;

	/* What we know is newer than any file. */
	known = holding_copy(r->holding, &held, err);
	if (known != -1)
		next = snap_next(g->snap,
		    kind == RELOAD_RINGS ? NULL : r->conf_path,
		    known == 1 ? &held : NULL, err);
	held_clear(&held);
	return next;
}

/* One reload; returns the code of its outcome and adds its text to out. */
static int
reload(struct reloader *r, enum reload_kind kind, struct buf *out)
{
	struct generation *g = generation_get(r->all);
	uint64_t number = g->snap->generation;
	struct err err = ERR_INIT;
	unsigned workers = 0;
	struct snap *next;

	next = build(r, kind, g, &err);
	/* Only this thread retires it: it is there without our hold too. */
	generation_put(r->all, g);
	if (next == NULL || replace(r, next, &workers, &err) == -1) {
		/* What was entered for next is not held. */
		if (next != NULL)
			holding_settle(r->holding, g->snap, g->snap);
		sayf(out, LOG_ERR,
		    "reload%s refused, generation %llu stays in force: %s",
		    kind == RELOAD_RINGS ? " of rings" : "",
		    (unsigned long long)number, err.text);
		return err.code == ERR_CONF || err.code == ERR_LIMIT
		    ? RELOAD_REFUSED
		    : RELOAD_LATER;
	}
	log_configure(&next->conf->log);
	return tell(r, next, workers, out);
}

/* The same with news for the service manager around it. */
static struct outcome
reload_once(struct reloader *r, enum reload_kind kind)
{
	struct buf text = BUF_INIT;
	struct outcome o;
	struct err err;
	const char *lines;

	if (notify_reloading(&err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	o.code = reload(r, kind, &text);
	o.when = time(NULL);
	lines = buf_str(&text);
	o.text = lines ? strdup(lines) : NULL;
	if (notify_ready(lines, &err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	buf_clear(&text);
	return o;
}

/* Lock held. */
static void
copy_last(const struct queue *q, struct outcome *out)
{
	*out = q->last;
	if (q->last.text != NULL)
		out->text = strdup(q->last.text);
}

/*
 * Give the last outcome to those whom it answers: by the time they wake up it
 * may be that of another reload.  Lock held.
 */
static void
answer_waiters(struct queue *q)
{
	struct waiter **at = &q->waiters;

	while (*at != NULL) {
		struct waiter *w = *at;

		if (w->number > q->answered) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		copy_last(q, w->out);
		w->is_answered = true;
	}
}

/* Answer what is in the queue of kind by one reload; lock held. */
static void
serve_queue(struct reloader *r, enum reload_kind kind)
{
	struct queue *q = &r->queues[kind];
	unsigned long long number = q->requested;
	struct outcome o;

	if (number == q->answered)
		return;
	pthread_mutex_unlock(&r->lock);
	o = reload_once(r, kind);
	pthread_mutex_lock(&r->lock);
	outcome_clear(&q->last);
	q->last = o;
	q->answered = number;
	answer_waiters(q);
	pthread_cond_broadcast(&r->finished);
}

static bool
has_requests(const struct reloader *r)
{
	for (int kind = 0; kind < RELOAD_KINDS; kind++)
		if (r->queues[kind].requested != r->queues[kind].answered)
			return true;
	return false;
}

/* Put on record who signed last. */
static void
note(struct reloader *r)
{
	struct generation *g = generation_get(r->all);

	holding_note(r->holding, g->snap);
	generation_put(r->all, g);
}

static void *
reloader_main(void *arg)
{
	struct reloader *r = arg;
	long long due = mono_now_ms() + NOTE_MS;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (!has_requests(r) && mono_until_ms(due) > 0)
			mono_cond_wait(&r->wanted, &r->lock, due);
		for (int kind = 0; kind < RELOAD_KINDS; kind++)
			serve_queue(r, (enum reload_kind)kind);
		if (mono_until_ms(due) > 0)
			continue;
		pthread_mutex_unlock(&r->lock);
		note(r);
		due = mono_now_ms() + NOTE_MS;
		pthread_mutex_lock(&r->lock);
	}
	return NULL;
}

struct reloader *
reloader_start(const char *conf_path, struct generations *all,
    struct channel *ch, struct holding *h, struct err *err)
{
	struct reloader *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_nomem(err);
		return NULL;
	}
	*r = (struct reloader){ .conf_path = conf_path,
		.all = all,
		.channel = ch,
		.holding = h,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.finished = PTHREAD_COND_INITIALIZER };
	if (mono_cond_init(&r->wanted) != 0) {
		free(r);
		err_nomem(err);
		return NULL;
	}
	if (thread_start(reloader_main, r, err) == -1) {
		free(r);
		return NULL;
	}
	return r;
}

void
reload_request(struct reloader *r)
{
	pthread_mutex_lock(&r->lock);
	r->queues[RELOAD_ALL].requested++;
	pthread_cond_signal(&r->wanted);
	pthread_mutex_unlock(&r->lock);
}

void
reload_wait(struct reloader *r, enum reload_kind kind, struct outcome *out)
{
	struct waiter self = { .out = out };
	struct queue *q = &r->queues[kind];

	pthread_mutex_lock(&r->lock);
	self.number = ++q->requested;
	self.next = q->waiters;
	/* Taken out of the list before it is answered, so before we return. */
	/* cppcheck-suppress autoVariables */
	q->waiters = &self;
	pthread_cond_signal(&r->wanted);
	while (!self.is_answered)
		pthread_cond_wait(&r->finished, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

void
reload_last(struct reloader *r, enum reload_kind kind, struct outcome *out)
{
	pthread_mutex_lock(&r->lock);
	copy_last(&r->queues[kind], out);
	pthread_mutex_unlock(&r->lock);
}
