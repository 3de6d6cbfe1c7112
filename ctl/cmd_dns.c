/*
 * keyturn dns show, dns check, dns publish: the records of a domain's keys as
 * they should be, as every server has them, and handed to the DNS.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "ctl.h"
#include "dnscheck.h"
#include "dnskeys.h"
#include "dnsname.h"
#include "json.h"
#include "output.h"
#include "recordform.h"
#include "turncmd.h"

enum { OPT_FORMAT, OPT_ALL, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_FORMAT] = { "format", 'f', "FORM",
	    "of show: bind (default), text, json, nsupdate" },
	[OPT_ALL] = { "all", 'a', NULL, "of check: all rings" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* Whether a key is asked for. */
static bool
is_wanted(const struct dnskey *k, const char *selector)
{
	return selector == NULL || strcmp(k->selector, selector) == 0;
}

static void
show_json(const struct dnskey *k, int ttl, bool is_first, struct buf *out)
{
	const char *value = dnskey_value(k);

	buf_adds(out, is_first ? "{" : ",{");
	json_text(out, "selector", k->selector);
	json_text(out, "state", k->state);
	json_text(out, "name", k->name);
	json_text(out, "type", "TXT");
	json_number(out, "ttl", (unsigned long long)ttl);
	json_text(out, "value", value);
	json_name(out, "strings");
	if (value != NULL)
		recordform_json_strings(value, out);
	else
		buf_adds(out, "[]");
	json_text(out, "cname",
	    strcmp(k->name, k->key_name) != 0 ? k->key_name : NULL);
	buf_addc(out, '}');
}

/* One record, below a comment that no form minds; JSON has none. */
static void
show_words(const struct dnskey *k, enum recordform form, int ttl,
    struct buf *out)
{
	const char *value = dnskey_value(k);
	const char *mark = form == RECORDFORM_TEXT ? "" : "; ";

	if (form != RECORDFORM_JSON) {
		buf_printf(out, "%s%s, %s%s\n", mark, k->selector, k->state,
		    k->expect == DNSKEY_NONE ? ": no record any more" : "");
		if (strcmp(k->name, k->key_name) != 0)
			buf_printf(out,
			    "%sCNAME of the customer: %s. IN CNAME "
			    "%s.\n",
			    mark, k->key_name, k->name);
	}
	if (value != NULL)
		recordform_write(form, k->name, ttl, value, out);
	if (form == RECORDFORM_TEXT)
		buf_addc(out, '\n');
}

/* dns show.  Returns the exit code. */
static int
show(struct turner *t, const char *domain, const char *selector,
    enum recordform form)
{
	bool is_json = t->call->values[OPT_JSON] != NULL;
	int ttl = conf_for_ring(t->conf, domain)->rotation.ttl;
	struct dnskeys keys = { .list = NULL };
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	size_t shown = 0;
	int code;

	if (dnskeys_load(t, domain, &keys, &err) == -1) {
		dnskeys_clear(&keys);
		return out_err(&err, CTL_PROBLEM);
	}
	if (is_json) {
		buf_addc(&out, '{');
		json_text(&out, "domain", domain);
		buf_adds(&out, ",\"records\":[");
	}
	for (size_t i = 0; i < keys.count; i++) {
		if (!is_wanted(&keys.list[i], selector))
			continue;
		if (is_json)
			show_json(&keys.list[i], ttl, shown == 0, &out);
		else
			show_words(&keys.list[i], form, ttl, &out);
		shown++;
	}
	if (is_json)
		buf_adds(&out, "]}\n");
	if (shown == 0)
		out_error(keys.count == 0
		        ? "%s: no ring and no key in the KeyTable: `keyturn "
		          "add %s` makes one"
		        : "%s: no key with selector %s",
		    domain, keys.count == 0 ? domain : selector);
	code = out_write(&out, shown == 0 ? CTL_PROBLEM : CTL_GOOD);
	buf_clear(&out);
	dnskeys_clear(&keys);
	return code;
}

/* Whether the ring has that key, or is there at all; otherwise err says it. */
static bool
has_key(struct turner *t, const char *domain, const char *selector,
    struct err *err)
{
	struct known known;
	bool has = true;

	if (known_load(t, domain, NULL, &known, err) == -1)
		return false;
	if (selector != NULL && ring_find(known.ring, selector) == NULL) {
		has = false;
		err_set(err, ERR_KEY, "%s: no key with selector %s", domain,
		    selector);
	}
	known_clear(&known);
	return has;
}

