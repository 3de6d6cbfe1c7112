/*
 * Which header fields are signed.
 */
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "select.h"

enum { SELECTION_FIRST_SIZE = 32 };

void
selection_clear(struct selection *s)
{
	free(s->fields);
	buf_clear(&s->names);
	*s = (struct selection)SELECTION_INIT;
}

static void
selection_reset(struct selection *s)
{
	s->count = 0;
	buf_reset(&s->names);
}

/* Add a name to the value of h=. */
static void
add_name(struct selection *s, const char *name, size_t len)
{
	if (s->names.len > 0)
		buf_addc(&s->names, ':');
	buf_add(&s->names, name, len);
}

static int
add_field(struct selection *s, size_t field, struct err *err)
{
	size_t size = s->size ? s->size * 2 : SELECTION_FIRST_SIZE;
	size_t *fields;

	if (s->count == s->size) {
		fields = reallocarray(s->fields, size, sizeof(*fields));
		if (fields == NULL)
			return err_nomem(err);
		s->fields = fields;
		s->size = size;
	}
	s->fields[s->count++] = field;
	return 0;
}

/*
 * The next name of a list, in *name, and its length; *list moves behind it.
 * False when there is none: *list is then NULL.
 */
static bool
next_name(const char **list, const char *end, const char **name, size_t *len)
{
	const char *colon;

	if (*list == NULL)
		return false;
	colon = memchr(*list, ':', (size_t)(end - *list));
	if (colon == NULL)
		colon = end;
	*name = *list;
	*len = (size_t)(colon - *list);
	*list = colon < end ? colon + 1 : NULL;
	return true;
}

/* Whether a list has that name. */
static bool
list_has(const char *list, const char *name, size_t len)
{
	const char *end = list + strlen(list), *other;
	size_t other_len;

	while (next_name(&list, end, &other, &other_len))
		if (other_len == len && ascii_equal(other, name, len))
			return true;
	return false;
}

/* Select all fields of that name, the last one first. */
static int
select_all(const struct hdrs *h, const char *name, size_t len,
    struct selection *s, struct err *err)
{
	for (size_t i = h->count; i-- > 0;) {
		if (!hdrs_is(h, i, name, len))
			continue;
		if (add_field(s, i, err) != 0)
			return -1;
		add_name(s, name, len);
	}
	return 0;
}

int
select_for_signing(const struct hdrs *h, const char *sign, const char *oversign,
    struct selection *s, struct err *err)
{
	const char *const lists[] = { sign, oversign };
	const char *list, *name;
	size_t len;

	selection_reset(s);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		list = lists[i];
		while (next_name(&list, lists[i] + strlen(lists[i]), &name,
		    &len)) {
			if (len == 0 || (i > 0 && list_has(sign, name, len)))
				continue;
			if (select_all(h, name, len, s, err) != 0)
				return -1;
			if (list_has(oversign, name, len))
				add_name(s, name, len);
		}
	}
	return s->names.has_failed ? err_nomem(err) : 0;
}

/* The length of text without the folding white space at its end. */
static size_t
trimmed_len(const char *text, size_t len)
{
	bool has_wsp = false;

	for (;;) {
		if (len > 0 && ascii_is_wsp(text[len - 1])) {
			len--;
			has_wsp = true;
		} else if (has_wsp && len >= 2 && text[len - 2] == '\r' &&
		    text[len - 1] == '\n') {
			len -= 2;
		} else {
			return len;
		}
	}
}

/* A field under its name. */
struct entry {
	const char *name;
	size_t len;
	size_t field;
	size_t taken; /* in the first entry of a name: fields taken of it */
};

static int
name_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	for (size_t i = 0; i < a_len; i++)
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return ascii_lower(a[i]) < ascii_lower(b[i]) ? -1 : 1;
	return 0;
}

/* By name, and of one name the last field first. */
static int
entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = name_compare(x->name, x->len, y->name, y->len);

	if (order != 0)
		return order;
	return x->field > y->field ? -1 : 1;
}

/*
 * All fields in the order of entry_compare, for h= may name thousands of times
 * what is not there.  Returns h->count entries, or NULL with err set.
 */
static struct entry *
entries_make(const struct hdrs *h, struct err *err)
{
	struct entry *entries = calloc(h->count + 1, sizeof(*entries));

	if (entries == NULL) {
		err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < h->count; i++)
		entries[i] = (struct entry){
			.name = hdrs_name(h, i),
			.len = h->fields[i].bare_len,
			.field = i,
		};
	qsort(entries, h->count, sizeof(*entries), entry_compare);
	return entries;
}

/* Select the last field of that name that is not taken yet, if there is one. */
static int
select_last(struct entry *entries, size_t count, const char *name, size_t len,
    struct selection *s, struct err *err)
{
	size_t first = 0, end = count, next;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (name_compare(entries[middle].name, entries[middle].len,
		        name, len) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	if (first == count)
		return 0;
	next = first + entries[first].taken;
	if (next == count ||
	    name_compare(entries[next].name, entries[next].len, name, len) != 0)
		return 0;
	entries[first].taken++;
	return add_field(s, entries[next].field, err);
}

int
select_for_verifying(const struct hdrs *h, const char *names, size_t len,
    struct selection *s, struct err *err)
{
	struct entry *entries = entries_make(h, err);
	const char *list = names, *name;
	size_t name_len;
	int result = 0;

	if (entries == NULL)
		return -1;
	selection_reset(s);
	while (result == 0 && next_name(&list, names + len, &name, &name_len)) {
		size_t fws = ascii_fws_len(name, name_len);

		name += fws;
		name_len = trimmed_len(name, name_len - fws);
		add_name(s, name, name_len);
		result = select_last(entries, h->count, name, name_len, s, err);
	}
	free(entries);
	if (result == 0 && s->names.has_failed)
		return err_nomem(err);
	return result;
}
