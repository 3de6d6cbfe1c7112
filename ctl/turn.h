/*
 * Turning: brings the world to what life.c decides.  It gathers the facts,
 * does what a step needs outside the ring (a key file, the DNS, keyturnd) and
 * commits the ring, in the order that a crash cannot hurt.
 */
#ifndef KEYTURN_TURN_H
#define KEYTURN_TURN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "conf.h"
#include "ctl.h"
#include "err.h"
#include "held.h"
#include "life.h"
#include "ringstore.h"
#include "sight.h"

/* Everything that a run of a subcommand works with. */
struct turner {
	const struct ctl_call *call;
	struct conf *conf;
	struct ringstore *store;
	struct sights *sights;
	struct held held;
	bool held_is_known;
	struct life_clock clock;
	char host[RING_HOST_MAX + 1];
	char *who;         /* for the journal */
	const char *force; /* the reason of --force, or NULL */
	bool is_dry;       /* decide and tell, change nothing */
	bool is_foreign;   /* --foreign: rings of other hosts too */
};

/*
 * Become the owner of the rings directory, read the configuration, open the
 * store, read the clocks and what was held.
 * Returns 0, or -1 with *code the exit code; everything has been said.
 */
int turner_open(struct turner *t, const struct ctl_call *call, bool writes,
    int *code);
void turner_close(struct turner *t);

/* What became of one decision. */
enum turn_result {
	TURN_DONE,
	TURN_NOTHING, /* STEP_NONE */
	TURN_BY_HAND, /* a person must publish; said in text */
	TURN_LATER,   /* did not work now */
	TURN_FAILED,  /* needs somebody */
};

struct turned {
	struct decision decision;
	char selector[DNSNAME_MAX + 1];
	enum turn_result result;
	char *text; /* what to tell, or NULL */
};

/* What became of one ring. */
struct turn_report {
	char domain[DNSNAME_MAX + 1];
	struct turned *turned;
	size_t count;
	struct err
	    err; /* code ERR_NONE unless the ring could not be worked on */
};
void turn_report_clear(struct turn_report *r);

/*
 * One tick over the rings of domains (NULL-terminated): look at what wants to
 * be looked at, all rings side by side, then at most one step for each key;
 * the turns of all rings are confirmed by one `reload rings`.
 *
 * wish     applies to each of them
 * reports  one for each domain, to be cleared
 * Returns 0, or -1 with err set: nothing was done.
 */
int turn_rings(struct turner *t, char *const *domains,
    const struct life_wish *wish, struct turn_report *reports, struct err *err);

/*
 * Make a ring with its first keys, generated and handed to the publisher.
 * adopt: selector and file of a key that is in use, or NULL.
 * Returns 0, or -1 with *code and err set.
 */
struct turn_adopt {
	const char *selector, *file;
};
int turn_add(struct turner *t, const char *domain,
    const struct turn_adopt *adopt, size_t adopt_count, struct buf *told,
    int *code, struct err *err);

/* Exit code that a report deserves: 0, 1, 69, 73, 75 ... */
int turn_exit(const struct turn_report *r);

#endif
