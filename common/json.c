/*
 * Writing JSON.
 */
#include <string.h>

#include "json.h"
#include "when.h"

/*
 * The length of the UTF-8 sequence at p (RFC 3629 section 4), 0 if there is
 * none.
 */
static size_t
utf8_len(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last; /* of the first byte */
		unsigned char second_min, second_max;
		size_t len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t f = 0;

	while (f < sizeof(forms) / sizeof(forms[0]) &&
	    (p[0] < forms[f].first || p[0] > forms[f].last))
		f++;
	if (f == sizeof(forms) / sizeof(forms[0]) || left < forms[f].len)
		return 0;
	if (p[1] < forms[f].second_min || p[1] > forms[f].second_max)
		return 0;
	for (size_t i = 2; i < forms[f].len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return forms[f].len;
}

/* How many bytes at p stand for themselves. */
static size_t
plain_len(const unsigned char *p, size_t left)
{
	size_t n = 0;

	while (n < left && p[n] >= ' ' && p[n] < 0x7f && p[n] != '"' &&
	    p[n] != '\\')
		n++;
	return n;
}

void
json_string(struct buf *out, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t n;

	buf_addc(out, '"');
	for (size_t i = 0; i < len; i += n) {
		n = plain_len(p + i, len - i);
		if (n > 0) {
			buf_add(out, p + i, n);
			continue;
		}
		n = 1;
		if (p[i] == '"' || p[i] == '\\')
			buf_printf(out, "\\%c", p[i]);
		else if (p[i] < ' ' || p[i] == 0x7f)
			buf_printf(out, "\\u%04x", p[i]);
		else if ((n = utf8_len(p + i, len - i)) > 0)
			buf_add(out, p + i, n);
		else {
			buf_adds(out, "\xef\xbf\xbd");
			n = 1;
		}
	}
	buf_addc(out, '"');
}

void
json_name(struct buf *out, const char *name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_addc(out, '"');
	buf_adds(out, name);
	buf_adds(out, "\":");
}

void
json_text(struct buf *out, const char *name, const char *text)
{
	json_name(out, name);
	if (text != NULL)
		json_string(out, text, strlen(text));
	else
		buf_adds(out, "null");
}

void
json_bool(struct buf *out, const char *name, bool value)
{
	json_name(out, name);
	buf_adds(out, value ? "true" : "false");
}

void
json_when(struct buf *out, const char *name, time_t t)
{
	char when[WHEN_TEXT_MAX];

	when_text(t, when);
	json_text(out, name, t != 0 ? when : NULL);
}

void
json_number(struct buf *out, const char *name, unsigned long long number)
{
	json_name(out, name);
	buf_printf(out, "%llu", number);
}
