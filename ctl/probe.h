/*
 * One message through one milter socket, and what came of it.
 */
#ifndef KEYTURN_PROBE_H
#define KEYTURN_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "verify.h"

#define PROBE_TEXT_MAX 1200

/* What is sent, and how it is judged. */
struct probe {
	const char *domain;
	const char *from;   /* the author, as an address */
	const char *client; /* address of the SMTP client */
	const char *auth;   /* who has authenticated, or NULL */
	int timeout_s;
	const char *conf_path;
	const struct key_source *source;
};

enum probe_outcome {
	PROBE_SIGNED,      /* and at least one signature of domain passes */
	PROBE_NOT_GOOD,    /* signed, and none passes */
	PROBE_UNANSWERED,  /* signed, and the DNS does not answer */
	PROBE_UNSIGNED,    /* passed on without a signature */
	PROBE_TEMPFAIL,    /* the milter answered 4xx */
	PROBE_REJECTED,    /* 5xx, or discarded */
	PROBE_UNREACHABLE, /* no milter, or it broke off */
};

/* "signed", "not-verified" ... */
const char *probe_outcome_name(enum probe_outcome outcome);

struct probe_result {
	enum probe_outcome outcome;
	char qid[32]; /* the queue id that the worker was told, and logs */
	char text[PROBE_TEXT_MAX]; /* why, what to do; "" when signed */
	struct buf lines, json;    /* verdicts on the signatures: lines; JSON
	                              objects with commas between them */
};

/*
 * Send a message through the milter at spec and verify what comes back.
 * out is all zero; probe_result_clear afterwards, whatever comes back.
 * Returns 0, or -1 with err set: ERR_NOMEM, ERR_CRYPTO, ERR_IO (here).
 */
int probe_socket(const struct probe *p, const char *spec,
    struct probe_result *out, struct err *err);

void probe_result_clear(struct probe_result *r);

#endif
