/*
 * Messages for the load generator: typical header fields and a body of a
 * chosen size and kind, each message a little different from every other, all
 * made from a seed.
 */
#ifndef KEYTURN_BENCH_MAIL_H
#define KEYTURN_BENCH_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

#define MAIL_FIRST_LINE 64 /* bytes of a body that are the message's own */
#define MAIL_BODY_MIN   80 /* bytes of a body that is there at all */

/* What all messages of a run have in common. */
struct mail_source {
	const char *const *domains; /* of From, by turns */
	size_t domain_count;
	uint64_t seed;
	struct buf body; /* all bodies are this, but for their first line */
};

/* One message.  Its memory is used again for the next. */
struct mail {
	const char *domain; /* of From */
	uint64_t id;
	/*
	 * Name, NUL, value, NUL for each field; values as an MTA gives them to
	 * a milter: with their leading space, folds as LF.
	 */
	struct buf fields;
	char first_line[MAIL_FIRST_LINE];
	size_t first_len; /* 0 when there is no body */
	const char *rest; /* of the body, in the source */
	size_t rest_len;
};

/* The names of the kinds of bodies, separated by ", ". */
extern const char mail_kinds[];

/*
 * Make the common body: len bytes of that kind.  Domains and seed are set.
 * Returns 0, or -1 with err set: ERR_INPUT (no such kind, len below
 * MAIL_BODY_MIN and not 0), ERR_NOMEM.
 */
int mail_source_init(struct mail_source *src, const char *kind, size_t len,
    struct err *err);
void mail_source_clear(struct mail_source *src);

/* Make message number; false when out of memory. */
bool mail_make(struct mail *m, const struct mail_source *src, uint64_t number);
void mail_clear(struct mail *m);

/* Append the message in wire form, CRLF line ends. */
void mail_wire(const struct mail *m, struct buf *out);

/* Append a field in wire form; value as in fields. */
void mail_wire_field(const char *name, const char *value, struct buf *out);

#endif
