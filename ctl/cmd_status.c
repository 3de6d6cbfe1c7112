/*
 * keyturn status: what keyturnd serves and how it fares, and how the rings do,
 * which is known without it.
 */
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "control.h"
#include "ctl.h"
#include "dnsname.h"
#include "output.h"
#include "ringstatus.h"
#include "turn.h"

#define STATUS_TIMEOUT 10 /* seconds */

enum { OPT_SOCKET, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_SOCKET] = { "socket", 's', "PATH",
	    "keyturnd's control socket, default as configured" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* Whether there may be rings: their directory is there. */
static bool
has_rings(const struct ctl_call *call)
{
	struct err ignored;
	struct conf *conf = conf_load(call->conf_path, &ignored);
	bool is_there = conf != NULL && access(conf->rings, F_OK) == 0;

	conf_free(conf);
	return is_there;
}

/* The rings of the store, or the one that was named.  Returns the exit code. */
static int
write_rings(struct turner *t, char *domain, bool is_json, struct buf *out)
{
	char *one[] = { domain, NULL };
	struct err err = ERR_INIT;
	size_t count = 0;
	char **all;
	int code;

	if (domain != NULL)
		return ringstatus_write(t, one, 1, is_json, out);
	all = ringstore_list(t->store, &err);
	if (all == NULL)
		return out_err(&err, CTL_CONFIG);
	while (all[count] != NULL)
		count++;
	code = count > 0 || is_json
	    ? ringstatus_write(t, all, count, is_json, out)
	    : CTL_GOOD;
	ringstore_free_list(all);
	return code;
}

/* Append how the rings fare.  Returns the exit code. */
static int
add_rings(const struct ctl_call *call, char *domain, bool answered,
    struct buf *out)
{
	struct turner t;
	int code;

	if (turner_open(&t, call, false, &code) == -1)
		return code;
	t.keyturnd = answered ? KEYTURND_ANSWERS : KEYTURND_SILENT;
	code = write_rings(&t, domain, call->values[OPT_JSON] != NULL, out);
	turner_close(&t);
	return code;
}

/* keyturnd's own object, open for one more member. */
static void
open_json(struct buf *text, bool answered)
{
	if (!answered) {
		buf_reset(text);
		buf_adds(text, "{\"state\":\"unreachable\"");
		return;
	}
	while (text->len > 0 &&
	    strchr("}\n", text->data[text->len - 1]) != NULL) {
		if (text->data[--text->len] == '}')
			break;
	}
}

/* Ask keyturnd, look at the rings, report.  Returns the exit code. */
static int
report(const struct ctl_call *call, char *domain)
{
	bool is_json = call->values[OPT_JSON] != NULL, answered;
	struct buf text = BUF_INIT;
	int code;

	answered = control_call(call, call->values[OPT_SOCKET], false,
	    is_json ? "status json" : "status", STATUS_TIMEOUT, &text, &code);
	if (domain != NULL && !is_json)
		buf_reset(&text);
	if (domain != NULL || has_rings(call)) {
		if (is_json) {
			open_json(&text, answered);
			buf_adds(&text, ",\"life\":[");
		} else if (!answered) {
			buf_adds(&text,
			    "keyturnd does not answer; the rings "
			    "by their files:\n");
		}
		code =
		    turn_worse(code, add_rings(call, domain, answered, &text));
		if (is_json)
			buf_adds(&text, "]}\n");
	} else if (!answered) {
		buf_clear(&text);
		return code;
	}
	code = out_write(&text, code);
	buf_clear(&text);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct buf domain = BUF_INIT;
	int code;

	if (call->operand_count == 0)
		return report(call, NULL);
	dnsname_lower(call->operands[0], strlen(call->operands[0]), &domain);
	if (buf_str(&domain) == NULL)
		code = CTL_NOT_YET;
	else if (!dnsname_is_valid(domain.data, domain.len))
		code = out_usage(call, "not a domain: %s", call->operands[0]);
	else
		code = report(call, domain.data);
	buf_clear(&domain);
	return code;
}

const struct command cmd_status = {
	.name = "status",
	.arguments = "[-s PATH] [--json] [DOMAIN]",
	.summary = "Show what keyturnd serves, and how the rings fare",
	.help =
	    "\n"
	    "Generation, workers, keys, counters; then of each ring, or of "
	    "that of DOMAIN,\n"
	    "each key: its state, since when it is held, when it last signed, "
	    "what the last\n"
	    "look at the DNS found, the next step and when.\n"
	    "0: good.  1: degraded, or a ring is stuck; what is bad is named.\n"
	    "69: keyturnd does not answer; the rings are shown all the same.\n",
	.options = options,
	.operand_max = 1,
	.run = run,
};
