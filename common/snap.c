/*
 * Loads a snapshot: configuration, tables, keys, and the policy made of them.
 * What becomes of rings is for snap_rings.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "dnsname.h"
#include "snap.h"
#include "snap_rings.h"
#include "snap_warnings.h"

struct snap_base *
snap_base_get(struct snap_base *base)
{
	atomic_fetch_add(&base->references, 1);
	return base;
}

void
snap_base_put(struct snap_base *base)
{
	if (base == NULL || atomic_fetch_sub(&base->references, 1) != 1)
		return;
	key_table_free(base->key_table);
	sign_table_free(base->signing_table);
	conf_free(base->conf);
	free(base);
}

/* All of it from files.  Returns NULL with err set. */
static struct snap_base *
base_load(const char *path, struct err *err)
{
	struct snap_base *base = calloc(1, sizeof(*base));
	const struct conf *conf;

	if (base == NULL) {
		err_nomem(err);
		return NULL;
	}
	atomic_init(&base->references, 1);
	base->conf = conf_load(path, err);
	if (base->conf == NULL)
		goto fail;
	conf = base->conf;
	if (conf->key_table != NULL) {
		base->key_table = key_table_load(conf->key_table, err);
		if (base->key_table == NULL)
			goto fail;
	}
	if (conf->signing_table != NULL) {
		base->signing_table = sign_table_load(conf->signing_table, err);
		if (base->signing_table == NULL)
			goto fail;
	}
	return base;
fail:
	snap_base_put(base);
	return NULL;
}

void
snap_free(struct snap *snap)
{
	if (snap == NULL)
		return;
	for (size_t i = 0; i < snap->entry_count; i++)
		entry_clear(&snap->entries[i]);
	for (size_t i = 0; i < snap->warning_count; i++)
		free(snap->warnings[i]);
	if (snap->policy_fd != -1)
		close(snap->policy_fd);
	snap_rings_free(snap);
	entry_index_clear(&snap->index);
	snap_base_put(snap->base);
	free(snap->rings_path);
	free(snap->entries);
	free(snap->targets);
	free(snap->warnings);
	free(snap);
}

struct entry *
snap_find(const struct snap *snap, uint64_t id)
{
	return entry_find_id(&snap->index, id);
}

struct entry *
snap_add_entry(struct snap *snap, struct err *err)
{
	size_t size = snap->entry_size ? snap->entry_size * 2 : 16;
	struct entry *entries;

	if (snap->entry_count == snap->entry_size) {
		entries = reallocarray(snap->entries, size, sizeof(*entries));
		if (entries == NULL) {
			err_nomem(err);
			return NULL;
		}
		snap->entries = entries;
		snap->entry_size = size;
	}
	entries = &snap->entries[snap->entry_count++];
	*entries = (struct entry){ .name = NULL };
	return entries;
}

/* The entry called name in snap if it has a key, or NULL. */
static const struct entry *
find_name(const struct snap *snap, const char *name)
{
	const struct key_line *line;
	const struct entry *e;

	if (snap == NULL || snap->key_table == NULL)
		return NULL;
	line = key_table_find(snap->key_table, name);
	if (line == NULL || line->ring != NULL)
		return NULL;
	e = &snap->entries[snap->targets[line - snap->key_table->lines]];
	return e->key != NULL ? e : NULL;
}

/* A path of the KeyTable: relative ones start at the table's directory. */
static char *
key_path(const char *table, const char *path)
{
	const char *slash = strrchr(table, '/');
	struct buf b = BUF_INIT;

	if (path[0] != '/' && slash != NULL)
		buf_add(&b, table, (size_t)(slash + 1 - table));
	buf_adds(&b, path);
	if (buf_str(&b) == NULL)
		buf_clear(&b);
	return b.data;
}

/* Fill in the names of e from a line.  Returns 0, or -1 with err set. */
static int
entry_name(struct entry *e, const char *table, const struct key_line *line,
    struct err *err)
{
	e->name = strdup(line->name);
	e->domain = strdup(line->domain);
	e->selector = strdup(line->selector);
	e->path = key_path(table, line->path);
	e->line = line->line;
	if (!e->name || !e->domain || !e->selector || !e->path)
		return err_nomem(err);
	return 0;
}

