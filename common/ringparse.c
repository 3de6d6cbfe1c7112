/*
 * ring.conf, read: text checked by its sum and taken by ringquick.c, or, if it
 * will not, checked by conftext.c, given to libconfig, and taken member by
 * member by the tables of ringmember.c.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "conftext.h"
#include "confvalue.h"
#include "ringfile.h"
#include "ringmember.h"
#include "ringquick.h"

enum {
	MEMBER_NAME_MAX = 64, /* longer names are unknown */
};

/* One group on its way into a struct. */
struct object {
	const struct member *table;
	void *base;
	uint64_t seen; /* a bit for each row of the table */
};

bool
ringfile_is_key_name(const char *name)
{
	static const char end[] = ".pem";
	size_t len = strlen(name), end_len = sizeof(end) - 1;

	return len > end_len && len <= NAME_MAX && name[0] != '.' &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == len &&
	    strcmp(name + len - end_len, end) == 0;
}

static int
take_text(struct conf_reader *r, const config_setting_t *s,
    const struct member *m, void *out)
{
	const char *text = conf_get_string(r, s);
	const char *what;

	if (text == NULL)
		return -1;
	if (member_take_text(m, text, out, &what))
		return 0;
	return what != NULL ? conf_refuse_value(r, s, what) : err_nomem(r->err);
}

static int
take_number(struct conf_reader *r, const config_setting_t *s,
    const struct member *m, void *out)
{
	long long number, min, max;
	const char *range = member_range(m, &min, &max);

	if (conf_get_number(r, s, min, max, range, &number) == -1)
		return -1;
	member_set_number(m, number, out);
	return 0;
}

static int
take_member(struct conf_reader *r, const config_setting_t *s,
    const struct member *m, void *out)
{
	if (m->kind == MEMBER_BOOL)
		return conf_get_bool(r, s, out);
	return member_is_number(m) ? take_number(r, s, m, out)
	                           : take_text(r, s, m, out);
}

/*
 * Take s, a member called name, into one of the objects.  Returns 1 when it
 * was taken, 0 when it is none of theirs, -1 with the error set.
 */
static int
take_into(struct conf_reader *r, struct object *objects, size_t count,
    const char *name, const config_setting_t *s)
{
	for (size_t i = 0; i < count; i++) {
		struct object *o = &objects[i];
		const struct member *m;
		int row = member_find(o->table, name);

		if (row == -1)
			continue;
		o->seen |= UINT64_C(1) << row;
		m = &o->table[row];
		return take_member(r, s, m, (char *)o->base + m->offset) == -1
		    ? -1
		    : 1;
	}
	return 0;
}

/* Take the members of the group called name in a key. */
static int
take_subgroup(struct conf_reader *r, struct object *object, const char *name,
    const config_setting_t *group)
{
	int count = config_setting_length(group);

	for (int i = 0; i < count; i++) {
		const config_setting_t *s =
		    config_setting_get_elem(group, (unsigned)i);
		char full[MEMBER_NAME_MAX];
		int taken = 0;

		if ((size_t)snprintf(full, sizeof(full), "%s.%s", name,
		        config_setting_name(s)) < sizeof(full))
			taken = take_into(r, object, 1, full, s);
		if (taken == -1)
			return -1;
		if (taken == 0)
			return conf_refuse(r, s, "unknown");
	}
	return 0;
}

/* Whether everything that is required was there; s is where it should be. */
static int
check_complete(struct conf_reader *r, const config_setting_t *s,
    const struct object *o)
{
	for (int i = 0; o->table[i].name != NULL; i++) {
		if (!o->table[i].is_required || (o->seen >> i & 1) != 0)
			continue;
		if (config_setting_is_root(s))
			return err_set(r->err, ERR_CONF, "%s: missing: %s",
			    r->conf->path, o->table[i].name);
		return conf_refuse(r, s, "missing: %s", o->table[i].name);
	}
	return 0;
}

static int
check_bits(struct conf_reader *r, const config_setting_t *s,
    const struct ring_key *key)
{
	return member_bits_are_good(key)
	    ? 0
	    : conf_refuse(r, s, "bits: not those of a key of %s: %u",
	          key_alg_name(key->alg), key->bits);
}

static int
take_key(struct conf_reader *r, const config_setting_t *group,
    struct ring_key *key)
{
	struct object object = { .table = ring_key_members, .base = key };
	int count = config_setting_length(group);

	if (!config_setting_is_group(group))
		return conf_refuse_value(r, group, "not a group { }");
	for (int i = 0; i < count; i++) {
		const config_setting_t *s =
		    config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(s);
		int rc;

		if (config_setting_is_group(s) &&
		    member_is_group(ring_key_members, name)) {
			if (take_subgroup(r, &object, name, s) == -1)
				return -1;
			continue;
		}
		/* A dot is in no name: this finds plain members only. */
		rc = take_into(r, &object, 1, name, s);
		if (rc == -1)
			return -1;
		if (rc == 0)
			return conf_refuse(r, s, "unknown");
	}
	if (check_complete(r, group, &object) == -1)
		return -1;
	return check_bits(r, group, key);
}

