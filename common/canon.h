/*
 * Canonicalization, RFC 6376 section 3.4: what of a header field and of a body
 * is hashed.  Knows no hash function.
 */
#ifndef KEYTURN_CANON_H
#define KEYTURN_CANON_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

enum canon { CANON_SIMPLE, CANON_RELAXED };

struct canon_pair {
	enum canon header, body;
};

/* "simple" or "relaxed". */
const char *canon_name(enum canon c);

/*
 * Parse "header/body" or "header" (the body is then simple), RFC 6376 section
 * 3.5 tag c=.  ASCII case does not matter.  False if it is neither.
 */
bool canon_pair_parse(const char *text, size_t len, struct canon_pair *out);

/*
 * Append the canonical form of one header field to out, without the final
 * CRLF.  name and value as in hdrs.h.  Sections 3.4.1 and 3.4.2.
 */
void canon_header(enum canon c, const char *name, size_t name_len,
    const char *value, size_t value_len, struct buf *out);

/* Takes a piece of the canonical body; returns 0, or -1 with err set. */
typedef int canon_sink(void *arg, const void *data, size_t len,
    struct err *err);

/*
 * The state between two pieces of a body.  Fixed size: what cannot be decided
 * yet is counted, not kept.  Held back, in this order: line ends, one space
 * for any white space, a CR.
 */
struct canon_body {
	enum canon canon;
	size_t line_ends; /* complete CRLFs held back */
	bool has_space;   /* relaxed: white space held back in this line */
	bool after_cr;    /* a CR held back, perhaps half a line end */
	bool has_output;  /* the body gave output */
};

void canon_body_init(struct canon_body *cb, enum canon c);

/*
 * Feed the next piece of the body: bytes in wire order, CRLF line ends, cut
 * anywhere; may hold NUL, lone CR and lone LF, which are text.  Output goes to
 * sink in pieces.  Returns 0, or -1 when sink did.
 * Sections 3.4.3 (simple) and 3.4.4 (relaxed).
 */
int canon_body_update(struct canon_body *cb, const void *data, size_t len,
    canon_sink *sink, void *arg, struct err *err);

/*
 * End of the body: gives the final CRLF where the algorithm adds one (an empty
 * body is CRLF in simple and nothing in relaxed).
 */
int canon_body_final(struct canon_body *cb, canon_sink *sink, void *arg,
    struct err *err);

#endif
