/*
 * Loads rings.  keyturnd reads no more of the life of keys than this: which are
 * named active with evidence for these very bytes, whether the ring ever had an
 * active one, and which have signed before.
 *
 * A ring that cannot be used keeps its last good keys as a whole: all of them
 * still have their records, since those are withdrawn only after keyturnd let
 * go of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "held.h"
#include "ring.h"
#include "ringstore.h"
#include "snap_rings.h"

/* While rings are loaded. */
struct loader {
	struct snap *snap;
	const struct snap *previous;
	struct ringstore *store; /* NULL: no directory */
	char host[RING_HOST_MAX + 1];
	const struct held *held; /* NULL: to be read into from_file */
	struct held from_file;
};

static void
ring_clear(struct snap_ring *r)
{
	free(r->domain);
	free(r->problem);
	free(r->unproven);
	for (size_t i = 0; i < r->trace_count; i++)
		free(r->traces[i].selector);
	free(r->traces);
}

void
snap_rings_free(struct snap *snap)
{
	for (size_t i = 0; i < snap->ring_count; i++)
		ring_clear(&snap->rings[i]);
	free(snap->rings);
}

static int
compare_domains(const void *a, const void *b)
{
	const struct snap_ring *x = a, *y = b;

	return strcmp(x->domain, y->domain);
}

struct snap_ring *
snap_find_ring(const struct snap *snap, const char *domain)
{
	const struct snap_ring wanted = { .domain = (char *)(uintptr_t)domain };

	if (snap->ring_count == 0)
		return NULL;
	return bsearch(&wanted, snap->rings, snap->ring_count,
	    sizeof(*snap->rings), compare_domains);
}

/*
 * Open the store of rings.  *store is NULL when there is no directory and none
 * is needed.  Returns 0, or -1 with err set.
 */
static int
open_store(const struct snap *snap, struct ringstore **store, struct err *err)
{
	*store = NULL;
	if (strcmp(snap->rings_path, CONF_RINGS_DEFAULT) == 0 &&
	    access(snap->rings_path, F_OK) == -1 && errno == ENOENT)
		return 0;
	*store = ringstore_open_dir(snap->rings_path, err);
	return *store == NULL ? -1 : 0;
}

/* Append a ring of which only the domain is known. */
static int
add_ring(struct snap *snap, const char *domain, bool is_there, struct err *err)
{
	struct snap_ring *r = &snap->rings[snap->ring_count];

	r->domain = strdup(domain);
	if (r->domain == NULL)
		return err_nomem(err);
	r->is_there = is_there;
	snap->ring_count++;
	return 0;
}

/* Fill snap->rings with the domains of list and of rings that have gone. */
static int
merge_rings(struct snap *snap, const struct snap *previous, char **list,
    struct err *err)
{
	size_t count = 0;

	while (list != NULL && list[count] != NULL)
		count++;
	snap->rings =
	    calloc(count + (previous != NULL ? previous->ring_count : 0) + 1,
	        sizeof(*snap->rings));
	if (snap->rings == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++)
		if (add_ring(snap, list[i], true, err) == -1)
			return -1;
	qsort(snap->rings, count, sizeof(*snap->rings), compare_domains);
	for (size_t i = 0; previous != NULL && i < previous->ring_count; i++) {
		const struct snap_ring *old = &previous->rings[i];
		size_t all = snap->ring_count;
		bool is_there;

		if (old->service != POLICY_KEY_GOOD)
			continue;
		snap->ring_count = count; /* those that are in order */
		is_there = snap_find_ring(snap, old->domain) != NULL;
		snap->ring_count = all;
		if (!is_there && add_ring(snap, old->domain, false, err) == -1)
			return -1;
	}
	qsort(snap->rings, snap->ring_count, sizeof(*snap->rings),
	    compare_domains);
	return 0;
}

int
snap_rings_list(struct snap *snap, const struct snap *previous, struct err *err)
{
	struct ringstore *store;
	char **list = NULL;
	int rc;

	if (open_store(snap, &store, err) == -1)
		return -1;
	if (store != NULL) {
		list = ringstore_list(store, err);
		ringstore_close(store);
		if (list == NULL)
			return -1;
	}
	rc = merge_rings(snap, previous, list, err);
	if (list != NULL)
		ringstore_free_list(list);
	return rc;
}

