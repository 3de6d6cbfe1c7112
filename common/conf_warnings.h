/*
 * Warnings about the settings of rings: what is taken, and is probably not
 * what was meant.
 */
#ifndef KEYTURN_CONF_WARNINGS_H
#define KEYTURN_CONF_WARNINGS_H

#include "buf.h"
#include "conf.h"

/*
 * Append a line for each, with a newline: "file: name: what".  Out of memory
 * shows in out.
 */
void conf_add_warnings(const struct conf *conf, struct buf *out);

#endif
