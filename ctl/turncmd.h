/*
 * What the subcommands that change rings have in common.
 */
#ifndef KEYTURN_TURNCMD_H
#define KEYTURN_TURNCMD_H

#include "buf.h"
#include "ctl.h"
#include "turn.h"

#define TURNCMD_REASON_MAX 200 /* bytes of --force */

/* The name in the DNS that text is, in lower case.  False when it is none. */
bool turncmd_name(const char *text, char out[DNSNAME_MAX + 1]);

/*
 * The domain that operand text names, in lower case, into out.  False when it
 * is none, which is said.
 */
bool turncmd_domain(const struct ctl_call *call, const char *text,
    char out[DNSNAME_MAX + 1]);

/* The selector that operand text names, likewise. */
bool turncmd_selector(const struct ctl_call *call, const char *text,
    char out[DNSNAME_MAX + 1]);

/* Whether reason will do for the journal; NULL will.  If not, that is said. */
bool turncmd_reason(const struct ctl_call *call, const char *reason);

/* How a wish is carried out, and for what it counts as done. */
struct turncmd {
	struct turn_rounds rounds;
	enum step wished;    /* the step that was asked for */
	enum step or_wished; /* or this one */
	const char *force;   /* the reason of --force, or NULL */
	bool is_json;
};

/*
 * Whether the ring of domain has a key of that selector (NULL: any will do).
 * If not, *code is the exit code, and it has been said.
 */
bool turncmd_has_key(struct turner *t, const char *domain, const char *selector,
    int *code);

/*
 * Carry out a wish on the ring of domain and report: what was done on stdout, a
 * refusal on stderr.  Returns the exit code.
 */
int turncmd_run(const struct ctl_call *call, char *domain,
    const struct turncmd *c);

/*
 * Report on a ring: what was done, as text on stdout and errors on stderr, or
 * as a JSON object without line end.
 */
void turncmd_report(const struct turn_report *r, bool is_json, struct buf *out);

#endif
