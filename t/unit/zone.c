/*
 * TXT records from zone files.  The forms are those of RFC 1035 section 5.1
 * and RFC 2308 section 4 ($TTL).
 */
#include "../../ctl/zone.h"
#include "tap.h"

/* want: the data at name, NULL: none there; "!" and part of the refusal. */
static const struct {
	const char *name, *in, *at, *want;
} cases[] = {
	{ "one line", "a.example. IN TXT \"x\"\n", "a.example", "x" },
	{ "without a line end", "a.example. IN TXT \"x\"", "a.example", "x" },
	{ "CRLF", "a.example. IN TXT \"x\"\r\nb. TXT y\r\n", "b", "y" },
	{ "no class", "a.example. TXT \"x\"\n", "a.example", "x" },
	{ "TTL and class", "a. 3600 IN TXT \"x\"\n", "a", "x" },
	{ "class and TTL", "a. IN 1h30m TXT \"x\"\n", "a", "x" },
	{ "letter case", "A.Example. in txt \"X\"\n", "a.example", "X" },
	{ "tabs", "a.\t300\tIN\tTXT\t\"x\"\n", "a", "x" },
	{ "no final dot, no origin", "a.example TXT \"x\"\n", "a.example",
	    "x" },
	{ "relative to the origin", "$ORIGIN example.com.\na TXT \"x\"\n",
	    "a.example.com", "x" },
	{ "complete in spite of an origin",
	    "$ORIGIN example.com.\na. TXT \"x\"\n", "a", "x" },
	{ "@ is the origin", "$ORIGIN example.com.\n@ TXT \"x\"\n",
	    "example.com", "x" },
	{ "an origin relative to another",
	    "$ORIGIN example.com.\n$ORIGIN sub\na TXT x\n", "a.sub.example.com",
	    "x" },
	{ "the root as origin", "$ORIGIN .\na TXT x\n", "a", "x" },
	{ "a name left out", "a. TXT x\n  TXT y\nb. TXT z\n", "b", "z" },
	{ "a name left out takes the one before", "a. A 1.2.3.4\n\tTXT y\n",
	    "a", "y" },
	{ "two strings", "a. TXT \"x\" \"y\"\n", "a", "xy" },
	{ "strings side by side", "a. TXT \"x\"\"y\"\n", "a", "xy" },
	{ "a bare string", "a. TXT v=1\n", "a", "v=1" },
	{ "an empty string", "a. TXT \"\"\n", "a", "" },
	{ "parentheses", "a. TXT ( \"x\"\n \"y\" )\n", "a", "xy" },
	{ "parentheses at column one inside", "a. TXT (\n\"x\"\n\"y\"\n)\n",
	    "a", "xy" },
	{ "parentheses without blanks", "a. TXT (\"x\")\n", "a", "x" },
	{ "a record after parentheses", "a. TXT ( x )\nb. TXT y\n", "b", "y" },
	{ "a comment", "a. TXT \"x\" ; \"y\"\n", "a", "x" },
	{ "a comment line", "; a. TXT \"y\"\na. TXT \"x\"\n", "a", "x" },
	{ "a comment inside parentheses",
	    "a. TXT ( \"x\" ; first )\n \"y\" ) ; second\n", "a", "xy" },
	{ "a semicolon in quotes", "a. TXT \"x;y\"\n", "a", "x;y" },
	{ "a semicolon behind a backslash", "a. TXT x\\;y\n", "a", "x;y" },
	{ "parentheses in quotes", "a. TXT \"x(y)\"\n", "a", "x(y)" },
	{ "a quote in quotes", "a. TXT \"x\\\"y\"\n", "a", "x\"y" },
	{ "a backslash", "a. TXT \"x\\\\y\"\n", "a", "x\\y" },
	{ "digits behind a backslash", "a. TXT \"\\065\\255\"\n", "a",
	    "A\xff" },
	{ "other types are skipped",
	    "$TTL 1h\n@ IN SOA ns. me. ( 1 2 3\n 4 5 )\n@ NS ns.\n"
	    "a.example. A 192.0.2.1\na.example. TXT x\n",
	    "a.example", "x" },
	{ "empty lines", "\n \n\t\na. TXT x\n\n", "a", "x" },
	{ "nothing", "", "a", NULL },
	{ "another name", "b. TXT x\n", "a", NULL },
	{ "a name above", "x.a. TXT x\n", "a", NULL },

	{ "a quote left open", "a. TXT \"x\nb. TXT y\n", "a",
	    "!f:1: the closing quote is missing" },
	{ "a parenthesis left open", "\na. TXT ( x\n y\n", "a",
	    "!f:2: the closing parenthesis is missing" },
	{ "a parenthesis too many", "a. TXT x )\n", "a",
	    "!f:1: a closing parenthesis without" },
	{ "no string", "a. TXT\n", "a", "!f:1: TXT without a string" },
	{ "no type", "a.\n", "a", "!f:1: not a record" },
	{ "only empty strings", "\"\" \"\"\n", "a", "!f:1: not a record" },
	{ "a string where a type should be", "a. \"TXT\" x\n", "a",
	    "!f:1: not a record" },
	{ "a bare key record", "v=DKIM1; p=abc\n", "a", "!f:1: not a record" },
	{ "no name to take over", "\n  TXT x\n", "a",
	    "!f:2: begins with white space" },
	{ "$INCLUDE", "$INCLUDE other\n", "a",
	    "!f:1: only $ORIGIN and $TTL are understood: $INCLUDE" },
	{ "$ORIGIN without a name", "$ORIGIN\n", "a",
	    "!f:1: $ORIGIN wants one name" },
	{ "a number over 255", "a. TXT \"\\256\"\n", "a", "!f:1: a backslash" },
	{ "two digits", "a. TXT \"\\25\"\n", "a", "!f:1: a backslash" },
	{ "a backslash at the end", "a. TXT \\", "a", "!f:1: a backslash" },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct zone z = ZONE_INIT;
		struct err err = ERR_INIT;
		const char *want = cases[i].want;
		const char *data = NULL;
		size_t len = 0, count;

		if (zone_parse(&z, "f", cases[i].in, strlen(cases[i].in),
		        &err) == -1) {
			bool good = want != NULL && *want == '!' &&
			    strncmp(err.text, want + 1, strlen(want + 1)) == 0;

			if (!ok(good, "%s", cases[i].name))
				printf("# got: %s\n# want: %s\n", err.text,
				    want ? want : "(none)");
			zone_clear(&z);
			continue;
		}
		count = zone_find(&z, cases[i].at, strlen(cases[i].at), 0,
		    &data, &len);
		if (want == NULL)
			is_int((long long)count, 0, cases[i].name);
		else
			is_mem(data, len, want, strlen(want), cases[i].name);
		zone_clear(&z);
	}
}

