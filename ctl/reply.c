/*
 * Questions to one server, and the form of its answers.  Whether a record is
 * the right one is not looked at here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsname.h"
#include "reply.h"

/* Names above ours that are probed, the zone itself included. */
enum { PROBES_MAX = 5 };

void
reply_clear(struct reply *r)
{
	buf_clear(&r->record);
	free(r->alias);
	r->alias = NULL;
}

__attribute__((format(printf, 3, 4))) static void
say(struct reply *r, enum reply_kind kind, const char *fmt, ...)
{
	va_list ap;

	r->kind = kind;
	va_start(ap, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, ap);
	va_end(ap);
}

static void
reply_init(struct reply *r)
{
	memset(r, 0, sizeof(*r));
	r->kind = REPLY_SILENT;
	r->ttl = r->negative_ttl = r->wildcard_ttl = -1;
}

static void
raise_ttl(int *ttl, int to)
{
	if (to > *ttl)
		*ttl = to;
}

static void
add_txt(void *arg, const ldns_rr *txt)
{
	struct reply *r = arg;

	if (r->record_count++ == 0)
		dnswire_txt(txt, &r->record);
	raise_ttl(&r->ttl, dnswire_ttl(txt));
}

/* Take the TXT and CNAME records at name.  False: several CNAMEs. */
static bool
take_answer(const ldns_rr_list *answer, const char *name, struct reply *r)
{
	char target[DNSWIRE_NAME_MAX];
	size_t count = answer != NULL ? ldns_rr_list_rr_count(answer) : 0;

	for (size_t i = 0; i < count; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(answer, i);

		if (dnswire_is(rr, LDNS_RR_TYPE_TXT, name)) {
			add_txt(r, rr);
		} else if (dnswire_is(rr, LDNS_RR_TYPE_CNAME, name) &&
		    dnswire_target(rr, 0, target)) {
			if (r->alias != NULL)
				return false;
			r->alias = strdup(target);
			if (r->alias == NULL)
				return false;
			raise_ttl(&r->ttl, dnswire_ttl(rr));
		}
	}
	return true;
}

static bool
has_ns(const ldns_pkt *pkt)
{
	const ldns_rr_list *list = ldns_pkt_authority(pkt);

	for (size_t i = 0; list != NULL && i < ldns_rr_list_rr_count(list); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) ==
		    LDNS_RR_TYPE_NS)
			return true;
	return false;
}

/* What an authority's answer says. */
static void
read_answer(const ldns_pkt *pkt, const char *name, struct reply *r)
{
	ldns_pkt_rcode rcode = ldns_pkt_get_rcode(pkt);
	char text[16];

	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN) {
		dnswire_rcode(pkt, text);
		say(r, REPLY_BAD, "answers %s", text);
		return;
	}
	if (!ldns_pkt_aa(pkt)) {
		say(r, REPLY_BAD,
		    has_ns(pkt) && ldns_pkt_ancount(pkt) == 0
		        ? "is lame: it refers to other servers"
		        : "is lame: it answers without authority");
		return;
	}
	if (!take_answer(ldns_pkt_answer(pkt), name, r))
		say(r, REPLY_BAD, "gives several CNAMEs");
	else if (r->alias != NULL && r->record_count > 0)
		say(r, REPLY_BAD, "gives a CNAME and a TXT record");
	else if (r->alias != NULL)
		r->kind = REPLY_ALIAS;
	else if (r->record_count > 0)
		r->kind = REPLY_RECORDS;
	else
		r->kind = REPLY_NOTHING;
	if (r->kind != REPLY_BAD)
		raise_ttl(&r->negative_ttl, dnswire_negative_ttl(pkt));
}

/* Ask once; returns whether the answer by UDP was truncated. */
static bool
ask(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_address *at, const struct dns_question *q, struct reply *r)
{
	struct dns_answer a;
	bool is_truncated;

	dnsrun_ask(run, at, q, conf->timeout * 1000, &a);
	is_truncated = a.is_truncated;
	if (a.state == DNSASK_ANSWERED)
		read_answer(a.pkt, q->name, r);
	else if (is_truncated) {
		r->is_too_large = true;
		say(r, REPLY_SILENT, "too large for UDP, and %.100s", a.text);
	} else
		say(r, a.state == DNSASK_MALFORMED ? REPLY_BAD : REPLY_SILENT,
		    "%s", a.text);
	dns_answer_clear(&a);
	return is_truncated;
}

