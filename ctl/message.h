/*
 * One message from standard input, of any size: its header in memory, all of
 * it in an unlinked temporary file that is mapped, so that the memory in use
 * does not grow with the message.
 */
#ifndef KEYTURN_MESSAGE_H
#define KEYTURN_MESSAGE_H

#include <stddef.h>

#include "err.h"
#include "hdrs.h"

struct message {
	char *data; /* mapped, as received; NULL while empty */
	size_t len;
	size_t body_at; /* offset of the first byte of the body */
	struct hdrs hdrs;
	const char *line_end; /* that of its first line: "\r\n" or "\n" */
};

#define MESSAGE_INIT               \
	{                          \
		.hdrs = HDRS_INIT, \
	}

/*
 * Read fd to its end, with CRLF or LF line ends, and parse the header.
 * Returns 0, or -1 with err set: ERR_INPUT (not a message; an mbox "From "
 * line), ERR_LIMIT (header too large), ERR_IO (reading, or the temporary file:
 * the text says which), ERR_NOMEM.
 */
int message_read(int fd, struct message *msg, struct err *err);

void message_clear(struct message *msg);

/* The exit code for an error of message_read. */
int message_exit_code(const struct err *err);

#endif
