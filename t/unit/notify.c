/*
 * The service manager's socket: what is sent, where, and that a missing, bad
 * or stuffed one does no harm.  The protocol is sd_notify(3)'s.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <time.h>
#include <unistd.h>

#include "notify.h"
#include "tap.h"

static char dir[] = "/tmp/keyturn-notify.XXXXXX";

/* A manager's socket at name, '@' for abstract.  Told to notify_init. */
static int
manager(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(addr.sun_path, name, strlen(name));
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	else
		len++;
	if (fd == -1 || bind(fd, (struct sockaddr *)&addr, len) == -1)
		abort();
	setenv("NOTIFY_SOCKET", name, 1);
	notify_init();
	return fd;
}

/* The next datagram, "" if none is there. */
static const char *
heard(int fd)
{
	static char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
test_news(const char *name)
{
	static char huge[4096];
	struct err err = ERR_INIT;
	int fd = manager(name);
	const char *text;
	struct timespec now;
	long long usec = 0;

	ok(getenv("NOTIFY_SOCKET") == NULL, "%s: not for children", name);
	is_int(notify_ready(NULL, &err), 0, "ready");
	is_str(heard(fd), "READY=1", "is one line");
	is_int(notify_ready("generation 2\nMAINPID=1\tx", &err), 0, "status");
	is_str(heard(fd), "READY=1\nSTATUS=generation 2 MAINPID=1 x",
	    "is one line more, whatever is in it");
	is_int(notify_stopping(NULL, &err), 0, "stopping");
	is_str(heard(fd), "STOPPING=1", "is said");
	is_int(notify_reloading(&err), 0, "reloading");
	text = heard(fd);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ok(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%lld", &usec) == 1,
	    "has the time");
	ok(usec / 1000000 >= now.tv_sec - 60 && usec / 1000000 <= now.tv_sec,
	    "which is the monotonic one: %lld", usec);
	memset(huge, 'h', sizeof(huge) - 1);
	is_int(notify_ready(huge, &err), 0, "a status of any length");
	ok(strncmp(heard(fd), "READY=1\nSTATUS=hhh", 18) == 0, "is cut");
	close(fd);
	is_int(notify_ready(NULL, &err), -1, "a manager that is gone");
	ok(strncmp(err.text, "NOTIFY_SOCKET: ", 15) == 0, "is an error: %s",
	    err.text);
	if (name[0] != '@')
		unlink(name);
}

/* A manager that does not read: no call may wait. */
static void
test_stuffed(const char *name)
{
	struct err err = ERR_INIT;
	int fd = manager(name), failures = 0;

	alarm(30);
	for (int i = 0; i < 5000; i++)
		failures += notify_ready("again", &err) == -1;
	alarm(0);
	ok(failures > 0, "a stuffed socket is an error, not a wait: %s",
	    err.text);
	close(fd);
	unlink(name);
}

static void
test_none(void)
{
	static const struct {
		const char *name, *value;
		int want;
	} cases[] = {
		{ "not set", NULL, 0 },
		{ "empty", "", 0 },
		{ "relative", "notify.sock", -1 },
		{ "another family", "vsock:2:1234", -1 },
		{ "one byte too long",
		    "/234567890123456789012345678901234567890123456789012345678"
		    "901"
		    "234567890123456789012345678901234567890123456789",
		    -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = ERR_INIT;

		unsetenv("NOTIFY_SOCKET");
		if (cases[i].value != NULL)
			setenv("NOTIFY_SOCKET", cases[i].value, 1);
		notify_init();
		is_int(notify_ready("x", &err), cases[i].want, cases[i].name);
		is_int(notify_reloading(&err), cases[i].want, cases[i].name);
		is_int(notify_stopping(NULL, &err), cases[i].want,
		    cases[i].name);
	}
}

int
main(void)
{
	char name[64];

	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(name, sizeof(name), "%s/notify.sock", dir);
	test_news(name);
	test_stuffed(name);
	/* Linux has names without a file. */
	snprintf(name, sizeof(name), "@keyturn-notify-%ld", (long)getpid());
	test_news(name);
	test_none();
	rmdir(dir);
	return tap_done();
}
