/*
 * The clocks at the last run, kept in the file `clock` beside the rings: how
 * long an irreversible step must wait depends on whether time has behaved.
 */
#ifndef KEYTURN_CLOCKFILE_H
#define KEYTURN_CLOCKFILE_H

#include <stdbool.h>

#include "err.h"
#include "ring.h"

#define CLOCK_GAP_MAX      (7LL * 86400) /* s between two runs */
#define CLOCK_JUMP_MAX     300   /* s of the wall clock against the other */
#define CLOCK_CAREFUL_FOR  86400 /* s after a gap or a jump */
#define CLOCK_WAIT         3600 /* s between the ticks of an irreversible step */
#define CLOCK_WAIT_CAREFUL 86400

/* What is remembered from one run to the next. */
struct clock_memory {
	struct moment last;
	long long careful_until; /* by the boot-time clock of last; 0: not */
	time_t even_since;       /* as in struct life_clock */
};

/* Read both clocks and the boot id.  -1 with err set: ERR_IO. */
int clock_now(struct moment *now, struct err *err);

/*
 * Compare now with what is remembered (NULL: nothing, which is as bad as a
 * gap) and say what is to be remembered then.
 * Returns the seconds for struct life_clock; *why is NULL, or why they are the
 * longer ones, when that was found now.
 */
int clock_judge(const struct clock_memory *before, const struct moment *now,
    struct clock_memory *after, const char **why);

/* The name of the file for a rings directory, to be freed; NULL: no memory. */
char *clock_path(const char *rings);

/*
 * Returns whether path was there and was read well: what cannot be read is as
 * good as nothing remembered.
 */
bool clock_load(const char *path, struct clock_memory *memory);

/* Returns 0, or -1 with err set: ERR_IO, ERR_NOMEM. */
int clock_write(const char *path, const struct clock_memory *memory,
    struct err *err);

#endif
