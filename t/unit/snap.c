/*
 * Snapshots: what is refused whole, what is judged entry by entry, what is
 * carried over, and that thousands of reloads leave nothing behind.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "snap.h"
#include "tap.h"

static char dir[] = "/tmp/keyturn-snap.XXXXXX";
static uint64_t generation;

static const char *
path(const char *name)
{
	static char text[4][128];
	static unsigned next;
	char *p = text[next++ % 4];

	snprintf(p, sizeof(text[0]), "%s/%s", dir, name);
	return p;
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		abort();
}

/* A new Ed25519 key in that file, replacing what is there. */
static void
put_key(const char *name)
{
	struct err err = ERR_INIT;
	struct key *key = key_generate(KEY_ED25519_SHA256, 0, &err);

	unlink(path(name));
	if (key == NULL || keyfile_write(path(name), key, &err) == -1) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	key_put(key);
}

static void
put_conf(const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text),
	    "key_table = \"KeyTable\"; signing_table = \"SigningTable\";\n"
	    "sockets = [\"unix:%s/milter.sock\"];\n%s\n",
	    dir, more);
	put("keyturn.conf", text);
}

static struct snap *
load(const struct snap *previous, struct err *err)
{
	*err = (struct err)ERR_INIT;
	return snap_load(path("keyturn.conf"), previous, ++generation, err);
}

/* Load and replace; the test ends if it is refused. */
static void
reload(struct snap **s)
{
	struct err err;
	struct snap *next = load(*s, &err);

	if (next == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	snap_free(*s);
	*s = next;
}

static void
good_files(void)
{
	put_conf("");
	put_key("a.pem");
	put_key("b.pem");
	put("KeyTable",
	    "a example.com:s1:a.pem\n"
	    "b example.net:s1:b.pem\n");
	put("SigningTable",
	    "*@example.com a\n"
	    "*@example.net b,a\n");
}

static void
test_good(void)
{
	struct snap *s = NULL;
	struct policy_match m;
	struct policy *p;
	struct err err;

	good_files();
	reload(&s);
	ok(s->entry_count == 2 && s->index.count == 2 && s->kept_count == 0 &&
	        s->broken_count == 0,
	    "two entries, both good");
	ok(s->entries[0].id != s->entries[1].id &&
	        snap_find(s, s->entries[0].id) == &s->entries[0] &&
	        snap_find(s, s->entries[1].id) == &s->entries[1],
	    "found by id");
	ok(snap_find(s, s->entries[0].id ^ 1) == NULL, "no other id is");
	p = policy_map(s->policy_fd, &err);
	ok(p != NULL && policy_find(p, "x", "example.net", &m) &&
	        m.count == 2 && m.keys[0].id == s->entries[1].id &&
	        m.keys[1].id == s->entries[0].id &&
	        m.keys[0].alg == KEY_ED25519_SHA256,
	    "the policy names both keys");
	policy_unmap(p);
	snap_free(s);
}

/* Syntax and references: all or nothing. */
static void
test_refused(void)
{
	static const struct {
		const char *name, *file, *text, *want;
	} cases[] = {
		{ "junk in keyturn.conf", "keyturn.conf", "key_table = ;\n",
		    "keyturn.conf:1" },
		{ "an unknown setting", "keyturn.conf",
		    "\nkey_tabel = \"x\";\n", "keyturn.conf:2" },
		{ "junk in the KeyTable", "KeyTable",
		    "a example.com:s1:a.pem\njunk\n", "KeyTable:2" },
		{ "junk in the SigningTable", "SigningTable",
		    "*@example.com a\n\nexample.com\n", "SigningTable:3" },
		{ "a key name nobody has", "SigningTable", "*@x.example c\n",
		    "SigningTable:1: a key name that is not in the KeyTable "
		    "and no ring: c" },
		{ "no KeyTable", "KeyTable", NULL, "KeyTable" },
	};
	struct snap *s = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err;
		struct snap *next;

		good_files();
		reload(&s);
		if (cases[i].text != NULL)
			put(cases[i].file, cases[i].text);
		else
			unlink(path(cases[i].file));
		next = load(s, &err);
		ok(next == NULL && strstr(err.text, cases[i].want) != NULL,
		    "%s: %s", cases[i].name, err.text);
		snap_free(next);
		next = load(NULL, &err);
		ok(next == NULL, "%s: the same at start", cases[i].name);
		snap_free(next);
		snap_free(s);
		s = NULL;
	}
}

/* Ways to spoil a.pem, and what is said about it. */
static void
spoil_missing(void)
{
	unlink(path("a.pem"));
}

static void
spoil_empty(void)
{
	put("a.pem", "");
}

