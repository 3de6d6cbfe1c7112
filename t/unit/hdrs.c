/*
 * hdrs: fields as received, the limits, and header blocks with any line ends.
 */
#include "hdrs.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Fields shown as "name|value" one after the other, each ended by "~". */
static const struct {
	const char *name;
	const char *in;
	size_t in_len;
	const char *want; /* NULL: refused */
	size_t body_at;
	const char *error;
} blocks[] = {
#define GOOD(name, in, want, body_at)                         \
	{                                                     \
		name, in, sizeof(in) - 1, want, body_at, NULL \
	}
#define BAD(name, in, line)                                        \
	{                                                          \
		name, in, sizeof(in) - 1, NULL, 0,                 \
		    "line " line                                   \
		    ": neither a header field nor the end of the " \
		    "header (RFC 5322 section 2.2)"                \
	}
	GOOD("nothing", "", "", 0),
	GOOD("CRLF", "A: x\r\nB: y\r\n\r\nbody", "A| x~B| y~", 14),
	GOOD("LF", "A: x\nB: y\n\nbody", "A| x~B| y~", 11),
	GOOD("no body", "A: x\r\n", "A| x~", 6),
	GOOD("empty body", "A: x\r\n\r\n", "A| x~", 8),
	GOOD("no final line end", "A: x", "A| x~", 4),
	GOOD("no header", "\r\nbody", "", 2),
	GOOD("no header, LF", "\nbody: x", "", 1),
	GOOD("folded", "A: x\r\n y\r\n\tz\r\nB:\r\n\r\n",
	    "A| x\\x0d\\x0a y\\x0d\\x0a\\x09z~B|~", 20),
	GOOD("folded, LF", "A: x\n y\n\n", "A| x\\x0d\\x0a y~", 9),
	GOOD("folded, mixed", "A: x\n y\r\n z\n\n",
	    "A| x\\x0d\\x0a y\\x0d\\x0a z~", 13),
	GOOD("a line of white space", "A: x\r\n \r\n y\r\n\r\n",
	    "A| x\\x0d\\x0a \\x0d\\x0a y~", 15),
	GOOD("a last line of white space", "A: x\r\n \t\r\n\r\n",
	    "A| x\\x0d\\x0a \\x09~", 12),
	GOOD("fold without end", "A: x\r\n y", "A| x\\x0d\\x0a y~", 8),
	GOOD("colons", "A: b:c\r\n d:e\r\n", "A| b:c\\x0d\\x0a d:e~", 14),
	GOOD("white space before the colon", "A \t: x\r\n", "A \\x09| x~", 8),
	GOOD("lone CR", "A: x\ry\r\r\nB: \r\r\n", "A| x\\x0dy\\x0d~B| \\x0d~",
	    15),
	GOOD("CR at the end", "A: x\r", "A| x\\x0d~", 5),
	GOOD("NUL", "A: x\0y\r\n", "A| x\\x00y~", 8),
	GOOD("8-bit", "\xc3\x84: \xe9\r\n", "\\xc3\\x84| \\xe9~", 7),
	GOOD("only a colon", ":", "|~", 1),
	GOOD("only colons", ":\r\n:\r\n", "|~|~", 6),
	BAD("no colon", "A: x\r\nB\r\n\r\n", "2"),
	BAD("no colon behind a fold", "A: x\r\n y\r\n z\r\nB\r\n", "4"),
	BAD("no colon at all", "hello", "1"),
	BAD("white space first", " A: x\r\n", "1"),
	BAD("only CR", "\r", "1"),
};

static const struct {
	const char *field, *name;
	bool is_it;
} names[] = {
	{ "From", "from", true },
	{ "fROM", "From", true },
	{ "From ", "from", true },
	{ "From \t ", "from", true },
	{ "From", "fro", false },
	{ "From", "fromm", false },
	{ " From", "from", false },
	{ "From\r", "from", false },
	{ "Fr@m", "fr`m", false }, /* 0x40 and 0x60 are no letters */
	{ "Fr\xcfm", "fr\xefm", false },
	{ "", "", true },
	{ "  ", "", true },
};

static void
test_blocks(void)
{
	struct hdrs h = HDRS_INIT;
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < LEN(blocks); i++) {
		struct err err = ERR_INIT;
		size_t body_at = 0;
		int result = hdrs_parse(&h, blocks[i].in, blocks[i].in_len,
		    &body_at, &err);

		ok((result == 0) == (blocks[i].want != NULL), "%s",
		    blocks[i].name);
		if (blocks[i].want == NULL) {
			is_int(err.code, ERR_INPUT, "the code");
			is_str(err.text, blocks[i].error, "the error");
			continue;
		}
		buf_reset(&out);
		for (size_t k = 0; k < h.count; k++) {
			buf_add_escaped(&out, hdrs_name(&h, k),
			    h.fields[k].name_len);
			buf_addc(&out, '|');
			buf_add_escaped(&out, hdrs_value(&h, k),
			    h.fields[k].value_len);
			buf_addc(&out, '~');
		}
		is_str(buf_str(&out), blocks[i].want, "the fields");
		is_int((long long)body_at, (long long)blocks[i].body_at,
		    "the body");
	}
	struct err err = ERR_INIT;
	size_t body_at = 1;

	is_int(hdrs_parse(&h, NULL, 0, &body_at, &err), 0, "no data at all");
	is_int((long long)(body_at + h.count), 0, "is no field and no body");
	hdrs_clear(&h);
	buf_clear(&out);
}

