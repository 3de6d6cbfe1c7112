/*
 * Where rings begin and end: made, with the first keys or with those that are
 * in use; marked as leaving.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "newkey.h"
#include "turn_job.h"

/* Whether a key of the ring is anything but gone. */
static bool
is_alive(const struct ring *ring)
{
	for (size_t i = 0; i < ring->key_count; i++) {
		if (ring->keys[i].state != KEY_GONE)
			return true;
	}
	return false;
}

/* Open the job of a ring that is locked.  Returns 0, or -1 with err set. */
static int
open_job(struct turner *t, struct ringlock *lock, const char *domain,
    struct job *j, struct err *err)
{
	if (known_load(t, domain, lock, &j->k, err) == -1)
		return -1;
	j->base = ring_copy(j->k.ring, err);
	return j->base != NULL ? 0 : -1;
}

static void
close_job(struct job *j)
{
	ring_free(j->base);
	known_clear(&j->k);
}

/* A new ring without keys, in the store. */
static int
make_ring(struct turner *t, struct ringlock *lock, const char *domain,
    struct err *err)
{
	struct journal_note note = { .when = t->clock.now.wall,
		.who = t->who,
		.what = "add",
		.evidence = NULL };
	struct ring *ring = ring_new(domain, t->host, err);
	int rc;

	if (ring == NULL)
		return -1;
	ring->made = t->clock.now.wall;
	rc = ringlock_commit(lock, NULL, ring, &note, err);
	ring_free(ring);
	return rc;
}

/* A key that is to be adopted. */
struct adopted {
	const char *selector;
	struct key *key;
};

static void
adopted_free(struct adopted *list, size_t count)
{
	for (size_t i = 0; list != NULL && i < count; i++)
		key_put(list[i].key);
	free(list);
}

/* Read them all, before anything is made.  NULL with err set. */
static struct adopted *
adopted_load(const struct turner *t, const struct turn_adopt *adopt,
    size_t count, struct err *err)
{
	struct adopted *list = calloc(count + 1, sizeof(*list));
	struct file_id id;

	if (list == NULL) {
		err_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		list[i].selector = adopt[i].selector;
		list[i].key = keyfile_load(adopt[i].file,
		    (unsigned)t->conf->minimum_rsa_bits, &id, err);
		if (list[i].key != NULL)
			continue;
		if (err->code == ERR_IO) /* not there, not ours to read */
			err->code = ERR_KEY;
		adopted_free(list, count);
		return NULL;
	}
	return list;
}

/* The ring gets a copy of the key, and of its name. */
static int
adopt_one(struct turner *t, struct ringlock *lock, struct job *j,
    const struct adopted *adopt, struct err *err)
{
	struct decision d = { .key = LIFE_NEW_KEY,
		.step = STEP_GENERATE,
		.text = "adopted: it signs already" };
	struct newkey_place place = { .lock = lock,
		.ring = j->k.ring,
		.rules = &j->k.rules,
		.now = t->clock.now.wall };
	struct ring_key made = { .record = NULL };
	struct buf what = BUF_INIT;
	const struct key *key = adopt->key;
	char *directory = NULL;
	int rc = -1;

	buf_printf(&what, "adopt %s", adopt->selector);
	if (asprintf(&directory, "%s/%s", t->conf->rings, j->k.ring->domain) ==
	        -1 ||
	    buf_str(&what) == NULL) {
		err_nomem(err);
		goto out;
	}
	place.directory = directory;
	d.alg = key_algorithm(key);
	d.bits = key_bits(key);
	if (newkey_take(&place, key, adopt->selector, &made, err) == -1)
		goto out;
	made.is_adopted = true;
	rc = life_apply(j->k.ring, &d, &j->k.facts, &j->k.rules, &t->clock,
	    &made, err);
	if (rc == 0)
		rc = turn_commit(t, lock, j, what.data, NULL, err);
	if (rc == -1)
		turn_forget_file(lock, &made);
out:
	free(directory);
	free(made.record);
	buf_clear(&what);
	return rc;
}

/* Whether an earlier run took that very key over. */
static bool
has_adopted(const struct ring *ring, const struct adopted *adopt)
{
	const struct ring_key *key = ring_find(ring, adopt->selector);

	return key != NULL && key->is_adopted && key->state != KEY_GONE &&
	    memcmp(key->fingerprint, key_fingerprint(adopt->key), SHA256_LEN) ==
	    0;
}

