/*
 * The form of questions and answers, RFC 1035 section 4 and RFC 6891.  ldns
 * takes packets apart; what decides whether a packet is an answer to our
 * question at all is looked at here, before ldns sees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "dnswire.h"

enum {
	HEADER_LEN = 12,
	FLAG_QR = 0x80,     /* in the third byte */
	MASK_OPCODE = 0x78, /* likewise */
	FLAG_TC = 0x02,     /* likewise */
	MASK_RCODE = 0x0f,  /* in the fourth byte */
};

/* The end of the question that follows the header, or 0. */
static size_t
question_end(const uint8_t *wire, size_t len)
{
	size_t at = HEADER_LEN;

	while (at < len && wire[at] != 0) {
		if (wire[at] > LDNS_MAX_LABELLEN)
			return 0;
		at += 1 + (size_t)wire[at];
	}
	at += 1 + 4;
	return at <= len ? at : 0;
}

bool
dnswire_query(const struct dns_question *q, uint16_t id, bool with_edns,
    struct dns_query *out)
{
	char name[DNSWIRE_NAME_MAX + 1];
	ldns_pkt *pkt = NULL;
	uint8_t *wire = NULL;
	size_t len = 0;
	bool is_good = false;

	snprintf(name, sizeof(name), "%s.", q->name);
	if (ldns_pkt_query_new_frm_str(&pkt, name, q->type, LDNS_RR_CLASS_IN,
	        q->is_recursive ? LDNS_RD : 0) != LDNS_STATUS_OK)
		return false;
	ldns_pkt_set_id(pkt, id);
	ldns_pkt_set_cd(pkt, q->is_unchecked);
	if (with_edns) {
		ldns_pkt_set_edns_udp_size(pkt, DNSWIRE_UDP_MAX);
		ldns_pkt_set_edns_do(pkt, q->wants_dnssec);
	}
	if (ldns_pkt2wire(&wire, pkt, &len) == LDNS_STATUS_OK &&
	    len <= sizeof(out->wire)) {
		memcpy(out->wire, wire, len);
		out->len = len;
		out->question_end = question_end(wire, len);
		is_good = out->question_end != 0;
	}
	free(wire);
	ldns_pkt_free(pkt);
	return is_good;
}

static unsigned
get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/*
 * Whether the packet answers this question.  A server that could not read the
 * question may leave it out.
 */
static bool
is_answer(const struct dns_query *query, const uint8_t *wire, size_t len)
{
	const size_t end = query->question_end;
	const size_t name_len = end - HEADER_LEN - 4;

	if (len < HEADER_LEN || get16(wire) != get16(query->wire) ||
	    (wire[2] & FLAG_QR) == 0 || (wire[2] & MASK_OPCODE) != 0)
		return false;
	if (get16(wire + 4) == 0)
		return (wire[3] & MASK_RCODE) != 0 && len == HEADER_LEN;
	if (get16(wire + 4) != 1 || len < end)
		return false;
	/* The first name of a packet cannot be compressed. */
	return ascii_equal((const char *)wire + HEADER_LEN,
	           (const char *)query->wire + HEADER_LEN, name_len) &&
	    memcmp(wire + end - 4, query->wire + end - 4, 4) == 0;
}

static enum dnswire_check
parse(const uint8_t *wire, size_t len, ldns_pkt **pkt)
{
	ldns_status status;

	*pkt = NULL;
	status = ldns_wire2pkt(pkt, wire, len);
	if (status == LDNS_STATUS_OK && *pkt != NULL)
		return DNSWIRE_GOOD;
	return status == LDNS_STATUS_MEM_ERR ? DNSWIRE_NOMEM
	                                     : DNSWIRE_MALFORMED;
}

enum dnswire_check
dnswire_answer(const struct dns_query *query, const uint8_t *wire, size_t len,
    ldns_pkt **pkt)
{
	uint8_t head[DNSWIRE_QUERY_MAX];

	*pkt = NULL;
	if (!is_answer(query, wire, len))
		return DNSWIRE_STRANGER;
	if ((wire[2] & FLAG_TC) == 0 || get16(wire + 4) == 0)
		return parse(wire, len, pkt);
	/* Servers cut where they like: take no record of it. */
	memcpy(head, wire, query->question_end);
	memset(head + 6, 0, 6);
	return parse(head, query->question_end, pkt);
}

