/*
 * Key records compared by what they mean.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "buf.h"
#include "keyrecord.h"
#include "sight_record.h"
#include "taglist.h"

struct complaint {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static enum sight
differs(const struct complaint *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, c->size, fmt, ap);
	va_end(ap);
	return SIGHT_MISMATCH;
}

/* The value of a tag, or what its absence means. */
static struct span
value_of(const struct taglist *list, const char *name, const char *absent)
{
	const struct tag *tag = taglist_find(list, name);
	struct span s = { absent, strlen(absent) };

	return tag != NULL ? tag->value : s;
}

static bool
has(struct span list, struct span wanted)
{
	struct span element;

	while (span_next(&list, &element))
		if (element.len == wanted.len &&
		    strncasecmp(element.data, wanted.data, wanted.len) == 0)
			return true;
	return false;
}

static bool
has_word(struct span list, const char *word)
{
	return has(list, (struct span){ word, strlen(word) });
}

/* Whether every element of a is in b. */
static bool
is_within(struct span a, struct span b)
{
	struct span element;

	while (span_next(&a, &element))
		if (!has(b, element))
			return false;
	return true;
}

static bool
is_same_set(struct span a, struct span b)
{
	return is_within(a, b) && is_within(b, a);
}

/* Append "tag=value", or that there is none, escaped and cut. */
static const char *
show(const struct taglist *list, const char *name, struct buf *out)
{
	const struct tag *tag = taglist_find(list, name);
	size_t len = tag != NULL ? tag->value.len : 0;

	if (tag == NULL)
		buf_printf(out, "no %s=", name);
	else {
		buf_printf(out, "%s=", name);
		buf_add_escaped(out, tag->value.data, len < 60 ? len : 60);
	}
	return buf_str(out) != NULL ? buf_str(out) : "?";
}

static enum sight
differs_in(const struct complaint *c, const struct taglist *found,
    const struct taglist *want, const char *name)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	enum sight sight = differs(c, "%s instead of %s", show(found, name, &a),
	    show(want, name, &b));

	buf_clear(&a);
	buf_clear(&b);
	return sight;
}

/* s=: "*" among others is "*". */
static bool
is_same_service(struct span a, struct span b)
{
	if (has_word(a, "*") || has_word(b, "*"))
		return has_word(a, "*") && has_word(b, "*");
	return is_same_set(a, b);
}

/* t=: flags that nobody knows mean nothing. */
static bool
is_same_flags(struct span a, struct span b)
{
	return has_word(a, "y") == has_word(b, "y") &&
	    has_word(a, "s") == has_word(b, "s");
}

static bool
is_same_key(struct span a, struct span b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	bool same = base64_decode(a.data, a.len, &x) &&
	    base64_decode(b.data, b.len, &y) && !x.has_failed &&
	    !y.has_failed && x.len == y.len && x.len > 0 &&
	    memcmp(x.data, y.data, x.len) == 0;

	buf_clear(&x);
	buf_clear(&y);
	return same;
}

static enum sight
compare_tags(const struct taglist *found, const struct taglist *want,
    const struct complaint *c)
{
	const struct {
		const char *name, *absent;
		bool (*is_same)(struct span, struct span);
	} tags[] = {
		{ "k", "rsa", is_same_set },
		{ "h", "", is_same_set }, /* empty: every algorithm */
		{ "s", "*", is_same_service },
		{ "t", "", is_same_flags },
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (!tags[i].is_same(value_of(found, tags[i].name,
		                         tags[i].absent),
		        value_of(want, tags[i].name, tags[i].absent)))
			return differs_in(c, found, want, tags[i].name);
	if (!is_same_key(value_of(found, "p", ""), value_of(want, "p", "")))
		return differs(c, "another key in p=");
	return SIGHT_COMPLETE;
}

/* A record without anything to compare it with. */
static enum sight
judge_alone(const char *found, size_t len, const struct complaint *c)
{
	struct keyrecord rec = KEYRECORD_INIT;
	struct err err = ERR_INIT;
	enum sight sight = SIGHT_COMPLETE;

	if (keyrecord_parse(found, len, &rec, &err) != KEYRECORD_GOOD)
		sight = differs(c, "%s", err.text);
	keyrecord_clear(&rec);
	return sight;
}

enum sight
sight_compare(const char *found, size_t len, const char *want, char *why,
    size_t why_size)
{
	struct complaint c = { why, why_size };
	struct taglist a, b;
	struct err err = ERR_INIT;
	const struct tag *v, *p;

	why[0] = '\0';
	if (taglist_parse(found, len, &a, &err) == -1)
		return differs(&c, "not a key record: %s", err.text);
	v = taglist_find(&a, "v");
	if (v != NULL &&
	    (v != &a.tags[0] || v->value.len != 5 ||
	        memcmp(v->value.data, "DKIM1", 5) != 0))
		return differs(&c, "v= is not DKIM1, or not the first tag");
	p = taglist_find(&a, "p");
	if (p == NULL)
		return differs(&c, "not a key record: it has no p=");
	if (p->value.len == 0)
		return SIGHT_EMPTY;
	if (want == NULL)
		return judge_alone(found, len, &c);
	if (taglist_parse(want, strlen(want), &b, &err) == -1)
		return differs(&c, "the key's own record: %s", err.text);
	return compare_tags(&a, &b, &c);
}
