/*
 * Verifying a signature: the key, the body and the header, after sigtags.c has
 * read what the field says.
 */
#include <stdlib.h>
#include <string.h>

#include "dnsname.h"
#include "select.h"
#include "sigfield.h"
#include "sigtags.h"
#include "verify.h"

#define ED25519_SIG_LEN 64 /* RFC 8032 section 5.1.6 */

/* One signature being verified. */
struct job {
	struct verifier *v;
	size_t field; /* its number in the header */
	struct sigtags st;
	struct keyrecord rec;
	struct sig_verdict *out;
};

/* What the state of a key record means for the signature. */
static const enum verify_reason key_reasons[] = {
	[KEYRECORD_GOOD] = REASON_GOOD,
	[KEYRECORD_SYNTAX] = REASON_KEY_SYNTAX,
	[KEYRECORD_REVOKED] = REASON_KEY_REVOKED,
	[KEYRECORD_TYPE] = REASON_KEY_TYPE,
	[KEYRECORD_HASH] = REASON_KEY_USE,
	[KEYRECORD_SERVICE] = REASON_KEY_USE,
	[KEYRECORD_WEAK] = REASON_KEY_WEAK,
};

/* Whether the record, well formed, permits this signature. */
static bool
key_permits(struct job *j, const char *name)
{
	struct span d = j->st.tags[TAG_D]->value;

	if (j->rec.alg != j->st.alg)
		return verdict_refuse(j->out, REASON_KEY_TYPE,
		    "the key at %s is of type %s, a=%s wants %s", name,
		    key_alg_type(j->rec.alg), key_alg_name(j->st.alg),
		    key_alg_type(j->st.alg));
	if (j->rec.is_strict && j->st.identity_domain.len != d.len)
		return verdict_refuse(j->out, REASON_KEY_USE,
		    "the key at %s has t=s: i= must be of the domain d= "
		    "itself",
		    name);
	if (j->rec.is_testing)
		verdict_warn(j->out,
		    "the key record says t=y, testing: "
		    "verifiers may ignore the signature");
	return true;
}

/* Take the answer of the source of keys: count records, the first parsed. */
static bool
judge_key(struct job *j, const char *name, int count,
    enum keyrecord_state state, const struct err *why)
{
	if (count == 0)
		return verdict_refuse(j->out, REASON_NO_KEY,
		    "no key: there is no TXT record at %s", name);
	if (count > 1)
		return verdict_refuse(j->out, REASON_SEVERAL_KEYS,
		    "%d TXT records at %s: verifiers may take any of them",
		    count, name);
	if (state == KEYRECORD_REVOKED)
		return verdict_refuse(j->out, REASON_KEY_REVOKED,
		    "key revoked: p= is empty at %s", name);
	if (state != KEYRECORD_GOOD)
		return verdict_refuse(j->out, key_reasons[state],
		    "key record at %s: %s", name, why->text);
	return key_permits(j, name);
}

/* Find the key.  Returns 1 to go on, 0 with a verdict, -1 with err set. */
static int
find_key(struct job *j, struct err *err)
{
	const struct key_source *source = j->v->source;
	enum keyrecord_state state = KEYRECORD_GOOD;
	struct span s = j->st.tags[TAG_S]->value;
	struct span d = j->st.tags[TAG_D]->value;
	struct buf name = BUF_INIT;
	const char *text;
	int count, rc = -1;

	dnsname_of_key(s.data, s.len, d.data, d.len, &name);
	text = buf_str(&name);
	if (text == NULL) {
		err_nomem(err);
		goto out;
	}
	count = source->find(source->arg, text, &j->rec, &state, err);
	if (count == -1) {
		if (err->code == ERR_IO) {
			verdict_refuse(j->out, REASON_DNS, "no answer: %s",
			    err->text);
			rc = 0;
		}
		goto out;
	}
	if (state == KEYRECORD_NOMEM)
		err_nomem(err);
	else
		rc = judge_key(j, text, count, state, err);
out:
	buf_clear(&name);
	return rc;
}

/* Hash the body as this signature wants it; without l= only once each way. */
static int
hash_body(struct job *j, struct body_digest *out, struct err *err)
{
	const struct message *msg = j->v->msg;
	enum canon canon = j->st.canon.body;
	struct body_digest *whole = &j->v->whole[canon];

	if (!j->st.has_limit && whole->is_known) {
		*out = *whole;
		return 0;
	}
	if (body_digest_compute(msg->data + msg->body_at,
	        msg->len - msg->body_at, canon, j->st.limit, out, err) == -1)
		return -1;
	if (!j->st.has_limit)
		*whole = *out;
	return 0;
}

/*
 * The header without the field that is verified, which h= never means (RFC
 * 6376 section 3.5).  Shares text; only fields is to be freed.
 */
static int
other_fields(const struct job *j, struct hdrs *others, struct err *err)
{
	const struct hdrs *h = &j->v->msg->hdrs;
	size_t after = h->count - j->field - 1;

	*others = *h;
	others->fields = calloc(h->count, sizeof(*h->fields));
	if (others->fields == NULL)
		return err_nomem(err);
	others->count = others->size = h->count - 1;
	memcpy(others->fields, h->fields, j->field * sizeof(*h->fields));
	memcpy(others->fields + j->field, h->fields + j->field + 1,
	    after * sizeof(*h->fields));
	return 0;
}

