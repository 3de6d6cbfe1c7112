/*
 * Signing keys and public keys.  PEM is taken apart here and its bytes are
 * decoded by type, which costs a third of the library's general decoder.
 */
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base64.h"
#include "key.h"
#include "sslerr.h"

enum {
	ED25519_PUBLIC_LEN = 32, /* RFC 8032 section 5.1.5 */
	ED25519_BITS = 256,
	VERIFY_BITS_MIN = 512, /* smaller moduli are not even parsed */
	EXPONENT_BITS_MAX = 64,
};

struct key {
	EVP_PKEY *pkey;
	EVP_PKEY_CTX *ctx; /* RSA: prepared, duplicated for each signature */
	enum key_alg alg;
	unsigned bits;
	unsigned char fingerprint[SHA256_LEN];
	atomic_uint references;
	atomic_bool is_proven; /* a signature of it was verified */
};

struct pubkey {
	EVP_PKEY *pkey;
	enum key_alg alg;
};

static const struct {
	const char *name, *type;
	int pkey_type;
} algorithms[] = {
	[KEY_RSA_SHA256] = { "rsa-sha256", "rsa", EVP_PKEY_RSA },
	[KEY_ED25519_SHA256] = { "ed25519-sha256", "ed25519",
	    EVP_PKEY_ED25519 },
};

const char *
key_alg_name(enum key_alg alg)
{
	return algorithms[alg].name;
}

const char *
key_alg_type(enum key_alg alg)
{
	return algorithms[alg].type;
}

/* The algorithm of pkey.  False if it is not one of DKIM's. */
static bool
find_algorithm(const EVP_PKEY *pkey, enum key_alg *alg)
{
	int type = EVP_PKEY_get_base_id(pkey);

	for (int a = KEY_RSA_SHA256; a <= KEY_ED25519_SHA256; a++) {
		if (algorithms[a].pkey_type != type)
			continue;
		*alg = (enum key_alg)a;
		return true;
	}
	return false;
}

/* n = p * q, and an exponent that can be one: e odd, at least 3. */
static int
check_rsa(const EVP_PKEY *pkey, struct err *err)
{
	BIGNUM *n = NULL, *e = NULL, *p = NULL, *q = NULL;
	BIGNUM *product = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	int rc;

	if (product == NULL || ctx == NULL ||
	    !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) ||
	    !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, &p) ||
	    !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, &q) ||
	    !BN_mul(product, p, q, ctx))
		rc = sslerr_set(err, ERR_KEY, "damaged RSA key");
	else if (BN_cmp(product, n) != 0)
		rc = err_set(err, ERR_KEY,
		    "damaged RSA key: the modulus is not the product of its "
		    "primes");
	else if (!BN_is_odd(e) || BN_is_one(e))
		rc = err_set(err, ERR_KEY,
		    "damaged RSA key: impossible public exponent");
	else
		rc = 0;
	BN_free(n);
	BN_free(e);
	BN_clear_free(p);
	BN_clear_free(q);
	BN_clear_free(product);
	BN_CTX_free(ctx);
	return rc;
}

static int
check_size(const struct key *key, unsigned minimum_bits, struct err *err)
{
	if (key->alg != KEY_RSA_SHA256)
		return 0;
	if (key->bits < minimum_bits)
		return err_set(err, ERR_KEY,
		    "an RSA key of %u bits: at least %u are needed", key->bits,
		    minimum_bits);
	if (key->bits > KEY_RSA_BITS_MAX)
		return err_set(err, ERR_KEY,
		    "an RSA key of %u bits: at most %d are taken", key->bits,
		    KEY_RSA_BITS_MAX);
	return 0;
}

static int
set_fingerprint(struct key *key, struct err *err)
{
	struct sha256 hash = SHA256_INIT;
	unsigned char *der = NULL;
	int len, rc = -1;

	len = i2d_PUBKEY(key->pkey, &der);
	if (len <= 0)
		return sslerr_set(err, ERR_KEY, "public part of the key");
	if (sha256_start(&hash, err) == 0 &&
	    sha256_update(&hash, der, (size_t)len, err) == 0)
		rc = sha256_final(&hash, key->fingerprint, err);
	sha256_clear(&hash);
	OPENSSL_free(der);
	return rc;
}

