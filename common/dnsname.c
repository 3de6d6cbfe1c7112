/*
 * Names in the DNS as DKIM uses them, and TXT records as text.
 */
#include <string.h>

#include "ascii.h"
#include "dnsname.h"

#define KEY_RECORD_PART "._domainkey."

static bool
is_alnum(char c)
{
	c = ascii_lower(c);
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool
label_is_valid(const char *label, size_t len)
{
	if (len == 0 || len > DNSNAME_LABEL_MAX)
		return false;
	if (label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alnum(label[i]) && label[i] != '-' && label[i] != '_')
			return false;
	}
	return true;
}

bool
dnsname_is_valid(const char *text, size_t len)
{
	const char *end = text + len;
	const char *dot;

	if (len == 0 || len > DNSNAME_MAX)
		return false;
	while ((dot = memchr(text, '.', (size_t)(end - text))) != NULL) {
		if (!label_is_valid(text, (size_t)(dot - text)))
			return false;
		text = dot + 1;
	}
	return label_is_valid(text, (size_t)(end - text));
}

bool
dnsname_is_valid_lower(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (ascii_lower(*p) != *p)
			return false;
	return dnsname_is_valid(text, strlen(text));
}

bool
dnsname_is_within(const char *name, size_t name_len, const char *domain,
    size_t domain_len)
{
	const char *tail;

	if (name_len < domain_len)
		return false;
	tail = name + name_len - domain_len;
	if (!ascii_equal(tail, domain, domain_len))
		return false;
	return tail == name || tail[-1] == '.';
}

void
dnsname_lower(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++)
		buf_addc(out, ascii_lower(text[i]));
}

bool
dnsname_of_key_fits(size_t selector_len, size_t domain_len)
{
	return selector_len + strlen(KEY_RECORD_PART) + domain_len <=
	    DNSNAME_MAX;
}

void
dnsname_of_key(const char *selector, size_t selector_len, const char *domain,
    size_t domain_len, struct buf *out)
{
	dnsname_lower(selector, selector_len, out);
	buf_adds(out, KEY_RECORD_PART);
	dnsname_lower(domain, domain_len, out);
}

void
dnsname_txt(const char *text, size_t len, const char *separator,
    struct buf *out)
{
	for (size_t i = 0; i < len || i == 0; i++) {
		unsigned char c = (unsigned char)(len > 0 ? text[i] : '\0');

		if (i % DNSNAME_TXT_MAX == 0) {
			if (i > 0)
				buf_printf(out, "\"%s", separator);
			buf_addc(out, '"');
		}
		if (len == 0)
			break;
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c >= ' ' && c < 0x7f)
			buf_addc(out, (char)c);
		else
			buf_printf(out, "\\%03u", c);
	}
	buf_addc(out, '"');
}
