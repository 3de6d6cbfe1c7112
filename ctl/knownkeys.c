/*
 * The private keys of one domain, from wherever keyturnd would take them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "keyfile.h"
#include "knownkeys.h"
#include "ringstore.h"
#include "table.h"

void
known_keys_clear(struct known_keys *k)
{
	for (size_t i = 0; i < k->count; i++) {
		free(k->keys[i].selector);
		free(k->keys[i].path);
		free(k->keys[i].from);
		key_put(k->keys[i].key);
	}
	free(k->keys);
	k->keys = NULL;
	k->count = 0;
}

/* Append a key, its file not yet read; NULL with err set. */
static struct known_key *
add(struct known_keys *out, const char *selector, const char *path,
    struct buf *from, struct err *err)
{
	struct known_key *more, *k;
	const char *text = buf_str(from);

	more = reallocarray(out->keys, out->count + 1, sizeof(*more));
	if (more == NULL || text == NULL) {
		if (more != NULL)
			out->keys = more;
		err_nomem(err);
		return NULL;
	}
	out->keys = more;
	k = &more[out->count++];
	*k = (struct known_key){ .selector = strdup(selector),
		.path = strdup(path),
		.from = strdup(text) };
	if (k->selector != NULL && k->path != NULL && k->from != NULL)
		return k;
	err_nomem(err);
	return NULL;
}

/* The file of a line of the KeyTable: relative to the table's directory. */
static void
line_path(const char *table, const char *path, struct buf *out)
{
	const char *slash = strrchr(table, '/');

	if (path[0] != '/' && slash != NULL)
		buf_add(out, table, (size_t)(slash - table) + 1);
	buf_adds(out, path);
}

static int
add_line(const struct conf *conf, const struct key_table *table,
    const struct key_line *line, struct known_keys *out, struct err *err)
{
	struct buf path = BUF_INIT, from = BUF_INIT;
	struct known_key *k = NULL;
	struct file_id id;

	line_path(table->path, line->path, &path);
	buf_printf(&from, "%s:%u", table->path, line->line);
	if (buf_str(&path) == NULL)
		err_nomem(err);
	else
		k = add(out, line->selector, path.data, &from, err);
	if (k != NULL)
		k->key = keyfile_load(k->path, (unsigned)conf->minimum_rsa_bits,
		    &id, &k->err);
	buf_clear(&path);
	buf_clear(&from);
	return k != NULL ? 0 : -1;
}

int
known_keys_load(const struct conf *conf, const char *domain,
    struct known_keys *out, struct err *err)
{
	struct key_table *table;
	int rc = 0;

	if (conf->key_table == NULL)
		return 0;
	table = key_table_load(conf->key_table, err);
	if (table == NULL)
		return -1;
	for (size_t i = 0; i < table->count && rc == 0; i++)
		if (strcmp(table->lines[i].domain, domain) == 0)
			rc = add_line(conf, table, &table->lines[i], out, err);
	key_table_free(table);
	return rc;
}

static int
add_ring_key(struct ringstore *store, const struct conf *conf,
    const struct ring *ring, const struct ring_key *rk, struct known_keys *out,
    struct err *err)
{
	struct buf path = BUF_INIT, from = BUF_INIT;
	struct known_key *k = NULL;
	struct file_id id;

	buf_printf(&path, "%s/%s/%s", conf->rings, ring->domain, rk->file);
	buf_printf(&from, "ring, %s", key_state_name(rk->state));
	if (buf_str(&path) == NULL)
		err_nomem(err);
	else
		k = add(out, rk->selector, path.data, &from, err);
	if (k != NULL)
		k->key = ringstore_load_key(store, ring->domain, rk,
		    (unsigned)conf->minimum_rsa_bits, &id, &k->err);
	buf_clear(&path);
	buf_clear(&from);
	return k != NULL ? 0 : -1;
}

int
known_keys_load_ring(const struct conf *conf, const char *domain,
    struct known_keys *out, struct err *err)
{
	struct ringstore *store;
	struct ring *ring = NULL;
	int rc = 0;

	if (access(conf->rings, F_OK) == -1)
		return 0;
	store = ringstore_open_dir(conf->rings, err);
	if (store == NULL)
		return -1;
	if (ringstore_has(store, domain)) {
		ring = ringstore_load(store, domain, NULL, NULL, err);
		rc = ring != NULL ? 0 : -1;
	}
	for (size_t i = 0; ring != NULL && i < ring->key_count && rc == 0; i++)
		if (ring->keys[i].file[0] != '\0')
			rc = add_ring_key(store, conf, ring, &ring->keys[i],
			    out, err);
	ring_free(ring);
	ringstore_close(store);
	return rc;
}

const struct known_key *
known_keys_find(const struct known_keys *k, const char *selector)
{
	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->keys[i].selector, selector) == 0)
			return &k->keys[i];
	return NULL;
}

const struct known_key *
known_keys_of(const struct known_keys *k,
    const unsigned char fingerprint[SHA256_LEN])
{
	for (size_t i = 0; i < k->count; i++)
		if (k->keys[i].key != NULL &&
		    memcmp(key_fingerprint(k->keys[i].key), fingerprint,
		        SHA256_LEN) == 0)
			return &k->keys[i];
	return NULL;
}
