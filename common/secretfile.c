/*
 * Secrets in files.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "replacefile.h"
#include "secretfile.h"

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

/* Whether the mode is one that we take.  Returns as secretfile_check does. */
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

int
secretfile_check(const char *path, const struct stat *st, size_t max,
    struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_KEY, "%s: not a regular file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(err, ERR_KEY,
		    "%s: owned by user %lu, who could change it: run this as "
		    "that user, or chown the file to root or to user %lu",
		    path, (unsigned long)st->st_uid, (unsigned long)geteuid());
	if (check_mode(path, st, err) == -1)
		return -1;
	if (st->st_size < 0 || (uintmax_t)st->st_size > max)
		return err_set(err, ERR_KEY,
		    "%s: %lld bytes: at most %zu are read", path,
		    (long long)st->st_size, max);
	return 0;
}

/* name  what is opened in dir, for path */
static int
open_name(int dir, const char *name, const char *path, struct err *err)
{
	int fd;

	fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1 && (errno == ELOOP || errno == EMLINK))
		return err_set(err, ERR_KEY,
		    "%s: a symbolic link: name the file itself", path);
	if (fd == -1 && errno == EACCES)
		return err_set(err, ERR_IO,
		    "%s: user %lu may not read it: chgrp %lu %s && chmod 0640 "
		    "%s, and let that group into its directories",
		    path, (unsigned long)geteuid(), (unsigned long)getegid(),
		    path, path);
	return fd == -1 ? err_errno(err, "%s", path) : fd;
}

int
secretfile_open(const char *path, struct err *err)
{
	return open_name(AT_FDCWD, path, path, err);
}

int
secretfile_open_at(int dir, const char *path, struct err *err)
{
	return open_name(dir, replacefile_name(path), path, err);
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

ssize_t
secretfile_read(int fd, const char *path, void *data, size_t size,
    struct stat *st, struct err *err)
{
	ssize_t len;

	if (fstat(fd, st) == -1)
		return err_errno(err, "%s", path);
	if (secretfile_check(path, st, size, err) == -1)
		return -1;
	len = read_all(fd, path, data, size, err);
	if (len >= 0 && len != st->st_size)
		return err_set(err, ERR_IO, "%s: changed while it was read",
		    path);
	return len;
}
