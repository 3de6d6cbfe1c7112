/*
 * The DKIM-Signature field: its text, its folds, and the hash over it.
 */
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "sigfield.h"

enum {
	COLUMNS_MAX = 78, /* RFC 5322 section 2.1.1 */
	TAB_COLUMNS = 8,
};

/* A value that is being written. */
struct writer {
	struct buf *out;
	size_t column; /* where the next byte goes */
};

static void
fold(struct writer *w)
{
	buf_adds(w->out, "\r\n\t");
	w->column = TAB_COLUMNS;
}

static void
put(struct writer *w, const char *text, size_t len)
{
	buf_add(w->out, text, len);
	w->column += len;
}

/* Make room for len bytes that must stay together. */
static void
put_room(struct writer *w, size_t len)
{
	if (w->column + len > COLUMNS_MAX && w->column > TAB_COLUMNS)
		fold(w);
}

/* Begin a tag: "name=", behind a space or a fold; len is that of its value. */
static void
put_tag_name(struct writer *w, const char *name, size_t len)
{
	if (w->column + 1 + strlen(name) + 1 + len > COLUMNS_MAX)
		fold(w);
	else
		put(w, " ", 1);
	put(w, name, strlen(name));
	put(w, "=", 1);
}

static void
put_tag(struct writer *w, const char *name, const char *value, size_t len)
{
	put_tag_name(w, name, len + 1);
	put(w, value, len);
	put(w, ";", 1);
}

static void
put_tag_string(struct writer *w, const char *name, const char *value)
{
	put_tag(w, name, value, strlen(value));
}

/* The tag h=, which may be folded behind each colon. */
static void
put_names(struct writer *w, const struct buf *names)
{
	const char *at = names->data, *end = at + names->len, *colon;
	size_t len;

	for (bool is_first = true; at < end; at += len, is_first = false) {
		colon = memchr(at, ':', (size_t)(end - at));
		len = (size_t)((colon ? colon + 1 : end) - at);
		/* Behind the last name there is a semicolon. */
		if (is_first)
			put_tag_name(w, "h", len + !colon);
		else
			put_room(w, len + !colon);
		put(w, at, len);
	}
	put(w, ";", 1);
}

int
sigfield_build(const struct sigfield *sf, struct buf *out, struct err *err)
{
	struct writer w = { out, strlen(SIGFIELD_NAME ":") };
	struct buf body_hash = BUF_INIT;
	char canon[32], time[32];
	bool has_failed;

	snprintf(canon, sizeof(canon), "%s/%s", canon_name(sf->canon.header),
	    canon_name(sf->canon.body));
	snprintf(time, sizeof(time), "%lld", (long long)sf->time);
	base64_encode(sf->body_hash, SHA256_LEN, &body_hash);

	buf_reset(out);
	put_tag_string(&w, "v", "1");
	put_tag_string(&w, "a", key_alg_name(sf->alg));
	put_tag_string(&w, "c", canon);
	put_tag_string(&w, "d", sf->domain);
	put_tag_string(&w, "s", sf->selector);
	put_tag_string(&w, "t", time);
	put_names(&w, &sf->selection->names);
	put_tag(&w, "bh", body_hash.data, body_hash.len);
	/* A line of its own: the signature is folded behind it. */
	fold(&w);
	put(&w, "b=", 2);

	has_failed = out->has_failed || body_hash.has_failed;
	buf_clear(&body_hash);
	return has_failed ? err_nomem(err) : 0;
}

int
sigfield_finish(struct buf *value, const unsigned char *sig, size_t sig_len,
    struct err *err)
{
	struct writer w = { value, TAB_COLUMNS + strlen("b=") };
	struct buf text = BUF_INIT;
	bool has_failed;

	base64_encode(sig, sig_len, &text);
	for (size_t at = 0, len; at < text.len; at += len) {
		if (w.column >= COLUMNS_MAX)
			fold(&w);
		len = COLUMNS_MAX - w.column;
		if (len > text.len - at)
			len = text.len - at;
		put(&w, text.data + at, len);
	}
	has_failed = value->has_failed || text.has_failed;
	buf_clear(&text);
	return has_failed ? err_nomem(err) : 0;
}

/* Hash what was gathered and start anew. */
static int
hash_text(struct sha256 *hash, struct buf *text, struct err *err)
{
	if (text->has_failed)
		return err_nomem(err);
	if (sha256_update(hash, text->data, text->len, err) != 0)
		return -1;
	buf_reset(text);
	return 0;
}

static int
hash_fields(struct sha256 *hash, const struct hdrs *h,
    const struct selection *s, enum canon c, struct buf *text, struct err *err)
{
	for (size_t k = 0; k < s->count; k++) {
		size_t i = s->fields[k];

		canon_header(c, hdrs_name(h, i), h->fields[i].name_len,
		    hdrs_value(h, i), h->fields[i].value_len, text);
		buf_add(text, "\r\n", 2);
		if (hash_text(hash, text, err) != 0)
			return -1;
	}
	return 0;
}

int
header_hash(const struct hdrs *h, const struct selection *s, enum canon c,
    const char *name, size_t name_len, const char *value, size_t value_len,
    unsigned char digest[SHA256_LEN], struct err *err)
{
	struct sha256 hash = SHA256_INIT;
	struct buf text = BUF_INIT;
	int result = -1;

	if (sha256_start(&hash, err) != 0 ||
	    hash_fields(&hash, h, s, c, &text, err) != 0)
		goto out;
	canon_header(c, name, name_len, value, value_len, &text);
	if (hash_text(&hash, &text, err) != 0)
		goto out;
	result = sha256_final(&hash, digest, err);
out:
	buf_clear(&text);
	sha256_clear(&hash);
	return result;
}
