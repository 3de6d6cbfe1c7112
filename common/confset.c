/*
 * From a value in keyturn.conf to a member of struct conf: one function for
 * each kind of setting.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "buf.h"
#include "confring.h"
#include "confset.h"
#include "confstring.h"
#include "confvalue.h"
#include "fieldlist.h"
#include "sockspec.h"

enum { SOCKET_MODE_DEFAULT = 0660 };

/* Puts the value of s where row says. */
typedef int setter(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);

static int
set_bool(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	return conf_get_bool(r, s, conf_member(r, row));
}

static int
set_int(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	long long number;

	if (conf_get_number(r, s, row->min, row->max, row->info.range,
	        &number) == -1)
		return -1;
	*(int *)conf_member(r, row) = (int)number;
	return 0;
}

static int
set_word(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	const char *text = conf_get_string(r, s);
	char what[256];

	if (text == NULL)
		return -1;
	for (const struct setting_word *w = row->words; w->text != NULL; w++)
		if (strcmp(w->text, text) == 0) {
			*(int *)conf_member(r, row) = w->value;
			return 0;
		}
	snprintf(what, sizeof(what), "not one of %s", row->info.range);
	return conf_refuse_value(r, s, what);
}

static int
set_canon(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	const char *text = conf_get_string(r, s);

	if (text == NULL)
		return -1;
	if (!canon_pair_parse(text, strlen(text), conf_member(r, row)))
		return conf_refuse_value(r, s,
		    "not header/body, each simple or relaxed");
	return 0;
}

/*
 * A cleared array for the list s, put where row says; the count stays 0 until
 * entries are there.  Returns the array, or NULL with the error set.
 */
static void *
new_array(struct conf_reader *r, const struct setting *row, int count,
    size_t size)
{
	void *array = calloc((size_t)count + 1, size);

	if (array == NULL)
		err_nomem(r->err);
	else
		memcpy(conf_member(r, row), &array, sizeof(array));
	return array;
}

static int
set_networks(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	int count = conf_get_length(r, s, INT_MAX);
	struct cidr *networks;

	if (count == -1)
		return -1;
	networks = new_array(r, row, count, sizeof(*networks));
	if (networks == NULL)
		return -1;
	for (int i = 0; i < count; i++) {
		const char *text = conf_get_string(r, conf_element(s, i));

		if (text == NULL)
			return -1;
		if (!cidr_parse(text, &networks[i]))
			return conf_refuse_value(r, conf_element(s, i),
			    "not an address, nor a network without bits set "
			    "behind its prefix");
	}
	*conf_member_count(r, row) = (size_t)count;
	return 0;
}

/* A user's name, or its number. */
static int
get_user(struct conf_reader *r, const config_setting_t *s, uid_t *uid)
{
	long long number;
	int rc;

	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		/* One less than all bits set, which is no user: (uid_t)-1. */
		if (conf_get_number(r, s, 0, UINT32_MAX - 1LL,
		        "the number of a user", &number) == -1)
			return -1;
		*uid = (uid_t)number;
		return 0;
	}
	rc = account_user(config_setting_get_string(s), uid, r->err);
	if (rc == 0)
		return conf_refuse_value(r, s,
		    "no such user (a number goes without quotes)");
	if (rc == -1)
		err_prefix(r->err, "%s:%u", r->conf->path,
		    config_setting_source_line(s));
	return rc == 1 ? 0 : -1;
}

static int
set_users(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	int count = conf_get_length(r, s, INT_MAX);
	uid_t *users;

	if (count == -1)
		return -1;
	users = new_array(r, row, count, sizeof(*users));
	if (users == NULL)
		return -1;
	for (int i = 0; i < count; i++)
		if (get_user(r, conf_element(s, i), &users[i]) == -1)
			return -1;
	*conf_member_count(r, row) = (size_t)count;
	return 0;
}

static int
set_fields(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	int count = conf_get_length(r, s, CONF_FIELDS_MAX);
	struct buf list = BUF_INIT;
	int rc = count == -1 ? -1 : 0;

	for (int i = 0; i < count && rc == 0; i++) {
		const char *name = conf_get_string(r, conf_element(s, i));
		const char *problem =
		    name != NULL ? fieldlist_add(&list, name) : NULL;

		if (problem != NULL)
			conf_refuse_value(r, conf_element(s, i), problem);
		if (name == NULL || problem != NULL)
			rc = -1;
	}
	if (rc == 0 && row->at == offsetof(struct conf, sign_headers) &&
	    !fieldlist_has(&list, "from"))
		rc = conf_refuse(r, s,
		    "From is missing: it must be signed, RFC 6376 section 5.4");
	if (rc == 0 && buf_str(&list) != NULL)
		*(char **)conf_member(r, row) = strdup(list.data);
	if (rc == 0 && *(char **)conf_member(r, row) == NULL)
		rc = err_nomem(r->err);
	buf_clear(&list);
	return rc;
}

/* "0660": a unix socket's mode. */
static int
get_mode(struct conf_reader *r, const config_setting_t *s, mode_t *mode)
{
	const char *text = conf_get_string(r, s);
	mode_t value = 0;

	if (text == NULL)
		return -1;
	if (text[0] == '\0' || strlen(text) > 4 ||
	    text[strspn(text, "01234567")] != '\0')
		return conf_refuse_value(r, s, "not an octal mode");
	for (const char *p = text; *p != '\0'; p++)
		value = value * 8 + (mode_t)(*p - '0');
	if (value > 0777)
		return conf_refuse_value(r, s, "out of range, 0 to 0777");
	*mode = value;
	return 0;
}

