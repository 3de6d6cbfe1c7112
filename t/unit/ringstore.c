/*
 * ringstore: what is committed is loaded, by whom it may be, and nobody gets in
 * between.  What happens to damaged rings is in ringrepair.c.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "storelab.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static void
test_open(void)
{
	static const struct {
		const char *name, *want;
	} bad[] = {
		{ "nothing",
		    "%s: there is no such directory, which the rings are to be "
		    "in: make it with mode 0700, owned by keyturnd's user" },
		{ "file", "%s: Not a directory" },
		{ "open", "%s: mode 0777 lets others write it: chmod go-w %s" },
	};

	put("file", "", 0);
	must(mkdir(path("open"), 0700) == 0 && chmod(path("open"), 0777) == 0,
	    "open");
	for (size_t i = 0; i < LEN(bad); i++) {
		struct err err = ERR_INIT;
		char want[ERR_TEXT_MAX];

		snprintf(want, sizeof(want), bad[i].want, path(bad[i].name),
		    path(bad[i].name));
		ok(ringstore_open_dir(path(bad[i].name), &err) == NULL,
		    "%s is refused", bad[i].name);
		is_str(err.text, want, "with its text");
		is_int(err.code, ERR_CONF, "as configuration");
	}
	unlink(path("file"));
	rmdir(path("open"));
	ringstore_close(NULL);
}

/* No text becomes a path but a domain. */
static void
test_domains(void)
{
	static const char *const bad[] = { "", ".", "..", "../example.com",
		"a/b", "/etc", "Example.com", "example.com.", "a b", "a..b",
		"-a", "a\n" };
	struct ring_key rk = { .file = "a.pem" };
	struct file_id id = { 0 }, ids[2] = { { 0 } };

	for (size_t i = 0; i < LEN(bad); i++) {
		struct err err = ERR_INIT;
		struct buf out = BUF_INIT;
		char want[64];

		snprintf(want, sizeof(want), "not a domain in lower case: %s",
		    bad[i]);
		ok(ringstore_lock(lab_store, bad[i], true, 0, &err) == NULL,
		    "domain %zu is not locked", i);
		ok(strcmp(err.text, want) == 0, "with its text");
		ok(ringstore_load(lab_store, bad[i], NULL, NULL, &err) ==
		            NULL &&
		        ringstore_load_key(lab_store, bad[i], &rk, 0, &id,
		            &err) == NULL &&
		        ringstore_journal(lab_store, bad[i], &out, &err) ==
		            -1 &&
		        !ringstore_has(lab_store, bad[i]) &&
		        !ringstore_is_same(lab_store, bad[i], ids) &&
		        !ringstore_is_same_key(lab_store, bad[i], &rk, &id),
		    "nor anything else");
	}
}

static void
test_life(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = NULL;
	struct buf journal = BUF_INIT;
	struct stat st;

	ok(!ringstore_has(lab_store, DOMAIN), "no ring yet");
	refuses_load(NULL,
	    "%s/example.com: there is no such ring: `keyturn add example.com` "
	    "makes it",
	    "none");
	ok(ringstore_lock(lab_store, DOMAIN, false, 0, &err) == NULL,
	    "none to lock");
	ok(!is_there(DOMAIN), "and none was made");
	err = (struct err)ERR_INIT;
	for (unsigned long i = 1; i <= 5; i++) {
		must_step(&ring);
		is_int((long long)ring->steps, (long long)i, "a step");
		ok(holds(ring, 0), "is in the store");
	}
	ok(ringstore_has(lab_store, DOMAIN), "there is a ring");
	is_int(ringstore_journal(lab_store, DOMAIN, &journal, &err), 0,
	    "its journal");
	is_int((long long)journal.len, ring->journal_len, "is that long");
	must(stat(path(DOMAIN), &st) == 0, DOMAIN);
	is_int(st.st_mode & 07777, 0700, "mode of the directory");
	must(stat(path(DOMAIN "/ring.conf"), &st) == 0, "ring.conf");
	is_int(st.st_mode & 07777, 0600, "mode of ring.conf");
	must(stat(path(DOMAIN "/journal"), &st) == 0, "journal");
	is_int(st.st_mode & 07777, 0600, "mode of the journal");
	ok(!is_there(DOMAIN "/ring.conf.new"), "nothing is left over");
	buf_clear(&journal);
	ring_free(ring);
}

