/*
 * Patterns of names as in a SigningTable: "*" matches any run of characters,
 * nothing else is special.  They are in lower case, and match whatever case.
 */
#ifndef KEYTURN_GLOB_H
#define KEYTURN_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "ascii.h"

/* Whether text matches glob. */
bool glob_match(const char *glob, const char *text);

/* Byte i of what is matched, in lower case. */
typedef char glob_byte(const void *text, size_t i);

/*
 * The same for a text of len bytes that does not stand in one piece.  Where the
 * glob does not fit on, the last star takes one byte more; an earlier star
 * never has to.  Inline: at is called for every byte.
 */
static inline bool
glob_match_by(const char *glob, glob_byte *at, const void *text, size_t len)
{
	const char *after_star = NULL;
	size_t i = 0, star_at = 0;

	while (i < len) {
		if (*glob == '*') {
			after_star = ++glob;
			star_at = i;
		} else if (*glob == at(text, i)) {
			glob++;
			i++;
		} else if (after_star != NULL) {
			glob = after_star;
			i = ++star_at;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

/*
 * Whether every text that matches glob b matches glob a too, as far as that
 * can be told by looking at them: never true when it is not so.
 */
bool glob_covers(const char *a, const char *b);

/* What keeps text from being a pattern of domains, or NULL: it is one. */
const char *glob_domain_problem(const char *text);

#endif
