/*
 * Small files, read whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "readfile.h"

/* Read fd to its end. */
static int
read_all(int fd, const char *path, size_t max, struct buf *out, struct err *err)
{
	char piece[16384];
	size_t total = 0;
	ssize_t n;

	for (;;) {
		n = read(fd, piece, sizeof(piece));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err, "%s", path);
		if (n == 0)
			return out->has_failed ? err_nomem(err) : 0;
		if ((size_t)n > max - total)
			return err_set(err, ERR_LIMIT,
			    "%s: larger than %zu bytes", path, max);
		total += (size_t)n;
		buf_add(out, piece, (size_t)n);
	}
}

int
readfile(const char *path, size_t max, struct buf *out, struct err *err)
{
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return err_errno(err, "%s", path);
	rc = read_all(fd, path, max, out, err);
	close(fd);
	return rc;
}
