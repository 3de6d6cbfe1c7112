/*
 * Canonicalization.  In both body algorithms nearly all bytes go out as they
 * came in, so the work is to find long runs of those and to hand them on
 * whole.
 */
#include <string.h>

#include "ascii.h"
#include "canon.h"

/* Bytes looked at together: a compiler makes a few vector operations of it. */
enum { CANON_BLOCK = 64 };

static const char *const canon_names[] = {
	[CANON_SIMPLE] = "simple",
	[CANON_RELAXED] = "relaxed",
};

const char *
canon_name(enum canon c)
{
	return canon_names[c];
}

static bool
canon_parse(const char *text, size_t len, enum canon *out)
{
	for (enum canon c = CANON_SIMPLE; c <= CANON_RELAXED; c++) {
		if (len == strlen(canon_names[c]) &&
		    ascii_equal(text, canon_names[c], len)) {
			*out = c;
			return true;
		}
	}
	return false;
}

bool
canon_pair_parse(const char *text, size_t len, struct canon_pair *out)
{
	const char *slash = memchr(text, '/', len);
	struct canon_pair pair = { .body = CANON_SIMPLE };
	size_t header_len = slash ? (size_t)(slash - text) : len;

	if (!canon_parse(text, header_len, &pair.header))
		return false;
	if (slash != NULL &&
	    !canon_parse(slash + 1, len - header_len - 1, &pair.body))
		return false;
	*out = pair;
	return true;
}

/* Unfolded, runs of white space one space, none at the ends. */
static void
relaxed_value(const char *value, size_t len, struct buf *out)
{
	size_t i = ascii_fws_len(value, len), start, fws = 0;

	while (i < len) {
		start = i;
		while (i < len &&
		    (fws = ascii_fws_len(value + i, len - i)) == 0)
			i++;
		buf_add(out, value + start, i - start);
		i += fws;
		if (fws > 0 && i < len)
			buf_addc(out, ' ');
		fws = 0;
	}
}

void
canon_header(enum canon c, const char *name, size_t name_len, const char *value,
    size_t value_len, struct buf *out)
{
	if (c == CANON_SIMPLE) {
		buf_add(out, name, name_len);
		buf_addc(out, ':');
		buf_add(out, value, value_len);
		return;
	}
	while (name_len > 0 && ascii_is_wsp(name[name_len - 1]))
		name_len--;
	for (size_t i = 0; i < name_len; i++)
		buf_addc(out, ascii_lower(name[i]));
	buf_addc(out, ':');
	relaxed_value(value, value_len, out);
}

void
canon_body_init(struct canon_body *cb, enum canon c)
{
	*cb = (struct canon_body){ .canon = c };
}

/* Where output goes. */
struct output {
	canon_sink *sink;
	void *arg;
	struct err *err;
};

static int
give(const struct output *out, const void *data, size_t len)
{
	return len > 0 ? out->sink(out->arg, data, len, out->err) : 0;
}

/* Give out what was held back, for text follows. */
static int
give_held(struct canon_body *cb, const struct output *out)
{
#define CRLF_8  "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
#define CRLF_64 CRLF_8 CRLF_8 CRLF_8 CRLF_8 CRLF_8 CRLF_8 CRLF_8 CRLF_8
	static const char line_ends[] = CRLF_64 CRLF_64 CRLF_64 CRLF_64;
	const size_t most = sizeof(line_ends) / 2;
	size_t step;

	for (; cb->line_ends > 0; cb->line_ends -= step) {
		step = cb->line_ends < most ? cb->line_ends : most;
		if (give(out, line_ends, step * 2) != 0)
			return -1;
	}
	if (cb->has_space && give(out, " ", 1) != 0)
		return -1;
	if (cb->after_cr && give(out, "\r", 1) != 0)
		return -1;
	cb->has_space = cb->after_cr = false;
	cb->has_output = true;
	return 0;
}

/* Hold back a line end: white space before it is gone. */
static void
hold_line_end(struct canon_body *cb)
{
	cb->has_space = cb->after_cr = false;
	cb->line_ends++;
}

/* Give out text, but hold its last line ends back. */
static int
give_text(struct canon_body *cb, const char *text, size_t len,
    const struct output *out)
{
	size_t line_ends = 0;

	for (; len >= 2 && text[len - 2] == '\r' && text[len - 1] == '\n';
	     len -= 2)
		line_ends++;
	if (len > 0 && (give_held(cb, out) != 0 || give(out, text, len) != 0))
		return -1;
	cb->line_ends += line_ends;
	return 0;
}

/* Section 3.4.3: only the line ends at the end of the body matter. */
static int
simple_update(struct canon_body *cb, const char *at, const char *end,
    const struct output *out)
{
	bool ends_in_cr = end[-1] == '\r';

	if (give_text(cb, at, (size_t)(end - at) - ends_in_cr, out) != 0)
		return -1;
	cb->after_cr = ends_in_cr;
	return 0;
}

/*
 * Blocks, for relaxed.  A block is CANON_BLOCK bytes with two more behind it,
 * so that each of its bytes can be judged by what follows it, without any
 * state.  The loops over a block are so plain that compilers make vector
 * operations of them.
 */

