/*
 * Keeps child processes running: one worker for each milter socket, started
 * again with a growing delay when it ends.  Not thread-safe: one thread owns
 * it, and that thread must live as long as the children (they get SIGTERM when
 * it dies).  Not called spawn.h: that is a header of the system.
 */
#ifndef KEYTURN_SPAWNER_H
#define KEYTURN_SPAWNER_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"
#include "err.h"

#define SPAWN_DELAY_MIN_MS 100
#define SPAWN_DELAY_MAX_MS 30000
#define SPAWN_STABLE_MS    10000 /* one that lived so long starts again fresh */

struct child {
	const struct conf_socket *socket;
	pid_t pid;         /* 0: not running */
	long long started; /* mono_now_ms() */
	long long due;     /* when to start it */
	int delay_ms;      /* the next delay */
	unsigned restarts;
};

struct spawn {
	const char *program;   /* path of keyturn-milter */
	const char *conf_path; /* for its -c */
	struct child *children;
	size_t count;
};

/*
 * Prepare one child for each socket of conf (which must stay); an optional
 * socket whose directory is missing is left out with a notice.  Starts none.
 */
int spawn_init(struct spawn *s, const char *program, const char *conf_path,
    const struct conf *conf, struct err *err);

/*
 * Start the children that are due.  Returns the ms until the next is due, or
 * -1 when none waits.  Logs what it starts and what it cannot.
 */
int spawn_run(struct spawn *s, long long now_ms);

/* Collect children that have ended (after SIGCHLD) and log how. */
void spawn_reap(struct spawn *s, long long now_ms);

/* Send sig to all that run; from then on none is started again. */
void spawn_stop(struct spawn *s, int sig);

/* How many run. */
size_t spawn_running(const struct spawn *s);

void spawn_clear(struct spawn *s);

#endif
