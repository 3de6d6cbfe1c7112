/*
 * The publisher that sends dynamic updates, RFC 2136.  What is at the name is
 * judged here, and each update carries the judgement as its prerequisite, so
 * that the server itself refuses when somebody else was quicker.
 */
#include <ldns/ldns.h>

#include <stdlib.h>
#include <string.h>

#include "dnsname.h"
#include "publish.h"
#include "signedask.h"
#include "updatemsg.h"

struct job {
	struct signedask ask;
	const struct publish_request *request;
	ldns_rdf *name;
	ldns_rdf *zone;
};

/* What is at the name. */
struct seen {
	enum publish_there there;
	bool is_cname;
	ldns_rr *txt; /* the one record there is, or NULL */
	struct buf text;
};

static void
seen_clear(struct seen *s)
{
	ldns_rr_free(s->txt);
	buf_clear(&s->text);
	*s = (struct seen){ .there = PUBLISH_THERE_NOTHING };
}

static enum publish_result
no_memory(struct err *err)
{
	err_nomem(err);
	return PUBLISH_LATER;
}

/* What each rcode means for an update, with the way out. */
static const struct {
	ldns_pkt_rcode rcode;
	enum publish_result result;
	const char *text;
} rcodes[] = {
	{ LDNS_RCODE_FORMERR, PUBLISH_REFUSED,
	    "does not understand the message (FORMERR)" },
	{ LDNS_RCODE_SERVFAIL, PUBLISH_LATER,
	    "failed (SERVFAIL): its log says why" },
	{ LDNS_RCODE_NOTIMPL, PUBLISH_REFUSED,
	    "takes no updates (NOTIMP): name the primary, or switch them on" },
	{ LDNS_RCODE_REFUSED, PUBLISH_REFUSED,
	    "does not let this key do that (REFUSED): give it leave "
	    "(update-policy or allow-update of BIND, acl of Knot DNS)" },
	{ LDNS_RCODE_NOTAUTH, PUBLISH_REFUSED,
	    "is not the primary of the zone, or does not let this key update "
	    "it (NOTAUTH): name the primary, or give the key leave" },
	{ LDNS_RCODE_NOTZONE, PUBLISH_REFUSED,
	    "says that the name is not in the zone (NOTZONE): see "
	    "publisher.zone" },
};

/* No answer that could be used: why. */
static enum publish_result
explain_rcode(const struct job *j, ldns_pkt_rcode rcode, struct err *err)
{
	char *name, *zone = j->zone ? ldns_rdf2str(j->zone) : NULL;
	enum publish_result result = PUBLISH_LATER;
	const char *text = NULL;

	for (size_t i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++) {
		if (rcodes[i].rcode == rcode) {
			result = rcodes[i].result;
			text = rcodes[i].text;
		}
	}
	name = ldns_pkt_rcode2str(rcode);
	err_set(err, result == PUBLISH_REFUSED ? ERR_INPUT : ERR_IO,
	    "%s: %s: key %s, zone %s", j->ask.server,
	    text       ? text
	        : name ? name
	               : "answers with an unknown rcode",
	    j->ask.key.name, zone ? zone : "not known yet");
	free(name);
	free(zone);
	return result;
}

/* Ask for records. */
static enum publish_result
query(const struct job *j, const ldns_rdf *name, ldns_rr_type type,
    ldns_pkt **answer, struct err *err)
{
	ldns_pkt *question;
	enum publish_result result;
	ldns_rdf *copy = ldns_rdf_clone(name);

	question =
	    copy ? ldns_pkt_query_new(copy, type, LDNS_RR_CLASS_IN, 0) : NULL;
	if (question == NULL) {
		ldns_rdf_deep_free(copy);
		return no_memory(err);
	}
	result = signedask(&j->ask, question, answer, err);
	ldns_pkt_free(question);
	return result;
}

/* A zone that the name is in, by a SOA record in that section, or NULL. */
static ldns_rdf *
zone_in(const struct job *j, const ldns_rr_list *section)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(section, i);
		const ldns_rdf *owner = ldns_rr_owner(rr);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA &&
		    (ldns_dname_compare(owner, j->name) == 0 ||
		        ldns_dname_is_subdomain(j->name, owner)))
			return ldns_rdf_clone(owner);
	}
	return NULL;
}

static bool
has_type(const ldns_rr_list *section, ldns_rr_type type)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(section); i++) {
		if (ldns_rr_get_type(ldns_rr_list_rr(section, i)) == type)
			return true;
	}
	return false;
}

/*
 * Ask the server at one name on the way up.  PUBLISH_DONE without a zone: look
 * further up.
 */
