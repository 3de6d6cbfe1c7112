/*
 * Record forms.  The bind form follows RFC 1035 section 5.1, the commands those
 * of nsupdate(1); whether real servers and programs take them is for
 * t/dns/forms.t.
 */
#include "../../ctl/recordform.h"
#include "tap.h"

#define A64                                                               \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"A"
#define A255        \
	A64 A64 A64 \
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
	enum recordform form;
	const char *value, *want;
} cases[] = {
	{ RECORDFORM_BIND, "v=DKIM1; k=rsa; p=QQ==",
	    "n. 60 IN TXT ( \"v=DKIM1; k=rsa; p=QQ==\" )\n" },
	{ RECORDFORM_BIND, A255, "n. 60 IN TXT ( \"" A255 "\" )\n" },
	{ RECORDFORM_BIND, A255 "B", "n. 60 IN TXT ( \"" A255 "\" \"B\" )\n" },
	{ RECORDFORM_BIND, A255 A255 "B",
	    "n. 60 IN TXT ( \"" A255 "\" \"" A255 "\" \"B\" )\n" },
	{ RECORDFORM_BIND, "a\"b\\c\x01\xff",
	    "n. 60 IN TXT ( \"a\\\"b\\\\c\\001\\255\" )\n" },
	{ RECORDFORM_TEXT, "v=DKIM1; k=rsa; p=",
	    "Name:  n\nType:  TXT\nTTL:   60\nValue: v=DKIM1; k=rsa; p=\n" },
	{ RECORDFORM_TEXT, A255 "B",
	    "Name:  n\nType:  TXT\nTTL:   60\nValue: " A255 "B\n"
	    "Where no string may exceed 255 characters, in pieces:\n"
	    "\"" A255 "\"\n\"B\"\n" },
	{ RECORDFORM_TEXT, "a\n\x1b",
	    "Name:  n\nType:  TXT\nTTL:   60\nValue: a\\x0a\\x1b\n" },
	{ RECORDFORM_JSON, "p=Q\"",
	    "{\"name\":\"n\",\"type\":\"TXT\",\"ttl\":60,\"value\":\"p=Q\\\"\","
	    "\"strings\":[\"p=Q\\\"\"]}\n" },
	{ RECORDFORM_JSON, A255 "B",
	    "{\"name\":\"n\",\"type\":\"TXT\",\"ttl\":60,\"value\":\"" A255
	    "B\",\"strings\":[\"" A255 "\",\"B\"]}\n" },
	{ RECORDFORM_NSUPDATE, "p=QQ; a",
	    "prereq nxdomain n.\nupdate add n. 60 IN TXT \"p=QQ; a\"\n"
	    "send\n" },
};

static void
test_parse(void)
{
	static const struct {
		const char *name;
		enum recordform form;
	} names[] = { { "bind", RECORDFORM_BIND }, { "text", RECORDFORM_TEXT },
		{ "json", RECORDFORM_JSON },
		{ "nsupdate", RECORDFORM_NSUPDATE } };
	static const char *const wrong[] = { "", "BIND", "zone", "bind " };
	enum recordform form;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ok(recordform_parse(names[i].name, &form) &&
		        form == names[i].form,
		    "%s", names[i].name);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ok(!recordform_parse(wrong[i], &form), "no form: \"%s\"",
		    wrong[i]);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = BUF_INIT;
		char name[32];

		snprintf(name, sizeof(name), "row %zu", i);

		recordform_write(cases[i].form, "n", 60, cases[i].value, &out);
		is_str(buf_str(&out), cases[i].want, name);
		buf_clear(&out);
	}
	test_parse();
	return tap_done();
}
