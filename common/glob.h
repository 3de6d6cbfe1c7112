/*
 * Patterns of names as in a SigningTable: "*" matches any run of characters,
 * nothing else is special, letter case does not count.
 */
#ifndef KEYTURN_GLOB_H
#define KEYTURN_GLOB_H

#include <stdbool.h>

/* Whether text matches glob. */
bool glob_match(const char *glob, const char *text);

/*
 * Whether every text that matches glob b matches glob a too, as far as that
 * can be told by looking at them: never true when it is not so.
 */
bool glob_covers(const char *a, const char *b);

/* What keeps text from being a pattern of domains, or NULL: it is one. */
const char *glob_domain_problem(const char *text);

#endif
