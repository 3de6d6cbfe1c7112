/*
 * Child processes, one for each milter socket, kept running.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sockspec.h"
#include "spawner.h"

extern char **environ;

/* When a child is due that is not to be started any more. */
#define NEVER LLONG_MAX

/* Whether the directory that the socket needs is missing. */
static int
lacks_directory(const struct conf_socket *socket, bool *out, struct err *err)
{
	const char *path = sockspec_path(socket->spec);
	const char *slash = path ? strrchr(path, '/') : NULL;
	struct stat st;
	char *dir;

	*out = false;
	if (slash == NULL || slash == path)
		return 0;
	dir = strndup(path, (size_t)(slash - path));
	if (dir == NULL)
		return err_nomem(err);
	*out = stat(dir, &st) == -1 || !S_ISDIR(st.st_mode);
	free(dir);
	return 0;
}

int
spawn_init(struct spawn *s, const char *program, const char *conf_path,
    const struct conf *conf, struct err *err)
{
	const struct sigaction standard = { .sa_handler = SIG_DFL };

	*s = (struct spawn){ .program = program, .conf_path = conf_path };
	/* Whoever started us with it ignored left no child to be waited for. */
	if (sigaction(SIGCHLD, &standard, NULL) == -1)
		return err_errno(err, "SIGCHLD");
	s->children = calloc(conf->socket_count + 1, sizeof(*s->children));
	if (s->children == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < conf->socket_count; i++) {
		const struct conf_socket *socket = &conf->sockets[i];
		bool is_left_out = false;

		if (socket->optional &&
		    lacks_directory(socket, &is_left_out, err) == -1) {
			spawn_clear(s);
			return -1;
		}
		if (is_left_out) {
			log_msg(LOG_NOTICE, NULL,
			    "%s: no directory for this optional socket: no "
			    "worker; restart when it is there",
			    socket->spec);
			continue;
		}
		s->children[s->count++] = (struct child){ .socket = socket,
			.delay_ms = SPAWN_DELAY_MIN_MS };
	}
	return 0;
}

/* Signals as a fresh process has them: none blocked, none ignored. */
static int
clean_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr,
		    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return rc;
}

/* Start the program.  Returns 0 or an error number. */
static int
child_exec(const struct spawn *s, struct child *c)
{
	char parent[32];
	/* posix_spawn takes char *const and changes none of them. */
	const char *const argv[] = { s->program, "-c", s->conf_path, "-s",
		c->socket->spec, "-P", parent, NULL };
	posix_spawnattr_t attr;
	int rc;

	snprintf(parent, sizeof(parent), "%ld", (long)getpid());
	rc = posix_spawnattr_init(&attr);
	if (rc != 0)
		return rc;
	rc = clean_signals(&attr);
	if (rc == 0)
		rc = posix_spawn(&c->pid, s->program, NULL, &attr,
		    (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attr);
	if (rc != 0)
		c->pid = 0;
	return rc;
}

/* Set the time of the next start, later each time. */
static void
child_delay(struct child *c, long long now_ms)
{
	c->due = now_ms + c->delay_ms;
	c->delay_ms *= 2;
	if (c->delay_ms > SPAWN_DELAY_MAX_MS)
		c->delay_ms = SPAWN_DELAY_MAX_MS;
	c->restarts++;
}

static void
child_start(const struct spawn *s, struct child *c, long long now_ms)
{
	int delay_ms = c->delay_ms;
	int rc;

	rc = child_exec(s, c);
	if (rc == 0) {
		c->started = now_ms;
		log_msg(LOG_NOTICE, NULL, "worker %ld started for %s",
		    (long)c->pid, c->socket->spec);
		return;
	}
	child_delay(c, now_ms);
	log_msg(LOG_ERR, NULL,
	    "%s: cannot be started for %s: %s; trying again in %d ms",
	    s->program, c->socket->spec, strerrordesc_np(rc), delay_ms);
}

int
spawn_run(struct spawn *s, long long now_ms)
{
	long long next = NEVER;

	for (size_t i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];

		if (c->pid == 0 && c->due <= now_ms)
			child_start(s, c, now_ms);
		if (c->pid == 0 && c->due < next)
			next = c->due;
	}
	return next == NEVER ? -1 : (int)(next - now_ms);
}

/* Say how a child ended; an end that was asked for is no fault. */
static void
child_log(const struct child *c, int status, int delay_ms)
{
	bool is_wanted = c->due == NEVER;
	int level = is_wanted ? LOG_NOTICE : LOG_ERR;
	char what[64], then[64] = "";

	if (WIFSIGNALED(status))
		snprintf(what, sizeof(what), "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(what, sizeof(what), "exited with %d",
		    WEXITSTATUS(status));
	if (!is_wanted)
		snprintf(then, sizeof(then), "; starting again in %d ms",
		    delay_ms);
	log_msg(level, NULL, "worker %ld for %s %s%s", (long)c->pid,
	    c->socket->spec, what, then);
}

void
spawn_reap(struct spawn *s, long long now_ms)
{
	for (size_t i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];
		int status;

		/* Each by its pid: other children are not ours to collect. */
		if (c->pid == 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
			continue;
		if (now_ms - c->started >= SPAWN_STABLE_MS)
			c->delay_ms = SPAWN_DELAY_MIN_MS;
		child_log(c, status, c->delay_ms);
		c->pid = 0;
		if (c->due != NEVER)
			child_delay(c, now_ms);
	}
}

void
spawn_stop(struct spawn *s, int sig)
{
	for (size_t i = 0; i < s->count; i++) {
		struct child *c = &s->children[i];

		c->due = NEVER;
		if (c->pid != 0 && kill(c->pid, sig) == -1 && errno != ESRCH)
			log_msg(LOG_ERR, NULL, "worker %ld: %s", (long)c->pid,
			    strerrordesc_np(errno));
	}
}

size_t
spawn_running(const struct spawn *s)
{
	size_t running = 0;

	for (size_t i = 0; i < s->count; i++)
		running += s->children[i].pid != 0;
	return running;
}

void
spawn_clear(struct spawn *s)
{
	free(s->children);
	*s = (struct spawn){ .children = NULL };
}
