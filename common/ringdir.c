/*
 * Reading the directory of a ring: whom it belongs to, and whether ring.conf
 * and the end of the journal are of one piece.  All of the journal is read only
 * by ringdir_repair.c.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replacefile.h"
#include "ringdir.h"
#include "ringfile.h"
#include "sha256.h"
#include "textfile.h"

enum {
	TAIL_STEP = 8192, /* bytes that are read at a time, backwards */
	LOOKS_MAX = 20,   /* while a writer is at work */
};

/* Who may have made or changed it.  Returns 0, or -1 with err set. */
static int
check_owner(const struct ringdir *d, const char *path, const struct stat *st,
    struct err *err)
{
	unsigned mode = (unsigned)st->st_mode & 07777;

	if (st->st_uid != 0 && st->st_uid != geteuid() &&
	    st->st_uid != d->owner)
		return err_set(err, ERR_KEY,
		    "%s: owned by user %lu, who could change it: chown it to "
		    "user %lu",
		    path, (unsigned long)st->st_uid, (unsigned long)d->owner);
	if ((mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, ERR_KEY,
		    "%s: mode %04o lets others write it: chmod go-w %s", path,
		    mode, path);
	return 0;
}

bool
ringdir_is_good(int store, const char *domain, uid_t owner)
{
	const struct ringdir d = { .owner = owner };
	struct err ignored;
	struct stat st;

	return fstatat(store, domain, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode) && check_owner(&d, domain, &st, &ignored) == 0;
}

static char *
join(const char *a, const char *b, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/%s", a, b) != -1)
		return path;
	err_nomem(err);
	return NULL;
}

static int
open_directory(struct ringdir *d, int store, struct err *err)
{
	struct stat st;

	d->fd = openat(store, d->domain,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd == -1 && errno == ENOENT)
		return err_set(err, ERR_KEY,
		    "%s: there is no such ring: `keyturn add %s` makes it",
		    d->path, d->domain);
	if (d->fd == -1 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(err, ERR_KEY,
		    "%s: not a directory, or a symbolic link", d->path);
	if (d->fd == -1 || fstat(d->fd, &st) == -1)
		return err_errno(err, "%s", d->path);
	return check_owner(d, d->path, &st, err);
}

int
ringdir_open(struct ringdir *d, int store, const char *store_path,
    const char *domain, struct err *err)
{
	d->fd = -1;
	strlcpy(d->domain, domain, sizeof(d->domain));
	d->conf_path = d->journal_path = NULL;
	d->path = join(store_path, domain, err);
	if (d->path != NULL)
		d->conf_path = join(d->path, "ring.conf", err);
	if (d->conf_path != NULL)
		d->journal_path = join(d->path, "journal", err);
	if (d->journal_path != NULL && open_directory(d, store, err) == 0)
		return 0;
	ringdir_close(d);
	return -1;
}

void
ringdir_close(struct ringdir *d)
{
	if (d->fd != -1)
		close(d->fd);
	d->fd = -1;
	free(d->path);
	free(d->conf_path);
	free(d->journal_path);
	d->path = d->conf_path = d->journal_path = NULL;
}

int
ringdir_open_file(const struct ringdir *d, const char *path, int flags,
    bool *is_missing, struct err *err)
{
	struct stat st;
	int rc = 0, fd;

	fd = openat(d->fd, replacefile_name(path),
	    flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	*is_missing = fd == -1 && errno == ENOENT;
	if (fd == -1 && (errno == ELOOP || errno == EMLINK))
		return err_set(err, ERR_KEY, "%s: a symbolic link", path);
	if (fd == -1)
		return err_errno(err, "%s", path);
	if (fstat(fd, &st) == -1)
		rc = err_errno(err, "%s", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(err, ERR_KEY, "%s: not a regular file", path);
	else
		rc = check_owner(d, path, &st, err);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

/* What is open as fd, for file_id_is_same. */
static int
note_id(int fd, const char *path, struct file_id *id, struct err *err)
{
	struct timespec now = { 0 };
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	if (fstat(fd, &st) == -1)
		return err_errno(err, "%s", path);
	file_id_set(id, &st, &now);
	return 0;
}

/* The way out, behind what is wrong with the files.  Returns -1. */
static int
advise_repair(const struct ringdir *d, struct err *err)
{
	char text[ERR_TEXT_MAX];

	snprintf(text, sizeof(text), "%s", err->text);
	return err_set(err, ERR_KEY, "%.*s: run `keyturn repair %s`",
	    ERR_TEXT_MAX - DNSNAME_MAX - 40, text, d->domain);
}

struct ring *
ringdir_read_conf(const struct ringdir *d, struct file_id *id, bool *is_missing,
    struct err *err)
{
	struct ring *ring = NULL;
	char *text = NULL;
	size_t len;
	int fd;

	fd = ringdir_open_file(d, d->conf_path, O_RDONLY, is_missing, err);
	if (fd == -1)
		return NULL;
	if (note_id(fd, d->conf_path, id, err) == 0)
		text = textfile_read_fd(fd, d->conf_path, RINGFILE_BYTES_MAX,
		    &len, err);
	if (text != NULL)
		ring = ringfile_parse(d->conf_path, text, err);
	free(text);
	close(fd);
	if (ring == NULL || strcmp(ring->domain, d->domain) == 0)
		return ring;
	err_set(err, ERR_KEY,
	    "%s: the ring of another domain: %s; keep copies outside of the "
	    "rings directory",
	    d->conf_path, ring->domain);
	ring_free(ring);
	return NULL;
}

/* Read [from, to) of the journal and append it. */
static int
read_range(const struct ringdir *d, int fd, off_t from, off_t to,
    struct buf *out, struct err *err)
{
	char data[TAIL_STEP];

	while (from < to) {
		size_t want = sizeof(data);
		ssize_t n;

		if (to - from < (off_t)want)
			want = (size_t)(to - from);
		n = pread(fd, data, want, from);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err, "%s", d->journal_path);
		if (n == 0)
			return err_set(err, ERR_IO,
			    "%s: changed while it was read: try again",
			    d->journal_path);
		buf_add(out, data, (size_t)n);
		from += n;
	}
	return out->has_failed ? err_nomem(err) : 0;
}

/*
 * The line that ends at end, with its line end, into out; nothing when no line
 * ends there.
 */
static int
read_line_before(const struct ringdir *d, int fd, off_t end, struct buf *out,
    struct err *err)
{
	off_t step = TAIL_STEP;

	for (;;) {
		off_t from = end > step ? end - step : 0;
		const char *data, *at;

		buf_reset(out);
		if (read_range(d, fd, from, end, out, err) == -1)
			return -1;
		data = out->data;
		if (out->len == 0 || data[out->len - 1] != '\n') {
			buf_reset(out);
			return 0;
		}
		at = memrchr(data, '\n', out->len - 1);
		if (at != NULL || from == 0) {
			size_t skip = at != NULL ? (size_t)(at + 1 - data) : 0;

			memmove(out->data, out->data + skip, out->len - skip);
			out->len -= skip;
			return 0;
		}
		step *= 4;
	}
}

/* Whether the journal's line that ends at its length is the ring's last. */
static int
check_last_line(const struct ringdir *d, int fd, const struct ring *ring,
    struct err *err)
{
	struct buf line = BUF_INIT;
	unsigned char hash[SHA256_LEN];
	int rc;

	rc = read_line_before(d, fd, ring->journal_len, &line, err);
	if (rc == 0)
		rc = sha256_of(line.data, line.len, hash, err);
	if (rc == 0 && memcmp(hash, ring->journal_hash, SHA256_LEN) != 0) {
		err_set(err, ERR_KEY,
		    "%s: not of one piece with its journal (step %lu)",
		    d->conf_path, ring->steps);
		rc = advise_repair(d, err);
	}
	buf_clear(&line);
	return rc;
}

/* ring.conf is more than a line behind.  Returns -1. */
static int
refuse_old(const struct ringdir *d, const struct ring *ring, const char *line,
    size_t len, struct err *err)
{
	struct journal_entry e = { .who = NULL };
	struct err ignored = ERR_INIT;
	char has[64] = "more";

	if (journal_entry_parse(line, len, &e, &ignored) == 0)
		snprintf(has, sizeof(has), "%lu", e.step);
	journal_entry_clear(&e);
	if (ring != NULL)
		err_set(err, ERR_KEY,
		    "%s: an old copy (step %lu, the journal has %s)",
		    d->conf_path, ring->steps, has);
	else
		err_set(err, ERR_KEY, "%s: lost (the journal has step %s)",
		    d->conf_path, has);
	return advise_repair(d, err);
}

/* What the journal has behind what ring.conf knows of. */
static int
take_rest(const struct ringdir *d, const struct buf *rest,
    struct ringdir_look *look, struct err *err)
{
	const char *first, *last, *before;

	if (rest->data == NULL ||
	    (first = memchr(rest->data, '\n', rest->len)) == NULL)
		return 0;
	last = memrchr(rest->data, '\n', rest->len);
	if (first != last) {
		before = memrchr(rest->data, '\n', (size_t)(last - rest->data));
		return refuse_old(d, look->ring, before + 1,
		    (size_t)(last - before) - 1, err);
	}
	look->next = journal_follow(d->journal_path, look->ring, rest->data,
	    (size_t)(first - rest->data) + 1, err);
	if (look->next == NULL)
		return err->code == ERR_CONF ? advise_repair(d, err) : -1;
	look->journal_good = look->next->journal_len;
	return 0;
}

/* Compare the open journal with ring.conf. */
static int
compare_journal(const struct ringdir *d, int fd, struct ringdir_look *look,
    struct err *err)
{
	struct ring *ring = look->ring;
	struct buf rest = BUF_INIT;
	int rc = 0;

	look->journal_size = look->id[1].size;
	look->journal_good = ring != NULL ? ring->journal_len : 0;
	if (look->journal_size < look->journal_good) {
		err_set(err, ERR_KEY,
		    "%s: cut, or an old copy (%lld bytes, ring.conf knows of "
		    "%lld)",
		    d->journal_path, (long long)look->journal_size,
		    (long long)look->journal_good);
		return advise_repair(d, err);
	}
	if (look->journal_size > JOURNAL_BYTES_MAX)
		return err_set(err, ERR_KEY, "%s: more than %d bytes",
		    d->journal_path, JOURNAL_BYTES_MAX);
	if (ring != NULL)
		rc = check_last_line(d, fd, ring, err);
	if (rc == 0 && look->journal_size > look->journal_good) {
		rc = read_range(d, fd, look->journal_good, look->journal_size,
		    &rest, err);
		if (rc == 0)
			rc = take_rest(d, &rest, look, err);
	}
	buf_clear(&rest);
	return rc;
}

/* The same as ringdir_look, but err may be set on success too. */
static int
look_at_both(const struct ringdir *d, struct ringdir_look *look,
    struct err *err)
{
	bool is_missing;
	int fd, rc;

	look->ring = ringdir_read_conf(d, &look->id[0], &is_missing, err);
	if (look->ring == NULL && !is_missing)
		return err->code == ERR_CONF ? advise_repair(d, err) : -1;
	fd = ringdir_open_file(d, d->journal_path, O_RDONLY, &is_missing, err);
	if (fd == -1 && is_missing)
		return look->ring == NULL ? 0 : advise_repair(d, err);
	if (fd == -1)
		return -1;
	rc = note_id(fd, d->journal_path, &look->id[1], err);
	if (rc == 0)
		rc = compare_journal(d, fd, look, err);
	close(fd);
	return rc;
}

int
ringdir_look(const struct ringdir *d, struct ringdir_look *look,
    struct err *err)
{
	struct err fault = ERR_INIT;

	*look = (struct ringdir_look){ .journal_size = -1 };
	if (look_at_both(d, look, &fault) == 0)
		return 0;
	*err = fault;
	ringdir_look_clear(look);
	return -1;
}

void
ringdir_look_clear(struct ringdir_look *look)
{
	ring_free(look->ring);
	ring_free(look->next);
	look->ring = look->next = NULL;
}

int
ringdir_read_journal(const struct ringdir *d, struct buf *out, bool *is_missing,
    struct err *err)
{
	struct stat st;
	int fd, rc = 0;

	fd = ringdir_open_file(d, d->journal_path, O_RDONLY, is_missing, err);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		rc = err_errno(err, "%s", d->journal_path);
	else if (st.st_size > JOURNAL_BYTES_MAX)
		rc = err_set(err, ERR_KEY, "%s: more than %d bytes",
		    d->journal_path, JOURNAL_BYTES_MAX);
	else
		rc = read_range(d, fd, 0, st.st_size, out, err);
	close(fd);
	return rc;
}

/* Whether ring.conf is still what was looked at, or still is not there. */
static bool
is_unchanged(const struct ringdir *d, const struct file_id *id)
{
	struct file_id settled = *id;
	struct stat st;

	settled.is_settled = true; /* it was replaced by another, or not */
	if (fstatat(d->fd, replacefile_name(d->conf_path), &st,
	        AT_SYMLINK_NOFOLLOW) == -1)
		return id->ino == 0;
	return file_id_is_same(&settled, &st);
}

/* Whether somebody alive holds the lock. */
static bool
is_locked(const struct ringdir *d)
{
	bool is_held;
	int fd = openat(d->fd, "lock",
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1)
		return false;
	is_held = flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK;
	close(fd);
	return is_held;
}

/* The ring out of a look, which is cleared. */
static struct ring *
take_ring(const struct ringdir *d, struct ringdir_look *look,
    struct file_id id[2], struct err *err)
{
	/* The first line makes the ring: without it the files would be none. */
	bool is_ahead =
	    look->next != NULL && (look->ring == NULL || !is_locked(d));
	struct ring *ring = is_ahead ? look->next : look->ring;

	if (is_ahead)
		look->next = NULL;
	else
		look->ring = NULL;
	memcpy(id, look->id, sizeof(look->id));
	/* What is about to change is not to be taken for the same again. */
	if (look->next != NULL || is_ahead)
		id[0].is_settled = id[1].is_settled = false;
	ringdir_look_clear(look);
	if (ring == NULL)
		err_set(err, ERR_KEY,
		    "%s: there is no such ring: `keyturn add %s` makes it",
		    d->path, d->domain);
	return ring;
}

struct ring *
ringdir_load(const struct ringdir *d, struct file_id id[2], struct err *err)
{
	struct err fault = ERR_INIT;
	struct ringdir_look look;

	for (int i = 0; i < LOOKS_MAX; i++) {
		int rc = ringdir_look(d, &look, &fault);
		bool is_final = is_unchanged(d, &look.id[0]);

		if (rc == 0 && is_final)
			return take_ring(d, &look, id, err);
		ringdir_look_clear(&look);
		if (is_final)
			break;
		if (rc == 0)
			err_set(&fault, ERR_IO,
			    "%s: changes all the time while it is read: try "
			    "again",
			    d->conf_path);
	}
	*err = fault;
	return NULL;
}
