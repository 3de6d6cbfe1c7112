/*
 * Children: what they are started with, when they are started again, and how
 * their end is reported.  Programs are shell scripts; time is given, not
 * waited for.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "spawner.h"
#include "tap.h"

static char dir[] = "/tmp/keyturn-spawner.XXXXXX";
static int stderr_saved;

static const char *
path(const char *name)
{
	static char text[4][128];
	static unsigned next;
	char *p = text[next++ % 4];

	snprintf(p, sizeof(text[0]), "%s/%s", dir, name);
	return p;
}

/* A shell script called name; returns its path, good until the fourth next. */
static const char *
script(const char *name, const char *body)
{
	FILE *f = fopen(path(name), "w");

	if (f == NULL || fprintf(f, "#!/bin/sh\n%s\n", body) < 0 ||
	    fchmod(fileno(f), 0755) == -1 || fclose(f) == EOF)
		abort();
	return path(name);
}

static const char *
contents(const char *name)
{
	static char text[8192];
	FILE *f = fopen(path(name), "r");
	size_t len = 0;

	if (f != NULL) {
		len = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[len] = '\0';
	return text;
}

/* What is logged goes to a file. */
static void
log_begin(void)
{
	int fd = open(path("log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || dup2(fd, STDERR_FILENO) == -1)
		abort();
	close(fd);
}

static void
log_end(void)
{
	dup2(stderr_saved, STDERR_FILENO);
}

/* Wait, in real time, until a child of s has ended, without reaping it. */
static void
wait_end(const struct spawn *s, size_t i)
{
	siginfo_t info;

	alarm(30);
	if (s->children[i].pid == 0 ||
	    waitid(P_PID, (id_t)s->children[i].pid, &info, WEXITED | WNOWAIT) ==
	        -1)
		abort();
	alarm(0);
}

static void
init(struct spawn *s, const char *program, const struct conf *conf)
{
	struct err err = ERR_INIT;

	if (spawn_init(s, program, "/x/keyturn.conf", conf, &err) == -1) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
}

static char spec_a[] = "unix:/tmp/a.sock", spec_b[] = "inet:8891@127.0.0.1";
static struct conf_socket two[] = { { .spec = spec_a }, { .spec = spec_b } };
static struct conf conf_two = { .sockets = two, .socket_count = 2 };
static struct conf conf_one = { .sockets = two, .socket_count = 1 };

static void
test_arguments(void)
{
	char body[512], want[512];
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction standard = { .sa_handler = SIG_DFL };
	struct spawn s;
	sigset_t block, before;

	/* The script's own shell must not touch what it is to show. */
	snprintf(body, sizeof(body),
	    "echo \"$@\" >>%s\ngrep -E 'Sig(Blk|Ign)' /proc/self/status >%s",
	    path("args"), path("signals"));
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &before);
	sigaction(SIGPIPE, &ignore, NULL);
	init(&s, script("show", body), &conf_one);
	log_begin();
	is_int(spawn_run(&s, 0), -1, "started at once, none waits");
	sigaction(SIGPIPE, &standard, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	is_int((long long)spawn_running(&s), 1, "one runs");
	wait_end(&s, 0);
	spawn_reap(&s, 5);
	log_end();
	is_int((long long)spawn_running(&s), 0, "then none");
	snprintf(want, sizeof(want),
	    "-c /x/keyturn.conf -s unix:/tmp/a.sock -P %ld\n", (long)getpid());
	is_str(contents("args"), want, "its arguments");
#ifdef __linux__
	/* Bits 31 and 32 are the C library's own signals. */
	unsigned long long blocked = ~0ULL, ignored = ~0ULL;

	sscanf(contents("signals"), "SigBlk: %llx\nSigIgn: %llx", &blocked,
	    &ignored);
	is_int((long long)blocked, 0, "no signal is blocked in it");
	is_int((long long)(ignored & ~0x180000000ULL), 0, "none is ignored");
#endif
	spawn_clear(&s);
}

/* Ends at once, again and again: the delays. */
static void
test_delays(void)
{
	static const int want[] = { 100, 200, 400, 800, 1600, 3200, 6400, 12800,
		25600, 30000, 30000, 30000 };
	long long now = 1000000;
	struct spawn s;

	init(&s, script("fail", "exit 3"), &conf_one);
	log_begin();
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		spawn_run(&s, now);
		wait_end(&s, 0);
		spawn_reap(&s, now + 10);
		if (i == 0) {
			is_int(spawn_run(&s, now + 10), 100, "due in 100 ms");
			is_int(spawn_run(&s, now + 109), 1,
			    "not started before");
			is_int((long long)spawn_running(&s), 0, "still not");
		}
		now = s.children[0].due;
		is_int(s.children[0].due - (now - want[i]), want[i], "delay");
		is_int(spawn_run(&s, now - 1), 1, "one ms before it is due");
	}
	/* One that lived for SPAWN_STABLE_MS starts fresh, 1 ms less not. */
	spawn_run(&s, now);
	wait_end(&s, 0);
	spawn_reap(&s, now + SPAWN_STABLE_MS - 1);
	is_int(s.children[0].due, now + SPAWN_STABLE_MS - 1 + 30000,
	    "9999 ms of life: the delay stays");
	now = s.children[0].due;
	spawn_run(&s, now);
	wait_end(&s, 0);
	spawn_reap(&s, now + SPAWN_STABLE_MS);
	is_int(s.children[0].due, now + SPAWN_STABLE_MS + 100,
	    "10000 ms of life: fresh");
	log_end();
	ok(strstr(contents("log"),
	       "for unix:/tmp/a.sock exited with 3; starting again in 100 ms"),
	    "the log says how it ended");
	spawn_clear(&s);
}

static void
test_kill(void)
{
	struct spawn s;
	pid_t first;
	char other_body[64];

	snprintf(other_body, sizeof(other_body), "exec sleep 60");
	init(&s, script("sleep", other_body), &conf_two);
	log_begin();
	spawn_run(&s, 0);
	first = s.children[1].pid;
	is_int((long long)spawn_running(&s), 2, "one for each socket");
	kill(s.children[0].pid, SIGKILL);
	wait_end(&s, 0);
	spawn_reap(&s, 20);
	is_int((long long)spawn_running(&s), 1, "one was killed");
	is_int(spawn_run(&s, 20), 100, "started again in 100 ms");
	is_int(spawn_run(&s, 120), -1, "and is then");
	is_int((long long)spawn_running(&s), 2, "both run");
	ok(s.children[1].pid == first, "the other was not touched");

	spawn_stop(&s, SIGTERM);
	wait_end(&s, 0);
	wait_end(&s, 1);
	spawn_reap(&s, 500);
	is_int((long long)spawn_running(&s), 0, "all are stopped");
	is_int(spawn_run(&s, 1000000), -1, "and none is started again");
	spawn_stop(&s, SIGKILL);
	log_end();
	ok(strstr(contents("log"), "killed by signal 9") &&
	        strstr(contents("log"), "killed by signal 15"),
	    "the log names the signals");
	spawn_clear(&s);
}

/* Started by somebody who ignores SIGCHLD: children are collected for us. */
static void
test_ignored(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct spawn s;

	sigaction(SIGCHLD, &ignore, NULL);
	init(&s, script("sleep", "exec sleep 60"), &conf_one);
	log_begin();
	spawn_run(&s, 0);
	kill(s.children[0].pid, SIGKILL);
	for (int i = 0; i < 200 && spawn_running(&s) > 0; i++) {
		usleep(10000);
		spawn_reap(&s, 20);
	}
	log_end();
	is_int((long long)spawn_running(&s), 0,
	    "SIGCHLD was ignored at start: an end is noticed");
	spawn_clear(&s);
}

/* A program that cannot be started is tried again, later each time. */
static void
test_missing(void)
{
	struct spawn s;

	init(&s, "/nonexistent/keyturn-milter", &conf_one);
	log_begin();
	is_int(spawn_run(&s, 0), 100, "tried again in 100 ms");
	is_int(spawn_run(&s, 100), 200, "then in 200 ms");
	log_end();
	is_int((long long)spawn_running(&s), 0, "nothing runs");
	ok(strstr(contents("log"),
	       "/nonexistent/keyturn-milter: cannot be started for "
	       "unix:/tmp/a.sock: No such file or directory; trying again in "
	       "100 ms"),
	    "the log says why");
	spawn_clear(&s);
}

static void
test_optional(void)
{
	char missing[256], there[256], root[] = "unix:/a.sock";
	char inet[] = "inet:8891@127.0.0.1";
	struct conf_socket sockets[] = {
		{ .spec = missing, .optional = true },
		{ .spec = there, .optional = true },
		{ .spec = root, .optional = true },
		{ .spec = inet, .optional = true },
		{ .spec = missing },
	};
	struct conf conf = { .sockets = sockets, .socket_count = 5 };
	struct spawn s;

	snprintf(missing, sizeof(missing), "unix:%s/none/m.sock", dir);
	snprintf(there, sizeof(there), "local:%s/m.sock", dir);
	log_begin();
	init(&s, "/bin/true", &conf);
	log_end();
	is_int((long long)s.count, 4, "one of five is left out");
	ok(s.children[0].socket == &sockets[1] &&
	        s.children[3].socket == &sockets[4],
	    "the optional one without a directory");
	ok(strstr(contents("log"), "none/m.sock: no directory"),
	    "the log names it");
	spawn_clear(&s);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		abort();
	stderr_saved = dup(STDERR_FILENO);
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_arguments();
	test_delays();
	test_kill();
	test_ignored();
	test_missing();
	test_optional();

	static const char *const files[] = { "args", "signals", "log", "show",
		"fail", "sleep" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(path(files[i]));
	rmdir(dir);
	return tap_done();
}
