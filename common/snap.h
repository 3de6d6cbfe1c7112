/*
 * A snapshot, or generation: configuration, tables and keys, loaded together,
 * never changed once made.  keyturnd publishes one; `keyturnd -t` and
 * `keyturn check` load one and look at what it says.
 *
 * Syntax and references are all or nothing: any fault there and no snapshot is
 * made.  Key files are judged one by one: an entry with a bad file keeps its
 * last good (domain, selector, key) as a whole or, having none, is broken.
 */
#ifndef KEYTURN_SNAP_H
#define KEYTURN_SNAP_H

#include <stdatomic.h>
#include <stdint.h>

#include "conf.h"
#include "err.h"
#include "key.h"
#include "keyfile.h"
#include "policy.h"
#include "table.h"

enum entry_state {
	ENTRY_GOOD,
	ENTRY_KEPT,   /* its file is bad now: signs with what it had before */
	ENTRY_BROKEN, /* its file is bad and there was nothing before */
};

/* What one name of the KeyTable stands for. */
struct entry {
	char *name, *domain, *selector, *path; /* as the key was loaded */
	unsigned line;                         /* of the KeyTable now */
	struct key *key;                       /* NULL if broken */
	uint64_t id;                           /* 0 if broken */
	struct file_id file;
	enum entry_state state;
	char *problem;     /* "file: what: value" for kept and broken */
	atomic_ulong uses; /* signatures made */
};

struct snap {
	uint64_t generation;
	struct conf *conf;
	struct key_table *key_table;      /* NULL if none is configured */
	struct sign_table *signing_table; /* likewise */
	struct entry *entries;            /* in the order of the KeyTable */
	size_t entry_count;
	struct entry **by_id;       /* the entries with a key, by id */
	struct entry **by_selector; /* the same by domain and selector */
	size_t live_count;          /* of both */
	int policy_fd;
	size_t kept_count, broken_count, carried_count;
	char **warnings; /* "file:line: what: value" */
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

void snap_free(struct snap *snap);

/* The entry whose key has that id, or NULL: the id is not in force. */
struct entry *snap_find(const struct snap *snap, uint64_t id);

/*
 * The id of (domain, selector, key bytes): the same three always give the
 * same number, also after a restart.
 */
uint64_t snap_key_id(const char *domain, const char *selector,
    const struct key *key);

#endif
