/*
 * Values of keyturn.conf: their types, and the errors about them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "confvalue.h"

enum { SHOWN_MAX = 256 }; /* bytes of an offending value in an error */

/* What row is about. */
static char *
base_of(struct conf_reader *r, const struct setting *row)
{
	return row->is_of_rings ? (char *)r->ring : (char *)r->conf;
}

void *
conf_member(struct conf_reader *r, const struct setting *row)
{
	return base_of(r, row) + row->at;
}

size_t *
conf_member_count(struct conf_reader *r, const struct setting *row)
{
	return (void *)(base_of(r, row) + row->count_at);
}

config_setting_t *
conf_element(const config_setting_t *s, int i)
{
	return config_setting_get_elem(s, (unsigned)i);
}

/* How a value would look in the file; of lists and groups, what they are. */
static void
show_value(struct buf *out, const config_setting_t *s)
{
	const char *text;
	size_t len;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		text = config_setting_get_string(s);
		len = strlen(text);
		buf_addc(out, '"');
		buf_add_escaped(out, text, len < SHOWN_MAX ? len : SHOWN_MAX);
		buf_addc(out, '"');
		break;
	case CONFIG_TYPE_INT:
		buf_printf(out, "%d", config_setting_get_int(s));
		break;
	case CONFIG_TYPE_INT64:
		buf_printf(out, "%lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_BOOL:
		buf_adds(out, config_setting_get_bool(s) ? "true" : "false");
		break;
	case CONFIG_TYPE_GROUP:
		buf_adds(out, "a group { }");
		break;
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		buf_adds(out, "a list");
		break;
	default:
		buf_adds(out, "a number with a fraction");
	}
}

/* The name with the groups it stands in: "sign_for.networks". */
static void
show_name(struct buf *out, const config_setting_t *s)
{
	if (config_setting_is_root(s))
		return;
	show_name(out, config_setting_parent(s));
	if (config_setting_name(s) == NULL)
		return; /* in a list */
	if (out->len > 0)
		buf_addc(out, '.');
	buf_adds(out, config_setting_name(s));
}

int
conf_refuse(struct conf_reader *r, const config_setting_t *s, const char *fmt,
    ...)
{
	struct buf name = BUF_INIT;
	char what[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	show_name(&name, s);
	if (buf_str(&name) == NULL)
		err_nomem(r->err);
	else
		err_set(r->err, ERR_CONF, "%s:%u: %s: %s", r->conf->path,
		    config_setting_source_line(s), name.data, what);
	buf_clear(&name);
	return -1;
}

int
conf_refuse_value(struct conf_reader *r, const config_setting_t *s,
    const char *what)
{
	struct buf value = BUF_INIT;

	show_value(&value, s);
	if (buf_str(&value) == NULL)
		err_nomem(r->err);
	else
		conf_refuse(r, s, "%s: %s", what, value.data);
	buf_clear(&value);
	return -1;
}

static bool
is_list(const config_setting_t *s)
{
	return config_setting_is_list(s) || config_setting_is_array(s);
}

const char *
conf_get_string(struct conf_reader *r, const config_setting_t *s)
{
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return config_setting_get_string(s);
	conf_refuse_value(r, s, "not a string in quotes");
	return NULL;
}

int
conf_get_length(struct conf_reader *r, const config_setting_t *s, int max)
{
	int count;

	if (!is_list(s))
		return conf_refuse_value(r, s, "not a list [ ]");
	count = config_setting_length(s);
	if (count > max)
		return conf_refuse(r, s, "more than %d entries in the list: %d",
		    max, count);
	return count;
}

int
conf_get_bool(struct conf_reader *r, const config_setting_t *s, bool *value)
{
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return conf_refuse_value(r, s, "neither true nor false");
	*value = config_setting_get_bool(s);
	return 0;
}

int
conf_get_number(struct conf_reader *r, const config_setting_t *s, long long min,
    long long max, const char *range, long long *out)
{
	char what[128];
	long long number;

	if (config_setting_type(s) == CONFIG_TYPE_INT)
		number = config_setting_get_int(s);
	else if (config_setting_type(s) == CONFIG_TYPE_INT64)
		number = config_setting_get_int64(s);
	else
		return conf_refuse_value(r, s, "not a whole number");
	if (number < min || number > max) {
		snprintf(what, sizeof(what), "out of range, %s", range);
		return conf_refuse_value(r, s, what);
	}
	*out = number;
	return 0;
}

int
conf_get_copy(struct conf_reader *r, const config_setting_t *s, char **copy)
{
	const char *text = conf_get_string(r, s);

	if (text == NULL)
		return -1;
	*copy = strdup(text);
	return *copy == NULL ? err_nomem(r->err) : 0;
}