/* The key of old as its ring describes it, as far as that is needed. */
static void
describe_key(const struct entry *old, struct ring_key *rk)
{
	*rk = (struct ring_key){ .alg = key_algorithm(old->key),
		.bits = key_bits(old->key) };
	strlcpy(rk->selector, old->selector, sizeof(rk->selector));
	strlcpy(rk->file, old->path, sizeof(rk->file));
	memcpy(rk->fingerprint, key_fingerprint(old->key), SHA256_LEN);
}

/* Whether the key of old is without doubt still the one in the store. */
static bool
is_same_key(const struct loader *l, const struct entry *old)
{
	unsigned minimum = (unsigned)l->snap->conf->minimum_rsa_bits;
	struct ring_key rk;

	if (old->key == NULL ||
	    (key_algorithm(old->key) == KEY_RSA_SHA256 &&
	        key_bits(old->key) < minimum))
		return false;
	describe_key(old, &rk);
	return ringstore_is_same_key(l->store, old->ring, &rk, &old->file);
}

/* Forget the entries of r, which are the last of all. */
static void
drop_entries(struct loader *l, struct snap_ring *r)
{
	struct snap *snap = l->snap;

	while (snap->entry_count > r->first_entry)
		entry_clear(&snap->entries[--snap->entry_count]);
	r->entry_count = 0;
}

/* Take the entries of old over, in state.  Returns 0, or -1 with err set. */
static int
copy_entries(struct loader *l, struct snap_ring *r, const struct snap_ring *old,
    enum entry_state state, struct err *err)
{
	for (size_t i = 0; i < old->entry_count; i++) {
		struct entry *e = snap_add_entry(l->snap, err);

		if (e == NULL ||
		    entry_copy(e, &l->previous->entries[old->first_entry + i],
		        err) == -1)
			return -1;
		e->state = state;
		r->entry_count++;
	}
	return 0;
}

/* Copy what is known of old without its entries. */
static int
copy_ring(struct snap_ring *r, const struct snap_ring *old, struct err *err)
{
	r->service = old->service;
	memcpy(r->id, old->id, sizeof(r->id));
	r->made = old->made;
	r->steps = old->steps;
	if (old->unproven != NULL &&
	    (r->unproven = strdup(old->unproven)) == NULL)
		return err_nomem(err);
	r->traces = calloc(old->trace_count + 1, sizeof(*r->traces));
	if (r->traces == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < old->trace_count; i++) {
		r->traces[i] = old->traces[i];
		r->traces[i].selector = strdup(old->traces[i].selector);
		if (r->traces[i].selector == NULL)
			return err_nomem(err);
		r->trace_count++;
	}
	return 0;
}

/*
 * Carry r over from old when neither the ring nor any of its keys has changed.
 * Returns 1 when it has been, 0 when it must be read, -1 with err set.
 */
static int
carry_over(struct loader *l, struct snap_ring *r, const struct snap_ring *old,
    struct err *err)
{
	if (old == NULL || old->state != ENTRY_GOOD ||
	    !ringstore_is_same(l->store, r->domain, old->id))
		return 0;
	for (size_t i = 0; i < old->entry_count; i++)
		if (!is_same_key(l,
		        &l->previous->entries[old->first_entry + i]))
			return 0;
	if (copy_ring(r, old, err) == -1 ||
	    copy_entries(l, r, old, ENTRY_GOOD, err) == -1)
		return -1;
	l->snap->carried_count += old->entry_count;
	return 1;
}

/*
 * The ring cannot be used: keep what it had, or break it.  Returns 0, or -1
 * with err set.
 */
static int
keep_ring(struct loader *l, struct snap_ring *r, const struct snap_ring *old,
    const struct err *problem, struct err *err)
{
	r->problem = strdup(problem->text);
	if (r->problem == NULL)
		return err_nomem(err);
	drop_entries(l, r);
	if (old == NULL || old->service != POLICY_KEY_GOOD) {
		r->state = ENTRY_BROKEN;
		r->service = POLICY_KEY_BROKEN;
		return 0;
	}
	r->state = ENTRY_KEPT;
	if (copy_ring(r, old, err) == -1)
		return -1;
	return copy_entries(l, r, old, ENTRY_KEPT, err);
}