static enum publish_result
find_zone_at(struct job *j, const ldns_rdf *at, struct err *err)
{
	enum publish_result result;
	ldns_pkt *answer;
	ldns_pkt_rcode rcode;

	result = query(j, at, LDNS_RR_TYPE_SOA, &answer, err);
	if (result != PUBLISH_DONE)
		return result;
	rcode = ldns_pkt_get_rcode(answer);
	if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN &&
	    rcode != LDNS_RCODE_REFUSED) {
		result = explain_rcode(j, rcode, err);
	} else if (ldns_pkt_aa(answer)) {
		j->zone = zone_in(j, ldns_pkt_answer(answer));
		if (j->zone == NULL)
			j->zone = zone_in(j, ldns_pkt_authority(answer));
	} else if (has_type(ldns_pkt_authority(answer), LDNS_RR_TYPE_NS)) {
		err_set(err, ERR_CONF,
		    "%s: delegates the zone of %s to others: name its primary "
		    "as publisher.server",
		    j->ask.server, j->request->name);
		result = PUBLISH_REFUSED;
	}
	ldns_pkt_free(answer);
	return result;
}

static enum publish_result
find_zone(struct job *j, struct err *err)
{
	enum publish_result result = PUBLISH_DONE;
	ldns_rdf *at = ldns_rdf_clone(j->name);

	while (at != NULL && result == PUBLISH_DONE && j->zone == NULL &&
	    ldns_dname_label_count(at) > 0) {
		ldns_rdf *up;

		result = find_zone_at(j, at, err);
		up = ldns_dname_left_chop(at);
		ldns_rdf_deep_free(at);
		at = up;
	}
	if (at == NULL && j->zone == NULL && result == PUBLISH_DONE)
		result = no_memory(err);
	ldns_rdf_deep_free(at);
	if (result != PUBLISH_DONE || j->zone != NULL)
		return result;
	err_set(err, ERR_CONF,
	    "%s: has no zone for %s: name the primary as publisher.server, or "
	    "the zone as publisher.zone",
	    j->ask.server, j->request->name);
	return PUBLISH_REFUSED;
}

/* Note a record at the name. */
static void
see_record(struct seen *s, const ldns_rr *rr)
{
	char *target;

	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME) {
		target = ldns_rdf2str(ldns_rr_rdf(rr, 0));
		s->is_cname = true;
		buf_printf(&s->text, "CNAME %s", target ? target : "");
		free(target);
		return;
	}
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);

		/* A string of RFC 1035 section 3.3: its length, its bytes. */
		if (ldns_rdf_size(rdf) > 0)
			buf_add(&s->text, ldns_rdf_data(rdf) + 1,
			    ldns_rdf_size(rdf) - 1);
	}
	if (s->txt == NULL)
		s->txt = ldns_rr_clone(rr);
}

/* Say what the records come to. */
static enum publish_result
judge(const struct job *j, struct seen *s, size_t count, struct err *err)
{
	const char *text = buf_str(&s->text);

	if (text == NULL || (count > 0 && !s->is_cname && s->txt == NULL))
		return no_memory(err);
	if (count == 0)
		s->there = PUBLISH_THERE_NOTHING;
	else if (count > 1 || s->is_cname || strlen(text) != s->text.len)
		s->there = PUBLISH_THERE_OTHER;
	else
		s->there = publish_compare(j->request, text);
	return PUBLISH_DONE;
}

static enum publish_result
look(const struct job *j, struct seen *s, struct err *err)
{
	enum publish_result result;
	const ldns_rr_list *records;
	ldns_pkt *answer;
	ldns_pkt_rcode rcode;
	size_t count = 0;

	result = query(j, j->name, LDNS_RR_TYPE_TXT, &answer, err);
	if (result != PUBLISH_DONE)
		return result;
	rcode = ldns_pkt_get_rcode(answer);
	records = ldns_pkt_answer(answer);
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(records, i);
		ldns_rr_type type = ldns_rr_get_type(rr);

		if ((type == LDNS_RR_TYPE_TXT || type == LDNS_RR_TYPE_CNAME) &&
		    ldns_dname_compare(ldns_rr_owner(rr), j->name) == 0) {
			if (count++ > 0)
				buf_adds(&s->text, "; ");
			see_record(s, rr);
		}
	}
	/* A CNAME that leads nowhere has the rcode of where it leads. */
	if (rcode == LDNS_RCODE_NOERROR || rcode == LDNS_RCODE_NXDOMAIN ||
	    s->is_cname)
		result = judge(j, s, count, err);
	else
		result = explain_rcode(j, rcode, err);
	ldns_pkt_free(answer);
	return result;
}

/* Send it.  PUBLISH_DONE with *rcode set. */
static enum publish_result
send_update(const struct job *j, const ldns_rr *txt, bool is_probe,
    ldns_pkt_rcode *rcode, struct err *err)
{
	ldns_pkt *question;
	enum publish_result result;
	ldns_pkt *answer;

	question =
	    updatemsg_new(j->zone, j->name, txt, is_probe ? NULL : j->request);
	if (question == NULL)
		return no_memory(err);
	result = signedask(&j->ask, question, &answer, err);
	if (result == PUBLISH_DONE)
		*rcode = ldns_pkt_get_rcode(answer);
	ldns_pkt_free(answer);
	ldns_pkt_free(question);
	return result;
}

static bool
is_prerequisite(ldns_pkt_rcode rcode)
{
	return rcode == LDNS_RCODE_YXDOMAIN || rcode == LDNS_RCODE_YXRRSET ||
	    rcode == LDNS_RCODE_NXRRSET || rcode == LDNS_RCODE_NXDOMAIN;
}

