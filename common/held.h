/*
 * What keyturnd held: for each ring key since when it could sign, when it last
 * did, and when the last request on the last generation with it had ended.
 * keyturnd writes it, beside the rings directory; a record is withdrawn only by
 * what stands here.
 *
 * One line a key: domain selector fingerprint since last released steps, times
 * as when_text or "-".
 */
#ifndef KEYTURN_HELD_H
#define KEYTURN_HELD_H

#include <stddef.h>
#include <time.h>

#include "err.h"
#include "ring.h"

struct held_key {
	char *domain, *selector;
	unsigned char fingerprint[SHA256_LEN];
	time_t since;        /* it was entered, before it could sign */
	time_t last_signed;  /* 0: not that it was written down */
	time_t released;     /* 0: it can still sign */
	unsigned long steps; /* of its ring, the most that was ever seen */
};

struct held {
	struct held_key *keys; /* by domain, selector, fingerprint */
	size_t count;
};

/*
 * The name of the file for a rings directory: "held" beside it.  To be freed;
 * NULL when there is no memory.
 */
char *held_path(const char *rings);

/*
 * Read path.  No such file: an empty list.  Returns 0, or -1 with err set:
 * ERR_CONF ("file:line: what: value"), ERR_IO, ERR_NOMEM.
 */
int held_load(const char *path, struct held *held, struct err *err);

/*
 * Write all of held: temporary file, fsync, rename, fsync of the directory.
 */
int held_write(const char *path, const struct held *held, struct err *err);

void held_clear(struct held *held);

/* The entry, or NULL. */
struct held_key *held_find(const struct held *held, const char *domain,
    const char *selector, const unsigned char fingerprint[SHA256_LEN]);

/*
 * The most steps that were seen of the ring of domain that was made then; a
 * ring with fewer is an old copy.  What was held before it was made was another
 * ring's.
 */
unsigned long held_most_steps(const struct held *held, const char *domain,
    time_t made);

/*
 * Refuse the ring of domain in the directory rings if it has been further
 * already.  Returns 0, or -1 with err set: ERR_KEY, with the way out.
 */
int held_check_steps(const struct held *held, const char *rings,
    const struct ring *ring, struct err *err);

/* Add an entry; NULL with err set: ERR_NOMEM. */
struct held_key *held_add(struct held *held, const char *domain,
    const char *selector, const unsigned char fingerprint[SHA256_LEN],
    struct err *err);

#endif
