/*
 * The log: what a line looks like, that a log nobody reads stalls no one, that
 * what is lost is counted and told, and where lines go after a change.
 *
 * Each scenario runs in a child with stderr on a pipe; syslog(3) is replaced
 * by functions of the test.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "tap.h"

static const struct conf_log to_stderr = { .to = LOG_TO_STDERR,
	.level = LOG_INFO };

/*
 * What is called instead of the C library, in its plain and in its fortified
 * form: one line on stderr for each call.
 */
void __syslog_chk(int priority, int flag, const char *fmt, ...);

static void
tell_syslog(int priority, const char *fmt, va_list ap)
{
	char text[LOG_LINE_MAX + 64];
	int len = snprintf(text, sizeof(text), "syslog %d ", priority);

	vsnprintf(text + len, sizeof(text) - (size_t)len, fmt, ap);
	dprintf(STDERR_FILENO, "%s\n", text);
}

#undef syslog /* a macro in some fortified builds */

void
syslog(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell_syslog(priority, fmt, ap);
	va_end(ap);
}

void
__syslog_chk(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	tell_syslog(priority, fmt, ap);
	va_end(ap);
}

void
openlog(const char *ident, int option, int facility)
{
	dprintf(STDERR_FILENO, "openlog %s %s %d\n", ident,
	    option & LOG_PID ? "pid" : "no pid", facility);
}

void
closelog(void)
{
	dprintf(STDERR_FILENO, "closelog\n");
}

static long long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
start(const struct conf_log *conf)
{
	struct err err = ERR_INIT;

	if (log_start("keyturnd", conf, &err) == -1) {
		dprintf(STDERR_FILENO, "log_start: %s\n", err.text);
		_exit(1);
	}
}

/* All that can be read from fd until its end; to be freed. */
static char *
read_all(int fd)
{
	size_t size = 1 << 16, len = 0;
	char *text = malloc(size);
	ssize_t n;

	while (text && (n = read(fd, text + len, size - len - 1)) > 0) {
		len += (size_t)n;
		if (size - len < 4096)
			text = realloc(text, size *= 2);
	}
	if (text == NULL)
		abort();
	text[len] = '\0';
	close(fd);
	return text;
}

/*
 * Run scenario in a child.  Returns the reading end of its stderr; *pid is set.
 */
static int
child(void (*scenario)(void), pid_t *pid)
{
	int fds[2];

	fflush(stdout);
	if (pipe(fds) == -1)
		abort();
	*pid = fork();
	if (*pid == 0) {
		alarm(60);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		scenario();
		_exit(0);
	}
	close(fds[1]);
	return fds[0];
}

static void
ended_well(pid_t pid, const char *name)
{
	int status = -1;

	waitpid(pid, &status, 0);
	is_int(status, 0, name);
}

/* Run scenario; its stderr with the pid written as PID, to be freed. */
static char *
outcome(void (*scenario)(void), const char *name)
{
	char number[32], *text, *p;
	pid_t pid;
	int fd = child(scenario, &pid);

	text = read_all(fd);
	ended_well(pid, name);
	snprintf(number, sizeof(number), "[%ld]", (long)pid);
	while ((p = strstr(text, number)) != NULL) {
		memcpy(p, "[PID]", 5);
		memmove(p + 5, p + strlen(number),
		    strlen(p + strlen(number)) + 1);
	}
	return text;
}

static void
lines(void)
{
	start(&to_stderr);
	log_msg(LOG_ERR, NULL, "a %s", "message");
	log_msg(LOG_INFO, "4Xyz", "about mail");
	log_msg(LOG_INFO, "-", "no id yet");
	log_msg(LOG_DEBUG, NULL, "not at this level");
	log_msg(LOG_INFO, NULL, "two\nlines\x1b[31m");
	log_msg(LOG_INFO, NULL, "f\xc3\xbcr");
	log_flush(5000);
}

static void
before_start(void)
{
	log_msg(LOG_ERR, NULL, "early");
	log_flush(5000);
}

