/*
 * The worker's control connection, which one thread owns: policies come over
 * it, counters go.  The signing connections are pool.c's.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "dial.h"
#include "log.h"
#include "monotime.h"
#include "notify.h"
#include "pool.h"

enum {
	REPORT_MS = 1000,  /* between two reports */
	RETRY_MIN_MS = 50, /* between two tries to reach keyturnd */
	RETRY_MAX_MS = 1000,
	SEND_MS = 1000, /* to connect and to send, for the control thread */
};

struct channel {
	struct endpoint keyturnd;
	struct pool *pool;

	pthread_mutex_t lock;
	pthread_cond_t policy_new;
	pthread_cond_t policy_unused; /* one has lost its last user */
	/* Under the lock. */
	struct channel_policy *policy;
	int control_fd; /* -1: keyturnd is away */
	uint64_t reported[COUNTER_COUNT];
	unsigned long log_dropped; /* counted so far */

	atomic_ullong counters[COUNTER_COUNT];
};

/*
 * The policy.
 */

static void
policy_free(struct channel_policy *cp)
{
	if (cp == NULL)
		return;
	policy_unmap(cp->policy);
	free(cp);
}

const struct channel_policy *
channel_policy_get(struct channel *ch)
{
	struct channel_policy *cp;

	pthread_mutex_lock(&ch->lock);
	cp = ch->policy;
	if (cp != NULL)
		cp->users++;
	pthread_mutex_unlock(&ch->lock);
	return cp;
}

void
channel_policy_put(struct channel *ch, const struct channel_policy *cp)
{
	/* Given out as const, made here. */
	struct channel_policy *own = (struct channel_policy *)(uintptr_t)cp;

	pthread_mutex_lock(&ch->lock);
	if (--own->users == 0)
		pthread_cond_signal(&ch->policy_unused);
	pthread_mutex_unlock(&ch->lock);
}

void
channel_policy_wait(struct channel *ch, const struct channel_policy *used,
    uint64_t generation, long long deadline)
{
	pthread_mutex_lock(&ch->lock);
	while (ch->policy == used || ch->policy == NULL ||
	    ch->policy->options.generation < generation)
		if (!mono_cond_wait(&ch->policy_new, &ch->lock, deadline))
			break;
	pthread_mutex_unlock(&ch->lock);
}

/* Map a policy that came as fd.  Returns it, or NULL with err set. */
static struct channel_policy *
policy_take(int fd, uint64_t generation, struct err *err)
{
	struct channel_policy *cp = calloc(1, sizeof(*cp));

	if (cp == NULL) {
		err_nomem(err);
		return NULL;
	}
	cp->policy = policy_map(fd, err);
	if (cp->policy == NULL) {
		free(cp);
		return NULL;
	}
	policy_options(cp->policy, &cp->options);
	if (cp->options.generation != generation) {
		err_set(err, ERR_INPUT,
		    "policy of generation %llu announced as %llu",
		    (unsigned long long)cp->options.generation,
		    (unsigned long long)generation);
		policy_free(cp);
		return NULL;
	}
	return cp;
}

/*
 * Wait until no message is under a policy that is out of force, which takes
 * channel_timeout at most, and free it.
 */
static void
policy_retire(struct channel *ch, struct channel_policy *old)
{
	if (old == NULL)
		return;
	pthread_mutex_lock(&ch->lock);
	while (old->users > 0)
		pthread_cond_wait(&ch->policy_unused, &ch->lock);
	pthread_mutex_unlock(&ch->lock);
	policy_free(old);
}

