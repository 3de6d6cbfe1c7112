/*
 * The client of keyturnd's control socket.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "conf.h"
#include "control.h"
#include "output.h"
#include "unixsock.h"

/* One exchange. */
struct exchange {
	const char *path;
	int timeout_s;
	time_t deadline; /* CLOCK_MONOTONIC */
};

static time_t
now_monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void
wake(int sig)
{
	(void)sig;
}

/*
 * Interrupt system calls after seconds and every second from then on: connect
 * waits too, when the queue of a keyturnd that hangs is full.
 */
static int
timer_start(int seconds, struct err *err)
{
	struct itimerval timer = { .it_value = { .tv_sec = seconds },
		.it_interval = { .tv_sec = 1 } };
	struct sigaction action = { .sa_handler = wake };

	if (sigaction(SIGALRM, &action, NULL) == -1 ||
	    setitimer(ITIMER_REAL, &timer, NULL) == -1)
		return err_errno(err, "timer");
	return 0;
}

static void
timer_stop(void)
{
	struct itimerval off = { .it_value = { .tv_sec = 0 } };

	setitimer(ITIMER_REAL, &off, NULL);
}

/* Whether an interrupted call is to be tried again. */
static bool
goes_on(const struct exchange *x)
{
	return errno == EINTR && now_monotonic() < x->deadline;
}

/* Put errno into words, with what to do about it.  Returns the exit code. */
static int
explain(const struct exchange *x, const struct err *cause, struct err *err)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		err_set(err, ERR_IO,
		    "%s; is keyturnd running? Its log says why not; if "
		    "control_socket was changed since it started, name the "
		    "old one with -s",
		    cause->text);
		return CTL_UNAVAILABLE;
	case EACCES:
	case EPERM:
		err_set(err, ERR_IO,
		    "%s; root, keyturnd's user and the members of its group "
		    "may ask: try sudo",
		    cause->text);
		return CTL_NO_PERMISSION;
	case EINTR:
	case EAGAIN:
		err_set(err, ERR_IO,
		    "%s: no answer within %d s; keyturnd is there and busy or "
		    "stuck: see its log",
		    x->path, x->timeout_s);
		return CTL_UNAVAILABLE;
	default:
		*err = *cause;
		return CTL_UNAVAILABLE;
	}
}

static int
fail(const struct exchange *x, struct err *err)
{
	struct err cause;

	err_errno(&cause, "%s", x->path);
	return explain(x, &cause, err);
}

/* Send the request line.  Returns 0, or the exit code with err set. */
static int
ask(const struct exchange *x, int fd, const char *request, struct err *err)
{
	struct buf line = BUF_INIT;
	size_t done = 0;
	int code = 0;
	ssize_t n;

	buf_printf(&line, "%s\n", request);
	if (line.has_failed) {
		err_nomem(err);
		code = CTL_NOT_YET;
	}
	while (code == 0 && done < line.len) {
		n = send(fd, line.data + done, line.len - done, MSG_NOSIGNAL);
		if (n >= 0)
			done += (size_t)n;
		else if (!goes_on(x))
			code = fail(x, err);
	}
	buf_clear(&line);
	return code;
}

/* Receive all of the answer.  Returns 0, or the exit code with err set. */
static int
receive(const struct exchange *x, int fd, struct buf *answer, struct err *err)
{
	char piece[16384];
	ssize_t n;

	for (;;) {
		n = recv(fd, piece, sizeof(piece), 0);
		if (n == -1 && goes_on(x))
			continue;
		if (n == -1)
			return fail(x, err);
		if (n == 0)
			break;
		buf_add(answer, piece, (size_t)n);
		if (answer->len > CONTROL_ANSWER_MAX) {
			err_set(err, ERR_LIMIT,
			    "%s: answer over %zu bytes: is that keyturnd?",
			    x->path, CONTROL_ANSWER_MAX);
			return CTL_UNAVAILABLE;
		}
	}
	if (answer->has_failed) {
		err_nomem(err);
		return CTL_NOT_YET;
	}
	return 0;
}

/* Take the answer apart: a line with a number from 0 to 255, then text. */
static int
understand(const struct exchange *x, const struct buf *answer, struct buf *text,
    int *code, struct err *err)
{
	size_t i = 0;
	int number = 0;

	while (i < answer->len && i < 3 && answer->data[i] >= '0' &&
	    answer->data[i] <= '9')
		number = number * 10 + (answer->data[i++] - '0');
	*code = CTL_UNAVAILABLE;
	if (answer->len == 0)
		return err_set(err, ERR_IO,
		    "%s: keyturnd closed the connection without an answer: "
		    "did it just stop? see its log",
		    x->path);
	if (i == 0 || i == answer->len || answer->data[i] != '\n' ||
	    number > 255)
		return err_set(err, ERR_IO,
		    "%s: an answer that this version does not understand: "
		    "are keyturn and keyturnd of one version?",
		    x->path);
	*code = number;
	buf_add(text, answer->data + i + 1, answer->len - i - 1);
	if (text->has_failed) {
		*code = CTL_NOT_YET;
		return err_nomem(err);
	}
	return 0;
}

int
control_ask(const char *path, const char *request, int timeout_s,
    struct buf *text, int *code, struct err *err)
{
	struct exchange x = { path, timeout_s, now_monotonic() + timeout_s };
	struct buf answer = BUF_INIT;
	struct err cause = ERR_INIT;
	int fd, rc = -1;

	*code = CTL_UNAVAILABLE;
	if (timer_start(timeout_s, err) == -1)
		return -1;
	errno = 0;
	fd = unixsock_connect(path, SOCK_STREAM, -1, &cause);
	if (fd == -1) {
		*code = explain(&x, &cause, err);
		goto out;
	}
	*code = ask(&x, fd, request, err);
	if (*code == 0)
		*code = receive(&x, fd, &answer, err);
	if (*code == 0)
		rc = understand(&x, &answer, text, code, err);
out:
	timer_stop();
	if (fd != -1)
		close(fd);
	buf_clear(&answer);
	return rc;
}

bool
control_call(const struct ctl_call *call, const char *socket_path,
    bool needs_conf, const char *request, int timeout_s, struct buf *text,
    int *code)
{
	struct err err = ERR_INIT;
	struct conf *conf = NULL;
	bool answered = false;

	*code = CTL_CONFIG;
	if (socket_path == NULL) {
		conf = conf_load(call->conf_path, &err);
		if (conf == NULL && needs_conf) {
			out_error("%s", err.text);
			out_error("keyturnd was not asked and goes on with "
			          "what it has");
			return false;
		}
		if (conf == NULL) {
			out_error("warning: %s; trying the default socket",
			    err.text);
			conf = conf_default(&err);
		}
		if (conf == NULL) {
			*code = out_err(&err, CTL_CONFIG);
			return false;
		}
		socket_path = conf->control_socket;
	}
	answered =
	    control_ask(socket_path, request, timeout_s, text, code, &err) == 0;
	if (!answered)
		out_error("%s", err.text);
	conf_free(conf);
	return answered;
}
