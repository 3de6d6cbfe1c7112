/*
 * The error value: what should happen (the code) and what to tell a person
 * (the text).  Owned by the caller and of fixed size, so that running out of
 * memory can be reported too.
 */
#ifndef KEYTURN_ERR_H
#define KEYTURN_ERR_H

#define ERR_TEXT_MAX 1024 /* bytes with the final NUL; longer text is cut */

enum err_code {
	ERR_NONE = 0,
	ERR_NOMEM,  /* temporary: no memory */
	ERR_IO,     /* temporary: a system call failed */
	ERR_CRYPTO, /* temporary: the cryptographic library failed */
	ERR_INPUT,  /* this message or this input is malformed */
	ERR_LIMIT,  /* this message or this input exceeds a limit */
	ERR_CONF,   /* configuration or table: nothing was loaded */
	ERR_KEY,    /* this key cannot be used */
};

struct err {
	enum err_code code;
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT                 \
	{                        \
		.code = ERR_NONE \
	}

/*
 * Set code and text (printf style, no newline), replacing what was there.
 * Returns -1 always, so that `return err_set(...)` reports and leaves.
 */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Set ERR_IO (ERR_NOMEM for ENOMEM) and the text, followed by ": " and the
 * name of the current errno.  Returns -1.
 */
int err_errno(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Set ERR_NOMEM.  Returns -1. */
int err_nomem(struct err *err);

/*
 * Put "text: " before the text that is there; the code stays.  Returns -1.
 */
int err_prefix(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
