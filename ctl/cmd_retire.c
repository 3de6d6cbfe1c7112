/*
 * keyturn retire: a key that does not sign will not be used.
 */
#include <string.h>

#include "output.h"
#include "turncmd.h"

enum { OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

static int
run(const struct ctl_call *call)
{
	char domain[DNSNAME_MAX + 1], selector[DNSNAME_MAX + 1];
	struct turncmd c = {
		.rounds = { .wish = { .wish = WISH_RETIRE,
		                .selector = selector },
		    .until = STEP_RETIRE },
		.wished = STEP_RETIRE,
		.is_json = call->values[OPT_JSON] != NULL,
	};

	if (!turncmd_domain(call, call->operands[0], domain) ||
	    !turncmd_selector(call, call->operands[1], selector))
		return CTL_USAGE;
	return turncmd_run(call, domain, &c);
}

const struct command cmd_retire = {
	.name = "retire",
	.arguments = "[--json] DOMAIN SELECTOR",
	.summary = "Give up a key that does not sign",
	.help = "\n"
	        "A key that is on its way, or ready, will not be used; tick "
	        "withdraws its\n"
	        "record.  The key that signs is not retired: `keyturn rotate` "
	        "puts another in\n"
	        "its place.\n",
	.options = options,
	.operand_min = 2,
	.operand_max = 2,
	.run = run,
};
