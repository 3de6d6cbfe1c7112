/*
 * Looking records up, from whichever source, and judging them: at every
 * authoritative server in the DNS, never through a cache.
 */
#ifndef KEYTURN_KEYLOOK_H
#define KEYTURN_KEYLOOK_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "keycheck.h"
#include "keysource.h"
#include "sight.h"

struct keylook {
	struct keycheck check;    /* domain, selector and key set by the caller;
	                             its finding and the rest by keylook_run */
	struct buf record;        /* of the private key */
	struct sight_query query; /* what each server said, if has_servers */
	bool has_servers;
	bool may_ask_resolver; /* see struct sight_query */
};

/*
 * Look all of them up, side by side, and judge each.
 * Returns 0, or -1 with err set: ERR_NOMEM, ERR_CRYPTO.
 */
int keylook_run(struct keysource *ks, struct keylook *looks, size_t count,
    struct err *err);

void keylook_clear(struct keylook *look);

/*
 * Append what is to be told of a look: lines below the title, each indented;
 * or members of a JSON object, each with a comma before it.
 */
void keylook_words(const struct keylook *look, struct buf *out);
void keylook_json(const struct keylook *look, struct buf *out);

#endif
