/*
 * The layout of a policy as one block: a head, then arrays that the head
 * points to.  Positions are byte offsets from the start of the block, strings
 * are offsets into its text, lines and keys are indices.  No pointers, no
 * secrets.  Private to policy.c and policy_build.c.
 */
#ifndef KEYTURN_POLICY_BLOCK_H
#define KEYTURN_POLICY_BLOCK_H

#include <stdint.h>

#define BLOCK_MAGIC   UINT64_C(0x6b74706f6c696379) /* "ktpolicy" */
#define BLOCK_VERSION 2
#define BLOCK_NONE    UINT32_MAX /* no line, no ring */

/* An array, or the text: where it starts and how many elements it has. */
struct block_span {
	uint64_t at;
	uint64_t count;
};

struct block_net {
	uint32_t family; /* of struct ip_addr */
	uint32_t bits;
	unsigned char bytes[16];
};

struct block_key {
	uint64_t id;
	uint32_t domain, selector; /* text */
	uint32_t alg;
	uint32_t state; /* enum policy_key_state */
};

/*
 * A line of the SigningTable.  Lines without a star, and "*@host", hang in the
 * hash table: a bucket holds the first of its lines, next is the one after it
 * in the same bucket, always a later line.  The others are globs.
 */
struct block_line {
	uint32_t pattern;   /* text */
	uint32_t next;      /* line or BLOCK_NONE */
	uint32_t first_key; /* index in line_keys */
	uint32_t key_count;
	uint32_t number; /* in the file */
};

/*
 * A ring: the keys that stand for it, at least one.  Rings hang in a hash table
 * of their own, as lines do, by domain.
 */
struct block_ring {
	uint32_t domain; /* text */
	uint32_t next;   /* ring or BLOCK_NONE */
	uint32_t first_key, key_count;
};

struct block_head {
	uint64_t magic;
	uint64_t version;
	uint64_t size; /* of the whole block */
	uint64_t generation;

	uint32_t canon_header, canon_body;
	uint32_t on_error, on_malformed;
	uint32_t sign_headers, oversign_headers; /* text */
	uint32_t sign_authenticated;
	uint32_t multiple_signatures;
	int32_t channel_timeout, drain;
	int32_t log_to, log_facility, log_level;
	uint32_t subdomains;

	struct block_span nets;         /* struct block_net */
	struct block_span daemons;      /* uint32_t: text */
	struct block_span keys;         /* struct block_key */
	struct block_span lines;        /* struct block_line */
	struct block_span line_keys;    /* uint32_t: keys */
	struct block_span globs;        /* uint32_t: lines, in order */
	struct block_span buckets;      /* uint32_t: lines; a power of two */
	struct block_span rings;        /* struct block_ring */
	struct block_span ring_buckets; /* uint32_t: rings; a power of two */
	struct block_span text;         /* char, the last one NUL */
};

/*
 * The hash over a pattern or an address, a piece at a time (FNV-1a).  The
 * tables are the administrator's own, nobody gains by making them collide, and
 * an address walks one chain only.
 */
#define BLOCK_HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t
block_hash(uint64_t hash, unsigned char c)
{
	return (hash ^ c) * UINT64_C(0x100000001b3);
}

#endif
