/*
 * Threads that take numbers until there are none left.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "parallel.h"

enum { THREADS_MAX = 64, STACK_BYTES = 512 * 1024 };

struct crew {
	void (*work)(void *arg, size_t i);
	void *arg;
	size_t count;
	atomic_size_t next;
};

static void *
take_numbers(void *arg)
{
	struct crew *crew = arg;
	size_t i;

	while ((i = atomic_fetch_add(&crew->next, 1)) < crew->count)
		crew->work(crew->arg, i);
	return NULL;
}

void
parallel(size_t count, size_t max_threads, void (*work)(void *arg, size_t i),
    void *arg)
{
	struct crew crew = { .work = work, .arg = arg, .count = count };
	pthread_t threads[THREADS_MAX];
	pthread_attr_t attr;
	size_t started = 0;

	if (max_threads > THREADS_MAX)
		max_threads = THREADS_MAX;
	if (max_threads > count)
		max_threads = count;
	/* The caller is one of them. */
	if (max_threads > 1 && pthread_attr_init(&attr) == 0) {
		pthread_attr_setstacksize(&attr, STACK_BYTES);
		while (started + 1 < max_threads &&
		    pthread_create(&threads[started], &attr, take_numbers,
		        &crew) == 0)
			started++;
		pthread_attr_destroy(&attr);
	}
	take_numbers(&crew);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}
