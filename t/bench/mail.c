/*
 * Making messages.  Nothing here is random: a seed and a number give the same
 * message again, its Date apart.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mail.h"

static const char *const words[] = { "the", "quarterly", "report", "of", "our",
	"meeting", "was", "sent", "again", "with", "all", "figures", "and", "a",
	"short", "summary", "please", "answer", "before", "Friday", "because",
	"nobody", "expects", "delays" };
enum { WORD_COUNT = sizeof(words) / sizeof(*words) };

/* The next number of a splitmix64 sequence. */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned
random_below(uint64_t *state, unsigned limit)
{
	return (unsigned)(random_next(state) % limit);
}

static const char *
random_word(uint64_t *state)
{
	return words[random_below(state, WORD_COUNT)];
}

/* Kinds of bodies: each appends one line, without its line end. */

static void
line_text(struct buf *out, uint64_t *state)
{
	size_t start = out->len;
	size_t len = 55 + random_below(state, 15);

	if (random_below(state, 12) == 0)
		return;
	while (out->len - start < len && !out->has_failed) {
		buf_adds(out, random_word(state));
		buf_addc(out, ' ');
	}
	out->len--; /* the last space */
}

static void
line_base64(struct buf *out, uint64_t *state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                             "abcdefghijklmnopqrstuvwxyz"
	                             "0123456789+/";

	for (int i = 0; i < 76; i++)
		buf_addc(out, digits[random_below(state, 64)]);
}

/* What costs relaxed canonicalization most: white space, also at the end. */
static void
line_spaces(struct buf *out, uint64_t *state)
{
	for (unsigned n = 5 + random_below(state, 10); n > 0; n--) {
		buf_adds(out, random_word(state));
		for (unsigned i = random_below(state, 5); i > 0; i--)
			buf_addc(out, " \t"[random_below(state, 2)]);
	}
}

static void
line_utf8(struct buf *out, uint64_t *state)
{
	for (int i = 0; i < 10; i++) {
		buf_adds(out, random_word(state));
		buf_adds(out, "\xc3\xa9\xe2\x82\xac ");
	}
	buf_addc(out, '.');
}

static void
line_blank(struct buf *out, uint64_t *state)
{
	(void)out;
	(void)state;
}

static void
line_long(struct buf *out, uint64_t *state)
{
	for (size_t start = out->len; out->len - start < 100000;) {
		if (out->has_failed)
			return;
		buf_adds(out, random_word(state));
		buf_addc(out, ',');
	}
}

static const struct {
	const char *name;
	void (*line)(struct buf *out, uint64_t *state);
} kinds[] = {
	{ "text", line_text },
	{ "base64", line_base64 },
	{ "spaces", line_spaces },
	{ "utf8", line_utf8 },
	{ "blank", line_blank },
	{ "long", line_long },
};

const char mail_kinds[] = "text, base64, spaces, utf8, blank, long";

/* A body cut anywhere gets a whole line end, and half of one goes. */
static void
body_end(char *body, size_t len)
{
	memcpy(body + len - 2, "\r\n", 2);
	if (body[len - 3] == '\r')
		body[len - 3] = '.';
}

int
mail_source_init(struct mail_source *src, const char *kind, size_t len,
    struct err *err)
{
	uint64_t state = src->seed;
	size_t i = 0;

	while (i < sizeof(kinds) / sizeof(*kinds) &&
	    strcmp(kind, kinds[i].name) != 0)
		i++;
	if (i == sizeof(kinds) / sizeof(*kinds)) {
		return err_set(err, ERR_INPUT, "kind of body: %s: one of %s",
		    kind, mail_kinds);
	}
	if (len > 0 && len < MAIL_BODY_MIN) {
		return err_set(err, ERR_INPUT,
		    "a body of %zu bytes: none, or at least %d", len,
		    MAIL_BODY_MIN);
	}
	while (src->body.len < len && !src->body.has_failed) {
		kinds[i].line(&src->body, &state);
		buf_add(&src->body, "\r\n", 2);
	}
	if (src->body.has_failed)
		return err_nomem(err);
	src->body.len = len;
	if (len > 0)
		body_end(src->body.data, len);
	return 0;
}

void
mail_source_clear(struct mail_source *src)
{
	buf_clear(&src->body);
}

/* Header fields: each appends a value, without its leading space. */

static void
field_from(struct mail *m, uint64_t *state)
{
	if (random_below(state, 2) == 0)
		buf_printf(&m->fields, "user@%s", m->domain);
	else
		buf_printf(&m->fields, "\"Some %s\" <user@%s>",
		    random_word(state), m->domain);
}

static void
field_to(struct mail *m, uint64_t *state)
{
	for (unsigned n = random_below(state, 3); n > 0; n--)
		buf_printf(&m->fields, "%s%u@example.org,\n\t",
		    random_word(state), random_below(state, 1000));
	buf_adds(&m->fields, "Somebody Else <else@example.org>");
}

