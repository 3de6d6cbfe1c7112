/*
 * One line of a journal.  It is JSON as journal.c writes it, and nothing else
 * is taken: its members stand in one order, without blanks.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "journal.h"
#include "when.h"

struct scan {
	const char *at, *end;
	struct err *err;
};

static int
refuse(const struct scan *s, const char *member, const char *what)
{
	return err_set(s->err, ERR_INPUT, "%s: %s", member, what);
}

/* Step over text, which must be next. */
static bool
take_literal(struct scan *s, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* Step over `"name":`, with a comma before it unless it is the first. */
static int
take_name(struct scan *s, const char *name, bool is_first)
{
	if (take_literal(s, is_first ? "{\"" : ",\"") &&
	    take_literal(s, name) && take_literal(s, "\":"))
		return 0;
	return refuse(s, name, "missing, or not in its place");
}

/* What stands behind a backslash; false when it is none of ours. */
static bool
take_escape(struct scan *s, struct buf *out)
{
	int high, low;

	if (s->at < s->end && (*s->at == '"' || *s->at == '\\')) {
		buf_addc(out, *s->at++);
		return true;
	}
	if (!take_literal(s, "u00") || s->end - s->at < 2)
		return false;
	high = hex_digit(s->at[0]);
	low = hex_digit(s->at[1]);
	/* Other characters are written as they are; NUL is in no text. */
	if (high == -1 || low == -1 || high > 7 || high + low == 0)
		return false;
	buf_addc(out, (char)(high * 16 + low));
	s->at += 2;
	return true;
}

/* The member called name, a string, decoded; to be freed.  NULL: refused. */
static char *
take_text(struct scan *s, const char *name)
{
	struct buf out = BUF_INIT;
	bool is_good;

	if (take_name(s, name, false) == -1)
		return NULL;
	is_good = take_literal(s, "\"");
	while (is_good && s->at < s->end && *s->at != '"') {
		unsigned char c = (unsigned char)*s->at++;

		if (c == '\\')
			is_good = take_escape(s, &out);
		else if (c < ' ')
			is_good = false;
		else
			buf_addc(&out, (char)c);
	}
	if (!is_good || !take_literal(s, "\""))
		refuse(s, name, "not a string as keyturn writes it");
	else if (buf_str(&out) == NULL)
		err_nomem(s->err);
	else
		return out.data;
	buf_clear(&out);
	return NULL;
}

static int
take_step(struct scan *s, unsigned long *step)
{
	unsigned long value = 0;
	const char *start;

	if (take_name(s, "step", true) == -1)
		return -1;
	for (start = s->at; s->at < s->end && *s->at >= '0' && *s->at <= '9';
	     s->at++) {
		if (s->at - start >= 18)
			return refuse(s, "step", "not a number");
		value = value * 10 + (unsigned long)(*s->at - '0');
	}
	if (s->at == start || (*start == '0' && s->at > start + 1))
		return refuse(s, "step", "not a number");
	*step = value;
	return 0;
}

static int
take_time(struct scan *s, time_t *when)
{
	char *text = take_text(s, "time");
	bool is_good = text != NULL && *text != '\0' && when_parse(text, when);

	if (text != NULL && !is_good)
		refuse(s, "time", "not a time");
	free(text);
	return is_good ? 0 : -1;
}

static int
take_previous(struct scan *s, unsigned char hash[SHA256_LEN])
{
	char *text = take_text(s, "previous");
	bool is_good = text != NULL && hex_parse(text, hash);

	if (text != NULL && !is_good)
		refuse(s, "previous", "not a SHA-256");
	free(text);
	return is_good ? 0 : -1;
}

/* Step over a string in the evidence; its escapes are not looked at. */
static bool
skip_string(struct scan *s)
{
	for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
		if (*s->at == '\\' && ++s->at == s->end)
			return false;
		if ((unsigned char)*s->at < ' ')
			return false;
	}
	return s->at < s->end;
}

/* Step over an object, whose brackets and strings must have their ends. */
static bool
skip_object(struct scan *s)
{
	size_t depth = 0;

	for (; s->at < s->end; s->at++) {
		if ((unsigned char)*s->at < ' ' ||
		    (*s->at == '"' && !skip_string(s)))
			return false;
		if (*s->at == '{' || *s->at == '[')
			depth++;
		else if ((*s->at == '}' || *s->at == ']') && --depth == 0) {
			s->at++;
			return true;
		}
	}
	return false;
}

/* The last member, and the end of the object. */
static int
take_evidence(struct scan *s, struct journal_entry *e)
{
	const char *start;

	if (take_name(s, "evidence", false) == -1)
		return -1;
	start = s->at;
	if (!take_literal(s, "null")) {
		if (s->at == s->end || *s->at != '{' || !skip_object(s))
			return refuse(s, "evidence",
			    "neither an object nor null");
		e->evidence = start;
		e->evidence_len = (size_t)(s->at - start);
	}
	if (!take_literal(s, "}") || s->at != s->end)
		return refuse(s, "evidence", "not the end of the line");
	return 0;
}

int
journal_entry_parse(const char *line, size_t len, struct journal_entry *e,
    struct err *err)
{
	struct scan s = { .at = line, .end = line + len, .err = err };

	*e = (struct journal_entry){ .who = NULL };
	if (take_step(&s, &e->step) == 0 && take_time(&s, &e->when) == 0 &&
	    (e->who = take_text(&s, "who")) != NULL &&
	    (e->what = take_text(&s, "what")) != NULL &&
	    take_previous(&s, e->previous) == 0 &&
	    (e->head = take_text(&s, "ring")) != NULL &&
	    (e->keys = take_text(&s, "keys")) != NULL &&
	    take_evidence(&s, e) == 0)
		return 0;
	journal_entry_clear(e);
	return -1;
}

void
journal_entry_clear(struct journal_entry *e)
{
	free(e->who);
	free(e->what);
	free(e->head);
	free(e->keys);
	*e = (struct journal_entry){ .who = NULL };
}
