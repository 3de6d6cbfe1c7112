/*
 * The snapshot in force: a pointer and a count, taken together under one
 * mutex.  An atomic load followed by an increment would be a use after free.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "generation.h"

struct generations {
	pthread_mutex_t lock;
	pthread_cond_t unused; /* some generation has lost its last user */
	struct generation *current;
	struct snap_base *first; /* for generations_conf */
};

/* Takes snap, also on failure. */
static struct generation *
generation_new(struct snap *snap, struct err *err)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		snap_free(snap);
		err_nomem(err);
		return NULL;
	}
	g->snap = g->own = snap;
	g->users = 1;
	g->since = time(NULL);
	return g;
}

struct generations *
generations_new(struct snap *first, struct err *err)
{
	struct generations *all = calloc(1, sizeof(*all));

	if (all == NULL) {
		snap_free(first);
		err_nomem(err);
		return NULL;
	}
	*all = (struct generations){ .lock = PTHREAD_MUTEX_INITIALIZER,
		.unused = PTHREAD_COND_INITIALIZER };
	all->current = generation_new(first, err);
	if (all->current == NULL) {
		free(all);
		return NULL;
	}
	all->first = snap_base_get(first->base);
	return all;
}

const struct conf *
generations_conf(const struct generations *all)
{
	return all->first->conf;
}

struct generation *
generation_get(struct generations *all)
{
	struct generation *g;

	pthread_mutex_lock(&all->lock);
	g = all->current;
	g->users++;
	pthread_mutex_unlock(&all->lock);
	return g;
}

void
generation_put(struct generations *all, struct generation *g)
{
	pthread_mutex_lock(&all->lock);
	if (--g->users == 0)
		pthread_cond_broadcast(&all->unused);
	pthread_mutex_unlock(&all->lock);
}

struct generation *
generation_publish(struct generations *all, struct snap *next, struct err *err)
{
	struct generation *g = generation_new(next, err);
	struct generation *old;

	if (g == NULL)
		return NULL;
	pthread_mutex_lock(&all->lock);
	old = all->current;
	all->current = g;
	pthread_mutex_unlock(&all->lock);
	return old;
}

void
generation_wait(struct generations *all, struct generation *old)
{
	pthread_mutex_lock(&all->lock);
	old->users--; /* for having been in force */
	while (old->users > 0)
		pthread_cond_wait(&all->unused, &all->lock);
	pthread_mutex_unlock(&all->lock);
}

void
generation_free(struct generation *old)
{
	snap_free(old->own);
	free(old);
}
