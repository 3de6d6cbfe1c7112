/*
 * Keeps from libmilter what it cannot take.  Its smfi_getsymval walks the
 * macros of a packet in pairs of name and value, and past the end of an odd
 * number of strings.  This module stands between libmilter and read(2): a
 * macro packet that does not pair up looks like the end of the connection.
 */
#ifndef KEYTURN_MILTER_GUARD_H
#define KEYTURN_MILTER_GUARD_H

#include "err.h"

/*
 * Find the C library's read(2), which the one exported here calls.  Once,
 * before there is a second thread.
 * Returns 0, or -1 with err set: ERR_IO.
 */
int guard_prepare(struct err *err);

#endif
