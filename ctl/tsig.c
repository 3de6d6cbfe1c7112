/*
 * TSIG, RFC 8945: one message and its one answer.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdbool.h>
#include <string.h>

#include "sslerr.h"
#include "tsig.h"

enum {
	HEADER_LEN = 12,
	ARCOUNT_AT = 10,
	TYPE_TSIG = 250,
	CLASS_ANY = 255,
	BADTIME_LEN = 6, /* of the server's time in the other data */
};

static const struct {
	const char *name;
	size_t mac_len;
} algorithms[] = {
	[TSIG_HMAC_SHA256] = { "hmac-sha256", 32 },
	[TSIG_HMAC_SHA512] = { "hmac-sha512", 64 },
};

const char *
tsig_alg_name(enum tsig_alg alg)
{
	return algorithms[alg].name;
}

void
tsig_key_clear(struct tsig_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

static void
add_number(struct buf *b, uint64_t number, unsigned bytes)
{
	while (bytes-- > 0)
		buf_addc(b, (char)(number >> (8 * bytes) & 0xff));
}

static uint64_t
get_number(const unsigned char *p, unsigned bytes)
{
	uint64_t number = 0;

	while (bytes-- > 0)
		number = number << 8 | *p++;
	return number;
}

/* A name as RFC 4034 section 6.2 wants it: no compression, lower case. */
static void
add_name(struct buf *b, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		buf_addc(b, (char)len);
		dnsname_lower(name, len, b);
		name += len;
		name += *name == '.';
	}
	buf_addc(b, '\0');
}

/* The fields of a TSIG record that are hashed too. */
struct fields {
	uint64_t time; /* 48 bits */
	unsigned fudge, error;
	const unsigned char *other;
	size_t other_len;
};

/* RFC 8945 section 4.3.3, TSIG variables. */
static void
add_variables(struct buf *b, const struct tsig_key *key,
    const struct fields *fields)
{
	add_name(b, key->name);
	add_number(b, CLASS_ANY, 2);
	add_number(b, 0, 4);
	add_name(b, tsig_alg_name(key->alg));
	add_number(b, fields->time, 6);
	add_number(b, fields->fudge, 2);
	add_number(b, fields->error, 2);
	add_number(b, fields->other_len, 2);
	buf_add(b, fields->other, fields->other_len);
}

static int
make_mac(const struct tsig_key *key, const struct buf *text,
    struct tsig_mac *mac, struct err *err)
{
	const EVP_MD *md =
	    key->alg == TSIG_HMAC_SHA256 ? EVP_sha256() : EVP_sha512();
	unsigned len = 0;

	if (text->has_failed)
		return err_nomem(err);
	if (HMAC(md, key->secret, (int)key->secret_len,
	        (const unsigned char *)text->data, text->len, mac->data,
	        &len) == NULL)
		return sslerr_set(err, ERR_CRYPTO, "HMAC");
	mac->len = len;
	return 0;
}

/* The message has one record more, or one less. */
static void
count_record(struct buf *message, int change)
{
	unsigned char *p = (unsigned char *)message->data + ARCOUNT_AT;
	uint64_t count = get_number(p, 2) + (uint64_t)change;

	p[0] = (unsigned char)(count >> 8);
	p[1] = (unsigned char)count;
}

int
tsig_sign(const struct tsig_key *key, time_t now, struct buf *message,
    struct tsig_mac *mac, struct err *err)
{
	struct fields fields = { .time = (uint64_t)now, .fudge = TSIG_FUDGE };
	struct buf text = BUF_INIT, rdata = BUF_INIT;
	int rc;

	buf_add(&text, message->data, message->len);
	add_variables(&text, key, &fields);
	rc = make_mac(key, &text, mac, err);
	if (rc == 0) {
		add_name(&rdata, tsig_alg_name(key->alg));
		add_number(&rdata, fields.time, 6);
		add_number(&rdata, fields.fudge, 2);
		add_number(&rdata, mac->len, 2);
		buf_add(&rdata, mac->data, mac->len);
		buf_add(&rdata, message->data, 2);
		add_number(&rdata, 0, 4);
		add_name(message, key->name);
		add_number(message, TYPE_TSIG, 2);
		add_number(message, CLASS_ANY, 2);
		add_number(message, 0, 4);
		add_number(message, rdata.len, 2);
		buf_add(message, rdata.data, rdata.len);
		if (rdata.has_failed || message->has_failed)
			rc = err_nomem(err);
		else
			count_record(message, 1);
	}
	buf_clear(&text);
	buf_clear(&rdata);
	return rc;
}

/* A message being read. */
struct reader {
	const unsigned char *data;
	size_t at, len;
	bool is_bad; /* read beyond its end */
};

static const unsigned char *
take(struct reader *r, size_t len)
{
	const unsigned char *p = r->data + r->at;

	if (r->is_bad || len > r->len - r->at) {
		r->is_bad = true;
		return NULL;
	}
	r->at += len;
	return p;
}

static uint64_t
take_number(struct reader *r, unsigned bytes)
{
	const unsigned char *p = take(r, bytes);

	return p ? get_number(p, bytes) : 0;
}

/* Skip a name: labels, ended by the root or by a pointer. */
static void
skip_name(struct reader *r)
{
	for (;;) {
		unsigned len = (unsigned)take_number(r, 1);

		if ((len & 0xc0) == 0xc0) {
			take(r, 1);
			return;
		}
		if (len == 0 || r->is_bad)
			return;
		if (len > DNSNAME_LABEL_MAX)
			r->is_bad = true;
		take(r, len);
	}
}

