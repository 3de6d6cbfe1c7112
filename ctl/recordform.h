/*
 * A key record in the forms that people and programs paste: strings of at most
 * 255 octets, everything else as the form wants it.
 */
#ifndef KEYTURN_RECORDFORM_H
#define KEYTURN_RECORDFORM_H

#include <stdbool.h>

#include "buf.h"

enum recordform {
	RECORDFORM_BIND,     /* name. TTL IN TXT ( "..." "..." ) */
	RECORDFORM_TEXT,     /* for a web form: name, type, TTL, value */
	RECORDFORM_JSON,     /* one object, a line */
	RECORDFORM_NSUPDATE, /* "update add ..." with its prerequisite, send */
};

bool recordform_parse(const char *name, enum recordform *form);

/*
 * Append the record; name without final dot.  Each form ends with a line end;
 * bind and json are one line.
 */
void recordform_write(enum recordform form, const char *name, int ttl,
    const char *value, struct buf *out);

/* Append value as a JSON array of its strings. */
void recordform_json_strings(const char *value, struct buf *out);

#endif
