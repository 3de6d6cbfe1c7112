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

#include "ascii.h"
#include "keyrecord.h"
#include "newkey.h"
#include "selector.h"

#define SEQ_MAX 18278 /* a to zzz */

/* What the placeholders stand for in one try. */
struct attempt {
	struct selector_values values;
	char host[DNSNAME_LABEL_MAX + 1];
	char seq[8];
	char random[5];
};

/* 1 is a, 26 is z, 27 is aa. */
static void
name_seq(unsigned seq, char out[8])
{
	char letters[8];
	size_t i = sizeof(letters) - 1;

	letters[i] = '\0';
	for (; seq > 0 && i > 0; seq = (seq - 1) / 26)
		letters[--i] = (char)('a' + (seq - 1) % 26);
	memcpy(out, letters + i, sizeof(letters) - i);
}

/* The host's name as one label: mx1.example.com is mx1-example-com. */
static void
name_host(const char *host, char label[DNSNAME_LABEL_MAX + 1])
{
	size_t len = 0;

	for (; *host != '\0' && len < DNSNAME_LABEL_MAX; host++) {
		char c = ascii_lower(*host);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			label[len++] = c;
		else if (len > 0)
			label[len++] = '-';
	}
	while (len > 0 && label[len - 1] == '-')
		len--;
	label[len] = '\0';
	if (len == 0)
		memcpy(label, "host", sizeof("host"));
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
 * Whether a key of the ring was made by the template with the same {seq}: what
 * stands before {rand4} is then the same.
 */
static int
is_counted(const struct newkey_place *place, const struct attempt *a,
    struct err *err)
{
	const char *random = strstr(place->rules->selector, "{rand4}");
	struct buf template = BUF_INIT, text = BUF_INIT;
	int rc = 0;

	if (random == NULL || strstr(place->rules->selector, "{seq}") == NULL)
		return 0;
	buf_add(&template, place->rules->selector,
	    (size_t)(random - place->rules->selector));
	if (buf_str(&template) != NULL)
		selector_make(template.data, &a->values, &text);
	if (template.has_failed || buf_str(&text) == NULL)
		rc = err_nomem(err);
	else if (text.len > 0)
		rc = is_begun(place->ring, text.data, text.len);
	buf_clear(&template);
	buf_clear(&text);
	return rc;
}

/* Whether the selector is free.  1, 0, or -1 with err set. */
static int
is_free(const struct newkey_place *place, const char *selector,
    const struct attempt *a, struct err *err)
{
	int rc;

	if (newkey_check_selector(selector, place->ring->domain, err) == -1)
		return err_prefix(err, "rotation.selector");
	rc = is_counted(place, a, err);
	if (rc == 0 && ring_find(place->ring, selector) == NULL)
		rc = has_file(place, selector, err);
	else if (rc == 0)
		rc = 1;
	return rc == -1 ? -1 : rc == 0;
}

/* One try.  1 and the selector in out, 0: it is taken, -1 with err set. */
static int
try_selector(const struct newkey_place *place, struct attempt *a, unsigned seq,
    struct buf *out, struct err *err)
{
	struct buf made = BUF_INIT;

	if (draw(a->random, err) == -1)
		return -1;
	name_seq(seq, a->seq);
	selector_make(place->rules->selector, &a->values, &made);
	buf_reset(out);
	dnsname_lower(made.data, made.len, out);
	if (made.has_failed)
		out->has_failed = true;
	buf_clear(&made);
	if (buf_str(out) == NULL)
		return err_nomem(err);
	return is_free(place, out->data, a, err);
}

int
newkey_selector(const struct newkey_place *place, char out[DNSNAME_MAX + 1],
    struct err *err)
{
	struct buf text = BUF_INIT;
	struct attempt a;
	struct tm day;
	int rc = 0;

	if (gmtime_r(&place->now, &day) == NULL)
		return err_set(err, ERR_IO, "the clock is out of range");
	name_host(place->ring->host, a.host);
	a.values = (struct selector_values){ day.tm_year + 1900, day.tm_mon + 1,
		day.tm_mday, a.seq, a.random, a.host };
	for (unsigned seq = 1; rc == 0 && seq <= SEQ_MAX; seq++)
		rc = try_selector(place, &a, seq, &text, err);
	if (rc == 1)
		memcpy(out, text.data, text.len + 1);
	if (rc == 0)
		rc = err_set(err, ERR_CONF,
		    "rotation.selector: %s: every name it makes is taken",
		    place->rules->selector);
	buf_clear(&text);
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

/* Whether slot can be a key's, here and where its record will stand. */
static int
check_slot(const struct newkey_place *place, const char *slot, struct err *err)
{
	const char *zone = place->rules->provider_zone;
	size_t len = strlen(slot) + 1 + strlen(place->ring->domain) + 1;

	if (newkey_check_selector(slot, place->ring->domain, err) == -1)
		return -1;
	if (zone != NULL && len + strlen(zone) > DNSNAME_MAX)
		return err_set(err, ERR_CONF,
		    "rotation.provider_zone: %s: with this domain longer than "
		    "the %d characters that the DNS takes",
		    zone, DNSNAME_MAX);
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
		if (check_slot(place, slot, err) == -1)
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
