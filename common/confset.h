/*
 * From a value in keyturn.conf to a member of struct conf.  Private to conf.c.
 */
#ifndef KEYTURN_CONFSET_H
#define KEYTURN_CONFSET_H

#include "confvalue.h"
#include "settings.h"

/*
 * Check the value s for row and put it into r->conf or, if rings can have it of
 * their own, r->ring, which holds nothing there yet.  Returns 0, or -1 with
 * r->err set: ERR_CONF ("file:line: name: what: value"), ERR_IO, ERR_NOMEM;
 * r->conf is then good for conf_free only.
 */
int conf_set(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);

#endif
