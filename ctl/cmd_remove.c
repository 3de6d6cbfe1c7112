/*
 * keyturn remove: give a ring up.
 */
#include "control.h"
#include "output.h"
#include "tableuse.h"
#include "turncmd.h"

enum { OPT_FORGET, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_FORGET] = { "forget", '\0', NULL,
	    "the zone is no longer ours: leave its records alone" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/*
 * Refused while a line of a table names the ring: keyturnd would refuse its
 * next start.
 */
static int
check_tables(const struct turner *t, const char *domain)
{
	struct buf where = BUF_INIT;
	struct err err = ERR_INIT;
	int code = CTL_GOOD;
	int rc = tableuse_names_ring(t->conf, domain, &where, &err);

	if (rc == -1) {
		code = out_err(&err, CTL_CONFIG);
	} else if (rc == 1) {
		out_error("%s: names the ring %s: remove that line and run "
		          "`keyturn reload` first",
		    buf_str(&where) != NULL ? where.data : "a table", domain);
		code = CTL_PROBLEM;
	}
	buf_clear(&where);
	return code;
}

/* Have keyturnd let go of what is forgotten. */
static int
reload(const struct turner *t)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	int code;

	if (control_ask(t->conf->control_socket, "reload rings",
	        TURN_RELOAD_WAIT, &text, &code, &err) == -1) {
		out_error("%s", err.text);
		out_error("the ring is forgotten all the same, but keyturnd, "
		          "if it runs, may still sign with its key");
		code = CTL_NOT_YET;
	} else if (code == CTL_PROBLEM) {
		code = CTL_GOOD; /* other entries are broken */
	} else if (code != CTL_GOOD) {
		out_error("keyturnd refused: %.*s", (int)text.len,
		    text.data != NULL ? text.data : "");
		out_error("the ring is forgotten all the same, but keyturnd "
		          "may still sign with its key");
	}
	buf_clear(&text);
	return code;
}

static int
remove_ring(struct turner *t, char *domain, struct turn_report *report,
    bool forgets)
{
	static const struct turn_rounds rounds = { .until = STEP_NONE };
	char *domains[] = { domain, NULL };
	struct err err = ERR_INIT;
	int code = check_tables(t, domain);

	if (code != CTL_GOOD)
		return code;
	if (turn_leave(t, domain, forgets, &err) == -1)
		return out_err(&err,
		    err.code == ERR_IO        ? CTL_CANNOT_WRITE
		        : err.code == ERR_KEY ? CTL_DATA
		                              : CTL_NOT_YET);
	if (forgets)
		code = reload(t);
	if (turn_on(t, domains, &rounds, report, &err) == -1)
		return out_err(&err, CTL_NOT_YET);
	return turn_worse(code, turn_exit(report));
}

static int
run(const struct ctl_call *call)
{
	bool is_json = call->values[OPT_JSON] != NULL;
	char domain[DNSNAME_MAX + 1];
	struct turn_report report = { .count = 0 };
	struct buf out = BUF_INIT;
	struct turner t;
	int code;

	if (!turncmd_domain(call, call->operands[0], domain))
		return CTL_USAGE;
	if (turner_open(&t, call, true, &code) == -1)
		return code;
	code =
	    remove_ring(&t, domain, &report, call->values[OPT_FORGET] != NULL);
	if (*report.domain != '\0') {
		turncmd_report(&report, is_json, &out);
		if (is_json)
			buf_addc(&out, '\n');
		code = out_write(&out, code);
	}
	turn_report_clear(&report);
	buf_clear(&out);
	turner_close(&t);
	return code;
}

const struct command cmd_remove = {
	.name = "remove",
	.arguments = "[--forget] [--json] DOMAIN",
	.summary = "Give up a ring: retire and revoke its keys",
	.help = "\n"
	        "Its mail is no longer signed, at once.  The records stay for "
	        "the mail that is\n"
	        "on its way, and tick withdraws them when that has arrived.  "
	        "Refused while a\n"
	        "table names the ring.\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
