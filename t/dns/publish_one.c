/*
 * One request to one publisher, for the tests: NAME=VALUE arguments, and after
 * "--" the command.  Prints the outcome as one JSON object.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ctl/publisher.h"
#include "../../ctl/recordform.h"
#include "dnsname.h"
#include "json.h"

static struct publisher_conf conf = { .timeout = 10 };
static struct publish_request request = { .domain = "example.com",
	.selector = "k1",
	.value = "v=DKIM1; k=rsa; p=QUJD",
	.ttl = 3600 };
static const char *form;

static enum publisher_type
type_of(const char *name)
{
	static const char *const names[] = {
		[PUBLISHER_MANUAL] = "manual",
		[PUBLISHER_RFC2136] = "rfc2136",
		[PUBLISHER_ZONEFILE] = "zonefile",
		[PUBLISHER_EXEC] = "exec",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0)
			return (enum publisher_type)i;
	}
	fprintf(stderr, "type: %s\n", name);
	exit(64);
}

static enum publish_action
action_of(const char *name)
{
	static const enum publish_action actions[] = { PUBLISH_PUT,
		PUBLISH_REVOKE, PUBLISH_REMOVE };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(publish_action_name(actions[i]), name) == 0)
			return actions[i];
	}
	fprintf(stderr, "action: %s\n", name);
	exit(64);
}

static void
take(char *argument)
{
	char *value = strchr(argument, '=');

	if (value == NULL)
		exit(64);
	*value++ = '\0';
	if (strcmp(argument, "type") == 0)
		conf.type = type_of(value);
	else if (strcmp(argument, "server") == 0)
		conf.server = value;
	else if (strcmp(argument, "zone") == 0)
		conf.zone = *value ? value : NULL;
	else if (strcmp(argument, "key_file") == 0)
		conf.key_file = value;
	else if (strcmp(argument, "file") == 0)
		conf.file = value;
	else if (strcmp(argument, "timeout") == 0)
		conf.timeout = atoi(value);
	else if (strcmp(argument, "action") == 0)
		request.action = action_of(value);
	else if (strcmp(argument, "domain") == 0)
		request.domain = value;
	else if (strcmp(argument, "selector") == 0)
		request.selector = value;
	else if (strcmp(argument, "name") == 0)
		request.name = value;
	else if (strcmp(argument, "value") == 0)
		request.value = value;
	else if (strcmp(argument, "ttl") == 0)
		request.ttl = atoi(value);
	else if (strcmp(argument, "form") == 0)
		form = value;
	else
		exit(64);
}

/* Print the record in a form instead. */
static int
write_form(void)
{
	struct buf out = BUF_INIT;
	enum recordform which;

	if (!recordform_parse(form, &which))
		return 64;
	recordform_write(which, request.name, request.ttl, request.value, &out);
	fwrite(out.data, 1, out.len, stdout);
	buf_clear(&out);
	return 0;
}

static void
publish(void)
{
	static const char *const results[] = {
		[PUBLISH_DONE] = "done",
		[PUBLISH_BY_HAND] = "by hand",
		[PUBLISH_LATER] = "later",
		[PUBLISH_REFUSED] = "refused",
	};
	struct buf told = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;
	enum publish_result result;

	result = publisher_run(&conf, &request, &told, &err);
	buf_addc(&out, '{');
	json_text(&out, "result", results[result]);
	json_name(&out, "told");
	json_string(&out, told.data, told.len);
	json_text(&out, "error", err.text);
	buf_addc(&out, '}');
	puts(buf_str(&out));
	buf_clear(&told);
	buf_clear(&out);
}

int
main(int argc, char **argv)
{
	struct buf name = BUF_INIT, empty = BUF_INIT;
	int code = 0;

	/* Nothing that a publisher does may need it. */
	signal(SIGPIPE, SIG_DFL);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			conf.command = argv + i + 1;
			break;
		}
		take(argv[i]);
	}
	dnsname_of_key(request.selector, strlen(request.selector),
	    request.domain, strlen(request.domain), &name);
	publish_empty_record(request.value, &empty);
	if (request.name == NULL)
		request.name = buf_str(&name);
	request.empty = buf_str(&empty);
	if (form != NULL)
		code = write_form();
	else
		publish();
	buf_clear(&name);
	buf_clear(&empty);
	return code;
}