/* A context in which only the digest is missing. */
static EVP_PKEY_CTX *
prepare_rsa(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

	if (ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

/* A key around pkey, which is taken, also on failure. */
static struct key *
key_take(EVP_PKEY *pkey, unsigned minimum_bits, struct err *err)
{
	struct key *key = calloc(1, sizeof(*key));

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		err_nomem(err);
		return NULL;
	}
	atomic_init(&key->references, 1);
	atomic_init(&key->is_proven, false);
	key->pkey = pkey;
	if (!find_algorithm(pkey, &key->alg)) {
		const char *type = EVP_PKEY_get0_type_name(pkey);

		err_set(err, ERR_KEY,
		    "a private key of type %s: DKIM knows RSA and Ed25519",
		    type != NULL ? type : "unknown");
		goto fail;
	}
	key->bits = key->alg == KEY_ED25519_SHA256
	    ? ED25519_BITS
	    : (unsigned)EVP_PKEY_get_bits(pkey);
	if (check_size(key, minimum_bits, err) == -1 ||
	    (key->alg == KEY_RSA_SHA256 && check_rsa(pkey, err) == -1) ||
	    set_fingerprint(key, err) == -1)
		goto fail;
	if (key->alg == KEY_RSA_SHA256) {
		key->ctx = prepare_rsa(pkey);
		if (key->ctx == NULL) {
			sslerr_set(err, ERR_CRYPTO, "RSA signing");
			goto fail;
		}
	}
	return key;
fail:
	key_put(key);
	return NULL;
}

/* What else people put into key files. */
static const struct {
	const char *label, *what;
} not_private[] = {
	{ "PUBLIC KEY", "a public key" },
	{ "RSA PUBLIC KEY", "a public key" },
	{ "CERTIFICATE", "a certificate" },
	{ "CERTIFICATE REQUEST", "a certificate request" },
	{ "ENCRYPTED PRIVATE KEY", "a private key with a pass phrase" },
	{ "EC PRIVATE KEY", "an EC private key: DKIM knows RSA and Ed25519" },
	{ "EC PARAMETERS", "an EC private key: DKIM knows RSA and Ed25519" },
	{ "DSA PRIVATE KEY", "a DSA private key: DKIM knows RSA and Ed25519" },
	{ "OPENSSH PRIVATE KEY", "a private key in OpenSSH's own format" },
};

static int
refuse_label(const char *label, struct err *err)
{
	for (size_t i = 0; i < sizeof(not_private) / sizeof(not_private[0]);
	     i++) {
		if (strcmp(label, not_private[i].label) == 0)
			return err_set(err, ERR_KEY,
			    "%s, where a private key in PEM is needed",
			    not_private[i].what);
	}
	return err_set(err, ERR_KEY,
	    "a PEM object of another kind, where a private key is needed");
}

/* Decode by the label.  Returns NULL with err set. */
static EVP_PKEY *
decode_der(const char *label, const unsigned char *der, long len,
    struct err *err)
{
	const unsigned char *at = der;
	EVP_PKEY *pkey = NULL;

	if (strcmp(label, PEM_STRING_RSA) == 0) {
		pkey =
		    d2i_PrivateKey_ex(EVP_PKEY_RSA, NULL, &at, len, NULL, NULL);
	} else if (strcmp(label, PEM_STRING_PKCS8INF) == 0) {
		PKCS8_PRIV_KEY_INFO *info =
		    d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);

		if (info != NULL)
			pkey = EVP_PKCS82PKEY_ex(info, NULL, NULL);
		PKCS8_PRIV_KEY_INFO_free(info);
	} else {
		refuse_label(label, err);
		return NULL;
	}
	if (pkey == NULL)
		sslerr_set(err, ERR_KEY, "damaged private key");
	return pkey;
}

/* What to say of text in which no PEM object was found. */
static int
refuse_text(const char *pem, size_t len, struct err *err)
{
	static const char begin[] = "-----BEGIN ";

	if (len == 0)
		return err_set(err, ERR_KEY, "empty");
	if (memmem(pem, len, begin, sizeof(begin) - 1) != NULL)
		return sslerr_set(err, ERR_KEY, "damaged or cut PEM");
	return err_set(err, ERR_KEY, "no private key in PEM in it");
}

struct key *
key_parse(const char *pem, size_t len, unsigned minimum_bits, struct err *err)
{
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	EVP_PKEY *pkey = NULL;
	long der_len = 0;
	BIO *bio;

	if (len > INT_MAX) {
		err_set(err, ERR_KEY, "too large for a key");
		return NULL;
	}
	bio = BIO_new_mem_buf(pem, (int)len);
	if (bio == NULL) {
		sslerr_set(err, ERR_CRYPTO, "PEM");
		return NULL;
	}
	if (len == 0 || PEM_read_bio(bio, &label, &header, &der, &der_len) != 1)
		refuse_text(pem, len, err);
	else if (strstr(header, "ENCRYPTED") != NULL)
		refuse_label("ENCRYPTED PRIVATE KEY", err);
	else
		pkey = decode_der(label, der, der_len, err);
	ERR_clear_error();
	BIO_free(bio);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, (size_t)der_len);
	return pkey != NULL ? key_take(pkey, minimum_bits, err) : NULL;
}