/* Make e stand for what old stood for, domain, selector and key as one. */
static int
entry_keep(struct entry *e, const struct entry *old, struct err *err)
{
	free(e->domain);
	free(e->selector);
	free(e->path);
	e->domain = strdup(old->domain);
	e->selector = strdup(old->selector);
	e->path = strdup(old->path);
	if (!e->domain || !e->selector || !e->path)
		return err_nomem(err);
	e->key = key_get(old->key);
	e->file = old->file;
	return 0;
}

/*
 * Whether a selector would change its key: receivers look the public key up by
 * the selector, so one that signs today can only go on with the key it has.
 * On true *err says what to do.
 */
static bool
changes_key(const struct entry *e, const struct entry *live, struct err *err)
{
	if (live == NULL ||
	    memcmp(key_fingerprint(e->key), key_fingerprint(live->key),
	        SHA256_LEN) == 0)
		return false;
	err_set(err, ERR_KEY,
	    "%s: another key than the one that signs as %s._domainkey.%s: "
	    "a new key needs a new selector",
	    e->path, e->selector, e->domain);
	return true;
}

/*
 * Get the key of e: carried over when its file is the same, else read.
 * Returns 0, or -1 with err set: ERR_KEY and ERR_IO are about this file.
 */
static int
entry_load(struct entry *e, struct snap *snap, const struct snap *previous,
    const struct entry *old, struct err *err)
{
	unsigned minimum = (unsigned)snap->conf->minimum_rsa_bits;

	if (old != NULL && strcmp(old->path, e->path) == 0 &&
	    keyfile_is_same(e->path, &old->file) &&
	    (key_algorithm(old->key) != KEY_RSA_SHA256 ||
	        key_bits(old->key) >= minimum)) {
		e->key = key_get(old->key);
		e->file = old->file;
		snap->carried_count++;
	} else {
		e->key = keyfile_load(e->path, minimum, &e->file, err);
		if (e->key == NULL)
			return -1;
	}
	if (previous != NULL &&
	    changes_key(e,
	        entry_find_selector(&previous->index, e->domain, e->selector),
	        err)) {
		key_put(e->key);
		e->key = NULL;
		return -1;
	}
	return 0;
}

/*
 * Load what one line of the KeyTable stands for.  A bad file is not an error
 * here: the entry is then kept or broken.
 */
static int
entry_make(struct entry *e, struct snap *snap, const struct snap *previous,
    const struct key_line *line, struct err *err)
{
	const struct entry *old = find_name(previous, line->name);
	struct err problem = ERR_INIT;

	if (entry_name(e, snap->key_table->path, line, err) == -1)
		return -1;
	if (entry_load(e, snap, previous, old, &problem) == -1) {
		if (problem.code == ERR_NOMEM) {
			*err = problem;
			return -1;
		}
		if (entry_set_problem(e,
		        old != NULL ? ENTRY_KEPT : ENTRY_BROKEN, problem.text,
		        err) == -1 ||
		    (old != NULL && entry_keep(e, old, err) == -1))
			return -1;
	}
	return e->key != NULL ? entry_set_id(e, err) : 0;
}

/* The entries of the KeyTable, by their places in targets. */
static int
load_entries(struct snap *snap, const struct snap *previous, bool only_rings,
    struct err *err)
{
	const struct key_table *t = snap->key_table;

	for (size_t i = 0; t != NULL && i < t->count; i++) {
		struct entry *e;
		int rc;

		if (t->lines[i].ring != NULL)
			continue;
		e = snap_add_entry(snap, err);
		if (e == NULL)
			return -1;
		if (only_rings)
			rc = entry_copy(e,
			    &previous->entries[previous->targets[i]], err);
		else
			rc = entry_make(e, snap, previous, &t->lines[i], err);
		if (rc == -1)
			return -1;
	}
	return 0;
}

/* Take the key from every broken entry that still holds one. */
static void
drop_broken(struct snap *snap)
{
	for (size_t i = 0; i < snap->entry_count; i++) {
		struct entry *e = &snap->entries[i];

		if (e->state != ENTRY_BROKEN || e->key == NULL)
			continue;
		key_put(e->key);
		e->key = NULL;
		e->id = 0;
	}
}

