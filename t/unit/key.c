/*
 * key: what is taken as a key and what is refused, signatures against those of
 * RFC 8463 and of the openssl command, many threads on one key.
 */
#include <limits.h>
#include <pthread.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base64.h"
#include "file.h"
#include "key.h"
#include "pem.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

enum {
	THREADS = 8,
	THREAD_SIGNATURES = 60,
	MUTATIONS = 3000,
};

static const unsigned char abc_digest[] =
    "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
    "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";

/* The key in t/<name>. */
static struct key *
load(const char *name)
{
	struct err err = ERR_INIT;
	size_t len;
	char *pem = file_read(name, &len);
	struct key *key = key_parse(pem, len, KEY_RSA_BITS_MIN, &err);

	if (key == NULL) {
		printf("Bail out! %s: %s\n", name, err.text);
		exit(1);
	}
	free(pem);
	return key;
}

static void
decode(const char *text, struct buf *out)
{
	buf_reset(out);
	if (!base64_decode(text, strlen(text), out))
		abort();
}

/* Whether a text says what is expected, and the library's queue is empty. */
static void
is_refused(const void *made, const struct err *err, enum err_code code,
    const char *want, const char *name)
{
	bool good = made == NULL && err->code == code &&
	    strstr(err->text, want) != NULL && ERR_peek_error() == 0;

	if (!ok(good, "%s", name))
		printf("# got: %s, code %d: %s\n# want: %s\n",
		    made == NULL ? "refused" : "taken", err->code, err->text,
		    want);
	ERR_clear_error();
}

/*
 * The keys of RFC 8463 Appendix A.  The fingerprints: openssl pkey -pubout
 * -outform DER | sha256sum.  The signatures of "abc": openssl pkeyutl -sign
 * over its SHA-256 digest, with -pkeyopt digest:sha256 or -rawin.
 */
static const struct {
	const char *file, *alg, *type;
	enum key_alg number;
	unsigned bits;
	const char *fingerprint, *public, *abc_signature;
	/* The header hash of A.3, by python3-dkim, and the RFC's b=. */
	const char *header_hash, *b;
} vectors[] = {
	{ "rfc/8463-A.1-ed25519.key", "ed25519-sha256", "ed25519",
	    KEY_ED25519_SHA256, 256,
	    "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9",
	    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
	    "CW9VadgH7orHsZE9pwzwqrM1wlj0uUyPIQ3RQel0OSfI0aazeIcqcslEbB915tx7"
	    "Le+YvQwhS+ZwbUh5H1doCg==",
	    "48ce9a2c710ece1710ff156996b836a7f45470e43efe5643074d6e1690ed62e7",
	    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
	    "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==" },
	{ "rfc/8463-A.1-rsa.key", "rsa-sha256", "rsa", KEY_RSA_SHA256, 1024,
	    "362d9a99501883f6d1ac717c53fff96582fb0a7c52464cb64b9082aa887bc7b4",
	    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6"
	    "Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/"
	    "e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G"
	    "+2kryOTIKT+l/K4w3QIDAQAB",
	    "cSusaB1Q4kCwg6taq2M+H1YMMGVBEN8yI8KlVnR6q+EC7dO7BrxE/WIYZ50Lawt8"
	    "SLviADgStok3AabMP3nAe+dsDMTn+vjc14sZbT7aBOi8v8OJP1X/pxK8nTePq0R4"
	    "GRyw1nTYBypMvUv/kXFsysmP86ZDhBrmn3/J+24zdfA=",
	    "fed71e6d70fb123bb5c353adc42821b304b6b9d54fc867f304f7c61daaaa1111",
	    "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3"
	    "DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz"
	    "dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=" },
};

static void
signs(const struct key *key, const unsigned char *digest, const char *want,
    const char *name)
{
	unsigned char sig[KEY_SIG_MAX];
	struct err err = ERR_INIT;
	struct buf bytes = BUF_INIT;
	size_t len = 0;

	decode(want, &bytes);
	if (key_sign(key, digest, sig, &len, &err) == 0)
		is_mem(sig, len, bytes.data, bytes.len, name);
	else
		ok(false, "%s: %s", name, err.text);
	buf_clear(&bytes);
}

