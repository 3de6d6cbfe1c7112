/*
 * The promises of DESIGN section 5, as somebody sees them who watches a ring
 * from outside, knows the true time and does not know how life.c decides.
 */
#ifndef T_LIFE_ORACLE_H
#define T_LIFE_ORACLE_H

#include "life_world.h"

struct watched_key {
	/* looks: the unbroken run of complete ones, and whether it is enough */
	long long run_start;
	bool has_passed, is_complete_now;
	/* the announcement of an irreversible step */
	enum irreversible armed;
	int armed_boot;
	long long armed_boottime;
	long armed_tick;
	long long gone; /* when the ring was told that its record is gone */
	/* before the tick */
	bool was_there;
	enum key_state was;
};

struct oracle {
	struct world *w;
	const struct rotation *rules;
	struct watched_key keys[WORLD_KEYS];
	long tick;
	long long irreversible_wait; /* by DESIGN, now */
	bool was_active[2];          /* by algorithm */
	bool is_unsigned;            /* the operator wanted that */
};

void oracle_init(struct oracle *o, struct world *w,
    const struct rotation *rules);
void oracle_before(struct oracle *o, const struct ring *ring);
/* A look whose outcome was not lost in a crash. */
void oracle_looked(struct oracle *o, int key, const struct key_facts *f);
/* Before a step acts outside the ring or changes it. */
void oracle_step(struct oracle *o, const struct ring *ring,
    const struct decision *d, int key, bool is_forced);
/* After it was written down. */
void oracle_done(struct oracle *o, const struct decision *d, int key);
void oracle_after(struct oracle *o, const struct ring *ring);

#endif