struct key *
key_generate(enum key_alg alg, unsigned bits, struct err *err)
{
	EVP_PKEY *pkey;

	if (alg == KEY_RSA_SHA256 &&
	    (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX)) {
		err_set(err, ERR_KEY, "an RSA key has %d to %d bits, not %u",
		    KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX, bits);
		return NULL;
	}
	pkey = alg == KEY_RSA_SHA256
	    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits)
	    : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (pkey == NULL) {
		sslerr_set(err, ERR_CRYPTO, "making a key");
		return NULL;
	}
	return key_take(pkey, KEY_RSA_BITS_MIN, err);
}

struct key *
key_get(struct key *key)
{
	atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
	return key;
}

void
key_put(struct key *key)
{
	if (key == NULL ||
	    atomic_fetch_sub_explicit(&key->references, 1,
	        memory_order_acq_rel) > 1)
		return;
	EVP_PKEY_CTX_free(key->ctx);
	EVP_PKEY_free(key->pkey);
	free(key);
}

enum key_alg
key_algorithm(const struct key *key)
{
	return key->alg;
}

unsigned
key_bits(const struct key *key)
{
	return key->bits;
}

const unsigned char *
key_fingerprint(const struct key *key)
{
	return key->fingerprint;
}

static int
sign_rsa(const struct key *key, const unsigned char digest[SHA256_LEN],
    unsigned char *sig, size_t *sig_len, struct err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->ctx);
	int rc;

	*sig_len = KEY_SIG_MAX;
	rc = ctx == NULL ? 0
	                 : EVP_PKEY_sign(ctx, sig, sig_len, digest, SHA256_LEN);
	EVP_PKEY_CTX_free(ctx);
	return rc == 1 ? 0 : sslerr_set(err, ERR_CRYPTO, "RSA signature");
}

static int
sign_ed25519(const struct key *key, const unsigned char digest[SHA256_LEN],
    unsigned char *sig, size_t *sig_len, struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc;

	*sig_len = KEY_SIG_MAX;
	rc = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
	    EVP_DigestSign(ctx, sig, sig_len, digest, SHA256_LEN) == 1;
	EVP_MD_CTX_free(ctx);
	return rc ? 0 : sslerr_set(err, ERR_CRYPTO, "Ed25519 signature");
}

static int verify(EVP_PKEY *pkey, enum key_alg alg,
    const unsigned char digest[SHA256_LEN], const unsigned char *sig,
    size_t sig_len, struct err *err);

int
key_sign(const struct key *key, const unsigned char digest[SHA256_LEN],
    unsigned char *sig, size_t *sig_len, struct err *err)
{
	/* A mark on the object, not a change of the key. */
	struct key *own = (struct key *)(uintptr_t)key;
	int rc = key->alg == KEY_RSA_SHA256
	    ? sign_rsa(key, digest, sig, sig_len, err)
	    : sign_ed25519(key, digest, sig, sig_len, err);

	if (rc == -1 || atomic_load(&own->is_proven))
		return rc;
	rc = verify(key->pkey, key->alg, digest, sig, *sig_len, err);
	if (rc == -1)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_CRYPTO,
		    "the first signature of a key does not verify");
	atomic_store(&own->is_proven, true);
	return 0;
}

int
key_public(const struct key *key, struct buf *out, struct err *err)
{
	unsigned char raw[ED25519_PUBLIC_LEN], *der = NULL;
	size_t raw_len = sizeof(raw);
	int len;

	if (key->alg == KEY_ED25519_SHA256) {
		if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &raw_len) != 1)
			return sslerr_set(err, ERR_CRYPTO, "public key");
		base64_encode(raw, raw_len, out);
	} else {
		len = i2d_PUBKEY(key->pkey, &der);
		if (len <= 0)
			return sslerr_set(err, ERR_CRYPTO, "public key");
		base64_encode(der, (size_t)len, out);
		OPENSSL_free(der);
	}
	return out->has_failed ? err_nomem(err) : 0;
}

int
key_private_pem(const struct key *key, struct buf *out, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	const char *text;
	long len;
	int rc = 0;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL,
	        NULL) != 1) {
		rc = sslerr_set(err, ERR_CRYPTO, "private key in PEM");
	} else {
		len = BIO_get_mem_data(bio, &text);
		buf_add(out, text, (size_t)len);
		if (out->has_failed)
			rc = err_nomem(err);
	}
	BIO_free(bio);
	return rc;
}

