/*
 * Running programs: what a shell script sees of its surroundings, how its end
 * is told, and what it cannot do to us.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "../../ctl/runprog.h"
#include "monotime.h"
#include "tap.h"

static struct err err;

/* Run a shell script with that on its stdin. */
static int
run_script(struct runprog *r, const char *script, const void *input, size_t len)
{
	static char sh[] = "/bin/sh", c[] = "-c";
	static char *argv[4];
	static char text[1024];

	snprintf(text, sizeof(text), "%s", script);
	argv[0] = sh;
	argv[1] = c;
	argv[2] = text;
	argv[3] = NULL;
	*r = (struct runprog){
		.argv = argv, .input = input, .input_len = len, .timeout = 20
	};
	return runprog(r, &err);
}

static const struct {
	const char *name, *script, *out, *error;
	enum runprog_end end;
	int code;
} cases[] = {
	{ "nothing", ":", "", "", RUNPROG_EXITED, 0 },
	{ "both outputs", "echo a; echo b >&2; exit 3", "a\n", "b\n",
	    RUNPROG_EXITED, 3 },
	{ "a signal", "kill -9 $$", "", "", RUNPROG_SIGNALLED, SIGKILL },
	{ "stdin", "cat", "given", "", RUNPROG_EXITED, 0 },
	{ "stdin by name", "cat </dev/stdin", "given", "", RUNPROG_EXITED, 0 },
	{ "the directory", "pwd", "/\n", "", RUNPROG_EXITED, 0 },
	{ "the environment, but for what a shell adds",
	    "env | grep -vE '^(PWD|OLDPWD|SHLVL|_)='",
	    "PATH=" RUNPROG_PATH "\nLC_ALL=C\n", "", RUNPROG_EXITED, 0 },
	{ "a process group of its own",
	    "set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo yes", "yes\n", "",
	    RUNPROG_EXITED, 0 },
	{ "no other descriptor",
	    "for f in /proc/$$/fd/*; do [ ${f##*/} -lt 3 ] || "
	    "readlink $f; done; :",
	    "", "", RUNPROG_EXITED, 0 },
	{ "SIGPIPE and SIGTERM as usual", "kill -PIPE $$", "", "",
	    RUNPROG_SIGNALLED, SIGPIPE },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct runprog r;

		is_int(run_script(&r, cases[i].script, "given", 5), 0,
		    cases[i].name);
		is_mem(r.out.data, r.out.len, cases[i].out,
		    strlen(cases[i].out), "its stdout");
		is_mem(r.error.data, r.error.len, cases[i].error,
		    strlen(cases[i].error), "its stderr");
		ok(r.end == cases[i].end && r.code == cases[i].code,
		    "its end: %d, %d", (int)r.end, r.code);
		runprog_clear(&r);
	}
}

/* Stdin may hold NUL, and be more than any pipe takes and nobody reads. */
static void
test_input(void)
{
	static char large[1 << 20];
	struct runprog r;

	run_script(&r, "cat", "a\0b\xff", 4);
	is_mem(r.out.data, r.out.len, "a\0b\xff", 4, "stdin with a NUL");
	runprog_clear(&r);
	is_int(run_script(&r, "exit 4", large, sizeof(large)), 0,
	    "stdin that is not read");
	is_int(r.code, 4, "is not in the way");
	runprog_clear(&r);
	is_int(run_script(&r, "wc -c", large, sizeof(large)), 0, "1 MiB");
	is_mem(r.out.data, r.out.len, "1048576\n", 8, "is read whole");
	runprog_clear(&r);
}

/* The first of stdout and the last of stderr, however much there is. */
static void
test_flood(void)
{
	struct runprog r;

	is_int(run_script(&r,
	           "echo first; yes | head -c 3000000; "
	           "(yes | head -c 3000000; echo last) >&2",
	           "", 0),
	    0, "a flood");
	is_int((long long)r.out.len, RUNPROG_OUTPUT_MAX, "stdout is bounded");
	is_mem(r.out.data, 6, "first\n", 6, "its beginning is kept");
	is_int((long long)r.error.len, RUNPROG_OUTPUT_MAX, "stderr is bounded");
	is_mem(r.error.data + r.error.len - 5, 5, "last\n", 5,
	    "its end is kept");
	runprog_clear(&r);
}

