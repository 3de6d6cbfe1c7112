/*
 * The log: lines to syslog or stderr, through a bounded queue with one writer
 * thread, so that no serving thread ever waits for a disk or for syslogd.
 * When the queue is full, lines are dropped and counted; the count is logged
 * when there is room again.
 *
 * Levels are those of syslog(3): LOG_ERR (the operator must act), LOG_WARNING
 * (works but wrong), LOG_NOTICE (start, reload, stop), LOG_INFO (one line a
 * message), LOG_DEBUG.
 */
#ifndef KEYTURN_LOG_H
#define KEYTURN_LOG_H

#include <syslog.h>

#include "conf.h"
#include "err.h"

#define LOG_LINE_MAX  2048 /* bytes; longer lines are cut */
#define LOG_QUEUE_MAX 8192 /* lines */

/*
 * Start the writer; ident names the program in each line and must stay.
 * Before this, and without it, lines go straight to stderr.
 * Block all signals in the calling thread first: the writer inherits.
 */
int log_start(const char *ident, const struct conf_log *conf, struct err *err);

/* Change target, facility and level, at any time and from any thread. */
void log_configure(const struct conf_log *conf);

/* Close and open the connection to syslog. */
void log_reopen(void);

/*
 * Queue one line.  qid: the MTA's queue id, "-" while there is none, or NULL
 * for a line that is not about a message.  Text that came from outside must
 * have gone through buf_add_escaped.
 */
void log_msg(int level, const char *qid, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Lines dropped so far. */
unsigned long log_dropped(void);

/* Wait until the queue is written, at most timeout_ms.  Call before _exit. */
void log_flush(int timeout_ms);

#endif
