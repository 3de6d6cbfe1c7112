/*
 * Looking a key record up at every authoritative server of its zone: the
 * sighting that a turn depends on.  DESIGN: servers are the parent's
 * delegation, the NS set that each server itself gives, and those remembered.
 */
#ifndef KEYTURN_SIGHT_H
#define KEYTURN_SIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "buf.h"
#include "err.h"
#include "life.h"
#include "rotation.h"

#define SIGHT_TEXT_MAX  320
#define SIGHT_LINTS_MAX 16

/* What one server at one address said. */
struct sight_server {
	char *name;    /* ns1.example.net, or the address where none is known */
	char *address; /* 192.0.2.1, with @PORT unless that is 53 */
	char *zone;    /* whose server it is; CNAMEs lead to other zones */
	enum sight sight;
	bool is_left_out;          /* its family is dead from here */
	char text[SIGHT_TEXT_MAX]; /* what was there instead, what failed */
};

struct sight_lint {
	char code[24]; /* "testing", "wildcard", "too-large" ... */
	char text[SIGHT_TEXT_MAX];
};

/* What all of them said. */
struct sighting {
	enum sight sight;
	int cache_ttl; /* see struct ring_key */
	int record_ttl;
	bool is_weak;     /* by resolvers */
	bool is_astray;   /* some server's answer does not lead to the target */
	bool is_wildcard; /* what was found is what a wildcard gives to any
	                     name: nothing was put at this one */
	struct sight_server *servers;
	size_t server_count;
	struct sight_lint lints[SIGHT_LINTS_MAX];
	size_t lint_count;
	char *record; /* a record that was found (the first), or NULL */
	char text[SIGHT_TEXT_MAX]; /* the one thing to tell a person */
};

/* "complete", "partial" and so on. */
const char *sight_name(enum sight sight);

void sighting_clear(struct sighting *s);

/* The same as one JSON object, for --json. */
void sighting_json(const struct sighting *s, struct buf *out);

/*
 * The same for the journal, which is kept for ever: at most about
 * SIGHT_EVIDENCE_MAX bytes, whatever the servers say.  What is longer loses
 * the record and the list of servers.
 */
#define SIGHT_EVIDENCE_MAX 8192
void sighting_evidence(const struct sighting *s, struct buf *out);

/* For RING_EVIDENCE_MAX: "6 addresses of 3 servers; IPv6 left out". */
void sighting_summary(const struct sighting *s, char *out, size_t size);

/* A question. */
struct sight_query {
	const char *domain;
	const char *selector;
	const char *record; /* what should be there, or NULL: look only */
	/*
	 * Of a slot: the name in lower case that the owner's CNAME must lead
	 * to, or NULL.  Not with dns.witness = "resolvers", which follow
	 * CNAMEs themselves.
	 */
	const char *target;
	bool is_at_target; /* look there at once, whatever the owner has */
	const struct ring_conf *conf;
	struct sighting out;   /* the answer */
	struct err err;        /* code is ERR_NONE when out is good: a look
	                          that found trouble in the DNS is good */
	bool may_ask_resolver; /* for this record: its key is ready, at
	                          least; the linter then asks whether it is
	                          bogus */
};

/* What is shared by all looks of one run: caches, limits. */
struct sights;

/*
 * memory  path of the file that remembers the servers of zones for 48 h, or
 *         NULL: not remembered
 * Returns NULL with err set: ERR_NOMEM, ERR_IO.
 */
struct sights *sights_new(const char *memory, struct err *err);

/*
 * Write the memory, if there is one and it changed.  Returns 0, or -1 with err
 * set: ERR_IO, ERR_NOMEM.
 */
int sights_save(struct sights *s, struct err *err);

/* Also saves, and says nothing when that fails. */
void sights_free(struct sights *s);

/*
 * Look all of them up, some at a time.  Each takes as long as its slowest
 * server, with the limits per server; SURVEY_TIMEOUTS of survey.h bounds it.
 * When not one look was answered for SIGHTS_SILENCE seconds, those that have
 * not begun, and all later ones with s, get ERR_LIMIT: many rings and no DNS
 * must not hold up tick for hours.
 */
#define SIGHTS_SILENCE 60
void sights_look(struct sights *s, struct sight_query *queries, size_t count);

/*
 * The four statuses of the command line, these words exactly: "Not
 * configured", "Key generated — DNS not verified", "DNS verified", "DNS
 * mismatch".
 */
const char *sight_status(enum sight sight, bool has_key);

/*
 * TXT records at a name by the ordinary resolver, for `verify`: each record's
 * strings joined.  Returns how many there are (0: none, or no such name) with
 * *records an array to be freed with each of its elements, or -1 with err set:
 * ERR_IO (no answer: try again).
 */
int sights_resolve_txt(struct sights *s, const struct dns_conf *conf,
    const char *name, struct buf **records, struct err *err);

#endif
