/*
 * What a run of a subcommand works with: who runs it, the configuration, the
 * store, the clocks, what keyturnd held.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "output.h"
#include "readfile.h"
#include "smallfile.h"
#include "turn.h"

#define ASK_WAIT   10 /* s */
#define LOGIN_FILE "/proc/self/loginuid"
#define NAME_BYTES 256

static void
add_user(uid_t uid, struct buf *out)
{
	const struct passwd *user = getpwuid(uid);

	if (user != NULL)
		buf_add_escaped(out, user->pw_name, strlen(user->pw_name));
	else
		buf_printf(out, "uid %lu", (unsigned long)uid);
}

/* The uid that somebody logged in with.  False when there is none. */
static bool
login_uid(uid_t *uid)
{
	struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	unsigned long number = (uid_t)-1;
	const char *digits;
	char *end;

	if (readfile(LOGIN_FILE, 32, &text, &ignored) == 0 &&
	    (digits = buf_str(&text)) != NULL && *digits != '\0') {
		number = strtoul(digits, &end, 10);
		if (*end != '\0' && *end != '\n')
			number = (uid_t)-1;
	}
	buf_clear(&text);
	*uid = (uid_t)number;
	return *uid != (uid_t)-1;
}

/*
 * Who does this, for the journal: "alice", "root by sudo from alice", "root
 * (logged in as alice)".  A line for people: SUDO_USER is what sudo says.
 */
static char *
who_am_i(bool is_tick)
{
	const char *sudo = getenv("SUDO_USER");
	struct buf out = BUF_INIT;
	char *who = NULL;
	uid_t login;

	if (is_tick)
		buf_adds(&out, "tick by ");
	add_user(getuid(), &out);
	if (sudo != NULL && *sudo != '\0') {
		buf_adds(&out, " by sudo from ");
		buf_add_escaped(&out, sudo, strnlen(sudo, NAME_BYTES));
	} else if (login_uid(&login) && login != getuid()) {
		buf_adds(&out, " (logged in as ");
		add_user(login, &out);
		buf_addc(&out, ')');
	}
	if (buf_str(&out) != NULL)
		who = strdup(out.data);
	buf_clear(&out);
	return who;
}

int
turner_read_held(struct turner *t, struct err *err)
{
	char *path = held_path(t->conf->rings);
	struct held held = { .keys = NULL };
	int rc;

	rc = path != NULL ? held_load(path, &held, err) : err_nomem(err);
	free(path);
	held_clear(&t->held);
	t->held = held;
	t->held_is_known = rc == 0;
	return rc;
}

/* Read the clocks, and say it when they are not to be trusted. */
static int
read_clocks(struct turner *t, bool writes, struct err *err)
{
	struct clock_memory before;
	char *path = clock_path(t->conf->rings);
	const char *why = NULL;
	bool is_known;
	int rc = -1;

	if (path == NULL) {
		err_nomem(err);
		goto out;
	}
	if (clock_now(&t->clock.now, err) == -1)
		goto out;
	is_known = clock_load(path, &before);
	t->clock.irreversible_wait = clock_judge(is_known ? &before : NULL,
	    &t->clock.now, &t->clock_memory, &why);
	t->clock.even_since = t->clock_memory.even_since;
	if (is_known && why != NULL)
		out_error("note: %s: for a day, steps that cannot be taken "
		          "back wait 24 hours",
		    why);
	rc = writes ? clock_write(path, &t->clock_memory, err) : 0;
out:
	free(path);
	return rc;
}

static struct sights *
open_sights(const struct conf *conf, bool writes, struct err *err)
{
	char *memory = smallfile_beside(conf->rings, "servers");
	struct sights *s = NULL;

	/* Who only reads may have no right to the memory: it is a cache. */
	if (memory == NULL)
		err_nomem(err);
	else
		s = sights_new(writes || access(memory, R_OK | W_OK) == 0
		        ? memory
		        : NULL,
		    err);
	free(memory);
	return s;
}

/*
 * The exit code where the rings cannot be opened, and the way out for somebody
 * who only lacks the right.
 */
static int
refused(const char *rings, struct err *err)
{
	if (geteuid() == 0 || access(rings, R_OK | W_OK | X_OK) == 0 ||
	    errno != EACCES)
		return CTL_CONFIG;
	strlcat(err->text, "; root and keyturnd's user may: try sudo",
	    sizeof(err->text));
	return CTL_NO_PERMISSION;
}

/* All that can fail with err.  Returns 0, or the exit code. */
static int
open_all(struct turner *t, bool writes, struct err *err)
{
	t->conf = conf_load(t->call->conf_path, err);
	if (t->conf == NULL)
		return CTL_CONFIG;
	/*
	 * What root would leave behind keyturnd could not read, nor the tick of
	 * the timer write.
	 */
	if (ringstore_become_owner(t->conf->rings, err) == -1 && writes)
		return CTL_NO_PERMISSION;
	t->store = ringstore_open_dir(t->conf->rings, err);
	if (t->store == NULL)
		return refused(t->conf->rings, err);
	if (ringstore_host(t->host, err) == -1 ||
	    read_clocks(t, writes, err) == -1)
		return writes ? CTL_CANNOT_WRITE : CTL_NOT_YET;
	/* Not knowing what was held only means that nothing is withdrawn. */
	if (turner_read_held(t, err) == -1)
		out_error("%s", err->text);
	t->sights = open_sights(t->conf, writes, err);
	return t->sights != NULL ? 0 : CTL_NOT_YET;
}

int
turner_open(struct turner *t, const struct ctl_call *call, bool writes,
    int *code)
{
	struct err err = ERR_INIT;

	memset(t, 0, sizeof(*t));
	t->call = call;
	t->is_tick = strcmp(call->command->name, "tick") == 0;
	t->who = who_am_i(t->is_tick);
	if (t->who == NULL) {
		err_nomem(&err);
		*code = CTL_NOT_YET;
	} else {
		*code = open_all(t, writes, &err);
	}
	if (*code == 0)
		return 0;
	*code = out_err(&err, *code);
	turner_close(t);
	return -1;
}

void
turner_close(struct turner *t)
{
	sights_free(t->sights);
	held_clear(&t->held);
	ringstore_close(t->store);
	conf_free(t->conf);
	free(t->who);
	buf_clear(&t->told);
	memset(t, 0, sizeof(*t));
}

bool
turner_asks(struct turner *t)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	int code;

	if (t->keyturnd != KEYTURND_UNASKED)
		return t->keyturnd == KEYTURND_ANSWERS;
	t->keyturnd = KEYTURND_ANSWERS;
	if (control_ask(t->conf->control_socket, "status", ASK_WAIT, &text,
	        &code, &err) == -1) {
		/* Not running, or not to be reached by us: it says. */
		out_error("%s", err.text);
		t->keyturnd = KEYTURND_SILENT;
	}
	buf_clear(&text);
	return t->keyturnd == KEYTURND_ANSWERS;
}

bool
turner_tells(struct turner *t, const char *domain, const char *selector,
    enum step step)
{
	struct buf line = BUF_INIT;
	bool is_new = true;

	buf_printf(&line, "\n%s %s %s\n", domain, selector, step_name(step));
	/* Without memory it is better said twice. */
	if (buf_str(&line) != NULL) {
		is_new = buf_str(&t->told) == NULL ||
		    strstr(t->told.data, line.data) == NULL;
		if (is_new)
			buf_add(&t->told, line.data, line.len);
	}
	buf_clear(&line);
	return is_new;
}
