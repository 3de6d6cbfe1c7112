/*
 * How the worker ends.  The two exported functions take the place of the C
 * library's for libmilter; the linker puts them into the dynamic symbol table
 * because libmilter's shared object refers to them.
 */
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "drain.h"
#include "log.h"
#include "monotime.h"
#include "notify.h"

enum {
	LOG_FLUSH_MS = 1000,
	DESCRIPTORS_MAX = 1024, /* looked at for the listening socket */
};

typedef ssize_t writev_function(int fd, const struct iovec *iov, int count);

/*
 * The count of live messages, and what a drain needs.  Everything but the
 * first group is set before there is a second thread.
 */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t settled;
	size_t in_hand;
	bool is_draining;

	writev_function *real_writev;
	const char *socket_path;
	int limit;
	int listener, private_listener;
	struct channel *channel;
} drain = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.listener = -1,
	.private_listener = -1,
};

/*
 * Set between the return of the callback and the write that follows it on the
 * same thread; a connection never changes its thread between these two.
 */
static _Thread_local bool answer_is_due;

bool
drain_begin(void)
{
	bool is_counted;

	pthread_mutex_lock(&drain.lock);
	is_counted = !drain.is_draining;
	if (is_counted)
		drain.in_hand++;
	pthread_mutex_unlock(&drain.lock);
	return is_counted;
}

void
drain_end(void)
{
	pthread_mutex_lock(&drain.lock);
	if (--drain.in_hand == 0 && drain.is_draining)
		pthread_cond_signal(&drain.settled);
	pthread_mutex_unlock(&drain.lock);
}

void
drain_answer(void)
{
	answer_is_due = true;
}

void
drain_no_answer(void)
{
	if (!answer_is_due)
		return;
	answer_is_due = false;
	drain_end();
}

/* The C library's function that ours stands before.  NULL: not found. */
static writev_function *
find_writev(void)
{
	void *symbol = dlsym(RTLD_NEXT, "writev");
	writev_function *function;

	/* C has no cast from one to the other; POSIX says they are alike. */
	memcpy(&function, &symbol, sizeof(function));
	return function;
}

/*
 * writev(2), and the end of the message whose answer this was.  What is
 * written in part is written again for the rest.
 */
ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	size_t len = 0;
	ssize_t written;

	if (drain.real_writev == NULL) {
		errno = ENOSYS;
		return -1;
	}
	written = drain.real_writev(fd, iov, count);
	if (!answer_is_due)
		return written;
	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	if (written >= 0 && (size_t)written == len)
		drain_no_answer();
	return written;
}

/* Find the one listening socket among our descriptors. */
static int
find_listener(void)
{
	int is_listening;

	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
		socklen_t len = sizeof(is_listening);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening,
		        &len) == 0 &&
		    is_listening)
			return fd;
	}
	return -1;
}

/*
 * A listening socket that nobody connects to: its name is an abstract one that
 * the system chooses.  Not blocking: libmilter may be about to accept.
 */
static int
make_private_listener(struct err *err)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return err_errno(err, "socket");
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)) ==
	        -1 ||
	    listen(fd, 1) == -1) {
		err_errno(err, "private socket");
		close(fd);
		return -1;
	}
	return fd;
}

int
drain_prepare(const char *socket_path, int limit, struct err *err)
{
	int rc;

	drain.real_writev = find_writev();
	if (drain.real_writev == NULL)
		return err_set(err, ERR_IO, "writev: %s", dlerror());
	drain.socket_path = socket_path;
	drain.limit = limit;
	drain.listener = find_listener();
	if (drain.listener == -1)
		return err_set(err, ERR_IO, "no listening socket found");
	rc = mono_cond_init(&drain.settled);
	if (rc != 0)
		return err_set(err, ERR_NOMEM, "condition variable: %s",
		    strerrordesc_np(rc));
	drain.private_listener = make_private_listener(err);
	return drain.private_listener == -1 ? -1 : 0;
}

void
drain_set_channel(struct channel *ch)
{
	drain.channel = ch;
}

/* Seconds a drain may take. */
static int
current_limit(void)
{
	const struct channel_policy *cp = channel_policy_get(drain.channel);
	int limit = drain.limit;

	if (cp != NULL) {
		limit = cp->options.drain;
		channel_policy_put(drain.channel, cp);
	}
	return limit;
}

/*
 * No new connections: whoever comes finds no socket and says so to its client
 * at once.  libmilter goes on to listen, on a socket where nobody comes.
 */
static void
park(void)
{
	if (drain.socket_path != NULL && unlink(drain.socket_path) == -1)
		log_msg(LOG_WARNING, NULL, "%s: %s", drain.socket_path,
		    strerrordesc_np(errno));
	if (dup2(drain.private_listener, drain.listener) == -1)
		log_msg(LOG_WARNING, NULL, "cannot stop listening: %s",
		    strerrordesc_np(errno));
}

/* Wait for the messages in hand.  Returns how many were left. */
static size_t
wait_settled(int limit)
{
	long long deadline = mono_now_ms() + limit * 1000LL;
	size_t left;

	pthread_mutex_lock(&drain.lock);
	drain.is_draining = true;
	while (drain.in_hand > 0)
		if (!mono_cond_wait(&drain.settled, &drain.lock, deadline))
			break;
	left = drain.in_hand;
	pthread_mutex_unlock(&drain.lock);
	return left;
}

/* Does not return; other threads go on until the very end. */
static void
drain_and_exit(int sig)
{
	int limit = current_limit();
	struct err err;
	size_t left;

	log_msg(LOG_NOTICE, NULL, "stopping (%s)",
	    sig == SIGINT ? "SIGINT" : "SIGTERM");
	if (notify_stopping(NULL, &err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	park();
	left = wait_settled(limit);
	if (left > 0)
		log_msg(LOG_WARNING, NULL,
		    "stopped after %d seconds with %zu messages in hand", limit,
		    left);
	else
		log_msg(LOG_NOTICE, NULL, "stopped, no message in hand");
	channel_report(drain.channel);
	log_flush(LOG_FLUSH_MS);
	/* No exit handlers: threads are still signing and hashing. */
	_exit(0);
}

/* sigwait(3) as libmilter calls it, for SIGHUP, SIGTERM and SIGINT. */
int
sigwait(const sigset_t *restrict set, int *restrict sig)
{
	for (;;) {
		int got = sigwaitinfo(set, NULL);

		if (got == SIGTERM || got == SIGINT)
			drain_and_exit(got);
		if (got == -1 && errno != EINTR)
			return errno;
		/* SIGHUP asks for a reload, and keyturnd is who does that. */
		if (got == -1 || got == SIGHUP)
			continue;
		*sig = got;
		return 0;
	}
}
