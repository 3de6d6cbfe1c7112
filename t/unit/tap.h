/*
 * TAP for unit tests: a failed check shows what was got and what was wanted,
 * and the test goes on.
 */
#ifndef KEYTURN_TAP_H
#define KEYTURN_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failures;

/* One check.  name: printf style. */
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 4, 5), unused)) static bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good) {
		tap_failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	return good;
}

/* Print len bytes on one line, escaped. */
__attribute__((unused)) static void
tap_show(const char *what, const void *data, size_t len)
{
	const unsigned char *p = data;

	printf("# %s: \"", what);
	for (size_t i = 0; i < len && i < 2000; i++) {
		if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '\\')
			putchar(p[i]);
		else
			printf("\\x%02x", p[i]);
	}
	printf("\" (%zu bytes)\n", len);
}

/* Compare bytes. */
__attribute__((unused)) static bool
is_mem(const void *got, size_t got_len, const void *want, size_t want_len,
    const char *name)
{
	bool good = got_len == want_len &&
	    (got_len == 0 || memcmp(got, want, got_len) == 0);

	if (!tap_ok(good, __FILE__, __LINE__, "%s", name)) {
		tap_show("got", got, got_len);
		tap_show("want", want, want_len);
	}
	return good;
}

/* Compare strings; NULL is a value. */
__attribute__((unused)) static bool
is_str(const char *got, const char *want, const char *name)
{
	bool good = got && want ? strcmp(got, want) == 0 : got == want;

	if (!tap_ok(good, __FILE__, __LINE__, "%s", name)) {
		tap_show("got", got ? got : "(null)", strlen(got ? got : ""));
		tap_show("want", want ? want : "(null)",
		    strlen(want ? want : ""));
	}
	return good;
}

/* Compare integers. */
__attribute__((unused)) static bool
is_int(long long got, long long want, const char *name)
{
	bool good = got == want;

	if (!tap_ok(good, __FILE__, __LINE__, "%s", name))
		printf("# got: %lld\n# want: %lld\n", got, want);
	return good;
}

/* The plan, and the exit status of main. */
__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures != 0;
}

#endif
