/*
 * Serves the channel, each connection in a thread of its own.  What a packet
 * looks like is for chan.c, what is in force for generation.c.
 */
#include <sys/socket.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "complaint.h"
#include "listener.h"
#include "log.h"
#include "monotime.h"
#include "unixsock.h"

enum { SEND_MS = 1000 }; /* for a worker to take a packet */

struct connection {
	struct channel *channel;
	int fd;
	pid_t pid; /* of the peer, as the system says */
	uid_t uid;
	struct connection *next, **link;

	/* A control connection's, under the lock. */
	bool is_control;
	char spec[CHAN_SPEC_MAX];
	uint64_t sent, acknowledged; /* generations */
	time_t since;
};

struct channel {
	struct generations *all;
	struct listener listener;
	struct complaint about_peers, about_ends, about_keys;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* an acknowledgement, or a connection gone */
	/* Under the lock. */
	struct connection *connections;
	unsigned count;
	uint64_t counters[COUNTER_COUNT];
	uint64_t refused;
};

/*
 * Signing connections.
 */

/*
 * Find the entries of all pairs first: with one of them out of force nothing
 * is signed.
 */
static bool
find_entries(const struct snap *snap, const struct chan_sign *request,
    struct entry *entries[POLICY_SIGNATURES_MAX])
{
	for (size_t i = 0; i < request->head.count; i++) {
		entries[i] = snap_find(snap, request->pairs[i].key_id);
		if (entries[i] == NULL)
			return false;
	}
	return true;
}

/* Note that e has signed: no lock, no system call. */
static void
entry_used(struct entry *e)
{
	struct timespec now = { .tv_sec = 0 };

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	atomic_store_explicit(&e->usage->last, now.tv_sec,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&e->usage->signatures, 1,
	    memory_order_relaxed);
}

static enum chan_status
sign_pairs(struct channel *ch, const struct snap *snap,
    const struct chan_sign *request, struct chan_signed *reply)
{
	struct entry *entries[POLICY_SIGNATURES_MAX];
	struct err err = ERR_INIT;

	if (!find_entries(snap, request, entries))
		return CHAN_STALE;
	for (size_t i = 0; i < request->head.count; i++) {
		struct entry *e = entries[i];
		struct chan_signature *out = &reply->signatures[i];
		size_t len = 0;

		if (key_sign(e->key, request->pairs[i].digest, out->bytes, &len,
		        &err) == -1) {
			complain(&ch->about_keys, LOG_ERR,
			    "%s._domainkey.%s: cannot sign: %s", e->selector,
			    e->domain, err.text);
			return CHAN_ERROR;
		}
		out->len = (uint32_t)len;
		entry_used(e);
	}
	return CHAN_OK;
}

/*
 * Answer one SIGN.  The generation is held until the answer is sent: once a
 * reload has returned, none is under way that was made with what it removed.
 */
static int
serve_sign(struct connection *c, const struct chan_sign *request,
    struct err *err)
{
	struct channel *ch = c->channel;
	union chan_packet reply;
	struct generation *g;
	unsigned count;
	int rc;

	/* Nothing of our stack goes out with a short signature. */
	memset(&reply, 0, chan_size(CHAN_SIGNED, request->head.count));
	g = generation_get(ch->all);
	reply.signed_.status = sign_pairs(ch, g->snap, request, &reply.signed_);
	reply.signed_.generation = g->snap->generation;
	count = reply.signed_.status == CHAN_OK ? request->head.count : 0;
	chan_head_set(&reply.head, CHAN_SIGNED, count, request->head.request);
	rc = chan_send(c->fd, &reply, -1, SEND_MS, err);
	generation_put(ch->all, g);
	return rc;
}

/*
 * Control connections.
 */

/* Send the policy in force; lock held.  Never waits. */
static int
send_policy(struct connection *c, struct err *err)
{
	struct generation *g = generation_get(c->channel->all);
	union chan_packet packet;
	int rc;

	chan_head_set(&packet.head, CHAN_POLICY, 0, g->snap->generation);
	packet.policy.generation = g->snap->generation;
	rc = chan_send(c->fd, &packet, g->snap->policy_fd, 0, err);
	if (rc == 0)
		c->sent = g->snap->generation;
	generation_put(c->channel->all, g);
	return rc;
}

static int
take_ack(struct connection *c, const struct chan_policy *ack, struct err *err)
{
	struct channel *ch = c->channel;
	bool is_good;

	pthread_mutex_lock(&ch->lock);
	is_good = ack->generation == ack->head.request &&
	    ack->generation > c->acknowledged && ack->generation <= c->sent;
	if (is_good) {
		c->acknowledged = ack->generation;
		pthread_cond_broadcast(&ch->changed);
	}
	pthread_mutex_unlock(&ch->lock);
	if (!is_good)
		return err_set(err, ERR_INPUT,
		    "malformed packet: POLICY_ACK of generation %llu, which "
		    "it has not been sent or has acknowledged before",
		    (unsigned long long)ack->generation);
	return 0;
}

