/*
 * Replacing small files.
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
#include "smallfile.h"

/* What is to be in the file, and how. */
struct content {
	const char *text;
	size_t len;
	bool is_durable;
};

static int
fill(int fd, const char *path, const struct content *c, struct err *err)
{
	if (ftruncate(fd, 0) == -1)
		return err_errno(err, "%s", path);
	if (write_all(fd, path, c->text, c->len, err) == -1)
		return -1;
	if (c->is_durable && fsync(fd) == -1)
		return err_errno(err, "%s", path);
	return 0;
}

/*
 * Whether fd, which is locked, is the temporary file still: who had it open
 * when another renamed it has hold of the good one.
 */
static bool
is_temporary(int fd, const char *temporary)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && lstat(temporary, &there) == 0 &&
	    mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Fill the temporary file and give it its name. */
static int
replace(const char *temporary, const char *path, const struct content *c,
    struct err *err)
{
	int fd, rc;

	fd = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return err_errno(err, "%s", temporary);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		rc = errno == EWOULDBLOCK ? 0 : err_errno(err, "%s", temporary);
		close(fd);
		return rc;
	}
	if (!is_temporary(fd, temporary)) {
		close(fd);
		return 0;
	}
	rc = fill(fd, temporary, c, err);
	if (rc == 0 && rename(temporary, path) == -1)
		rc = err_errno(err, "%s", path);
	if (rc == -1)
		unlink(temporary);
	close(fd);
	return rc;
}

int
smallfile_write(const char *path, const void *text, size_t len, bool is_durable,
    struct err *err)
{
	struct content c = { text, len, is_durable };
	char *temporary = NULL;
	int rc;

	if (asprintf(&temporary, "%s.new", path) == -1)
		return err_nomem(err);
	rc = replace(temporary, path, &c, err);
	free(temporary);
	return rc;
}

char *
smallfile_beside(const char *dir, const char *name)
{
	size_t len = strlen(dir);
	char *path = NULL;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	while (len > 0 && dir[len - 1] != '/')
		len--;
	if (asprintf(&path, "%.*s%s", (int)len, dir, name) == -1)
		return NULL;
	return path;
}