static void
test_list(void)
{
	static const char *const names[] = { "b.example", "a.example",
		"xn--bcher-kva.example", "aa.example", "a" };
	struct err err = ERR_INIT;
	struct buf got = BUF_INIT;
	char **list;

	for (size_t i = 0; i < LEN(names); i++) {
		struct ringlock *lock =
		    ringstore_lock(lab_store, names[i], true, 0, &err);
		struct ring *ring = rand_ring(0);

		must(lock != NULL, err.text);
		snprintf(ring->domain, sizeof(ring->domain), "%s", names[i]);
		must(ringlock_commit(lock, NULL, ring, &lab_note, &err) == 0,
		    err.text);
		ringstore_unlock(lock);
		ring_free(ring);
	}
	/* Not rings: a file, names that are no domains, an empty directory. */
	put("file.example", "", 0);
	must(mkdir(path("Upper.example"), 0700) == 0 &&
	        mkdir(path("lost+found"), 0700) == 0 &&
	        mkdir(path("empty.example"), 0700) == 0,
	    "mkdir");
	/* A link is listed, so that it is refused and not passed over. */
	must(symlink("a.example", path("link.example")) == 0, "symlink");
	list = ringstore_list(lab_store, &err);
	must(list != NULL, err.text);
	for (size_t i = 0; list[i] != NULL; i++)
		buf_printf(&got, "%s ", list[i]);
	is_str(buf_str(&got),
	    "a a.example aa.example b.example example.com link.example "
	    "xn--bcher-kva.example ",
	    "the rings, in order");
	ringstore_free_list(list);
	ok(ringstore_load(lab_store, "link.example", NULL, NULL, &err) == NULL,
	    "a link is no ring");
	ok(strstr(err.text,
	       "link.example: not a directory, or a symbolic "
	       "link") != NULL,
	    "it says");
	unlink(path("link.example"));
	buf_clear(&got);
	ringstore_free_list(NULL);
}

/* Of two who started from the same ring, the second is refused. */
static void
test_base(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = fresh_ring(2), *old = ring_copy(ring, &err);
	struct ring *after, *other = rand_ring(1);
	struct ringlock *lock;
	char want[ERR_TEXT_MAX];

	must_step(&ring);
	lock = must_lock();
	after = ring_copy(old, &err);
	snprintf(want, sizeof(want),
	    "%s/example.com: changed by somebody else meanwhile: try again",
	    lab_dir);
	is_int(ringlock_commit(lock, old, after, &lab_note, &err), -1,
	    "from an older ring");
	is_str(err.text, want, "it says");
	is_int((long long)after->steps, 2, "its steps stay");
	is_int(ringlock_commit(lock, NULL, other, &lab_note, &err), -1,
	    "over a ring that is there");
	snprintf(other->domain, sizeof(other->domain), "other.example");
	is_int(ringlock_commit(lock, ring, other, &lab_note, &err), -1,
	    "of another domain");
	ring_free(after);
	/* What could not be loaded again is not written. */
	after = ring_copy(ring, &err);
	snprintf(after->keys[0].selector, sizeof(after->keys[0].selector), "%s",
	    after->keys[1].selector);
	is_int(ringlock_commit(lock, ring, after, &lab_note, &err), -1,
	    "a ring that is not sound");
	ring_free(after);
	after = ring_copy(ring, &err);
	after->keys[1].evidence.text[0] = '\0';
	after->keys[1].bits = 3;
	is_int(ringlock_commit(lock, ring, after, &lab_note, &err), -1,
	    "a key that is none");
	ok(strstr(err.text, "bits: not those of a key of") != NULL, "it says");
	ringstore_unlock(lock);
	ok(holds(ring, 0), "the ring is as before");
	ring_free(after);
	ring_free(other);
	ring_free(old);
	ring_free(ring);
}

