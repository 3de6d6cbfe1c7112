/*
 * One message from standard input.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "ctl.h"
#include "message.h"

enum { PIECE_SIZE = 65536 };

/* A new temporary file that has no name any more.  Returns it, or -1. */
static int
spool_open(struct err *err)
{
	const char *dir = getenv("TMPDIR");
	struct buf path = BUF_INIT;
	int fd = -1;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	buf_printf(&path, "%s/keyturn.XXXXXX", dir);
	if (buf_str(&path) == NULL) {
		err_nomem(err);
	} else {
		fd = mkostemp(path.data, O_CLOEXEC);
		if (fd == -1)
			err_errno(err,
			    "%s: no temporary file there (TMPDIR chooses the "
			    "directory)",
			    dir);
		else
			unlink(path.data);
	}
	buf_clear(&path);
	return fd;
}

static int
write_all(int fd, const char *data, size_t len, struct err *err)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err,
			    "temporary file (TMPDIR chooses the directory)");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Copy from to its end into to; *len is set to the bytes copied. */
static int
copy(int from, int to, size_t *len, struct err *err)
{
	char *piece = malloc(PIECE_SIZE);
	int rc = -1;
	ssize_t n;

	if (piece == NULL)
		return err_nomem(err);
	*len = 0;
	for (;;) {
		n = read(from, piece, PIECE_SIZE);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			err_errno(err, "standard input");
		else if (n == 0)
			rc = 0;
		if (n <= 0)
			break;
		if (write_all(to, piece, (size_t)n, err) == -1)
			break;
		*len += (size_t)n;
	}
	free(piece);
	return rc;
}

/* Copy the input and map the copy, which nobody else can change or cut. */
static int
load(int fd, struct message *msg, struct err *err)
{
	void *data = MAP_FAILED;
	int spool;

	spool = spool_open(err);
	if (spool == -1)
		return -1;
	if (copy(fd, spool, &msg->len, err) == -1)
		goto out;
	if (msg->len == 0) {
		err_set(err, ERR_INPUT,
		    "standard input is empty: a message "
		    "is expected there");
		goto out;
	}
	data = mmap(NULL, msg->len, PROT_READ, MAP_PRIVATE, spool, 0);
	if (data == MAP_FAILED)
		err_errno(err, "mapping a message of %zu bytes", msg->len);
	else
		msg->data = data;
out:
	close(spool);
	return data == MAP_FAILED ? -1 : 0;
}

/* The line end in use: what ends the first line. */
static const char *
first_line_end(const struct message *msg)
{
	const char *lf = memchr(msg->data, '\n', msg->len);

	return lf != NULL && lf > msg->data && lf[-1] == '\r' ? "\r\n" : "\n";
}

/* An mbox separator looks like a field to a parser that wants a colon. */
static int
check_mbox(const struct message *msg, struct err *err)
{
	const char *lf = memchr(msg->data, '\n', msg->len);
	size_t len = lf != NULL ? (size_t)(lf - msg->data) : msg->len;
	struct buf line = BUF_INIT;
	const char *text;
	size_t at = 5;

	if (len < at || memcmp(msg->data, "From ", 5) != 0)
		return 0;
	/* "From  :" is the field, with obsolete space before the colon. */
	while (at < len && (msg->data[at] == ' ' || msg->data[at] == '\t'))
		at++;
	if (at < len && msg->data[at] == ':')
		return 0;
	if (msg->data[len - 1] == '\r')
		len--;
	buf_add_escaped(&line, msg->data, len < 80 ? len : 80);
	text = buf_str(&line);
	err_set(err, ERR_INPUT,
	    "standard input:1: an mbox \"From \" line, which is no part of "
	    "the message: %s; take it off, for instance with sed 1d",
	    text ? text : "");
	buf_clear(&line);
	return -1;
}

int
message_read(int fd, struct message *msg, struct err *err)
{
	if (load(fd, msg, err) == -1 || check_mbox(msg, err) == -1)
		return -1;
	msg->line_end = first_line_end(msg);
	if (hdrs_parse(&msg->hdrs, msg->data, msg->len, &msg->body_at, err) ==
	    -1)
		return err_prefix(err, "standard input");
	if (msg->hdrs.count == 0)
		return err_set(err, ERR_INPUT,
		    "standard input: not a message: it has no header field");
	return 0;
}

void
message_clear(struct message *msg)
{
	if (msg->data != NULL)
		munmap(msg->data, msg->len);
	hdrs_clear(&msg->hdrs);
	*msg = (struct message)MESSAGE_INIT;
}

int
message_exit_code(const struct err *err)
{
	return err->code == ERR_IO ? CTL_CANNOT_WRITE : CTL_DATA;
}
