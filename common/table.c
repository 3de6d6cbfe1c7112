/*
 * KeyTable and SigningTable: the grammar of their lines, and finding a name.
 * How a file becomes lines and words is tabletext.c's.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "buf.h"
#include "table.h"
#include "tabletext.h"

enum {
	LABEL_MAX = 63, /* RFC 1035 section 2.3.4 */
	DNS_NAME_MAX = 253,
	INDEX_EMPTY = 0, /* places are stored plus one */
};

#define KEY_RECORD_PART "._domainkey."
#define RING_PREFIX     "ring:"
#define NOT_A_DOMAIN                                               \
	"not a domain (two or more labels of letters, digits and " \
	"hyphens; international ones as xn--)"

/* Control characters have no business in any part of a table. */
static int
check_text(const struct table_cursor *c, const struct table_word *w)
{
	for (size_t i = 0; i < w->len; i++) {
		unsigned char byte = (unsigned char)w->text[i];

		if (byte < ' ' || byte == 0x7f)
			return table_refuse(c, "a control character",
			    w->text + i, 1);
	}
	return 0;
}

/* The name of a key, in either table. */
static int
check_key_name(const struct table_cursor *c, const struct table_word *w)
{
	if (w->len == 0)
		return table_refuse(c, "an empty key name before", w->text, 1);
	for (size_t i = 0; i < w->len; i++) {
		char byte = w->text[i];

		if (byte <= ' ' || byte > '~' || byte == ',' || byte == ':')
			return table_refuse(c,
			    "a key name is printable ASCII without comma and "
			    "colon",
			    w->text, w->len);
	}
	if (w->len == 4 && memcmp(w->text, "none", 4) == 0)
		return table_refuse(c,
		    "this name is reserved and not supported yet: leave the "
		    "line out, or choose another name",
		    w->text, w->len);
	return 0;
}

