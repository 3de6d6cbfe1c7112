/*
 * Replacing files whole.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replacefile.h"

const char *
replacefile_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* The name of the new file.  Returns 0, or -1 with err set. */
static int
new_name(const char *path, char out[NAME_MAX + 1], struct err *err)
{
	if (snprintf(out, NAME_MAX + 1, "%s" REPLACEFILE_SUFFIX,
	        replacefile_name(path)) <= NAME_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return err_errno(err, "%s", path);
}

int
write_all(int fd, const char *path, const void *data, size_t len,
    struct err *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err, "%s", path);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int
replacefile_prepare(int dir, const char *path, const void *data, size_t len,
    struct err *err)
{
	char name[NAME_MAX + 1];
	int fd, rc;

	if (new_name(path, name, err) == -1)
		return -1;
	/* What a crash left behind; O_EXCL then follows no link. */
	if (unlinkat(dir, name, 0) == -1 && errno != ENOENT)
		return err_errno(err, "%s" REPLACEFILE_SUFFIX, path);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_errno(err, "%s" REPLACEFILE_SUFFIX, path);
	rc = write_all(fd, path, data, len, err);
	/* The umask may have taken our own right to read it. */
	if (rc == 0 && (fchmod(fd, S_IRUSR | S_IWUSR) == -1 || fsync(fd) == -1))
		rc = err_errno(err, "%s", path);
	if (close(fd) == -1 && rc == 0)
		rc = err_errno(err, "%s", path);
	if (rc == -1)
		unlinkat(dir, name, 0);
	return rc;
}

int
replacefile_rename(int dir, const char *path, struct err *err)
{
	char name[NAME_MAX + 1];

	if (new_name(path, name, err) == -1)
		return -1;
	if (renameat(dir, name, dir, replacefile_name(path)) == 0)
		return 0;
	err_errno(err, "%s", path);
	unlinkat(dir, name, 0);
	return -1;
}

void
replacefile_cancel(int dir, const char *path)
{
	struct err ignored;
	char name[NAME_MAX + 1];

	if (new_name(path, name, &ignored) == 0)
		unlinkat(dir, name, 0);
}

int
replacefile_open_dir(const char *path, struct err *err)
{
	char *copy = strdup(path);
	int dir;

	if (copy == NULL)
		return err_nomem(err);
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	return dir == -1 ? err_errno(err, "%s: its directory", path) : dir;
}

int
replacefile_write(const char *path, const void *data, size_t len,
    struct err *err)
{
	int dir = replacefile_open_dir(path, err);
	int rc;

	if (dir == -1)
		return -1;
	rc = replacefile_prepare(dir, path, data, len, err);
	if (rc == 0)
		rc = replacefile_rename(dir, path, err);
	if (rc == 0 && fsync(dir) == -1)
		rc = err_errno(err, "%s: its directory", path);
	close(dir);
	return rc;
}
