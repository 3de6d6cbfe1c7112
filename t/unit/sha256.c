/*
 * sha256: the vectors of FIPS 180-4's examples, and use again and again.
 */
#include <openssl/err.h>

#include "sha256.h"
#include "sslerr.h"
#include "tap.h"

static const struct {
	const char *text, *hex;
} vectors[] = {
	{ "",
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85"
	    "5" },
	{ "abc",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"
	    "d" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c"
	    "1" },
};

static const char *
to_hex(const unsigned char digest[SHA256_LEN], char hex[2 * SHA256_LEN + 1])
{
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

static void
test_sslerr(void)
{
	struct err err = ERR_INIT;

	ERR_raise(ERR_LIB_EVP, ERR_R_PASSED_NULL_PARAMETER);
	ERR_raise_data(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR, "at %d", 7);
	is_int(sslerr_set(&err, ERR_CRYPTO, "what"), -1, "sslerr returns -1");
	is_int(err.code, ERR_CRYPTO, "its code");
	is_str(err.text, "what: passed a null parameter, internal error (at 7)",
	    "all reasons, the first one first");
	is_int((long long)ERR_peek_error(), 0, "the queue is empty");
	sslerr_set(&err, ERR_KEY, "what");
	is_str(err.text, "what", "no reasons");
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	sslerr_set(&err, ERR_KEY, "what");
	is_int(err.code, ERR_NOMEM, "no memory is no matter of the key");
	for (int i = 0; i < 16; i++)
		ERR_raise_data(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR, "%0200d", i);
	sslerr_set(&err, ERR_KEY, "what");
	is_int((long long)strlen(err.text), ERR_TEXT_MAX - 1, "many are cut");
	is_int((long long)ERR_peek_error(), 0, "and gone");
}

int
main(void)
{
	struct sha256 h = SHA256_INIT;
	struct err err = ERR_INIT;
	unsigned char digest[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];

	sha256_clear(&h);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]);
		     i++) {
			const char *text = vectors[i].text;
			int bad = sha256_start(&h, &err);

			for (size_t k = 0; k < strlen(text); k++)
				bad |= sha256_update(&h, text + k, 1, &err);
			bad |= sha256_update(&h, text, 0, &err);
			bad |= sha256_final(&h, digest, &err);
			is_int(bad, 0, "no error");
			is_str(to_hex(digest, hex), vectors[i].hex, "digest");
		}
	}
	sha256_start(&h, &err);
	sha256_update(&h, "left behind", 11, &err);
	sha256_start(&h, &err);
	sha256_final(&h, digest, &err);
	is_str(to_hex(digest, hex), vectors[0].hex, "a start forgets");
	sha256_clear(&h);
	sha256_clear(&h);
	is_int(sha256_start(&h, &err), 0, "cleared, it starts again");
	sha256_clear(&h);
	test_sslerr();
	return tap_done();
}
