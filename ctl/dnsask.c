/*
 * Asking.  Sockets are connected, so that the kernel drops what comes from
 * elsewhere; ids are random, ports are the kernel's choice.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsask.h"
#include "monotime.h"

enum { DNS_PORT = 53, TCP_ANSWER_MAX = 65535 };

/* The shares of the time that the first, second and third try have. */
static const int shares[] = { 1, 2, 3 };

/* Fill in the text of an address whose sa is set. */
static void
write_text(struct dns_address *a)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a->sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->sa;
	bool is_ipv6 = a->sa.ss_family == AF_INET6;
	unsigned port = ntohs(is_ipv6 ? in6->sin6_port : in->sin_port);
	char host[INET6_ADDRSTRLEN] = "?";

	inet_ntop(a->sa.ss_family,
	    is_ipv6 ? (const void *)&in6->sin6_addr : &in->sin_addr, host,
	    sizeof(host));
	if (port == DNS_PORT)
		snprintf(a->text, sizeof(a->text), "%s", host);
	else
		snprintf(a->text, sizeof(a->text), "%s@%u", host, port);
}

/* family is AF_INET or AF_INET6; address in the order of the network. */
static void
set_address(struct dns_address *a, int family, const void *address,
    unsigned port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->sa;

	memset(a, 0, sizeof(*a));
	a->sa.ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		memcpy(&in->sin_addr, address, sizeof(in->sin_addr));
		in->sin_port = htons((uint16_t)port);
		a->len = sizeof(*in);
	} else {
		memcpy(&in6->sin6_addr, address, sizeof(in6->sin6_addr));
		in6->sin6_port = htons((uint16_t)port);
		a->len = sizeof(*in6);
	}
	write_text(a);
}

bool
dns_address_parse(const char *text, struct dns_address *out)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *at = strchr(text, '@');
	size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
	unsigned char address[sizeof(struct in6_addr)];
	unsigned long port = DNS_PORT;
	char *end;

	if (len == 0 || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (at != NULL) {
		if (at[1] < '0' || at[1] > '9')
			return false;
		port = strtoul(at + 1, &end, 10);
		if (*end != '\0' || port == 0 || port > 65535)
			return false;
	}
	if (inet_pton(AF_INET, host, address) == 1)
		set_address(out, AF_INET, address, (unsigned)port);
	else if (inet_pton(AF_INET6, host, address) == 1)
		set_address(out, AF_INET6, address, (unsigned)port);
	else
		return false;
	return true;
}

bool
dns_address_of_rr(const ldns_rr *rr, struct dns_address *out)
{
	bool is_ipv6 = ldns_rr_get_type(rr) == LDNS_RR_TYPE_AAAA;
	const ldns_rdf *rdf;

	if ((!is_ipv6 && ldns_rr_get_type(rr) != LDNS_RR_TYPE_A) ||
	    ldns_rr_rd_count(rr) != 1)
		return false;
	rdf = ldns_rr_rdf(rr, 0);
	if (rdf == NULL || ldns_rdf_size(rdf) != (is_ipv6 ? 16U : 4U))
		return false;
	set_address(out, is_ipv6 ? AF_INET6 : AF_INET, ldns_rdf_data(rdf),
	    DNS_PORT);
	return true;
}

bool
dns_address_is_ipv6(const struct dns_address *a)
{
	return a->sa.ss_family == AF_INET6;
}

void
dns_answer_clear(struct dns_answer *a)
{
	ldns_pkt_free(a->pkt);
	a->pkt = NULL;
}

__attribute__((format(printf, 3, 4))) static void
fail(struct dns_answer *out, enum dnsask_state state, const char *fmt, ...)
{
	va_list ap;

	out->state = state;
	va_start(ap, fmt);
	vsnprintf(out->text, sizeof(out->text), fmt, ap);
	va_end(ap);
}

