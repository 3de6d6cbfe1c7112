/*
 * The header fields of one message: one block of text, and offsets into it.
 */
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "crlf.h"
#include "hdrs.h"

enum {
	HDRS_FIRST_SIZE = 32,    /* fields */
	HDRS_KEEP_BYTES = 65536, /* more is given back between messages */
};

void
hdrs_reset(struct hdrs *h)
{
	if (h->text.size > HDRS_KEEP_BYTES ||
	    h->size > HDRS_KEEP_BYTES / sizeof(*h->fields)) {
		hdrs_clear(h);
		return;
	}
	buf_reset(&h->text);
	h->count = 0;
}

void
hdrs_clear(struct hdrs *h)
{
	buf_clear(&h->text);
	free(h->fields);
	*h = (struct hdrs)HDRS_INIT;
}

/* Make room for one more field. */
static int
fields_reserve(struct hdrs *h, struct err *err)
{
	size_t size = h->size ? h->size * 2 : HDRS_FIRST_SIZE;
	struct field *fields;

	if (h->count < h->size)
		return 0;
	/* The analyzer does not see hdrs_clear set h->fields to NULL. */
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
	fields = reallocarray(h->fields, size, sizeof(*fields));
	if (fields == NULL)
		return err_nomem(err);
	h->fields = fields;
	h->size = size;
	return 0;
}

/* A crlf_sink that counts. */
static int
count_bytes(void *arg, const void *data, size_t len, struct err *err)
{
	size_t *size = arg;

	(void)data;
	(void)err;
	*size += len;
	return 0;
}

/* A crlf_sink that keeps.  Lack of memory is asked for at the end. */
static int
keep_bytes(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	buf_add(arg, data, len);
	return 0;
}

/* The bytes a value takes once each lone LF has its CR. */
static int
value_size(const char *value, size_t len, size_t *size, struct err *err)
{
	struct crlf crlf = CRLF_INIT;

	*size = 0;
	return crlf_update(&crlf, value, len, count_bytes, size, err);
}

static int
add_text(struct hdrs *h, const char *name, size_t name_len, const char *value,
    size_t value_len, struct err *err)
{
	struct crlf crlf = CRLF_INIT;
	size_t before = h->text.len;

	buf_add(&h->text, name, name_len);
	if (crlf_update(&crlf, value, value_len, keep_bytes, &h->text, err) !=
	    0)
		return -1;
	/* Even an empty field gets memory, so that it has an address. */
	if (buf_str(&h->text) == NULL) {
		/* Without this field the others are still whole. */
		h->text.len = before;
		h->text.has_failed = false;
		return err_nomem(err);
	}
	return 0;
}

static size_t
bare_name_len(const char *name, size_t len)
{
	while (len > 0 && ascii_is_wsp(name[len - 1]))
		len--;
	return len;
}

int
hdrs_add(struct hdrs *h, const char *name, size_t name_len, const char *value,
    size_t value_len, struct err *err)
{
	size_t room = HDRS_BYTES_MAX - h->text.len, at = h->text.len, size;

	if (h->count >= HDRS_FIELDS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d header fields",
		    HDRS_FIELDS_MAX);
	if (value_size(value, value_len, &size, err) != 0)
		return -1;
	if (name_len > room || size > room - name_len)
		return err_set(err, ERR_LIMIT,
		    "header fields of more than %zu bytes", HDRS_BYTES_MAX);
	if (fields_reserve(h, err) != 0 ||
	    add_text(h, name, name_len, value, value_len, err) != 0)
		return -1;
	h->fields[h->count++] = (struct field){
		.name_at = at,
		.name_len = name_len,
		.bare_len = bare_name_len(name, name_len),
		.value_at = at + name_len,
		.value_len = size,
	};
	return 0;
}

/* One line of a header block. */
struct line {
	const char *text;
	size_t len;       /* without the line end */
	const char *next; /* first byte after the line end */
};

static struct line
line_get(const char *at, const char *end)
{
	const char *lf = memchr(at, '\n', (size_t)(end - at));
	struct line line = { .text = at };

	if (lf == NULL) {
		line.len = (size_t)(end - at);
		line.next = end;
		return line;
	}
	line.len = (size_t)(lf - at);
	line.next = lf + 1;
	if (line.len > 0 && lf[-1] == '\r')
		line.len--;
	return line;
}

/*
 * Read the field that begins with first, and move *at behind its last line;
 * *line_number goes with it.
 */
static int
field_parse(struct hdrs *h, struct line first, const char **at, const char *end,
    size_t *line_number, struct err *err)
{
	const char *colon = memchr(first.text, ':', first.len);
	const char *value, *value_end = first.text + first.len;

	if (colon == NULL || ascii_is_wsp(first.text[0]))
		return err_set(err, ERR_INPUT,
		    "line %zu: neither a header field nor the end of the "
		    "header (RFC 5322 section 2.2)",
		    *line_number);
	value = colon + 1;
	*at = first.next;
	++*line_number;
	while (*at < end && ascii_is_wsp(**at)) {
		struct line more = line_get(*at, end);

		value_end = more.text + more.len;
		*at = more.next;
		++*line_number;
	}
	return hdrs_add(h, first.text, (size_t)(colon - first.text), value,
	    (size_t)(value_end - value), err);
}

int
hdrs_parse(struct hdrs *h, const char *data, size_t data_len, size_t *body_at,
    struct err *err)
{
	const char *at = data, *end;
	size_t line_number = 1;

	hdrs_reset(h);
	*body_at = data_len;
	if (data_len == 0)
		return 0;
	end = data + data_len;
	while (at < end) {
		struct line line = line_get(at, end);

		if (line.len == 0) {
			*body_at = (size_t)(line.next - data);
			return 0;
		}
		if (field_parse(h, line, &at, end, &line_number, err) != 0)
			return -1;
	}
	return 0;
}

const char *
hdrs_name(const struct hdrs *h, size_t i)
{
	return h->text.data + h->fields[i].name_at;
}

const char *
hdrs_value(const struct hdrs *h, size_t i)
{
	return h->text.data + h->fields[i].value_at;
}

bool
hdrs_is(const struct hdrs *h, size_t i, const char *name, size_t len)
{
	return h->fields[i].bare_len == len &&
	    ascii_equal(hdrs_name(h, i), name, len);
}
