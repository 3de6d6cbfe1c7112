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
#include "clockfile.h"
#include "conf.h"
#include "ctl.h"
#include "err.h"
#include "held.h"
#include "life.h"
#include "looks.h"
#include "ringstore.h"
#include "sight.h"

#define TURN_LOCK_WAIT   10 /* s for another administrator to finish */
#define TURN_RELOAD_WAIT 60 /* s for keyturnd to take the rings */

/* Everything that a run of a subcommand works with. */
struct turner {
	const struct ctl_call *call;
	struct conf *conf;
	struct ringstore *store;
	struct sights *sights;
	struct held held;
	bool held_is_known;
	struct life_clock clock;  /* when the run began */
	struct life_clock looked; /* when its looks were done */
	struct clock_memory
	    clock_memory; /* to be written, if this run writes */
	char host[RING_HOST_MAX + 1];
	char *who;         /* for the journal */
	const char *force; /* the reason of --force, or NULL */
	bool is_dry;       /* decide and tell, change nothing */
	bool is_foreign;   /* --foreign: rings of other hosts too */
	bool is_auto;      /* as if mode were "auto": add does all at once */
	bool is_tick;      /* leave alone and out of the report what waits */
	/* Whether keyturnd answered: nobody asked, it did, it did not. */
	enum { KEYTURND_UNASKED, KEYTURND_ANSWERS, KEYTURND_SILENT } keyturnd;
	struct buf told;     /* what turner_tells said yes to */
	bool has_event_hung; /* on_event did not end: not in this run */
};

/*
 * Become the owner of the rings directory, read the configuration, open the
 * store, read the clocks and what was held.
 *
 * writes  the clocks are remembered for the next run, the rings directory is
 *         one's own
 * Returns 0, or -1 with *code the exit code; everything has been said.
 */
int turner_open(struct turner *t, const struct ctl_call *call, bool writes,
    int *code);
void turner_close(struct turner *t);

/* Read anew what keyturnd held.  Returns 0, or -1 with err set. */
int turner_read_held(struct turner *t, struct err *err);

/* Whether keyturnd answers; asked once, and if not, why is said. */
bool turner_asks(struct turner *t);

/*
 * Read the ring of domain, by its lock if that is not NULL.  Refused, beyond
 * what ringstore_load refuses, when keyturnd has seen more steps of it: then
 * all of its directory is an old copy.
 */
struct ring *turner_load(struct turner *t, const char *domain,
    struct ringlock *lock, struct err *err);

/*
 * Whether this run has not told yet of that step of a key (selector "": of the
 * ring): a command goes over a ring more than once.  True once.
 */
bool turner_tells(struct turner *t, const char *domain, const char *selector,
    enum step step);

/* A ring with what is known of it, read without a lock. */
struct known {
	const struct ring_conf *conf;
	struct rotation rules; /* conf->rotation; what it points to is conf's */
	char *looks_path;
	struct looks looks;
	struct ring *ring;
	struct key_facts *keys; /* as many as the ring's */
	struct facts facts;
};

/*
 * Read the ring of domain, its looks, what keyturnd held of it and the state of
 * its key files.  facts.keys[].sight is SIGHT_NONE: nobody has looked yet;
 * known_remember puts in what the last look found, which is good enough to
 * tell a person, not to act.
 * keyturnd_answers is what turner_asks said, and true before.
 *
 * lock  NULL, or the ring's
 * Returns 0, or -1 with err set: as ringstore_load.
 */
int known_load(struct turner *t, const char *domain, struct ringlock *lock,
    struct known *k, struct err *err);
void known_remember(struct known *k);
void known_clear(struct known *k);

/*
 * Put a copy of ring in the place of k->ring, and its facts, but for what was
 * seen.  Returns 0, or -1 with err set.
 */
int known_take(struct turner *t, struct known *k, const struct ring *ring,
    struct err *err);

/* What became of one decision. */
enum turn_result {
	TURN_DONE,
	TURN_NOTHING, /* STEP_NONE, or a dry run */
	TURN_BY_HAND, /* a person must publish; said in text */
	TURN_LATER,   /* did not work now */
	TURN_FAILED,  /* needs somebody */
};

struct turned {
	struct decision decision;
	char selector[DNSNAME_MAX + 1]; /* "" for a key that was not made */
	enum turn_result result;
	char *text;     /* what to tell, or NULL */
	bool is_hidden; /* not for turn_report_text */
	bool is_silent; /* keyturnd did not answer, and that is why */
};

/* What became of one ring. */
struct turn_report {
	char domain[DNSNAME_MAX + 1];
	struct turned *turned;
	size_t count;
	struct err
	    err;  /* code ERR_NONE unless the ring could not be worked on */
	int code; /* with err: the exit code it deserves */
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
 * Go on with the rings of domains (NULL-terminated) until nothing more can be
 * done now, or until a step `until` was tried (STEP_NONE: there is none); wish
 * applies to all rounds, or to the first alone.
 *
 * reports  one for each domain, to be cleared: all that was done, and what
 *          waits in the end
 * Returns 0, or -1 with err set.
 */
struct turn_rounds {
	struct life_wish wish;
	bool is_once; /* the wish is for the first round */
	enum step until;
};
int turn_on(struct turner *t, char *const *domains,
    const struct turn_rounds *rounds, struct turn_report *reports,
    struct err *err);

/* A key that is in use: its selector and file. */
struct turn_adopt {
	const char *selector;
	const char *file;
};

/*
 * Make a ring with its first keys, generated and handed to the publisher.  A
 * ring that is there is gone on with; one that was removed begins anew.
 * Returns 0, or -1 with *code and err set.
 */
int turn_add(struct turner *t, const char *domain,
    const struct turn_adopt *adopt, size_t adopt_count,
    struct turn_report *report, int *code, struct err *err);

/*
 * Note that the ring is being removed.  is_forgotten: nothing is asked of the
 * DNS any more; no key signs, and every record counts as gone.
 * Returns 0, or -1 with err set.
 */
int turn_leave(struct turner *t, const char *domain, bool is_forgotten,
    struct err *err);

/* Exit code that a report deserves: 0, 1, 69, 73, 75 ... */
int turn_exit(const struct turn_report *r);

/* The more urgent of two exit codes. */
int turn_worse(int a, int b);

/* Append a report: lines for a person, or one JSON object. */
void turn_report_text(const struct turn_report *r, struct buf *out);
void turn_report_json(const struct turn_report *r, struct buf *out);

#endif
