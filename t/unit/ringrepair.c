/*
 * ringstore: what a crash, a backup, a disk or a hand did to the files of a
 * ring is made good, or refused with the way out; and never taken for the ring.
 */
#include "storelab.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

#define CONF       DOMAIN "/ring.conf"
#define JOURNAL    DOMAIN "/journal"

enum { FLIPS = 300, HANG_SECONDS = 60 };

/* Both files as they were. */
struct saved {
	char *conf, *journal;
	size_t conf_len, journal_len;
};

static struct saved
save(void)
{
	struct saved s = { .conf = NULL };

	s.conf = get(CONF, &s.conf_len);
	s.journal = get(JOURNAL, &s.journal_len);
	must(s.conf != NULL && s.journal != NULL, "save");
	return s;
}

static void
restore(const struct saved *s)
{
	put(CONF, s->conf, s->conf_len);
	put(JOURNAL, s->journal, s->journal_len);
}

static void
saved_clear(struct saved *s)
{
	free(s->conf);
	free(s->journal);
}

/* Repair; what was said or, after "refused: ", why not. */
static const char *
repair(const char *host, unsigned long steps_seen)
{
	static char text[2 * ERR_TEXT_MAX];
	struct journal_note note = lab_note;
	struct ringlock *lock = must_lock();
	struct err err = ERR_INIT;
	struct buf said = BUF_INIT;

	note.what = "repair";
	note.steps_seen = steps_seen;
	if (ringlock_repair(lock, host, &note, &said, &err) == 0)
		snprintf(text, sizeof(text), "%s", buf_str(&said));
	else
		snprintf(text, sizeof(text), "refused: %s", err.text);
	buf_clear(&said);
	ringstore_unlock(lock);
	return text;
}

/* What repair says; %s is the directory. */
static void
says(const char *got, const char *want, const char *name)
{
	char text[2 * ERR_TEXT_MAX];

	snprintf(text, sizeof(text), want, lab_dir, lab_dir, lab_dir);
	is_str(got, text, name);
}

/* All of the journal replays to what is in the store. */
static bool
is_whole(void)
{
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	struct ring *ring, *replayed = NULL;
	bool is_good;

	ring = ringstore_load(lab_store, DOMAIN, NULL, NULL, &err);
	if (ringstore_journal(lab_store, DOMAIN, &text, &err) == 0)
		replayed = journal_replay("journal", text.data, text.len, NULL,
		    NULL, &err);
	is_good = ring != NULL && replayed != NULL &&
	    same_ring(ring, replayed) && ring->steps == replayed->steps &&
	    ring->journal_len == (long long)text.len;
	if (!is_good)
		printf("# %s\n", err.text);
	ring_free(ring);
	ring_free(replayed);
	buf_clear(&text);
	return is_good;
}

static void
test_nothing(void)
{
	struct ring *ring = fresh_ring(3);

	is_str(repair(NULL, 0), "nothing to repair\n", "a good ring");
	is_str(repair("relay1", 3), "nothing to repair\n", "of this host");
	ok(holds(ring, 0), "stays as it is");
	ring_free(ring);
}

static void
test_old_copy(void)
{
	struct ring *ring = fresh_ring(3), *taken;
	struct err err = ERR_INIT;
	struct saved old = save(), now;
	struct ringlock *lock;

	for (int i = 0; i < 4; i++)
		must_step(&ring);
	now = save();
	put(CONF, old.conf, old.conf_len);
	refuses_load(NULL,
	    "%s/example.com/ring.conf: an old copy (step 3, the journal has "
	    "7): run `keyturn repair example.com`",
	    "an old copy of ring.conf");
	lock = ringstore_lock(lab_store, DOMAIN, false, 0, &err);
	ok(lock != NULL, "it can be locked");
	ok(ringlock_load(lock, NULL, &err) == NULL, "but not loaded");
	taken = ring_copy(ring, &err);
	is_int(ringlock_commit(lock, ring, taken, &lab_note, &err), -1,
	    "nor changed");
	ring_free(taken);
	ringstore_unlock(lock);
	says(repair(NULL, 0),
	    "%s/example.com/ring.conf: not what the journal says (step 3)\n"
	    "ring.conf is as the journal says (step 7)\n",
	    "it is repaired");
	ok(holds(ring, 1), "to the last step, and one for the repair");
	ok(is_whole(), "the journal gives the same");
	ring_free(ring);
	saved_clear(&old);
	saved_clear(&now);
}

