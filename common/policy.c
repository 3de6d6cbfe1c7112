/*
 * Maps and checks a policy block, and finds in it who signs a message.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "ascii.h"
#include "dnsname.h"
#include "glob.h"
#include "policy.h"
#include "policy_block.h"

/* The block with typed pointers into it, made and checked once. */
struct policy {
	const struct block_head *head;
	const struct block_net *nets;
	const struct block_key *keys;
	const struct block_line *lines;
	const struct block_ring *rings;
	const uint32_t *line_keys, *daemons, *globs, *buckets, *ring_buckets;
	const char *text;
};

/* An address, matched without being put together. */
struct address {
	const char *local, *domain;
	size_t local_len, len; /* len: of "local@domain" */
};

/* Where array span starts, or NULL when it does not lie inside the block. */
static const void *
span_start(const struct block_head *head, const struct block_span *span,
    size_t element)
{
	const char *block = (const char *)head;

	if (span->at % 8 != 0 || span->at < sizeof(*head) ||
	    span->at > head->size ||
	    span->count > (head->size - span->at) / element)
		return NULL;
	return block + span->at;
}

static bool
is_power_of_two(uint64_t n)
{
	return n > 0 && (n & (n - 1)) == 0;
}

static bool
policy_locate(struct policy *p, const struct block_head *h)
{
	p->head = h;
	p->nets = span_start(h, &h->nets, sizeof(struct block_net));
	p->keys = span_start(h, &h->keys, sizeof(struct block_key));
	p->lines = span_start(h, &h->lines, sizeof(struct block_line));
	p->line_keys = span_start(h, &h->line_keys, sizeof(uint32_t));
	p->daemons = span_start(h, &h->daemons, sizeof(uint32_t));
	p->globs = span_start(h, &h->globs, sizeof(uint32_t));
	p->buckets = span_start(h, &h->buckets, sizeof(uint32_t));
	p->rings = span_start(h, &h->rings, sizeof(struct block_ring));
	p->ring_buckets = span_start(h, &h->ring_buckets, sizeof(uint32_t));
	p->text = span_start(h, &h->text, 1);
	return p->nets && p->keys && p->lines && p->line_keys && p->daemons &&
	    p->globs && p->buckets && p->rings && p->ring_buckets && p->text &&
	    h->text.count > 0 && p->text[h->text.count - 1] == '\0' &&
	    is_power_of_two(h->buckets.count) &&
	    is_power_of_two(h->ring_buckets.count);
}

/* Prefixes no longer than the address they are of. */
static bool
nets_fit(const struct policy *p)
{
	for (uint64_t i = 0; i < p->head->nets.count; i++) {
		const struct block_net *net = &p->nets[i];

		if (!(net->family == AF_INET && net->bits <= 32) &&
		    !(net->family == AF_INET6 && net->bits <= 128))
			return false;
	}
	return true;
}

/* Every element of an index array is below limit. */
static bool
indices_fit(const uint32_t *index, uint64_t count, uint64_t limit)
{
	for (uint64_t i = 0; i < count; i++) {
		if (index[i] >= limit)
			return false;
	}
	return true;
}

static bool
keys_fit(const struct policy *p)
{
	for (uint64_t i = 0; i < p->head->keys.count; i++) {
		const struct block_key *k = &p->keys[i];

		if (k->domain >= p->head->text.count ||
		    k->selector >= p->head->text.count ||
		    k->alg > KEY_ED25519_SHA256 ||
		    k->state > POLICY_KEY_NO_ACTIVE)
			return false;
	}
	return true;
}

/* Every bucket is empty or begins with one of count elements. */
static bool
buckets_fit(const uint32_t *buckets, uint64_t bucket_count, uint64_t count)
{
	for (uint64_t i = 0; i < bucket_count; i++) {
		if (buckets[i] != BLOCK_NONE && buckets[i] >= count)
			return false;
	}
	return true;
}

