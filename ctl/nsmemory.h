/*
 * The memory of name servers: which addresses served which zone within the
 * last 48 hours.  Caches may still send questions there after the zone has
 * moved.
 */
#ifndef KEYTURN_NSMEMORY_H
#define KEYTURN_NSMEMORY_H

#include <time.h>

#include "err.h"

#define NSMEMORY_SECONDS ((time_t)48 * 3600)

struct nsmemory;

/*
 * Read the file at path; none there is an empty memory, and a line that is not
 * ours is dropped.  Lines are "zone host address time".
 * Returns NULL with err set: ERR_IO, ERR_LIMIT, ERR_NOMEM.
 */
struct nsmemory *nsmemory_load(const char *path, time_t now, struct err *err);

/* Call each() for every server of zone that is remembered. */
void nsmemory_each(struct nsmemory *m, const char *zone,
    void (*each)(void *arg, const char *host, const char *address), void *arg);

/* Note that a list of servers of zone names this one now. */
void nsmemory_note(struct nsmemory *m, const char *zone, const char *host,
    const char *address, time_t now);

/*
 * Write the file, by renaming, if there is anything new in it.  Returns 0, or
 * -1 with err set: ERR_IO, ERR_NOMEM.
 */
int nsmemory_save(struct nsmemory *m, struct err *err);
void nsmemory_free(struct nsmemory *m);

#endif
