/*
 * What the publishers share among themselves; everybody else sees publisher.h.
 */
#ifndef KEYTURN_PUBLISH_H
#define KEYTURN_PUBLISH_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "publisher.h"
#include "rotation.h"

/* One way to hand a record over; the contract is that of publisher_run. */
typedef enum publish_result publish_fn(const struct publisher_conf *conf,
    const struct publish_request *request, struct buf *told, struct err *err);

publish_fn publish_manual, publish_rfc2136, publish_zonefile, publish_exec;

/* What is at the name now. */
enum publish_there {
	PUBLISH_THERE_NOTHING,
	PUBLISH_THERE_VALUE,
	PUBLISH_THERE_EMPTY,
	PUBLISH_THERE_OTHER,
};

/* Which of them a text is; NULL is nothing. */
enum publish_there publish_compare(const struct publish_request *request,
    const char *text);

/* What is to be done about it. */
enum publish_next {
	PUBLISH_NEXT_WRITE,   /* bring about what the request wants */
	PUBLISH_NEXT_NOTHING, /* it is so already */
	PUBLISH_NEXT_REFUSE,  /* hands off */
};

enum publish_next publish_decide(enum publish_action action,
    enum publish_there there);

/* The record that is to be there afterwards, or NULL: none. */
const char *publish_goal(const struct publish_request *request);

/*
 * Set err (ERR_INPUT) to the refusal to touch what is at the name: shown, from
 * outside, is escaped.  Returns PUBLISH_REFUSED.
 */
enum publish_result publish_refuse(const struct publish_request *request,
    const char *shown, struct err *err);

#endif
