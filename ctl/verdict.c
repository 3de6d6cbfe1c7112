/*
 * The verdict over one signature.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "verdict.h"

static const struct {
	enum verify_result result;
	const char *name;
	const char *cause; /* see verdict_cause */
} reasons[] = {
	[REASON_GOOD] = { VERIFY_PASS, "good", NULL },
	[REASON_SYNTAX] = { VERIFY_PERMERROR, "syntax",
	    "the DKIM-Signature field was cut or rewritten on its way, or its "
	    "signer is broken" },
	[REASON_VERSION] = { VERIFY_PERMERROR, "version", NULL },
	[REASON_ALGORITHM] = { VERIFY_PERMERROR, "algorithm", NULL },
	[REASON_FROM_NOT_SIGNED] = { VERIFY_PERMERROR, "from-not-signed",
	    NULL },
	[REASON_IDENTITY] = { VERIFY_PERMERROR, "identity", NULL },
	[REASON_QUERY] = { VERIFY_PERMERROR, "query", NULL },
	[REASON_EXPIRED] = { VERIFY_FAIL, "expired",
	    "it was too long on its way, or a clock is wrong" },
	[REASON_NO_KEY] = { VERIFY_PERMERROR, "no-key",
	    "the record was never published, is not yet at every server (DNS "
	    "lag), was removed too early, or the signer uses another selector "
	    "(selector mismatch); `keyturn check-key DOMAIN SELECTOR` asks "
	    "every server" },
	[REASON_SEVERAL_KEYS] = { VERIFY_PERMERROR, "several-keys",
	    "a second record was added instead of changing the first; remove "
	    "all but one" },
	[REASON_KEY_SYNTAX] = { VERIFY_PERMERROR, "key-syntax",
	    "the record was cut or mistyped when it was published; `keyturn "
	    "dns show` and `keyturn keygen` print it in strings of at most 255 "
	    "octets" },
	[REASON_KEY_REVOKED] = { VERIFY_PERMERROR, "key-revoked",
	    "the key was withdrawn while mail signed with it was in flight, or "
	    "something still signs with it" },
	[REASON_KEY_TYPE] = { VERIFY_PERMERROR, "key-type",
	    "the record of another key is published under this selector "
	    "(selector mismatch)" },
	[REASON_KEY_USE] = { VERIFY_PERMERROR, "key-use", NULL },
	[REASON_KEY_WEAK] = { VERIFY_PERMERROR, "key-weak", NULL },
	[REASON_BODY_SHORT] = { VERIFY_FAIL, "body-short",
	    "the message was cut on its way" },
	[REASON_BODY_HASH] = { VERIFY_FAIL, "body-hash",
	    "a footer was added, the text was converted (8-bit, lines over "
	    "998), white space was changed under c=simple, or a filter behind "
	    "the signer rewrote it: sign last" },
	[REASON_SIGNATURE] = { VERIFY_FAIL, "signature",
	    "a mailing list or filter behind the signer changed a field of h= "
	    "(subject tag, address rewriting), or cut or refolded a long one: "
	    "sign last, and use c=relaxed" },
	[REASON_KEY_MISMATCH] = { VERIFY_FAIL, "key-mismatch",
	    "the key was replaced and the record not (or the other way "
	    "round), or a cache still has the old record: `keyturn check-key "
	    "DOMAIN SELECTOR` compares both" },
	[REASON_CUT] = { VERIFY_FAIL, "truncated",
	    "a relay or a filter cut the DKIM-Signature field, or the record "
	    "is that of a longer key" },
	[REASON_DNS] = { VERIFY_TEMPERROR, "dns",
	    "the resolver or the servers of the domain are not reachable now; "
	    "verifiers will defer the mail or ignore the signature" },
	[REASON_LIMIT] = { VERIFY_PERMERROR, "limit", NULL },
};

const char *
verdict_result_name(enum verify_result result)
{
	static const char *const names[] = {
		[VERIFY_PASS] = "pass",
		[VERIFY_FAIL] = "fail",
		[VERIFY_PERMERROR] = "permerror",
		[VERIFY_TEMPERROR] = "temperror",
	};

	return names[result];
}

const char *
verdict_reason_name(enum verify_reason reason)
{
	return reasons[reason].name;
}

const char *
verdict_cause(enum verify_reason reason)
{
	return reasons[reason].cause;
}

bool
verdict_refuse(struct sig_verdict *v, enum verify_reason reason,
    const char *fmt, ...)
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
verdict_refuse_value(struct sig_verdict *v, enum verify_reason reason,
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
verdict_warn(struct sig_verdict *v, const char *fmt, ...)
{
	va_list ap;

	if (v->warning_count == VERDICT_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(v->warnings[v->warning_count++], VERDICT_WARNING_MAX, fmt,
	    ap);
	va_end(ap);
}

/* What a tag says, or "-"; it comes from the message. */
static void
add_tag(struct buf *out, const char *name, struct span value)
{
	buf_printf(out, " %s=", name);
	if (value.data != NULL)
		buf_add_escaped(out, value.data,
		    value.len < 300 ? value.len : 300);
	else
		buf_addc(out, '-');
}

void
verdict_line(const struct sig_verdict *v, struct buf *out)
{
	buf_adds(out, verdict_result_name(v->result));
	add_tag(out, "d", v->domain);
	add_tag(out, "s", v->selector);
	add_tag(out, "a", v->algorithm);
	if (v->result != VERIFY_PASS)
		buf_printf(out, ": %s", v->text);
	for (size_t i = 0; i < v->warning_count; i++)
		buf_printf(out, "; warning: %s", v->warnings[i]);
	buf_addc(out, '\n');
	if (verdict_cause(v->reason) != NULL)
		buf_printf(out, "  likely cause: %s\n",
		    verdict_cause(v->reason));
}

static void
json_span(struct buf *out, const char *name, struct span value)
{
	buf_printf(out, ",\"%s\":", name);
	if (value.data != NULL)
		json_string(out, value.data, value.len);
	else
		buf_adds(out, "null");
}

void
verdict_json(const struct sig_verdict *v, struct buf *out)
{
	buf_addc(out, '{');
	json_text(out, "result", verdict_result_name(v->result));
	json_text(out, "reason", verdict_reason_name(v->reason));
	json_text(out, "text", v->text);
	json_text(out, "cause", verdict_cause(v->reason));
	json_span(out, "domain", v->domain);
	json_span(out, "selector", v->selector);
	json_span(out, "algorithm", v->algorithm);
	json_span(out, "identity", v->identity);
	buf_adds(out, ",\"warnings\":[");
	for (size_t i = 0; i < v->warning_count; i++) {
		if (i > 0)
			buf_addc(out, ',');
		json_string(out, v->warnings[i], strlen(v->warnings[i]));
	}
	buf_adds(out, "]}");
}
