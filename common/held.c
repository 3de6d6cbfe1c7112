/*
 * The record of what keyturnd held.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "dnsname.h"
#include "held.h"
#include "replacefile.h"
#include "textfile.h"
#include "when.h"

enum {
	HELD_BYTES_MAX = 512 << 20,
	FIELDS = 7,
	SHOWN_MAX = 256, /* bytes of an offending value in an error */
};

static const char head[] =
    "# Written by keyturnd: what it could sign with, and until when.\n"
    "# domain selector fingerprint since last released steps\n";

/* A line on its way in. */
struct line {
	const char *path;
	unsigned long number;
	char *fields[FIELDS];
	struct err *err;
};

char *
held_path(const char *rings)
{
	size_t len = strlen(rings);
	struct buf path = BUF_INIT;

	while (len > 1 && rings[len - 1] == '/')
		len--;
	while (len > 0 && rings[len - 1] != '/')
		len--;
	buf_add(&path, rings, len);
	buf_adds(&path, "held");
	if (buf_str(&path) == NULL)
		buf_clear(&path);
	return path.data;
}

static int
refuse(const struct line *l, const char *what, const char *value)
{
	struct buf shown = BUF_INIT;
	size_t len = strlen(value);

	buf_add_escaped(&shown, value, len < SHOWN_MAX ? len : SHOWN_MAX);
	if (buf_str(&shown) == NULL)
		err_nomem(l->err);
	else
		err_set(l->err, ERR_CONF, "%s:%lu: %s: %s", l->path, l->number,
		    what, shown.data);
	buf_clear(&shown);
	return -1;
}

/* The order of the list. */
static int
compare(const struct held_key *key, const char *domain, const char *selector,
    const unsigned char *fingerprint)
{
	int order = strcmp(key->domain, domain);

	if (order == 0)
		order = strcmp(key->selector, selector);
	if (order == 0)
		order = memcmp(key->fingerprint, fingerprint, SHA256_LEN);
	return order;
}

/* Where the entry is or belongs. */
static size_t
find_place(const struct held *held, const char *domain, const char *selector,
    const unsigned char *fingerprint)
{
	size_t from = 0, to = held->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(&held->keys[middle], domain, selector,
		        fingerprint) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct held_key *
held_find(const struct held *held, const char *domain, const char *selector,
    const unsigned char fingerprint[SHA256_LEN])
{
	size_t at = find_place(held, domain, selector, fingerprint);

	if (at == held->count ||
	    compare(&held->keys[at], domain, selector, fingerprint) != 0)
		return NULL;
	return &held->keys[at];
}

unsigned long
held_most_steps(const struct held *held, const char *domain, time_t made)
{
	static const unsigned char least[SHA256_LEN];
	unsigned long most = 0;

	for (size_t i = find_place(held, domain, "", least);
	     i < held->count && strcmp(held->keys[i].domain, domain) == 0;
	     i++) {
		const struct held_key *key = &held->keys[i];

		if (key->since >= made && key->steps > most)
			most = key->steps;
	}
	return most;
}

int
held_check_steps(const struct held *held, const char *rings,
    const struct ring *ring, struct err *err)
{
	unsigned long seen = held_most_steps(held, ring->domain, ring->made);

	if (ring->steps >= seen)
		return 0;
	return err_set(err, ERR_KEY,
	    "%s/%s: an old copy: it has %lu steps, and keyturnd has seen %lu "
	    "of it: bring the newer one back; if that is lost, move this one "
	    "out of the rings, and `keyturn add %s --adopt SELECTOR=FILE` with "
	    "a key of it that the DNS still has",
	    rings, ring->domain, ring->steps, seen, ring->domain);
}

/* Make room for one more; it doubles when the count is a power of 2. */
static bool
reserve(struct held *held)
{
	size_t count = held->count;
	struct held_key *keys;

	if (count > 0 && (count & (count - 1)) != 0)
		return true;
	keys =
	    reallocarray(held->keys, count > 0 ? count * 2 : 1, sizeof(*keys));
	if (keys == NULL)
		return false;
	held->keys = keys;
	return true;
}

struct held_key *
held_add(struct held *held, const char *domain, const char *selector,
    const unsigned char fingerprint[SHA256_LEN], struct err *err)
{
	size_t at = find_place(held, domain, selector, fingerprint);
	struct held_key key = { .domain = strdup(domain),
		.selector = strdup(selector) };

	if (key.domain == NULL || key.selector == NULL || !reserve(held)) {
		free(key.domain);
		free(key.selector);
		err_nomem(err);
		return NULL;
	}
	memcpy(key.fingerprint, fingerprint, SHA256_LEN);
	memmove(&held->keys[at + 1], &held->keys[at],
	    (held->count - at) * sizeof(key));
	held->keys[at] = key;
	held->count++;
	return &held->keys[at];
}

void
held_clear(struct held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		free(held->keys[i].domain);
		free(held->keys[i].selector);
	}
	free(held->keys);
	*held = (struct held){ .keys = NULL };
}

