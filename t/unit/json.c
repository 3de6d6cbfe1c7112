/*
 * JSON: strings as RFC 8259 section 7 and RFC 3629 have them, and members.
 */
#include "json.h"
#include "tap.h"

#define TEXT(s) s, sizeof(s) - 1

static void
test_strings(void)
{
	static const struct {
		const char *name, *in;
		size_t len;
		const char *want;
	} cases[] = {
		{ "nothing", TEXT(""), "\"\"" },
		{ "ASCII", TEXT("a/b c"), "\"a/b c\"" },
		{ "quote and backslash", TEXT("\"\\"), "\"\\\"\\\\\"" },
		{ "controls", TEXT("\n\t\x7f"), "\"\\u000a\\u0009\\u007f\"" },
		{ "NUL", TEXT("a\0b"), "\"a\\u0000b\"" },
		{ "two bytes", TEXT("\xc3\xbc"), "\"\xc3\xbc\"" },
		{ "three bytes", TEXT("\xe2\x82\xac"), "\"\xe2\x82\xac\"" },
		{ "four bytes", TEXT("\xf0\x9f\x94\x91"),
		    "\"\xf0\x9f\x94\x91\"" },
		{ "a lone byte", TEXT("\xfc!"), "\"\xef\xbf\xbd!\"" },
		{ "cut short", TEXT("\xe2\x82"),
		    "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "overlong", TEXT("\xc0\x80"),
		    "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "a surrogate", TEXT("\xed\xa0\x80"),
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "past U+10FFFF", TEXT("\xf4\x90\x80\x80"),
		    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = BUF_INIT;

		json_string(&out, cases[i].in, cases[i].len);
		is_str(buf_str(&out), cases[i].want, cases[i].name);
		buf_clear(&out);
	}
}

static void
test_members(void)
{
	struct buf out = BUF_INIT;

	buf_addc(&out, '{');
	json_text(&out, "a", "x");
	json_number(&out, "b", 18446744073709551615u);
	json_text(&out, "c", NULL);
	json_name(&out, "d");
	buf_addc(&out, '{');
	json_text(&out, "e", "");
	buf_adds(&out, "}}");
	is_str(buf_str(&out),
	    "{\"a\":\"x\",\"b\":18446744073709551615,\"c\":null,"
	    "\"d\":{\"e\":\"\"}}",
	    "members and their commas");
	buf_clear(&out);
}

static void
test_more_members(void)
{
	struct buf out = BUF_INIT;

	buf_addc(&out, '{');
	json_bool(&out, "a", true);
	json_bool(&out, "b", false);
	json_when(&out, "c", 0);
	json_when(&out, "d", 1790000000);
	buf_addc(&out, '}');
	is_str(buf_str(&out),
	    "{\"a\":true,\"b\":false,\"c\":null,"
	    "\"d\":\"2026-09-21T14:13:20Z\"}",
	    "booleans and times");
	buf_clear(&out);
}

int
main(void)
{
	test_strings();
	test_members();
	test_more_members();
	return tap_done();
}
