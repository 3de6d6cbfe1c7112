/*
 * Signing keys and public keys.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base64.h"
#include "key.h"
#include "keypem.h"
#include "sslerr.h"

enum {
	ED25519_PUBLIC_LEN = 32, /* RFC 8032 section 5.1.5 */
	ED25519_BITS = 256,
	/*
	 * Public keys come from anybody.  The smallest size is below what may
	 * be used, so that a verifier can say "too small" and not "damaged".
	 */
	PUBLIC_BITS_MIN = 512,
	PUBLIC_EXPONENT_BITS_MAX = 64, /* as the library has it above 3072 */
	PUBLIC_BYTES_MAX = 2 * KEY_RSA_BITS_MAX / 8,
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
} algorithms[] = {
	[KEY_RSA_SHA256] = { "rsa-sha256", "rsa" },
	[KEY_ED25519_SHA256] = { "ed25519-sha256", "ed25519" },
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

/* An exponent that can be one: odd, at least 3. */
static int
check_exponent(const BIGNUM *e, struct err *err)
{
	if (BN_is_odd(e) && !BN_is_one(e))
		return 0;
	return err_set(err, ERR_KEY,
	    "damaged RSA key: its public exponent is not an odd number from 3");
}

/*
 * n = p * q, which a file that was cut and mended or put together of two does
 * not keep.  That the rest fits too shows when the first signature is verified.
 */
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
	else if (BN_cmp(product, n) != 0 || BN_is_one(p) || BN_is_one(q))
		rc = err_set(err, ERR_KEY,
		    "damaged RSA key: the modulus is not the product of its "
		    "primes");
	else
		rc = check_exponent(e, err);
	BN_free(n);
	BN_free(e);
	BN_clear_free(p);
	BN_clear_free(q);
	BN_clear_free(product);
	BN_CTX_free(ctx);
	return rc;
}

static unsigned
pkey_bits(const EVP_PKEY *pkey, enum key_alg alg)
{
	return alg == KEY_RSA_SHA256 ? (unsigned)EVP_PKEY_get_bits(pkey)
	                             : ED25519_BITS;
}

static int
check_size(const struct key *key, unsigned minimum_bits, struct err *err)
{
	if (key->alg != KEY_RSA_SHA256)
		return 0;
	if (key->bits < minimum_bits)
		return err_set(err, ERR_KEY,
		    "RSA key of %u bits: at least %u are needed", key->bits,
		    minimum_bits);
	if (key->bits > KEY_RSA_BITS_MAX)
		return err_set(err, ERR_KEY,
		    "RSA key of %u bits: at most %d are taken", key->bits,
		    KEY_RSA_BITS_MAX);
	return 0;
}

/* See key_fingerprint. */
static int
fingerprint(const EVP_PKEY *pkey, unsigned char out[SHA256_LEN],
    struct err *err)
{
	struct sha256 hash = SHA256_INIT;
	unsigned char *der = NULL;
	int len, rc = -1;

