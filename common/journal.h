/*
 * The journal of a ring: append-only, one JSON object a line, each with the
 * SHA-256 of the line before.  Each line carries the keys that its step
 * changed, whole, so that the ring can be made again from the journal alone.
 *
 *   {"step":3,"time":"...","who":"...","what":"...","previous":"<hex>",
 *    "ring":"<head of ring.conf>","keys":"<changed keys>","evidence":{...}}
 */
#ifndef KEYTURN_JOURNAL_H
#define KEYTURN_JOURNAL_H

#include <time.h>

#include "buf.h"
#include "err.h"
#include "ring.h"

/* What is written about a step. */
struct journal_note {
	time_t when;
	const char *who;      /* "root by sudo from alice", "tick" */
	const char *what;     /* "activate 202611a-x1y2" */
	const char *evidence; /* a JSON object, or NULL */
};

/*
 * Append the line for the step that turns before (NULL: there was none) into
 * after to out, and set steps, journal_len and journal_hash of after.
 * Returns 0, or -1 with err set: ERR_NOMEM, ERR_CRYPTO.
 */
int journal_line(const struct ring *before, struct ring *after,
    const struct journal_note *note, struct buf *out, struct err *err);

/*
 * Read text, all of a journal, and make the ring that its complete lines give.
 * The hash chain is checked from the first line to the last.  A last line
 * without its line end is not counted: nobody acted on it.
 *
 * path  for the error
 * lines NULL, or called with each line in turn (without its line end)
 * Returns the ring, or NULL with err set: ERR_CONF ("file:line: what"),
 * ERR_NOMEM, ERR_CRYPTO.
 */
struct ring *journal_replay(const char *path, const char *text, size_t len,
    void (*lines)(void *arg, const char *line, size_t len), void *arg,
    struct err *err);

#endif
