/*
 * Writing JSON, RFC 8259.
 */
#ifndef KEYTURN_JSON_H
#define KEYTURN_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "buf.h"

/*
 * Append a string.  Valid UTF-8 stays as it is; a byte that is not part of any
 * becomes U+FFFD.
 */
void json_string(struct buf *out, const void *data, size_t len);

/*
 * Append the name of an object's member, with a comma before it unless the
 * object has just been opened.
 */
void json_name(struct buf *out, const char *name);

/*
 * Append a member: a string (NULL: null), a boolean, a time as by when_text (0:
 * null), or a number.
 */
void json_text(struct buf *out, const char *name, const char *text);
void json_bool(struct buf *out, const char *name, bool value);
void json_when(struct buf *out, const char *name, time_t t);
void json_number(struct buf *out, const char *name, unsigned long long number);

#endif
