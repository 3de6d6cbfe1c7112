/*
 * The hash of a message's body up to l= bytes of its canonical form.
 */
#include "bodydigest.h"
#include "crlf.h"
#include "sha256.h"

/* Between the canonical body and the hash. */
struct counter_state {
	struct sha256 hash;
	struct canon_body canon;
	unsigned long long limit, total;
};

/* Takes the canonical body; hashes it up to the limit, counts all of it. */
static int
take_canonical(void *arg, const void *data, size_t len, struct err *err)
{
	struct counter_state *s = arg;
	unsigned long long left = s->total < s->limit ? s->limit - s->total : 0;

	s->total += len;
	return sha256_update(&s->hash, data, len < left ? len : (size_t)left,
	    err);
}

/* Takes the body with its line ends made CRLF. */
static int
take_wire(void *arg, const void *data, size_t len, struct err *err)
{
	struct counter_state *s = arg;

	return canon_body_update(&s->canon, data, len, take_canonical, s, err);
}

int
body_digest_compute(const char *body, size_t len, enum canon canon,
    unsigned long long limit, struct body_digest *out, struct err *err)
{
	struct counter_state s = { .hash = SHA256_INIT, .limit = limit };
	struct crlf crlf = CRLF_INIT;
	int rc = -1;

	canon_body_init(&s.canon, canon);
	if (sha256_start(&s.hash, err) == 0 &&
	    crlf_update(&crlf, body, len, take_wire, &s, err) == 0 &&
	    canon_body_final(&s.canon, take_canonical, &s, err) == 0 &&
	    sha256_final(&s.hash, out->digest, err) == 0) {
		out->total = s.total;
		out->is_known = true;
		rc = 0;
	}
	sha256_clear(&s.hash);
	return rc;
}
