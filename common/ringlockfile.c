/*
 * The lock of a ring.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "monotime.h"
#include "ringlockfile.h"
#include "when.h"

enum {
	PAUSE_FIRST_MS = 5, /* between attempts; doubled until the last */
	PAUSE_LAST_MS = 200,
	HOLDER_MAX = 256, /* bytes that tell of the holder */
	COMMAND_MAX = 100,
};

long long
ringlockfile_deadline(int wait_s)
{
	return mono_now_ms() + 1000LL * wait_s;
}

/* The command line of this process, printable; "keyturn" without one. */
static void
own_command(char out[COMMAND_MAX])
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, out, COMMAND_MAX - 1) : 0;

	if (fd != -1)
		close(fd);
	while (n > 0 && out[n - 1] == '\0')
		n--;
	if (n <= 0) {
		strlcpy(out, program_invocation_short_name, COMMAND_MAX);
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		if (out[i] < ' ' || out[i] > '~')
			out[i] = out[i] == '\0' ? ' ' : '?';
	out[n] = '\0';
}

/* Say who holds it.  That it cannot be said is no reason not to go on. */
static void
write_holder(int fd)
{
	char command[COMMAND_MAX], when[WHEN_TEXT_MAX], text[HOLDER_MAX];
	int len;

	own_command(command);
	when_text(time(NULL), when);
	len = snprintf(text, sizeof(text), "pid %ld (%s) since %s\n",
	    (long)getpid(), command, when);
	if (ftruncate(fd, 0) == -1 || pwrite(fd, text, (size_t)len, 0) != len)
		return;
}

/* Returns -1 with err set. */
static int
refuse_held(int fd, const char *path, struct err *err)
{
	char text[HOLDER_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	for (char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return err_set(err, ERR_LIMIT, "%s: held by %s: try again later", path,
	    text[0] != '\0' ? text : "another process");
}

/* flock, at most until the deadline.  Returns 0, or -1 with err set. */
static int
wait_for(int fd, const char *path, long long deadline, struct err *err)
{
	int pause_ms = PAUSE_FIRST_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		struct timespec pause = { 0 };
		int left = mono_until_ms(deadline);

		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(err, "%s: lock", path);
		if (left == 0)
			return refuse_held(fd, path, err);
		if (pause_ms > left)
			pause_ms = left;
		pause.tv_sec = pause_ms / 1000;
		pause.tv_nsec = pause_ms % 1000 * 1000000L;
		nanosleep(&pause, NULL);
		pause_ms *= 2;
		if (pause_ms > PAUSE_LAST_MS)
			pause_ms = PAUSE_LAST_MS;
	}
	return 0;
}

/* Whether the name still is the file that was locked. */
static bool
is_current(int dir, int fd)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 &&
	    fstatat(dir, "lock", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

int
ringlockfile_take(int dir, const char *path, long long deadline, int *lock,
    struct err *err)
{
	int fd;

	for (;;) {
		struct stat st;

		fd = openat(dir, "lock",
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    0600);
		/* In a directory that was removed nothing can be made. */
		if (fd == -1 && errno == ENOENT && fstat(dir, &st) == 0 &&
		    st.st_nlink == 0)
			return 0;
		if (fd == -1)
			return err_errno(err, "%s/lock", path);
		if (wait_for(fd, path, deadline, err) == -1) {
			close(fd);
			return -1;
		}
		if (is_current(dir, fd))
			break;
		close(fd);
	}
	write_holder(fd);
	*lock = fd;
	return 1;
}
