/*
 * Small files of the command line tool's own, replaced whole.
 */
#ifndef KEYTURN_SMALLFILE_H
#define KEYTURN_SMALLFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * Put text in the place of path: temporary file, rename.  A reader sees the old
 * text or the new.  Of two writers at the same time one does nothing: these
 * files hold what a later run can find out again.
 *
 * is_durable  seen to the disk before it gets its name: a power cut does not
 *             leave an empty file
 * Returns 0, or -1 with err set: ERR_IO, ERR_NOMEM; path is then as before.
 */
int smallfile_write(const char *path, const void *text, size_t len,
    bool is_durable, struct err *err);

/*
 * The path of name in the directory that holds the directory dir; to be freed.
 * NULL when there is no memory.
 */
char *smallfile_beside(const char *dir, const char *name);

#endif
