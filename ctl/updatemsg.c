/*
 * Update messages, made with ldns.
 */
#include <ldns/ldns.h>

#include <stdbool.h>
#include <string.h>

#include "dnsname.h"
#include "publish.h"
#include "updatemsg.h"

/* A record without data: of RFC 2136, or a question. */
static ldns_rr *
bare_record(const ldns_rdf *owner, ldns_rr_type type, ldns_rr_class class)
{
	ldns_rdf *copy = ldns_rdf_clone(owner);
	ldns_rr *rr = copy ? ldns_rr_new() : NULL;

	if (rr == NULL) {
		ldns_rdf_deep_free(copy);
		return NULL;
	}
	ldns_rr_set_owner(rr, copy);
	ldns_rr_set_type(rr, type);
	ldns_rr_set_class(rr, class);
	ldns_rr_set_ttl(rr, 0);
	return rr;
}

/* A TXT record to be added. */
static ldns_rr *
txt_record(const struct publish_request *request, const char *value)
{
	struct buf text = BUF_INIT;
	const char *s;
	ldns_rr *rr = NULL;

	buf_printf(&text, "%s. %d IN TXT ", request->name, request->ttl);
	dnsname_txt(value, strlen(value), " ", &text);
	s = buf_str(&text);
	if (s != NULL &&
	    ldns_rr_new_frm_str(&rr, s, 0, NULL, NULL) != LDNS_STATUS_OK)
		rr = NULL;
	buf_clear(&text);
	return rr;
}

/* The same record with the class and TTL that an update wants. */
static ldns_rr *
copy_record(const ldns_rr *from, ldns_rr_class class)
{
	ldns_rr *rr = ldns_rr_clone(from);

	if (rr != NULL) {
		ldns_rr_set_class(rr, class);
		ldns_rr_set_ttl(rr, 0);
	}
	return rr;
}

/* Takes rr.  False when there is none: no memory. */
static bool
push(ldns_pkt *p, ldns_pkt_section section, ldns_rr *rr)
{
	if (rr == NULL)
		return false;
	if (section == LDNS_SECTION_QUESTION)
		ldns_rr_set_question(rr, true);
	if (ldns_pkt_push_rr(p, section, rr))
		return true;
	ldns_rr_free(rr);
	return false;
}

/* Add what is to be changed.  RFC 2136 section 2.5. */
static bool
push_changes(ldns_pkt *p, const ldns_rr *txt,
    const struct publish_request *request)
{
	const char *goal = publish_goal(request);

	if (txt != NULL &&
	    !push(p, LDNS_SECTION_AUTHORITY,
	        copy_record(txt, LDNS_RR_CLASS_NONE)))
		return false;
	return goal == NULL ||
	    push(p, LDNS_SECTION_AUTHORITY, txt_record(request, goal));
}

ldns_pkt *
updatemsg_new(const ldns_rdf *zone, const ldns_rdf *name, const ldns_rr *txt,
    const struct publish_request *request)
{
	ldns_pkt *p = ldns_pkt_new();
	ldns_rr *prerequisite;

	if (p == NULL)
		return NULL;
	ldns_pkt_set_opcode(p, LDNS_PACKET_UPDATE);
	/* "RRset exists (value dependent)" or "name is not in use". */
	prerequisite = txt
	    ? copy_record(txt, LDNS_RR_CLASS_IN)
	    : bare_record(name, LDNS_RR_TYPE_ANY, LDNS_RR_CLASS_NONE);
	if (push(p, LDNS_SECTION_ANSWER, prerequisite) &&
	    push(p, LDNS_SECTION_QUESTION,
	        bare_record(zone, LDNS_RR_TYPE_SOA, LDNS_RR_CLASS_IN)) &&
	    (request == NULL || push_changes(p, txt, request)))
		return p;
	ldns_pkt_free(p);
	return NULL;
}