/* Whether the name that follows is exactly this one; skips it. */
static bool
take_name(struct reader *r, const char *name)
{
	struct buf want = BUF_INIT, got = BUF_INIT;
	size_t begin = r->at;
	bool is_same;

	skip_name(r);
	if (r->is_bad)
		return false;
	add_name(&want, name);
	/* The bytes of lengths are below those of letters. */
	dnsname_lower((const char *)r->data + begin, r->at - begin, &got);
	is_same = !want.has_failed && !got.has_failed && want.len == got.len &&
	    memcmp(want.data, got.data, got.len) == 0;
	buf_clear(&want);
	buf_clear(&got);
	return is_same;
}

/* The TSIG record of an answer. */
struct found {
	size_t at; /* where it begins */
	bool is_of_key;
	struct fields fields;
	const unsigned char *mac;
	size_t mac_len;
	uint64_t id; /* of the question */
};

/* Go to the last record, which is where a TSIG must be. */
static bool
find_last(struct reader *r)
{
	uint64_t questions, records;

	if (r->len < HEADER_LEN)
		return false;
	questions = get_number(r->data + 4, 2);
	records = get_number(r->data + 6, 2) + get_number(r->data + 8, 2) +
	    get_number(r->data + ARCOUNT_AT, 2);
	if (get_number(r->data + ARCOUNT_AT, 2) == 0)
		return false;
	r->at = HEADER_LEN;
	while (questions-- > 0 && !r->is_bad) {
		skip_name(r);
		take(r, 4);
	}
	while (--records > 0 && !r->is_bad) {
		skip_name(r);
		take(r, 8);
		take(r, (size_t)take_number(r, 2));
	}
	return !r->is_bad;
}

static bool
read_tsig(struct reader *r, const struct tsig_key *key, struct found *f)
{
	size_t rdata_len, begin;

	f->at = r->at;
	f->is_of_key = take_name(r, key->name);
	if (take_number(r, 2) != TYPE_TSIG)
		return false;
	if (take_number(r, 2) != CLASS_ANY || take_number(r, 4) != 0)
		r->is_bad = true;
	rdata_len = (size_t)take_number(r, 2);
	begin = r->at;
	f->is_of_key = take_name(r, tsig_alg_name(key->alg)) && f->is_of_key;
	f->fields.time = take_number(r, 6);
	f->fields.fudge = (unsigned)take_number(r, 2);
	f->mac_len = (size_t)take_number(r, 2);
	f->mac = take(r, f->mac_len);
	f->id = take_number(r, 2);
	f->fields.error = (unsigned)take_number(r, 2);
	f->fields.other_len = (size_t)take_number(r, 2);
	f->fields.other = take(r, f->fields.other_len);
	return !r->is_bad && r->at - begin == rdata_len && r->at == r->len;
}

/* Whether the MAC in the answer is right. */
static int
check_mac(const struct tsig_key *key, const struct tsig_mac *request,
    const struct buf *message, const struct found *f, struct err *err)
{
	struct buf text = BUF_INIT;
	struct tsig_mac mac = { .len = 0 };
	int rc;

	add_number(&text, request->len, 2);
	buf_add(&text, request->data, request->len);
	/* As it was before it was signed: without the record, its own id. */
	add_number(&text, f->id, 2);
	buf_add(&text, message->data + 2, ARCOUNT_AT - 2);
	add_number(&text,
	    get_number((unsigned char *)message->data + ARCOUNT_AT, 2) - 1, 2);
	buf_add(&text, message->data + HEADER_LEN, f->at - HEADER_LEN);
	add_variables(&text, key, &f->fields);
	rc = make_mac(key, &text, &mac, err);
	buf_clear(&text);
	if (rc == 0 &&
	    (f->mac_len != mac.len ||
	        CRYPTO_memcmp(f->mac, mac.data, mac.len) != 0))
		rc = err_set(err, ERR_INPUT,
		    "the signature (TSIG) of the answer is wrong: not by who "
		    "has the key %s",
		    key->name);
	return rc;
}

static int
check_time(time_t now, const struct fields *fields, struct err *err)
{
	int64_t off = (int64_t)now - (int64_t)fields->time;

	if (off <= (int64_t)fields->fudge && -off <= (int64_t)fields->fudge)
		return 0;
	return err_set(err, ERR_INPUT,
	    "the signature (TSIG) of the answer is %lld s old", (long long)off);
}

enum tsig_verdict
tsig_verify(const struct tsig_key *key, time_t now, const struct tsig_mac *mac,
    const struct buf *message, struct tsig_answer *answer, struct err *err)
{
	struct reader r = { .data = (const unsigned char *)message->data,
		.len = message->len };
	struct found f = { 0 };

	*answer = (struct tsig_answer){ .error = 0 };
	if (!find_last(&r) || !read_tsig(&r, key, &f)) {
		err_set(err, ERR_INPUT, "the answer is not signed (TSIG)");
		return TSIG_BAD;
	}
	answer->error = f.fields.error;
	/* Who cannot verify us cannot sign for us. */
	if (f.mac_len == 0 &&
	    (f.fields.error == TSIG_BADKEY || f.fields.error == TSIG_BADSIG ||
	        f.fields.error == TSIG_BADTIME))
		return TSIG_REFUSED;
	if (!f.is_of_key) {
		err_set(err, ERR_INPUT,
		    "the answer is signed (TSIG) with another key than %s",
		    key->name);
		return TSIG_BAD;
	}
	if (check_mac(key, mac, message, &f, err) == -1)
		return TSIG_BAD;
	if (f.fields.error == 0)
		return check_time(now, &f.fields, err) == 0 ? TSIG_GOOD
		                                            : TSIG_BAD;
	if (f.fields.error == TSIG_BADTIME && f.fields.other_len == BADTIME_LEN)
		answer->server_time =
		    (time_t)get_number(f.fields.other, BADTIME_LEN);
	return TSIG_REFUSED;
}
