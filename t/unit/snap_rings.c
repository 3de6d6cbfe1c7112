/*
 * Rings in snapshots: which keys sign, what is kept, what is carried over, and
 * rings beside the KeyTable.
 */
#include <sys/stat.h>

#include <time.h>
#include <unistd.h>

#include "held.h"
#include "ringstore.h"
#include "snap.h"
#include "tap.h"

static char dir[] = "/tmp/keyturn-rings.XXXXXX";
static struct ringstore *store;
static char host[RING_HOST_MAX + 1];
static uint64_t generation;

static const char *
path(const char *name)
{
	static char text[4][160];
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

static void
need(bool good, const struct err *err)
{
	if (good)
		return;
	printf("Bail out! %s\n", err->text);
	exit(1);
}

/* What a test wants of a key; without selector: the end of a list. */
struct want {
	const char *selector;
	enum key_state state;
	char evidence; /* 's'een, 'f'orced, 'o'ther bytes, or nothing */
	bool is_slot;
};

static void
fill_key(struct ring_key *rk, const struct want *w)
{
	time_t now = time(NULL);

	rk->state = w->state;
	rk->is_slot = w->is_slot;
	rk->made = rk->published = rk->ready = now - 3;
	rk->activated = w->state >= KEY_ACTIVE ? now - 2 : 0;
	rk->retired = w->state >= KEY_RETIRING ? now - 1 : 0;
	rk->revoked = w->state >= KEY_REVOKED ? now - 1 : 0;
	rk->removed = w->state >= KEY_GONE ? now - 1 : 0;
	rk->evidence = (struct evidence){ .wait = 1 };
	if (w->evidence == '\0')
		return;
	rk->evidence.first = now - 5;
	rk->evidence.second = now - 3;
	rk->evidence.is_forced = w->evidence == 'f';
	strlcpy(rk->evidence.text, "a test", sizeof(rk->evidence.text));
	memcpy(rk->evidence.fingerprint, rk->fingerprint, SHA256_LEN);
	if (w->evidence == 'o')
		rk->evidence.fingerprint[5] ^= 1;
}

static void
make_key(struct ring_key *rk, struct ringlock *lock, const struct want *w)
{
	struct err err = ERR_INIT;
	struct key *key = key_generate(KEY_ED25519_SHA256, 0, &err);
	struct buf record = BUF_INIT;

	need(key != NULL, &err);
	strlcpy(rk->selector, w->selector, sizeof(rk->selector));
	rk->alg = KEY_ED25519_SHA256;
	rk->bits = key_bits(key);
	memcpy(rk->fingerprint, key_fingerprint(key), SHA256_LEN);
	snprintf(rk->file, sizeof(rk->file), "%s-%02x%02x%02x%02x.pem",
	    w->selector, rk->fingerprint[0], rk->fingerprint[1],
	    rk->fingerprint[2], rk->fingerprint[3]);
	buf_adds(&record, "v=DKIM1; k=ed25519; p=");
	need(key_public(key, &record, &err) == 0 && buf_str(&record), &err);
	rk->record = record.data;
	need(ringlock_write_key(lock, rk->file, key, &err) == 0, &err);
	key_put(key);
}

/*
 * One step of the ring of domain: each key of wants is made, or becomes so; a
 * slot that has one which is gone gets another.
 */
static void
ring(const char *domain, const struct want *wants, bool is_leaving)
{
	const struct journal_note note = {
		.when = time(NULL), .who = "t", .what = "a step"
	};
	bool is_there = ringstore_has(store, domain);
	struct err err = ERR_INIT;
	struct ringlock *lock = ringstore_lock(store, domain, true, 5, &err);
	struct ring *before = NULL, *after;

	need(lock != NULL, &err);
	if (is_there) {
		before = ringlock_load(lock, NULL, &err);
		need(before != NULL, &err);
	}
	after = before ? ring_copy(before, &err) : ring_new(domain, host, &err);
	need(after != NULL, &err);
	if (before == NULL)
		after->made = time(NULL) - 10;
	after->is_leaving |= is_leaving;
	for (; wants->selector != NULL; wants++) {
		struct ring_key *rk = ring_find(after, wants->selector);

		if (rk == NULL || rk->state == KEY_GONE) {
			rk = ring_add_key(after, &err);
			need(rk != NULL, &err);
			make_key(rk, lock, wants);
		}
		fill_key(rk, wants);
	}
	need(ringlock_commit(lock, before, after, &note, &err) == 0, &err);
	ringstore_unlock(lock);
	ring_free(before);
	ring_free(after);
}

/* Remove all rings, tables and records. */
static void
clean(void)
{
	char command[256];

	snprintf(command, sizeof(command),
	    "cd %s && mkdir -p -m 700 rings && "
	    "rm -rf rings/* held KeyTable SigningTable *.pem",
	    dir);
	if (system(command) != 0)
		abort();
	put("keyturn.conf", "rings = \"rings\";\n");
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

	need(next != NULL, &err);
	snap_free(*s);
	*s = next;
}

/* The selectors that sign for an author in domain, and "!" for broken ones. */
static const char *
signers(const struct snap *s, const char *domain)
{
	static char text[256];
	struct err err = ERR_INIT;
	struct policy *p = policy_map(s->policy_fd, &err);
	struct policy_match m;

	need(p != NULL, &err);
	text[0] = '\0';
	if (!policy_find(p, "x", domain, &m))
		strlcat(text, "-", sizeof(text));
	for (size_t i = 0; i < m.count; i++) {
		const struct policy_key *k = &m.keys[i];

		strlcat(text, i ? " " : "", sizeof(text));
		strlcat(text, k->selector, sizeof(text));
		if (k->state != POLICY_KEY_GOOD)
			strlcat(text, "!", sizeof(text));
		else if (snap_find(s, k->id) == NULL)
			strlcat(text, "?", sizeof(text));
	}
	if (m.idle_ring != NULL)
		strlcat(text, m.idle == POLICY_KEY_NOT_YET ? "not yet" : "none",
		    sizeof(text));
	policy_unmap(p);
	return text;
}

static void
test_states(void)
{
	static const struct {
		const char *name;
		struct want keys[4];
		bool is_leaving;
		const char *want;
		const char *problem; /* part of it, or NULL */
	} cases[] = {
		{ "generated", { { "a", KEY_GENERATED, 0, false } }, false,
		    "not yet", NULL },
		{ "published", { { "a", KEY_PUBLISHED, 0, false } }, false,
		    "not yet", NULL },
		{ "ready", { { "a", KEY_READY, 's', false } }, false, "not yet",
		    NULL },
		{ "active", { { "a", KEY_ACTIVE, 's', false } }, false, "a",
		    NULL },
		{ "active by force", { { "a", KEY_ACTIVE, 'f', false } }, false,
		    "a", NULL },
		{ "active without evidence", { { "a", KEY_ACTIVE, 0, false } },
		    false, "!", "a is named active without evidence" },
		{ "active with evidence for another",
		    { { "a", KEY_ACTIVE, 'o', false } }, false, "!",
		    "a is named active without evidence" },
		{ "one of each",
		    { { "a", KEY_RETIRING, 's', false },
		        { "b", KEY_ACTIVE, 's', false },
		        { "c", KEY_READY, 's', false } },
		    false, "b", NULL },
		{ "retired", { { "a", KEY_RETIRING, 's', false } }, false, "!",
		    "has had an active key and has none now" },
		{ "retired and leaving", { { "a", KEY_RETIRING, 's', false } },
		    true, "none", NULL },
		{ "gone and leaving", { { "a", KEY_GONE, 's', false } }, true,
		    "none", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snap *s = NULL;
		const char *problem;

		clean();
		ring("a.example", cases[i].keys, cases[i].is_leaving);
		reload(&s);
		is_str(signers(s, "a.example"), cases[i].want, cases[i].name);
		problem = s->rings[0].problem;
		ok(cases[i].problem == NULL
		        ? problem == NULL && s->broken_count == 0
		        : problem && strstr(problem, cases[i].problem) &&
		            s->broken_count == 1,
		    "its problem: %s", problem ? problem : "none");
		is_str(signers(s, "x.a.example"), "-", "not for those below");
		snap_free(s);
	}
}

static const struct want first[] = { { "s1", KEY_ACTIVE, 's', false },
	{ NULL, KEY_GENERATED, 0, false } };
static const struct want second[] = { { "s1", KEY_RETIRING, 's', false },
	{ "s2", KEY_ACTIVE, 's', false }, { NULL, KEY_GENERATED, 0, false } };
static const struct want third[] = { { "s2", KEY_RETIRING, 's', false },
	{ "s3", KEY_ACTIVE, 's', false }, { NULL, KEY_GENERATED, 0, false } };

/* Ways in which a.example cannot be used, s2 being its active key. */
static void
spoil_key(void)
{
	if (system("exec rm -f \"$D\"/rings/a.example/s2*.pem") != 0)
		abort();
}

static void
spoil_key_mode(void)
{
	if (system("exec chmod 644 \"$D\"/rings/a.example/s2*.pem") != 0)
		abort();
}

static void
spoil_key_other(void)
{
	if (system("cd \"$D\"/rings/a.example && cat s1*.pem > x && "
	           "cat x > $(echo s2*.pem)") != 0)
		abort();
}

static void
spoil_conf(void)
{
	put("rings/a.example/ring.conf", "junk\n");
}

static void
spoil_journal(void)
{
	put("rings/a.example/journal", "");
}

static void
spoil_unproven(void)
{
	static const struct want wants[] = { { "s2", KEY_ACTIVE, 'o', false },
		{ NULL, KEY_GENERATED, 0, false } };

	ring("a.example", wants, false);
}

static void
spoil_all(void)
{
	if (system("exec rm -rf \"$D\"/rings/a.example") != 0)
		abort();
}

static void
test_kept(void)
{
	static const struct {
		const char *name;
		void (*spoil)(void);
		const char *start; /* what a start does then */
	} cases[] = {
		{ "no key file", spoil_key, "!" },
		{ "an open key file", spoil_key_mode, "!" },
		{ "another key in the file", spoil_key_other, "!" },
		{ "junk in ring.conf", spoil_conf, "!" },
		{ "no journal", spoil_journal, "!" },
		{ "evidence for another key", spoil_unproven, "!" },
		{ "no ring", spoil_all, "-" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snap *s = NULL;
		uint64_t id;

		clean();
		ring("a.example", first, false);
		ring("b.example", first, false);
		reload(&s);
		id = s->entries[0].id;
		ring("a.example", second, false);
		cases[i].spoil();
		for (int times = 0; times < 2; times++) {
			reload(&s);
			is_str(signers(s, "a.example"), "s1", cases[i].name);
			ok(s->kept_count == 1 && s->broken_count == 0 &&
			        s->rings[0].state == ENTRY_KEPT &&
			        s->entries[0].id == id &&
			        s->entries[0].state == ENTRY_KEPT &&
			        s->rings[0].problem != NULL,
			    "kept: %s", s->rings[0].problem);
		}
		is_str(signers(s, "b.example"), "s1", "the other is served");
		snap_free(s);
		s = NULL;
		reload(&s);
		is_str(signers(s, "a.example"), cases[i].start, "at start");
		is_str(signers(s, "b.example"), "s1", "the other is served");
		snap_free(s);
	}
}

/* It says itself that it does not sign: that is not trouble to sit out. */
static void
test_stopped(void)
{
	static const struct want none[] = { { "s1", KEY_RETIRING, 's', false },
		{ NULL, KEY_GENERATED, 0, false } };
	struct snap *s = NULL;

	clean();
	ring("a.example", first, false);
	reload(&s);
	ring("a.example", none, false);
	reload(&s);
	is_str(signers(s, "a.example"), "!", "retired by hand: on_error");
	ok(s->index.count == 0, "and nothing is held");
	ring("a.example", none, true);
	reload(&s);
	is_str(signers(s, "a.example"), "none", "leaving: unsigned");
	snap_free(s);
}

static void
test_carried(void)
{
	struct timespec pause = { .tv_sec = 2, .tv_nsec = 100000000 };
	struct snap *s = NULL;
	struct err err;
	struct usage *usage;
	struct snap *next;

	clean();
	ring("a.example", first, false);
	ring("b.example", first, false);
	ring("c.example", third + 2, false);
	nanosleep(&pause, NULL);
	reload(&s);
	usage = s->entries[0].usage;
	atomic_store(&usage->signatures, 7);
	reload(&s);
	is_int((long long)s->carried_count, 2, "both keys are carried over");
	ok(s->entries[0].usage == usage && s->entries[1].usage != usage,
	    "with the count of what they are used for");
	ring("a.example", second, false);
	reload(&s);
	is_int((long long)s->carried_count, 1, "all but the ring that turned");
	is_str(signers(s, "a.example"), "s2", "which has its new key");
	nanosleep(&pause, NULL);
	reload(&s);
	put("keyturn.conf", "junk;\n");
	next = load(s, &err);
	ok(next == NULL, "a bad edit is refused: %s", err.text);
	next = snap_next(s, NULL, NULL, &err);
	ok(next != NULL && next->carried_count == 2 && next->conf == s->conf,
	    "and not looked at when only rings are loaded");
	snap_free(s);
	is_str(signers(next, "b.example"), "s1",
	    "which outlives what it was made from");
	snap_free(next);
}

/* Write a record of what was held for s1 of a.example. */
static void
put_held(unsigned long steps, time_t since)
{
	struct held held = { .count = 0 };
	unsigned char fingerprint[SHA256_LEN] = { 1 };
	struct err err = ERR_INIT;
	struct held_key *k =
	    held_add(&held, "a.example", "old", fingerprint, &err);

	need(k != NULL, &err);
	k->since = since;
	k->released = since;
	k->steps = steps;
	need(held_write(path("held"), &held, &err) == 0, &err);
	held_clear(&held);
}

/* A ring that has been further is an old copy, unless it is another ring. */
static void
test_steps(void)
{
	static const struct {
		const char *name;
		unsigned long steps;
		int since; /* seconds after the ring was made */
		const char *want;
	} cases[] = {
		{ "as many steps", 2, 5, "s2" },
		{ "fewer seen", 1, 5, "s2" },
		{ "more seen", 3, 5, "!" },
		{ "more seen, just when it was made", 3, 0, "!" },
		{ "more seen of a ring before it", 3, -1, "s2" },
	};
	struct err err = ERR_INIT;
	struct ring *r;
	time_t made;

	clean();
	ring("a.example", first, false);
	ring("a.example", second, false);
	r = ringstore_load(store, "a.example", host, NULL, &err);
	need(r != NULL, &err);
	made = r->made;
	ring_free(r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snap *s = NULL;

		put_held(cases[i].steps, made + cases[i].since);
		reload(&s);
		is_str(signers(s, "a.example"), cases[i].want, cases[i].name);
		if (s->rings[0].problem != NULL)
			ok(strstr(s->rings[0].problem,
			       "an old copy: it has 2 "
			       "steps, and keyturnd "
			       "has seen 3") != NULL,
			    "refused: %s", s->rings[0].problem);
		snap_free(s);
	}
	put("held", "junk\n");
	ok(load(NULL, &err) == NULL && err.code == ERR_CONF &&
	        strstr(err.text, "held:1:") != NULL,
	    "a damaged record: %s", err.text);
}

/* A selector that signs gets another key only if the DNS was seen to have it.
 */
static void
test_selectors(void)
{
	static const struct want slot[] = { { "k1", KEY_ACTIVE, 's', true },
		{ NULL, KEY_GENERATED, 0, false } };
	static const struct want gone[] = { { "k1", KEY_GONE, 's', true },
		{ NULL, KEY_GENERATED, 0, false } };
	static const struct want forced[] = { { "k1", KEY_ACTIVE, 'f', true },
		{ NULL, KEY_GENERATED, 0, false } };
	struct snap *s = NULL;
	uint64_t before;

	clean();
	ring("a.example", slot, false);
	reload(&s);
	before = s->entries[0].id;
	ring("a.example", gone, false);
	ring("a.example", slot, false);
	reload(&s);
	ok(s->rings[0].state == ENTRY_GOOD && s->entries[0].id != before,
	    "a slot with another key that was seen there");
	before = s->entries[0].id;
	ring("a.example", gone, false);
	ring("a.example", forced, false);
	reload(&s);
	ok(s->rings[0].state == ENTRY_KEPT && s->entries[0].id == before &&
	        strstr(s->rings[0].problem, "nobody has seen it there"),
	    "forced: %s", s->rings[0].problem);
	snap_free(s);
}

/* A key of the KeyTable and one of a ring under one selector. */
static void
test_conflict(void)
{
	struct err err = ERR_INIT;
	struct key *key;
	struct snap *s = NULL;

	clean();
	ring("a.example", first, false);
	key = key_generate(KEY_ED25519_SHA256, 0, &err);
	need(key && keyfile_write(path("k.pem"), key, &err) == 0, &err);
	key_put(key);
	put("KeyTable", "k a.example:s1:k.pem\n");
	put("SigningTable", "*@b.example k\n*@c.example A.Example\n");
	put("keyturn.conf",
	    "rings = \"rings\"; key_table = \"KeyTable\";\n"
	    "signing_table = \"SigningTable\";\n");
	reload(&s);
	is_str(signers(s, "a.example"), "s1",
	    "the ring has seen its key in the DNS and signs");
	is_str(signers(s, "c.example"), "s1", "by its name too");
	is_str(signers(s, "b.example"), "s1!", "the other does not");
	ok(s->entries[0].problem &&
	        strstr(s->entries[0].problem,
	            "two keys for s1._domainkey.a.example (line 1 and ring "
	            "a.example): the DNS has that of the ring"),
	    "which is said: %s", s->entries[0].problem);
	snap_free(s);
	s = NULL;
	ring("a.example",
	    (const struct want[]){ { "s1", KEY_ACTIVE, 'f', false },
	        { NULL, KEY_GENERATED, 0, false } },
	    false);
	reload(&s);
	is_str(signers(s, "a.example"), "s1!", "a forced one does not either");
	ok(s->broken_count == 2 && s->index.count == 0 && s->rings[0].problem,
	    "both are broken: %s", s->rings[0].problem);
	snap_free(s);
	s = NULL;
	if (system("cd \"$D\" && cat rings/a.example/s1*.pem > k.pem") != 0)
		abort();
	reload(&s);
	ok(s->broken_count == 0 && s->entries[0].id == s->entries[1].id &&
	        s->entries[0].usage == s->entries[1].usage,
	    "the same key twice is fine, and counted together");
	snap_free(s);
}

/* The directory of rings as a whole. */
static void
test_directory(void)
{
	struct snap *s = NULL;
	struct err err;

	clean();
	reload(&s);
	is_int((long long)s->ring_count, 0, "an empty one");
	snap_free(s);
	if (rmdir(path("rings")) == -1)
		abort();
	ok(load(NULL, &err) == NULL && err.code == ERR_CONF &&
	        strstr(err.text, "rings") != NULL,
	    "none where it should be: %s", err.text);
	put("rings", "");
	ok(load(NULL, &err) == NULL && err.code == ERR_CONF, "a file: %s",
	    err.text);
	put("keyturn.conf", "");
	s = load(NULL, &err);
	ok(s != NULL || access(CONF_RINGS_DEFAULT, F_OK) == 0,
	    "none at the default place");
	snap_free(s);
	unlink(path("rings"));
}

int
main(void)
{
	struct err err = ERR_INIT;
	char command[64];

	umask(077);
	if (mkdtemp(dir) == NULL || setenv("D", dir, 1) == -1)
		return 1;
	clean();
	store = ringstore_open_dir(path("rings"), &err);
	need(store != NULL && ringstore_host(host, &err) == 0, &err);
	test_states();
	test_kept();
	test_stopped();
	test_carried();
	test_steps();
	test_selectors();
	test_conflict();
	test_directory();
	ringstore_close(store);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		printf("# %s stays\n", dir);
	return tap_done();
}