static bool
is_same(const struct reply *a, const struct reply *b)
{
	if (a->kind != b->kind || a->record_count != b->record_count)
		return false;
	if (a->kind == REPLY_ALIAS)
		return strcmp(a->alias, b->alias) == 0;
	if (a->record_count > 1) /* in any order, and wrong anyway */
		return true;
	if (a->record.len != b->record.len)
		return false;
	return a->record.len == 0 ||
	    memcmp(a->record.data, b->record.data, a->record.len) == 0;
}

/* The same by TCP; r becomes bad unless that says the same. */
static void
check_tcp(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_address *at, struct dns_question q, struct reply *r)
{
	struct reply tcp;

	reply_init(&tcp);
	q.by_tcp = true;
	ask(run, conf, at, &q, &tcp);
	if (tcp.kind == REPLY_SILENT || tcp.kind == REPLY_BAD)
		say(r, tcp.kind, "%s", tcp.text);
	else if (!is_same(r, &tcp))
		say(r, REPLY_BAD, "answers differently by UDP and by TCP");
	raise_ttl(&r->ttl, tcp.ttl);
	raise_ttl(&r->negative_ttl, tcp.negative_ttl);
	reply_clear(&tcp);
}

/* What a name that does not exist shows. */
struct probe {
	struct reply reply;
	int soa_ttl;
};

struct probing {
	struct dnsrun *run;
	const struct dns_conf *conf;
	const struct dns_address *at;
	const char *zone, *parent;
};

static void
probe_free(void *value)
{
	struct probe *p = value;

	reply_clear(&p->reply);
	free(p);
}

/* The negative TTL of the zone's own SOA record. */
static int
ask_soa(const struct probing *g)
{
	struct dns_question q = { .name = g->zone, .type = LDNS_RR_TYPE_SOA };
	struct dns_answer a;
	int ttl = -1;

	dnsrun_ask(g->run, g->at, &q, g->conf->timeout * 1000, &a);
	if (a.state == DNSASK_ANSWERED && ldns_pkt_aa(a.pkt))
		ttl = dnswire_negative_ttl(a.pkt);
	dns_answer_clear(&a);
	return ttl;
}

/* A name under parent that nobody has thought of. */
static void
make_name(const char *parent, char *name, size_t size)
{
	snprintf(name, size, "x%08x%s%s", (unsigned)arc4random(),
	    parent[0] != '\0' ? "." : "", parent);
}

static void *
make_probe(void *arg)
{
	const struct probing *g = arg;
	char name[DNSWIRE_NAME_MAX + 16];
	struct dns_question q = {
		.name = name, .type = LDNS_RR_TYPE_TXT, .wants_dnssec = true
	};
	struct probe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	reply_init(&p->reply);
	make_name(g->parent, name, sizeof(name));
	if (strlen(name) > DNSNAME_MAX)
		make_name(g->zone, name, sizeof(name));
	ask(g->run, g->conf, g->at, &q, &p->reply);
	p->soa_ttl = p->reply.negative_ttl == -1 ? ask_soa(g) : -1;
	return p;
}

