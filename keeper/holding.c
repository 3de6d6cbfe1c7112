/*
 * Keeps the record of what is held: read once, changed in memory, written
 * whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "holding.h"
#include "log.h"

/* Keys of a ring that is gone are forgotten so long after their release. */
enum { FORGET_S = 400 * 86400 };

struct holding {
	pthread_mutex_t lock;
	/* Under the lock. */
	struct held held;
	char *path;      /* NULL: there was no ring so far */
	bool is_changed; /* since it was written */
	bool is_failing; /* the last write failed */
};

struct holding *
holding_new(struct err *err)
{
	struct holding *h = calloc(1, sizeof(*h));

	if (h == NULL || pthread_mutex_init(&h->lock, NULL) != 0) {
		free(h);
		err_nomem(err);
		return NULL;
	}
	return h;
}

/* Say who has the lock on path that we did not get.  Returns -1. */
static int
refuse_lock(int fd, const char *path, struct err *err)
{
	struct flock other = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &other) == -1 || other.l_type == F_UNLCK)
		other.l_pid = 0;
	return err_set(err, ERR_CONF,
	    "%s: another keyturnd (process %ld) signs with these rings: only "
	    "one may, so that the record of what is held is whole",
	    path, (long)other.l_pid);
}

/*
 * Lock the record in path until the process ends.  The lock is on a file of its
 * own: the record is a new file with each write.
 */
static int
lock_record(const char *record, struct err *err)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct buf path = BUF_INIT;
	int fd, rc = 0;

	buf_printf(&path, "%s.lock", record);
	if (buf_str(&path) == NULL) {
		buf_clear(&path);
		return err_nomem(err);
	}
	fd = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		rc = err_errno(err,
		    "%s: keyturnd (user %lu) must be able to write it and its "
		    "directory",
		    path.data, (unsigned long)geteuid());
	else if (fcntl(fd, F_SETLK, &all) == -1)
		rc = errno == EACCES || errno == EAGAIN
		    ? refuse_lock(fd, path.data, err)
		    : err_errno(err, "%s: lock", path.data);
	if (rc == -1 && fd != -1)
		close(fd);
	buf_clear(&path);
	return rc; /* the descriptor stays open */
}

/* The first time: lock and read the record.  Lock held. */
static int
open_record(struct holding *h, const char *rings, struct err *err)
{
	char *path = held_path(rings);

	if (path == NULL)
		return err_nomem(err);
	if (lock_record(path, err) == -1 ||
	    held_load(path, &h->held, err) == -1) {
		free(path);
		return -1;
	}
	h->path = path;
	return 0;
}

/* Lock held. */
static int
write_record(struct holding *h, struct err *err)
{
	if (held_write(h->path, &h->held, err) == -1) {
		h->is_failing = true;
		return -1;
	}
	h->is_changed = h->is_failing = false;
	return 0;
}

/* Write what has changed; a failure is logged.  Lock held. */
static void
write_changes(struct holding *h)
{
	struct err err;

	if (h->is_changed && write_record(h, &err) == -1)
		log_msg(LOG_ERR, NULL,
		    "what is held could not be written down, and no record in "
		    "the DNS is withdrawn before it is: %s",
		    err.text);
}

/*
 * What can sign with the key in snap, or NULL: a ring, or the KeyTable, where
 * one that a ring has taken over may still stand.
 */
static const struct entry *
find_entry(const struct snap *snap, const struct held_key *k)
{
	const struct entry *e =
	    entry_find_selector(&snap->index, k->domain, k->selector);

	return e != NULL &&
	        memcmp(key_fingerprint(e->key), k->fingerprint, SHA256_LEN) == 0
	    ? e
	    : NULL;
}

/*
 * Enter an entry of a ring.  Returns 1 when that is new, 0 when it is known, -1
 * with err set.  Lock held.
 */
static int
enter(struct holding *h, const struct entry *e, struct err *err)
{
	const unsigned char *fingerprint = key_fingerprint(e->key);
	struct held_key *k;

	k = held_find(&h->held, e->domain, e->selector, fingerprint);
	if (k != NULL && k->released == 0)
		return 0;
	if (k == NULL)
		k = held_add(&h->held, e->domain, e->selector, fingerprint,
		    err);
	if (k == NULL)
		return -1;
	k->since = time(NULL);
	k->released = 0;
	/* It may be another ring's now; note_steps says how far that one is. */
	k->steps = 0;
	h->is_changed = true;
	return 1;
}

/*
 * Enter what was released and can sign again by the KeyTable: a line that was
 * put back.  Returns whether there is any.  Lock held.
 */
static bool
enter_again(struct holding *h, const struct snap *next)
{
	bool is_new = false;

	for (size_t i = 0; i < h->held.count; i++) {
		struct held_key *k = &h->held.keys[i];

		if (k->released == 0 || find_entry(next, k) == NULL)
			continue;
		k->since = time(NULL);
		k->released = 0;
		h->is_changed = is_new = true;
	}
	return is_new;
}

