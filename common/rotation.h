/*
 * What an administrator can say about the life of keys: the settings
 * `rotation`, `publisher` and `dns`, which each ring may have of its own.
 * Times are seconds.
 */
#ifndef KEYTURN_ROTATION_H
#define KEYTURN_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "err.h"
#include "key.h"

#define ROTATION_ALGORITHMS_MAX 2
#define ROTATION_SLOTS_MAX      16
#define BLACKOUT_MAX            32
#define BLACKOUT_DAYS_MAX       366 /* of one that is not of every year */

enum rotation_mode { ROTATION_AUTO, ROTATION_MANUAL };
enum revoke_how { REVOKE_EMPTY, REVOKE_REMOVE };

/* "rsa2048", "ed25519": which keys a ring has. */
struct key_spec {
	enum key_alg alg;
	unsigned bits; /* as key_bits counts them */
};

/*
 * Days on which no turn is begun, first and last included, in UTC: once
 * ("2026-12-20/2027-01-03") or in every year ("12-20/01-03", the years then
 * being 0; it may go over the end of the year).  One day stands alone, without
 * a "/".  Months and days count from 1.
 */
struct blackout {
	int first_year, first_month, first_day;
	int last_year, last_month, last_day;
};

struct rotation {
	enum rotation_mode mode;
	int interval, lead, margin, retire_after, revoke_for, delete_after;
	int recheck, ttl;
	bool standby, stagger;
	enum revoke_how revoke;
	struct key_spec algorithms[ROTATION_ALGORITHMS_MAX];
	size_t algorithm_count;
	bool ed25519_alone; /* no RSA key beside it: that was forced */
	char *selector; /* template: {yyyy} {mm} {dd} {seq} {rand4} {host} */
	char **slots;   /* selectors behind CNAMEs, NULL-terminated, or NULL */
	char *provider_zone; /* where those CNAMEs point to; NULL: no slots */
	struct blackout blackout[BLACKOUT_MAX];
	size_t blackout_count;
	unsigned weekdays; /* bit 0 is Sunday: days on which a turn may begin */
};

enum publisher_type {
	PUBLISHER_MANUAL,
	PUBLISHER_RFC2136,
	PUBLISHER_ZONEFILE,
	PUBLISHER_EXEC,
};

struct publisher_conf {
	enum publisher_type type;
	char *server;   /* rfc2136: ADDRESS or ADDRESS@PORT */
	char *zone;     /* rfc2136: the zone, or NULL: found by asking */
	char *key_file; /* rfc2136: TSIG key in the syntax of named.conf */
	char *file;     /* zonefile: the $INCLUDE fragment */
	char **command; /* zonefile: run after; exec: the program; argv */
	int timeout;    /* for a server or a program to answer */
};

enum dns_tcp { DNS_TCP_REQUIRE, DNS_TCP_WHEN_TRUNCATED };
enum dns_witness { DNS_WITNESS_AUTHORITIES, DNS_WITNESS_RESOLVERS };

/* Servers are ADDRESS or ADDRESS@PORT, IPv6 without brackets. */
struct dns_conf {
	char **resolver;    /* NULL: those of /etc/resolv.conf */
	char **authorities; /* NULL: found by delegation */
	char **witnesses;   /* with DNS_WITNESS_RESOLVERS: at least two */
	enum dns_tcp tcp;
	enum dns_witness witness;
	int min_wait; /* with DNS_WITNESS_RESOLVERS */
	int timeout;  /* for one question to one server, retries included */
};

/* Everything of a ring's. */
struct ring_conf {
	struct rotation rotation;
	struct publisher_conf publisher;
	struct dns_conf dns;
};

/*
 * "mon-thu", "mon,wed,fri", "fri-mon", "any".  Returns 0, or -1 with err set:
 * ERR_CONF ("what: value"), ERR_NOMEM.  So do the next two.
 */
int weekdays_parse(const char *text, unsigned *days, struct err *err);

/* See struct blackout. */
int blackout_parse(const char *text, struct blackout *b, struct err *err);

/* Whether a turn may begin on the day of t: weekdays, blackout. */
bool rotation_is_open(const struct rotation *rules, time_t t);

/* Whether there is such a day every year, blackouts of one year aside. */
bool rotation_ever_opens(const struct rotation *rules);

/* "rsa1024" to "rsa8192" in steps of 1, "ed25519". */
int key_spec_parse(const char *text, struct key_spec *spec, struct err *err);

/* The text that key_spec_parse reads as that; out has 16 bytes. */
void key_spec_text(const struct key_spec *spec, char out[16]);

#endif
