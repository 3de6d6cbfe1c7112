/*
 * The small languages in the settings of rings: weekdays, blackouts, kinds of
 * keys; and the calendar that the first two make.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "buf.h"
#include "rotation.h"
#include "when.h"

enum {
	DAY = 24 * 3600,
	SHOWN_MAX = 64, /* bytes of an offending value in an error */
	WEEK = 7,
};

#define WEEKDAYS_ANY 0x7fU

/* "what: value". */
static int
refuse(const char *what, const char *value, struct err *err)
{
	struct buf shown = BUF_INIT;
	size_t len = strlen(value);

	buf_add_escaped(&shown, value, len < SHOWN_MAX ? len : SHOWN_MAX);
	if (buf_str(&shown) == NULL)
		err_nomem(err);
	else
		err_set(err, ERR_CONF, "%s: \"%s\"", what, shown.data);
	buf_clear(&shown);
	return -1;
}

/* 0 for Sunday at *text, which is moved behind the name; or -1. */
static int
take_weekday(const char **text)
{
	static const char names[WEEK][4] = { "sun", "mon", "tue", "wed", "thu",
		"fri", "sat" };

	for (int i = 0; i < WEEK; i++)
		if (strncasecmp(*text, names[i], 3) == 0) {
			*text += 3;
			return i;
		}
	return -1;
}

/* A day or a range of days, which may go over the end of the week. */
static bool
take_weekdays(const char **text, unsigned *days)
{
	int first = take_weekday(text), last = first;

	if (first != -1 && **text == '-') {
		++*text;
		last = take_weekday(text);
	}
	if (first == -1 || last == -1)
		return false;
	*days |= 1U << last;
	for (int day = first; day != last; day = (day + 1) % WEEK)
		*days |= 1U << day;
	return true;
}

int
weekdays_parse(const char *text, unsigned *days, struct err *err)
{
	const char *p = text;
	unsigned sum = 0;
	bool is_read;

	if (strcasecmp(text, "any") == 0) {
		*days = WEEKDAYS_ANY;
		return 0;
	}
	while ((is_read = take_weekdays(&p, &sum)) && *p == ',')
		p++;
	if (!is_read || *p != '\0')
		return refuse("not days of the week like mon-thu, mon,wed,fri "
		              "or any",
		    text, err);
	*days = sum;
	return 0;
}

/* A number of that many digits. */
static bool
take_digits(const char **text, int digits, int *number)
{
	*number = 0;
	for (; digits > 0; digits--, ++*text) {
		if (**text < '0' || **text > '9')
			return false;
		*number = *number * 10 + (**text - '0');
	}
	return true;
}

static bool
take_hyphen(const char **text)
{
	return *(*text)++ == '-';
}

/* YYYY-MM-DD, or MM-DD and then the year is 0. */
static bool
take_date(const char **text, int *year, int *month, int *day)
{
	const char *p = *text;
	bool has_year = strcspn(p, "-/") == 4;

	*year = 0;
	if (has_year && !(take_digits(&p, 4, year) && take_hyphen(&p)))
		return false;
	if (!take_digits(&p, 2, month) || !take_hyphen(&p) ||
	    !take_digits(&p, 2, day))
		return false;
	*text = p;
	return !has_year || *year > 0;
}

/*
 * The start of a day that exists, or -1.  Those of every year are looked for
 * in a year that has a 29th of February.
 */
static time_t
date_start(int year, int month, int day)
{
	char text[WHEN_TEXT_MAX];
	time_t t;

	snprintf(text, sizeof(text), "%04d-%02d-%02d", year ? year : 2000,
	    month, day);
	return when_parse(text, &t) ? t : -1;
}

