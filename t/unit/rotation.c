/*
 * The small languages of the settings of rings, and the calendar they make.
 */
#include "rotation.h"
#include "tap.h"
#include "when.h"

enum { SUN = 1, MON = 2, TUE = 4, WED = 8, THU = 16, FRI = 32, SAT = 64 };

#define NO_WEEKDAYS "not days of the week like mon-thu, mon,wed,fri or any: "

/* error: NULL when it is taken. */
static const struct {
	const char *in;
	unsigned days;
	const char *error;
} weekdays[] = {
	{ "mon-thu", MON | TUE | WED | THU, NULL },
	{ "mon,wed,fri", MON | WED | FRI, NULL },
	{ "any", 127, NULL },
	{ "Any", 127, NULL },
	{ "sun", SUN, NULL },
	{ "SAT", SAT, NULL },
	{ "fri-mon", FRI | SAT | SUN | MON, NULL },
	{ "sun-sat", 127, NULL },
	{ "mon-sun", 127, NULL },
	{ "tue-tue", TUE, NULL },
	{ "tue-mon", 127, NULL },
	{ "mon-tue,thu,sat-sun", MON | TUE | THU | SAT | SUN, NULL },
	{ "mon,mon", MON, NULL },
	{ "", 0, NO_WEEKDAYS "\"\"" },
	{ "mo", 0, NO_WEEKDAYS "\"mo\"" },
	{ "monday", 0, NO_WEEKDAYS "\"monday\"" },
	{ "mon,", 0, NO_WEEKDAYS "\"mon,\"" },
	{ ",mon", 0, NO_WEEKDAYS "\",mon\"" },
	{ "mon,,tue", 0, NO_WEEKDAYS "\"mon,,tue\"" },
	{ "mon-", 0, NO_WEEKDAYS "\"mon-\"" },
	{ "-mon", 0, NO_WEEKDAYS "\"-mon\"" },
	{ "mon-tue-wed", 0, NO_WEEKDAYS "\"mon-tue-wed\"" },
	{ "mon, tue", 0, NO_WEEKDAYS "\"mon, tue\"" },
	{ "mon-any", 0, NO_WEEKDAYS "\"mon-any\"" },
	{ "any,mon", 0, NO_WEEKDAYS "\"any,mon\"" },
	{ "1-5", 0, NO_WEEKDAYS "\"1-5\"" },
	{ "mon\n", 0, NO_WEEKDAYS "\"mon\\x0a\"" },
};

static void
test_weekdays(void)
{
	for (size_t i = 0; i < sizeof(weekdays) / sizeof(weekdays[0]); i++) {
		struct err err = ERR_INIT;
		unsigned days = 0;
		int rc = weekdays_parse(weekdays[i].in, &days, &err);

		is_int(rc, weekdays[i].error == NULL ? 0 : -1, weekdays[i].in);
		is_int(days, weekdays[i].days, "days");
		is_str(err.text, weekdays[i].error ? weekdays[i].error : "",
		    "error");
		if (rc == -1)
			is_int(err.code, ERR_CONF, "ERR_CONF");
	}
}

#define NO_BLACKOUT \
	"not days like 2026-12-20/2027-01-03, or of every year 12-20/01-03: "
#define NO_DAY "a day that does not exist: "

