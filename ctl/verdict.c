/*
 * The verdict over one signature.
 */
#include <stdarg.h>
#include <stdio.h>

#include "buf.h"
#include "verdict.h"

static const struct {
	enum verify_result result;
	const char *name;
} reasons[] = {
	[REASON_GOOD] = { VERIFY_PASS, "good" },
	[REASON_SYNTAX] = { VERIFY_PERMERROR, "syntax" },
	[REASON_VERSION] = { VERIFY_PERMERROR, "version" },
	[REASON_ALGORITHM] = { VERIFY_PERMERROR, "algorithm" },
	[REASON_FROM_NOT_SIGNED] = { VERIFY_PERMERROR, "from-not-signed" },
	[REASON_IDENTITY] = { VERIFY_PERMERROR, "identity" },
	[REASON_QUERY] = { VERIFY_PERMERROR, "query" },
	[REASON_EXPIRED] = { VERIFY_FAIL, "expired" },
	[REASON_NO_KEY] = { VERIFY_PERMERROR, "no-key" },
	[REASON_SEVERAL_KEYS] = { VERIFY_PERMERROR, "several-keys" },
	[REASON_KEY_SYNTAX] = { VERIFY_PERMERROR, "key-syntax" },
	[REASON_KEY_REVOKED] = { VERIFY_PERMERROR, "key-revoked" },
	[REASON_KEY_TYPE] = { VERIFY_PERMERROR, "key-type" },
	[REASON_KEY_USE] = { VERIFY_PERMERROR, "key-use" },
	[REASON_KEY_WEAK] = { VERIFY_PERMERROR, "key-weak" },
	[REASON_BODY_SHORT] = { VERIFY_FAIL, "body-short" },
	[REASON_BODY_HASH] = { VERIFY_FAIL, "body-hash" },
	[REASON_SIGNATURE] = { VERIFY_FAIL, "signature" },
	[REASON_LIMIT] = { VERIFY_PERMERROR, "limit" },
};

const char *
verdict_result_name(enum verify_result result)
{
	static const char *const names[] = {
		[VERIFY_PASS] = "pass",
		[VERIFY_FAIL] = "fail",
		[VERIFY_PERMERROR] = "permerror",
	};

	return names[result];
}

const char *
verdict_reason_name(enum verify_reason reason)
{
	return reasons[reason].name;
}

bool
verdict_refuse(struct verdict *v, enum verify_reason reason, const char *fmt,
    ...)
{
	va_list ap;

	v->reason = reason;
	v->result = reasons[reason].result;
	va_start(ap, fmt);
	vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	return false;
}

bool
verdict_refuse_value(struct verdict *v, enum verify_reason reason,
    const char *what, struct span value)
{
	struct buf shown = BUF_INIT;
	const char *text;

	buf_add_escaped(&shown, value.data, value.len < 80 ? value.len : 80);
	text = buf_str(&shown);
	verdict_refuse(v, reason, "%s: %s", what, text ? text : "");
	buf_clear(&shown);
	return false;
}

void
verdict_warn(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	if (v->warning_count == VERDICT_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(v->warnings[v->warning_count++], VERDICT_WARNING_MAX, fmt,
	    ap);
	va_end(ap);
}