static int
take_time(const struct line *l, const char *text, time_t *t)
{
	*t = 0;
	if (strcmp(text, "-") == 0 || (*text != '\0' && when_parse(text, t)))
		return 0;
	return refuse(l, "not a time", text);
}

static int
take_steps(const struct line *l, const char *text, unsigned long *steps)
{
	char *end;

	errno = 0;
	*steps = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || *text < '0' || *text > '9')
		return refuse(l, "not a number of steps", text);
	return 0;
}

static int
take_fields(const struct line *l, struct held *held)
{
	unsigned char fingerprint[SHA256_LEN];
	char *const *f = l->fields;
	struct held_key *key;

	if (!dnsname_is_valid_lower(f[0]))
		return refuse(l, "not a domain in lower case", f[0]);
	if (!dnsname_is_valid_lower(f[1]))
		return refuse(l, "not a selector in lower case", f[1]);
	if (!hex_parse(f[2], fingerprint))
		return refuse(l, "not a SHA-256", f[2]);
	if (held_find(held, f[0], f[1], fingerprint) != NULL)
		return refuse(l, "a key twice", f[1]);
	key = held_add(held, f[0], f[1], fingerprint, l->err);
	if (key == NULL || take_time(l, f[3], &key->since) == -1 ||
	    take_time(l, f[4], &key->last_signed) == -1 ||
	    take_time(l, f[5], &key->released) == -1)
		return -1;
	if (key->since == 0)
		return refuse(l, "held since never", f[3]);
	return take_steps(l, f[6], &key->steps);
}

/* One line, which is taken apart in place. */
static int
take_line(struct line *l, char *text, struct held *held)
{
	size_t count = 0;
	char *field;

	if (*text == '#' || *text == '\0')
		return 0;
	while ((field = strsep(&text, " ")) != NULL && count < FIELDS)
		l->fields[count++] = field;
	if (count < FIELDS || field != NULL)
		return refuse(l, "not seven fields", l->fields[0]);
	return take_fields(l, held);
}

static int
take_text(const char *path, char *text, struct held *held, struct err *err)
{
	struct line l = { .path = path, .err = err };

	while (text != NULL && *text != '\0') {
		char *end = strchr(text, '\n');

		l.number++;
		if (end == NULL)
			return refuse(&l, "a line without its end", text);
		*end = '\0';
		if (take_line(&l, text, held) == -1)
			return -1;
		text = end + 1;
	}
	return 0;
}

/* The way out, behind what is wrong with the text.  Returns -1. */
static int
advise(struct err *err)
{
	char text[ERR_TEXT_MAX];

	if (err->code != ERR_CONF)
		return -1;
	snprintf(text, sizeof(text), "%s", err->text);
	return err_set(err, ERR_CONF,
	    "%.700s: bring an older copy back, or move the file away: keyturnd "
	    "then begins another, and the records of keys that it let go of "
	    "since the last tick stay until `keyturn revoke --force`",
	    text);
}

int
held_load(const char *path, struct held *held, struct err *err)
{
	size_t len;
	char *text;
	int rc;

	*held = (struct held){ .keys = NULL };
	if (access(path, F_OK) == -1 && errno == ENOENT)
		return 0;
	text = textfile_read(path, HELD_BYTES_MAX, &len, err);
	if (text == NULL)
		return -1;
	rc = take_text(path, text, held, err);
	free(text);
	if (rc == 0)
		return 0;
	held_clear(held);
	return advise(err);
}

static void
write_time(struct buf *out, time_t t)
{
	char text[WHEN_TEXT_MAX];

	when_text(t, text);
	buf_addc(out, ' ');
	buf_adds(out, t != 0 ? text : "-");
}

int
held_write(const char *path, const struct held *held, struct err *err)
{
	struct buf out = BUF_INIT;
	int rc;

	buf_adds(&out, head);
	for (size_t i = 0; i < held->count; i++) {
		const struct held_key *key = &held->keys[i];
		char hex[RING_HEX_MAX];

		hex_text(key->fingerprint, hex);
		buf_adds(&out, key->domain);
		buf_addc(&out, ' ');
		buf_adds(&out, key->selector);
		buf_addc(&out, ' ');
		buf_adds(&out, hex);
		write_time(&out, key->since);
		write_time(&out, key->last_signed);
		write_time(&out, key->released);
		buf_printf(&out, " %lu\n", key->steps);
	}
	if (out.has_failed)
		rc = err_nomem(err);
	else
		rc = replacefile_write(path, out.data, out.len, err);
	buf_clear(&out);
	return rc;
}
