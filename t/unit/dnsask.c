/*
 * Answers from hostile servers: packets made by hand after RFC 1035 section 4,
 * cut at every byte and changed in every byte, and servers on loopback that
 * answer late, wrongly, in drops or too much.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#include "../../common/monotime.h"
#include "../../ctl/dnsask.h"
#include "tap.h"

#define NAME "k1._domainkey.example.com"

static const struct dns_question question = { .name = NAME,
	.type = LDNS_RR_TYPE_TXT };

/* A packet being put together. */
struct packet {
	uint8_t wire[4096];
	size_t len;
};

static void
put(struct packet *p, const void *data, size_t len)
{
	memcpy(p->wire + p->len, data, len);
	p->len += len;
}

/* Bytes of a string literal, without its NUL. */
#define PUT(p, s) put((p), (s), sizeof(s) - 1)

/* The question of query, flags and counts of the sections. */
static void
begin(struct packet *p, const struct dns_query *query, const char *flags,
    uint8_t answers, uint8_t authorities)
{
	p->len = 0;
	put(p, query->wire, 2);
	put(p, flags, 2);
	PUT(p, "\0\1");
	put(p, (const uint8_t[]){ 0, answers, 0, authorities, 0, 0 }, 6);
	put(p, query->wire + 12, query->question_end - 12);
}

/* An answer: one TXT record of two strings. */
static void
good_answer(struct packet *p, const struct dns_query *query)
{
	begin(p, query, "\x84\0", 1, 0);
	PUT(p, "\xc0\x0c\0\x10\0\1\0\0\x0e\x10\0\x08\3abc\3def");
}

/* A denial: SOA and NSEC. */
static void
negative_answer(struct packet *p, const struct dns_query *query)
{
	begin(p, query, "\x84\3", 0, 2);
	/* SOA of example.com, TTL 500, minimum 600 */
	PUT(p, "\xc0\x1a\0\6\0\1\0\0\1\xf4\0\x18\xc0\x1a\xc0\x1a");
	PUT(p, "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\2\x58");
	/* NSEC, TTL 550 */
	PUT(p, "\xc0\x1a\0\x2f\0\1\0\0\2\x26\0\5\xc0\x1a\0\1\x40");
}

static void
test_good(const struct dns_query *query)
{
	struct packet p;
	struct buf text = BUF_INIT;
	ldns_pkt *pkt = NULL;
	const ldns_rr *rr;

	good_answer(&p, query);
	is_int(dnswire_answer(query, p.wire, p.len, &pkt), DNSWIRE_GOOD,
	    "a good answer");
	rr = ldns_rr_list_rr(ldns_pkt_answer(pkt), 0);
	ok(dnswire_is(rr, LDNS_RR_TYPE_TXT, NAME), "its owner and type");
	dnswire_txt(rr, &text);
	is_str(buf_str(&text), "abcdef", "its strings, joined");
	is_int(dnswire_ttl(rr), 3600, "its TTL");
	is_int(dnswire_negative_ttl(pkt), -1, "nothing is denied");
	buf_clear(&text);
	ldns_pkt_free(pkt);

	negative_answer(&p, query);
	is_int(dnswire_answer(query, p.wire, p.len, &pkt), DNSWIRE_GOOD,
	    "a denial");
	is_int(dnswire_negative_ttl(pkt), 550,
	    "the larger of min(minimum, TTL) and NSEC");
	is_int(dnswire_soa_minimum(pkt), 600, "the minimum by itself");
	ldns_pkt_free(pkt);
}

/* Read everything that the tool reads from an answer. */
static void
read_all_of(ldns_pkt *pkt)
{
	const ldns_rr_list *sections[] = { ldns_pkt_answer(pkt),
		ldns_pkt_authority(pkt), ldns_pkt_additional(pkt) };
	char name[DNSWIRE_NAME_MAX] = NAME, rcode[16];
	struct dns_address address;
	struct buf text = BUF_INIT;

	dnswire_negative_ttl(pkt);
	dnswire_soa_minimum(pkt);
	dnswire_rcode(pkt, rcode);
	dnswire_follow(ldns_pkt_answer(pkt), name);
	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0; i < ldns_rr_list_rr_count(sections[s]);
		     i++) {
			const ldns_rr *rr = ldns_rr_list_rr(sections[s], i);

			dnswire_is(rr, LDNS_RR_TYPE_TXT, NAME);
			dnswire_target(rr, 0, name);
			dnswire_txt(rr, &text);
			dnswire_ttl(rr);
			dns_address_of_rr(rr, &address);
		}
	}
	buf_clear(&text);
}