/* Refuse what cannot be adopted, before anything is changed. */
static int
check_adopted(const struct ring *ring, const struct adopted *adopt,
    size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct ring_key *key = ring_find(ring, adopt[i].selector);

		if (has_adopted(ring, &adopt[i]))
			continue;
		if (key != NULL)
			return err_set(err, ERR_KEY,
			    "%s: the ring has a key of that selector, which "
			    "is %s",
			    adopt[i].selector, key_state_name(key->state));
		if (ring_was_active(ring))
			return err_set(err, ERR_KEY,
			    "%s: this ring has signed: a key is adopted "
			    "before the first one does",
			    adopt[i].selector);
	}
	return 0;
}

/* Adopt what is not in the ring yet. */
static int
adopt_all(struct turner *t, struct ringlock *lock, struct job *j,
    const struct adopted *adopt, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!has_adopted(j->k.ring, &adopt[i]) &&
		    adopt_one(t, lock, j, &adopt[i], err) == -1)
			return -1;
	}
	return 0;
}

/* The ring in the store, with what is adopted. */
static int
begin(struct turner *t, const char *domain, const struct adopted *adopt,
    size_t count, struct err *err)
{
	struct job j = { .is_open = false };
	struct ringlock *lock;
	int rc = -1;

	lock = ringstore_lock(t->store, domain, true, TURN_LOCK_WAIT, err);
	if (lock == NULL)
		return -1;
	if (!ringstore_has(t->store, domain) &&
	    make_ring(t, lock, domain, err) == -1)
		goto out;
	if (open_job(t, lock, domain, &j, err) == -1)
		goto out;
	if (j.k.ring->is_leaving && is_alive(j.k.ring)) {
		err_set(err, ERR_KEY,
		    "it is being removed, and its old keys are not gone yet: "
		    "see `keyturn status %s`",
		    domain);
		goto out;
	}
	rc = check_adopted(j.k.ring, adopt, count, err);
	if (rc == 0 && j.k.ring->is_leaving) {
		j.k.ring->is_leaving = false;
		rc = turn_commit(t, lock, &j, "add", NULL, err);
	}
	if (rc == 0)
		rc = adopt_all(t, lock, &j, adopt, count, err);
out:
	close_job(&j);
	ringstore_unlock(lock);
	return rc;
}

/* The exit code for what went wrong while a ring was made or marked. */
static int
exit_of(const struct err *err)
{
	switch (err->code) {
	case ERR_IO:
		return CTL_CANNOT_WRITE;
	case ERR_CONF:
		return CTL_CONFIG;
	case ERR_KEY:
	case ERR_INPUT:
		return CTL_DATA;
	default:
		return CTL_NOT_YET;
	}
}

int
turn_add(struct turner *t, const char *domain, const struct turn_adopt *adopt,
    size_t adopt_count, struct turn_report *report, int *code, struct err *err)
{
	static const struct turn_rounds rounds = { .until = STEP_NONE };
	char name[DNSNAME_MAX + 1];
	char *domains[] = { name, NULL };
	struct adopted *list;
	int rc = -1;

	memset(report, 0, sizeof(*report));
	snprintf(name, sizeof(name), "%s", domain);
	t->is_auto = true;
	list = adopted_load(t, adopt, adopt_count, err);
	if (list != NULL && clock_now(&t->clock.now, err) == 0 &&
	    begin(t, domain, list, adopt_count, err) == 0)
		rc = turn_on(t, domains, &rounds, report, err);
	if (rc == -1)
		*code = exit_of(err);
	adopted_free(list, adopt_count);
	return rc;
}

/* As if every record had been seen to be gone. */
static void
forget_all(struct ring *ring, time_t now)
{
	for (size_t i = 0; i < ring->key_count; i++) {
		struct ring_key *key = &ring->keys[i];

		if (key->state == KEY_GONE)
			continue;
		if (key->retired == 0)
			key->retired = now;
		if (key->removed == 0)
			key->removed = now;
		key->gone_seen = now;
		key->state = KEY_GONE;
		key->armed = IRREVERSIBLE_NONE;
		key->armed_at = (struct moment){ .wall = 0 };
	}
}

int
turn_leave(struct turner *t, const char *domain, bool is_forgotten,
    struct err *err)
{
	struct job j = { .is_open = false };
	struct ringlock *lock;
	int rc = -1;

	lock = ringstore_lock(t->store, domain, false, TURN_LOCK_WAIT, err);
	if (lock == NULL)
		return -1;
	if (open_job(t, lock, domain, &j, err) == -1)
		goto out;
	rc = 0;
	if (j.k.ring->is_leaving && (!is_forgotten || !is_alive(j.k.ring)))
		goto out; /* it was said before */
	j.k.ring->is_leaving = true;
	if (is_forgotten)
		forget_all(j.k.ring, t->clock.now.wall);
	rc = turn_commit(t, lock, &j, is_forgotten ? "forget" : "remove", NULL,
	    err);
out:
	close_job(&j);
	ringstore_unlock(lock);
	return rc;
}