bool
dnswire_name(const ldns_rdf *name, char out[DNSWIRE_NAME_MAX])
{
	char *text;
	size_t len;

	if (name == NULL || ldns_rdf_get_type(name) != LDNS_RDF_TYPE_DNAME)
		return false;
	text = ldns_rdf2str(name);
	if (text == NULL)
		return false;
	len = strlen(text);
	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len < DNSWIRE_NAME_MAX) {
		for (size_t i = 0; i < len; i++)
			out[i] = ascii_lower(text[i]);
		out[len] = '\0';
	}
	free(text);
	return len < DNSWIRE_NAME_MAX;
}

bool
dnswire_is(const ldns_rr *rr, ldns_rr_type type, const char *name)
{
	char owner[DNSWIRE_NAME_MAX];

	return ldns_rr_get_type(rr) == type &&
	    ldns_rr_get_class(rr) == LDNS_RR_CLASS_IN &&
	    dnswire_name(ldns_rr_owner(rr), owner) && strcmp(owner, name) == 0;
}

bool
dnswire_target(const ldns_rr *rr, size_t i, char out[DNSWIRE_NAME_MAX])
{
	return i < ldns_rr_rd_count(rr) &&
	    dnswire_name(ldns_rr_rdf(rr, i), out);
}

void
dnswire_txt(const ldns_rr *rr, struct buf *out)
{
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
		const uint8_t *data = ldns_rdf_data(rdf);
		size_t size = ldns_rdf_size(rdf);

		if (ldns_rdf_get_type(rdf) != LDNS_RDF_TYPE_STR || size == 0 ||
		    data == NULL || size < 1 + (size_t)data[0])
			continue;
		buf_add(out, data + 1, data[0]);
	}
}

static int
ttl_of(uint32_t ttl)
{
	if (ttl > INT32_MAX)
		return 0;
	return ttl < DNSWIRE_TTL_MAX ? (int)ttl : DNSWIRE_TTL_MAX;
}

int
dnswire_ttl(const ldns_rr *rr)
{
	return ttl_of(ldns_rr_ttl(rr));
}

/* The last field of an SOA record, or -1. */
static int
minimum_of(const ldns_rr *soa)
{
	const ldns_rdf *rdf;

	if (ldns_rr_rd_count(soa) != 7)
		return -1;
	rdf = ldns_rr_rdf(soa, 6);
	if (rdf == NULL || ldns_rdf_size(rdf) != sizeof(uint32_t))
		return -1;
	return ttl_of(ldns_rdf2native_int32(rdf));
}

/* min(SOA minimum, SOA TTL), or -1. */
static int
soa_ttl(const ldns_rr *soa)
{
	int minimum = minimum_of(soa);
	int ttl = dnswire_ttl(soa);

	return minimum < ttl ? minimum : ttl;
}

static void
raise_ttl(const ldns_rr_list *list, bool is_authority, int *ttl)
{
	int one;

	for (size_t i = 0; list != NULL && i < ldns_rr_list_rr_count(list);
	     i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		ldns_rr_type type = ldns_rr_get_type(rr);

		if (type == LDNS_RR_TYPE_SOA)
			one = soa_ttl(rr);
		else if (is_authority &&
		    (type == LDNS_RR_TYPE_NSEC || type == LDNS_RR_TYPE_NSEC3))
			one = dnswire_ttl(rr);
		else
			continue;
		if (one > *ttl)
			*ttl = one;
	}
}

int
dnswire_negative_ttl(const ldns_pkt *pkt)
{
	int ttl = -1;

	raise_ttl(ldns_pkt_authority(pkt), true, &ttl);
	raise_ttl(ldns_pkt_answer(pkt), false, &ttl);
	return ttl;
}

int
dnswire_soa_minimum(const ldns_pkt *pkt)
{
	const ldns_rr_list *list = ldns_pkt_authority(pkt);

	for (size_t i = 0; list != NULL && i < ldns_rr_list_rr_count(list);
	     i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA)
			return minimum_of(rr);
	}
	return -1;
}

void
dnswire_follow(const ldns_rr_list *answer, char name[DNSWIRE_NAME_MAX])
{
	size_t count = answer != NULL ? ldns_rr_list_rr_count(answer) : 0;
	size_t links = 0;

	for (size_t i = 0; i < count && links < count;) {
		const ldns_rr *rr = ldns_rr_list_rr(answer, i);

		if (dnswire_is(rr, LDNS_RR_TYPE_CNAME, name) &&
		    dnswire_target(rr, 0, name)) {
			links++;
			i = 0;
		} else
			i++;
	}
}

void
dnswire_rcode(const ldns_pkt *pkt, char out[16])
{
	char *name = ldns_pkt_rcode2str(ldns_pkt_get_rcode(pkt));

	if (name != NULL)
		snprintf(out, 16, "%s", name);
	else
		snprintf(out, 16, "rcode %d", (int)ldns_pkt_get_rcode(pkt));
	free(name);
}
