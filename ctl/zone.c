/*
 * Zone files: a line is cut into tokens (a parenthesis joins lines), then the
 * tokens are understood.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "dnsname.h"
#include "readfile.h"
#include "taglist.h"
#include "zone.h"

#define TOKENS_MAX 4096 /* of one record */

struct token {
	size_t at, len; /* in parser.words, escapes undone */
	bool is_quoted;
};

struct parser {
	struct zone *zone;
	const char *path;
	const char *at, *end;
	unsigned line;        /* the reader's */
	unsigned record_line; /* where the record began */
	bool has_owner;       /* the record did not begin with white space */
	struct buf words;
	struct token tokens[TOKENS_MAX];
	size_t count;
	struct buf origin, owner;
};

void
zone_clear(struct zone *z)
{
	buf_clear(&z->text);
	free(z->records);
	*z = (struct zone)ZONE_INIT;
}

static int
refuse(const struct parser *p, unsigned line, const char *what,
    const struct token *value, struct err *err)
{
	struct buf shown = BUF_INIT;
	const char *text = NULL;

	if (value != NULL && value->len > 0) {
		buf_add_escaped(&shown, p->words.data + value->at,
		    value->len < 80 ? value->len : 80);
		text = buf_str(&shown);
	}
	err_set(err, ERR_INPUT, "%s:%u: %s%s%s", p->path, line, what,
	    text ? ": " : "", text ? text : "");
	buf_clear(&shown);
	return -1;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Take what follows a backslash: \DDD is that byte, \X is X.  False for a
 * number over 255 or a backslash at the end of the line.
 */
static bool
escape(struct parser *p)
{
	const char *s = p->at;
	int value;

	if (s >= p->end || *s == '\n')
		return false;
	if (!is_digit(*s)) {
		buf_addc(&p->words, *s);
		p->at++;
		return true;
	}
	if (p->end - s < 3 || !is_digit(s[1]) || !is_digit(s[2]))
		return false;
	value = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
	if (value > 255)
		return false;
	buf_addc(&p->words, (char)value);
	p->at += 3;
	return true;
}

static bool
ends_word(char c)
{
	return strchr(" \t\r\n();\"", c) != NULL && c != '\0';
}

/* Read one string, quoted or bare, as a token. */
static int
read_token(struct parser *p, struct err *err)
{
	struct token *t = &p->tokens[p->count];

	if (p->count == TOKENS_MAX)
		return refuse(p, p->line, "too many words in one record", NULL,
		    err);
	t->at = p->words.len;
	t->is_quoted = *p->at == '"';
	if (t->is_quoted)
		p->at++;
	while (p->at < p->end && *p->at != '\n') {
		if (t->is_quoted ? *p->at == '"' : ends_word(*p->at))
			break;
		if (*p->at++ != '\\')
			buf_addc(&p->words, p->at[-1]);
		else if (!escape(p))
			return refuse(p, p->line,
			    "a backslash wants a character or three digits up "
			    "to 255 behind it",
			    NULL, err);
	}
	if (t->is_quoted) {
		if (p->at == p->end || *p->at != '"')
			return refuse(p, p->line,
			    "the closing quote is missing", NULL, err);
		p->at++;
	}
	t->len = p->words.len - t->at;
	p->count++;
	return 0;
}

static void
skip_comment(struct parser *p)
{
	while (p->at < p->end && *p->at != '\n')
		p->at++;
}

/*
 * Read the tokens of one record, to the end of its line or, with parentheses,
 * of its last line.  Returns 1, 0 at the end of the text, or -1.
 */
static int
read_record(struct parser *p, struct err *err)
{
	unsigned depth = 0;

	if (p->at == p->end)
		return 0;
	p->count = 0;
	buf_reset(&p->words);
	p->record_line = p->line;
	p->has_owner = strchr(" \t\r\n;(", *p->at) == NULL || *p->at == '\0';
	while (p->at < p->end) {
		char c = *p->at;

		if (c == '\n') {
			p->at++;
			p->line++;
			if (depth == 0)
				break;
		} else if (c == ' ' || c == '\t' || c == '\r')
			p->at++;
		else if (c == ';')
			skip_comment(p);
		else if (c == '(') {
			depth++;
			p->at++;
		} else if (c == ')' && depth > 0) {
			depth--;
			p->at++;
		} else if (c == ')')
			return refuse(p, p->line,
			    "a closing parenthesis without an opening one",
			    NULL, err);
		else if (read_token(p, err) == -1)
			return -1;
	}
	if (depth > 0)
		return refuse(p, p->record_line,
		    "the closing parenthesis is missing", NULL, err);
	return p->words.has_failed ? err_nomem(err) : 1;
}

static struct span
token_span(const struct parser *p, size_t i)
{
	struct token t = p->tokens[i];

	return (struct span){ t.len > 0 ? p->words.data + t.at : "", t.len };
}

/* A TTL: digits, or digits with units as in 1h30m. */
static bool
is_ttl(struct span s)
{
	if (s.len == 0 || !is_digit(s.data[0]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_digit(s.data[i]) &&
		    (s.data[i] == '\0' ||
		        strchr("smhdwSMHDW", s.data[i]) == NULL))
			return false;
	}
	return true;
}

/*
 * Set name to the complete form of token i: lower case, without its final dot.
 */
static int
complete_name(const struct parser *p, size_t i, struct buf *name,
    struct err *err)
{
	struct span s = token_span(p, i);
	bool is_relative = true;

	buf_reset(name);
	if (span_is(s, "@"))
		s.len = 0;
	else if (s.len > 0 && s.data[s.len - 1] == '.') {
		is_relative = false;
		s.len--;
	}
	dnsname_lower(s.data, s.len, name);
	if (is_relative && p->origin.len > 0) {
		if (name->len > 0)
			buf_addc(name, '.');
		buf_add(name, p->origin.data, p->origin.len);
	}
	if (name->has_failed)
		return err_nomem(err);
	/* Else each record could carry an origin as long as the file. */
	if (name->len > DNSNAME_MAX)
		return refuse(p, p->record_line,
		    "a name longer than the DNS takes", &p->tokens[i], err);
	return 0;
}

/* $ORIGIN, $TTL; others are errors. */
static int
directive(struct parser *p, struct err *err)
{
	struct span name = token_span(p, 0);
	struct buf origin = BUF_INIT;
	int rc;

	if (span_is(name, "$TTL"))
		return 0;
	if (!span_is(name, "$ORIGIN"))
		return refuse(p, p->record_line,
		    "only $ORIGIN and $TTL are understood", &p->tokens[0], err);
	if (p->count != 2)
		return refuse(p, p->record_line, "$ORIGIN wants one name", NULL,
		    err);
	rc = complete_name(p, 1, &origin, err);
	buf_clear(&p->origin);
	p->origin = origin;
	return rc;
}

/* Add a TXT record whose strings begin at token i. */
static int
add_txt(struct parser *p, size_t i, struct err *err)
{
	struct zone *z = p->zone;
	struct zone_txt *record;

	if (i == p->count)
		return refuse(p, p->record_line, "TXT without a string", NULL,
		    err);
	if (z->count == z->size) {
		size_t size = z->size ? z->size * 2 : 16;

		record = reallocarray(z->records, size, sizeof(*record));
		if (record == NULL)
			return err_nomem(err);
		z->records = record;
		z->size = size;
	}
	record = &z->records[z->count];
	record->name_at = z->text.len;
	record->name_len = p->owner.len;
	buf_add(&z->text, p->owner.data, p->owner.len);
	record->data_at = z->text.len;
	for (; i < p->count; i++) {
		if (p->tokens[i].len > 255)
			return refuse(p, p->record_line,
			    "a string over 255 bytes: cut it into several",
			    &p->tokens[i], err);
		buf_add(&z->text, token_span(p, i).data, p->tokens[i].len);
	}
	record->data_len = z->text.len - record->data_at;
	z->count++;
	return z->text.has_failed ? err_nomem(err) : 0;
}

/* A record type: it begins with a letter. */
static bool
is_type(struct span s)
{
	char c = s.len > 0 ? ascii_lower(s.data[0]) : '\0';

	return c >= 'a' && c <= 'z';
}

/* One record: [owner] [TTL] [class] type data, TTL and class in any order. */
static int
take_record(struct parser *p, struct err *err)
{
	size_t i = 0;

	if (p->count == 0)
		return 0;
	if (p->has_owner && p->tokens[0].len > 0 &&
	    token_span(p, 0).data[0] == '$')
		return directive(p, err);
	if (p->has_owner && complete_name(p, i++, &p->owner, err) == -1)
		return -1;
	if (!p->has_owner && p->owner.len == 0)
		return refuse(p, p->record_line,
		    "begins with white space, and there is no name before it",
		    NULL, err);
	while (i < p->count && !p->tokens[i].is_quoted &&
	    (is_ttl(token_span(p, i)) || span_is(token_span(p, i), "IN")))
		i++;
	if (i == p->count || p->tokens[i].is_quoted ||
	    !is_type(token_span(p, i)))
		return refuse(p, p->record_line,
		    "not a record: a type such as "
		    "TXT is missing",
		    i < p->count ? &p->tokens[i] : NULL, err);
	if (!span_is(token_span(p, i), "TXT"))
		return 0;
	return add_txt(p, i + 1, err);
}

int
zone_parse(struct zone *z, const char *path, const char *text, size_t len,
    struct err *err)
{
	struct parser *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return err_nomem(err);
	p->zone = z;
	p->path = path;
	p->at = text;
	p->end = text + len;
	p->line = 1;
	while ((rc = read_record(p, err)) == 1) {
		rc = take_record(p, err);
		if (rc == -1)
			break;
	}
	buf_clear(&p->words);
	buf_clear(&p->origin);
	buf_clear(&p->owner);
	free(p);
	return rc;
}

int
zone_load(struct zone *z, const char *path, struct err *err)
{
	struct buf text = BUF_INIT;
	const char *s;
	int rc;

	rc = readfile(path, ZONE_BYTES_MAX, &text, err);
	if (rc == 0) {
		s = buf_str(&text);
		rc = s ? zone_parse(z, path, s, text.len, err) : err_nomem(err);
	}
	buf_clear(&text);
	return rc;
}

size_t
zone_find(const struct zone *z, const char *name, size_t name_len, size_t i,
    const char **data, size_t *len)
{
	const char *text = z->text.data;
	size_t found = 0;

	for (size_t r = 0; r < z->count; r++) {
		const struct zone_txt *txt = &z->records[r];

		if (txt->name_len != name_len ||
		    memcmp(text + txt->name_at, name, name_len) != 0)
			continue;
		if (found++ == i) {
			*data = text + txt->data_at;
			*len = txt->data_len;
		}
	}
	return found;
}
