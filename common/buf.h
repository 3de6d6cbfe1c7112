/*
 * A growing byte buffer for building text.  The first failure sticks and
 * later additions do nothing, so that a caller asks once, at the end.
 */
#ifndef KEYTURN_BUF_H
#define KEYTURN_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while empty; not NUL-terminated */
	size_t len;
	size_t size;
	bool has_failed; /* out of memory: the content is incomplete */
};

#define BUF_INIT             \
	{                    \
		.data = NULL \
	}

/* Release everything; the buffer can be used again.  NULL data is fine. */
void buf_clear(struct buf *b);

/* Forget the content and the failure, keep the memory. */
void buf_reset(struct buf *b);

/* Append len bytes; they may hold NUL. */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Append text that came from outside, safe for one line of a log or of a
 * report: bytes other than printable ASCII and the backslash become \xNN.
 */
void buf_add_escaped(struct buf *b, const void *data, size_t len);

/*
 * The content as a C string, NUL-terminated in place (the NUL does not count
 * in len), valid until the next call on b.  NULL if an addition failed.
 */
const char *buf_str(struct buf *b);

#endif
