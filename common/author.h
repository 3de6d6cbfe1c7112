/*
 * The author's domain: the mailboxes of a From field, RFC 5322 section 3.4,
 * obsolete forms included, RFC 6532 (UTF-8) accepted.
 */
#ifndef KEYTURN_AUTHOR_H
#define KEYTURN_AUTHOR_H

#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "hdrs.h"

enum author_kind {
	AUTHOR_OK,             /* one mailbox, or several of one domain */
	AUTHOR_NO_FIELD,       /* no From field */
	AUTHOR_SEVERAL_FIELDS, /* more than one From field */
	AUTHOR_SYNTAX,         /* not a mailbox-list */
	AUTHOR_NO_MAILBOX,     /* empty, or only empty groups */
	AUTHOR_SEVERAL_DOMAINS,
};

/* A phrase for the log: "several From fields". */
const char *author_kind_text(enum author_kind kind);

struct author {
	enum author_kind kind;
	/*
	 * For AUTHOR_OK: local part of the first mailbox, unquoted, in its own
	 * case, and the domain in lower case (ASCII; other bytes as they are),
	 * without comments, white space or a final dot.  Both NUL-terminated;
	 * a NUL inside is AUTHOR_SYNTAX.
	 */
	struct buf local, domain;
};

#define AUTHOR_INIT                     \
	{                               \
		.kind = AUTHOR_NO_FIELD \
	}

void author_clear(struct author *a);

/*
 * Find the author of a message.  a is replaced; its memory is reused.
 * Returns 0 with a->kind set, or -1 with err set: ERR_NOMEM.
 */
int author_find(const struct hdrs *h, struct author *a, struct err *err);

/* The same for the value of one From field.  For tests and tools. */
int author_parse(const char *value, size_t len, struct author *a,
    struct err *err);

#endif
