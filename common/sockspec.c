/*
 * Milter socket specs.
 */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "conf.h"
#include "sockspec.h"

_Static_assert(CONF_SOCKET_PATH_MAX <
        sizeof(((struct sockaddr_un *)0)->sun_path),
    "names of sockets are shorter here: mend CONF_SOCKET_PATH_MAX");

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

/* What follows prefix in text, or NULL. */
static const char *
after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

const char *
sockspec_path(const char *spec)
{
	const char *path = after(spec, "unix:");

	return path != NULL ? path : after(spec, "local:");
}

static const char *
path_problem(const char *path)
{
	if (path[0] != '/')
		return "the path of a socket must be absolute";
	if (strlen(path) > CONF_SOCKET_PATH_MAX)
		return "longer than a socket's name can be";
	return NULL;
}

static bool
is_port(const char *text, size_t len)
{
	unsigned port = 0;

	if (len == 0 || len > PORT_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	return port >= 1 && port <= PORT_MAX;
}

/* An address in brackets, or something that may be the name of a host. */
static bool
is_host(const char *host, int family)
{
	size_t len = strlen(host);
	unsigned char bytes[sizeof(struct in6_addr)];
	char literal[INET6_ADDRSTRLEN];

	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		if (len - 2 >= sizeof(literal))
			return false;
		memcpy(literal, host + 1, len - 2);
		literal[len - 2] = '\0';
		return inet_pton(family, literal, bytes) == 1;
	}
	for (const char *p = host; *p != '\0'; p++) {
		char lower = ascii_lower(*p);

		if (!(lower >= 'a' && lower <= 'z') &&
		    !(*p >= '0' && *p <= '9') && *p != '-' && *p != '.' &&
		    !(*p == ':' && family == AF_INET6))
			return false;
	}
	return len > 0;
}

static const char *
inet_problem(const char *rest, int family)
{
	const char *at = strchr(rest, '@');

	if (at == NULL)
		return "not port@host";
	if (!is_port(rest, (size_t)(at - rest)))
		return "not a port, 1 to 65535, before the @";
	if (!is_host(at + 1, family))
		return family == AF_INET
		    ? "not a host name or IPv4 address behind the @"
		    : "not a host name or IPv6 address behind the @";
	return NULL;
}

const char *
sockspec_problem(const char *spec)
{
	const char *rest;

	if (strlen(spec) > CONF_SPEC_MAX)
		return "longer than a socket's spec can be";
	if ((rest = sockspec_path(spec)) != NULL)
		return path_problem(rest);
	if ((rest = after(spec, "inet:")) != NULL)
		return inet_problem(rest, AF_INET);
	if ((rest = after(spec, "inet6:")) != NULL)
		return inet_problem(rest, AF_INET6);
	return "not unix:/path, local:/path, inet:port@host or "
	       "inet6:port@host";
}
