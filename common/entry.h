/*
 * Entries of a snapshot: what a name of the KeyTable, or an active key of a
 * ring, stands for.  How they come from tables is for snap.c, how from rings
 * for snap_rings.c.
 */
#ifndef KEYTURN_ENTRY_H
#define KEYTURN_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "err.h"
#include "key.h"
#include "keyfile.h"

/*
 * What a key is used for, counted: snapshots share it, so that nothing is
 * lost between them.  The serving threads write it without any lock.
 */
struct usage {
	atomic_uint references;
	atomic_ulong signatures;
	atomic_llong last; /* time_t of the last one; 0: none */
};

/* A fresh one with one reference; NULL when there is no memory. */
struct usage *usage_new(void);
struct usage *usage_get(struct usage *usage);
void usage_put(struct usage *usage);

enum entry_state {
	ENTRY_GOOD,
	ENTRY_KEPT,   /* its file is bad now: signs with what it had before */
	ENTRY_BROKEN, /* its file is bad and there was nothing before */
};

struct entry {
	/* Of the KeyTable: its name and its line.  Of a ring: NULL and 0. */
	char *name;
	unsigned line;
	char *ring;                     /* its domain, or NULL */
	char *domain, *selector, *path; /* as the key was loaded; path of a
	                                   ring's is the name in the ring */
	struct key *key;                /* NULL if broken */
	uint64_t id;                    /* 0 if broken */
	struct usage *usage;            /* NULL if broken */
	struct file_id file;
	enum entry_state state;
	char *problem; /* "file: what: value" for kept and broken */

	/* Of a ring: why it may sign. */
	time_t activated, seen; /* seen: at every server, the second time */
	bool is_forced, is_weak;
};

/* Release what e holds, not e. */
void entry_clear(struct entry *e);

/*
 * Make the cleared e stand for the same as old, state and problem included.
 * Returns 0, or -1 with err set: ERR_NOMEM; e is to be cleared then too.
 */
int entry_copy(struct entry *e, const struct entry *old, struct err *err);

/*
 * Give e, whose key has been set, its id.  Returns 0, or -1 with err set:
 * ERR_CRYPTO.
 */
int entry_set_id(struct entry *e, struct err *err);

/* Say that e cannot be used; its key, if any, stays. */
int entry_set_problem(struct entry *e, enum entry_state state, const char *text,
    struct err *err);

/* The entries with a key in the two orders in which they are looked for. */
struct entry_index {
	struct entry **by_id;
	struct entry **by_selector; /* and domain */
	size_t count;               /* of both */
};

/*
 * Make index anew for entries.  Returns 0, or -1 with err set: ERR_NOMEM.
 */
int entry_index_make(struct entry_index *index, struct entry *entries,
    size_t count, struct err *err);
void entry_index_clear(struct entry_index *index);

/* The entry whose key has that id, or NULL. */
struct entry *entry_find_id(const struct entry_index *index, uint64_t id);

/* The entry that signs as (domain, selector), or NULL. */
struct entry *entry_find_selector(const struct entry_index *index,
    const char *domain, const char *selector);

/*
 * Break what stands for one (domain, selector) with different keys: only one
 * of them can be in the DNS.  Where a ring has seen there which one, all but
 * that; otherwise which is not ours to guess, and all are.
 * found  set to whether there were any; the index is then to be made anew
 * Returns 0, or -1 with err set: ERR_NOMEM.
 */
int entry_break_conflicts(const struct entry_index *index, bool *found,
    struct err *err);

/*
 * Give all entries with a key their usage: one for each id, that of previous
 * where it has the id too.  Returns 0, or -1 with err set: ERR_NOMEM.
 */
int entry_share_usage(const struct entry_index *index,
    const struct entry_index *previous, struct err *err);

#endif
