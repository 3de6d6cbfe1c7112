/*
 * Tag lists, RFC 6376 section 3.2: the syntax of a DKIM-Signature field and of
 * a key record.  What a tag means is for others.
 */
#ifndef KEYTURN_TAGLIST_H
#define KEYTURN_TAGLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define TAGLIST_MAX 64 /* tags */

/* A stretch of text, borrowed. */
struct span {
	const char *data;
	size_t len;
};

struct tag {
	struct span name;
	struct span value; /* without white space around it */
	struct span raw;   /* all between "=" and ";" */
};

struct taglist {
	struct tag tags[TAGLIST_MAX];
	size_t count;
};

/*
 * Parse text, which must live as long as list is used.  White space may be
 * folded with CRLF.  Bytes above 0x7f are taken inside values, for RFC 8616
 * section 5.
 * Returns 0, or -1 with err set: ERR_INPUT (not a tag list, or a tag twice),
 * ERR_LIMIT.  The text is safe for a log.
 */
int taglist_parse(const char *text, size_t len, struct taglist *list,
    struct err *err);

/* The tag of that name (letter case matters), or NULL. */
const struct tag *taglist_find(const struct taglist *list, const char *name);

/* Whether s is text, letter case aside. */
bool span_is(struct span s, const char *text);

/*
 * Take the next element of a list separated by colons, such as h= and q=, from
 * *rest: white space around it does not belong to it.  False at the end.  Begin
 * with *rest = the value; an empty value has one empty element.
 */
bool span_next(struct span *rest, struct span *element);

/*
 * Read an unsigned decimal number of at most max_digits digits.  False if it is
 * not one; a number too large for *out becomes the largest.
 */
bool span_number(struct span s, size_t max_digits, unsigned long long *out);

#endif
