/*
 * When turns are due: interval, stagger, weekdays and blackout, all in UTC.
 */
#include <stdint.h>

#include "life.h"

#define DAY             86400

/*
 * Days that are looked at for one on which a turn may begin: more than all
 * blackouts can close, each a year at most or the one open day of a year.
 */
#define OPEN_DAY_SEARCH ((2 * BLACKOUT_MAX + 8) * 366)

/*
 * A number that is the same for a domain on every host and in every version:
 * FNV-1a, and a mix so that names that differ at their end are far apart.
 */
static uint64_t
domain_hash(const char *domain)
{
	uint64_t h = 0xcbf29ce484222325U;

	for (const char *p = domain; *p != '\0'; p++) {
		h ^= (unsigned char)*p;
		h *= 0x100000001b3U;
	}
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdU;
	return h ^ (h >> 33);
}

time_t
life_open_day(const struct rotation *rules, time_t t)
{
	for (int i = 0; i < OPEN_DAY_SEARCH; i++) {
		if (rotation_is_open(rules, t))
			return t;
		t += DAY - t % DAY;
	}
	return 0;
}

static bool
is_first_of_alg(const struct ring *ring, const struct ring_key *active)
{
	for (size_t i = 0; i < ring->key_count; i++) {
		if (&ring->keys[i] != active &&
		    ring->keys[i].alg == active->alg &&
		    ring->keys[i].activated != 0)
			return false;
	}
	return true;
}

/*
 * The next moment that is the domain's own within the interval.  A key that
 * was turned to out of turn lives for a quarter of the interval at least; the
 * first one may live shorter, so that domains that are added together are
 * apart from then on.
 */
static time_t
staggered(const struct ring *ring, const struct ring_key *active, int interval)
{
	time_t own = (time_t)(domain_hash(ring->domain) % (uint64_t)interval);
	time_t from = active->activated;
	time_t t;

	if (!is_first_of_alg(ring, active))
		from += interval / 4;
	t = from - from % interval + own;
	return t > from ? t : t + interval;
}

time_t
life_due(const struct ring *ring, enum key_alg alg,
    const struct rotation *rules)
{
	const struct ring_key *active = ring_in_state(ring, alg, KEY_ACTIVE);

	if (active == NULL || rules->interval <= 0)
		return 0;
	return life_open_day(rules,
	    rules->stagger ? staggered(ring, active, rules->interval)
	                   : active->activated + rules->interval);
}