static void
spoil_truncated(void)
{
	if (truncate(path("a.pem"), 60) == -1)
		abort();
}

static void
spoil_mode(void)
{
	chmod(path("a.pem"), 0644);
}

static void
spoil_link(void)
{
	rename(path("a.pem"), path("c.pem"));
	if (symlink("c.pem", path("a.pem")) == -1)
		abort();
}

static void
spoil_fifo(void)
{
	unlink(path("a.pem"));
	if (mkfifo(path("a.pem"), 0600) == -1)
		abort();
}

static void
spoil_directory(void)
{
	unlink(path("a.pem"));
	if (mkdir(path("a.pem"), 0700) == -1)
		abort();
}

static void
spoil_selector(void)
{
	put("KeyTable",
	    "a example.com:s2:missing.pem\n"
	    "b example.net:s1:b.pem\n");
}

static void
test_bad_keys(void)
{
	static const struct {
		const char *name;
		void (*spoil)(void);
	} cases[] = {
		{ "missing", spoil_missing },
		{ "empty", spoil_empty },
		{ "truncated", spoil_truncated },
		{ "readable by others", spoil_mode },
		{ "a link", spoil_link },
		{ "a FIFO", spoil_fifo },
		{ "a directory", spoil_directory },
		{ "a new selector without its key", spoil_selector },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snap *s = NULL;
		struct entry *e;
		uint64_t id;

		good_files();
		reload(&s);
		id = s->entries[0].id;
		cases[i].spoil();
		reload(&s);
		e = &s->entries[0];
		ok(e->state == ENTRY_KEPT && e->id == id &&
		        strcmp(e->selector, "s1") == 0 && s->kept_count == 1 &&
		        snap_find(s, id) == e && e->problem != NULL &&
		        strstr(e->problem, ".pem") != NULL,
		    "%s: kept as a whole: %s", cases[i].name, e->problem);
		ok(s->entries[1].state == ENTRY_GOOD, "and the other served");
		reload(&s);
		ok(s->entries[0].state == ENTRY_KEPT && s->entries[0].id == id,
		    "still so after another reload");
		snap_free(s);
		s = NULL;
		reload(&s);
		ok(s->entries[0].state == ENTRY_BROKEN &&
		        s->broken_count == 1 && snap_find(s, id) == NULL &&
		        s->entries[1].state == ENTRY_GOOD,
		    "%s: broken at start, the other served", cases[i].name);
		snap_free(s);
		rmdir(path("a.pem"));
	}
}

/* A selector that signs keeps its key; a new selector brings a new one. */
static void
test_swapped(void)
{
	struct snap *s = NULL;
	uint64_t id;

	good_files();
	reload(&s);
	id = s->entries[0].id;
	put_key("a.pem");
	reload(&s);
	ok(s->entries[0].state == ENTRY_KEPT && s->entries[0].id == id,
	    "another key in place is refused: %s", s->entries[0].problem);
	put("KeyTable",
	    "a example.com:s2:a.pem\n"
	    "b example.net:s1:b.pem\n");
	reload(&s);
	ok(s->entries[0].state == ENTRY_GOOD && s->entries[0].id != id &&
	        strcmp(s->entries[0].selector, "s2") == 0,
	    "with a selector of its own it is taken");
	put("KeyTable",
	    "b example.com:s2:b.pem\n"
	    "a example.net:s1:a.pem\n");
	reload(&s);
	ok(s->kept_count == 2,
	    "two entries that trade their selectors: both kept");
	snap_free(s);
}

static void
test_conflict(void)
{
	struct snap *s = NULL;

	good_files();
	put("KeyTable",
	    "a example.com:s1:a.pem\n"
	    "b example.com:s1:b.pem\n");
	reload(&s);
	ok(s->broken_count == 2 && s->index.count == 0,
	    "two keys for one selector at start: neither signs: %s",
	    s->entries[0].problem);
	put("KeyTable",
	    "a example.com:s1:a.pem\n"
	    "b example.com:s1:a.pem\n");
	reload(&s);
	ok(s->broken_count == 0 && s->entries[0].id == s->entries[1].id,
	    "two names for one key: both good");
	snap_free(s);
}

