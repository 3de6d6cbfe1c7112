/*
 * Log lines that a peer could cause again and again: one a second, with the
 * number of those that were withheld.
 */
#ifndef KEYTURN_KEEPER_COMPLAINT_H
#define KEYTURN_KEEPER_COMPLAINT_H

#include <pthread.h>
#include <time.h>

#define COMPLAINT_INTERVAL 1 /* seconds between two of one kind */

/* One kind of complaint.  Any number of threads may make it. */
struct complaint {
	pthread_mutex_t lock;
	time_t last; /* CLOCK_MONOTONIC; 0: none yet */
	unsigned long withheld;
};

#define COMPLAINT_INIT                            \
	{                                         \
		.lock = PTHREAD_MUTEX_INITIALIZER \
	}

/* Log it, unless one of its kind was logged a moment ago. */
void complain(struct complaint *c, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
