/*
 * Telling the service manager how we are: the sd_notify(3) protocol, spoken
 * directly.  Without NOTIFY_SOCKET in the environment everything succeeds and
 * does nothing.
 */
#ifndef KEYTURN_NOTIFY_H
#define KEYTURN_NOTIFY_H

#include "err.h"

/*
 * Read and remove NOTIFY_SOCKET from the environment; call once, before the
 * first thread.
 */
void notify_init(void);

/* "READY=1", "STOPPING=1", with a STATUS= line of that text (or NULL). */
int notify_ready(const char *status, struct err *err);
int notify_stopping(const char *status, struct err *err);

/* "RELOADING=1" with MONOTONIC_USEC; notify_ready ends it. */
int notify_reloading(struct err *err);

#endif
