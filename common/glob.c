/*
 * Patterns of names.
 */
#include <stddef.h>
#include <string.h>

#include "ascii.h"
#include "dnsname.h"
#include "glob.h"

/*
 * Where the glob does not fit on, the last star takes one character more; an
 * earlier star never has to.
 */
bool
glob_match(const char *glob, const char *text)
{
	const char *after_star = NULL, *star_at = NULL;

	while (*text != '\0') {
		if (*glob == '*') {
			after_star = ++glob;
			star_at = text;
		} else if (ascii_lower(*glob) == ascii_lower(*text)) {
			glob++;
			text++;
		} else if (after_star != NULL) {
			glob = after_star;
			text = ++star_at;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

/* A star of b is taken for a character that only a star of a matches. */
bool
glob_covers(const char *a, const char *b)
{
	return glob_match(a, b);
}

const char *
glob_domain_problem(const char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return "empty";
	if (strchr(text, '@') != NULL)
		return "a domain has no @ in it";
	if (strchr(text, '*') == NULL)
		return dnsname_is_valid(text, len) ? NULL : "not a domain";
	if (len > DNSNAME_MAX)
		return "longer than a domain can be";
	for (const char *p = text; *p != '\0'; p++) {
		char c = ascii_lower(*p);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    strchr("-_.*", c) == NULL)
			return "not a pattern of domains, like *.example.com";
	}
	return NULL;
}
