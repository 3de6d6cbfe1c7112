/*
 * keyturn reload: have keyturnd read its configuration, tables and keys again,
 * or its rings alone.
 */
#include <string.h>

#include "control.h"
#include "ctl.h"
#include "json.h"
#include "output.h"

/* A million table lines and many keys may have to be read. */
#define RELOAD_TIMEOUT 300 /* seconds */

enum { OPT_SOCKET, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_SOCKET] = { "socket", 's', "PATH",
	    "keyturnd's control socket, default as configured" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* What an exit code of a reload means, in one word. */
static const char *
outcome(int code)
{
	if (code == CTL_GOOD)
		return "taken";
	if (code == CTL_PROBLEM)
		return "degraded";
	return "refused";
}

/* The answer as an object, its lines as an array. */
static void
write_json(int code, struct buf *text, struct buf *out)
{
	const char *first = buf_str(text);
	const char *line = first, *end, *next;

	buf_addc(out, '{');
	json_text(out, "result", outcome(code));
	buf_printf(out, ",\"exit\":%d,\"lines\":[", code);
	if (first == NULL)
		out->has_failed = true;
	else {
		for (end = first + text->len; line < end; line = next) {
			next = memchr(line, '\n', (size_t)(end - line));
			if (next == NULL)
				next = end;
			if (line != first)
				buf_addc(out, ',');
			json_string(out, line, (size_t)(next - line));
			next += next < end;
		}
	}
	buf_adds(out, "]}\n");
}

static int
run(const struct ctl_call *call)
{
	struct buf text = BUF_INIT, json = BUF_INIT;
	struct buf *out = &text;
	const char *request = "reload";
	int code;

	if (call->operand_count == 1) {
		if (strcmp(call->operands[0], "rings") != 0)
			return out_usage(call, "not \"rings\": %s",
			    call->operands[0]);
		request = "reload rings";
	}
	if (control_call(call, call->values[OPT_SOCKET], true, request,
	        RELOAD_TIMEOUT, &text, &code)) {
		if (call->values[OPT_JSON] != NULL) {
			write_json(code, &text, &json);
			out = &json;
		}
		code = out_write(out, code);
	}
	buf_clear(&json);
	buf_clear(&text);
	return code;
}

const struct command cmd_reload = {
	.name = "reload",
	.arguments = "[-s PATH] [--json] [rings]",
	.summary = "Have keyturnd read configuration, tables and keys again",
	.help =
	    "\n"
	    "When it returns with 0 or 1, no signature is made any more with "
	    "what was\n"
	    "removed.  0: taken.  1: taken, but some keys are kept from before "
	    "or broken,\n"
	    "which are named.  78: refused, nothing has changed.\n"
	    "\n"
	    "With \"rings\" only the rings and their keys are read, under the "
	    "configuration and\n"
	    "the tables that are in force, whatever is in the files.\n",
	.options = options,
	.operand_max = 1,
	.run = run,
};
