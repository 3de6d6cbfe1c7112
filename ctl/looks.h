/*
 * The file `looks` of a ring: what the last look at each key found, and when
 * somebody was last told of its trouble.  Nothing here is proof of anything;
 * what is lost is looked up again.
 */
#ifndef KEYTURN_LOOKS_H
#define KEYTURN_LOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "err.h"
#include "keyfile.h"
#include "life.h"
#include "ring.h"

#define LOOKS_BYTES_MAX ((size_t)4 << 20)
#define LOOKS_NO_KEY    "_ring" /* a selector that stands for none */

struct look {
	char selector[DNSNAME_MAX + 1];
	unsigned char fingerprint[SHA256_LEN];
	time_t when; /* of the last look at the record; 0: never */
	enum sight sight;
	int cache_ttl, record_ttl; /* of that look; -1: none */
	bool is_weak;
	char text[LIFE_TEXT_MAX]; /* what it found, for a person */

	time_t file_read; /* the key file was last read and good; 0: never */
	struct file_id file;

	time_t alarmed; /* on_event was last run for it; 0: never */
	enum step alarm_step;
};

struct looks {
	struct look *list;
	size_t count;
	bool has_changed; /* since it was read */
};

/*
 * Read path.  No such file, and lines that are not understood, are nothing
 * known.  Returns 0, or -1 with err set: ERR_NOMEM.
 */
int looks_load(const char *path, struct looks *looks, struct err *err);

/* Write all of it.  Returns 0, or -1 with err set: ERR_IO, ERR_NOMEM. */
int looks_write(const char *path, struct looks *looks, struct err *err);

void looks_clear(struct looks *looks);

/* The entry of key, or NULL. */
const struct look *looks_find(const struct looks *looks,
    const struct ring_key *key);

/*
 * The same to be changed, made if there is none; pointers to others are then
 * stale.  NULL with err set: ERR_NOMEM.
 */
struct look *looks_of(struct looks *looks, const struct ring_key *key,
    struct err *err);

/* Forget the entries of keys that ring does not have, or that are gone. */
void looks_prune(struct looks *looks, const struct ring *ring);

#endif
