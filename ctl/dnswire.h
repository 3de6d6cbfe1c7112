/*
 * Questions and answers of the DNS as bytes, and what is read from an answer.
 * Every answer is hostile until dnswire_answer took it.  Sending is for
 * dnsask.c, what an answer means for others.
 */
#ifndef KEYTURN_DNSWIRE_H
#define KEYTURN_DNSWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ldns/ldns.h>

#include "buf.h"

#define DNSWIRE_UDP_MAX   1232 /* what we announce by EDNS */
#define DNSWIRE_NAME_MAX  1024 /* bytes of a name as text, escapes and NUL */
#define DNSWIRE_QUERY_MAX 512
#define DNSWIRE_TTL_MAX   (7 * 86400) /* caches keep nothing for longer */

struct dns_question {
	const char *name; /* without final dot; "" is the root */
	ldns_rr_type type;
	bool is_recursive; /* RD: for resolvers */
	bool wants_dnssec; /* DO */
	bool is_unchecked; /* CD: without validation */
	bool by_tcp;       /* never by UDP */
	bool is_hasty;     /* that it timed out proves nothing: dnsrun.h */
};

/* A question as it is sent. */
struct dns_query {
	uint8_t wire[DNSWIRE_QUERY_MAX];
	size_t len;
	size_t question_end; /* header and question, without OPT */
};

/*
 * Encode a question.  False when the name is not one.
 */
bool dnswire_query(const struct dns_question *q, uint16_t id, bool with_edns,
    struct dns_query *out);

enum dnswire_check {
	DNSWIRE_GOOD,
	DNSWIRE_STRANGER,  /* not an answer to this question: ignore it */
	DNSWIRE_MALFORMED, /* an answer, and cannot be read */
	DNSWIRE_NOMEM,
};

/*
 * Check what came: the id, the question, the form of everything in it.  Of a
 * truncated answer (TC) only header and question are taken.
 *
 * pkt  set when the result is DNSWIRE_GOOD, for ldns_pkt_free
 */
enum dnswire_check dnswire_answer(const struct dns_query *query,
    const uint8_t *wire, size_t len, ldns_pkt **pkt);

/*
 * A name as text in lower case without final dot ("" is the root), escaped as
 * in zone files.  Returns false when it is too long for out.
 */
bool dnswire_name(const ldns_rdf *name, char out[DNSWIRE_NAME_MAX]);

/* Whether rr is of that class-IN type at name (text as by dnswire_name). */
bool dnswire_is(const ldns_rr *rr, ldns_rr_type type, const char *name);

/* The name in field i of rr.  False when there is none. */
bool dnswire_target(const ldns_rr *rr, size_t i, char out[DNSWIRE_NAME_MAX]);

/* Append the strings of a TXT record, joined. */
void dnswire_txt(const ldns_rr *rr, struct buf *out);

/* TTL in seconds, RFC 2181 section 8; at most DNSWIRE_TTL_MAX. */
int dnswire_ttl(const ldns_rr *rr);

/*
 * For how long a cache may keep what this answer denies, RFC 2308 section 5
 * and RFC 9077: the largest of min(SOA minimum, SOA TTL) and of the TTLs of
 * NSEC and NSEC3 in the authority section; an SOA in the answer section counts
 * too.  -1 when it has none of them.
 */
int dnswire_negative_ttl(const ldns_pkt *pkt);

/* The minimum field of an SOA record in the authority section, or -1. */
int dnswire_soa_minimum(const ldns_pkt *pkt);

/* Replace name by the end of the chain of CNAMEs that leads from it. */
void dnswire_follow(const ldns_rr_list *answer, char name[DNSWIRE_NAME_MAX]);

/* "SERVFAIL"; out has 16 bytes. */
void dnswire_rcode(const ldns_pkt *pkt, char out[16]);

#endif
