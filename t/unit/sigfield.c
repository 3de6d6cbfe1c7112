/*
 * sigfield: the text we write, and the header hash, which the signatures in
 * the RFCs' examples must fit.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base64.h"
#include "file.h"
#include "sigfield.h"
#include "tap.h"

static const unsigned char zeroes[SHA256_LEN];

/* 32 zero bytes, by coreutils' base64. */
#define ZEROES_TEXT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

#define LABEL_63 \
	"a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *name;
	enum key_alg alg;
	struct canon_pair canon;
	const char *domain, *selector, *names;
	const char *want;
} builds[] = {
	{ "short", KEY_RSA_SHA256, { CANON_RELAXED, CANON_RELAXED },
	    "example.com", "s1", "from:to",
	    " v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n"
	    "\tt=1700000000; h=from:to;\r\n"
	    "\tbh=" ZEROES_TEXT ";\r\n"
	    "\tb=" },
	{ "Ed25519, names over several lines", KEY_ED25519_SHA256,
	    { CANON_SIMPLE, CANON_RELAXED }, "example.com", "s1",
	    "from:from:reply-to:reply-to:subject:subject:date:date:message-id:"
	    "message-id:to:to:content-transfer-encoding",
	    " v=1; a=ed25519-sha256; c=simple/relaxed; d=example.com; s=s1;"
	    "\r\n"
	    "\tt=1700000000; h=from:from:reply-to:reply-to:subject:subject:"
	    "date:date:\r\n"
	    "\tmessage-id:message-id:to:to:content-transfer-encoding;\r\n"
	    "\tbh=" ZEROES_TEXT ";\r\n"
	    "\tb=" },
	{ "a long domain and selector", KEY_RSA_SHA256,
	    { CANON_RELAXED, CANON_SIMPLE }, LABEL_63 "." LABEL_63 ".example",
	    LABEL_63, "from",
	    " v=1; a=rsa-sha256; c=relaxed/simple;\r\n"
	    "\td=" LABEL_63 "." LABEL_63 ".example;\r\n"
	    "\ts=" LABEL_63 ";\r\n"
	    "\tt=1700000000; h=from; bh=" ZEROES_TEXT ";\r\n"
	    "\tb=" },
	{ "a long name", KEY_RSA_SHA256, { CANON_SIMPLE, CANON_SIMPLE },
	    "example.com", "s1", "from:x-" LABEL_63 "-12345:to",
	    " v=1; a=rsa-sha256; c=simple/simple; d=example.com; s=s1;\r\n"
	    "\tt=1700000000; h=from:\r\n"
	    "\tx-" LABEL_63 "-12345:\r\n"
	    "\tto; bh=" ZEROES_TEXT ";\r\n"
	    "\tb=" },
};

/* The widest line of a value, a tab at its start counting eight. */
static size_t
widest_line(const struct buf *value)
{
	size_t column = strlen(SIGFIELD_NAME ":"), widest = 0;

	for (size_t i = 0; i < value->len; i++) {
		char c = value->data[i];

		if (c == '\n')
			column = 0;
		else if (c != '\r')
			column += c == '\t' ? 8 : 1;
		if (column > widest)
			widest = column;
	}
	return widest;
}

static void
test_build(void)
{
	struct buf value = BUF_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
		struct selection s = SELECTION_INIT;
		struct sigfield sf = { builds[i].alg, builds[i].canon,
			builds[i].domain, builds[i].selector, 1700000000, &s,
			zeroes };

		buf_adds(&s.names, builds[i].names);
		is_int(sigfield_build(&sf, &value, &err), 0, builds[i].name);
		is_mem(value.data, value.len, builds[i].want,
		    strlen(builds[i].want), "the value");
		selection_clear(&s);
	}
	buf_clear(&value);
}

/* Names and domains of every length, so that each line ends everywhere. */
static void
test_width(void)
{
	struct buf value = BUF_INIT;
	struct err err = ERR_INIT;
	size_t too_wide = 0, unfolded = 0;
	char text[70];

	for (size_t len = 1; len < sizeof(text); len++) {
		struct selection s = SELECTION_INIT;
		struct sigfield sf = { KEY_RSA_SHA256,
			{ CANON_RELAXED, CANON_RELAXED }, text, text,
			(time_t)1 << 33, &s, zeroes };

		memset(text, 'd', len);
		text[len < 66 ? len : 66] = '\0';
		for (size_t k = 0; k < 40; k++) {
			buf_adds(&s.names, k ? ":" : "");
			for (size_t n = 0; n < 1 + (len * k) % 68; n++)
				buf_addc(&s.names, 'n');
		}
		sigfield_build(&sf, &value, &err);
		sigfield_finish(&value, (const unsigned char *)text, len, &err);
		too_wide += widest_line(&value) > 78;
		unfolded +=
		    memmem(value.data, value.len, "\r\n\t\r\n", 5) != NULL;
		selection_clear(&s);
	}
	is_int((long long)too_wide, 0, "no line over 78 columns");
	is_int((long long)unfolded, 0, "no line without text");
	buf_clear(&value);
}