static void
long_lines(void)
{
	static char text[3 * LOG_LINE_MAX];

	start(&to_stderr);
	memset(text, 'x', LOG_LINE_MAX - 1);
	log_msg(LOG_ERR, NULL, "%s", text);
	memset(text, 'y', sizeof(text) - 1);
	log_msg(LOG_ERR, "Q", "%s", text);
	log_msg(LOG_ERR, text, "z");
	log_flush(5000);
}

static void
targets(void)
{
	struct conf_log conf = {
		.to = LOG_TO_SYSLOG, .facility = LOG_MAIL, .level = LOG_NOTICE
	};

	start(&conf);
	log_msg(LOG_NOTICE, "Q", "100%% %%s");
	log_msg(LOG_INFO, "Q", "not at this level");
	log_flush(5000);
	conf.facility = LOG_LOCAL0;
	conf.level = LOG_DEBUG;
	log_configure(&conf);
	log_msg(LOG_DEBUG, NULL, "more");
	log_flush(5000);
	log_reopen();
	log_flush(5000);
	log_configure(&to_stderr);
	log_msg(LOG_INFO, NULL, "here");
	log_flush(5000);
}

/* What long_lines gives. */
static char *
expect_long(void)
{
	static char x[LOG_LINE_MAX], y[LOG_LINE_MAX];
	char *want;

	memset(x, 'x', sizeof(x) - 1);
	memset(y, 'y', sizeof(y) - 1);
	if (asprintf(&want,
	        "keyturnd[PID]: %s\nkeyturnd[PID]: Q: %s\n"
	        "keyturnd[PID]: %s\n",
	        x, y + strlen("Q: "), y) == -1)
		abort();
	return want;
}

static void
test_lines(void)
{
	char *text = outcome(lines, "lines");
	char *want, local0[64];

	is_str(text,
	    "keyturnd[PID]: a message\n"
	    "keyturnd[PID]: 4Xyz: about mail\n"
	    "keyturnd[PID]: -: no id yet\n"
	    "keyturnd[PID]: two?lines?[31m\n"
	    "keyturnd[PID]: f\xc3\xbcr\n",
	    "one line each, with the queue id, up to the level");
	free(text);

	text = outcome(before_start, "before the start");
	ok(strstr(text, "[PID]: early\n") != NULL, "goes to stderr: %s", text);
	free(text);

	text = outcome(long_lines, "long lines");
	want = expect_long();
	is_str(text, want, "LOG_LINE_MAX - 1 bytes are whole, more is cut");
	free(text);
	free(want);

	text = outcome(targets, "targets");
	snprintf(local0, sizeof(local0), "openlog keyturnd pid %d\n",
	    LOG_LOCAL0);
	ok(strstr(text, "syslog 5 Q: 100% %s\n") != NULL,
	    "to syslog, the text is no format");
	ok(strstr(text, "not at") == NULL, "the level counts there too");
	ok(strstr(text, local0) != NULL, "another facility");
	ok(strstr(text, "syslog 7 more\n") != NULL, "another level");
	ok(strstr(strstr(text, "more"), "closelog\nopenlog") != NULL,
	    "reopened");
	ok(strstr(text, "keyturnd[PID]: here\n") != NULL, "then to stderr");
	free(text);
}

/*
 * A log that nobody reads: the pipe takes 64 KiB, the queue LOG_QUEUE_MAX
 * lines; more than both is logged.
 */
enum { FLOOD = 3 * LOG_QUEUE_MAX };

static int talk[2]; /* figures go one way, the word to go on the other */

static void
stalled(void)
{
	long long begun = now_ms(), flooded, flushed;
	char go;

	start(&to_stderr);
	for (int i = 0; i < FLOOD; i++)
		log_msg(LOG_INFO, "Q", "line %d of a flood", i);
	flooded = now_ms();
	log_flush(200);
	flushed = now_ms();
	dprintf(talk[1], "%lld %lld %lu", flooded - begun, flushed - flooded,
	    log_dropped());
	/* Only now does anybody read. */
	if (read(talk[1], &go, 1) != 1)
		_exit(2);
	log_flush(30000);
	log_msg(LOG_INFO, NULL, "afterwards");
	log_flush(30000);
}

