/*
 * keyturn plan: every step that lies before the rings, with its time and the
 * record for it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "dnsname.h"
#include "json.h"
#include "output.h"
#include "plan.h"
#include "publisher.h"
#include "recordform.h"
#include "recordname.h"
#include "turn.h"
#include "when.h"

#define PLAN_DAYS 365 /* without --until */

enum { OPT_UNTIL, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_UNTIL] = { "until", 'u', "DATE",
	    "a day or a time; default a year from now" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* A step of some ring. */
struct line {
	time_t when;
	size_t number; /* for an order that is always the same */
	char *domain;
	char selector[DNSNAME_MAX + 1];
	enum step step;
	bool is_by_hand;
	char *name, *record; /* what is put into the DNS, or NULL */
	char text[LIFE_TEXT_MAX];
};

/* All of them, and the ring that is planned now. */
struct book {
	struct line *lines;
	size_t count, size;
	const struct known *known;
	const struct ring_conf *conf;
	bool has_failed; /* out of memory */
};

static void
book_clear(struct book *b)
{
	for (size_t i = 0; i < b->count; i++) {
		free(b->lines[i].domain);
		free(b->lines[i].name);
		free(b->lines[i].record);
	}
	free(b->lines);
}

static struct line *
book_add(struct book *b)
{
	size_t size = b->size == 0 ? 64 : b->size * 2;
	struct line *more;

	if (b->count == b->size) {
		more = reallocarray(b->lines, size, sizeof(*more));
		if (more == NULL) {
			b->has_failed = true;
			return NULL;
		}
		b->lines = more;
		b->size = size;
	}
	more = &b->lines[b->count];
	memset(more, 0, sizeof(*more));
	more->number = b->count++;
	return more;
}

/* The content of text as a string of one's own; empties it. */
static char *
take_text(struct book *b, struct buf *text)
{
	const char *s = buf_str(text);
	char *copy = s != NULL ? strdup(s) : NULL;

	if (copy == NULL)
		b->has_failed = true;
	buf_clear(text);
	return copy;
}

/* Whether a step changes what the DNS has. */
static bool
is_published(enum step step)
{
	return step == STEP_PUBLISH || step == STEP_REPUBLISH ||
	    step == STEP_REVOKE || step == STEP_REMOVE;
}

/* The record that the DNS has to have from then on, as far as it is known. */
static void
note_record(struct book *b, const struct plan_step *s, struct line *l)
{
	struct buf text = BUF_INIT;

	if (!is_published(s->decision->step))
		return;
	l->is_by_hand = b->conf->publisher.type == PUBLISHER_MANUAL;
	if (s->key == NULL || s->key->record == NULL ||
	    s->key->record[0] == '\0')
		return; /* the key is not made yet */
	recordname_write(b->known->ring, s->key, &b->known->rules, &text);
	l->name = take_text(b, &text);
	if (s->decision->step == STEP_REMOVE)
		return;
	if (s->decision->step == STEP_REVOKE)
		publish_empty_record(s->key->record, &text);
	else
		buf_adds(&text, s->key->record);
	l->record = take_text(b, &text);
}

/* each of plan_ring */
static void
note(void *arg, const struct plan_step *s)
{
	struct book *b = arg;
	struct line *l = book_add(b);

	if (l == NULL)
		return;
	l->when = s->when;
	l->step = s->decision->step;
	l->domain = strdup(b->known->ring->domain);
	if (l->domain == NULL)
		b->has_failed = true;
	snprintf(l->selector, sizeof(l->selector), "%s", s->selector);
	snprintf(l->text, sizeof(l->text), "%s", s->decision->text);
	if (b->conf->rotation.mode == ROTATION_MANUAL)
		l->is_by_hand = true;
	note_record(b, s, l);
}

static int
compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->when != y->when)
		return x->when < y->when ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void
write_words(const struct line *l, int ttl, struct buf *out)
{
	char when[WHEN_TEXT_MAX];
	struct buf record = BUF_INIT;

	when_text(l->when, when);
	buf_printf(out, "%s  %s  %s %s%s: ", when, l->domain,
	    step_name(l->step), l->selector, l->is_by_hand ? " (by hand)" : "");
	buf_add_escaped(out, l->text, strlen(l->text));
	buf_addc(out, '\n');
	if (l->record != NULL) {
		recordform_write(RECORDFORM_BIND, l->name, ttl, l->record,
		    &record);
		buf_adds(out, "  ");
		buf_add(out, record.data, record.len);
		out->has_failed = out->has_failed || record.has_failed;
		buf_clear(&record);
	} else if (l->name != NULL) {
		buf_printf(out, "  %s.: no record\n", l->name);
	}
}

