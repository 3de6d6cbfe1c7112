/*
 * Gathers what is known of a ring: its rules, the last looks, what keyturnd
 * held, the state of its key files.  Reads only, and of what has not changed
 * no more than it must: a tick goes over every ring there is.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn.h"

static const struct key_facts unknown = { .cache_ttl = -1, .record_ttl = -1 };

void
known_clear(struct known *k)
{
	free(k->looks_path);
	looks_clear(&k->looks);
	ring_free(k->ring);
	free(k->keys);
	memset(k, 0, sizeof(*k));
}

struct ring *
turner_load(struct turner *t, const char *domain, struct ringlock *lock,
    struct err *err)
{
	const char *host = t->is_foreign ? NULL : t->host;
	struct ring *ring = lock != NULL
	    ? ringlock_load(lock, host, err)
	    : ringstore_load(t->store, domain, host, NULL, err);

	if (ring == NULL ||
	    held_check_steps(&t->held, t->conf->rings, ring, err) == 0)
		return ring;
	ring_free(ring);
	return NULL;
}

/* What keyturnd did with the key. */
static void
take_held(const struct turner *t, const struct ring *ring,
    const struct ring_key *key, struct key_facts *f)
{
	const struct held_key *h =
	    held_find(&t->held, ring->domain, key->selector, key->fingerprint);

	f->is_held = h != NULL && h->released == 0;
	f->held_since = h != NULL ? h->since : 0;
	f->last_signed = h != NULL ? h->last_signed : 0;
	f->released = h != NULL ? h->released : 0;
}

/* Whether there is no such file, which is more than that it was not read. */
static bool
is_missing(const struct turner *t, const struct ring *ring,
    const struct ring_key *key)
{
	char *path = NULL;
	struct stat st;
	bool is;

	if (asprintf(&path, "%s/%s/%s", t->conf->rings, ring->domain,
	        key->file) == -1)
		return false;
	is = lstat(path, &st) == -1 && errno == ENOENT;
	free(path);
	return is;
}

/*
 * Whether the key's file is what it should be.  One that is, without doubt,
 * the file that was read before is read again every `recheck`.
 */
static int
check_file(struct turner *t, struct known *k, const struct ring_key *key,
    struct key_facts *f, struct err *err)
{
	const struct look *last = looks_find(&k->looks, key);
	time_t now = t->clock.now.wall;
	struct err why = ERR_INIT;
	struct key *private;
	struct file_id id;
	struct look *l;

	if (last != NULL && last->file_read != 0 && last->file_read <= now &&
	    now - last->file_read < k->rules.recheck &&
	    ringstore_is_same_key(t->store, k->ring->domain, key,
	        &last->file)) {
		f->file = FILE_GOOD;
		return 0;
	}
	private = ringstore_load_key(t->store, k->ring->domain, key,
	    (unsigned)t->conf->minimum_rsa_bits, &id, &why);
	if (private == NULL) {
		/* Out of memory is no reason to turn. */
		f->file = why.code == ERR_KEY ||
		        (why.code == ERR_IO && is_missing(t, k->ring, key))
		    ? FILE_LOST
		    : FILE_UNKNOWN;
		return 0;
	}
	key_put(private);
	f->file = FILE_GOOD;
	l = looks_of(&k->looks, key, err);
	if (l == NULL)
		return -1;
	l->file_read = now;
	l->file = id;
	k->looks.has_changed = true;
	return 0;
}

/* The facts of key i of the ring, but for what the DNS says. */
static int
take_key(struct turner *t, struct known *k, size_t i, struct err *err)
{
	const struct ring_key *key = &k->ring->keys[i];
	struct key_facts *f = &k->keys[i];

	if (key->state != KEY_GONE || *key->file != '\0')
		take_held(t, k->ring, key, f);
	/* Those that sign, or will. */
	if (key->state <= KEY_ACTIVE)
		return check_file(t, k, key, f, err);
	return 0;
}

static int
take_facts(struct turner *t, struct known *k, struct err *err)
{
	size_t count = k->ring->key_count;

	/* One more than there are: an empty ring is no lack of memory. */
	k->keys = calloc(count + 1, sizeof(*k->keys));
	if (k->keys == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		k->keys[i] = unknown;
		if (take_key(t, k, i, err) == -1)
			return -1;
	}
	k->facts.keys = k->keys;
	k->facts.keyturnd_answers = t->keyturnd != KEYTURND_SILENT;
	k->facts.held_is_known = t->held_is_known;
	k->facts.min_wait = k->conf->dns.witness == DNS_WITNESS_RESOLVERS
	    ? k->conf->dns.min_wait
	    : 0;
	return 0;
}

int
known_load(struct turner *t, const char *domain, struct ringlock *lock,
    struct known *k, struct err *err)
{
	int rc = -1;

	memset(k, 0, sizeof(*k));
	k->conf = conf_for_ring(t->conf, domain);
	k->rules = k->conf->rotation;
	if (t->is_auto)
		k->rules.mode = ROTATION_AUTO;
	k->ring = turner_load(t, domain, lock, err);
	if (k->ring == NULL)
		goto out;
	if (asprintf(&k->looks_path, "%s/%s/looks", t->conf->rings, domain) ==
	    -1) {
		k->looks_path = NULL;
		err_nomem(err);
		goto out;
	}
	rc = looks_load(k->looks_path, &k->looks, err);
	if (rc == 0)
		rc = take_facts(t, k, err);
out:
	if (rc == -1)
		known_clear(k);
	return rc;
}

void
known_remember(struct known *k)
{
	for (size_t i = 0; i < k->ring->key_count; i++) {
		const struct look *l = looks_find(&k->looks, &k->ring->keys[i]);

		if (l == NULL || l->when == 0)
			continue;
		k->keys[i].sight = l->sight;
		k->keys[i].sight_text = l->text;
		k->keys[i].is_weak_sight = l->is_weak;
	}
}

int
known_take(struct turner *t, struct known *k, const struct ring *ring,
    struct err *err)
{
	struct ring *copy = ring_copy(ring, err);

	if (copy == NULL)
		return -1;
	ring_free(k->ring);
	k->ring = copy;
	free(k->keys);
	k->keys = NULL;
	return take_facts(t, k, err);
}
