/*
 * Times and durations as text.  The numbers of the times are Python's
 * calendar.timegm(time.strptime(...)).
 */
#include <limits.h>

#include "tap.h"
#include "when.h"

static const struct {
	const char *text;
	time_t t;
} times[] = {
	{ "", 0 },
	{ "1970-01-01T00:00:01Z", 1 },
	{ "2000-02-29T00:00:00Z", 951782400 },
	{ "2024-02-29T12:00:00Z", 1709208000 },
	{ "2026-01-01T00:00:00Z", 1767225600 },
	{ "2026-11-22T20:47:54Z", 1795380474 },
	{ "2038-01-19T03:14:08Z", 2147483648 },
	{ "2100-02-28T23:59:59Z", 4107542399 },
	{ "9999-12-31T23:59:59Z", 253402300799 },
};

static void
test_times(void)
{
	char text[WHEN_TEXT_MAX];
	time_t t;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		when_text(times[i].t, text);
		is_str(text, times[i].text, "when_text");
		t = -1;
		ok(when_parse(times[i].text, &t), "when_parse: %s",
		    times[i].text);
		is_int(t, times[i].t, times[i].text);
	}
	ok(when_parse("2026-11-22", &t), "a day");
	is_int(t, 1795305600, "is its start");
	when_text(-1, text);
	is_str(text, "1970-01-01T00:00:01Z", "before the first year");
	when_text(253402300800, text);
	is_str(text, "9999-12-31T23:59:59Z", "after the last year");
}

static const char *const no_times[] = { "0", "now", "1970-01-01",
	"1970-01-01T00:00:00Z", "1969-12-31", "0000-01-01", "2026-00-01",
	"2026-13-01", "2026-01-00", "2026-01-32", "2026-09-31", "2026-02-29",
	"2100-02-29", "2026-2-1", "26-02-01", "20260201", "12026-02-01",
	" 2026-02-01", "2026-02-01 ", "2026-02-01T", "2026-02-01T10:00Z",
	"2026-02-01T10:00:00", "2026-02-01T24:00:00Z", "2026-02-01T23:60:00Z",
	"2026-12-31T23:59:60Z", "2026-02-01t10:00:00z", "2026-02-01 10:00:00Z",
	"2026-02-01T10:00:00+01:00", "2026-02-01T10:00:00.5Z",
	"2026-02-01T10:00:00Zx", "-026-02-01", "2026-+2-01", "2026/02/01" };

static void
test_no_times(void)
{
	for (size_t i = 0; i < sizeof(no_times) / sizeof(no_times[0]); i++) {
		time_t t = 42;

		ok(!when_parse(no_times[i], &t) && t == 42, "no time: %s",
		    no_times[i]);
	}
}

/* text: as duration_text gives it, NULL: the same as in. */
static const struct {
	const char *in;
	int seconds;
	const char *text;
} durations[] = {
	{ "0s", 0, NULL },
	{ "0", 0, "0s" },
	{ "1s", 1, NULL },
	{ "59s", 59, NULL },
	{ "60", 60, "1m" },
	{ "1m30s", 90, NULL },
	{ "90s", 90, "1m30s" },
	{ "3600", 3600, "1h" },
	{ "1h30m", 5400, NULL },
	{ "1h1s", 3601, NULL },
	{ "36h", 129600, "1d12h" },
	{ "90d", 7776000, NULL },
	{ "2w", 1209600, "14d" },
	{ "1w2d3h4m5s", 788645, "9d3h4m5s" },
	{ "1w0d1s", 604801, "7d1s" },
	{ "007d", 604800, "7d" },
	{ "2147483647", INT_MAX, "24855d3h14m7s" },
	{ "24855d3h14m7s", INT_MAX, NULL },
};

static const char *const no_durations[] = { "", " ", "d", "-1", "+1", "1 d",
	" 1d", "1d ", "1D", "1y", "1ms", "1.5h", "1d1", "1h30", "30m1h", "1s1m",
	"1d1d", "1m1m", "1d1w", "d1", "1dd", "0x10", "2147483648",
	"24855d3h14m8s", "3551w", "99999999999999999999d",
	"9223372036854775808s", "1d\n" };

static void
test_durations(void)
{
	char text[DURATION_TEXT_MAX];

	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		int seconds = -1;

		ok(duration_parse(durations[i].in, &seconds), "%s",
		    durations[i].in);
		is_int(seconds, durations[i].seconds, durations[i].in);
		duration_text(durations[i].seconds, text);
		is_str(text,
		    durations[i].text ? durations[i].text : durations[i].in,
		    "duration_text");
	}
	for (size_t i = 0; i < sizeof(no_durations) / sizeof(no_durations[0]);
	     i++) {
		int seconds = 42;

		ok(!duration_parse(no_durations[i], &seconds) && seconds == 42,
		    "no duration: \"%s\"", no_durations[i]);
	}
	duration_text(-5400, text);
	is_str(text, "-1h30m", "a negative duration");
	duration_text(LLONG_MAX, text);
	is_str(text, "106751991167300d15h30m7s", "the longest");
	duration_text(LLONG_MIN, text);
	is_str(text, "-106751991167300d15h30m8s", "the most negative");
}

int
main(void)
{
	test_times();
	test_no_times();
	test_durations();
	return tap_done();
}
