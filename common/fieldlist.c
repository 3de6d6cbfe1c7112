/*
 * Lists of names of header fields.
 */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "ascii.h"
#include "fieldlist.h"

/*
 * Fields that are changed, added or removed on the way by design (RFC 6376
 * section 5.4.1), or that mail readers never show.
 */
static const char *const never_signed[] = { "Return-Path", "Received",
	"DKIM-Signature", "Comments", "Keywords", "Bcc", "Resent-Bcc" };

/*
 * ftext of RFC 5322 section 3.6.8, but for the semicolon, which would end the
 * tag h= (tval of RFC 6376 section 3.2).
 */
static bool
is_field_name(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (*p < '!' || *p > '~' || *p == ':' || *p == ';')
			return false;
	return name[0] != '\0';
}

bool
fieldlist_has(const struct buf *list, const char *name)
{
	size_t len = strlen(name), at = 0;

	while (at < list->len) {
		const char *item = list->data + at;
		const char *colon = memchr(item, ':', list->len - at);
		size_t item_len =
		    colon ? (size_t)(colon - item) : list->len - at;

		if (item_len == len && ascii_equal(item, name, len))
			return true;
		at += item_len + 1;
	}
	return false;
}

const char *
fieldlist_add(struct buf *list, const char *name)
{
	if (!is_field_name(name))
		return "not the name of a header field";
	for (size_t i = 0; i < sizeof(never_signed) / sizeof(never_signed[0]);
	     i++)
		if (strcasecmp(never_signed[i], name) == 0)
			return "a field that changes on the way and is never "
			       "signed";
	if (fieldlist_has(list, name))
		return "a name that is in the list already";
	if (list->len > 0)
		buf_addc(list, ':');
	for (; *name != '\0'; name++)
		buf_addc(list, ascii_lower(*name));
	return NULL;
}
