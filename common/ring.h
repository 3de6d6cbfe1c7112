/*
 * A ring: the keys of one domain, each somewhere in its life.  What is here is
 * the record; what becomes of it is decided in ctl/life.c, where it is kept is
 * for ringstore.h, and how it is written for ringfile.h.
 */
#ifndef KEYTURN_RING_H
#define KEYTURN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "dnsname.h"
#include "err.h"
#include "key.h"
#include "sha256.h"

#define RING_KEYS_MAX     1024 /* of one ring, those that are gone included */
#define RING_HOST_MAX     64   /* bytes of a host name */
#define RING_EVIDENCE_MAX 512  /* bytes of its text, with the final NUL */
#define RING_BOOT_ID_MAX  40   /* bytes of a boot id, with the final NUL */
#define RING_HEX_MAX      (2 * SHA256_LEN + 1)

enum key_state {
	KEY_GENERATED, /* made; nothing in the DNS */
	KEY_PUBLISHED, /* its record was handed to the DNS */
	KEY_READY,     /* every authority served it, caches have drained */
	KEY_ACTIVE,    /* signs */
	KEY_RETIRING,  /* signs no more; its record stays */
	KEY_REVOKED,   /* its record says p= */
	KEY_GONE,      /* no record; the selector is remembered for ever */
};

/* "generated" and so on. */
const char *key_state_name(enum key_state state);
bool key_state_parse(const char *name, enum key_state *state);

/*
 * A moment by both clocks: the wall clock can be set, the boot-time clock only
 * counts, and only within one boot.
 */
struct moment {
	time_t wall; /* 0: never */
	long long boottime;
	char boot_id[RING_BOOT_ID_MAX];
};

/*
 * Why a key may sign: two complete sightings, or that somebody forced it.
 * Without it keyturnd signs with no key of a ring.
 */
struct evidence {
	unsigned char fingerprint[SHA256_LEN]; /* of the key that was seen */
	time_t first, second;                  /* 0: none */
	int wait;                     /* seconds that had to lie between */
	char text[RING_EVIDENCE_MAX]; /* servers seen, families left out; or
	                                 the reason of who forced it */
	bool is_forced;
	bool is_weak; /* by resolvers, not by authorities */
};

/* An irreversible step, announced by one tick for a later one to do. */
enum irreversible {
	IRREVERSIBLE_NONE,
	IRREVERSIBLE_REVOKE,
	IRREVERSIBLE_REMOVE,
	IRREVERSIBLE_DELETE_FILE,
};

struct ring_key {
	char selector[DNSNAME_MAX + 1];
	char file[DNSNAME_MAX + 32]; /* name in the ring; "" once deleted */
	enum key_alg alg;
	unsigned bits;
	unsigned char fingerprint[SHA256_LEN];
	char *record; /* the value of its TXT record, without quotes */
	enum key_state state;

	/* When it came to be so; 0: it did not, or not yet. */
	time_t made, published, ready, activated, retired, revoked, removed;
	time_t empty_seen; /* p= was first seen at every server */
	time_t gone_seen;  /* no record was first seen at every server */
	time_t released;   /* keyturnd was seen not to hold it any more */
	/* A record that was not what it should be was handed to the DNS again,
	   and has not been seen whole since; 0: nothing of that kind. */
	time_t republished;

	struct moment first_sighting; /* complete; wall is 0: none stands */
	int cache_ttl;  /* largest time that a cache may deny the record for,
	                   seen since the key was made; -1: none was seen yet */
	int record_ttl; /* largest TTL seen of its own record; -1: none */
	struct evidence evidence;

	enum irreversible armed;
	struct moment armed_at;

	bool is_adopted;     /* it signed before it came into the ring */
	bool is_compromised; /* by panic: revoked without waiting */
	bool is_slot;        /* its selector is one of the slots */
};

struct ring {
	char domain[DNSNAME_MAX + 1]; /* lower case */
	char host[RING_HOST_MAX + 1]; /* whose ring it is */
	time_t made;
	bool is_leaving;       /* being removed: nothing new is begun */
	struct ring_key *keys; /* in the order in which they were made */
	size_t key_count;
	unsigned long steps;   /* lines of the journal that made it so */
	long long journal_len; /* bytes of these lines */
	unsigned char journal_hash[SHA256_LEN]; /* of the last of them */
};

/* A ring without keys.  NULL with err set: ERR_NOMEM. */
struct ring *ring_new(const char *domain, const char *host, struct err *err);
void ring_free(struct ring *ring);

/* A deep copy.  NULL with err set: ERR_NOMEM. */
struct ring *ring_copy(const struct ring *ring, struct err *err);

/*
 * Append a zeroed key (both TTLs -1) and return it; pointers to other keys are
 * then stale.  NULL with err set: ERR_NOMEM, ERR_LIMIT (RING_KEYS_MAX).
 */
struct ring_key *ring_add_key(struct ring *ring, struct err *err);

/*
 * The latest key of that selector (a slot may have several, all but the last
 * gone), or NULL.
 */
struct ring_key *ring_find(const struct ring *ring, const char *selector);

/* The last key of algorithm alg in that state, or NULL. */
struct ring_key *ring_in_state(const struct ring *ring, enum key_alg alg,
    enum key_state state);

/*
 * Whether keyturnd may sign with key: active, and with evidence for these very
 * key bytes.
 */
bool ring_key_signs(const struct ring_key *key);

/* Whether any key of the ring ever was active. */
bool ring_was_active(const struct ring *ring);

/*
 * What must be true of every ring: a selector is used once (but a slot again
 * when its key is gone), one active key of an algorithm, names that are not too
 * long for the DNS.
 * Returns 0, or -1 with *bad the index of the key and err set: ERR_INPUT
 * ("member: what: value").
 */
int ring_check(const struct ring *ring, size_t *bad, struct err *err);

/* Lower-case hexadecimal; hex_parse wants exactly SHA256_LEN bytes. */
void hex_text(const unsigned char hash[SHA256_LEN], char out[RING_HEX_MAX]);
bool hex_parse(const char *text, unsigned char hash[SHA256_LEN]);

/* The value of a lower-case hexadecimal digit, or -1. */
int hex_digit(char c);

#endif
