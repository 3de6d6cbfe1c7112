/*
 * What must hold between the settings of rings.  Private to conf.c.
 */
#ifndef KEYTURN_CONFCHECK_H
#define KEYTURN_CONFCHECK_H

#include "confvalue.h"
#include "settings.h"

/* Where a file, or an entry of ring_settings, has each row of the table. */
struct conf_places {
	const config_setting_t *whole;              /* itself */
	const config_setting_t *rows[SETTINGS_MAX]; /* NULL: not there */
};

/*
 * Check r->ring, of which places has what was not taken from elsewhere.
 * Returns 0, or -1 with r->err set: ERR_CONF ("file:line: name: what").
 */
int conf_check_ring(struct conf_reader *r, const struct conf_places *places);

#endif
