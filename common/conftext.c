/*
 * A look at the text of keyturn.conf: just enough of its syntax to tell
 * comments, strings and numbers from each other.
 */
#include <stdbool.h>
#include <string.h>

#include "conftext.h"

enum {
	DIGITS_MAX = 9,       /* always fit 32 bits */
	LONG_DIGITS_MAX = 18, /* always fit 64 bits */
	NESTED_MAX = 16,
};

struct scan {
	const char *path;
	const char *at;
	unsigned line;
	char before;           /* the last byte that was no blank or comment */
	char open[NESTED_MAX]; /* the brackets around this place */
	size_t depth;
	struct err *err;
};

static int
refuse(const struct scan *s, unsigned line, const char *what)
{
	return err_set(s->err, ERR_CONF, "%s:%u: %s", s->path, line, what);
}

/* Whether the grammar can have a string here. */
static bool
is_string_place(const struct scan *s)
{
	if (s->before == ',')
		return s->depth > 0 && s->open[s->depth - 1] != '{';
	return s->before != '\0' && strchr("=:[(", s->before) != NULL;
}

/* From the opening quote to behind the closing one. */
static int
scan_string(struct scan *s)
{
	unsigned start = s->line;

	if (s->before == '"')
		return refuse(s, start, "two strings without a comma between");
	if (!is_string_place(s))
		return refuse(s, start, "a string where none belongs");
	for (s->at++; *s->at != '"'; s->at++) {
		if (*s->at == '\\' && strncmp(s->at, "\\x00", 4) == 0)
			return refuse(s, s->line, "a NUL in a string: \\x00");
		if (*s->at == '\\' && s->at[1] != '\0')
			s->at++;
		if (*s->at == '\n')
			s->line++;
		if (*s->at == '\0')
			return refuse(s, start,
			    "a string without its closing quote");
	}
	s->at++;
	s->before = '"';
	return 0;
}

static int
scan_long_comment(struct scan *s)
{
	unsigned start = s->line;
	const char *end = strstr(s->at + 2, "*/");

	if (end == NULL)
		return refuse(s, start, "a comment without its end: /*");
	for (; s->at < end; s->at++)
		if (*s->at == '\n')
			s->line++;
	s->at = end + 2;
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number, at its first digit. */
static int
scan_number(struct scan *s)
{
	size_t digits = strspn(s->at, "0123456789");
	const char *end = s->at + digits;
	size_t max = *end == 'L' ? LONG_DIGITS_MAX : DIGITS_MAX;
	int shown = (int)(digits < 40 ? digits : 40);

	if (*s->at == '0' && (digits > 1 || *end == 'x' || *end == 'X'))
		return err_set(s->err, ERR_CONF,
		    "%s:%u: numbers are decimal here (a mode is a string, "
		    "\"0660\"): %.*s%s",
		    s->path, s->line, shown, s->at, digits > 1 ? "" : "x");
	if (digits > max)
		return err_set(s->err, ERR_CONF,
		    "%s:%u: a number of more than %zu digits%s: %.*s", s->path,
		    s->line, max, max == DIGITS_MAX ? " needs an L" : "", shown,
		    s->at);
	s->at = end;
	return 0;
}

/* A word, skipped whole: the digits in it are no number. */
static void
scan_name(struct scan *s)
{
	while ((*s->at >= 'a' && *s->at <= 'z') ||
	    (*s->at >= 'A' && *s->at <= 'Z') || is_digit(*s->at) ||
	    *s->at == '_' || *s->at == '-' || *s->at == '*')
		s->at++;
}

/* A bracket; whether pairs match is for the library to say. */
static int
scan_bracket(struct scan *s)
{
	bool is_opening = strchr("{[(", *s->at) != NULL;

	if (is_opening && s->depth == NESTED_MAX)
		return refuse(s, s->line, "nested more than 16 deep");
	if (is_opening)
		s->open[s->depth++] = *s->at;
	else if (s->depth > 0)
		s->depth--;
	s->at++;
	return 0;
}

static bool
is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

/* Whatever stands at s->at, which is not the end. */
static int
scan_next(struct scan *s)
{
	char c = *s->at;

	if (c == '#' || (c == '/' && s->at[1] == '/')) {
		s->at += strcspn(s->at, "\n");
		return 0;
	}
	if (c == '/' && s->at[1] == '*')
		return scan_long_comment(s);
	if (c == '"')
		return scan_string(s);
	if (c == '\n' || c == ' ' || c == '\t' || c == '\r') {
		s->line += c == '\n';
		s->at++;
		return 0;
	}
	s->before = c;
	if (c == '@')
		return refuse(s, s->line,
		    "@include is not supported: write everything into one "
		    "file");
	if (is_digit(c))
		return scan_number(s);
	if (strchr("{[(}])", c) != NULL)
		return scan_bracket(s);
	if (is_name_start(c))
		scan_name(s);
	else
		s->at++;
	return 0;
}

int
conftext_check(const char *path, const char *text, struct err *err)
{
	struct scan s = { .path = path, .at = text, .line = 1, .err = err };

	while (*s.at != '\0')
		if (scan_next(&s) == -1)
			return -1;
	return 0;
}