static void
write_json(const struct line *l, bool is_first, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	when_text(l->when, when);
	buf_adds(out, is_first ? "{" : ",{");
	json_text(out, "when", when);
	json_text(out, "domain", l->domain);
	json_text(out, "selector", l->selector);
	json_text(out, "step", step_name(l->step));
	json_bool(out, "by_hand", l->is_by_hand);
	json_text(out, "name", l->name);
	json_text(out, "record", l->record);
	json_text(out, "text", l->text);
	buf_addc(out, '}');
}

/* Write the whole book.  Returns the exit code. */
static int
report(struct book *b, const struct turner *t, bool is_json, int code)
{
	struct buf out = BUF_INIT;

	if (b->count > 0)
		qsort(b->lines, b->count, sizeof(*b->lines), compare);
	if (is_json)
		buf_adds(&out, "{\"steps\":[");
	for (size_t i = 0; i < b->count && !b->has_failed; i++) {
		const struct line *l = &b->lines[i];

		if (is_json)
			write_json(l, i == 0, &out);
		else
			write_words(l,
			    conf_for_ring(t->conf, l->domain)->rotation.ttl,
			    &out);
	}
	if (is_json)
		buf_adds(&out, "]}\n");
	else if (b->count == 0)
		buf_adds(&out, "nothing to come in that time\n");
	out.has_failed = out.has_failed || b->has_failed;
	code = out_write(&out, code);
	buf_clear(&out);
	return code;
}

/* Plan one ring.  Returns the exit code. */
static int
plan_one(struct turner *t, const char *domain, time_t until, struct book *b)
{
	struct err err = ERR_INIT;
	struct known known;
	int rc;

	if (known_load(t, domain, NULL, &known, &err) == -1) {
		out_error("%s", err.text);
		return CTL_PROBLEM;
	}
	b->known = &known; /* for note */
	b->conf = known.conf;
	rc = plan_ring(known.ring, known.conf, &t->clock, until, note, b, &err);
	if (rc == 1)
		out_error("%s: more than %d steps: the rest is left out; see "
		          "--until",
		    domain, PLAN_STEPS_MAX);
	else if (rc == -1)
		out_error("%s: %s", domain, err.text);
	known_clear(&known);
	b->known = NULL;
	return rc == -1 ? CTL_PROBLEM : CTL_GOOD;
}

static int
plan_all(struct turner *t, char *const *domains, size_t count, time_t until)
{
	bool is_json = t->call->values[OPT_JSON] != NULL;
	struct book b = { .lines = NULL };
	int code = CTL_GOOD;

	for (size_t i = 0; i < count; i++)
		code = turn_worse(code, plan_one(t, domains[i], until, &b));
	code = report(&b, t, is_json, code);
	book_clear(&b);
	return code;
}

static int
run(const struct ctl_call *call)
{
	const char *date = call->values[OPT_UNTIL];
	struct turner t;
	struct err err = ERR_INIT;
	time_t until = 0;
	char **all;
	size_t count = 0;
	int code;

	if (date != NULL && !when_parse(date, &until))
		return out_usage(call,
		    "not a date (2027-01-31 or 2027-01-31T12:00:00Z): %s",
		    date);
	if (turner_open(&t, call, false, &code) == -1)
		return code;
	if (date == NULL)
		until = t.clock.now.wall + PLAN_DAYS * 86400L;
	if (call->operand_count > 0) {
		code = plan_all(&t, call->operands, call->operand_count, until);
	} else if ((all = ringstore_list(t.store, &err)) != NULL) {
		while (all[count] != NULL)
			count++;
		code = plan_all(&t, all, count, until);
		ringstore_free_list(all);
	} else {
		code = out_err(&err, CTL_CONFIG);
	}
	turner_close(&t);
	return code;
}

const struct command cmd_plan = {
	.name = "plan",
	.arguments = "[--until DATE] [--json] [DOMAIN]...",
	.summary = "Show every step to come of rings, and the record for it",
	.help =
	    "\n"
	    "In order of time, for all rings or those named, as if every look "
	    "at the DNS\n"
	    "will be good.  Keys yet to be made are called new-1, new-2 ...; "
	    "their records\n"
	    "are not known yet.  Nothing is looked up and nothing is changed.\n"
	    "0: done.  1: a ring cannot be planned.\n",
	.options = options,
	.operand_max = SIZE_MAX,
	.run = run,
};
