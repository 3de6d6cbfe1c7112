/*
 * Private keys in files.
 */
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "keyfile.h"
#include "replacefile.h"
#include "secretfile.h"

enum { SETTLED_SECONDS = 2 };

void
file_id_set(struct file_id *id, const struct stat *st,
    const struct timespec *now)
{
	struct timespec age;

	timespecsub(now, &st->st_ctim, &age);
	*id = (struct file_id){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
		.is_settled = age.tv_sec >= SETTLED_SECONDS,
	};
}

static struct key *
load_from(int fd, const char *path, unsigned minimum_bits, struct file_id *id,
    struct err *err)
{
	char pem[KEYFILE_BYTES_MAX];
	struct timespec now = { 0 };
	struct key *key = NULL;
	struct stat st;
	ssize_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	len = secretfile_read(fd, path, pem, sizeof(pem), &st, err);
	if (len >= 0) {
		file_id_set(id, &st, &now);
		key = key_parse(pem, (size_t)len, minimum_bits, err);
		if (key == NULL)
			err_prefix(err, "%s", path);
	}
	explicit_bzero(pem, sizeof(pem));
	return key;
}

/* Load from a descriptor that is closed, -1 if it could not be opened. */
static struct key *
load_and_close(int fd, const char *path, unsigned minimum_bits,
    struct file_id *id, struct err *err)
{
	struct key *key;

	if (fd == -1)
		return NULL;
	key = load_from(fd, path, minimum_bits, id, err);
	close(fd);
	return key;
}

struct key *
keyfile_load(const char *path, unsigned minimum_bits, struct file_id *id,
    struct err *err)
{
	return load_and_close(secretfile_open(path, err), path, minimum_bits,
	    id, err);
}

struct key *
keyfile_load_at(int dir, const char *path, unsigned minimum_bits,
    struct file_id *id, struct err *err)
{
	return load_and_close(secretfile_open_at(dir, path, err), path,
	    minimum_bits, id, err);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
file_id_is_same(const struct file_id *id, const struct stat *st)
{
	return id->is_settled && st->st_dev == id->dev &&
	    st->st_ino == id->ino && st->st_size == id->size &&
	    same_time(&st->st_mtim, &id->mtime) &&
	    same_time(&st->st_ctim, &id->ctime);
}

bool
keyfile_is_same_at(int dir, const char *path, const struct file_id *id)
{
	struct err ignored;
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    file_id_is_same(id, &st) &&
	    secretfile_check(path, &st, KEYFILE_BYTES_MAX, &ignored) == 0;
}

bool
keyfile_is_same(const char *path, const struct file_id *id)
{
	return keyfile_is_same_at(AT_FDCWD, path, id);
}

/* Give the whole file its name, and make that durable. */
static int
link_key(int dir, const char *new, const char *path, struct err *err)
{
	const char *name = replacefile_name(path);
	int rc = 0;

	if (linkat(dir, new, dir, name, 0) == 0) {
		if (unlinkat(dir, new, 0) == -1 || fsync(dir) == -1)
			rc = err_errno(err, "%s: its directory", path);
		if (rc == -1)
			unlinkat(dir, name, 0);
		return rc;
	}
	if (errno == EEXIST)
		return err_set(err, ERR_IO,
		    "%s: is there already and is never written over: "
		    "choose another name",
		    path);
	return err_errno(err, "%s", path);
}

int
keyfile_write_at(int dir, const char *path, const struct key *key,
    struct err *err)
{
	struct buf pem = BUF_INIT, new = BUF_INIT;
	int rc = -1;

	buf_printf(&new, "%s" REPLACEFILE_SUFFIX, replacefile_name(path));
	if (buf_str(&new) == NULL)
		err_nomem(err);
	else if (key_private_pem(key, &pem, err) == 0)
		rc = replacefile_prepare(dir, path, pem.data, pem.len, err);
	if (rc == 0) {
		rc = link_key(dir, new.data, path, err);
		if (rc == -1)
			unlinkat(dir, new.data, 0);
	}
	if (pem.data != NULL)
		explicit_bzero(pem.data, pem.size);
	buf_clear(&pem);
	buf_clear(&new);
	return rc;
}

/*
 * Whether the name that is written first is free: in a directory that is not
 * of ours alone it may be that of somebody's key.
 */
static int
check_new_name(int dir, const char *path, struct err *err)
{
	char name[NAME_MAX + 1];
	struct stat st;

	snprintf(name, sizeof(name), "%s" REPLACEFILE_SUFFIX,
	    replacefile_name(path));
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	return err_set(err, ERR_IO,
	    "%s" REPLACEFILE_SUFFIX ": is there already and would be written "
	    "over: move it away, or choose another name",
	    path);
}

int
keyfile_write(const char *path, const struct key *key, struct err *err)
{
	int dir = replacefile_open_dir(path, err);
	int rc;

	if (dir == -1)
		return -1;
	rc = check_new_name(dir, path, err);
	if (rc == 0)
		rc = keyfile_write_at(dir, path, key, err);
	close(dir);
	return rc;
}
