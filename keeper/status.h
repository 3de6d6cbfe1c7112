/*
 * How keyturnd fares, in words or as JSON.
 */
#ifndef KEYTURN_KEEPER_STATUS_H
#define KEYTURN_KEEPER_STATUS_H

#include <stdbool.h>

#include "buf.h"
#include "channel.h"
#include "generation.h"
#include "holding.h"
#include "reload.h"

/* The parts of keyturnd that are asked.  Everything borrowed. */
struct parts {
	struct generations *all;
	struct channel *channel;
	struct reloader *reloader;
	struct holding *holding;
};

/*
 * Append the status to out: lines of text, or one JSON object and a line end.
 * Returns the exit code of `keyturn status`: 0 good; 1 degraded, that is
 * entries are kept or broken, the last reload was refused, or a socket that
 * should have a worker of our own has none.
 */
int status_report(const struct parts *parts, bool as_json, struct buf *out);

#endif