/* Put a policy in force, and see the one before it out of use. */
static void
policy_publish(struct channel *ch, struct channel_policy *cp)
{
	struct channel_policy *old;
	struct err err;

	pthread_mutex_lock(&ch->lock);
	old = ch->policy;
	ch->policy = cp;
	pthread_cond_broadcast(&ch->policy_new);
	pthread_mutex_unlock(&ch->lock);

	log_configure(&cp->options.log);
	log_msg(LOG_NOTICE, NULL, "policy of generation %llu in force",
	    (unsigned long long)cp->options.generation);
	/* The socket listens since before this thread was started. */
	if (old == NULL && notify_ready(ch->keyturnd.spec, &err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	policy_retire(ch, old);
}

/* A packet on the control connection: only POLICY may come. */
static int
control_packet(struct channel *ch, int fd, const union chan_packet *packet,
    int policy_fd, struct err *err)
{
	union chan_packet ack = { .policy = packet->policy };
	struct channel_policy *cp;

	if (packet->head.type != CHAN_POLICY)
		return err_set(err, ERR_INPUT,
		    "packet of type %u on the control connection",
		    packet->head.type);
	cp = policy_take(policy_fd, packet->policy.generation, err);
	if (cp == NULL)
		return -1;
	policy_publish(ch, cp);
	chan_head_set(&ack.head, CHAN_POLICY_ACK, 0,
	    packet->policy.head.request);
	return chan_send(fd, &ack, -1, SEND_MS, err);
}

/*
 * Counters.
 */

void
channel_count(struct channel *ch, enum counter c, unsigned n)
{
	atomic_fetch_add_explicit(&ch->counters[c], n, memory_order_relaxed);
}

/* Send what changed since the last report, if anything did; lock held. */
static int
report(struct channel *ch, struct err *err)
{
	union chan_packet packet;
	uint64_t now[COUNTER_COUNT];
	unsigned long dropped = log_dropped();
	bool has_changed = false;

	channel_count(ch, COUNT_LOG_DROPPED,
	    (unsigned)(dropped - ch->log_dropped));
	ch->log_dropped = dropped;
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		now[i] = atomic_load_explicit(&ch->counters[i],
		    memory_order_relaxed);
		packet.report.counters[i] = now[i] - ch->reported[i];
		has_changed |= now[i] != ch->reported[i];
	}
	if (!has_changed || ch->control_fd == -1)
		return 0;
	chan_head_set(&packet.head, CHAN_REPORT, 0, 0);
	/* Not waiting: it is for the next report if there is no room. */
	if (chan_send(ch->control_fd, &packet, -1, 0, err) == -1)
		return chan_timed_out(err) ? 0 : -1;
	memcpy(ch->reported, now, sizeof(now));
	return 0;
}

static int
report_locked(struct channel *ch, struct err *err)
{
	int rc;

	pthread_mutex_lock(&ch->lock);
	rc = report(ch, err);
	pthread_mutex_unlock(&ch->lock);
	return rc;
}

void
channel_report(struct channel *ch)
{
	struct err err;

	if (report_locked(ch, &err) == -1)
		log_msg(LOG_WARNING, NULL, "last report: %s", err.text);
}

/*
 * The control connection.
 */

/*
 * Serve one control connection until it ends; err says why.  Returns whether
 * a policy came over it.
 */
static bool
control_serve(struct channel *ch, int fd, struct err *err)
{
	union chan_packet packet;
	long long report_at = mono_now_ms() + REPORT_MS;
	bool has_policy = false;
	int policy_fd, rc;

	for (;;) {
		rc = chan_recv(fd, &packet, &policy_fd,
		    mono_until_ms(report_at), err);
		if (rc == 0) {
			err_set(err, ERR_IO, "keyturnd closed the connection");
			return has_policy;
		}
		if (rc == -1 && !chan_timed_out(err))
			return has_policy;
		if (rc == 1) {
			rc = control_packet(ch, fd, &packet, policy_fd, err);
			if (policy_fd != -1)
				close(policy_fd);
			if (rc == -1)
				return has_policy;
			has_policy = true;
		}
		if (mono_until_ms(report_at) > 0)
			continue;
		if (report_locked(ch, err) == -1)
			return has_policy;
		report_at = mono_now_ms() + REPORT_MS;
	}
}

static void
control_set(struct channel *ch, int fd)
{
	pthread_mutex_lock(&ch->lock);
	if (ch->control_fd != -1)
		close(ch->control_fd);
	ch->control_fd = fd;
	pthread_mutex_unlock(&ch->lock);
}

/* The control thread: connected, or trying to be. */
static void *
control_main(void *arg)
{
	struct channel *ch = arg;
	bool is_known = false; /* that it is away has been logged */
	int delay_ms = RETRY_MIN_MS;
	struct err err;
	int fd;

	for (;;) {
		fd = dial(&ch->keyturnd, CHAN_CONTROL, mono_now_ms() + SEND_MS,
		    &err);
		if (fd != -1) {
			control_set(ch, fd);
			if (control_serve(ch, fd, &err)) {
				delay_ms = RETRY_MIN_MS;
				is_known = false;
			}
			control_set(ch, -1);
		}
		if (!is_known)
			log_msg(LOG_WARNING, NULL,
			    "no keyturnd: %s; trying again until there is one",
			    err.text);
		is_known = true;
		poll(NULL, 0, delay_ms);
		delay_ms =
		    delay_ms * 2 < RETRY_MAX_MS ? delay_ms * 2 : RETRY_MAX_MS;
	}
	return NULL;
}

/* Returns 0 or an error number. */
static int
locks_init(struct channel *ch)
{
	int rc = mono_cond_init(&ch->policy_new);

	if (rc == 0)
		rc = mono_cond_init(&ch->policy_unused);
	return rc == 0 ? pthread_mutex_init(&ch->lock, NULL) : rc;
}

int
channel_sign(struct channel *ch, const struct chan_pair *pairs, size_t count,
    long long deadline, union chan_packet *reply, struct err *err)
{
	return pool_sign(ch->pool, pairs, count, deadline, reply, err);
}

struct channel *
channel_start(const char *path, const char *spec, struct err *err)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	pthread_t thread;
	int rc;

	if (ch == NULL) {
		err_nomem(err);
		return NULL;
	}
	ch->control_fd = -1;
	ch->keyturnd.path = path;
	strlcpy(ch->keyturnd.spec, spec, sizeof(ch->keyturnd.spec));
	ch->pool = pool_new(&ch->keyturnd, err);
	if (ch->pool == NULL) {
		free(ch);
		return NULL;
	}
	rc = locks_init(ch);
	if (rc == 0)
		rc = pthread_create(&thread, NULL, control_main, ch);
	if (rc != 0) {
		err_set(err, ERR_IO, "cannot start a thread: %s",
		    strerrordesc_np(rc));
		pool_free(ch->pool);
		free(ch);
		return NULL;
	}
	pthread_detach(thread);
	return ch;
}
