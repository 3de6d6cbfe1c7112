/*
 * What the files of life.c share: a ring and the world as one decision sees
 * them, the questions that more than one of them asks, and how a decision is
 * written down.
 */
#ifndef KEYTURN_LIFE_VIEW_H
#define KEYTURN_LIFE_VIEW_H

#include "life.h"
#include "when.h"

/* How long a record that was handed out again may take to appear. */
#define LIFE_SETTLE      300

/* A clock that is behind by more than that is somebody's job. */
#define LIFE_CLOCK_SLACK 300

/* What a cache is taken to hold where no TTL was ever seen. */
#define LIFE_UNKNOWN_TTL 86400

struct life_view {
	const struct ring *ring;
	const struct facts *facts; /* NULL: nothing is known */
	const struct rotation *rules;
	const struct life_clock *clock;
	const struct life_wish *wish;
	time_t now;
	time_t latest;  /* of all times in the ring */
	bool is_behind; /* now is before latest */
	/* Slots that decisions of this run were given already. */
	const char *taken[ROTATION_ALGORITHMS_MAX];
	size_t taken_count;
};

/* Why the next key of an algorithm should sign now. */
enum turn_cause {
	TURN_NOT,
	TURN_FIRST,       /* no key of the algorithm signs */
	TURN_COMPROMISED, /* panic */
	TURN_ASKED,       /* rotate */
	TURN_LOST,        /* the active key or its record is lost */
	TURN_CALENDAR,
};

void life_view_init(struct life_view *v, const struct ring *ring,
    const struct facts *facts, const struct rotation *rules,
    const struct life_clock *clock, const struct life_wish *wish);

/* The latest time in the ring: its own clock never runs backwards. */
time_t life_latest(const struct ring *ring);

/* Whether a key has still to become active. */
bool life_is_rising(const struct ring_key *k);

/* The active key of alg, or NULL. */
const struct ring_key *life_active(const struct life_view *v, enum key_alg alg);

/* The key that is next to be active: the one that has come furthest. */
const struct ring_key *life_next(const struct life_view *v, enum key_alg alg);

const struct key_facts *life_facts(const struct life_view *v,
    const struct ring_key *k);

/* Whether the rules still want keys of alg. */
bool life_is_listed(const struct life_view *v, enum key_alg alg);

/* Whether a look found the record not to be what it should. */
bool life_is_bad_look(const struct key_facts *f);

/* Whether every server was seen to have no record of the key. */
bool life_is_gone(const struct key_facts *f);

/* Whether an active key is lost, or its record cannot be kept published. */
bool life_is_lost(const struct life_view *v, const struct ring_key *active);

enum turn_cause life_turn_cause(const struct life_view *v, enum key_alg alg);

/* Whether the wish is about key k, or about the next key of alg. */
bool life_is_concerned(const struct life_view *v, const struct ring_key *k);
bool life_is_alg_concerned(const struct life_view *v, enum key_alg alg);

/* Whether only sightings may be recorded: mode = manual, and no command. */
bool life_is_passive(const struct life_view *v, const struct ring_key *k,
    enum key_alg alg);

/* Seconds that must lie between two complete sightings of k. */
int life_gate_wait(const struct life_view *v, const struct ring_key *k);

/* Whether both clocks vouch for `wait` seconds since m, in this boot. */
bool life_has_passed(const struct life_view *v, const struct moment *m,
    int wait);
/* Whether both clocks can measure a wait that began at m at all. */
bool life_can_measure(const struct life_view *v, const struct moment *m);

/* What the look found, in words. */
const char *life_sight_text(const struct life_view *v,
    const struct ring_key *k);

/* "the clock says ..., the ring has seen ...: set the clock ..." */
void life_say_behind(const struct life_view *v, struct decision *d,
    enum step next);

/* Write a decision: a step that is due since when, or a wait until then. */
void life_step(struct decision *d, enum step step, time_t when, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
void life_wait(struct decision *d, enum step next, time_t when, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
/* Append to the text. */
void life_add(struct decision *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Text of a time; several in one expression, so each has its own place. */
struct when_buf {
	char text[WHEN_TEXT_MAX];
};
struct when_buf life_when(time_t t);
#define WHEN(t) (life_when(t).text)
struct when_buf life_span(long long seconds);
#define SPAN(s) (life_span(s).text)

/* life_rise.c, life_active.c, life_fall.c: one key, or a new one. */
void life_decide_generated(const struct life_view *v, const struct ring_key *k,
    struct decision *d);
void life_decide_published(const struct life_view *v, const struct ring_key *k,
    struct decision *d);
void life_decide_ready(const struct life_view *v, const struct ring_key *k,
    struct decision *d);
void life_decide_active(const struct life_view *v, const struct ring_key *k,
    struct decision *d);
void life_decide_fallen(const struct life_view *v, const struct ring_key *k,
    struct decision *d);
void life_decide_new(const struct life_view *v, const struct key_spec *spec,
    struct decision *d);

/*
 * life_slot.c: a slot that may be used now, or NULL with *when the time from
 * which one may be, as far as that is known (0: it is not).
 */
const char *life_free_slot(const struct life_view *v, time_t *when);
/* Whether the selector of slot k is free again, and from when on. */
bool life_slot_is_free(const struct ring *ring, const char *selector,
    const struct rotation *rules, const struct life_clock *clock, time_t *when);

#endif