static void
test_names(void)
{
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < LEN(names); i++) {
		hdrs_add(&h, names[i].field, strlen(names[i].field), "", 0,
		    &err);
		ok(hdrs_is(&h, i, names[i].name, strlen(names[i].name)) ==
		        names[i].is_it,
		    "\"%s\" is%s %s", names[i].field,
		    names[i].is_it ? "" : " not", names[i].name);
	}
	hdrs_add(&h, "a\0b", 3, "", 0, &err);
	ok(!hdrs_is(&h, h.count - 1, "a\0c", 3), "nothing ends at a NUL");
	hdrs_clear(&h);
}

/* As a milter gets them: LF in values. */
static void
test_values(void)
{
	static const struct {
		const char *in, *want;
	} values[] = {
		{ " a\n b", " a\r\n b" },
		{ " a\r\n b", " a\r\n b" },
		{ " a\r b", " a\r b" },
		{ "\n a\n\n b\n", "\r\n a\r\n\r\n b\r\n" },
		{ "", "" },
	};
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < LEN(values); i++) {
		hdrs_add(&h, "A", 1, values[i].in, strlen(values[i].in), &err);
		is_mem(hdrs_value(&h, i), h.fields[i].value_len, values[i].want,
		    strlen(values[i].want), "value");
	}
	hdrs_clear(&h);
}

static void
test_field_limit(void)
{
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;
	int bad = 0;

	for (int i = 0; i < HDRS_FIELDS_MAX; i++)
		bad |= hdrs_add(&h, "A", 1, "", 0, &err);
	is_int(bad, 0, "as many fields as may be");
	is_int(hdrs_add(&h, "A", 1, "", 0, &err), -1, "one more");
	is_int(err.code, ERR_LIMIT, "is beyond the limit");
	is_str(err.text, "more than 2000 header fields", "which it names");
	is_int((long long)h.count, HDRS_FIELDS_MAX, "and is not there");
	hdrs_reset(&h);
	is_int(hdrs_add(&h, "A", 1, "", 0, &err), 0, "a new message");
	hdrs_clear(&h);
}

static void
test_byte_limit(void)
{
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;
	char *text = calloc(1, HDRS_BYTES_MAX + 1);

	memset(text, 'x', HDRS_BYTES_MAX + 1);
	is_int(hdrs_add(&h, "A", 1, text, HDRS_BYTES_MAX, &err), -1,
	    "one byte too many");
	is_int(err.code, ERR_LIMIT, "is beyond the limit");
	is_str(err.text, "header fields of more than 1048576 bytes",
	    "which it names");
	is_int((long long)h.count, 0, "and is not there");
	is_int(hdrs_add(&h, text, HDRS_BYTES_MAX + 1, "", 0, &err), -1,
	    "a name that is too long");
	text[0] = '\n';
	is_int(hdrs_add(&h, "A", 1, text, HDRS_BYTES_MAX - 1, &err), -1,
	    "a byte too many by the CR that is added");
	is_int(hdrs_add(&h, "A", 1, text, HDRS_BYTES_MAX - 2, &err), 0,
	    "as many bytes as may be");
	is_int((long long)h.text.len, HDRS_BYTES_MAX, "full");
	is_int(hdrs_add(&h, "A", 1, "", 0, &err), -1, "nothing more");
	is_int(hdrs_add(&h, "", 0, "", 0, &err), 0, "but nothing at all");
	is_int((long long)h.count, 2, "two fields");

	hdrs_reset(&h);
	is_int((long long)h.text.size, 0, "reset gives much memory back");
	hdrs_add(&h, "A", 1, text, 60000, &err);
	ok(h.text.size == 65536, "just as much as may stay");
	hdrs_reset(&h);
	ok(h.text.size == 65536 && h.fields != NULL, "stays");
	hdrs_add(&h, "A", 1, text, 65536, &err);
	hdrs_reset(&h);
	is_int((long long)h.text.size, 0, "and more does not");
	ok(h.fields == NULL && h.count == 0, "nor do the fields");
	free(text);
	hdrs_clear(&h);
	hdrs_clear(&h);
}

int
main(void)
{
	test_blocks();
	test_names();
	test_values();
	test_field_limit();
	test_byte_limit();
	return tap_done();
}
