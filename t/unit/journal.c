/*
 * journal: the ring can be made again from its lines, the chain holds, and
 * whatever is changed in it is noticed.
 */
#include "journal.h"
#include "randring.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

enum { HISTORIES = 60, STEPS = 12, FLIPS = 3000 };

static const struct journal_note note = {
	.when = 1795380474,
	.who = "root by sudo from al\"ice\\\n\x7f",
	.what = "activate s1 \xc3\xa9",
	.evidence = "{\"why\":\"two sightings\",\"n\":{}}",
};

static void
must(bool good, const struct err *err)
{
	if (good)
		return;
	printf("Bail out! %s\n", err->text);
	exit(1);
}

/* Anything that a step may do to a ring. */
static void
change(struct ring *ring)
{
	struct err err = ERR_INIT;
	size_t changes = rand_below(3);

	ring->is_leaving = rand_below(2);
	for (size_t i = 0; i < changes && ring->key_count > 0; i++) {
		struct ring_key *k =
		    &ring->keys[rand_below((unsigned)ring->key_count)];

		k->published = rand_time();
		k->is_compromised = !k->is_compromised;
		if (k->state != KEY_ACTIVE)
			k->state = KEY_GONE;
	}
	if (rand_below(2)) {
		struct ring_key *k = ring_add_key(ring, &err);

		must(k != NULL, &err);
		rand_key(ring, k);
	}
}

/* Append one more step to the journal; *ring becomes what it is then. */
static void
step(struct ring **ring, struct buf *out)
{
	struct err err = ERR_INIT;
	struct ring *after =
	    *ring != NULL ? ring_copy(*ring, &err) : rand_ring(2);

	must(after != NULL, &err);
	if (*ring != NULL)
		change(after);
	must(journal_line(*ring, after, &note, out, &err) == 0, &err);
	ring_free(*ring);
	*ring = after;
}

static bool
same_counts(const struct ring *a, const struct ring *b)
{
	return a->steps == b->steps && a->journal_len == b->journal_len &&
	    memcmp(a->journal_hash, b->journal_hash, SHA256_LEN) == 0;
}

static void
count_line(void *arg, const char *line, size_t len)
{
	*(size_t *)arg += len > 0 && line[0] == '{' && line[len - 1] == '}';
}

static void
test_histories(void)
{
	size_t bad = 0, bad_follow = 0, lines = 0, want_lines = 0;

	for (size_t i = 0; i < HISTORIES; i++) {
		struct ring *ring = NULL, *before = NULL, *again;
		struct err err = ERR_INIT;
		struct buf text = BUF_INIT;
		size_t start = 0, steps = 1 + rand_below(STEPS);

		for (size_t j = 0; j < steps; j++) {
			ring_free(before);
			before = ring != NULL ? ring_copy(ring, &err) : NULL;
			start = text.len;
			step(&ring, &text);
		}
		want_lines += steps;
		again = journal_replay("j", text.data, text.len, count_line,
		    &lines, &err);
		if (again == NULL || !same_ring(ring, again) ||
		    !same_counts(ring, again) ||
		    again->journal_len != (long long)text.len ||
		    again->steps != steps) {
			bad++;
			printf("# %s\n", err.text);
		}
		ring_free(again);
		again = journal_follow("j", before, text.data + start,
		    text.len - start, &err);
		bad_follow += again == NULL || !same_ring(ring, again) ||
		    !same_counts(ring, again);
		ring_free(again);
		ring_free(before);
		ring_free(ring);
		buf_clear(&text);
	}
	is_int((long long)bad, 0, "every history gives its ring");
	is_int((long long)bad_follow, 0, "and so does its last line");
	is_int((long long)lines, (long long)want_lines, "line by line");
}