/* The name above name, but not above zone. */
static const char *
parent_of(const char *name, const char *zone)
{
	const char *p = name;

	if (strcmp(name, zone) == 0)
		return zone;
	for (; *p != '\0' && *p != '.'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return *p == '.' ? p + 1 : zone;
}

/* What names under parent show at this server; NULL without memory. */
static const struct probe *
probe_once(struct probing *g)
{
	const struct probe *p = NULL;
	struct buf key = BUF_INIT;
	const char *text;

	buf_printf(&key, "probe %s %s", g->at->text, g->parent);
	text = buf_str(&key);
	if (text != NULL)
		p = dnsrun_once(g->run, text, make_probe, (void *)(uintptr_t)g,
		    probe_free);
	buf_clear(&key);
	return p;
}

/* Take over what a probe has shown.  False when it has shown nothing. */
static bool
take_probe(const struct probe *p, struct reply *r)
{
	if (p == NULL) {
		say(r, REPLY_SILENT, "out of memory");
		return false;
	}
	raise_ttl(&r->negative_ttl, p->reply.negative_ttl);
	raise_ttl(&r->negative_ttl, p->soa_ttl);
	if (p->reply.kind == REPLY_RECORDS || p->reply.kind == REPLY_ALIAS) {
		raise_ttl(&r->wildcard_ttl, p->reply.ttl);
		r->is_wildcard |= is_same(r, &p->reply);
	} else if (p->reply.kind != REPLY_NOTHING) {
		say(r, p->reply.kind, "of a name that does not exist: %.120s",
		    p->reply.text);
		return false;
	}
	return true;
}

/*
 * Learn from names beside ours, and beside those above it, that nobody uses:
 * for how long caches remember that something is not there, and whether a
 * wildcard answers, or did before there was anything here.
 */
static void
check_negative(const struct probing *from, const char *name, struct reply *r)
{
	struct probing g = *from;
	const char *parent = name;

	for (size_t i = 0; i < PROBES_MAX; i++) {
		parent = parent_of(parent, g.zone);
		/* From the last probe straight to the zone. */
		g.parent = i + 1 < PROBES_MAX ? parent : g.zone;
		if (!take_probe(probe_once(&g), r))
			return;
		if (strcmp(g.parent, g.zone) == 0)
			break;
	}
	if (r->negative_ttl == -1)
		say(r, REPLY_BAD, "gives no SOA record");
}

void
reply_ask(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_address *at, const char *zone, const char *name,
    struct reply *out)
{
	struct dns_question q = {
		.name = name, .type = LDNS_RR_TYPE_TXT, .wants_dnssec = true
	};
	struct probing g = { run, conf, at, zone, zone };
	bool is_truncated;

	reply_init(out);
	is_truncated = ask(run, conf, at, &q, out);
	if (out->kind == REPLY_SILENT || out->kind == REPLY_BAD)
		return;
	if (conf->tcp == DNS_TCP_REQUIRE && !is_truncated)
		check_tcp(run, conf, at, q, out);
	if (out->kind == REPLY_SILENT || out->kind == REPLY_BAD)
		return;
	check_negative(&g, name, out);
	if (out->record.has_failed)
		say(out, REPLY_SILENT, "out of memory");
}

void
reply_read_resolved(const ldns_pkt *pkt, const char *name,
    void (*each)(void *arg, const ldns_rr *txt), void *arg)
{
	const ldns_rr_list *answer = ldns_pkt_answer(pkt);
	size_t count = answer != NULL ? ldns_rr_list_rr_count(answer) : 0;
	char end[DNSWIRE_NAME_MAX];

	snprintf(end, sizeof(end), "%s", name);
	dnswire_follow(answer, end);
	for (size_t i = 0; i < count; i++) {
		const ldns_rr *rr = ldns_rr_list_rr(answer, i);

		if (dnswire_is(rr, LDNS_RR_TYPE_TXT, end))
			each(arg, rr);
	}
}

void
reply_ask_resolver(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_address *at, const char *name, struct reply *out)
{
	struct dns_question q = {
		.name = name, .type = LDNS_RR_TYPE_TXT, .is_recursive = true
	};
	struct dns_answer a;
	char text[16];

	reply_init(out);
	dnsrun_ask(run, at, &q, conf->timeout * 1000, &a);
	if (a.state != DNSASK_ANSWERED)
		say(out, REPLY_SILENT, "%s", a.text);
	else if (ldns_pkt_get_rcode(a.pkt) != LDNS_RCODE_NOERROR &&
	    ldns_pkt_get_rcode(a.pkt) != LDNS_RCODE_NXDOMAIN) {
		dnswire_rcode(a.pkt, text);
		say(out, REPLY_BAD, "answers %s", text);
	} else {
		reply_read_resolved(a.pkt, name, add_txt, out);
		out->kind =
		    out->record_count > 0 ? REPLY_RECORDS : REPLY_NOTHING;
		out->negative_ttl = dnswire_soa_minimum(a.pkt);
	}
	dns_answer_clear(&a);
}
