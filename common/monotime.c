/*
 * CLOCK_MONOTONIC in milliseconds.
 */
#include <limits.h>
#include <time.h>

#include "monotime.h"

long long
mono_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
mono_until_ms(long long deadline)
{
	long long left = deadline - mono_now_ms();

	if (left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

int
mono_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc;

	rc = pthread_condattr_init(&attr);
	if (rc != 0)
		return rc;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

bool
mono_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, long long deadline)
{
	struct timespec at = { .tv_sec = (time_t)(deadline / 1000),
		.tv_nsec = (long)(deadline % 1000) * 1000000 };

	return pthread_cond_timedwait(cond, lock, &at) == 0;
}
