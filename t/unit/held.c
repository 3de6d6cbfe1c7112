/*
 * held: an ordered list in a file that is replaced whole, and what is refused
 * of it.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "held.h"
#include "randring.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define HASH       "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

static char dir[] = "/tmp/keyturn-held.XXXXXX";
static char path[64];

static void
must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! ");
	fflush(stdout);
	perror(what);
	exit(1);
}

static void
put(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd != -1 &&
	        write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
	        close(fd) == 0,
	    path);
}

static void
test_path(void)
{
	static const char *const paths[][2] = {
		{ "/var/lib/keyturn/rings", "/var/lib/keyturn/held" },
		{ "/var/lib/keyturn/rings/", "/var/lib/keyturn/held" },
		{ "/var/lib/keyturn/rings//", "/var/lib/keyturn/held" },
		{ "/rings", "/held" },
		{ "rings", "held" },
		{ "a/rings", "a/held" },
	};

	for (size_t i = 0; i < LEN(paths); i++) {
		char *got = held_path(paths[i][0]);

		is_str(got, paths[i][1], paths[i][0]);
		free(got);
	}
}

static bool
same_held(const struct held *a, const struct held *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct held_key *x = &a->keys[i], *y = &b->keys[i];

		if (strcmp(x->domain, y->domain) != 0 ||
		    strcmp(x->selector, y->selector) != 0 ||
		    memcmp(x->fingerprint, y->fingerprint, SHA256_LEN) != 0 ||
		    x->since != y->since || x->last_signed != y->last_signed ||
		    x->released != y->released || x->steps != y->steps)
			return false;
	}
	return true;
}

/* In any order in, in one order out. */
static void
test_round_trip(void)
{
	struct held held = { .keys = NULL }, again;
	struct err err = ERR_INIT;
	size_t unsorted = 0, lost = 0;

	is_int(held_load(path, &again, &err), 0, "no file");
	is_int((long long)again.count, 0, "is an empty list");
	for (size_t i = 0; i < 500; i++) {
		char domain[32], selector[32];
		unsigned char fingerprint[SHA256_LEN];
		struct held_key *key;

		snprintf(domain, sizeof(domain), "d%u.example", rand_below(50));
		snprintf(selector, sizeof(selector), "s%u", rand_below(4));
		rand_bytes(fingerprint, SHA256_LEN);
		key = held_add(&held, domain, selector, fingerprint, &err);
		must(key != NULL, "held_add");
		key->since = 1 + rand_below(2000000000);
		key->last_signed = rand_time();
		key->released = rand_time();
		key->steps = rand_below(100000);
		lost += held_find(&held, domain, selector, fingerprint) != key;
		fingerprint[31] ^= 1;
		lost += held_find(&held, domain, selector, fingerprint) != NULL;
	}
	for (size_t i = 1; i < held.count; i++)
		unsorted +=
		    strcmp(held.keys[i - 1].domain, held.keys[i].domain) > 0;
	is_int((long long)lost, 0, "each is found, and nothing else");
	is_int((long long)unsorted, 0, "they are in order");
	is_int(held_write(path, &held, &err), 0, "written");
	is_int(held_load(path, &again, &err), 0, "read");
	ok(same_held(&held, &again), "it is the same");
	held_clear(&held);
	held_clear(&again);
	held_clear(&again);
}

static const struct {
	const char *text, *want; /* %s is the path; NULL: taken */
} texts[] = {
	{ "", NULL },
	{ "# a comment\n\n", NULL },
	{ "example.com s " HASH " 2026-11-22T20:47:54Z - - 3\n", NULL },
	{ "example.com s " HASH " 2026-11-22T20:47:54Z - - 3",
	    "%s:1: a line without its end: example.com s " HASH
	    " 2026-11-22T20:47:54Z - - 3" },
	{ "#\nexample.com s\n", "%s:2: not seven fields: example.com" },
	{ "a s " HASH " 2026-11-22T20:47:54Z - - 3 4\n",
	    "%s:1: not seven fields: a" },
	{ "Example.com s " HASH " 2026-11-22T20:47:54Z - - 3\n",
	    "%s:1: not a domain in lower case: Example.com" },
	{ "example.com ../s " HASH " 2026-11-22T20:47:54Z - - 3\n",
	    "%s:1: not a selector in lower case: ../s" },
	{ "example.com s 00 2026-11-22T20:47:54Z - - 3\n",
	    "%s:1: not a SHA-256: 00" },
	{ "example.com s " HASH " 2026-11-22T20:47:54Z  - 3\n",
	    "%s:1: not a time: " },
	{ "example.com s " HASH " - - - 3\n", "%s:1: held since never: -" },
	{ "example.com s " HASH " 2026-11-22T20:47:54Z now - 3\n",
	    "%s:1: not a time: now" },
	{ "example.com s " HASH " 2026-11-22T20:47:54Z - 2026-13-01T00:00:00Z "
	  "3\n",
	    "%s:1: not a time: 2026-13-01T00:00:00Z" },
	{ "example.com s " HASH " 2026-11-22T20:47:54Z - - -3\n",
	    "%s:1: not a number of steps: -3" },
	{ "example.com s " HASH " 2026-11-22T20:47:54Z - - \n",
	    "%s:1: not a number of steps: " },
	{ "example.com s " HASH
	  " 2026-11-22T20:47:54Z - - 99999999999999999999\n",
	    "%s:1: not a number of steps: 99999999999999999999" },
	{ "a s " HASH " 2026-11-22T20:47:54Z - - 3\n"
	  "a s " HASH " 2026-11-22T20:47:54Z - - 3\n",
	    "%s:2: a key twice: s" },
};