static void
count_states(struct snap *snap)
{
	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];

		if (e->ring != NULL)
			continue;
		snap->kept_count += e->state == ENTRY_KEPT;
		snap->broken_count += e->state == ENTRY_BROKEN;
	}
	for (size_t i = 0; i < snap->ring_count; i++) {
		snap->kept_count += snap->rings[i].state == ENTRY_KEPT;
		snap->broken_count += snap->rings[i].state == ENTRY_BROKEN;
	}
}

static int
settle_entries(struct snap *snap, const struct snap *previous, struct err *err)
{
	bool has_conflicts;

	if (entry_index_make(&snap->index, snap->entries, snap->entry_count,
	        err) == -1 ||
	    entry_break_conflicts(&snap->index, &has_conflicts, err) == -1)
		return -1;
	if (has_conflicts) {
		if (snap_rings_break(snap, err) == -1)
			return -1;
		drop_broken(snap);
		if (entry_index_make(&snap->index, snap->entries,
		        snap->entry_count, err) == -1)
			return -1;
	}
	count_states(snap);
	return entry_share_usage(&snap->index,
	    previous != NULL ? &previous->index : NULL, err);
}

/* What the lines of the KeyTable stand for: entries to come, and rings. */
static int
resolve_lines(struct snap *snap, struct err *err)
{
	const struct key_table *t = snap->key_table;
	uint32_t next = 0;

	snap->targets =
	    calloc(t != NULL ? t->count + 1 : 1, sizeof(*snap->targets));
	if (snap->targets == NULL)
		return err_nomem(err);
	for (size_t i = 0; t != NULL && i < t->count; i++) {
		const struct key_line *line = &t->lines[i];
		const struct snap_ring *ring;

		if (line->ring == NULL) {
			snap->targets[i] = next++;
			continue;
		}
		ring = snap_find_ring(snap, line->ring);
		if (ring == NULL)
			return err_set(err, ERR_CONF,
			    "%s:%u: there is no ring of that domain: %s; "
			    "`keyturn add %s` makes it",
			    t->path, line->line, line->ring, line->ring);
		snap->targets[i] =
		    (uint32_t)(ring - snap->rings) | POLICY_RING_FLAG;
	}
	return 0;
}

/* What a name of the SigningTable stands for.  False: nothing. */
static bool
resolve_name(const struct snap *snap, const char *name, uint32_t *target)
{
	const struct key_line *line = NULL;
	const struct snap_ring *ring;
	struct buf domain = BUF_INIT;

	if (snap->key_table != NULL)
		line = key_table_find(snap->key_table, name);
	if (line != NULL) {
		*target = snap->targets[line - snap->key_table->lines];
		return true;
	}
	dnsname_lower(name, strlen(name), &domain);
	ring = buf_str(&domain) ? snap_find_ring(snap, domain.data) : NULL;
	buf_clear(&domain);
	if (ring != NULL)
		*target = (uint32_t)(ring - snap->rings) | POLICY_RING_FLAG;
	return ring != NULL;
}

/* The same for all of the SigningTable. */
static int
resolve_names(const struct snap *snap, uint32_t *line_keys, struct err *err)
{
	const struct sign_table *t = snap->signing_table;

	for (size_t l = 0; t != NULL && l < t->count; l++) {
		const struct sign_line *line = &t->lines[l];

		for (size_t k = 0; k < line->key_count; k++) {
			if (!resolve_name(snap, line->keys[k],
			        &line_keys[l * TABLE_LINE_KEYS + k]))
				return err_set(err, ERR_CONF,
				    "%s:%u: a key name that is not in the "
				    "KeyTable and no ring: %s",
				    t->path, line->line, line->keys[k]);
		}
	}
	return 0;
}

/* What the policy is told of a ring: its keys, or one that stands for none. */
static void
tell_ring(const struct snap_ring *r, struct policy_ring *ring,
    struct policy_key *keys, size_t *key_count)
{
	*ring = (struct policy_ring){ .domain = r->domain,
		.first_key = r->first_entry,
		.key_count = r->entry_count };
	if (r->entry_count > 0)
		return;
	ring->first_key = *key_count;
	ring->key_count = 1;
	keys[(*key_count)++] = (struct policy_key){
		.domain = r->domain, .selector = "", .state = r->service
	};
}

