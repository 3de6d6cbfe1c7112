/*
 * A milter connection from the MTA's side, blocking, for one message.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milterclient.h"
#include "monotime.h"
#include "sockspec.h"
#include "unixsock.h"

enum { CHUNK_LEN = 65535 /* of a body, as MTAs cut it */ };

/* Steps that a milter may do without (not sent), or not answer: SMFIP_*. */
enum {
	WITHOUT_CONNECT = 0x01,
	WITHOUT_HELO = 0x02,
	WITHOUT_MAIL = 0x04,
	WITHOUT_RCPT = 0x08,
	WITHOUT_BODY = 0x10,
	WITHOUT_HEADER = 0x20,
	WITHOUT_EOH = 0x40,
	UNANSWERED_HEADER = 0x80,
	WITHOUT_DATA = 0x200,
	UNANSWERED_CONNECT = 0x1000,
	UNANSWERED_HELO = 0x2000,
	UNANSWERED_MAIL = 0x4000,
	UNANSWERED_RCPT = 0x8000,
	UNANSWERED_DATA = 0x10000,
	UNANSWERED_EOH = 0x40000,
	UNANSWERED_BODY = 0x80000,
	LEADING_SPACE = 0x100000,
	ALL_STEPS = 0x1fffff,
	ALL_ACTIONS = 0x1ff, /* SMFIF_*, as an MTA offers them */
	PROTOCOL_VERSION = 6,
};

struct conn {
	int fd;
	int timeout_s;
	long long deadline; /* of the packet that is awaited */
	size_t answers;     /* packets received */
	uint32_t steps;     /* negotiated */
	struct buf out;     /* on its way */
	struct buf packet;  /* the last that came, without its command */
	/* The message's fields as they will leave, each without its CRLF. */
	char *fields[MILTER_FIELDS_MAX];
	size_t field_count;
	struct milter_result *result;
	struct err *err;
};

/*
 * Opening.
 */

static int
limit_waits(int fd, int timeout_s)
{
	struct timeval limit = { .tv_sec = timeout_s };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ==
	    -1)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* Connect to one address; -1 with errno set. */
