/*
 * How rings fare, by their files and by what keyturnd held: nothing is looked
 * up.
 */
#ifndef KEYTURN_RINGSTATUS_H
#define KEYTURN_RINGSTATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "turn.h"

#define RINGSTATUS_LISTED 100 /* rings are listed one by one up to so many */

/*
 * Append the status of the rings of domains: lines for a person, or elements
 * of a JSON array.  In words, of more than RINGSTATUS_LISTED rings only those
 * in trouble are listed, and the others counted.
 * Returns the exit code: 0, or 1 when a ring is stuck or cannot be read.
 */
int ringstatus_write(struct turner *t, char *const *domains, size_t count,
    bool is_json, struct buf *out);

#endif
