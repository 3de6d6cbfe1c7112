/*
 * A question by TCP, with a deadline for all of it.
 */
#include <sys/socket.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dnstcp.h"
#include "monotime.h"

enum { LENGTH_LEN = 2, ID_LEN = 2, HEADER_LEN = 12, MESSAGE_MAX = 65535 };

struct link {
	const char *server;
	int fd;
	long long deadline;
};

/* Wait until fd can be read or written.  Returns 0, or -1 with err set. */
static int
wait_for(const struct link *l, short events, struct err *err)
{
	struct pollfd p = { .fd = l->fd, .events = events };

	for (;;) {
		int left = mono_until_ms(l->deadline);
		int n = left > 0 ? poll(&p, 1, left) : 0;

		if (n > 0)
			return 0;
		if (n == -1 && errno != EINTR)
			return err_errno(err, "%s", l->server);
		if (left == 0)
			return err_set(err, ERR_IO,
			    "%s: no answer in time: is it up, and is TCP to "
			    "it open?",
			    l->server);
	}
}

static struct addrinfo *
parse_server(const char *server, struct err *err)
{
	const struct addrinfo hints = { .ai_flags =
		                            AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM };
	const char *at = strchr(server, '@');
	struct addrinfo *info = NULL;
	char host[256];

	snprintf(host, sizeof(host), "%.*s",
	    at ? (int)(at - server) : (int)strlen(server), server);
	if ((at != NULL && at[1] == '\0') ||
	    getaddrinfo(host, at ? at + 1 : "53", &hints, &info) != 0) {
		err_set(err, ERR_CONF,
		    "not the address of a server, ADDRESS or ADDRESS@PORT: %s",
		    server);
		return NULL;
	}
	return info;
}

static int
finish_connect(const struct link *l, struct err *err)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (wait_for(l, POLLOUT, err) == -1)
		return -1;
	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return err_errno(err, "%s", l->server);
	errno = error;
	return error == 0 ? 0 : err_errno(err, "%s", l->server);
}

static int
dial(struct link *l, struct err *err)
{
	struct addrinfo *info = parse_server(l->server, err);
	int rc = 0;

	if (info == NULL)
		return -1;
	l->fd = socket(info->ai_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd == -1)
		rc = err_errno(err, "%s", l->server);
	else if (connect(l->fd, info->ai_addr, info->ai_addrlen) == -1)
		rc = errno == EINPROGRESS ? finish_connect(l, err)
		                          : err_errno(err, "%s", l->server);
	freeaddrinfo(info);
	return rc;
}

static int
send_all(const struct link *l, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = send(l->fd, data, len, MSG_NOSIGNAL);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == -1 && errno == EAGAIN) {
			if (wait_for(l, POLLOUT, err) == -1)
				return -1;
		} else if (n == -1 && errno != EINTR)
			return err_errno(err, "%s", l->server);
	}
	return 0;
}

static int
receive_all(const struct link *l, unsigned char *data, size_t len,
    struct err *err)
{
	while (len > 0) {
		ssize_t n = recv(l->fd, data, len, 0);

		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == 0)
			return err_set(err, ERR_IO,
			    "%s: closed the connection without an answer",
			    l->server);
		else if (errno == EAGAIN) {
			if (wait_for(l, POLLIN, err) == -1)
				return -1;
		} else if (errno != EINTR)
			return err_errno(err, "%s", l->server);
	}
	return 0;
}

static int
exchange(const struct link *l, const struct buf *query, struct buf *answer,
    struct err *err)
{
	const char length[LENGTH_LEN] = { (char)(query->len >> 8),
		(char)query->len };
	unsigned char message[MESSAGE_MAX];
	size_t len;

	if (send_all(l, length, sizeof(length), err) == -1 ||
	    send_all(l, query->data, query->len, err) == -1 ||
	    receive_all(l, message, LENGTH_LEN, err) == -1)
		return -1;
	len = (size_t)message[0] << 8 | message[1];
	if (receive_all(l, message, len, err) == -1)
		return -1;
	/* Nothing else was asked on this connection. */
	if (len < HEADER_LEN || memcmp(message, query->data, ID_LEN) != 0)
		return err_set(err, ERR_IO,
		    "%s: the answer is not one to our question", l->server);
	buf_add(answer, message, len);
	return answer->has_failed ? err_nomem(err) : 0;
}

int
dnstcp_ask(const char *server, const struct buf *query, long long deadline,
    struct buf *answer, struct err *err)
{
	struct link l = { .server = server, .fd = -1, .deadline = deadline };
	int rc;

	if (query->len > MESSAGE_MAX)
		return err_set(err, ERR_IO, "%s: the question is too long",
		    server);
	rc = dial(&l, err);
	if (rc == 0)
		rc = exchange(&l, query, answer, err);
	if (l.fd != -1)
		close(l.fd);
	return rc;
}