/* Whether it was taken as an answer. */
static bool
try_packet(const struct dns_query *query, const uint8_t *wire, size_t len)
{
	/* A copy of its own: reading past the end is then noticed. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	ldns_pkt *pkt = NULL;
	bool taken;

	memcpy(copy, wire, len);
	taken = dnswire_answer(query, copy, len, &pkt) == DNSWIRE_GOOD;
	if (taken)
		read_all_of(pkt);
	ldns_pkt_free(pkt);
	free(copy);
	return taken;
}

static void
test_cuts_and_changes(const struct dns_query *query,
    void (*make)(struct packet *, const struct dns_query *), const char *name)
{
	struct packet p;
	size_t taken = 0, wrongly = 0;

	make(&p, query);
	for (size_t len = 0; len < p.len; len++)
		taken += try_packet(query, p.wire, len);
	is_int((long long)taken, 0, "no cut of it is taken");
	for (size_t at = 0; at < p.len; at++) {
		uint8_t was = p.wire[at];

		for (unsigned value = 0; value < 256; value++) {
			p.wire[at] = (uint8_t)value;
			taken = try_packet(query, p.wire, p.len);
			/* id, type and class of the question */
			if (value != was && taken > 0 &&
			    (at < 2 ||
			        (at >= query->question_end - 4 &&
			            at < query->question_end)))
				wrongly++;
		}
		p.wire[at] = was;
	}
	is_int((long long)wrongly, 0, name);
}

/* What cannot be read, or is no answer to us. */
static void
test_refused(const struct dns_query *query)
{
	static const struct {
		const char *name, *tail;
		size_t len;
		enum dnswire_check want;
	} cases[] = {
#define TAIL(s) s, sizeof(s) - 1
		{ "a name that points at itself",
		    TAIL("\xc0\x2b\0\x10\0\1\0\0\0\1\0\2\1a"),
		    DNSWIRE_MALFORMED },
		{ "a name that points ahead",
		    TAIL("\xc0\x40\0\x10\0\1\0\0\0\1\0\2\1a"),
		    DNSWIRE_MALFORMED },
		{ "a name that points past the end",
		    TAIL("\xff\xff\0\x10\0\1\0\0\0\1\0\2\1a"),
		    DNSWIRE_MALFORMED },
		{ "a label type of the future",
		    TAIL("\x80\x0c\0\x10\0\1\0\0\0\1\0\2\1a"),
		    DNSWIRE_MALFORMED },
		{ "a string longer than its record",
		    TAIL("\xc0\x0c\0\x10\0\1\0\0\0\1\0\2\xff"
		         "a"),
		    DNSWIRE_MALFORMED },
		{ "a record longer than the packet",
		    TAIL("\xc0\x0c\0\x10\0\1\0\0\0\1\xff\xff\1a"),
		    DNSWIRE_MALFORMED },
		{ "fewer records than it says", TAIL(""), DNSWIRE_MALFORMED },
	};
	struct packet p;
	ldns_pkt *pkt;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&p, query, "\x84\0", 1, 0);
		put(&p, cases[i].tail, cases[i].len);
		is_int(dnswire_answer(query, p.wire, p.len, &pkt),
		    cases[i].want, cases[i].name);
		ldns_pkt_free(pkt);
	}
	/* Two names that point at each other. */
	begin(&p, query, "\x84\0", 2, 0);
	PUT(&p, "\xc0\x37\0\x10\0\1\0\0\0\1\0\0");
	PUT(&p, "\xc0\x2b\0\x10\0\1\0\0\0\1\0\0");
	is_int(dnswire_answer(query, p.wire, p.len, &pkt), DNSWIRE_MALFORMED,
	    "names that point at each other");
	ldns_pkt_free(pkt);
	good_answer(&p, query);
	p.wire[2] &= 0x7f;
	is_int(dnswire_answer(query, p.wire, p.len, &pkt), DNSWIRE_STRANGER,
	    "a question instead of an answer");
	good_answer(&p, query);
	p.wire[13] = 'K';
	is_int(dnswire_answer(query, p.wire, p.len, &pkt), DNSWIRE_GOOD,
	    "letter case of the question");
	ldns_pkt_free(pkt);
	good_answer(&p, query);
	p.wire[13] = 'j';
	is_int(dnswire_answer(query, p.wire, p.len, &pkt), DNSWIRE_STRANGER,
	    "another name in the question");
}

