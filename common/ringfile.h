/*
 * ring.conf: a ring as text, in libconfig's syntax.  Written by keyturn only,
 * and read as carefully as if it were not.
 */
#ifndef KEYTURN_RINGFILE_H
#define KEYTURN_RINGFILE_H

#include "buf.h"
#include "err.h"
#include "ring.h"

#define RINGFILE_BYTES_MAX (4 << 20)

/* Append ring as the text of a ring.conf. */
void ringfile_write(const struct ring *ring, struct buf *out);

/*
 * The reverse.  path is for the error.  Everything is checked: unknown and
 * missing members, forms and ranges, a selector twice outside the slots, two
 * active keys of one algorithm.
 * Returns NULL with err set: ERR_CONF ("file:line: what: value"), ERR_NOMEM.
 */
struct ring *ringfile_parse(const char *path, const char *text,
    struct err *err);

/* One key as a group on one line, "{ selector = ...; }"; and the reverse. */
void ringfile_write_key(const struct ring_key *key, struct buf *out);
int ringfile_parse_key(const char *path, const char *text, struct ring_key *key,
    struct err *err);

#endif
