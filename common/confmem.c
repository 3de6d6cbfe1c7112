/*
 * The memory behind a struct conf: one row of the table after the other, by
 * the kind of each.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "confmem.h"

static void
strings_free(char **strings)
{
	for (char **s = strings; s != NULL && *s != NULL; s++)
		free(*s);
	free(strings);
}

static void
sockets_free(struct conf_socket *sockets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(sockets[i].spec);
		free(sockets[i].group);
	}
	free(sockets);
}

static void
overrides_free(struct conf_override *overrides, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		strings_free(overrides[i].rings);
		ring_conf_clear(&overrides[i].conf);
	}
	free(overrides);
}

/* What the member of a kind is made of. */
enum shape {
	SHAPE_PLAIN,     /* nothing to be released */
	SHAPE_TEXT,      /* char * */
	SHAPE_TEXTS,     /* char ** */
	SHAPE_ARRAY,     /* a pointer to plain things */
	SHAPE_SOCKETS,   /* struct conf_socket * */
	SHAPE_OVERRIDES, /* struct conf_override * */
};

static enum shape
shape_of(enum setting_kind kind)
{
	switch (kind) {
	case SETTING_PATH:
	case SETTING_SOCKET_PATH:
	case SETTING_DOMAIN:
	case SETTING_SERVER:
	case SETTING_TEMPLATE:
	case SETTING_FIELDS:
		return SHAPE_TEXT;
	case SETTING_STRINGS:
	case SETTING_SELECTORS:
	case SETTING_SERVERS:
	case SETTING_COMMAND:
		return SHAPE_TEXTS;
	case SETTING_NETWORKS:
	case SETTING_USERS:
		return SHAPE_ARRAY;
	case SETTING_SOCKETS:
		return SHAPE_SOCKETS;
	case SETTING_OVERRIDES:
		return SHAPE_OVERRIDES;
	case SETTING_BOOL:
	case SETTING_INT:
	case SETTING_WORD:
	case SETTING_CANON:
	case SETTING_DURATION:
	case SETTING_KEY_SPECS:
	case SETTING_BLACKOUTS:
	case SETTING_WEEKDAYS:
		break;
	}
	return SHAPE_PLAIN;
}

void
setting_clear(const struct setting *row, void *base)
{
	enum shape shape = shape_of(row->kind);
	void *member = (char *)base + row->at, *value;
	size_t count = 0;

	if (shape == SHAPE_PLAIN)
		return;
	memcpy(&value, member, sizeof(value));
	if (shape == SHAPE_SOCKETS || shape == SHAPE_OVERRIDES)
		count = *(size_t *)((char *)base + row->count_at);
	if (shape == SHAPE_TEXTS)
		strings_free(value);
	else if (shape == SHAPE_SOCKETS)
		sockets_free(value, count);
	else if (shape == SHAPE_OVERRIDES)
		overrides_free(value, count);
	else
		free(value);
	value = NULL;
	memcpy(member, &value, sizeof(value));
}

static char **
strings_copy(char *const *strings)
{
	size_t count = 0;
	char **copy;

	while (strings[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < count; i++) {
		copy[i] = strdup(strings[i]);
		if (copy[i] == NULL) {
			strings_free(copy);
			return NULL;
		}
	}
	return copy;
}

/* Put a copy of what row has in from into to, which has NULL there. */
static bool
copy_member(const struct setting *row, void *to, const void *from)
{
	const void *source;
	void *copy;

	memcpy(&source, (const char *)from + row->at, sizeof(source));
	if (source == NULL)
		return true;
	copy = shape_of(row->kind) == SHAPE_TEXTS ? (void *)strings_copy(source)
	                                          : (void *)strdup(source);
	memcpy((char *)to + row->at, &copy, sizeof(copy));
	return copy != NULL;
}

int
ring_conf_copy(struct ring_conf *to, const struct ring_conf *from,
    struct err *err)
{
	const struct setting *row;
	bool is_good = true;

	*to = *from;
	for (size_t i = 0; (row = setting_get(i)) != NULL; i++)
		if (row->is_of_rings && shape_of(row->kind) != SHAPE_PLAIN)
			memset((char *)to + row->at, 0, sizeof(void *));
	for (size_t i = 0; is_good && (row = setting_get(i)) != NULL; i++)
		if (row->is_of_rings && shape_of(row->kind) != SHAPE_PLAIN)
			is_good = copy_member(row, to, from);
	if (is_good)
		return 0;
	ring_conf_clear(to);
	return err_nomem(err);
}

void
ring_conf_clear(struct ring_conf *conf)
{
	const struct setting *row;

	for (size_t i = 0; (row = setting_get(i)) != NULL; i++)
		if (row->is_of_rings)
			setting_clear(row, conf);
}

void
conf_free(struct conf *conf)
{
	const struct setting *row;

	if (conf == NULL)
		return;
	for (size_t i = 0; (row = setting_get(i)) != NULL; i++)
		if (!row->is_of_rings)
			setting_clear(row, conf);
	ring_conf_clear(&conf->ring_conf);
	free(conf->path);
	free(conf);
}

/* Strings, of which NULL is one. */
static bool
text_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
sockets_equal(const struct conf *a, const struct conf *b)
{
	if (a->socket_count != b->socket_count)
		return false;
	for (size_t i = 0; i < a->socket_count; i++) {
		const struct conf_socket *x = &a->sockets[i];
		const struct conf_socket *y = &b->sockets[i];

		if (!text_equal(x->spec, y->spec) || x->mode != y->mode ||
		    !text_equal(x->group, y->group) ||
		    x->optional != y->optional)
			return false;
	}
	return true;
}

static bool
users_equal(const struct conf *a, const struct conf *b)
{
	size_t len = a->channel_user_count * sizeof(*a->channel_users);

	return a->channel_user_count == b->channel_user_count &&
	    (len == 0 || memcmp(a->channel_users, b->channel_users, len) == 0);
}

/* Compares the kinds that a restart-only setting may have. */
static bool
setting_equal(const struct setting *s, const struct conf *a,
    const struct conf *b)
{
	const void *x = (const char *)a + s->at, *y = (const char *)b + s->at;

	switch (s->kind) {
	case SETTING_SOCKETS:
		return sockets_equal(a, b);
	case SETTING_USERS:
		return users_equal(a, b);
	case SETTING_PATH:
	case SETTING_SOCKET_PATH:
		return text_equal(*(char *const *)x, *(char *const *)y);
	case SETTING_INT:
	case SETTING_WORD:
		return *(const int *)x == *(const int *)y;
	default:
		abort(); /* a new row of a kind that is missing here */
	}
}

char *
conf_restart_differences(const struct conf *a, const struct conf *b)
{
	struct buf names = BUF_INIT;
	const struct setting *s;
	char *text = NULL;

	for (size_t i = 0; (s = setting_get(i)) != NULL; i++) {
		if (!s->info.needs_restart || setting_equal(s, a, b))
			continue;
		buf_adds(&names, names.len > 0 ? ", " : "");
		buf_adds(&names, s->info.name);
	}
	if (names.len > 0 && buf_str(&names) != NULL)
		text = strdup(names.data);
	buf_clear(&names);
	return text;
}
