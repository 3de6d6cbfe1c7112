/*
 * ringfile: what is written is read the same, every refusal has its text, and
 * no damage is taken for a ring.
 */
#include <libconfig.h>

#include "randring.h"
#include "ringfile.h"
#include "ringquick.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

enum { ROUNDS = 300, FLIPS_RESUMMED = 20000 };

/* The text of ring, to be freed. */
static char *
text_of(const struct ring *ring)
{
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	if (ringfile_write(ring, &out, &err) == -1 || buf_str(&out) == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	return out.data;
}

/* The text with its last line made right again; NULL if it has none. */
static char *
resum(const char *text)
{
	const char *line = strstr(text, "\nsha256 = \"");
	unsigned char hash[SHA256_LEN];
	char hex[RING_HEX_MAX];
	struct buf out = BUF_INIT;
	struct err err;

	if (line == NULL)
		return NULL;
	line++;
	if (sha256_of(text, (size_t)(line - text), hash, &err) == -1)
		return NULL;
	hex_text(hash, hex);
	buf_add(&out, text, (size_t)(line - text));
	buf_printf(&out, "sha256 = \"%s\";\n", hex);
	buf_str(&out);
	return out.data;
}

static void
test_round_trips(void)
{
	size_t bad = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		struct err err = ERR_INIT;
		struct ring *ring = rand_ring(rand_below(12)), *again;
		char *text, *text_again;

		ring->steps = rand_below(2) ? 4000000000 : rand_below(9);
		ring->journal_len = 1LL << rand_below(50);
		rand_bytes(ring->journal_hash, SHA256_LEN);
		text = text_of(ring);
		again = ringfile_parse("ring.conf", text, &err);
		if (again == NULL || !same_ring(ring, again) ||
		    again->steps != ring->steps ||
		    again->journal_len != ring->journal_len ||
		    memcmp(again->journal_hash, ring->journal_hash,
		        SHA256_LEN) != 0) {
			bad++;
			printf("# %s\n%s", err.text, text);
		} else {
			text_again = text_of(again);
			bad += strcmp(text, text_again) != 0;
			free(text_again);
		}
		free(text);
		ring_free(ring);
		ring_free(again);
	}
	is_int((long long)bad, 0, "every ring is read as it was written");
}

/* The same, a key and a head at a time. */
static void
test_parts(void)
{
	struct ring *ring = rand_ring(9), *again;
	struct buf head = BUF_INIT, keys = BUF_INIT;
	struct err err = ERR_INIT;

	ringfile_write_head(ring, &head);
	for (size_t i = 0; i < ring->key_count; i++) {
		buf_adds(&keys, i > 0 ? ", " : "");
		ringfile_write_key(&ring->keys[i], &keys);
	}
	again = ringfile_parse_part("p", buf_str(&head), buf_str(&keys), &err);
	ok(strchr(head.data, '\n') == NULL && strchr(keys.data, '\n') == NULL,
	    "parts are of one line");
	ok(again != NULL && same_ring(ring, again), "a ring from its parts");
	ring_free(again);
	again = ringfile_parse_part("p", head.data, "", &err);
	ok(again != NULL && again->key_count == 0, "without keys");
	ring_free(again);
	buf_adds(&head, "steps = 3L; ");
	ok(ringfile_parse_part("p", buf_str(&head), "", &err) == NULL,
	    "steps are no part");
	is_str(err.text, "p:1: steps: unknown", "it says");
	buf_clear(&head);
	buf_clear(&keys);
	ring_free(ring);
}

/* A ring whose text is known, member by member. */
static struct ring *
known_ring(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = ring_new("example.com", "relay1", &err);
	struct ring_key *k;

	ring->made = 1795380474;
	ring->steps = 2;
	ring->journal_len = 1234;
	for (int i = 0; i < 2; i++) {
		k = ring_add_key(ring, &err);
		snprintf(k->selector, sizeof(k->selector), "s%d", i);
		snprintf(k->file, sizeof(k->file), "s%d.pem", i);
		k->record = strdup("v=DKIM1; p=abc");
		k->made = 1795380474;
		k->bits = 2048;
		k->fingerprint[0] = 0xab;
	}
	k->state = KEY_ACTIVE;
	k->evidence.first = 1795380474;
	k->armed = IRREVERSIBLE_DELETE_FILE;
	return ring;
}

#define ZEROS "00000000000000000000000000000000000000000000000000000000000000"

