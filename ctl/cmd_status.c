/*
 * keyturn status: what keyturnd serves, and how it fares.
 */
#include "control.h"
#include "ctl.h"
#include "output.h"

#define STATUS_TIMEOUT 10 /* seconds */

enum { OPT_SOCKET, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_SOCKET] = { "socket", 's', "PATH",
	    "keyturnd's control socket, default as configured" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

static int
run(const struct ctl_call *call)
{
	const char *request =
	    call->values[OPT_JSON] != NULL ? "status json" : "status";
	struct buf text = BUF_INIT;
	int code;

	if (control_call(call, call->values[OPT_SOCKET], false, request,
	        STATUS_TIMEOUT, &text, &code))
		code = out_write(&text, code);
	buf_clear(&text);
	return code;
}

const struct command cmd_status = {
	.name = "status",
	.arguments = "[-s PATH] [--json]",
	.summary = "Show what keyturnd serves: generation, workers, keys, "
	           "counters",
	.help = "\n"
	        "0: good.  1: degraded; the keys that are kept from before or "
	        "broken are named.\n"
	        "69: keyturnd does not answer.\n",
	.options = options,
	.run = run,
};