/* Signatures with p=, and with everything a bit wrong. */
static void
verifies(const struct key *key, const char *type)
{
	unsigned char sig[KEY_SIG_MAX], digest[SHA256_LEN];
	struct buf text = BUF_INIT, bytes = BUF_INIT;
	struct err err = ERR_INIT;
	struct pubkey *pk;
	int forged = 0;
	size_t len;

	memcpy(digest, abc_digest, SHA256_LEN);
	if (key_public(key, &text, &err) == -1 ||
	    key_sign(key, digest, sig, &len, &err) == -1)
		abort();
	decode(buf_str(&text), &bytes);
	pk = pubkey_parse(key_algorithm(key), bytes.data, bytes.len, &err);
	if (!ok(pk != NULL, "%s: p= is a public key", type))
		abort();
	is_int(pubkey_bits(pk), key_bits(key), "its bits");
	is_int(pubkey_verify(pk, digest, sig, len, &err), 1, "verifies");
	for (size_t bit = 0; bit < len * CHAR_BIT; bit++) {
		sig[bit / CHAR_BIT] ^= 1u << bit % CHAR_BIT;
		forged += pubkey_verify(pk, digest, sig, len, &err) != 0;
		sig[bit / CHAR_BIT] ^= 1u << bit % CHAR_BIT;
	}
	is_int(forged, 0, "no bit of the signature can be turned");
	for (size_t bit = 0; bit < SHA256_LEN * CHAR_BIT; bit++) {
		digest[bit / CHAR_BIT] ^= 1u << bit % CHAR_BIT;
		forged += pubkey_verify(pk, digest, sig, len, &err) != 0;
		digest[bit / CHAR_BIT] ^= 1u << bit % CHAR_BIT;
	}
	is_int(forged, 0, "no bit of the digest can be turned");
	for (size_t cut = 0; cut < len; cut++)
		forged += pubkey_verify(pk, digest, sig, cut, &err) != 0;
	forged += pubkey_verify(pk, digest, sig, sizeof(sig), &err) != 0;
	is_int(forged, 0, "neither shorter nor longer");
	is_int(pubkey_verify(pk, digest, sig, len, &err), 1, "verifies still");
	is_int((long long)ERR_peek_error(), 0, "no error left behind");
	pubkey_free(pk);
	buf_clear(&text);
	buf_clear(&bytes);
}

static void
hex(const unsigned char *data, char text[2 * SHA256_LEN + 1])
{
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
}

static void
unhex(const char *text, unsigned char data[SHA256_LEN])
{
	for (size_t i = 0; i < SHA256_LEN; i++)
		if (sscanf(text + 2 * i, "%2hhx", &data[i]) != 1)
			abort();
}

static void
test_vectors(void)
{
	unsigned char digest[SHA256_LEN];
	char print[2 * SHA256_LEN + 1];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < LEN(vectors); i++) {
		struct key *key = load(vectors[i].file);
		struct buf public = BUF_INIT;

		is_int(key_algorithm(key), vectors[i].number, vectors[i].file);
		is_int(key_bits(key), vectors[i].bits, "bits");
		is_str(key_alg_name(vectors[i].number), vectors[i].alg, "a=");
		is_str(key_alg_type(vectors[i].number), vectors[i].type, "k=");
		hex(key_fingerprint(key), print);
		is_str(print, vectors[i].fingerprint, "fingerprint");
		is_int(key_public(key, &public, &err), 0, "public part");
		is_str(buf_str(&public), vectors[i].public, "p= of the RFC");
		signs(key, abc_digest, vectors[i].abc_signature,
		    "the openssl command signs the same");
		unhex(vectors[i].header_hash, digest);
		signs(key, digest, vectors[i].b, "b= of the RFC");
		verifies(key, vectors[i].type);
		buf_clear(&public);
		key_put(key);
	}
}