/* The form itself, which keyturns of other versions will read. */
static void
test_form(void)
{
	static const char want[] =
	    "# Written by keyturn only: a change by hand is noticed, and "
	    "refused.\n"
	    "# See keyturn-rotation(7); `keyturn repair` makes it anew.\n"
	    "domain = \"example.com\";\n"
	    "host = \"relay1\";\n"
	    "made = \"2026-11-22T20:47:54Z\";\n"
	    "leaving = false;\n"
	    "steps = 2L;\n"
	    "journal_len = 1234L;\n"
	    "journal_hash = \"00" ZEROS "\";\n"
	    "keys = (\n"
	    "  { selector = \"s0\"; state = \"generated\"; "
	    "algorithm = \"rsa-sha256\"; bits = 2048; fingerprint = "
	    "\"ab" ZEROS "\"; file = \"s0.pem\"; record = "
	    "\"v=DKIM1; p=abc\"; made = \"2026-11-22T20:47:54Z\"; },\n"
	    "  { selector = \"s1\"; state = \"active\"; "
	    "algorithm = \"rsa-sha256\"; bits = 2048; fingerprint = "
	    "\"ab" ZEROS "\"; file = \"s1.pem\"; record = "
	    "\"v=DKIM1; p=abc\"; made = \"2026-11-22T20:47:54Z\"; "
	    "evidence = { first = \"2026-11-22T20:47:54Z\"; }; "
	    "armed = { step = \"delete-file\"; }; }\n"
	    ");\n";
	struct ring *ring = known_ring();
	char *text = text_of(ring), *sum = strstr(text, "sha256 = ");
	config_t config;

	config_init(&config);
	ok(config_read_string(&config, text), "it is libconfig's syntax");
	config_destroy(&config);
	is_mem(text, (size_t)(sum - text), want, strlen(want), "the form");
	ring_free(ring);
	free(text);
}

/* The known text changed, its sum made right again, and what is said. */
static const struct {
	const char *from, *to, *want;
} changes[] = {
	{ "leaving = false;", "leaving = 0;",
	    "x:6: leaving: neither true nor false: 0" },
	{ "leaving = false;\n", "", "x: missing: leaving" },
	{ "steps = 2L;\n", "", "x: missing: steps" },
	{ "keys = (", "key = (", "x:10: key: unknown" },
	{ "steps = 2L", "steps = -2L",
	    "x:7: steps: out of range, 0 or more: -2" },
	{ "steps = 2L", "steps = 2.5",
	    "x:7: steps: not a whole number: a "
	    "number with a fraction" },
	{ "steps = 2L", "steps = 99999999999",
	    "x:7: a number of more than 9 digits needs an L: 99999999999" },
	{ "steps = 2L", "steps = 2L;\nsteps = 2L",
	    "x:8: duplicate setting name" },
	{ "steps = 2L", "@include \"/etc/passwd\"\nsteps = 2L", NULL },
	{ "\"example.com\"", "\"Example.com\"",
	    "x:3: domain: not a name in lower case: \"Example.com\"" },
	{ "\"example.com\"", "\"../etc\"",
	    "x:3: domain: not a name in lower case: \"../etc\"" },
	{ "\"relay1\"", "\"\"", "x:4: host: not a name of a host: \"\"" },
	{ "\"relay1\"", "\"a b\"", "x:4: host: not a name of a host: \"a b\"" },
	{ "made = \"2026-11-22T20:47:54Z\";\nl", "made = \"\";\nl",
	    "x:5: made: not a time: \"\"" },
	{ "made = \"2026-11-22T20:47:54Z\";\nl",
	    "made = \"2026-02-30T20:47:54Z\";\nl",
	    "x:5: made: not a time: \"2026-02-30T20:47:54Z\"" },
	{ "\"s0.pem\"", "\"../s0.pem\"",
	    "x:11: keys.file: not the name of a key's file: \"../s0.pem\"" },
	{ "\"s0.pem\"", "\"s0\"",
	    "x:11: keys.file: not the name of a key's file: \"s0\"" },
	{ "\"s0.pem\"", "\".pem\"",
	    "x:11: keys.file: not the name of a key's file: \".pem\"" },
	{ "selector = \"s0\"", "selector = \"\"",
	    "x:11: keys.selector: not a name in lower case: \"\"" },
	{ "selector = \"s0\"", "selector = \"s1\"",
	    "x:12: selector: used before: s1" },
	{ "selector = \"s0\"; ", "", "x:11: keys: missing: selector" },
	{ "\"generated\"", "\"active\"",
	    "x:12: state: a second active key of rsa-sha256: s1" },
	{ "\"generated\"", "\"Ready\"",
	    "x:11: keys.state: not a state of a key: \"Ready\"" },
	{ "\"rsa-sha256\"", "\"rsa-sha1\"",
	    "x:11: keys.algorithm: not an algorithm: \"rsa-sha1\"" },
	{ "\"rsa-sha256\"", "\"ed25519-sha256\"",
	    "x:11: keys: bits: not those of a key of ed25519-sha256: 2048" },
	{ "bits = 2048", "bits = 1023",
	    "x:11: keys: bits: not those of a key of rsa-sha256: 1023" },
	{ "bits = 2048", "bits = 8193",
	    "x:11: keys: bits: not those of a key of rsa-sha256: 8193" },
	{ "\"ab0", "\"AB0",
	    "x:11: keys.fingerprint: not a SHA-256: "
	    "\"AB" ZEROS "\"" },
	{ "\"v=DKIM1; p=abc\"", "\"\"",
	    "x:11: keys.record: not the value of a TXT record: \"\"" },
	{ "\"v=DKIM1; p=abc\"", "\"v=DKIM1;\\tp=\"",
	    "x:11: keys.record: not the value of a TXT record: "
	    "\"v=DKIM1;\\x09p=\"" },
	{ "evidence = { first", "evidence = { third",
	    "x:12: keys.evidence.third: unknown" },
	{ "evidence = { first", "proof = { first",
	    "x:12: keys.proof: unknown" },
	{ "evidence = { ", "evidence = { wait = 2147483648L; ",
	    "x:12: keys.evidence.wait: out of range, 0 to 2147483647: "
	    "2147483648" },
	{ "evidence = { ", "cache_ttl = -2; evidence = { ",
	    "x:12: keys.cache_ttl: out of range, -1 to 2147483647: -2" },
	{ "evidence = { first = \"2026-11-22T20:47:54Z\"; }",
	    "evidence = \"yes\"", "x:12: keys.evidence: unknown" },
	{ "\"delete-file\"", "\"delete\"",
	    "x:12: keys.armed.step: not an irreversible step: \"delete\"" },
	{ "keys = (\n", "keys = ( 3,\n", "x:10: keys: not a group { }: 3" },
};