/* sub-domain of RFC 5321 section 4.1.2, underscores taken. */
static bool
is_label(const char *p, size_t len)
{
	if (len == 0 || len > LABEL_MAX || p[0] == '-' || p[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		char lower = ascii_lower(p[i]);

		if (!(lower >= 'a' && lower <= 'z') &&
		    !(lower >= '0' && lower <= '9') && lower != '-' &&
		    lower != '_')
			return false;
	}
	return true;
}

/* A domain or a selector, with at least so many labels; lower-cased. */
static int
check_labels(const struct table_cursor *c, struct table_word *w, size_t least,
    const char *what)
{
	struct table_word rest = *w, label;
	size_t count = 1;

	if (w->len > DNS_NAME_MAX)
		return table_refuse(c, what, w->text, w->len);
	for (; word_split(&rest, '.', &label); count++)
		if (!is_label(label.text, label.len))
			return table_refuse(c, what, w->text, w->len);
	if (!is_label(rest.text, rest.len) || count < least)
		return table_refuse(c, what, w->text, w->len);
	word_lower(w);
	return 0;
}

/* Parts of the design that tables may one day use. */
static int
refuse_future_key(const struct table_cursor *c, const struct table_word *w)
{
	const char *percent = memchr(w->text, '%', w->len);

	if (percent != NULL)
		return table_refuse(c,
		    "% (the From domain) is not supported yet: write a line "
		    "for each domain",
		    percent, w->len - (size_t)(percent - w->text));
	return 0;
}

static bool
is_ring(const struct table_word *w)
{
	return w->len >= strlen(RING_PREFIX) &&
	    memcmp(w->text, RING_PREFIX, strlen(RING_PREFIX)) == 0;
}

/* ring:domain */
static int
parse_ring(const struct table_cursor *c, struct table_word w,
    struct key_line *line)
{
	struct table_word whole = w;

	w.text += strlen(RING_PREFIX);
	w.len -= strlen(RING_PREFIX);
	if (w.len == 0)
		return table_refuse(c, "no domain behind", whole.text,
		    whole.len);
	if (check_labels(c, &w, 2, NOT_A_DOMAIN) == -1)
		return -1;
	line->ring = word_cut(&w);
	return 0;
}

/* domain:selector:path */
static int
parse_key(const struct table_cursor *c, struct table_word w,
    struct key_line *line)
{
	struct table_word domain, selector, whole = w;

	if (check_text(c, &w) == -1)
		return -1;
	if (is_ring(&w))
		return parse_ring(c, w, line);
	if (refuse_future_key(c, &w) == -1)
		return -1;
	if (!word_split(&w, ':', &domain) || !word_split(&w, ':', &selector))
		return table_refuse(c, "not domain:selector:path", whole.text,
		    whole.len);
	if (check_labels(c, &domain, 2, NOT_A_DOMAIN) == -1 ||
	    check_labels(c, &selector, 1,
	        "not a selector (labels of letters, digits and hyphens)") == -1)
		return -1;
	if (selector.len + strlen(KEY_RECORD_PART) + domain.len > DNS_NAME_MAX)
		return table_refuse(c,
		    "selector and domain are too long together for a name in "
		    "the DNS",
		    domain.text, domain.len + 1 + selector.len);
	if (w.len == 0)
		return table_refuse(c, "no path behind", whole.text, whole.len);
	line->domain = word_cut(&domain);
	line->selector = word_cut(&selector);
	line->path = word_cut(&w);
	return 0;
}

static int
parse_key_line(struct table_cursor *c, const struct table_word *name,
    void *slot)
{
	struct key_line *line = slot;
	struct table_word w, surplus;

	if (check_key_name(c, name) == -1)
		return -1;
	if (!word_next(c, &w))
		return table_refuse_end(c, "domain:selector:path is missing");
	if (word_next(c, &surplus))
		return table_refuse(c,
		    "a surplus word behind domain:selector:path", surplus.text,
		    surplus.len);
	line->line = c->line;
	line->name = word_cut(name);
	return parse_key(c, w, line);
}

/* A pattern without an @ other than "*": say what was probably meant. */
static int
refuse_pattern(const struct table_cursor *c, const struct table_word *w)
{
	struct buf what = BUF_INIT;
	const char *text;
	size_t shown = w->len < TABLE_SHOWN_MAX ? w->len : TABLE_SHOWN_MAX;

	buf_adds(&what, "a pattern without @; for a domain write *@");
	if (w->text[0] == '.')
		buf_addc(&what, '*');
	buf_add_escaped(&what, w->text, shown);
	text = buf_str(&what);
	if (text == NULL)
		err_nomem(c->err);
	else
		table_refuse(c, text, w->text, w->len);
	buf_clear(&what);
	return -1;
}

static int
check_pattern(const struct table_cursor *c, struct table_word *w)
{
	const char *at = memrchr(w->text, '@', w->len);

	if (check_text(c, w) == -1)
		return -1;
	word_lower(w);
	if (at == NULL)
		return w->len == 1 && w->text[0] == '*' ? 0
		                                        : refuse_pattern(c, w);
	if (at == w->text)
		return table_refuse(c,
		    "nothing before the @; for every user write *@", w->text,
		    w->len);
	if (at == w->text + w->len - 1)
		return table_refuse(c, "nothing behind the @", w->text, w->len);
	if (w->text[w->len - 1] == '.')
		return table_refuse(c,
		    "a domain that ends with a dot never matches", w->text,
		    w->len);
	return 0;
}

static int
add_key(const struct table_cursor *c, const struct table_word *name,
    struct sign_line *line)
{
	if (check_key_name(c, name) == -1)
		return -1;
	if (line->key_count == TABLE_LINE_KEYS)
		return table_refuse(c, "more than 8 keys in one line",
		    name->text, name->len);
	line->keys[line->key_count++] = word_cut(name);
	return 0;
}

/* keyname[,keyname...] */
static int
parse_key_names(const struct table_cursor *c, struct table_word rest,
    struct sign_line *line)
{
	const char *colon = memchr(rest.text, ':', rest.len);
	struct table_word name;

	if (colon != NULL)
		return table_refuse(c, "an identity (i=) is not supported yet",
		    colon, rest.len - (size_t)(colon - rest.text));
	if (rest.text[rest.len - 1] == ',')
		return table_refuse(c, "a comma without a key name behind it",
		    rest.text, rest.len);
	while (word_split(&rest, ',', &name))
		if (add_key(c, &name, line) == -1)
			return -1;
	return add_key(c, &rest, line);
}

static int
parse_sign_line(struct table_cursor *c, const struct table_word *first,
    void *slot)
{
	struct sign_line *line = slot;
	struct table_word pattern = *first, names, surplus;

	if (check_pattern(c, &pattern) == -1)
		return -1;
	if (!word_next(c, &names))
		return table_refuse_end(c, "the name of a key is missing");
	if (word_next(c, &surplus))
		return table_refuse(c,
		    memchr(surplus.text, '=', surplus.len) != NULL
		        ? "conditions and options are not supported yet"
		        : "a surplus word behind the key names",
		    surplus.text, surplus.len);
	line->line = c->line;
	line->key_count = 0;
	line->pattern = word_cut(&pattern);
	return parse_key_names(c, names, line);
}

/*
 * FNV-1a.  The table is the administrator's own: nobody gains by making names
 * collide.
 */
static uint64_t
hash_name(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash;
}

/* The place of name in the index, or the empty place where it belongs. */
static uint32_t *
index_place(const struct key_table *t, const char *name)
{
	size_t i = hash_name(name) & (t->index_size - 1);

	while (t->index[i] != INDEX_EMPTY &&
	    strcmp(t->lines[t->index[i] - 1].name, name) != 0)
		i = (i + 1) & (t->index_size - 1);
	return &t->index[i];
}

/* A name on a second line: an error about that line. */
static int
refuse_duplicate(const struct key_table *t, const struct key_line *line,
    unsigned first, struct err *err)
{
	struct table_cursor c = {
		.path = t->path, .line = line->line, .err = err
	};
	char what[64];

	c.start = line->name;
	while (c.start > t->text && ascii_is_wsp(c.start[-1]))
		c.start--;
	snprintf(what, sizeof(what), "a name that line %u has already", first);
	return table_refuse(&c, what, line->name, strlen(line->name));
}

static int
index_build(struct key_table *t, struct err *err)
{
	t->index_size = 1;
	while (t->index_size / 2 <= t->count)
		t->index_size *= 2;
	t->index = calloc(t->index_size, sizeof(*t->index));
	if (t->index == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < t->count; i++) {
		uint32_t *place = index_place(t, t->lines[i].name);

		if (*place != INDEX_EMPTY)
			return refuse_duplicate(t, &t->lines[i],
			    t->lines[*place - 1].line, err);
		*place = (uint32_t)i + 1;
	}
	return 0;
}

struct key_table *
key_table_load(const char *path, struct err *err)
{
	struct table_lines l = { .item_size = sizeof(struct key_line),
		.parse = parse_key_line };
	struct key_table *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL) {
		err_nomem(err);
		return NULL;
	}
	rc = table_read(path, &t->path, &t->text, &l, err);
	t->lines = l.items;
	t->count = l.count;
	if (rc == -1 || index_build(t, err) == -1) {
		key_table_free(t);
		return NULL;
	}
	return t;
}

void
key_table_free(struct key_table *t)
{
	if (t == NULL)
		return;
	free(t->path);
	free(t->text);
	free(t->lines);
	free(t->index);
	free(t);
}

struct sign_table *
sign_table_load(const char *path, struct err *err)
{
	struct table_lines l = { .item_size = sizeof(struct sign_line),
		.parse = parse_sign_line };
	struct sign_table *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL) {
		err_nomem(err);
		return NULL;
	}
	rc = table_read(path, &t->path, &t->text, &l, err);
	t->lines = l.items;
	t->count = l.count;
	if (rc == -1) {
		sign_table_free(t);
		return NULL;
	}
	return t;
}

void
sign_table_free(struct sign_table *t)
{
	if (t == NULL)
		return;
	free(t->path);
	free(t->text);
	free(t->lines);
	free(t);
}

const struct key_line *
key_table_find(const struct key_table *t, const char *name)
{
	uint32_t place = *index_place(t, name);

	return place == INDEX_EMPTY ? NULL : &t->lines[place - 1];
}
