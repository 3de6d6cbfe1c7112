/*
 * keyturn.conf: the file, its groups and names, the defaults of what is not in
 * it, and what some rings have of their own.  What may be set is in
 * settings.c, what a value must be in confset.c, what must hold between values
 * in confcheck.c.
 */
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "conf.h"
#include "confcheck.h"
#include "confmem.h"
#include "confset.h"
#include "confstring.h"
#include "conftext.h"
#include "confvalue.h"
#include "glob.h"
#include "settings.h"
#include "textfile.h"

enum {
	SETTING_NAME_MAX = 64, /* longer names are unknown */
	SHOWN_MAX = 256,       /* bytes of an offending line in an error */
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

static int
read_row(struct conf_reader *r, struct conf_places *places, int i,
    const config_setting_t *s)
{
	const struct setting *row = setting_get((size_t)i);

	places->rows[i] = s;
	if (row->is_of_rings)
		setting_clear(row, r->ring);
	return conf_set(r, row, s);
}

/*
 * Take the members of a group; prefix is its name with a dot, or empty.  The
 * names in the table have one dot at most, so this goes no deeper than that.
 */
static int
read_group(struct conf_reader *r, struct conf_places *places,
    const config_setting_t *group, const char *prefix)
{
	int count = config_setting_length(group);

	for (int i = 0; i < count; i++) {
		const config_setting_t *s = conf_element(group, i);
		char name[SETTING_NAME_MAX];
		int len, row;

		len = snprintf(name, sizeof(name), "%s%s", prefix,
		    config_setting_name(s));
		row = len < SETTING_NAME_MAX ? setting_find(name) : -1;
		if (row != -1) {
			if (read_row(r, places, row, s) == -1)
				return -1;
			continue;
		}
		if (len >= SETTING_NAME_MAX || !setting_is_group(name))
			return conf_refuse(r, s, "unknown setting");
		if (!config_setting_is_group(s))
			return conf_refuse_value(r, s, "not a group { }");
		strlcat(name, ".", sizeof(name));
		if (read_group(r, places, s, name) == -1)
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

/*
 * Everything that the file does not have.  The default for RSA keys is what
 * can be used.
 */
static int
read_defaults(struct conf_reader *r, const struct conf_places *places)
{
	struct key_spec *spec = &r->ring->rotation.algorithms[0];
	unsigned minimum;
	const struct setting *row;

	for (size_t i = 0; (row = setting_get(i)) != NULL; i++)
		if (places->rows[i] == NULL && read_default(r, row) == -1)
			return -1;
	minimum = (unsigned)r->conf->minimum_rsa_bits;
	if (places->rows[setting_find("rotation.algorithms")] == NULL &&
	    spec->alg == KEY_RSA_SHA256 && spec->bits < minimum)
		spec->bits = minimum;
	return 0;
}

/*
 * An entry with another type of publisher takes nothing else of that of all
 * rings: what it needs is something else.
 */
static void
drop_other_publisher(struct conf_reader *r, const config_setting_t *entry)
{
	const config_setting_t *group =
	    config_setting_get_member(entry, "publisher");
	const struct setting *row;
	const char *type;

	if (group == NULL || !config_setting_is_group(group) ||
	    !config_setting_lookup_string(group, "type", &type) ||
	    strcmp(type,
	        setting_word_text("publisher.type",
	            (int)r->ring->publisher.type)) == 0)
		return;
	for (size_t i = 0; (row = setting_get(i)) != NULL; i++)
		if (strncmp(row->info.name, "publisher.", 10) == 0)
			setting_clear(row, r->ring);
}

/* The patterns of an entry; *left may still come in the file. */
static int
read_patterns(struct conf_reader *r, const config_setting_t *entry, int *left,
    struct conf_override *o)
{
	const config_setting_t *rings =
	    config_setting_get_member(entry, "rings");

	if (rings == NULL)
		return conf_refuse(r, entry,
		    "an entry without rings, the domains that it is for");
	if (conf_get_patterns(r, rings, *left, &o->rings) == -1)
		return -1;
	if (o->rings == NULL)
		return conf_refuse(r, rings, "an empty list: no ring matches");
	*left -= config_setting_length(rings);
	return 0;
}

/* The members of an entry but rings, which says whose they are. */
static int
read_members(struct conf_reader *r, struct conf_places *places)
{
	int count = config_setting_length(places->whole);

	for (int i = 0; i < count; i++) {
		const config_setting_t *s = conf_element(places->whole, i);
		const char *name = config_setting_name(s);
		char prefix[SETTING_NAME_MAX];

		if (strcmp(name, "rings") == 0)
			continue;
		if (!setting_is_group_of_rings(name))
			return conf_refuse(r, s,
			    "unknown; an entry has rings, rotation, publisher, "
			    "dns");
		if (!config_setting_is_group(s))
			return conf_refuse_value(r, s, "not a group { }");
		snprintf(prefix, sizeof(prefix), "%s.", name);
		if (read_group(r, places, s, prefix) == -1)
			return -1;
	}
	return 0;
}

static int
read_override(const struct conf_reader *all, const config_setting_t *entry,
    int *left, struct conf_override *o)
{
	struct conf_reader r = { all->conf, &o->conf, all->err };
	struct conf_places places = { .whole = entry };

	if (!config_setting_is_group(entry))
		return conf_refuse_value(&r, entry,
		    "not a group { rings = [...]; ... }");
	if (ring_conf_copy(&o->conf, all->ring, all->err) == -1)
		return -1;
	drop_other_publisher(&r, entry);
	if (read_patterns(&r, entry, left, o) == -1 ||
	    read_members(&r, &places) == -1)
		return -1;
	return conf_check_ring(&r, &places);
}

/* When all that the entries may leave out is there. */
static int
read_overrides(struct conf_reader *r, const config_setting_t *s)
{
	int count = conf_get_length(r, s, CONF_OVERRIDES_MAX);
	int left = CONF_PATTERNS_MAX;

	if (count <= 0)
		return count;
	r->conf->overrides = calloc((size_t)count, sizeof(*r->conf->overrides));
	if (r->conf->overrides == NULL)
		return err_nomem(r->err);
	for (int i = 0; i < count; i++) {
		r->conf->override_count++;
		if (read_override(r, conf_element(s, i), &left,
		        &r->conf->overrides[i]) == -1)
			return -1;
	}
	return 0;
}

/* What has no effect is not there. */
static void
drop_idle(struct ring_conf *conf)
{
	if (conf->rotation.slots == NULL) {
		free(conf->rotation.provider_zone);
		conf->rotation.provider_zone = NULL;
	}
}

static int
read_all(struct conf_reader *r, const config_setting_t *root)
{
	struct conf_places places = { .whole = root };
	const config_setting_t *overrides;

	if (read_group(r, &places, root, "") == -1 ||
	    read_defaults(r, &places) == -1 ||
	    conf_check_ring(r, &places) == -1)
		return -1;
	overrides = places.rows[setting_find("ring_settings")];
	if (overrides != NULL && read_overrides(r, overrides) == -1)
		return -1;
	drop_idle(r->ring);
	for (size_t i = 0; i < r->conf->override_count; i++)
		drop_idle(&r->conf->overrides[i].conf);
	return 0;
}

/* Fill r->conf from the text of a file. */
static int
read_text(struct conf_reader *r, const char *text)
{
	config_t config;
	int rc = -1;

	if (conftext_check(r->conf->path, text, r->err) == -1)
		return -1;
	config_init(&config);
	if (!config_read_string(&config, text))
		refuse_syntax(&config, r->conf->path, text, r->err);
	else
		rc = read_all(r, config_root_setting(&config));
	config_destroy(&config);
	return rc;
}

/* A struct conf of text, which is that of path. */
static struct conf *
conf_make(const char *path, const char *text, struct err *err)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct conf_reader r = { .conf = conf, .err = err };

	if (conf != NULL)
		r.ring = &conf->ring_conf;
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

const struct ring_conf *
conf_for_ring(const struct conf *conf, const char *domain)
{
	for (size_t i = 0; i < conf->override_count; i++)
		for (char **p = conf->overrides[i].rings; *p != NULL; p++)
			if (glob_match(*p, domain))
				return &conf->overrides[i].conf;
	return &conf->ring_conf;
}
