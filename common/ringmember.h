/*
 * What ring.conf says of a ring and of a key: the tables of its members, from
 * which it is written and read.  Private to ringfile.c, ringparse.c and
 * ringquick.c.
 */
#ifndef KEYTURN_RINGMEMBER_H
#define KEYTURN_RINGMEMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "ring.h"

enum member_kind {
	MEMBER_NAME,   /* char[]: a name in the DNS, lower case */
	MEMBER_FILE,   /* char[]: a file in the ring's directory, or empty */
	MEMBER_HOST,   /* char[]: printable, without blanks, not empty */
	MEMBER_TEXT,   /* char[] */
	MEMBER_RECORD, /* char *, printable, not empty */
	MEMBER_ALG,
	MEMBER_STATE,
	MEMBER_IRREVERSIBLE,
	MEMBER_HASH,
	MEMBER_TIME,
	MEMBER_BITS,    /* unsigned */
	MEMBER_TTL,     /* int, -1: none */
	MEMBER_SECONDS, /* int */
	MEMBER_COUNT,   /* long long, in the file with an L behind it */
	MEMBER_STEPS,   /* unsigned long, likewise */
	MEMBER_BOOL,
};

struct member {
	const char *name; /* "made"; "evidence.first" in a group */
	size_t offset;    /* in struct ring_key or struct ring */
	size_t size;      /* of a char[] */
	enum member_kind kind;
	bool is_required; /* else it is left out when it says nothing */
};

#define MEMBERS_MAX  64          /* of one table */
#define RINGFILE_SUM "sha256 = " /* begins the last line */

/* What ring.conf begins with. */
extern const char ringfile_comment[];

/* Tables, which end with name == NULL. */
extern const struct member ring_members[];     /* domain, host ... */
extern const struct member ring_bookkeeping[]; /* steps, journal */
extern const struct member ring_key_members[];

/* The row of name, or -1. */
int member_find(const struct member *table, const char *name);

/* Whether the table has members "name.something". */
bool member_is_group(const struct member *table, const char *name);

/* The length of the name of the group that the member is in, or 0. */
size_t member_group_len(const struct member *m);

/*
 * Take text as the value of a member that is neither number nor bool.  False:
 * *what is wrong with it (NULL: no memory).
 */
bool member_take_text(const struct member *m, const char *text, void *out,
    const char **what);

bool member_is_number(const struct member *m);

/* From where to where it may be; the same in words. */
const char *member_range(const struct member *m, long long *min,
    long long *max);
void member_set_number(const struct member *m, long long number, void *out);

/* RSA keys have the sizes that can be made, Ed25519 keys have one. */
bool member_bits_are_good(const struct ring_key *key);

/* "revoke", "remove", "delete-file"; "" for none. */
const char *irreversible_name(enum irreversible what);
bool irreversible_parse(const char *name, enum irreversible *what);

#endif