/* What is no signing key. */
static const struct {
	const char *name, *pem, *want;
} refusals[] = {
	{ "nothing", "", "empty" },
	{ "white space", " \n\n", "no private key in PEM in it" },
	{ "text", "p=MIGfMA0\n", "no private key in PEM in it" },
	{ "DER", "\x30\x2e\x02\x01", "DER, not PEM" },
	{ "a public key", PEM_PUBLIC, "a public key: " },
	{ "an RSA public key", PEM_RSA_PUBLIC, "a public key: " },
	{ "a certificate", PEM_CERTIFICATE, "a certificate: " },
	{ "a certificate, then a key", PEM_CERTIFICATE PEM_RSA_512,
	    "a certificate: " },
	{ "a request", PEM_REQUEST, "a certificate request: " },
	{ "encrypted PKCS#8", PEM_ENCRYPTED, "an encrypted private key: " },
	{ "encrypted PKCS#1", PEM_ENCRYPTED_PKCS1,
	    "an encrypted private key: " },
	{ "EC", PEM_EC, "an EC private key: " },
	{ "EC with parameters", PEM_EC_PARAMETERS, "an EC private key: " },
	{ "EC in PKCS#8", PEM_EC_PKCS8, "a private key of EC: " },
	{ "X25519", PEM_X25519, "a private key of X25519: " },
	{ "Ed448", PEM_ED448, "a private key of ED448: " },
	{ "RSA-PSS", PEM_RSA_PSS, "a private key of RSA-PSS: " },
	{ "OpenSSH", PEM_OPENSSH, "a private key in OpenSSH's own format: " },
	{ "another label",
	    "-----BEGIN A\x1b]0;B-----\nMAA=\n"
	    "-----END A\x1b]0;B-----\n",
	    "\"A\\x1b]0;B\" in PEM: " },
	{ "512 bits", PEM_RSA_512, "RSA key of 512 bits: at least 1024" },
	{ "512 bits in PKCS#1", PEM_RSA_512_PKCS1,
	    "RSA key of 512 bits: at least 1024" },
	{ "no END line", "-----BEGIN PRIVATE KEY-----\nMAA=\n",
	    "cut PEM: it has no END line" },
	{ "another END line",
	    "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PUBLIC KEY-----\n",
	    "damaged PEM: " },
	{ "no base64",
	    "-----BEGIN PRIVATE KEY-----\nM*A=\n-----END PRIVATE KEY-----\n",
	    "damaged PEM: " },
	{ "an empty object",
	    "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
	    "damaged" },
	{ "an empty sequence",
	    "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
	    "damaged private key" },
	{ "an empty RSA key",
	    "-----BEGIN RSA PRIVATE KEY-----\nMAA=\n"
	    "-----END RSA PRIVATE KEY-----\n",
	    "damaged private key" },
	{ "31 bytes of Ed25519",
	    "-----BEGIN PRIVATE KEY-----\n"
	    "MC0CAQAwBQYDK2VwBCEEH51hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn8=\n"
	    "-----END PRIVATE KEY-----\n",
	    "damaged private key" },
	{ "a byte behind Ed25519",
	    "-----BEGIN PRIVATE KEY-----\n"
	    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/"
	    "VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9gAA=="
	    "\n-----END PRIVATE KEY-----\n",
	    "damaged private key" },
};

static void
test_refusals(void)
{
	for (size_t i = 0; i < LEN(refusals); i++) {
		struct err err = ERR_INIT;
		struct key *key = key_parse(refusals[i].pem,
		    strlen(refusals[i].pem), KEY_RSA_BITS_MIN, &err);

		is_refused(key, &err, ERR_KEY, refusals[i].want,
		    refusals[i].name);
		key_put(key);
	}
	key_put(NULL);
}

/* Every beginning of a key's file; the final newline may be missing. */
static void
test_cuts(const char *file)
{
	size_t len, taken = 0;
	char *pem = file_read(file, &len);

	for (size_t cut = 0; cut <= len; cut++) {
		struct err err = ERR_INIT;
		char *copy = malloc(cut > 0 ? cut : 1);
		struct key *key;

		if (copy == NULL)
			abort();
		memcpy(copy, pem, cut);
		key = key_parse(copy, cut, KEY_RSA_BITS_MIN, &err);
		taken += key != NULL;
		key_put(key);
		free(copy);
	}
	ok(taken == 1 || taken == 2, "%s: cut short %zu times", file, len);
	free(pem);
}

/*
 * RSA keys that no tool would make.  The primes are odd numbers of the right
 * size, which is all that can be checked in a time worth spending.
 */
struct rsa {
	BIGNUM *n, *e, *d, *p, *q;
	BIGNUM *dp, *dq, *qinv;
};