/*
 * What a wildcard gives for the name is not at the name: have the server say
 * whether anything is.
 */
static enum publish_result
see_through_wildcard(const struct job *j, struct seen *s, struct err *err)
{
	ldns_pkt_rcode rcode;
	enum publish_result result;

	result = send_update(j, NULL, true, &rcode, err);
	if (result != PUBLISH_DONE)
		return result;
	if (rcode == LDNS_RCODE_NOERROR)
		seen_clear(s);
	else if (!is_prerequisite(rcode))
		return explain_rcode(j, rcode, err);
	return PUBLISH_DONE;
}

/* The prerequisite did not hold: what is there, then? */
static enum publish_result
look_again(const struct job *j, struct seen *s, struct err *err)
{
	enum publish_result result;
	const char *text;

	seen_clear(s);
	result = look(j, s, err);
	if (result != PUBLISH_DONE)
		return result;
	if (s->there == PUBLISH_THERE_NOTHING)
		return publish_refuse(j->request,
		    "a record that is not TXT, or one that came and went", err);
	text = buf_str(&s->text);
	if (text == NULL)
		return no_memory(err);
	switch (publish_decide(j->request->action, s->there)) {
	case PUBLISH_NEXT_NOTHING:
		return PUBLISH_DONE;
	case PUBLISH_NEXT_REFUSE:
		return publish_refuse(j->request, text, err);
	case PUBLISH_NEXT_WRITE:
		break;
	}
	err_set(err, ERR_IO, "%s: was changed by somebody at the same moment",
	    j->request->name);
	return PUBLISH_LATER;
}

static enum publish_result
update(const struct job *j, struct seen *s, struct err *err)
{
	enum publish_result result;
	ldns_pkt_rcode rcode;

	result = send_update(j, s->txt, false, &rcode, err);
	if (result != PUBLISH_DONE || rcode == LDNS_RCODE_NOERROR)
		return result;
	if (is_prerequisite(rcode))
		return look_again(j, s, err);
	return explain_rcode(j, rcode, err);
}

/* Where something should be: what is it? */
static enum publish_result
look_first(const struct job *j, struct seen *s, enum publish_next *next,
    struct err *err)
{
	enum publish_result result = look(j, s, err);
	const char *text;

	if (result == PUBLISH_DONE && s->there == PUBLISH_THERE_OTHER &&
	    !s->is_cname)
		result = see_through_wildcard(j, s, err);
	if (result != PUBLISH_DONE)
		return result;
	*next = publish_decide(j->request->action, s->there);
	if (*next != PUBLISH_NEXT_REFUSE)
		return PUBLISH_DONE;
	text = buf_str(&s->text);
	return text ? publish_refuse(j->request, text, err) : no_memory(err);
}

static enum publish_result
run(struct job *j, struct err *err)
{
	enum publish_next next = PUBLISH_NEXT_WRITE;
	struct seen s = { .there = PUBLISH_THERE_NOTHING };
	enum publish_result result = PUBLISH_DONE;

	if (j->zone == NULL)
		result = find_zone(j, err);
	/* A new record: the prerequisite alone tells. */
	if (result == PUBLISH_DONE && j->request->action != PUBLISH_PUT)
		result = look_first(j, &s, &next, err);
	if (result == PUBLISH_DONE && next == PUBLISH_NEXT_WRITE)
		result = update(j, &s, err);
	seen_clear(&s);
	return result;
}

/* The names as ldns wants them. */
static enum publish_result
set_names(struct job *j, const struct publisher_conf *conf, struct err *err)
{
	const char *zone = conf->zone;
	size_t len = zone ? strlen(zone) : 0;

	j->name = ldns_dname_new_frm_str(j->request->name);
	if (j->name == NULL)
		return no_memory(err);
	if (zone == NULL)
		return PUBLISH_DONE;
	if (len > 1 && zone[len - 1] == '.')
		len--;
	j->zone = ldns_dname_new_frm_str(zone);
	if (j->zone == NULL ||
	    !dnsname_is_within(j->request->name, strlen(j->request->name), zone,
	        len)) {
		err_set(err, ERR_CONF, "%s: is not in publisher.zone: %s",
		    j->request->name, zone);
		return PUBLISH_REFUSED;
	}
	return PUBLISH_DONE;
}

enum publish_result
publish_rfc2136(const struct publisher_conf *conf,
    const struct publish_request *request, struct buf *told, struct err *err)
{
	struct job j = { .ask = { .server = conf->server,
		             .key_file = conf->key_file,
		             .timeout = conf->timeout },
		.request = request };
	enum publish_result result;

	(void)told;
	if (tsig_key_load(&j.ask.key, conf->key_file, err) == -1)
		return err->code == ERR_NOMEM ? PUBLISH_LATER : PUBLISH_REFUSED;
	result = set_names(&j, conf, err);
	if (result == PUBLISH_DONE)
		result = run(&j, err);
	ldns_rdf_deep_free(j.name);
	ldns_rdf_deep_free(j.zone);
	tsig_key_clear(&j.ask.key);
	return result;
}
