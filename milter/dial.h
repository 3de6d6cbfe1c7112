/*
 * Making a connection to keyturnd.
 */
#ifndef KEYTURN_MILTER_DIAL_H
#define KEYTURN_MILTER_DIAL_H

#include "chan.h"
#include "err.h"

/* Where keyturnd is, and which socket we tell it that we serve. */
struct endpoint {
	const char *path;
	char spec[CHAN_SPEC_MAX];
};

/*
 * Connect and say who we are: a keyturnd that hangs holds us up no longer than
 * until the deadline, a mono_now_ms().
 * Returns the descriptor, or -1 with err set: ERR_IO.
 */
int dial(const struct endpoint *keyturnd, enum chan_role role,
    long long deadline, struct err *err);

#endif
