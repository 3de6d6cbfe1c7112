/*
 * buf: growing, and the failure that sticks.
 */
#include <stdint.h>

#include "buf.h"
#include "tap.h"

static void
test_growth(void)
{
	struct buf b = BUF_INIT;
	bool is_right = true;

	is_str(buf_str(&b), "", "an empty buffer is an empty string");
	for (int i = 0; i < 100000; i++)
		buf_addc(&b, (char)('a' + i % 26));
	is_int((long long)b.len, 100000, "length after many bytes");
	for (int i = 0; i < 100000; i++)
		is_right = is_right && b.data[i] == 'a' + i % 26;
	ok(is_right, "and all are there");
	buf_reset(&b);
	is_int((long long)b.len, 0, "reset forgets");
	ok(b.size >= 100000, "but keeps the memory");
	buf_clear(&b);
	ok(b.data == NULL && b.size == 0, "clear gives it back");
	buf_clear(&b);
}

/* Every length around the sizes at which the buffer grows. */
static void
test_edges(void)
{
	char text[1100];
	bool is_right = true;

	memset(text, 'x', sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++) {
		struct buf b = BUF_INIT;

		buf_add(&b, text, len);
		buf_addc(&b, 'y');
		is_right = is_right && b.len == len + 1 &&
		    strlen(buf_str(&b)) == len + 1 &&
		    memcmp(b.data, text, len) == 0 && b.data[len] == 'y';
		buf_clear(&b);
	}
	ok(is_right, "lengths 0 to %zu", sizeof(text) - 1);
}

static void
test_text(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "a=");
	buf_printf(&b, "%d,%s", 42, "x");
	buf_add(&b, "\0z", 2);
	is_mem(b.data, b.len, "a=42,x\0z", 8, "strings, formats and NUL");
	buf_reset(&b);
	buf_add_escaped(&b, "A\\\t\x7f\0\xff~ ", 8);
	is_str(buf_str(&b), "A\\x5c\\x09\\x7f\\x00\\xff~ ", "escaped");
	buf_reset(&b);
	for (int i = 0; i < 300; i++)
		buf_printf(&b, "%d", i % 10);
	is_int((long long)strlen(buf_str(&b)), 300, "formats across growth");
	buf_clear(&b);
}

static void
test_failure(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "abc");
	buf_add(&b, "", SIZE_MAX - 1);
	ok(b.has_failed, "what no memory can hold fails");
	ok(buf_str(&b) == NULL, "no string after a failure");
	buf_adds(&b, "d");
	is_int((long long)b.len, 3, "additions after a failure do nothing");
	buf_reset(&b);
	buf_adds(&b, "d");
	is_str(buf_str(&b), "d", "reset forgets the failure");
	buf_clear(&b);
}

int
main(void)
{
	test_growth();
	test_edges();
	test_text();
	test_failure();
	return tap_done();
}
