/*
 * A snapshot: one consistent state of configuration, tables, rings, keys and
 * policy, never changed once it is published (the counts of its uses apart).
 * One that is read as const may be used by any number of threads.
 *
 * Syntax and references are all or nothing: any fault there and no snapshot is
 * made.  Key files and rings are judged one by one: an entry with a bad file
 * keeps its last good (domain, selector, key) as a whole or, having none, is
 * broken; a ring that cannot be used keeps its last good keys or is broken.
 */
#ifndef KEYTURN_SNAP_H
#define KEYTURN_SNAP_H

#include <stdatomic.h>
#include <stdint.h>

#include "conf.h"
#include "entry.h"
#include "err.h"
#include "held.h"
#include "key.h"
#include "keyfile.h"
#include "policy.h"
#include "sha256.h"
#include "table.h"

/*
 * What the administrator wrote: shared by snapshots that differ in their rings
 * alone.
 */
struct snap_base {
	atomic_uint references;
	struct conf *conf;
	struct key_table *key_table;      /* NULL if none is configured */
	struct sign_table *signing_table; /* likewise */
};

struct snap_base *snap_base_get(struct snap_base *base);
void snap_base_put(struct snap_base *base);

/* A key of a ring that has signed, and whose record has not been removed. */
struct snap_trace {
	char *selector;
	unsigned char fingerprint[SHA256_LEN];
};

/* A ring as it was loaded. */
struct snap_ring {
	char *domain;
	bool is_there; /* in the store; else it was when it was loaded */
	enum entry_state state;
	char *problem; /* for kept and broken: "file: what: value" */
	/* What it does: sign with its entries, or why it does not. */
	enum policy_key_state service;
	size_t first_entry, entry_count;
	char *unproven; /* selector of a key that is named active and lacks
	                   evidence, while others sign; or NULL */

	/* Of ring.conf; not set when it was never read. */
	struct file_id id[2]; /* for ringstore_is_same */
	time_t made;
	unsigned long steps;
	struct snap_trace *traces;
	size_t trace_count;
};

struct snap {
	uint64_t generation;
	struct snap_base *base;
	/* These belong to base. */
	const struct conf *conf;
	const struct key_table *key_table;
	const struct sign_table *signing_table;
	/* What conf->rings was at the start: a change needs a restart. */
	char *rings_path;

	/* Those of the KeyTable, in its order, then those of the rings. */
	struct entry *entries;
	size_t entry_count, entry_size;
	/* For each line of the KeyTable: the place of its entry, or that of a
	 * ring with POLICY_RING_FLAG. */
	uint32_t *targets;
	struct snap_ring *rings; /* by domain */
	size_t ring_count;
	struct entry_index index;
	int policy_fd;
	/* Kept and broken: entries of the KeyTable, and rings. */
	size_t kept_count, broken_count;
	size_t carried_count; /* keys that were not read again */
	char **warnings;      /* "file:line: what: value" */
	size_t warning_count;
};

/*
 * Load a new snapshot.
 *
 * path      of keyturn.conf
 * previous  what to carry unchanged keys over from and to fall back to, or
 *           NULL; not changed, not needed afterwards
 * generation  the number of the new one
 * Returns the snapshot, or NULL with err set: ERR_CONF (refused, nothing
 * changes), ERR_IO, ERR_NOMEM, ERR_CRYPTO.
 */
struct snap *snap_load(const char *path, const struct snap *previous,
    uint64_t generation, struct err *err);

/*
 * The same for what follows previous.
 *
 * path  of keyturn.conf; or NULL: only the rings and their keys are read anew,
 *       and configuration, tables and the keys of the KeyTable are those of
 *       previous, whatever is in the files now
 * held  what is held, so that old copies of rings are known; NULL: what stands
 *       in the record beside the rings (for snap_load too)
 */
struct snap *snap_next(const struct snap *previous, const char *path,
    const struct held *held, struct err *err);

void snap_free(struct snap *snap);

/* The entry whose key has that id, or NULL: the id is not in force. */
struct entry *snap_find(const struct snap *snap, uint64_t id);

/* The ring of domain (lower case), or NULL. */
struct snap_ring *snap_find_ring(const struct snap *snap, const char *domain);

/*
 * A new entry behind the last one, cleared; pointers to other entries are then
 * stale.  NULL with err set: ERR_NOMEM.
 */
struct entry *snap_add_entry(struct snap *snap, struct err *err);

/*
 * The id of (domain, selector, key bytes): the same three always give the
 * same number, also after a restart.
 */
uint64_t snap_key_id(const char *domain, const char *selector,
    const struct key *key);

#endif
