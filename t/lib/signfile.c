/*
 * Signs a message file for the tests, with the modules that all programs sign
 * with and nothing else:
 *
 *	signfile key domain selector canon sign oversign piece <message >signed
 *
 * piece is the number of bytes given to the body hash at a time.  Exit 1 with
 * a line on stderr when it cannot.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "body_hash.h"
#include "key.h"
#include "sigfield.h"
#include "signing.h"

static int
read_all(const char *path, struct buf *out)
{
	FILE *f = path ? fopen(path, "rb") : stdin;
	char data[65536];
	size_t len;

	if (f == NULL)
		return -1;
	while ((len = fread(data, 1, sizeof(data), f)) > 0)
		buf_add(out, data, len);
	len = (size_t)ferror(f);
	if (path != NULL)
		fclose(f);
	return len != 0 || out->has_failed ? -1 : 0;
}

static int
hash_body(enum canon c, const char *body, size_t len, size_t piece,
    unsigned char digest[SHA256_LEN], struct err *err)
{
	struct body_hash bh = BODY_HASH_INIT;
	int result = body_hash_start(&bh, c, err);

	for (size_t at = 0; result == 0 && at < len; at += piece)
		result = body_hash_update(&bh, body + at,
		    piece < len - at ? piece : len - at, err);
	if (result == 0)
		result = body_hash_final(&bh, digest, err);
	body_hash_clear(&bh);
	return result;
}

/* Sign msg as order says, but for its alg and body_hash, and print it. */
static int
sign(const struct buf *msg, const struct key *key, struct signing_order *order,
    size_t piece, struct err *err)
{
	struct hdrs h = HDRS_INIT;
	struct signing s = SIGNING_INIT;
	unsigned char body_hash[SHA256_LEN], sig[KEY_SIG_MAX];
	size_t body_at, sig_len;
	int result = -1;

	order->alg = key_algorithm(key);
	order->body_hash = body_hash;
	if (hdrs_parse(&h, msg->data, msg->len, &body_at, err) != 0 ||
	    hash_body(order->canon.body, msg->data + body_at,
	        msg->len - body_at, piece, body_hash, err) != 0 ||
	    signing_prepare(&s, &h, order, err) != 0 ||
	    key_sign(key, s.digest, sig, &sig_len, err) != 0 ||
	    signing_finish(&s, sig, sig_len, err) != 0)
		goto out;
	fputs(SIGFIELD_NAME ":", stdout);
	fwrite(s.value.data, 1, s.value.len, stdout);
	fputs("\r\n", stdout);
	fwrite(msg->data, 1, msg->len, stdout);
	if (fflush(stdout) != 0 || ferror(stdout))
		err_errno(err, "stdout");
	else
		result = 0;
out:
	hdrs_clear(&h);
	signing_clear(&s);
	return result;
}

int
main(int argc, char **argv)
{
	struct signing_order order = { .now = time(NULL) };
	struct err err = ERR_INIT;
	struct buf pem = BUF_INIT, msg = BUF_INIT;
	struct key *key = NULL;
	int result = 1;

	if (argc != 8 ||
	    !canon_pair_parse(argv[4], strlen(argv[4]), &order.canon) ||
	    atoi(argv[7]) <= 0) {
		fprintf(stderr,
		    "usage: signfile key domain selector canon "
		    "sign oversign piece\n");
		return 64;
	}
	order.domain = argv[2];
	order.selector = argv[3];
	order.sign_headers = argv[5];
	order.oversign_headers = argv[6];
	if (read_all(argv[1], &pem) != 0 || read_all(NULL, &msg) != 0)
		err_errno(&err, "cannot read");
	else
		key = key_parse(pem.data, pem.len, KEY_RSA_BITS_MIN, &err);
	if (key != NULL &&
	    sign(&msg, key, &order, (size_t)atoi(argv[7]), &err) == 0)
		result = 0;
	else
		fprintf(stderr, "signfile: %s\n", err.text);
	key_put(key);
	buf_clear(&pem);
	buf_clear(&msg);
	return result;
}