/* The next in a chain is a later one, so that following one ends. */
static bool
next_fits(uint32_t next, uint64_t at, uint64_t count)
{
	return next == BLOCK_NONE || (next > at && next < count);
}

static bool
lines_fit(const struct policy *p)
{
	uint64_t count = p->head->lines.count;

	for (uint64_t i = 0; i < count; i++) {
		const struct block_line *l = &p->lines[i];

		if (l->pattern >= p->head->text.count ||
		    l->first_key > p->head->line_keys.count ||
		    l->key_count > p->head->line_keys.count - l->first_key ||
		    !next_fits(l->next, i, count))
			return false;
	}
	return buckets_fit(p->buckets, p->head->buckets.count, count);
}

static bool
rings_fit(const struct policy *p)
{
	uint64_t count = p->head->rings.count;

	for (uint64_t i = 0; i < count; i++) {
		const struct block_ring *r = &p->rings[i];

		if (r->domain >= p->head->text.count ||
		    r->first_key > p->head->keys.count ||
		    r->key_count > p->head->keys.count - r->first_key ||
		    !next_fits(r->next, i, count))
			return false;
	}
	return buckets_fit(p->ring_buckets, p->head->ring_buckets.count, count);
}

static bool
options_fit(const struct block_head *h)
{
	return h->canon_header <= CANON_RELAXED &&
	    h->canon_body <= CANON_RELAXED && h->on_error <= VERDICT_REJECT &&
	    h->on_malformed <= VERDICT_REJECT &&
	    h->sign_headers < h->text.count &&
	    h->oversign_headers < h->text.count && h->channel_timeout > 0 &&
	    h->drain > 0 && h->log_to >= LOG_TO_SYSLOG &&
	    h->log_to <= LOG_TO_STDERR &&
	    (h->log_facility & ~LOG_FACMASK) == 0 &&
	    h->log_level >= LOG_EMERG && h->log_level <= LOG_DEBUG;
}

/* The one check of a block; what it passes, matching relies on. */
static bool
policy_check(struct policy *p, const struct block_head *h)
{
	return policy_locate(p, h) && options_fit(h) && nets_fit(p) &&
	    keys_fit(p) && lines_fit(p) && rings_fit(p) &&
	    indices_fit(p->line_keys, h->line_keys.count, h->keys.count) &&
	    indices_fit(p->daemons, h->daemons.count, h->text.count) &&
	    indices_fit(p->globs, h->globs.count, h->lines.count);
}

/* Map the block behind fd read-only.  Returns NULL with err set. */
static const struct block_head *
block_map(int fd, struct err *err)
{
	int need = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	const struct block_head *head;
	struct stat st;
	void *map;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals == -1 || (seals & need) != need) {
		err_set(err, ERR_INPUT, "policy: not a sealed block");
		return NULL;
	}
	if (fstat(fd, &st) == -1) {
		err_errno(err, "policy: fstat");
		return NULL;
	}
	if (st.st_size < (off_t)sizeof(*head)) {
		err_set(err, ERR_INPUT, "policy: cut short");
		return NULL;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		err_errno(err, "policy: mmap");
		return NULL;
	}
	head = map;
	if (head->magic == BLOCK_MAGIC && head->version == BLOCK_VERSION &&
	    head->size == (uint64_t)st.st_size)
		return head;
	munmap(map, (size_t)st.st_size);
	err_set(err, ERR_INPUT, "policy: not a policy of this version");
	return NULL;
}

struct policy *
policy_map(int fd, struct err *err)
{
	const struct block_head *head = block_map(fd, err);
	struct policy *p;

	if (head == NULL)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		err_nomem(err);
	} else if (!policy_check(p, head)) {
		err_set(err, ERR_INPUT, "policy: malformed block");
	} else {
		return p;
	}
	munmap((void *)(uintptr_t)head, head->size);
	free(p);
	return NULL;
}

