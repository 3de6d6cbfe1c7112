/*
 * Line ends as they go over the wire: a lone LF becomes CRLF; CRLF and a lone
 * CR pass.  A streaming filter: the result does not depend on where the input
 * was cut, and a piece without lone LF passes through in one call.
 */
#ifndef KEYTURN_CRLF_H
#define KEYTURN_CRLF_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct crlf {
	bool after_cr; /* the last byte seen was a CR */
};

#define CRLF_INIT                 \
	{                         \
		.after_cr = false \
	}

/* Takes a piece of output; returns 0, or -1 with err set. */
typedef int crlf_sink(void *arg, const void *data, size_t len, struct err *err);

/*
 * Feed len bytes (may hold NUL) and pass them on to sink, as many calls as it
 * takes.  Returns 0, or -1 when sink did.
 */
int crlf_update(struct crlf *c, const void *data, size_t len, crlf_sink *sink,
    void *arg, struct err *err);

#endif
