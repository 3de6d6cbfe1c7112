/*
 * A milter connection from the MTA's side.  Blocking, one thread each.  Knows
 * of DKIM only the name of its field.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "mta.h"

enum {
	CHUNK_LEN = 65535, /* of a body, at most */
	IN_SIZE = 65536,
	PACKET_MAX = 4 << 20, /* far above what a milter sends */
};

/* Steps that a milter may do without (not sent), or not answer. */
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
	ALL_ACTIONS = 0x1ff,
	PROTOCOL_VERSION = 6,
};

const char *
outcome_name(enum outcome o)
{
	static const char *const names[OUTCOME_COUNT] = { "signed", "unsigned",
		"tempfail", "reject", "lost" };

	return names[o];
}

int64_t
mta_now_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		abort(); /* cannot be */
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void
mta_init(struct mta *m, const char *spec, int timeout, size_t write_len)
{
	*m = (struct mta){
		.spec = spec,
		.timeout = timeout,
		.write_len = write_len,
		.fd = -1,
	};
}

/* Opening. */

static int
open_unix(const char *path, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return err_set(err, ERR_INPUT, "%s: name too long", path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd == -1)
		return err_errno(err, "socket");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		err_errno(err, "%s", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* port@host, or port for this machine. */
static int
open_inet(const char *spec, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	const char *at = strchr(spec, '@');
	const char *host = at ? at + 1 : "localhost";
	char port[16];
	int fd = -1, one = 1, problem;

	snprintf(port, sizeof(port), "%.*s", (int)strcspn(spec, "@"), spec);
	problem = getaddrinfo(host, port, &hints, &list);
	if (problem != 0)
		return err_set(err, ERR_IO, "%s: %s", spec,
		    gai_strerror(problem));
	for (struct addrinfo *ai = list; ai && fd == -1; ai = ai->ai_next) {
		fd = socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol);
		if (fd == -1 || connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
			continue;
		err_errno(err, "%s", spec);
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	if (fd != -1)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int
socket_open(struct mta *m, struct err *err)
{
	struct timeval limit = { .tv_sec = m->timeout };
	const char *rest = strchr(m->spec, ':');

	if (rest != NULL && strncmp(m->spec, "inet", 4) == 0)
		m->fd = open_inet(rest + 1, err);
	else
		m->fd = open_unix(rest ? rest + 1 : m->spec, err);
	if (m->fd == -1)
		return -1;
	if (setsockopt(m->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ==
	        -1 ||
	    setsockopt(m->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ==
	        -1)
		return err_errno(err, "setsockopt");
	return 0;
}

/* Bytes out and in. */

static int
write_all(struct mta *m, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = send(m->fd, data, len, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(err, "send");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
flush(struct mta *m, struct err *err)
{
	size_t len = m->out.len;

	if (m->out.has_failed)
		return err_nomem(err);
	buf_reset(&m->out);
	return write_all(m, m->out.data, len, err);
}

/* Add to the buffer and write it whenever it is full. */
static int
put(struct mta *m, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len > 0) {
		size_t room = m->write_len - m->out.len;
		size_t part = len < room ? len : room;

		buf_add(&m->out, p, part);
		p += part;
		len -= part;
		if (m->out.len == m->write_len && flush(m, err) == -1)
			return -1;
	}
	return 0;
}

static int
put_head(struct mta *m, char command, size_t len, struct err *err)
{
	char head[5];
	uint32_t n = htonl((uint32_t)len + 1);

	memcpy(head, &n, 4);
	head[4] = command;
	return put(m, head, sizeof(head), err);
}

static int
put_packet(struct mta *m, char command, const void *data, size_t len,
    struct err *err)
{
	if (put_head(m, command, len, err) == -1)
		return -1;
	return put(m, data, len, err);
}

/* Take exactly len received bytes; to may be NULL. */
static int
take(struct mta *m, char *to, size_t len, struct err *err)
{
	while (len > 0) {
		size_t part = m->in_len - m->in_at;

		if (part == 0) {
			ssize_t n = recv(m->fd, m->in, IN_SIZE, 0);

			if (n == -1 && errno == EINTR)
				continue;
			if (n == -1)
				return err_errno(err, "receive");
			if (n == 0)
				return err_set(err, ERR_IO,
				    "connection closed by the milter");
			m->in_len = (size_t)n;
			m->in_at = 0;
			continue;
		}
		if (part > len)
			part = len;
		memcpy(to, m->in + m->in_at, part);
		m->in_at += part;
		to += part;
		len -= part;
	}
	return 0;
}

/* Receive a packet into m->packet, past progress notes; its command. */
static int
get(struct mta *m, char *command, struct err *err)
{
	uint32_t n;

	if (flush(m, err) == -1)
		return -1;
	do {
		if (take(m, (char *)&n, sizeof(n), err) == -1)
			return -1;
		n = ntohl(n);
		if (n == 0 || n > PACKET_MAX)
			return err_set(err, ERR_INPUT, "packet of %u bytes",
			    (unsigned)n);
		buf_reset(&m->packet);
		if (take(m, command, 1, err) == -1)
			return -1;
		for (char part[4096]; n > 1;) {
			size_t len =
			    n - 1 < sizeof(part) ? n - 1 : sizeof(part);

			if (take(m, part, len, err) == -1)
				return -1;
			buf_add(&m->packet, part, len);
			n -= (uint32_t)len;
		}
	} while (*command == 'p');
	/* A NUL behind it: strings in it end, whatever it is. */
	if (buf_str(&m->packet) == NULL)
		return err_nomem(err);
	return 0;
}

/* Steps. */

static int
negotiate(struct mta *m, struct err *err)
{
	uint32_t offer[3] = { htonl(PROTOCOL_VERSION), htonl(ALL_ACTIONS),
		htonl(ALL_STEPS) };
	uint32_t answer[3];
	char command;

	if (put_packet(m, 'O', offer, sizeof(offer), err) == -1 ||
	    get(m, &command, err) == -1)
		return -1;
	if (command != 'O' || m->packet.len < sizeof(answer))
		return err_set(err, ERR_INPUT, "no negotiation");
	memcpy(answer, m->packet.data, sizeof(answer));
	m->steps = ntohl(answer[2]);
	return 0;
}

/* Macros of a step: strings in pairs, each with its NUL. */
static int
macros(struct mta *m, char command, const char *pairs, size_t len,
    struct err *err)
{
	if (put_head(m, 'D', len + 1, err) == -1 ||
	    put(m, &command, 1, err) == -1)
		return -1;
	return put(m, pairs, len, err);
}

/* What an answer to a step means; OUTCOME_COUNT: go on. */
static enum outcome
outcome_of(char command, const struct buf *packet)
{
	switch (command) {
	case 'c':
	case 's':
		return OUTCOME_COUNT;
	case 'a':
		return OUTCOME_UNSIGNED;
	case 't':
		return OUTCOME_TEMPFAIL;
	case 'y':
		return packet->len > 0 && packet->data[0] == '4'
		    ? OUTCOME_TEMPFAIL
		    : OUTCOME_REJECT;
	default:
		return OUTCOME_REJECT;
	}
}

/*
 * Send a step, unless the milter does without it, and take its answer, unless
 * the milter gave that up.  *skip, if given, becomes true when the milter
 * needs no more of its kind.  Returns 1 to go on, 0 with r->outcome set, -1.
 */
static int
step(struct mta *m, char command, uint32_t no_step, uint32_t no_reply,
    const void *data, size_t len, struct mta_result *r, struct err *err)
{
	char answer;

	if (m->steps & no_step)
		return 1;
	if (put_packet(m, command, data, len, err) == -1)
		return -1;
	if (m->steps & no_reply)
		return 1;
	if (get(m, &answer, err) == -1)
		return -1;
	r->outcome = outcome_of(answer, &m->packet);
	if (r->outcome != OUTCOME_COUNT)
		return 0;
	return answer == 's' ? 2 : 1;
}

/* Strings with all their NULs as step() and macros() want them. */
#define STRINGS(s) s, sizeof(s)

/* Open, negotiate, and the start of an SMTP session.  As step(). */
static int
connect_steps(struct mta *m, struct mta_result *r, struct err *err)
{
	static const char from[] = "localhost\0004\234\100127.0.0.1";
	int go_on;

	m->in_len = m->in_at = 0;
	m->has_ended = false;
	buf_reset(&m->out);
	if (socket_open(m, err) == -1 || negotiate(m, err) == -1)
		return -1;
	if (macros(m, 'C',
	        STRINGS("j\0mx.example.net\0{daemon_name}\0smtpd\0"
	                "v\0Postfix 3.7.11"),
	        err) == -1)
		return -1;
	go_on = step(m, 'C', WITHOUT_CONNECT, UNANSWERED_CONNECT, STRINGS(from),
	    r, err);
	if (go_on > 0)
		go_on = step(m, 'H', WITHOUT_HELO, UNANSWERED_HELO,
		    STRINGS("client.example.net"), r, err);
	if (go_on == 0)
		m->has_ended = true;
	return go_on;
}

/* MAIL to DATA.  Macros go out for steps that are not sent, too. */
static int
envelope_steps(struct mta *m, const struct mail *mail, const char *qid,
    struct mta_result *r, struct err *err)
{
	char sender[300];
	int len = snprintf(sender, sizeof(sender), "<user@%s>", mail->domain);
	int go_on;

	if (len >= (int)sizeof(sender))
		return err_set(err, ERR_INPUT, "%s: too long", mail->domain);
	if (macros(m, 'M',
	        STRINGS("{mail_mailer}\0smtp\0{mail_host}\0example.org\0"
	                "{mail_addr}\0user"),
	        err) == -1)
		return -1;
	go_on = step(m, 'M', WITHOUT_MAIL, UNANSWERED_MAIL, sender,
	    (size_t)len + 1, r, err);
	if (go_on <= 0)
		return go_on;
	if (macros(m, 'R',
	        STRINGS("{rcpt_mailer}\0smtp\0{rcpt_host}\0example.org\0"
	                "{rcpt_addr}\0else@example.org"),
	        err) == -1)
		return -1;
	go_on = step(m, 'R', WITHOUT_RCPT, UNANSWERED_RCPT,
	    STRINGS("<else@example.org>"), r, err);
	if (go_on <= 0)
		return go_on;
	if (macros(m, 'T', qid, strlen(qid + 2) + 3, err) == -1)
		return -1;
	go_on = step(m, 'T', WITHOUT_DATA, UNANSWERED_DATA, "", 0, r, err);
	if (go_on <= 0)
		return go_on;
	/* Here smtpd hands the connection on to cleanup. */
	return flush(m, err) == -1 ? -1 : 1;
}

static int
header_steps(struct mta *m, const struct mail *mail, const char *qid,
    struct mta_result *r, struct err *err)
{
	const char *p = mail->fields.data, *end = p + mail->fields.len;
	bool has_space = m->steps & LEADING_SPACE;
	char field[4096];
	int go_on;

	while (p < end) {
		size_t name_len = strlen(p) + 1;
		const char *value = p + name_len + (has_space ? 0 : 1);
		size_t value_len = strlen(value) + 1;

		if (name_len + value_len > sizeof(field))
			return err_set(err, ERR_INPUT, "%s: too long", p);
		memcpy(field, p, name_len);
		memcpy(field + name_len, value, value_len);
		go_on = step(m, 'L', WITHOUT_HEADER, UNANSWERED_HEADER, field,
		    name_len + value_len, r, err);
		if (go_on <= 0)
			return go_on;
		p = value + value_len;
	}
	if (macros(m, 'N', qid, strlen(qid + 2) + 3, err) == -1)
		return -1;
	return step(m, 'N', WITHOUT_EOH, UNANSWERED_EOH, "", 0, r, err);
}

/* Chunks as MTAs cut them: anywhere, the first line in the first chunk. */
static int
body_steps(struct mta *m, const struct mail *mail, struct mta_result *r,
    struct err *err)
{
	size_t at = 0, len = mail->first_len + mail->rest_len;
	char chunk[CHUNK_LEN];
	int go_on = 1;

	while (at < len && go_on == 1) {
		size_t part = len - at < CHUNK_LEN ? len - at : CHUNK_LEN;
		size_t own = at == 0 ? mail->first_len : 0;

		memcpy(chunk, mail->first_line, own);
		memcpy(chunk + own, mail->rest + (at + own - mail->first_len),
		    part - own);
		go_on = step(m, 'B', WITHOUT_BODY, UNANSWERED_BODY, chunk, part,
		    r, err);
		at += part;
	}
	return go_on;
}

/* A field that the milter adds: name NUL value NUL, put above the others. */
static int
inserted_add(const struct mta *m, size_t at, struct mta_result *r,
    struct err *err)
{
	struct buf all = BUF_INIT;
	const char *name = m->packet.data + at, *value;

	if (m->packet.len < at || strlen(name) + 1 >= m->packet.len - at)
		return err_set(err, ERR_INPUT, "a malformed field");
	value = name + strlen(name) + 1;
	if (strcasecmp(name, "DKIM-Signature") == 0)
		r->signatures++;
	buf_adds(&all, name);
	buf_addc(&all, ':');
	if (!(m->steps & LEADING_SPACE))
		buf_addc(&all, ' ');
	for (; *value != '\0'; value++) {
		if (*value == '\n' && all.data[all.len - 1] != '\r')
			buf_addc(&all, '\r');
		buf_addc(&all, *value);
	}
	buf_add(&all, "\r\n", 2);
	buf_add(&all, r->inserted.data, r->inserted.len);
	buf_clear(&r->inserted);
	r->inserted = all;
	return all.has_failed ? err_nomem(err) : 0;
}

/* End of message: changes, then the verdict. */
static int
end_step(struct mta *m, const char *qid, struct mta_result *r, struct err *err)
{
	char command;

	if (macros(m, 'E', qid, strlen(qid + 2) + 3, err) == -1 ||
	    put_packet(m, 'E', "", 0, err) == -1 || flush(m, err) == -1)
		return -1;
	r->asked_ns = mta_now_ns();
	for (;;) {
		if (get(m, &command, err) == -1)
			return -1;
		if (command == 'i' && inserted_add(m, 4, r, err) == -1)
			return -1;
		if (command == 'h' && inserted_add(m, 0, r, err) == -1)
			return -1;
		if (strchr("catdry4", command) != NULL)
			break;
		if (strchr("ihm+-2eqb", command) == NULL)
			return err_set(err, ERR_INPUT,
			    "an answer that does not exist: 0x%02x",
			    (unsigned char)command);
	}
	r->outcome =
	    command == 'c' ? OUTCOME_UNSIGNED : outcome_of(command, &m->packet);
	if (r->outcome == OUTCOME_UNSIGNED && r->signatures > 0)
		r->outcome = OUTCOME_SIGNED;
	return 0;
}

/* The message itself, the connection being open. */
static int
message_steps(struct mta *m, const struct mail *mail, struct mta_result *r,
    struct err *err)
{
	char qid[2 + 17] = "i"; /* the name and the value of one macro */
	int go_on;

	snprintf(qid + 2, sizeof(qid) - 2, "%016llX",
	    (unsigned long long)mail->id);
	go_on = envelope_steps(m, mail, qid, r, err);
	if (go_on > 0)
		go_on = header_steps(m, mail, qid, r, err);
	if (go_on > 0)
		go_on = body_steps(m, mail, r, err);
	if (go_on > 0)
		return end_step(m, qid, r, err);
	if (go_on == 0 && put_packet(m, 'A', "", 0, err) == -1)
		go_on = -1;
	return go_on;
}

int
mta_send(struct mta *m, const struct mail *mail, struct mta_result *r,
    struct err *err)
{
	int go_on = 1;

	r->signatures = 0;
	buf_reset(&r->inserted);
	r->mail_ns = r->asked_ns = mta_now_ns();
	if (m->in == NULL && (m->in = malloc(IN_SIZE)) == NULL)
		return err_nomem(err);
	if (m->fd == -1)
		go_on = connect_steps(m, r, err);
	r->mail_ns = r->asked_ns = mta_now_ns();
	if (go_on > 0)
		go_on = message_steps(m, mail, r, err);
	r->answered_ns = mta_now_ns();
	if (go_on == -1) {
		r->outcome = OUTCOME_LOST;
		if (m->fd != -1)
			close(m->fd);
		m->fd = -1;
		return -1;
	}
	if (m->has_ended)
		mta_close(m);
	return 0;
}

void
mta_close(struct mta *m)
{
	struct err err;

	if (m->fd == -1)
		return;
	if (put_packet(m, 'Q', "", 0, &err) == 0)
		(void)flush(m, &err);
	close(m->fd);
	m->fd = -1;
}

void
mta_clear(struct mta *m)
{
	mta_close(m);
	free(m->in);
	buf_clear(&m->out);
	buf_clear(&m->packet);
	m->in = NULL;
}

void
mta_result_clear(struct mta_result *r)
{
	buf_clear(&r->inserted);
}
