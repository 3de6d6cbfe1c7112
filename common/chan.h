/*
 * The channel between keyturnd and its workers: the layout of its packets, and
 * sending and receiving them whole over a SOCK_SEQPACKET socket.  Both ends run
 * on one machine and from one build: numbers are in host order, and a packet
 * of another version ends the connection.
 *
 * A worker opens one control connection and a few for signing, and says which
 * in a HELLO.  Over a control connection keyturnd sends POLICY packets, each
 * with the descriptor of a block (policy.h), which the worker acknowledges
 * with POLICY_ACK once it is in force and no message is under the one before
 * it any more; the worker sends REPORTs.  Over a
 * signing connection the worker sends SIGN, one at a time, and gets SIGNED.
 * Nothing is ever parsed beyond these fixed layouts.
 */
#ifndef KEYTURN_CHAN_H
#define KEYTURN_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "key.h"
#include "policy.h"
#include "sha256.h"

#define CHAN_VERSION  0x6b740002u /* "kt", and a number raised on any change */
#define CHAN_SPEC_MAX 128         /* a socket's spec in HELLO, with its NUL */

enum chan_type {
	CHAN_HELLO = 1,
	CHAN_POLICY,
	CHAN_POLICY_ACK,
	CHAN_SIGN,
	CHAN_SIGNED,
	CHAN_REPORT,
};

enum chan_role { CHAN_CONTROL = 1, CHAN_SIGNING };

enum chan_status {
	CHAN_OK = 1,
	CHAN_STALE, /* a key id is not in force: match again */
	CHAN_ERROR, /* the signature could not be made */
};

/* Outcomes that a worker counts; sent as differences in REPORT. */
enum counter {
	COUNT_SIGNED,      /* messages */
	COUNT_SIGNATURES,  /* fields */
	COUNT_NOT_OURS,    /* sign_for does not include its origin */
	COUNT_NO_MATCH,    /* no line and no ring for its author */
	COUNT_NOT_ACTIVE,  /* its ring has no active key, not yet or no more */
	COUNT_MALFORMED,   /* on_malformed */
	COUNT_ERROR,       /* on_error */
	COUNT_NO_POLICY,   /* 451 for want of any policy */
	COUNT_ABORTED,     /* ended by the MTA before end of message */
	COUNT_STALE,       /* matched again */
	COUNT_LOG_DROPPED, /* log lines */
	COUNTER_COUNT,
};

/* "signed", "not_ours" ...: as status prints it. */
const char *counter_name(enum counter c);

struct chan_head {
	uint32_t version; /* CHAN_VERSION */
	uint16_t type;    /* enum chan_type */
	uint16_t count;   /* elements that follow, where the type has any */
	uint64_t request; /* SIGN and POLICY choose it, the answer repeats it */
};

struct chan_hello {
	struct chan_head head;
	uint32_t role;            /* enum chan_role */
	int32_t pid;              /* of the worker */
	char spec[CHAN_SPEC_MAX]; /* NUL-terminated, its socket */
};

/* POLICY and POLICY_ACK; a POLICY carries one descriptor. */
struct chan_policy {
	struct chan_head head;
	uint64_t generation;
};

struct chan_pair {
	uint64_t key_id;
	unsigned char digest[SHA256_LEN];
};

/* head.count pairs are sent. */
struct chan_sign {
	struct chan_head head;
	struct chan_pair pairs[POLICY_SIGNATURES_MAX];
};

struct chan_signature {
	uint32_t len;
	unsigned char bytes[KEY_SIG_MAX];
};

/*
 * status is that of the whole request: signatures are there only with CHAN_OK,
 * head.count of them in the order of the pairs.
 */
struct chan_signed {
	struct chan_head head;
	uint32_t status; /* enum chan_status */
	uint32_t reserved;
	uint64_t generation; /* that answered */
	struct chan_signature signatures[POLICY_SIGNATURES_MAX];
};

struct chan_report {
	struct chan_head head;
	uint64_t counters[COUNTER_COUNT];
};

union chan_packet {
	struct chan_head head;
	struct chan_hello hello;
	struct chan_policy policy;
	struct chan_sign sign;
	struct chan_signed signed_; /* "signed" is a word of the language */
	struct chan_report report;
};

/*
 * The size a packet of that type and count must have on the wire, or 0 when
 * type or count is not a valid one.
 */
size_t chan_size(enum chan_type type, unsigned count);

/* Fill in a head. */
void chan_head_set(struct chan_head *head, enum chan_type type, unsigned count,
    uint64_t request);

/*
 * Send one packet (its size follows from its head); fd_to_pass is a descriptor
 * to go with it, or -1.  Waits at most timeout_ms (-1: for ever).
 * Returns 0, or -1 with err set: ERR_IO (the text says "timed out" when it
 * did).  Never raises SIGPIPE.
 */
int chan_send(int fd, const union chan_packet *p, int fd_to_pass,
    int timeout_ms, struct err *err);

/*
 * Receive one packet and check version, type and exact size.
 *
 * passed_fd  set to the descriptor that came with it (close-on-exec, the
 *            caller's) or -1; NULL: descriptors are closed and refused
 * timeout_ms  -1: for ever
 * Returns 1; 0 when the peer has closed; or -1 with err set: ERR_INPUT (a
 * malformed packet: end the connection), ERR_IO (err.text begins with "timed
 * out" on a time-out: nothing was lost, the connection is still good).
 */
int chan_recv(int fd, union chan_packet *p, int *passed_fd, int timeout_ms,
    struct err *err);

/* Whether err is that of a time-out, of these and of unixsock_connect. */
bool chan_timed_out(const struct err *err);

#endif