static void
test_odd(const struct dns_query *query)
{
	static const struct {
		const char *name, *ttl;
		int want;
	} ttls[] = {
		{ "TTL 0", "\0\0\0\0", 0 },
		{ "a week", "\x00\x09\x3a\x80", 604800 },
		{ "over a week", "\x00\x09\x3a\x81", 604800 },
		{ "with its first bit set it is 0", "\x80\0\0\1", 0 },
	};
	struct packet p;
	ldns_pkt *pkt;

	begin(&p, query, "\x86\0", 200, 200);
	PUT(&p, "\xc0\x2b\xc0\x2b nonsense");
	is_int(dnswire_answer(query, p.wire, p.len, &pkt), DNSWIRE_GOOD,
	    "of a truncated answer only the question is read");
	is_int(ldns_pkt_ancount(pkt), 0, "and no record is in it");
	ldns_pkt_free(pkt);
	begin(&p, query, "\x80\1", 0, 0);
	memset(p.wire + 4, 0, 2);
	is_int(dnswire_answer(query, p.wire, 12, &pkt), DNSWIRE_GOOD,
	    "FORMERR without the question");
	ldns_pkt_free(pkt);
	p.wire[3] = 0;
	is_int(dnswire_answer(query, p.wire, 12, &pkt), DNSWIRE_STRANGER,
	    "but not NOERROR without the question");
	for (size_t i = 0; i < sizeof(ttls) / sizeof(ttls[0]); i++) {
		good_answer(&p, query);
		memcpy(p.wire + query->question_end + 6, ttls[i].ttl, 4);
		if (dnswire_answer(query, p.wire, p.len, &pkt) == DNSWIRE_GOOD)
			is_int(dnswire_ttl(ldns_rr_list_rr(ldns_pkt_answer(pkt),
			           0)),
			    ttls[i].want, ttls[i].name);
		ldns_pkt_free(pkt);
	}
}

/* How a server on loopback treats a question. */
enum manner {
	MANNER_GOOD,
	MANNER_STRANGERS, /* wrong id, wrong question, then the answer */
	MANNER_FLOOD,     /* strangers for ever */
	MANNER_NO_EDNS,   /* FORMERR unless asked without */
	MANNER_TRUNCATED,
	MANNER_GARBAGE,
	MANNER_SILENT,
	MANNER_DROPS,  /* TCP: byte by byte */
	MANNER_HANGUP, /* TCP: half the answer */
	MANNER_LIES,   /* TCP: more promised than sent, then silence */
	MANNER_OTHER,  /* TCP: the answer to something else */
};

struct server {
	enum manner udp, tcp;
	int udp_fd, tcp_fd;
	struct dns_address at;
	pthread_t udp_thread, tcp_thread;
};

static void
answer_of(const uint8_t *wire, size_t len, struct packet *p)
{
	struct dns_query query = { .len = len };
	size_t at = 12;

	memcpy(query.wire, wire, len);
	while (wire[at] != 0)
		at += 1 + (size_t)wire[at];
	query.question_end = at + 5;
	good_answer(p, &query);
}

static void
answer_udp(const struct server *s, const uint8_t *wire, size_t len,
    const struct sockaddr *to, socklen_t to_len)
{
	struct packet p;

	answer_of(wire, len, &p);
	if (s->udp == MANNER_NO_EDNS && wire[11] != 0) {
		p.wire[3] = 1;
		memset(p.wire + 4, 0, 8);
		p.len = 12;
	} else if (s->udp == MANNER_TRUNCATED)
		p.wire[2] |= 2;
	else if (s->udp == MANNER_GARBAGE)
		p.len -= 3;
	else if (s->udp == MANNER_STRANGERS || s->udp == MANNER_FLOOD) {
		for (int i = s->udp == MANNER_FLOOD ? 20000 : 1; i > 0; i--) {
			p.wire[0] ^= 1;
			sendto(s->udp_fd, p.wire, p.len, 0, to, to_len);
			p.wire[0] ^= 1;
			p.wire[14] ^= 1;
			sendto(s->udp_fd, p.wire, p.len, 0, to, to_len);
			p.wire[14] ^= 1;
			sendto(s->udp_fd, "", 0, 0, to, to_len);
		}
	}
	if (s->udp != MANNER_SILENT && s->udp != MANNER_FLOOD)
		sendto(s->udp_fd, p.wire, p.len, 0, to, to_len);
}

