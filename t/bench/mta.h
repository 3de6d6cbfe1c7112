/*
 * The MTA's side of one milter connection, as Postfix speaks it: protocol
 * version 6, every action and step offered, no waiting where the milter gave
 * up its answer, body chunks of 65,535 bytes, written through a buffer of
 * 4,096.
 */
#ifndef KEYTURN_BENCH_MTA_H
#define KEYTURN_BENCH_MTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "mail.h"

/* What became of a message. */
enum outcome {
	OUTCOME_SIGNED, /* accepted, with at least one DKIM-Signature */
	OUTCOME_UNSIGNED,
	OUTCOME_TEMPFAIL,
	OUTCOME_REJECT, /* or discarded */
	OUTCOME_LOST, /* no verdict: no connection, or it ended, or too late */
	OUTCOME_COUNT,
};

const char *outcome_name(enum outcome o);

struct mta {
	const char *spec; /* unix:/path, local:/path, inet:port@host */
	int timeout;      /* seconds to wait for the milter */
	size_t write_len; /* bytes in one write at most */

	int fd;         /* -1: closed */
	bool has_ended; /* the milter answers no more of this connection */
	uint32_t steps; /* negotiated, SMFIP_* */
	struct buf out; /* not yet written */
	char *in;       /* received, not yet taken */
	size_t in_len, in_at;
	struct buf packet; /* the packet in hand */
};

/* One message's result.  Its memory is used again for the next. */
struct mta_result {
	enum outcome outcome;
	unsigned signatures;
	struct buf inserted; /* inserted fields in wire form, top first */
	int64_t mail_ns;     /* MAIL was sent (CLOCK_MONOTONIC) */
	int64_t asked_ns;    /* end of message was sent */
	int64_t answered_ns; /* the verdict was there */
};

/* Set up; opens nothing.  spec is borrowed. */
void mta_init(struct mta *m, const char *spec, int timeout, size_t write_len);

/*
 * Carry one message, over a new connection when none is open.  After a loss
 * the connection is closed.
 * Returns 0 with r filled in; -1 with err set as well when it was lost (the
 * text says how) or memory was short.
 */
int mta_send(struct mta *m, const struct mail *mail, struct mta_result *r,
    struct err *err);

/* Say good-bye and close; fine when closed. */
void mta_close(struct mta *m);

/* Close and release. */
void mta_clear(struct mta *m);

void mta_result_clear(struct mta_result *r);

/* ns of CLOCK_MONOTONIC. */
int64_t mta_now_ns(void);

#endif