int
blackout_parse(const char *text, struct blackout *b, struct err *err)
{
	struct blackout out = { 0 };
	const char *p = text;
	time_t first, last;
	bool is_read;

	is_read =
	    take_date(&p, &out.first_year, &out.first_month, &out.first_day);
	out.last_year = out.first_year;
	out.last_month = out.first_month;
	out.last_day = out.first_day;
	if (is_read && *p == '/') {
		p++;
		is_read = take_date(&p, &out.last_year, &out.last_month,
		    &out.last_day);
	}
	if (!is_read || *p != '\0' ||
	    (out.first_year == 0) != (out.last_year == 0))
		return refuse("not days like 2026-12-20/2027-01-03, or of "
		              "every year 12-20/01-03",
		    text, err);
	first = date_start(out.first_year, out.first_month, out.first_day);
	last = date_start(out.last_year, out.last_month, out.last_day);
	if (first == -1 || last == -1)
		return refuse("a day that does not exist", text, err);
	if (out.first_year != 0 && last < first)
		return refuse("ends before it begins", text, err);
	if (out.first_year != 0 &&
	    last - first >= (time_t)BLACKOUT_DAYS_MAX * DAY)
		return refuse("longer than a year", text, err);
	*b = out;
	return 0;
}

/* Orders days of one year, and of all years when the year is in it. */
static int
day_number(int year, int month, int day)
{
	return (year * 12 + month - 1) * 31 + day - 1;
}

static bool
is_within(const struct blackout *b, int year, int month, int day)
{
	int at = day_number(b->first_year ? year : 0, month, day);
	int first = day_number(b->first_year, b->first_month, b->first_day);
	int last = day_number(b->last_year, b->last_month, b->last_day);

	if (first <= last)
		return first <= at && at <= last;
	return at >= first || at <= last; /* over the end of the year */
}

bool
rotation_is_open(const struct rotation *rules, time_t t)
{
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    (rules->weekdays & 1U << tm.tm_wday) == 0)
		return false;
	for (size_t i = 0; i < rules->blackout_count; i++)
		if (is_within(&rules->blackout[i], tm.tm_year + 1900,
		        tm.tm_mon + 1, tm.tm_mday))
			return false;
	return true;
}

/*
 * Blackouts of one year pass.  Of every year there is a day on each weekday in
 * the course of time, but one that comes every six years is not what anybody
 * means: it must be so in each of a leap year and the two years behind it.
 */
bool
rotation_ever_opens(const struct rotation *rules)
{
	struct rotation yearly = *rules;

	yearly.blackout_count = 0;
	for (size_t i = 0; i < rules->blackout_count; i++)
		if (rules->blackout[i].first_year == 0)
			yearly.blackout[yearly.blackout_count++] =
			    rules->blackout[i];
	for (int year = 2000; year < 2003; year++) {
		time_t t = date_start(year, 1, 1);
		time_t end = date_start(year + 1, 1, 1);

		while (t < end && !rotation_is_open(&yearly, t))
			t += DAY;
		if (t >= end)
			return false;
	}
	return true;
}

int
key_spec_parse(const char *text, struct key_spec *spec, struct err *err)
{
	const char *p = text;
	size_t digits;
	int bits;

	if (strcmp(text, "ed25519") == 0) {
		*spec = (struct key_spec){ KEY_ED25519_SHA256, 256 };
		return 0;
	}
	if (strncmp(text, "rsa", 3) == 0)
		p += 3;
	digits = strspn(p, "0123456789");
	if (p == text || *p == '0' || digits < 1 || digits > 5 ||
	    !take_digits(&p, (int)digits, &bits) || *p != '\0')
		return refuse("not rsa with its bits, like rsa2048, nor "
		              "ed25519",
		    text, err);
	if (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX)
		return refuse("an RSA key has 1024 to 8192 bits", text, err);
	*spec = (struct key_spec){ KEY_RSA_SHA256, (unsigned)bits };
	return 0;
}

void
key_spec_text(const struct key_spec *spec, char out[16])
{
	if (spec->alg == KEY_ED25519_SHA256)
		snprintf(out, 16, "ed25519");
	else
		snprintf(out, 16, "rsa%u", spec->bits);
}
