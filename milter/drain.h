/*
 * How the worker ends: no message in hand is cut.
 *
 * libmilter has a thread that waits for signals with sigwait(3) and then stops
 * everything at once, hanging connections included.  This module exports a
 * sigwait of its own, which libmilter calls instead: SIGHUP is ignored, and
 * SIGTERM and SIGINT end the process from there, when nothing is in hand any
 * more.
 *
 * A message is in hand from its MAIL until its answer has been written.  The
 * answer is written by libmilter, after our callback has returned, on the same
 * thread and with writev(2), which is exported and counted too.
 */
#ifndef KEYTURN_MILTER_DRAIN_H
#define KEYTURN_MILTER_DRAIN_H

#include <stdbool.h>

#include "channel.h"
#include "err.h"

/*
 * Get everything ready that a drain will need: call after libmilter has opened
 * its listening socket, the only one of the process (main has closed what was
 * inherited), and before smfi_main.
 *
 * socket_path  of that socket, to be removed at the end; NULL for inet
 * limit        seconds that a drain may take, until a policy says another
 * Both borrowed for ever.
 */
int drain_prepare(const char *socket_path, int limit, struct err *err);

/* Where the newest limit is found, and what is to report at the end. */
void drain_set_channel(struct channel *ch);

/*
 * A message begins.  Returns whether it is waited for, which is for the caller
 * to remember: messages that begin during a drain are not.
 */
bool drain_begin(void);

/* A message that is waited for ended without an answer. */
void drain_end(void);

/*
 * A message that is waited for ends with the answer that this thread writes
 * next, after its callback has returned.
 */
void drain_answer(void);

/*
 * Whatever this thread was to write is not coming any more: the connection was
 * closed instead.
 */
void drain_no_answer(void);

#endif