/* One member of the group of a socket. */
static int
get_socket_member(struct conf_reader *r, const config_setting_t *s,
    struct conf_socket *socket)
{
	const char *name = config_setting_name(s);

	if (strcmp(name, "spec") == 0)
		return conf_get_copy(r, s, &socket->spec);
	if (strcmp(name, "group") == 0)
		return conf_get_copy(r, s, &socket->group);
	if (strcmp(name, "mode") == 0)
		return get_mode(r, s, &socket->mode);
	if (strcmp(name, "optional") == 0)
		return conf_get_bool(r, s, &socket->optional);
	return conf_refuse(r, s,
	    "unknown; a socket has spec, mode, group, optional");
}

static int
get_socket(struct conf_reader *r, const config_setting_t *s,
    struct conf_socket *socket)
{
	int count;

	socket->mode = SOCKET_MODE_DEFAULT;
	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		return conf_get_copy(r, s, &socket->spec);
	if (!config_setting_is_group(s))
		return conf_refuse_value(r, s,
		    "neither a string nor a group { spec = ...; }");
	count = config_setting_length(s);
	for (int i = 0; i < count; i++)
		if (get_socket_member(r, conf_element(s, i), socket) == -1)
			return -1;
	if (socket->spec == NULL)
		return conf_refuse(r, s, "a socket without spec");
	return 0;
}

/* Whether two specs name one socket: unix: and local: are the same. */
static bool
is_same_socket(const char *a, const char *b)
{
	const char *path_a = sockspec_path(a), *path_b = sockspec_path(b);

	if (path_a != NULL && path_b != NULL)
		return strcmp(path_a, path_b) == 0;
	return strcmp(a, b) == 0;
}

/* The group must be there, unless what it is for may be missing too. */
static int
check_group(struct conf_reader *r, const config_setting_t *s,
    const struct conf_socket *socket)
{
	gid_t gid;
	int rc;

	if (socket->group == NULL || socket->optional)
		return 0;
	rc = account_group(socket->group, &gid, r->err);
	if (rc == 0)
		return conf_refuse_value(r,
		    config_setting_get_member(s, "group"), "no such group");
	if (rc == -1)
		err_prefix(r->err, "%s:%u", r->conf->path,
		    config_setting_source_line(s));
	return rc == 1 ? 0 : -1;
}

/* The socket at place i, whose value is s, beside those before it. */
static int
check_socket(struct conf_reader *r, const config_setting_t *s,
    const struct conf_socket *sockets, int i)
{
	const char *spec = sockets[i].spec;
	const char *problem = sockspec_problem(spec);
	const config_setting_t *at = s;

	if (config_setting_is_group(s))
		at = config_setting_get_member(s, "spec");
	if (problem != NULL)
		return conf_refuse_value(r, at, problem);
	for (int k = 0; k < i; k++)
		if (is_same_socket(sockets[k].spec, spec))
			return conf_refuse_value(r, at,
			    "a socket that is in the list already");
	if (at != s && config_setting_length(s) > 1 &&
	    sockspec_path(spec) == NULL)
		return conf_refuse_value(r, at,
		    "mode, group and optional are for unix sockets only");
	return check_group(r, s, &sockets[i]);
}

static int
set_sockets(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	int count = conf_get_length(r, s, CONF_SOCKETS_MAX);
	struct conf_socket *sockets;

	if (count == -1)
		return -1;
	if (count == 0)
		return conf_refuse(r, s, "an empty list: nobody could connect");
	sockets = new_array(r, row, count, sizeof(*sockets));
	if (sockets == NULL)
		return -1;
	for (int i = 0; i < count; i++) {
		++*conf_member_count(r, row);
		if (get_socket(r, conf_element(s, i), &sockets[i]) == -1 ||
		    check_socket(r, conf_element(s, i), sockets, i) == -1)
			return -1;
	}
	return 0;
}

/* What is set when all else is: see conf.c. */
static int
set_later(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	(void)r, (void)row, (void)s;
	return 0;
}

int
conf_set(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	static setter *const setters[] = {
		[SETTING_BOOL] = set_bool,
		[SETTING_INT] = set_int,
		[SETTING_WORD] = set_word,
		[SETTING_CANON] = set_canon,
		[SETTING_DURATION] = conf_set_duration,
		[SETTING_PATH] = conf_set_string,
		[SETTING_SOCKET_PATH] = conf_set_string,
		[SETTING_DOMAIN] = conf_set_string,
		[SETTING_SERVER] = conf_set_string,
		[SETTING_TEMPLATE] = conf_set_string,
		[SETTING_STRINGS] = conf_set_strings,
		[SETTING_SELECTORS] = conf_set_strings,
		[SETTING_SERVERS] = conf_set_strings,
		[SETTING_COMMAND] = conf_set_strings,
		[SETTING_KEY_SPECS] = conf_set_key_specs,
		[SETTING_BLACKOUTS] = conf_set_blackouts,
		[SETTING_WEEKDAYS] = conf_set_weekdays,
		[SETTING_NETWORKS] = set_networks,
		[SETTING_USERS] = set_users,
		[SETTING_SOCKETS] = set_sockets,
		[SETTING_FIELDS] = set_fields,
		[SETTING_OVERRIDES] = set_later,
	};

	return setters[row->kind](r, row, s);
}
