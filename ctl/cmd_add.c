/*
 * keyturn add: new rings.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "output.h"
#include "recordform.h"
#include "recordname.h"
#include "tableuse.h"
#include "turncmd.h"

#define ADOPT_MAX      ROTATION_ALGORITHMS_MAX
#define LINE_BYTES_MAX 512 /* of stdin: a domain and blanks */

enum { OPT_ADOPT, OPT_FORCE, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_ADOPT] = { "adopt", '\0', "SELECTOR=FILE",
	    "take over a key that signs today" },
	[OPT_FORCE] = { "force", '\0', "REASON",
	    "although the KeyTable signs for the domain" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object a line" },
	{ .name = NULL },
};

/* What a SELECTOR=FILE says. */
struct adopt_text {
	char selector[DNSNAME_MAX + 1];
	char file[PATH_MAX];
};

/* One run. */
struct adding {
	struct turner t;
	struct adopt_text texts[ADOPT_MAX];
	struct turn_adopt adopt[ADOPT_MAX]; /* points into them */
	size_t adopt_count;
	bool is_json;
};

/* One SELECTOR=FILE, len bytes of text.  Returns the exit code. */
static int
take_one(const struct ctl_call *call, struct adding *a, const char *text,
    size_t len)
{
	const char *file = memchr(text, '=', len);
	struct adopt_text *t = &a->texts[a->adopt_count];
	char selector[DNSNAME_MAX + 2];
	size_t file_len;

	if (file == NULL || file == text + len - 1)
		return out_usage(call, "--adopt: not SELECTOR=FILE: %.*s",
		    (int)len, text);
	if (a->adopt_count == ADOPT_MAX)
		return out_usage(call,
		    "--adopt: at most %d keys, one of each algorithm",
		    ADOPT_MAX);
	file++;
	file_len = len - (size_t)(file - text);
	if (file_len >= sizeof(t->file))
		return out_usage(call, "--adopt: a path of over %zu bytes",
		    sizeof(t->file) - 1);
	snprintf(selector, sizeof(selector), "%.*s", (int)(file - 1 - text),
	    text);
	if (!turncmd_selector(call, selector, t->selector))
		return CTL_USAGE;
	memcpy(t->file, file, file_len);
	t->file[file_len] = '\0';
	a->adopt[a->adopt_count++] =
	    (struct turn_adopt){ t->selector, t->file };
	return CTL_GOOD;
}

/* Take --adopt apart.  Returns the exit code. */
static int
take_adopt(const struct ctl_call *call, struct adding *a)
{
	const char *text = call->values[OPT_ADOPT];
	int code = CTL_GOOD;

	while (code == CTL_GOOD && text != NULL) {
		size_t len = strcspn(text, ",");

		code = take_one(call, a, text, len);
		text = text[len] == ',' ? text + len + 1 : NULL;
	}
	return code;
}

/*
 * A domain that the KeyTable signs for has a key in use: a ring beside it
 * would take over with another one, or never be used.  Under a selector that
 * is not the table's the key would be one that nobody can look up, and once in
 * the ring it cannot come again under the right one.
 */
static int
check_tables(const struct adding *a, const char *domain)
{
	struct buf where = BUF_INIT;
	struct err err = ERR_INIT;
	const char *selector = NULL;
	int rc = 0;

	if (a->t.force != NULL)
		return CTL_GOOD;
	for (size_t i = 0; i < a->adopt_count && rc == 0; i++) {
		selector = a->adopt[i].selector;
		rc = tableuse_signs_otherwise(a->t.conf, domain, selector,
		    &where, &err);
	}
	if (a->adopt_count == 0)
		rc = tableuse_signs(a->t.conf, domain, &where, &err);
	if (rc == 1 && buf_str(&where) == NULL)
		rc = err_nomem(&err);
	if (rc == 1 && selector != NULL)
		out_error("%s: %s, not %s", domain, where.data, selector);
	else if (rc == 1)
		out_error("%s: %s takes that key over, --force REASON does "
		          "not",
		    domain, where.data);
	buf_clear(&where);
	if (rc == -1)
		return out_err(&err, CTL_CONFIG);
	return rc == 1 ? CTL_PROBLEM : CTL_GOOD;
}