static void *
serve_udp(void *arg)
{
	const struct server *s = arg;
	uint8_t wire[DNSWIRE_QUERY_MAX];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	/* A question of one byte ends it. */
	while ((n = recvfrom(s->udp_fd, wire, sizeof(wire), 0,
	            (struct sockaddr *)&from, &from_len)) > 1) {
		answer_udp(s, wire, (size_t)n, (struct sockaddr *)&from,
		    from_len);
		from_len = sizeof(from);
	}
	return NULL;
}

static void
answer_tcp(const struct server *s, int fd, const uint8_t *wire, size_t len)
{
	struct packet p, out = { .len = 0 };
	uint8_t size[2];

	answer_of(wire, len, &p);
	if (s->tcp == MANNER_OTHER)
		p.wire[0] ^= 1;
	size[0] = (uint8_t)(p.len >> 8);
	size[1] = (uint8_t)(p.len + (s->tcp == MANNER_LIES ? 9 : 0));
	put(&out, size, 2);
	put(&out, p.wire, s->tcp == MANNER_HANGUP ? p.len / 2 : p.len);
	if (s->tcp == MANNER_DROPS) {
		for (size_t i = 0; i < out.len; i++) {
			send(fd, out.wire + i, 1, MSG_NOSIGNAL);
			usleep(500);
		}
	} else
		send(fd, out.wire, out.len, MSG_NOSIGNAL);
	if (s->tcp == MANNER_LIES)
		recv(fd, size, 1, 0); /* until the other end has enough */
}

static void *
serve_tcp(void *arg)
{
	const struct server *s = arg;
	uint8_t wire[2 + DNSWIRE_QUERY_MAX];
	ssize_t n;
	int fd;

	while ((fd = accept(s->tcp_fd, NULL, NULL)) != -1) {
		n = recv(fd, wire, sizeof(wire), 0);
		if (n > 2 + 12)
			answer_tcp(s, fd, wire + 2, (size_t)n - 2);
		close(fd);
	}
	return NULL;
}

static void
server_start(struct server *s)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	char text[40];
	bool is_good;

	s->udp_fd = socket(AF_INET, SOCK_DGRAM, 0);
	s->tcp_fd = socket(AF_INET, SOCK_STREAM, 0);
	is_good = bind(s->tcp_fd, (struct sockaddr *)&sin, len) == 0 &&
	    getsockname(s->tcp_fd, (struct sockaddr *)&sin, &len) == 0 &&
	    bind(s->udp_fd, (struct sockaddr *)&sin, len) == 0 &&
	    listen(s->tcp_fd, 8) == 0;
	snprintf(text, sizeof(text), "127.0.0.1@%u", ntohs(sin.sin_port));
	if (!is_good || !dns_address_parse(text, &s->at)) {
		printf("Bail out! no server on loopback\n");
		exit(1);
	}
	pthread_create(&s->udp_thread, NULL, serve_udp, s);
	pthread_create(&s->tcp_thread, NULL, serve_tcp, s);
}

static void
server_stop(struct server *s)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	sendto(fd, "x", 1, 0, (struct sockaddr *)&s->at.sa, s->at.len);
	close(fd);
	shutdown(s->tcp_fd, SHUT_RDWR);
	pthread_join(s->udp_thread, NULL);
	pthread_join(s->tcp_thread, NULL);
	close(s->udp_fd);
	close(s->tcp_fd);
}