/* The form, which is a promise to whoever audits it with other tools. */
static void
test_form(void)
{
	static const char want[] =
	    "{\"step\":1,\"time\":\"2026-11-22T20:47:54Z\","
	    "\"who\":\"root by sudo from al\\\"ice\\\\\\u000a\\u007f\","
	    "\"what\":\"activate s1 \xc3\xa9\","
	    "\"previous\":\"00000000000000000000000000000000"
	    "00000000000000000000000000000000\","
	    "\"ring\":\"domain = \\\"example.com\\\"; host = \\\"h\\\"; "
	    "made = \\\"2026-11-22T20:47:54Z\\\"; leaving = false; \","
	    "\"keys\":\"\","
	    "\"evidence\":{\"why\":\"two sightings\",\"n\":{}}}\n";
	struct err err = ERR_INIT;
	struct ring *ring = ring_new("example.com", "h", &err), *again;
	struct buf text = BUF_INIT;
	struct journal_entry e;
	unsigned char hash[SHA256_LEN];
	char hex[RING_HEX_MAX];

	ring->made = 1795380474;
	must(journal_line(NULL, ring, &note, &text, &err) == 0, &err);
	is_mem(text.data, text.len, want, strlen(want), "the first line");
	must(journal_entry_parse(text.data, text.len - 1, &e, &err) == 0, &err);
	is_int((long long)e.step, 1, "its step");
	is_int(e.when, 1795380474, "its time");
	is_str(e.who, note.who, "who");
	is_str(e.what, note.what, "what");
	is_mem(e.evidence, e.evidence_len, note.evidence, strlen(note.evidence),
	    "the evidence");
	journal_entry_clear(&e);
	again = ring_copy(ring, &err);
	must(journal_line(ring, again, &note, &text, &err) == 0, &err);
	must(sha256_of(want, strlen(want), hash, &err) == 0, &err);
	hex_text(hash, hex);
	ok(strstr(buf_str(&text) + strlen(want), hex) != NULL,
	    "the second has the SHA-256 of the first and its line end");
	ok(memcmp(ring->journal_hash, hash, SHA256_LEN) == 0,
	    "which the ring knows too");
	ring_free(ring);
	ring_free(again);
	buf_clear(&text);
}

static void
test_no_lines(void)
{
	struct ring *ring = NULL;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	ok(journal_replay("j", "", 0, NULL, NULL, &err) == NULL, "no line");
	is_str(err.text, "j: no complete line", "it says");
	is_int(err.code, ERR_CONF, "the journal's fault");
	step(&ring, &text);
	for (size_t cut = 1; cut < text.len; cut += 50) {
		struct ring *got = journal_replay("j", text.data,
		    text.len - cut, NULL, NULL, &err);

		if (got != NULL)
			ok(false, "a part of a line: %zu", cut);
		ring_free(got);
	}
	is_str(err.text, "j: no complete line", "neither has a torn one");
	ring_free(ring);
	buf_clear(&text);
}

/* A torn last line is not counted, wherever it is torn. */
static void
test_torn(void)
{
	struct ring *ring = NULL, *two;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	size_t bad = 0, len;

	step(&ring, &text);
	step(&ring, &text);
	len = text.len;
	two = ring_copy(ring, &err);
	step(&ring, &text);
	for (size_t end = len; end < text.len; end++) {
		struct ring *got =
		    journal_replay("j", text.data, end, NULL, NULL, &err);

		bad += got == NULL || !same_ring(got, two) ||
		    !same_counts(got, two);
		ring_free(got);
	}
	is_int((long long)bad, 0, "a torn line is not counted");
	ring_free(two);
	ring_free(ring);
	buf_clear(&text);
}

