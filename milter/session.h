/*
 * What is decided about each message of one MTA connection: whether it is
 * signed, by which keys, and what is said about it in the log.  Knows nothing
 * of the milter protocol: callbacks.c feeds it and does what it says.
 *
 * Order of calls for one message: begin, header ..., eoh, body ..., end,
 * perhaps insert_failed, finish.  eoh is made up for when it does not come.
 */
#ifndef KEYTURN_MILTER_SESSION_H
#define KEYTURN_MILTER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "author.h"
#include "body_hash.h"
#include "buf.h"
#include "channel.h"
#include "cidr.h"
#include "conf.h"
#include "err.h"
#include "hdrs.h"
#include "policy.h"
#include "signing.h"

struct session {
	struct channel *channel; /* borrowed */

	/* The connection. */
	struct ip_addr client;
	struct buf daemon; /* {daemon_name}; empty: the MTA sent none */

	/* The message. */
	bool is_open; /* between begin and finish or abort */
	bool is_authenticated;
	bool is_ours;          /* to be signed: its body is hashed */
	bool is_at_body;       /* eoh has been here */
	enum canon body_canon; /* of the hash */
	uint64_t size;         /* bytes, as they go over the wire */
	struct hdrs hdrs;
	struct author author;
	struct body_hash body_hash;
	struct err fault; /* ERR_NONE, or why it cannot be handled */

	/* The outcome, from end to finish. */
	enum counter result; /* COUNT_SIGNED to COUNT_NO_POLICY */
	enum verdict verdict;
	uint64_t generation; /* of the policy that decided */
	struct signing signings[POLICY_SIGNATURES_MAX];
	size_t signing_count; /* complete and to be inserted */
	struct buf text;      /* the reason, or what was signed with */
	long long started;    /* us, when end began */
};

/* channel must outlive the session.  All memory is reused between messages. */
void session_init(struct session *s, struct channel *channel);
void session_clear(struct session *s);

/* A client has connected; daemon is {daemon_name} or NULL. */
void session_connect(struct session *s, const struct ip_addr *client,
    const char *daemon);

/* A message begins; whatever was there of another one is dropped. */
void session_begin(struct session *s, bool is_authenticated);

/*
 * A header field as hdrs.h has it, except that folds may be a lone LF.
 * NUL-terminated, borrowed for the call.  Faults are kept for session_end.
 */
void session_header(struct session *s, const char *name, const char *value);

/* There was no memory for a header field: the message cannot be signed. */
void session_fault(struct session *s);

/*
 * The header is complete: decide whether the body has to be hashed.  That a
 * message is not ours is decided here for good.
 */
void session_eoh(struct session *s);

/* A piece of the body, cut anywhere. */
void session_body(struct session *s, const void *data, size_t len);

/*
 * The message is complete: decide under the newest policy and sign.
 * s->verdict is set, and s->signing_count fields SIGFIELD_NAME with the value
 * in s->signings[i].value (CRLF at folds) are to be inserted, the first on top.
 * Waits for keyturnd at most channel_timeout.
 */
void session_end(struct session *s);

/* A field could not be inserted: that is an error, s->verdict changes. */
void session_insert_failed(struct session *s);

/* Count and log the message's outcome, and forget the message. */
void session_finish(struct session *s, const char *qid);

/* The message will not be completed.  Without one it does nothing. */
void session_abort(struct session *s);

#endif
