/*
 * Handing records to the DNS.  One small interface; each way has a file of its
 * own, publish_*.c.
 */
#ifndef KEYTURN_PUBLISHER_H
#define KEYTURN_PUBLISHER_H

#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "rotation.h"

enum publish_action {
	PUBLISH_PUT,    /* exactly value, where nothing or value is now */
	PUBLISH_REVOKE, /* the empty record, where value, that or nothing is */
	PUBLISH_REMOVE, /* nothing, where value or the empty one is now */
};

struct publish_request {
	enum publish_action action;
	const char *domain; /* of the ring */
	const char *selector;
	const char *name;  /* of the record, without final dot */
	const char *value; /* the key's record */
	const char *empty; /* "v=DKIM1; k=rsa; p=" */
	int ttl;
};

enum publish_result {
	PUBLISH_DONE,    /* the DNS was given it, or had it already */
	PUBLISH_BY_HAND, /* told says what a person must do */
	PUBLISH_LATER,   /* err: did not work now; the next tick tries again */
	PUBLISH_REFUSED, /* err: the DNS said no, or another record is there */
};

/*
 * Do it.  told is what to show a person (the manual publisher: the record in
 * each form).  Nothing is ever overwritten but what the request names.
 */
enum publish_result publisher_run(const struct publisher_conf *conf,
    const struct publish_request *request, struct buf *told, struct err *err);

const char *publish_action_name(enum publish_action action);

/* "v=DKIM1; k=rsa; p=" for the record of a key. */
void publish_empty_record(const char *record, struct buf *out);

#endif
