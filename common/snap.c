/*
 * Loads a snapshot: configuration, tables, keys, and the policy made of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "snap.h"
#include "snap_warnings.h"

static void
entry_clear(struct entry *e)
{
	free(e->name);
	free(e->domain);
	free(e->selector);
	free(e->path);
	free(e->problem);
	key_put(e->key);
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
	key_table_free(snap->key_table);
	sign_table_free(snap->signing_table);
	conf_free(snap->conf);
	free(snap->entries);
	free(snap->by_id);
	free(snap->by_selector);
	free(snap->warnings);
	free(snap);
}

uint64_t
snap_key_id(const char *domain, const char *selector, const struct key *key)
{
	unsigned char digest[SHA256_LEN];
	struct sha256 hash = SHA256_INIT;
	struct err ignored;
	uint64_t id = 0;

	/* With the final NULs no two pairs of names give the same bytes. */
	if (sha256_start(&hash, &ignored) == 0 &&
	    sha256_update(&hash, domain, strlen(domain) + 1, &ignored) == 0 &&
	    sha256_update(&hash, selector, strlen(selector) + 1, &ignored) ==
	        0 &&
	    sha256_update(&hash, key_fingerprint(key), SHA256_LEN, &ignored) ==
	        0 &&
	    sha256_final(&hash, digest, &ignored) == 0)
		memcpy(&id, digest, sizeof(id));
	sha256_clear(&hash);
	return id;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static int
compare_selectors(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;
	int order = strcmp((*x)->domain, (*y)->domain);

	return order != 0 ? order : strcmp((*x)->selector, (*y)->selector);
}

struct entry *
snap_find(const struct snap *snap, uint64_t id)
{
	struct entry wanted = { .id = id };
	const struct entry *key = &wanted;
	struct entry **found;

	if (snap->live_count == 0)
		return NULL;
	found = bsearch(&key, snap->by_id, snap->live_count,
	    sizeof(*snap->by_id), compare_ids);
	return found ? *found : NULL;
}

