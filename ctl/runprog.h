/*
 * Running a program that the administrator named: publishers, on_event.  No
 * shell, a time limit, and what it says is bounded.
 */
#ifndef KEYTURN_RUNPROG_H
#define KEYTURN_RUNPROG_H

#include <stddef.h>

#include "buf.h"
#include "err.h"

#define RUNPROG_OUTPUT_MAX 16384 /* bytes kept of stdout, and of stderr */
#define RUNPROG_TELL_MAX   400   /* bytes of stderr in an error */

/* Where a program named without a slash is looked for, and its PATH. */
#define RUNPROG_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum runprog_end {
	RUNPROG_EXITED,
	RUNPROG_SIGNALLED, /* by somebody else */
	RUNPROG_TIMED_OUT, /* it and its process group were killed */
};

struct runprog {
	char *const *argv; /* the program and its arguments, then NULL */
	const void *input; /* what it reads on stdin; may hold NUL */
	size_t input_len;
	int timeout; /* seconds */

	/* The rest is set by runprog(). */
	enum runprog_end end;
	int code;         /* exit code, or number of the signal */
	struct buf out;   /* the first bytes of its stdout */
	struct buf error; /* the last bytes of its stderr */
};

/*
 * Run argv and wait for it: in a process group of its own, in the directory
 * "/", with PATH and LC_ALL=C as its environment, without any other descriptor
 * of ours, all signals at their defaults.  Nothing is waited for that it left
 * in the background.  Whether it reads its stdin is its own affair.
 *
 * Returns 0 when it has ended, however; or -1 with err set: ERR_CONF (it cannot
 * be started: "program: why"), ERR_IO, ERR_NOMEM.  Release with
 * runprog_clear in either case.
 * Sets SIGCHLD to its default; nobody may wait for children he does not know.
 */
int runprog(struct runprog *r, struct err *err);
void runprog_clear(struct runprog *r);

/*
 * Set err (ERR_IO) to how it ended, for one that did not end well: "program:
 * exit code 3: the last of its stderr", on one line, escaped.
 */
void runprog_explain(const struct runprog *r, struct err *err);

/*
 * Append text that a program wrote, safe to be shown: escaped except for its
 * line ends, at most max bytes of it.
 */
void runprog_show(const struct buf *text, size_t max, struct buf *out);

#endif
