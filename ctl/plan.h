/*
 * What lies before a ring: life.c asked again and again about a copy of it, in
 * a world where every server, keyturnd and the clocks answer well.
 */
#ifndef KEYTURN_PLAN_H
#define KEYTURN_PLAN_H

#include <time.h>

#include "err.h"
#include "life.h"
#include "ring.h"
#include "rotation.h"

#define PLAN_STEPS_MAX 1000 /* of one ring */
#define PLAN_TICK      600  /* s between two ticks, as the timer has it */

/* A step to come.  Everything lives for the call. */
struct plan_step {
	time_t when;
	const struct decision *decision;
	const char *selector; /* of a key yet to be made: "new-1" */
	const struct ring_key
	    *key; /* before the step, or NULL: yet to be made */
};

/*
 * Call each with every step of ring from clock on, until that time, in order.
 * A ring whose mode is manual is planned as if its commands were given in time.
 * Returns 0, 1 when there are more than PLAN_STEPS_MAX, or -1 with err set:
 * ERR_NOMEM, ERR_LIMIT, or what life_apply says.
 */
int plan_ring(const struct ring *ring, const struct ring_conf *conf,
    const struct life_clock *clock, time_t until,
    void (*each)(void *arg, const struct plan_step *step), void *arg,
    struct err *err);

#endif