static void
field_reply_to(struct mail *m, uint64_t *state)
{
	buf_printf(&m->fields, "%s@%s", random_word(state), m->domain);
}

static void
field_subject(struct mail *m, uint64_t *state)
{
	buf_adds(&m->fields, "Re:");
	for (unsigned n = 2 + random_below(state, 12); n > 0; n--) {
		buf_addc(&m->fields, ' ');
		buf_adds(&m->fields, random_word(state));
		if (n == 8)
			buf_adds(&m->fields, "\n");
	}
	buf_printf(&m->fields, " %016" PRIx64, m->id);
}

static void
field_date(struct mail *m, uint64_t *state)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[64];

	(void)state;
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm) ==
	        0)
		return;
	buf_adds(&m->fields, text);
}

static void
field_message_id(struct mail *m, uint64_t *state)
{
	buf_printf(&m->fields, "<%016" PRIx64 ".%08x@%s>", m->id,
	    random_below(state, UINT32_MAX), m->domain);
}

static void
field_in_reply_to(struct mail *m, uint64_t *state)
{
	buf_printf(&m->fields, "<%016" PRIx64 "@example.org>",
	    random_next(state));
}

static void
field_references(struct mail *m, uint64_t *state)
{
	for (unsigned n = 1 + random_below(state, 4); n > 0; n--) {
		field_in_reply_to(m, state);
		if (n > 1)
			buf_adds(&m->fields, "\n  ");
	}
}

static void
field_content_type(struct mail *m, uint64_t *state)
{
	buf_printf(&m->fields, "text/plain; charset=utf-8;%sformat=flowed",
	    random_below(state, 2) ? " " : "\n ");
}

static void
field_user_agent(struct mail *m, uint64_t *state)
{
	buf_printf(&m->fields, "Load/1.%u (X11; Linux x86_64)",
	    random_below(state, 10));
}

/* A field has a function or a fixed value. */
static const struct {
	const char *name;
	void (*make)(struct mail *m, uint64_t *state);
	const char *value;
} header_fields[] = {
	{ "Message-ID", field_message_id, NULL },
	{ "Date", field_date, NULL },
	{ "MIME-Version", NULL, "1.0" },
	{ "User-Agent", field_user_agent, NULL },
	{ "Subject", field_subject, NULL },
	{ "Content-Language", NULL, "en-GB" },
	{ "To", field_to, NULL },
	{ "References", field_references, NULL },
	{ "From", field_from, NULL },
	{ "Reply-To", field_reply_to, NULL },
	{ "In-Reply-To", field_in_reply_to, NULL },
	{ "Content-Type", field_content_type, NULL },
	{ "Content-Transfer-Encoding", NULL, "8bit" },
};

/* Of fixed length, so that bodies differ and their size does not. */
static void
first_line_make(struct mail *m, uint64_t number)
{
	char text[MAIL_FIRST_LINE];
	int len = snprintf(text, sizeof(text),
	    "Message %" PRIu64 ", %016" PRIx64, number, m->id);

	memset(m->first_line, ' ', sizeof(m->first_line));
	memcpy(m->first_line, text, (size_t)len);
	memcpy(m->first_line + MAIL_FIRST_LINE - 3, ".\r\n", 3);
}

bool
mail_make(struct mail *m, const struct mail_source *src, uint64_t number)
{
	uint64_t state = src->seed + (number << 20);

	m->domain = src->domains[number % src->domain_count];
	m->id = random_next(&state);
	buf_reset(&m->fields);
	for (size_t i = 0; i < sizeof(header_fields) / sizeof(*header_fields);
	     i++) {
		buf_adds(&m->fields, header_fields[i].name);
		buf_add(&m->fields, "\0 ", 2);
		if (header_fields[i].make != NULL)
			header_fields[i].make(m, &state);
		else
			buf_adds(&m->fields, header_fields[i].value);
		buf_addc(&m->fields, '\0');
	}
	first_line_make(m, number);
	m->first_len = src->body.len > 0 ? MAIL_FIRST_LINE : 0;
	m->rest_len = src->body.len - m->first_len;
	m->rest = m->rest_len ? src->body.data + m->first_len : "";
	return !m->fields.has_failed;
}

void
mail_clear(struct mail *m)
{
	buf_clear(&m->fields);
}

void
mail_wire_field(const char *name, const char *value, struct buf *out)
{
	buf_adds(out, name);
	buf_addc(out, ':');
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			buf_addc(out, '\r');
		buf_addc(out, *value);
	}
	buf_add(out, "\r\n", 2);
}

void
mail_wire(const struct mail *m, struct buf *out)
{
	const char *p = m->fields.data, *end = p + m->fields.len;

	while (p < end) {
		const char *value = p + strlen(p) + 1;

		mail_wire_field(p, value, out);
		p = value + strlen(value) + 1;
	}
	buf_add(out, "\r\n", 2);
	buf_add(out, m->first_line, m->first_len);
	buf_add(out, m->rest, m->rest_len);
}