/* What is refused when a line is written. */
static void
test_writing(void)
{
	static const struct {
		const char *evidence, *want;
	} bad[] = {
		{ "", "the evidence is no JSON object: " },
		{ "null", "the evidence is no JSON object: null" },
		{ "{", "the evidence is no JSON object: {" },
		{ "{\"a\":[}", "evidence: not the end of the line" },
		{ "{\"a}", "evidence: neither an object nor null" },
		{ "{}{}", "evidence: not the end of the line" },
		{ "{\n}", "the evidence is more than a line: {\n}" },
	};
	struct err err = ERR_INIT;
	struct ring *ring = rand_ring(3), *after;
	struct journal_note n = note;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < LEN(bad); i++) {
		n.evidence = bad[i].evidence;
		ok(journal_line(NULL, ring, &n, &text, &err) == -1,
		    "evidence %zu is refused", i);
		ok(strcmp(err.text, bad[i].want) == 0, "with its text");
	}
	is_int((long long)ring->steps, 0, "no step was made");
	buf_reset(&text);
	must(journal_line(NULL, ring, &note, &text, &err) == 0, &err);
	after = ring_copy(ring, &err);
	free(after->keys[--after->key_count].record);
	ok(journal_line(ring, after, &note, &text, &err) == -1, "a key lost");
	is_str(err.text, "example.com: a ring loses no keys", "it says");
	ring_free(after);
	after = ring_copy(ring, &err);
	snprintf(after->keys[1].selector, sizeof(after->keys[1].selector), "x");
	ok(journal_line(ring, after, &note, &text, &err) == -1,
	    "another selector");
	is_str(err.text,
	    "example.com: a key's selector and fingerprint do not change: x",
	    "it says");
	ring_free(after);
	after = ring_copy(ring, &err);
	n = note;
	n.steps_seen = 17;
	must(journal_line(ring, after, &n, &text, &err) == 0, &err);
	is_int((long long)after->steps, 18, "a repair goes over what was seen");
	ring_free(ring);
	ring = journal_replay("j", text.data, text.len, NULL, NULL, &err);
	ok(ring != NULL && ring->steps == 18, "and is replayed");
	ring_free(ring);
	ring_free(after);
	buf_clear(&text);
}

/* A line of the journal changed, and what is said of it. */
static const struct {
	size_t line;
	const char *from, *to, *want;
} changes[] = {
	{ 0, "\"step\":1", "\"step\":0",
	    "j:1: step: not after the one before: "
	    "0" },
	{ 0, "\"step\":1", "\"step\":01", "j:1: step: not a number" },
	{ 0, "\"step\":1", "\"step\":", "j:1: step: not a number" },
	{ 0, "\"step\":1", "\"step\":1234567890123456789",
	    "j:1: step: not a number" },
	{ 0, "{\"step\"", "{ \"step\"",
	    "j:1: step: missing, or not in its place" },
	{ 0,
	    "\"who\":", "\"whom\":", "j:1: who: missing, or not in its place" },
	{ 0, "20:47:54Z\",\"who", "20:47:60Z\",\"who",
	    "j:1: time: not a time" },
	{ 0, "activate", "\\u0000",
	    "j:1: what: not a string as keyturn writes it" },
	{ 0, "activate", "\\n",
	    "j:1: what: not a string as keyturn writes it" },
	{ 0, "activate", "\t", "j:1: what: not a string as keyturn writes it" },
	{ 0, "\"previous\":\"0", "\"previous\":\"1",
	    "j:1: previous: not the SHA-256 of the line before: a line was "
	    "changed, lost or added" },
	{ 0, "\"previous\":\"0", "\"previous\":\"",
	    "j:1: previous: not a SHA-256" },
	{ 0, "example.com", "Example.com",
	    "j:1: domain: not a name in lower case: \"Example.com\"" },
	{ 0, "leaving = ", "leaving2 = ", "j:1: leaving2: unknown" },
	{ 0, "\"evidence\":{", "\"evidence\":[",
	    "j:1: evidence: neither an object nor null" },
	{ 0, "two sightings", "\033[2J",
	    "j:1: evidence: neither an object nor null" },
	{ 0, "two sightings", "\\\033",
	    "j:1: evidence: neither an object nor null" },
	{ 1, "\"step\":2", "\"step\":1",
	    "j:2: step: not after the one before: 1" },
	{ 1, "example.com", "example.org",
	    "j:2: ring: another domain: example.org" },
	{ 0, "activate", "activated",
	    "j:2: previous: not the SHA-256 of the line before: a line was "
	    "changed, lost or added" },
};

