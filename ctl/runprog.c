/*
 * Running a program: posix_spawn, two pipes and a pidfd in one poll loop.  Its
 * stdin is a file in memory, so that nothing can block or raise SIGPIPE when
 * it does not read.
 */
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "monotime.h"
#include "runprog.h"

enum {
	PIECE = 16384,
	/* Reads of what is still in a pipe at the end: 1 MiB, its largest. */
	LAST_PIECES = 64,
};

/* What runs. */
struct child {
	pid_t pid;
	int pidfd;
	int in;       /* its stdin */
	int out[2];   /* pipe from its stdout: our end first */
	int error[2]; /* likewise stderr */
};

#define CHILD_INIT                                                   \
	{                                                            \
		.pid = -1, .pidfd = -1, .in = -1, .out = { -1, -1 }, \
		.error = {                                           \
			-1,                                          \
			-1                                           \
		}                                                    \
	}

static void
close_one(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
child_clear(struct child *c)
{
	close_one(&c->pidfd);
	close_one(&c->in);
	for (int i = 0; i < 2; i++) {
		close_one(&c->out[i]);
		close_one(&c->error[i]);
	}
}

/*
 * Out of the way of the child's 0 to 2, which may be free here.  Returns 0, or
 * -1 with errno set.
 */
static int
move_up(int *fd)
{
	int high;

	if (*fd > STDERR_FILENO)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (high == -1)
		return -1;
	close(*fd);
	*fd = high;
	return 0;
}

static int
open_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) == -1 || move_up(&fds[0]) == -1 ||
	    move_up(&fds[1]) == -1)
		return -1;
	/* Only our end: the child's is as it expects it. */
	return fcntl(fds[0], F_SETFL, O_NONBLOCK);
}

static int
open_input(struct child *c, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	c->in = memfd_create("stdin", MFD_CLOEXEC);
	if (c->in == -1 || move_up(&c->in) == -1)
		return -1;
	while (len > 0) {
		n = write(c->in, p, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return lseek(c->in, 0, SEEK_SET) == -1 ? -1 : 0;
}

/* Returns 0 or an error number, as posix_spawn's functions do. */
static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr,
		    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
		        POSIX_SPAWN_SETPGROUP);
	return rc;
}

