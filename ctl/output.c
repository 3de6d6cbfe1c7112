/*
 * Errors, reports and JSON.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "output.h"

void
out_error(const char *fmt, ...)
{
	va_list ap;

	fputs("keyturn: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int
out_usage(const struct ctl_call *call, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "keyturn: %s: ", call->command->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see `keyturn %s --help`\n", call->command->name);
	return CTL_USAGE;
}

int
out_err(const struct err *err, int code)
{
	out_error("%s", err->text);
	if (err->code == ERR_NOMEM || err->code == ERR_CRYPTO)
		return CTL_NOT_YET;
	return code;
}

int
out_bytes(const void *data, size_t len, int code)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(STDOUT_FILENO, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			out_error("standard output: %s", strerror(errno));
			return CTL_CANNOT_WRITE;
		}
		p += n;
		len -= (size_t)n;
	}
	return code;
}

int
out_write(struct buf *text, int code)
{
	if (text->has_failed) {
		out_error("out of memory");
		return CTL_NOT_YET;
	}
	return out_bytes(text->data, text->len, code);
}
