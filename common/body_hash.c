/*
 * The body hash: line ends made whole, canonicalization, SHA-256.
 */
#include <string.h>

#include "body_hash.h"

/*
 * Small pieces are gathered: a call of the hash function costs as much as
 * hashing a hundred bytes.  It lives for one call only.
 */
struct gather {
	struct body_hash *bh;
	size_t len;
	char data[4096];
};

static int
gather_flush(struct gather *g, struct err *err)
{
	size_t len = g->len;

	g->len = 0;
	return len > 0 ? sha256_update(&g->bh->hash, g->data, len, err) : 0;
}

/* The canon_sink. */
static int
gather_add(void *arg, const void *data, size_t len, struct err *err)
{
	struct gather *g = arg;

	if (len > sizeof(g->data) - g->len && gather_flush(g, err) != 0)
		return -1;
	if (len > sizeof(g->data) / 4) {
		if (gather_flush(g, err) != 0)
			return -1;
		return sha256_update(&g->bh->hash, data, len, err);
	}
	memcpy(g->data + g->len, data, len);
	g->len += len;
	return 0;
}

/* The crlf_sink. */
static int
canonicalize(void *arg, const void *data, size_t len, struct err *err)
{
	struct gather *g = arg;

	return canon_body_update(&g->bh->canon, data, len, gather_add, g, err);
}

int
body_hash_start(struct body_hash *bh, enum canon c, struct err *err)
{
	bh->crlf = (struct crlf)CRLF_INIT;
	canon_body_init(&bh->canon, c);
	return sha256_start(&bh->hash, err);
}

int
body_hash_update(struct body_hash *bh, const void *data, size_t len,
    struct err *err)
{
	struct gather g;

	g.bh = bh;
	g.len = 0;
	if (crlf_update(&bh->crlf, data, len, canonicalize, &g, err) != 0)
		return -1;
	return gather_flush(&g, err);
}

int
body_hash_final(struct body_hash *bh, unsigned char digest[SHA256_LEN],
    struct err *err)
{
	struct gather g;

	g.bh = bh;
	g.len = 0;
	if (canon_body_final(&bh->canon, gather_add, &g, err) != 0 ||
	    gather_flush(&g, err) != 0)
		return -1;
	return sha256_final(&bh->hash, digest, err);
}

void
body_hash_clear(struct body_hash *bh)
{
	sha256_clear(&bh->hash);
}
