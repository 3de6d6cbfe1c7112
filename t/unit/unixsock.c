/*
 * Sockets in the file system: whose they are, what is replaced, and that no
 * connect waits longer than it may.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "unixsock.h"

static char dir[] = "/tmp/keyturn-unixsock.XXXXXX";
static char path[64];

static long long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A socket at path; without a queue it is bound and nobody listens. */
static int
bound(int type, int queue)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	memcpy(addr.sun_path, path, strlen(path));
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == -1 ||
	    (queue >= 0 && listen(fd, queue) == -1))
		abort();
	return fd;
}

static void
listen_fails(int type, const char *want, const char *name)
{
	struct err err = ERR_INIT;
	struct stat before, after;
	int fd, rc;

	rc = lstat(path, &before);
	fd = unixsock_listen(path, type, 0600, &err);
	is_int(fd, -1, name);
	ok(strstr(err.text, path) && strstr(err.text, want), "%s: %s", name,
	    err.text);
	ok(rc == 0 && lstat(path, &after) == 0 && after.st_ino == before.st_ino,
	    "%s: what is there stays", name);
}

static void
test_listen(void)
{
	struct err err = ERR_INIT;
	struct stat st;
	int fd, other;

	fd = unixsock_listen(path, SOCK_SEQPACKET, 0640, &err);
	ok(fd != -1 && stat(path, &st) == 0 && (st.st_mode & 07777) == 0640,
	    "listens, with its mode");
	listen_fails(SOCK_SEQPACKET, "another process listens", "a live one");
	listen_fails(SOCK_STREAM, "another program's", "one of another type");
	close(fd);
	fd = unixsock_listen(path, SOCK_SEQPACKET, 0600, &err);
	ok(fd != -1, "a dead one is replaced");
	close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	listen_fails(SOCK_STREAM, "no socket: move it away", "a file");
	close(fd);
	unlink(path);

	/* One that we may not connect to can be a live one all the same. */
	fd = bound(SOCK_STREAM, 4);
	if (geteuid() == 0) {
		if (chmod(path, 0600) == -1 || chmod(dir, 0777) == -1 ||
		    seteuid(65534) == -1)
			abort();
		listen_fails(SOCK_STREAM, "cannot tell whether it is in use",
		    "one of another user");
		if (seteuid(0) == -1)
			abort();
	}
	close(fd);
	unlink(path);

	/* The queue of a process that hangs: it is there, and nobody waits. */
	fd = bound(SOCK_STREAM, 0);
	other = unixsock_connect(path, SOCK_STREAM, 0, &err);
	ok(other != -1, "a queue of one");
	listen_fails(SOCK_STREAM, "another process listens", "a full queue");
	close(other);
	close(fd);
	unlink(path);
}

static void
test_connect(void)
{
	static const int waits[] = { 0, 1, 200 };
	struct err err = ERR_INIT;
	int fd = bound(SOCK_SEQPACKET, 0), first, got;
	long long began, took;

	first = unixsock_connect(path, SOCK_SEQPACKET, 200, &err);
	ok(first != -1, "room for one");
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		began = now_ms();
		got = unixsock_connect(path, SOCK_SEQPACKET, waits[i], &err);
		took = now_ms() - began;
		ok(got == -1 && err.code == ERR_IO && errno == EAGAIN &&
		        strncmp(err.text, "timed out", 9) == 0,
		    "a full queue: %s", err.text);
		ok(took >= waits[i] && took < waits[i] + 2000,
		    "after %d ms: %lld", waits[i], took);
	}
	close(first);
	close(fd);
	got = unixsock_connect(path, SOCK_SEQPACKET, 200, &err);
	ok(got == -1 && errno == ECONNREFUSED, "nobody: %s", err.text);
	unlink(path);
	got = unixsock_connect(path, SOCK_SEQPACKET, 200, &err);
	ok(got == -1 && errno == ENOENT, "nothing: %s", err.text);
}

int
main(void)
{
	alarm(60);
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/s", dir);
	test_listen();
	test_connect();
	rmdir(dir);
	return tap_done();
}
