/*
 * The header fields of one message, as received, in wire order.
 *
 * A field is kept as name and value: name is everything before the colon
 * (in its own case, with any white space that stood before the colon), value
 * everything after it (with its leading space) without the final CRLF.
 * Folds inside a value are CRLF and white space.
 */
#ifndef KEYTURN_HDRS_H
#define KEYTURN_HDRS_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

#define HDRS_BYTES_MAX  ((size_t)1 << 20) /* all names and values */
#define HDRS_FIELDS_MAX 2000

struct field {
	size_t name_at, name_len;   /* offsets into hdrs.text */
	size_t bare_len;            /* name without white space at its end */
	size_t value_at, value_len; /* bytes, CRLF at folds, may hold NUL */
};

struct hdrs {
	struct buf text;
	struct field *fields;
	size_t count, size;
};

#define HDRS_INIT                \
	{                        \
		.text = BUF_INIT \
	}

/* Forget all fields but keep the memory, unless it grew large. */
void hdrs_reset(struct hdrs *h);

/* Release everything; h is empty and usable afterwards. */
void hdrs_clear(struct hdrs *h);

/*
 * Append a field below the others.  name and value as described above, copied;
 * a lone LF in value becomes CRLF (the milter protocol carries folds as LF),
 * a lone CR stays.
 * Returns 0, or -1 with err set: ERR_NOMEM, or ERR_LIMIT when the field would
 * exceed HDRS_BYTES_MAX or HDRS_FIELDS_MAX (it is then not added).
 */
int hdrs_add(struct hdrs *h, const char *name, size_t name_len,
    const char *value, size_t value_len, struct err *err);

/*
 * Read a header block from the start of a message with CRLF or LF line ends:
 * the fields up to the first empty line or the end of the data.  h is
 * replaced.  *body_at is the offset of the first byte of the body (data_len
 * when there is none).
 * Returns 0, or -1 with err set: ERR_NOMEM, ERR_LIMIT as above, ERR_INPUT for
 * a line that neither continues a field nor has a colon; the text names the
 * line number.
 */
int hdrs_parse(struct hdrs *h, const char *data, size_t data_len,
    size_t *body_at, struct err *err);

/* Bytes of field i; valid until h changes. */
const char *hdrs_name(const struct hdrs *h, size_t i);
const char *hdrs_value(const struct hdrs *h, size_t i);

/*
 * Whether field i is called name (length len), ASCII case and white space
 * before the colon aside.  RFC 5322 section 2.2.
 */
bool hdrs_is(const struct hdrs *h, size_t i, const char *name, size_t len);

#endif
