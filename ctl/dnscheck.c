/*
 * dns check: one of four statuses for each key, and where it is bad what each
 * server said.
 */
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "dnscheck.h"
#include "dnskeys.h"
#include "json.h"
#include "keycheck.h"
#include "output.h"

/* The keys of all domains, and what was found. */
struct checker {
	struct dnskeys keys;
	struct sight_query *queries; /* as many */
	struct buf out;
	bool is_json;
	size_t bad, unanswered;
};

static bool
is_unanswered(const struct sight_query *q)
{
	return q->err.code != ERR_NONE || q->out.sight == SIGHT_UNANSWERED ||
	    q->out.sight == SIGHT_NONE;
}

static const char *
status(const struct dnskey *k, const struct sight_query *q)
{
	return dnskey_status(k, q->err.code != ERR_NONE ? NULL : &q->out);
}

/* What to tell of the look. */
static const char *
text_of(const struct dnskey *k, const struct sight_query *q)
{
	if (q->err.code != ERR_NONE)
		return q->err.text;
	if (k->expect != DNSKEY_SLOT || !dnskey_is_good(k, &q->out) ||
	    is_unanswered(q))
		return q->out.text;
	return q->out.is_weak
	    ? "resolvers follow CNAMEs and do not tell where to"
	    : "the CNAME is set";
}

/* What is wrong, in the words of check-key. */
static enum keycheck_finding
finding(const struct dnskey *k, const struct sight_query *q)
{
	struct keycheck kc = {
		.domain = k->domain, .selector = k->selector, .record = k->value
	};
	struct err ignored;

	if (is_unanswered(q))
		return KEYCHECK_UNANSWERED;
	if (dnskey_is_good(k, &q->out) ||
	    keycheck_sighting(&kc, &q->out, &ignored) == -1)
		return KEYCHECK_GOOD;
	return kc.finding;
}

static void
write_servers(const struct sight_query *q, struct buf *out)
{
	for (size_t i = 0; i < q->out.server_count; i++) {
		const struct sight_server *s = &q->out.servers[i];

		buf_printf(out, "    %s (%s)%s: ", s->name, s->address,
		    s->is_left_out ? ", left out" : "");
		buf_add_escaped(out, s->text[0] != '\0' ? s->text : "good",
		    strlen(s->text[0] != '\0' ? s->text : "good"));
		buf_addc(out, '\n');
	}
}

static void
write_words(struct checker *c, const struct dnskey *k,
    const struct sight_query *q)
{
	enum keycheck_finding f = finding(k, q);
	const char *text = text_of(k, q);
	struct buf *out = &c->out;

	buf_printf(out, "%s %s (%s): %s", k->domain, k->selector, k->state,
	    status(k, q));
	if (text[0] != '\0') {
		buf_adds(out, ": ");
		buf_add_escaped(out, text, strlen(text));
	}
	buf_addc(out, '\n');
	if (q->err.code == ERR_NONE && !dnskey_is_good(k, &q->out))
		write_servers(q, out);
	for (size_t i = 0; q->err.code == ERR_NONE && i < q->out.lint_count;
	     i++) {
		buf_adds(out, "    warning: ");
		buf_add_escaped(out, q->out.lints[i].text,
		    strlen(q->out.lints[i].text));
		buf_addc(out, '\n');
	}
	if (keycheck_cause(f) != NULL)
		buf_printf(out, "    %s; likely: %s\n    way out: %s\n",
		    keycheck_title(f), keycheck_cause(f), keycheck_remedy(f));
}

static void
write_json(struct checker *c, const struct dnskey *k,
    const struct sight_query *q, bool is_first)
{
	enum keycheck_finding f = finding(k, q);
	struct buf *out = &c->out;

	buf_adds(out, is_first ? "{" : ",{");
	json_text(out, "domain", k->domain);
	json_text(out, "selector", k->selector);
	json_text(out, "state", k->state);
	json_text(out, "name", k->name);
	json_text(out, "status", status(k, q));
	json_text(out, "finding", keycheck_name(f));
	json_text(out, "text", text_of(k, q));
	json_text(out, "cause", keycheck_cause(f));
	json_text(out, "remedy", keycheck_remedy(f));
	json_name(out, "dns");
	if (q->err.code == ERR_NONE)
		sighting_json(&q->out, out);
	else
		buf_adds(out, "null");
	buf_addc(out, '}');
}