/* An RSA public key in either of its two forms. */
static EVP_PKEY *
decode_rsa_public(const unsigned char *data, long len)
{
	const unsigned char *at = data;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, len);

	if (pkey == NULL) {
		at = data;
		pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, len);
	}
	if (pkey != NULL && at != data + len) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

/* Sizes with which verifying takes a bounded time. */
static int
check_public(const struct pubkey *pk, struct err *err)
{
	BIGNUM *e = NULL;
	int bits, e_bits;

	if (EVP_PKEY_get_base_id(pk->pkey) != algorithms[pk->alg].pkey_type)
		return err_set(err, ERR_KEY, "the key is not of type %s",
		    key_alg_type(pk->alg));
	if (pk->alg != KEY_RSA_SHA256)
		return 0;
	bits = EVP_PKEY_get_bits(pk->pkey);
	if (bits < VERIFY_BITS_MIN || bits > KEY_RSA_BITS_MAX)
		return err_set(err, ERR_KEY, "an RSA key of %d bits", bits);
	if (!EVP_PKEY_get_bn_param(pk->pkey, OSSL_PKEY_PARAM_RSA_E, &e))
		return sslerr_set(err, ERR_KEY, "public exponent");
	e_bits = BN_num_bits(e);
	BN_free(e);
	if (e_bits > EXPONENT_BITS_MAX)
		return err_set(err, ERR_KEY,
		    "an RSA key with a public exponent of %d bits", e_bits);
	return 0;
}

struct pubkey *
pubkey_parse(enum key_alg alg, const void *data, size_t len, struct err *err)
{
	struct pubkey *pk = calloc(1, sizeof(*pk));

	if (pk == NULL) {
		err_nomem(err);
		return NULL;
	}
	pk->alg = alg;
	if (alg == KEY_ED25519_SHA256 && len != ED25519_PUBLIC_LEN)
		err_set(err, ERR_KEY, "an Ed25519 key of %zu bytes, not %d",
		    len, ED25519_PUBLIC_LEN);
	else if (alg == KEY_ED25519_SHA256)
		pk->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    data, len);
	else if (len <= LONG_MAX)
		pk->pkey = decode_rsa_public(data, (long)len);
	ERR_clear_error();
	if (pk->pkey != NULL && check_public(pk, err) == 0)
		return pk;
	if (pk->pkey == NULL && !(alg == KEY_ED25519_SHA256))
		err_set(err, ERR_KEY, "not an RSA public key");
	pubkey_free(pk);
	return NULL;
}

void
pubkey_free(struct pubkey *pk)
{
	if (pk == NULL)
		return;
	EVP_PKEY_free(pk->pkey);
	free(pk);
}

unsigned
pubkey_bits(const struct pubkey *pk)
{
	return pk->alg == KEY_ED25519_SHA256
	    ? ED25519_BITS
	    : (unsigned)EVP_PKEY_get_bits(pk->pkey);
}

static int
verify_rsa(EVP_PKEY *pkey, const unsigned char digest[SHA256_LEN],
    const unsigned char *sig, size_t sig_len, struct err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	int rc;

	if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
		rc = sslerr_set(err, ERR_CRYPTO, "RSA verification");
	else
		rc =
		    EVP_PKEY_verify(ctx, sig, sig_len, digest, SHA256_LEN) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

static int
verify_ed25519(EVP_PKEY *pkey, const unsigned char digest[SHA256_LEN],
    const unsigned char *sig, size_t sig_len, struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int rc;

	if (ctx == NULL ||
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) != 1)
		rc = sslerr_set(err, ERR_CRYPTO, "Ed25519 verification");
	else
		rc = EVP_DigestVerify(ctx, sig, sig_len, digest, SHA256_LEN) ==
		    1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}

static int
verify(EVP_PKEY *pkey, enum key_alg alg, const unsigned char digest[SHA256_LEN],
    const unsigned char *sig, size_t sig_len, struct err *err)
{
	return alg == KEY_RSA_SHA256
	    ? verify_rsa(pkey, digest, sig, sig_len, err)
	    : verify_ed25519(pkey, digest, sig, sig_len, err);
}

int
pubkey_verify(const struct pubkey *pk, const unsigned char digest[SHA256_LEN],
    const unsigned char *sig, size_t sig_len, struct err *err)
{
	return verify(pk->pkey, pk->alg, digest, sig, sig_len, err);
}