/* Counters stop at their largest value: a worker may send anything. */
static void
take_report(struct channel *ch, const struct chan_report *report)
{
	pthread_mutex_lock(&ch->lock);
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		uint64_t room = UINT64_MAX - ch->counters[i];

		ch->counters[i] +=
		    report->counters[i] < room ? report->counters[i] : room;
	}
	pthread_mutex_unlock(&ch->lock);
}

/*
 * The life of a connection.
 */

/* Take part in announcements from now on, and get the newest policy. */
static int
control_begin(struct connection *c, const struct chan_hello *hello,
    struct err *err)
{
	struct channel *ch = c->channel;
	int rc;

	pthread_mutex_lock(&ch->lock);
	memcpy(c->spec, hello->spec, sizeof(c->spec));
	c->since = time(NULL);
	c->is_control = true;
	rc = send_policy(c, err);
	pthread_mutex_unlock(&ch->lock);
	return rc;
}

/* The first packet.  Returns 0, or -1 with err set. */
static int
take_hello(struct connection *c, const union chan_packet *packet,
    struct err *err)
{
	const struct chan_hello *hello = &packet->hello;

	if (packet->head.type != CHAN_HELLO)
		return err_set(err, ERR_INPUT,
		    "malformed packet: type %u before HELLO",
		    packet->head.type);
	if (memchr(hello->spec, '\0', sizeof(hello->spec)) == NULL)
		return err_set(err, ERR_INPUT,
		    "malformed packet: a HELLO without the end of its spec");
	switch (hello->role) {
	case CHAN_CONTROL:
		return control_begin(c, hello, err);
	case CHAN_SIGNING:
		return 0;
	default:
		return err_set(err, ERR_INPUT,
		    "malformed packet: HELLO for role %u", hello->role);
	}
}

/* Any later packet. */
static int
take_packet(struct connection *c, const union chan_packet *packet,
    struct err *err)
{
	if (packet->head.type == CHAN_SIGN && !c->is_control)
		return serve_sign(c, &packet->sign, err);
	if (packet->head.type == CHAN_POLICY_ACK && c->is_control)
		return take_ack(c, &packet->policy, err);
	if (packet->head.type == CHAN_REPORT && c->is_control) {
		take_report(c->channel, &packet->report);
		return 0;
	}
	return err_set(err, ERR_INPUT,
	    "malformed packet: type %u on a %s connection", packet->head.type,
	    c->is_control ? "control" : "signing");
}

/* Serve until the peer goes (0) or something is wrong (-1 with err set). */
static int
connection_serve(struct connection *c, struct err *err)
{
	union chan_packet packet;
	int rc;

	rc = chan_recv(c->fd, &packet, NULL, CHANNEL_HELLO_MS, err);
	if (rc == -1 && err->code == ERR_IO)
		return err_prefix(err, "no HELLO");
	if (rc != 1)
		return rc;
	if (take_hello(c, &packet, err) == -1)
		return -1;
	for (;;) {
		rc = chan_recv(c->fd, &packet, NULL, -1, err);
		if (rc != 1)
			return rc;
		if (take_packet(c, &packet, err) == -1)
			return -1;
	}
}

static void
connection_add(struct connection *c)
{
	struct channel *ch = c->channel;

	pthread_mutex_lock(&ch->lock);
	c->link = &ch->connections;
	c->next = ch->connections;
	if (c->next != NULL)
		c->next->link = &c->next;
	ch->connections = c;
	ch->count++;
	pthread_mutex_unlock(&ch->lock);
}

static void
connection_free(struct connection *c)
{
	struct channel *ch = c->channel;

	pthread_mutex_lock(&ch->lock);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	ch->count--;
	/* Under the lock: an announcement may be using the descriptor. */
	close(c->fd);
	pthread_cond_broadcast(&ch->changed);
	pthread_mutex_unlock(&ch->lock);
	free(c);
}

/* Say why a connection ended: a fault of the peer, or less than that. */
static void
connection_complain(struct connection *c, const struct err *err)
{
	static const char text[] =
	    "channel: connection of process %ld (uid %ld) ended: %s";
	struct channel *ch = c->channel;

	if (err->code != ERR_INPUT) {
		complain(&ch->about_ends, LOG_NOTICE, text, (long)c->pid,
		    (long)c->uid, err->text);
		return;
	}
	pthread_mutex_lock(&ch->lock);
	ch->refused++;
	pthread_mutex_unlock(&ch->lock);
	complain(&ch->about_peers, LOG_ERR, text, (long)c->pid, (long)c->uid,
	    err->text);
}

static void
channel_serve(void *arg, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct err err = ERR_INIT;

	if (c == NULL) {
		close(fd);
		return;
	}
	c->channel = arg;
	c->fd = fd;
	connection_add(c);
	if (unixsock_peer(fd, &c->uid, &c->pid, &err) == -1 ||
	    connection_serve(c, &err) == -1)
		connection_complain(c, &err);
	connection_free(c);
}

