/*
 * Text files read whole.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "textfile.h"

/*
 * The current errno as an error.  What only an administrator can mend is
 * ERR_CONF, what may pass by itself ERR_IO.
 */
static int
open_failed(const char *path, struct err *err)
{
	static const int lasting[] = { EACCES, ELOOP, ENAMETOOLONG, ENOENT,
		ENOTDIR, ENXIO, EPERM };
	int number = errno;

	err_errno(err, "%s", path);
	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		if (lasting[i] == number)
			err->code = ERR_CONF;
	return -1;
}

/* The size of what is to be read, or -1 with err set. */
static int
text_size(int fd, const char *path, size_t max, size_t *size, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONF, "%s: not a regular file", path);
	if (st.st_size < 0 || (uintmax_t)st.st_size > max)
		return err_set(err, ERR_CONF, "%s: larger than %zu bytes: %jd",
		    path, max, (intmax_t)st.st_size);
	*size = (size_t)st.st_size;
	return 0;
}

/* Read exactly size bytes, and see that the file ends there. */
static int
read_all(int fd, const char *path, char *text, size_t size, struct err *err)
{
	size_t done = 0;

	for (;;) {
		/* One byte more than there should be, the place of the NUL. */
		ssize_t n = read(fd, text + done, size + 1 - done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err, "%s", path);
		done += (size_t)n;
		if (n == 0 || done > size)
			break;
	}
	if (done != size)
		return err_set(err, ERR_IO,
		    "%s: changed while it was read: try again", path);
	text[size] = '\0';
	return 0;
}

static int
check_nul(const char *path, const char *text, size_t len, struct err *err)
{
	const char *nul = memchr(text, '\0', len);
	size_t line = 1;
	const char *start = text;

	if (nul == NULL)
		return 0;
	for (const char *p = text; p < nul; p++)
		if (*p == '\n') {
			line++;
			start = p + 1;
		}
	return err_set(err, ERR_CONF, "%s:%zu:%zu: a NUL byte in a text file",
	    path, line, (size_t)(nul - start) + 1);
}

char *
textfile_read_fd(int fd, const char *path, size_t max, size_t *len,
    struct err *err)
{
	char *text = NULL;
	size_t size = 0;

	if (text_size(fd, path, max, &size, err) == -1)
		return NULL;
	/* SIZE_MAX is no file's size: the addition is safe. */
	text = malloc(size + 1);
	if (text == NULL) {
		err_nomem(err);
		return NULL;
	}
	if (read_all(fd, path, text, size, err) == -1 ||
	    check_nul(path, text, size, err) == -1) {
		free(text);
		return NULL;
	}
	*len = size;
	return text;
}

char *
textfile_read(const char *path, size_t max, size_t *len, struct err *err)
{
	char *text;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1) {
		open_failed(path, err);
		return NULL;
	}
	text = textfile_read_fd(fd, path, max, len, err);
	close(fd);
	return text;
}