static void
rsa_init(struct rsa *r, int bits)
{
	BN_CTX *ctx = BN_CTX_new();

	r->n = BN_new();
	r->e = BN_new();
	r->d = BN_new();
	r->p = BN_new();
	r->q = BN_new();
	r->dp = BN_new();
	r->dq = BN_new();
	r->qinv = BN_new();
	do {
		if (ctx == NULL ||
		    !BN_rand(r->p, (bits + 1) / 2, BN_RAND_TOP_TWO,
		        BN_RAND_BOTTOM_ODD) ||
		    !BN_rand(r->q, bits / 2, BN_RAND_TOP_TWO,
		        BN_RAND_BOTTOM_ODD) ||
		    !BN_rand(r->d, bits - 1, BN_RAND_TOP_ANY,
		        BN_RAND_BOTTOM_ODD) ||
		    !BN_mul(r->n, r->p, r->q, ctx) ||
		    !BN_mod(r->dp, r->d, r->p, ctx) ||
		    !BN_mod(r->dq, r->d, r->q, ctx) ||
		    !BN_set_word(r->qinv, 1) || !BN_set_word(r->e, 65537))
			abort();
	} while (BN_num_bits(r->n) != bits);
	BN_CTX_free(ctx);
}

static void
rsa_clear(struct rsa *r)
{
	BN_free(r->n);
	BN_free(r->e);
	BN_free(r->d);
	BN_free(r->p);
	BN_free(r->q);
	BN_free(r->dp);
	BN_free(r->dq);
	BN_free(r->qinv);
}

static EVP_PKEY *
rsa_pkey(const struct rsa *r)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;

	if (build == NULL || ctx == NULL ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, r->n) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, r->e) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, r->d) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR1, r->p) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR2, r->q) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT1,
	        r->dp) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT2,
	        r->dq) ||
	    !OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	        r->qinv) ||
	    (params = OSSL_PARAM_BLD_to_param(build)) == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		abort();
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* The bytes of a PEM text. */
static void
pem_bytes(const char *pem, struct buf *out)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	unsigned char *data;
	char *label, *header;
	long len;

	if (bio == NULL || PEM_read_bio(bio, &label, &header, &data, &len) != 1)
		abort();
	buf_reset(out);
	buf_add(out, data, (size_t)len);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(data);
	BIO_free(bio);
}

/* What the module says of those bytes in PEM. */
static struct key *
der_parse(const char *label, const unsigned char *der, long len,
    unsigned minimum_bits, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct key *key;
	const char *pem;
	long pem_len;

	if (bio == NULL || PEM_write_bio(bio, label, "", der, len) <= 0)
		abort();
	pem_len = BIO_get_mem_data(bio, &pem);
	*err = (struct err)ERR_INIT;
	key = key_parse(pem, (size_t)pem_len, minimum_bits, err);
	BIO_free(bio);
	return key;
}

static struct key *
rsa_parse(const struct rsa *r, unsigned minimum_bits, struct err *err)
{
	EVP_PKEY *pkey = rsa_pkey(r);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *der = NULL;
	int len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	struct key *key;

	if (len <= 0)
		abort();
	key = der_parse("PRIVATE KEY", der, len, minimum_bits, err);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(pkey);
	return key;
}

/* Sizes at the limits; want NULL: taken. */
static const struct {
	int bits;
	unsigned minimum;
	const char *want;
} sizes[] = {
	{ 1024, 1024, NULL },
	{ 1023, 1024, "RSA key of 1023 bits: at least 1024 are needed" },
	{ 2048, 2048, NULL },
	{ 2047, 2048, "RSA key of 2047 bits: at least 2048 are needed" },
	{ 8192, 1024, NULL },
	{ 8193, 1024, "RSA key of 8193 bits: at most 8192 are taken" },
};

static void
test_sizes(void)
{
	struct err err;
	char name[64];

	for (size_t i = 0; i < LEN(sizes); i++) {
		struct key *key;
		struct rsa r;

		rsa_init(&r, sizes[i].bits);
		key = rsa_parse(&r, sizes[i].minimum, &err);
		snprintf(name, sizeof(name), "%d bits, at least %u",
		    sizes[i].bits, sizes[i].minimum);
		if (sizes[i].want != NULL)
			is_refused(key, &err, ERR_KEY, sizes[i].want, name);
		else
			ok(key != NULL &&
			        key_bits(key) == (unsigned)sizes[i].bits,
			    "%s", name);
		key_put(key);
		rsa_clear(&r);
	}
}

