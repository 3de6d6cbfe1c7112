/*
 * The publisher that is somebody's program: one JSON object on its stdin, its
 * exit code is the outcome.
 */
#include "json.h"
#include "publish.h"
#include "recordform.h"
#include "runprog.h"

enum {
	EXIT_DONE = 0,
	EXIT_LATER = 75, /* EX_TEMPFAIL of sysexits(3) */
	TOLD_MAX = 4096,
};

static void
write_request(const struct publish_request *request, struct buf *out)
{
	const char *goal = publish_goal(request);

	buf_addc(out, '{');
	json_text(out, "action", publish_action_name(request->action));
	json_text(out, "domain", request->domain);
	json_text(out, "selector", request->selector);
	json_text(out, "name", request->name);
	json_number(out, "ttl", (unsigned long long)request->ttl);
	json_text(out, "value", request->value);
	json_text(out, "empty", request->empty);
	json_name(out, "strings");
	recordform_json_strings(goal ? goal : "", out);
	buf_adds(out, "}\n");
}

/* What the way it ended means. */
static enum publish_result
outcome(const struct runprog *r, struct buf *told, struct err *err)
{
	runprog_show(&r->out, TOLD_MAX, told);
	if (r->end == RUNPROG_EXITED && r->code == EXIT_DONE)
		return PUBLISH_DONE;
	runprog_explain(r, err);
	/* Nothing is known of one that was cut short. */
	if (r->end != RUNPROG_EXITED || r->code == EXIT_LATER)
		return PUBLISH_LATER;
	err->code = ERR_INPUT;
	return PUBLISH_REFUSED;
}

enum publish_result
publish_exec(const struct publisher_conf *conf,
    const struct publish_request *request, struct buf *told, struct err *err)
{
	enum publish_result result = PUBLISH_LATER;
	struct buf input = BUF_INIT;
	struct runprog r = { .argv = conf->command, .timeout = conf->timeout };

	write_request(request, &input);
	r.input = input.data;
	r.input_len = input.len;
	if (input.has_failed)
		err_nomem(err);
	else if (runprog(&r, err) == 0)
		result = outcome(&r, told, err);
	else if (err->code == ERR_CONF)
		result = PUBLISH_REFUSED;
	runprog_clear(&r);
	buf_clear(&input);
	return result;
}
