/*
 * Builds the policy block from a loaded configuration, in a sealed memfd.
 */
#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "policy.h"
#include "policy_block.h"

/* The arrays while they grow, in the order of the block. */
struct parts {
	struct buf nets, daemons, keys, lines, line_keys, globs, buckets;
	struct buf rings, ring_buckets, text;
};

static void
parts_clear(struct parts *p)
{
	buf_clear(&p->nets);
	buf_clear(&p->daemons);
	buf_clear(&p->keys);
	buf_clear(&p->lines);
	buf_clear(&p->line_keys);
	buf_clear(&p->globs);
	buf_clear(&p->buckets);
	buf_clear(&p->rings);
	buf_clear(&p->ring_buckets);
	buf_clear(&p->text);
}

/* Add a string to the text; returns where it starts. */
static uint32_t
add_text(struct parts *p, const char *s)
{
	uint32_t at = (uint32_t)p->text.len;

	buf_add(&p->text, s, strlen(s) + 1);
	return at;
}

static void
add_u32(struct buf *b, uint32_t n)
{
	buf_add(b, &n, sizeof(n));
}

static void
add_origins(struct parts *p, const struct conf *conf)
{
	for (size_t i = 0; i < conf->sign_network_count; i++) {
		const struct cidr *c = &conf->sign_networks[i];
		struct block_net net = { .family = (uint32_t)c->net.family,
			.bits = c->bits };

		memcpy(net.bytes, c->net.bytes, sizeof(net.bytes));
		buf_add(&p->nets, &net, sizeof(net));
	}
	for (char **d = conf->sign_daemons; d != NULL && *d != NULL; d++)
		add_u32(&p->daemons, add_text(p, *d));
}

static void
add_keys(struct parts *p, const struct policy_source *src)
{
	for (size_t i = 0; i < src->key_count; i++) {
		const struct policy_key *k = &src->keys[i];
		struct block_key key = { .id = k->id,
			.domain = add_text(p, k->domain),
			.selector = add_text(p, k->selector),
			.alg = k->alg,
			.state = k->state };

		buf_add(&p->keys, &key, sizeof(key));
	}
}

/* Whether a pattern is looked up by hash: no star, or only that of "*@". */
static bool
is_hashed(const char *pattern)
{
	if (strncmp(pattern, "*@", 2) == 0)
		pattern++;
	return strchr(pattern, '*') == NULL;
}

static uint64_t
text_hash(const char *text)
{
	uint64_t hash = BLOCK_HASH_START;

	for (; *text != '\0'; text++)
		hash = block_hash(hash, (unsigned char)*text);
	return hash;
}

/* At least one bucket an element, a power of two. */
static size_t
bucket_count(size_t elements)
{
	size_t count = 1;

	while (count < elements)
		count *= 2;
	return count;
}

/*
 * Hang element number i in front of its bucket's chain.  Called from the last
 * to the first, so that chains run in the order of the elements.
 */
static uint32_t
hang(uint32_t *buckets, size_t count, const char *text, uint32_t i)
{
	uint32_t *bucket = &buckets[text_hash(text) & (count - 1)];
	uint32_t next = *bucket;

	*bucket = i;
	return next;
}

/* The keys that a name of a line stands for. */
static void
add_target(struct parts *p, const struct policy_source *src, uint32_t target)
{
	const struct policy_ring *ring;

	if ((target & POLICY_RING_FLAG) == 0) {
		add_u32(&p->line_keys, target);
		return;
	}
	ring = &src->rings[target & ~POLICY_RING_FLAG];
	for (size_t i = 0; i < ring->key_count; i++)
		add_u32(&p->line_keys, (uint32_t)(ring->first_key + i));
}

static void
add_lines(struct parts *p, const struct policy_source *src)
{
	const struct sign_table *t = src->signing_table;

	for (size_t i = 0; i < t->count; i++) {
		const struct sign_line *l = &t->lines[i];
		struct block_line line = { .pattern = add_text(p, l->pattern),
			.next = BLOCK_NONE,
			.first_key =
			    (uint32_t)(p->line_keys.len / sizeof(uint32_t)),
			.number = l->line };

		for (size_t k = 0; k < l->key_count; k++)
			add_target(p, src,
			    src->line_keys[i * TABLE_LINE_KEYS + k]);
		line.key_count =
		    (uint32_t)(p->line_keys.len / sizeof(uint32_t)) -
		    line.first_key;
		if (!is_hashed(l->pattern))
			add_u32(&p->globs, (uint32_t)i);
		buf_add(&p->lines, &line, sizeof(line));
	}
}

/* count empty buckets in b, or NULL. */
static uint32_t *
new_buckets(struct buf *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_u32(b, BLOCK_NONE);
	return b->has_failed ? NULL : (uint32_t *)(void *)b->data;
}

static void
add_buckets(struct parts *p, const struct sign_table *t)
{
	size_t count = bucket_count(t->count);
	struct block_line *lines = (struct block_line *)(void *)p->lines.data;
	uint32_t *buckets = new_buckets(&p->buckets, count);

	if (buckets == NULL || p->lines.has_failed)
		return;
	for (size_t i = t->count; i-- > 0;) {
		const char *pattern = t->lines[i].pattern;

		if (is_hashed(pattern))
			lines[i].next =
			    hang(buckets, count, pattern, (uint32_t)i);
	}
}

