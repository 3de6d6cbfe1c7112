/*
 * A store of rings in a directory of the test's own, and its files by hand.
 */
#ifndef KEYTURN_TEST_STORELAB_H
#define KEYTURN_TEST_STORELAB_H

#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "randring.h"
#include "ringstore.h"
#include "tap.h"

#define DOMAIN "example.com"

static char lab_dir[] = "/tmp/keyturn-rings.XXXXXX";
static struct ringstore *lab_store;
static pid_t lab_owner;

static const struct journal_note lab_note = {
	.when = 1795380474,
	.who = "test",
	.what = "step",
};

/* Ends the test when the system refuses what it needs. */
__attribute__((unused)) static void
must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! ");
	fflush(stdout);
	perror(what);
	exit(1);
}

/* A path in the directory, good for the next three calls. */
__attribute__((unused)) static const char *
path(const char *name)
{
	static char paths[4][512];
	static unsigned next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s", lab_dir, name);
	return p;
}

__attribute__((unused)) static void
lab_clean(void)
{
	char command[128];

	if (getpid() != lab_owner)
		return;
	ringstore_close(lab_store);
	snprintf(command, sizeof(command), "rm -rf %s", lab_dir);
	if (system(command) != 0)
		perror(command);
}

__attribute__((unused)) static void
lab_start(void)
{
	struct err err = ERR_INIT;

	must(mkdtemp(lab_dir) != NULL, lab_dir);
	lab_owner = getpid();
	lab_store = ringstore_open_dir(lab_dir, &err);
	must(lab_store != NULL, err.text);
	atexit(lab_clean);
}

/* All of a file, NUL-terminated, to be freed; NULL: there is none. */
__attribute__((unused)) static char *
get(const char *name, size_t *len)
{
	int fd = open(path(name), O_RDONLY);
	struct stat st;
	char *data;

	if (fd == -1)
		return NULL;
	must(fstat(fd, &st) == 0, name);
	data = malloc((size_t)st.st_size + 1);
	must(data != NULL && read(fd, data, (size_t)st.st_size) == st.st_size,
	    name);
	close(fd);
	data[st.st_size] = '\0';
	*len = (size_t)st.st_size;
	return data;
}

/* Write a file anew, mode 0600. */
__attribute__((unused)) static void
put(const char *name, const char *data, size_t len)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(fd != -1 && write(fd, data, len) == (ssize_t)len && close(fd) == 0,
	    name);
}

__attribute__((unused)) static bool
is_there(const char *name)
{
	struct stat st;

	return lstat(path(name), &st) == 0;
}

__attribute__((unused)) static struct ringlock *
must_lock(void)
{
	struct err err = ERR_INIT;
	struct ringlock *lock =
	    ringstore_lock(lab_store, DOMAIN, true, 10, &err);

	if (lock == NULL)
		printf("# %s\n", err.text);
	must(lock != NULL, "lock");
	return lock;
}

/* One commit; *ring (NULL: the first) becomes what is in the store. */
__attribute__((unused)) static void
must_step(struct ring **ring)
{
	struct err err = ERR_INIT;
	struct ringlock *lock = must_lock();
	struct ring *after =
	    *ring != NULL ? ring_copy(*ring, &err) : rand_ring(2);

	if (*ring != NULL) {
		after->is_leaving = !after->is_leaving;
		after->keys[0].evidence.wait++;
	}
	if (ringlock_commit(lock, *ring, after, &lab_note, &err) == -1) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	ringstore_unlock(lock);
	ring_free(*ring);
	*ring = after;
}

/* A ring of that many steps, where there was none. */
__attribute__((unused)) static struct ring *
fresh_ring(size_t steps)
{
	struct ring *ring = NULL;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/" DOMAIN, lab_dir);
	must(system(command) == 0, command);
	for (size_t i = 0; i < steps; i++)
		must_step(&ring);
	return ring;
}

/* Loading is refused with that text; %s is the directory. */
__attribute__((unused)) static void
refuses_load(const char *host, const char *want, const char *name)
{
	struct err err = ERR_INIT;
	struct ring *ring = ringstore_load(lab_store, DOMAIN, host, NULL, &err);
	char text[ERR_TEXT_MAX];

	snprintf(text, sizeof(text), want, lab_dir, lab_dir, lab_dir);
	ok(ring == NULL && err.code == ERR_KEY, "%s: refused", name);
	is_str(err.text, text, name);
	ring_free(ring);
}

/* What is in the store is want, with as many steps and more. */
__attribute__((unused)) static bool
holds(const struct ring *want, unsigned long more)
{
	struct err err = ERR_INIT;
	struct ring *ring = ringstore_load(lab_store, DOMAIN, NULL, NULL, &err);
	bool is_good = ring != NULL && same_ring(ring, want) &&
	    ring->steps == want->steps + more;

	if (ring == NULL)
		printf("# %s\n", err.text);
	else if (!is_good)
		printf("# step %lu, not %lu\n", ring->steps,
		    want->steps + more);
	ring_free(ring);
	return is_good;
}

#endif
