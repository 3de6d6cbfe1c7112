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

/* Select the last field of that name that is not taken yet, if there is one. */
static int
select_last(const struct hdrs *h, const char *name, size_t len, bool *is_taken,
    struct selection *s, struct err *err)
{
	for (size_t i = h->count; i-- > 0;) {
		if (!is_taken[i] && hdrs_is(h, i, name, len)) {
			is_taken[i] = true;
			return add_field(s, i, err);
		}
	}
	return 0;
}

int
select_for_verifying(const struct hdrs *h, const char *names, size_t len,
    struct selection *s, struct err *err)
{
	bool *is_taken = calloc(h->count + 1, sizeof(*is_taken));
	const char *list = names, *name;
	size_t name_len;
	int result = 0;

	if (is_taken == NULL)
		return err_nomem(err);
	selection_reset(s);
	while (result == 0 && next_name(&list, names + len, &name, &name_len)) {
		size_t fws = ascii_fws_len(name, name_len);

		name += fws;
		name_len = trimmed_len(name, name_len - fws);
		add_name(s, name, name_len);
		result = select_last(h, name, name_len, is_taken, s, err);
	}
	free(is_taken);
	if (result == 0 && s->names.has_failed)
		return err_nomem(err);
	return result;
}
