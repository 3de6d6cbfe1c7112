/*
 * A world for rings to live in: authorities that lag, fail and lie, caches,
 * mail on its way, keyturnd and its record of what it held, clocks that jump.
 * It knows nothing of life.c; what is true here is what the oracle goes by.
 *
 * Time is true time, in seconds since the world began.
 */
#ifndef T_LIFE_WORLD_H
#define T_LIFE_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "../../ctl/life.h"

#define WORLD_KEYS   256
#define WORLD_NAMES  256
#define WORLD_AUTHS  4
#define WORLD_CACHES 2
#define WORLD_MAILS  2048
#define WORLD_QUEUE  512
#define WORLD_FAULTS 256

#define HOUR         3600
#define DAY          (24 * HOUR)

#define WORLD_EPOCH  ((time_t)1767225600) /* 2026-01-01 */

/* What stands at a name. */
enum { CELL_ABSENT = -1, CELL_FOREIGN = -2 };
struct cell {
	int val; /* 2 * key: its record; 2 * key + 1: p= */
	int tag; /* the fault that made it so, or -1 */
};

enum fault { FAULT_NONE, FAULT_DOWN, FAULT_EMPTY, FAULT_OLD };

struct auth {
	struct cell cells[WORLD_NAMES], old[WORLD_NAMES];
	bool has_old;
	enum fault fault;
	int fault_id;
	long long fault_until;
	int lag; /* usual */
};

struct update {
	long long due;
	int auth; /* -1: the primary, by hand */
	int name;
	enum step step; /* at the primary */
	int key;
};

struct entry {
	struct cell cell;
	long long until;
	int ttl;
};

struct wkey {
	char selector[32];
	int name;
	enum key_alg alg;
	bool is_adopted;
	bool has_file;
	/* keyturnd */
	bool is_loaded; /* its key bytes are in memory */
	bool signs;
	/* held */
	bool is_entered;
	time_t since, released, last_signed; /* wall clock */
	/* the truth */
	long long made, activated, last_held; /* -1: never */
	bool is_forced;     /* the operator took the blame for its gate */
	bool is_forced_off; /* or for its withdrawal */
	bool is_compromised;
	int seen_ttl; /* the largest negative TTL that a look saw */
	long long observed[WORLD_FAULTS]; /* when a look first saw it */
};

struct mail {
	int key;
	long long sent, arrives;
};

struct world {
	uint64_t seed;
	long long now;
	/* clocks */
	long long skew;  /* of the wall clock */
	long long drift; /* of it, what no tick could notice */
	long long boot;  /* when this boot began */
	long long ntp;   /* when a large skew ends; 0: there is none */
	int boots;
	/* the DNS */
	int auth_count;
	struct auth auths[WORLD_AUTHS];
	struct cell primary[WORLD_NAMES];
	int neg_ttl, pos_ttl;
	struct update queue[WORLD_QUEUE];
	int queue_len;
	struct entry caches[WORLD_CACHES][WORLD_NAMES];
	char names[WORLD_NAMES][32];
	int name_count;
	int fault_count;
	bool by_hand; /* a person publishes */
	long long hand_due;
	/* keyturnd */
	bool is_up, has_signed;
	bool held_is_known;
	/* keys and mail */
	struct wkey keys[WORLD_KEYS];
	int key_count;
	struct mail mails[WORLD_MAILS];
	int mail_len;
	long mail_sent, mail_excused;
	/* the verdict */
	char failure[400];
};

uint64_t world_random(struct world *w);
/* 0 to n - 1; whether one of n; a to b. */
int world_below(struct world *w, int n);
bool world_one_in(struct world *w, int n);

void world_init(struct world *w, uint64_t seed);
time_t world_wall(const struct world *w);
void world_moment(const struct world *w, struct moment *m);
void world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Time goes on: updates travel, mail arrives, faults end. */
void world_advance(struct world *w, long long seconds);

int world_new_key(struct world *w, const char *selector, enum key_alg alg);
int world_key_of(const struct ring_key *k);
void world_fingerprint(int key, unsigned char out[SHA256_LEN]);

/* What a look at every authority finds now. */
void world_look(struct world *w, int key, struct key_facts *f);
/* That look was not in vain: what it saw of faults and TTLs counts. */
void world_observe(struct world *w, int key);
/* The publisher: false: not now. */
bool world_publish(struct world *w, int key, enum step step);
/* A stranger asks a cache. */
void world_probe(struct world *w, int name);
void world_fault(struct world *w);
/* Somebody takes a record away at the primary. */
void world_steal(struct world *w);

void keyturnd_reload(struct world *w, const struct ring *ring);
void keyturnd_die(struct world *w);
void keyturnd_start(struct world *w, const struct ring *ring);
void world_send(struct world *w);

/* Everything mends itself. */
void world_heal(struct world *w);

#endif