/* The hash of the header, over the field with its b= emptied. */
static int
hash_header(struct job *j, unsigned char digest[SHA256_LEN], struct err *err)
{
	const struct hdrs *h = &j->v->msg->hdrs;
	const char *value = hdrs_value(h, j->field);
	size_t value_len = h->fields[j->field].value_len;
	struct span raw = j->st.tags[TAG_B]->raw;
	struct span names = j->st.tags[TAG_H]->value;
	struct selection selection = SELECTION_INIT;
	struct buf emptied = BUF_INIT;
	struct hdrs others;
	int rc = -1;

	if (other_fields(j, &others, err) == -1)
		return -1;
	buf_add(&emptied, value, (size_t)(raw.data - value));
	buf_add(&emptied, raw.data + raw.len,
	    value_len - (size_t)(raw.data + raw.len - value));
	if (emptied.has_failed)
		err_nomem(err);
	else if (select_for_verifying(&others, names.data, names.len,
	             &selection, err) == 0)
		rc = header_hash(&others, &selection, j->st.canon.header,
		    hdrs_name(h, j->field), h->fields[j->field].name_len,
		    emptied.data, emptied.len, digest, err);
	selection_clear(&selection);
	buf_clear(&emptied);
	free(others.fields);
	return rc;
}

/*
 * Whether the signature, which does not fit, is at least one by this key;
 * otherwise there is nothing to be learnt of the message.
 */
static bool
judge_origin(struct job *j)
{
	size_t have = j->st.signature.len;
	size_t want = j->st.alg == KEY_RSA_SHA256
	    ? (pubkey_bits(j->rec.key) + 7) / 8
	    : ED25519_SIG_LEN;

	if (have < want)
		return verdict_refuse(j->out, REASON_CUT,
		    "signature truncated: b= has %zu bytes, those of the "
		    "published key have %zu",
		    have, want);
	if (pubkey_origin(j->rec.key,
	        (const unsigned char *)j->st.signature.data,
	        have) != ORIGIN_OTHER)
		return true;
	return verdict_refuse(j->out, REASON_KEY_MISMATCH,
	    "key mismatch: the signature was not made by the key whose record "
	    "is published");
}

static void
judge_hashes(struct job *j, bool body_agrees, bool header_agrees)
{
	if (body_agrees && header_agrees)
		return;
	if (!header_agrees && !judge_origin(j))
		return;
	if (body_agrees)
		verdict_refuse(j->out, REASON_SIGNATURE,
		    "signature mismatch: a signed header field was changed or "
		    "added after signing%s (the body is as signed)",
		    j->st.alg == KEY_RSA_SHA256
		        ? ""
		        : ", or the record is not that of the signing key");
	else if (header_agrees)
		verdict_refuse(j->out, REASON_BODY_HASH,
		    "body hash mismatch: the body was changed after signing "
		    "(the header is as signed)");
	else
		verdict_refuse(j->out, REASON_BODY_HASH,
		    "body hash mismatch: the body was changed after signing "
		    "(and the header%s)",
		    j->st.alg == KEY_RSA_SHA256 ? " too" : " or the key");
}

/* Compare body and header with what was signed. */
static int
compare(struct job *j, struct err *err)
{
	unsigned char header[SHA256_LEN];
	struct body_digest body = { .total = 0 };
	int fits;

	if (hash_body(j, &body, err) == -1 || hash_header(j, header, err) == -1)
		return -1;
	if (j->st.has_limit && j->st.limit > body.total) {
		verdict_refuse(j->out, REASON_BODY_SHORT,
		    "the body was cut: l=%llu bytes were signed, %llu are "
		    "there",
		    j->st.limit, body.total);
		return 0;
	}
	if (j->st.has_limit && j->st.limit < body.total)
		verdict_warn(j->out,
		    "l=%llu leaves the last %llu bytes of the body unsigned",
		    j->st.limit, body.total - j->st.limit);
	fits = pubkey_verify(j->rec.key, header,
	    (const unsigned char *)j->st.signature.data, j->st.signature.len,
	    err);
	if (fits == -1)
		return -1;
	judge_hashes(j,
	    memcmp(body.digest, j->st.body_hash.data, SHA256_LEN) == 0,
	    fits == 1);
	return 0;
}

int
verify_field(struct verifier *v, size_t field, struct sig_verdict *out,
    struct err *err)
{
	const struct hdrs *h = &v->msg->hdrs;
	struct job j = { .v = v,
		.field = field,
		.st = SIGTAGS_INIT,
		.rec = KEYRECORD_INIT,
		.out = out };
	int rc;

	*out = (struct sig_verdict){ .result = VERIFY_PASS };
	if (v->count++ >= VERIFY_SIGNATURES_MAX) {
		verdict_refuse(out, REASON_LIMIT,
		    "not looked at: it comes after %d others",
		    VERIFY_SIGNATURES_MAX);
		return 0;
	}
	rc = sigtags_parse(&j.st, hdrs_value(h, field),
	    h->fields[field].value_len, v->now, out, err);
	if (rc == 1)
		rc = find_key(&j, err);
	if (rc == 1)
		rc = compare(&j, err);
	keyrecord_clear(&j.rec);
	sigtags_clear(&j.st);
	return rc == -1 ? -1 : 0;
}
