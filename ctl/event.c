/*
 * Telling of alarms.
 */
#include <string.h>
#include <syslog.h>

#include "event.h"
#include "json.h"
#include "output.h"
#include "runprog.h"
#include "when.h"

void
event_log(const struct conf *conf, const struct event *event)
{
	struct buf line = BUF_INIT;
	const char *text;

	buf_printf(&line, "alarm: %s: ", event->domain);
	if (event->selector != NULL && *event->selector != '\0')
		buf_printf(&line, "%s: ", event->selector);
	buf_add_escaped(&line, event->text, strlen(event->text));
	text = buf_str(&line);
	if (text == NULL)
		text = "alarm: out of memory";
	if (conf->log.to == LOG_TO_SYSLOG) {
		openlog("keyturn", LOG_PID, conf->log.facility);
		syslog(LOG_ERR, "%s", text);
		closelog();
	}
	out_error("%s", text);
	buf_clear(&line);
}

bool
event_run(const struct conf *conf, const struct event *event)
{
	struct runprog program = { .argv = conf->on_event,
		.timeout = EVENT_TIMEOUT };
	struct buf json = BUF_INIT;
	char when[WHEN_TEXT_MAX];
	struct err err = ERR_INIT;
	bool has_ended = true;

	if (conf->on_event == NULL)
		return true;
	when_text(event->when, when);
	buf_addc(&json, '{');
	json_text(&json, "event", "alarm");
	json_text(&json, "time", when);
	json_text(&json, "host", event->host);
	json_text(&json, "domain", event->domain);
	json_text(&json, "selector", event->selector);
	json_text(&json, "step", step_name(event->step));
	json_text(&json, "text", event->text);
	buf_adds(&json, "}\n");
	if (json.has_failed) {
		out_error("on_event: out of memory");
		buf_clear(&json);
		return true;
	}
	program.input = json.data;
	program.input_len = json.len;
	if (runprog(&program, &err) == 0) {
		has_ended = program.end != RUNPROG_TIMED_OUT;
		if (program.end != RUNPROG_EXITED || program.code != 0)
			runprog_explain(&program, &err);
	}
	if (err.code != ERR_NONE)
		out_error("on_event: %s", err.text);
	runprog_clear(&program);
	buf_clear(&json);
	return has_ended;
}
