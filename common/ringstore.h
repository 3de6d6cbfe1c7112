/*
 * Where rings are kept.  One small interface, so that another store can stand
 * in for the directory, which is in ringstore_dir.c.
 */
#ifndef KEYTURN_RINGSTORE_H
#define KEYTURN_RINGSTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "journal.h"
#include "keyfile.h"
#include "ring.h"

struct ringstore;

/* A ring held against every other writer. */
struct ringlock;

/*
 * Open the store in the directory path, which must exist.  As root first
 * become the owner of that directory with ringstore_become_owner.
 * Returns NULL with err set: ERR_CONF (not there, not a directory, not
 * readable), ERR_IO, ERR_NOMEM.
 */
struct ringstore *ringstore_open_dir(const char *path, struct err *err);
void ringstore_close(struct ringstore *s);

/*
 * As root: become the owner of the directory path, with its group and no other
 * groups, for the rest of the process.  Otherwise nothing.
 * Returns 0, or -1 with err set: ERR_CONF (not there), ERR_IO.
 */
int ringstore_become_owner(const char *path, struct err *err);

/*
 * The domains that have a ring, in order, as a NULL-terminated array to be
 * freed with ringstore_free_list.  Names that are no domain are skipped.
 * Returns NULL with err set: ERR_IO, ERR_NOMEM.
 */
char **ringstore_list(struct ringstore *s, struct err *err);
void ringstore_free_list(char **list);

/*
 * Read a ring, without a lock.  It must belong to host (NULL: to whomever)
 * and agree with its journal: the journal may be one complete line ahead, which
 * a writer that died left behind and which then counts; a ring.conf that is
 * further behind or ahead is an old copy, and is refused.
 *
 * id   NULL, or set to what ring.conf and journal were when they were read,
 *      for ringstore_is_same
 * Returns the ring, or NULL with err set: ERR_KEY (this ring cannot be used:
 * the text says what to do, `keyturn repair DOMAIN` or --foreign), ERR_IO,
 * ERR_NOMEM, ERR_CRYPTO.  There being none is ERR_KEY too.
 */
struct ring *ringstore_load(struct ringstore *s, const char *domain,
    const char *host, struct file_id id[2], struct err *err);

/* Whether the ring is without doubt the one that id was taken from. */
bool ringstore_is_same(struct ringstore *s, const char *domain,
    const struct file_id id[2]);

/* Whether there is a ring for domain at all, good or not. */
bool ringstore_has(struct ringstore *s, const char *domain);

/*
 * Take the lock of domain, making its directory if make is true; wait at most
 * wait_s seconds for whoever has it.  Afterwards finish what a writer that died
 * began: a torn last line of the journal is cut off, a ring.conf one line
 * behind is written.
 * Returns NULL with err set: ERR_LIMIT (still held: the text names the
 * process), ERR_KEY (no ring), ERR_IO, ERR_NOMEM.
 */
struct ringlock *ringstore_lock(struct ringstore *s, const char *domain,
    bool make, int wait_s, struct err *err);
void ringstore_unlock(struct ringlock *lock);

/* The same as ringstore_load, by who holds the lock. */
struct ring *ringlock_load(struct ringlock *lock, const char *host,
    struct err *err);

/*
 * Replace before (NULL: there is none yet) by after: the journal line first
 * (fsync), then ring.conf (temporary file, fsync, rename, fsync of the
 * directory).  Refused when the ring in the store is not before.  On success
 * after has its new steps, journal_len and journal_hash; on failure the store
 * is as before, or ahead by the line that the next lock takes up.
 * Returns 0, or -1 with err set: ERR_IO, ERR_KEY, ERR_NOMEM, ERR_CRYPTO.
 */
int ringlock_commit(struct ringlock *lock, const struct ring *before,
    struct ring *after, const struct journal_note *note, struct err *err);

/*
 * Make ring.conf again from the journal, or a new journal from ring.conf (the
 * old one is kept beside it): whichever is good and not behind makes the other.
 * host takes the ring over for that host (NULL: it stays whose it is), noted in
 * the journal.  Appends what was done, for a person, to said.
 * Returns 0, or -1 with err set: ERR_KEY (neither is good), ERR_IO, ERR_NOMEM,
 * ERR_CRYPTO.
 */
int ringlock_repair(struct ringlock *lock, const char *host,
    const struct journal_note *note, struct buf *said, struct err *err);

/*
 * Write the private key of a key that is to be: O_EXCL, 0600, fsync of file
 * and directory.  name is that in the ring, ending in ".pem".  Deleting one
 * that is not there is fine.
 * Both return 0, or -1 with err set: ERR_INPUT (no such name can be), ERR_IO,
 * ERR_NOMEM, ERR_CRYPTO.
 */
int ringlock_write_key(struct ringlock *lock, const char *name,
    const struct key *key, struct err *err);
int ringlock_delete_key(struct ringlock *lock, const char *name,
    struct err *err);

/*
 * Read the private key that is described by rk; its fingerprint must be the
 * same.  Otherwise as keyfile_load.
 */
struct key *ringstore_load_key(struct ringstore *s, const char *domain,
    const struct ring_key *rk, unsigned minimum_bits, struct file_id *id,
    struct err *err);
bool ringstore_is_same_key(struct ringstore *s, const char *domain,
    const struct ring_key *rk, const struct file_id *id);

/* All of the journal.  ERR_KEY when there is no such ring. */
int ringstore_journal(struct ringstore *s, const char *domain, struct buf *out,
    struct err *err);

/* The name of this host, RING_HOST_MAX bytes at most, for struct ring. */
int ringstore_host(char out[RING_HOST_MAX + 1], struct err *err);

#endif
