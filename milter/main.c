/*
 * keyturn-milter, the worker: serves one milter socket, or starts one worker
 * for each of several.  Options, the socket and the order of the start are
 * here; mail is for callbacks.c and session.c.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "account.h"
#include "callbacks.h"
#include "channel.h"
#include "conf.h"
#include "drain.h"
#include "guard.h"
#include "log.h"
#include "monotime.h"
#include "notify.h"
#include "sockspec.h"
#include "spawner.h"
#include "unixsock.h"

#define PROGRAM "keyturn-milter"

enum {
	PACKET_MAX = 1 << 20, /* bytes of a milter packet: one header field */
	LISTEN_BACKLOG = 512,
	FILES_WANTED = 65536, /* descriptors */
	LOG_FLUSH_MS = 1000,
	FIRST_POLICY_MS = 1000, /* to wait for a policy at start */
};

struct options {
	const char *conf_path;
	const char *spec; /* NULL: all sockets of the configuration */
	pid_t parent;     /* 0: any */
};

/* Say why there is no start.  Returns status. */
__attribute__((format(printf, 2, 3))) static int
fail(int status, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", PROGRAM, text);
	return status;
}

/* Block what can be blocked, before the first thread: all inherit it. */
static void
block_signals(void)
{
	static const int faults[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV,
		SIGSYS, SIGTRAP };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

/*
 * Each connection of the MTA is a descriptor, and when there are none left no
 * connection to keyturnd is made either: take what the system allows.
 */
static void
raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1 ||
	    files.rlim_cur >= FILES_WANTED)
		return;
	files.rlim_cur =
	    files.rlim_max < FILES_WANTED ? files.rlim_max : FILES_WANTED;
	/* Fewer will do for most, so a refusal is no reason to end. */
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/*
 * Whether a socket can be made at path.  libmilter tells its reasons to syslog
 * alone, and it would take the place of a live process without a word.
 */
static int
check_place(const char *path, struct err *err)
{
	char copy[ERR_TEXT_MAX];

	strlcpy(copy, path, sizeof(copy));
	if (access(dirname(copy), W_OK | X_OK) == -1)
		return err_errno(err,
		    "%s: cannot make a socket in its directory", path);
	/* What is left over, libmilter removes. */
	return unixsock_probe(path, SOCK_STREAM, err) == -1 ? -1 : 0;
}

/* Open the socket to those who may connect; it was made for nobody. */
static int
set_access(const struct conf_socket *socket, const char *path, gid_t gid,
    struct err *err)
{
	if (socket->group != NULL && chown(path, (uid_t)-1, gid) == -1)
		return err_errno(err, "%s: cannot give it to group %s", path,
		    socket->group);
	if (chmod(path, socket->mode) == -1)
		return err_errno(err, "%s: cannot set mode %04o", path,
		    (unsigned)socket->mode);
	return 0;
}

/* Listen.  Returns 0, or the exit status, err set. */
static int
open_socket(const struct conf_socket *socket, struct err *err)
{
	const char *path = sockspec_path(socket->spec);
	mode_t old_mask;
	gid_t gid = 0;
	int rc;

	if (path != NULL && socket->group != NULL) {
		rc = account_group(socket->group, &gid, err);
		if (rc == 0)
			err_set(err, ERR_CONF, "%s: no such group: %s",
			    socket->spec, socket->group);
		if (rc != 1)
			return rc == 0 ? EX_CONFIG : EX_OSERR;
	}
	if (path != NULL && check_place(path, err) == -1)
		return EX_UNAVAILABLE;
	old_mask = umask(0177);
	errno = 0;
	rc = smfi_opensocket(1);
	umask(old_mask);
	if (rc != MI_SUCCESS) {
		err_errno(err,
		    "%s: libmilter cannot listen, its reason is in the "
		    "syslog; the last error was",
		    socket->spec);
		return EX_UNAVAILABLE;
	}
	if (path != NULL && set_access(socket, path, gid, err) == -1) {
		unlink(path);
		return EX_UNAVAILABLE;
	}
	return 0;
}

/* What libmilter is told before its socket is opened. */
static int
prepare_libmilter(const struct conf_socket *socket, struct err *err)
{
	if (callbacks_register(err) == -1)
		return -1;
	smfi_setmaxdatasize(PACKET_MAX);
	if (smfi_setbacklog(LISTEN_BACKLOG) != MI_SUCCESS ||
	    smfi_setconn(socket->spec) != MI_SUCCESS)
		return err_set(err, ERR_NOMEM, "%s: refused by libmilter",
		    socket->spec);
	return 0;
}

/* Start what is needed beside libmilter.  Returns NULL with err set. */
static struct channel *
start_rest(const struct conf *conf, const struct conf_socket *socket,
    struct err *err)
{
	if (guard_prepare(err) == -1 ||
	    drain_prepare(sockspec_path(socket->spec), conf->drain, err) ==
	        -1 ||
	    log_start(PROGRAM, &conf->log, err) == -1)
		return NULL;
	return channel_start(conf->channel_socket, socket->spec, err);
}

