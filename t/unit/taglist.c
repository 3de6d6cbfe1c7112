/*
 * Tag lists.  What is taken and what is refused follows from the grammar of
 * RFC 6376 section 3.2; the comments name the production.
 */
#include "../../ctl/taglist.h"
#include "buf.h"
#include "tap.h"

/* want: the tags as "name{value}", or "!" and part of the refusal. */
static const struct {
	const char *name, *in, *want;
} cases[] = {
	{ "one tag", "v=1", "v{1}" },
	{ "two tags", "v=1;a=b", "v{1}a{b}" },
	{ "a final semicolon", "v=1;", "v{1}" },
	{ "a final semicolon and white space", "v=1; \t", "v{1}" },
	{ "white space everywhere", " v = 1 ; a = b ", "v{1}a{b}" },
	{ "white space inside a value stays", "b=ab c\td", "b{ab c\td}" },
	{ "a fold inside a value stays", "b=ab\r\n\tcd", "b{ab\r\n\tcd}" },
	{ "folds around everything", "\r\n v\r\n =\r\n\t1\r\n ;\r\n b=x",
	    "v{1}b{x}" },
	{ "an empty value", "p=", "p{}" },
	{ "an empty value before another", "p= ;n=x", "p{}n{x}" },
	{ "= inside a value", "b=YQ==", "b{YQ==}" },
	{ "VALCHAR ends", "n=!:<~", "n{!:<~}" },
	{ "names with digits and underscore", "a_1=x", "a_1{x}" },
	{ "letter case makes another tag", "A=1;a=2", "A{1}a{2}" },
	{ "UTF-8 in a value", "i=\xc3\xa9@x", "i{\xc3\xa9@x}" },
	{ "nothing", "", "!a tag name expected at its end" },
	{ "white space only", " \t", "!a tag name expected at its end" },
	{ "a semicolon only", ";", "!a tag name expected at byte 1: ;" },
	{ "two semicolons", "v=1;;a=b",
	    "!a tag name expected at byte 5: ;a=b" },
	{ "a name only", "v", "!\"=\" expected at its end" },
	{ "no name", "=1", "!a tag name expected at byte 1: =1" },
	{ "a digit first", "1v=x", "!a tag name expected at byte 1" },
	{ "an underscore first", "_v=x", "!a tag name expected at byte 1" },
	{ "a hyphen in a name", "a-b=x", "!\"=\" expected at byte 2: -b=x" },
	{ "a control character", "a=b\x01", "!expected at byte 4: \\x01" },
	{ "a DEL", "a=\x7f", "!expected at byte 3: \\x7f" },
	{ "a CR alone", "a=b\rc", "!expected at byte 4: \\x0dc" },
	{ "a LF alone", "a=b\n c", "!expected at byte 4: \\x0a c" },
	{ "a line end without white space", "a=b\r\nc",
	    "!expected at byte 4: \\x0d\\x0ac" },
	{ "a tag twice", "a=1;b=2;a=1", "!tag twice: a=" },
};

static void
test_cases(void)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct taglist *list = malloc(sizeof(*list));
		struct buf got = BUF_INIT;
		const char *want = cases[i].want;

		if (list == NULL)
			abort();
		if (taglist_parse(cases[i].in, strlen(cases[i].in), list,
		        &err) == -1) {
			ok(*want == '!' && strstr(err.text, want + 1) != NULL,
			    "%s", cases[i].name);
			if (*want != '!' || strstr(err.text, want + 1) == NULL)
				printf("# got: %s\n# want: %s\n", err.text,
				    want);
			free(list);
			continue;
		}
		for (size_t t = 0; t < list->count; t++) {
			buf_add(&got, list->tags[t].name.data,
			    list->tags[t].name.len);
			buf_addc(&got, '{');
			buf_add(&got, list->tags[t].value.data,
			    list->tags[t].value.len);
			buf_addc(&got, '}');
		}
		is_str(buf_str(&got), want, cases[i].name);
		buf_clear(&got);
		free(list);
	}
}

/* The NUL byte is no VALCHAR; a string constant could not say so. */
static void
test_nul(void)
{
	struct err err = ERR_INIT;
	struct taglist list;

	is_int(taglist_parse("a=b\0c", 5, &list, &err), -1, "a NUL is refused");
	ok(strstr(err.text, "byte 4") != NULL, "and named: %s", err.text);
}