static int
open_address(const struct addrinfo *a, int timeout_s)
{
	int saved, fd;

	fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (limit_waits(fd, timeout_s) == 0 &&
	    connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	saved = errno == EINPROGRESS ? ETIMEDOUT : errno;
	close(fd);
	errno = saved;
	return -1;
}

/* inet:port@host, inet6:port@host; host may be in brackets. */
static int
open_inet(const char *spec, int timeout_s, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	const char *rest = strchr(spec, ':') + 1;
	const char *at = strchr(rest, '@');
	char port[8], host[256];
	int fd = -1, rc;
	size_t len;

	hints.ai_family = strncmp(spec, "inet6:", 6) == 0 ? AF_INET6 : AF_INET;
	snprintf(port, sizeof(port), "%.*s", (int)(at - rest), rest);
	len = strlen(++at);
	if (len > 1 && at[0] == '[' && at[len - 1] == ']') {
		at++;
		len -= 2;
	}
	snprintf(host, sizeof(host), "%.*s", (int)len, at);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return err_set(err, ERR_IO, "%s: %s", spec, gai_strerror(rc));
	for (const struct addrinfo *a = list; a && fd == -1; a = a->ai_next)
		fd = open_address(a, timeout_s);
	if (fd == -1)
		err_errno(err, "%s", spec);
	freeaddrinfo(list);
	return fd;
}

static int
open_spec(struct conn *c, const char *spec)
{
	const char *problem = sockspec_problem(spec);
	const char *path = sockspec_path(spec);

	if (problem != NULL)
		return err_set(c->err, ERR_INPUT, "%s: %s", spec, problem);
	if (path != NULL)
		c->fd = unixsock_connect(path, SOCK_STREAM, c->timeout_s * 1000,
		    c->err);
	else
		c->fd = open_inet(spec, c->timeout_s, c->err);
	if (c->fd == -1)
		return -1;
	if (limit_waits(c->fd, c->timeout_s) == -1)
		return err_errno(c->err, "setsockopt");
	return 0;
}

/*
 * Packets: the length of what follows in four bytes, a command, data.
 */

static void
put_head(struct conn *c, char command, size_t len)
{
	uint32_t n = htonl((uint32_t)len + 1);

	buf_add(&c->out, &n, sizeof(n));
	buf_addc(&c->out, command);
}

static void
put(struct conn *c, char command, const void *data, size_t len)
{
	put_head(c, command, len);
	buf_add(&c->out, data, len);
}

static int
flush(struct conn *c)
{
	const char *p = c->out.data;
	size_t len = c->out.len;
	ssize_t n;

	if (c->out.has_failed)
		return err_nomem(c->err);
	while (len > 0) {
		n = send(c->fd, p, len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(c->err, "sending to the milter");
		p += n;
		len -= (size_t)n;
	}
	buf_reset(&c->out);
	return 0;
}

static int
take(struct conn *c, void *to, size_t len)
{
	char *p = to;
	ssize_t n;

	while (len > 0) {
		n = recv(c->fd, p, len, 0);
		if (n == -1 && errno == EINTR)
			continue;
		/* Whole by then: bytes may come one by one. */
		if ((n == -1 && errno == EAGAIN) ||
		    mono_until_ms(c->deadline) == 0)
			return err_set(c->err, ERR_IO,
			    "no answer from the milter within %d s",
			    c->timeout_s);
		if (n == -1)
			return err_errno(c->err, "receiving from the milter");
		if (n == 0)
			return err_set(c->err, ERR_IO,
			    "the milter closed the connection");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Receive a packet into c->packet, NUL-terminated, past progress notes. */
static int
get(struct conn *c, char *command)
{
	char piece[4096];
	uint32_t n;

	if (flush(c) == -1)
		return -1;
	do {
		if (c->answers++ == MILTER_ANSWERS_MAX)
			return err_set(c->err, ERR_INPUT,
			    "over %d packets for one message: not a milter "
			    "that we know",
			    MILTER_ANSWERS_MAX);
		c->deadline = mono_now_ms() + c->timeout_s * 1000LL;
		if (take(c, &n, sizeof(n)) == -1)
			return -1;
		n = ntohl(n);
		if (n == 0 || n > MILTER_PACKET_MAX)
			return err_set(c->err, ERR_INPUT,
			    "a packet of %lu bytes: is that a milter?",
			    (unsigned long)n);
		buf_reset(&c->packet);
		if (take(c, command, 1) == -1)
			return -1;
		for (n--; n > 0;) {
			size_t len = n < sizeof(piece) ? n : sizeof(piece);

			if (take(c, piece, len) == -1)
				return -1;
			buf_add(&c->packet, piece, len);
			n -= (uint32_t)len;
		}
	} while (*command == 'p');
	return buf_str(&c->packet) != NULL ? 0 : err_nomem(c->err);
}

/*
 * Macros: name and value, each with its NUL; a NULL name ends them.
 */
struct macro {
	const char *name, *value;
};

static void
put_macros(struct conn *c, char step, const struct macro *macros)
{
	struct buf data = BUF_INIT;

	buf_addc(&data, step);
	for (; macros->name != NULL; macros++) {
		if (macros->value == NULL)
			continue;
		buf_add(&data, macros->name, strlen(macros->name) + 1);
		buf_add(&data, macros->value, strlen(macros->value) + 1);
	}
	put(c, 'D', data.data, data.len);
	c->out.has_failed = c->out.has_failed || data.has_failed;
	buf_clear(&data);
}

/*
 * What an answer to a step says.  Returns 1: go on; 2: go on without more of
 * this kind; 0: the verdict is in the result; -1.
 */
static int
judge(struct conn *c, char command)
{
	struct milter_result *r = c->result;
	struct buf shown = BUF_INIT;

	r->outcome = MILTER_ACCEPTED;
	switch (command) {
	case 'c':
		return 1;
	case 's':
		return 2;
	case 'a':
		return 0;
	case 'd':
		r->outcome = MILTER_DISCARDED;
		return 0;
	case 't':
		r->outcome = MILTER_TEMPFAIL;
		return 0;
	case 'r':
		r->outcome = MILTER_REJECTED;
		return 0;
	case '4': /* 421, and the connection ends */
		r->outcome = MILTER_TEMPFAIL;
		return 0;
	case 'y':
		buf_add_escaped(&shown, c->packet.data,
		    strnlen(c->packet.data, c->packet.len));
		r->outcome = c->packet.len > 0 && c->packet.data[0] == '4'
		    ? MILTER_TEMPFAIL
		    : MILTER_REJECTED;
		snprintf(r->reply, sizeof(r->reply), "%s",
		    buf_str(&shown) != NULL ? shown.data : "");
		buf_clear(&shown);
		return 0;
	default:
		return err_set(c->err, ERR_INPUT,
		    "an answer 0x%02x that was not to be expected: is that a "
		    "milter?",
		    (unsigned char)command);
	}
}

/* Send a step unless the milter does without it; as judge(). */
static int
step(struct conn *c, char command, uint32_t without, uint32_t unanswered,
    const struct buf *data)
{
	char answer = '\0';

	if ((c->steps & without) != 0)
		return 1;
	if (data->has_failed)
		return err_nomem(c->err);
	put(c, command, data->data, data->len);
	if ((c->steps & unanswered) != 0)
		return 1;
	if (get(c, &answer) == -1)
		return -1;
	return judge(c, answer);
}

/* The same for a string, its NUL included. */
static int
step_text(struct conn *c, char command, uint32_t without, uint32_t unanswered,
    const char *text)
{
	struct buf data = BUF_INIT;
	int rc;

	buf_add(&data, text, strlen(text) + 1);
	rc = step(c, command, without, unanswered, &data);
	buf_clear(&data);
	return rc;
}

/*
 * The steps of a message.
 */

static int
negotiate(struct conn *c)
{
	uint32_t offer[3] = { htonl(PROTOCOL_VERSION), htonl(ALL_ACTIONS),
		htonl(ALL_STEPS) };
	uint32_t answer[3];
	char command = '\0';

	put(c, 'O', offer, sizeof(offer));
	if (get(c, &command) == -1)
		return -1;
	if (command == 'r' || command == 't')
		return err_set(c->err, ERR_IO,
		    "the milter refuses the connection: its log says why");
	if (command != 'O' || c->packet.len < sizeof(answer))
		return err_set(c->err, ERR_INPUT,
		    "no negotiation: is that a milter?");
	memcpy(answer, c->packet.data, sizeof(answer));
	c->steps = ntohl(answer[2]);
	return 0;
}

static int
send_connect(struct conn *c, const struct milter_mail *m)
{
	const struct macro macros[] = { { "j", m->host },
		{ "{daemon_name}", "smtpd" }, { "v", "keyturn probe" },
		{ NULL, NULL } };
	bool is_v6 = strchr(m->client, ':') != NULL;
	uint16_t port = htons(25);
	struct buf data = BUF_INIT;
	int rc;

	put_macros(c, 'C', macros);
	buf_add(&data, "localhost", sizeof("localhost"));
	buf_addc(&data, is_v6 ? '6' : '4');
	buf_add(&data, &port, sizeof(port));
	if (is_v6)
		buf_adds(&data, "IPv6:");
	buf_add(&data, m->client, strlen(m->client) + 1);
	rc = step(c, 'C', WITHOUT_CONNECT, UNANSWERED_CONNECT, &data);
	buf_clear(&data);
	if (rc <= 0)
		return rc;
	return step_text(c, 'H', WITHOUT_HELO, UNANSWERED_HELO, "localhost");
}

static int
send_envelope(struct conn *c, const struct milter_mail *m)
{
	const struct macro mail[] = { { "{mail_addr}", m->sender },
		{ "{mail_mailer}", "smtp" },
		{ "{auth_type}", m->auth != NULL ? "PLAIN" : NULL },
		{ "{auth_authen}", m->auth }, { NULL, NULL } };
	const struct macro rcpt[] = { { "{rcpt_addr}", m->rcpt },
		{ "{rcpt_mailer}", "smtp" }, { NULL, NULL } };
	const struct macro data[] = { { "i", m->qid }, { NULL, NULL } };
	struct buf nothing = BUF_INIT;
	char address[600];
	int rc;

	put_macros(c, 'M', mail);
	snprintf(address, sizeof(address), "<%s>", m->sender);
	rc = step_text(c, 'M', WITHOUT_MAIL, UNANSWERED_MAIL, address);
	if (rc <= 0)
		return rc;
	put_macros(c, 'R', rcpt);
	snprintf(address, sizeof(address), "<%s>", m->rcpt);
	rc = step_text(c, 'R', WITHOUT_RCPT, UNANSWERED_RCPT, address);
	if (rc <= 0)
		return rc;
	put_macros(c, 'T', data);
	return step(c, 'T', WITHOUT_DATA, UNANSWERED_DATA, &nothing);
}

/* One header field, "Name: value". */
static int
send_field(struct conn *c, const char *field)
{
	const char *value = strchr(field, ':') + 1;
	struct buf data = BUF_INIT;
	int rc;

	buf_add(&data, field, (size_t)(value - 1 - field));
	buf_addc(&data, '\0');
	if ((c->steps & LEADING_SPACE) == 0 && *value == ' ')
		value++;
	buf_add(&data, value, strlen(value) + 1);
	rc = step(c, 'L', WITHOUT_HEADER, UNANSWERED_HEADER, &data);
	buf_clear(&data);
	return rc;
}

static int
send_content(struct conn *c, const struct milter_mail *m)
{
	const struct macro data[] = { { "i", m->qid }, { NULL, NULL } };
	struct buf nothing = BUF_INIT, part = BUF_INIT;
	size_t len = strlen(m->body);
	int rc = 1;

	for (size_t i = 0; m->fields[i] != NULL && rc > 0; i++)
		rc = send_field(c, m->fields[i]);
	if (rc > 0) {
		put_macros(c, 'N', data);
		rc = step(c, 'N', WITHOUT_EOH, UNANSWERED_EOH, &nothing);
	}
	for (size_t at = 0; at < len && rc == 1; at += CHUNK_LEN) {
		buf_reset(&part);
		buf_add(&part, m->body + at,
		    len - at < CHUNK_LEN ? len - at : CHUNK_LEN);
		rc = step(c, 'B', WITHOUT_BODY, UNANSWERED_BODY, &part);
	}
	buf_clear(&part);
	return rc;
}

/*
 * What comes back.
 */

/* Put a field, "Name: value" of len bytes, at place at. */
static int
field_insert(struct conn *c, size_t at, const char *field, size_t len)
{
	char *copy;

	if (c->field_count == MILTER_FIELDS_MAX)
		return err_set(c->err, ERR_LIMIT, "over %d header fields",
		    MILTER_FIELDS_MAX);
	copy = strndup(field, len);
	if (copy == NULL)
		return err_nomem(c->err);
	if (at > c->field_count)
		at = c->field_count;
	memmove(c->fields + at + 1, c->fields + at,
	    (c->field_count - at) * sizeof(c->fields[0]));
	c->fields[at] = copy;
	c->field_count++;
	return 0;
}

/*
 * A field that the milter adds: name NUL value NUL, behind skip bytes of the
 * packet.
 */
static int
field_take(struct conn *c, size_t at, size_t skip)
{
	const char *name, *value, *end = c->packet.data + c->packet.len;
	struct buf all = BUF_INIT;
	int rc;

	name = c->packet.data + (c->packet.len < skip ? 0 : skip);
	value = name + strnlen(name, (size_t)(end - name)) + 1;
	if (c->packet.len < skip || value >= end ||
	    memchr(value, '\0', (size_t)(end - value)) == NULL)
		return err_set(c->err, ERR_INPUT,
		    "the milter adds a malformed header field");
	buf_printf(&all, "%s:%s%s", name,
	    (c->steps & LEADING_SPACE) != 0 ? "" : " ", value);
	rc = all.has_failed ? err_nomem(c->err)
	                    : field_insert(c, at, all.data, all.len);
	c->result->added++;
	buf_clear(&all);
	return rc;
}

/* End of message: changes, then the verdict.  Returns 0 or -1. */
static int
send_end(struct conn *c, const struct milter_mail *m)
{
	const struct macro data[] = { { "i", m->qid }, { NULL, NULL } };
	uint32_t at = 0;
	char command = '\0';
	int rc = 0;

	put_macros(c, 'E', data);
	put(c, 'E', "", 0);
	while (rc == 0) {
		if (get(c, &command) == -1)
			return -1;
		if (command == 'h') {
			rc = field_take(c, c->field_count, 0);
		} else if (command == 'i') {
			if (c->packet.len >= sizeof(at))
				memcpy(&at, c->packet.data, sizeof(at));
			rc = field_take(c, ntohl(at), sizeof(at));
		} else {
			return judge(c, command) == -1 ? -1 : 0;
		}
	}
	return rc;
}

/* The message as it leaves the MTA: LF in fields has become CRLF. */
static int
build_message(struct conn *c, const struct milter_mail *m)
{
	struct buf *out = &c->result->message;

	for (size_t i = 0; i < c->field_count; i++) {
		for (const char *p = c->fields[i]; *p != '\0'; p++) {
			if (*p == '\n')
				buf_addc(out, '\r');
			buf_addc(out, *p);
		}
		buf_adds(out, "\r\n");
	}
	buf_adds(out, "\r\n");
	buf_adds(out, m->body);
	return out->has_failed ? err_nomem(c->err) : 0;
}

static int
converse(struct conn *c, const struct milter_mail *m)
{
	int rc;

	if (field_insert(c, 0, m->received, strlen(m->received)) == -1)
		return -1;
	for (size_t i = 0; m->fields[i] != NULL; i++)
		if (field_insert(c, c->field_count, m->fields[i],
		        strlen(m->fields[i])) == -1)
			return -1;
	if (negotiate(c) == -1)
		return -1;
	rc = send_connect(c, m);
	if (rc > 0)
		rc = send_envelope(c, m);
	if (rc > 0)
		rc = send_content(c, m);
	if (rc > 0)
		rc = send_end(c, m);
	if (rc == -1)
		return -1;
	put(c, 'Q', "", 0);
	(void)flush(c); /* the verdict is there */
	return build_message(c, m);
}

int
milter_send(const char *spec, const struct milter_mail *mail, int timeout_s,
    struct milter_result *out, struct err *err)
{
	struct conn c = {
		.fd = -1, .timeout_s = timeout_s, .result = out, .err = err
	};
	int saved, rc;

	rc = open_spec(&c, spec);
	saved = errno;
	if (rc == 0) {
		rc = converse(&c, mail);
		saved = errno;
	}
	if (c.fd != -1)
		close(c.fd);
	for (size_t i = 0; i < c.field_count; i++)
		free(c.fields[i]);
	buf_clear(&c.out);
	buf_clear(&c.packet);
	errno = saved;
	return rc;
}

void
milter_result_clear(struct milter_result *r)
{
	buf_clear(&r->message);
}
