/*
 * Points in time and stretches of it, as text.  The calendar is the library's:
 * gmtime and timegm, without leap seconds, as in time_t.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "when.h"

/* What four digits of the year can say. */
#define WHEN_FIRST ((time_t)1)
#define WHEN_LAST  ((time_t)253402300799) /* 9999-12-31T23:59:59Z */

enum { YEAR_FIRST = 1970 };

static const struct unit {
	char letter;
	int seconds;
} units[] = {
	{ 'w', 7 * 24 * 3600 },
	{ 'd', 24 * 3600 },
	{ 'h', 3600 },
	{ 'm', 60 },
	{ 's', 1 },
};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

void
when_text(time_t t, char out[WHEN_TEXT_MAX])
{
	struct tm tm;

	out[0] = '\0';
	if (t == 0)
		return;
	if (t < WHEN_FIRST)
		t = WHEN_FIRST;
	if (t > WHEN_LAST)
		t = WHEN_LAST;
	if (gmtime_r(&t, &tm) != NULL)
		strftime(out, WHEN_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Match text with the pattern, in which 0 is any digit and the rest itself;
 * each run of digits is put into numbers.
 */
static bool
scan(const char *text, const char *pattern, int *numbers)
{
	size_t i;

	for (i = 0; pattern[i] != '\0'; i++) {
		bool wants_digit = pattern[i] == '0';

		if (wants_digit ? !is_digit(text[i]) : text[i] != pattern[i])
			return false;
		if (!wants_digit)
			continue;
		if (i == 0 || pattern[i - 1] != '0')
			*numbers++ = 0;
		numbers[-1] = numbers[-1] * 10 + (text[i] - '0');
	}
	return text[i] == '\0';
}

bool
when_parse(const char *text, time_t *t)
{
	int n[6] = { 0 };
	struct tm tm;
	time_t value;

	if (text[0] == '\0') {
		*t = 0;
		return true;
	}
	if (!scan(text, "0000-00-00T00:00:00Z", n) &&
	    !scan(text, "0000-00-00", n))
		return false;
	if (n[0] < YEAR_FIRST || n[1] < 1 || n[3] > 23 || n[4] > 59 ||
	    n[5] > 59)
		return false;
	tm = (struct tm){ .tm_year = n[0] - 1900,
		.tm_mon = n[1] - 1,
		.tm_mday = n[2],
		.tm_hour = n[3],
		.tm_min = n[4],
		.tm_sec = n[5] };
	/* It makes the 31st of September the 1st of October, also in tm. */
	value = timegm(&tm);
	if (tm.tm_mday != n[2] || tm.tm_mon != n[1] - 1 || value < WHEN_FIRST)
		return false;
	*t = value;
	return true;
}

/* The decimal number at *text, which is moved behind it. */
static bool
take_number(const char **text, long long *number)
{
	const char *p = *text;

	if (!is_digit(*p))
		return false;
	for (*number = 0; is_digit(*p); p++) {
		*number = *number * 10 + (*p - '0');
		if (*number > INT_MAX)
			return false;
	}
	*text = p;
	return true;
}

bool
duration_parse(const char *text, int *seconds)
{
	const char *p = text;
	long long sum = 0, number;
	size_t next = 0; /* the largest unit that may still come */

	do {
		size_t unit = next;

		if (!take_number(&p, &number))
			return false;
		if (*p == '\0' && next == 0) {
			sum = number; /* without a unit */
			break;
		}
		while (unit < UNIT_COUNT && units[unit].letter != *p)
			unit++;
		if (unit == UNIT_COUNT)
			return false;
		sum += number * units[unit].seconds;
		if (sum > INT_MAX)
			return false;
		next = unit + 1;
		p++;
	} while (*p != '\0');
	*seconds = (int)sum;
	return true;
}

void
duration_text(long long seconds, char out[DURATION_TEXT_MAX])
{
	/* The one number whose negative is none would be too long anyhow. */
	unsigned long long left = seconds < 0 ? 0 - (unsigned long long)seconds
	                                      : (unsigned long long)seconds;
	int len = 0;

	if (seconds < 0)
		len = snprintf(out, DURATION_TEXT_MAX, "-");
	else if (seconds == 0)
		snprintf(out, DURATION_TEXT_MAX, "0s");
	for (size_t i = 1; i < UNIT_COUNT; i++) {
		unsigned long long unit = (unsigned)units[i].seconds;

		if (left / unit == 0)
			continue;
		len += snprintf(out + len, (size_t)(DURATION_TEXT_MAX - len),
		    "%llu%c", left / unit, units[i].letter);
		left %= unit;
	}
}