/* The entry that signs as (domain, selector) in snap, or NULL. */
static const struct entry *
find_selector(const struct snap *snap, char *domain, char *selector)
{
	struct entry wanted = { .domain = domain, .selector = selector };
	const struct entry *key = &wanted;
	struct entry **found;

	if (snap == NULL || snap->live_count == 0)
		return NULL;
	found = bsearch(&key, snap->by_selector, snap->live_count,
	    sizeof(*snap->by_selector), compare_selectors);
	return found ? *found : NULL;
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
	if (line == NULL)
		return NULL;
	e = &snap->entries[line - snap->key_table->lines];
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
	if (changes_key(e, find_selector(previous, e->domain, e->selector),
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
		e->problem = strdup(problem.text);
		if (e->problem == NULL)
			return err_nomem(err);
		e->state = old != NULL ? ENTRY_KEPT : ENTRY_BROKEN;
		if (old != NULL && entry_keep(e, old, err) == -1)
			return -1;
	}
	if (e->key == NULL)
		return 0;
	e->id = snap_key_id(e->domain, e->selector, e->key);
	if (e->id == 0)
		return err_set(err, ERR_CRYPTO, "SHA-256 failed");
	if (old != NULL && old->id == e->id)
		atomic_store(&e->uses, atomic_load(&old->uses));
	return 0;
}

static int
load_entries(struct snap *snap, const struct snap *previous, struct err *err)
{
	const struct key_table *t = snap->key_table;

	if (t == NULL || t->count == 0)
		return 0;
	snap->entries = calloc(t->count, sizeof(*snap->entries));
	if (snap->entries == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < t->count; i++) {
		snap->entry_count++;
		if (entry_make(&snap->entries[i], snap, previous, &t->lines[i],
		        err) == -1)
			return -1;
	}
	return 0;
}

/* The entries with a key, in both orders. */
static int
index_entries(struct snap *snap, struct err *err)
{
	size_t size = sizeof(*snap->by_id);

	free(snap->by_id);
	free(snap->by_selector);
	snap->live_count = 0;
	snap->by_id = calloc(snap->entry_count + 1, size);
	snap->by_selector = calloc(snap->entry_count + 1, size);
	if (snap->by_id == NULL || snap->by_selector == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < snap->entry_count; i++) {
		if (snap->entries[i].key == NULL)
			continue;
		snap->by_id[snap->live_count] = &snap->entries[i];
		snap->by_selector[snap->live_count++] = &snap->entries[i];
	}
	qsort(snap->by_id, snap->live_count, size, compare_ids);
	qsort(snap->by_selector, snap->live_count, size, compare_selectors);
	return 0;
}

/*
 * Two names for one (domain, selector) with different keys: only one of them
 * can be in the DNS, and which is not ours to guess.  Both become broken.
 */
static int
break_conflicts(struct snap *snap, bool *found, struct err *err)
{
	*found = false;
	for (size_t i = 1; i < snap->live_count; i++) {
		struct entry *a = snap->by_selector[i - 1];
		struct entry *b = snap->by_selector[i];
		struct buf text = BUF_INIT;

		if (compare_selectors(&a, &b) != 0 || a->id == b->id)
			continue;
		buf_printf(&text,
		    "%s and %s: two keys for %s._domainkey.%s (lines %u and "
		    "%u): give each key a selector of its own",
		    a->path, b->path, a->selector, a->domain, a->line, b->line);
		for (int k = 0; k < 2; k++) {
			struct entry *e = k == 0 ? a : b;

			free(e->problem);
			e->problem = buf_str(&text) ? strdup(text.data) : NULL;
			if (e->problem == NULL) {
				buf_clear(&text);
				return err_nomem(err);
			}
			e->state = ENTRY_BROKEN;
		}
		buf_clear(&text);
		*found = true;
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

static int
settle_entries(struct snap *snap, struct err *err)
{
	bool has_conflicts;

	if (index_entries(snap, err) == -1 ||
	    break_conflicts(snap, &has_conflicts, err) == -1)
		return -1;
	if (has_conflicts) {
		drop_broken(snap);
		if (index_entries(snap, err) == -1)
			return -1;
	}
	for (size_t i = 0; i < snap->entry_count; i++) {
		snap->kept_count += snap->entries[i].state == ENTRY_KEPT;
		snap->broken_count += snap->entries[i].state == ENTRY_BROKEN;
	}
	return 0;
}

/* Resolve the key names of the SigningTable to places in the KeyTable. */
static int
resolve_names(const struct snap *snap, uint32_t *line_keys, struct err *err)
{
	const struct sign_table *t = snap->signing_table;

	for (size_t l = 0; l < t->count; l++) {
		const struct sign_line *line = &t->lines[l];

		for (size_t k = 0; k < line->key_count; k++) {
			const struct key_line *found = NULL;

			if (snap->key_table != NULL)
				found = key_table_find(snap->key_table,
				    line->keys[k]);
			if (found == NULL)
				return err_set(err, ERR_CONF,
				    "%s:%u: a key name that is not in the "
				    "KeyTable: %s",
				    t->path, line->line, line->keys[k]);
			line_keys[l * TABLE_LINE_KEYS + k] =
			    (uint32_t)(found - snap->key_table->lines);
		}
	}
	return 0;
}

static int
build_policy(struct snap *snap, const uint32_t *line_keys, struct err *err)
{
	struct policy_source src = { .generation = snap->generation,
		.conf = snap->conf,
		.signing_table = snap->signing_table,
		.key_count = snap->entry_count,
		.line_keys = line_keys };
	struct policy_key *keys;

	keys = calloc(snap->entry_count + 1, sizeof(*keys));
	if (keys == NULL)
		return err_nomem(err);
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
	src.keys = keys;
	snap->policy_fd = policy_build(&src, err);
	free(keys);
	return snap->policy_fd == -1 ? -1 : 0;
}

static int
load_tables(struct snap *snap, struct err *err)
{
	const struct conf *conf = snap->conf;

	if (conf->key_table != NULL) {
		snap->key_table = key_table_load(conf->key_table, err);
		if (snap->key_table == NULL)
			return -1;
	}
	if (conf->signing_table != NULL) {
		snap->signing_table = sign_table_load(conf->signing_table, err);
		if (snap->signing_table == NULL)
			return -1;
	}
	return 0;
}

/* Everything after the configuration. */
static int
snap_fill(struct snap *snap, const struct snap *previous, struct err *err)
{
	size_t lines;
	uint32_t *line_keys;
	int rc;

	if (load_tables(snap, err) == -1)
		return -1;
	lines = snap->signing_table ? snap->signing_table->count : 0;
	line_keys = calloc(lines + 1, TABLE_LINE_KEYS * sizeof(*line_keys));
	if (line_keys == NULL)
		return err_nomem(err);
	/* References first: a refused reload reads no key file. */
	rc = lines > 0 ? resolve_names(snap, line_keys, err) : 0;
	if (rc == 0)
		rc = load_entries(snap, previous, err);
	if (rc == 0)
		rc = settle_entries(snap, err);
	if (rc == 0)
		rc = snap_add_warnings(snap, err);
	if (rc == 0)
		rc = build_policy(snap, line_keys, err);
	free(line_keys);
	return rc;
}

struct snap *
snap_load(const char *path, const struct snap *previous, uint64_t generation,
    struct err *err)
{
	struct snap *snap = calloc(1, sizeof(*snap));

	if (snap == NULL) {
		err_nomem(err);
		return NULL;
	}
	snap->generation = generation;
	snap->policy_fd = -1;
	snap->conf = conf_load(path, err);
	if (snap->conf == NULL || snap_fill(snap, previous, err) == -1) {
		snap_free(snap);
		return NULL;
	}
	return snap;
}