static const char advice[] =
    ": bring an older copy back, or move the file away: keyturnd then begins "
    "another, and the records of keys that it let go of since the last tick "
    "stay until `keyturn revoke --force`";

static void
test_refusals(void)
{
	for (size_t i = 0; i < LEN(texts); i++) {
		struct err err = ERR_INIT;
		struct held held;
		char want[ERR_TEXT_MAX];
		int rc;

		put(texts[i].text);
		rc = held_load(path, &held, &err);
		if (texts[i].want == NULL) {
			ok(rc == 0, "text %zu is taken", i);
			held_clear(&held);
			continue;
		}
		snprintf(want, sizeof(want), texts[i].want, path);
		strlcat(want, advice, sizeof(want));
		is_int(rc, -1, "refused");
		is_int(err.code, ERR_CONF, "it is the file's fault");
		is_str(err.text, want, "with that text");
		is_int((long long)held.count, 0, "nothing is left of it");
	}
}

static void
test_flips(void)
{
	static const char good[] =
	    "a.example s1 " HASH " 2026-11-22T20:47:54Z - - 3\n"
	    "b.example s2 " HASH
	    " 2026-11-22T20:47:54Z 2026-11-22T20:47:54Z - 17\n";
	char text[sizeof(good)];
	size_t taken = 0;

	for (size_t i = 0; i < 8 * (sizeof(good) - 1); i++) {
		struct err err = ERR_INIT;
		struct held held;

		memcpy(text, good, sizeof(good));
		text[i / 8] ^= (char)(1 << i % 8);
		put(text);
		taken += held_load(path, &held, &err) == 0;
		held_clear(&held);
	}
	ok(taken < 8 * sizeof(good), "flipped bits end nothing: %zu", taken);
}

/* No room, and no right to write: the old file stays, and nothing else. */
static void
test_no_room(void)
{
	struct held held = { .keys = NULL }, again;
	struct rlimit limit, small;
	struct err err = ERR_INIT;
	unsigned char hash[SHA256_LEN] = { 1 };
	struct stat st;
	char text[128];
	int rc;

	must(held_add(&held, "a", "s", hash, &err) != NULL, "held_add");
	held.keys[0].since = 1;
	is_int(held_write(path, &held, &err), 0, "written");
	held.keys[0].since = 2;
	must(getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
	signal(SIGXFSZ, SIG_IGN);
	small = limit;
	small.rlim_cur = 10;
	fflush(stdout);
	must(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
	rc = held_write(path, &held, &err);
	must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
	is_int(rc, -1, "no room");
	is_int(err.code, ERR_IO, "may pass by itself");
	snprintf(text, sizeof(text), "%s: File too large", path);
	is_str(err.text, text, "it says");
	is_int(held_load(path, &again, &err), 0, "the old file is there");
	is_int(again.keys[0].since, 1, "with what was in it");
	snprintf(text, sizeof(text), "%s.new", path);
	ok(lstat(text, &st) == -1, "and nothing beside it");
	held_clear(&held);
	held_clear(&again);
	is_int(held_write("/nonexistent/held", &held, &err), -1,
	    "no directory");
	is_str(err.text,
	    "/nonexistent/held: its directory: No such file or directory",
	    "it says");
}

/* Old copies of rings. */
static void
test_steps(void)
{
	static const struct {
		const char *domain, *selector;
		time_t since;
		unsigned long steps;
	} keys[] = {
		{ "a.example", "s1", 100, 50 }, /* of a ring before */
		{ "a.example", "s2", 200, 7 },
		{ "a.example", "s3", 300, 9 },
		{ "a.example.org", "s1", 300, 70 },
		{ "b.example", "s1", 300, 80 },
	};
	struct held held = { .keys = NULL };
	struct ring ring = { .domain = "a.example", .made = 200, .steps = 9 };
	struct err err = ERR_INIT;
	unsigned char hash[SHA256_LEN] = { 0 };

	for (size_t i = 0; i < LEN(keys); i++) {
		struct held_key *k = held_add(&held, keys[i].domain,
		    keys[i].selector, hash, &err);

		must(k != NULL, "held_add");
		k->since = keys[i].since;
		k->steps = keys[i].steps;
	}
	is_int((long long)held_most_steps(&held, "a.example", 200), 9,
	    "of this ring");
	is_int((long long)held_most_steps(&held, "a.example", 1), 50,
	    "if it was made before");
	is_int((long long)held_most_steps(&held, "a.example", 301), 0,
	    "if it was made after");
	is_int((long long)held_most_steps(&held, "c.example", 0), 0,
	    "of no such ring");
	is_int(held_check_steps(&held, "/rings", &ring, &err), 0,
	    "as many steps as were seen");
	ring.steps = 8;
	is_int(held_check_steps(&held, "/rings", &ring, &err), -1, "fewer");
	is_int(err.code, ERR_KEY, "is refused");
	is_str(err.text,
	    "/rings/a.example: an old copy: it has 8 steps, and keyturnd has "
	    "seen 9 of it: bring the newer one back; if that is lost, move "
	    "this one out of the rings, and `keyturn add a.example --adopt "
	    "SELECTOR=FILE` with a key of it that the DNS still has",
	    "and says what to do");
	held_clear(&held);
}

int
main(void)
{
	must(mkdtemp(dir) != NULL, dir);
	snprintf(path, sizeof(path), "%s/held", dir);
	test_path();
	test_round_trip();
	test_refusals();
	test_flips();
	test_no_room();
	test_steps();
	unlink(path);
	rmdir(dir);
	return tap_done();
}
