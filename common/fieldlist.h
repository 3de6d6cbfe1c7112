/*
 * Lists of names of header fields, for sign_headers and oversign_headers: one
 * string, lower case, separated by ":".
 */
#ifndef KEYTURN_FIELDLIST_H
#define KEYTURN_FIELDLIST_H

#include <stdbool.h>

#include "buf.h"

/*
 * Append name to the list.  Returns NULL, or what is wrong with name, static:
 * not the name of a field (RFC 5322 section 3.6.8), there already, or one that
 * must not be signed.
 */
const char *fieldlist_add(struct buf *list, const char *name);

/* Whether name, in lower case, is in the list. */
bool fieldlist_has(const struct buf *list, const char *name);

#endif
