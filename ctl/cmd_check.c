/*
 * keyturn check: load everything as keyturnd would, try each key, and say all
 * that is wrong.
 */
#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base64.h"
#include "checkdns.h"
#include "ctl.h"
#include "json.h"
#include "output.h"
#include "problem.h"
#include "snap.h"

enum { OPT_USER, OPT_DNS, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_USER] = { "user", 'u', "NAME",
	    "as root: check as that user, not as keyturnd's" },
	[OPT_DNS] = { "dns", '\0', NULL,
	    "look up what is published for each key" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* What was found. */
struct findings {
	struct buf errors, warnings; /* lines; with JSON, elements */
	bool is_json;
	size_t keys, lines, broken;
	size_t dns_bad, dns_unanswered; /* keys, with --dns */
};

static void
add(const struct findings *f, struct buf *list, const char *prefix,
    const char *text)
{
	if (!f->is_json) {
		buf_printf(list, "keyturn: %s%s\n", prefix, text);
		return;
	}
	if (list->len > 0)
		buf_addc(list, ',');
	json_string(list, text, strlen(text));
}

/* Become the user with that name.  Returns the exit code. */
static int
become(const struct ctl_call *call, const char *name)
{
	const struct passwd *user;

	errno = 0;
	user = getpwnam(name);
	if (user == NULL)
		return out_usage(call, "no such user: %s", name);
	if (user->pw_uid == geteuid())
		return CTL_GOOD;
	if (initgroups(name, user->pw_gid) == -1 ||
	    setgid(user->pw_gid) == -1 || setuid(user->pw_uid) == -1) {
		out_error("cannot become user %s: %s; only root can", name,
		    strerror(errno));
		return CTL_NO_PERMISSION;
	}
	return CTL_GOOD;
}

/*
 * The user that keyturnd runs as now, by its control socket, or NULL: not
 * running, or root.
 */
static const char *
keyturnd_user(const char *conf_path)
{
	struct err ignored;
	struct conf *conf = conf_load(conf_path, &ignored);
	const struct passwd *user = NULL;
	struct stat st;

	if (conf != NULL && stat(conf->control_socket, &st) == 0 &&
	    st.st_uid != 0)
		user = getpwuid(st.st_uid);
	conf_free(conf);
	return user != NULL ? user->pw_name : NULL;
}

/* The public part of key, by way of the text that is published. */
static struct pubkey *
published(const struct key *key, struct err *err)
{
	struct buf text = BUF_INIT, bytes = BUF_INIT;
	struct pubkey *pk = NULL;

	if (key_public(key, &text, err) == 0) {
		if (!base64_decode(text.data, text.len, &bytes) ||
		    bytes.has_failed)
			err_nomem(err);
		else
			pk = pubkey_parse(key_algorithm(key), bytes.data,
			    bytes.len, err);
	}
	buf_clear(&text);
	buf_clear(&bytes);
	return pk;
}

/* Sign with key and verify that.  Returns 0, or -1 with err set. */
static int
try_key(const struct key *key, struct err *err)
{
	static const unsigned char digest[SHA256_LEN] = "a trial";
	unsigned char sig[KEY_SIG_MAX];
	struct pubkey *pk;
	size_t sig_len;
	int fits = -1;

	pk = published(key, err);
	if (pk == NULL)
		return -1;
	if (key_sign(key, digest, sig, &sig_len, err) == 0)
		fits = pubkey_verify(pk, digest, sig, sig_len, err);
	pubkey_free(pk);
	if (fits == 0)
		return err_set(err, ERR_KEY,
		    "a trial signature does not verify with its own public "
		    "part");
	return fits == 1 ? 0 : -1;
}

/* Something broken, in words. */
static void
add_broken(struct findings *f, struct buf *text)
{
	f->broken++;
	add(f, &f->errors, "",
	    buf_str(text) != NULL ? text->data : "out of memory");
}

static void
check_entries(const struct snap *snap, struct findings *f)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];

		if (e->state == ENTRY_GOOD && try_key(e->key, &err) == 0)
			continue;
		/* A bad ring is told of as a whole. */
		if (e->state != ENTRY_GOOD && e->ring != NULL)
			continue;
		buf_reset(&text);
		if (e->state != ENTRY_GOOD)
			problem_describe(snap, e, &text);
		else if (e->ring != NULL)
			buf_printf(&text, "ring %s: %s: %s", e->ring, e->path,
			    err.text);
		else
			buf_printf(&text, "%s:%u: %s: %s: %s",
			    snap->key_table->path, e->line, e->name, e->path,
			    err.text);
		add_broken(f, &text);
	}
	for (size_t i = 0; i < snap->ring_count; i++) {
		if (snap->rings[i].state == ENTRY_GOOD)
			continue;
		buf_reset(&text);
		problem_describe_ring(&snap->rings[i], &text);
		add_broken(f, &text);
	}
	buf_clear(&text);
}

