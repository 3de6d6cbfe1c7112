/*
 * One question to one name server by TCP, RFC 7766.
 */
#ifndef KEYTURN_DNSTCP_H
#define KEYTURN_DNSTCP_H

#include "buf.h"
#include "err.h"

/*
 * Send query to server and wait for the answer with the same id.
 *
 * server    ADDRESS or ADDRESS@PORT, IPv6 without brackets
 * deadline  mono_now_ms() at which to give up
 * answer    empty; set to the message
 * Returns 0, or -1 with err set, its text beginning with the server: ERR_CONF
 * (not an address), ERR_IO, ERR_NOMEM.
 */
int dnstcp_ask(const char *server, const struct buf *query, long long deadline,
    struct buf *answer, struct err *err);

#endif