/* dns publish.  Returns the exit code. */
static int
publish(struct turner *t, char *domain, const char *selector)
{
	/* More than one: a lost sighting is noted first. */
	struct turn_rounds rounds = { .wish = { .wish = WISH_PUBLISH,
		                          .selector = selector } };
	struct turn_report report = { .count = 0 };
	char *domains[] = { domain, NULL };
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	int code;

	if (!has_key(t, domain, selector, &err) ||
	    turn_on(t, domains, &rounds, &report, &err) == -1) {
		code = out_err(&err, CTL_PROBLEM);
	} else {
		bool is_json = t->call->values[OPT_JSON] != NULL;

		turncmd_report(&report, is_json, &out);
		if (is_json)
			buf_addc(&out, '\n');
		code = out_write(&out, turn_exit(&report));
	}
	turn_report_clear(&report);
	buf_clear(&out);
	return code;
}

/* dns check.  Returns the exit code. */
static int
check(struct turner *t, char *const *domains, size_t count)
{
	bool is_json = t->call->values[OPT_JSON] != NULL;
	struct err err = ERR_INIT;
	char **all;
	int code;

	if (t->call->values[OPT_ALL] == NULL)
		return dnscheck(t, domains, count, is_json);
	all = ringstore_list(t->store, &err);
	if (all == NULL)
		return out_err(&err, CTL_CONFIG);
	for (count = 0; all[count] != NULL;)
		count++;
	code = dnscheck(t, all, count, is_json);
	ringstore_free_list(all);
	return code;
}

/* Domains and selectors are lower case from here on. */
static bool
take_names(const struct ctl_call *call, int *code)
{
	for (size_t i = 1; i < call->operand_count; i++) {
		char *name = call->operands[i];

		if (!dnsname_is_valid(name, strlen(name))) {
			*code = out_usage(call, "not a domain or selector: %s",
			    name);
			return false;
		}
		for (; *name != '\0'; name++)
			*name = ascii_lower(*name);
	}
	return true;
}

/* Whether the operands fit the verb. */
static bool
take_verb(const struct ctl_call *call, const char *verb, int *code)
{
	bool is_check = strcmp(verb, "check") == 0;
	size_t names = call->operand_count - 1;

	*code = CTL_GOOD;
	if (!is_check && strcmp(verb, "show") != 0 &&
	    strcmp(verb, "publish") != 0)
		*code = out_usage(call, "neither show, check nor publish: %s",
		    verb);
	else if (call->values[OPT_ALL] != NULL && (!is_check || names > 0))
		*code = out_usage(call, "--all: of check without a DOMAIN");
	else if (names == 0 && call->values[OPT_ALL] == NULL)
		*code = out_usage(call, "DOMAIN is missing");
	else if (!is_check && names > 2)
		*code =
		    out_usage(call, "surplus argument: %s", call->operands[3]);
	else if (call->values[OPT_FORMAT] != NULL && strcmp(verb, "show") != 0)
		*code = out_usage(call, "--format: of show");
	return *code == CTL_GOOD && take_names(call, code);
}

static int
run(const struct ctl_call *call)
{
	const char *verb = call->operands[0];
	const char *format = call->values[OPT_FORMAT];
	const char *selector =
	    call->operand_count > 2 ? call->operands[2] : NULL;
	enum recordform form = RECORDFORM_BIND;
	struct turner t;
	int code;

	if (!take_verb(call, verb, &code))
		return code;
	if (format != NULL && !recordform_parse(format, &form))
		return out_usage(call,
		    "neither bind, text, json nor nsupdate: %s", format);
	if (turner_open(&t, call, strcmp(verb, "publish") == 0, &code) == -1)
		return code;
	if (strcmp(verb, "show") == 0)
		code = show(&t, call->operands[1], selector, form);
	else if (strcmp(verb, "publish") == 0)
		code = publish(&t, call->operands[1], selector);
	else
		code = check(&t, call->operands + 1, call->operand_count - 1);
	turner_close(&t);
	return code;
}

const struct command cmd_dns = {
	.name = "dns",
	.arguments = "show|check|publish [OPTION]... DOMAIN [SELECTOR]",
	.summary = "Show, check or publish the records of a domain's keys",
	.help =
	    "\n"
	    "show DOMAIN [SELECTOR]     the records, to be pasted\n"
	    "check DOMAIN... | --all    ask every authoritative server for "
	    "them\n"
	    "publish DOMAIN [SELECTOR]  hand those of a ring to the publisher\n"
	    "\n"
	    "0: done; of check: every record is as it should be.  1: one is "
	    "not.\n"
	    "69: the DNS does not answer.\n",
	.options = options,
	.operand_min = 1,
	.operand_max = SIZE_MAX,
	.run = run,
};
