/*
 * Secrets in files: private keys, TSIG keys.  Who may read such a file is
 * checked on the descriptor that it is read from.
 */
#ifndef KEYTURN_SECRETFILE_H
#define KEYTURN_SECRETFILE_H

#include <sys/stat.h>
#include <sys/types.h>

#include <stddef.h>

#include "err.h"

/*
 * Open path for reading, without following a link in its last component and
 * without waiting for anything.
 * Returns the descriptor, or -1 with err set: ERR_KEY, ERR_IO.
 */
int secretfile_open(const char *path, struct err *err);

/* The same for the last component of path in the directory dir. */
int secretfile_open_at(int dir, const char *path, struct err *err);

/*
 * Whether the file may be trusted to be secret and ours: regular, owned by root
 * or by our effective user, mode 0600 (or less), or 0640 when its group is our
 * effective group; at most max bytes.
 * Returns 0, or -1 with err set: ERR_KEY; the text names the file, what is
 * wrong and the command that mends it.
 */
int secretfile_check(const char *path, const struct stat *st, size_t max,
    struct err *err);

/*
 * Check what is open and read all of it, at most size bytes.  st is set to what
 * the file was.  Cleanse data afterwards, on failure too.
 * Returns the bytes, or -1 with err set: ERR_KEY, ERR_IO.
 */
ssize_t secretfile_read(int fd, const char *path, void *data, size_t size,
    struct stat *st, struct err *err);

#endif