static void
test_host(void)
{
	struct err err = ERR_INIT;
	struct ring *ring = fresh_ring(1), *got;
	char host[RING_HOST_MAX + 1];

	got = ringstore_load(lab_store, DOMAIN, "relay1", NULL, &err);
	ok(got != NULL, "its own host");
	ring_free(got);
	refuses_load("relay2",
	    "%s/example.com/ring.conf: the ring of another host, relay1 (this "
	    "is relay2): `keyturn repair --foreign example.com` takes it over, "
	    "once that host signs with it no more",
	    "another host");
	is_int(ringstore_host(host, &err), 0, "this host has a name");
	ok(strlen(host) > 0, "which is not empty");
	ring_free(ring);
}

/* Both files are what they were, settled, or there is doubt. */
static void
test_same(void)
{
	struct timespec left = { .tv_sec = 2, .tv_nsec = 100000000 };
	struct ring *ring = fresh_ring(2), *got;
	struct err err = ERR_INIT;
	struct file_id id[2], young[2];
	char *conf;
	size_t len = 0;

	got = ringstore_load(lab_store, DOMAIN, NULL, young, &err);
	ring_free(got);
	while (nanosleep(&left, &left) == -1)
		;
	ok(!ringstore_is_same(lab_store, DOMAIN, young),
	    "there is doubt of what was young when it was read");
	got = ringstore_load(lab_store, DOMAIN, NULL, id, &err);
	ring_free(got);
	ok(ringstore_is_same(lab_store, DOMAIN, id), "the same");
	conf = get(DOMAIN "/ring.conf", &len);
	put(DOMAIN "/ring.conf", conf, len);
	ok(!ringstore_is_same(lab_store, DOMAIN, id),
	    "the same bytes written again");
	got = ringstore_load(lab_store, DOMAIN, NULL, id, &err);
	ring_free(got);
	must_step(&ring);
	ok(!ringstore_is_same(lab_store, DOMAIN, id), "a step more");
	unlink(path(DOMAIN "/ring.conf"));
	ok(!ringstore_is_same(lab_store, DOMAIN, id), "gone");
	free(conf);
	ring_free(ring);
}

/* Who else could change a ring's files is told. */
static void
test_access(void)
{
	struct ring *ring = fresh_ring(1);

	must(chmod(path(DOMAIN "/ring.conf"), 0620) == 0, "chmod");
	refuses_load(NULL,
	    "%s/example.com/ring.conf: mode 0620 lets others write it: chmod "
	    "go-w %s/example.com/ring.conf",
	    "ring.conf open");
	must(chmod(path(DOMAIN "/ring.conf"), 0600) == 0 &&
	        chmod(path(DOMAIN "/journal"), 0602) == 0,
	    "chmod");
	refuses_load(NULL,
	    "%s/example.com/journal: mode 0602 lets others write it: chmod "
	    "go-w %s/example.com/journal",
	    "journal open");
	must(chmod(path(DOMAIN "/journal"), 0600) == 0 &&
	        chmod(path(DOMAIN), 0770) == 0,
	    "chmod");
	refuses_load(NULL,
	    "%s/example.com: mode 0770 lets others write it: chmod go-w "
	    "%s/example.com",
	    "directory open");
	must(chmod(path(DOMAIN), 0750) == 0, "chmod");
	ok(holds(ring, 0), "a group that may look is fine");
	must(rename(path(DOMAIN "/ring.conf"), path(DOMAIN "/other")) == 0 &&
	        symlink("other", path(DOMAIN "/ring.conf")) == 0,
	    "symlink");
	refuses_load(NULL, "%s/example.com/ring.conf: a symbolic link",
	    "ring.conf a link");
	unlink(path(DOMAIN "/ring.conf"));
	must(mkfifo(path(DOMAIN "/ring.conf"), 0600) == 0, "mkfifo");
	refuses_load(NULL, "%s/example.com/ring.conf: not a regular file",
	    "ring.conf a FIFO");
	ring_free(ring);
}

