/*
 * Key records.
 */
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "keyrecord.h"
#include "taglist.h"

/* What stands before the 32 bytes in an Ed25519 SubjectPublicKeyInfo. */
static const unsigned char ed25519_prefix[] = { 0x30, 0x2a, 0x30, 0x05, 0x06,
	0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

enum { ED25519_LEN = 32 };

void
keyrecord_clear(struct keyrecord *rec)
{
	pubkey_free(rec->key);
	*rec = (struct keyrecord)KEYRECORD_INIT;
}

/* Set err to "what: value", the value escaped and cut.  Returns state. */
static enum keyrecord_state
refuse(enum keyrecord_state state, const char *what, struct span value,
    struct err *err)
{
	struct buf shown = BUF_INIT;
	const char *text;

	buf_add_escaped(&shown, value.data, value.len < 60 ? value.len : 60);
	text = buf_str(&shown);
	err_set(err, ERR_KEY, "%s: %s", what, text ? text : "");
	buf_clear(&shown);
	return state;
}

/* Whether an element of a colon-separated value is a or b. */
static bool
list_has(struct span list, const char *a, const char *b)
{
	struct span element;

	while (span_next(&list, &element)) {
		if (span_is(element, a) || span_is(element, b))
			return true;
	}
	return false;
}

static enum keyrecord_state
check_version(const struct taglist *list, struct err *err)
{
	const struct tag *v = taglist_find(list, "v");

	if (v == NULL)
		return KEYRECORD_GOOD;
	if (v != &list->tags[0])
		return refuse(KEYRECORD_SYNTAX, "v= is not the first tag",
		    v->value, err);
	if (v->value.len != 5 || memcmp(v->value.data, "DKIM1", 5) != 0)
		return refuse(KEYRECORD_SYNTAX, "v= is not DKIM1", v->value,
		    err);
	return KEYRECORD_GOOD;
}

static enum keyrecord_state
check_type(const struct taglist *list, struct keyrecord *rec, struct err *err)
{
	const struct tag *k = taglist_find(list, "k");

	rec->alg = KEY_RSA_SHA256;
	if (k == NULL || span_is(k->value, "rsa"))
		return KEYRECORD_GOOD;
	rec->alg = KEY_ED25519_SHA256;
	if (span_is(k->value, "ed25519"))
		return KEYRECORD_GOOD;
	return refuse(KEYRECORD_TYPE, "k= is neither rsa nor ed25519", k->value,
	    err);
}

/* h=, s= and t=, which restrict what the key is good for. */
static enum keyrecord_state
check_use(const struct taglist *list, struct keyrecord *rec, struct err *err)
{
	const struct tag *tag;

	tag = taglist_find(list, "h");
	if (tag != NULL && !list_has(tag->value, "sha256", "sha256"))
		return refuse(KEYRECORD_HASH, "h= does not permit sha256",
		    tag->value, err);
	tag = taglist_find(list, "s");
	if (tag != NULL && !list_has(tag->value, "*", "email"))
		return refuse(KEYRECORD_SERVICE, "s= does not permit email",
		    tag->value, err);
	tag = taglist_find(list, "t");
	if (tag != NULL) {
		rec->is_testing = list_has(tag->value, "y", "y");
		rec->is_strict = list_has(tag->value, "s", "s");
	}
	return KEYRECORD_GOOD;
}

/* Make the key of rec->alg from bytes. */
static enum keyrecord_state
take_key(const struct buf *bytes, struct keyrecord *rec, struct err *err)
{
	unsigned bits;

	rec->key = pubkey_parse(rec->alg, bytes->data, bytes->len, err);
	if (rec->key == NULL) {
		if (err->code == ERR_NOMEM)
			return KEYRECORD_NOMEM;
		return KEYRECORD_SYNTAX;
	}
	bits = pubkey_bits(rec->key);
	if (rec->alg != KEY_RSA_SHA256 || bits >= KEY_RSA_BITS_MIN)
		return KEYRECORD_GOOD;
	keyrecord_clear(rec);
	err_set(err, ERR_KEY,
	    "an RSA key of %u bits; verifiers must refuse less than %d (RFC "
	    "8301)",
	    bits, KEY_RSA_BITS_MIN);
	return KEYRECORD_WEAK;
}

/* p= */
static enum keyrecord_state
check_key(const struct taglist *list, struct keyrecord *rec, struct err *err)
{
	const struct tag *p = taglist_find(list, "p");
	struct buf bytes = BUF_INIT;
	enum keyrecord_state state;

	if (p == NULL) {
		err_set(err, ERR_KEY, "p= is missing: not a key record");
		return KEYRECORD_SYNTAX;
	}
	if (p->value.len == 0) {
		err_set(err, ERR_KEY, "p= is empty");
		return KEYRECORD_REVOKED;
	}
	if (!base64_decode(p->value.data, p->value.len, &bytes))
		state =
		    refuse(KEYRECORD_SYNTAX, "p= is not base64", p->value, err);
	else if (bytes.has_failed)
		state = KEYRECORD_NOMEM;
	else
		state = take_key(&bytes, rec, err);
	buf_clear(&bytes);
	return state;
}

enum keyrecord_state
keyrecord_parse(const char *text, size_t len, struct keyrecord *rec,
    struct err *err)
{
	struct taglist list;
	enum keyrecord_state state;

	keyrecord_clear(rec);
	if (taglist_parse(text, len, &list, err) == -1)
		return KEYRECORD_SYNTAX;
	state = check_version(&list, err);
	if (state == KEYRECORD_GOOD)
		state = check_type(&list, rec, err);
	if (state == KEYRECORD_GOOD)
		state = check_use(&list, rec, err);
	if (state == KEYRECORD_GOOD)
		state = check_key(&list, rec, err);
	if (state == KEYRECORD_NOMEM)
		err_nomem(err);
	return state;
}

/*
 * Find the base64 between the armour lines "-----BEGIN label-----" and the
 * next "-----END".
 */
static bool
pem_body(const char *text, size_t len, const char *label, struct span *body)
{
	const char *end;
	char *begin;
	char line[64];
	int line_len;

	line_len = snprintf(line, sizeof(line), "-----BEGIN %s-----", label);
	begin = memmem(text, len, line, (size_t)line_len);
	if (begin == NULL)
		return false;
	body->data = begin + line_len;
	len -= (size_t)(body->data - text);
	end = memmem(body->data, len, "-----END", 8);
	if (end == NULL)
		return false;
	body->len = (size_t)(end - body->data);
	return true;
}

/* Append the base64 of a PEM body without its line ends, decoded. */
static bool
pem_decode(struct span body, struct buf *out)
{
	struct buf text = BUF_INIT;
	bool good;

	for (size_t i = 0; i < body.len; i++) {
		if (strchr(" \t\r\n", body.data[i]) == NULL ||
		    body.data[i] == '\0')
			buf_addc(&text, body.data[i]);
	}
	good = !text.has_failed && base64_decode(text.data, text.len, out);
	buf_clear(&text);
	return good;
}

static enum keyrecord_state
parse_pem(struct span body, struct keyrecord *rec, struct err *err)
{
	const size_t prefix = sizeof(ed25519_prefix);
	struct buf der = BUF_INIT;
	enum keyrecord_state state;

	rec->alg = KEY_RSA_SHA256;
	if (!pem_decode(body, &der)) {
		err_set(err, ERR_KEY, "the PEM text is damaged");
		buf_clear(&der);
		return KEYRECORD_SYNTAX;
	}
	if (der.len == prefix + ED25519_LEN &&
	    memcmp(der.data, ed25519_prefix, prefix) == 0) {
		rec->alg = KEY_ED25519_SHA256;
		memmove(der.data, der.data + prefix, ED25519_LEN);
		der.len = ED25519_LEN;
	}
	state = take_key(&der, rec, err);
	buf_clear(&der);
	return state;
}

/* A record in a file: line ends are white space. */
static enum keyrecord_state
parse_lines(const char *text, size_t len, struct keyrecord *rec,
    struct err *err)
{
	struct buf line = BUF_INIT;
	enum keyrecord_state state = KEYRECORD_NOMEM;
	const char *s;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\r' || text[i] == '\n')
			buf_addc(&line, ' ');
		else
			buf_addc(&line, text[i]);
	}
	s = buf_str(&line);
	if (s != NULL)
		state = keyrecord_parse(s, line.len, rec, err);
	else
		err_nomem(err);
	buf_clear(&line);
	return state;
}

enum keyrecord_state
keyrecord_parse_file(const char *text, size_t len, struct keyrecord *rec,
    struct err *err)
{
	struct span body;

	keyrecord_clear(rec);
	if (pem_body(text, len, "PUBLIC KEY", &body) ||
	    pem_body(text, len, "RSA PUBLIC KEY", &body))
		return parse_pem(body, rec, err);
	if (memmem(text, len, "PRIVATE KEY-----", 16) != NULL) {
		err_set(err, ERR_KEY,
		    "a private key; its public part is wanted: "
		    "openssl pkey -pubout");
		return KEYRECORD_SYNTAX;
	}
	if (len > 0 && text[0] == '"') {
		err_set(err, ERR_KEY,
		    "quoted strings: that is the form for --zone");
		return KEYRECORD_SYNTAX;
	}
	return parse_lines(text, len, rec, err);
}

int
keyrecord_write(const struct key *key, struct buf *out, struct err *err)
{
	buf_printf(out, "v=DKIM1; k=%s; p=", key_alg_type(key_algorithm(key)));
	if (key_public(key, out, err) == -1)
		return -1;
	return out->has_failed ? err_nomem(err) : 0;
}
