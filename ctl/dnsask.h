/*
 * One question to one server at one address.  Which servers, and what their
 * answers mean, is for others.
 */
#ifndef KEYTURN_DNSASK_H
#define KEYTURN_DNSASK_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>

#include "dnswire.h"

#define DNSASK_TEXT_MAX    160
#define DNSASK_ADDRESS_MAX 64

struct dns_address {
	struct sockaddr_storage sa;
	socklen_t len;
	char text[DNSASK_ADDRESS_MAX]; /* "192.0.2.1", "192.0.2.1@5300" */
};

/* Read ADDRESS or ADDRESS@PORT.  False when it is neither. */
bool dns_address_parse(const char *text, struct dns_address *out);

/* Port 53 of the address in an A or AAAA record.  False for other records. */
bool dns_address_of_rr(const ldns_rr *rr, struct dns_address *out);

bool dns_address_is_ipv6(const struct dns_address *a);

enum dnsask_state {
	DNSASK_ANSWERED,    /* pkt, with any rcode */
	DNSASK_TIMEOUT,     /* nothing that answers the question came */
	DNSASK_UNREACHABLE, /* from here there is no way to this address */
	DNSASK_REFUSED,     /* nobody listens there, or hung up */
	DNSASK_MALFORMED,   /* an answer came that cannot be read */
	DNSASK_FAILED,      /* for reasons of our own */
};

struct dns_answer {
	enum dnsask_state state;
	ldns_pkt *pkt;              /* NULL unless answered */
	bool is_truncated;          /* by UDP it did not fit; pkt came by TCP */
	bool is_tcp;                /* what state speaks of was done by TCP */
	char text[DNSASK_TEXT_MAX]; /* what went wrong, or "" */
};

/*
 * Ask, by UDP with EDNS; by TCP when the answer is truncated or q says so.  A
 * server that does not know EDNS is asked without.  Only an answer from that
 * address with our id and question counts; others are waited out.
 *
 * timeout_ms  for all of it, retries included; once more for TCP after UDP
 * out         to be cleared
 */
void dnsask(const struct dns_address *to, const struct dns_question *q,
    int timeout_ms, struct dns_answer *out);
void dns_answer_clear(struct dns_answer *a);

#endif
