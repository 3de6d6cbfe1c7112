/*
 * One ring in the hands of turn.c, and what the files turn_*.c share.
 */
#ifndef KEYTURN_TURN_JOB_H
#define KEYTURN_TURN_JOB_H

#include "turn.h"

/*
 * What a look found, as long as the key is as it was when it was seen: another
 * administrator may have looked since, and begun its wait anew.
 */
struct seen {
	unsigned char fingerprint[SHA256_LEN];
	enum key_state state;
	struct moment first_sighting;
	struct key_facts facts; /* what of it comes from the look */
	char text[LIFE_TEXT_MAX];
	char *evidence; /* JSON */
};

struct job {
	struct known k;
	bool is_open;  /* k is loaded */
	bool is_noted; /* k.ring is more than what the store has */
	struct seen *seen;
	size_t seen_count;
	struct ring *base; /* while locked: the ring as the store has it */
	struct turn_report *report;
	bool wants_confirm; /* keyturnd has to take the ring */
};

/*
 * Look at every record of these jobs that life.c wants looked at, side by side.
 * Returns 0, or -1 with err set: ERR_NOMEM.
 */
int turn_look(struct turner *t, struct job *jobs, size_t count,
    const struct life_wish *wish, struct err *err);

/* Whether turn_look would look at anything of the job. */
bool turn_wants_look(const struct turner *t, const struct job *j,
    const struct life_wish *wish);

/* Put what was seen into the facts, where it still holds. */
void turn_take_seen(struct job *j);

/* The journal's evidence for a key: JSON, or NULL. */
const char *turn_evidence(const struct job *j, const struct ring_key *key);

/*
 * Do one step of a ring whose lock is held: what is outside and what is in the
 * ring, each in its order.  text is what to tell.
 * Returns what became of it; with TURN_LATER and TURN_FAILED err is set.
 * *is_lost is set when the ring in the store could not be written: nothing
 * more can be done with it now.
 */
enum turn_result turn_step(struct turner *t, struct ringlock *lock,
    struct job *j, const struct decision *d, struct buf *text, bool *is_lost,
    struct err *err);

/*
 * The ring could not be committed: delete the file of the key made, unless the
 * ring in the store knows the key.
 */
void turn_forget_file(struct ringlock *lock, const struct ring_key *made);

/*
 * Commit j->k.ring in the place of j->base; what is for the journal.
 * Returns 0, or -1 with err set.
 */
int turn_commit(struct turner *t, struct ringlock *lock, struct job *j,
    const char *what, const char *evidence, struct err *err);

/*
 * Have keyturnd take the rings, and see in what it holds that it has, for all
 * jobs that want it.
 */
void turn_confirm(struct turner *t, struct job *jobs, size_t count);

/* Tell of the alarms in the job's report. */
void turn_alarm(struct turner *t, struct job *j);

/* Add to a report.  NULL when there is no memory: then r->err says so. */
struct turned *turn_report_add(struct turn_report *r, const struct decision *d,
    const char *selector, enum turn_result result, const char *text);

#endif
