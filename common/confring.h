/*
 * Settings of rings that have a language of their own: durations, algorithms,
 * blackouts, weekdays.  Private to confset.c; each as conf_set.
 */
#ifndef KEYTURN_CONFRING_H
#define KEYTURN_CONFRING_H

#include "confvalue.h"

int conf_set_duration(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);
int conf_set_key_specs(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);
int conf_set_blackouts(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);
int conf_set_weekdays(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s);

#endif