static void
write_unconfigured(struct checker *c, const char *domain, bool is_first)
{
	const char *word = sight_status(SIGHT_NONE, false);

	c->bad++;
	if (!c->is_json) {
		buf_printf(&c->out,
		    "%s: %s: no ring and no key in the "
		    "KeyTable; `keyturn add %s` makes one\n",
		    domain, word, domain);
		return;
	}
	buf_adds(&c->out, is_first ? "{" : ",{");
	json_text(&c->out, "domain", domain);
	json_text(&c->out, "selector", NULL);
	json_text(&c->out, "status", word);
	buf_addc(&c->out, '}');
}

/* Ask for all of them at once.  Returns 0, or -1 with err set. */
static int
look(struct checker *c, struct turner *t, struct err *err)
{
	if (c->keys.count == 0)
		return 0;
	c->queries = calloc(c->keys.count, sizeof(*c->queries));
	if (c->queries == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < c->keys.count; i++) {
		const struct dnskey *k = &c->keys.list[i];

		c->queries[i].domain = k->domain;
		c->queries[i].selector = k->selector;
		if (k->expect != DNSKEY_SLOT)
			c->queries[i].record = k->value;
		if (strcmp(k->name, k->key_name) != 0)
			c->queries[i].target = k->name;
		c->queries[i].is_at_target =
		    k->expect == DNSKEY_EMPTY || k->expect == DNSKEY_NONE;
		c->queries[i].conf = conf_for_ring(t->conf, k->domain);
		c->queries[i].may_ask_resolver = k->is_in_use;
	}
	sights_look(t->sights, c->queries, c->keys.count);
	return 0;
}

static void
write_key(struct checker *c, size_t i, bool is_first)
{
	const struct dnskey *k = &c->keys.list[i];
	const struct sight_query *q = &c->queries[i];

	if (is_unanswered(q))
		c->unanswered++;
	else if (!dnskey_is_good(k, &q->out))
		c->bad++;
	if (c->is_json)
		write_json(c, k, q, is_first);
	else
		write_words(c, k, q);
}

/* Write about each domain in turn.  Returns the exit code. */
static int
report(struct checker *c, struct ringstore *store, char *const *domains,
    size_t count)
{
	size_t written = 0;

	if (c->is_json)
		buf_adds(&c->out, "{\"keys\":[");
	for (size_t d = 0; d < count; d++) {
		size_t before = written;

		for (size_t i = 0; i < c->keys.count; i++) {
			if (strcmp(c->keys.list[i].domain, domains[d]) == 0)
				write_key(c, i, written++ == 0);
		}
		/* A ring that cannot be read was spoken of. */
		if (written == before && !ringstore_has(store, domains[d]))
			write_unconfigured(c, domains[d], written++ == 0);
	}
	if (c->is_json)
		buf_adds(&c->out, "]}\n");
	return out_write(&c->out,
	    c->bad > 0              ? CTL_PROBLEM
	        : c->unanswered > 0 ? CTL_UNAVAILABLE
	                            : CTL_GOOD);
}

int
dnscheck(struct turner *t, char *const *domains, size_t count, bool is_json)
{
	struct checker c = { .is_json = is_json };
	struct err err = ERR_INIT;
	int code = CTL_GOOD;

	for (size_t i = 0; i < count && code != CTL_NOT_YET; i++) {
		if (dnskeys_load(t, domains[i], &c.keys, &err) == 0)
			continue;
		code = turn_worse(code, out_err(&err, CTL_PROBLEM));
		c.bad++;
	}
	if (code != CTL_NOT_YET && look(&c, t, &err) == -1)
		code = out_err(&err, CTL_NOT_YET);
	if (code != CTL_NOT_YET)
		code = turn_worse(code, report(&c, t->store, domains, count));
	for (size_t i = 0; c.queries != NULL && i < c.keys.count; i++)
		if (c.queries[i].err.code == ERR_NONE)
			sighting_clear(&c.queries[i].out);
	free(c.queries);
	dnskeys_clear(&c.keys);
	buf_clear(&c.out);
	return code;
}
