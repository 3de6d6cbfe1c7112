/*
 * Log lines at a limited rate.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "complaint.h"
#include "log.h"

void
complain(struct complaint *c, int level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	unsigned long withheld;
	struct timespec now;
	bool is_due;
	va_list ap;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&c->lock);
	is_due = c->last == 0 || now.tv_sec - c->last >= COMPLAINT_INTERVAL;
	withheld = c->withheld;
	if (is_due) {
		c->last = now.tv_sec;
		c->withheld = 0;
	} else
		c->withheld++;
	pthread_mutex_unlock(&c->lock);
	if (!is_due)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (withheld > 0)
		log_msg(level, NULL, "%s (and %lu like it before)", text,
		    withheld);
	else
		log_msg(level, NULL, "%s", text);
}
