/*
 * A TSIG key from a file in the syntax of named.conf.
 */
#include <openssl/crypto.h>

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "ascii.h"
#include "base64.h"
#include "secretfile.h"
#include "tsig.h"

enum {
	FILE_BYTES_MAX = 4096,
	WORD_MAX = 255, /* characters: a name; TSIG_SECRET_MAX in base64 */
};

/* The file being read.  A word is a string or one of { } ; */
struct words {
	const char *path;
	const char *at, *end;
	unsigned line;
	char word[WORD_MAX + 1];
	size_t len;
	bool is_string; /* quoted, or a run of other bytes */
};

static int
refuse(const struct words *w, const char *what, const char *value,
    struct err *err)
{
	struct buf shown = BUF_INIT;
	const char *text;

	buf_add_escaped(&shown, value, strlen(value));
	text = buf_str(&shown);
	err_set(err, ERR_KEY, "%s:%u: %s%s%s", w->path, w->line, what,
	    text && *text ? ": " : "", text ? text : "");
	buf_clear(&shown);
	return -1;
}

/* Skip white space and the three kinds of comments.  False: one has no end. */
static bool
skip(struct words *w)
{
	while (w->at < w->end) {
		size_t left = (size_t)(w->end - w->at);
		const char *end;

		if (*w->at == '\n')
			w->line++;
		if (strchr(" \t\r\n", *w->at) != NULL && *w->at != '\0') {
			w->at++;
			continue;
		}
		if (*w->at == '#' ||
		    (left > 1 && memcmp(w->at, "//", 2) == 0)) {
			end = memchr(w->at, '\n', left);
			w->at = end ? end : w->end;
		} else if (left > 1 && memcmp(w->at, "/*", 2) == 0) {
			end = memmem(w->at + 2, left - 2, "*/", 2);
			if (end == NULL)
				return false;
			for (; w->at < end + 2; w->at++)
				w->line += *w->at == '\n';
		} else
			return true;
	}
	return true;
}

static bool
ends_string(bool is_quoted, char c)
{
	if (is_quoted)
		return c == '"' || c == '\n';
	return c == '\0' || strchr(" \t\r\n{};\"", c) != NULL;
}

/* The string that begins here, quoted or not. */
static int
take_string(struct words *w, struct err *err)
{
	bool is_quoted = *w->at == '"';

	w->is_string = true;
	w->at += is_quoted;
	while (w->at < w->end && !ends_string(is_quoted, *w->at)) {
		/* Not shown: it may be the secret. */
		if (w->len == WORD_MAX)
			return refuse(w, "a word over 255 characters", "", err);
		w->word[w->len++] = *w->at++;
	}
	w->word[w->len] = '\0';
	if (is_quoted && (w->at == w->end || *w->at != '"'))
		return refuse(w, "the closing quote is missing", "", err);
	w->at += is_quoted;
	if (!is_quoted && w->len == 0)
		return refuse(w, "a NUL byte", "", err);
	return 1;
}

/* Take the next word.  Returns 1, 0 at the end of the file, -1 with err set. */
static int
next(struct words *w, struct err *err)
{
	w->len = 0;
	w->is_string = false;
	if (!skip(w))
		return refuse(w, "a comment without its end", "", err);
	if (w->at == w->end)
		return 0;
	if (strchr("{};", *w->at) == NULL || *w->at == '\0')
		return take_string(w, err);
	w->word[w->len++] = *w->at++;
	w->word[w->len] = '\0';
	return 1;
}

/* The next word must be this one. */
static int
expect(struct words *w, const char *word, struct err *err)
{
	int rc = next(w, err);
	char what[32] = "expected ";

	if (rc == -1)
		return -1;
	if (rc == 1 && strcmp(w->word, word) == 0)
		return 0;
	strlcat(what, word, sizeof(what));
	/* What stands there instead may be the secret. */
	return refuse(w, what, "", err);
}

static int
expect_string(struct words *w, const char *what, struct err *err)
{
	int rc = next(w, err);

	if (rc == -1)
		return -1;
	if (rc == 0 || !w->is_string)
		return refuse(w, what, "", err);
	return 0;
}

