/*
 * The part of `check` that looks keys up: what is published for each key that
 * keyturnd would sign with.
 */
#ifndef KEYTURN_CHECKDNS_H
#define KEYTURN_CHECKDNS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "snap.h"

struct checkdns {
	/* Called with each trouble, and with what only deserves a warning. */
	void (*tell)(void *arg, const char *text, bool is_warning);
	void *arg;
	size_t bad, unanswered; /* keys; set to what was found */
};

/*
 * Look up the record of every key of snap, side by side.
 * Returns 0, or -1 with err set: ERR_NOMEM, ERR_CRYPTO, ERR_IO.
 */
int checkdns(const struct snap *snap, struct checkdns *c, struct err *err);

#endif
