/*
 * Globs of names.  What matches was compared with Python's fnmatch.fnmatchcase
 * on lower-cased text, where "*" is the only special character in use.
 */
#include "glob.h"
#include "tap.h"

static const struct {
	const char *glob, *text;
	bool matches;
} matches[] = {
	{ "example.com", "example.com", true },
	{ "example.com", "EXAMPLE.com", true },
	{ "*.example.com", "A.Example.Com", true },
	{ "example.com", "example.co", false },
	{ "example.com", "example.comm", false },
	{ "example.com", "exampleXcom", false },
	{ "", "", true },
	{ "", "a", false },
	{ "*", "", true },
	{ "*", "anything.at.all", true },
	{ "**", "a", true },
	{ "*.example.com", "a.example.com", true },
	{ "*.example.com", "a.b.example.com", true },
	{ "*.example.com", "example.com", false },
	{ "*.example.com", ".example.com", true },
	{ "*example.com", "badexample.com", true },
	{ "mail*.example", "mail.example", true },
	{ "mail*.example", "mail07.example", true },
	{ "mail*.example", "amail.example", false },
	{ "a*b*c", "abc", true },
	{ "a*b*c", "aXbXbXc", true },
	{ "a*b*c", "aXcXb", false },
	{ "a*bc", "abcbcbbc", true },
	{ "*.*", "localhost", false },
	{ "a?c", "abc", false },
	{ "[a]", "a", false },
};

static const struct {
	const char *a, *b;
	bool covers;
} covers[] = {
	{ "*", "example.com", true },
	{ "*", "*.example.com", true },
	{ "*", "*", true },
	{ "*.com", "*.example.com", true },
	{ "*.example.com", "*.a.example.com", true },
	{ "*.example.com", "example.com", false },
	{ "*.example.com", "*example.com", false },
	{ "example.com", "example.com", true },
	{ "example.com", "*", false },
	{ "example.com", "example.*", false },
	{ "a*c", "a*b*c", true },
	{ "a*b*c", "a*c", false },
};

static const struct {
	const char *text, *problem;
} domains[] = {
	{ "example.com", NULL },
	{ "EXAMPLE.com", NULL },
	{ "_x.example", NULL },
	{ "*", NULL },
	{ "*.example.com", NULL },
	{ "a*", NULL },
	{ "", "empty" },
	{ "*@example.com", "a domain has no @ in it" },
	{ "example..com", "not a domain" },
	{ "example.com.", "not a domain" },
	{ "b\xc3\xbc"
	  "cher.example",
	    "not a domain" },
	{ "*.b\xc3\xbc"
	  "cher.example",
	    "not a pattern of domains, like *.example.com" },
	{ "* .example", "not a pattern of domains, like *.example.com" },
	{ "*/example", "not a pattern of domains, like *.example.com" },
};

/* Every text matches what covers a glob that it matches. */
static void
test_soundness(void)
{
	static const char letters[] = "ab*";
	int bad = 0;

	/* All globs of 3 and all texts of up to 4 characters. */
	for (int i = 0; i < 27 * 27; i++) {
		char a[4] = { letters[i % 3], letters[i / 3 % 3],
			letters[i / 9 % 3] };
		char b[4] = { letters[i / 27 % 3], letters[i / 81 % 3],
			letters[i / 243 % 3] };

		if (!glob_covers(a, b))
			continue;
		for (int k = 0; k < 16 * 5; k++) {
			char text[5] = { "ab"[k & 1], "ab"[k >> 1 & 1],
				"ab"[k >> 2 & 1], "ab"[k >> 3 & 1] };

			text[k / 16] = '\0';
			bad += glob_match(b, text) && !glob_match(a, text);
		}
	}
	is_int(bad, 0, "what covers a glob matches all that it does");
}

int
main(void)
{
	char many[1001];

	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		ok(glob_match(matches[i].glob, matches[i].text) ==
		        matches[i].matches,
		    "%s %s %s", matches[i].glob,
		    matches[i].matches ? "matches" : "does not match",
		    matches[i].text);
	for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++)
		ok(glob_covers(covers[i].a, covers[i].b) == covers[i].covers,
		    "%s %s %s", covers[i].a,
		    covers[i].covers ? "covers" : "does not cover",
		    covers[i].b);
	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++)
		is_str(glob_domain_problem(domains[i].text), domains[i].problem,
		    domains[i].text);
	test_soundness();

	/* Linear in the stars, where trying all of them would never end. */
	memset(many, 'a', 1000);
	many[1000] = '\0';
	ok(!glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", many),
	    "many stars that do not match");
	memset(many, '*', 1);
	memset(many + 1, 'a', 253);
	many[253] = '\0';
	is_str(glob_domain_problem(many), NULL, "a pattern of 253 characters");
	many[253] = 'a';
	many[254] = '\0';
	is_str(glob_domain_problem(many), "longer than a domain can be",
	    "a pattern of 254 characters");
	return tap_done();
}