static void
add_rings(struct parts *p, const struct policy_source *src)
{
	size_t count = bucket_count(src->ring_count);
	uint32_t *buckets = new_buckets(&p->ring_buckets, count);
	struct block_ring *rings;

	for (size_t i = 0; i < src->ring_count; i++) {
		const struct policy_ring *r = &src->rings[i];
		struct block_ring ring = { .domain = add_text(p, r->domain),
			.next = BLOCK_NONE,
			.first_key = (uint32_t)r->first_key,
			.key_count = (uint32_t)r->key_count };

		buf_add(&p->rings, &ring, sizeof(ring));
	}
	if (buckets == NULL || p->rings.has_failed)
		return;
	rings = (struct block_ring *)(void *)p->rings.data;
	for (size_t i = src->ring_count; i-- > 0;)
		rings[i].next =
		    hang(buckets, count, src->rings[i].domain, (uint32_t)i);
}

static void
head_set(struct block_head *head, struct parts *p,
    const struct policy_source *src)
{
	const struct conf *conf = src->conf;

	*head = (struct block_head){
		.magic = BLOCK_MAGIC,
		.version = BLOCK_VERSION,
		.generation = src->generation,
		.canon_header = conf->canonicalization.header,
		.canon_body = conf->canonicalization.body,
		.on_error = conf->on_error,
		.on_malformed = conf->on_malformed,
		.sign_headers = add_text(p, conf->sign_headers),
		.oversign_headers = add_text(p, conf->oversign_headers),
		.sign_authenticated = conf->sign_authenticated,
		.multiple_signatures = conf->multiple_signatures,
		.subdomains = conf->subdomains,
		.channel_timeout = conf->channel_timeout,
		.drain = conf->drain,
		.log_to = (int32_t)conf->log.to,
		.log_facility = conf->log.facility,
		.log_level = conf->log.level,
	};
}

/* Write all of data at the offset *at, which then stands behind it. */
static int
write_part(int fd, const void *data, size_t len, uint64_t *at, struct err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)*at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(err, "memfd: write");
		p += n;
		*at += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_block(int fd, struct block_head *head, struct parts *p, struct err *err)
{
	struct {
		struct buf *content;
		struct block_span *span;
		size_t element;
	} all[] = {
		{ &p->nets, &head->nets, sizeof(struct block_net) },
		{ &p->keys, &head->keys, sizeof(struct block_key) },
		{ &p->lines, &head->lines, sizeof(struct block_line) },
		{ &p->line_keys, &head->line_keys, sizeof(uint32_t) },
		{ &p->daemons, &head->daemons, sizeof(uint32_t) },
		{ &p->globs, &head->globs, sizeof(uint32_t) },
		{ &p->buckets, &head->buckets, sizeof(uint32_t) },
		{ &p->rings, &head->rings, sizeof(struct block_ring) },
		{ &p->ring_buckets, &head->ring_buckets, sizeof(uint32_t) },
		{ &p->text, &head->text, 1 },
	};
	uint64_t at = sizeof(*head), start = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct buf *b = all[i].content;

		if (b->has_failed)
			return err_nomem(err);
		at = (at + 7) & ~UINT64_C(7);
		*all[i].span = (struct block_span){ .at = at,
			.count = b->len / all[i].element };
		if (write_part(fd, b->data, b->len, &at, err) == -1)
			return -1;
	}
	head->size = at;
	return write_part(fd, head, sizeof(*head), &start, err);
}

/* The block in a new memfd that nobody can change any more. */
static int
seal_block(struct block_head *head, struct parts *p, struct err *err)
{
	int fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return err_errno(err, "memfd_create");
	if (write_block(fd, head, p, err) == -1)
		goto fail;
	if (fcntl(fd, F_ADD_SEALS,
	        F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ==
	    -1) {
		err_errno(err, "memfd: seal");
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return -1;
}

int
policy_build(const struct policy_source *src, struct err *err)
{
	static const struct sign_table no_lines;
	struct policy_source s = *src;
	struct parts parts = { .text = BUF_INIT };
	struct block_head head;
	int fd;

	if (s.signing_table == NULL)
		s.signing_table = &no_lines;
	head_set(&head, &parts, &s);
	add_origins(&parts, s.conf);
	add_keys(&parts, &s);
	add_lines(&parts, &s);
	add_buckets(&parts, s.signing_table);
	add_rings(&parts, &s);
	if (parts.text.len >= UINT32_MAX ||
	    s.signing_table->count >= BLOCK_NONE ||
	    s.key_count >= POLICY_RING_FLAG || s.ring_count >= POLICY_RING_FLAG)
		fd = err_set(err, ERR_LIMIT,
		    "the tables hold more than 4 GiB of text");
	else
		fd = seal_block(&head, &parts, err);
	parts_clear(&parts);
	return fd;
}
