/*
 * Tag lists.
 */
#include <limits.h>
#include <string.h>

#include "ascii.h"
#include "buf.h"
#include "taglist.h"

/* Where the parser is. */
struct cursor {
	const char *at, *end;
};

static bool
is_alpha(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* VALCHAR, and the UTF-8 that RFC 8616 adds. */
static bool
is_valchar(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= 0x21 && u != ';' && u != 0x7f);
}

/* FWS, any number of times. */
static void
skip_fws(struct cursor *c)
{
	c->at += ascii_fws_len(c->at, (size_t)(c->end - c->at));
}

/* Describe what stands at the cursor for an error. */
static int
refuse(const struct cursor *c, const char *start, const char *wanted,
    struct err *err)
{
	struct buf shown = BUF_INIT;
	size_t left = (size_t)(c->end - c->at);
	const char *text;

	if (left == 0)
		return err_set(err, ERR_INPUT,
		    "tag list: %s expected at its end", wanted);
	buf_add_escaped(&shown, c->at, left < 20 ? left : 20);
	text = buf_str(&shown);
	err_set(err, ERR_INPUT, "tag list: %s expected at byte %zu: %s", wanted,
	    (size_t)(c->at - start) + 1, text ? text : "");
	buf_clear(&shown);
	return -1;
}

/* tag-name, RFC 6376: ALPHA *ALNUMPUNC. */
static bool
tag_name(struct cursor *c, struct span *name)
{
	name->data = c->at;
	if (c->at == c->end || !is_alpha(*c->at))
		return false;
	while (c->at < c->end &&
	    (is_alpha(*c->at) || is_digit(*c->at) || *c->at == '_'))
		c->at++;
	name->len = (size_t)(c->at - name->data);
	return true;
}

/* [FWS] tag-value [FWS], up to ";" or the end. */
static void
tag_value(struct cursor *c, struct tag *tag)
{
	const char *last;

	tag->raw.data = c->at;
	skip_fws(c);
	tag->value.data = last = c->at;
	while (c->at < c->end && is_valchar(*c->at)) {
		while (c->at < c->end && is_valchar(*c->at))
			c->at++;
		last = c->at;
		skip_fws(c);
	}
	tag->value.len = (size_t)(last - tag->value.data);
	tag->raw.len = (size_t)(c->at - tag->raw.data);
}

static bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* [FWS] tag-name [FWS] "=" value, and the tag must be new. */
static int
tag_spec(struct cursor *c, const char *start, struct taglist *list,
    struct err *err)
{
	struct tag *tag = &list->tags[list->count];

	if (list->count == TAGLIST_MAX)
		return err_set(err, ERR_LIMIT, "tag list: more than %d tags",
		    TAGLIST_MAX);
	if (!tag_name(c, &tag->name))
		return refuse(c, start, "a tag name", err);
	skip_fws(c);
	if (c->at == c->end || *c->at != '=')
		return refuse(c, start, "\"=\"", err);
	c->at++;
	tag_value(c, tag);
	if (c->at < c->end && *c->at != ';')
		return refuse(c, start, "\";\" or a character of a value", err);
	for (size_t i = 0; i < list->count; i++) {
		if (span_equal(list->tags[i].name, tag->name))
			return err_set(err, ERR_INPUT,
			    "tag list: tag twice: %.*s=", (int)tag->name.len,
			    tag->name.data);
	}
	list->count++;
	return 0;
}

/* tag-list = tag-spec *( ";" tag-spec ) [ ";" ] */
int
taglist_parse(const char *text, size_t len, struct taglist *list,
    struct err *err)
{
	struct cursor c = { text, text + len };

	list->count = 0;
	for (;;) {
		skip_fws(&c);
		if (c.at == c.end && list->count > 0)
			return 0;
		if (tag_spec(&c, text, list, err) == -1)
			return -1;
		if (c.at == c.end)
			return 0;
		c.at++;
	}
}

const struct tag *
taglist_find(const struct taglist *list, const char *name)
{
	struct span wanted = { name, strlen(name) };

	for (size_t i = 0; i < list->count; i++) {
		if (span_equal(list->tags[i].name, wanted))
			return &list->tags[i];
	}
	return NULL;
}

bool
span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && ascii_equal(s.data, text, s.len);
}

bool
span_next(struct span *rest, struct span *element)
{
	struct cursor c = { rest->data, NULL };
	const char *colon;

	if (rest->data == NULL)
		return false;
	c.end = rest->data + rest->len;
	colon = memchr(rest->data, ':', rest->len);
	if (colon == NULL) {
		*rest = (struct span){ NULL, 0 };
	} else {
		c.end = colon;
		rest->len -= (size_t)(colon + 1 - rest->data);
		rest->data = colon + 1;
	}
	skip_fws(&c);
	while (c.end > c.at &&
	    (c.end[-1] == ' ' || c.end[-1] == '\t' || c.end[-1] == '\r' ||
	        c.end[-1] == '\n'))
		c.end--;
	*element = (struct span){ c.at, (size_t)(c.end - c.at) };
	return true;
}

bool
span_number(struct span s, size_t max_digits, unsigned long long *out)
{
	unsigned long long number = 0;

	if (s.len == 0 || s.len > max_digits)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.data[i] - '0');

		if (!is_digit(s.data[i]))
			return false;
		if (number > (ULLONG_MAX - digit) / 10)
			number = ULLONG_MAX;
		else
			number = number * 10 + digit;
	}
	*out = number;
	return true;
}
