/*
 * What works and is probably not what was meant.
 */
#ifndef KEYTURN_SNAP_WARNINGS_H
#define KEYTURN_SNAP_WARNINGS_H

#include "err.h"
#include "snap.h"

/*
 * Fill in the warnings of a snapshot whose entries are loaded.
 * Returns 0, or -1 with err set: ERR_NOMEM.
 */
int snap_add_warnings(struct snap *snap, struct err *err);

#endif