static void
test_owner(void)
{
	struct ring *ring = fresh_ring(1);

	if (geteuid() != 0) {
		ok(true, "files of other users # SKIP not root");
		ring_free(ring);
		return;
	}
	must(chown(path(DOMAIN "/ring.conf"), 12345, (gid_t)-1) == 0, "chown");
	refuses_load(NULL,
	    "%s/example.com/ring.conf: owned by user 12345, who could change "
	    "it: chown it to user 0",
	    "another owner");
	ring_free(ring);
}

/* As root: become whom the directory belongs to, and nobody else. */
static void
test_become(void)
{
	struct err err = ERR_INIT;
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		ok(true, "becoming the owner # SKIP not root");
		return;
	}
	must(mkdir(path("owned"), 0700) == 0 &&
	        chown(path("owned"), 12345, 23456) == 0,
	    "owned");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(ringstore_become_owner(path("owned"), &err) != 0 ? 1
		        : getuid() != 12345 || geteuid() != 12345 ||
		            getgid() != 23456 || getegid() != 23456 ||
		            getgroups(0, NULL) != 0
		        ? 2
		        : setuid(0) == 0 ? 3
		                         : 0);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	is_int(status, 0, "root becomes the owner, for good");
	is_int(ringstore_become_owner(path("nothing"), &err), -1, "nobody's");
	ok(strstr(err.text,
	       "/nothing: there is no such directory, which the "
	       "rings are to be in: make it") != NULL,
	    "it says");
	is_int(ringstore_become_owner(lab_dir, &err), 0, "root stays root");
	is_int(geteuid(), 0, "where root is the owner");
	rmdir(path("owned"));
}

static void
test_keys(void)
{
	struct err err = ERR_INIT;
	struct key *key = key_generate(KEY_ED25519_SHA256, 0, &err), *got;
	struct key *other = key_generate(KEY_ED25519_SHA256, 0, &err);
	struct ring *ring = fresh_ring(1);
	struct ring_key rk = { .selector = "s1", .file = "s1.pem" };
	struct ringlock *lock = must_lock();
	char is[RING_HEX_MAX], should[RING_HEX_MAX], want[ERR_TEXT_MAX];
	struct file_id id;
	struct stat st;

	memcpy(rk.fingerprint, key_fingerprint(key), SHA256_LEN);
	is_int(ringlock_write_key(lock, "s1.pem", key, &err), 0, "written");
	must(stat(path(DOMAIN "/s1.pem"), &st) == 0, "s1.pem");
	is_int(st.st_mode & 07777, 0600, "mode 0600");
	is_int(st.st_nlink, 1, "under one name");
	got = ringstore_load_key(lab_store, DOMAIN, &rk, 0, &id, &err);
	ok(got != NULL, "and loaded");
	key_put(got);
	snprintf(want, sizeof(want),
	    "%s/example.com/s1.pem: is there already and is never written "
	    "over: choose another name",
	    lab_dir);
	is_int(ringlock_write_key(lock, "s1.pem", other, &err), -1, "not over");
	is_str(err.text, want, "it says");
	ok(!is_there(DOMAIN "/s1.pem.new"), "nothing is left of the other");
	got = ringstore_load_key(lab_store, DOMAIN, &rk, 0, &id, &err);
	ok(got != NULL, "the first is there");
	key_put(got);
	is_int(ringlock_write_key(lock, "../s.pem", key, &err), -1, "a path");
	is_str(err.text, "not the name of a key's file: ../s.pem", "it says");
	is_int(ringlock_delete_key(lock, "ring.conf", &err), -1, "no key");
	ok(is_there(DOMAIN "/ring.conf"), "is deleted as one");
	/* Replaced by hand, open to others, gone. */
	is_int(ringlock_write_key(lock, "s2.pem", other, &err), 0, "another");
	must(rename(path(DOMAIN "/s2.pem"), path(DOMAIN "/s1.pem")) == 0, "mv");
	hex_text(key_fingerprint(other), is);
	hex_text(rk.fingerprint, should);
	snprintf(want, sizeof(want),
	    "%s/example.com/s1.pem: another key than that of selector s1: its "
	    "fingerprint is %s, not %s: put the right file back",
	    lab_dir, is, should);
	ok(ringstore_load_key(lab_store, DOMAIN, &rk, 0, &id, &err) == NULL,
	    "a replaced file");
	is_str(err.text, want, "it says");
	is_int(err.code, ERR_KEY, "the key cannot be used");
	must(chmod(path(DOMAIN "/s1.pem"), 0644) == 0, "chmod");
	ok(ringstore_load_key(lab_store, DOMAIN, &rk, 0, &id, &err) == NULL,
	    "an open file");
	ok(strstr(err.text, "mode 0644 lets others read it: chmod 0600") !=
	        NULL,
	    "it says");
	is_int(ringlock_delete_key(lock, "s1.pem", &err), 0, "deleted");
	ok(!is_there(DOMAIN "/s1.pem"), "it is gone");
	is_int(ringlock_delete_key(lock, "s1.pem", &err), 0, "and again");
	ok(ringstore_load_key(lab_store, DOMAIN, &rk, 0, &id, &err) == NULL,
	    "a lost file");
	ok(strstr(err.text, "/s1.pem: No such file or directory") != NULL,
	    "it says");
	rk.file[0] = '\0';
	ok(ringstore_load_key(lab_store, DOMAIN, &rk, 0, &id, &err) == NULL,
	    "a deleted key");
	is_str(err.text, "example.com: the private key of s1 was deleted",
	    "it says");
	ringstore_unlock(lock);
	ring_free(ring);
	key_put(key);
	key_put(other);
}

