/*
 * The directory of one ring: ring.conf, journal, lock, key files.  Private to
 * the store in a directory, ringstore_dir.c.
 */
#ifndef KEYTURN_RINGDIR_H
#define KEYTURN_RINGDIR_H

#include <sys/types.h>

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "journal.h"
#include "keyfile.h"
#include "ring.h"

struct ringdir {
	int fd;
	char domain[DNSNAME_MAX + 1];
	char *path; /* of the directory, for errors */
	char *conf_path, *journal_path;
	uid_t owner; /* of the directory that the rings are in */
};

/*
 * Open the ring of domain in the directory store, whose path and owner are
 * given in d->path (which is then replaced) and d->owner: it must be a
 * directory of root's, of our own or of that owner's, and nobody else may write
 * there.
 * Returns 0, or -1 with err set: ERR_KEY, ERR_IO, ERR_NOMEM.
 */
int ringdir_open(struct ringdir *d, int store, const char *store_path,
    const char *domain, struct err *err);
void ringdir_close(struct ringdir *d);

/* Whether ringdir_open would do, without opening it. */
bool ringdir_is_good(int store, const char *domain, uid_t owner);

/*
 * Open one of its files, which must be regular and whose owner and mode are
 * checked likewise.  Returns -1 with err set: ERR_KEY, ERR_IO; *is_missing is
 * set when there is none.
 */
int ringdir_open_file(const struct ringdir *d, const char *path, int flags,
    bool *is_missing, struct err *err);

/* What the two files say, and what they say together. */
struct ringdir_look {
	struct ring *ring;  /* of ring.conf; NULL: there is none */
	struct ring *next;  /* by the line that the journal is ahead, or NULL */
	off_t journal_size; /* -1: there is no journal */
	off_t journal_good; /* without a torn line at its end */
	struct file_id id[2]; /* of ring.conf and journal; none is all zeros */
};

/*
 * Look at both, ring.conf first.  Returns 0, or -1 with err set: ERR_KEY (they
 * do not fit or cannot be read: the text says what to do), ERR_IO, ERR_NOMEM,
 * ERR_CRYPTO.  On failure nothing has to be cleared.
 */
int ringdir_look(const struct ringdir *d, struct ringdir_look *look,
    struct err *err);
void ringdir_look_clear(struct ringdir_look *look);

/*
 * Read ring.conf alone.  Returns NULL with err set; *is_missing when there is
 * none.
 */
struct ring *ringdir_read_conf(const struct ringdir *d, struct file_id *id,
    bool *is_missing, struct err *err);

/* Append all of the journal.  Returns 0, or -1 with err set. */
int ringdir_read_journal(const struct ringdir *d, struct buf *out,
    bool *is_missing, struct err *err);

/*
 * Load the ring without a lock; see ringstore_load.  A step that a living
 * writer is about to make does not count yet, unless it is the first.
 */
struct ring *ringdir_load(const struct ringdir *d, struct file_id id[2],
    struct err *err);

/* The rest is for who holds the lock. */

/* Finish or undo what a writer that died left behind. */
int ringdir_recover(const struct ringdir *d, struct err *err);

/* See ringlock_commit; before is what is in the store. */
int ringdir_commit(const struct ringdir *d, const struct ring *before,
    struct ring *after, const struct journal_note *note, struct err *err);

/*
 * Write ring.conf from ring, and before it the journal line, which may be
 * empty; old_len is how long the journal is.  All or nothing.
 */
int ringdir_write(const struct ringdir *d, const struct ring *ring,
    const struct buf *line, off_t old_len, struct err *err);

/* Only the new ring.conf, beside the old one; see replacefile.h. */
int ringdir_prepare(const struct ringdir *d, const struct ring *ring,
    struct err *err);

/* Make the journal that long, and durably so. */
int ringdir_cut_journal(const struct ringdir *d, off_t len, struct err *err);

int ringdir_repair(const struct ringdir *d, const char *host,
    const struct journal_note *note, struct buf *said, struct err *err);

#endif
