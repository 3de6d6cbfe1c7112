/*
 * Bare operations, to hold a signer's costs against: what the cryptographic
 * library alone takes on this machine, with everything prepared outside the
 * measured loop.  Prints one line, name=value, microseconds of processor time
 * for each operation; operations may be chosen by name.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define die(...)                                       \
	do {                                           \
		fprintf(stderr, "bare: " __VA_ARGS__); \
		fputc('\n', stderr);                   \
		exit(1);                               \
	} while (0)

#define LIBRARY_OR_DIE(call)              \
	do {                              \
		if ((call) <= 0)          \
			die("%s", #call); \
	} while (0)

static const size_t hash_len = 25u << 20;

static const char *rsa_path; /* a key to use instead of a new one, or NULL */

/* What an operation works on. */
struct work {
	EVP_PKEY *key;
	EVP_PKEY_CTX *sign;
	EVP_MD_CTX *md;
	unsigned char *data;
};

static EVP_PKEY *
rsa_key(void)
{
	EVP_PKEY *key;
	FILE *f;

	if (rsa_path == NULL) {
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	} else {
		f = fopen(rsa_path, "r");
		if (f == NULL)
			die("cannot read %s", rsa_path);
		key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
	}
	if (key == NULL || EVP_PKEY_get_bits(key) != 2048)
		die("no RSA key of 2048 bits");
	return key;
}

static void
rsa_init(struct work *w)
{
	w->key = rsa_key();
	w->sign = EVP_PKEY_CTX_new(w->key, NULL);
	if (w->sign == NULL)
		die("no memory");
	LIBRARY_OR_DIE(EVP_PKEY_sign_init(w->sign));
	LIBRARY_OR_DIE(EVP_PKEY_CTX_set_rsa_padding(w->sign,
	    RSA_PKCS1_PADDING));
	LIBRARY_OR_DIE(EVP_PKEY_CTX_set_signature_md(w->sign, EVP_sha256()));
}

static void
rsa_run(struct work *w)
{
	unsigned char digest[32] = { 1 }, sig[256];
	size_t len = sizeof(sig);

	LIBRARY_OR_DIE(EVP_PKEY_sign(w->sign, sig, &len, digest,
	    sizeof(digest)));
}

static void
ed25519_init(struct work *w)
{
	w->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	w->md = EVP_MD_CTX_new();
	if (w->key == NULL || w->md == NULL)
		die("no memory");
}

/* PureEdDSA has no state to prepare: the start is part of the operation. */
static void
ed25519_run(struct work *w)
{
	unsigned char digest[32] = { 1 }, sig[64];
	size_t len = sizeof(sig);

	LIBRARY_OR_DIE(EVP_DigestSignInit(w->md, NULL, NULL, NULL, w->key));
	LIBRARY_OR_DIE(EVP_DigestSign(w->md, sig, &len, digest,
	    sizeof(digest)));
}

static void
sha256_init(struct work *w)
{
	w->md = EVP_MD_CTX_new();
	w->data = malloc(hash_len);
	if (w->md == NULL || w->data == NULL)
		die("no memory");
	memset(w->data, 'x', hash_len);
}

static void
sha256_run(struct work *w)
{
	unsigned char digest[32];

	LIBRARY_OR_DIE(EVP_DigestInit_ex(w->md, EVP_sha256(), NULL));
	LIBRARY_OR_DIE(EVP_DigestUpdate(w->md, w->data, hash_len));
	LIBRARY_OR_DIE(EVP_DigestFinal_ex(w->md, digest, NULL));
}

static const struct {
	const char *name;
	void (*init)(struct work *);
	void (*run)(struct work *);
} operations[] = {
	{ "rsa2048", rsa_init, rsa_run },
	{ "ed25519", ed25519_init, ed25519_run },
	{ "sha256_25m", sha256_init, sha256_run },
};

/* Microseconds of processor time of this process. */
static double
processor_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == -1)
		die("clock_gettime");
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Repeat for at least that long; the mean of one. */
static double
measure(size_t i, double least_us)
{
	struct work w = { .key = NULL };
	double start, spent = 0;
	unsigned long count = 0;

	operations[i].init(&w);
	operations[i].run(&w); /* warm */
	start = processor_us();
	while (spent < least_us) {
		operations[i].run(&w);
		count++;
		spent = processor_us() - start;
	}
	EVP_PKEY_CTX_free(w.sign);
	EVP_MD_CTX_free(w.md);
	EVP_PKEY_free(w.key);
	free(w.data);
	return spent / (double)count;
}

/* Whether the arguments name it, or nothing. */
static bool
is_chosen(const char *name, char **argv)
{
	if (*argv == NULL)
		return true;
	while (*argv != NULL && strcmp(*argv, name) != 0)
		argv++;
	return *argv != NULL;
}

int
main(int argc, char **argv)
{
	double least_us = 200e3;
	const char *space = "";
	int ch;

	while ((ch = getopt(argc, argv, "k:m:")) != -1) {
		if (ch == 'k') {
			rsa_path = optarg;
		} else if (ch != 'm' || (least_us = atof(optarg) * 1e3) <= 0) {
			fprintf(stderr,
			    "usage: bare [-k rsa.pem] [-m milliseconds] "
			    "[rsa2048] [ed25519] [sha256_25m]\n");
			return 64;
		}
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (!is_chosen(operations[i].name, argv + optind))
			continue;
		printf("%s%s=%.2f", space, operations[i].name,
		    measure(i, least_us));
		space = " ";
	}
	putchar('\n');
	return fflush(stdout) == 0 ? 0 : 1;
}