/* Its children are killed with it, and it may ignore SIGTERM. */
static void
test_timeout(void)
{
	struct runprog r;
	static char sh[] = "/bin/sh", c[] = "-c",
	            s[] = "trap '' TERM; sleep 300 & echo $!; wait";
	char *argv[] = { sh, c, s, NULL };
	long long begun = mono_now_ms();
	pid_t pid;

	r = (struct runprog){ .argv = argv, .timeout = 1 };
	is_int(runprog(&r, &err), 0, "one that does not end");
	is_int(r.end, RUNPROG_TIMED_OUT, "is killed");
	ok(mono_now_ms() - begun >= 1000, "not before its time");
	runprog_explain(&r, &err);
	is_str(err.text, "/bin/sh: did not end within 1 s and was killed",
	    "and that is said");
	pid = r.out.len > 0 ? (pid_t)atoi(buf_str(&r.out)) : 0;
	/* The init process may need a moment to collect it. */
	for (int i = 0; i < 500 && pid > 0 && kill(pid, 0) == 0; i++) {
		char path[64], state[128] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		f = fopen(path, "r");
		if (f == NULL || fgets(state, sizeof(state), f) == NULL ||
		    strstr(state, ") Z ") != NULL)
			pid = 0;
		if (f != NULL)
			fclose(f);
		usleep(10000);
	}
	ok(pid == 0 || kill(pid, 0) == -1, "with what it had started");
	runprog_clear(&r);
}

/* What is left in the background holds the pipes and is not waited for. */
static void
test_background(void)
{
	long long begun = mono_now_ms();
	struct runprog r;

	is_int(run_script(&r, "sleep 15 & echo $!", "", 0), 0, "a background");
	ok(mono_now_ms() - begun < 10000, "is not waited for");
	if (ok(r.out.len > 0, "its pid is there"))
		kill((pid_t)atoi(buf_str(&r.out)), SIGKILL);
	runprog_clear(&r);
}

static void
test_cannot_start(void)
{
	static char missing[] = "/nonexistent/program", dir[] = "/tmp",
	            bare[] = "no-such-program-anywhere", found[] = "true";
	static const struct {
		char *program;
		const char *want;
	} programs[] = {
		{ missing, "/nonexistent/program: No such file or directory" },
		{ dir, "/tmp: Permission denied" },
		{ bare, "no-such-program-anywhere: No such file or directory" },
	};
	char *argv[2] = { NULL, NULL };
	struct runprog r;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		argv[0] = programs[i].program;
		r = (struct runprog){ .argv = argv, .timeout = 5 };
		is_int(runprog(&r, &err), -1, argv[0]);
		is_int(err.code, ERR_CONF, "its code");
		is_str(err.text, programs[i].want, "its text");
		runprog_clear(&r);
	}
	argv[0] = found;
	/* The caller's PATH does not matter. */
	setenv("PATH", "/nonexistent", 1);
	r = (struct runprog){ .argv = argv, .timeout = 5 };
	is_int(runprog(&r, &err), 0, "a name without a slash is looked for");
	runprog_clear(&r);
}

static const struct {
	const char *script, *want;
} explained[] = {
	{ "exit 3", "/bin/sh: exit code 3" },
	{ "echo no such zone >&2; exit 3",
	    "/bin/sh: exit code 3: no such zone" },
	{ "printf 'a\\nb\\n\\n' >&2; exit 1", "/bin/sh: exit code 1: a; b" },
	{ "printf 'x\\033[31m\\000y\\\\' >&2; exit 1",
	    "/bin/sh: exit code 1: x\\x1b[31m\\x00y\\x5c" },
	{ "kill -9 $$", "/bin/sh: killed by signal 9 (Killed)" },
};

static void
test_explain(void)
{
	struct runprog r;

	for (size_t i = 0; i < sizeof(explained) / sizeof(explained[0]); i++) {
		run_script(&r, explained[i].script, "", 0);
		runprog_explain(&r, &err);
		is_str(err.text, explained[i].want, explained[i].script);
		runprog_clear(&r);
	}
	run_script(&r, "yes 123456789 | head -n 100 >&2; exit 1", "", 0);
	runprog_explain(&r, &err);
	ok(strncmp(err.text, "/bin/sh: exit code 1: ... ", 26) == 0 &&
	        strlen(err.text) < RUNPROG_TELL_MAX + 80,
	    "a long complaint is cut: %zu bytes", strlen(err.text));
	runprog_clear(&r);
}

static void
test_show(void)
{
	struct buf text = BUF_INIT, out = BUF_INIT;

	buf_add(&text, "a\tb\n\x1b[0m\0c", 10);
	runprog_show(&text, 100, &out);
	is_str(buf_str(&out), "a\\x09b\n\\x1b[0m\\x00c\n", "escaped by lines");
	buf_reset(&out);
	runprog_show(&text, 2, &out);
	is_str(buf_str(&out), "a\\x09\n", "and cut");
	buf_reset(&out);
	buf_reset(&text);
	runprog_show(&text, 100, &out);
	is_int((long long)out.len, 0, "nothing stays nothing");
	buf_clear(&text);
	buf_clear(&out);
}

int
main(void)
{
	/* A descriptor that a child must not see. */
	if (open("/dev/null", O_RDONLY) == -1)
		return 1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	test_cases();
	test_input();
	test_flood();
	test_timeout();
	test_background();
	test_explain();
	test_show();
	test_cannot_start();
	/* And with none of the standard ones open. */
	close(STDIN_FILENO);
	test_input();
	return tap_done();
}
