/*
 * keyturn verify: check every signature of one message from standard input.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "keysource.h"
#include "message.h"
#include "output.h"
#include "sigfield.h"
#include "taglist.h"
#include "verify.h"

#define TIME_DIGITS 12

enum { OPT_ZONE, OPT_KEY, OPT_AT, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_ZONE] = { "zone", 'z', "FILE", "key records from a zone file" },
	[OPT_KEY] = { "key", 'k', "FILE",
	    "one key record, or a public key in PEM, for all" },
	[OPT_AT] = { "at", 't', "SECONDS",
	    "as of that time, since 1970; default now" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

static int
take_time(const struct ctl_call *call, time_t *now)
{
	const char *at = call->values[OPT_AT];
	unsigned long long seconds;

	*now = time(NULL);
	if (at == NULL)
		return CTL_GOOD;
	if (!span_number((struct span){ at, strlen(at) }, TIME_DIGITS,
	        &seconds))
		return out_usage(call, "not a time in seconds: %s", at);
	*now = (time_t)seconds;
	return CTL_GOOD;
}

/* How the signatures fared. */
struct tally {
	size_t passed, unanswered;
};

/* Verify every signature and report on it.  Returns 0, or -1 with err set. */
static int
verify_all(struct verifier *v, bool is_json, struct tally *tally,
    struct buf *out, struct err *err)
{
	const struct hdrs *h = &v->msg->hdrs;
	struct sig_verdict verdict;

	for (size_t i = 0; i < h->count; i++) {
		if (!hdrs_is(h, i, SIGFIELD_NAME, strlen(SIGFIELD_NAME)))
			continue;
		if (verify_field(v, i, &verdict, err) == -1)
			return -1;
		tally->passed += verdict.result == VERIFY_PASS;
		tally->unanswered += verdict.result == VERIFY_TEMPERROR;
		if (!is_json) {
			verdict_line(&verdict, out);
			continue;
		}
		if (v->count > 1)
			buf_addc(out, ',');
		verdict_json(&verdict, out);
	}
	return 0;
}

/* The word for all signatures together, and the exit code. */
static const char *
result(const struct verifier *v, const struct tally *tally, int *code)
{
	*code = tally->passed > 0 ? CTL_GOOD : CTL_PROBLEM;
	if (tally->passed > 0)
		return "pass";
	if (v->count == 0)
		return "none";
	if (tally->unanswered == 0)
		return "fail";
	*code = CTL_UNAVAILABLE;
	return "temperror";
}

/* Verify msg and write the report.  Returns the exit code. */
static int
report(struct verifier *v, bool is_json)
{
	struct buf list = BUF_INIT, out = BUF_INIT;
	struct tally tally = { 0, 0 };
	struct err err = ERR_INIT;
	const char *word;
	int code;

	if (verify_all(v, is_json, &tally, &list, &err) == -1) {
		code = out_err(&err, CTL_DATA);
	} else {
		word = result(v, &tally, &code);
		if (is_json)
			buf_printf(&out, "{\"result\":\"%s\",\"signatures\":[",
			    word);
		else if (v->count == 0)
			buf_adds(&out,
			    "none: there is no DKIM-Signature field\n");
		buf_add(&out, list.data, list.len);
		if (is_json)
			buf_adds(&out, "]}\n");
		out.has_failed = out.has_failed || list.has_failed;
		code = out_write(&out, code);
	}
	buf_clear(&list);
	buf_clear(&out);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct keysource keys = KEYSOURCE_INIT;
	struct message msg = MESSAGE_INIT;
	struct verifier v = { .msg = &msg, .source = &keys.source };
	struct err err = ERR_INIT;
	int code;

	code = take_time(call, &v.now);
	if (code == CTL_GOOD)
		code = keysource_open(&keys, call, call->values[OPT_ZONE],
		    call->values[OPT_KEY]);
	if (code == CTL_GOOD && message_read(STDIN_FILENO, &msg, &err) == -1)
		code = out_err(&err, message_exit_code(&err));
	if (code == CTL_GOOD)
		code = report(&v, call->values[OPT_JSON] != NULL);
	message_clear(&msg);
	keysource_clear(&keys);
	return code;
}

const struct command cmd_verify = {
	.name = "verify",
	.arguments = "[--zone FILE | --key FILE] [-t SECONDS] [--json]",
	.summary = "Check every DKIM signature of one message from standard "
	           "input",
	.help =
	    "\n"
	    "A line for each signature: pass, fail, permerror or temperror, "
	    "d=, "
	    "s=, a= and\n"
	    "why, then one with the likely cause.  Keys come from the DNS, by "
	    "the configured\n"
	    "resolver, unless a file is given.\n"
	    "0: at least one passes.  1: none does, or there is none.  65: not "
	    "a message.\n"
	    "69: none passes, and the DNS did not answer.\n",
	.options = options,
	.run = run,
};
