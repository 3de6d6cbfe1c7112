/*
 * How the selector of a new key is made: a template with placeholders.
 */
#ifndef KEYTURN_SELECTOR_H
#define KEYTURN_SELECTOR_H

#include "buf.h"

/* What stands for the placeholders. */
struct selector_values {
	int year, month, day; /* {yyyy} {mm} {dd}, in UTC; from 1 */
	const char *seq;      /* {seq}, what counts up: a, b ... z, aa */
	const char *rand4;    /* {rand4}, four letters and digits */
	const char *host;     /* {host}, a label of the DNS */
};

/*
 * What keeps text from being a template of selectors, or NULL: it is one, that
 * gives valid selectors and can give another one each time.
 */
const char *selector_template_problem(const char *text);

/*
 * Append the selector that the template makes of values.  The template has no
 * problem; with a long host the selector can still be too long for a name:
 * dnsname_is_valid tells.
 */
void selector_make(const char *text, const struct selector_values *values,
    struct buf *out);

#endif