static const struct {
	const char *in;
	struct blackout b;
	const char *error;
} blackouts[] = {
	{ "2026-12-20/2027-01-03", { 2026, 12, 20, 2027, 1, 3 }, NULL },
	{ "12-20/01-03", { 0, 12, 20, 0, 1, 3 }, NULL },
	{ "12-24", { 0, 12, 24, 0, 12, 24 }, NULL },
	{ "2028-02-29", { 2028, 2, 29, 2028, 2, 29 }, NULL },
	{ "02-29/03-01", { 0, 2, 29, 0, 3, 1 }, NULL },
	{ "01-01/12-31", { 0, 1, 1, 0, 12, 31 }, NULL },
	{ "2026-01-01/2027-01-01", { 2026, 1, 1, 2027, 1, 1 }, NULL },
	{ "2026-01-01/2027-01-02", { 0 },
	    "longer than a year: \"2026-01-01/2027-01-02\"" },
	{ "2027-01-03/2026-12-20", { 0 },
	    "ends before it begins: \"2027-01-03/2026-12-20\"" },
	{ "2026-02-29", { 0 }, NO_DAY "\"2026-02-29\"" },
	{ "2026-02-01/2026-02-29", { 0 }, NO_DAY "\"2026-02-01/2026-02-29\"" },
	{ "04-31", { 0 }, NO_DAY "\"04-31\"" },
	{ "00-10/01-01", { 0 }, NO_DAY "\"00-10/01-01\"" },
	{ "01-00", { 0 }, NO_DAY "\"01-00\"" },
	{ "13-01", { 0 }, NO_DAY "\"13-01\"" },
	{ "1969-01-01", { 0 }, NO_DAY "\"1969-01-01\"" },
	{ "2026-12-20/01-03", { 0 }, NO_BLACKOUT "\"2026-12-20/01-03\"" },
	{ "12-20/2027-01-03", { 0 }, NO_BLACKOUT "\"12-20/2027-01-03\"" },
	{ "0000-12-20/0000-12-24", { 0 },
	    NO_BLACKOUT "\"0000-12-20/0000-12-24\"" },
	{ "", { 0 }, NO_BLACKOUT "\"\"" },
	{ "/", { 0 }, NO_BLACKOUT "\"/\"" },
	{ "12-20/", { 0 }, NO_BLACKOUT "\"12-20/\"" },
	{ "/12-20", { 0 }, NO_BLACKOUT "\"/12-20\"" },
	{ "12-20/12-21/12-22", { 0 }, NO_BLACKOUT "\"12-20/12-21/12-22\"" },
	{ "12-20-12-24", { 0 }, NO_BLACKOUT "\"12-20-12-24\"" },
	{ "12/20", { 0 }, NO_BLACKOUT "\"12/20\"" },
	{ "1-1", { 0 }, NO_BLACKOUT "\"1-1\"" },
	{ "2026", { 0 }, NO_BLACKOUT "\"2026\"" },
	{ "2026-", { 0 }, NO_BLACKOUT "\"2026-\"" },
	{ "2026-12", { 0 }, NO_BLACKOUT "\"2026-12\"" },
	{ "12-20 ", { 0 }, NO_BLACKOUT "\"12-20 \"" },
	{ "xmas", { 0 }, NO_BLACKOUT "\"xmas\"" },
};

static void
test_blackouts(void)
{
	for (size_t i = 0; i < sizeof(blackouts) / sizeof(blackouts[0]); i++) {
		const struct blackout *want = &blackouts[i].b;
		struct err err = ERR_INIT;
		struct blackout b = { 0 };
		int rc = blackout_parse(blackouts[i].in, &b, &err);

		is_int(rc, blackouts[i].error == NULL ? 0 : -1,
		    blackouts[i].in);
		ok(memcmp(&b, want, sizeof(b)) == 0,
		    "%04d-%02d-%02d/%04d-%02d-%02d", b.first_year,
		    b.first_month, b.first_day, b.last_year, b.last_month,
		    b.last_day);
		is_str(err.text, blackouts[i].error ? blackouts[i].error : "",
		    "error");
	}
}

#define NO_SPEC "not rsa with its bits, like rsa2048, nor ed25519: "
#define NO_BITS "an RSA key has 1024 to 8192 bits: "

static const struct {
	const char *in;
	struct key_spec spec;
	const char *error;
} specs[] = {
	{ "rsa2048", { KEY_RSA_SHA256, 2048 }, NULL },
	{ "rsa1024", { KEY_RSA_SHA256, 1024 }, NULL },
	{ "rsa8192", { KEY_RSA_SHA256, 8192 }, NULL },
	{ "rsa3071", { KEY_RSA_SHA256, 3071 }, NULL },
	{ "ed25519", { KEY_ED25519_SHA256, 256 }, NULL },
	{ "rsa1023", { 0 }, NO_BITS "\"rsa1023\"" },
	{ "rsa8193", { 0 }, NO_BITS "\"rsa8193\"" },
	{ "rsa512", { 0 }, NO_BITS "\"rsa512\"" },
	{ "rsa16384", { 0 }, NO_BITS "\"rsa16384\"" },
	{ "rsa02048", { 0 }, NO_SPEC "\"rsa02048\"" },
	{ "rsa123456", { 0 }, NO_SPEC "\"rsa123456\"" },
	{ "rsa", { 0 }, NO_SPEC "\"rsa\"" },
	{ "rs", { 0 }, NO_SPEC "\"rs\"" },
	{ "", { 0 }, NO_SPEC "\"\"" },
	{ "2048", { 0 }, NO_SPEC "\"2048\"" },
	{ "RSA2048", { 0 }, NO_SPEC "\"RSA2048\"" },
	{ "rsa-2048", { 0 }, NO_SPEC "\"rsa-2048\"" },
	{ "rsa2048 ", { 0 }, NO_SPEC "\"rsa2048 \"" },
	{ "ed25519x", { 0 }, NO_SPEC "\"ed25519x\"" },
	{ "ed448", { 0 }, NO_SPEC "\"ed448\"" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbb",
	    { 0 },
	    NO_SPEC "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	            "aaaaaaaaa\"" },
};

