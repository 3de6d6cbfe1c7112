/*
 * The exported read(2).  The linker puts it into the dynamic symbol table
 * because libmilter's shared object refers to it, as in drain.c.
 */
#include <arpa/inet.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "log.h"

enum { HEAD_LEN = 5, MACRO_COMMAND = 'D' };

typedef ssize_t read_function(int fd, void *data, size_t size);

static read_function *real_read;

/*
 * The packet that this thread reads.  libmilter reads the head, a length and
 * the command, and then the rest, always asking for all that is missing.
 */
static _Thread_local struct {
	int fd;
	unsigned char head[HEAD_LEN];
	size_t head_len;
	size_t left;      /* of the data of a macro packet */
	bool is_at_stage; /* its first byte, a command, comes next */
	bool is_odd;      /* strings so far */
} packet;

int
guard_prepare(struct err *err)
{
	void *symbol = dlsym(RTLD_NEXT, "read");

	if (symbol == NULL)
		return err_set(err, ERR_IO, "read: %s", dlerror());
	/* C has no cast from one to the other; POSIX says they are alike. */
	memcpy(&real_read, &symbol, sizeof(real_read));
	return 0;
}

/* The head is complete: what follows is looked at if it is macros. */
static void
head_end(void)
{
	uint32_t len;

	memcpy(&len, packet.head, sizeof(len));
	len = ntohl(len);
	packet.head_len = 0;
	if (packet.head[HEAD_LEN - 1] != MACRO_COMMAND || len < 2)
		return;
	packet.left = len - 1;
	packet.is_at_stage = true;
	packet.is_odd = false;
}

/* Look at a piece of macros.  False when they are complete and do not pair. */
static bool
take_macros(const unsigned char *data, size_t len)
{
	packet.left -= len;
	for (size_t i = packet.is_at_stage; i < len; i++)
		packet.is_odd ^= data[i] == '\0';
	packet.is_at_stage = false;
	return packet.left > 0 || !packet.is_odd;
}

/* Follow what libmilter has read.  False when it must not see it. */
static bool
follow(int fd, const void *data, size_t size, size_t len)
{
	if (fd != packet.fd) {
		packet.fd = fd;
		packet.left = packet.head_len = 0;
	}
	if (packet.left > 0 && size == packet.left)
		return take_macros(data, len);
	packet.left = 0;
	if (size != HEAD_LEN - packet.head_len) {
		packet.head_len = 0;
		return true;
	}
	memcpy(packet.head + packet.head_len, data, len);
	packet.head_len += len;
	if (packet.head_len == HEAD_LEN)
		head_end();
	return true;
}

ssize_t
read(int fd, void *data, size_t size)
{
	struct err err;
	ssize_t n;

	/* Libraries may read before main begins. */
	if (real_read == NULL && guard_prepare(&err) == -1) {
		errno = ENOSYS;
		return -1;
	}
	n = real_read(fd, data, size);
	if (n <= 0 || follow(fd, data, size, (size_t)n))
		return n;
	log_msg(LOG_ERR, NULL,
	    "a connection is ended: it sent macros that are not pairs of name "
	    "and value");
	return 0;
}
