/*
 * Asking recursive resolvers: those of the configuration, or of the system.
 */
#ifndef KEYTURN_RESOLVER_H
#define KEYTURN_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "dnsask.h"
#include "dnsrun.h"
#include "rotation.h"

#define RESOLVERS_MAX 8

/* The resolvers of conf, or of /etc/resolv.conf; how many. */
size_t resolver_list(const struct dns_conf *conf,
    struct dns_address out[RESOLVERS_MAX]);

/*
 * Ask one after the other until one says NOERROR or NXDOMAIN.
 * Returns true with that answer; false with the text of out saying what the
 * last one did.  out is to be cleared in both cases.
 */
bool resolver_ask(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_question *q, struct dns_answer *out);

/* Append what tells the resolvers of conf apart from others, and a space. */
void resolver_key(const struct dns_conf *conf, struct buf *out);

#endif