/* The record of one key, after what was written before it. */
static void
write_record(const struct ring *ring, const struct ring_key *key,
    const struct rotation *rules, bool is_json, struct buf *out)
{
	struct buf name = BUF_INIT, record = BUF_INIT;

	recordname_write(ring, key, rules, &name);
	if (buf_str(&name) != NULL)
		recordform_write(is_json ? RECORDFORM_JSON : RECORDFORM_BIND,
		    name.data, rules->ttl, key->record, &record);
	if (is_json && record.len > 0) {
		if (out->len > 0 && out->data[out->len - 1] == '}')
			buf_addc(out, ',');
		record.len--; /* the line end */
	}
	buf_add(out, record.data, record.len);
	if (name.has_failed || record.has_failed)
		out->has_failed = true;
	buf_clear(&name);
	buf_clear(&record);
}

/* The CNAMEs of all slots, which the owner of the domain sets once. */
static void
write_cnames(const char *domain, const struct rotation *rules, bool is_json,
    struct buf *out)
{
	if (rules->slots == NULL || rules->provider_zone == NULL)
		return;
	for (size_t i = 0; rules->slots[i] != NULL; i++) {
		const char *slot = rules->slots[i];
		struct buf name = BUF_INIT, target = BUF_INIT;

		dnsname_of_key(slot, strlen(slot), domain, strlen(domain),
		    &name);
		recordname_of_slot(slot, domain, rules, &target);
		if (buf_str(&name) == NULL || buf_str(&target) == NULL) {
			out->has_failed = true;
		} else if (is_json) {
			buf_adds(out, i == 0 ? "{" : ",{");
			json_text(out, "name", name.data);
			json_text(out, "target", target.data);
			buf_addc(out, '}');
		} else {
			buf_printf(out, "%s. %d IN CNAME %s.\n", name.data,
			    rules->ttl, target.data);
		}
		buf_clear(&name);
		buf_clear(&target);
	}
}

/* Whether the report says already, in full, how a person publishes it. */
static bool
is_told(const struct turn_report *report, const struct ring_key *key)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct turned *turned = &report->turned[i];

		if (turned->result == TURN_BY_HAND &&
		    strcmp(turned->selector, key->selector) == 0)
			return true;
	}
	return false;
}

/* The records that have to be in the DNS; cnames: those of the owner's zone. */
static int
write_records(struct adding *a, const struct turn_report *report,
    struct buf *out, struct buf *cnames, struct err *err)
{
	struct known k;

	if (known_load(&a->t, report->domain, NULL, &k, err) == -1)
		return -1;
	for (size_t i = 0; i < k.ring->key_count; i++) {
		const struct ring_key *key = &k.ring->keys[i];

		if (key->state <= KEY_ACTIVE &&
		    (a->is_json || !is_told(report, key)))
			write_record(k.ring, key, &k.rules, a->is_json, out);
	}
	write_cnames(report->domain, &k.rules, a->is_json, cnames);
	known_clear(&k);
	return 0;
}

static void
write_json(const struct turn_report *report, struct buf *records,
    struct buf *cnames, struct buf *out)
{
	turn_report_json(report, out);
	if (out->len > 0)
		out->len--; /* the brace: one more member */
	json_name(out, "records");
	buf_printf(out, "[%s]", buf_str(records) != NULL ? records->data : "");
	json_name(out, "cnames");
	buf_printf(out, "[%s]}\n", buf_str(cnames) != NULL ? cnames->data : "");
}

static void
write_text(const struct turn_report *report, struct buf *records,
    struct buf *cnames, struct buf *out)
{
	turn_report_text(report, out);
	if (records->len > 0 && buf_str(records) != NULL)
		buf_printf(out, "\n%s\n", records->data);
	if (cnames->len > 0 && buf_str(cnames) != NULL)
		buf_printf(out,
		    "The owner of %s has to set these in its zone, once:\n\n"
		    "%s\n",
		    report->domain, cnames->data);
}

/* Add one domain.  Returns the exit code. */
static int
add_one(struct adding *a, const char *domain)
{
	struct turn_report report = { .count = 0 };
	struct buf records = BUF_INIT, cnames = BUF_INIT, out = BUF_INIT;
	struct err err = ERR_INIT;
	int code = check_tables(a, domain);

	if (code != CTL_GOOD)
		return code;
	if (turn_add(&a->t, domain, a->adopt, a->adopt_count, &report, &code,
	        &err) == -1) {
		err_prefix(&err, "%s", domain);
		code = out_err(&err, code);
		goto out;
	}
	/*
	 * Waiting for the DNS, or for keyturnd, is what a new ring does: it is
	 * made all the same, and tick goes on.
	 */
	code = report.err.code != ERR_NONE ? report.code : CTL_GOOD;
	if (report.err.code != ERR_NONE)
		out_error("%s: %s", domain, report.err.text);
	if (write_records(a, &report, &records, &cnames, &err) == -1) {
		code = turn_worse(code, out_err(&err, CTL_PROBLEM));
		goto out;
	}
	if (a->is_json)
		write_json(&report, &records, &cnames, &out);
	else
		write_text(&report, &records, &cnames, &out);
	if (records.has_failed || cnames.has_failed)
		out.has_failed = true;
	code = out_write(&out, code);
out:
	turn_report_clear(&report);
	buf_clear(&records);
	buf_clear(&cnames);
	buf_clear(&out);
	return code;
}

