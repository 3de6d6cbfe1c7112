/*
 * Patterns of names.
 */
#include <string.h>

#include "ascii.h"
#include "dnsname.h"
#include "glob.h"

static char
lower_at(const void *text, size_t i)
{
	return ascii_lower(((const char *)text)[i]);
}

bool
glob_match(const char *glob, const char *text)
{
	return glob_match_by(glob, lower_at, text, strlen(text));
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
