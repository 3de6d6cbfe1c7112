/*
 * The policy: everything the worker needs to decide which key signs a message,
 * and no secret.  keyturnd builds it as one block of arrays and offsets in a
 * sealed memfd; the worker maps that block, checks it once and matches against
 * it.  Tools match with the same function.
 */
#ifndef KEYTURN_POLICY_H
#define KEYTURN_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "canon.h"
#include "cidr.h"
#include "conf.h"
#include "err.h"
#include "key.h"
#include "table.h"

#define POLICY_SIGNATURES_MAX 8 /* of one message */

enum policy_key_state {
	POLICY_KEY_GOOD,
	POLICY_KEY_BROKEN,    /* should sign and cannot: on_error */
	POLICY_KEY_NOT_YET,   /* of a ring that never had an active key */
	POLICY_KEY_NO_ACTIVE, /* of a ring that is leaving and has none now */
};

/*
 * A key as the policy tells of it.  A ring that does not sign is told of by one
 * that is not good, with id 0 and an empty selector.
 */
struct policy_key {
	uint64_t id; /* names (domain, selector, key bytes) as a whole */
	const char *domain;
	const char *selector;
	enum key_alg alg;
	enum policy_key_state state;
};

/* A ring stands for all of its keys. */
struct policy_ring {
	const char *domain; /* lower case */
	size_t first_key;   /* place in the keys of the source */
	size_t key_count;   /* at least 1 */
};

/* In line_keys: the rest is not a place in keys but one in rings. */
#define POLICY_RING_FLAG UINT32_C(0x80000000)

/* What a policy is made of.  Everything borrowed. */
struct policy_source {
	uint64_t generation;
	const struct conf *conf;
	const struct sign_table *signing_table; /* NULL: no lines */
	/*
	 * keys[i] is what entry i of the KeyTable stands for; key_index[l][k]
	 * would be quadratic, so names are resolved by the caller:
	 * line_keys[l * TABLE_LINE_KEYS + k] is the index in keys of the k-th
	 * key of line l, or that of a ring with POLICY_RING_FLAG.
	 */
	const struct policy_key *keys;
	size_t key_count;
	const uint32_t *line_keys;
	const struct policy_ring *rings;
	size_t ring_count;
};

/*
 * Build the block and seal it.  Returns a descriptor (close-on-exec) whose
 * size is that of the block, or -1 with err set: ERR_NOMEM, ERR_IO, ERR_LIMIT.
 */
int policy_build(const struct policy_source *src, struct err *err);

struct policy;

/*
 * Map and check a block: seals, version, every offset, count and string.  fd
 * may be closed afterwards.  Returns NULL with err set: ERR_INPUT (not a
 * policy), ERR_IO, ERR_NOMEM.
 */
struct policy *policy_map(int fd, struct err *err);
void policy_unmap(struct policy *p);

/* Settings that the worker acts on.  Strings live as long as the policy. */
struct policy_options {
	uint64_t generation;
	struct canon_pair canonicalization;
	const char *sign_headers, *oversign_headers;
	enum verdict on_error, on_malformed;
	int channel_timeout; /* seconds */
	int drain;           /* seconds */
	struct conf_log log;
};

void policy_options(const struct policy *p, struct policy_options *out);

/* Where a message came from, as the MTA tells it. */
struct policy_origin {
	struct ip_addr client;
	bool is_authenticated;
	const char *daemon; /* {daemon_name}, or NULL */
};

/* Whether mail from there is signed at all: sign_for. */
bool policy_signs_for(const struct policy *p,
    const struct policy_origin *origin);

/* The keys that sign a message; strings live as long as the policy. */
struct policy_match {
	size_t count;
	struct policy_key keys[POLICY_SIGNATURES_MAX];
	bool is_cut;   /* more keys matched than POLICY_SIGNATURES_MAX */
	unsigned line; /* the first line of the SigningTable that matched */
	/*
	 * The first ring that would sign and has no key for it now: its domain,
	 * or NULL, and why, POLICY_KEY_NOT_YET or POLICY_KEY_NO_ACTIVE.
	 */
	const char *idle_ring;
	enum policy_key_state idle;
};

/*
 * Find the keys for an author, RFC 5322 From: local part in its own case and
 * domain in lower case, NUL-terminated.  The first line that matches decides;
 * with multiple_signatures every line that matches adds its keys, each once.
 * When no line matches, the ring of the domain signs or, with subdomains, that
 * of the nearest domain above it.
 * Returns true when a line or a ring matched.
 */
bool policy_find(const struct policy *p, const char *local, const char *domain,
    struct policy_match *out);

#endif