/* Read what was held, once. */
static int
need_held(struct loader *l, struct err *err)
{
	char *path;
	int rc;

	if (l->held != NULL)
		return 0;
	path = held_path(l->snap->rings_path);
	if (path == NULL)
		return err_nomem(err);
	rc = held_load(path, &l->from_file, err);
	l->held = &l->from_file;
	free(path);
	return rc;
}

/* Get the key that rk describes into e.  Returns 0, or -1 with err set. */
static int
load_key(struct loader *l, struct entry *e, const struct ring_key *rk,
    struct err *err)
{
	const struct entry *live = NULL;
	unsigned minimum = (unsigned)l->snap->conf->minimum_rsa_bits;
	bool is_other;

	if (l->previous != NULL)
		live = entry_find_selector(&l->previous->index, e->domain,
		    e->selector);
	is_other = live != NULL &&
	    memcmp(key_fingerprint(live->key), rk->fingerprint, SHA256_LEN) !=
	        0;
	/*
	 * Receivers look a key up by its selector, so one that signs can only
	 * get another key when the DNS was seen to have that one: then what
	 * the old one signs is worth nothing any more.
	 */
	if (is_other && rk->evidence.is_forced)
		return err_set(err, ERR_KEY,
		    "%s: another key than the one that signs as "
		    "%s._domainkey.%s, and nobody has seen it there",
		    rk->file, e->selector, e->domain);
	if (live != NULL && !is_other && live->ring != NULL &&
	    strcmp(live->path, rk->file) == 0 && is_same_key(l, live)) {
		e->key = key_get(live->key);
		e->file = live->file;
		l->snap->carried_count++;
		return 0;
	}
	e->key =
	    ringstore_load_key(l->store, e->ring, rk, minimum, &e->file, err);
	return e->key == NULL ? -1 : 0;
}

/* Add the entry of a key that signs. */
static int
add_key(struct loader *l, struct snap_ring *r, const struct ring_key *rk,
    struct err *err)
{
	struct entry *e = snap_add_entry(l->snap, err);

	if (e == NULL)
		return -1;
	r->entry_count++;
	e->ring = strdup(r->domain);
	e->domain = strdup(r->domain);
	e->selector = strdup(rk->selector);
	e->path = strdup(rk->file);
	if (!e->ring || !e->domain || !e->selector || !e->path)
		return err_nomem(err);
	e->activated = rk->activated;
	e->seen = rk->evidence.second;
	e->is_forced = rk->evidence.is_forced;
	e->is_weak = rk->evidence.is_weak;
	if (load_key(l, e, rk, err) == -1)
		return -1;
	return entry_set_id(e, err);
}

/* Note a key that has signed and may still be looked up. */
static int
add_trace(struct snap_ring *r, const struct ring_key *rk, struct err *err)
{
	struct snap_trace *t = &r->traces[r->trace_count];

	t->selector = strdup(rk->selector);
	if (t->selector == NULL)
		return err_nomem(err);
	memcpy(t->fingerprint, rk->fingerprint, SHA256_LEN);
	r->trace_count++;
	return 0;
}

/* Whether the ring does not sign for a reason that is none of trouble. */
static int
judge_idle(struct snap_ring *r, const struct ring *ring, struct err *err)
{
	if (r->unproven != NULL)
		return err_set(err, ERR_KEY,
		    "%s is named active without evidence that the DNS has "
		    "this key: keyturn never does that",
		    r->unproven);
	if (!ring_was_active(ring)) {
		r->service = POLICY_KEY_NOT_YET;
		return 0;
	}
	if (ring->is_leaving) {
		r->service = POLICY_KEY_NO_ACTIVE;
		return 0;
	}
	/* It says so itself: nothing is kept. */
	r->service = POLICY_KEY_BROKEN;
	r->state = ENTRY_BROKEN;
	r->problem = strdup("it has had an active key and has none now");
	return r->problem == NULL ? err_nomem(err) : 0;
}