/* Serve one socket.  Returns an exit status, but for a stop by signal. */
static int
serve(const struct conf *conf, const struct conf_socket *socket)
{
	const char *path = sockspec_path(socket->spec);
	struct channel *ch;
	struct err err;
	int status;

	raise_files();
	if (prepare_libmilter(socket, &err) == -1)
		return fail(EX_UNAVAILABLE, "%s", err.text);
	status = open_socket(socket, &err);
	if (status != 0)
		return fail(status, "%s", err.text);
	ch = start_rest(conf, socket, &err);
	if (ch == NULL) {
		if (path != NULL)
			unlink(path);
		return fail(EX_OSERR, "%s", err.text);
	}
	callbacks_set_channel(ch);
	drain_set_channel(ch);
	/* Until then connections wait in the backlog; after that, 451. */
	channel_policy_wait(ch, NULL, 0, mono_now_ms() + FIRST_POLICY_MS);
	log_msg(LOG_NOTICE, NULL, "serving %s", socket->spec);
	if (smfi_main() != MI_SUCCESS)
		log_msg(LOG_ERR, NULL,
		    "libmilter has given up %s, its reason is in the syslog",
		    socket->spec);
	log_flush(LOG_FLUSH_MS);
	/* No exit handlers: threads are still signing and hashing. */
	_exit(EX_UNAVAILABLE);
}

/* The path under which this program can be started again. */
static const char *
own_path(const char *argv0)
{
	return strchr(argv0, '/') != NULL ? argv0 : SBINDIR "/" PROGRAM;
}

/* Keep the children running until a signal says stop. */
static void
supervise_loop(struct spawn *s)
{
	bool is_stopping = false;
	sigset_t set;
	int sig, wait_ms;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	for (;;) {
		spawn_reap(s, mono_now_ms());
		if (is_stopping && spawn_running(s) == 0)
			return;
		wait_ms = is_stopping ? -1 : spawn_run(s, mono_now_ms());
		if (wait_ms >= 0) {
			const struct timespec wait = { .tv_sec = wait_ms / 1000,
				.tv_nsec = (wait_ms % 1000) * 1000000L };

			sig = sigtimedwait(&set, NULL, &wait);
		} else
			sig = sigwaitinfo(&set, NULL);
		if (sig == SIGINT || sig == SIGTERM) {
			is_stopping = true;
			spawn_stop(s, SIGTERM);
		}
	}
}

/* One child for each socket. */
static int
supervise(const struct conf *conf, const char *program, const char *conf_path)
{
	struct spawn children;
	struct err err;

	if (log_start(PROGRAM, &conf->log, &err) == -1)
		return fail(EX_OSERR, "%s", err.text);
	if (spawn_init(&children, program, conf_path, conf, &err) == -1)
		return fail(EX_OSERR, "%s", err.text);
	spawn_run(&children, mono_now_ms());
	if (notify_ready(NULL, &err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	supervise_loop(&children);
	spawn_clear(&children);
	log_flush(LOG_FLUSH_MS);
	return 0;
}

/* The socket that is called spec in the configuration, or NULL. */
static const struct conf_socket *
find_socket(const struct conf *conf, const char *spec)
{
	for (size_t i = 0; i < conf->socket_count; i++)
		if (strcmp(conf->sockets[i].spec, spec) == 0)
			return &conf->sockets[i];
	return NULL;
}

/* End when the parent does.  False when it is gone already. */
static bool
follow_parent(pid_t parent)
{
	if (parent == 0)
		return true;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == -1)
		return false;
	return getppid() == parent;
}

static int
usage(void)
{
	fprintf(stderr,
	    "usage: %s [-fV] [-c file] [-s socket] [-P parent-pid]\n", PROGRAM);
	return EX_USAGE;
}

/* Returns 0, or -1 when the program is to end with *status. */
static int
parse_options(int argc, char **argv, struct options *o, int *status)
{
	const char *problem;
	int c;

	*o = (struct options){ .conf_path = CONF_PATH_DEFAULT };
	*status = EX_USAGE;
	while ((c = getopt(argc, argv, "c:fP:s:V")) != -1) {
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 'f': /* the only mode there is */
			break;
		case 'P':
			o->parent =
			    (pid_t)strtonum(optarg, 1, 1 << 30, &problem);
			if (problem == NULL)
				break;
			fail(EX_USAGE, "-P: %s: %s", problem, optarg);
			return -1;
		case 's':
			o->spec = optarg;
			break;
		case 'V':
			printf("%s %s\n", PROGRAM, PACKAGE_VERSION);
			*status = 0;
			return -1;
		default:
			*status = usage();
			return -1;
		}
	}
	if (optind == argc)
		return 0;
	*status = usage();
	return -1;
}

/* Serve one socket or watch over several.  Returns the exit status. */
static int
run(const struct conf *conf, const struct options *o, const char *argv0)
{
	const struct conf_socket *socket = conf->sockets;

	/* Whether an optional one is left out is decided there. */
	if (o->spec == NULL && (conf->socket_count != 1 || socket->optional))
		return supervise(conf, own_path(argv0), o->conf_path);
	if (o->spec != NULL)
		socket = find_socket(conf, o->spec);
	if (socket == NULL)
		return fail(EX_CONFIG, "%s: sockets: does not have %s",
		    o->conf_path, o->spec);
	return serve(conf, socket);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct conf *conf;
	struct err err;
	int status;

	/* A listening socket of somebody else's would be taken for ours. */
	closefrom(STDERR_FILENO + 1);
	block_signals();
	if (parse_options(argc, argv, &o, &status) == -1)
		return status;
	if (!follow_parent(o.parent))
		return fail(EX_UNAVAILABLE,
		    "process %ld, which started this "
		    "one, is gone",
		    (long)o.parent);
	notify_init();
	conf = conf_load(o.conf_path, &err);
	if (conf == NULL)
		return fail(err.code == ERR_CONF ? EX_CONFIG : EX_OSERR, "%s",
		    err.text);
	status = run(conf, &o, argv[0]);
	conf_free(conf);
	return status;
}
