/*
 * Private keys in files.
 */
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "keyfile.h"

enum { SETTLED_SECONDS = 2 };

/* Every bit but those of 0640, and what is wrong with it. */
static const struct {
	mode_t bits;
	const char *fault;
} faults[] = {
	{ S_IROTH, "lets others read it" },
	{ S_IWOTH, "lets others write it" },
	{ S_IXOTH, "lets others run it" },
	{ S_IWGRP, "lets its group write it" },
	{ S_IXGRP, "lets its group run it" },
	{ S_IXUSR, "lets its owner run it" },
	{ S_ISUID | S_ISGID | S_ISVTX, "has a bit for programs" },
};

/*
 * Refuse the mode, with the command that mends it: a file of our own needs to
 * be open to its owner, one of root's to our group.  Returns -1.
 */
static int
refuse_mode(const char *path, const struct stat *st, const char *fault,
    struct err *err)
{
	unsigned mode = (unsigned)st->st_mode & 07777;
	bool is_ours = st->st_gid == getegid();

	if (st->st_uid == geteuid())
		return err_set(err, ERR_KEY, "%s: mode %04o %s: chmod %s %s",
		    path, mode, fault,
		    is_ours && (mode & (S_IRGRP | S_IRWXO)) == S_IRGRP ? "0640"
		                                                       : "0600",
		    path);
	if (is_ours)
		return err_set(err, ERR_KEY, "%s: mode %04o %s: chmod 0640 %s",
		    path, mode, fault, path);
	return err_set(err, ERR_KEY,
	    "%s: mode %04o %s: chgrp %lu %s && chmod 0640 %s", path, mode,
	    fault, (unsigned long)getegid(), path, path);
}

/* Whether the mode is one that we take.  Returns as check_access does. */
static int
check_mode(const char *path, const struct stat *st, struct err *err)
{
	char fault[64];

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if ((st->st_mode & faults[i].bits) != 0)
			return refuse_mode(path, st, faults[i].fault, err);
	}
	if ((st->st_mode & S_IRGRP) == 0 || st->st_gid == getegid())
		return 0;
	snprintf(fault, sizeof(fault), "lets group %lu read it, not ours (%lu)",
	    (unsigned long)st->st_gid, (unsigned long)getegid());
	return refuse_mode(path, st, fault, err);
}

/*
 * Who may read the file.  Returns 0, or -1 with err set; the text says what
 * mends it.
 */
static int
check_access(const char *path, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_KEY, "%s: not a regular file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(err, ERR_KEY,
		    "%s: owned by user %lu, who could change it: chown it to "
		    "root or to user %lu",
		    path, (unsigned long)st->st_uid, (unsigned long)geteuid());
	if (check_mode(path, st, err) == -1)
		return -1;
	if (st->st_size > KEYFILE_BYTES_MAX)
		return err_set(err, ERR_KEY,
		    "%s: %lld bytes: at most %d are read", path,
		    (long long)st->st_size, KEYFILE_BYTES_MAX);
	return 0;
}

static void
file_id_set(struct file_id *id, const struct stat *st)
{
	struct timespec now, age;

	/* Without a clock nothing is settled. */
	if (clock_gettime(CLOCK_REALTIME, &now) == -1)
		now = st->st_ctim;
	timespecsub(&now, &st->st_ctim, &age);
	*id = (struct file_id){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
		.is_settled = age.tv_sec >= SETTLED_SECONDS,
	};
}

/* Read at most size bytes.  Returns how many, or -1 with err set. */
static ssize_t
read_all(int fd, const char *path, char *data, size_t size, struct err *err)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, data + len, size - len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err, "%s", path);
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static struct key *
load_from(int fd, const char *path, unsigned minimum_bits, struct file_id *id,
    struct err *err)
{
	char pem[KEYFILE_BYTES_MAX];
	struct key *key = NULL;
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) == -1) {
		err_errno(err, "%s", path);
		return NULL;
	}
	if (check_access(path, &st, err) == -1)
		return NULL;
	file_id_set(id, &st);
	len = read_all(fd, path, pem, sizeof(pem), err);
	if (len >= 0 && len != st.st_size) {
		err_set(err, ERR_IO, "%s: changed while it was read", path);
	} else if (len >= 0) {
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

	fd = open(path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1 && (errno == ELOOP || errno == EMLINK)) {
		err_set(err, ERR_KEY,
		    "%s: a symbolic link: name the file itself", path);
		return NULL;
	}
	if (fd == -1 && errno == EACCES) {
		err_set(err, ERR_IO,
		    "%s: user %lu may not read it: chgrp %lu %s && chmod 0640 "
		    "%s, and let that group into its directories",
		    path, (unsigned long)geteuid(), (unsigned long)getegid(),
		    path, path);
		return NULL;
	}
	if (fd == -1) {
		err_errno(err, "%s", path);
		return NULL;
	}
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
	    check_access(path, &st, &ignored) == 0;
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
