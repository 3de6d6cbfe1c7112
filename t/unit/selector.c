/*
 * Templates of selectors.
 */
#include "selector.h"
#include "tap.h"

static const struct selector_values values = { 2026, 3, 9, "ab", "x7q2",
	"mx1" };

/* out: what it makes of values; or problem. */
static const struct {
	const char *text, *out, *problem;
} cases[] = {
	{ "{yyyy}{mm}{seq}-{rand4}", "202603ab-x7q2", NULL },
	{ "{seq}", "ab", NULL },
	{ "{rand4}", "x7q2", NULL },
	{ "{host}-{yyyy}-{mm}-{dd}-{seq}", "mx1-2026-03-09-ab", NULL },
	{ "k{seq}.{host}", "kab.mx1", NULL },
	{ "{seq}{seq}", "abab", NULL },
	{ "_{seq}", "_ab", NULL },
	{ "", NULL, "empty" },
	{ "k", NULL,
	    "without {seq} and {rand4} two keys would have the same "
	    "selector" },
	{ "{yyyy}{mm}{dd}{host}", NULL,
	    "without {seq} and {rand4} two keys would have the same "
	    "selector" },
	{ "{yy}{seq}", NULL,
	    "placeholders are {yyyy} {mm} {dd} {seq} {rand4} {host}" },
	{ "{SEQ}", NULL,
	    "placeholders are {yyyy} {mm} {dd} {seq} {rand4} {host}" },
	{ "{seq", NULL,
	    "placeholders are {yyyy} {mm} {dd} {seq} {rand4} {host}" },
	{ "seq}{seq}", NULL,
	    "placeholders are {yyyy} {mm} {dd} {seq} {rand4} {host}" },
	{ "{{seq}}", NULL,
	    "placeholders are {yyyy} {mm} {dd} {seq} {rand4} {host}" },
	{ "{}{seq}", NULL,
	    "placeholders are {yyyy} {mm} {dd} {seq} {rand4} {host}" },
	{ "-{seq}", NULL, "gives no valid selector" },
	{ "{seq}-", NULL, "gives no valid selector" },
	{ "{seq}.", NULL, "gives no valid selector" },
	{ "a..{seq}", NULL, "gives no valid selector" },
	{ "a b{seq}", NULL, "gives no valid selector" },
	{ "a/{seq}", NULL, "gives no valid selector" },
	{ "../{seq}", NULL, "gives no valid selector" },
	{ "\xc3\xbc{seq}", NULL, "gives no valid selector" },
};

/* A template of count letters before {rand4}. */
static const char *
problem_of(size_t count)
{
	char text[80] = "";

	memset(text, 'a', count);
	snprintf(text + count, sizeof(text) - count, "{rand4}");
	return selector_template_problem(text);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = BUF_INIT;

		is_str(selector_template_problem(cases[i].text),
		    cases[i].problem, cases[i].text);
		if (cases[i].out == NULL)
			continue;
		selector_make(cases[i].text, &values, &out);
		is_str(buf_str(&out), cases[i].out, "makes");
		buf_clear(&out);
	}
	is_str(problem_of(59), NULL, "a label of 63");
	is_str(problem_of(60), "gives no valid selector", "a label of 64");
	return tap_done();
}
