/*
 * Reloading: one thread builds a snapshot, puts it in force and sees to it
 * that the old one is out of use.  Requests of one kind that come while it
 * works are answered together by one more reload.  The same thread keeps the
 * record of what is held.
 */
#ifndef KEYTURN_KEEPER_RELOAD_H
#define KEYTURN_KEEPER_RELOAD_H

#include <time.h>

#include "channel.h"
#include "err.h"
#include "generation.h"
#include "holding.h"

enum reload_kind {
	RELOAD_ALL,   /* configuration, tables, keys and rings */
	RELOAD_RINGS, /* rings alone, over what is in force */
	RELOAD_KINDS,
};

/* How a reload ended, as `keyturn reload` gives it on. */
enum {
	RELOAD_TAKEN = 0,
	RELOAD_DEGRADED = 1, /* taken, entries are kept or broken */
	RELOAD_LATER = 75,   /* no memory, or what may pass; nothing changed */
	RELOAD_REFUSED = 78, /* nothing changed */
};

struct outcome {
	int code;
	char *text;  /* lines; NULL when there was no memory for it */
	time_t when; /* 0: there was no reload yet */
};

void outcome_clear(struct outcome *o);

struct reloader;

/*
 * Start the thread.  conf_path is that of keyturn.conf; it, all, ch and h stay.
 * Block all signals in the calling thread first: the new one inherits.
 * Returns NULL with err set: ERR_IO, ERR_NOMEM.
 */
struct reloader *reloader_start(const char *conf_path, struct generations *all,
    struct channel *ch, struct holding *h, struct err *err);

/* Ask for a reload of everything and do not wait. */
void reload_request(struct reloader *r);

/*
 * Ask for a reload and wait for its outcome.  When it is RELOAD_TAKEN or
 * RELOAD_DEGRADED every connected worker has the new policy, every request
 * on the old generation has ended, and what was held stands in the record.
 */
void reload_wait(struct reloader *r, enum reload_kind kind,
    struct outcome *out);

/* The outcome of the last reload of that kind. */
void reload_last(struct reloader *r, enum reload_kind kind,
    struct outcome *out);

#endif
