/*
 * keyturn verify: check every signature of one message from standard input.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "json.h"
#include "keyrecord.h"
#include "message.h"
#include "output.h"
#include "readfile.h"
#include "sigfield.h"
#include "taglist.h"
#include "verify.h"
#include "zone.h"

#define TIME_DIGITS   12
#define KEY_BYTES_MAX ((size_t)65536)

enum { OPT_ZONE, OPT_KEY, OPT_AT, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_ZONE] = { "zone", 'z', "FILE", "key records from a zone file" },
	[OPT_KEY] = { "key", 'k', "FILE",
	    "one key record, or a public key in PEM, for all" },
	[OPT_AT] = { "at", 't', "SECONDS",
	    "as of that time, since 1970; default now" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* What is at hand instead of the DNS. */
struct keys {
	const char *path;
	struct zone zone;
	struct buf record; /* with --key */
};

/* find of struct key_source, for --zone. */
static int
find_in_zone(void *arg, const char *name, struct keyrecord *rec,
    enum keyrecord_state *state, struct err *err)
{
	const struct keys *keys = arg;
	const char *data;
	size_t count, len;

	count = zone_find(&keys->zone, name, strlen(name), 0, &data, &len);
	if (count == 1)
		*state = keyrecord_parse(data, len, rec, err);
	return count > 1000 ? 1000 : (int)count;
}

/* find of struct key_source, for --key: the same for every name. */
static int
find_in_file(void *arg, const char *name, struct keyrecord *rec,
    enum keyrecord_state *state, struct err *err)
{
	struct keys *keys = arg;
	const char *text = buf_str(&keys->record);

	(void)name;
	if (text == NULL)
		return err_nomem(err);
	*state = keyrecord_parse_file(text, keys->record.len, rec, err);
	return 1;
}

/* Load the keys.  Returns the exit code. */
static int
take_keys(const struct ctl_call *call, struct keys *keys,
    struct key_source *source)
{
	const char *zone = call->values[OPT_ZONE];
	const char *file = call->values[OPT_KEY];
	struct err err = ERR_INIT;

	source->arg = keys;
	if (zone != NULL && file != NULL)
		return out_usage(call, "either --zone or --key");
	if (zone != NULL) {
		source->find = find_in_zone;
		if (zone_load(&keys->zone, zone, &err) == -1)
			return out_err(&err, CTL_DATA);
	} else if (file != NULL) {
		source->find = find_in_file;
		if (readfile(file, KEY_BYTES_MAX, &keys->record, &err) == -1)
			return out_err(&err, CTL_DATA);
	} else {
		return out_usage(call,
		    "--zone FILE or --key FILE is missing: this version does "
		    "not look keys up in the DNS, a later one will");
	}
	return CTL_GOOD;
}

static int
take_time(const struct ctl_call *call, time_t *now)
{
	const char *at = call->values[OPT_AT];
	unsigned long long seconds;

	*now = time(NULL);
	if (at == NULL)
		return CTL_GOOD;
	if (!span_number((struct span){ at, strlen(at) }, TIME_DIGITS,
	        &seconds))
		return out_usage(call, "not a time in seconds: %s", at);
	*now = (time_t)seconds;
	return CTL_GOOD;
}

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

/* One line for one signature. */
static void
write_line(const struct verdict *v, struct buf *out)
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

static void
write_json(const struct verdict *v, bool is_first, struct buf *out)
{
	buf_adds(out, is_first ? "{" : ",{");
	json_text(out, "result", verdict_result_name(v->result));
	json_text(out, "reason", verdict_reason_name(v->reason));
	json_text(out, "text", v->text);
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

/*
 * Verify every signature and report on it.  Returns how many passed, or -1 with
 * err set.
 */
static int
verify_all(struct verifier *v, bool is_json, struct buf *out, struct err *err)
{
	const struct hdrs *h = &v->msg->hdrs;
	struct verdict verdict;
	int passed = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (!hdrs_is(h, i, SIGFIELD_NAME, strlen(SIGFIELD_NAME)))
			continue;
		if (verify_field(v, i, &verdict, err) == -1)
			return -1;
		if (verdict.result == VERIFY_PASS)
			passed++;
		if (is_json)
			write_json(&verdict, v->count == 1, out);
		else
			write_line(&verdict, out);
	}
	return passed;
}

/* Verify msg and write the report.  Returns the exit code. */
static int
report(struct verifier *v, bool is_json)
{
	struct buf list = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;
	int code, passed;

	passed = verify_all(v, is_json, &list, &err);
	if (passed == -1) {
		code = out_err(&err, CTL_DATA);
	} else {
		code = passed > 0 ? CTL_GOOD : CTL_PROBLEM;
		if (is_json)
			buf_printf(&out, "{\"result\":\"%s\",\"signatures\":[",
			    passed > 0         ? "pass"
			        : v->count > 0 ? "fail"
			                       : "none");
		else if (v->count == 0)
			buf_adds(&out,
			    "none: there is no DKIM-Signature field\n");
		buf_add(&out, list.data, list.len);
		if (is_json)
			buf_adds(&out, "]}\n");
		out.has_failed = out.has_failed || list.has_failed;
		code = out_write(&out, code);
	}
	buf_clear(&list);
	buf_clear(&out);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct keys keys = { .zone = ZONE_INIT, .record = BUF_INIT };
	struct key_source source = { .arg = NULL };
	struct message msg = MESSAGE_INIT;
	struct verifier v = { .msg = &msg, .source = &source };
	struct err err = ERR_INIT;
	int code;

	code = take_time(call, &v.now);
	if (code == CTL_GOOD)
		code = take_keys(call, &keys, &source);
	if (code == CTL_GOOD && message_read(STDIN_FILENO, &msg, &err) == -1)
		code = out_err(&err, message_exit_code(&err));
	if (code == CTL_GOOD)
		code = report(&v, call->values[OPT_JSON] != NULL);
	message_clear(&msg);
	zone_clear(&keys.zone);
	buf_clear(&keys.record);
	return code;
}

const struct command cmd_verify = {
	.name = "verify",
	.arguments = "--zone FILE | --key FILE [--at SECONDS] [--json]",
	.summary = "Check every DKIM signature of one message from standard "
	           "input",
	.help =
	    "\n"
	    "One line for each signature: pass, fail or permerror, d=, s=, a= "
	    "and why.\n"
	    "0: at least one passes.  1: none does, or there is none.  65: not "
	    "a message.\n",
	.options = options,
	.run = run,
};
