/*
 * Commands on one ring.
 */
#include <string.h>

#include "output.h"
#include "turncmd.h"

bool
turncmd_name(const char *text, char out[DNSNAME_MAX + 1])
{
	struct buf lower = BUF_INIT;
	size_t len = strlen(text);
	bool is_good;

	if (len > 1 && text[len - 1] == '.')
		len--;
	dnsname_lower(text, len, &lower);
	is_good = len <= DNSNAME_MAX && dnsname_is_valid(text, len) &&
	    buf_str(&lower) != NULL;
	if (is_good)
		memcpy(out, lower.data, len + 1);
	buf_clear(&lower);
	return is_good;
}

/* The same of an operand; what is what it should be. */
static bool
take_name(const struct ctl_call *call, const char *what, const char *text,
    char out[DNSNAME_MAX + 1])
{
	bool is_good = turncmd_name(text, out);

	if (!is_good)
		out_usage(call, "not a %s: %s", what, text);
	return is_good;
}

bool
turncmd_domain(const struct ctl_call *call, const char *text,
    char out[DNSNAME_MAX + 1])
{
	return take_name(call, "domain", text, out);
}

bool
turncmd_selector(const struct ctl_call *call, const char *text,
    char out[DNSNAME_MAX + 1])
{
	return take_name(call, "selector", text, out);
}

bool
turncmd_reason(const struct ctl_call *call, const char *reason)
{
	if (reason == NULL)
		return true;
	if (*reason == '\0')
		out_usage(call, "--force wants a reason for the journal");
	else if (strlen(reason) > TURNCMD_REASON_MAX)
		out_usage(call, "--force: a reason of over %d bytes",
		    TURNCMD_REASON_MAX);
	else
		return true;
	return false;
}

void
turncmd_report(const struct turn_report *r, bool is_json, struct buf *out)
{
	if (is_json)
		turn_report_json(r, out);
	else
		turn_report_text(r, out);
	if (!is_json && r->err.code != ERR_NONE)
		out_error("%s: %s", r->domain, r->err.text);
}

static bool
is_wished(const struct turncmd *c, enum step step)
{
	return step != STEP_NONE && (step == c->wished || step == c->or_wished);
}

/* Whether the entry says why the wish was not done. */
static bool
is_refusal(const struct turncmd *c, const struct turned *turned)
{
	const char *selector = c->rounds.wish.selector;

	if (selector != NULL)
		return strcmp(turned->selector, selector) == 0;
	/* Anything on the way up to it. */
	return (turned->decision.next != STEP_NONE &&
	           turned->decision.next <= STEP_ACTIVATE) ||
	    turned->decision.is_stuck;
}

/*
 * The exit code of a wish: what was asked for was done, or it waits for
 * something, or it is refused; which is said on stderr.
 */
static int
judge(const struct turncmd *c, const struct turn_report *r)
{
	int code = r->err.code != ERR_NONE ? r->code : CTL_PROBLEM;
	bool is_done = false;

	for (size_t i = 0; i < r->count; i++) {
		const struct turned *turned = &r->turned[i];

		if (is_wished(c, turned->decision.step) &&
		    turned->result != TURN_NOTHING)
			is_done = true;
	}
	if (is_done)
		return turn_exit(r);
	for (size_t i = 0; i < r->count; i++) {
		const struct turned *turned = &r->turned[i];

		if (turned->decision.step != STEP_NONE) {
			/* A step towards it: the rest comes by itself. */
			if (turned->result != TURN_FAILED)
				code = turn_worse(code == CTL_PROBLEM ? CTL_GOOD
				                                      : code,
				    CTL_NOT_YET);
			continue;
		}
		if (!is_refusal(c, turned))
			continue;
		if (turned->decision.when != 0 && code == CTL_PROBLEM)
			code = CTL_NOT_YET;
		/* An alarm was told as one. */
		if (!c->is_json && !turned->decision.is_alarm)
			out_error("%s: %s: %s", r->domain,
			    *turned->selector ? turned->selector : "a new key",
			    turned->text);
	}
	return code;
}

/* On stdout only what was done: why not, and alarms, went to stderr. */
static void
drop_waits(struct turn_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->turned[i].decision.step == STEP_NONE ||
		    r->turned[i].result == TURN_FAILED)
			r->turned[i].is_hidden = true;
	}
}

bool
turncmd_has_key(struct turner *t, const char *domain, const char *selector,
    int *code)
{
	struct err err = ERR_INIT;
	struct ring *ring;
	bool has = false;

	ring = turner_load(t, domain, NULL, &err);
	if (ring == NULL) {
		err_prefix(&err, "%s", domain);
		*code =
		    out_err(&err, err.code == ERR_KEY ? CTL_DATA : CTL_NOT_YET);
		return false;
	}
	has = selector == NULL || ring_find(ring, selector) != NULL;
	if (!has) {
		out_error("%s: the ring has no key of the selector %s; see "
		          "`keyturn status %s`",
		    domain, selector, domain);
		*code = CTL_DATA;
	}
	ring_free(ring);
	return has;
}

int
turncmd_run(const struct ctl_call *call, char *domain, const struct turncmd *c)
{
	char *domains[] = { domain, NULL };
	struct turn_report report = { .count = 0 };
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	struct turner t;
	int code;

	if (turner_open(&t, call, true, &code) == -1)
		return code;
	t.force = c->force;
	if (!turncmd_has_key(&t, domain, c->rounds.wish.selector, &code))
		goto out;
	if (turn_on(&t, domains, &c->rounds, &report, &err) == -1) {
		turn_report_clear(&report);
		code = out_err(&err, CTL_NOT_YET);
		goto out;
	}
	code = judge(c, &report);
	if (!c->is_json)
		drop_waits(&report);
	turncmd_report(&report, c->is_json, &out);
	if (c->is_json)
		buf_addc(&out, '\n');
	turn_report_clear(&report);
	code = out_write(&out, code);
out:
	buf_clear(&out);
	turner_close(&t);
	return code;
}
