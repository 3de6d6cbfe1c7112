/*
 * TXT records from a zone file in the usual presentation form, RFC 1035
 * section 5: for looking keys up without DNS.
 */
#ifndef KEYTURN_ZONE_H
#define KEYTURN_ZONE_H

#include <stddef.h>

#include "buf.h"
#include "err.h"

#define ZONE_BYTES_MAX ((size_t)64 << 20) /* of a file */

struct zone_txt {
	size_t name_at, name_len; /* in zone.text, lower case, no final dot */
	size_t data_at, data_len; /* in zone.text, the strings joined */
};

struct zone {
	struct buf text;
	struct zone_txt *records;
	size_t count, size;
};

#define ZONE_INIT                \
	{                        \
		.text = BUF_INIT \
	}

void zone_clear(struct zone *z);

/*
 * Add the TXT records of a zone file's text to z.  Taken: $ORIGIN, $TTL,
 * names relative to the origin (without any $ORIGIN a name is complete with or
 * without its final dot), names left out, "@", TTL and class in either order,
 * parentheses, comments, quoted and bare strings, \" and \DDD.  Records of
 * other types are skipped.
 *
 * path  for messages
 * Returns 0, or -1 with err set: ERR_INPUT ("path:line: what: value"),
 * ERR_NOMEM.
 */
int zone_parse(struct zone *z, const char *path, const char *text, size_t len,
    struct err *err);

/* Read the file path, likewise; also ERR_IO, ERR_LIMIT. */
int zone_load(struct zone *z, const char *path, struct err *err);

/*
 * The i-th TXT record at name (lower case, no final dot): sets data and len,
 * valid until z changes, and returns how many there are at that name.
 */
size_t zone_find(const struct zone *z, const char *name, size_t name_len,
    size_t i, const char **data, size_t *len);

#endif
