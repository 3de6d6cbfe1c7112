/*
 * keyturnd, the keeper of the keys: options, start, signals, stop.  The main
 * thread takes signals and starts workers; everything else has threads of its
 * own.
 */
#include <sys/stat.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "channel.h"
#include "control.h"
#include "generation.h"
#include "harden.h"
#include "holding.h"
#include "log.h"
#include "monotime.h"
#include "notify.h"
#include "problem.h"
#include "reload.h"
#include "snap.h"
#include "spawner.h"
#include "status.h"

#define PROGRAM        "keyturnd"
#define WORKER_PROGRAM SBINDIR "/keyturn-milter"

enum {
	FILES_WANTED = 4096,  /* descriptors: connections, and room for keys */
	STOP_EXTRA_MS = 2000, /* for workers, after their own drain */
	KILL_MS = 1000,       /* for workers that were killed */
	FLUSH_MS = 1000,      /* for the log */
};

struct options {
	const char *conf_path;
	const char *worker_program;
	bool only_tests;
};

struct keyturnd {
	const struct options *options;
	struct parts parts;
	struct spawn spawn;
	sigset_t signals;
};

static int
usage(void)
{
	fputs("usage: " PROGRAM " [-ftV] [-c file] [-w program]\n", stderr);
	return EX_USAGE;
}

/* Returns 0, or 1 when all is done and *code is the exit status. */
static int
parse_options(int argc, char **argv, struct options *o, int *code)
{
	int c;

	while ((c = getopt(argc, argv, "c:ftVw:")) != -1) {
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 'f': /* the only mode */
			break;
		case 't':
			o->only_tests = true;
			break;
		case 'w':
			o->worker_program = optarg;
			break;
		case 'V':
			puts(PROGRAM " " PACKAGE_VERSION);
			*code = EX_OK;
			return 1;
		default:
			*code = usage();
			return 1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, PROGRAM ": surplus argument: %s\n",
		    argv[optind]);
		*code = usage();
		return 1;
	}
	return 0;
}

static void
say_stderr(void *arg, int level, const char *text)
{
	(void)arg;
	(void)level;
	fprintf(stderr, PROGRAM ": %s\n", text);
}

static void
say_log(void *arg, int level, const char *text)
{
	(void)arg;
	log_msg(level, NULL, "%s", text);
}

static int
exit_status(const struct err *err)
{
	switch (err->code) {
	case ERR_CONF:
	case ERR_LIMIT:
		return EX_CONFIG;
	case ERR_NOMEM:
	case ERR_CRYPTO:
		return EX_TEMPFAIL;
	default:
		return EX_OSERR;
	}
}

/* -t: load as for serving, and say what is to be said. */
static int
test(const struct options *o)
{
	struct err err = ERR_INIT;
	struct snap *snap = snap_load(o->conf_path, NULL, 1, &err);
	int code;

	if (snap == NULL) {
		say_stderr(NULL, LOG_ERR, err.text);
		return exit_status(&err);
	}
	problem_list(snap, say_stderr, NULL);
	code = snap->broken_count > 0 ? EX_CONFIG : EX_OK;
	snap_free(snap);
	return code;
}

/*
 * Start.
 */

/*
 * Report a failed start, to the log too if there is one elsewhere.  Returns
 * the exit status for it.
 */
static int
fail(const struct keyturnd *k, const struct err *err)
{
	say_stderr(NULL, LOG_ERR, err->text);
	if (k->parts.all != NULL &&
	    generations_conf(k->parts.all)->log.to != LOG_TO_STDERR)
		say_log(NULL, LOG_ERR, err->text);
	log_flush(FLUSH_MS);
	return exit_status(err);
}

/* Keep what we hold to ourselves; a system that cannot is warned about. */
static void
harden(void)
{
	struct err err;

	umask(077);
	if (harden_core(&err) == -1 || harden_memory(&err) == -1 ||
	    harden_rights(&err) == -1)
		log_msg(LOG_WARNING, NULL, "%s", err.text);
}

/*
 * Signals come to the main thread and nowhere else; those that report a fault
 * of our own, and those of a terminal, stay as they are.
 */
