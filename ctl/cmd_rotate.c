/*
 * keyturn rotate: turn now.
 */
#include "turncmd.h"

enum { OPT_FORCE, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_FORCE] = { "force", '\0', "REASON",
	    "without the proof that the key is served" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

static int
run(const struct ctl_call *call)
{
	const char *reason = call->values[OPT_FORCE];
	struct turncmd c = {
		.rounds = { .wish = { .wish = WISH_ROTATE,
		                .is_forced = reason != NULL,
		                .reason = reason },
		    .until = STEP_ACTIVATE },
		.wished = STEP_ACTIVATE,
		.force = reason,
		.is_json = call->values[OPT_JSON] != NULL,
	};
	char domain[DNSNAME_MAX + 1];

	if (!turncmd_domain(call, call->operands[0], domain) ||
	    !turncmd_reason(call, reason))
		return CTL_USAGE;
	return turncmd_run(call, domain, &c);
}

const struct command cmd_rotate = {
	.name = "rotate",
	.arguments = "[--force REASON] [--json] DOMAIN",
	.summary = "Turn to the next key now",
	.help = "\n"
	        "The ready key is looked up at every server, activated and "
	        "confirmed by\n"
	        "keyturnd; the old one stops signing, and its record stays for "
	        "the mail that\n"
	        "it signed.  Without a ready key what comes first is done, and "
	        "the text says\n"
	        "what is waited for.  0: the new key signs.  75: not yet, the "
	        "date is in the\n"
	        "text.\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