static int
take_name(struct words *w, struct tsig_key *key, struct err *err)
{
	if (expect_string(w, "expected the key's name", err) == -1)
		return -1;
	if (w->len > 0 && w->word[w->len - 1] == '.')
		w->word[--w->len] = '\0';
	if (!dnsname_is_valid(w->word, w->len))
		return refuse(w, "not a name for a key", w->word, err);
	for (size_t i = 0; i <= w->len; i++)
		key->name[i] = ascii_lower(w->word[i]);
	return 0;
}

static int
take_algorithm(struct words *w, struct tsig_key *key, struct err *err)
{
	static const enum tsig_alg algs[] = { TSIG_HMAC_SHA256,
		TSIG_HMAC_SHA512 };

	if (expect_string(w, "expected an algorithm", err) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (strcasecmp(w->word, tsig_alg_name(algs[i])) == 0) {
			key->alg = algs[i];
			return 0;
		}
	}
	return refuse(w, "algorithm is neither hmac-sha256 nor hmac-sha512",
	    w->word, err);
}

static int
take_secret(struct words *w, struct tsig_key *key, struct err *err)
{
	struct buf secret = BUF_INIT;
	int rc = 0;

	if (expect_string(w, "expected the secret", err) == -1)
		return -1;
	/* A word fits into the first allocation of a buf: nothing is copied. */
	if (!base64_decode(w->word, w->len, &secret) || secret.len == 0 ||
	    secret.len > sizeof(key->secret))
		rc = refuse(w, "the secret is not base64 of 1 to 128 bytes", "",
		    err);
	else {
		memcpy(key->secret, secret.data, secret.len);
		key->secret_len = secret.len;
	}
	if (secret.data != NULL)
		OPENSSL_cleanse(secret.data, secret.size);
	buf_clear(&secret);
	return rc;
}

/* One statement between the braces.  Returns 1, 0 at the brace, or -1. */
static int
take_statement(struct words *w, struct tsig_key *key, bool *has_algorithm,
    struct err *err)
{
	int rc = next(w, err);

	if (rc == -1)
		return -1;
	if (rc == 0)
		return refuse(w, "the closing brace is missing", "", err);
	if (strcmp(w->word, "}") == 0 && !w->is_string)
		return 0;
	if (strcmp(w->word, "algorithm") == 0) {
		if (*has_algorithm)
			return refuse(w, "a second algorithm", "", err);
		*has_algorithm = true;
		rc = take_algorithm(w, key, err);
	} else if (strcmp(w->word, "secret") == 0) {
		if (key->secret_len > 0)
			return refuse(w, "a second secret", "", err);
		rc = take_secret(w, key, err);
	} else
		rc = refuse(w, "expected algorithm or secret", "", err);
	if (rc == 0)
		rc = expect(w, ";", err);
	return rc == 0 ? 1 : -1;
}

static int
parse(struct words *w, struct tsig_key *key, struct err *err)
{
	bool has_algorithm = false;
	int rc;

	if (expect(w, "key", err) == -1 || take_name(w, key, err) == -1 ||
	    expect(w, "{", err) == -1)
		return -1;
	while ((rc = take_statement(w, key, &has_algorithm, err)) == 1)
		;
	if (rc == -1)
		return -1;
	if (!has_algorithm || key->secret_len == 0)
		return refuse(w,
		    has_algorithm ? "the key has no secret"
		                  : "the key has no algorithm",
		    key->name, err);
	if (expect(w, ";", err) == -1)
		return -1;
	rc = next(w, err);
	if (rc == 1)
		rc = refuse(w, "more than one key", "", err);
	return rc;
}

int
tsig_key_load(struct tsig_key *key, const char *path, struct err *err)
{
	char text[FILE_BYTES_MAX];
	struct words w = { .path = path, .at = text, .line = 1 };
	struct stat st;
	ssize_t len;
	int fd, rc;

	memset(key, 0, sizeof(*key));
	fd = secretfile_open(path, err);
	if (fd == -1)
		return -1;
	len = secretfile_read(fd, path, text, sizeof(text), &st, err);
	close(fd);
	w.end = text + (len > 0 ? len : 0);
	rc = len < 0 ? -1 : parse(&w, key, err);
	if (rc == -1)
		tsig_key_clear(key);
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(w.word, sizeof(w.word));
	return rc;
}
