/*
 * Unix-domain sockets in the file system.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "unixsock.h"

enum { LISTEN_BACKLOG = 128 };

/* A new socket and the address of path.  Returns the socket, or -1. */
static int
unixsock_make(const char *path, int type, struct sockaddr_un *addr,
    struct err *err)
{
	int fd;

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlcpy(addr->sun_path, path, sizeof(addr->sun_path)) >=
	    sizeof(addr->sun_path)) {
		errno = ENAMETOOLONG;
		return err_set(err, ERR_CONF,
		    "%s: longer than the %zu bytes of a socket's name", path,
		    sizeof(addr->sun_path) - 1);
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return err_errno(err, "socket");
	return fd;
}

int
unixsock_probe(const char *path, int type, struct err *err)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : err_errno(err, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_CONF,
		    "%s: is there and is no socket: move it away", path);
	fd = unixsock_connect(path, type, 0, err);
	if (fd != -1)
		close(fd);
	/* A full queue is somebody's too. */
	if (fd != -1 || errno == EAGAIN)
		return err_set(err, ERR_CONF,
		    "%s: another process listens on it", path);
	if (errno == EPROTOTYPE)
		return err_set(err, ERR_CONF,
		    "%s: another program's socket is there", path);
	/* Anything else may be about us, and not about who is there. */
	if (errno != ECONNREFUSED)
		return err_prefix(err, "cannot tell whether it is in use");
	return 1;
}

int
unixsock_listen(const char *path, int type, mode_t mode, struct err *err)
{
	struct sockaddr_un addr;
	mode_t old_mask;
	int fd, rc;

	fd = unixsock_make(path, type, &addr, err);
	if (fd == -1)
		return -1;
	rc = unixsock_probe(path, type, err);
	if (rc == -1)
		goto fail;
	if (rc == 1 && unlink(path) == -1) {
		err_errno(err, "%s", path);
		goto fail;
	}
	/* Never, not for a moment, open to more than mode says. */
	old_mask = umask(0777 & ~mode);
	rc = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(old_mask);
	if (rc == -1) {
		err_errno(err, "%s", path);
		goto fail;
	}
	if (chmod(path, mode) == -1 || listen(fd, LISTEN_BACKLOG) == -1) {
		err_errno(err, "%s", path);
		unlink(path);
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return -1;
}

/* How long connect(2) waits on fd; timeout_ms as in unixsock_connect. */
static int
limit_wait(int fd, int timeout_ms)
{
	struct timeval limit = { .tv_sec = timeout_ms / 1000,
		.tv_usec = (timeout_ms % 1000) * 1000L };

	/* To the system 0 means for ever. */
	if (timeout_ms == -1)
		limit = (struct timeval){ .tv_sec = 0 };
	else if (timeout_ms == 0)
		limit.tv_usec = 1;
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int
unixsock_connect(const char *path, int type, int timeout_ms, struct err *err)
{
	struct sockaddr_un addr;
	int fd, saved;

	fd = unixsock_make(path, type, &addr, err);
	if (fd == -1)
		return -1;
	if (limit_wait(fd, timeout_ms) == 0 &&
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    limit_wait(fd, -1) == 0)
		return fd;
	saved = errno;
	if (saved == EAGAIN)
		err_set(err, ERR_IO,
		    "timed out after %d ms: %s: its queue is full", timeout_ms,
		    path);
	else
		err_errno(err, "%s", path);
	close(fd);
	errno = saved;
	return -1;
}

int
unixsock_peer(int fd, uid_t *uid, pid_t *pid, struct err *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return err_errno(err, "SO_PEERCRED");
	*uid = peer.uid;
	*pid = peer.pid;
	return 0;
}
