/*
 * The record of a ring in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "ring.h"

static const char *const state_names[] = {
	[KEY_GENERATED] = "generated",
	[KEY_PUBLISHED] = "published",
	[KEY_READY] = "ready",
	[KEY_ACTIVE] = "active",
	[KEY_RETIRING] = "retiring",
	[KEY_REVOKED] = "revoked",
	[KEY_GONE] = "gone",
};

enum { STATES = sizeof(state_names) / sizeof(state_names[0]) };

const char *
key_state_name(enum key_state state)
{
	return state_names[state];
}

bool
key_state_parse(const char *name, enum key_state *state)
{
	for (int i = 0; i < STATES; i++)
		if (strcmp(name, state_names[i]) == 0) {
			*state = (enum key_state)i;
			return true;
		}
	return false;
}

struct ring *
ring_new(const char *domain, const char *host, struct err *err)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (ring == NULL) {
		err_nomem(err);
		return NULL;
	}
	strlcpy(ring->domain, domain, sizeof(ring->domain));
	strlcpy(ring->host, host, sizeof(ring->host));
	return ring;
}

void
ring_free(struct ring *ring)
{
	if (ring == NULL)
		return;
	for (size_t i = 0; i < ring->key_count; i++)
		free(ring->keys[i].record);
	free(ring->keys);
	free(ring);
}

/* Make room for one more key; the room doubles when the count is a power. */
static bool
reserve_key(struct ring *ring)
{
	size_t count = ring->key_count;
	struct ring_key *keys;

	if (count > 0 && (count & (count - 1)) != 0)
		return true;
	keys =
	    reallocarray(ring->keys, count > 0 ? count * 2 : 1, sizeof(*keys));
	if (keys == NULL)
		return false;
	ring->keys = keys;
	return true;
}

struct ring_key *
ring_add_key(struct ring *ring, struct err *err)
{
	struct ring_key *key;

	if (ring->key_count >= RING_KEYS_MAX) {
		err_set(err, ERR_LIMIT, "%s: a ring has at most %d keys",
		    ring->domain, RING_KEYS_MAX);
		return NULL;
	}
	if (!reserve_key(ring)) {
		err_nomem(err);
		return NULL;
	}
	key = &ring->keys[ring->key_count++];
	*key = (struct ring_key){ .cache_ttl = -1, .record_ttl = -1 };
	return key;
}

struct ring *
ring_copy(const struct ring *ring, struct err *err)
{
	struct ring *copy = ring_new(ring->domain, ring->host, err);

	if (copy == NULL)
		return NULL;
	*copy = *ring;
	copy->keys = NULL;
	copy->key_count = 0;
	for (size_t i = 0; i < ring->key_count; i++) {
		struct ring_key *key = ring_add_key(copy, err);

		if (key == NULL)
			goto failed;
		*key = ring->keys[i];
		if (key->record == NULL)
			continue;
		key->record = strdup(key->record);
		if (key->record == NULL) {
			err_nomem(err);
			goto failed;
		}
	}
	return copy;
failed:
	ring_free(copy);
	return NULL;
}

struct ring_key *
ring_find(const struct ring *ring, const char *selector)
{
	for (size_t i = ring->key_count; i-- > 0;)
		if (strcmp(ring->keys[i].selector, selector) == 0)
			return &ring->keys[i];
	return NULL;
}

struct ring_key *
ring_in_state(const struct ring *ring, enum key_alg alg, enum key_state state)
{
	for (size_t i = ring->key_count; i-- > 0;)
		if (ring->keys[i].alg == alg && ring->keys[i].state == state)
			return &ring->keys[i];
	return NULL;
}

bool
ring_key_signs(const struct ring_key *key)
{
	const struct evidence *e = &key->evidence;

	if (key->state != KEY_ACTIVE ||
	    memcmp(e->fingerprint, key->fingerprint, SHA256_LEN) != 0)
		return false;
	return e->is_forced ||
	    (e->first != 0 && e->second >= e->first &&
	        e->second - e->first >= e->wait);
}

bool
ring_was_active(const struct ring *ring)
{
	for (size_t i = 0; i < ring->key_count; i++)
		if (ring->keys[i].activated != 0)
			return true;
	return false;
}

/* Whether another key may come after old with the same selector. */
static bool
frees_selector(const struct ring_key *old, const struct ring_key *new)
{
	return old->is_slot && new->is_slot && old->state == KEY_GONE;
}

int
ring_check(const struct ring *ring, size_t *bad, struct err *err)
{
	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *key = &ring->keys[i];

		*bad = i;
		if (!dnsname_of_key_fits(strlen(key->selector),
		        strlen(ring->domain)))
			return err_set(err, ERR_INPUT,
			    "selector: too long for the domain: %s",
			    key->selector);
		for (size_t j = 0; j < i; j++) {
			const struct ring_key *old = &ring->keys[j];

			if (strcmp(old->selector, key->selector) == 0 &&
			    !frees_selector(old, key))
				return err_set(err, ERR_INPUT,
				    "selector: used before: %s", key->selector);
			if (old->alg == key->alg && old->state == KEY_ACTIVE &&
			    key->state == KEY_ACTIVE)
				return err_set(err, ERR_INPUT,
				    "state: a second active key of %s: %s",
				    key_alg_name(key->alg), key->selector);
		}
	}
	return 0;
}

void
hex_text(const unsigned char hash[SHA256_LEN], char out[RING_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_LEN; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[RING_HEX_MAX - 1] = '\0';
}

int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_parse(const char *text, unsigned char hash[SHA256_LEN])
{
	if (strlen(text) != RING_HEX_MAX - 1)
		return false;
	for (size_t i = 0; i < SHA256_LEN; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high == -1 || low == -1)
			return false;
		hash[i] = (unsigned char)(high * 16 + low);
	}
	return true;
}
