/*
 * clockfile: what the clocks of two runs say of the time between them, and the
 * file that remembers.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <unistd.h>

#include "../../ctl/clockfile.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define DAY        86400
#define START      1790000000

/* A run, some time after the first, and how long it has to wait. */
static const struct run {
	const char *name;
	long long wall, boot; /* s since the run before */
	bool has_booted;      /* since: then boot counts from the new boot */
	int wait;
	bool is_uneven; /* a loud one that is no mere gap */
} quiet[] = {
	{ "an hour later", 3600, 3600, false, CLOCK_WAIT, false },
	{ "the clock was slewed by 5 minutes", 900, 600, false, CLOCK_WAIT, false },
	{ "7 days later", 7 * DAY, 7 * DAY, false, CLOCK_WAIT, false },
	{ "a reboot", 600, 30, true, CLOCK_WAIT, false },
	{ "the same moment", 0, 0, false, CLOCK_WAIT, false },
}, loud[] = {
	{ "forward by 301 s", 901, 600, false, CLOCK_WAIT_CAREFUL, true },
	{ "back by 301 s", 299, 600, false, CLOCK_WAIT_CAREFUL, true },
	{ "7 days and a second", 7 * DAY + 1, 7 * DAY + 1, false,
	    CLOCK_WAIT_CAREFUL, false },
	{ "asleep for 8 days, the clock set back", 60, 8 * DAY, false,
	    CLOCK_WAIT_CAREFUL, true },
	{ "booted with a clock a year ahead", 365LL * DAY, 30, true,
	    CLOCK_WAIT_CAREFUL, true },
	{ "booted with a clock a year behind", -365LL * DAY, 30, true,
	    CLOCK_WAIT_CAREFUL, true },
};

static struct clock_memory
memory_of(long long careful_for)
{
	struct clock_memory m = {
		.last = { .wall = START, .boottime = 5000, .boot_id = "one" },
		.even_since = START - 1000,
	};

	if (careful_for != 0)
		m.careful_until = m.last.boottime + careful_for;
	return m;
}

static struct moment
later(const struct clock_memory *m, const struct run *r)
{
	struct moment now = m->last;

	now.wall += (time_t)r->wall;
	now.boottime = r->has_booted ? r->boot : now.boottime + r->boot;
	if (r->has_booted)
		strcpy(now.boot_id, "two");
	return now;
}

static void
test_one_run(const struct run *runs, size_t count, bool is_careful)
{
	for (size_t i = 0; i < count; i++) {
		struct clock_memory before = memory_of(0), after;
		struct moment now = later(&before, &runs[i]);
		const char *why;

		is_int(clock_judge(&before, &now, &after, &why), runs[i].wait,
		    runs[i].name);
		ok((why != NULL) == is_careful, "%s: says why: %s",
		    runs[i].name, why ? why : "-");
		is_int(after.careful_until, is_careful ? now.boottime + DAY : 0,
		    runs[i].name);
		is_int(after.even_since,
		    runs[i].is_uneven ? now.wall : before.even_since,
		    "even since then");
	}
}

/* Care lasts a day by the boot-time clock, whatever the other says. */
static void
test_care(void)
{
	static const struct {
		const char *name;
		struct run run;
		long long left; /* of 1000 s */
	} cases[] = {
		{ "600 s of it pass", { "", 600, 600, false, 0, false }, 400 },
		{ "all of it passes", { "", 1000, 1000, false, 0, false }, 0 },
		{ "a reboot ends none of it", { "", 5000, 30, true, 0, false },
		    1000 },
		{ "a jump begins it anew", { "", 5000, 30, false, 0, false },
		    DAY },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct clock_memory before = memory_of(1000), after;
		struct moment now = later(&before, &cases[i].run);
		const char *why;
		int wait = clock_judge(&before, &now, &after, &why);

		is_int(after.careful_until,
		    cases[i].left ? now.boottime + cases[i].left : 0,
		    cases[i].name);
		is_int(wait, cases[i].left ? CLOCK_WAIT_CAREFUL : CLOCK_WAIT,
		    cases[i].name);
	}
}

static void
test_nothing_known(void)
{
	struct moment now = { .wall = START, .boottime = 10, .boot_id = "x" };
	struct clock_memory after;
	const char *why;

	is_int(clock_judge(NULL, &now, &after, &why), CLOCK_WAIT_CAREFUL,
	    "nothing known: careful");
	is_int(after.careful_until, 10 + DAY, "for a day");
	is_int(after.even_since, START,
	    "and nothing before vouches for itself");
}

static void
test_file(void)
{
	static const char *const bad[] = {
		"",
		"\n",
		"keyturn-clock 1 2026-09-21T14:13:20Z 5000 one\n",
		"keyturn-clock 1 2026-09-21T14:13:20Z 5000 one 0 -",
		"keyturn-clock 1 2026-09-21T14:13:20Z 5000 one 0 - x\n",
		"keyturn-clock 1 2026-09-21T14:13:20Z 5000 one 0 x\n",
		"keyturn-clock 1 2026-09-21T14:13:20Z 5000 one 0\n",
		"keyturn-clock 2 2026-09-21T14:13:20Z 5000 one 0 -\n",
		"keyturn-clock 1 yesterday 5000 one 0 -\n",
		("keyturn-clock 1 2026-09-21T14:13:20Z 5000 "
		 "0123456789012345678901234567890123456789 0 -\n"),
	};
	char dir[] = "/tmp/keyturn-clock.XXXXXX";
	char path[64];
	struct clock_memory m = memory_of(77), got;
	struct err err = ERR_INIT;
	struct stat st;
	FILE *f;

	if (mkdtemp(dir) == NULL)
		exit(1);
	snprintf(path, sizeof(path), "%s/clock", dir);
	ok(!clock_load(path, &got), "no file: nothing is known");
	is_int(clock_write(path, &m, &err), 0, "written");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "0600");
	ok(clock_load(path, &got), "read");
	is_int(got.last.wall, m.last.wall, "the wall clock");
	is_int(got.last.boottime, 5000, "the boot-time clock");
	is_str(got.last.boot_id, "one", "the boot");
	is_int(got.careful_until, 5077, "the care");
	is_int(got.even_since, START - 1000, "since when it is even");
	for (size_t i = 0; i < LEN(bad); i++) {
		f = fopen(path, "w");
		if (f == NULL || fputs(bad[i], f) == EOF || fclose(f) == EOF)
			exit(1);
		ok(!clock_load(path, &got), "bad file %zu is not read", i);
	}
	unlink(path);
	rmdir(dir);
	is_int(clock_write(path, &m, &err), -1, "no directory: an error");
	ok(strstr(err.text, "clock.new: No such file") != NULL, "that says so");
}

static void
test_now(void)
{
	struct err err = ERR_INIT;
	struct moment now;

	is_int(clock_now(&now, &err), 0, "the clocks are read");
	ok(now.wall > START - 10LL * 365 * DAY && now.boottime > 0 &&
	        strlen(now.boot_id) == 36,
	    "and say something: %s", now.boot_id);
}

int
main(void)
{
	char *path = clock_path("/var/lib/keyturn/rings/");

	is_str(path, "/var/lib/keyturn/clock", "beside the rings");
	free(path);
	test_one_run(quiet, LEN(quiet), false);
	test_one_run(loud, LEN(loud), true);
	test_care();
	test_nothing_known();
	test_file();
	test_now();
	return tap_done();
}