/* Keys with a byte behind them, whole otherwise. */
static void
test_excess(void)
{
	static const struct {
		const char *label, *pem;
	} keys[] = {
		{ "PRIVATE KEY", PEM_RSA_512 },
		{ "RSA PRIVATE KEY", PEM_RSA_512_PKCS1 },
	};
	struct buf der = BUF_INIT;

	for (size_t i = 0; i < LEN(keys); i++) {
		struct err err;
		struct key *key;

		pem_bytes(keys[i].pem, &der);
		buf_addc(&der, '\0');
		key = der_parse(keys[i].label, (unsigned char *)der.data,
		    (long)der.len, 512, &err);
		is_refused(key, &err, ERR_KEY, "damaged private key",
		    "a byte too many");
		key_put(key);
		key = der_parse(keys[i].label, (unsigned char *)der.data,
		    (long)der.len - 1, 512, &err);
		ok(key != NULL, "and without it");
		key_put(key);
	}
	buf_clear(&der);
}

static void
refuses_rsa(const struct rsa *r, const char *want, const char *name)
{
	struct err err;
	struct key *key = rsa_parse(r, KEY_RSA_BITS_MIN, &err);

	is_refused(key, &err, ERR_KEY, want, name);
	key_put(key);
}

static void
test_rsa_numbers(void)
{
	static const char exponent[] = "public exponent", primes[] = "primes";
	unsigned char sig[KEY_SIG_MAX];
	struct err err;
	struct key *key;
	struct rsa r;
	size_t len;

	rsa_init(&r, 1024);
	BN_set_word(r.e, 1);
	refuses_rsa(&r, exponent, "e is 1");
	BN_set_word(r.e, 2);
	refuses_rsa(&r, exponent, "e is 2");
	BN_set_word(r.e, 65536);
	refuses_rsa(&r, exponent, "e is even");
	BN_set_word(r.e, 3);
	key = rsa_parse(&r, KEY_RSA_BITS_MIN, &err);
	ok(key != NULL, "e is 3");
	for (int i = 0; key != NULL && i < 2; i++) {
		is_int(key_sign(key, abc_digest, sig, &len, &err), -1,
		    "numbers that do not fit each other");
		is_int(err.code, ERR_CRYPTO, "do not sign");
		is_str(err.text, "the first signature of a key does not verify",
		    "and never did");
		is_int((long long)ERR_peek_error(), 0, "nothing left behind");
	}
	key_put(key);
	BN_add_word(r.n, 2);
	refuses_rsa(&r, primes, "n is not p*q");
	BN_sub_word(r.n, 2);
	BN_add_word(r.q, 2);
	refuses_rsa(&r, primes, "n is not p*q, by q");
	BN_copy(r.p, r.n);
	BN_set_word(r.q, 1);
	refuses_rsa(&r, primes, "q is 1");
	rsa_clear(&r);
}

/* A key made, written, read: the same. */
static void
test_round_trip(enum key_alg alg, unsigned bits)
{
	static const char label[] = "-----BEGIN PRIVATE KEY-----\n";
	struct err err = ERR_INIT;
	struct buf pem = BUF_INIT;
	struct key *key = key_generate(alg, bits, &err), *again;

	if (!ok(key != NULL, "%s: %u bits made", key_alg_type(alg), bits))
		return;
	is_int(key_bits(key), bits, "its bits");
	is_int(key_private_pem(key, &pem, &err), 0, "in PEM");
	ok(pem.len > sizeof(label) &&
	        memcmp(pem.data, label, sizeof(label) - 1) == 0,
	    "as PKCS#8");
	again = key_parse(pem.data, pem.len, bits, &err);
	ok(again != NULL &&
	        memcmp(key_fingerprint(again), key_fingerprint(key),
	            SHA256_LEN) == 0,
	    "the same key again");
	if (again != NULL)
		verifies(again, key_alg_type(alg));
	buf_clear(&pem);
	key_put(again);
	key_put(key);
}

static void
test_generate_limits(void)
{
	static const unsigned bad[] = { 0, 1023, 8193, UINT_MAX };

	for (size_t i = 0; i < LEN(bad); i++) {
		struct err err = ERR_INIT;
		struct key *key = key_generate(KEY_RSA_SHA256, bad[i], &err);

		is_refused(key, &err, ERR_KEY, "1024 to 8192 bits",
		    "a size that is not made");
		key_put(key);
	}
}

