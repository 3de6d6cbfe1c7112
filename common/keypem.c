/*
 * Private keys as PEM text.  The armour is taken off here and the bytes are
 * decoded by the type they claim, which costs a third of the library's general
 * decoder and runs no code for algorithms that DKIM does not know.
 */
#include <limits.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "buf.h"
#include "keypem.h"
#include "sslerr.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* What else people put into key files, by the label of the PEM object. */
static const struct {
	const char *label, *what;
} not_private[] = {
	{ PEM_STRING_PUBLIC, "a public key" },
	{ PEM_STRING_RSA_PUBLIC, "a public key" },
	{ PEM_STRING_X509, "a certificate" },
	{ PEM_STRING_X509_OLD, "a certificate" },
	{ PEM_STRING_X509_TRUSTED, "a certificate" },
	{ PEM_STRING_X509_REQ, "a certificate request" },
	{ PEM_STRING_PKCS8, "an encrypted private key" },
	{ PEM_STRING_ECPRIVATEKEY, "an EC private key" },
	{ PEM_STRING_ECPARAMETERS, "an EC private key" },
	{ PEM_STRING_DSA, "a DSA private key" },
	{ "OPENSSH PRIVATE KEY", "a private key in OpenSSH's own format" },
};

/* Names for other types in PKCS#8, where the library's are hard to read. */
static const struct {
	int nid;
	const char *name;
} other_types[] = {
	{ NID_X9_62_id_ecPublicKey, "EC" },
	{ NID_dsa, "DSA" },
	{ NID_rsassaPss, "RSA-PSS" },
	{ NID_undef, "an unknown algorithm" },
};

static int
refuse_label(const char *label, struct err *err)
{
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < LEN(not_private); i++) {
		if (strcmp(label, not_private[i].label) == 0)
			return err_set(err, ERR_KEY,
			    "%s: an RSA or Ed25519 private key without pass "
			    "phrase is needed",
			    not_private[i].what);
	}
	buf_add_escaped(&name, label, strlen(label));
	if (buf_str(&name) == NULL)
		err_nomem(err);
	else
		err_set(err, ERR_KEY,
		    "\"%s\" in PEM: an RSA or Ed25519 private key is needed",
		    name.data);
	buf_clear(&name);
	return -1;
}

static int
refuse_type(int nid, struct err *err)
{
	const char *name = OBJ_nid2sn(nid);

	for (size_t i = 0; i < LEN(other_types); i++)
		if (nid == other_types[i].nid)
			name = other_types[i].name;
	return err_set(err, ERR_KEY,
	    "a private key of %s: an RSA or Ed25519 private key is needed",
	    name);
}

/* What to say of text in which no whole PEM object was found. */
static int
refuse_text(const char *text, size_t len, struct err *err)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END ";
	static const char der_sequence = '\x30';

	if (memmem(text, len, begin, sizeof(begin) - 1) != NULL)
		return memmem(text, len, end, sizeof(end) - 1) == NULL
		    ? err_set(err, ERR_KEY, "cut PEM: it has no END line")
		    : sslerr_set(err, ERR_KEY, "damaged PEM");
	if (text[0] == der_sequence)
		return err_set(err, ERR_KEY,
		    "DER, not PEM: \"openssl pkey -inform DER\" converts it");
	return err_set(err, ERR_KEY, "no private key in PEM in it");
}

/* Decode bytes as a key of that type and no byte more. */
static EVP_PKEY *
decode_typed(int type, const unsigned char *der, long len, struct err *err)
{
	const unsigned char *at = der;
	EVP_PKEY *pkey = d2i_PrivateKey_ex(type, NULL, &at, len, NULL, NULL);

	if (pkey == NULL) {
		sslerr_set(err, ERR_KEY, "damaged private key");
	} else if (at != der + len) {
		err_set(err, ERR_KEY, "damaged private key: %td bytes too many",
		    der + len - at);
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return pkey;
}

/* PKCS#8, RFC 5958: the algorithm, then what is particular to it. */
static EVP_PKEY *
decode_pkcs8(const unsigned char *der, long len, enum key_alg *alg,
    struct err *err)
{
	const unsigned char *at = der, *inner;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);
	const ASN1_OBJECT *type;
	EVP_PKEY *pkey = NULL;
	int inner_len;

	if (info == NULL || at != der + len ||
	    !PKCS8_pkey_get0(&type, &inner, &inner_len, NULL, info)) {
		sslerr_set(err, ERR_KEY, "damaged private key");
	} else if (OBJ_obj2nid(type) == NID_rsaEncryption) {
		*alg = KEY_RSA_SHA256;
		pkey = decode_typed(EVP_PKEY_RSA, inner, inner_len, err);
	} else if (OBJ_obj2nid(type) == NID_ED25519) {
		*alg = KEY_ED25519_SHA256;
		pkey = decode_typed(EVP_PKEY_ED25519, der, len, err);
	} else {
		refuse_type(OBJ_obj2nid(type), err);
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	return pkey;
}

EVP_PKEY *
keypem_decode(const char *text, size_t len, enum key_alg *alg, struct err *err)
{
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	EVP_PKEY *pkey = NULL;
	long der_len = 0;
	BIO *bio;

	if (text == NULL || len == 0) {
		err_set(err, ERR_KEY, "empty");
		return NULL;
	}
	if (len > INT_MAX) {
		err_set(err, ERR_KEY, "%zu bytes: too large for a key", len);
		return NULL;
	}
	bio = BIO_new_mem_buf(text, (int)len);
	if (bio == NULL) {
		sslerr_set(err, ERR_CRYPTO, "reading PEM");
		return NULL;
	}
	if (PEM_read_bio(bio, &label, &header, &der, &der_len) != 1) {
		refuse_text(text, len, err);
	} else if (strstr(header, "ENCRYPTED") != NULL) {
		refuse_label(PEM_STRING_PKCS8, err);
	} else if (strcmp(label, PEM_STRING_PKCS8INF) == 0) {
		pkey = decode_pkcs8(der, der_len, alg, err);
	} else if (strcmp(label, PEM_STRING_RSA) == 0) {
		*alg = KEY_RSA_SHA256;
		pkey = decode_typed(EVP_PKEY_RSA, der, der_len, err);
	} else {
		refuse_label(label, err);
	}
	ERR_clear_error();
	BIO_free(bio);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, (size_t)der_len);
	return pkey;
}