/* A process that holds the lock until it is killed.  It says when on a pipe. */
static pid_t
hold_lock(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	must(pipe(ends) == 0, "pipe");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (must_lock() == NULL || write(ends[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	must(read(ends[0], &byte, 1) == 1, "the holder of the lock");
	close(ends[0]);
	return pid;
}

static void
test_lock(void)
{
	struct ring *ring = fresh_ring(1);
	struct err err = ERR_INIT;
	char want[ERR_TEXT_MAX];
	struct ringlock *lock;
	pid_t pid = hold_lock();

	ok(ringstore_lock(lab_store, DOMAIN, false, 0, &err) == NULL,
	    "the lock is held");
	is_int(err.code, ERR_LIMIT, "it may be free later");
	snprintf(want, sizeof(want), "%s/example.com: held by pid %ld (",
	    lab_dir, (long)pid);
	ok(strncmp(err.text, want, strlen(want)) == 0, "by whom: %s", err.text);
	ok(strstr(err.text, ") since 2") != NULL, "since when");
	ok(ringstore_lock(lab_store, DOMAIN, false, 1, &err) == NULL,
	    "a second later still");
	ok(holds(ring, 0), "the ring can be read");
	must(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid, "kill");
	lock = ringstore_lock(lab_store, DOMAIN, false, 5, &err);
	ok(lock != NULL, "the death of the holder frees it");
	ringstore_unlock(lock);
	ringstore_unlock(NULL);
	ring_free(ring);
}

/* Without a ring nothing stays of a lock; with a key something does. */
static void
test_lock_makes(void)
{
	struct err err = ERR_INIT;
	struct key *key = key_generate(KEY_ED25519_SHA256, 0, &err);
	struct ringlock *lock;

	ring_free(fresh_ring(0));
	lock = must_lock();
	ok(is_there(DOMAIN), "a directory for a ring that is to be");
	ok(!ringstore_has(lab_store, DOMAIN), "which is not yet");
	ringstore_unlock(lock);
	ok(!is_there(DOMAIN), "is removed when none came to be");
	lock = must_lock();
	must(ringlock_write_key(lock, "s.pem", key, &err) == 0, err.text);
	ringstore_unlock(lock);
	ok(is_there(DOMAIN "/s.pem"), "but not with a key in it");
	key_put(key);
}

/* Two processes that take turns: no step is lost, no reader is misled. */
static void
test_writers(void)
{
	enum { EACH = 40 };
	struct ring *ring = fresh_ring(1), *got;
	struct err err = ERR_INIT;
	size_t bad = 0, back = 0;
	unsigned long last = 1;
	pid_t pids[2];
	int status, left = 2;

	fflush(stdout);
	for (size_t i = 0; i < 2; i++) {
		pids[i] = fork();
		for (int j = 0; pids[i] == 0 && j < EACH; j++) {
			struct ringlock *lock = must_lock();
			struct ring *before = ringlock_load(lock, NULL, &err);
			struct ring *after =
			    before != NULL ? ring_copy(before, &err) : NULL;

			if (after == NULL)
				_exit(1);
			after->is_leaving = !after->is_leaving;
			if (ringlock_commit(lock, before, after, &lab_note,
			        &err) == -1)
				_exit(2);
			ringstore_unlock(lock);
			ring_free(before);
			ring_free(after);
		}
		if (pids[i] == 0)
			_exit(0);
	}
	while (left > 0) {
		if (waitpid(-1, &status, WNOHANG) > 0) {
			left--;
			is_int(status, 0, "a writer made all of its steps");
		}
		got = ringstore_load(lab_store, DOMAIN, NULL, NULL, &err);
		if (got == NULL) {
			bad++;
			printf("# %s\n", err.text);
			continue;
		}
		back += got->steps < last;
		last = got->steps;
		ring_free(got);
	}
	is_int((long long)bad, 0, "the ring could be read all the time");
	is_int((long long)back, 0, "and never went back");
	got = ringstore_load(lab_store, DOMAIN, NULL, NULL, &err);
	is_int(got != NULL ? (long long)got->steps : -1, 1 + 2 * EACH,
	    "every step is there");
	ring_free(got);
	ring_free(ring);
}

/* No room: the ring is as before, and nothing lies about. */
static void
test_no_room(void)
{
	static const rlim_t rooms[] = { 10, 2000 };
	struct rlimit limit, small;

	must(getrlimit(RLIMIT_FSIZE, &limit) == 0, "getrlimit");
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < LEN(rooms); i++) {
		struct err err = ERR_INIT;
		struct ring *ring = fresh_ring(3);
		struct ring *after = ring_copy(ring, &err);
		struct ringlock *lock = must_lock();
		struct stat before, st;
		int rc;

		must(stat(path(DOMAIN "/journal"), &before) == 0, "journal");
		small = limit;
		/* For neither file, or for ring.conf but not the journal. */
		small.rlim_cur =
		    i == 0 ? rooms[i] : (rlim_t)before.st_size + 100;
		fflush(stdout);
		must(setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
		rc = ringlock_commit(lock, ring, after, &lab_note, &err);
		must(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
		is_int(rc, -1, "no room");
		ok(err.code == ERR_IO && strstr(err.text, "File too large"),
		    "it says: %s", err.text);
		is_int((long long)after->steps, (long long)ring->steps,
		    "no step was counted");
		ok(!is_there(DOMAIN "/ring.conf.new"), "nothing lies about");
		ok(stat(path(DOMAIN "/journal"), &st) == 0 &&
		        st.st_size == before.st_size,
		    "the journal is as it was");
		is_int(ringlock_commit(lock, ring, after, &lab_note, &err), 0,
		    "with room again it is done");
		ringstore_unlock(lock);
		ok(holds(after, 0), "and is there");
		ring_free(ring);
		ring_free(after);
	}
}

int
main(void)
{
	lab_start();
	test_open();
	test_domains();
	test_life();
	test_list();
	test_base();
	test_host();
	test_same();
	test_access();
	test_owner();
	test_become();
	test_keys();
	test_lock();
	test_lock_makes();
	test_writers();
	test_no_room();
	return tap_done();
}