	len = i2d_PUBKEY(pkey, &der);
	if (len <= 0)
		return sslerr_set(err, ERR_KEY, "public part of the key");
	if (sha256_start(&hash, err) == 0 &&
	    sha256_update(&hash, der, (size_t)len, err) == 0)
		rc = sha256_final(&hash, out, err);
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
key_take(EVP_PKEY *pkey, enum key_alg alg, unsigned minimum_bits,
    struct err *err)
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
	key->alg = alg;
	key->bits = pkey_bits(pkey, alg);
	if (check_size(key, minimum_bits, err) == -1 ||
	    (alg == KEY_RSA_SHA256 && check_rsa(pkey, err) == -1) ||
	    fingerprint(pkey, key->fingerprint, err) == -1)
		goto fail;
	if (alg == KEY_RSA_SHA256) {
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

struct key *
key_parse(const char *pem, size_t len, unsigned minimum_bits, struct err *err)
{
	enum key_alg alg;
	EVP_PKEY *pkey = keypem_decode(pem, len, &alg, err);

	return pkey != NULL ? key_take(pkey, alg, minimum_bits, err) : NULL;
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
	return key_take(pkey, alg, KEY_RSA_BITS_MIN, err);
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

/*
 * What the library's answer means.  It has one code for a signature that does
 * not fit and for every failure; only one of these is not the signature's.
 */
static int
judge(int answer, struct err *err)
{
	if (answer != 1 &&
	    ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE)
		return sslerr_set(err, ERR_NOMEM, "verification");
	ERR_clear_error();
	return answer == 1;
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
		rc = judge(EVP_PKEY_verify(ctx, sig, sig_len, digest,
		               SHA256_LEN),
		    err);
	EVP_PKEY_CTX_free(ctx);
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
		rc = judge(EVP_DigestVerify(ctx, sig, sig_len, digest,
		               SHA256_LEN),
		    err);
	EVP_MD_CTX_free(ctx);
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
key_sign(const struct key *key, const unsigned char digest[SHA256_LEN],
    unsigned char *sig, size_t *sig_len, struct err *err)
{
	/* Our own mark on it; for everybody else it never changes. */
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

/*
 * An RSA public key in either of its two forms.  The decoder is told the type,
 * so that bytes from anywhere reach no code for other algorithms.
 */
static EVP_PKEY *
decode_rsa_public(const unsigned char *data, size_t len, struct err *err)
{
	OSSL_DECODER_CTX *ctx;
	EVP_PKEY *pkey = NULL;

	if (len > PUBLIC_BYTES_MAX) {
		err_set(err, ERR_KEY,
		    "RSA public key of %zu bytes: at most %d are taken", len,
		    PUBLIC_BYTES_MAX);
		return NULL;
	}
	ctx = OSSL_DECODER_CTX_new_for_pkey(&pkey, "DER", NULL, "RSA",
	    EVP_PKEY_PUBLIC_KEY, NULL, NULL);
	if (ctx == NULL || OSSL_DECODER_from_data(ctx, &data, &len) != 1)
		sslerr_set(err, ERR_KEY, "not an RSA public key");
	else if (len > 0)
		err_set(err, ERR_KEY,
		    "damaged RSA public key: %zu bytes too many", len);
	OSSL_DECODER_CTX_free(ctx);
	if (pkey != NULL && len > 0) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

static EVP_PKEY *
decode_ed25519_public(const unsigned char *data, size_t len, struct err *err)
{
	EVP_PKEY *pkey;

	if (len != ED25519_PUBLIC_LEN) {
		err_set(err, ERR_KEY, "Ed25519 public key of %zu bytes, not %d",
		    len, ED25519_PUBLIC_LEN);
		return NULL;
	}
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, data, len);
	if (pkey == NULL)
		sslerr_set(err, ERR_KEY, "Ed25519 public key");
	return pkey;
}

/* Sizes with which verifying takes a bounded time. */
static int
check_rsa_public(const EVP_PKEY *pkey, struct err *err)
{
	int bits = EVP_PKEY_get_bits(pkey);
	BIGNUM *e = NULL;
	int rc;

	if (bits < PUBLIC_BITS_MIN || bits > KEY_RSA_BITS_MAX)
		return err_set(err, ERR_KEY,
		    "RSA public key of %d bits: %d to %d are taken", bits,
		    PUBLIC_BITS_MIN, KEY_RSA_BITS_MAX);
	if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e))
		return sslerr_set(err, ERR_KEY, "RSA public exponent");
	if (BN_num_bits(e) > PUBLIC_EXPONENT_BITS_MAX)
		rc = err_set(err, ERR_KEY,
		    "RSA public exponent of %d bits: at most %d are taken",
		    BN_num_bits(e), PUBLIC_EXPONENT_BITS_MAX);
	else
		rc = check_exponent(e, err);
	BN_free(e);
	return rc;
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
	pk->pkey = alg == KEY_RSA_SHA256
	    ? decode_rsa_public(data, len, err)
	    : decode_ed25519_public(data, len, err);
	if (pk->pkey == NULL ||
	    (alg == KEY_RSA_SHA256 && check_rsa_public(pk->pkey, err) == -1)) {
		pubkey_free(pk);
		return NULL;
	}
	return pk;
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
	return pkey_bits(pk->pkey, pk->alg);
}

int
pubkey_fingerprint(const struct pubkey *pk, unsigned char hash[SHA256_LEN],
    struct err *err)
{
	return fingerprint(pk->pkey, hash, err);
}

enum pubkey_origin
pubkey_origin(const struct pubkey *pk, const unsigned char *sig, size_t sig_len)
{
	enum pubkey_origin origin = ORIGIN_UNKNOWN;
	unsigned char digest[KEY_SIG_MAX];
	size_t digest_len = sizeof(digest);
	EVP_PKEY_CTX *ctx;

	if (pk->alg != KEY_RSA_SHA256)
		return ORIGIN_UNKNOWN;
	ctx = EVP_PKEY_CTX_new(pk->pkey, NULL);
	if (ctx != NULL && EVP_PKEY_verify_recover_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1)
		origin = EVP_PKEY_verify_recover(ctx, digest, &digest_len, sig,
		             sig_len) == 1
		    ? ORIGIN_KEY
		    : ORIGIN_OTHER;
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return origin;
}

int
pubkey_verify(const struct pubkey *pk, const unsigned char digest[SHA256_LEN],
    const unsigned char *sig, size_t sig_len, struct err *err)
{
	return verify(pk->pkey, pk->alg, digest, sig, sig_len, err);
}
