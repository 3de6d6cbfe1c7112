/*
 * Signed questions: ldns makes and reads the messages, tsig.c signs them.
 */
#include <ldns/ldns.h>

#include <stdlib.h>
#include <time.h>

#include "dnstcp.h"
#include "monotime.h"
#include "signedask.h"

/* Our signature was not taken: what to do about it. */
static enum publish_result
refused(const struct signedask *s, const struct tsig_answer *answer,
    struct err *err)
{
	const char *alg = tsig_alg_name(s->key.alg);

	switch (answer->error) {
	case TSIG_BADKEY:
		err_set(err, ERR_CONF,
		    "%s: does not take the key %s (BADKEY): name and algorithm "
		    "(%s) in %s must be those that the server knows, and it "
		    "must let that key update the zone",
		    s->server, s->key.name, alg, s->key_file);
		return PUBLISH_REFUSED;
	case TSIG_BADSIG:
		err_set(err, ERR_CONF,
		    "%s: has another secret for the key %s (BADSIG): put the "
		    "server's into %s",
		    s->server, s->key.name, s->key_file);
		return PUBLISH_REFUSED;
	case TSIG_BADTIME:
		if (answer->server_time != 0)
			err_set(err, ERR_IO,
			    "%s: its clock and ours are %lld s apart "
			    "(BADTIME): set the wrong one",
			    s->server,
			    llabs((long long)answer->server_time -
			        (long long)time(NULL)));
		else
			err_set(err, ERR_IO,
			    "%s: its clock and ours are over %d s apart "
			    "(BADTIME): set the wrong one",
			    s->server, TSIG_FUDGE);
		return PUBLISH_LATER;
	default:
		err_set(err, ERR_CONF,
		    "%s: does not take our signature (TSIG error %u)",
		    s->server, answer->error);
		return PUBLISH_REFUSED;
	}
}

/* What an answer that proves nothing says of itself. */
static void
explain_bad(const struct signedask *s, const struct buf *message,
    struct err *err)
{
	ldns_pkt_rcode rcode = (unsigned char)message->data[3] & 0xf;
	bool is_strange =
	    rcode == LDNS_RCODE_REFUSED || rcode == LDNS_RCODE_NOTAUTH;
	struct err what = *err;
	char *name;

	if (rcode == LDNS_RCODE_NOERROR) {
		err_prefix(err, "%s", s->server);
		return;
	}
	name = ldns_pkt_rcode2str(rcode);
	err_set(err, what.code, "%s: %s; it says %s%s", s->server, what.text,
	    name ? name : "what nobody knows",
	    is_strange ? ", as a server does that does not have the zone: see "
	                 "publisher.server and publisher.zone"
	               : "");
	free(name);
}

/* Turn question into bytes. */
static int
to_wire(const ldns_pkt *question, struct buf *out, struct err *err)
{
	uint8_t *wire = NULL;
	size_t len = 0;

	if (ldns_pkt2wire(&wire, question, &len) != LDNS_STATUS_OK)
		return err_nomem(err);
	buf_add(out, wire, len);
	free(wire);
	return out->has_failed ? err_nomem(err) : 0;
}

/* Verify and read the answer. */
static enum publish_result
take_answer(const struct signedask *s, const struct tsig_mac *mac,
    const ldns_pkt *question, const struct buf *message, ldns_pkt **answer,
    struct err *err)
{
	struct tsig_answer said;

	switch (tsig_verify(&s->key, time(NULL), mac, message, &said, err)) {
	case TSIG_BAD:
		explain_bad(s, message, err);
		return PUBLISH_LATER;
	case TSIG_REFUSED:
		return refused(s, &said, err);
	case TSIG_GOOD:
		break;
	}
	if (ldns_wire2pkt(answer, (const uint8_t *)message->data,
	        message->len) != LDNS_STATUS_OK) {
		*answer = NULL;
		err_set(err, ERR_IO, "%s: the answer is not a DNS message",
		    s->server);
		return PUBLISH_LATER;
	}
	if (ldns_pkt_qr(*answer) &&
	    ldns_pkt_get_opcode(*answer) == ldns_pkt_get_opcode(question))
		return PUBLISH_DONE;
	err_set(err, ERR_IO, "%s: the answer is not one to our question",
	    s->server);
	ldns_pkt_free(*answer);
	*answer = NULL;
	return PUBLISH_LATER;
}

enum publish_result
signedask(const struct signedask *s, ldns_pkt *question, ldns_pkt **answer,
    struct err *err)
{
	long long deadline = mono_now_ms() + s->timeout * 1000LL;
	struct buf query = BUF_INIT, message = BUF_INIT;
	enum publish_result result = PUBLISH_LATER;
	struct tsig_mac mac = { .len = 0 };

	*answer = NULL;
	ldns_pkt_set_random_id(question);
	if (to_wire(question, &query, err) == 0 &&
	    tsig_sign(&s->key, time(NULL), &query, &mac, err) == 0) {
		if (dnstcp_ask(s->server, &query, deadline, &message, err) == 0)
			result = take_answer(s, &mac, question, &message,
			    answer, err);
		else if (err->code == ERR_CONF)
			result = PUBLISH_REFUSED;
	}
	buf_clear(&query);
	buf_clear(&message);
	return result;
}
