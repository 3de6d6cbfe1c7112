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

/*
 * RFC 3339 in UTC, "2026-11-22T20:47:54Z"; the empty text for 0: never.  What
 * is outside of the years 1970 to 9999 is shown as their first or last second.
 */
void when_text(time_t t, char out[WHEN_TEXT_MAX]);

/*
 * The reverse of when_text, the empty text included, and "2026-11-22" for the
 * start of that day.  Returns false for anything else, also for a day that
 * does not exist; *t is then as it was.
 */
bool when_parse(const char *text, time_t *t);

/*
 * Seconds from "90d", "1h30m", "3600" (units w, d, h, m, s, from large to
 * small, each at most once; without a unit seconds).  False when it is none of
 * these or does not fit *seconds, which is then as it was.
 */
bool duration_parse(const char *text, int *seconds);

/*
 * In days, hours, minutes and seconds, without those that are 0: "14d",
 * "1h30m", "0s".  duration_parse reads it as that; what is negative, with a
 * "-" in front, is for people only.
 */
void duration_text(long long seconds, char out[DURATION_TEXT_MAX]);

#endif