/* Take over what the ring says.  -1 with err set: it cannot be used. */
static int
take_ring(struct loader *l, struct snap_ring *r, const struct ring *ring,
    struct err *err)
{
	r->made = ring->made;
	r->steps = ring->steps;
	r->traces = calloc(ring->key_count + 1, sizeof(*r->traces));
	if (r->traces == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *rk = &ring->keys[i];

		if (rk->activated != 0 && rk->state != KEY_GONE &&
		    add_trace(r, rk, err) == -1)
			return -1;
		if (ring_key_signs(rk)) {
			if (add_key(l, r, rk, err) == -1)
				return -1;
		} else if (rk->state == KEY_ACTIVE && r->unproven == NULL) {
			r->unproven = strdup(rk->selector);
			if (r->unproven == NULL)
				return err_nomem(err);
		}
	}
	if (r->entry_count == 0)
		return judge_idle(r, ring, err);
	r->service = POLICY_KEY_GOOD;
	return 0;
}

/* Read and judge a ring.  As take_ring. */
static int
read_ring(struct loader *l, struct snap_ring *r, struct err *err)
{
	struct ring *ring;
	int rc;

	if (!r->is_there)
		return err_set(err, ERR_KEY,
		    "%s/%s: gone: a ring that signs is removed by `keyturn "
		    "remove %s`",
		    l->snap->rings_path, r->domain, r->domain);
	ring = ringstore_load(l->store, r->domain, l->host, r->id, err);
	if (ring == NULL)
		return -1;
	rc = held_check_steps(l->held, l->snap->rings_path, ring, err);
	if (rc == 0)
		rc = take_ring(l, r, ring, err);
	ring_free(ring);
	return rc;
}

/* Forget what take_ring has noted, for copy_ring. */
static void
forget_ring(struct snap_ring *r)
{
	struct snap_ring empty = { .domain = r->domain,
		.is_there = r->is_there,
		.first_entry = r->first_entry,
		.entry_count = r->entry_count };

	r->domain = NULL;
	ring_clear(r);
	*r = empty;
}

static int
load_ring(struct loader *l, struct snap_ring *r, struct err *err)
{
	const struct snap_ring *old =
	    l->previous ? snap_find_ring(l->previous, r->domain) : NULL;
	struct err problem = ERR_INIT;
	int rc = 0;

	r->first_entry = l->snap->entry_count;
	if (r->is_there)
		rc = carry_over(l, r, old, err);
	if (rc != 0)
		return rc == 1 ? 0 : -1;
	if (need_held(l, err) == -1)
		return -1;
	if (read_ring(l, r, &problem) == 0)
		return 0;
	if (problem.code == ERR_NOMEM) {
		*err = problem;
		return -1;
	}
	forget_ring(r);
	return keep_ring(l, r, old, &problem, err);
}

int
snap_rings_load(struct snap *snap, const struct snap *previous,
    const struct held *held, struct err *err)
{
	struct loader l = { .snap = snap, .previous = previous, .held = held };
	int rc;

	if (snap->ring_count == 0)
		return 0;
	rc = open_store(snap, &l.store, err);
	if (rc == 0)
		rc = ringstore_host(l.host, err);
	for (size_t i = 0; rc == 0 && i < snap->ring_count; i++) {
		/* It may have gone as a whole since it was listed. */
		snap->rings[i].is_there &= l.store != NULL;
		rc = load_ring(&l, &snap->rings[i], err);
	}
	held_clear(&l.from_file);
	ringstore_close(l.store);
	return rc;
}

int
snap_rings_break(struct snap *snap, struct err *err)
{
	for (size_t i = 0; i < snap->ring_count; i++) {
		struct snap_ring *r = &snap->rings[i];
		struct entry *all = &snap->entries[r->first_entry];
		const struct entry *bad = NULL;

		for (size_t k = 0; k < r->entry_count; k++)
			if (all[k].state == ENTRY_BROKEN)
				bad = &all[k];
		if (bad == NULL)
			continue;
		free(r->problem);
		r->problem = strdup(bad->problem);
		if (r->problem == NULL)
			return err_nomem(err);
		r->state = ENTRY_BROKEN;
		r->service = POLICY_KEY_BROKEN;
		for (size_t k = 0; k < r->entry_count; k++)
			if (all[k].state != ENTRY_BROKEN &&
			    entry_set_problem(&all[k], ENTRY_BROKEN, r->problem,
			        err) == -1)
				return -1;
	}
	return 0;
}
