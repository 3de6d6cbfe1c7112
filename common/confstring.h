/*
 * Settings that are kept as strings, and as lists of strings: paths, domains,
 * servers, selectors, programs.  Private to confset.c and conf.c.
 */
#ifndef KEYTURN_CONFSTRING_H
#define KEYTURN_CONFSTRING_H

#include "confvalue.h"

/* As conf_set, for the kinds that are a char *. */
int conf_set_string(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);

/* As conf_set, for the kinds that are a char **. */
int conf_set_strings(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);

/*
 * The list s of patterns of domains, at most max, for the caller to free; also
 * those before an error.  Returns 0, or -1 with the error set.
 */
int conf_get_patterns(struct conf_reader *r, const config_setting_t *s, int max,
    char ***patterns);

#endif