static void
test_refusals(void)
{
	struct ring *ring = NULL;
	struct buf text = BUF_INIT;
	const char *second;

	step(&ring, &text);
	step(&ring, &text);
	step(&ring, &text);
	second = strchr(buf_str(&text), '\n') + 1;
	for (size_t i = 0; i < LEN(changes); i++) {
		const char *at =
		    strstr(changes[i].line == 0 ? text.data : second,
		        changes[i].from);
		struct buf changed = BUF_INIT;
		struct err err = ERR_INIT;
		struct ring *got;

		ok(at != NULL, "change %zu: it has the place", i);
		buf_add(&changed, text.data, (size_t)(at - text.data));
		buf_adds(&changed, changes[i].to);
		buf_adds(&changed, at + strlen(changes[i].from));
		got = journal_replay("j", changed.data, changed.len, NULL, NULL,
		    &err);
		ok(got == NULL, "change %zu is refused", i);
		is_str(err.text, changes[i].want, "with its text");
		ring_free(got);
		buf_clear(&changed);
	}
	ring_free(ring);
	buf_clear(&text);
}

/* Lines lost, doubled, in another order. */
static void
test_lines(void)
{
	struct ring *ring = NULL;
	struct buf text = BUF_INIT, other = BUF_INIT;
	size_t ends[4] = { 0 };
	struct err err = ERR_INIT;

	for (size_t i = 1; i < 4; i++) {
		step(&ring, &text);
		ends[i] = text.len;
	}
	buf_add(&other, text.data, ends[1]);
	buf_add(&other, text.data + ends[2], ends[3] - ends[2]);
	ok(journal_replay("j", other.data, other.len, NULL, NULL, &err) == NULL,
	    "a line lost in the middle");
	buf_reset(&other);
	buf_add(&other, text.data + ends[1], ends[3] - ends[1]);
	ok(journal_replay("j", other.data, other.len, NULL, NULL, &err) == NULL,
	    "the first line lost");
	buf_reset(&other);
	buf_add(&other, text.data, ends[3]);
	buf_add(&other, text.data + ends[2], ends[3] - ends[2]);
	ok(journal_replay("j", other.data, other.len, NULL, NULL, &err) == NULL,
	    "a line twice");
	ok(strncmp(err.text, "j:4: previous: ", 15) == 0, "is named: %s",
	    err.text);
	buf_clear(&other);
	buf_clear(&text);
	ring_free(ring);
}

/* Flipped bits: refused, or in the last line, of which only ring.conf knows. */
static void
test_flips(void)
{
	struct ring *ring = NULL;
	struct buf text = BUF_INIT;
	size_t last = 0, taken = 0, silent = 0;

	for (size_t i = 0; i < 4; i++) {
		last = text.len;
		step(&ring, &text);
	}
	for (size_t i = 0; i < FLIPS; i++) {
		size_t at = rand_below((unsigned)text.len);
		char old = text.data[at];
		struct err err = ERR_INIT;
		struct ring *got;

		text.data[at] ^= (char)(1 << rand_below(8));
		got =
		    journal_replay("j", text.data, text.len, NULL, NULL, &err);
		text.data[at] = old;
		/* Without its end the last line is a torn one. */
		taken += got != NULL && at < last;
		silent += got == NULL && err.text[0] == '\0';
		ring_free(got);
	}
	is_int((long long)taken, 0, "no flipped bit is taken but in the last");
	is_int((long long)silent, 0, "and none is refused without a text");
	ring_free(ring);
	buf_clear(&text);
}

int
main(void)
{
	test_histories();
	test_form();
	test_no_lines();
	test_torn();
	test_writing();
	test_refusals();
	test_lines();
	test_flips();
	return tap_done();
}
