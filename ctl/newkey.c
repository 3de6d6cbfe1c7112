/*
 * Making keys.  A selector is never given twice, whatever the template says:
 * somebody may still hold an answer of the DNS about the first one.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyrecord.h"
#include "newkey.h"

#define SEQ_MAX 18278 /* a to zzz */

/* One try: what the placeholders stand for. */
struct expansion {
	struct tm day;
	const char *host;
	unsigned seq; /* from 1 */
	char random[5];
	size_t fixed_len; /* of the result before what is random */
};

/* 1 is a, 26 is z, 27 is aa. */
static void
write_seq(unsigned seq, struct buf *out)
{
	char letters[8];
	size_t i = sizeof(letters);

	for (; seq > 0; seq = (seq - 1) / 26)
		letters[--i] = (char)('a' + (seq - 1) % 26);
	buf_add(out, letters + i, sizeof(letters) - i);
}

/* The host's name as one label: mx1.example.com is mx1-example-com. */
static void
write_host(const char *host, struct buf *out)
{
	char label[DNSNAME_LABEL_MAX + 1];
	size_t len = 0;

	for (; *host != '\0' && len < DNSNAME_LABEL_MAX; host++) {
		char c = *host;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			label[len++] = c;
		else if (len > 0)
			label[len++] = '-';
	}
	while (len > 0 && label[len - 1] == '-')
		len--;
	if (len == 0)
		buf_adds(out, "host");
	buf_add(out, label, len);
}

static bool
is_word(const char **p, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*p, word, len) != 0)
		return false;
	*p += len;
	return true;
}

/* Append what the template makes of x.  False: an unknown placeholder. */
static bool
expand(const char *p, struct expansion *x, struct buf *out)
{
	bool is_random = false;

	out->len = 0;
	x->fixed_len = 0;
	while (*p != '\0') {
		if (is_word(&p, "{yyyy}"))
			buf_printf(out, "%04d", x->day.tm_year + 1900);
		else if (is_word(&p, "{mm}"))
			buf_printf(out, "%02d", x->day.tm_mon + 1);
		else if (is_word(&p, "{dd}"))
			buf_printf(out, "%02d", x->day.tm_mday);
		else if (is_word(&p, "{host}"))
			write_host(x->host, out);
		else if (is_word(&p, "{seq}"))
			write_seq(x->seq, out);
		else if (is_word(&p, "{rand4}")) {
			if (!is_random)
				x->fixed_len = out->len;
			is_random = true;
			buf_adds(out, x->random);
		} else if (*p == '{')
			return false;
		else {
			char c = *p++;

			if (c >= 'A' && c <= 'Z')
				c = (char)(c - 'A' + 'a');
			buf_addc(out, c);
		}
	}
	if (!is_random)
		x->fixed_len = out->len;
	return true;
}

/* Four letters and digits, without those that are easily mistaken. */
static int
draw(char out[5], struct err *err)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char bytes[4];

	if (getentropy(bytes, sizeof(bytes)) == -1)
		return err_errno(err, "no random numbers");
	for (size_t i = 0; i < 4; i++)
		out[i] = letters[bytes[i] % (sizeof(letters) - 1)];
	out[4] = '\0';
	return 0;
}

/* Whether a selector of the ring begins with those bytes. */
static bool
is_begun(const struct ring *ring, const char *text, size_t len)
{
	for (size_t i = 0; i < ring->key_count; i++) {
		if (strncmp(ring->keys[i].selector, text, len) == 0)
			return true;
	}
	return false;
}

/* Whether DIRECTORY/SELECTOR.pem is there.  -1 with err set. */
static int
has_file(const struct newkey_place *place, const char *selector,
    struct err *err)
{
	char *path = NULL;
	struct stat st;
	int rc = 1;

	if (asprintf(&path, "%s/%s.pem", place->directory, selector) == -1)
		return err_nomem(err);
	if (lstat(path, &st) == -1)
		rc = errno == ENOENT ? 0 : err_errno(err, "%s", path);
	free(path);
	return rc;
}

int
newkey_check_selector(const char *selector, const char *domain, struct err *err)
{
	size_t len = strlen(selector);

	if (!dnsname_is_valid(selector, len))
		return err_set(err, ERR_CONF, "not a selector: %s", selector);
	if (!dnsname_of_key_fits(len, strlen(domain)))
		return err_set(err, ERR_CONF,
		    "%s: with this domain longer than the %d characters that "
		    "the DNS takes",
		    selector, DNSNAME_MAX);
	return 0;
}

/*
 * Whether the selector is free.  1, 0, or -1 with err set.  With {seq} the
 * part before {rand4} must be new too: that is what it counts.
 */
static int
is_free(const struct newkey_place *place, const char *selector,
    const struct expansion *x, struct err *err)
{
	bool counts = strstr(place->rules->selector, "{seq}") != NULL;
	int rc;

	if (newkey_check_selector(selector, place->ring->domain, err) == -1)
		return -1;
	if (counts && is_begun(place->ring, selector, x->fixed_len))
		return 0;
	if (ring_find(place->ring, selector) != NULL)
		return 0;
	rc = has_file(place, selector, err);
	return rc == -1 ? -1 : rc == 0;
}

/*
 * The template for try number seq.  One that makes the same every time gets a
 * number at its end from the second try on: a month is then no reason to stop.
 */
static int
template_for(const char *template, unsigned seq, struct buf *out,
    struct err *err)
{
	bool varies = strstr(template, "{seq}") != NULL ||
	    strstr(template, "{rand4}") != NULL;

