/*
 * Entries of a snapshot: their parts, looking them up, and conflicts between
 * them.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "entry.h"
#include "sha256.h"
#include "snap.h"

struct usage *
usage_new(void)
{
	struct usage *usage = calloc(1, sizeof(*usage));

	if (usage != NULL)
		atomic_init(&usage->references, 1);
	return usage;
}

struct usage *
usage_get(struct usage *usage)
{
	atomic_fetch_add(&usage->references, 1);
	return usage;
}

void
usage_put(struct usage *usage)
{
	if (usage != NULL && atomic_fetch_sub(&usage->references, 1) == 1)
		free(usage);
}

void
entry_clear(struct entry *e)
{
	free(e->name);
	free(e->ring);
	free(e->domain);
	free(e->selector);
	free(e->path);
	free(e->problem);
	key_put(e->key);
	usage_put(e->usage);
	*e = (struct entry){ .name = NULL };
}

/* A copy of text, which may be NULL.  False when there is no memory. */
static bool
copy_text(char **copy, const char *text)
{
	*copy = text != NULL ? strdup(text) : NULL;
	return text == NULL || *copy != NULL;
}

int
entry_copy(struct entry *e, const struct entry *old, struct err *err)
{
	*e = *old;
	/* Nothing that belongs to old is left in e, whatever fails. */
	e->name = e->ring = e->domain = e->selector = e->path = NULL;
	e->problem = NULL;
	e->usage = NULL; /* entry_share_usage finds it */
	e->key = old->key != NULL ? key_get(old->key) : NULL;
	if (!copy_text(&e->name, old->name) ||
	    !copy_text(&e->ring, old->ring) ||
	    !copy_text(&e->domain, old->domain) ||
	    !copy_text(&e->selector, old->selector) ||
	    !copy_text(&e->path, old->path) ||
	    !copy_text(&e->problem, old->problem))
		return err_nomem(err);
	return 0;
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

int
entry_set_id(struct entry *e, struct err *err)
{
	e->id = snap_key_id(e->domain, e->selector, e->key);
	if (e->id == 0)
		return err_set(err, ERR_CRYPTO, "SHA-256 failed");
	return 0;
}

int
entry_set_problem(struct entry *e, enum entry_state state, const char *text,
    struct err *err)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (copy == NULL)
		return err_nomem(err);
	free(e->problem);
	e->problem = copy;
	e->state = state;
	return 0;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static int
compare_names(const struct entry *e, const char *domain, const char *selector)
{
	int order = strcmp(e->domain, domain);

	return order != 0 ? order : strcmp(e->selector, selector);
}

static int
compare_selectors(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return compare_names(*x, (*y)->domain, (*y)->selector);
}

int
entry_index_make(struct entry_index *index, struct entry *entries, size_t count,
    struct err *err)
{
	size_t size = sizeof(*index->by_id);

	entry_index_clear(index);
	index->by_id = calloc(count + 1, size);
	index->by_selector = calloc(count + 1, size);
	if (index->by_id == NULL || index->by_selector == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		if (entries[i].key == NULL)
			continue;
		index->by_id[index->count] = &entries[i];
		index->by_selector[index->count++] = &entries[i];
	}
	qsort(index->by_id, index->count, size, compare_ids);
	qsort(index->by_selector, index->count, size, compare_selectors);
	return 0;
}

void
entry_index_clear(struct entry_index *index)
{
	free(index->by_id);
	free(index->by_selector);
	*index = (struct entry_index){ .count = 0 };
}

struct entry *
entry_find_id(const struct entry_index *index, uint64_t id)
{
	struct entry wanted = { .id = id };
	const struct entry *key = &wanted;
	struct entry **found;

	if (index->count == 0)
		return NULL;
	found = bsearch(&key, index->by_id, index->count, sizeof(*index->by_id),
	    compare_ids);
	return found ? *found : NULL;
}

struct entry *
entry_find_selector(const struct entry_index *index, const char *domain,
    const char *selector)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct entry *e = index->by_selector[middle];
		int order = compare_names(e, domain, selector);

		if (order == 0)
			return e;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Where an entry comes from: "line 3", or its ring. */
static void
add_origin(struct buf *out, const struct entry *e)
{
	if (e->ring != NULL)
		buf_printf(out, "ring %s", e->ring);
	else
		buf_printf(out, "line %u", e->line);
}

/* Whether somebody looked what the DNS has under the selector of e. */
static bool
is_seen(const struct entry *e)
{
	return e->ring != NULL && !e->is_forced;
}

/*
 * What is wrong with a: b has another key for the same selector.  Returns 0, or
 * -1 with err set.
 */
static int
break_entry(struct entry *a, const struct entry *b, bool is_known,
    struct err *err)
{
	struct buf text = BUF_INIT;
	int rc = 0;

	buf_printf(&text, "%s and %s: two keys for %s._domainkey.%s (", a->path,
	    b->path, a->selector, a->domain);
	add_origin(&text, a);
	buf_adds(&text, " and ");
	add_origin(&text, b);
	buf_adds(&text,
	    is_known ? "): the DNS has that of the ring"
	             : "): give each key a selector of its own");
	if (buf_str(&text) == NULL)
		rc = err_nomem(err);
	else
		rc = entry_set_problem(a, ENTRY_BROKEN, text.data, err);
	buf_clear(&text);
	return rc;
}

/*
 * The entries run[0] to run[count - 1] have one selector and not all the same
 * key.  Break all but those that have the key that was seen there.
 */
static int
break_run(struct entry **run, size_t count, struct err *err)
{
	const struct entry *seen = NULL, *other = NULL;

	for (size_t i = 0; i < count; i++) {
		if (is_seen(run[i]))
			seen = run[i];
		if (run[i]->id != run[0]->id)
			other = run[i];
	}
	for (size_t i = 0; i < count; i++) {
		const struct entry *against =
		    run[i]->id != run[0]->id ? run[0] : other;

		if (seen != NULL && seen->id == run[i]->id)
			continue;
		if (break_entry(run[i], seen ? seen : against, seen != NULL,
		        err) == -1)
			return -1;
	}
	return 0;
}

int
entry_break_conflicts(const struct entry_index *index, bool *found,
    struct err *err)
{
	size_t count;

	*found = false;
	for (size_t first = 0; first < index->count; first += count) {
		struct entry **run = &index->by_selector[first];
		bool is_one = true;

		for (count = 1; first + count < index->count &&
		     compare_selectors(&run[0], &run[count]) == 0;
		     count++)
			is_one &= run[count]->id == run[0]->id;
		if (is_one)
			continue;
		*found = true;
		if (break_run(run, count, err) == -1)
			return -1;
	}
	return 0;
}

int
entry_share_usage(const struct entry_index *index,
    const struct entry_index *previous, struct err *err)
{
	for (size_t i = 0; i < index->count; i++) {
		struct entry *e = index->by_id[i];
		const struct entry *same = NULL;

		if (i > 0 && index->by_id[i - 1]->id == e->id)
			same = index->by_id[i - 1];
		else if (previous != NULL)
			same = entry_find_id(previous, e->id);
		usage_put(e->usage);
		e->usage = same ? usage_get(same->usage) : usage_new();
		if (e->usage == NULL)
			return err_nomem(err);
	}
	return 0;
}
