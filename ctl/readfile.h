/*
 * Small files, read whole.
 */
#ifndef KEYTURN_READFILE_H
#define KEYTURN_READFILE_H

#include <stddef.h>

#include "buf.h"
#include "err.h"

/*
 * Append the content of path, a file or a pipe, to out.  Returns 0, or -1 with
 * err set: ERR_IO, ERR_LIMIT (more than max bytes), ERR_NOMEM.
 */
int readfile(const char *path, size_t max, struct buf *out, struct err *err);

#endif
