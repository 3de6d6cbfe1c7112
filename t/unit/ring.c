/*
 * ring: which key is found, which may sign, what no ring may have, and copies
 * that share nothing.
 */
#include "randring.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static struct ring_key *
add(struct ring *ring, const char *selector, enum key_state state)
{
	struct err err = ERR_INIT;
	struct ring_key *key = ring_add_key(ring, &err);

	if (key == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	snprintf(key->selector, sizeof(key->selector), "%s", selector);
	key->state = state;
	return key;
}

static void
test_states(void)
{
	static const char *const names[] = { "generated", "published", "ready",
		"active", "retiring", "revoked", "gone" };
	enum key_state state;

	for (size_t i = 0; i < LEN(names); i++) {
		is_str(key_state_name((enum key_state)i), names[i], names[i]);
		ok(key_state_parse(names[i], &state) && state == i,
		    "%s: read again", names[i]);
	}
	ok(!key_state_parse("Active", &state), "Active is none");
	ok(!key_state_parse("", &state), "nothing is none");
}

static void
test_find(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = ring_new("example.com", "relay1", &err);

	is_str(ring->domain, "example.com", "the domain");
	is_str(ring->host, "relay1", "the host");
	ok(ring_find(ring, "a") == NULL, "nothing in an empty ring");
	ok(!ring_was_active(ring), "which never was active");
	add(ring, "a", KEY_GONE)->is_slot = true;
	add(ring, "b", KEY_READY)->alg = KEY_ED25519_SHA256;
	add(ring, "a", KEY_READY);
	is_int(ring->keys[0].cache_ttl, -1, "no TTL was seen of a new key");
	is_int(ring->keys[0].record_ttl, -1, "neither of its record");
	ok(ring_find(ring, "a") == &ring->keys[2], "the latest of a selector");
	ok(ring_find(ring, "b") == &ring->keys[1], "another");
	ok(ring_find(ring, "A") == NULL, "letter case matters");
	ok(ring_in_state(ring, KEY_RSA_SHA256, KEY_READY) == &ring->keys[2],
	    "by state and algorithm");
	ok(ring_in_state(ring, KEY_ED25519_SHA256, KEY_READY) == &ring->keys[1],
	    "the other algorithm");
	ok(ring_in_state(ring, KEY_RSA_SHA256, KEY_ACTIVE) == NULL,
	    "none active");
	ring->keys[0].activated = 5;
	ok(ring_was_active(ring), "one was active once");
	ring_free(ring);
	ring_free(NULL);
}

/* Evidence, and whether it lets an active key sign. */
static const struct {
	const char *name;
	enum key_state state;
	bool is_other; /* evidence for another key */
	time_t first, second;
	int wait;
	bool is_forced;
	bool signs;
} signings[] = {
	{ "two sightings", KEY_ACTIVE, false, 100, 200, 100, false, true },
	{ "a second too early", KEY_ACTIVE, false, 100, 199, 100, false,
	    false },
	{ "without any wait", KEY_ACTIVE, false, 100, 100, 0, false, true },
	{ "backwards", KEY_ACTIVE, false, 200, 100, -200, false, false },
	{ "one sighting", KEY_ACTIVE, false, 100, 0, 0, false, false },
	{ "no sighting", KEY_ACTIVE, false, 0, 0, 0, false, false },
	{ "no first sighting", KEY_ACTIVE, false, 0, 200, 100, false, false },
	{ "forced", KEY_ACTIVE, false, 0, 0, 100, true, true },
	{ "of another key", KEY_ACTIVE, true, 100, 200, 100, false, false },
	{ "forced for another", KEY_ACTIVE, true, 0, 0, 0, true, false },
	{ "ready", KEY_READY, false, 100, 200, 100, false, false },
	{ "retiring", KEY_RETIRING, false, 100, 200, 100, true, false },
};

static void
test_signs(void)
{
	for (size_t i = 0; i < LEN(signings); i++) {
		struct ring_key key = { .state = signings[i].state };

		memset(key.fingerprint, 7, SHA256_LEN);
		memset(key.evidence.fingerprint, 7, SHA256_LEN);
		if (signings[i].is_other)
			key.evidence.fingerprint[SHA256_LEN - 1] ^= 1;
		key.evidence.first = signings[i].first;
		key.evidence.second = signings[i].second;
		key.evidence.wait = signings[i].wait;
		key.evidence.is_forced = signings[i].is_forced;
		is_int(ring_key_signs(&key), signings[i].signs,
		    signings[i].name);
	}
}

/* Two keys of one ring, and why not. */
static const struct {
	const char *name;
	struct {
		const char *selector;
		enum key_alg alg;
		enum key_state state;
		bool is_slot;
	} keys[2];
	const char *want; /* NULL: good */
} checks[] = {
	{ "two selectors",
	    { { "a", KEY_RSA_SHA256, KEY_ACTIVE, false },
	        { "b", KEY_RSA_SHA256, KEY_READY, false } },
	    NULL },
	{ "a selector again, the key is gone",
	    { { "a", KEY_RSA_SHA256, KEY_GONE, false },
	        { "a", KEY_RSA_SHA256, KEY_READY, false } },
	    "selector: used before: a" },
	{ "a slot again, the key is gone",
	    { { "a", KEY_RSA_SHA256, KEY_GONE, true },
	        { "a", KEY_RSA_SHA256, KEY_READY, true } },
	    NULL },
	{ "a slot again, the key is not gone",
	    { { "a", KEY_RSA_SHA256, KEY_REVOKED, true },
	        { "a", KEY_RSA_SHA256, KEY_READY, true } },
	    "selector: used before: a" },
	{ "a slot that was none",
	    { { "a", KEY_RSA_SHA256, KEY_GONE, false },
	        { "a", KEY_RSA_SHA256, KEY_READY, true } },
	    "selector: used before: a" },
	{ "two active keys",
	    { { "a", KEY_RSA_SHA256, KEY_ACTIVE, false },
	        { "b", KEY_RSA_SHA256, KEY_ACTIVE, false } },
	    "state: a second active key of rsa-sha256: b" },
	{ "two active keys of two algorithms",
	    { { "a", KEY_RSA_SHA256, KEY_ACTIVE, false },
	        { "b", KEY_ED25519_SHA256, KEY_ACTIVE, false } },
	    NULL },
};

static void
test_check(void)
{
	for (size_t i = 0; i < LEN(checks); i++) {
		struct err err = ERR_INIT;
		struct ring *ring = ring_new("example.com", "h", &err);
		size_t bad = 9;
		int rc;

		for (size_t j = 0; j < 2; j++) {
			struct ring_key *key =
			    add(ring, checks[i].keys[j].selector,
			        checks[i].keys[j].state);

			key->alg = checks[i].keys[j].alg;
			key->is_slot = checks[i].keys[j].is_slot;
		}
		rc = ring_check(ring, &bad, &err);
		is_str(rc == 0 ? NULL : err.text, checks[i].want,
		    checks[i].name);
		if (rc == -1)
			is_int((long long)bad, 1, "it is the second key");
		ring_free(ring);
	}
}

/* The longest names that fit, and one more. */
static void
test_long_names(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = ring_new("example.com", "h", &err);
	struct ring_key *key = add(ring, "", KEY_READY);
	size_t bad, most = DNSNAME_MAX - strlen("._domainkey.example.com");

	memset(key->selector, 'a', most);
	is_int(ring_check(ring, &bad, &err), 0, "the longest selector");
	key->selector[most] = 'a';
	is_int(ring_check(ring, &bad, &err), -1, "one byte more");
	ok(strncmp(err.text, "selector: too long for the domain: aaa", 38) == 0,
	    "is too long");
	ring_free(ring);
}

static void
test_limit(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = ring_new("example.com", "h", &err);
	size_t count = 0;

	while (count < RING_KEYS_MAX && ring_add_key(ring, &err) != NULL)
		count++;
	is_int((long long)count, RING_KEYS_MAX, "as many keys as may be");
	ok(ring_add_key(ring, &err) == NULL, "not one more");
	is_int(err.code, ERR_LIMIT, "that is a limit");
	is_str(err.text, "example.com: a ring has at most 1024 keys",
	    "it says");
	ring_free(ring);
}

static void
test_copy(void)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < 20; i++) {
		struct ring *ring = rand_ring(i);
		struct ring *copy = ring_copy(ring, &err);

		ring->steps = copy->steps = 5;
		ok(copy != NULL && same_ring(ring, copy), "a copy of %zu keys",
		    i);
		if (i > 0)
			copy->keys[0].record[0] ^= 1;
		ok(i == 0 || !same_ring(ring, copy), "nothing is shared");
		ring_free(ring);
		ring_free(copy);
	}
}

static void
test_hex(void)
{
	unsigned char hash[SHA256_LEN], again[SHA256_LEN];
	char text[RING_HEX_MAX], bad[RING_HEX_MAX + 1];

	for (size_t i = 0; i < SHA256_LEN; i++)
		hash[i] = (unsigned char)(i * 8 + 7);
	hex_text(hash, text);
	is_str(text,
	    "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff",
	    "as hexadecimal");
	ok(hex_parse(text, again) && memcmp(hash, again, SHA256_LEN) == 0,
	    "and back");
	snprintf(bad, sizeof(bad), "%s0", text);
	ok(!hex_parse(bad, again), "a digit more");
	bad[63] = '\0';
	ok(!hex_parse(bad, again), "a digit less");
	snprintf(bad, sizeof(bad), "%s", text);
	bad[1] = 'F';
	ok(hex_parse(text, again) && !hex_parse(bad, again), "upper case");
	bad[1] = 'g';
	ok(!hex_parse(bad, again), "no digit");
}

int
main(void)
{
	test_states();
	test_find();
	test_signs();
	test_check();
	test_long_names();
	test_limit();
	test_copy();
	test_hex();
	return tap_done();
}