/* What errno of a call on a socket says about the server. */
static void
fail_errno(struct dns_answer *out)
{
	const char *how = out->is_tcp ? "TCP" : "UDP";
	int e = errno;

	switch (e) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EACCES:
	case EPERM:
		fail(out, DNSASK_UNREACHABLE, "cannot be reached by %s: %s",
		    how, strerror(e));
		break;
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		fail(out, DNSASK_REFUSED, "no answer by %s: %s", how,
		    strerror(e));
		break;
	case ETIMEDOUT:
		fail(out, DNSASK_TIMEOUT, "no answer by %s: %s", how,
		    strerror(e));
		break;
	default:
		fail(out, DNSASK_FAILED, "asking by %s: %s", how, strerror(e));
	}
}

static void
fail_timeout(struct dns_answer *out, int timeout_ms)
{
	fail(out, DNSASK_TIMEOUT, "no answer by %s within %.3g s",
	    out->is_tcp ? "TCP" : "UDP", timeout_ms / 1000.0);
}

/* Wait for events; false with errno set, ETIMEDOUT when the time is over. */
static bool
wait_fd(int fd, short events, long long deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		n = poll(&p, 1, mono_until_ms(deadline));
	} while (n == -1 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* A connected (for TCP: connecting) socket, or -1 with errno set. */
static int
connect_to(const struct dns_address *to, int type)
{
	int fd, saved;

	fd = socket(to->sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to->sa, to->len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/*
 * Judge a packet.  Returns true when out is decided, false to wait for
 * another.
 */
static bool
take(const struct dns_query *query, const uint8_t *wire, size_t len,
    struct dns_answer *out)
{
	switch (dnswire_answer(query, wire, len, &out->pkt)) {
	case DNSWIRE_GOOD:
		out->state = DNSASK_ANSWERED;
		return true;
	case DNSWIRE_STRANGER:
		return false;
	case DNSWIRE_NOMEM:
		fail(out, DNSASK_FAILED, "out of memory");
		return true;
	default:
		fail(out, DNSASK_MALFORMED,
		    "an answer by %s that cannot be read",
		    out->is_tcp ? "TCP" : "UDP");
		return true;
	}
}

/*
 * Receive until the deadline.  Returns true when out is decided, false with
 * nothing decided when the time is over.
 */
static bool
receive_udp(int fd, const struct dns_query *query, long long deadline,
    struct dns_answer *out)
{
	uint8_t wire[65536];
	ssize_t len;

	while (wait_fd(fd, POLLIN, deadline)) {
		len = recv(fd, wire, sizeof(wire), 0);
		if (len >= 0) {
			if (take(query, wire, (size_t)len, out))
				return true;
		} else if (errno != EAGAIN && errno != EINTR) {
			fail_errno(out);
			return true;
		}
		/* Strangers without end: the poll may never time out. */
		if (mono_until_ms(deadline) == 0)
			return false;
	}
	return false;
}

static void
ask_udp(const struct dns_address *to, const struct dns_query *query,
    int timeout_ms, struct dns_answer *out)
{
	const int tries = (int)(sizeof(shares) / sizeof(shares[0]));
	bool is_decided = false;
	int fd, total = 0;

	out->is_tcp = false;
	for (int i = 0; i < tries; i++)
		total += shares[i];
	fd = connect_to(to, SOCK_DGRAM);
	if (fd == -1) {
		fail_errno(out);
		return;
	}
	for (int i = 0; i < tries && !is_decided; i++) {
		long long deadline =
		    mono_now_ms() + (long long)timeout_ms * shares[i] / total;

		if (send(fd, query->wire, query->len, MSG_NOSIGNAL) == -1 &&
		    errno != EAGAIN && errno != EINTR) {
			fail_errno(out);
			is_decided = true;
		} else
			is_decided = receive_udp(fd, query, deadline, out);
	}
	if (!is_decided)
		fail_timeout(out, timeout_ms);
	close(fd);
}

/* Write all; false with errno set. */
static bool
write_all(int fd, const uint8_t *data, size_t len, long long deadline)
{
	ssize_t n;

	while (len > 0) {
		if (!wait_fd(fd, POLLOUT, deadline))
			return false;
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == -1 && errno != EAGAIN && errno != EINTR)
			return false;
	}
	return true;
}

/* Read exactly len bytes; false with errno set. */
static bool
read_all(int fd, uint8_t *data, size_t len, long long deadline)
{
	ssize_t n;

	while (len > 0) {
		if (!wait_fd(fd, POLLIN, deadline))
			return false;
		n = recv(fd, data, len, 0);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		} else if (n == 0) {
			errno = ECONNRESET;
			return false;
		} else if (errno != EAGAIN && errno != EINTR)
			return false;
		if (mono_until_ms(deadline) == 0 && len > 0) {
			errno = ETIMEDOUT;
			return false;
		}
	}
	return true;
}

/* One exchange on a connection; false with errno set. */
static bool
exchange_tcp(int fd, const struct dns_query *query, uint8_t *answer,
    size_t *len, long long deadline)
{
	uint8_t out[2 + DNSWIRE_QUERY_MAX];
	uint8_t size[2];

	out[0] = (uint8_t)(query->len >> 8);
	out[1] = (uint8_t)query->len;
	memcpy(out + 2, query->wire, query->len);
	if (!write_all(fd, out, 2 + query->len, deadline) ||
	    !read_all(fd, size, sizeof(size), deadline))
		return false;
	*len = (size_t)size[0] << 8 | size[1];
	return read_all(fd, answer, *len, deadline);
}

static void
ask_tcp(const struct dns_address *to, const struct dns_query *query,
    int timeout_ms, struct dns_answer *out)
{
	long long deadline = mono_now_ms() + timeout_ms;
	uint8_t *wire = malloc(TCP_ANSWER_MAX);
	size_t len = 0;
	int fd = -1;

	out->is_tcp = true;
	if (wire == NULL) {
		fail(out, DNSASK_FAILED, "out of memory");
		return;
	}
	fd = connect_to(to, SOCK_STREAM);
	if (fd == -1 || !exchange_tcp(fd, query, wire, &len, deadline)) {
		if (fd != -1 && errno == ETIMEDOUT)
			fail_timeout(out, timeout_ms);
		else
			fail_errno(out);
	} else if (!take(query, wire, len, out))
		fail(out, DNSASK_MALFORMED,
		    "an answer by TCP to another question");
	if (fd != -1)
		close(fd);
	free(wire);
}

/* Whether the server's answer means that it does not know EDNS. */
static bool
dislikes_edns(const struct dns_answer *a)
{
	ldns_pkt_rcode rcode;

	if (a->state != DNSASK_ANSWERED || ldns_pkt_edns(a->pkt))
		return false;
	rcode = ldns_pkt_get_rcode(a->pkt);
	return rcode == LDNS_RCODE_FORMERR || rcode == LDNS_RCODE_NOTIMPL;
}

/* With a new id, by UDP or TCP, with EDNS or without. */
static void
ask_once(const struct dns_address *to, const struct dns_question *q,
    bool with_edns, int timeout_ms, struct dns_answer *out)
{
	struct dns_query query;

	dns_answer_clear(out);
	if (!dnswire_query(q, (uint16_t)arc4random(), with_edns, &query)) {
		fail(out, DNSASK_FAILED, "not a name of the DNS: %.80s",
		    q->name);
		return;
	}
	if (q->by_tcp)
		ask_tcp(to, &query, timeout_ms, out);
	else
		ask_udp(to, &query, timeout_ms, out);
}

void
dnsask(const struct dns_address *to, const struct dns_question *q,
    int timeout_ms, struct dns_answer *out)
{
	struct dns_question by_tcp = *q;
	bool with_edns = true;

	memset(out, 0, sizeof(*out));
	ask_once(to, q, with_edns, timeout_ms, out);
	if (dislikes_edns(out)) {
		with_edns = false;
		ask_once(to, q, with_edns, timeout_ms, out);
	}
	if (q->by_tcp || out->state != DNSASK_ANSWERED ||
	    !ldns_pkt_tc(out->pkt))
		return;
	out->is_truncated = true;
	by_tcp.by_tcp = true;
	ask_once(to, &by_tcp, with_edns, timeout_ms, out);
}