/* Only one line ahead: a writer died before the rename. */
static void
test_ahead(void)
{
	struct ring *ring = fresh_ring(3), *before;
	struct err err = ERR_INIT;
	struct saved old = save(), now;
	struct ringlock *lock;
	char *conf;
	size_t len = 0;

	before = ring_copy(ring, &err);
	must_step(&ring);
	now = save();
	put(CONF, old.conf, old.conf_len);
	ok(holds(ring, 0), "a line ahead counts");
	conf = get(CONF, &len);
	is_mem(conf, len, old.conf, old.conf_len, "reading changes nothing");
	free(conf);
	lock = must_lock();
	conf = get(CONF, &len);
	is_mem(conf, len, now.conf, now.conf_len, "the next lock writes it");
	free(conf);
	/* While the lock is held, the line is about to be: not yet. */
	put(CONF, old.conf, old.conf_len);
	ok(holds(before, 0), "a living writer's line does not count yet");
	ringstore_unlock(lock);
	unlink(path(DOMAIN "/lock"));
	must(mkfifo(path(DOMAIN "/lock"), 0600) == 0, "mkfifo");
	alarm(HANG_SECONDS);
	ok(holds(ring, 0), "a lock that is a FIFO is waited for by nobody");
	alarm(0);
	ring_free(before);
	ring_free(ring);
	saved_clear(&old);
	saved_clear(&now);
}

/* The first line, no ring.conf yet. */
static void
test_first(void)
{
	struct ring *ring = fresh_ring(1);
	struct saved now = save();
	struct ringlock *lock;
	char *conf;
	size_t len = 0;

	unlink(path(CONF));
	ok(ringstore_has(lab_store, DOMAIN), "the journal makes the ring");
	ok(holds(ring, 0), "the first line counts");
	lock = must_lock();
	conf = get(CONF, &len);
	is_mem(conf, len, now.conf, now.conf_len, "the next lock writes it");
	unlink(path(CONF));
	ok(holds(ring, 0), "by a living writer it counts as well");
	ringstore_unlock(lock);
	put(JOURNAL, now.journal, now.journal_len - 1);
	ok(!ringstore_has(lab_store, DOMAIN), "a torn first line does not");
	refuses_load(NULL,
	    "%s/example.com: there is no such ring: `keyturn add example.com` "
	    "makes it",
	    "torn");
	free(conf);
	ring_free(ring);
	saved_clear(&now);
	ring = NULL;
	must_step(&ring);
	ok(holds(ring, 0), "and is no obstacle");
	ring_free(ring);
}

static void
test_torn(void)
{
	struct ring *ring = fresh_ring(3);
	struct saved now = save();
	struct err err = ERR_INIT;
	struct buf torn = BUF_INIT;
	size_t bad = 0;

	for (size_t len = 1; len < 600; len += 97) {
		struct ringlock *lock;
		struct stat st;

		buf_reset(&torn);
		buf_add(&torn, now.journal, now.journal_len);
		buf_add(&torn, now.journal, len);
		put(JOURNAL, torn.data, torn.len);
		bad += !holds(ring, 0);
		lock = ringstore_lock(lab_store, DOMAIN, false, 0, &err);
		must(lock != NULL, err.text);
		must(stat(path(JOURNAL), &st) == 0, JOURNAL);
		bad += (size_t)st.st_size != now.journal_len;
		ringstore_unlock(lock);
	}
	is_int((long long)bad, 0, "a torn line does not count and is cut off");
	must_step(&ring);
	ok(is_whole(), "and the next step follows");
	buf_clear(&torn);
	ring_free(ring);
	saved_clear(&now);
}

/* ring.conf is good, and the journal is an old copy. */
static void
test_old_journal(void)
{
	struct ring *ring = fresh_ring(3);
	struct saved old = save();
	char want[ERR_TEXT_MAX], *aside;
	size_t len = 0;

	must_step(&ring);
	must_step(&ring);
	put(JOURNAL, old.journal, old.journal_len);
	snprintf(want, sizeof(want),
	    "%%s/example.com/journal: cut, or an old copy (%zu bytes, "
	    "ring.conf "
	    "knows of %lld): run `keyturn repair example.com`",
	    old.journal_len, ring->journal_len);
	refuses_load(NULL, want, "an old copy of the journal");
	says(repair(NULL, 0),
	    "the old journal is kept as %s/example.com/journal.1\n"
	    "%s/example.com/journal: not what ring.conf says (step 3)\n"
	    "ring.conf is good (step 5): a new journal begins with it\n",
	    "it is repaired");
	ok(holds(ring, 1), "nothing that ring.conf knew is lost");
	ok(is_whole(), "the new journal gives the same");
	aside = get(JOURNAL ".1", &len);
	is_mem(aside, len, old.journal, old.journal_len, "the old one is kept");
	free(aside);
	saved_clear(&old);
	ring_free(ring);
}

