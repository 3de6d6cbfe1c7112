/*
 * The template of selectors.
 */
#include <string.h>

#include "dnsname.h"
#include "selector.h"

enum placeholder { YEAR, MONTH, DAY, SEQ, RAND4, HOST, PLACEHOLDERS };

static const char *const names[PLACEHOLDERS] = {
	[YEAR] = "{yyyy}",
	[MONTH] = "{mm}",
	[DAY] = "{dd}",
	[SEQ] = "{seq}",
	[RAND4] = "{rand4}",
	[HOST] = "{host}",
};

/* Which placeholder text begins with; PLACEHOLDERS: none. */
static enum placeholder
placeholder_at(const char *text)
{
	int i = 0;

	while (i < PLACEHOLDERS &&
	    strncmp(text, names[i], strlen(names[i])) != 0)
		i++;
	return (enum placeholder)i;
}

static void
add_value(enum placeholder which, const struct selector_values *v,
    struct buf *out)
{
	switch (which) {
	case YEAR:
		buf_printf(out, "%04d", v->year);
		break;
	case MONTH:
		buf_printf(out, "%02d", v->month);
		break;
	case DAY:
		buf_printf(out, "%02d", v->day);
		break;
	case SEQ:
		buf_adds(out, v->seq);
		break;
	case RAND4:
		buf_adds(out, v->rand4);
		break;
	case HOST:
		buf_adds(out, v->host);
		break;
	case PLACEHOLDERS:
		break;
	}
}

void
selector_make(const char *text, const struct selector_values *values,
    struct buf *out)
{
	while (*text != '\0') {
		enum placeholder which = placeholder_at(text);

		if (which == PLACEHOLDERS) {
			buf_addc(out, *text++);
			continue;
		}
		add_value(which, values, out);
		text += strlen(names[which]);
	}
}

/* Whether it gives a selector, for short values. */
static bool
makes_selector(const char *text)
{
	static const struct selector_values values = { 2000, 12, 31, "a",
		"a1b2", "h" };
	struct buf out = BUF_INIT;
	bool is_valid;

	selector_make(text, &values, &out);
	/* Out of memory is no fault of the template. */
	is_valid = out.has_failed || dnsname_is_valid(out.data, out.len);
	buf_clear(&out);
	return is_valid;
}

const char *
selector_template_problem(const char *text)
{
	const char *p = text;

	if (*text == '\0')
		return "empty";
	while ((p = strpbrk(p, "{}")) != NULL) {
		enum placeholder which = placeholder_at(p);

		if (which == PLACEHOLDERS)
			return "placeholders are {yyyy} {mm} {dd} {seq} "
			       "{rand4} {host}";
		p += strlen(names[which]);
	}
	if (strstr(text, names[SEQ]) == NULL &&
	    strstr(text, names[RAND4]) == NULL)
		return "without {seq} and {rand4} two keys would have the "
		       "same selector";
	return makes_selector(text) ? NULL : "gives no valid selector";
}
