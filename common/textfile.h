/*
 * Text files read whole: the configuration and the tables.
 */
#ifndef KEYTURN_TEXTFILE_H
#define KEYTURN_TEXTFILE_H

#include <stddef.h>

#include "err.h"

/*
 * Read a regular file of at most max bytes.  It is opened once, never waits
 * (a FIFO is refused, not read), and must not change its size meanwhile.
 *
 * len  set to the bytes of the text, without the final NUL that is added
 * Returns the text, to be freed, which holds no other NUL; or NULL with err
 * set: ERR_CONF (not there, not ours to read, not a regular file, too large, a
 * NUL in it: "file:line:column: what"), ERR_IO, ERR_NOMEM.
 */
char *textfile_read(const char *path, size_t max, size_t *len, struct err *err);

/* The same of what is open as fd, which stays open. */
char *textfile_read_fd(int fd, const char *path, size_t max, size_t *len,
    struct err *err);

#endif
