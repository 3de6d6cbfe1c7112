/*
 * SHA-256 over OpenSSL's EVP.  The algorithm is fetched once for the process:
 * a fetch for each message costs more than hashing a small one.
 */
#include <assert.h>
#include <pthread.h>

#include <openssl/evp.h>

#include "sha256.h"
#include "sslerr.h"

/* Written once, before anybody reads it, and kept until the process ends. */
static EVP_MD *algorithm;
static pthread_once_t algorithm_once = PTHREAD_ONCE_INIT;

static void
algorithm_fetch(void)
{
	algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
}

int
sha256_start(struct sha256 *h, struct err *err)
{
	if (pthread_once(&algorithm_once, algorithm_fetch) != 0 ||
	    algorithm == NULL)
		return sslerr_set(err, ERR_CRYPTO,
		    "the OpenSSL library has no SHA-256");
	if (h->ctx == NULL)
		h->ctx = EVP_MD_CTX_new();
	if (h->ctx == NULL || EVP_DigestInit_ex2(h->ctx, algorithm, NULL) != 1)
		return sslerr_set(err, ERR_CRYPTO, "SHA-256 cannot start");
	return 0;
}

int
sha256_update(struct sha256 *h, const void *data, size_t len, struct err *err)
{
	assert(h->ctx != NULL);
	if (EVP_DigestUpdate(h->ctx, data, len) != 1)
		return sslerr_set(err, ERR_CRYPTO, "SHA-256 failed");
	return 0;
}

int
sha256_final(struct sha256 *h, unsigned char digest[SHA256_LEN],
    struct err *err)
{
	assert(h->ctx != NULL);
	if (EVP_DigestFinal_ex(h->ctx, digest, NULL) != 1)
		return sslerr_set(err, ERR_CRYPTO, "SHA-256 cannot finish");
	return 0;
}

void
sha256_clear(struct sha256 *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

int
sha256_of(const void *data, size_t len, unsigned char digest[SHA256_LEN],
    struct err *err)
{
	struct sha256 h = SHA256_INIT;
	int rc = sha256_start(&h, err);

	if (rc == 0)
		rc = sha256_update(&h, data, len, err);
	if (rc == 0)
		rc = sha256_final(&h, digest, err);
	sha256_clear(&h);
	return rc;
}
