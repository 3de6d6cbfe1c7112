/*
 * The author's domain: a reader for mailbox-list and address-list of RFC 5322
 * section 3.4 with the obsolete forms of section 4.4, groups in From (RFC
 * 6854) and UTF-8 (RFC 6532).  One pass, no recursion; what two readers could
 * take for different domains is refused.
 */
#include <string.h>

#include "ascii.h"
#include "author.h"

/* Where reading is, and what was found so far. */
struct reader {
	const char *at, *end;
	struct author *author;
	struct buf local, domain; /* of the mailbox that is being read */
	size_t mailboxes;
	bool has_other_domain;
	bool has_failed; /* out of memory in an earlier mailbox */
};

/* What stands before "@", "<" or ":": words and dots. */
struct run {
	bool is_empty;
	bool has_word;
	bool has_pair; /* two words with no dot between them */
	bool was_word; /* the last thing was a word */
};

static const char *const kind_texts[] = {
	[AUTHOR_OK] = "one author",
	[AUTHOR_NO_FIELD] = "no From field",
	[AUTHOR_SEVERAL_FIELDS] = "several From fields",
	[AUTHOR_SYNTAX] = "From is not a list of mailboxes",
	[AUTHOR_NO_MAILBOX] = "no mailbox in From",
	[AUTHOR_SEVERAL_DOMAINS] = "mailboxes of several domains in From",
};

const char *
author_kind_text(enum author_kind kind)
{
	return kind_texts[kind];
}

void
author_clear(struct author *a)
{
	buf_clear(&a->local);
	buf_clear(&a->domain);
	a->kind = AUTHOR_NO_FIELD;
}

static bool
is_next(const struct reader *r, char c)
{
	return r->at < r->end && *r->at == c;
}

static bool
skip(struct reader *r, char c)
{
	if (!is_next(r, c))
		return false;
	r->at++;
	return true;
}