static int
set_actions(posix_spawn_file_actions_t *actions, const struct child *c)
{
	int rc;

	rc = posix_spawn_file_actions_adddup2(actions, c->in, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, c->out[1],
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, c->error[1],
		    STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions,
		    STDERR_FILENO + 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addchdir_np(actions, "/");
	return rc;
}

static int
spawn_path(struct child *c, const char *path, char *const *argv)
{
	static const char *const environment[] = { "PATH=" RUNPROG_PATH,
		"LC_ALL=C", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	rc = posix_spawnattr_init(&attr);
	if (rc != 0)
		return rc;
	rc = posix_spawn_file_actions_init(&actions);
	if (rc == 0) {
		rc = set_attributes(&attr);
		if (rc == 0)
			rc = set_actions(&actions, c);
		/* It takes char *const and changes none of them. */
		if (rc == 0)
			rc = posix_spawn(&c->pid, path, &actions, &attr, argv,
			    (char *const *)(uintptr_t)environment);
		posix_spawn_file_actions_destroy(&actions);
	}
	posix_spawnattr_destroy(&attr);
	return rc;
}

/*
 * Start argv[0], looked for in our PATH and not the caller's when it has no
 * slash.  Returns 0 or an error number.
 */
static int
spawn_argv(struct child *c, char *const *argv)
{
	const char *at = RUNPROG_PATH;
	char path[4096];
	int rc = ENOENT;

	if (strchr(argv[0], '/') != NULL)
		return spawn_path(c, argv[0], argv);
	while (rc == ENOENT && *at != '\0') {
		int len = (int)strcspn(at, ":");

		if (snprintf(path, sizeof(path), "%.*s/%s", len, at, argv[0]) >=
		    (int)sizeof(path))
			return ENAMETOOLONG;
		rc = spawn_path(c, path, argv);
		at += len;
		at += *at == ':';
	}
	return rc;
}

static int
child_start(struct child *c, const struct runprog *r, struct err *err)
{
	int rc;

	if (open_input(c, r->input, r->input_len) == -1 ||
	    open_pipe(c->out) == -1 || open_pipe(c->error) == -1)
		return err_errno(err, "%s", r->argv[0]);
	rc = spawn_argv(c, r->argv);
	if (rc != 0) {
		c->pid = -1;
		errno = rc;
		err_errno(err, "%s", r->argv[0]);
		if (rc != EAGAIN && rc != ENOMEM && rc != EMFILE &&
		    rc != ENFILE)
			err->code = ERR_CONF;
		return -1;
	}
	/* Else the pipes would never end. */
	close_one(&c->out[1]);
	close_one(&c->error[1]);
	c->pidfd = pidfd_open(c->pid, 0);
	return c->pidfd == -1 ? err_errno(err, "%s", r->argv[0]) : 0;
}

/* Keep at most RUNPROG_OUTPUT_MAX bytes, the first ones. */
static void
keep_first(struct buf *b, const char *data, size_t len)
{
	size_t room = RUNPROG_OUTPUT_MAX - b->len;

	buf_add(b, data, len < room ? len : room);
}

/* Likewise the last ones. */
static void
keep_last(struct buf *b, const char *data, size_t len)
{
	size_t over;

	buf_add(b, data, len);
	if (b->has_failed || b->len <= RUNPROG_OUTPUT_MAX)
		return;
	over = b->len - RUNPROG_OUTPUT_MAX;
	memmove(b->data, b->data + over, RUNPROG_OUTPUT_MAX);
	b->len = RUNPROG_OUTPUT_MAX;
}

/*
 * Take what one pipe holds, at most a piece of it, and close it at its end.
 * False when there was nothing.
 */
static bool
take(int *fd, struct buf *b, void (*keep)(struct buf *, const char *, size_t))
{
	char piece[PIECE];
	ssize_t n;

	if (*fd == -1)
		return false;
	n = read(*fd, piece, sizeof(piece));
	if (n > 0) {
		keep(b, piece, (size_t)n);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_one(fd);
	return n == -1 && errno == EINTR;
}

/* Read until it has ended.  Returns 0; 1 at the deadline; -1 with errno. */
static int
attend(struct child *c, struct runprog *r, long long deadline)
{
	for (;;) {
		struct pollfd fds[3] = {
			{ .fd = c->pidfd, .events = POLLIN },
			{ .fd = c->out[0], .events = POLLIN },
			{ .fd = c->error[0], .events = POLLIN },
		};
		int left = mono_until_ms(deadline);

		if (left == 0)
			return 1;
		if (poll(fds, 3, left) == -1 && errno != EINTR)
			return -1;
		take(&c->out[0], &r->out, keep_first);
		take(&c->error[0], &r->error, keep_last);
		if (fds[0].revents != 0)
			return 0;
	}
}

/* Collect it: it has ended, or is about to. */
static int
child_wait(const struct child *c, struct runprog *r)
{
	int status;

	while (waitpid(c->pid, &status, 0) == -1) {
		if (errno != EINTR)
			return -1;
	}
	if (r->end == RUNPROG_TIMED_OUT)
		return 0;
	r->end = WIFEXITED(status) ? RUNPROG_EXITED : RUNPROG_SIGNALLED;
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	return 0;
}

static int
child_run(struct child *c, struct runprog *r, struct err *err)
{
	int rc;

	rc = attend(c, r, mono_now_ms() + r->timeout * 1000LL);
	if (rc != 0) {
		/* The group first: while c is not collected it is ours. */
		kill(-c->pid, SIGKILL);
		r->end = RUNPROG_TIMED_OUT;
	}
	if (rc == -1) {
		err_errno(err, "%s", r->argv[0]);
		child_wait(c, r);
		return -1;
	}
	if (child_wait(c, r) == -1)
		return err_errno(err, "%s", r->argv[0]);
	/* What it left in the background may write for ever. */
	for (int i = 0; i < LAST_PIECES; i++) {
		bool has_more = take(&c->out[0], &r->out, keep_first);

		if (!take(&c->error[0], &r->error, keep_last) && !has_more)
			break;
	}
	if (r->out.has_failed || r->error.has_failed)
		return err_nomem(err);
	return 0;
}

int
runprog(struct runprog *r, struct err *err)
{
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	struct child c = CHILD_INIT;
	int rc;

	r->out = (struct buf)BUF_INIT;
	r->error = (struct buf)BUF_INIT;
	r->end = RUNPROG_EXITED;
	r->code = 0;
	/* Whoever started us with it ignored left no child to be waited for. */
	if (sigaction(SIGCHLD, &standard, NULL) == -1)
		return err_errno(err, "SIGCHLD");
	rc = child_start(&c, r, err);
	if (rc == 0) {
		rc = child_run(&c, r, err);
	} else if (c.pid != -1) {
		kill(-c.pid, SIGKILL);
		child_wait(&c, r);
	}
	child_clear(&c);
	return rc;
}

void
runprog_clear(struct runprog *r)
{
	buf_clear(&r->out);
	buf_clear(&r->error);
}

/* The end of what it complained of, on one line. */
static void
add_complaint(const struct buf *error, struct buf *out)
{
	const char *data = error->data;
	size_t len = error->len;

	while (len > 0 && strchr("\r\n", data[len - 1]) != NULL &&
	    data[len - 1] != '\0')
		len--;
	if (len == 0)
		return;
	buf_adds(out, ": ");
	if (len > RUNPROG_TELL_MAX) {
		buf_adds(out, "... ");
		data += len - RUNPROG_TELL_MAX;
		len = RUNPROG_TELL_MAX;
	}
	while (len > 0) {
		const char *end = memchr(data, '\n', len);
		size_t line = end ? (size_t)(end - data) : len;

		buf_add_escaped(out, data, line);
		if (end == NULL)
			break;
		buf_adds(out, "; ");
		data += line + 1;
		len -= line + 1;
	}
}

void
runprog_explain(const struct runprog *r, struct err *err)
{
	struct buf text = BUF_INIT;
	const char *s;

	if (r->end == RUNPROG_TIMED_OUT)
		buf_printf(&text, "did not end within %d s and was killed",
		    r->timeout);
	else if (r->end == RUNPROG_SIGNALLED)
		buf_printf(&text, "killed by signal %d (%s)", r->code,
		    strsignal(r->code));
	else
		buf_printf(&text, "exit code %d", r->code);
	add_complaint(&r->error, &text);
	s = buf_str(&text);
	if (s == NULL)
		err_nomem(err);
	else
		err_set(err, ERR_IO, "%s: %s", r->argv[0], s);
	buf_clear(&text);
}

void
runprog_show(const struct buf *text, size_t max, struct buf *out)
{
	const char *data = text->data;
	size_t left = text->len < max ? text->len : max;

	while (left > 0) {
		const char *end = memchr(data, '\n', left);
		size_t line = end ? (size_t)(end - data) : left;

		buf_add_escaped(out, data, line);
		buf_addc(out, '\n');
		data += line;
		left -= line;
		if (end != NULL) {
			data++;
			left--;
		}
	}
}