/* Lines of the flood in text, -1 when they are not in order; and the loss. */
static int
count_flood(const char *text, unsigned long *told)
{
	int count = 0, last = -1, number;
	unsigned long lost;

	*told = 0;
	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1) {
		const char *rest = strstr(p, "]: ");

		if (rest == NULL)
			return -1;
		if (sscanf(rest, "]: Q: line %d of a flood", &number) == 1) {
			if (number <= last)
				return -1;
			last = number;
			count++;
		} else if (sscanf(rest, "]: %lu log lines dropped", &lost) == 1)
			*told += lost;
		else if (strncmp(rest, "]: afterwards\n", 14) != 0)
			return -1;
	}
	return count;
}

static void
test_stalled(void)
{
	unsigned long dropped = 0, told;
	long long flooded, flushed;
	char figures[128], *text;
	ssize_t len;
	pid_t pid;
	int fd, count;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, talk) == -1)
		abort();
	fd = child(stalled, &pid);
	len = read(talk[0], figures, sizeof(figures) - 1);
	figures[len > 0 ? len : 0] = '\0';
	if (!ok(sscanf(figures, "%lld %lld %lu", &flooded, &flushed,
	            &dropped) == 3,
	        "the flood ends though nobody reads: %s", figures))
		return;
	/* Measured: 10 ms; a writer that waited would wait for ever. */
	ok(flooded < 10000, "in %lld ms", flooded);
	ok(flushed >= 200 && flushed < 5000, "log_flush(200) takes %lld ms",
	    flushed);
	ok(dropped > 0 && dropped <= FLOOD - LOG_QUEUE_MAX,
	    "%lu lines are dropped, the queue's are not", dropped);
	if (write(talk[0], "", 1) != 1)
		abort();
	text = read_all(fd);
	ended_well(pid, "it goes on when somebody reads");
	count = count_flood(text, &told);
	ok(count >= LOG_QUEUE_MAX, "%d lines of the flood, in order", count);
	is_int((long long)told, (long long)dropped, "the loss is told");
	is_int(count + (long long)dropped, FLOOD,
	    "every line is accounted for");
	ok(strstr(text, "]: afterwards\n") != NULL, "and the log works");
	free(text);
	close(talk[0]);
	close(talk[1]);
}

/* Many threads at once, and a change of target between: for sanitizers too. */
enum { THREADS = 4, EACH = 500 };

static void *
chatter(void *arg)
{
	for (int i = 0; i < EACH; i++)
		log_msg(LOG_INFO, arg, "%d", i);
	return NULL;
}

static void
threads(void)
{
	static char names[THREADS][16];
	pthread_t ids[THREADS];

	start(&to_stderr);
	for (int i = 0; i < THREADS; i++) {
		snprintf(names[i], sizeof(names[i]), "t%d", i);
		if (pthread_create(&ids[i], NULL, chatter, names[i]) != 0)
			_exit(3);
	}
	for (int i = 0; i < 50; i++) {
		log_configure(&to_stderr);
		log_reopen();
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	log_flush(30000);
}

static void
test_threads(void)
{
	char *text = outcome(threads, "threads");
	int count = 0, next[THREADS] = { 0 }, thread, number;
	bool is_whole = true;

	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1) {
		count++;
		is_whole &= sscanf(p, "keyturnd[PID]: t%d: %d\n", &thread,
		                &number) == 2 &&
		    thread >= 0 && thread < THREADS && number == next[thread]++;
	}
	is_int(count, THREADS * EACH, "every line of every thread");
	ok(is_whole, "whole, and in each thread's order");
	free(text);
}

/* A target that is gone: lines are lost, the program is not. */
static void
broken(void)
{
	signal(SIGPIPE, SIG_IGN);
	start(&to_stderr);
	close(STDERR_FILENO);
	log_msg(LOG_INFO, NULL, "nobody is there");
	log_flush(5000);
}

static void
test_broken(void)
{
	free(outcome(broken, "a closed stderr"));
}

int
main(void)
{
	test_lines();
	test_stalled();
	test_threads();
	test_broken();
	return tap_done();
}