void
policy_unmap(struct policy *p)
{
	if (p == NULL)
		return;
	munmap((void *)(uintptr_t)p->head, p->head->size);
	free(p);
}

void
policy_options(const struct policy *p, struct policy_options *out)
{
	const struct block_head *h = p->head;

	*out = (struct policy_options){
		.generation = h->generation,
		.canonicalization = { (enum canon)h->canon_header,
		    (enum canon)h->canon_body },
		.sign_headers = p->text + h->sign_headers,
		.oversign_headers = p->text + h->oversign_headers,
		.on_error = (enum verdict)h->on_error,
		.on_malformed = (enum verdict)h->on_malformed,
		.channel_timeout = h->channel_timeout,
		.drain = h->drain,
		.log = { (enum log_to)h->log_to, h->log_facility,
		    h->log_level },
	};
}

bool
policy_signs_for(const struct policy *p, const struct policy_origin *origin)
{
	if (origin->is_authenticated && p->head->sign_authenticated)
		return true;
	/* Mail without an IP client comes from this machine. */
	if (origin->client.family == AF_UNSPEC)
		return true;
	for (uint64_t i = 0; i < p->head->nets.count; i++) {
		struct cidr net = { .net.family = (int)p->nets[i].family,
			.bits = p->nets[i].bits };

		memcpy(net.net.bytes, p->nets[i].bytes, sizeof(net.net.bytes));
		if (cidr_contains(&net, &origin->client))
			return true;
	}
	for (uint64_t i = 0; i < p->head->daemons.count; i++) {
		if (origin->daemon != NULL &&
		    strcmp(p->text + p->daemons[i], origin->daemon) == 0)
			return true;
	}
	return false;
}

/* Byte i of "local@domain", in lower case. */
static char
address_at(const void *address, size_t i)
{
	const struct address *a = address;

	if (i < a->local_len)
		return ascii_lower(a->local[i]);
	if (i == a->local_len)
		return '@';
	return ascii_lower(a->domain[i - a->local_len - 1]);
}

static uint64_t
address_hash(const struct address *a)
{
	uint64_t hash = BLOCK_HASH_START;

	for (size_t i = 0; i < a->len; i++)
		hash = block_hash(hash, (unsigned char)address_at(a, i));
	return hash;
}

static bool
address_is(const struct address *a, const char *pattern)
{
	for (size_t i = 0; i < a->len; i++) {
		if (pattern[i] != address_at(a, i))
			return false;
	}
	return pattern[a->len] == '\0';
}

/* The first line from l on in its bucket whose pattern is a. */
static uint32_t
chain_find(const struct policy *p, uint32_t l, const struct address *a)
{
	while (l != BLOCK_NONE && !address_is(a, p->text + p->lines[l].pattern))
		l = p->lines[l].next;
	return l;
}

static uint32_t
chain_first(const struct policy *p, const struct address *a)
{
	uint64_t bucket = address_hash(a) & (p->head->buckets.count - 1);

	return chain_find(p, p->buckets[bucket], a);
}

/*
 * The first matching glob, from place *g among the globs on, that stands before
 * line limit.  *g is left at it.
 */
static uint32_t
glob_find(const struct policy *p, uint64_t *g, uint32_t limit,
    const struct address *a)
{
	for (; *g < p->head->globs.count && p->globs[*g] < limit; ++*g) {
		uint32_t l = p->globs[*g];

		if (glob_match_by(p->text + p->lines[l].pattern, address_at, a,
		        a->len))
			return l;
	}
	return BLOCK_NONE;
}

/* Add a key unless it is there already, or is none. */
static void
match_add(const struct policy *p, const struct block_key *k,
    struct policy_match *out)
{
	struct policy_key key = { .id = k->id,
		.domain = p->text + k->domain,
		.selector = p->text + k->selector,
		.alg = (enum key_alg)k->alg,
		.state = (enum policy_key_state)k->state };