static void
test_refusals(void)
{
	struct ring *ring = known_ring();
	char *text = text_of(ring);

	for (size_t i = 0; i < LEN(changes); i++) {
		const char *at = strstr(text, changes[i].from);
		struct buf changed = BUF_INIT;
		struct err err = ERR_INIT;
		struct ring *got;
		char *summed;

		ok(at != NULL, "change %zu: it has the place", i);
		buf_add(&changed, text, (size_t)(at - text));
		buf_adds(&changed, changes[i].to);
		buf_adds(&changed, at + strlen(changes[i].from));
		summed = resum(buf_str(&changed));
		got = ringfile_parse("x", summed, &err);
		ok(got == NULL, "change %zu is refused", i);
		if (changes[i].want != NULL)
			is_str(err.text, changes[i].want, "with its text");
		is_int(err.code, ERR_CONF, "it is the file's fault");
		ring_free(got);
		free(summed);
		buf_clear(&changed);
	}
	free(text);
	ring_free(ring);
}

/* A list of as many keys as may be, and one more. */
static void
test_limit(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = ring_new("example.com", "h", &err), *again;
	struct buf more = BUF_INIT;
	char *text, *end;

	ring->made = 1;
	for (size_t i = 0; i < RING_KEYS_MAX; i++)
		rand_key(ring, ring_add_key(ring, &err));
	text = text_of(ring);
	again = ringfile_parse("x", text, &err);
	ok(again != NULL && same_ring(ring, again), "1024 keys");
	ok(strlen(text) < RINGFILE_BYTES_MAX, "are not too large: %zu",
	    strlen(text));
	ring_free(again);
	end = strstr(text, "\n);\n");
	*end = '\0';
	snprintf(ring->keys[0].selector, sizeof(ring->keys[0].selector), "new");
	ring->keys[0].state = KEY_READY;
	buf_printf(&more, "%s,", text);
	ringfile_write_key(&ring->keys[0], &more);
	buf_adds(&more, "\n);\nsha256 = \"\";\n");
	free(text);
	text = resum(buf_str(&more));
	ok(ringfile_parse("x", text, &err) == NULL, "one more");
	is_str(err.text, "x:10: keys: more than 1024 entries in the list: 1025",
	    "it says");
	free(text);
	buf_clear(&more);
	ring_free(ring);
}

/* Without its sum nothing is taken: flips, cuts, additions. */
static void
test_damage(void)
{
	struct ring *ring = rand_ring(3);
	char *text = text_of(ring);
	size_t len = strlen(text), taken = 0, silent = 0;
	struct err err;

	for (size_t i = 0; i < len; i++) {
		char old = text[i];

		text[i] ^= (char)(1 << rand_below(8));
		err = (struct err)ERR_INIT;
		taken += ringfile_parse("x", text, &err) != NULL;
		silent += err.text[0] == '\0';
		text[i] = '\0';
		taken += ringfile_parse("x", text, &err) != NULL;
		text[i] = old;
	}
	is_int((long long)taken, 0, "a flipped bit or a cut anywhere");
	is_int((long long)silent, 0, "is refused with a text");
	ok(ringfile_parse("x", "", &err) == NULL, "an empty file");
	is_str(err.text,
	    "x: cut, or not written by keyturn: its last line is not its "
	    "SHA-256",
	    "it says");
	text = realloc(text, len + 2);
	strcpy(text + len, "\n");
	ok(ringfile_parse("x", text, &err) == NULL, "a byte behind");
	text[len] = '\0';
	text[20] ^= 1;
	ok(ringfile_parse("x", text, &err) == NULL, "another comment");
	is_str(err.text,
	    "x: damaged, or changed by hand: its SHA-256 is not that of its "
	    "last line",
	    "it says");
	free(text);
	ring_free(ring);
}

