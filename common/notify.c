/*
 * The sd_notify(3) protocol: one datagram of "NAME=VALUE" lines to the socket
 * that the service manager named in the environment.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

enum { NOTIFY_TEXT_MAX = 512 };

/* Written once, by notify_init. */
static struct {
	struct sockaddr_un addr;
	socklen_t addr_len; /* 0: nobody to tell */
	bool is_bad;        /* a name that is no unix socket's */
} manager;

void
notify_init(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len;

	memset(&manager, 0, sizeof(manager));
	if (name == NULL || name[0] == '\0')
		return;
	len = strlen(name);
	if ((name[0] != '/' && name[0] != '@') ||
	    len >= sizeof(manager.addr.sun_path))
		manager.is_bad = true;
	else {
		manager.addr.sun_family = AF_UNIX;
		memcpy(manager.addr.sun_path, name, len);
		/* "@name" is in the abstract name space, without a final NUL */
		if (name[0] == '@')
			manager.addr.sun_path[0] = '\0';
		manager.addr_len =
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
		        (name[0] == '/'));
	}
	/* Not for our children: their news is not ours. */
	unsetenv("NOTIFY_SOCKET");
}

static int
notify_send(const char *text, struct err *err)
{
	ssize_t n;
	int fd;

	if (manager.is_bad)
		return err_set(err, ERR_CONF,
		    "NOTIFY_SOCKET: neither a path nor an abstract name, or "
		    "too long");
	if (manager.addr_len == 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return err_errno(err, "NOTIFY_SOCKET");
	/* A manager that does not read must not hold us up. */
	n = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
	    (struct sockaddr *)&manager.addr, manager.addr_len);
	if (n == -1)
		err_errno(err, "NOTIFY_SOCKET");
	close(fd);
	return n == -1 ? -1 : 0;
}

/* Send a line of news and the status, which is kept to one line. */
static int
notify_state(const char *news, const char *status, struct err *err)
{
	char text[NOTIFY_TEXT_MAX];
	size_t len;

	snprintf(text, sizeof(text), "%s", news);
	if (status != NULL) {
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "\nSTATUS=");
		len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s", status);
		for (char *p = text + len; *p != '\0'; p++)
			if ((unsigned char)*p < ' ')
				*p = ' ';
	}
	return notify_send(text, err);
}

int
notify_ready(const char *status, struct err *err)
{
	return notify_state("READY=1", status, err);
}

int
notify_stopping(const char *status, struct err *err)
{
	return notify_state("STOPPING=1", status, err);
}

int
notify_reloading(struct err *err)
{
	char text[NOTIFY_TEXT_MAX];
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) == -1)
		return err_errno(err, "clock");
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	return notify_send(text, err);
}