static void
test_carried(void)
{
	struct timespec pause = { .tv_sec = 2, .tv_nsec = 100000000 };
	struct snap *s = NULL;
	struct key *before;

	good_files();
	reload(&s);
	before = s->entries[0].key;
	reload(&s);
	is_int((long long)s->carried_count, 0,
	    "a file written just now is read again");
	ok(s->entries[0].key != before, "into a key of its own");
	nanosleep(&pause, NULL);
	reload(&s);
	before = s->entries[0].key;
	atomic_store(&s->entries[0].usage->signatures, 5);
	reload(&s);
	is_int((long long)s->carried_count, 2, "a settled file is not");
	ok(s->entries[0].key == before, "the key is the same object");
	is_int((long long)atomic_load(&s->entries[0].usage->signatures), 5,
	    "its count goes on");
	put_conf("minimum_rsa_bits = 2048;");
	reload(&s);
	is_int((long long)s->carried_count, 2,
	    "a new minimum for RSA does not touch Ed25519");
	chmod(path("a.pem"), 0640);
	chmod(path("a.pem"), 0600);
	reload(&s);
	is_int((long long)s->carried_count, 1, "a touched file is read again");
	snap_free(s);
}

static int
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	while (d != NULL && readdir(d) != NULL)
		count++;
	if (d != NULL)
		closedir(d);
	return count;
}

/* The leak checker looks at the memory, this at the descriptors. */
static void
test_many(void)
{
	struct snap *s = NULL;
	int before, bad = 0;

	good_files();
	reload(&s);
	before = open_descriptors();
	for (int i = 0; i < 2000; i++) {
		struct err err;
		struct snap *next;

		put("SigningTable",
		    i % 3 == 0 ? "*@example.com nobody\n"
		               : "*@example.com a\n");
		next = load(s, &err);
		bad += (next == NULL) != (i % 3 == 0);
		if (next != NULL) {
			snap_free(s);
			s = next;
		}
	}
	is_int(bad, 0, "2000 reloads, a third of them refused");
	is_int(open_descriptors(), before, "no descriptor more");
	snap_free(s);
}

static bool
has_warning(const struct snap *s, const char *part)
{
	for (size_t i = 0; s != NULL && i < s->warning_count; i++) {
		if (strstr(s->warnings[i], part) != NULL)
			return true;
	}
	return false;
}

/* A socket that other machines reach is worth a warning, no other is. */
static void
test_sockets(void)
{
	static const struct {
		const char *spec;
		bool want;
	} cases[] = {
		{ "unix:/tmp/m.sock", false },
		{ "unix:/tmp/keyturn-not-there/m.sock", true },
		{ "inet:8891@127.0.0.1", false },
		{ "inet:8891@127.255.0.9", false },
		{ "inet:8891@[127.0.0.1]", false },
		{ "inet:8891@localhost", false },
		{ "inet6:8891@::1", false },
		{ "inet6:8891@[::1]", false },
		{ "inet:8891@192.0.2.1", true },
		{ "inet:8891@0.0.0.0", true },
		{ "inet6:8891@::", true },
		{ "inet6:8891@::1:2", true },
		{ "inet6:8891@::1234", true },
		{ "inet:8891@127.example.com", true },
		{ "inet:8891@localhost.example.com", true },
		{ "inet:8891@mx.example.com", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		struct err err;
		struct snap *s;

		snprintf(text, sizeof(text), "sockets = [\"%s\"];\n",
		    cases[i].spec);
		put("keyturn.conf", text);
		s = load(NULL, &err);
		ok(s != NULL && has_warning(s, cases[i].spec) == cases[i].want,
		    "%s: %s", cases[i].spec,
		    cases[i].want ? "a warning" : "none");
		snap_free(s);
	}
}

/* Nothing that could be signed is worth a warning too. */
static void
test_nothing(void)
{
	struct snap *s = NULL;

	good_files();
	reload(&s);
	is_int((long long)s->warning_count, 0, "good tables: no warning");
	put("SigningTable", "# only a comment\n");
	reload(&s);
	ok(has_warning(s, "SigningTable: has no line"), "an empty table: %s",
	    s->warnings[0]);
	put("keyturn.conf", "rotation = { retire_after = \"1d\"; };\n");
	reload(&s);
	ok(has_warning(s, "rotation.retire_after: less than 7d"),
	    "settings of rings: a warning");
	put("keyturn.conf", "key_table = \"KeyTable\";\n");
	reload(&s);
	ok(has_warning(s, "signing_table is not set"), "no table: a warning");
	put("keyturn.conf",
	    "sockets = ({ spec = \"unix:/tmp/keyturn-no/m\"; "
	    "optional = true; });\n");
	reload(&s);
	ok(!has_warning(s, "keyturn-no"), "an optional socket: none");
	snap_free(s);
}

int
main(void)
{
	char command[64];

	if (mkdtemp(dir) == NULL)
		return 1;
	test_good();
	test_refused();
	test_bad_keys();
	test_swapped();
	test_conflict();
	test_carried();
	test_many();
	test_sockets();
	test_nothing();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		printf("# %s stays\n", dir);
	return tap_done();
}