static int
build_policy(struct snap *snap, const uint32_t *line_keys, struct err *err)
{
	struct policy_source src = { .generation = snap->generation,
		.conf = snap->conf,
		.signing_table = snap->signing_table,
		.key_count = snap->entry_count,
		.line_keys = line_keys,
		.ring_count = snap->ring_count };
	struct policy_key *keys;
	struct policy_ring *rings;

	keys = calloc(snap->entry_count + snap->ring_count + 1, sizeof(*keys));
	rings = calloc(snap->ring_count + 1, sizeof(*rings));
	if (keys == NULL || rings == NULL) {
		err_nomem(err);
		goto out;
	}
	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];

		keys[i] = (struct policy_key){ .id = e->id,
			.domain = e->domain,
			.selector = e->selector,
			.state = e->key != NULL ? POLICY_KEY_GOOD
			                        : POLICY_KEY_BROKEN };
		if (e->key != NULL)
			keys[i].alg = key_algorithm(e->key);
	}
	for (size_t i = 0; i < snap->ring_count; i++)
		tell_ring(&snap->rings[i], &rings[i], keys, &src.key_count);
	src.keys = keys;
	src.rings = rings;
	snap->policy_fd = policy_build(&src, err);
out:
	free(keys);
	free(rings);
	return snap->policy_fd == -1 ? -1 : 0;
}

/* What a snapshot is made from; all but base may be NULL. */
struct source {
	struct snap_base *base;
	const struct snap *previous;
	const struct held *held;
	bool only_rings;
};

/* Everything after the base. */
static int
snap_fill(struct snap *snap, const struct source *from, struct err *err)
{
	const struct snap *previous = from->previous;
	size_t lines = snap->signing_table ? snap->signing_table->count : 0;
	uint32_t *line_keys;
	int rc;

	line_keys = calloc(lines + 1, TABLE_LINE_KEYS * sizeof(*line_keys));
	if (line_keys == NULL)
		return err_nomem(err);
	/* References first: a refused reload reads no key file. */
	rc = snap_rings_list(snap, previous, err);
	if (rc == 0)
		rc = resolve_lines(snap, err);
	if (rc == 0)
		rc = resolve_names(snap, line_keys, err);
	if (rc == 0)
		rc = load_entries(snap, previous, from->only_rings, err);
	if (rc == 0)
		rc = snap_rings_load(snap, previous, from->held, err);
	if (rc == 0)
		rc = settle_entries(snap, previous, err);
	if (rc == 0)
		rc = snap_add_warnings(snap, err);
	if (rc == 0)
		rc = build_policy(snap, line_keys, err);
	free(line_keys);
	return rc;
}

/* Takes the base of from, which may be NULL with err set. */
static struct snap *
snap_make(const struct source *from, uint64_t generation, struct err *err)
{
	struct snap_base *base = from->base;
	struct snap *snap = base != NULL ? calloc(1, sizeof(*snap)) : NULL;
	const char *rings;

	if (snap == NULL) {
		if (base != NULL)
			err_nomem(err);
		snap_base_put(base);
		return NULL;
	}
	*snap = (struct snap){ .generation = generation,
		.base = base,
		.conf = base->conf,
		.key_table = base->key_table,
		.signing_table = base->signing_table,
		.policy_fd = -1 };
	rings = from->previous ? from->previous->rings_path : base->conf->rings;
	snap->rings_path = strdup(rings);
	if (snap->rings_path == NULL)
		err_nomem(err);
	else if (snap_fill(snap, from, err) == 0)
		return snap;
	snap_free(snap);
	return NULL;
}

struct snap *
snap_load(const char *path, const struct snap *previous, uint64_t generation,
    struct err *err)
{
	const struct source from = { .base = base_load(path, err),
		.previous = previous };

	return snap_make(&from, generation, err);
}

struct snap *
snap_next(const struct snap *previous, const char *path,
    const struct held *held, struct err *err)
{
	const struct source from = { .base = path != NULL
		    ? base_load(path, err)
		    : snap_base_get(previous->base),
		.previous = previous,
		.held = held,
		.only_rings = path == NULL };

	return snap_make(&from, previous->generation + 1, err);
}
