/*
 * How the text of a table becomes lines and words, whatever they mean: white
 * space, comments, line ends, limits, and errors with line and column.
 * Private to table.c.
 */
#ifndef KEYTURN_TABLETEXT_H
#define KEYTURN_TABLETEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define TABLE_SHOWN_MAX 256 /* bytes of an offending value in an error */

/* Where reading is: one line and what is left of it. */
struct table_cursor {
	const char *path;
	const char *start; /* of the line, for columns */
	char *at, *end;    /* the byte at end may be overwritten */
	unsigned line;
	struct err *err;
};

/* A piece of the line; NUL-terminated only by word_cut. */
struct table_word {
	char *text;
	size_t len;
};

/*
 * Reads the line at c, whose first word is first, into the cleared slot.
 * Returns 0, or -1 with the cursor's err set.
 */
typedef int table_parser(struct table_cursor *c, const struct table_word *first,
    void *slot);

/* The lines of a table while they are read; items is one array. */
struct table_lines {
	void *items;
	size_t item_size, count, size;
	table_parser *parse;
};

/*
 * Read a table: a copy of its path, its text, its lines, all of which belong
 * to the caller, whatever the result.  Words in lines point into text.
 * Returns 0, or -1 with err set.
 */
int table_read(const char *path, char **path_copy, char **text,
    struct table_lines *l, struct err *err);

/* "file:line:column: what: value", the column that of value.  Returns -1. */
int table_refuse(const struct table_cursor *c, const char *what,
    const char *value, size_t len);

/* The same where something is missing: no value.  Returns -1. */
int table_refuse_end(const struct table_cursor *c, const char *what);

/* The next word up to white space; false at the end or at a comment. */
bool word_next(struct table_cursor *c, struct table_word *w);

/* Split w at the first separator; false, and nothing done, without one. */
bool word_split(struct table_word *w, char separator, struct table_word *first);

/* End the word with a NUL, over the separator behind it. */
const char *word_cut(const struct table_word *w);

/* ASCII letters become small ones. */
void word_lower(struct table_word *w);

#endif
