/*
 * Remarks about what a look found, beside the proof: what verifiers will make
 * of a record, and what bites later.
 */
#ifndef KEYTURN_SIGHT_LINT_H
#define KEYTURN_SIGHT_LINT_H

#include <stddef.h>

#include "sight.h"

/*
 * Add a remark, unless there is one of that code.  The codes: testing,
 * key-type, hash, service, syntax, weak, several, cname-loop, wildcard,
 * too-large, ttl, bogus.
 */
void sight_lint_add(struct sighting *s, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Remark on a record that was found.
 *
 * want  the record that should be there, or NULL
 */
void sight_lint_record(struct sighting *s, const char *found, size_t len,
    const char *want);

#endif
