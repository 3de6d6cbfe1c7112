/*
 * The pool of signing connections: each signature takes one, and each is made
 * when it is first needed or was lost.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monotime.h"
#include "pool.h"

enum {
	SLOTS_PER_PROCESSOR = 2,
	SLOTS_MAX = 64,
	SILENT_MS = 500, /* to wait for a keyturnd that did not answer before */
};

/* A signing connection.  Whoever took it out of the pool owns it. */
struct slot {
	int fd;           /* -1: not connected */
	uint64_t request; /* the last number used on any connection of it */
	bool is_late;     /* keyturnd did not get to it before the deadline */
	bool was_heard;   /* keyturnd said something during the last request */
	struct slot *next;
};

struct pool {
	const struct endpoint *keyturnd;
	pthread_mutex_t lock;
	pthread_cond_t slot_free;
	/* Under the lock. */
	struct slot *free_slots;
	bool is_silent;      /* the last request was not answered in time */
	struct slot slots[]; /* as many as were made */
};

/*
 * Take a connection out of the pool.  NULL when the deadline has passed; it is
 * brought forward while keyturnd is silent.  Otherwise messages would queue up
 * behind each other, each for the whole time: libmilter has few threads.
 */
static struct slot *
slot_take(struct pool *pool, long long *deadline)
{
	struct slot *slot;

	pthread_mutex_lock(&pool->lock);
	if (pool->is_silent && mono_until_ms(*deadline) > SILENT_MS)
		*deadline = mono_now_ms() + SILENT_MS;
	while (pool->free_slots == NULL)
		if (!mono_cond_wait(&pool->slot_free, &pool->lock, *deadline))
			break;
	slot = pool->free_slots;
	if (slot != NULL)
		pool->free_slots = slot->next;
	pthread_mutex_unlock(&pool->lock);
	return slot;
}

/*
 * Put one back: on top, or last when keyturnd is busy with it still.  A request
 * that had no time for an answer says nothing about keyturnd.
 */
static void
slot_give(struct pool *pool, struct slot *slot, bool had_time)
{
	struct slot **at = &pool->free_slots;

	pthread_mutex_lock(&pool->lock);
	while (slot->is_late && *at != NULL)
		at = &(*at)->next;
	slot->next = *at;
	*at = slot;
	/* A late answer is one all the same: it is slow, but alive. */
	if (had_time || !slot->is_late)
		pool->is_silent = slot->is_late && !slot->was_heard;
	pthread_cond_signal(&pool->slot_free);
	pthread_mutex_unlock(&pool->lock);
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
		slot->was_heard = true;
	} while (reply->head.request != slot->request);
	return check_reply(&reply->signed_, count, err);
}

/*
 * Ask once.  The connection stays when the answer was good or is only late.
 * Returns 0, or -1 with err set; *is_broken then says that the connection
 * ended and another try is worth it.
 */
static int
slot_sign(const struct pool *pool, struct slot *slot,
    union chan_packet *request, long long deadline, union chan_packet *reply,
    bool *is_broken, struct err *err)
{
	*is_broken = slot->is_late = slot->was_heard = false;
	if (slot->fd == -1) {
		slot->fd = dial(pool->keyturnd, CHAN_SIGNING, deadline, err);
		if (slot->fd == -1) {
			slot->is_late = chan_timed_out(err);
			return -1;
		}
	}
	request->head.request = ++slot->request;
	if (chan_send(slot->fd, request, -1, mono_until_ms(deadline), err) ==
	        0 &&
	    slot_answer(slot, request->head.count, deadline, reply, err) == 0)
		return 0;
	if (chan_timed_out(err)) {
		slot->is_late = true;
		return err_set(err, ERR_IO, "keyturnd does not answer");
	}
	*is_broken = err->code == ERR_IO;
	slot_close(slot);
	return -1;
}

int
pool_sign(struct pool *pool, const struct chan_pair *pairs, size_t count,
    long long deadline, union chan_packet *reply, struct err *err)
{
	struct slot *slot = slot_take(pool, &deadline);
	union chan_packet request;
	bool had_time = mono_until_ms(deadline) >= SILENT_MS;
	bool is_broken;
	int rc;

	if (slot == NULL)
		return err_set(err, ERR_IO,
		    "keyturnd does not answer, and every connection waits");
	memcpy(request.sign.pairs, pairs, count * sizeof(*pairs));
	chan_head_set(&request.head, CHAN_SIGN, (unsigned)count, 0);
	rc = slot_sign(pool, slot, &request, deadline, reply, &is_broken, err);
	/*
	 * keyturnd was restarted since this connection was made.  Signing
	 * twice does no harm, so ask the new one.
	 */
	if (rc == -1 && is_broken)
		rc = slot_sign(pool, slot, &request, deadline, reply,
		    &is_broken, err);
	slot_give(pool, slot, had_time);
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

struct pool *
pool_new(const struct endpoint *keyturnd, struct err *err)
{
	size_t count = slots_wanted();
	struct pool *pool =
	    calloc(1, sizeof(*pool) + count * sizeof(pool->slots[0]));
	int rc;

	if (pool == NULL) {
		err_nomem(err);
		return NULL;
	}
	pool->keyturnd = keyturnd;
	rc = mono_cond_init(&pool->slot_free);
	if (rc == 0)
		rc = pthread_mutex_init(&pool->lock, NULL);
	if (rc != 0) {
		err_set(err, ERR_NOMEM, "signing connections: %s",
		    strerrordesc_np(rc));
		free(pool);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		pool->slots[i].fd = -1;
		pool->slots[i].next = pool->free_slots;
		pool->free_slots = &pool->slots[i];
	}
	return pool;
}

void
pool_free(struct pool *pool)
{
	free(pool);
}
