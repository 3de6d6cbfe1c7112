/*
 * Accepts connections and gives each a thread.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listener.h"
#include "log.h"

enum {
	PAUSE_MS = 100, /* when nothing can be accepted */
	STACK_SIZE = 512 * 1024,
};

/* What a new thread is told. */
struct work {
	struct listener *listener;
	int fd;
};

int
thread_start(void *(*run)(void *), void *arg, struct err *err)
{
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc == 0) {
		rc =
		    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		if (rc == 0)
			rc = pthread_attr_setstacksize(&attr, STACK_SIZE);
		if (rc == 0)
			rc = pthread_create(&thread, &attr, run, arg);
		pthread_attr_destroy(&attr);
	}
	if (rc == 0)
		return 0;
	errno = rc;
	return err_errno(err, "cannot start a thread");
}

static void *
serve_main(void *arg)
{
	struct work work = *(struct work *)arg;
	struct listener *l = work.listener;

	free(arg);
	l->serve(l->arg, work.fd);
	atomic_fetch_sub(&l->count, 1);
	return NULL;
}

/* Send fd away. */
static void
refuse(struct listener *l, int fd)
{
	complain(&l->complaint, LOG_ERR,
	    "%s: %u connections are all there may be: one more is refused",
	    l->name, l->max);
	if (l->busy != NULL &&
	    send(fd, l->busy, strlen(l->busy), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	        -1)
		complain(&l->complaint, LOG_ERR, "%s: %s", l->name,
		    strerrordesc_np(errno));
	close(fd);
}

/* A new connection; fd is taken. */
static void
take(struct listener *l, int fd)
{
	struct work *work;
	struct err err = ERR_INIT;

	if (l->admit != NULL && !l->admit(l->arg, fd)) {
		close(fd);
		return;
	}
	if (atomic_load(&l->count) >= l->max) {
		refuse(l, fd);
		return;
	}
	work = malloc(sizeof(*work));
	if (work == NULL)
		err_nomem(&err);
	else {
		*work = (struct work){ .listener = l, .fd = fd };
		atomic_fetch_add(&l->count, 1);
		if (thread_start(serve_main, work, &err) == 0)
			/* The thread frees work. */
			return; /* NOLINT(clang-analyzer-unix.Malloc) */
		atomic_fetch_sub(&l->count, 1);
		free(work);
	}
	complain(&l->complaint, LOG_ERR, "%s: %s", l->name, err.text);
	close(fd);
}

static void *
accept_main(void *arg)
{
	struct listener *l = arg;
	int fd;

	for (;;) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1) {
			take(l, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* No descriptors or no memory: some may be free soon. */
		complain(&l->complaint, LOG_ERR, "%s: accept: %s", l->name,
		    strerrordesc_np(errno));
		poll(NULL, 0, PAUSE_MS);
	}
	return NULL;
}

int
listener_start(struct listener *l, struct err *err)
{
	atomic_store(&l->count, 0);
	l->complaint = (struct complaint)COMPLAINT_INIT;
	return thread_start(accept_main, l, err);
}
