/*
 * The control socket: `keyturn reload [rings]`, `keyturn status`.  A client
 * sends one line; it gets a line with an exit code, then text, then the end.
 */
#ifndef KEYTURN_KEEPER_CONTROL_H
#define KEYTURN_KEEPER_CONTROL_H

#include "err.h"
#include "status.h"

#define CONTROL_CLIENTS_MAX 64    /* at the same time */
#define CONTROL_LINE_MAX    128   /* bytes of a request with its line end */
#define CONTROL_REQUEST_MS  5000  /* for the whole request to come */
#define CONTROL_ANSWER_MS   30000 /* for the whole answer to be taken */

/*
 * Listen on the control socket of generations_conf (its mode lets the owner
 * and the group in) and serve it, for the life of the process.  parts is
 * copied; what it points to stays.
 * Block all signals in the calling thread first: new ones inherit.
 * Returns 0, or -1 with err set: ERR_CONF, ERR_IO, ERR_NOMEM.
 */
int control_start(const struct parts *parts, struct err *err);

#endif
