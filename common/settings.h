/*
 * The table of settings: what may stand in keyturn.conf, of which type, in
 * which range, with which default, and where in struct conf it ends up.  Knows
 * nothing of the syntax of the file.  Private to conf.c and the tests.
 */
#ifndef KEYTURN_SETTINGS_H
#define KEYTURN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"

/* The type in the file, and the member of struct conf that it is kept in. */
enum setting_kind {
	SETTING_BOOL,        /* bool */
	SETTING_INT,         /* int, min to max */
	SETTING_WORD,        /* one of words; int or an enum */
	SETTING_CANON,       /* struct canon_pair */
	SETTING_PATH,        /* char *, made absolute */
	SETTING_SOCKET_PATH, /* the same, short enough for a socket's name */
	SETTING_STRINGS,     /* char **, NULL-terminated */
	SETTING_NETWORKS,    /* struct cidr *, and a count */
	SETTING_USERS,       /* uid_t *, and a count */
	SETTING_SOCKETS,     /* struct conf_socket *, and a count */
	SETTING_FIELDS,      /* char *, names of header fields: see conf.h */
};

#define SETTINGS_MAX 64 /* rows */

struct setting_word {
	const char *text; /* NULL ends the list */
	int value;
};

/*
 * info.default_text is what one would write in the file; it is read like the
 * file, so that the table cannot differ from what is done.  "none": NULL.
 */
struct setting {
	struct setting_info info;
	enum setting_kind kind;
	size_t at;       /* offset in struct conf */
	size_t count_at; /* of the count, where the kind has one */
	int min, max;
	const struct setting_word *words;
};

/* Row i of the table; NULL past its end. */
const struct setting *setting_get(size_t i);

/* The place in the table of the setting of that name, or -1. */
int setting_find(const char *name);

/* Whether settings are called name.something. */
bool setting_is_group(const char *name);

#endif
