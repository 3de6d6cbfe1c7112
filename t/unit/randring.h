/*
 * Rings by chance, every member of every key set or not, and a comparison that
 * leaves nothing out.
 */
#ifndef KEYTURN_TEST_RANDRING_H
#define KEYTURN_TEST_RANDRING_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"

static uint64_t rand_state = 1;

/* 0 to below - 1; the same in every run. */
__attribute__((unused)) static unsigned
rand_below(unsigned below)
{
	rand_state = rand_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(rand_state >> 33) % below;
}

__attribute__((unused)) static time_t
rand_time(void)
{
	return rand_below(2) ? 0 : 1700000000 + (time_t)rand_below(100000000);
}

__attribute__((unused)) static void
rand_bytes(unsigned char *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)rand_below(256);
}

/* Any bytes but NUL: evidence may quote what a server said. */
__attribute__((unused)) static void
rand_text(char *out, size_t size)
{
	size_t len = rand_below((unsigned)size);

	for (size_t i = 0; i < len; i++)
		out[i] = (char)(1 + rand_below(255));
	out[len] = '\0';
}

__attribute__((unused)) static void
rand_moment(struct moment *m)
{
	m->wall = rand_time();
	m->boottime = rand_below(1000000000) * 1000LL;
	if (rand_below(2))
		strcpy(m->boot_id, "0f6e1a9e-9f2c-4c43-b2c9-6f6d4f1d0000");
}

__attribute__((unused)) static void
rand_key(struct ring *ring, struct ring_key *k)
{
	size_t n = ring->key_count;

	snprintf(k->selector, sizeof(k->selector), "s%zu-%04x", n,
	    rand_below(65536));
	if (rand_below(4))
		snprintf(k->file, sizeof(k->file), "%.200s.pem", k->selector);
	k->alg = rand_below(2) ? KEY_RSA_SHA256 : KEY_ED25519_SHA256;
	k->bits = k->alg == KEY_RSA_SHA256 ? 1024 + rand_below(7169) : 256;
	rand_bytes(k->fingerprint, SHA256_LEN);
	k->record = strdup(rand_below(2)
	        ? "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB"
	        : "v=DKIM1; p=\"odd\\one\"");
	k->state = (enum key_state)rand_below(KEY_GONE + 1);
	if (k->state == KEY_ACTIVE) {
		k->state = KEY_RETIRING;
		if (ring_in_state(ring, k->alg, KEY_ACTIVE) == NULL)
			k->state = KEY_ACTIVE;
	}
	k->made = 1 + rand_below(2000000000);
	time_t *const times[] = { &k->published, &k->ready, &k->activated,
		&k->retired, &k->revoked, &k->removed, &k->empty_seen,
		&k->gone_seen, &k->released, &k->republished };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		*times[i] = rand_time();
	rand_moment(&k->first_sighting);
	k->cache_ttl = rand_below(2) ? -1 : (int)rand_below(2147483647);
	k->record_ttl = rand_below(2) ? -1 : 0;
	rand_bytes(k->evidence.fingerprint, SHA256_LEN);
	k->evidence.first = rand_time();
	k->evidence.second = rand_time();
	k->evidence.wait = (int)rand_below(100000);
	rand_text(k->evidence.text, rand_below(2) ? 20 : RING_EVIDENCE_MAX);
	k->evidence.is_forced = rand_below(2);
	k->evidence.is_weak = rand_below(2);
	k->armed = (enum irreversible)rand_below(IRREVERSIBLE_DELETE_FILE + 1);
	rand_moment(&k->armed_at);
	k->is_adopted = rand_below(2);
	k->is_compromised = rand_below(2);
	k->is_slot = rand_below(2);
}

/* A ring of a few keys, or NULL. */
__attribute__((unused)) static struct ring *
rand_ring(size_t keys)
{
	struct err err;
	struct ring *ring = ring_new("example.com", "relay1", &err);

	if (ring == NULL)
		return NULL;
	ring->made = 1 + rand_below(2000000000);
	ring->is_leaving = rand_below(2);
	for (size_t i = 0; i < keys; i++) {
		struct ring_key *k = ring_add_key(ring, &err);

		if (k == NULL)
			abort();
		rand_key(ring, k);
	}
	return ring;
}

__attribute__((unused)) static bool
same_moment(const struct moment *a, const struct moment *b)
{
	return a->wall == b->wall && a->boottime == b->boottime &&
	    strcmp(a->boot_id, b->boot_id) == 0;
}

__attribute__((unused)) static bool
same_evidence(const struct evidence *a, const struct evidence *b)
{
	return memcmp(a->fingerprint, b->fingerprint, SHA256_LEN) == 0 &&
	    a->first == b->first && a->second == b->second &&
	    a->wait == b->wait && strcmp(a->text, b->text) == 0 &&
	    a->is_forced == b->is_forced && a->is_weak == b->is_weak;
}

__attribute__((unused)) static bool
same_key(const struct ring_key *a, const struct ring_key *b)
{
	return strcmp(a->selector, b->selector) == 0 &&
	    strcmp(a->file, b->file) == 0 && a->alg == b->alg &&
	    a->bits == b->bits &&
	    memcmp(a->fingerprint, b->fingerprint, SHA256_LEN) == 0 &&
	    strcmp(a->record, b->record) == 0 && a->state == b->state &&
	    a->made == b->made && a->published == b->published &&
	    a->ready == b->ready && a->activated == b->activated &&
	    a->retired == b->retired && a->revoked == b->revoked &&
	    a->removed == b->removed && a->empty_seen == b->empty_seen &&
	    a->gone_seen == b->gone_seen && a->released == b->released &&
	    a->republished == b->republished &&
	    same_moment(&a->first_sighting, &b->first_sighting) &&
	    a->cache_ttl == b->cache_ttl && a->record_ttl == b->record_ttl &&
	    same_evidence(&a->evidence, &b->evidence) && a->armed == b->armed &&
	    same_moment(&a->armed_at, &b->armed_at) &&
	    a->is_adopted == b->is_adopted &&
	    a->is_compromised == b->is_compromised && a->is_slot == b->is_slot;
}

/* Everything but what the store counts. */
__attribute__((unused)) static bool
same_ring(const struct ring *a, const struct ring *b)
{
	if (strcmp(a->domain, b->domain) != 0 ||
	    strcmp(a->host, b->host) != 0 || a->made != b->made ||
	    a->is_leaving != b->is_leaving || a->key_count != b->key_count)
		return false;
	for (size_t i = 0; i < a->key_count; i++)
		if (!same_key(&a->keys[i], &b->keys[i]))
			return false;
	return true;
}

#endif
