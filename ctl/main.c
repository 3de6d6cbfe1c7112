/*
 * keyturn, the command line tool: the table of subcommands and what is made
 * from it, the parsing of options and the help.  What a subcommand does is in
 * its own cmd_*.c.
 */
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "ctl.h"
#include "output.h"

static const struct command *const commands[] = {
	&cmd_check,
	&cmd_check_key,
	&cmd_reload,
	&cmd_status,
	&cmd_add,
	&cmd_tick,
	&cmd_rotate,
	&cmd_retire,
	&cmd_revoke,
	&cmd_panic,
	&cmd_remove,
	&cmd_repair,
	&cmd_plan,
	&cmd_journal,
	&cmd_dns,
	&cmd_sign,
	&cmd_verify,
	&cmd_probe,
	&cmd_keygen,
	&cmd_version,
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void
help(void)
{
	puts("usage: keyturn [-c FILE] SUBCOMMAND [OPTION]...\n"
	     "       keyturn SUBCOMMAND --help\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-9s  %s\n", commands[i]->name, commands[i]->summary);
	printf("\n"
	       "  -c, --config FILE  keyturn.conf, default %s\n"
	       "\n"
	       "Exit codes: 0 done or good, 1 a problem was found, 64 usage, "
	       "65 bad data,\n"
	       "69 keyturnd does not answer, 73 cannot write, 75 try again "
	       "later,\n"
	       "77 no permission, 78 configuration.  See keyturn(1).\n",
	    CONF_PATH_DEFAULT);
}

void
ctl_help(const struct command *command)
{
	const struct ctl_option *o;
	char left[40];
	char letter[5];

	printf("usage: keyturn [-c FILE] %s%s%s\n\n%s.\n%s", command->name,
	    *command->arguments ? " " : "", command->arguments,
	    command->summary, command->help);
	if (command->options->name != NULL)
		putchar('\n');
	for (o = command->options; o->name != NULL; o++) {
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s",
		    o->letter ? letter : "    ", o->name,
		    o->argument ? " " : "", o->argument ? o->argument : "");
		printf("  %-26s %s\n", left, o->text);
	}
}

/*
 * Whether the argument text is option o.  *value is what was joined to it, or
 * NULL: --name=VALUE, -nVALUE.
 */
static bool
option_is(const struct ctl_option *o, const char *text, const char **value)
{
	size_t len = strlen(o->name);

	*value = NULL;
	if (text[1] != '-') {
		if (o->letter == '\0' || text[1] != o->letter)
			return false;
		if (text[2] != '\0')
			*value = text + 2;
		return true;
	}
	if (strncmp(text + 2, o->name, len) != 0)
		return false;
	if (text[2 + len] == '=')
		*value = text + 2 + len + 1;
	return text[2 + len] == '=' || text[2 + len] == '\0';
}

/* Take option o; returns false when it was used wrongly, having said so. */
static bool
option_take(struct ctl_call *call, const struct ctl_option *o,
    const char *joined, char ***argv)
{
	size_t i = (size_t)(o - call->command->options);

	if (call->values[i] != NULL) {
		out_usage(call, "--%s given twice", o->name);
		return false;
	}
	if (o->argument == NULL) {
		if (joined != NULL)
			out_usage(call, "--%s takes no value: %s", o->name,
			    joined);
		call->values[i] = "";
		return joined == NULL;
	}
	if (joined == NULL)
		joined = *++*argv;
	if (joined == NULL) {
		out_usage(call, "--%s: %s is missing", o->name, o->argument);
		return false;
	}
	call->values[i] = joined;
	return true;
}

static bool
is_help(const char *text)
{
	return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

bool
ctl_parse(struct ctl_call *call, int argc, char **argv, int *code)
{
	const struct ctl_option *o;
	const char *joined = NULL;
	char **end = argv + argc;
	bool has_ended = false; /* the options */

	*code = CTL_USAGE;
	call->operands = argv + 1;
	for (argv++; argv < end; argv++) {
		if (has_ended || **argv != '-' || strcmp(*argv, "-") == 0) {
			if (call->operand_count == call->command->operand_max) {
				out_usage(call, "surplus argument: %s", *argv);
				return false;
			}
			call->operands[call->operand_count++] = *argv;
			continue;
		}
		if (strcmp(*argv, "--") == 0) {
			has_ended = true;
			continue;
		}
		if (is_help(*argv)) {
			ctl_help(call->command);
			*code = CTL_GOOD;
			return false;
		}
		o = call->command->options;
		while (o->name != NULL && !option_is(o, *argv, &joined))
			o++;
		if (o->name == NULL) {
			out_usage(call, "unknown option: %s", *argv);
			return false;
		}
		if (!option_take(call, o, joined, &argv))
			return false;
	}
	if (call->operand_count < call->command->operand_min) {
		out_usage(call, "an argument is missing: %s",
		    call->command->arguments);
		return false;
	}
	return true;
}

static const struct command *
command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int
usage(const char *what, const char *value)
{
	out_error("%s%s%s; see `keyturn --help`", what, value ? ": " : "",
	    value ? value : "");
	return CTL_USAGE;
}

/* What stands before the subcommand, which *argv then points to. */
static bool
parse_front(struct ctl_call *call, char ***argv, int *code)
{
	static const struct ctl_option config = { .name = "config",
		.letter = 'c' };
	const char *value;

	*code = CTL_USAGE;
	for (; **argv != NULL && ***argv == '-'; ++*argv) {
		if (is_help(**argv)) {
			help();
			*code = CTL_GOOD;
			return false;
		}
		if (strcmp(**argv, "--version") == 0 ||
		    strcmp(**argv, "-V") == 0) {
			call->command = &cmd_version;
			*code = cmd_version.run(call);
			return false;
		}
		if (!option_is(&config, **argv, &value)) {
			usage("unknown option", **argv);
			return false;
		}
		if (value == NULL)
			value = *++*argv;
		if (value == NULL) {
			usage("-c: FILE is missing", NULL);
			return false;
		}
		call->conf_path = value;
		call->conf_given = true;
	}
	if (**argv == NULL)
		usage("a subcommand is missing", NULL);
	return **argv != NULL;
}

int
main(int argc, char **argv)
{
	struct ctl_call call = { .conf_path = CONF_PATH_DEFAULT };
	char **last = argv + argc;
	int code = CTL_USAGE;

	argv += argc > 0;
	if (parse_front(&call, &argv, &code)) {
		call.command = command_find(*argv);
		if (call.command == NULL)
			code = usage("no such subcommand", *argv);
		else if (ctl_parse(&call, (int)(last - argv), argv, &code))
			code = call.command->run(&call);
	}
	if (fflush(stdout) == EOF) {
		out_error("standard output: cannot write");
		return CTL_CANNOT_WRITE;
	}
	return code;
}
