/*
 * Slots: selectors behind CNAMEs that a customer set up once, the only ones
 * that are ever used again.
 */
#include <string.h>

#include "life_view.h"

static time_t
later(time_t a, time_t b)
{
	return a > b ? a : b;
}

bool
life_slot_is_free(const struct ring *ring, const char *selector,
    const struct rotation *rules, const struct life_clock *clock, time_t *when)
{
	const struct ring_key *k = ring_find(ring, selector);
	time_t let_go, gone;
	int ttl;

	*when = 0;
	if (k == NULL)
		return true;
	if (k->state != KEY_GONE || k->gone_seen == 0)
		return false;
	/* Its record is gone; caches still have that for its TTL. */
	ttl = k->record_ttl < 0 ? LIFE_UNKNOWN_TTL : k->record_ttl;
	if (ttl < rules->ttl)
		ttl = rules->ttl;
	gone = later(k->gone_seen, clock->even_since);
	*when = gone + ttl;
	/* Panic withdraws early, but nobody else may have the name early. */
	let_go = later(later(k->released, k->retired), clock->even_since);
	if (k->activated != 0)
		*when = later(*when, let_go + rules->retire_after + ttl);
	return clock->now.wall >= *when;
}

static bool
is_taken(const struct life_view *v, const char *slot)
{
	for (size_t i = 0; i < v->taken_count; i++) {
		if (strcmp(v->taken[i], slot) == 0)
			return true;
	}
	return false;
}

const char *
life_free_slot(const struct life_view *v, time_t *when)
{
	*when = 0;
	for (size_t i = 0; v->rules->slots[i] != NULL; i++) {
		const char *slot = v->rules->slots[i];
		time_t t;

		if (is_taken(v, slot))
			continue;
		if (life_slot_is_free(v->ring, slot, v->rules, v->clock, &t))
			return slot;
		if (t != 0 && (*when == 0 || t < *when))
			*when = t;
	}
	return NULL;
}