/* Note how far each ring is, so that an old copy of it is known as one. */
static void
note_steps(struct holding *h, const struct snap *snap)
{
	for (size_t i = 0; i < h->held.count; i++) {
		struct held_key *k = &h->held.keys[i];
		const struct snap_ring *r = snap_find_ring(snap, k->domain);

		if (r == NULL || r->steps <= k->steps)
			continue;
		k->steps = r->steps;
		h->is_changed = true;
	}
}

/* Whether a key that was released is of no interest any more. */
static bool
is_forgotten(const struct snap *snap, const struct held_key *k)
{
	const struct snap_ring *r = snap_find_ring(snap, k->domain);

	if (r == NULL)
		return time(NULL) - k->released > FORGET_S;
	if (!r->is_there || r->state != ENTRY_GOOD)
		return false;
	for (size_t i = 0; i < r->trace_count; i++)
		if (strcmp(r->traces[i].selector, k->selector) == 0 &&
		    memcmp(r->traces[i].fingerprint, k->fingerprint,
		        SHA256_LEN) == 0)
			return false;
	return true;
}

static void
prune(struct holding *h, const struct snap *snap)
{
	size_t left = 0;

	for (size_t i = 0; i < h->held.count; i++) {
		struct held_key *k = &h->held.keys[i];

		if (k->released == 0 || !is_forgotten(snap, k)) {
			h->held.keys[left++] = *k;
			continue;
		}
		free(k->domain);
		free(k->selector);
		h->is_changed = true;
	}
	h->held.count = left;
}

/* The rest of holding_enter, lock held. */
static int
enter_all(struct holding *h, const struct snap *next, struct err *err)
{
	bool is_new = false;

	if (h->path == NULL && next->ring_count == 0)
		return 0;
	if (h->path == NULL && open_record(h, next->rings_path, err) == -1)
		return -1;
	for (size_t i = 0; i < next->entry_count; i++) {
		const struct entry *e = &next->entries[i];
		int rc = 0;

		if (e->ring != NULL && e->key != NULL)
			rc = enter(h, e, err);
		if (rc == -1)
			return -1;
		is_new |= rc == 1;
	}
	is_new |= enter_again(h, next);
	note_steps(h, next);
	prune(h, next);
	if (is_new)
		return write_record(h, err);
	write_changes(h);
	return 0;
}

int
holding_enter(struct holding *h, const struct snap *next, struct err *err)
{
	int rc;

	pthread_mutex_lock(&h->lock);
	rc = enter_all(h, next, err);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

/* Take over when the keys of snap have signed last.  Lock held. */
static void
collect(struct holding *h, const struct snap *snap)
{
	for (size_t i = 0; i < h->held.count; i++) {
		struct held_key *k = &h->held.keys[i];
		const struct entry *e = find_entry(snap, k);
		long long last;

		if (e == NULL)
			continue;
		last =
		    atomic_load_explicit(&e->usage->last, memory_order_relaxed);
		if (last <= k->last_signed)
			continue;
		k->last_signed = (time_t)last;
		h->is_changed = true;
	}
}

/* Lock held. */
static void
release(struct holding *h, const struct snap *now)
{
	time_t when = time(NULL);

	for (size_t i = 0; i < h->held.count; i++) {
		struct held_key *k = &h->held.keys[i];

		if (k->released != 0 || find_entry(now, k) != NULL)
			continue;
		/* Never before what it did, whatever became of the clock. */
		k->released = when;
		if (k->released < k->since)
			k->released = k->since;
		if (k->released < k->last_signed)
			k->released = k->last_signed;
		h->is_changed = true;
	}
}

void
holding_settle(struct holding *h, const struct snap *old,
    const struct snap *now)
{
	pthread_mutex_lock(&h->lock);
	if (h->path != NULL) {
		collect(h, old);
		collect(h, now);
		release(h, now);
		write_changes(h);
	}
	pthread_mutex_unlock(&h->lock);
}

void
holding_note(struct holding *h, const struct snap *now)
{
	pthread_mutex_lock(&h->lock);
	if (h->path != NULL) {
		collect(h, now);
		write_changes(h);
	}
	pthread_mutex_unlock(&h->lock);
}

/* The rest of holding_copy, lock held. */
static int
copy_all(const struct holding *h, struct held *copy, struct err *err)
{
	for (size_t i = 0; i < h->held.count; i++) {
		const struct held_key *from = &h->held.keys[i];
		struct held_key *k = held_add(copy, from->domain,
		    from->selector, from->fingerprint, err);

		if (k == NULL)
			return -1;
		k->since = from->since;
		k->last_signed = from->last_signed;
		k->released = from->released;
		k->steps = from->steps;
	}
	return h->path != NULL;
}

int
holding_copy(struct holding *h, struct held *copy, struct err *err)
{
	int rc;

	pthread_mutex_lock(&h->lock);
	rc = copy_all(h, copy, err);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

const struct held *
holding_look(struct holding *h, bool *failing)
{
	pthread_mutex_lock(&h->lock);
	*failing = h->is_failing;
	return &h->held;
}

void
holding_done(struct holding *h)
{
	pthread_mutex_unlock(&h->lock);
}
