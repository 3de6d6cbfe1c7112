/*
 * keyturn panic: the private key may be in other hands.
 */
#include <stdlib.h>

#include "output.h"
#include "turncmd.h"

enum { OPT_ALL, OPT_FORCE, OPT_UNSIGNED, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_ALL] = { "all", '\0', NULL, "every ring" },
	[OPT_FORCE] = { "force", '\0', "REASON",
	    "to a key without the proof that it is served" },
	[OPT_UNSIGNED] = { "unsigned", '\0', NULL,
	    "stop signing if no other key is ready" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* What every ring gets.  Not STEP_ACTIVATE alone: the old key is revoked. */
static struct turn_rounds
rounds_of(const struct ctl_call *call, const char *selector)
{
	return (struct turn_rounds){
		.wish = { .wish = WISH_PANIC,
		    .selector = selector,
		    .is_forced = call->values[OPT_FORCE] != NULL,
		    .reason = call->values[OPT_FORCE],
		    .is_unsigned = call->values[OPT_UNSIGNED] != NULL },
		/* The key that takes over is not compromised. */
		.is_once = true,
		.until = STEP_NONE,
	};
}

/*
 * The exit code: 0 when no compromised key signs and none is to be revoked
 * still; 75 while something is waited for.
 */
static int
judge(struct turner *t, const struct turn_report *r)
{
	struct err err = ERR_INIT;
	int code = turn_exit(r);
	struct ring *ring;

	if (code != CTL_GOOD && code != CTL_NOT_YET && code != CTL_PROBLEM)
		return code;
	ring = turner_load(t, r->domain, NULL, &err);
	if (ring == NULL)
		return out_err(&err, CTL_PROBLEM);
	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *key = &ring->keys[i];

		if (!key->is_compromised || key->state > KEY_RETIRING)
			continue;
		out_error("%s: %s: compromised and %s: tick goes on as soon as "
		          "it can",
		    r->domain, key->selector,
		    key->state == KEY_ACTIVE
		        ? "still signing, until another key is ready"
		        : "not yet revoked");
		code = CTL_NOT_YET; /* rather than "stuck" */
	}
	ring_free(ring);
	return code;
}

/*
 * What else waits in the ring is of no interest now, and alarms were told as
 * such.
 */
static void
hide_others(struct turn_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct decision *d = &r->turned[i].decision;

		r->turned[i].is_hidden = d->is_alarm ||
		    r->turned[i].result == TURN_FAILED ||
		    (d->step == STEP_NONE &&
		        (d->next == STEP_NONE || d->next > STEP_ACTIVATE));
	}
}

/*
 * Say which keys are left alone, since they have replaced others in a panic
 * that is not over.  A ring that cannot be read says so by itself.
 */
static void
note_unfinished(struct turner *t, const char *domain)
{
	struct err ignored = ERR_INIT;
	struct ring *ring = turner_load(t, domain, NULL, &ignored);

	for (size_t i = 0; ring != NULL && i < ring->key_count; i++) {
		const struct ring_key *k = &ring->keys[i], *old;

		if (k->state != KEY_ACTIVE)
			continue;
		old = life_unfinished_panic(ring, k->alg);
		if (old != NULL)
			out_error("note: %s: %s has replaced %s, which is "
			          "revoked first; if it is compromised as "
			          "well: `keyturn panic %s %s`",
			    domain, k->selector, old->selector, domain,
			    k->selector);
	}
	ring_free(ring);
}

static int
panic(struct turner *t, char *const *domains, const char *selector,
    struct buf *out, bool is_json)
{
	struct turn_rounds rounds = rounds_of(t->call, selector);
	struct turn_report *reports;
	struct err err = ERR_INIT;
	int code = CTL_GOOD;
	size_t count = 0;

	while (domains[count] != NULL) {
		if (selector == NULL)
			note_unfinished(t, domains[count]);
		count++;
	}
	reports = calloc(count + 1, sizeof(*reports));
	if (reports == NULL)
		err_nomem(&err);
	if (reports == NULL ||
	    turn_on(t, domains, &rounds, reports, &err) == -1)
		code = out_err(&err, CTL_NOT_YET);
	for (size_t i = 0; reports != NULL && i < count; i++) {
		if (err.code == ERR_NONE)
			code = turn_worse(code, judge(t, &reports[i]));
		if (is_json && i > 0)
			buf_addc(out, ',');
		hide_others(&reports[i]);
		turncmd_report(&reports[i], is_json, out);
		turn_report_clear(&reports[i]);
	}
	free(reports);
	return code;
}

static int
run_all(struct turner *t, struct buf *out, bool is_json)
{
	struct err err = ERR_INIT;
	char **all = ringstore_list(t->store, &err);
	int code;

	if (all == NULL)
		return out_err(&err, CTL_CONFIG);
	code = panic(t, all, NULL, out, is_json);
	ringstore_free_list(all);
	return code;
}

static int
run(const struct ctl_call *call)
{
	bool is_all = call->values[OPT_ALL] != NULL;
	bool is_json = call->values[OPT_JSON] != NULL;
	char domain[DNSNAME_MAX + 1], selector[DNSNAME_MAX + 1];
	bool has_selector = call->operand_count > 1;
	char *domains[] = { domain, NULL };
	struct buf out = BUF_INIT;
	struct turner t;
	int code;

	if (is_all == (call->operand_count > 0))
		return out_usage(call, "either DOMAIN or --all");
	if ((!is_all && !turncmd_domain(call, call->operands[0], domain)) ||
	    (has_selector &&
	        !turncmd_selector(call, call->operands[1], selector)) ||
	    !turncmd_reason(call, call->values[OPT_FORCE]))
		return CTL_USAGE;
	if (turner_open(&t, call, true, &code) == -1)
		return code;
	t.force = call->values[OPT_FORCE];
	if (is_json)
		buf_adds(&out, "{\"rings\":[");
	if (is_all)
		code = run_all(&t, &out, is_json);
	else if (turncmd_has_key(&t, domain, has_selector ? selector : NULL,
	             &code))
		code = panic(&t, domains, has_selector ? selector : NULL, &out,
		    is_json);
	if (is_json)
		buf_adds(&out, "]}\n");
	code = out_write(&out, code);
	buf_clear(&out);
	turner_close(&t);
	return code;
}

const struct command cmd_panic = {
	.name = "panic",
	.arguments = "[--unsigned] [--force REASON] [--json]\n"
	             "       DOMAIN [SELECTOR] | --all",
	.summary = "Replace and revoke keys that may be in other hands",
	.help =
	    "\n"
	    "The ready key is looked up now, activated and confirmed by "
	    "keyturnd; then the\n"
	    "compromised one is revoked at once: mail that it signed and "
	    "that is still on\n"
	    "its way fails, which is the purpose.  Without a ready key one "
	    "is made and\n"
	    "published, and the old one signs on until that is proven to "
	    "be served; tick\n"
	    "then finishes it.  SELECTOR: that key and no other.  0: done.  "
	    "75: not yet, run\n"
	    "tick.\n",
	.options = options,
	.operand_max = 2,
	.run = run,
};