/* The same text for the other parser, with a right sum. */
static struct ring *
parse_carefully(const char *text)
{
	struct buf more = BUF_INIT;
	struct ring *ring = NULL;
	struct err err;
	char *summed;

	buf_printf(&more, "\n%s", text);
	summed = resum(buf_str(&more));
	if (summed != NULL)
		ring = ringfile_parse("x", summed, &err);
	free(summed);
	buf_clear(&more);
	return ring;
}

/* The quick parser takes all that is written, and nothing else differently. */
static void
test_quick(void)
{
	size_t slow = 0, other = 0, taken = 0;

	for (size_t i = 0; i < ROUNDS; i++) {
		struct ring *ring = rand_ring(rand_below(12)), *quick, *careful;
		char *text;

		ring->steps = rand_below(9);
		text = text_of(ring);
		quick = ringquick_parse(text);
		slow += quick == NULL;
		careful = parse_carefully(text);
		other += quick != NULL &&
		    (careful == NULL || !same_ring(quick, careful));
		ring_free(quick);
		quick = ringquick_parse(text + 1);
		taken += quick != NULL;
		ring_free(quick);
		ring_free(careful);
		ring_free(ring);
		free(text);
	}
	is_int((long long)slow, 0, "the quick parser takes what is written");
	is_int((long long)other, 0, "just as the other does");
	is_int((long long)taken, 0, "and not what is not quite so");
}

/* With a right sum: refused, or a ring that is written and read the same. */
static void
test_hostile(void)
{
	static const char alphabet[] = "\"\\{}()=;,L0-9 \n#/*@ax\x01\xff";
	struct ring *ring = rand_ring(3);
	char *text = text_of(ring);
	size_t end = (size_t)(strstr(text, "\nsha256") - text), bad = 0;
	size_t taken = 0, other = 0;

	for (size_t i = 0; i < FLIPS_RESUMMED; i++) {
		size_t at = rand_below((unsigned)end);
		char old = text[at], *summed, *first, *second;
		struct err err = ERR_INIT;
		struct ring *got, *again, *careful;

		text[at] = rand_below(2)
		    ? alphabet[rand_below(sizeof(alphabet) - 1)]
		    : (char)(old ^ (1 << rand_below(8)));
		summed = resum(text);
		text[at] = old;
		got = summed != NULL ? ringfile_parse("x", summed, &err) : NULL;
		if (got == NULL) {
			free(summed);
			continue;
		}
		taken++;
		careful = parse_carefully(summed);
		other += careful == NULL || !same_ring(got, careful) ||
		    got->steps != careful->steps ||
		    got->journal_len != careful->journal_len;
		ring_free(careful);
		free(summed);
		first = text_of(got);
		again = ringfile_parse("x", first, &err);
		second = again != NULL ? text_of(again) : NULL;
		bad += second == NULL || strcmp(first, second) != 0;
		ring_free(got);
		ring_free(again);
		free(first);
		free(second);
	}
	ok(taken > 0, "some changes make another ring: %zu", taken);
	is_int((long long)bad, 0, "which is then read as it is written");
	is_int((long long)other, 0, "and is the same for both parsers");
	free(text);
	ring_free(ring);
}

static void
test_key_names(void)
{
	static const struct {
		const char *name;
		bool is_good;
	} names[] = {
		{ "a.pem", true },
		{ "202611a-x1y2.pem", true },
		{ "k1-0123abcd.pem", true },
		{ "a.b_c.pem", true },
		{ ".pem", false },
		{ ".a.pem", false },
		{ "..pem", false },
		{ "a/b.pem", false },
		{ "../a.pem", false },
		{ "A.pem", false },
		{ "a.PEM", false },
		{ "a.pem~", false },
		{ "a .pem", false },
		{ "ring.conf", false },
		{ "journal", false },
		{ "", false },
	};

	for (size_t i = 0; i < LEN(names); i++)
		is_int(ringfile_is_key_name(names[i].name), names[i].is_good,
		    names[i].name);
}

int
main(void)
{
	test_round_trips();
	test_parts();
	test_form();
	test_refusals();
	test_limit();
	test_damage();
	test_quick();
	test_hostile();
	test_key_names();
	return tap_done();
}
