/*
 * The same work on many things, side by side.
 */
#ifndef KEYTURN_PARALLEL_H
#define KEYTURN_PARALLEL_H

#include <stddef.h>

/*
 * Call work(arg, i) for each i under count, in up to max_threads threads, and
 * wait for all of them.  Where no thread can be had, the caller's own does it.
 */
void parallel(size_t count, size_t max_threads,
    void (*work)(void *arg, size_t i), void *arg);

#endif