/* Whether a block surely is the same in relaxed. */
static bool
block_is_plain(const unsigned char *p)
{
	unsigned char found[CANON_BLOCK], any = 0;

	for (size_t i = 0; i < CANON_BLOCK; i++)
		found[i] = (p[i] == '\t') | ((p[i] == ' ') & (p[i + 1] <= ' '));
	for (size_t i = 0; i < CANON_BLOCK; i++)
		any |= found[i];
	return any == 0;
}

/*
 * The relaxed form of a block: white space is left out before white space and
 * before a line end, and else is a space.  Returns the bytes written.
 */
static size_t
block_squeeze(const unsigned char *p, char *out)
{
	static const unsigned char all_kept[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	unsigned char is_wsp[CANON_BLOCK], is_end[CANON_BLOCK],
	    byte[CANON_BLOCK], is_kept[CANON_BLOCK];
	size_t out_len = 0;

	for (size_t i = 0; i < CANON_BLOCK; i++)
		byte[i] = p[i] == '\t' ? ' ' : p[i];
	for (size_t i = 0; i < CANON_BLOCK; i++)
		is_wsp[i] = (p[i] == ' ') | (p[i] == '\t');
	for (size_t i = 0; i < CANON_BLOCK; i++)
		is_end[i] = (p[i + 1] == ' ') | (p[i + 1] == '\t') |
		    ((p[i + 1] == '\r') & (p[i + 2] == '\n'));
	for (size_t i = 0; i < CANON_BLOCK; i++)
		is_kept[i] = !(is_wsp[i] & is_end[i]);
	for (size_t i = 0; i < CANON_BLOCK; i += sizeof(all_kept)) {
		if (memcmp(is_kept + i, all_kept, sizeof(all_kept)) == 0) {
			memcpy(out + out_len, byte + i, sizeof(all_kept));
			out_len += sizeof(all_kept);
			continue;
		}
		for (size_t k = i; k < i + sizeof(all_kept); k++) {
			out[out_len] = (char)byte[k];
			out_len += is_kept[k];
		}
	}
	return out_len;
}

/*
 * Process the blocks between *at and end, as far as there are, and move *at
 * behind them.  Nothing but line ends may be held back.
 */
static int
relaxed_blocks(struct canon_body *cb, const char **at, const char *end,
    const struct output *out)
{
	const unsigned char *p = (const unsigned char *)*at;
	const unsigned char *last =
	    (const unsigned char *)end - CANON_BLOCK - 2;
	const unsigned char *start;
	char squeezed[32 * CANON_BLOCK];
	size_t len;

	while (p <= last) {
		start = p;
		while (p <= last && block_is_plain(p))
			p += CANON_BLOCK;
		/* A CR stays with the LF that may follow. */
		if (p > start && p[-1] == '\r')
			p--;
		if (give_text(cb, (const char *)start, (size_t)(p - start),
		        out) != 0)
			return -1;
		len = 0;
		while (p <= last && !block_is_plain(p) &&
		    len <= sizeof(squeezed) - CANON_BLOCK) {
			len += block_squeeze(p, squeezed + len);
			p += CANON_BLOCK;
		}
		if (len > 0 && p[-1] == '\r') {
			len--;
			p--;
		}
		if (give_text(cb, squeezed, len, out) != 0)
			return -1;
	}
	*at = (const char *)p;
	return 0;
}

/* The end of the text without white space and CR that begins at at. */
static const char *
word_end(const char *at, const char *end)
{
	do
		at++;
	while (at < end && !ascii_is_wsp(*at) && *at != '\r');
	return at;
}

/* Section 3.4.4. */
static int
relaxed_update(struct canon_body *cb, const char *at, const char *end,
    const struct output *out)
{
	const char *start;

	while (at < end) {
		if (ascii_is_wsp(*at)) {
			cb->has_space = true;
			at++;
		} else if (*at == '\r' && end - at < 2) {
			cb->after_cr = true;
			at++;
		} else if (*at == '\r' && at[1] == '\n') {
			hold_line_end(cb);
			at += 2;
		} else {
			start = at;
			at = word_end(at, end);
			if (give_held(cb, out) != 0 ||
			    give(out, start, (size_t)(at - start)) != 0)
				return -1;
		}
		if (!cb->has_space && end - at >= CANON_BLOCK + 2 &&
		    relaxed_blocks(cb, &at, end, out) != 0)
			return -1;
	}
	return 0;
}

int
canon_body_update(struct canon_body *cb, const void *data, size_t len,
    canon_sink *sink, void *arg, struct err *err)
{
	const struct output out = { sink, arg, err };
	const char *at = data, *end;

	if (len == 0)
		return 0;
	end = at + len;
	if (cb->after_cr && *at == '\n') {
		hold_line_end(cb);
		at++;
	} else if (cb->after_cr && give_held(cb, &out) != 0) {
		return -1;
	}
	if (at == end)
		return 0;
	return cb->canon == CANON_SIMPLE ? simple_update(cb, at, end, &out)
	                                 : relaxed_update(cb, at, end, &out);
}

int
canon_body_final(struct canon_body *cb, canon_sink *sink, void *arg,
    struct err *err)
{
	const struct output out = { sink, arg, err };

	if (cb->after_cr && give_held(cb, &out) != 0)
		return -1;
	if (cb->has_output || cb->canon == CANON_SIMPLE)
		return give(&out, "\r\n", 2);
	return 0;
}
