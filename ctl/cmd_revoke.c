/*
 * keyturn revoke: say in the DNS that a key must not be trusted any more.
 */
#include <string.h>

#include "output.h"
#include "turncmd.h"

enum { OPT_FORCE, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_FORCE] = { "force", '\0', "REASON",
	    "before retire_after is over" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

static int
run(const struct ctl_call *call)
{
	const char *reason = call->values[OPT_FORCE];
	char domain[DNSNAME_MAX + 1], selector[DNSNAME_MAX + 1];
	struct turncmd c = {
		.rounds = { .wish = { .wish = WISH_REVOKE,
		                .selector = selector,
		                .is_forced = reason != NULL,
		                .reason = reason },
		    .until = STEP_REVOKE },
		.wished = STEP_REVOKE,
		.or_wished = STEP_ARM,
		.force = reason,
		.is_json = call->values[OPT_JSON] != NULL,
	};

	if (!turncmd_domain(call, call->operands[0], domain) ||
	    !turncmd_selector(call, call->operands[1], selector) ||
	    !turncmd_reason(call, reason))
		return CTL_USAGE;
	return turncmd_run(call, domain, &c);
}

const struct command cmd_revoke = {
	.name = "revoke",
	.arguments = "[--force REASON] [--json] DOMAIN SELECTOR",
	.summary = "Withdraw the record of a retired key",
	.help = "\n"
	        "Refused while mail that it signed may be on its way; the text "
	        "says until when.\n"
	        "What cannot be taken back takes two runs at least an hour "
	        "apart: the first\n"
	        "announces it, the second, or tick, does it.  A key that was "
	        "stolen: `keyturn\n"
	        "panic`.\n",
	.options = options,
	.operand_min = 2,
	.operand_max = 2,
	.run = run,
};
