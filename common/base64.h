/*
 * Base64 (RFC 4648 section 4) as DKIM uses it: padded, without line ends when
 * written, with folding white space allowed anywhere when read (RFC 6376
 * section 2.10, base64string).
 */
#ifndef KEYTURN_BASE64_H
#define KEYTURN_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Append the encoding of len bytes to out. */
void base64_encode(const void *data, size_t len, struct buf *out);

/*
 * Append the decoding of text to out.  False when it is not base64: a foreign
 * byte, a wrong length, or padding elsewhere than at the end.
 */
bool base64_decode(const char *text, size_t len, struct buf *out);

#endif
