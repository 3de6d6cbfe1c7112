/*
 * Which header fields are signed, and in which order: the tag h= of RFC 6376
 * section 3.5, chosen bottom-up (section 5.4.2), with oversigning: a name is
 * listed once more than it occurs, so that none can be added.
 */
#ifndef KEYTURN_SELECT_H
#define KEYTURN_SELECT_H

#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "hdrs.h"

struct selection {
	size_t *fields; /* indices into the hdrs, in the order of h= */
	size_t count;   /* oversigned places have no field and no index */
	size_t size;
	struct buf names; /* the value of h=: "from:to:subject", unfolded */
};

#define SELECTION_INIT         \
	{                      \
		.fields = NULL \
	}

void selection_clear(struct selection *s);

/*
 * Select for signing.
 *
 * sign, oversign  names separated by ":", lower case, each name once in a
 *                 list.  Of a name in sign all fields are signed; of one in
 *                 oversign too, and it is listed once more.
 * Returns 0, or -1 with err set: ERR_NOMEM.  s is replaced.
 */
int select_for_signing(const struct hdrs *h, const char *sign,
    const char *oversign, struct selection *s, struct err *err);

/*
 * Select what a given h= names: per name the last field not taken yet, nothing
 * when there is none left.  names, len: the tag's value, white space allowed
 * around the colons.  RFC 6376 section 5.4.2.
 */
int select_for_verifying(const struct hdrs *h, const char *names, size_t len,
    struct selection *s, struct err *err);

#endif
