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
#include "notify.h"
#include "problem.h"
#include "reload.h"
#include "snap.h"

/* One who waits in reload_wait for the reload that answers him. */
struct waiter {
	unsigned long long number; /* of his request */
	bool is_answered;
	struct outcome *out;
	struct waiter *next;
};

struct reloader {
	const char *conf_path;
	struct generations *all;
	struct channel *channel;

	pthread_mutex_t lock;
	pthread_cond_t wanted, finished;
	/* Under the lock: requests are numbered, and a reload answers all that
	 * were there when it began. */
	unsigned long long requested, answered;
	struct outcome last;
	struct waiter *waiters;
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
 * Put next in force and wait until the old generation is out of use.  Returns
 * 0, or -1 with err set; nothing has changed then.
 */
static int
replace(struct reloader *r, struct snap *next, unsigned *workers,
    struct err *err)
{
	int timeout_ms = next->conf->channel_timeout * 1000;
	struct generation *old;

	old = generation_publish(r->all, next, err);
	if (old == NULL)
		return -1;
	*workers = channel_announce(r->channel, timeout_ms);
	generation_retire(r->all, old);
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

/* One reload; returns the code of its outcome and adds its text to out. */
static int
reload(struct reloader *r, struct buf *out)
{
	struct generation *g = generation_get(r->all);
	uint64_t number = g->snap->generation;
	struct err err = ERR_INIT;
	unsigned workers = 0;
	struct snap *next;

	next = snap_load(r->conf_path, g->snap, number + 1, &err);
	generation_put(r->all, g);
	if (next == NULL || replace(r, next, &workers, &err) == -1) {
		sayf(out, LOG_ERR,
		    "reload refused, generation %llu stays in force: %s",
		    (unsigned long long)number, err.text);
		return err.code == ERR_CONF || err.code == ERR_LIMIT
		    ? RELOAD_REFUSED
		    : RELOAD_LATER;
	}
	log_configure(&next->conf->log);
	/* Only this thread retires it, so it is there until the next reload. */
	return tell(r, next, workers, out);
}

/* The same with news for the service manager around it. */
static struct outcome
reload_once(struct reloader *r)
{
	struct buf text = BUF_INIT;
	struct outcome o;
	struct err err;
	const char *lines;

	if (notify_reloading(&err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	o.code = reload(r, &text);
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
copy_last(const struct reloader *r, struct outcome *out)
{
	*out = r->last;
	if (r->last.text != NULL)
		out->text = strdup(r->last.text);
}

/*
 * Give the last outcome to those whom it answers: by the time they wake up it
 * may be that of another reload.  Lock held.
 */
static void
answer_waiters(struct reloader *r)
{
	struct waiter **at = &r->waiters;

	while (*at != NULL) {
		struct waiter *w = *at;

		if (w->number > r->answered) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		copy_last(r, w->out);
		w->is_answered = true;
	}
}

static void *
reloader_main(void *arg)
{
	struct reloader *r = arg;
	unsigned long long number;
	struct outcome o;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (r->requested == r->answered)
			pthread_cond_wait(&r->wanted, &r->lock);
		number = r->requested;
		pthread_mutex_unlock(&r->lock);
		o = reload_once(r);
		pthread_mutex_lock(&r->lock);
		outcome_clear(&r->last);
		r->last = o;
		r->answered = number;
		answer_waiters(r);
		pthread_cond_broadcast(&r->finished);
	}
	return NULL;
}

struct reloader *
reloader_start(const char *conf_path, struct generations *all,
    struct channel *ch, struct err *err)
{
	struct reloader *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_nomem(err);
		return NULL;
	}
	*r = (struct reloader){ .conf_path = conf_path,
		.all = all,
		.channel = ch,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wanted = PTHREAD_COND_INITIALIZER,
		.finished = PTHREAD_COND_INITIALIZER };
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
	r->requested++;
	pthread_cond_signal(&r->wanted);
	pthread_mutex_unlock(&r->lock);
}

void
reload_wait(struct reloader *r, struct outcome *out)
{
	struct waiter self = { .out = out };

	pthread_mutex_lock(&r->lock);
	self.number = ++r->requested;
	self.next = r->waiters;
	/* Taken out of the list before it is answered, so before we return. */
	/* cppcheck-suppress autoVariables */
	r->waiters = &self;
	pthread_cond_signal(&r->wanted);
	while (!self.is_answered)
		pthread_cond_wait(&r->finished, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

void
reload_last(struct reloader *r, struct outcome *out)
{
	pthread_mutex_lock(&r->lock);
	copy_last(r, out);
	pthread_mutex_unlock(&r->lock);
}