/* A SubjectPublicKeyInfo, or an RSAPublicKey. */
static unsigned char *
public_der(const struct rsa *r, bool is_bare, size_t *len)
{
	EVP_PKEY *pkey = rsa_pkey(r);
	unsigned char *der = NULL;
	int n = is_bare ? i2d_PublicKey(pkey, &der) : i2d_PUBKEY(pkey, &der);

	if (n <= 0)
		abort();
	EVP_PKEY_free(pkey);
	*len = (size_t)n;
	return der;
}

static void
try_public(const struct rsa *r, bool is_bare, const char *want,
    const char *name)
{
	struct err err = ERR_INIT;
	size_t len;
	unsigned char *der = public_der(r, is_bare, &len);
	struct pubkey *pk = pubkey_parse(KEY_RSA_SHA256, der, len, &err);

	if (want != NULL)
		is_refused(pk, &err, ERR_KEY, want, name);
	else if (!ok(pk != NULL &&
	                 pubkey_bits(pk) == (unsigned)BN_num_bits(r->n),
	             "%s", name))
		printf("# %s\n", err.text);
	pubkey_free(pk);
	OPENSSL_free(der);
}

static const struct {
	int bits;
	const char *want;
} public_sizes[] = {
	{ 511, "RSA public key of 511 bits: 512 to 8192 are taken" },
	{ 512, NULL },
	{ 1023, NULL },
	{ 8192, NULL },
	{ 8193, "RSA public key of 8193 bits: 512 to 8192 are taken" },
};

static void
test_public_numbers(void)
{
	char name[64];
	struct rsa r;

	for (size_t i = 0; i < LEN(public_sizes); i++) {
		rsa_init(&r, public_sizes[i].bits);
		snprintf(name, sizeof(name), "p= of %d bits",
		    public_sizes[i].bits);
		try_public(&r, false, public_sizes[i].want, name);
		try_public(&r, true, public_sizes[i].want, "as RSAPublicKey");
		rsa_clear(&r);
	}
	rsa_init(&r, 2048);
	BN_set_word(r.e, 1);
	try_public(&r, false, "public exponent", "p= with e of 1");
	BN_set_word(r.e, 4);
	try_public(&r, false, "public exponent", "p= with an even e");
	BN_set_word(r.e, 3);
	try_public(&r, false, NULL, "p= with e of 3");
	BN_one(r.e);
	BN_lshift(r.e, r.e, 63);
	BN_add_word(r.e, 1);
	try_public(&r, false, NULL, "p= with e of 64 bits");
	BN_lshift1(r.e, r.e);
	BN_add_word(r.e, 1);
	try_public(&r, false, "exponent of 65 bits", "p= with e of 65 bits");
	rsa_clear(&r);
}

static void
refuses_public(enum key_alg alg, const void *data, size_t len, const char *want,
    const char *name)
{
	struct err err = ERR_INIT;
	struct pubkey *pk = pubkey_parse(alg, data, len, &err);

	is_refused(pk, &err, ERR_KEY, want, name);
	pubkey_free(pk);
}

