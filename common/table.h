/*
 * KeyTable and SigningTable: their syntax.  What a name in them refers to is
 * for snap.c; what matches is for policy.c.
 *
 * A table is read whole and cut in place: the lines point into one block of
 * text, so that a million of them cost no million allocations.
 */
#ifndef KEYTURN_TABLE_H
#define KEYTURN_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define TABLE_LINE_MAX  65536 /* bytes without the line end */
#define TABLE_LINE_KEYS 8     /* key names in one SigningTable line */

/* name domain:selector:path, or name ring:domain */
struct key_line {
	const char *name; /* case matters */
	const char
	    *ring; /* its domain, lower case, or NULL; with it none of: */
	const char *domain;   /* lower case */
	const char *selector; /* lower case */
	const char *path; /* absolute, or relative to the table's directory */
	unsigned line;
};

struct key_table {
	char *path; /* of the table */
	char *text;
	struct key_line *lines;
	size_t count;
	uint32_t *index; /* for key_table_find: places in lines, hashed */
	size_t index_size;
};

/* pattern keyname[,keyname...] */
struct sign_line {
	const char *pattern;               /* lower case */
	const char *keys[TABLE_LINE_KEYS]; /* names */
	unsigned short key_count;
	unsigned line;
};

struct sign_table {
	char *path;
	char *text;
	struct sign_line *lines;
	size_t count;
};

/*
 * Read a KeyTable.  A name twice, a domain or a selector that is not one
 * (RFC 6376 section 3.1: sub-domains of letters, digits, hyphens; underscores
 * are taken), a missing or surplus part, a NUL, a line over TABLE_LINE_MAX are
 * errors.  The last line may lack its line end; CRLF ends are taken.
 * Returns the table, or NULL with err set: ERR_CONF ("file:line:column: what:
 * value"), ERR_IO, ERR_NOMEM.
 */
struct key_table *key_table_load(const char *path, struct err *err);
void key_table_free(struct key_table *t);

/*
 * Read a SigningTable, likewise.  The same pattern may stand on several lines.
 */
struct sign_table *sign_table_load(const char *path, struct err *err);
void sign_table_free(struct sign_table *t);

/* The line of that name, or NULL. */
const struct key_line *key_table_find(const struct key_table *t,
    const char *name);

#endif