static void
check_snap(const struct snap *snap, struct findings *f)
{
	f->keys = snap->entry_count;
	f->lines = snap->signing_table ? snap->signing_table->count : 0;
	for (size_t i = 0; i < snap->warning_count; i++)
		add(f, &f->warnings, "warning: ", snap->warnings[i]);
	check_entries(snap, f);
}

/* tell of struct checkdns */
static void
add_dns(void *arg, const char *text, bool is_warning)
{
	struct findings *f = arg;

	if (is_warning)
		add(f, &f->warnings, "warning: ", text);
	else
		add(f, &f->errors, "", text);
}

/* With --dns.  Returns 0, or -1 with err set. */
static int
check_dns(const struct snap *snap, struct findings *f, struct err *err)
{
	struct checkdns c = { .tell = add_dns, .arg = f };
	int rc = checkdns(snap, &c, err);

	f->dns_bad = c.bad;
	f->dns_unanswered = c.unanswered;
	return rc;
}

/* One word for all that was found, and the exit code. */
static const char *
result(const struct findings *f, bool is_refused, int *code)
{
	*code = CTL_CONFIG;
	if (is_refused)
		return "refused";
	if (f->broken > 0)
		return "broken";
	*code = CTL_PROBLEM;
	if (f->dns_bad > 0)
		return "bad in the DNS";
	*code = CTL_UNAVAILABLE;
	if (f->dns_unanswered > 0)
		return "without an answer from the DNS";
	*code = CTL_GOOD;
	return "good";
}

/* How many keys the word is about; 0: all. */
static size_t
result_count(const struct findings *f)
{
	if (f->broken > 0)
		return f->broken;
	return f->dns_bad > 0 ? f->dns_bad : f->dns_unanswered;
}

/* Write all findings.  Returns the exit code. */
static int
report(struct findings *f, bool is_refused)
{
	int code;
	const char *word = result(f, is_refused, &code);
	const char *errors = buf_str(&f->errors);
	const char *warnings = buf_str(&f->warnings);
	struct buf out = BUF_INIT;

	if (errors == NULL || warnings == NULL) {
		out.has_failed = true;
	} else if (f->is_json) {
		buf_printf(&out,
		    "{\"result\":\"%s\",\"keys\":%zu,\"broken\":%zu,"
		    "\"lines\":%zu,\"errors\":[%s],\"warnings\":[%s]}\n",
		    word, f->keys, f->broken, f->lines, errors, warnings);
	} else {
		fprintf(stderr, "%s%s", errors, warnings);
		if (!is_refused)
			buf_printf(&out, "%zu key%s, %zu line%s: ", f->keys,
			    f->keys == 1 ? "" : "s", f->lines,
			    f->lines == 1 ? "" : "s");
		if (!is_refused && result_count(f) > 0)
			buf_printf(&out, "%zu ", result_count(f));
		if (!is_refused)
			buf_printf(&out, "%s\n", word);
	}
	code = out_write(&out, code);
	buf_clear(&out);
	return code;
}

static int
run(const struct ctl_call *call)
{
	const char *user = call->values[OPT_USER];
	struct findings f = { .is_json = call->values[OPT_JSON] != NULL };
	struct err err = ERR_INIT;
	struct snap *snap;
	int code = CTL_GOOD;

	if (user == NULL && geteuid() == 0)
		user = keyturnd_user(call->conf_path);
	if (user != NULL)
		code = become(call, user);
	if (code != CTL_GOOD)
		return code;
	snap = snap_load(call->conf_path, NULL, 1, &err);
	if (snap == NULL)
		add(&f, &f.errors, "", err.text);
	else
		check_snap(snap, &f);
	if (snap != NULL && call->values[OPT_DNS] != NULL &&
	    check_dns(snap, &f, &err) == -1) {
		f.dns_unanswered++;
		add(&f, &f.errors, "", err.text);
	}
	if (f.broken > 0 && user == NULL && geteuid() == 0)
		add(&f, &f.warnings, "warning: ",
		    "checked as root, because keyturnd is not running; if it "
		    "runs as another user, check as that one: keyturn check "
		    "--user NAME");
	code = report(&f, snap == NULL);
	if (err.code == ERR_NOMEM && code == CTL_CONFIG)
		code = CTL_NOT_YET;
	snap_free(snap);
	buf_clear(&f.errors);
	buf_clear(&f.warnings);
	return code;
}

const struct command cmd_check = {
	.name = "check",
	.arguments = "[-u NAME] [--dns] [--json]",
	.summary = "Check configuration, tables and keys as keyturnd would",
	.help = "\n"
	        "Every key signs once and its signature is verified.  Errors "
	        "and warnings go to\n"
	        "standard error.  0: good, warnings included.  78: something "
	        "is wrong, by name.\n"
	        "With --dns also 1: a published key is not that of the private "
	        "key, or not at\n"
	        "every server; 69: the DNS does not answer.\n",
	.options = options,
	.run = run,
};
