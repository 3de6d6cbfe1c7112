/*
 * The life of keys, as one pure function: a ring, what is known of the world,
 * the rules and the time give at most one step for each key, or the reason why
 * not and until when.  Nothing here looks anything up, asks for the time or
 * changes anything outside the ring; whoever acts is turn.c.
 */
#ifndef KEYTURN_LIFE_H
#define KEYTURN_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "ring.h"
#include "rotation.h"

enum step {
	STEP_NONE,
	STEP_GENERATE,    /* make a key of decision.alg */
	STEP_PUBLISH,     /* hand the record to the DNS, the first time */
	STEP_REPUBLISH,   /* again: it has vanished */
	STEP_SIGHT,       /* note the first complete sighting */
	STEP_LOSE_SIGHT,  /* forget it, and the evidence of a ready key: the
	                     record was not complete since */
	STEP_READY,       /* the second complete sighting: evidence */
	STEP_ACTIVATE,    /* and the active key of that algorithm retires */
	STEP_CONFIRM,     /* have keyturnd take what is in the ring */
	STEP_RETIRE,      /* without a successor: the ring is leaving */
	STEP_ARM,         /* announce decision.irreversible */
	STEP_REVOKE,      /* p= (or, by the settings, removal) */
	STEP_NOTE_EMPTY,  /* p= was seen at every server */
	STEP_REMOVE,      /* withdraw the record */
	STEP_GONE,        /* no server has it any more */
	STEP_DELETE_FILE, /* the private key */
	STEP_CONDEMN,     /* mark the active key compromised; it signs on until
	                     another can */
};

const char *step_name(enum step step); /* "generate", "note-empty" ... */

/* What a look at a key's record found; see sight.h. */
enum sight {
	SIGHT_NONE,       /* nobody looked */
	SIGHT_COMPLETE,   /* every server has exactly the record */
	SIGHT_EMPTY,      /* every server has exactly one, with p= empty */
	SIGHT_ABSENT,     /* every server says that there is none */
	SIGHT_PARTIAL,    /* some servers have it, some do not */
	SIGHT_MISMATCH,   /* some server has something else at the name */
	SIGHT_UNANSWERED, /* some server that counts did not answer well */
};

enum file_state {
	FILE_UNKNOWN, /* nobody looked */
	FILE_GOOD,
	FILE_LOST, /* not there, damaged, or another key */
};

/* What is known of one key. */
struct key_facts {
	enum sight sight;
	int cache_ttl;  /* of this look: as in struct ring_key; -1: none */
	int record_ttl; /* likewise */
	/*
	 * Which server, what; for a person, or NULL.  Of a complete sighting
	 * its summary: it becomes the text of the evidence.
	 */
	const char *sight_text;
	bool is_weak_sight; /* by resolvers */
	bool is_missing;    /* some server answered well, and not with the
	                       record: counts where another did not answer */
	bool is_wildcard;   /* what was found comes from a wildcard: it is no
	                       key of anybody's, and stays when ours is gone */
	enum file_state file;
	bool is_held;       /* keyturnd has entered it and not released it */
	time_t held_since;  /* 0: never held, that is known */
	time_t last_signed; /* 0: never, that is known */
	time_t released;    /* 0: not, or never held */
};

struct facts {
	const struct key_facts *keys; /* as many, in the order of the ring's */
	bool keyturnd_answers;        /* to `status`, now */
	bool held_is_known;           /* the record of what was held was read */
	int min_wait; /* dns.min_wait with dns.witness = "resolvers", else 0 */
};

/* The time, by both clocks. */
struct life_clock {
	struct moment now;
	/*
	 * Seconds of the boot-time clock that must lie between the ticks of an
	 * irreversible step: 1 h, or 24 h while a gap of over 7 days or a jump
	 * of over 5 minutes is less than a day old.
	 */
	int irreversible_wait;
	/*
	 * The wall clock is known to have run evenly since then: no jump of
	 * over 5 minutes against the boot-time clock, no reboot after which
	 * it stood before, or 7 days after, what the last tick saw.  Waits
	 * that keep mail verifiable are counted from then at the earliest.
	 * 0: no such thing was ever seen.
	 */
	time_t even_since;
};

/* What an operator asked for. */
enum wish {
	WISH_NONE,    /* tick */
	WISH_ROTATE,  /* turn now */
	WISH_RETIRE,  /* the key of selector, which is not active */
	WISH_REVOKE,  /* the key of selector */
	WISH_PUBLISH, /* the key of selector, or all, again if need be */
	WISH_PANIC, /* the active keys, or that of selector, are compromised */
};

