/*
 * The file "lock" in a ring's directory: whoever holds it may write there.  It
 * is given back by closing it, by the death of its holder at the latest, and
 * says who that is.
 */
#ifndef KEYTURN_RINGLOCKFILE_H
#define KEYTURN_RINGLOCKFILE_H

#include "err.h"

/* The deadline for ringlockfile_take in that many seconds. */
long long ringlockfile_deadline(int wait_s);

/*
 * Take the lock in the directory dir, whose path is for the error; wait until
 * the deadline for whoever has it.
 * Returns 1 with *lock a descriptor, 0 when the directory has been removed, -1
 * with err set: ERR_LIMIT (held until the deadline), ERR_IO.
 */
int ringlockfile_take(int dir, const char *path, long long deadline, int *lock,
    struct err *err);

#endif
