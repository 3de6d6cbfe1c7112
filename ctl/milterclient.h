/*
 * The MTA's side of the milter protocol: one message through one socket, as
 * Postfix sends it, and what would leave the MTA afterwards.  Knows nothing of
 * DKIM.
 */
#ifndef KEYTURN_MILTERCLIENT_H
#define KEYTURN_MILTERCLIENT_H

#include <stddef.h>

#include "buf.h"
#include "err.h"

#define MILTER_FIELDS_MAX  64
#define MILTER_ANSWERS_MAX 1000 /* packets after the end of a message */
#define MILTER_PACKET_MAX  (1 << 20)
#define MILTER_REPLY_MAX   200 /* bytes of an SMTP reply, with the NUL */

/* What to send.  Everything borrowed. */
struct milter_mail {
	const char *client;        /* IPv4 or IPv6 address of the SMTP client */
	const char *auth;          /* who has authenticated, or NULL */
	const char *host;          /* the MTA's own name, j */
	const char *qid;           /* queue id, i */
	const char *sender;        /* of the envelope, without brackets */
	const char *rcpt;          /* likewise */
	const char *received;      /* the MTA's own field, "Received: ..."; not
	                              shown to the milter, as Postfix does */
	const char *const *fields; /* "Name: value", folds as "\n\t"; NULL ends
	                              them */
	const char *body;          /* lines end in CRLF */
};

enum milter_outcome {
	MILTER_ACCEPTED,
	MILTER_TEMPFAIL, /* 4xx */
	MILTER_REJECTED, /* 5xx */
	MILTER_DISCARDED,
};

struct milter_result {
	enum milter_outcome outcome;
	char reply[MILTER_REPLY_MAX]; /* the SMTP reply, if the milter gave
	                                 one; safe for a terminal */
	struct buf message; /* as the MTA sends it on, CRLF; MILTER_ACCEPTED */
	size_t added;       /* header fields that the milter added */
};

/*
 * Carry the message to the milter at spec (unix:/path, local:/path,
 * inet:port@host, inet6:port@host).
 *
 * timeout_s  for connecting and for each answer
 * out        all zero; milter_result_clear afterwards, whatever comes back
 * Returns 0, or -1 with err set: ERR_IO (cannot connect, or the connection
 * ended, or no answer), ERR_INPUT (that is no milter, or it does more than add
 * header fields), ERR_NOMEM; errno then is that of the system call.
 */
int milter_send(const char *spec, const struct milter_mail *mail, int timeout_s,
    struct milter_result *out, struct err *err);

void milter_result_clear(struct milter_result *r);

#endif