struct life_wish {
	enum wish wish;
	const char *selector; /* or NULL */
	bool is_forced;       /* --force */
	const char *reason;   /* its reason: becomes the text of the evidence */
	bool is_unsigned;     /* panic --unsigned */
	bool has_alg;         /* only keys of alg */
	enum key_alg alg;
};

#define LIFE_TEXT_MAX 320
#define LIFE_NEW_KEY  ((size_t)-1)

struct decision {
	size_t key;       /* index in the ring, or LIFE_NEW_KEY */
	enum key_alg alg; /* with LIFE_NEW_KEY */
	unsigned bits;    /* likewise */
	const char *slot; /* of STEP_GENERATE: the selector to use, one of the
	                     rules' slots; NULL: by the template */
	enum step step;
	enum irreversible irreversible; /* of STEP_ARM */
	bool is_forced;                 /* STEP_ACTIVATE without the gate */
	const char *reason;             /* then: as in the wish */
	bool is_compromise; /* of STEP_ACTIVATE: the key that it replaces is
	                       compromised; of STEP_RETIRE: this one */
	/*
	 * With STEP_NONE: not before then, or 0: until something else changes.
	 * Otherwise when the step became due.
	 */
	time_t when;
	enum step next;  /* with STEP_NONE: the step that is waited for */
	time_t deletion; /* when the private key may be deleted, if that is to
	                    come and another step is waited for; or 0 */
	bool is_stuck;   /* overdue, and waits for somebody: exit 1 */
	bool is_alarm;   /* err, on_event */
	char text[LIFE_TEXT_MAX]; /* why, for a person: says the way out */
};

/*
 * Decide.  out has room for max = ring->key_count + ROTATION_ALGORITHMS_MAX
 * decisions: one for each key that is not gone or still has its private key
 * file, and one for each algorithm that wants a new key.
 * Returns how many there are.
 */
size_t life_decide(const struct ring *ring, const struct facts *facts,
    const struct rotation *rules, const struct life_clock *clock,
    const struct life_wish *wish, struct decision *out);

/*
 * Whether a tick should look at the record of a key now, given when that was
 * done last (0: never): before anything that depends on the look, and every
 * `recheck` for active and ready keys.
 *
 * facts  what is known without a look (held, files), or NULL
 */
bool life_wants_look(const struct ring *ring, size_t key,
    const struct facts *facts, const struct rotation *rules,
    const struct life_clock *clock, time_t last_look,
    const struct life_wish *wish);

/*
 * Take into the ring what does not depend on a decision: the TTLs that were
 * seen, that a record is whole again, that keyturnd has released a key.  To be
 * called before life_decide, with the same facts.
 * Returns whether the ring changed: then it has to be committed, even if there
 * is no step.
 */
bool life_note(struct ring *ring, const struct facts *facts,
    const struct life_clock *clock);

/*
 * Change the ring as the step says.  What the step does outside must have been
 * done by then, except: STEP_ACTIVATE, STEP_RETIRE and STEP_CONDEMN are
 * committed first and keyturnd is told afterwards.
 *
 * made  the new key of STEP_GENERATE, all filled in but state and times; its
 *       record is taken over (and made->record set to NULL).  Otherwise NULL.
 * Nothing is changed by STEP_NONE and STEP_CONFIRM.
 * Returns 0, or -1 with err set and the ring as it was: ERR_NOMEM, ERR_LIMIT
 * (RING_KEYS_MAX), ERR_KEY (the selector or the key was used before, the step
 * does not fit the state).
 */
int life_apply(struct ring *ring, const struct decision *d,
    const struct facts *facts, const struct rotation *rules,
    const struct life_clock *clock, struct ring_key *made, struct err *err);

/*
 * When the next turn of the ring's keys of alg is due by the calendar:
 * interval, stagger, weekdays, blackout.  0 without an active key.
 */
time_t life_due(const struct ring *ring, enum key_alg alg,
    const struct rotation *rules);

/*
 * The key of alg that a panic has replaced and not revoked yet, or NULL.  While
 * there is one, a panic that names no key goes on with that: run again after it
 * was cut short, it would condemn the replacement.
 */
const struct ring_key *life_unfinished_panic(const struct ring *ring,
    enum key_alg alg);

/* The first moment from t on at which a turn may begin: weekdays, blackout. */
time_t life_open_day(const struct rotation *rules, time_t t);

#endif
