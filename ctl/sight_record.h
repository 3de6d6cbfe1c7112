/*
 * Whether a TXT record says what a key's record should say.
 */
#ifndef KEYTURN_SIGHT_RECORD_H
#define KEYTURN_SIGHT_RECORD_H

#include <stddef.h>

#include "life.h"

/*
 * Compare by meaning: v, k, h, s and t as RFC 6376 section 3.6.1 reads them,
 * p byte for byte, other tags not at all.
 *
 * want  the record that should be there, or NULL: any good key record
 * why   set to what differs; safe for a log
 * Returns SIGHT_COMPLETE, SIGHT_EMPTY (p= is empty), or SIGHT_MISMATCH.
 */
enum sight sight_compare(const char *found, size_t len, const char *want,
    char *why, size_t why_size);

#endif
