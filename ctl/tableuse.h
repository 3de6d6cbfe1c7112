/*
 * What the tables say of a domain that has, or is to have, a ring.
 */
#ifndef KEYTURN_TABLEUSE_H
#define KEYTURN_TABLEUSE_H

#include "buf.h"
#include "conf.h"
#include "err.h"

/*
 * Append where the KeyTable signs for domain with a key file, and what to
 * adopt: "file:line: ... SELECTOR=FILE".  Returns 1, 0 when there is no such
 * line, or -1 with err set: ERR_CONF, ERR_IO, ERR_NOMEM.
 */
int tableuse_signs(const struct conf *conf, const char *domain,
    struct buf *where, struct err *err);

/*
 * Whether the KeyTable signs for domain with key files, but with none under
 * selector; then append where it does, as above.  Returns likewise.
 */
int tableuse_signs_otherwise(const struct conf *conf, const char *domain,
    const char *selector, struct buf *where, struct err *err);

/*
 * Append the first line of a table that names the ring of domain: "file:line".
 * Returns likewise.
 */
int tableuse_names_ring(const struct conf *conf, const char *domain,
    struct buf *where, struct err *err);

#endif
