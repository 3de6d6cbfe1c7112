/*
 * Private keys in files.
 */
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "keyfile.h"
#include "secretfile.h"

enum { SETTLED_SECONDS = 2 };

/* now  before the file was looked at; zero without a clock: nothing settles */
static void
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

struct key *
keyfile_load(const char *path, unsigned minimum_bits, struct file_id *id,
    struct err *err)
{
	struct key *key;
	int fd;

	fd = secretfile_open(path, err);
	if (fd == -1)
		return NULL;
	key = load_from(fd, path, minimum_bits, id, err);
	close(fd);
	return key;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
keyfile_is_same(const char *path, const struct file_id *id)
{
	struct err ignored;
	struct stat st;

	return id->is_settled && lstat(path, &st) == 0 &&
	    st.st_dev == id->dev && st.st_ino == id->ino &&
	    st.st_size == id->size && same_time(&st.st_mtim, &id->mtime) &&
	    same_time(&st.st_ctim, &id->ctime) &&
	    secretfile_check(path, &st, KEYFILE_BYTES_MAX, &ignored) == 0;
}

/* Make the new name durable. */
static int
sync_directory(const char *path, struct err *err)
{
	struct buf copy = BUF_INIT;
	int fd = -1, rc = 0;

	buf_adds(&copy, path);
	if (buf_str(&copy) == NULL)
		rc = err_nomem(err);
	else
		fd = open(dirname(copy.data),
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rc == 0 && (fd == -1 || fsync(fd) == -1))
		rc = err_errno(err, "%s: its directory", path);
	if (fd != -1)
		close(fd);
	buf_clear(&copy);
	return rc;
}

static int
write_all(int fd, const char *path, const struct buf *pem, struct err *err)
{
	size_t at = 0;

	while (at < pem->len) {
		ssize_t n = write(fd, pem->data + at, pem->len - at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err, "%s", path);
		at += (size_t)n;
	}
	/* The umask may have taken our own right to read it. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) == -1 || fsync(fd) == -1)
		return err_errno(err, "%s", path);
	return 0;
}

int
keyfile_write(const char *path, const struct key *key, struct err *err)
{
	struct buf pem = BUF_INIT;
	int fd, rc;

	if (key_private_pem(key, &pem, err) == -1) {
		rc = -1;
		goto out;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 && errno == EEXIST) {
		rc = err_set(err, ERR_IO,
		    "%s: is there already and is never written over: "
		    "choose another name",
		    path);
		goto out;
	}
	if (fd == -1) {
		rc = err_errno(err, "%s", path);
		goto out;
	}
	rc = write_all(fd, path, &pem, err);
	if (close(fd) == -1 && rc == 0)
		rc = err_errno(err, "%s", path);
	if (rc == 0)
		rc = sync_directory(path, err);
	if (rc == -1)
		unlink(path);
out:
	if (pem.data != NULL)
		explicit_bzero(pem.data, pem.size);
	buf_clear(&pem);
	return rc;
}