static void
test_finish(void)
{
	unsigned char sig[1024];
	struct buf value = BUF_INIT, text = BUF_INIT, back = BUF_INIT;
	struct err err = ERR_INIT;
	size_t bad = 0;

	memset(sig, 0xa5, sizeof(sig));
	for (size_t len = 1; len <= sizeof(sig); len++) {
		buf_reset(&value);
		buf_adds(&value, " v=1;\r\n\tb=");
		buf_reset(&text);
		buf_reset(&back);
		bad += sigfield_finish(&value, sig, len, &err) != 0;
		bad += !base64_decode(value.data + strlen(" v=1;\r\n\tb="),
		    value.len - strlen(" v=1;\r\n\tb="), &back);
		bad += back.len != len || memcmp(back.data, sig, len) != 0;
		bad += widest_line(&value) > 78;
		bad += value.data[value.len - 1] == '\t';
	}
	is_int((long long)bad, 0, "signatures of 1 to 1024 bytes");
	buf_clear(&value);
	buf_clear(&text);
	buf_clear(&back);
}

/* The signatures of the RFCs. */
static const struct {
	const char *message, *key;
	size_t field; /* the DKIM-Signature in the message */
	enum canon canon;
	const char *names; /* h= */
} signatures[] = {
	{ "rfc/6376-A.2.msg", "rfc/6376-C.key", 0, CANON_SIMPLE,
	    "Received : From : To : Subject : Date : Message-ID" },
	{ "rfc/6376-A.3.msg", "rfc/6376-C.key", 2, CANON_SIMPLE,
	    "Received : From : To : Subject : Date : Message-ID" },
	{ "rfc/8463-A.3.msg", "rfc/8463-A.1-ed25519.key", 0, CANON_RELAXED,
	    "from : to :\r\n subject : date : message-id : from : subject : "
	    "date" },
	{ "rfc/8463-A.3.msg", "rfc/8463-A.1-rsa.key", 1, CANON_RELAXED,
	    "from : to : subject :\r\n date : message-id : from : subject : "
	    "date" },
};

/* Take the content of b= out of value and decode it into sig. */
static bool
take_signature(struct buf *value, struct buf *sig)
{
	char *at = memmem(value->data, value->len, " b=", 3), *end;
	size_t rest;

	if (at == NULL)
		return false;
	at += 3;
	rest = value->len - (size_t)(at - value->data);
	end = memchr(at, ';', rest);
	if (end == NULL)
		end = at + rest;
	if (!base64_decode(at, (size_t)(end - at), sig))
		return false;
	rest -= (size_t)(end - at);
	memmove(at, end, rest);
	value->len = (size_t)(at - value->data) + rest;
	return true;
}

/* Whether sig is the private key's signature of digest; OpenSSL's own word. */
static bool
fits(const char *key_file, const unsigned char *digest, const struct buf *sig)
{
	size_t len;
	char *pem = file_read(key_file, &len);
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_PKEY_CTX *ctx = NULL;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	const unsigned char *bytes = (const unsigned char *)sig->data;
	int result;

	if (EVP_PKEY_is_a(key, "ED25519")) {
		EVP_DigestVerifyInit(md, NULL, NULL, NULL, key);
		result =
		    EVP_DigestVerify(md, bytes, sig->len, digest, SHA256_LEN);
	} else {
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
		EVP_PKEY_verify_init(ctx);
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256());
		result =
		    EVP_PKEY_verify(ctx, bytes, sig->len, digest, SHA256_LEN);
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	BIO_free(bio);
	free(pem);
	return result == 1;
}

static void
test_header_hash(void)
{
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]);
	     i++) {
		struct hdrs h = HDRS_INIT;
		struct selection s = SELECTION_INIT;
		struct buf value = BUF_INIT, sig = BUF_INIT;
		struct err err = ERR_INIT;
		unsigned char digest[SHA256_LEN];
		size_t len, body_at, k = signatures[i].field;
		char *msg = file_read(signatures[i].message, &len);

		hdrs_parse(&h, msg, len, &body_at, &err);
		select_for_verifying(&h, signatures[i].names,
		    strlen(signatures[i].names), &s, &err);
		buf_add(&value, hdrs_value(&h, k), h.fields[k].value_len);
		ok(take_signature(&value, &sig), "%s has a signature",
		    signatures[i].message);
		is_int(header_hash(&h, &s, signatures[i].canon,
		           hdrs_name(&h, k), h.fields[k].name_len, value.data,
		           value.len, digest, &err),
		    0, "its header is hashed");
		ok(fits(signatures[i].key, digest, &sig), "and %s signed it",
		    signatures[i].key);
		digest[0] ^= 1;
		ok(!fits(signatures[i].key, digest, &sig), "but no other hash");
		free(msg);
		hdrs_clear(&h);
		selection_clear(&s);
		buf_clear(&value);
		buf_clear(&sig);
	}
}

int
main(void)
{
	test_build();
	test_width();
	test_finish();
	test_header_hash();
	return tap_done();
}
