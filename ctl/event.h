/*
 * Alarms: somebody must act.
 */
#ifndef KEYTURN_EVENT_H
#define KEYTURN_EVENT_H

#include <stdbool.h>
#include <time.h>

#include "conf.h"
#include "life.h"

#define EVENT_TIMEOUT 30           /* s for the program of on_event */
#define EVENT_AGAIN   (24L * 3600) /* s until it is run again for the same */

struct event {
	time_t when;
	const char *host;
	const char *domain;
	const char *selector; /* or NULL */
	enum step step;       /* that cannot be done, or STEP_NONE */
	const char *text;
};

/* One line at err, to where the log goes. */
void event_log(const struct conf *conf, const struct event *event);

/*
 * Run the program of on_event, if there is one, with the event as one JSON
 * object on its stdin.  That it failed is said on stderr.
 * Returns false when it did not end in time: it may not the next time either.
 */
bool event_run(const struct conf *conf, const struct event *event);

#endif
