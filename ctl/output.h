/*
 * What keyturn says: errors on stderr, reports on stdout, and JSON.
 */
#ifndef KEYTURN_OUTPUT_H
#define KEYTURN_OUTPUT_H

#include <stddef.h>

#include "buf.h"
#include "err.h"

struct ctl_call;

/* Print "keyturn: TEXT" and a line end on stderr. */
void out_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Print a wrong use of a subcommand with the way to its help.
 * Returns CTL_USAGE.
 */
int out_usage(const struct ctl_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Print err and return the exit code for it; code where the error is neither
 * about memory nor about the cryptographic library.
 */
int out_err(const struct err *err, int code);

/*
 * Write all of text to stdout.  Returns code, or what the failure to build or
 * to write it deserves, having said so.
 */
int out_write(struct buf *text, int code);

/* Write len bytes to stdout, all of them, likewise. */
int out_bytes(const void *data, size_t len, int code);

#endif