static void
test_servers(void)
{
	static const struct {
		const char *name, *text;
		enum manner udp, tcp;
		enum dnsask_state want;
		bool by_tcp, is_truncated;
	} cases[] = {
		{ "UDP", "", MANNER_GOOD, MANNER_GOOD, DNSASK_ANSWERED, false,
		    false },
		{ "TCP", "", MANNER_GOOD, MANNER_GOOD, DNSASK_ANSWERED, true,
		    false },
		{ "strangers first", "", MANNER_STRANGERS, MANNER_GOOD,
		    DNSASK_ANSWERED, false, false },
		{ "strangers only", "no answer by UDP within 0.3 s",
		    MANNER_FLOOD, MANNER_GOOD, DNSASK_TIMEOUT, false, false },
		{ "silence", "no answer by UDP within 0.3 s", MANNER_SILENT,
		    MANNER_GOOD, DNSASK_TIMEOUT, false, false },
		{ "no EDNS there", "", MANNER_NO_EDNS, MANNER_GOOD,
		    DNSASK_ANSWERED, false, false },
		{ "truncated", "", MANNER_TRUNCATED, MANNER_GOOD,
		    DNSASK_ANSWERED, false, true },
		{ "truncated, and TCP hangs up",
		    "no answer by TCP: ", MANNER_TRUNCATED, MANNER_HANGUP,
		    DNSASK_REFUSED, false, true },
		{ "garbage", "an answer by UDP that cannot be read",
		    MANNER_GARBAGE, MANNER_GOOD, DNSASK_MALFORMED, false,
		    false },
		{ "byte by byte", "", MANNER_GOOD, MANNER_DROPS,
		    DNSASK_ANSWERED, true, false },
		{ "half an answer", "no answer by TCP: ", MANNER_GOOD,
		    MANNER_HANGUP, DNSASK_REFUSED, true, false },
		{ "more promised than sent", "no answer by TCP within 0.3 s",
		    MANNER_GOOD, MANNER_LIES, DNSASK_TIMEOUT, true, false },
		{ "another id by TCP", "an answer by TCP to another question",
		    MANNER_GOOD, MANNER_OTHER, DNSASK_MALFORMED, true, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct server s = { .udp = cases[i].udp, .tcp = cases[i].tcp };
		struct dns_question q = question;
		struct dns_answer a;

		server_start(&s);
		q.by_tcp = cases[i].by_tcp;
		dnsask(&s.at, &q, 300, &a);
		is_int(a.state, cases[i].want, cases[i].name);
		is_int(a.is_truncated, cases[i].is_truncated, "truncated");
		if (!ok(strncmp(a.text, cases[i].text, strlen(cases[i].text)) ==
		                0 &&
		            (a.text[0] == '\0') == (cases[i].text[0] == '\0'),
		        "the text"))
			tap_show("got", a.text, strlen(a.text));
		ok((a.pkt != NULL) == (cases[i].want == DNSASK_ANSWERED),
		    "a packet only with an answer");
		dns_answer_clear(&a);
		server_stop(&s);
	}
}

static void
test_addresses(void)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1@53", "192.0.2.1" },
		{ "192.0.2.1@5300", "192.0.2.1@5300" },
		{ "2001:DB8::0001", "2001:db8::1" },
		{ "2001:db8::1@65535", "2001:db8::1@65535" },
		{ "192.0.2.1@65536", NULL },
		{ "192.0.2.1@0", NULL },
		{ "192.0.2.1@", NULL },
		{ "192.0.2.1@ 53", NULL },
		{ "192.0.2.1@5x", NULL },
		{ "192.0.2", NULL },
		{ "ns1.example.com", NULL },
		{ "", NULL },
		{ "@53", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
		    NULL },
	};
	struct dns_address a;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(dns_address_parse(cases[i].text, &a) ? a.text : NULL,
		    cases[i].want, cases[i].text);
}

static void
test_names(void)
{
	char label[80], name[400] = "";
	struct dns_question q = { .name = name, .type = LDNS_RR_TYPE_TXT };
	struct dns_query query;

	ok(dnswire_query(&q, 1, true, &query), "the root");
	memset(label, 'a', 64);
	label[64] = '\0';
	q.name = label;
	ok(!dnswire_query(&q, 1, true, &query), "a label of 64 is refused");
	label[63] = '\0';
	ok(dnswire_query(&q, 1, true, &query), "one of 63 is taken");
	for (size_t i = 0; i < 5; i++) {
		memset(name + 64 * i, 'a', 63);
		name[64 * i + 63] = '.';
	}
	q.name = name;
	ok(!dnswire_query(&q, 1, true, &query), "a name of 320 is refused");
	q.name = "a..b";
	ok(!dnswire_query(&q, 1, true, &query), "an empty label is refused");
}

int
main(void)
{
	struct dns_query query;

	if (!ok(dnswire_query(&question, 0x1234, true, &query), "a question"))
		return tap_done();
	test_good(&query);
	test_cuts_and_changes(&query, good_answer,
	    "a changed id or question is never taken");
	test_cuts_and_changes(&query, negative_answer,
	    "nor with a denial behind it");
	test_refused(&query);
	test_odd(&query);
	test_addresses();
	test_names();
	test_servers();
	return tap_done();
}
