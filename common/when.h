/*
 * Points in time and stretches of it, as text.  Everything that keyturn
 * decides by is in UTC.
 */
#ifndef KEYTURN_WHEN_H
#define KEYTURN_WHEN_H

#include <stdbool.h>
#include <time.h>

#define WHEN_TEXT_MAX     32 /* bytes with the final NUL */
#define DURATION_TEXT_MAX 32

/* RFC 3339 in UTC, "2026-11-22T20:47:54Z"; the empty text for 0: never. */
void when_text(time_t t, char out[WHEN_TEXT_MAX]);

/*
 * The reverse of when_text, and "2026-11-22" for the start of that day.
 * Returns false for anything else, also for a day that does not exist.
 */
bool when_parse(const char *text, time_t *t);

/*
 * Seconds from "90d", "1h30m", "3600" (units w, d, h, m, s, from large to
 * small, each at most once; without a unit seconds).  False when it is none of
 * these or does not fit *seconds.
 */
bool duration_parse(const char *text, int *seconds);

/* The shortest text that duration_parse reads as that: "14d", "1h30m". */
void duration_text(long long seconds, char out[DURATION_TEXT_MAX]);

#endif
