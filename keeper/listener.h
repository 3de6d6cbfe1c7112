/*
 * Threads that serve: one that accepts on a listening socket, and one for each
 * connection, up to a number.
 */
#ifndef KEYTURN_KEEPER_LISTENER_H
#define KEYTURN_KEEPER_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "complaint.h"
#include "err.h"

struct listener {
	const char *name; /* for the log: "channel" */
	int fd;           /* the listening socket */
	unsigned max;     /* connections at the same time */
	const char *busy; /* what those beyond are told, or NULL */

	/* Whether to serve fd; in the accepting thread.  NULL: always. */
	bool (*admit)(void *arg, int fd);
	/* Serve fd and close it; in a thread of its own. */
	void (*serve)(void *arg, int fd);
	void *arg;

	/* listener.c's own */
	atomic_uint count;
	struct complaint complaint;
};

/*
 * Start accepting, for the life of the process; l stays.
 * Block all signals in the calling thread first: the new ones inherit.
 * Returns 0, or -1 with err set: ERR_IO, ERR_NOMEM.
 */
int listener_start(struct listener *l, struct err *err);

/* Start a detached thread with a small stack.  As above. */
int thread_start(void *(*run)(void *), void *arg, struct err *err);

#endif
