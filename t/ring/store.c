/*
 * Not a test: t/ring/store-crash.t has it work on a ring and kills it.
 *
 *   store DIRECTORY create|step|add|delete|repair|show
 *
 * Each of these is one step of the ring of example.com, as a subcommand would
 * do it: key files before the commit that names them, and deleted before the
 * commit that forgets them.  show prints the ring without and with the lock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringstore.h"

#define DOMAIN "example.com"

static const struct journal_note note = {
	.when = 1795380474,
	.who = "store",
	.what = "a step",
};

static int
fail(const struct err *err)
{
	fprintf(stderr, "store: %s\n", err->text);
	return 1;
}

/* A new key in ring, with its file. */
static int
add_key(struct ringlock *lock, struct ring *ring, struct err *err)
{
	struct key *key = key_generate(KEY_ED25519_SHA256, 0, err);
	struct ring_key *rk = ring_add_key(ring, err);
	int rc = -1;

	if (key == NULL || rk == NULL)
		goto out;
	snprintf(rk->selector, sizeof(rk->selector), "s%zu-%ld",
	    ring->key_count, (long)getpid());
	snprintf(rk->file, sizeof(rk->file), "%.200s.pem", rk->selector);
	rk->alg = KEY_ED25519_SHA256;
	rk->bits = 256;
	rk->made = note.when;
	rk->record = strdup("v=DKIM1; k=ed25519; p=");
	memcpy(rk->fingerprint, key_fingerprint(key), SHA256_LEN);
	if (rk->record != NULL)
		rc = ringlock_write_key(lock, rk->file, key, err);
out:
	key_put(key);
	return rc;
}

/* What the step makes of the ring, before it is committed. */
static int
change(const char *verb, struct ringlock *lock, struct ring *ring,
    struct err *err)
{
	struct ring_key *first = ring->keys;

	if (strcmp(verb, "create") == 0 || strcmp(verb, "add") == 0)
		return add_key(lock, ring, err);
	if (strcmp(verb, "delete") == 0) {
		if (ringlock_delete_key(lock, first->file, err) == -1)
			return -1;
		first->file[0] = '\0';
		return 0;
	}
	first->state = KEY_GONE;
	return 0;
}

static struct ring *
begin(bool is_new, struct ringlock *lock, struct err *err)
{
	struct ring *ring;

	if (!is_new)
		return ringlock_load(lock, "relay1", err);
	ring = ring_new(DOMAIN, "relay1", err);
	if (ring != NULL)
		ring->made = note.when;
	return ring;
}

static int
do_step(const char *verb, struct ringlock *lock, struct err *err)
{
	bool is_new = strcmp(verb, "create") == 0;
	struct ring *before = begin(is_new, lock, err), *after = NULL;
	int rc = -1;

	if (before != NULL)
		after = ring_copy(before, err);
	if (after != NULL)
		rc = change(verb, lock, after, err);
	if (rc == 0)
		rc = ringlock_commit(lock, is_new ? NULL : before, after, &note,
		    err);
	/* A file that no ring names is of no use. */
	if (rc == -1 && after != NULL && after->key_count > before->key_count) {
		struct err ignored;
		struct ring *now = ringlock_load(lock, NULL, &ignored);

		if (now == NULL || now->key_count == before->key_count)
			ringlock_delete_key(lock,
			    after->keys[before->key_count].file, &ignored);
		ring_free(now);
	}
	ring_free(before);
	ring_free(after);
	return rc;
}

static void
show(struct ringstore *s, const struct ring *ring, const struct err *err)
{
	if (ring == NULL) {
		printf("none: %s\n", err->text);
		return;
	}
	printf("step %lu:", ring->steps);
	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *rk = &ring->keys[i];
		struct err why = ERR_INIT;
		struct file_id id;
		struct key *key =
		    ringstore_load_key(s, DOMAIN, rk, 0, &id, &why);

		printf(" %.2s %s %s", rk->selector, key_state_name(rk->state),
		    key != NULL               ? "good"
		        : rk->file[0] == '\0' ? "deleted"
		                              : "lost");
		key_put(key);
	}
	putchar('\n');
}

static int
show_all(struct ringstore *s, struct err *err)
{
	struct ring *ring = ringstore_load(s, DOMAIN, "relay1", NULL, err);
	struct ringlock *lock;

	show(s, ring, err);
	ring_free(ring);
	lock = ringstore_lock(s, DOMAIN, false, 0, err);
	ring = lock != NULL ? ringlock_load(lock, "relay1", err) : NULL;
	show(s, ring, err);
	ring_free(ring);
	ringstore_unlock(lock);
	return 0;
}

static int
do_repair(struct ringlock *lock, struct err *err)
{
	struct buf said = BUF_INIT;
	int rc = ringlock_repair(lock, NULL, &note, &said, err);

	if (rc == 0 && buf_str(&said) != NULL)
		fputs(said.data, stdout);
	buf_clear(&said);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *verb = argc == 3 ? argv[2] : "";
	struct err err = ERR_INIT;
	struct ringstore *s =
	    argc == 3 ? ringstore_open_dir(argv[1], &err) : NULL;
	struct ringlock *lock;
	int rc;

	if (s == NULL)
		return fail(&err);
	if (strcmp(verb, "show") == 0) {
		rc = show_all(s, &err);
	} else {
		lock = ringstore_lock(s, DOMAIN, strcmp(verb, "create") == 0, 0,
		    &err);
		if (lock == NULL)
			rc = -1;
		else if (strcmp(verb, "repair") == 0)
			rc = do_repair(lock, &err);
		else
			rc = do_step(verb, lock, &err);
		ringstore_unlock(lock);
	}
	ringstore_close(s);
	return rc == -1 ? fail(&err) : 0;
}
