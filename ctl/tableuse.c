/*
 * Searching the tables for a domain.
 */
#include <string.h>
#include <strings.h>

#include "table.h"
#include "tableuse.h"

/* Where a line is, and the path of its key as seen from anywhere. */
static void
describe(const struct key_table *t, const struct key_line *line,
    struct buf *where)
{
	const char *slash = strrchr(t->path, '/');

	buf_printf(where, "%s:%u: signs for it: --adopt %s=", t->path,
	    line->line, line->selector);
	if (line->path[0] != '/' && slash != NULL)
		buf_add(where, t->path, (size_t)(slash - t->path) + 1);
	buf_adds(where, line->path);
}

/*
 * The first line of the KeyTable that signs for domain with a key file; none
 * if one does so under the selector unless, which may be NULL.
 */
static int
search_keys(const struct conf *conf, const char *domain, const char *unless,
    struct buf *where, struct err *err)
{
	const struct key_line *first = NULL;
	struct key_table *t;

	if (conf->key_table == NULL)
		return 0;
	t = key_table_load(conf->key_table, err);
	if (t == NULL)
		return -1;
	for (size_t i = 0; i < t->count; i++) {
		const struct key_line *line = &t->lines[i];

		if (line->ring != NULL || strcmp(line->domain, domain) != 0)
			continue;
		if (unless != NULL && strcmp(line->selector, unless) == 0) {
			first = NULL;
			break;
		}
		if (first == NULL)
			first = line;
	}
	if (first != NULL)
		describe(t, first, where);
	key_table_free(t);
	return first != NULL;
}

int
tableuse_signs(const struct conf *conf, const char *domain, struct buf *where,
    struct err *err)
{
	return search_keys(conf, domain, NULL, where, err);
}

int
tableuse_signs_otherwise(const struct conf *conf, const char *domain,
    const char *selector, struct buf *where, struct err *err)
{
	return search_keys(conf, domain, selector, where, err);
}

/* Whether the name of a key in the SigningTable means the ring of domain. */
static bool
is_ring(const struct key_table *keys, const char *name, const char *domain)
{
	const struct key_line *line =
	    keys != NULL ? key_table_find(keys, name) : NULL;

	/* What the KeyTable does not have is looked up as a ring. */
	if (line == NULL)
		return strcasecmp(name, domain) == 0;
	return line->ring != NULL && strcmp(line->ring, domain) == 0;
}

static int
search(const struct key_table *keys, const struct sign_table *signs,
    const char *domain, struct buf *where)
{
	for (size_t i = 0; keys != NULL && i < keys->count; i++) {
		const struct key_line *line = &keys->lines[i];

		if (line->ring == NULL || strcmp(line->ring, domain) != 0)
			continue;
		buf_printf(where, "%s:%u", keys->path, line->line);
		return 1;
	}
	for (size_t i = 0; signs != NULL && i < signs->count; i++) {
		const struct sign_line *line = &signs->lines[i];

		for (size_t k = 0; k < line->key_count; k++) {
			if (!is_ring(keys, line->keys[k], domain))
				continue;
			buf_printf(where, "%s:%u", signs->path, line->line);
			return 1;
		}
	}
	return 0;
}

int
tableuse_names_ring(const struct conf *conf, const char *domain,
    struct buf *where, struct err *err)
{
	struct key_table *keys = NULL;
	struct sign_table *signs = NULL;
	int rc = -1;

	if (conf->key_table != NULL) {
		keys = key_table_load(conf->key_table, err);
		if (keys == NULL)
			goto out;
	}
	if (conf->signing_table != NULL) {
		signs = sign_table_load(conf->signing_table, err);
		if (signs == NULL)
			goto out;
	}
	rc = search(keys, signs, domain, where);
out:
	key_table_free(keys);
	sign_table_free(signs);
	return rc;
}
