/*
 * A zone file's $INCLUDE fragment that belongs to keyturn: one TXT record a
 * line, in the form that recordform.h calls bind, and comments.
 */
#ifndef KEYTURN_FRAGMENT_H
#define KEYTURN_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

#define FRAGMENT_BYTES_MAX ((size_t)64 << 20)

struct fragment {
	struct buf text;
	bool has_record; /* at the name asked for: */
	size_t at, len;  /* its line in text, the line end included */
	struct buf value;
};

#define FRAGMENT_INIT                                                    \
	{                                                                \
		.text = BUF_INIT, .has_record = false, .value = BUF_INIT \
	}

void fragment_clear(struct fragment *f);

/*
 * Read the file, of which every line must be understood, and find the record
 * at name (no final dot).  A file that is not there is empty.
 * Returns 0, or -1 with err set: ERR_INPUT ("path:line: what: value"),
 * ERR_LIMIT, ERR_IO, ERR_NOMEM.
 */
int fragment_read(struct fragment *f, const char *path, const char *name,
    struct err *err);

/*
 * Put line (with its line end; NULL: none) in the place of the record found,
 * or at the end, and replace the file: temporary file, fsync, rename, fsync of
 * the directory.  The mode stays, and is 0644 at first.  Nothing is written
 * that is there already.  The caller has the lock.
 * Returns 0, or -1 with err set: ERR_IO, ERR_NOMEM; the file is then as before.
 */
int fragment_write(const struct fragment *f, const char *path, const char *line,
    struct err *err);

/*
 * Take the lock of path against other writers; wait at most timeout seconds.
 * It is the directory that is locked, so that nothing is left lying about.
 * Returns a descriptor, to be closed, or -1 with err set: ERR_IO, ERR_NOMEM.
 */
int fragment_lock(const char *path, int timeout, struct err *err);

#endif