/* One name from the command line.  Returns the exit code. */
static int
add_name(const struct ctl_call *call, struct adding *a, const char *name)
{
	char domain[DNSNAME_MAX + 1];

	if (!turncmd_domain(call, name, domain))
		return CTL_DATA;
	/* A table takes no ring of one label, so nobody could name it. */
	if (strchr(domain, '.') == NULL) {
		out_error("%s: a domain has two labels or more", domain);
		return CTL_DATA;
	}
	return add_one(a, domain);
}

/* One name from line number of stdin.  Likewise. */
static int
add_from_line(struct adding *a, const char *name, unsigned number)
{
	char domain[DNSNAME_MAX + 1];
	struct buf shown = BUF_INIT;

	if (turncmd_name(name, domain) && strchr(domain, '.') != NULL)
		return add_one(a, domain);
	buf_add_escaped(&shown, name, strlen(name));
	out_error("-:%u: not a domain of two labels or more: %s", number,
	    buf_str(&shown) != NULL ? shown.data : "out of memory");
	buf_clear(&shown);
	return CTL_DATA;
}

/* Domains from stdin, one a line; # begins a comment. */
static int
add_lines(struct adding *a)
{
	char line[LINE_BYTES_MAX];
	int code = CTL_GOOD;
	unsigned number = 0, names = 0;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t len = strcspn(line, "\n");
		const char *name;
		char *rest = line;

		number++;
		if (line[len] != '\n' && !feof(stdin)) {
			out_error("-:%u: a line of over %d bytes", number,
			    LINE_BYTES_MAX - 2);
			return turn_worse(code, CTL_DATA);
		}
		line[strcspn(line, "#\r\n")] = '\0';
		while ((name = strsep(&rest, " \t")) != NULL) {
			if (*name == '\0')
				continue;
			names++;
			code = turn_worse(code, add_from_line(a, name, number));
		}
	}
	if (ferror(stdin)) {
		out_error("standard input: cannot read");
		code = turn_worse(code, CTL_DATA);
	} else if (names == 0) {
		out_error("standard input: no domain in it");
		code = turn_worse(code, CTL_DATA);
	}
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct adding a = { .is_json = call->values[OPT_JSON] != NULL };
	int code = take_adopt(call, &a);

	if (code == CTL_GOOD && a.adopt_count > 0 &&
	    (call->operand_count > 1 || strcmp(call->operands[0], "-") == 0))
		code = out_usage(call, "--adopt is for one domain");
	if (code == CTL_GOOD && !turncmd_reason(call, call->values[OPT_FORCE]))
		code = CTL_USAGE;
	if (code != CTL_GOOD || turner_open(&a.t, call, true, &code) == -1)
		return code;
	a.t.force = call->values[OPT_FORCE];
	for (size_t i = 0; i < call->operand_count; i++) {
		const char *name = call->operands[i];

		code = turn_worse(code,
		    strcmp(name, "-") == 0 ? add_lines(&a)
		                           : add_name(call, &a, name));
	}
	turner_close(&a.t);
	return code;
}

const struct command cmd_add = {
	.name = "add",
	.arguments = "[--adopt SELECTOR=FILE] [--force REASON] [--json]\n"
	             "       DOMAIN... | -",
	.summary = "Make a ring: a domain whose keys turn by themselves",
	.help = "\n"
	        "Makes the first key, hands its record to the publisher and "
	        "prints it.  Nothing\n"
	        "signs with the key before every server was seen to serve it; "
	        "tick goes on.\n"
	        "With - the domains are read from standard input.  --adopt "
	        "takes over the key\n"
	        "that the domain signs with today: it stays the active one "
	        "until the first turn.\n"
	        "Once more for a ring that is there goes on with it.\n",
	.options = options,
	.operand_min = 1,
	.operand_max = SIZE_MAX,
	.run = run,
};
