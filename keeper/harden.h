/*
 * What the process gives up, so that keys stay in it and a fault stays small.
 */
#ifndef KEYTURN_KEEPER_HARDEN_H
#define KEYTURN_KEEPER_HARDEN_H

#include "err.h"

/* No core file: it would hold keys.  Returns 0, or -1 with err set. */
int harden_core(struct err *err);

/*
 * No other process of this user may read our memory or trace us.  Returns 0,
 * or -1 with err set; 0 also where the system has no such thing.
 */
int harden_memory(struct err *err);

/* No program started from here gains rights.  As above. */
int harden_rights(struct err *err);

/*
 * Allow as many descriptors as the system lets us, at most wanted.  Returns
 * how many there may be now.
 */
unsigned harden_files(unsigned wanted);

#endif
