/*
 * ring.conf: a ring as text, in libconfig's syntax.  Written by keyturn only,
 * and read as carefully as if it were not.  Its last line is the SHA-256 of
 * all before it: a bit that fell over, or a hand's edit, is noticed.
 */
#ifndef KEYTURN_RINGFILE_H
#define KEYTURN_RINGFILE_H

#include "buf.h"
#include "err.h"
#include "ring.h"

#define RINGFILE_BYTES_MAX (4 << 20)

/*
 * Append ring as the text of a ring.conf.  Returns 0, or -1 with err set:
 * ERR_NOMEM, ERR_CRYPTO.
 */
int ringfile_write(const struct ring *ring, struct buf *out, struct err *err);

/*
 * The reverse.  path is for the error.  Everything is checked: the sum, unknown
 * and missing members, forms and ranges, and ring_check.
 * Returns NULL with err set: ERR_CONF ("file:line: what: value"), ERR_NOMEM,
 * ERR_CRYPTO.
 */
struct ring *ringfile_parse(const char *path, const char *text,
    struct err *err);

/* One key as a group on one line, "{ selector = ...; }". */
void ringfile_write_key(const struct ring_key *key, struct buf *out);

/* What is said of the ring itself, but its steps: on one line. */
void ringfile_write_head(const struct ring *ring, struct buf *out);

/*
 * A part of a ring: head as ringfile_write_head writes it, and keys as
 * ringfile_write_key does, with commas between.  The steps are then 0, and
 * ring_check was not asked.
 * Returns NULL with err set as above.
 */
struct ring *ringfile_parse_part(const char *path, const char *head,
    const char *keys, struct err *err);

/* Whether name can be that of a key's file: lower case, no slash, ".pem". */
bool ringfile_is_key_name(const char *name);

#endif
