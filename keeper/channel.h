/*
 * keyturnd's end of the channel: workers connect, get the policy and have
 * digests signed.  Everything that comes over it is hostile: a packet that is
 * not exactly right ends its connection and nothing else.
 */
#ifndef KEYTURN_KEEPER_CHANNEL_H
#define KEYTURN_KEEPER_CHANNEL_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "chan.h"
#include "err.h"
#include "generation.h"

/*
 * Connections at the same time, those of all workers together.  A worker needs
 * one and two for each processor.
 */
#define CHANNEL_CONNECTIONS_MAX 1024

/* A connection must say what it is for within this time. */
#define CHANNEL_HELLO_MS        5000

struct channel;

/*
 * Listen on the channel socket of generations_conf and serve it, for the life
 * of the process, with a thread for each connection.
 *
 * connections  how many at most, CHANNEL_CONNECTIONS_MAX or fewer
 * Block all signals in the calling thread first: the new ones inherit.
 * Returns NULL with err set: ERR_CONF, ERR_IO, ERR_NOMEM.
 */
struct channel *channel_start(struct generations *all, unsigned connections,
    struct err *err);

/*
 * Send the policy in force to every worker and wait until each has put it in
 * force, at most timeout_ms; one that has not by then is disconnected, and
 * gets the newest when it comes back.
 * Returns how many workers have it.
 */
unsigned channel_announce(struct channel *ch, int timeout_ms);

/* A worker, as its control connection shows it. */
struct channel_worker {
	pid_t pid;
	uid_t uid;
	char spec[CHAN_SPEC_MAX];
	uint64_t generation; /* acknowledged; 0: none yet */
	time_t since;
};

/* What status tells about. */
struct channel_status {
	struct channel_worker *workers; /* to be freed */
	size_t worker_count;
	unsigned connections;
	uint64_t counters[COUNTER_COUNT]; /* of all workers since the start */
	uint64_t refused;                 /* connections ended as malformed */
};

/* Returns 0, or -1 with err set: ERR_NOMEM. */
int channel_status(struct channel *ch, struct channel_status *out,
    struct err *err);

#endif
