/*
 * Preloaded into keyturnd: RSA signatures fail, or come out with a bit wrong,
 * as long as the file that KEYTURN_TEST_FAILSIGN names says "fail" or "flip".
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

typedef int sign_function(EVP_PKEY_CTX *ctx, unsigned char *sig,
    size_t *sig_len, const unsigned char *tbs, size_t tbs_len);

/* The word in the file, "" without one. */
static void
read_word(char word[8])
{
	const char *path = getenv("KEYTURN_TEST_FAILSIGN");
	FILE *f = path != NULL ? fopen(path, "r") : NULL;

	word[0] = '\0';
	if (f == NULL)
		return;
	if (fscanf(f, "%7s", word) != 1)
		word[0] = '\0';
	fclose(f);
}

int
EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *sig_len,
    const unsigned char *tbs, size_t tbs_len)
{
	void *symbol = dlsym(RTLD_NEXT, "EVP_PKEY_sign");
	sign_function *real;
	char word[8];
	int rc;

	memcpy(&real, &symbol, sizeof(real));
	read_word(word);
	if (strcmp(word, "fail") == 0)
		return 0;
	rc = real(ctx, sig, sig_len, tbs, tbs_len);
	if (rc == 1 && strcmp(word, "flip") == 0)
		sig[0] ^= 1;
	return rc;
}
