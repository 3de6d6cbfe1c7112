/*
 * keyturn tick: every step that is due, for all rings.
 */
#include <stdlib.h>

#include "output.h"
#include "turncmd.h"

enum { OPT_DRY, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_DRY] = { "dry-run", 'n', NULL,
	    "say what would be done, and do nothing" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* Whether there is anything to be said of a ring. */
static bool
is_news(const struct turn_report *r)
{
	return r->count > 0 || r->err.code != ERR_NONE;
}

/* Returns the exit code. */
static int
report(const struct turner *t, const struct turn_report *reports, size_t count,
    bool is_json)
{
	struct buf out = BUF_INIT;
	int code = CTL_GOOD;
	bool is_first = true;

	if (is_json)
		buf_printf(&out, "{\"count\":%zu,\"rings\":[", count);
	for (size_t i = 0; i < count; i++) {
		code = turn_worse(code, turn_exit(&reports[i]));
		if (!is_news(&reports[i]))
			continue;
		if (is_json && !is_first)
			buf_addc(&out, ',');
		is_first = false;
		/* Otherwise it was told as an alarm. */
		if (t->is_dry && reports[i].err.code != ERR_NONE)
			out_error("%s: %s", reports[i].domain,
			    reports[i].err.text);
		if (is_json)
			turn_report_json(&reports[i], &out);
		else
			turn_report_text(&reports[i], &out);
	}
	if (is_json)
		buf_adds(&out, "]}\n");
	code = out_write(&out, code);
	buf_clear(&out);
	return code;
}

static int
tick(struct turner *t, bool is_json)
{
	static const struct life_wish none = { .wish = WISH_NONE };
	struct err err = ERR_INIT;
	struct turn_report *reports = NULL;
	char **domains = ringstore_list(t->store, &err);
	size_t count = 0;
	int code;

	if (domains == NULL)
		return out_err(&err, CTL_CONFIG);
	while (domains[count] != NULL)
		count++;
	reports = calloc(count + 1, sizeof(*reports));
	if (reports == NULL)
		err_nomem(&err);
	if (reports == NULL ||
	    turn_rings(t, domains, &none, reports, &err) == -1) {
		code = out_err(&err, CTL_NOT_YET);
		goto out;
	}
	code = report(t, reports, count, is_json);
	for (size_t i = 0; i < count; i++)
		turn_report_clear(&reports[i]);
out:
	free(reports);
	ringstore_free_list(domains);
	return code;
}

static int
run(const struct ctl_call *call)
{
	bool is_dry = call->values[OPT_DRY] != NULL;
	struct turner t;
	int code;

	if (turner_open(&t, call, !is_dry, &code) == -1)
		return code;
	t.is_dry = is_dry;
	code = tick(&t, call->values[OPT_JSON] != NULL);
	turner_close(&t);
	return code;
}

const struct command cmd_tick = {
	.name = "tick",
	.arguments = "[-n] [--json]",
	.summary = "Take every ring a step further that is due",
	.help = "\n"
	        "For a timer, every few minutes to every few hours.  Says only "
	        "what it does and\n"
	        "what is stuck.  0: nothing is.  1: something is stuck, or an "
	        "alarm.  75:\n"
	        "keyturnd or a publisher did not answer; the next tick goes "
	        "on.\n",
	.options = options,
	.run = run,
};
