/*
 * What the subcommands of keyturn share: their description, from which the
 * options are parsed and the help is printed, and the exit codes.
 */
#ifndef KEYTURN_CTL_H
#define KEYTURN_CTL_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes: those of sysexits(3), and 1. */
enum ctl_exit {
	CTL_GOOD = 0,
	CTL_PROBLEM = 1, /* looked, and found something wrong */
	CTL_USAGE = 64,
	CTL_DATA = 65,
	CTL_UNAVAILABLE = 69, /* keyturnd does not answer */
	CTL_CANNOT_WRITE = 73,
	CTL_NOT_YET = 75,
	CTL_NO_PERMISSION = 77,
	CTL_CONFIG = 78,
};

#define CTL_OPTIONS_MAX 16 /* of one subcommand */

/* One option.  A table of them ends with name == NULL. */
struct ctl_option {
	const char *name;     /* "domain", for --domain */
	char letter;          /* 'd', for -d; '\0' for none */
	const char *argument; /* "DOMAIN" in the help; NULL: takes none */
	const char *text;     /* one line of help */
};

/* How a subcommand was called. */
struct ctl_call {
	const struct command *command;
	const char *conf_path;
	bool conf_given; /* by -c */
	/* values[i] belongs to options[i]: NULL if it was not given. */
	const char *values[CTL_OPTIONS_MAX];
	char **operands; /* what is no option, in order; not NULL-terminated */
	size_t operand_count;
};

struct command {
	const char *name;
	const char *arguments; /* its options and operands, for the help */
	const char *summary;   /* one line, for the list */
	const char *help;      /* the rest of what --help says */
	const struct ctl_option *options;
	size_t operand_min, operand_max;
	int (*run)(const struct ctl_call *call); /* returns the exit code */
};

extern const struct command cmd_add, cmd_check, cmd_check_key, cmd_dns,
    cmd_journal, cmd_keygen, cmd_panic, cmd_plan, cmd_probe, cmd_reload,
    cmd_remove, cmd_repair, cmd_retire, cmd_revoke, cmd_rotate, cmd_sign,
    cmd_status, cmd_tick, cmd_verify, cmd_version;

/* Write the help of one subcommand, made from its table, to stdout. */
void ctl_help(const struct command *command);

/*
 * Parse argv[1] and on by the table of call->command into call->values and
 * call->operands; argv is put in a new order for that.  After "--" all are
 * operands.  An option given twice, one that is unknown or lacks its value, too
 * few and too many operands are errors, which are printed.
 * Returns true to go on; false to leave with *code (0 after --help).
 */
bool ctl_parse(struct ctl_call *call, int argc, char **argv, int *code);

#endif
