/*
 * The journal of a ring: append-only, one JSON object a line, each with the
 * SHA-256 of the line before (its line end included, 64 zeros in the first).
 * Each line carries the keys that its step changed, whole, so that the ring can
 * be made again from the journal alone.
 *
 *   {"step":3,"time":"...","who":"...","what":"...","previous":"<hex>",
 *    "ring":"<head of ring.conf>","keys":"<changed keys>","evidence":{...}}
 */
#ifndef KEYTURN_JOURNAL_H
#define KEYTURN_JOURNAL_H

#include <stddef.h>
#include <time.h>

#include "buf.h"
#include "err.h"
#include "ring.h"

#define JOURNAL_BYTES_MAX (256 << 20)

/* What is written about a step. */
struct journal_note {
	time_t when;
	const char *who;      /* "root by sudo from alice", "tick" */
	const char *what;     /* "activate 202611a-x1y2" */
	const char *evidence; /* a JSON object, on one line, or NULL */
	/*
	 * For a repair: the step counts as at least one more than this.  0
	 * otherwise: steps then follow each other without a gap.
	 */
	unsigned long steps_seen;
};

/*
 * Append the line for the step that turns before (NULL: there was none) into
 * after to out, and set steps, journal_len and journal_hash of after.  Keys are
 * never lost: after begins with those of before, same selector and fingerprint.
 * Returns 0, or -1 with err set: ERR_INPUT (a key is lost, the evidence is not
 * of one line), ERR_NOMEM, ERR_CRYPTO.
 */
int journal_line(const struct ring *before, struct ring *after,
    const struct journal_note *note, struct buf *out, struct err *err);

/* A line taken apart. */
struct journal_entry {
	unsigned long step;
	time_t when;
	char *who, *what;
	unsigned char previous[SHA256_LEN];
	char *head, *keys;    /* as ringfile_parse_part takes them */
	const char *evidence; /* JSON, in the line; NULL: none */
	size_t evidence_len;
};

/*
 * line, len  without the line end; borrowed as long as the entry lives
 * Returns 0, or -1 with err set: ERR_INPUT ("what", no place), ERR_NOMEM.
 */
int journal_entry_parse(const char *line, size_t len, struct journal_entry *e,
    struct err *err);
void journal_entry_clear(struct journal_entry *e);

/*
 * Read text, all of a journal, and make the ring that its complete lines give.
 * The hash chain is checked from the first line to the last.  A last line
 * without its line end is not counted: nobody acted on it.
 *
 * path  for the error
 * lines NULL, or called with each line in turn (without its line end), before
 *       it is looked at
 * Returns the ring, or NULL with err set: ERR_CONF ("file:line: what"),
 * ERR_NOMEM, ERR_CRYPTO.
 */
struct ring *journal_replay(const char *path, const char *text, size_t len,
    void (*lines)(void *arg, const char *line, size_t len), void *arg,
    struct err *err);

/*
 * The ring that ring (NULL: none yet) becomes by one more line, line end
 * included.  Otherwise as journal_replay.
 */
struct ring *journal_follow(const char *path, const struct ring *ring,
    const char *line, size_t len, struct err *err);

#endif
