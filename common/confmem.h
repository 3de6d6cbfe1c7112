/*
 * The memory behind a struct conf, by the table of settings: released, copied,
 * compared.  Private to conf.c and to what it is made of.
 */
#ifndef KEYTURN_CONFMEM_H
#define KEYTURN_CONFMEM_H

#include "settings.h"

/*
 * Release what row has in base, which is the struct conf or the struct
 * ring_conf that row is about; it holds nothing there afterwards.
 */
void setting_clear(const struct setting *row, void *base);

/*
 * Make to, which holds nothing, a deep copy of from.  Returns 0, or -1 with
 * err set (ERR_NOMEM) and nothing in to.
 */
int ring_conf_copy(struct ring_conf *to, const struct ring_conf *from,
    struct err *err);

/* Release what is in conf, not conf itself. */
void ring_conf_clear(struct ring_conf *conf);

#endif