/* atext of RFC 5322 section 3.2.3 with UTF8-non-ascii of RFC 6532. */
static bool
is_atext(char c)
{
	if (c >= '0' && c <= '9')
		return true;
	if (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z')
		return true;
	return (unsigned char)c >= 0x80 ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/*
 * What ends a line or a string for some readers.  The other control characters
 * are text in comments and quoted strings (section 4.1, obs-NO-WS-CTL), which
 * ISO-2022-JP as it was sent before RFC 2047 needs.
 */
static bool
is_break(char c)
{
	return c == '\0' || c == '\r' || c == '\n';
}

static bool
is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

static void
skip_fws(struct reader *r)
{
	r->at += ascii_fws_len(r->at, (size_t)(r->end - r->at));
}

/*
 * quoted-pair: "\" and one byte.  False if there is none that can be quoted;
 * r stands behind it otherwise.
 */
static bool
quoted_pair(struct reader *r, char *c)
{
	if (r->end - r->at < 2 || is_break(r->at[1]))
		return false;
	*c = r->at[1];
	r->at += 2;
	return true;
}

/* comment, its "(" already skipped.  Nesting is counted. */
static bool
comment(struct reader *r)
{
	size_t depth = 1;
	char quoted;

	while (depth > 0) {
		skip_fws(r);
		if (r->at == r->end || is_break(*r->at))
			return false;
		if (*r->at == '\\') {
			if (!quoted_pair(r, &quoted))
				return false;
			continue;
		}
		depth += *r->at == '(';
		depth -= *r->at == ')';
		r->at++;
	}
	return true;
}

/* CFWS, or nothing.  False if a comment does not end. */
static bool
cfws(struct reader *r)
{
	for (;;) {
		skip_fws(r);
		if (!skip(r, '('))
			return true;
		if (!comment(r))
			return false;
	}
}

/* quoted-string, its first quote already skipped; its content goes to out. */
static bool
quoted_string(struct reader *r, struct buf *out)
{
	char c;

	while (!skip(r, '"')) {
		if (r->at == r->end)
			return false;
		if (*r->at == '\\') {
			if (!quoted_pair(r, &c))
				return false;
			buf_addc(out, c);
		} else if (*r->at == '\r') {
			/* A fold; the white space behind it is content. */
			if (ascii_fws_len(r->at, (size_t)(r->end - r->at)) == 0)
				return false;
			r->at += 2;
		} else if (is_break(*r->at)) {
			return false;
		} else {
			buf_addc(out, *r->at++);
		}
	}
	return true;
}

/* atom without the CFWS around it.  False if there is none. */
static bool
atom(struct reader *r, struct buf *out)
{
	const char *start = r->at;

	while (r->at < r->end && is_atext(*r->at))
		r->at++;
	buf_add(out, start, (size_t)(r->at - start));
	return r->at > start;
}

/*
 * word *(word / "."): a phrase or a local-part, which of them is known only
 * behind it.  The text goes to r->local.
 */
static bool
words(struct reader *r, struct run *run)
{
	bool is_word;

	*run = (struct run){ .is_empty = true };
	buf_reset(&r->local);
	for (;;) {
		if (!cfws(r))
			return false;
		if (skip(r, '.')) {
			buf_addc(&r->local, '.');
			is_word = false;
		} else if (skip(r, '"')) {
			if (!quoted_string(r, &r->local))
				return false;
			is_word = true;
		} else if (atom(r, &r->local)) {
			is_word = true;
		} else {
			return true;
		}
		run->has_word |= is_word;
		run->has_pair |= is_word && run->was_word;
		run->was_word = is_word;
		run->is_empty = false;
	}
}

/* domain-literal, its "[" already skipped; kept as it stands. */
static bool
domain_literal(struct reader *r)
{
	buf_addc(&r->domain, '[');
	for (;;) {
		skip_fws(r);
		if (skip(r, ']')) {
			buf_addc(&r->domain, ']');
			return true;
		}
		if (r->at == r->end || is_control(*r->at) || is_next(r, '[') ||
		    is_next(r, '\\') || is_next(r, '@'))
			return false;
		buf_addc(&r->domain, ascii_lower(*r->at++));
	}
}

/* obs-domain: atom *("." atom), CFWS around each; one final dot is left out. */
static bool
dotted_domain(struct reader *r)
{
	for (;;) {
		if (!cfws(r) || !atom(r, &r->domain) || !cfws(r))
			return false;
		if (!skip(r, '.'))
			return true;
		if (!cfws(r))
			return false;
		if (r->at == r->end || !is_atext(*r->at))
			return true;
		buf_addc(&r->domain, '.');
	}
}

/* domain, and the white space behind it. */
static bool
domain(struct reader *r)
{
	buf_reset(&r->domain);
	if (!cfws(r))
		return false;
	if (skip(r, '['))
		return domain_literal(r) && cfws(r);
	if (!dotted_domain(r))
		return false;
	for (size_t i = 0; i < r->domain.len; i++)
		r->domain.data[i] = ascii_lower(r->domain.data[i]);
	return true;
}

static bool
is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* A mailbox is complete: keep the first, compare the others. */
static void
add_mailbox(struct reader *r)
{
	r->has_failed |= r->local.has_failed || r->domain.has_failed;
	if (r->mailboxes++ == 0) {
		buf_add(&r->author->local, r->local.data, r->local.len);
		buf_add(&r->author->domain, r->domain.data, r->domain.len);
	} else if (!is_same(&r->domain, &r->author->domain)) {
		r->has_other_domain = true;
	}
}

/*
 * addr-spec from the "@" on, its local-part read into r->local.  Dots may stand
 * anywhere in that: some providers gave out such addresses, and they leave no
 * doubt about the domain.
 */
static bool
addr_spec(struct reader *r, const struct run *run)
{
	return run->has_word && !run->has_pair && skip(r, '@') && domain(r);
}

/* obs-route: *(CFWS / ",") "@" domain *("," [CFWS] ["@" domain]) ":". */
static bool
obs_route(struct reader *r)
{
	bool has_domain = false;

	do {
		if (!cfws(r))
			return false;
		if (skip(r, '@')) {
			if (!domain(r))
				return false;
			has_domain = true;
		}
	} while (skip(r, ','));
	return has_domain && skip(r, ':');
}

/* angle-addr, its "<" already skipped. */
static bool
angle_addr(struct reader *r)
{
	struct run run;

	if (!cfws(r))
		return false;
	if ((is_next(r, '@') || is_next(r, ',')) && !obs_route(r))
		return false;
	return words(r, &run) && addr_spec(r, &run) && skip(r, '>') && cfws(r);
}

/*
 * angle-addr behind an addr-spec, its "<" already skipped.  A common mistake is
 * the address as its own display-name; with another address in that place, two
 * readers could take one each.
 */
static bool
angle_addr_again(struct reader *r)
{
	struct buf local = r->local, domain_before = r->domain;
	bool is_again;

	r->has_failed |= local.has_failed || domain_before.has_failed;
	r->local = r->domain = (struct buf)BUF_INIT;
	is_again = angle_addr(r) && is_same(&r->local, &local) &&
	    is_same(&r->domain, &domain_before);
	buf_clear(&local);
	buf_clear(&domain_before);
	return is_again;
}

/* mailbox, the words at its start read.  False if there is none. */
static bool
mailbox(struct reader *r, const struct run *run)
{
	if (skip(r, '<')) {
		if (!angle_addr(r))
			return false;
	} else if (!addr_spec(r, run) ||
	    (skip(r, '<') && !angle_addr_again(r))) {
		return false;
	}
	add_mailbox(r);
	return true;
}

/*
 * address-list: mailboxes and groups between commas, some of them empty (the
 * obsolete form).  A group cannot hold another one.
 */
static bool
address_list(struct reader *r)
{
	bool is_in_group = false;
	struct run run;

	for (;;) {
		if (!words(r, &run))
			return false;
		if (skip(r, ':')) {
			if (!run.has_word || is_in_group)
				return false;
			is_in_group = true;
			continue;
		}
		if (is_next(r, '@') || is_next(r, '<') || !run.is_empty) {
			if (!mailbox(r, &run))
				return false;
		}
		if (is_in_group && skip(r, ';')) {
			is_in_group = false;
			if (!cfws(r))
				return false;
		}
		if (r->at == r->end)
			return !is_in_group;
		if (!skip(r, ','))
			return false;
	}
}

int
author_parse(const char *value, size_t len, struct author *a, struct err *err)
{
	struct reader r = { .at = value, .end = value + len, .author = a };
	bool is_list;
	int rc = 0;

	buf_reset(&a->local);
	buf_reset(&a->domain);
	is_list = address_list(&r);
	if (!is_list)
		a->kind = AUTHOR_SYNTAX;
	else if (r.mailboxes == 0)
		a->kind = AUTHOR_NO_MAILBOX;
	else if (r.has_other_domain)
		a->kind = AUTHOR_SEVERAL_DOMAINS;
	else
		a->kind = AUTHOR_OK;
	if (r.has_failed || r.local.has_failed || r.domain.has_failed ||
	    buf_str(&a->local) == NULL || buf_str(&a->domain) == NULL)
		rc = err_nomem(err);
	buf_clear(&r.local);
	buf_clear(&r.domain);
	return rc;
}

int
author_find(const struct hdrs *h, struct author *a, struct err *err)
{
	size_t fields = 0, from = 0;

	for (size_t i = 0; i < h->count; i++) {
		if (!hdrs_is(h, i, "from", 4))
			continue;
		from = i;
		fields++;
	}
	if (fields == 1)
		return author_parse(hdrs_value(h, from),
		    h->fields[from].value_len, a, err);
	buf_reset(&a->local);
	buf_reset(&a->domain);
	a->kind = fields == 0 ? AUTHOR_NO_FIELD : AUTHOR_SEVERAL_FIELDS;
	return 0;
}