/* The bytes that emptying b= takes out, RFC 6376 section 3.7. */
static void
test_raw(void)
{
	static const struct {
		const char *name, *in, *want;
	} raws[] = {
		{ "raw: the bare value", "a=1;b=xyz;c=2", "xyz" },
		{ "raw: white space around it too", "b= xyz\t;c=2", " xyz\t" },
		{ "raw: folds too", "a=1;b=\r\n x\r\n y \r\n ;c=2",
		    "\r\n x\r\n y \r\n " },
		{ "raw: at the end", "a=1;b=xy\r\n z", "xy\r\n z" },
		{ "raw: empty", "b=;a=1", "" },
		{ "raw: white space before = is not of it", "b =x;a=1", "x" },
	};
	struct err err = ERR_INIT;
	struct taglist list;

	for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
		const struct tag *b;

		if (!ok(taglist_parse(raws[i].in, strlen(raws[i].in), &list,
		            &err) == 0,
		        "%s: parses", raws[i].name))
			continue;
		b = taglist_find(&list, "b");
		if (ok(b != NULL, "%s: there", raws[i].name))
			is_mem(b->raw.data, b->raw.len, raws[i].want,
			    strlen(raws[i].want), raws[i].name);
	}
	ok(taglist_find(&list, "zz") == NULL, "a tag that is not there");
	ok(taglist_find(&list, "B") == NULL, "letter case of a name matters");
}

static void
test_limit(void)
{
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	struct taglist list;

	for (int i = 0; i < TAGLIST_MAX; i++)
		buf_printf(&text, "t%d=x;", i);
	is_int(taglist_parse(text.data, text.len, &list, &err), 0,
	    "as many tags as there may be");
	is_int((long long)list.count, TAGLIST_MAX, "all are there");
	buf_adds(&text, "more=x");
	is_int(taglist_parse(text.data, text.len, &list, &err), -1,
	    "one more is refused");
	is_int(err.code, ERR_LIMIT, "as over the limit");
	buf_clear(&text);
}

static void
test_spans(void)
{
	static const struct {
		const char *in, *want;
	} lists[] = {
		{ "from", "[from]" },
		{ "from:to", "[from][to]" },
		{ " from :\r\n to\t", "[from][to]" },
		{ "", "[]" },
		{ ":", "[][]" },
		{ "a::b", "[a][][b]" },
		{ "a:", "[a][]" },
	};
	static const struct {
		const char *in;
		size_t digits;
		bool is_number;
		unsigned long long want;
	} numbers[] = {
		{ "0", 12, true, 0 },
		{ "999999999999", 12, true, 999999999999ULL },
		{ "1000000000000", 12, false, 0 },
		{ "", 12, false, 0 },
		{ "-1", 12, false, 0 },
		{ "+1", 12, false, 0 },
		{ "1 2", 12, false, 0 },
		{ "0x1", 12, false, 0 },
		{ "18446744073709551615", 76, true, 18446744073709551615ULL },
		{ "18446744073709551616", 76, true, 18446744073709551615ULL },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct span rest = { lists[i].in, strlen(lists[i].in) };
		struct buf got = BUF_INIT;
		struct span e;

		while (span_next(&rest, &e)) {
			buf_addc(&got, '[');
			buf_add(&got, e.data, e.len);
			buf_addc(&got, ']');
		}
		is_str(buf_str(&got), lists[i].want, "a list between colons");
		buf_clear(&got);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct span s = { numbers[i].in, strlen(numbers[i].in) };
		unsigned long long got = 0;

		ok(span_number(s, numbers[i].digits, &got) ==
		            numbers[i].is_number &&
		        got == numbers[i].want,
		    "number: \"%s\"", numbers[i].in);
	}
	ok(span_is((struct span){ "DnS/TxT", 7 }, "dns/txt"), "letter case");
	ok(!span_is((struct span){ "dns/tx", 6 }, "dns/txt"), "shorter");
	ok(!span_is((struct span){ "dns/txtx", 8 }, "dns/txt"), "longer");
}

int
main(void)
{
	test_cases();
	test_nul();
	test_raw();
	test_limit();
	test_spans();
	return tap_done();
}