static void
test_no_journal(void)
{
	struct ring *ring = fresh_ring(3);

	unlink(path(JOURNAL));
	refuses_load(NULL,
	    "%s/example.com/journal: No such file or directory: run `keyturn "
	    "repair example.com`",
	    "no journal");
	says(repair(NULL, 0),
	    "%s/example.com/journal: No such file or directory\n"
	    "ring.conf is good (step 3): a new journal begins with it\n",
	    "it is repaired");
	ok(holds(ring, 1) && is_whole(), "and as before");
	ok(!is_there(JOURNAL ".1"), "nothing was put aside");
	ring_free(ring);
}

/* A line in the middle: loading does not look there, a repair does. */
static void
test_middle(void)
{
	struct ring *ring = fresh_ring(4);
	struct saved now = save();

	memcpy(strstr(now.journal, "\"test\""), "\"rest\"", 6);
	put(JOURNAL, now.journal, now.journal_len);
	ok(holds(ring, 0), "what is damaged long ago does not stop the ring");
	says(repair(NULL, 0),
	    "the old journal is kept as %s/example.com/journal.1\n"
	    "%s/example.com/journal:2: previous: not the SHA-256 of the line "
	    "before: a line was changed, lost or added\n"
	    "ring.conf is good (step 4): a new journal begins with it\n",
	    "it is repaired");
	ok(holds(ring, 1) && is_whole(), "and as before");
	saved_clear(&now);
	ring_free(ring);
}

static void
test_no_conf(void)
{
	struct ring *ring = fresh_ring(3);

	unlink(path(CONF));
	refuses_load(NULL,
	    "%s/example.com/ring.conf: lost (the journal has step 3): run "
	    "`keyturn repair example.com`",
	    "no ring.conf");
	ok(ringstore_has(lab_store, DOMAIN), "there is a ring, though");
	says(repair(NULL, 0),
	    "%s/example.com/ring.conf: No such file or directory\n"
	    "ring.conf is as the journal says (step 3)\n",
	    "it is repaired");
	ok(holds(ring, 1) && is_whole(), "and as before");
	ring_free(ring);
}

/* An edit by hand, with or without a torn line behind. */
static void
test_edited(void)
{
	static const char sum[] =
	    "%s/example.com/ring.conf: damaged, or changed by hand: its "
	    "SHA-256 is not that of its last line";
	struct ring *ring = fresh_ring(3);
	struct saved now = save();
	struct buf torn = BUF_INIT, want = BUF_INIT;
	char *at = strstr(now.conf, "relay1");

	memcpy(at, "relay9", 6);
	put(CONF, now.conf, now.conf_len);
	buf_add(&torn, now.journal, now.journal_len);
	buf_adds(&torn, "{\"step\":4,\"ti");
	put(JOURNAL, torn.data, torn.len);
	buf_printf(&want, "%s: run `keyturn repair example.com`", sum);
	refuses_load(NULL, buf_str(&want), "an edit");
	buf_reset(&want);
	buf_printf(&want, "%s\nring.conf is as the journal says (step 3)\n",
	    sum);
	says(repair(NULL, 0), buf_str(&want), "it is repaired");
	ok(holds(ring, 1) && is_whole(), "and as before");
	buf_clear(&torn);
	buf_clear(&want);
	saved_clear(&now);
	ring_free(ring);
}

/* Neither is good, or the better one is not good enough. */
static void
test_both(void)
{
	struct ring *ring = fresh_ring(3);
	struct saved old = save(), now;

	must_step(&ring);
	must_step(&ring);
	now = save();
	memcpy(strstr(now.journal, "\"test\""), "\"rest\"", 6);
	put(JOURNAL, now.journal, now.journal_len);
	put(CONF, old.conf, old.conf_len);
	says(repair(NULL, 0),
	    "refused: %s/example.com/journal:2: previous: not the SHA-256 of "
	    "the line before: a line was changed, lost or added; and ring.conf "
	    "is an old copy (step 3, the journal has 5): bring one of the two "
	    "back from a backup",
	    "a damaged journal, an old ring.conf");
	put(CONF, now.conf, now.conf_len / 2);
	says(repair(NULL, 0),
	    "refused: %s/example.com/journal:2: previous: not the SHA-256 of "
	    "the line before: a line was changed, lost or added; and "
	    "%s/example.com/ring.conf: cut, or not written by keyturn: its "
	    "last line is not its SHA-256: bring one of the two back from a "
	    "backup",
	    "both damaged");
	ok(!is_there(JOURNAL ".1"), "nothing was moved");
	put(CONF, now.conf, now.conf_len);
	ok(holds(ring, 0), "one of the two is enough");
	saved_clear(&old);
	saved_clear(&now);
	ring_free(ring);
}

