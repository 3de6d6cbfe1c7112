/*
 * The tables of the members of ring.conf.
 */
#include <limits.h>
#include <string.h>

#include "dnsname.h"
#include "ringfile.h"
#include "ringmember.h"
#include "when.h"

enum { RECORD_MAX = 4096 }; /* bytes of a TXT record's value */

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

size_t
member_group_len(const struct member *m)
{
	const char *dot = strchr(m->name, '.');

	return dot != NULL ? (size_t)(dot - m->name) : 0;
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* Whether the text may stand for that kind; *what says why not. */
static bool
text_is_good(const struct member *m, const char *text, const char **what)
{
	size_t max = m->kind == MEMBER_RECORD ? RECORD_MAX : m->size - 1;

	*what = "too long";
	if (strlen(text) > max)
		return false;
	switch (m->kind) {
	case MEMBER_NAME:
		*what = "not a name in lower case";
		return dnsname_is_valid_lower(text);
	case MEMBER_FILE:
		*what = "not the name of a key's file";
		return *text == '\0' || ringfile_is_key_name(text);
	case MEMBER_HOST:
		*what = "not a name of a host";
		return *text != '\0' && is_printable(text) &&
		    strchr(text, ' ') == NULL;
	case MEMBER_RECORD:
		*what = "not the value of a TXT record";
		return *text != '\0' && is_printable(text);
	default:
		return true;
	}
}

static bool
alg_parse(const char *name, enum key_alg *alg)
{
	static const enum key_alg algs[] = { KEY_RSA_SHA256,
		KEY_ED25519_SHA256 };

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strcmp(key_alg_name(algs[i]), name) == 0) {
			*alg = algs[i];
			return true;
		}
	return false;
}

/* A word out of a list, a hash, a time. */
static bool
take_word(const struct member *m, const char *text, void *out,
    const char **what)
{
	switch (m->kind) {
	case MEMBER_ALG:
		*what = "not an algorithm";
		return alg_parse(text, out);
	case MEMBER_STATE:
		*what = "not a state of a key";
		return key_state_parse(text, out);
	case MEMBER_IRREVERSIBLE:
		*what = "not an irreversible step";
		return irreversible_parse(text, out);
	case MEMBER_HASH:
		*what = "not a SHA-256";
		return hex_parse(text, out);
	default:
		/* A time; of those that are required none is "never". */
		*what = "not a time";
		return when_parse(text, out) &&
		    (!m->is_required || *(const time_t *)out != 0);
	}
}

bool
member_take_text(const struct member *m, const char *text, void *out,
    const char **what)
{
	switch (m->kind) {
	case MEMBER_NAME:
	case MEMBER_FILE:
	case MEMBER_HOST:
	case MEMBER_TEXT:
		if (!text_is_good(m, text, what))
			return false;
		strlcpy(out, text, m->size);
		return true;
	case MEMBER_RECORD:
		if (!text_is_good(m, text, what))
			return false;
		*what = NULL;
		*(char **)out = strdup(text);
		return *(char **)out != NULL;
	default:
		return take_word(m, text, out, what);
	}
}

bool
member_is_number(const struct member *m)
{
	return m->kind == MEMBER_BITS || m->kind == MEMBER_TTL ||
	    m->kind == MEMBER_SECONDS || m->kind == MEMBER_COUNT ||
	    m->kind == MEMBER_STEPS;
}

const char *
member_range(const struct member *m, long long *min, long long *max)
{
	*min = m->kind == MEMBER_TTL ? -1 : 0;
	*max = INT_MAX;
	if (m->kind == MEMBER_TTL)
		return "-1 to 2147483647";
	if (m->kind != MEMBER_COUNT && m->kind != MEMBER_STEPS)
		return "0 to 2147483647";
	*max = LONG_MAX;
	return "0 or more";
}

void
member_set_number(const struct member *m, long long number, void *out)
{
	if (m->kind == MEMBER_COUNT)
		*(long long *)out = number;
	else if (m->kind == MEMBER_STEPS)
		*(unsigned long *)out = (unsigned long)number;
	else if (m->kind == MEMBER_BITS)
		*(unsigned *)out = (unsigned)number;
	else
		*(int *)out = (int)number;
}

bool
member_bits_are_good(const struct ring_key *key)
{
	return key->alg == KEY_RSA_SHA256
	    ? key->bits >= KEY_RSA_BITS_MIN && key->bits <= KEY_RSA_BITS_MAX
	    : key->bits == 256;
}
