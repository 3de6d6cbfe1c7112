/*
 * The tables of the members of ring.conf.
 */
#include <string.h>

#include "ringmember.h"

#define KEY(name, kind, member, required)                                   \
	{                                                                   \
		name, offsetof(struct ring_key, member),                    \
		    sizeof(((struct ring_key *)0)->member), kind, required, \
	}
#define RING(name, kind, member)                                    \
	{                                                           \
		name, offsetof(struct ring, member),                \
		    sizeof(((struct ring *)0)->member), kind, true, \
	}
#define END                                    \
	{                                      \
		NULL, 0, 0, MEMBER_BOOL, false \
	}

const struct member ring_members[] = {
	RING("domain", MEMBER_NAME, domain),
	RING("host", MEMBER_HOST, host),
	RING("made", MEMBER_TIME, made),
	RING("leaving", MEMBER_BOOL, is_leaving),
	END,
};

const struct member ring_bookkeeping[] = {
	RING("steps", MEMBER_STEPS, steps),
	RING("journal_len", MEMBER_COUNT, journal_len),
	RING("journal_hash", MEMBER_HASH, journal_hash),
	END,
};

/* The members of a group stand together. */
const struct member ring_key_members[] = {
	KEY("selector", MEMBER_NAME, selector, true),
	KEY("state", MEMBER_STATE, state, true),
	KEY("algorithm", MEMBER_ALG, alg, true),
	KEY("bits", MEMBER_BITS, bits, true),
	KEY("fingerprint", MEMBER_HASH, fingerprint, true),
	KEY("file", MEMBER_FILE, file, true),
	KEY("record", MEMBER_RECORD, record, true),
	KEY("made", MEMBER_TIME, made, true),
	KEY("published", MEMBER_TIME, published, false),
	KEY("ready", MEMBER_TIME, ready, false),
	KEY("activated", MEMBER_TIME, activated, false),
	KEY("retired", MEMBER_TIME, retired, false),
	KEY("revoked", MEMBER_TIME, revoked, false),
	KEY("removed", MEMBER_TIME, removed, false),
	KEY("empty_seen", MEMBER_TIME, empty_seen, false),
	KEY("gone_seen", MEMBER_TIME, gone_seen, false),
	KEY("released", MEMBER_TIME, released, false),
	KEY("republished", MEMBER_TIME, republished, false),
	KEY("cache_ttl", MEMBER_TTL, cache_ttl, false),
	KEY("record_ttl", MEMBER_TTL, record_ttl, false),
	KEY("adopted", MEMBER_BOOL, is_adopted, false),
	KEY("compromised", MEMBER_BOOL, is_compromised, false),
	KEY("slot", MEMBER_BOOL, is_slot, false),
	KEY("sighted.wall", MEMBER_TIME, first_sighting.wall, false),
	KEY("sighted.boottime", MEMBER_COUNT, first_sighting.boottime, false),
	KEY("sighted.boot_id", MEMBER_TEXT, first_sighting.boot_id, false),
	KEY("evidence.fingerprint", MEMBER_HASH, evidence.fingerprint, false),
	KEY("evidence.first", MEMBER_TIME, evidence.first, false),
	KEY("evidence.second", MEMBER_TIME, evidence.second, false),
	KEY("evidence.wait", MEMBER_SECONDS, evidence.wait, false),
	KEY("evidence.text", MEMBER_TEXT, evidence.text, false),
	KEY("evidence.forced", MEMBER_BOOL, evidence.is_forced, false),
	KEY("evidence.weak", MEMBER_BOOL, evidence.is_weak, false),
	KEY("armed.step", MEMBER_IRREVERSIBLE, armed, false),
	KEY("armed.wall", MEMBER_TIME, armed_at.wall, false),
	KEY("armed.boottime", MEMBER_COUNT, armed_at.boottime, false),
	KEY("armed.boot_id", MEMBER_TEXT, armed_at.boot_id, false),
	END,
};

int
member_find(const struct member *table, const char *name)
{
	for (int i = 0; table[i].name != NULL; i++)
		if (strcmp(table[i].name, name) == 0)
			return i;
	return -1;
}

bool
member_is_group(const struct member *table, const char *name)
{
	size_t len = strlen(name);

	for (; table->name != NULL; table++)
		if (strncmp(table->name, name, len) == 0 &&
		    table->name[len] == '.')
			return true;
	return false;
}

static const char *const irreversible_names[] = {
	[IRREVERSIBLE_NONE] = "",
	[IRREVERSIBLE_REVOKE] = "revoke",
	[IRREVERSIBLE_REMOVE] = "remove",
	[IRREVERSIBLE_DELETE_FILE] = "delete-file",
};

const char *
irreversible_name(enum irreversible what)
{
	return irreversible_names[what];
}

bool
irreversible_parse(const char *name, enum irreversible *what)
{
	for (int i = IRREVERSIBLE_REVOKE; i <= IRREVERSIBLE_DELETE_FILE; i++)
		if (strcmp(name, irreversible_names[i]) == 0) {
			*what = (enum irreversible)i;
			return true;
		}
	return false;
}
