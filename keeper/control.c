/*
 * Serves the control socket.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "buf.h"
#include "control.h"
#include "listener.h"
#include "log.h"
#include "monotime.h"
#include "unixsock.h"

struct control {
	struct parts parts;
	struct listener listener;
	struct complaint complaint;
};

static int
wait_reload(struct control *control, enum reload_kind kind, struct buf *out)
{
	struct outcome o;
	int code;

	reload_wait(control->parts.reloader, kind, &o);
	code = o.code;
	if (o.text != NULL)
		buf_adds(out, o.text);
	outcome_clear(&o);
	return code;
}

static int
do_reload(struct control *control, struct buf *out)
{
	return wait_reload(control, RELOAD_ALL, out);
}

static int
do_reload_rings(struct control *control, struct buf *out)
{
	return wait_reload(control, RELOAD_RINGS, out);
}

static int
do_status(struct control *control, struct buf *out)
{
	return status_report(&control->parts, false, out);
}

static int
do_status_json(struct control *control, struct buf *out)
{
	return status_report(&control->parts, true, out);
}

static const struct request {
	const char *line;
	/* Appends the answer to out and returns the exit code. */
	int (*run)(struct control *control, struct buf *out);
} requests[] = {
	{ "reload", do_reload },
	{ "reload rings", do_reload_rings },
	{ "status", do_status },
	{ "status json", do_status_json },
};

/* Wait until fd is ready.  False when the deadline has passed. */
static bool
wait_ready(int fd, short events, long long deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int left, n;

	do {
		left = mono_until_ms(deadline);
		n = left > 0 ? poll(&p, 1, left) : 0;
	} while (n == -1 && errno == EINTR);
	return n > 0;
}

/*
 * Read the request into line, without its line end.  Returns 0, or -1 with err
 * set: the text is for the client.
 */
static int
read_request(int fd, char line[CONTROL_LINE_MAX], struct err *err)
{
	long long deadline = mono_now_ms() + CONTROL_REQUEST_MS;
	size_t len = 0;
	char *end;
	ssize_t n;

	do {
		if (len == CONTROL_LINE_MAX)
			return err_set(err, ERR_LIMIT,
			    "a request of more than %d bytes",
			    CONTROL_LINE_MAX);
		if (!wait_ready(fd, POLLIN, deadline))
			return err_set(err, ERR_INPUT,
			    "no request came within %d ms", CONTROL_REQUEST_MS);
		n = recv(fd, line + len, CONTROL_LINE_MAX - len, MSG_DONTWAIT);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return err_set(err, ERR_INPUT,
			    "a request without its line end");
		len += (size_t)n;
	} while ((end = memchr(line, '\n', len)) == NULL);
	*end = '\0';
	if (strlen(line) != (size_t)(end - line))
		return err_set(err, ERR_INPUT, "a NUL in a request");
	return 0;
}

/* Send all of b, or as much as the client takes in time. */
static void
write_answer(struct control *control, int fd, const struct buf *b)
{
	long long deadline = mono_now_ms() + CONTROL_ANSWER_MS;
	size_t done = 0;
	ssize_t n;

	while (done < b->len) {
		n = send(fd, b->data + done, b->len - done,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN && wait_ready(fd, POLLOUT, deadline))
			continue;
		complain(&control->complaint, LOG_NOTICE,
		    "control: a client did not take its answer: %s",
		    strerrordesc_np(errno));
		return;
	}
}

/* The request in line.  Returns the exit code. */
static int
run_request(struct control *control, const char *line, struct buf *out)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (strcmp(line, requests[i].line) == 0)
			return requests[i].run(control, out);
	buf_adds(out, "unknown request: ");
	buf_add_escaped(out, line, strlen(line));
	buf_addc(out, '\n');
	return EX_USAGE;
}

static void
control_serve(void *arg, int fd)
{
	struct control *control = arg;
	struct buf text = BUF_INIT, answer = BUF_INIT;
	char line[CONTROL_LINE_MAX];
	struct err err = ERR_INIT;
	int code = EX_USAGE;

	if (read_request(fd, line, &err) == -1)
		buf_printf(&text, "%s\n", err.text);
	else
		code = run_request(control, line, &text);
	buf_printf(&answer, "%d\n", code);
	buf_add(&answer, text.data, text.len);
	if (text.has_failed || answer.has_failed) {
		/* Short enough for memory that is there already. */
		static char apology[] = "75\nout of memory\n";
		const struct buf b = { .data = apology,
			.len = sizeof(apology) - 1 };

		write_answer(control, fd, &b);
	} else
		write_answer(control, fd, &answer);
	buf_clear(&text);
	buf_clear(&answer);
	close(fd);
}

int
control_start(const struct parts *parts, struct err *err)
{
	const char *path = generations_conf(parts->all)->control_socket;
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		return err_nomem(err);
	control->parts = *parts;
	control->complaint = (struct complaint)COMPLAINT_INIT;
	control->listener = (struct listener){ .name = "control",
		.max = CONTROL_CLIENTS_MAX,
		.busy =
		    "75\ntoo many clients ask at the same time: try again\n",
		.serve = control_serve,
		.arg = control };
	control->listener.fd = unixsock_listen(path, SOCK_STREAM, 0660, err);
	if (control->listener.fd == -1) {
		free(control);
		return -1;
	}
	if (listener_start(&control->listener, err) == -1) {
		close(control->listener.fd);
		unlink(path);
		free(control);
		return -1;
	}
	return 0;
}
