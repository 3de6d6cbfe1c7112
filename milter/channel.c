/*
 * The worker's end of the channel.  One thread owns the control connection;
 * the signing connections form a pool from which each signature takes one.
 * What is signed, and what becomes of a message without a signature, is for
 * session.c.
 */
#include <sys/socket.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "log.h"
#include "monotime.h"
#include "notify.h"
#include "unixsock.h"

enum {
	REPORT_MS = 1000,  /* between two reports */
	RETRY_MIN_MS = 50, /* between two tries to reach keyturnd */
	RETRY_MAX_MS = 1000,
	SEND_MS = 1000, /* to connect and to send, for the control thread */
	SLOTS_PER_PROCESSOR = 2,
	SLOTS_MAX = 64,
};

/* A signing connection.  Whoever took it out of the pool owns it. */
struct slot {
	int fd;           /* -1: not connected */
	uint64_t request; /* the last number used on any connection of it */
	bool is_late;     /* an answer is due that nobody waits for */
	struct slot *next;
};

struct channel {
	char *path;
	char spec[CHAN_SPEC_MAX];

	pthread_mutex_t lock;
	pthread_cond_t slot_free;
	pthread_cond_t policy_new;
	/* Under the lock. */
	struct channel_policy *policy;
	struct slot *free_slots;
	int control_fd; /* -1: keyturnd is away */
	uint64_t reported[COUNTER_COUNT];
	unsigned long log_dropped; /* counted so far */

	atomic_ullong counters[COUNTER_COUNT];
	struct slot slots[]; /* as many as were made */
};

/*
 * Connect and say who we are: a keyturnd that hangs holds us up no longer than
 * until the deadline.  Returns the descriptor, or -1 with err set.
 */
static int
dial(const struct channel *ch, enum chan_role role, long long deadline,
    struct err *err)
{
	union chan_packet packet = { .hello = { .role = role } };
	int fd;

