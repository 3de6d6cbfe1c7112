/*
 * Questions to one name server and its answers, both signed with TSIG.
 */
#ifndef KEYTURN_SIGNEDASK_H
#define KEYTURN_SIGNEDASK_H

#include <ldns/packet.h>

#include "err.h"
#include "publisher.h"
#include "tsig.h"

struct signedask {
	const char *server;   /* as dnstcp_ask takes it */
	const char *key_file; /* for messages */
	struct tsig_key key;
	int timeout; /* seconds for each answer */
};

/*
 * Give question an id, sign it, send it, verify the answer.
 * Returns PUBLISH_DONE with *answer to be freed, whatever its rcode; or
 * PUBLISH_LATER or PUBLISH_REFUSED with err set: no answer, an answer that
 * proves nothing, our signature was not taken.  The text says what to do.
 */
enum publish_result signedask(const struct signedask *s, ldns_pkt *question,
    ldns_pkt **answer, struct err *err);

#endif
