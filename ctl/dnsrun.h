/*
 * What all looks of one run share: what was learned already, how much may be
 * asked of one server at a time, and who did not answer.
 */
#ifndef KEYTURN_DNSRUN_H
#define KEYTURN_DNSRUN_H

#include <stdbool.h>

#include "dnsask.h"
#include "err.h"

#define DNSRUN_PER_SERVER 4 /* questions to one address at one time */

struct dnsrun;

/* NULL with err set: ERR_NOMEM. */
struct dnsrun *dnsrun_new(struct err *err);
void dnsrun_free(struct dnsrun *run);

/*
 * dnsask(), with the limit per server.  An address that let a question time
 * out and has never answered (by that transport) in this run is not asked
 * again: the answer is a time-out at once.
 */
void dnsrun_ask(struct dnsrun *run, const struct dns_address *to,
    const struct dns_question *q, int timeout_ms, struct dns_answer *out);

/* Whether a question by UDP timed out there, and none was ever answered. */
bool dnsrun_is_silent(struct dnsrun *run, const struct dns_address *at);

/*
 * Whether an authority was heard over IPv6 (or IPv4) in this run.  Questions
 * with RD do not count: a resolver may be near where the rest is far.
 */
bool dnsrun_was_heard(struct dnsrun *run, bool ipv6);

/*
 * The value of key, made by make(arg) when it is first asked for; who asks
 * meanwhile waits.  It lives as long as run and is released with release().
 * What make() may ask for in turn must not ask for key.
 * Returns NULL when make did, or without memory.
 */
void *dnsrun_once(struct dnsrun *run, const char *key, void *(*make)(void *arg),
    void *arg, void (*release)(void *value));

#endif
