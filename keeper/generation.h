/*
 * The snapshot in force, and those that are on their way out.  Many threads
 * use it while one replaces it.
 */
#ifndef KEYTURN_KEEPER_GENERATION_H
#define KEYTURN_KEEPER_GENERATION_H

#include "conf.h"
#include "err.h"
#include "snap.h"

/* A published snapshot.  The rest is for generation.c. */
struct generation {
	const struct snap *snap;
	struct snap *own;
	unsigned users; /* under the lock; being in force counts as one */
	time_t since;   /* when it was published */
};

struct generations;

/*
 * Put the first snapshot in force; it is taken, also on failure.
 * Returns NULL with err set: ERR_NOMEM.
 */
struct generations *generations_new(struct snap *first, struct err *err);

/*
 * The configuration of the first snapshot, which settings that need a restart
 * come from.  It stays for ever.
 */
const struct conf *generations_conf(const struct generations *all);

/*
 * The generation in force, to be given back.  Hold it for one request: a
 * reload waits for that.
 */
struct generation *generation_get(struct generations *all);
void generation_put(struct generations *all, struct generation *g);

/*
 * Put next in force; it is taken, also on failure.  Requests that begin from
 * now on get it.
 * Returns the generation before it, for generation_wait, or NULL with err
 * set: ERR_NOMEM; nothing has changed then.
 */
struct generation *generation_publish(struct generations *all,
    struct snap *next, struct err *err);

/*
 * Wait until nobody uses old any more, once; then free it.  Serving threads
 * never spend their time on that.
 */
void generation_wait(struct generations *all, struct generation *old);
void generation_free(struct generation *old);

#endif
