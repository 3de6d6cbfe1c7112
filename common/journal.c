/*
 * The journal, written and replayed.  A line taken apart is in journal_entry.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "json.h"
#include "ringfile.h"
#include "sha256.h"
#include "when.h"

static bool
is_same_key(const struct ring_key *a, const struct ring_key *b)
{
	return strcmp(a->selector, b->selector) == 0 &&
	    memcmp(a->fingerprint, b->fingerprint, SHA256_LEN) == 0;
}

/* The keys of after that are not in before just so, with commas between. */
static int
changed_keys(const struct ring *before, const struct ring *after,
    struct buf *out, struct err *err)
{
	size_t old_count = before != NULL ? before->key_count : 0;
	struct buf old = BUF_INIT, new = BUF_INIT;
	int rc = 0;

	if (after->key_count < old_count)
		return err_set(err, ERR_INPUT, "%s: a ring loses no keys",
		    after->domain);
	for (size_t i = 0; i < after->key_count && rc == 0; i++) {
		buf_reset(&old);
		buf_reset(&new);
		ringfile_write_key(&after->keys[i], &new);
		if (i < old_count) {
			ringfile_write_key(&before->keys[i], &old);
			if (!is_same_key(&before->keys[i], &after->keys[i]))
				rc = err_set(err, ERR_INPUT,
				    "%s: a key's selector and fingerprint do "
				    "not change: %s",
				    after->domain, after->keys[i].selector);
		}
		if (old.has_failed || new.has_failed)
			rc = err_nomem(err);
		if (old.len == new.len &&
		    memcmp(old.data, new.data, new.len) == 0)
			continue;
		buf_adds(out, out->len > 0 ? ", " : "");
		buf_add(out, new.data, new.len);
	}
	buf_clear(&old);
	buf_clear(&new);
	return rc;
}

/* A member that is a string, of what may be NULL. */
static void
add_text(struct buf *out, const char *name, const char *text)
{
	json_text(out, name, text != NULL ? text : "");
}

/* The line, its end included. */
static void
add_line(const struct ring *before, unsigned long step, const char *head,
    const char *keys, const struct journal_note *note, struct buf *out)
{
	static const unsigned char none[SHA256_LEN];
	char hex[RING_HEX_MAX], when[WHEN_TEXT_MAX];

	hex_text(before != NULL ? before->journal_hash : none, hex);
	when_text(note->when, when);
	buf_addc(out, '{');
	json_number(out, "step", step);
	add_text(out, "time", when);
	add_text(out, "who", note->who);
	add_text(out, "what", note->what);
	add_text(out, "previous", hex);
	add_text(out, "ring", head);
	add_text(out, "keys", keys);
	json_name(out, "evidence");
	buf_adds(out, note->evidence != NULL ? note->evidence : "null");
	buf_adds(out, "}\n");
}

/* The text that a line's evidence can be. */
static int
check_evidence(const char *text, struct err *err)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (text == NULL)
		return 0;
	if (text[0] != '{' || text[len - 1] != '}')
		return err_set(err, ERR_INPUT,
		    "the evidence is no JSON object: %.80s", text);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ')
			return err_set(err, ERR_INPUT,
			    "the evidence is more than a line: %.80s", text);
	return 0;
}

int
journal_line(const struct ring *before, struct ring *after,
    const struct journal_note *note, struct buf *out, struct err *err)
{
	unsigned long step = before != NULL ? before->steps : 0;
	struct buf head = BUF_INIT, keys = BUF_INIT;
	struct journal_entry entry = { .who = NULL };
	unsigned char hash[SHA256_LEN];
	size_t start = out->len;
	int rc = -1;

	if (check_evidence(note->evidence, err) == -1 ||
	    changed_keys(before, after, &keys, err) == -1)
		goto out;
	if (step < note->steps_seen)
		step = note->steps_seen;
	step++;
	ringfile_write_head(after, &head);
	if (buf_str(&head) == NULL || buf_str(&keys) == NULL) {
		err_nomem(err);
		goto out;
	}
	add_line(before, step, head.data, keys.data, note, out);
	if (out->has_failed) {
		err_nomem(err);
		goto out;
	}
	/* What is written must be read again. */
	if (journal_entry_parse(out->data + start, out->len - start - 1, &entry,
	        err) == -1)
		goto out;
	rc = sha256_of(out->data + start, out->len - start, hash, err);
	if (rc == -1)
		goto out;
	after->steps = step;
	after->journal_len = (before != NULL ? before->journal_len : 0) +
	    (long long)(out->len - start);
	memcpy(after->journal_hash, hash, SHA256_LEN);
out:
	journal_entry_clear(&entry);
	buf_clear(&head);
	buf_clear(&keys);
	return rc;
}

/* A journal on its way through. */
struct replay {
	const char *path;
	unsigned long number; /* of the line */
	struct ring *ring;    /* NULL before the first */
	struct err *err;
};

