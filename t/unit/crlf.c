/*
 * crlf: lone LF becomes CRLF, wherever the input is cut.
 */
#include "crlf.h"
#include "buf.h"
#include "tap.h"

static const struct {
	const char *name;
	const char *in;
	size_t in_len;
	const char *want;
	size_t want_len;
} cases[] = {
#define CASE(name, in, want)                                     \
	{                                                        \
		name, in, sizeof(in) - 1, want, sizeof(want) - 1 \
	}
	CASE("nothing", "", ""),
	CASE("text", "abc", "abc"),
	CASE("CRLF", "a\r\nb\r\n", "a\r\nb\r\n"),
	CASE("LF", "a\nb\n", "a\r\nb\r\n"),
	CASE("LF first", "\na", "\r\na"),
	CASE("only LF", "\n", "\r\n"),
	CASE("LF LF", "\n\n\n", "\r\n\r\n\r\n"),
	CASE("lone CR", "a\rb\r", "a\rb\r"),
	CASE("CR CR LF", "a\r\r\nb", "a\r\r\nb"),
	CASE("CR LF LF", "a\r\n\nb", "a\r\n\r\nb"),
	CASE("LF CR", "a\n\rb", "a\r\n\rb"),
	CASE("LF CR LF", "a\n\r\nb", "a\r\n\r\nb"),
	CASE("NUL", "a\0\nb\0\r\n", "a\0\r\nb\0\r\n"),
	CASE("a long line before LF",
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "\n",
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "\r\n"),
	CASE("LF and CRLF in one stretch",
	    "0123456789012345678901234567890123456789012345678901234567890\r\n"
	    "0123456789012345678901234567890123456789012345678901234567890\n"
	    "0123456789012345678901234567890123456789012345678901234567890\r\r"
	    "0123456789012345678901234567890123456789012345678901234567890\n\n",
	    "0123456789012345678901234567890123456789012345678901234567890\r\n"
	    "0123456789012345678901234567890123456789012345678901234567890\r\n"
	    "0123456789012345678901234567890123456789012345678901234567890\r\r"
	    "0123456789012345678901234567890123456789012345678901234567890\r\n"
	    "\r\n"),
};

static size_t calls;

static int
keep(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	calls++;
	buf_add(arg, data, len);
	return 0;
}

static int
refuse(void *arg, const void *data, size_t len, struct err *err)
{
	(void)arg;
	(void)data;
	return err_set(err, ERR_CRYPTO, "%zu", len);
}

int
main(void)
{
	struct err err = ERR_INIT;
	struct crlf c;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *in = cases[i].in;
		size_t len = cases[i].in_len, bad = 0;
		struct buf out = BUF_INIT;

		for (size_t cut = 0; cut <= len; cut++) {
			c = (struct crlf)CRLF_INIT;
			buf_reset(&out);
			crlf_update(&c, in, cut, keep, &out, &err);
			crlf_update(&c, in + cut, len - cut, keep, &out, &err);
			bad += out.len != cases[i].want_len ||
			    (out.len > 0 &&
			        memcmp(out.data, cases[i].want, out.len) != 0);
		}
		is_int((long long)bad, 0, "any cut gives the same");
		c = (struct crlf)CRLF_INIT;
		buf_reset(&out);
		for (size_t k = 0; k < len; k++)
			crlf_update(&c, in + k, 1, keep, &out, &err);
		is_mem(out.data, out.len, cases[i].want, cases[i].want_len,
		    cases[i].name);
		buf_clear(&out);
	}
	c = (struct crlf)CRLF_INIT;
	calls = 0;
	struct buf out = BUF_INIT;
	crlf_update(&c, "a\r\nb\rc\r\n", 8, keep, &out, &err);
	is_int((long long)calls, 1, "no lone LF: one call");
	buf_clear(&out);
	is_int(crlf_update(&c, "a\nb", 3, refuse, NULL, &err), -1,
	    "the sink's failure is ours");
	is_str(err.text, "1", "and its error too");
	return tap_done();
}
