/*
 * ring.conf, written: a line for each member of the ring and for each key, and
 * the sum.  How it is read is in ringparse.c.
 */
#include <string.h>

#include "ringfile.h"
#include "ringmember.h"
#include "when.h"

const char ringfile_comment[] =
    "# Written by keyturn only: a change by hand is noticed, and refused.\n"
    "# See keyturn-rotation(7); `keyturn repair` makes it anew.\n";

/* A string as libconfig and conftext_check take it. */
static void
write_string(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else if (*p >= ' ' && *p < 0x7f)
			buf_addc(out, (char)*p);
		else
			buf_printf(out, "\\x%02x", *p);
	}
	buf_addc(out, '"');
}

static bool
is_zero_hash(const unsigned char *hash)
{
	static const unsigned char zero[SHA256_LEN];

	return memcmp(hash, zero, SHA256_LEN) == 0;
}

/* Whether the member says nothing that it would not if it were missing. */
static bool
is_default(const struct member *m, const void *value)
{
	switch (m->kind) {
	case MEMBER_TEXT:
		return *(const char *)value == '\0';
	case MEMBER_IRREVERSIBLE:
		return *(const enum irreversible *)value == IRREVERSIBLE_NONE;
	case MEMBER_HASH:
		return is_zero_hash(value);
	case MEMBER_TIME:
		return *(const time_t *)value == 0;
	case MEMBER_TTL:
		return *(const int *)value == -1;
	case MEMBER_SECONDS:
		return *(const int *)value == 0;
	case MEMBER_COUNT:
		return *(const long long *)value == 0;
	case MEMBER_BOOL:
		return !*(const bool *)value;
	default:
		return false;
	}
}

static void
write_time(struct buf *out, time_t t)
{
	char text[WHEN_TEXT_MAX];

	when_text(t, text);
	write_string(out, text);
}

static void
write_hash(struct buf *out, const unsigned char *hash)
{
	char text[RING_HEX_MAX];

	hex_text(hash, text);
	write_string(out, text);
}

static void
write_value(const struct member *m, const void *value, struct buf *out)
{
	const char *text;

	switch (m->kind) {
	case MEMBER_NAME:
	case MEMBER_FILE:
	case MEMBER_HOST:
	case MEMBER_TEXT:
		write_string(out, value);
		break;
	case MEMBER_RECORD:
		text = *(char *const *)value;
		write_string(out, text != NULL ? text : "");
		break;
	case MEMBER_ALG:
		write_string(out, key_alg_name(*(const enum key_alg *)value));
		break;
	case MEMBER_STATE:
		write_string(out,
		    key_state_name(*(const enum key_state *)value));
		break;
	case MEMBER_IRREVERSIBLE:
		write_string(out,
		    irreversible_name(*(const enum irreversible *)value));
		break;
	case MEMBER_HASH:
		write_hash(out, value);
		break;
	case MEMBER_TIME:
		write_time(out, *(const time_t *)value);
		break;
	case MEMBER_BITS:
		buf_printf(out, "%u", *(const unsigned *)value);
		break;
	case MEMBER_TTL:
	case MEMBER_SECONDS:
		buf_printf(out, "%dL", *(const int *)value);
		break;
	case MEMBER_COUNT:
		buf_printf(out, "%lldL", *(const long long *)value);
		break;
	case MEMBER_STEPS:
		buf_printf(out, "%luL", *(const unsigned long *)value);
		break;
	case MEMBER_BOOL:
		buf_adds(out, *(const bool *)value ? "true" : "false");
		break;
	}
}

/* Members of object, each "name = value;" with after behind it. */
static void
write_members(const struct member *table, const void *object, const char *after,
    struct buf *out)
{
	const char *base = object, *open = NULL;
	size_t open_len = 0;

	for (const struct member *m = table; m->name != NULL; m++) {
		const void *value = base + m->offset;
		size_t len = member_group_len(m);

		if (!m->is_required && is_default(m, value))
			continue;
		if (open != NULL &&
		    (len != open_len || strncmp(m->name, open, len) != 0)) {
			buf_printf(out, "};%s", after);
			open = NULL;
		}
		if (len > 0 && open == NULL) {
			open = m->name;
			open_len = len;
			buf_printf(out, "%.*s = { ", (int)len, open);
		}
		buf_printf(out, "%s = ", m->name + (len > 0 ? len + 1 : 0));
		write_value(m, value, out);
		buf_printf(out, ";%s", len > 0 ? " " : after);
	}
	if (open != NULL)
		buf_printf(out, "};%s", after);
}

void
ringfile_write_key(const struct ring_key *key, struct buf *out)
{
	buf_adds(out, "{ ");
	write_members(ring_key_members, key, " ", out);
	buf_addc(out, '}');
}

void
ringfile_write_head(const struct ring *ring, struct buf *out)
{
	write_members(ring_members, ring, " ", out);
}

int
ringfile_write(const struct ring *ring, struct buf *out, struct err *err)
{
	size_t start = out->len;
	unsigned char sum[SHA256_LEN];

	buf_adds(out, ringfile_comment);
	write_members(ring_members, ring, "\n", out);
	write_members(ring_bookkeeping, ring, "\n", out);
	buf_adds(out, "keys = (");
	for (size_t i = 0; i < ring->key_count; i++) {
		buf_printf(out, "%s\n  ", i > 0 ? "," : "");
		ringfile_write_key(&ring->keys[i], out);
	}
	buf_adds(out, "\n);\n");
	if (out->has_failed)
		return err_nomem(err);
	if (sha256_of(out->data + start, out->len - start, sum, err) == -1)
		return -1;
	buf_adds(out, RINGFILE_SUM);
	write_hash(out, sum);
	buf_adds(out, ";\n");
	return out->has_failed ? err_nomem(err) : 0;
}
