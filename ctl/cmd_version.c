/*
 * keyturn version: which version this is.
 */
#include "buf.h"
#include "ctl.h"
#include "json.h"
#include "output.h"

enum { OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

static int
run(const struct ctl_call *call)
{
	struct buf out = BUF_INIT;
	int code;

	if (call->values[OPT_JSON] != NULL) {
		buf_addc(&out, '{');
		json_text(&out, "version", PACKAGE_VERSION);
		buf_adds(&out, "}\n");
	} else {
		buf_printf(&out, "keyturn %s\n", PACKAGE_VERSION);
	}
	code = out_write(&out, CTL_GOOD);
	buf_clear(&out);
	return code;
}

const struct command cmd_version = {
	.name = "version",
	.arguments = "[--json]",
	.summary = "Print the version",
	.help = "",
	.options = options,
	.run = run,
};