/* "file:line: " before what is there.  Returns -1. */
static int
refuse_line(const struct replay *r, enum err_code code)
{
	/* A part of a ring is one line, "part:1: what". */
	static const char part[] = "part:1: ", whole[] = "part: ";
	char text[ERR_TEXT_MAX];
	const char *what = text;

	if (code != ERR_CONF && code != ERR_INPUT)
		return -1;
	snprintf(text, sizeof(text), "%s", r->err->text);
	if (strncmp(text, part, strlen(part)) == 0)
		what += strlen(part);
	else if (strncmp(text, whole, strlen(whole)) == 0)
		what += strlen(whole);
	return err_set(r->err, ERR_CONF, "%s:%lu: %s", r->path, r->number,
	    what);
}

/* Put key in the place of the one that it was, or behind all. */
static int
take_key(struct ring *ring, struct ring_key *key, struct err *err)
{
	struct ring_key *place = NULL, old;

	for (size_t i = ring->key_count; i-- > 0 && place == NULL;)
		if (is_same_key(&ring->keys[i], key))
			place = &ring->keys[i];
	if (place == NULL)
		place = ring_add_key(ring, err);
	if (place == NULL)
		return -1;
	old = *place;
	*place = *key;
	*key = old; /* its record is freed with the part */
	return 0;
}

/* Take part, which a line says, into the ring. */
static int
take_part(struct replay *r, struct ring *part)
{
	struct ring *ring = r->ring;

	if (ring == NULL)
		r->ring = ring = ring_new(part->domain, part->host, r->err);
	if (ring == NULL)
		return -1;
	if (strcmp(ring->domain, part->domain) != 0)
		return err_set(r->err, ERR_INPUT, "ring: another domain: %s",
		    part->domain);
	if (ring->made != 0 && ring->made != part->made)
		return err_set(r->err, ERR_INPUT,
		    "ring: made at another time than before");
	memcpy(ring->host, part->host, sizeof(ring->host));
	ring->made = part->made;
	ring->is_leaving = part->is_leaving;
	for (size_t i = 0; i < part->key_count; i++)
		if (take_key(ring, &part->keys[i], r->err) == -1)
			return -1;
	return 0;
}

/* Whether the line follows what was before. */
static int
check_chain(const struct replay *r, const struct journal_entry *e)
{
	static const unsigned char none[SHA256_LEN];
	const struct ring *ring = r->ring;

	if (memcmp(e->previous, ring != NULL ? ring->journal_hash : none,
	        SHA256_LEN) != 0)
		return err_set(r->err, ERR_INPUT,
		    "previous: not the SHA-256 of the line before: a line was "
		    "changed, lost or added");
	if (e->step == 0 || (ring != NULL && e->step <= ring->steps))
		return err_set(r->err, ERR_INPUT,
		    "step: not after the one before: %lu", e->step);
	return 0;
}

/* Take a line, whose end is at len - 1. */
static int
take_line(struct replay *r, const char *line, size_t len)
{
	struct journal_entry e = { .who = NULL };
	unsigned char hash[SHA256_LEN];
	struct ring *part = NULL;
	int rc = -1;

	if (journal_entry_parse(line, len - 1, &e, r->err) == -1 ||
	    check_chain(r, &e) == -1)
		goto out;
	part = ringfile_parse_part("part", e.head, e.keys, r->err);
	if (part == NULL || take_part(r, part) == -1 ||
	    sha256_of(line, len, hash, r->err) == -1)
		goto out;
	r->ring->steps = e.step;
	r->ring->journal_len += (long long)len;
	memcpy(r->ring->journal_hash, hash, SHA256_LEN);
	rc = 0;
out:
	if (rc == -1)
		refuse_line(r, r->err->code);
	journal_entry_clear(&e);
	ring_free(part);
	return rc;
}

/* What all lines together must have made. */
static int
check_end(struct replay *r)
{
	size_t bad;

	if (r->ring == NULL)
		return err_set(r->err, ERR_CONF, "%s: no complete line",
		    r->path);
	if (ring_check(r->ring, &bad, r->err) == -1)
		return refuse_line(r, ERR_INPUT);
	return 0;
}

struct ring *
journal_replay(const char *path, const char *text, size_t len,
    void (*lines)(void *arg, const char *line, size_t len), void *arg,
    struct err *err)
{
	struct replay r = { .path = path, .err = err };
	const char *end;

	while (len > 0 && (end = memchr(text, '\n', len)) != NULL) {
		size_t line_len = (size_t)(end - text) + 1;

		r.number++;
		if (lines != NULL)
			lines(arg, text, line_len - 1);
		if (take_line(&r, text, line_len) == -1)
			goto failed;
		text += line_len;
		len -= line_len;
	}
	if (check_end(&r) == 0)
		return r.ring;
failed:
	ring_free(r.ring);
	return NULL;
}

struct ring *
journal_follow(const char *path, const struct ring *ring, const char *line,
    size_t len, struct err *err)
{
	struct replay r = { .path = path, .err = err };

	/* Its number, as far as can be told without counting lines. */
	r.number = ring != NULL ? ring->steps + 1 : 1;
	if (ring != NULL && (r.ring = ring_copy(ring, err)) == NULL)
		return NULL;
	if (take_line(&r, line, len) == 0 && check_end(&r) == 0)
		return r.ring;
	ring_free(r.ring);
	return NULL;
}
