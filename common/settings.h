/*
 * The table of settings: what may stand in keyturn.conf, of which type, in
 * which range, with which default, and where in struct conf it ends up.  Knows
 * nothing of the syntax of the file.  Private to conf.c, to what
 * it is made of, and to the tests.
 */
#ifndef KEYTURN_SETTINGS_H
#define KEYTURN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"

/*
 * The type in the file, and the member of struct conf (or of struct ring_conf,
 * for what rings can have of their own) that it is kept in.
 */
enum setting_kind {
	SETTING_BOOL,        /* bool */
	SETTING_INT,         /* int, min to max */
	SETTING_WORD,        /* one of words; int or an enum */
	SETTING_CANON,       /* struct canon_pair */
	SETTING_DURATION,    /* int: seconds, min to max */
	SETTING_PATH,        /* char *, made absolute */
	SETTING_SOCKET_PATH, /* the same, short enough for a socket's name */
	SETTING_DOMAIN,      /* char *, lower case */
	SETTING_SERVER,      /* char *, ADDRESS or ADDRESS@PORT */
	SETTING_TEMPLATE,    /* char *, of selectors, lower case */
	SETTING_STRINGS,     /* char **, NULL-terminated; NULL: none */
	SETTING_SELECTORS,   /* likewise, lower case, no two alike */
	SETTING_SERVERS,     /* likewise, as inet_ntop writes them */
	SETTING_COMMAND,     /* likewise: a program and its arguments */
	SETTING_KEY_SPECS,   /* struct key_spec[], and a count */
	SETTING_BLACKOUTS,   /* struct blackout[], and a count */
	SETTING_WEEKDAYS,    /* unsigned: see rotation.h */
	SETTING_NETWORKS,    /* struct cidr *, and a count */
	SETTING_USERS,       /* uid_t *, and a count */
	SETTING_SOCKETS,     /* struct conf_socket *, and a count */
	SETTING_FIELDS,      /* char *, names of header fields: see conf.h */
	SETTING_OVERRIDES,   /* struct conf_override *, and a count */
};

#define SETTINGS_MAX 96 /* rows */

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
	bool is_of_rings; /* in struct ring_conf, and in ring_settings */
	size_t at;        /* offset in struct conf, or in struct ring_conf */
	size_t count_at;  /* of the count, where the kind has one */
	int min, max;
	const struct setting_word *words;
};

/* Row i of the table; NULL past its end. */
const struct setting *setting_get(size_t i);

/* The place in the table of the setting of that name, or -1. */
int setting_find(const char *name);

/* The word for a value of the setting of that name; "" for no value of it. */
const char *setting_word_text(const char *name, int value);

/* Whether settings are called name.something. */
bool setting_is_group(const char *name);

/* The same, and rings can have them of their own. */
bool setting_is_group_of_rings(const char *name);

#endif
