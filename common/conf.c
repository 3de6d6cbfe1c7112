/*
 * keyturn.conf: the file, its groups and names, and the defaults of what is
 * not in it.  What may be set is in settings.c, what a value must be in
 * confset.c.
 */
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "conf.h"
#include "confset.h"
#include "conftext.h"
#include "confvalue.h"
#include "settings.h"
#include "textfile.h"

enum {
	SETTING_NAME_MAX = 64, /* longer names are unknown */
	SHOWN_MAX = 256,       /* bytes of an offending line in an error */
};

/* Which rows of the table the file has. */
struct seen {
	bool rows[SETTINGS_MAX];
};

/*
 * "file:line: what: the line itself", for what the library does not take.  It
 * notices a fault only at the word behind it, so an empty line is never meant:
 * then it is the last one before that is not.
 */
static int
refuse_syntax(const config_t *config, const char *path, const char *text,
    struct err *err)
{
	struct buf shown = BUF_INIT;
	const char *line = text;
	int number = 1;
	size_t len;

	for (int i = 1; i <= config_error_line(config); i++) {
		text += strspn(text, " \t\r");
		if (*text != '\n' && *text != '\0') {
			line = text;
			number = i;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	len = strcspn(line, "\r\n");
	buf_add_escaped(&shown, line, len < SHOWN_MAX ? len : SHOWN_MAX);
	if (buf_str(&shown) == NULL)
		err_nomem(err);
	else
		err_set(err, ERR_CONF, "%s:%d: %s: %s", path, number,
		    config_error_text(config), shown.data);
	buf_clear(&shown);
	return -1;
}

/*
 * Take the members of a group; prefix is its name with a dot, or empty.  The
 * names in the table have one dot at most, so this goes no deeper than that.
 */
static int
read_group(struct conf_reader *r, struct seen *seen,
    const config_setting_t *group, const char *prefix)
{
	int count = config_setting_length(group);

	for (int i = 0; i < count; i++) {
		const config_setting_t *s =
		    config_setting_get_elem(group, (unsigned)i);
		char name[SETTING_NAME_MAX];
		int len, row;

		len = snprintf(name, sizeof(name), "%s%s", prefix,
		    config_setting_name(s));
		row = len < SETTING_NAME_MAX ? setting_find(name) : -1;
		if (row != -1) {
			seen->rows[row] = true;
			if (conf_set(r, setting_get((size_t)row), s) == -1)
				return -1;
			continue;
		}
		if (len >= SETTING_NAME_MAX || !setting_is_group(name))
			return conf_refuse(r, s, "unknown setting");
		if (!config_setting_is_group(s))
			return conf_refuse_value(r, s, "not a group { }");
		strlcat(name, ".", sizeof(name));
		if (read_group(r, seen, s, name) == -1)
			return -1;
	}
	return 0;
}

/* Give a setting its default, read as if it stood in the file. */
static int
read_default(struct conf_reader *r, const struct setting *row)
{
	struct buf text = BUF_INIT;
	config_t config;
	int rc = -1;

	if (strcmp(row->info.default_text, "none") == 0)
		return 0;
	config_init(&config);
	buf_printf(&text, "default = %s;", row->info.default_text);
	if (buf_str(&text) == NULL)
		err_nomem(r->err);
	else if (!config_read_string(&config, text.data))
		refuse_syntax(&config, row->info.name, text.data, r->err);
	else
		rc = conf_set(r, row, config_lookup(&config, "default"));
	config_destroy(&config);
	buf_clear(&text);
	return rc;
}

/* Everything that is not in seen. */
static int
read_defaults(struct conf_reader *r, const struct seen *seen)
{
	const struct setting *row;

	for (size_t i = 0; (row = setting_get(i)) != NULL; i++)
		if (!seen->rows[i] && read_default(r, row) == -1)
			return -1;
	return 0;
}

/* Fill r->conf from the text of a file. */
static int
read_text(struct conf_reader *r, const char *text)
{
	struct seen seen = { { false } };
	config_t config;
	int rc = -1;

	if (conftext_check(r->conf->path, text, r->err) == -1)
		return -1;
	config_init(&config);
	if (!config_read_string(&config, text))
		refuse_syntax(&config, r->conf->path, text, r->err);
	else
		rc = read_group(r, &seen, config_root_setting(&config), "");
	config_destroy(&config);
	return rc == 0 ? read_defaults(r, &seen) : -1;
}

/* A struct conf of text, which is that of path. */
static struct conf *
conf_make(const char *path, const char *text, struct err *err)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct conf_reader r = { .conf = conf, .err = err };

	if (conf == NULL || (conf->path = strdup(path)) == NULL)
		err_nomem(err);
	else if (read_text(&r, text) == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

struct conf *
conf_load(const char *path, struct err *err)
{
	size_t len;
	char *text = textfile_read(path, CONF_BYTES_MAX, &len, err);
	struct conf *conf;

	if (text == NULL)
		return NULL;
	conf = conf_make(path, text, err);
	free(text);
	return conf;
}

struct conf *
conf_default(struct err *err)
{
	return conf_make(CONF_PATH_DEFAULT, "", err);
}
