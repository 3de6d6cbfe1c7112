/*
 * The clock that only goes forward, and condition variables that wait by it.
 */
#ifndef KEYTURN_MONOTIME_H
#define KEYTURN_MONOTIME_H

#include <pthread.h>
#include <stdbool.h>

/* ms of CLOCK_MONOTONIC. */
long long mono_now_ms(void);

/* What is left until the deadline, in ms; never negative. */
int mono_until_ms(long long deadline);

/* A condition variable for mono_cond_wait.  Returns 0 or an error number. */
int mono_cond_init(pthread_cond_t *cond);

/*
 * Wait on cond, whose lock is held, until it is signalled or mono_now_ms()
 * reaches the deadline.  False when the deadline has passed.
 */
bool mono_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
    long long deadline);

#endif
