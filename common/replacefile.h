/*
 * A file replaced whole: whoever reads it, or finds it after a crash or a full
 * disk, finds the old or the new one.
 */
#ifndef KEYTURN_REPLACEFILE_H
#define KEYTURN_REPLACEFILE_H

#include <stddef.h>

#include "err.h"

#define REPLACEFILE_SUFFIX ".new" /* of the name that is written first */

/*
 * In two steps, for who has something else to make sure of between them; one
 * writer at a time.  dir is a descriptor of the directory that path is in,
 * which is used for the last component of path.
 *
 * replacefile_prepare writes the new file beside the old one, mode 0600, and
 * fsyncs it; replacefile_rename puts it in place, durable only after an fsync
 * of dir; replacefile_cancel removes it.  When the first two fail nothing is
 * left of the new file.
 * Both return 0, or -1 with err set: ERR_IO.
 */
int replacefile_prepare(int dir, const char *path, const void *data, size_t len,
    struct err *err);
int replacefile_rename(int dir, const char *path, struct err *err);
void replacefile_cancel(int dir, const char *path);

/* All of it. */
int replacefile_write(const char *path, const void *data, size_t len,
    struct err *err);

/* The last component of path; a descriptor of its directory, or -1. */
const char *replacefile_name(const char *path);
int replacefile_open_dir(const char *path, struct err *err);

/* Write len bytes.  Returns 0, or -1 with err set: ERR_IO. */
int write_all(int fd, const char *path, const void *data, size_t len,
    struct err *err);

#endif