	out->len = 0;
	buf_adds(out, template);
	if (!varies && seq > 1)
		buf_printf(out, "-%u", seq);
	return buf_str(out) != NULL ? 0 : err_nomem(err);
}

/* One try.  1 and the selector in out, 0: it is taken, -1 with err set. */
static int
try_selector(const struct newkey_place *place, struct expansion *x,
    struct buf *template, struct buf *out, struct err *err)
{
	if (draw(x->random, err) == -1 ||
	    template_for(place->rules->selector, x->seq, template, err) == -1)
		return -1;
	if (!expand(template->data, x, out))
		return err_set(err, ERR_CONF,
		    "rotation.selector: %s: only {yyyy} {mm} {dd} {seq} "
		    "{rand4} {host}",
		    place->rules->selector);
	if (buf_str(out) == NULL)
		return err_nomem(err);
	if (out->len > DNSNAME_MAX)
		return err_set(err, ERR_CONF,
		    "rotation.selector: %s: makes one of over %d characters",
		    place->rules->selector, DNSNAME_MAX);
	return is_free(place, out->data, x, err);
}

int
newkey_selector(const struct newkey_place *place, char out[DNSNAME_MAX + 1],
    struct err *err)
{
	struct buf text = BUF_INIT, template = BUF_INIT;
	struct expansion x = { .host = place->ring->host };
	int rc = 0;

	if (gmtime_r(&place->now, &x.day) == NULL)
		return err_set(err, ERR_IO, "the clock is out of range");
	for (x.seq = 1; rc == 0 && x.seq <= SEQ_MAX; x.seq++)
		rc = try_selector(place, &x, &template, &text, err);
	if (rc == 1)
		memcpy(out, text.data, text.len + 1);
	if (rc == 0)
		rc = err_set(err, ERR_CONF,
		    "rotation.selector: %s: every name it makes is taken",
		    place->rules->selector);
	buf_clear(&text);
	buf_clear(&template);
	return rc == 1 ? 0 : -1;
}

/*
 * The name of the key's file in the ring.  Slots are used again, so the name
 * of theirs says which key.
 */
static void
name_file(struct ring_key *made)
{
	char hex[RING_HEX_MAX];

	hex_text(made->fingerprint, hex);
	if (made->is_slot)
		snprintf(made->file, sizeof(made->file), "%s-%.8s.pem",
		    made->selector, hex);
	else
		snprintf(made->file, sizeof(made->file), "%s.pem",
		    made->selector);
}

/* Describe key in made, whose selector and is_slot are set. */
static int
describe(const struct key *key, time_t now, struct ring_key *made,
    struct err *err)
{
	struct buf record = BUF_INIT;
	int rc;

	made->alg = key_algorithm(key);
	made->bits = key_bits(key);
	made->made = now;
	made->cache_ttl = made->record_ttl = -1;
	memcpy(made->fingerprint, key_fingerprint(key), SHA256_LEN);
	name_file(made);
	rc = keyrecord_write(key, &record, err);
	if (rc == 0) {
		made->record =
		    buf_str(&record) != NULL ? strdup(record.data) : NULL;
		if (made->record == NULL)
			rc = err_nomem(err);
	}
	buf_clear(&record);
	return rc;
}

/* Whether the key's file is there already, with that very key. */
static bool
is_kept(const struct newkey_place *place, const struct ring_key *made)
{
	struct err ignored = ERR_INIT;
	struct file_id id;
	struct key *key;
	char *path = NULL;
	bool is_same;

	if (asprintf(&path, "%s/%s", place->directory, made->file) == -1)
		return false;
	key = keyfile_load(path, KEY_RSA_BITS_MIN, &id, &ignored);
	is_same = key != NULL &&
	    memcmp(key_fingerprint(key), made->fingerprint, SHA256_LEN) == 0;
	key_put(key);
	free(path);
	return is_same;
}

/* The rest of making and taking: selector and is_slot are set. */
static int
keep(const struct newkey_place *place, const struct key *key,
    struct ring_key *made, struct err *err)
{
	if (describe(key, place->now, made, err) == -1)
		return -1;
	/* A run that died may have got so far. */
	if (!is_kept(place, made) &&
	    ringlock_write_key(place->lock, made->file, key, err) == -1) {
		free(made->record);
		made->record = NULL;
		return -1;
	}
	return 0;
}

int
newkey_make(const struct newkey_place *place, enum key_alg alg, unsigned bits,
    const char *slot, struct ring_key *made, struct err *err)
{
	struct key *key;
	int rc;

	memset(made, 0, sizeof(*made));
	if (slot != NULL) {
		if (newkey_check_selector(slot, place->ring->domain, err) == -1)
			return -1;
		snprintf(made->selector, sizeof(made->selector), "%s", slot);
		made->is_slot = true;
	} else if (newkey_selector(place, made->selector, err) == -1) {
		return -1;
	}
	key = key_generate(alg, bits, err);
	if (key == NULL)
		return -1;
	rc = keep(place, key, made, err);
	key_put(key);
	return rc;
}

int
newkey_take(const struct newkey_place *place, const struct key *key,
    const char *selector, struct ring_key *made, struct err *err)
{
	memset(made, 0, sizeof(*made));
	if (newkey_check_selector(selector, place->ring->domain, err) == -1)
		return -1;
	snprintf(made->selector, sizeof(made->selector), "%s", selector);
	return keep(place, key, made, err);
}
