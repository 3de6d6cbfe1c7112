/*
 * The store of rings in a directory: rings/<domain>/ring.conf, journal, lock,
 * <selector>.pem.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsname.h"
#include "replacefile.h"
#include "ringdir.h"
#include "ringlockfile.h"
#include "ringstore_ops.h"

struct dirstore {
	struct ringstore base;
	int fd;
	char *path;
	uid_t owner;
};

struct dirlock {
	struct ringlock base;
	struct ringdir dir;
	int fd;       /* the lock */
	bool is_made; /* the directory is of our making */
};

static struct dirstore *
store_of(struct ringstore *s)
{
	return (struct dirstore *)(void *)s;
}

static struct dirlock *
lock_of(struct ringlock *lock)
{
	return (struct dirlock *)(void *)lock;
}

static int
open_ring(struct ringstore *s, const char *domain, struct ringdir *d,
    struct err *err)
{
	const struct dirstore *store = store_of(s);

	*d = (struct ringdir){ .fd = -1, .owner = store->owner };
	return ringdir_open(d, store->fd, store->path, domain, err);
}

static void
dir_close(struct ringstore *s)
{
	struct dirstore *store = store_of(s);

	close(store->fd);
	free(store->path);
	free(store);
}

/* Whether the ring's directory has more in it than a lock. */
static bool
has_files(int fd)
{
	char data[4096];
	struct stat st;
	bool has_line = false;
	ssize_t n;
	int journal;

	if (fstatat(fd, "ring.conf", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	journal = openat(fd, "journal",
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (journal == -1)
		return errno != ENOENT;
	while (!has_line && (n = read(journal, data, sizeof(data))) > 0)
		has_line = memchr(data, '\n', (size_t)n) != NULL;
	close(journal);
	return has_line;
}

static bool
dir_has(struct ringstore *s, const char *domain)
{
	char path[DNSNAME_MAX + sizeof("/ring.conf")];
	struct stat st;
	bool has;
	int fd;

	/* What nearly all of them have. */
	snprintf(path, sizeof(path), "%s/ring.conf", domain);
	if (fstatat(store_of(s)->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	fd = openat(store_of(s)->fd, domain,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1) {
		has = has_files(fd);
		close(fd);
		return has;
	}
	/* A link or what may not be read is a ring, though no good one. */
	return fstatat(store_of(s)->fd, domain, &st, AT_SYMLINK_NOFOLLOW) ==
	    0 &&
	    (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Add a copy of name to the list, which grows when its count is a power. */
static int
add_name(char ***list, size_t *count, const char *name, struct err *err)
{
	char **more = *list;

	if ((*count & (*count + 1)) == 0) {
		more = reallocarray(*list, 2 * (*count + 1), sizeof(*more));
		if (more == NULL)
			return err_nomem(err);
		*list = more;
	}
	more[*count] = strdup(name);
	if (more[*count] == NULL)
		return err_nomem(err);
	more[++*count] = NULL;
	return 0;
}

static int
read_names(struct ringstore *s, DIR *dir, char ***list, size_t *count,
    struct err *err)
{
	const struct dirent *entry;

	while (errno = 0, (entry = readdir(dir)) != NULL)
		if (dnsname_is_valid_lower(entry->d_name) &&
		    dir_has(s, entry->d_name) &&
		    add_name(list, count, entry->d_name, err) == -1)
			return -1;
	return errno == 0 ? 0 : err_errno(err, "%s", store_of(s)->path);
}

static char **
dir_list(struct ringstore *s, struct err *err)
{
	int fd =
	    openat(store_of(s)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	char **list = calloc(2, sizeof(*list));
	size_t count = 0;
	int rc;

	if (list == NULL)
		rc = err_nomem(err);
	else if (dir == NULL)
		rc = err_errno(err, "%s", store_of(s)->path);
	else
		rc = read_names(s, dir, &list, &count, err);
	if (dir != NULL)
		closedir(dir);
	else if (fd != -1)
		close(fd);
	if (rc == -1 || list == NULL) {
		ringstore_free_list(list);
		return NULL;
	}
	qsort(list, count, sizeof(*list), compare_names);
	return list;
}

/* The ring if it is host's; otherwise it is freed. */
static struct ring *
check_host(const struct ringdir *d, struct ring *ring, const char *host,
    struct err *err)
{
	if (ring == NULL || host == NULL || strcmp(ring->host, host) == 0)
		return ring;
	err_set(err, ERR_KEY,
	    "%s: the ring of another host, %s (this is %s): `keyturn repair "
	    "--foreign %s` takes it over, once that host signs with it no more",
	    d->conf_path, ring->host, host, d->domain);
	ring_free(ring);
	return NULL;
}

static struct ring *
dir_load(struct ringstore *s, const char *domain, const char *host,
    struct file_id id[2], struct err *err)
{
	struct ringdir d;
	struct ring *ring;

	if (open_ring(s, domain, &d, err) == -1)
		return NULL;
	ring = check_host(&d, ringdir_load(&d, id, err), host, err);
	ringdir_close(&d);
	return ring;
}

static bool
is_same_file(struct ringstore *s, const char *domain, const char *name,
    const struct file_id *id)
{
	char path[DNSNAME_MAX + 32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", domain, name);
	return fstatat(store_of(s)->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    file_id_is_same(id, &st);
}

static bool
dir_is_same(struct ringstore *s, const char *domain, const struct file_id id[2])
{
	return is_same_file(s, domain, "ring.conf", &id[0]) &&
	    is_same_file(s, domain, "journal", &id[1]);
}

/* The path of a file in the ring, for errors; NULL without memory. */
static char *
path_in(const struct ringdir *d, const char *name, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/%s", d->path, name) != -1)
		return path;
	err_nomem(err);
	return NULL;
}

/* The key if it is the one of rk; otherwise it is given up. */
static struct key *
check_fingerprint(struct key *key, const char *path, const struct ring_key *rk,
    struct err *err)
{
	char is[RING_HEX_MAX], should_be[RING_HEX_MAX];

	if (key == NULL ||
	    memcmp(key_fingerprint(key), rk->fingerprint, SHA256_LEN) == 0)
		return key;
	hex_text(key_fingerprint(key), is);
	hex_text(rk->fingerprint, should_be);
	err_set(err, ERR_KEY,
	    "%s: another key than that of selector %s: its fingerprint is %s, "
	    "not %s: put the right file back",
	    path, rk->selector, is, should_be);
	key_put(key);
	return NULL;
}

static struct key *
dir_load_key(struct ringstore *s, const char *domain, const struct ring_key *rk,
    unsigned minimum_bits, struct file_id *id, struct err *err)
{
	struct key *key = NULL;
	struct ringdir d;
	char *path;

	if (open_ring(s, domain, &d, err) == -1)
		return NULL;
	path = path_in(&d, rk->file, err);
	if (path != NULL)
		key = check_fingerprint(keyfile_load_at(d.fd, path,
		                            minimum_bits, id, err),
		    path, rk, err);
	free(path);
	ringdir_close(&d);
	return key;
}

static bool
dir_is_same_key(struct ringstore *s, const char *domain,
    const struct ring_key *rk, const struct file_id *id)
{
	char path[DNSNAME_MAX + sizeof(rk->file) + 1];
	const struct dirstore *store = store_of(s);

	snprintf(path, sizeof(path), "%s/%s", domain, rk->file);
	return ringdir_is_good(store->fd, domain, store->owner) &&
	    keyfile_is_same_at(store->fd, path, id);
}

static int
dir_journal(struct ringstore *s, const char *domain, struct buf *out,
    struct err *err)
{
	struct ringdir d;
	bool is_missing;
	int rc;

	if (open_ring(s, domain, &d, err) == -1)
		return -1;
	rc = ringdir_read_journal(&d, out, &is_missing, err);
	if (rc == -1 && is_missing)
		err->code = ERR_KEY;
	ringdir_close(&d);
	return rc;
}

/* Make the directory, durably.  Returns 1 when it was made, 0 when not. */
static int
make_directory(const struct dirstore *store, const char *domain,
    struct err *err)
{
	if (mkdirat(store->fd, domain, 0700) == -1) {
		if (errno == EEXIST)
			return 0;
		return err_errno(err, "%s/%s", store->path, domain);
	}
	if (fchmodat(store->fd, domain, 0700, 0) == -1 ||
	    fsync(store->fd) == -1)
		return err_errno(err, "%s/%s", store->path, domain);
	return 1;
}

/* Remove a directory that was made for a ring that did not come to be. */
static void
remove_directory(struct dirlock *lock)
{
	struct dirstore *store = store_of(lock->base.store);

	if (!lock->is_made || has_files(lock->dir.fd))
		return;
	/* An empty journal of a step that failed. */
	unlinkat(lock->dir.fd, "journal", 0);
	unlinkat(lock->dir.fd, "lock", 0);
	unlinkat(store->fd, lock->dir.domain, AT_REMOVEDIR);
}

static void
dir_unlock(struct ringlock *base)
{
	struct dirlock *lock = lock_of(base);

	if (lock->fd != -1) {
		remove_directory(lock);
		close(lock->fd);
	}
	ringdir_close(&lock->dir);
	free(lock);
}

/*
 * One attempt.  Returns 1, 0 when the directory went away meanwhile, or -1 with
 * err set.
 */
static int
try_lock(struct dirlock *lock, const char *domain, bool make,
    long long deadline, struct err *err)
{
	struct ringstore *s = lock->base.store;
	int rc;

	if (make) {
		rc = make_directory(store_of(s), domain, err);
		if (rc == -1)
			return -1;
		lock->is_made = rc == 1;
	}
	if (open_ring(s, domain, &lock->dir, err) == -1)
		return -1;
	rc = ringlockfile_take(lock->dir.fd, lock->dir.path, deadline,
	    &lock->fd, err);
	if (rc != 1)
		ringdir_close(&lock->dir);
	return rc;
}

static struct ringlock *
dir_lock(struct ringstore *s, const char *domain, bool make, int wait_s,
    struct err *err)
{
	struct dirlock *lock = calloc(1, sizeof(*lock));
	long long deadline = ringlockfile_deadline(wait_s);
	int rc;

	if (lock == NULL) {
		err_nomem(err);
		return NULL;
	}
	lock->base.store = s;
	lock->fd = lock->dir.fd = -1;
	do {
		rc = try_lock(lock, domain, make, deadline, err);
	} while (rc == 0);
	if (rc == 1 && ringdir_recover(&lock->dir, err) == -1)
		rc = -1;
	if (rc == 1 && !make && !has_files(lock->dir.fd))
		rc = err_set(err, ERR_KEY,
		    "%s: there is no such ring: `keyturn add %s` makes it",
		    lock->dir.path, domain);
	if (rc == 1)
		return &lock->base;
	dir_unlock(&lock->base);
	return NULL;
}

static struct ring *
dir_lock_load(struct ringlock *base, const char *host, struct err *err)
{
	const struct ringdir *d = &lock_of(base)->dir;
	struct ringdir_look look;
	struct ring *ring;

	if (ringdir_recover(d, err) == -1 || ringdir_look(d, &look, err) == -1)
		return NULL;
	ring = look.ring;
	look.ring = NULL;
	ringdir_look_clear(&look);
	if (ring == NULL)
		err_set(err, ERR_KEY,
		    "%s: there is no such ring: `keyturn add %s` makes it",
		    d->path, d->domain);
	return check_host(d, ring, host, err);
}

static int
dir_commit(struct ringlock *base, const struct ring *before, struct ring *after,
    const struct journal_note *note, struct err *err)
{
	return ringdir_commit(&lock_of(base)->dir, before, after, note, err);
}

static int
dir_repair(struct ringlock *base, const char *host,
    const struct journal_note *note, struct buf *said, struct err *err)
{
	return ringdir_repair(&lock_of(base)->dir, host, note, said, err);
}

static int
dir_write_key(struct ringlock *base, const char *name, const struct key *key,
    struct err *err)
{
	const struct ringdir *d = &lock_of(base)->dir;
	char *path = path_in(d, name, err);
	int rc = -1;

	if (path != NULL)
		rc = keyfile_write_at(d->fd, path, key, err);
	free(path);
	return rc;
}

/* One that is deleted already is fine: so it was wanted. */
static int
dir_delete_key(struct ringlock *base, const char *name, struct err *err)
{
	const struct ringdir *d = &lock_of(base)->dir;

	if ((unlinkat(d->fd, name, 0) == -1 && errno != ENOENT) ||
	    fsync(d->fd) == -1)
		return err_errno(err, "%s/%s", d->path, name);
	return 0;
}

static const struct ringstore_ops dir_ops = {
	.close = dir_close,
	.list = dir_list,
	.load = dir_load,
	.is_same = dir_is_same,
	.has = dir_has,
	.load_key = dir_load_key,
	.is_same_key = dir_is_same_key,
	.journal = dir_journal,
	.lock = dir_lock,
	.unlock = dir_unlock,
	.lock_load = dir_lock_load,
	.commit = dir_commit,
	.repair = dir_repair,
	.write_key = dir_write_key,
	.delete_key = dir_delete_key,
};

/* Who the directory belongs to, and that nobody else may write in it. */
static int
check_directory(struct dirstore *store, struct err *err)
{
	struct stat st;
	unsigned mode;

	if (fstat(store->fd, &st) == -1)
		return err_errno(err, "%s", store->path);
	mode = (unsigned)st.st_mode & 07777;
	if ((mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, ERR_CONF,
		    "%s: mode %04o lets others write it: chmod go-w %s",
		    store->path, mode, store->path);
	if (st.st_uid != 0 && st.st_uid != geteuid() && geteuid() != 0)
		return err_set(err, ERR_CONF,
		    "%s: owned by user %lu, and this is user %lu", store->path,
		    (unsigned long)st.st_uid, (unsigned long)geteuid());
	store->owner = st.st_uid;
	return 0;
}

struct ringstore *
ringstore_open_dir(const char *path, struct err *err)
{
	struct dirstore *store = calloc(1, sizeof(*store));

	if (store == NULL || (store->path = strdup(path)) == NULL) {
		free(store);
		err_nomem(err);
		return NULL;
	}
	store->base.ops = &dir_ops;
	store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd == -1) {
		bool is_lasting =
		    errno == ENOTDIR || errno == EACCES || errno == ELOOP;

		ringstore_refuse_path(path, err);
		if (is_lasting)
			err->code = ERR_CONF;
		free(store->path);
		free(store);
		return NULL;
	}
	if (check_directory(store, err) == 0)
		return &store->base;
	dir_close(&store->base);
	return NULL;
}
