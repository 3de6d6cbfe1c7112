/*
 * The growing byte buffer.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

enum { BUF_FIRST_SIZE = 256 };

void
buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->has_failed = false;
}

/* Make room for len more bytes and a NUL. */
static bool
buf_reserve(struct buf *b, size_t len)
{
	size_t size = b->size ? b->size : BUF_FIRST_SIZE;
	char *data;

	if (b->has_failed)
		return false;
	if (len < b->size - b->len)
		return true;
	if (len >= SIZE_MAX / 2 - b->len) {
		b->has_failed = true;
		return false;
	}
	while (size <= b->len + len)
		size *= 2;
	data = realloc(b->data, size);
	if (data == NULL) {
		b->has_failed = true;
		return false;
	}
	b->data = data;
	b->size = size;
	return true;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0 || !buf_reserve(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void
buf_addc(struct buf *b, char c)
{
	if (!buf_reserve(b, 1))
		return;
	b->data[b->len++] = c;
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t room;
	int len;

	if (!buf_reserve(b, 0))
		return;
	room = b->size - b->len;
	va_start(ap, fmt);
	len = vsnprintf(b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (len < 0)
		b->has_failed = true;
	if (len < 0 || !buf_reserve(b, (size_t)len))
		return;
	if ((size_t)len >= room) {
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)len;
}

void
buf_add_escaped(struct buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '\\')
			buf_addc(b, (char)p[i]);
		else
			buf_printf(b, "\\x%02x", p[i]);
	}
}

const char *
buf_str(struct buf *b)
{
	if (!buf_reserve(b, 0))
		return NULL;
	b->data[b->len] = '\0';
	return b->data;
}