static int
block_signals(sigset_t *taken, struct err *err)
{
	static const int take[] = { SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGCHLD };
	static const int leave[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT,
		SIGTRAP, SIGSYS, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t all;

	sigemptyset(taken);
	for (size_t i = 0; i < sizeof(take) / sizeof(take[0]); i++)
		sigaddset(taken, take[i]);
	sigfillset(&all);
	for (size_t i = 0; i < sizeof(leave) / sizeof(leave[0]); i++)
		sigdelset(&all, leave[i]);
	if (sigprocmask(SIG_SETMASK, &all, NULL) == -1 ||
	    sigaction(SIGPIPE, &ignore, NULL) == -1)
		return err_errno(err, "signals");
	return 0;
}

/*
 * Put the first snapshot on record and in force.  Whatever was held before us
 * and is not in it has been released: whoever held it has ended.  Takes snap,
 * also on failure.
 */
static int
hold_first(struct keyturnd *k, struct snap *snap, struct err *err)
{
	k->parts.holding = holding_new(err);
	if (k->parts.holding == NULL ||
	    holding_enter(k->parts.holding, snap, err) == -1) {
		snap_free(snap);
		return -1;
	}
	k->parts.all = generations_new(snap, err);
	if (k->parts.all == NULL)
		return -1;
	holding_settle(k->parts.holding, snap, snap);
	return 0;
}

/* Load what is served first.  Broken entries do not keep us from serving. */
static int
load_first(struct keyturnd *k, struct err *err)
{
	struct snap *snap = snap_load(k->options->conf_path, NULL, 1, err);
	struct buf summary = BUF_INIT;
	const char *text;

	if (snap == NULL)
		return -1;
	if (log_start(PROGRAM, &snap->conf->log, err) == -1) {
		snap_free(snap);
		return -1;
	}
	problem_summary(snap, &summary);
	text = buf_str(&summary);
	log_msg(LOG_NOTICE, NULL, "version %s, generation 1: %s",
	    PACKAGE_VERSION, text ? text : "");
	buf_clear(&summary);
	problem_list(snap, say_log, NULL);
	if (geteuid() == 0)
		log_msg(LOG_WARNING, NULL,
		    "running as root: keyturnd needs no rights, give it a "
		    "user of its own");
	return hold_first(k, snap, err);
}

/* Start what serves.  On failure nothing of it is left in the file system. */
static int
start_serving(struct keyturnd *k, struct err *err)
{
	const struct conf *conf = generations_conf(k->parts.all);
	unsigned connections = harden_files(FILES_WANTED) / 2;

	if (connections > CHANNEL_CONNECTIONS_MAX)
		connections = CHANNEL_CONNECTIONS_MAX;
	k->parts.channel = channel_start(k->parts.all, connections, err);
	if (k->parts.channel == NULL)
		return -1;
	k->parts.reloader = reloader_start(k->options->conf_path, k->parts.all,
	    k->parts.channel, k->parts.holding, err);
	if (k->parts.reloader == NULL || control_start(&k->parts, err) == -1) {
		unlink(conf->channel_socket);
		return -1;
	}
	if (conf->workers == WORKERS_SPAWN &&
	    spawn_init(&k->spawn, k->options->worker_program,
	        k->options->conf_path, conf, err) == -1) {
		unlink(conf->channel_socket);
		unlink(conf->control_socket);
		return -1;
	}
	return 0;
}

/*
 * Serve.
 */

/* Wait for a signal, at most timeout_ms (-1: for ever).  0: none came. */
static int
next_signal(const struct keyturnd *k, int timeout_ms)
{
	struct timespec wait = { .tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000 };
	int sig;

	if (timeout_ms < 0)
		sig = sigwaitinfo(&k->signals, NULL);
	else
		sig = sigtimedwait(&k->signals, NULL, &wait);
	return sig > 0 ? sig : 0;
}

/* Until a signal asks us to stop; returns that signal. */
static int
serve(struct keyturnd *k)
{
	int sig;

	for (;;) {
		int due = spawn_run(&k->spawn, mono_now_ms());

		sig = next_signal(k, due);
		switch (sig) {
		case SIGHUP:
			reload_request(k->parts.reloader);
			break;
		case SIGUSR1:
			log_reopen();
			break;
		case SIGCHLD:
			spawn_reap(&k->spawn, mono_now_ms());
			break;
		case SIGTERM:
		case SIGINT:
			return sig;
		default:
			break;
		}
	}
}

/* Wait until no child runs any more, at most timeout_ms. */
static void
wait_children(struct keyturnd *k, int timeout_ms)
{
	long long end = mono_now_ms() + timeout_ms;
	int left;

	for (;;) {
		spawn_reap(&k->spawn, mono_now_ms());
		left = mono_until_ms(end);
		if (spawn_running(&k->spawn) == 0 || left == 0)
			return;
		next_signal(k, left);
	}
}

/* Put on record what was signed last. */
static void
note_last(const struct keyturnd *k)
{
	struct generation *g = generation_get(k->parts.all);

	holding_note(k->parts.holding, g->snap);
	generation_put(k->parts.all, g);
}

/*
 * Stop.  Workers finish what they have in hand, for which they still need us:
 * the serving threads go on until the very end.
 */
static void
stop(struct keyturnd *k)
{
	const struct conf *conf = generations_conf(k->parts.all);
	struct generation *g = generation_get(k->parts.all);
	int drain_ms = g->snap->conf->drain * 1000;
	struct err err;

	generation_put(k->parts.all, g);
	if (notify_stopping(NULL, &err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	spawn_stop(&k->spawn, SIGTERM);
	wait_children(k, drain_ms + STOP_EXTRA_MS);
	if (spawn_running(&k->spawn) > 0) {
		log_msg(LOG_ERR, NULL, "%zu workers do not end and are killed",
		    spawn_running(&k->spawn));
		spawn_stop(&k->spawn, SIGKILL);
		wait_children(k, KILL_MS);
	}
	note_last(k);
	unlink(conf->control_socket);
	unlink(conf->channel_socket);
	log_msg(LOG_NOTICE, NULL, "stopped");
	log_flush(FLUSH_MS);
}

static int
run(const struct options *o)
{
	struct keyturnd k = { .options = o };
	struct err err = ERR_INIT;
	int sig;

	notify_init();
	harden();
	if (block_signals(&k.signals, &err) == -1 ||
	    load_first(&k, &err) == -1 || start_serving(&k, &err) == -1)
		return fail(&k, &err);
	if (notify_ready(NULL, &err) == -1)
		log_msg(LOG_WARNING, NULL, "service manager: %s", err.text);
	sig = serve(&k);
	log_msg(LOG_NOTICE, NULL, "signal %d (%s): stopping", sig,
	    strsignal(sig));
	stop(&k);
	return EX_OK;
}

int
main(int argc, char **argv)
{
	struct options o = { .conf_path = CONF_PATH_DEFAULT,
		.worker_program = WORKER_PROGRAM };
	int code;

	if (parse_options(argc, argv, &o, &code) == 1)
		return code;
	if (o.only_tests)
		return test(&o);
	code = run(&o);
	/* Threads may still be signing: no exit handlers under them. */
	fflush(NULL);
	_exit(code);
}
