/*
 * The messages that change a record, RFC 2136.
 */
#ifndef KEYTURN_UPDATEMSG_H
#define KEYTURN_UPDATEMSG_H

#include <ldns/packet.h>

#include "publisher.h"

/*
 * The update that brings about what is wanted, under the prerequisite that at
 * name there is
 *
 * txt      exactly this TXT record and no other; NULL: nothing of any type
 * request  what is wanted; NULL: nothing, only the prerequisite is asked for
 *
 * Returns the message, to be freed, or NULL: no memory.
 */
ldns_pkt *updatemsg_new(const ldns_rdf *zone, const ldns_rdf *name,
    const ldns_rr *txt, const struct publish_request *request);

#endif
