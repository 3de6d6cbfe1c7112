/*
 * keyturn journal: what was done to a ring, by whom and why; and whether its
 * journal is whole.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "journal.h"
#include "json.h"
#include "output.h"
#include "ringstore.h"
#include "turn.h"
#include "when.h"

enum { OPT_VERIFY, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_VERIFY] = { "verify", 'V', NULL,
	    "check the chain of hashes, and ring.conf against it" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

struct reader {
	bool is_json;
	size_t count;
	struct buf out;
};

static void
write_words(const struct journal_entry *e, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	when_text(e->when, when);
	buf_printf(out, "%4lu  %s  ", e->step, when);
	buf_add_escaped(out, e->who, strlen(e->who));
	buf_adds(out, ": ");
	buf_add_escaped(out, e->what, strlen(e->what));
	buf_addc(out, '\n');
}

static void
write_json(const struct journal_entry *e, size_t number, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	when_text(e->when, when);
	buf_adds(out, number == 0 ? "{" : ",{");
	json_number(out, "step", e->step);
	json_text(out, "time", when);
	json_text(out, "who", e->who);
	json_text(out, "what", e->what);
	json_name(out, "evidence");
	if (e->evidence != NULL)
		buf_add(out, e->evidence, e->evidence_len);
	else
		buf_adds(out, "null");
	buf_addc(out, '}');
}

/* One line of the journal.  Returns 0, or -1 with err set. */
static int
read_line(struct reader *r, const char *line, size_t len, struct err *err)
{
	struct journal_entry e = { .step = 0 };
	int rc = journal_entry_parse(line, len, &e, err);

	if (rc == 0 && r->is_json)
		write_json(&e, r->count++, &r->out);
	else if (rc == 0)
		write_words(&e, &r->out);
	journal_entry_clear(&e);
	return rc;
}

/* Every complete line.  Returns 0, or -1 with err set: "journal:line: what". */
static int
read_lines(struct reader *r, const char *path, const struct buf *text,
    struct err *err)
{
	size_t at = 0, number = 1;
	const char *end;

	for (; at < text->len; number++) {
		end = memchr(text->data + at, '\n', text->len - at);
		if (end == NULL)
			break; /* nobody acted on it */
		if (read_line(r, text->data + at,
		        (size_t)(end - text->data) - at, err) == -1)
			return err_prefix(err, "%s:%zu", path, number);
		at = (size_t)(end - text->data) + 1;
	}
	return 0;
}

/*
 * Whether the journal is whole and ring.conf is what it makes.  Returns 0, or
 * -1 with err set.
 */
static int
verify(struct turner *t, const char *domain, const char *path,
    const struct buf *text, struct err *err)
{
	struct ring *ring;

	ring = journal_replay(path, text->data, text->len, NULL, NULL, err);
	if (ring == NULL)
		return -1;
	ring_free(ring);
	/* ring.conf names the length and the last hash. */
	ring = ringstore_load(t->store, domain, NULL, NULL, err);
	if (ring == NULL)
		return -1;
	ring_free(ring);
	return 0;
}

/* Write the report.  Returns the exit code. */
static int
report(const struct ctl_call *call, const char *domain, struct reader *r,
    const struct err *wrong)
{
	bool is_verified = call->values[OPT_VERIFY] != NULL;
	bool is_good = wrong->code == ERR_NONE;
	struct buf out = BUF_INIT;
	int code;

	if (r->is_json) {
		buf_addc(&out, '{');
		json_text(&out, "domain", domain);
		json_text(&out, "result",
		    !is_good          ? "broken"
		        : is_verified ? "good"
		                      : "not-verified");
		json_text(&out, "error", is_good ? NULL : wrong->text);
		json_name(&out, "lines");
		buf_addc(&out, '[');
	}
	buf_add(&out, r->out.data, r->out.len);
	out.has_failed = out.has_failed || r->out.has_failed;
	if (r->is_json)
		buf_adds(&out, "]}\n");
	else if (is_verified && is_good)
		buf_adds(&out,
		    "good: the chain of hashes is unbroken and ring.conf "
		    "agrees with it\n");
	if (!is_good)
		out_error("%s", wrong->text);
	code = out_write(&out, is_good ? CTL_GOOD : CTL_PROBLEM);
	buf_clear(&out);
	return code;
}

static int
show(struct turner *t, const char *domain)
{
	const struct ctl_call *call = t->call;
	struct reader r = { .is_json = call->values[OPT_JSON] != NULL };
	struct buf text = BUF_INIT, path = BUF_INIT;
	struct err err = ERR_INIT, wrong = ERR_INIT;
	int code;

	buf_printf(&path, "%s/%s/journal", t->conf->rings, domain);
	if (buf_str(&path) == NULL) {
		code = CTL_NOT_YET;
	} else if (ringstore_journal(t->store, domain, &text, &err) == -1) {
		code = out_err(&err, CTL_PROBLEM);
	} else {
		if (read_lines(&r, path.data, &text, &wrong) == 0 &&
		    call->values[OPT_VERIFY] != NULL)
			verify(t, domain, path.data, &text, &wrong);
		code = report(call, domain, &r, &wrong);
	}
	buf_clear(&r.out);
	buf_clear(&text);
	buf_clear(&path);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct buf domain = BUF_INIT;
	struct turner t;
	int code;

	dnsname_lower(call->operands[0], strlen(call->operands[0]), &domain);
	if (buf_str(&domain) == NULL)
		return CTL_NOT_YET;
	if (!dnsname_is_valid(domain.data, domain.len))
		code = out_usage(call, "not a domain: %s", call->operands[0]);
	else if (turner_open(&t, call, false, &code) == 0) {
		code = show(&t, domain.data);
		turner_close(&t);
	}
	buf_clear(&domain);
	return code;
}

const struct command cmd_journal = {
	.name = "journal",
	.arguments = "[--verify] [--json] DOMAIN",
	.summary = "Show what was done to a ring, when and by whom",
	.help =
	    "\n"
	    "A line for each step: number, time, who, what.  With --json the "
	    "evidence too.\n"
	    "0: done; with --verify: and the journal is whole.  1: it is not, "
	    "or there is\n"
	    "none.\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
