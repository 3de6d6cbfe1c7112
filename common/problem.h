/*
 * What the operator is told about a snapshot: the same words at start, by -t,
 * by a reload, by status and by `keyturn check`.
 */
#ifndef KEYTURN_PROBLEM_H
#define KEYTURN_PROBLEM_H

#include "buf.h"
#include "snap.h"

/* Append "file:line: name: problem; what becomes of it" for a bad entry. */
void problem_describe(const struct snap *snap, const struct entry *e,
    struct buf *out);

/* The same for a ring that is kept or broken. */
void problem_describe_ring(const struct snap_ring *r, struct buf *out);

/* "2 keys, 1 carried over, 3 lines", with what is bad if anything is. */
void problem_summary(const struct snap *snap, struct buf *out);

/*
 * Hand every warning, every bad entry and every bad ring to say, with a level
 * of syslog(3).
 */
void problem_list(const struct snap *snap,
    void (*say)(void *arg, int level, const char *text), void *arg);

#endif