	if (key.state == POLICY_KEY_NOT_YET ||
	    key.state == POLICY_KEY_NO_ACTIVE) {
		if (out->idle_ring == NULL) {
			out->idle_ring = key.domain;
			out->idle = key.state;
		}
		return;
	}

	for (size_t i = 0; i < out->count; i++) {
		const struct policy_key *o = &out->keys[i];

		if (o->id == key.id && strcmp(o->domain, key.domain) == 0 &&
		    strcmp(o->selector, key.selector) == 0)
			return;
	}
	if (out->count == POLICY_SIGNATURES_MAX)
		out->is_cut = true;
	else
		out->keys[out->count++] = key;
}

static void
match_add_line(const struct policy *p, uint32_t l, struct policy_match *out)
{
	const struct block_line *line = &p->lines[l];

	if (out->line == 0)
		out->line = line->number;
	for (uint32_t i = 0; i < line->key_count; i++)
		match_add(p, &p->keys[p->line_keys[line->first_key + i]], out);
}

static const struct block_ring *
ring_find(const struct policy *p, const char *domain)
{
	uint64_t hash = BLOCK_HASH_START;
	uint32_t r;

	for (const char *c = domain; *c != '\0'; c++)
		hash = block_hash(hash, (unsigned char)*c);
	r = p->ring_buckets[hash & (p->head->ring_buckets.count - 1)];
	while (r != BLOCK_NONE &&
	    strcmp(p->text + p->rings[r].domain, domain) != 0)
		r = p->rings[r].next;
	return r == BLOCK_NONE ? NULL : &p->rings[r];
}

/*
 * Add the keys of the domain's ring, or of the nearest domain above it.  One
 * that has none yet, or none any more, is passed over: what signed for its
 * domain before it was made goes on until it can.  What no domain can be is not
 * looked up: the time goes with the square of its length.
 */
static bool
match_add_ring(const struct policy *p, const char *domain,
    struct policy_match *out)
{
	bool is_found = false;

	if (p->head->rings.count == 0 || strlen(domain) > DNSNAME_MAX)
		return false;
	while (domain != NULL && out->count == 0) {
		const struct block_ring *r = ring_find(p, domain);

		is_found |= r != NULL;
		for (uint32_t i = 0; r != NULL && i < r->key_count; i++)
			match_add(p, &p->keys[r->first_key + i], out);
		domain = p->head->subdomains ? strchr(domain, '.') : NULL;
		if (domain != NULL)
			domain++;
	}
	return is_found;
}

/* Add the keys of the lines that match, the first or all of them. */
static void
match_lines(const struct policy *p, const char *local, const char *domain,
    struct policy_match *out)
{
	size_t local_len = strlen(local), domain_len = strlen(domain);
	struct address full = { .local = local,
		.domain = domain,
		.local_len = local_len,
		.len = local_len + 1 + domain_len };
	struct address any = { .local = "*",
		.domain = domain,
		.local_len = 1,
		.len = 1 + 1 + domain_len };
	uint32_t exact = chain_first(p, &full), star = chain_first(p, &any);
	uint64_t g = 0;

	for (;;) {
		uint32_t hashed = exact < star ? exact : star;
		uint32_t glob = glob_find(p, &g, hashed, &full);
		uint32_t line = glob < hashed ? glob : hashed;

		if (line == BLOCK_NONE)
			break;
		match_add_line(p, line, out);
		if (!p->head->multiple_signatures)
			break;
		if (line == glob)
			g++;
		if (line == exact)
			exact = chain_find(p, p->lines[exact].next, &full);
		if (line == star)
			star = chain_find(p, p->lines[star].next, &any);
	}
}

bool
policy_find(const struct policy *p, const char *local, const char *domain,
    struct policy_match *out)
{
	*out = (struct policy_match){ .count = 0 };
	match_lines(p, local, domain, out);
	return out->line != 0 || match_add_ring(p, domain, out);
}
