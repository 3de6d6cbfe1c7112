/*
 * The records of domains' keys against what every server has.
 */
#ifndef KEYTURN_DNSCHECK_H
#define KEYTURN_DNSCHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "turn.h"

/*
 * Look all keys of the domains (lower case) up, side by side, and report.
 * Returns the exit code: 0 when all are as they should be, 1 when one is not,
 * 69 when the only trouble is that the DNS does not answer.
 */
int dnscheck(struct turner *t, char *const *domains, size_t count,
    bool is_json);

#endif
