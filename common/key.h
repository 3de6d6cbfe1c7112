/*
 * Signing keys and public keys.  Only this module knows RSA from Ed25519 and
 * the cryptographic library behind them.
 */
#ifndef KEYTURN_KEY_H
#define KEYTURN_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "sha256.h"

#define KEY_RSA_BITS_MIN 1024 /* RFC 8301 section 3.2 */
#define KEY_RSA_BITS_MAX 8192
#define KEY_SIG_MAX      (KEY_RSA_BITS_MAX / 8) /* bytes of a signature */

/* The tag a=: RFC 6376 section 3.3.2, RFC 8463 section 3. */
enum key_alg { KEY_RSA_SHA256, KEY_ED25519_SHA256 };

/* "rsa-sha256" or "ed25519-sha256". */
const char *key_alg_name(enum key_alg alg);

/* "rsa" or "ed25519", the tag k= of a key record. */
const char *key_alg_type(enum key_alg alg);

/* A private key, never changed once made, counted. */
struct key;

/*
 * Make a key from PEM text (PKCS#8 or, for RSA, PKCS#1; without pass phrase).
 * Anything else is refused with a text that says what was found instead: a
 * public key, a certificate, an encrypted key, an empty file, a cut file,
 * another kind of key.  An RSA key must have minimum_bits to
 * KEY_RSA_BITS_MAX bits, n = p*q, and an odd public exponent.
 * Returns a key with one reference, or NULL with err set: ERR_KEY, ERR_NOMEM,
 * ERR_CRYPTO.  The caller cleanses pem.
 */
struct key *key_parse(const char *pem, size_t len, unsigned minimum_bits,
    struct err *err);

/*
 * A new key: RSA with bits, or Ed25519 (bits ignored).
 */
struct key *key_generate(enum key_alg alg, unsigned bits, struct err *err);

/* One more reference; returns key. */
struct key *key_get(struct key *key);

/* Give up a reference; the last one cleanses and frees.  NULL is fine. */
void key_put(struct key *key);

enum key_alg key_algorithm(const struct key *key);

/* Bits of the modulus; 256 for Ed25519. */
unsigned key_bits(const struct key *key);

/* SHA-256 of the SubjectPublicKeyInfo in DER, 32 bytes, lives with the key. */
const unsigned char *key_fingerprint(const struct key *key);

/*
 * Sign a digest: RSASSA-PKCS1-v1_5 with SHA-256 over it (RFC 8017 section
 * 8.2), or PureEdDSA over its 32 bytes (RFC 8463 section 3).  The first
 * signature of a key is verified before it is given out.
 *
 * sig      room for KEY_SIG_MAX bytes; *sig_len is set
 * Any number of threads may sign with one key at the same time.
 * Returns 0, or -1 with err set: ERR_CRYPTO.
 */
int key_sign(const struct key *key, const unsigned char digest[SHA256_LEN],
    unsigned char *sig, size_t *sig_len, struct err *err);

/* Append the value of p= (base64) of the key's record, section 3.6.1. */
int key_public(const struct key *key, struct buf *out, struct err *err);

/* Append the private key in PEM, PKCS#8.  The caller cleanses out. */
int key_private_pem(const struct key *key, struct buf *out, struct err *err);

/* A public key, from a key record. */
struct pubkey;

/*
 * Make a public key from the decoded bytes of p=: for RSA a
 * SubjectPublicKeyInfo (a bare RSAPublicKey is taken too, RFC 6376 section
 * 3.6.1 with erratum 3017), for Ed25519 32 bytes.
 * Returns NULL with err set: ERR_KEY, ERR_NOMEM.
 */
struct pubkey *pubkey_parse(enum key_alg alg, const void *data, size_t len,
    struct err *err);
void pubkey_free(struct pubkey *pk);
unsigned pubkey_bits(const struct pubkey *pk);

/*
 * SHA-256 of the SubjectPublicKeyInfo in DER, the same as key_fingerprint of
 * the private key.  Returns 0, or -1 with err set: ERR_CRYPTO.
 */
int pubkey_fingerprint(const struct pubkey *pk, unsigned char hash[SHA256_LEN],
    struct err *err);

/* What can be told of a signature that does not fit its digest. */
enum pubkey_origin {
	ORIGIN_UNKNOWN, /* Ed25519 */
	ORIGIN_KEY,     /* made by the private key, over something else */
	ORIGIN_OTHER,   /* made by another key, or damaged */
};

/*
 * Whether sig was made by the private key of pk, over whatever: an RSA
 * signature shows its padding only to the right public key.
 */
enum pubkey_origin pubkey_origin(const struct pubkey *pk,
    const unsigned char *sig, size_t sig_len);

/* 1 when sig is a signature of digest, 0 when not, -1 with err set. */
int pubkey_verify(const struct pubkey *pk,
    const unsigned char digest[SHA256_LEN], const unsigned char *sig,
    size_t sig_len, struct err *err);

#endif
