/*
 * The worker's signing connections to keyturnd.
 */
#ifndef KEYTURN_MILTER_POOL_H
#define KEYTURN_MILTER_POOL_H

#include <stddef.h>

#include "chan.h"
#include "dial.h"
#include "err.h"

struct pool;

/*
 * As many connections as the processors are worth; none is made yet.
 * keyturnd is borrowed.  Returns NULL with err set: ERR_NOMEM.
 */
struct pool *pool_new(const struct endpoint *keyturnd, struct err *err);

/* Release one that was never used. */
void pool_free(struct pool *pool);

/* See channel_sign. */
int pool_sign(struct pool *pool, const struct chan_pair *pairs, size_t count,
    long long deadline, union chan_packet *reply, struct err *err);

#endif
