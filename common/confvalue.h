/*
 * Values of keyturn.conf as the library has read them: taken with a look at
 * their type, or refused with the place where they stand.  libconfig is known
 * here, in conf*.c and in ringparse.c, to which all this is private.
 */
#ifndef KEYTURN_CONFVALUE_H
#define KEYTURN_CONFVALUE_H

#include <libconfig.h>
#include <stdbool.h>

#include "conf.h"
#include "err.h"
#include "settings.h"

/* A configuration on its way into a struct conf. */
struct conf_reader {
	struct conf *conf;      /* with its path set */
	struct ring_conf *ring; /* for what rings can have of their own */
	struct err *err;        /* that of every function here */
};

/* The member that row is about, and the count of its entries if it has one. */
void *conf_member(struct conf_reader *r, const struct setting *row);
size_t *conf_member_count(struct conf_reader *r, const struct setting *row);

/* Entry i of a list or member i of a group. */
config_setting_t *conf_element(const config_setting_t *s, int i);

/* "file:line: name: what", printf style.  Returns -1. */
int conf_refuse(struct conf_reader *r, const config_setting_t *s,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "file:line: name: what: value".  Returns -1. */
int conf_refuse_value(struct conf_reader *r, const config_setting_t *s,
    const char *what);

/* The string of s, which lives as long as s, or NULL with the error set. */
const char *conf_get_string(struct conf_reader *r, const config_setting_t *s);

/* The same copied for the caller.  Returns 0, or -1 with the error set. */
int conf_get_copy(struct conf_reader *r, const config_setting_t *s,
    char **copy);

/* Returns 0, or -1 with the error set. */
int conf_get_bool(struct conf_reader *r, const config_setting_t *s,
    bool *value);

/* A whole number from min to max, which range says in words; likewise. */
int conf_get_number(struct conf_reader *r, const config_setting_t *s,
    long long min, long long max, const char *range, long long *out);

/* How many entries a list has, at most max; -1 with the error set. */
int conf_get_length(struct conf_reader *r, const config_setting_t *s, int max);

#endif