static int
take_keys(struct conf_reader *r, const config_setting_t *s, struct ring *ring)
{
	int count = conf_get_length(r, s, RING_KEYS_MAX);

	for (int i = 0; i < count; i++) {
		struct ring_key *key = ring_add_key(ring, r->err);

		if (key == NULL ||
		    take_key(r, config_setting_get_elem(s, (unsigned)i), key) ==
		        -1)
			return -1;
	}
	return count == -1 ? -1 : 0;
}

/* Take all of a file, or (is_part) of a part without its bookkeeping. */
static int
take_ring(struct conf_reader *r, const config_setting_t *root, bool is_part,
    struct ring *ring)
{
	struct object objects[] = {
		{ .table = ring_members, .base = ring },
		{ .table = ring_bookkeeping, .base = ring },
	};
	size_t object_count = is_part ? 1 : 2;
	int count = config_setting_length(root);
	bool has_keys = false;

	for (int i = 0; i < count; i++) {
		const config_setting_t *s =
		    config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(s);
		int rc = take_into(r, objects, object_count, name, s);

		if (rc == 0 && strcmp(name, "keys") == 0) {
			has_keys = true;
			rc = take_keys(r, s, ring) == -1 ? -1 : 1;
		}
		/* The sum was looked at before. */
		if (rc == 0 && (is_part || strcmp(name, "sha256") != 0))
			return conf_refuse(r, s, "unknown");
		if (rc == -1)
			return -1;
	}
	for (size_t i = 0; i < object_count; i++)
		if (check_complete(r, root, &objects[i]) == -1)
			return -1;
	return has_keys
	    ? 0
	    : err_set(r->err, ERR_CONF, "%s: missing: keys", r->conf->path);
}

/* ring_check, with the line of the key that is wrong. */
static int
check_ring(const char *path, const config_t *config, const struct ring *ring,
    struct err *err)
{
	const config_setting_t *s;
	size_t bad;

	if (ring_check(ring, &bad, err) == 0)
		return 0;
	s = config_setting_get_elem(config_lookup(config, "keys"),
	    (unsigned)bad);
	err->code = ERR_CONF;
	return err_prefix(err, "%s:%u", path, config_setting_source_line(s));
}

static struct ring *
parse(const char *path, const char *text, bool is_part, struct err *err)
{
	struct ring *ring = ring_new("", "", err);
	struct conf conf = { .path = strdup(path) };
	struct conf_reader r = { .conf = &conf, .err = err };
	config_t config;
	int rc = -1;

	config_init(&config);
	if (ring == NULL || conf.path == NULL)
		err_nomem(err);
	else if (conftext_check(path, text, err) == -1)
		rc = -1;
	else if (!config_read_string(&config, text))
		err_set(err, ERR_CONF, "%s:%d: %s", path,
		    config_error_line(&config), config_error_text(&config));
	else
		rc = take_ring(&r, config_root_setting(&config), is_part, ring);
	if (rc == 0 && !is_part)
		rc = check_ring(path, &config, ring, err);
	config_destroy(&config);
	free(conf.path);
	if (rc == 0)
		return ring;
	ring_free(ring);
	return NULL;
}

/* The sum that the last line gives, of all before it. */
static int
check_sum(const char *path, const char *text, struct err *err)
{
	static const char begin[] = RINGFILE_SUM "\"", end[] = "\";\n";
	unsigned char want[SHA256_LEN], got[SHA256_LEN];
	char hex[RING_HEX_MAX];
	size_t line_len = strlen(begin) + strlen(end) + RING_HEX_MAX - 1;
	size_t len = strlen(text);
	const char *line = text + len - (len < line_len ? len : line_len);

	if (len < line_len || (line > text && line[-1] != '\n') ||
	    strncmp(line, begin, strlen(begin)) != 0 ||
	    strcmp(text + len - strlen(end), end) != 0)
		return err_set(err, ERR_CONF,
		    "%s: cut, or not written by keyturn: its last line is not "
		    "its SHA-256",
		    path);
	memcpy(hex, line + strlen(begin), sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';
	if (sha256_of(text, (size_t)(line - text), got, err) == -1)
		return -1;
	if (!hex_parse(hex, want) || memcmp(want, got, SHA256_LEN) != 0)
		return err_set(err, ERR_CONF,
		    "%s: damaged, or changed by hand: its SHA-256 is not that "
		    "of its last line",
		    path);
	return 0;
}

struct ring *
ringfile_parse(const char *path, const char *text, struct err *err)
{
	struct ring *ring;

	if (check_sum(path, text, err) == -1)
		return NULL;
	ring = ringquick_parse(text);
	return ring != NULL ? ring : parse(path, text, false, err);
}

struct ring *
ringfile_parse_part(const char *path, const char *head, const char *keys,
    struct err *err)
{
	struct buf text = BUF_INIT;
	struct ring *ring = NULL;

	buf_printf(&text, "%skeys = ( %s );", head, keys);
	if (buf_str(&text) == NULL)
		err_nomem(err);
	else
		ring = parse(path, text.data, true, err);
	buf_clear(&text);
	return ring;
}
