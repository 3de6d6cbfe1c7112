/*
 * The quick parser of ring.conf: goes through the tables of ringmember.c in the
 * order in which ringfile.c writes them.
 */
#include <stdlib.h>
#include <string.h>

#include "ringmember.h"
#include "ringquick.h"

enum {
	STRING_MAX = 4096, /* as long as the longest value may be */
	DIGITS_MAX = 9,    /* see conftext.c */
	LONG_DIGITS_MAX = 18,
};

/* Go on behind text, if it stands at *at. */
static bool
skip(const char **at, const char *text)
{
	size_t len = strlen(text);

	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

/* The same for the first len bytes of a name, and what follows it. */
static bool
skip_name(const char **at, const char *name, size_t len, const char *behind)
{
	const char *rest = *at + len;

	if (strncmp(*at, name, len) != 0 || !skip(&rest, behind))
		return false;
	*at = rest;
	return true;
}

/* A character of a string, "\x" and so on resolved; NUL: there is none. */
static char
scan_char(const char **at)
{
	const char *p = *at;
	int high, low;

	if (*p < ' ' || *p > '~')
		return '\0';
	if (*p != '\\') {
		(*at)++;
		return *p;
	}
	if (p[1] == '"' || p[1] == '\\') {
		*at += 2;
		return p[1];
	}
	if (p[1] != 'x' || (high = hex_digit(p[2])) == -1 ||
	    (low = hex_digit(p[3])) == -1)
		return '\0';
	*at += 4;
	return (char)(high << 4 | low);
}

static bool
scan_string(const char **at, char out[STRING_MAX + 1])
{
	size_t len = 0;

	if (!skip(at, "\""))
		return false;
	while (**at != '"') {
		if (len == STRING_MAX || (out[len] = scan_char(at)) == '\0')
			return false;
		len++;
	}
	out[len] = '\0';
	(*at)++;
	return true;
}

/* A whole number; is_long: with an L behind it. */
static bool
scan_number(const char **at, bool is_long, long long *number)
{
	size_t max = is_long ? LONG_DIGITS_MAX : DIGITS_MAX, digits;
	bool is_negative = skip(at, "-");

	digits = strspn(*at, "0123456789");
	if (digits == 0 || digits > max || (digits > 1 && **at == '0'))
		return false;
	*number = 0;
	while (digits-- > 0)
		*number = *number * 10 + (*(*at)++ - '0');
	if (is_negative)
		*number = -*number;
	return !is_long || skip(at, "L");
}

static bool
take_number(const char **at, const struct member *m, void *out)
{
	long long number, min, max;

	member_range(m, &min, &max);
	if (!scan_number(at, m->kind != MEMBER_BITS, &number) || number < min ||
	    number > max)
		return false;
	member_set_number(m, number, out);
	return true;
}

static bool
take_value(const char **at, const struct member *m, void *out)
{
	char text[STRING_MAX + 1];
	const char *what;

	if (member_is_number(m))
		return take_number(at, m, out);
	if (m->kind != MEMBER_BOOL)
		return scan_string(at, text) &&
		    member_take_text(m, text, out, &what);
	*(bool *)out = skip(at, "true");
	return *(bool *)out || skip(at, "false");
}

/* Members of object as write_members of ringfile.c writes them. */
static bool
take_members(const char **at, const struct member *table, void *object,
    const char *after)
{
	const char *open = NULL;
	size_t open_len = 0;

	for (const struct member *m = table; m->name != NULL; m++) {
		size_t len = member_group_len(m);
		const char *name = m->name + (len > 0 ? len + 1 : 0);

		if (open != NULL &&
		    (len != open_len || strncmp(m->name, open, len) != 0)) {
			if (!skip(at, "};") || !skip(at, after))
				return false;
			open = NULL;
		}
		if (len > 0 && open == NULL) {
			if (!skip_name(at, m->name, len, " = { "))
				continue;
			open = m->name;
			open_len = len;
		}
		if (!skip_name(at, name, strlen(name), " = ")) {
			if (m->is_required)
				return false;
			continue;
		}
		if (!take_value(at, m, (char *)object + m->offset) ||
		    !skip(at, ";") || !skip(at, len > 0 ? " " : after))
			return false;
	}
	return open == NULL || (skip(at, "};") && skip(at, after));
}

static bool
take_keys(const char **at, struct ring *ring)
{
	struct err ignored;

	if (!skip(at, "keys = ("))
		return false;
	if (skip(at, "\n);\n"))
		return true;
	do {
		struct ring_key *key;

		if (ring->key_count == RING_KEYS_MAX ||
		    (key = ring_add_key(ring, &ignored)) == NULL ||
		    !skip(at, "\n  { ") ||
		    !take_members(at, ring_key_members, key, " ") ||
		    !skip(at, "}") || !member_bits_are_good(key))
			return false;
	} while (skip(at, ","));
	return skip(at, "\n);\n");
}

/* The last line, of which only the form is left to be seen. */
static bool
take_sum(const char **at)
{
	char hex[STRING_MAX + 1];

	return skip(at, RINGFILE_SUM) && scan_string(at, hex) &&
	    skip(at, ";\n") && **at == '\0';
}

struct ring *
ringquick_parse(const char *text)
{
	struct err ignored;
	struct ring *ring = ring_new("", "", &ignored);
	size_t bad;

	if (ring != NULL && skip(&text, ringfile_comment) &&
	    take_members(&text, ring_members, ring, "\n") &&
	    take_members(&text, ring_bookkeeping, ring, "\n") &&
	    take_keys(&text, ring) && take_sum(&text) &&
	    ring_check(ring, &bad, &ignored) == 0)
		return ring;
	ring_free(ring);
	return NULL;
}
