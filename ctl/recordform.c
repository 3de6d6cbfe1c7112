/*
 * A key record in the forms that people and programs paste.
 */
#include <string.h>

#include "dnsname.h"
#include "json.h"
#include "recordform.h"

static const struct {
	const char *name;
	enum recordform form;
} forms[] = {
	{ "bind", RECORDFORM_BIND },
	{ "text", RECORDFORM_TEXT },
	{ "json", RECORDFORM_JSON },
	{ "nsupdate", RECORDFORM_NSUPDATE },
};

bool
recordform_parse(const char *name, enum recordform *form)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(forms[i].name, name) == 0) {
			*form = forms[i].form;
			return true;
		}
	}
	return false;
}

/* One line, however long: parentheses are there for whoever wraps it. */
static void
write_bind(const char *name, int ttl, const char *value, struct buf *out)
{
	buf_printf(out, "%s. %d IN TXT ( ", name, ttl);
	dnsname_txt(value, strlen(value), " ", out);
	buf_adds(out, " )\n");
}

/* Most web forms cut a long value themselves; some want it cut. */
static void
write_text(const char *name, int ttl, const char *value, struct buf *out)
{
	size_t len = strlen(value);

	buf_printf(out, "Name:  %s\nType:  TXT\nTTL:   %d\nValue: ", name, ttl);
	buf_add_escaped(out, value, len);
	buf_addc(out, '\n');
	if (len <= DNSNAME_TXT_MAX)
		return;
	buf_printf(out,
	    "Where no string may exceed %d characters, in pieces:\n",
	    DNSNAME_TXT_MAX);
	dnsname_txt(value, len, "\n", out);
	buf_addc(out, '\n');
}

void
recordform_json_strings(const char *value, struct buf *out)
{
	size_t len = strlen(value);

	buf_addc(out, '[');
	for (size_t at = 0; at < len; at += DNSNAME_TXT_MAX) {
		size_t left = len - at;

		if (at > 0)
			buf_addc(out, ',');
		json_string(out, value + at,
		    left < DNSNAME_TXT_MAX ? left : DNSNAME_TXT_MAX);
	}
	buf_addc(out, ']');
}

static void
write_json(const char *name, int ttl, const char *value, struct buf *out)
{
	struct buf object = BUF_INIT;

	buf_addc(&object, '{');
	json_text(&object, "name", name);
	json_text(&object, "type", "TXT");
	json_number(&object, "ttl", (unsigned long long)ttl);
	json_text(&object, "value", value);
	json_name(&object, "strings");
	recordform_json_strings(value, &object);
	buf_adds(&object, "}\n");
	buf_add(out, object.data, object.len);
	out->has_failed = out->has_failed || object.has_failed;
	buf_clear(&object);
}

/* Nothing may be at the name: a live selector is never overwritten. */
static void
write_nsupdate(const char *name, int ttl, const char *value, struct buf *out)
{
	buf_printf(out, "prereq nxdomain %s.\nupdate add %s. %d IN TXT ", name,
	    name, ttl);
	dnsname_txt(value, strlen(value), " ", out);
	buf_adds(out, "\nsend\n");
}

void
recordform_write(enum recordform form, const char *name, int ttl,
    const char *value, struct buf *out)
{
	switch (form) {
	case RECORDFORM_BIND:
		write_bind(name, ttl, value, out);
		break;
	case RECORDFORM_TEXT:
		write_text(name, ttl, value, out);
		break;
	case RECORDFORM_JSON:
		write_json(name, ttl, value, out);
		break;
	case RECORDFORM_NSUPDATE:
		write_nsupdate(name, ttl, value, out);
		break;
	}
}
