/*
 * Line ends as they go over the wire.
 */
#include "crlf.h"

/* Bytes looked at together: a compiler makes a few vector operations of it. */
enum { CRLF_BLOCK = 64 };

/* Whether one of the CRLF_BLOCK bytes behind p[0] is an LF without its CR. */
static bool
block_has_lone_lf(const char *p)
{
	unsigned char found[CRLF_BLOCK], any = 0;

	for (size_t i = 0; i < CRLF_BLOCK; i++)
		found[i] = (p[i + 1] == '\n') & (p[i] != '\r');
	for (size_t i = 0; i < CRLF_BLOCK; i++)
		any |= found[i];
	return any != 0;
}

/* The first lone LF from at on, or end.  after_cr: at stands behind a CR. */
static const char *
find_lone_lf(const char *at, const char *end, bool after_cr)
{
	if (at == end || (*at == '\n' && !after_cr))
		return at;
	while (end - at > CRLF_BLOCK && !block_has_lone_lf(at))
		at += CRLF_BLOCK;
	for (at++; at < end; at++)
		if (*at == '\n' && at[-1] != '\r')
			return at;
	return end;
}

int
crlf_update(struct crlf *c, const void *data, size_t len, crlf_sink *sink,
    void *arg, struct err *err)
{
	const char *at = data, *end, *lf;

	if (len == 0)
		return 0;
	end = at + len;
	for (;;) {
		lf = find_lone_lf(at, end, c->after_cr);
		if (lf > at && sink(arg, at, (size_t)(lf - at), err) != 0)
			return -1;
		if (lf == end)
			break;
		if (sink(arg, "\r\n", 2, err) != 0)
			return -1;
		at = lf + 1;
		c->after_cr = false;
	}
	c->after_cr = end[-1] == '\r';
	return 0;
}