static void
test_public_refusals(void)
{
	static const char rsa[] = "not an RSA public key";
	struct buf der = BUF_INIT;
	char large[4096] = "";

	refuses_public(KEY_RSA_SHA256, "", 0, rsa, "no bytes");
	refuses_public(KEY_RSA_SHA256, "junk", 4, rsa, "junk");
	refuses_public(KEY_RSA_SHA256, large, 2048, rsa, "zeros");
	refuses_public(KEY_RSA_SHA256, large, 2049, "2049 bytes: at most 2048",
	    "too many zeros");
	pem_bytes(PEM_PUBLIC, &der);
	refuses_public(KEY_RSA_SHA256, der.data, der.len, rsa, "EC");
	pem_bytes(PEM_RSA_512, &der);
	refuses_public(KEY_RSA_SHA256, der.data, der.len, rsa, "a private key");
	pem_bytes(PEM_RSA_512_PKCS1, &der);
	refuses_public(KEY_RSA_SHA256, der.data, der.len, rsa,
	    "a private key in PKCS#1");
	refuses_public(KEY_RSA_SHA256, PEM_PUBLIC, strlen(PEM_PUBLIC), rsa,
	    "PEM");
	decode(vectors[1].public, &der);
	buf_addc(&der, '\0');
	refuses_public(KEY_RSA_SHA256, der.data, der.len, "1 bytes too many",
	    "a byte too many");
	refuses_public(KEY_RSA_SHA256, der.data, der.len - 2, rsa,
	    "a byte too few");
	decode(vectors[0].public, &der);
	refuses_public(KEY_RSA_SHA256, der.data, der.len, rsa, "Ed25519");
	refuses_public(KEY_ED25519_SHA256, der.data, der.len - 1,
	    "Ed25519 public key of 31 bytes, not 32", "31 bytes");
	buf_addc(&der, '\0');
	refuses_public(KEY_ED25519_SHA256, der.data, der.len,
	    "Ed25519 public key of 33 bytes, not 32", "33 bytes");
	refuses_public(KEY_ED25519_SHA256, "", 0,
	    "Ed25519 public key of 0 bytes, not 32", "no bytes");
	pubkey_free(NULL);
	buf_clear(&der);
}

/* Public keys with a few bytes changed: what is taken can be used. */
static void
test_mutations(void)
{
	struct buf der = BUF_INIT;
	unsigned char sig[KEY_SIG_MAX] = { 1 };
	unsigned state = 1;
	int taken = 0, fits = 0;

	for (int i = 0; i < MUTATIONS; i++) {
		struct err err = ERR_INIT;
		struct pubkey *pk;

		decode(vectors[1].public, &der);
		for (int n = 0; n <= i % 3; n++) {
			state = state * 1103515245 + 12345;
			der.data[(state >> 16) % (i % 2 ? 32 : der.len)] =
			    (char)(state >> 8);
		}
		pk = pubkey_parse(KEY_RSA_SHA256, der.data, der.len, &err);
		if (pk == NULL)
			continue;
		taken++;
		fits += pubkey_verify(pk, abc_digest, sig,
		            pubkey_bits(pk) / CHAR_BIT, &err) != 0;
		pubkey_free(pk);
	}
	is_int(fits, 0, "changed public keys fit nothing");
	ok(taken > 0 && taken < MUTATIONS, "%d of %d were still keys", taken,
	    MUTATIONS);
	buf_clear(&der);
}

struct worker {
	pthread_t thread;
	struct key *key;
	const unsigned char *want;
	size_t want_len;
	int failures;
};

static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	unsigned char sig[KEY_SIG_MAX];
	struct err err;
	size_t len;

	for (int i = 0; i < THREAD_SIGNATURES; i++) {
		struct key *key = key_get(w->key);

		if (key_sign(key, abc_digest, sig, &len, &err) == -1 ||
		    len != w->want_len || memcmp(sig, w->want, len) != 0)
			w->failures++;
		key_put(key);
	}
	key_put(w->key);
	return NULL;
}

/* The first signature too is made by all of them. */
static void
test_threads(const char *file, const char *want)
{
	struct worker workers[THREADS];
	struct key *key = load(file);
	struct buf bytes = BUF_INIT;
	int failures = 0;

	decode(want, &bytes);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){
			.key = key_get(key),
			.want = (const unsigned char *)bytes.data,
			.want_len = bytes.len,
		};
		if (pthread_create(&workers[i].thread, NULL, worker_run,
		        &workers[i]) != 0)
			abort();
	}
	key_put(key);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		failures += workers[i].failures;
	}
	is_int(failures, 0, "8 threads, one key");
	buf_clear(&bytes);
}

int
main(void)
{
	test_vectors();
	test_refusals();
	test_cuts("rfc/8463-A.1-ed25519.key");
	test_cuts("rfc/8463-A.1-rsa.key");
	test_sizes();
	test_rsa_numbers();
	test_excess();
	test_round_trip(KEY_ED25519_SHA256, 256);
	test_round_trip(KEY_RSA_SHA256, 1024);
	test_generate_limits();
	test_public_numbers();
	test_public_refusals();
	test_mutations();
	for (size_t i = 0; i < LEN(vectors); i++)
		test_threads(vectors[i].file, vectors[i].abc_signature);
	return tap_done();
}