/* The ring of another host, of another domain; a whole old directory. */
static void
test_taken(void)
{
	struct ring *ring = fresh_ring(2), *got;
	struct err err = ERR_INIT;
	struct saved now;

	is_str(repair("relay2", 0),
	    "ring.conf is as the journal says (step 2)\n"
	    "the ring was of host relay1, now of relay2\n",
	    "taken over");
	got = ringstore_load(lab_store, DOMAIN, "relay2", NULL, &err);
	ok(got != NULL, "it is the other host's now");
	ring_free(got);
	refuses_load("relay1",
	    "%s/example.com/ring.conf: the ring of another host, relay2 (this "
	    "is relay1): `keyturn repair --foreign example.com` takes it over, "
	    "once that host signs with it no more",
	    "and this one's no more");
	is_str(repair(NULL, 10), "ring.conf is as the journal says (step 3)\n",
	    "less than what was seen");
	got = ringstore_load(lab_store, DOMAIN, NULL, NULL, &err);
	is_int(got != NULL ? (long long)got->steps : 0, 11, "goes beyond it");
	ok(is_whole(), "in the journal too");
	ring_free(got);
	now = save();
	must(mkdir(path("copy.example"), 0700) == 0, "mkdir");
	put("copy.example/ring.conf", now.conf, now.conf_len);
	put("copy.example/journal", now.journal, now.journal_len);
	ok(ringstore_load(lab_store, "copy.example", NULL, NULL, &err) == NULL,
	    "a copy under another name");
	ok(strstr(err.text,
	       "copy.example/ring.conf: the ring of another "
	       "domain: example.com") != NULL,
	    "it says");
	saved_clear(&now);
	ring_free(ring);
}

/* What is ours and half-written goes, everything else stays. */
static void
test_strangers(void)
{
	static const char *const ours[] = { "ring.conf.new", "journal.new",
		"s1.pem.new" };
	static const char *const others[] = { "notes.txt", "s1.pem.bak",
		"Notes.new", "journal.1", "ring.conf.old", "x.pem" };
	struct ring *ring = fresh_ring(2);
	char name[64];

	for (size_t i = 0; i < LEN(ours); i++) {
		snprintf(name, sizeof(name), DOMAIN "/%s", ours[i]);
		put(name, "x", 1);
	}
	for (size_t i = 0; i < LEN(others); i++) {
		snprintf(name, sizeof(name), DOMAIN "/%s", others[i]);
		put(name, "x", 1);
	}
	must_step(&ring);
	for (size_t i = 0; i < LEN(ours); i++) {
		snprintf(name, sizeof(name), DOMAIN "/%s", ours[i]);
		ok(!is_there(name), "%s is removed", ours[i]);
	}
	for (size_t i = 0; i < LEN(others); i++) {
		snprintf(name, sizeof(name), DOMAIN "/%s", others[i]);
		ok(is_there(name), "%s stays", others[i]);
	}
	ring_free(ring);
}

/*
 * A flipped bit anywhere in either file: the ring loads as it was or is
 * refused, and a repair makes it as it was or refuses.
 */
static void
test_flips(void)
{
	struct ring *ring = fresh_ring(4);
	struct saved now = save();
	size_t wrong = 0, refused = 0, repaired = 0, cursed = 0;

	for (size_t i = 0; i < FLIPS; i++) {
		bool in_conf = rand_below(2);
		char *data = in_conf ? now.conf : now.journal;
		size_t len = in_conf ? now.conf_len : now.journal_len;
		size_t at = rand_below((unsigned)len);
		char old = data[at];
		struct err err = ERR_INIT;
		struct ring *got;

		data[at] ^= (char)(1 << rand_below(8));
		restore(&now);
		data[at] = old;
		got = ringstore_load(lab_store, DOMAIN, NULL, NULL, &err);
		refused += got == NULL;
		wrong += got != NULL && !same_ring(got, ring);
		cursed += in_conf && got != NULL;
		ring_free(got);
		repaired += strncmp(repair(NULL, 0), "refused", 7) != 0;
		got = ringstore_load(lab_store, DOMAIN, NULL, NULL, &err);
		wrong += got == NULL || !same_ring(got, ring);
		ring_free(got);
		unlink(path(JOURNAL ".1"));
	}
	is_int((long long)wrong, 0, "no flipped bit makes another ring");
	is_int((long long)cursed, 0, "none in ring.conf goes unnoticed");
	is_int((long long)repaired, FLIPS, "each is repaired");
	ok(refused > 0, "not all were harmless: %zu", refused);
	saved_clear(&now);
	ring_free(ring);
}

int
main(void)
{
	lab_start();
	test_nothing();
	test_old_copy();
	test_ahead();
	test_first();
	test_torn();
	test_old_journal();
	test_no_journal();
	test_middle();
	test_no_conf();
	test_edited();
	test_both();
	test_taken();
	test_strangers();
	test_flips();
	return tap_done();
}