static void
test_several(void)
{
	static const char text[] = "a. TXT x\nb. TXT y\na. TXT z\n";
	struct zone z = ZONE_INIT;
	struct err err = ERR_INIT;
	const char *data = NULL;
	size_t len = 0;

	is_int(zone_parse(&z, "f", text, strlen(text), &err), 0, "three");
	is_int((long long)zone_find(&z, "a", 1, 0, &data, &len), 2, "two at a");
	is_mem(data, len, "x", 1, "the first");
	zone_find(&z, "a", 1, 1, &data, &len);
	is_mem(data, len, "z", 1, "the second");
	data = NULL;
	is_int((long long)zone_find(&z, "a", 1, 2, &data, &len), 2, "no third");
	ok(data == NULL, "and nothing is said of it");
	zone_clear(&z);
}

/* A string has one byte for its length: RFC 1035 section 3.3. */
static void
test_limit(void)
{
	struct zone z = ZONE_INIT;
	struct err err = ERR_INIT;
	char text[300], string[257];
	const char *data;
	size_t len = 0;

	memset(string, 'x', 256);
	string[255] = '\0';
	snprintf(text, sizeof(text), "a. TXT \"%s\"\n", string);
	is_int(zone_parse(&z, "f", text, strlen(text), &err), 0, "255 bytes");
	zone_find(&z, "a", 1, 0, &data, &len);
	is_int((long long)len, 255, "all there");
	string[255] = 'x';
	string[256] = '\0';
	snprintf(text, sizeof(text), "a. TXT \"%s\"\n", string);
	is_int(zone_parse(&z, "f", text, strlen(text), &err), -1, "256 bytes");
	ok(strncmp(err.text, "f:1: a string over 255 bytes", 28) == 0,
	    "are refused: %.60s", err.text);
	zone_clear(&z);
	is_int(zone_load(&z, "/nonexistent/zone", &err), -1, "no such file");
	is_int(err.code, ERR_IO, "is an error of the system");
	zone_clear(&z);
}

/*
 * A name has 255 bytes with its length bytes, which are 253 characters: RFC
 * 1035 section 3.1.  The rest of it may be the origin's.
 */
static void
test_name_limit(void)
{
	struct zone z = ZONE_INIT;
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	char origin[252];
	const char *data;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(origin); i++)
		origin[i] = i % 2 ? '.' : 'o';
	buf_printf(&text, "$ORIGIN %.251s.\n", origin);
	buf_adds(&text, "a TXT x\n");
	is_int(zone_parse(&z, "f", text.data, text.len, &err), 0, "253 bytes");
	buf_adds(&text, "bb TXT x\n");
	is_int(zone_parse(&z, "f", text.data, text.len, &err), -1, "254 bytes");
	is_str(err.text, "f:3: a name longer than the DNS takes: bb",
	    "are refused");
	buf_reset(&text);
	buf_printf(&text, "a.%.251s", origin);
	is_int((long long)zone_find(&z, text.data, text.len, 0, &data, &len), 2,
	    "the first is there, from both");
	zone_clear(&z);

	buf_reset(&text);
	for (int i = 0; i < 128; i++)
		buf_adds(&text, "$ORIGIN a\n");
	is_int(zone_parse(&z, "f", text.data, text.len, &err), -1,
	    "an origin that grows line by line");
	ok(strncmp(err.text, "f:128: a name longer", 20) == 0, "ends: %.60s",
	    err.text);
	buf_clear(&text);
	zone_clear(&z);
}

int
main(void)
{
	test_cases();
	test_several();
	test_limit();
	test_name_limit();
	return tap_done();
}
