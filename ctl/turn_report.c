/*
 * What became of each ring, as lines, as JSON and as an exit code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "turn_job.h"
#include "when.h"

void
turn_report_clear(struct turn_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->turned[i].text);
	free(r->turned);
	r->turned = NULL;
	r->count = 0;
}

struct turned *
turn_report_add(struct turn_report *r, const struct decision *d,
    const char *selector, enum turn_result result, const char *text)
{
	struct turned *more;

	more = reallocarray(r->turned, r->count + 1, sizeof(*more));
	if (more == NULL) {
		err_nomem(&r->err);
		r->code = CTL_NOT_YET;
		return NULL;
	}
	r->turned = more;
	more += r->count++;
	memset(more, 0, sizeof(*more));
	more->decision = *d;
	more->result = result;
	snprintf(more->selector, sizeof(more->selector), "%s", selector);
	more->text = strdup(text);
	return more;
}

static int
turned_exit(const struct turned *turned)
{
	/* Nothing is wrong with the ring: it goes on when keyturnd does. */
	if (turned->is_silent)
		return CTL_NOT_YET;
	if (turned->result == TURN_FAILED || turned->decision.is_stuck ||
	    turned->decision.is_alarm)
		return CTL_PROBLEM;
	return turned->result == TURN_LATER ? CTL_NOT_YET : CTL_GOOD;
}

int
turn_worse(int a, int b)
{
	/* From the least to the most urgent. */
	static const int order[] = { CTL_GOOD, CTL_NOT_YET, CTL_PROBLEM,
		CTL_UNAVAILABLE, CTL_DATA, CTL_NO_PERMISSION, CTL_CANNOT_WRITE,
		CTL_CONFIG };
	int worst = a;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i] == a || order[i] == b)
			worst = order[i];
	}
	return worst;
}

int
turn_exit(const struct turn_report *r)
{
	int code = r->err.code != ERR_NONE ? r->code : CTL_GOOD;

	for (size_t i = 0; i < r->count; i++)
		code = turn_worse(code, turned_exit(&r->turned[i]));
	return code;
}

/* "done", or what stands for it in a report. */
static const char *
result_name(const struct turned *turned)
{
	switch (turned->result) {
	case TURN_DONE:
		return "done";
	case TURN_NOTHING:
		return turned->decision.step == STEP_NONE ? "waits" : "due";
	case TURN_BY_HAND:
		return "by hand";
	case TURN_LATER:
		return "later";
	case TURN_FAILED:
		break;
	}
	return "failed";
}

/* The step that was done, or that is waited for. */
static enum step
step_shown(const struct turned *turned)
{
	return turned->decision.step != STEP_NONE ? turned->decision.step
	                                          : turned->decision.next;
}

static void
turned_text(const char *domain, const struct turned *turned, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	buf_printf(out, "%s: ", domain);
	if (*turned->selector != '\0')
		buf_printf(out, "%s: ", turned->selector);
	if (step_shown(turned) != STEP_NONE)
		buf_printf(out, "%s: ", step_name(step_shown(turned)));
	buf_printf(out, "%s", result_name(turned));
	if (turned->decision.step == STEP_NONE && turned->decision.when != 0) {
		when_text(turned->decision.when, when);
		buf_printf(out, " until %s", when);
	}
	if (turned->text != NULL && *turned->text != '\0')
		buf_printf(out, ": %s", turned->text);
	if (out->len == 0 || out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
}

void
turn_report_text(const struct turn_report *r, struct buf *out)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!r->turned[i].is_hidden)
			turned_text(r->domain, &r->turned[i], out);
	}
}

static void
turned_json(const struct turned *turned, struct buf *out)
{
	buf_addc(out, '{');
	json_text(out, "selector",
	    *turned->selector != '\0' ? turned->selector : NULL);
	json_text(out, "step", step_name(step_shown(turned)));
	json_text(out, "result", result_name(turned));
	json_when(out,
	    turned->decision.step == STEP_NONE ? "not_before" : "due",
	    turned->decision.when);
	json_bool(out, "stuck", turned->decision.is_stuck);
	json_bool(out, "alarm", turned->decision.is_alarm);
	json_text(out, "text", turned->text);
	buf_addc(out, '}');
}

void
turn_report_json(const struct turn_report *r, struct buf *out)
{
	buf_addc(out, '{');
	json_text(out, "domain", r->domain);
	json_text(out, "error", r->err.code != ERR_NONE ? r->err.text : NULL);
	buf_adds(out, ",\"steps\":[");
	for (size_t i = 0; i < r->count; i++) {
		if (i > 0)
			buf_addc(out, ',');
		turned_json(&r->turned[i], out);
	}
	buf_adds(out, "]}");
}