static void
test_specs(void)
{
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct err err = ERR_INIT;
		struct key_spec spec = { 0 };
		char text[16];
		int rc = key_spec_parse(specs[i].in, &spec, &err);

		is_int(rc, specs[i].error == NULL ? 0 : -1, specs[i].in);
		ok(spec.alg == specs[i].spec.alg &&
		        spec.bits == specs[i].spec.bits,
		    "alg %d, %u bits", (int)spec.alg, spec.bits);
		is_str(err.text, specs[i].error ? specs[i].error : "", "error");
		if (rc == 0) {
			key_spec_text(&spec, text);
			is_str(text, specs[i].in, "and back");
		}
	}
}

/* Rules of those weekdays and blackouts, separated by blanks. */
static struct rotation
rules_of(const char *days, const char *list)
{
	struct rotation r = { 0 };
	struct err err = ERR_INIT;
	char *copy = strdup(list), *rest = copy, *one;

	if (copy == NULL || weekdays_parse(days, &r.weekdays, &err) == -1)
		abort();
	while ((one = strsep(&rest, " ")) != NULL)
		if (one[0] != '\0' &&
		    blackout_parse(one, &r.blackout[r.blackout_count++],
		        &err) == -1)
			abort();
	free(copy);
	return r;
}

/* 2026-11-22 is a Sunday (date -u -d 2026-11-22 +%a). */
static const struct {
	const char *name, *weekdays, *blackouts, *at;
	bool is_open;
} days[] = {
	{ "Sunday", "mon-thu", "", "2026-11-22T23:59:59Z", false },
	{ "Monday, first second", "mon-thu", "", "2026-11-23T00:00:00Z", true },
	{ "Thursday, last second", "mon-thu", "", "2026-11-26T23:59:59Z",
	    true },
	{ "Friday", "mon-thu", "", "2026-11-27", false },
	{ "day before", "any", "12-20/01-03", "2026-12-19T23:59:59Z", true },
	{ "first day", "any", "12-20/01-03", "2026-12-20", false },
	{ "last of the year", "any", "12-20/01-03", "2026-12-31", false },
	{ "first of the year", "any", "12-20/01-03", "2027-01-01", false },
	{ "last day", "any", "12-20/01-03", "2027-01-03T23:59:59Z", false },
	{ "day after", "any", "12-20/01-03", "2027-01-04", true },
	{ "other year", "any", "12-20/01-03", "2041-12-31", false },
	{ "inside one year", "any", "06-10/06-12", "2026-06-11", false },
	{ "outside, before", "any", "06-10/06-12", "2026-06-09", true },
	{ "outside, after", "any", "06-10/06-12", "2026-06-13", true },
	{ "February", "any", "02-28/03-01", "2028-02-29", false },
	{ "once, inside", "any", "2026-12-20/2027-01-03", "2027-01-01", false },
	{ "once, before", "any", "2026-12-20/2027-01-03", "2026-12-19", true },
	{ "once, year before", "any", "2026-12-20/2027-01-03", "2025-12-25",
	    true },
	{ "once, year after", "any", "2026-12-20/2027-01-03", "2028-01-01",
	    true },
	{ "second of two", "any", "01-01 2026-05-01", "2026-05-01", false },
	{ "between two", "any", "01-01 2026-05-01", "2026-04-30", true },
	{ "closed by both", "mon", "01-01", "2027-01-01", false },
};

/* Whether there is an open day in every year. */
static const struct {
	const char *weekdays, *blackouts;
	bool opens;
} ever[] = {
	{ "any", "", true },
	{ "mon", "", true },
	{ "any", "01-01/12-31", false },
	{ "any", "07-01/06-30", false },
	{ "any", "01-01/06-30 07-01/12-31", false },
	{ "any", "01-01/06-30 07-02/12-31", true },
	{ "mon-thu", "01-01/06-30 07-02/12-31", false },
	{ "any", "03-01/02-28", false },
	{ "mon", "01-08/12-31", true },
	{ "any", "2026-01-01/2027-01-01", true },
};

static void
test_calendar(void)
{
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		struct rotation r =
		    rules_of(days[i].weekdays, days[i].blackouts);
		time_t t;

		if (!when_parse(days[i].at, &t))
			abort();
		ok(rotation_is_open(&r, t) == days[i].is_open, "%s: %s",
		    days[i].at, days[i].name);
	}
	for (size_t i = 0; i < sizeof(ever) / sizeof(ever[0]); i++) {
		struct rotation r =
		    rules_of(ever[i].weekdays, ever[i].blackouts);

		ok(rotation_ever_opens(&r) == ever[i].opens, "%s without %s",
		    ever[i].weekdays, ever[i].blackouts);
	}
}

int
main(void)
{
	test_weekdays();
	test_blackouts();
	test_specs();
	test_calendar();
	return tap_done();
}