/* Whether the user at fd may connect: our own, or one of channel_users. */
static bool
channel_admit(void *arg, int fd)
{
	struct channel *ch = arg;
	const struct conf *conf = generations_conf(ch->all);
	struct err err = ERR_INIT;
	uid_t uid;
	pid_t pid;

	if (unixsock_peer(fd, &uid, &pid, &err) == -1) {
		complain(&ch->about_peers, LOG_ERR, "channel: %s", err.text);
		return false;
	}
	if (uid == geteuid())
		return true;
	for (size_t i = 0; i < conf->channel_user_count; i++)
		if (conf->channel_users[i] == uid)
			return true;
	complain(&ch->about_peers, LOG_ERR,
	    "channel: process %ld (uid %ld) may not connect: it is another "
	    "user, and channel_users does not name it",
	    (long)pid, (long)uid);
	return false;
}

/* Returns 0 or an error number. */
static int
locks_init(struct channel *ch)
{
	int rc = mono_cond_init(&ch->changed);

	return rc == 0 ? pthread_mutex_init(&ch->lock, NULL) : rc;
}

struct channel *
channel_start(struct generations *all, unsigned connections, struct err *err)
{
	const struct conf *conf = generations_conf(all);
	struct channel *ch = calloc(1, sizeof(*ch));

	if (ch == NULL || locks_init(ch) != 0) {
		free(ch);
		err_nomem(err);
		return NULL;
	}
	ch->all = all;
	ch->about_peers = ch->about_ends = ch->about_keys =
	    (struct complaint)COMPLAINT_INIT;
	ch->listener = (struct listener){ .name = "channel",
		.max = connections,
		.admit = channel_admit,
		.serve = channel_serve,
		.arg = ch };
	/* With other users it is SO_PEERCRED that decides. */
	ch->listener.fd = unixsock_listen(conf->channel_socket, SOCK_SEQPACKET,
	    conf->channel_user_count > 0 ? 0666 : 0600, err);
	if (ch->listener.fd == -1) {
		free(ch);
		return NULL;
	}
	if (listener_start(&ch->listener, err) == -1) {
		close(ch->listener.fd);
		unlink(conf->channel_socket);
		free(ch);
		return NULL;
	}
	return ch;
}

/*
 * For the reloader and for status.
 */

/* Send to all that have not got the newest; lock held. */
static void
announce(struct channel *ch, uint64_t generation)
{
	struct err err = ERR_INIT;

	for (struct connection *c = ch->connections; c != NULL; c = c->next) {
		if (!c->is_control || c->sent >= generation ||
		    send_policy(c, &err) == 0)
			continue;
		log_msg(LOG_WARNING, NULL,
		    "worker %ld takes no policy and is disconnected: %s",
		    (long)c->pid, err.text);
		shutdown(c->fd, SHUT_RDWR);
	}
}

/* How many workers have that generation, and how many not; lock held. */
static unsigned
count_workers(const struct channel *ch, uint64_t generation, unsigned *without)
{
	unsigned with = 0;

	*without = 0;
	for (const struct connection *c = ch->connections; c; c = c->next) {
		if (!c->is_control)
			continue;
		if (c->acknowledged >= generation)
			with++;
		else
			++*without;
	}
	return with;
}

/* End the control connections that did not acknowledge; lock held. */
static void
disconnect_silent(struct channel *ch, uint64_t generation)
{
	for (struct connection *c = ch->connections; c != NULL; c = c->next) {
		if (!c->is_control || c->acknowledged >= generation)
			continue;
		log_msg(LOG_WARNING, NULL,
		    "worker %ld does not acknowledge generation %llu and is "
		    "disconnected",
		    (long)c->pid, (unsigned long long)generation);
		shutdown(c->fd, SHUT_RDWR);
	}
}

unsigned
channel_announce(struct channel *ch, int timeout_ms)
{
	struct generation *g = generation_get(ch->all);
	uint64_t generation = g->snap->generation;
	long long deadline = mono_now_ms() + timeout_ms;
	unsigned with, without;

	generation_put(ch->all, g);
	pthread_mutex_lock(&ch->lock);
	announce(ch, generation);
	for (;;) {
		with = count_workers(ch, generation, &without);
		if (without == 0)
			break;
		if (!mono_cond_wait(&ch->changed, &ch->lock, deadline)) {
			disconnect_silent(ch, generation);
			break;
		}
	}
	pthread_mutex_unlock(&ch->lock);
	return with;
}

int
channel_status(struct channel *ch, struct channel_status *out, struct err *err)
{
	size_t n = 0;

	*out = (struct channel_status){ .workers = NULL };
	pthread_mutex_lock(&ch->lock);
	out->connections = ch->count;
	out->refused = ch->refused;
	memcpy(out->counters, ch->counters, sizeof(out->counters));
	out->workers = calloc(ch->count + 1, sizeof(*out->workers));
	for (const struct connection *c = ch->connections; c; c = c->next) {
		struct channel_worker *w;

		if (!c->is_control || out->workers == NULL)
			continue;
		w = &out->workers[n++];
		w->pid = c->pid;
		w->uid = c->uid;
		w->generation = c->acknowledged;
		w->since = c->since;
		memcpy(w->spec, c->spec, sizeof(w->spec));
	}
	out->worker_count = n;
	pthread_mutex_unlock(&ch->lock);
	return out->workers == NULL ? err_nomem(err) : 0;
}
