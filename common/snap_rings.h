/*
 * The rings of a snapshot: which there are, and their keys.  Private to snap.c.
 */
#ifndef KEYTURN_SNAP_RINGS_H
#define KEYTURN_SNAP_RINGS_H

#include "err.h"
#include "snap.h"

/*
 * Find out which rings there are: those of the store, and those that have gone
 * from it while they signed in previous (or NULL).  No directory at the default
 * place means none.
 * Returns 0, or -1 with err set: ERR_CONF (the directory cannot be read),
 * ERR_IO, ERR_NOMEM.
 */
int snap_rings_list(struct snap *snap, const struct snap *previous,
    struct err *err);

/*
 * Load them, behind the entries that are there.  What is wrong with a ring is
 * not an error here.  held is what is held, or NULL: read from its record.
 * Returns 0, or -1 with err set: ERR_CONF (the record of what was held),
 * ERR_IO, ERR_NOMEM, ERR_CRYPTO.
 */
int snap_rings_load(struct snap *snap, const struct snap *previous,
    const struct held *held, struct err *err);

/*
 * Break each ring that has a broken entry, with all of its entries.  Returns 0,
 * or -1 with err set: ERR_NOMEM.
 */
int snap_rings_break(struct snap *snap, struct err *err);

/* Free snap->rings. */
void snap_rings_free(struct snap *snap);

#endif