	fd = unixsock_connect(ch->path, SOCK_SEQPACKET, mono_until_ms(deadline),
	    err);
	if (fd == -1)
		return -1;
	packet.hello.pid = (int32_t)getpid();
	memcpy(packet.hello.spec, ch->spec, sizeof(packet.hello.spec));
	chan_head_set(&packet.head, CHAN_HELLO, 0, 0);
	if (chan_send(fd, &packet, -1, mono_until_ms(deadline), err) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
has_timed_out(const struct err *err)
{
	return err->code == ERR_IO && strncmp(err->text, "timed out", 9) == 0;
}

/*
 * The policy.
 */

/* Give up a reference, lock held; returns what is to be freed, or NULL. */
static struct channel_policy *
policy_drop(struct channel_policy *cp)
{
	return cp != NULL && --cp->refs == 0 ? cp : NULL;
}

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
		cp->refs++;
	pthread_mutex_unlock(&ch->lock);
	return cp;
}

void
channel_policy_put(struct channel *ch, const struct channel_policy *cp)
{
	/* Given out as const, made here. */
	struct channel_policy *own = (struct channel_policy *)(uintptr_t)cp;

	pthread_mutex_lock(&ch->lock);
	own = policy_drop(own);
	pthread_mutex_unlock(&ch->lock);
	policy_free(own);
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
	cp->refs = 1;
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

/* Put a policy in force; the one before lives as long as it is in use. */
static void
policy_publish(struct channel *ch, struct channel_policy *cp)
{
	struct channel_policy *old;
	struct err err;
	bool is_first;

	pthread_mutex_lock(&ch->lock);
	old = ch->policy;
	is_first = old == NULL;
	ch->policy = cp;
	pthread_cond_broadcast(&ch->policy_new);
	old = policy_drop(old);
	pthread_mutex_unlock(&ch->lock);
	policy_free(old);

	log_configure(&cp->options.log);
	log_msg(LOG_NOTICE, NULL, "policy of generation %llu in force",
	    (unsigned long long)cp->options.generation);
	/* The socket listens since before this thread was started. */
	if (is_first && notify_ready(ch->spec, &err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
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
		return has_timed_out(err) ? 0 : -1;
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
		if (rc == -1 && !has_timed_out(err))
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
		fd = dial(ch, CHAN_CONTROL, mono_now_ms() + SEND_MS, &err);
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

/*
 * Signing.
 */

/* Take a connection out of the pool.  NULL when the deadline has passed. */
static struct slot *
slot_take(struct channel *ch, long long deadline)
{
	struct slot *slot;

	pthread_mutex_lock(&ch->lock);
	while (ch->free_slots == NULL)
		if (!mono_cond_wait(&ch->slot_free, &ch->lock, deadline))
			break;
	slot = ch->free_slots;
	if (slot != NULL)
		ch->free_slots = slot->next;
	pthread_mutex_unlock(&ch->lock);
	return slot;
}

/* Put one back: on top, or last when keyturnd is busy with it still. */
static void
slot_give(struct channel *ch, struct slot *slot)
{
	struct slot **at = &ch->free_slots;

	pthread_mutex_lock(&ch->lock);
	while (slot->is_late && *at != NULL)
		at = &(*at)->next;
	slot->next = *at;
	*at = slot;
	pthread_cond_signal(&ch->slot_free);
	pthread_mutex_unlock(&ch->lock);
}

static void
slot_close(struct slot *slot)
{
	close(slot->fd);
	slot->fd = -1;
}

/* Whether a reply is the answer to a request of count pairs. */
static int
check_reply(const struct chan_signed *reply, size_t count, struct err *err)
{
	if (reply->status == CHAN_STALE || reply->status == CHAN_ERROR)
		count = 0;
	else if (reply->status != CHAN_OK)
		return err_set(err, ERR_INPUT,
		    "keyturnd answered with status %u", reply->status);
	if (reply->head.count != count)
		return err_set(err, ERR_INPUT,
		    "keyturnd answered with %u signatures, not %zu",
		    reply->head.count, count);
	for (size_t i = 0; i < count; i++)
		if (reply->signatures[i].len == 0 ||
		    reply->signatures[i].len > KEY_SIG_MAX)
			return err_set(err, ERR_INPUT,
			    "keyturnd answered with a signature of %u bytes",
			    reply->signatures[i].len);
	return 0;
}

/*
 * Receive the answer to the request that was sent last; answers to earlier
 * ones, which nobody waits for any more, are thrown away.
 */
static int
slot_answer(struct slot *slot, size_t count, long long deadline,
    union chan_packet *reply, struct err *err)
{
	int rc;

	do {
		rc = chan_recv(slot->fd, reply, NULL, mono_until_ms(deadline),
		    err);
		if (rc == 0)
			return err_set(err, ERR_IO,
			    "keyturnd closed the connection");
		if (rc == -1)
			return -1;
		if (reply->head.type != CHAN_SIGNED ||
		    reply->head.request > slot->request)
			return err_set(err, ERR_INPUT,
			    "keyturnd answered with type %u, request %llu, "
			    "to request %llu",
			    reply->head.type,
			    (unsigned long long)reply->head.request,
			    (unsigned long long)slot->request);
	} while (reply->head.request != slot->request);
	return check_reply(&reply->signed_, count, err);
}

/*
 * Ask once.  The connection stays when the answer was good or is only late.
 * Returns 0, or -1 with err set; *is_broken then says that the connection
 * ended and another try is worth it.
 */
static int
slot_sign(const struct channel *ch, struct slot *slot,
    union chan_packet *request, long long deadline, union chan_packet *reply,
    bool *is_broken, struct err *err)
{
	*is_broken = slot->is_late = false;
	if (slot->fd == -1) {
		slot->fd = dial(ch, CHAN_SIGNING, deadline, err);
		if (slot->fd == -1)
			return -1;
	}
	request->head.request = ++slot->request;
	if (chan_send(slot->fd, request, -1, mono_until_ms(deadline), err) ==
	        0 &&
	    slot_answer(slot, request->head.count, deadline, reply, err) == 0)
		return 0;
	if (has_timed_out(err)) {
		slot->is_late = true;
		return err_set(err, ERR_IO, "keyturnd does not answer");
	}
	*is_broken = err->code == ERR_IO;
	slot_close(slot);
	return -1;
}

int
channel_sign(struct channel *ch, const struct chan_pair *pairs, size_t count,
    long long deadline, union chan_packet *reply, struct err *err)
{
	struct slot *slot = slot_take(ch, deadline);
	union chan_packet request;
	bool is_broken;
	int rc;

	if (slot == NULL)
		return err_set(err, ERR_IO,
		    "keyturnd does not answer, and every connection waits");
	memcpy(request.sign.pairs, pairs, count * sizeof(*pairs));
	chan_head_set(&request.head, CHAN_SIGN, (unsigned)count, 0);
	rc = slot_sign(ch, slot, &request, deadline, reply, &is_broken, err);
	/*
	 * keyturnd was restarted since this connection was made.  Signing
	 * twice does no harm, so ask the new one.
	 */
	if (rc == -1 && is_broken)
		rc = slot_sign(ch, slot, &request, deadline, reply, &is_broken,
		    err);
	slot_give(ch, slot);
	if (rc == 0 && reply->signed_.status == CHAN_ERROR)
		return err_set(err, ERR_CRYPTO,
		    "keyturnd could not make the signature");
	return rc;
}

/* How many signing connections serve this machine. */
static size_t
slots_wanted(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors < 1)
		processors = 1;
	if (processors > SLOTS_MAX / SLOTS_PER_PROCESSOR)
		return SLOTS_MAX;
	return (size_t)processors * SLOTS_PER_PROCESSOR;
}

/* Returns 0 or an error number. */
static int
locks_init(struct channel *ch)
{
	int rc = mono_cond_init(&ch->slot_free);

	if (rc == 0)
		rc = mono_cond_init(&ch->policy_new);
	return rc == 0 ? pthread_mutex_init(&ch->lock, NULL) : rc;
}

struct channel *
channel_start(const char *path, const char *spec, struct err *err)
{
	size_t count = slots_wanted();
	struct channel *ch =
	    calloc(1, sizeof(*ch) + count * sizeof(ch->slots[0]));
	pthread_t thread;
	int rc;

	if (ch == NULL || (ch->path = strdup(path)) == NULL) {
		free(ch);
		err_nomem(err);
		return NULL;
	}
	strlcpy(ch->spec, spec, sizeof(ch->spec));
	ch->control_fd = -1;
	for (size_t i = 0; i < count; i++) {
		ch->slots[i].fd = -1;
		ch->slots[i].next = ch->free_slots;
		ch->free_slots = &ch->slots[i];
	}
	rc = locks_init(ch);
	if (rc == 0)
		rc = pthread_create(&thread, NULL, control_main, ch);
	if (rc != 0) {
		err_set(err, ERR_IO, "cannot start a thread: %s",
		    strerrordesc_np(rc));
		free(ch->path);
		free(ch);
		return NULL;
	}
	pthread_detach(thread);
	return ch;
}
