/*
 * ASCII, whatever the locale says: the case and the white space that mail's
 * grammars mean.  Other bytes are never letters.
 */
#ifndef KEYTURN_ASCII_H
#define KEYTURN_ASCII_H

#include <stdbool.h>
#include <stddef.h>

static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* WSP of RFC 5234: space and tab, nothing else. */
static inline bool
ascii_is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* Whether two texts of that length are equal, letter case aside. */
static inline bool
ascii_equal(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return true;
}

/*
 * The length of the folding white space at the start of text: a CRLF belongs
 * to it only before a space or tab.  FWS of RFC 6376 section 2.8.
 */
static inline size_t
ascii_fws_len(const char *text, size_t len)
{
	size_t i = 0;

	for (;;) {
		if (i < len && ascii_is_wsp(text[i]))
			i++;
		else if (len - i >= 3 && text[i] == '\r' &&
		    text[i + 1] == '\n' && ascii_is_wsp(text[i + 2]))
			i += 3;
		else
			return i;
	}
}

#endif
