/*
 * What the library that reads keyturn.conf would take silently and wrongly,
 * found in the text before it is given to the library.
 */
#ifndef KEYTURN_CONFTEXT_H
#define KEYTURN_CONFTEXT_H

#include "err.h"

/*
 * Check the text of a configuration file, NUL-terminated.  Refused are
 *
 * - @include: what one reads of the configuration is then one file, and one
 *   look at it tells all; and the library's idea of which directory a relative
 *   name starts from differs between its versions;
 * - numbers that it would cut to 32 bits without a word, and octal and
 *   hexadecimal ones, of which it reads only the latter;
 * - two strings without a comma between them, which it would join;
 * - a string where none belongs, which it refuses too, but does not free;
 * - brackets more than 16 deep, for which it needs as much stack as they say;
 * - a comment or a string that does not end, \x00 in a string.
 *
 * path  for the error.  Returns 0, or -1 with err set: ERR_CONF
 * ("file:line: what: value").
 */
int conftext_check(const char *path, const char *text, struct err *err);

#endif
