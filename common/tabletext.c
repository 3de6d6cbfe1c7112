/*
 * The text of a table: a file read whole and cut in place, in one pass.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "buf.h"
#include "table.h"
#include "tabletext.h"
#include "textfile.h"

enum { FIRST_LINES = 64 };

/* Lines, their numbers and their places in an index then fit in 32 bits. */
#define TABLE_BYTES_MAX UINT32_MAX

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

int
table_refuse(const struct table_cursor *c, const char *what, const char *value,
    size_t len)
{
	struct buf shown = BUF_INIT;

	buf_add_escaped(&shown, value,
	    len < TABLE_SHOWN_MAX ? len : TABLE_SHOWN_MAX);
	if (buf_str(&shown) == NULL)
		err_nomem(c->err);
	else
		err_set(c->err, ERR_CONF, "%s:%u:%zu: %s: %s", c->path, c->line,
		    (size_t)(value - c->start) + 1, what, shown.data);
	buf_clear(&shown);
	return -1;
}

int
table_refuse_end(const struct table_cursor *c, const char *what)
{
	return err_set(c->err, ERR_CONF, "%s:%u:%zu: %s", c->path, c->line,
	    (size_t)(c->at - c->start) + 1, what);
}

bool
word_next(struct table_cursor *c, struct table_word *w)
{
	while (c->at < c->end && ascii_is_wsp(*c->at))
		c->at++;
	if (c->at == c->end || *c->at == '#')
		return false;
	w->text = c->at;
	while (c->at < c->end && !ascii_is_wsp(*c->at))
		c->at++;
	w->len = (size_t)(c->at - w->text);
	return true;
}

bool
word_split(struct table_word *w, char separator, struct table_word *first)
{
	char *p = memchr(w->text, separator, w->len);

	if (p == NULL)
		return false;
	*first = (struct table_word){ w->text, (size_t)(p - w->text) };
	w->len -= first->len + 1;
	w->text = p + 1;
	return true;
}

const char *
word_cut(const struct table_word *w)
{
	w->text[w->len] = '\0';
	return w->text;
}

void
word_lower(struct table_word *w)
{
	for (size_t i = 0; i < w->len; i++)
		w->text[i] = ascii_lower(w->text[i]);
}

/* A cleared place for one more, or NULL. */
static void *
lines_slot(struct table_lines *l)
{
	char *slot;

	if (l->count == l->size) {
		size_t size = l->size ? l->size * 2 : FIRST_LINES;
		void *items = reallocarray(l->items, size, l->item_size);

		if (items == NULL)
			return NULL;
		l->items = items;
		l->size = size;
	}
	slot = (char *)l->items + l->count * l->item_size;
	return memset(slot, 0, l->item_size);
}

/* One line, from c->at to c->end. */
static int
read_line(struct table_cursor *c, struct table_lines *l)
{
	struct table_word first;
	void *slot;

	if (c->end > c->at && c->end[-1] == '\r')
		c->end--;
	if (c->end - c->at > TABLE_LINE_MAX)
		return err_set(c->err, ERR_CONF,
		    "%s:%u:%d: a line of more than %d bytes: %td", c->path,
		    c->line, TABLE_LINE_MAX + 1, TABLE_LINE_MAX,
		    c->end - c->at);
	if (!word_next(c, &first))
		return 0;
	slot = lines_slot(l);
	if (slot == NULL)
		return err_nomem(c->err);
	if (l->parse(c, &first, slot) == -1)
		return -1;
	l->count++;
	return 0;
}

static int
read_lines(const char *path, char *text, size_t len, struct table_lines *l,
    struct err *err)
{
	struct table_cursor c = { .path = path, .err = err };
	char *end = text + len;

	if (strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		return err_set(err, ERR_CONF,
		    "%s:1:1: a byte order mark: save the file without it",
		    path);
	for (char *next = text; next < end; next++) {
		c.line++;
		c.start = c.at = next;
		next = memchr(next, '\n', (size_t)(end - next));
		if (next == NULL)
			next = end;
		c.end = next;
		if (read_line(&c, l) == -1)
			return -1;
	}
	return 0;
}

int
table_read(const char *path, char **path_copy, char **text,
    struct table_lines *l, struct err *err)
{
	size_t len = 0;

	*path_copy = strdup(path);
	if (*path_copy == NULL)
		return err_nomem(err);
	*text = textfile_read(path, TABLE_BYTES_MAX, &len, err);
	if (*text == NULL)
		return -1;
	return read_lines(path, *text, len, l, err);
}
