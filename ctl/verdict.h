/*
 * The verdict over one signature: the result, the reason, and what to tell a
 * person.
 */
#ifndef KEYTURN_VERDICT_H
#define KEYTURN_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "taglist.h"

#define VERDICT_TEXT_MAX    512 /* bytes with the NUL */
#define VERDICT_WARNINGS    4
#define VERDICT_WARNING_MAX 160 /* bytes with the NUL */

enum verify_result {
	VERIFY_PASS,
	VERIFY_FAIL,      /* the message or the time does not agree */
	VERIFY_PERMERROR, /* it cannot be verified, now or later */
	VERIFY_TEMPERROR, /* the DNS does not answer */
};

enum verify_reason {
	REASON_GOOD,
	REASON_SYNTAX,          /* not a tag list, a tag missing or malformed */
	REASON_VERSION,         /* v= is not 1 */
	REASON_ALGORITHM,       /* a= is unknown, or refused by RFC 8301 */
	REASON_FROM_NOT_SIGNED, /* h= lacks from */
	REASON_IDENTITY,        /* i= is not within d= */
	REASON_QUERY,           /* q= without dns/txt */
	REASON_EXPIRED,         /* x= has passed */
	REASON_NO_KEY,
	REASON_SEVERAL_KEYS,
	REASON_KEY_SYNTAX,
	REASON_KEY_REVOKED,
	REASON_KEY_TYPE,   /* not the one that a= wants */
	REASON_KEY_USE,    /* h=, s= or t= of the record forbid this use */
	REASON_KEY_WEAK,   /* under 1024 bits */
	REASON_BODY_SHORT, /* l= is more than there is */
	REASON_BODY_HASH,  /* the body was changed */
	REASON_SIGNATURE, /* the header was changed (Ed25519: or another key) */
	REASON_KEY_MISMATCH, /* the record is not that of the signing key */
	REASON_CUT,          /* the signature is too short for the key */
	REASON_DNS,          /* no answer */
	REASON_LIMIT,        /* after VERIFY_SIGNATURES_MAX others */
};

/* What was found out about one signature. */
struct sig_verdict {
	enum verify_result result;
	enum verify_reason reason;
	struct span domain, selector, algorithm, identity; /* of the message;
	    data is NULL where the tag is missing */
	char text[VERDICT_TEXT_MAX]; /* the reason for a person; safe for a
	                                terminal */
	char warnings[VERDICT_WARNINGS][VERDICT_WARNING_MAX];
	size_t warning_count;
};

/* "pass", "fail", "permerror", "temperror". */
const char *verdict_result_name(enum verify_result result);

/* "body-hash" and the like, for programs. */
const char *verdict_reason_name(enum verify_reason reason);

/*
 * What is most often behind it and what to do, for a person; NULL where the
 * text says it all.
 */
const char *verdict_cause(enum verify_reason reason);

/* Set reason, the result that follows from it, and text.  Returns false. */
bool verdict_refuse(struct sig_verdict *v, enum verify_reason reason,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with "what: value", the value escaped and cut.  Returns false. */
bool verdict_refuse_value(struct sig_verdict *v, enum verify_reason reason,
    const char *what, struct span value);

/* Add a warning; one too many is left out. */
void verdict_warn(struct sig_verdict *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Append a line for a person, with a second one for the likely cause, or one
 * JSON object.
 */
void verdict_line(const struct sig_verdict *v, struct buf *out);
void verdict_json(const struct sig_verdict *v, struct buf *out);

#endif
