/*
 * libmilter's callbacks: they take arguments apart, call session.c and give
 * back what it decided.
 */
#ifndef KEYTURN_MILTER_CALLBACKS_H
#define KEYTURN_MILTER_CALLBACKS_H

#include "channel.h"
#include "err.h"

/*
 * Tell libmilter about them.  Once, before its socket is opened.
 * Returns 0, or -1 with err set: ERR_IO.
 */
int callbacks_register(struct err *err);

/* The channel of all sessions; before smfi_main. */
void callbacks_set_channel(struct channel *ch);

#endif
