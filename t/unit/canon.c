/*
 * canon: RFC 6376 section 3.4 to the letter, and bodies that a filter in one
 * pass gets wrong, cut everywhere.
 */
#include "canon.h"
#include "file.h"
#include "hdrs.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Written by hand from sections 3.4.3 and 3.4.4. */
static const struct {
	const char *name;
	const char *in;
	size_t in_len;
	const char *simple;
	size_t simple_len;
	const char *relaxed;
	size_t relaxed_len;
} bodies[] = {
#define BODY(name, in, simple, relaxed)                                        \
	{                                                                      \
		name, in, sizeof(in) - 1, simple, sizeof(simple) - 1, relaxed, \
		    sizeof(relaxed) - 1                                        \
	}
	BODY("empty", "", "\r\n", ""),
	BODY("one line end", "\r\n", "\r\n", ""),
	BODY("only line ends", "\r\n\r\n\r\n", "\r\n", ""),
	BODY("text", "a\r\n", "a\r\n", "a\r\n"),
	BODY("no final line end", "a", "a\r\n", "a\r\n"),
	BODY("empty lines behind", "a\r\n\r\n\r\n", "a\r\n", "a\r\n"),
	BODY("empty lines before", "\r\n\r\na\r\n", "\r\n\r\na\r\n",
	    "\r\n\r\na\r\n"),
	BODY("empty lines between", "a\r\n\r\n\r\nb", "a\r\n\r\n\r\nb\r\n",
	    "a\r\n\r\n\r\nb\r\n"),
	BODY("runs of white space", " a \t b\t\tc\td  e\r\n",
	    " a \t b\t\tc\td  e\r\n", " a b c d e\r\n"),
	BODY("white space at line ends", "a \r\nb\t\r\nc \t \r\n",
	    "a \r\nb\t\r\nc \t \r\n", "a\r\nb\r\nc\r\n"),
	BODY("white space at the end", "a \t", "a \t\r\n", "a\r\n"),
	BODY("a line of spaces", "  \r\n", "  \r\n", ""),
	BODY("a line of spaces, unfinished", "  ", "  \r\n", ""),
	BODY("lines of spaces behind", "a\r\n \r\n\t\r\n", "a\r\n \r\n\t\r\n",
	    "a\r\n"),
	BODY("lines of spaces between", "a\r\n \r\n\t\r\nb\r\n",
	    "a\r\n \r\n\t\r\nb\r\n", "a\r\n\r\n\r\nb\r\n"),
	BODY("spaces, unfinished, behind", "a\r\n\r\n ", "a\r\n\r\n \r\n",
	    "a\r\n"),
	BODY("CR is text", "a\rb\r\n", "a\rb\r\n", "a\rb\r\n"),
	BODY("CR alone", "\r", "\r\r\n", "\r\r\n"),
	BODY("CR at the end", "a\r", "a\r\r\n", "a\r\r\n"),
	BODY("CR CR LF", "a\r\r\n", "a\r\r\n", "a\r\r\n"),
	BODY("CR CR LF alone", "\r\r\n", "\r\r\n", "\r\r\n"),
	BODY("CR CR LF, then empty", "\r\r\n\r\n", "\r\r\n", "\r\r\n"),
	BODY("line ends, CR", "\r\n\r\n\r", "\r\n\r\n\r\r\n", "\r\n\r\n\r\r\n"),
	BODY("space CR", "a \r", "a \r\r\n", "a \r\r\n"),
	BODY("spaces before CR", "a \t\rb", "a \t\rb\r\n", "a \rb\r\n"),
	BODY("space CR CR LF", "a \r\r\n", "a \r\r\n", "a \r\r\n"),
	BODY("space CR space CRLF", "a \r \r\n", "a \r \r\n", "a \r\r\n"),
	BODY("LF is text", "a\nb\n", "a\nb\n\r\n", "a\nb\n\r\n"),
	BODY("LF alone", "\n", "\n\r\n", "\n\r\n"),
	BODY("space LF", "a  \n \r\n", "a  \n \r\n", "a \n\r\n"),
	BODY("LF CR", "\n\r", "\n\r\r\n", "\n\r\r\n"),
	BODY("CRLF LF", "a\r\n\n", "a\r\n\n\r\n", "a\r\n\n\r\n"),
	BODY("NUL", "\0\r\n \0  \0\r\n\r\n", "\0\r\n \0  \0\r\n",
	    "\0\r\n \0 \0\r\n"),
	BODY("other white space is text", "\v\f \v\r\n\xc2\xa0 \r\n",
	    "\v\f \v\r\n\xc2\xa0 \r\n", "\v\f \v\r\n\xc2\xa0\r\n"),
	BODY("8-bit", "\xe9\xff  \x80\r\n", "\xe9\xff  \x80\r\n",
	    "\xe9\xff \x80\r\n"),
};

static const struct {
	const char *name;
	const char *field, *value;
	const char *simple, *relaxed;
} fields[] = {
	{ "plain", "From", " a@example.com", "From: a@example.com",
	    "from:a@example.com" },
	{ "odd case", "sUBJECT", " AbC", "sUBJECT: AbC", "subject:AbC" },
	{ "no space", "To", "x", "To:x", "to:x" },
	{ "empty", "To", "", "To:", "to:" },
	{ "only a space", "To", " ", "To: ", "to:" },
	{ "only folds", "To", "\r\n \r\n\t", "To:\r\n \r\n\t", "to:" },
	{ "white space before the colon", "To \t", " x", "To \t: x", "to:x" },
	{ "folded", "To", " a,\r\n\t b", "To: a,\r\n\t b", "to:a, b" },
	{ "folded at once", "To", "\r\n a", "To:\r\n a", "to:a" },
	{ "white space around a fold", "To", " a \t\r\n \tb",
	    "To: a \t\r\n \tb", "to:a b" },
	{ "white space at the end", "To", " a \t ", "To: a \t ", "to:a" },
	{ "a last line of white space", "To", " a\r\n ", "To: a\r\n ", "to:a" },
	{ "a tab is a space", "To", "\ta\tb", "To:\ta\tb", "to:a b" },
	{ "lone CR is text", "To", " a \r b", "To: a \r b", "to:a \r b" },
	{ "8-bit", "To", " \xc3\x84  \xe9", "To: \xc3\x84  \xe9",
	    "to:\xc3\x84 \xe9" },
	{ "only ASCII letters change", "\xc3\x84X[", " x", "\xc3\x84X[: x",
	    "\xc3\x84x[:x" },
};

static const struct {
	const char *text;
	bool is_valid;
	struct canon_pair want;
} pairs[] = {
	{ "simple/simple", true, { CANON_SIMPLE, CANON_SIMPLE } },
	{ "simple/relaxed", true, { CANON_SIMPLE, CANON_RELAXED } },
	{ "relaxed/simple", true, { CANON_RELAXED, CANON_SIMPLE } },
	{ "relaxed/relaxed", true, { CANON_RELAXED, CANON_RELAXED } },
	{ "simple", true, { CANON_SIMPLE, CANON_SIMPLE } },
	{ "relaxed", true, { CANON_RELAXED, CANON_SIMPLE } },
	{ "Relaxed/SIMPLE", true, { CANON_RELAXED, CANON_SIMPLE } },
	{ "", false, { 0 } },
	{ "/", false, { 0 } },
	{ "relaxed/", false, { 0 } },
	{ "/relaxed", false, { 0 } },
	{ "relaxe", false, { 0 } },
	{ "relaxedd", false, { 0 } },
	{ "relaxed/simple/simple", false, { 0 } },
	{ " relaxed", false, { 0 } },
	{ "nowsp", false, { 0 } },
};

static int
keep(void *arg, const void *data, size_t len, struct err *err)
{
	(void)err;
	buf_add(arg, data, len);
	return 0;
}

static int
refuse(void *arg, const void *data, size_t len, struct err *err)
{
	(void)arg;
	(void)data;
	(void)len;
	return err_set(err, ERR_CRYPTO, "refused");
}

/* The canonical form of in, fed in pieces cut at first and second. */
static void
cut_body(enum canon c, const char *in, size_t len, size_t first, size_t second,
    struct buf *out)
{
	struct canon_body cb;
	struct err err = ERR_INIT;

	buf_reset(out);
	canon_body_init(&cb, c);
	canon_body_update(&cb, in, first, keep, out, &err);
	canon_body_update(&cb, in + first, second - first, keep, out, &err);
	canon_body_update(&cb, in + second, len - second, keep, out, &err);
	canon_body_final(&cb, keep, out, &err);
}

/* The same, in pieces of that size. */
static void
chop_body(enum canon c, const char *in, size_t len, size_t piece,
    struct buf *out)
{
	struct canon_body cb;
	struct err err = ERR_INIT;

	buf_reset(out);
	canon_body_init(&cb, c);
	for (size_t at = 0; at < len; at += piece)
		canon_body_update(&cb, in + at,
		    piece < len - at ? piece : len - at, keep, out, &err);
	canon_body_final(&cb, keep, out, &err);
}

static bool
is_same(const struct buf *got, const char *want, size_t want_len)
{
	return got->len == want_len &&
	    (want_len == 0 || memcmp(got->data, want, want_len) == 0);
}

/* Whole, cut at every place, and byte by byte. */
static void
check_body(const char *name, enum canon c, const char *in, size_t len,
    const char *want, size_t want_len)
{
	struct buf out = BUF_INIT;

	cut_body(c, in, len, len, len, &out);
	if (!is_same(&out, want, want_len)) {
		is_mem(out.data, out.len, want, want_len, name);
		buf_clear(&out);
		return;
	}
	for (size_t cut = 0; cut <= len; cut++) {
		cut_body(c, in, len, cut, len, &out);
		if (is_same(&out, want, want_len))
			continue;
		is_mem(out.data, out.len, want, want_len, name);
		printf("# cut at %zu\n", cut);
		buf_clear(&out);
		return;
	}
	chop_body(c, in, len, 1, &out);
	is_mem(out.data, out.len, want, want_len, name);
	buf_clear(&out);
}

static void
test_bodies(void)
{
	char name[100];

	for (size_t i = 0; i < LEN(bodies); i++) {
		snprintf(name, sizeof(name), "simple: %s", bodies[i].name);
		check_body(name, CANON_SIMPLE, bodies[i].in, bodies[i].in_len,
		    bodies[i].simple, bodies[i].simple_len);
		snprintf(name, sizeof(name), "relaxed: %s", bodies[i].name);
		check_body(name, CANON_RELAXED, bodies[i].in, bodies[i].in_len,
		    bodies[i].relaxed, bodies[i].relaxed_len);
	}
}

/* Every pair of cuts: a piece can be as short as one byte anywhere. */
static void
test_two_cuts(void)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < LEN(bodies); i++) {
		size_t len = bodies[i].in_len, bad = 0;

		for (size_t a = 0; a <= len; a++) {
			for (size_t b = a; b <= len; b++) {
				cut_body(CANON_SIMPLE, bodies[i].in, len, a, b,
				    &out);
				bad += !is_same(&out, bodies[i].simple,
				    bodies[i].simple_len);
				cut_body(CANON_RELAXED, bodies[i].in, len, a, b,
				    &out);
				bad += !is_same(&out, bodies[i].relaxed,
				    bodies[i].relaxed_len);
			}
		}
		is_int((long long)bad, 0, bodies[i].name);
	}
	buf_clear(&out);
}

/* One line of a body without its line end, by section 3.4.4's two rules. */
static void
reference_line(enum canon c, const char *line, size_t len, struct buf *out)
{
	if (c == CANON_SIMPLE) {
		buf_add(out, line, len);
		return;
	}
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	for (size_t i = 0; i < len; i++) {
		if (line[i] != ' ' && line[i] != '\t')
			buf_addc(out, line[i]);
		else if (i == 0 || (line[i - 1] != ' ' && line[i - 1] != '\t'))
			buf_addc(out, ' ');
	}
}

/*
 * The algorithms as the RFC tells them, over a whole body: line by line, then
 * the empty lines at the end.  Slow and plain, to compare with.
 */
static void
reference_body(enum canon c, const char *in, size_t len, struct buf *out)
{
	size_t at = 0;

	buf_reset(out);
	while (at < len) {
		const char *crlf = memmem(in + at, len - at, "\r\n", 2);
		size_t end = crlf ? (size_t)(crlf - in) : len;

		reference_line(c, in + at, end - at, out);
		buf_add(out, "\r\n", 2);
		at = crlf ? end + 2 : len;
	}
	while (out->len >= 4 &&
	    memcmp(out->data + out->len - 4, "\r\n\r\n", 4) == 0)
		out->len -= 2;
	if (c == CANON_SIMPLE && out->len == 0)
		buf_add(out, "\r\n", 2);
	if (c == CANON_RELAXED && out->len == 2 &&
	    memcmp(out->data, "\r\n", 2) == 0)
		out->len = 0;
}

static void
test_reference(void)
{
	struct buf out = BUF_INIT;
	size_t bad = 0;

	for (size_t i = 0; i < LEN(bodies); i++) {
		reference_body(CANON_SIMPLE, bodies[i].in, bodies[i].in_len,
		    &out);
		bad += !is_same(&out, bodies[i].simple, bodies[i].simple_len);
		reference_body(CANON_RELAXED, bodies[i].in, bodies[i].in_len,
		    &out);
		bad += !is_same(&out, bodies[i].relaxed, bodies[i].relaxed_len);
	}
	is_int((long long)bad, 0, "the reference agrees with the table");
	buf_clear(&out);
}

/*
 * Each body between two long lines, at every distance from the start: where
 * long pieces are taken a block at a time, no place in a block is special.
 */
static void
test_distances(void)
{
	static const char tail[] =
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "0123456789012345678901234567890123456789012345678901234567890123"
	    "\r\n";
	struct buf in = BUF_INIT, want = BUF_INIT, out = BUF_INIT;

	for (size_t i = 0; i < LEN(bodies); i++) {
		size_t bad = 0;

		for (size_t before = 0; before < 200; before++) {
			buf_reset(&in);
			for (size_t k = 0; k < before; k++)
				buf_addc(&in, 'x');
			buf_adds(&in, "|\r\n");
			buf_add(&in, bodies[i].in, bodies[i].in_len);
			buf_add(&in, tail, sizeof(tail) - 1);
			for (enum canon c = CANON_SIMPLE; c <= CANON_RELAXED;
			     c++) {
				reference_body(c, in.data, in.len, &want);
				cut_body(c, in.data, in.len, in.len, in.len,
				    &out);
				bad += !is_same(&out, want.data, want.len);
			}
		}
		is_int((long long)bad, 0, bodies[i].name);
	}
	buf_clear(&in);
	buf_clear(&want);
	buf_clear(&out);
}

/* A number below limit; the same ones in each run. */
static size_t
pick(unsigned long *state, size_t limit)
{
	*state = *state * 6364136223846793005ul + 1442695040888963407ul;
	return (*state >> 33) % limit;
}

/* Bodies made of little but white space and line ends, cut at random. */
static void
test_random(void)
{
	static const char *const words[] = { " ", "\t", "\r\n", "\r", "\n", "a",
		"\0", " \r\n", "  ", "\r\n\r\n", "word", "\t ",
		"01234567890123456789012345678901234567890123456789012345678" };
	struct buf in = BUF_INIT, want = BUF_INIT, out = BUF_INIT;
	unsigned long state = 1;
	size_t bad = 0;

	for (int round = 0; round < 20000; round++) {
		size_t count = pick(&state, 60), kinds;
		enum canon c = round % 2 ? CANON_RELAXED : CANON_SIMPLE;

		kinds = 2 + pick(&state, LEN(words) - 1);
		buf_reset(&in);
		buf_adds(&in, "x");
		for (size_t i = 0; i < count; i++) {
			const char *word = words[pick(&state, kinds)];

			buf_add(&in, word, *word ? strlen(word) : 1);
		}
		reference_body(c, in.data, in.len, &want);
		chop_body(c, in.data, in.len, 1 + pick(&state, in.len + 1),
		    &out);
		bad += !is_same(&out, want.data, want.len);
	}
	is_int((long long)bad, 0, "random bodies");
	buf_clear(&in);
	buf_clear(&want);
	buf_clear(&out);
}

static void
test_fields(void)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < LEN(fields); i++) {
		for (enum canon c = CANON_SIMPLE; c <= CANON_RELAXED; c++) {
			const char *want = c == CANON_SIMPLE
			    ? fields[i].simple
			    : fields[i].relaxed;

			buf_reset(&out);
			canon_header(c, fields[i].field,
			    strlen(fields[i].field), fields[i].value,
			    strlen(fields[i].value), &out);
			is_mem(out.data, out.len, want, strlen(want),
			    fields[i].name);
		}
	}
	buf_reset(&out);
	canon_header(CANON_RELAXED, "A", 1, " \0 \0 ", 5, &out);
	is_mem(out.data, out.len, "a:\0 \0", 5, "NUL is text");
	buf_clear(&out);
}

/* The message of section 3.4.5 and its canonical forms. */
static void
test_rfc(void)
{
	static const char *const names[] = {
		[CANON_SIMPLE] = "simple", [CANON_RELAXED] = "relaxed"
	};
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	size_t len, want_len, body_at;
	char *msg = file_read("rfc/6376-3.4.5.msg", &len), *want, path[100];

	is_int(hdrs_parse(&h, msg, len, &body_at, &err), 0, "3.4.5 parses");
	for (enum canon c = CANON_SIMPLE; c <= CANON_RELAXED; c++) {
		snprintf(path, sizeof(path), "rfc/6376-3.4.5.%s-header",
		    names[c]);
		want = file_read(path, &want_len);
		buf_reset(&out);
		for (size_t i = 0; i < h.count; i++) {
			canon_header(c, hdrs_name(&h, i), h.fields[i].name_len,
			    hdrs_value(&h, i), h.fields[i].value_len, &out);
			buf_adds(&out, "\r\n");
		}
		is_mem(out.data, out.len, want, want_len, path);
		free(want);
		snprintf(path, sizeof(path), "rfc/6376-3.4.5.%s-body",
		    names[c]);
		want = file_read(path, &want_len);
		check_body(path, c, msg + body_at, len - body_at, want,
		    want_len);
		free(want);
	}
	free(msg);
	hdrs_clear(&h);
	buf_clear(&out);
}

static void
test_pairs(void)
{
	for (size_t i = 0; i < LEN(pairs); i++) {
		struct canon_pair got = { CANON_RELAXED, CANON_RELAXED };
		bool is_valid = canon_pair_parse(pairs[i].text,
		    strlen(pairs[i].text), &got);

		ok(is_valid == pairs[i].is_valid &&
		        (!is_valid ||
		            (got.header == pairs[i].want.header &&
		                got.body == pairs[i].want.body)),
		    "\"%s\" is %s", pairs[i].text,
		    pairs[i].is_valid ? "a pair" : "none");
	}
	is_str(canon_name(CANON_SIMPLE), "simple", "name of simple");
	is_str(canon_name(CANON_RELAXED), "relaxed", "name of relaxed");
}

/* What is held back has no size, and a sink may fail at each kind of output. */
static void
test_held_back(void)
{
	struct canon_body cb;
	struct buf out = BUF_INIT;

	for (enum canon c = CANON_SIMPLE; c <= CANON_RELAXED; c++) {
		struct err err = ERR_INIT;

		canon_body_init(&cb, c);
		for (int i = 0; i < 1000000; i++)
			canon_body_update(&cb, "\r\n", 2, refuse, NULL, &err);
		is_int(err.code, ERR_NONE, "a million empty lines: no output");
		is_int(canon_body_update(&cb, "x", 1, refuse, NULL, &err), -1,
		    "the sink's failure is ours");
		is_str(err.text, "refused", "and its error");

		canon_body_init(&cb, c);
		for (int i = 0; i < 1000000; i++)
			canon_body_update(&cb, "\r\n", 2, keep, &out, &err);
		canon_body_update(&cb, "x", 1, keep, &out, &err);
		canon_body_final(&cb, keep, &out, &err);
		is_int((long long)out.len, 2000003, "then they all come");
		is_mem(out.data + out.len - 5, 5, "\r\nx\r\n", 5, "the end");
		buf_reset(&out);

		canon_body_init(&cb, c);
		canon_body_update(&cb, "x \r", 3, keep, &out, &err);
		is_int(canon_body_final(&cb, refuse, NULL, &err), -1,
		    "a failure in the last call");
		buf_reset(&out);
	}
	buf_clear(&out);
}

int
main(void)
{
	test_reference();
	test_bodies();
	test_two_cuts();
	test_distances();
	test_random();
	test_fields();
	test_rfc();
	test_pairs();
	test_held_back();
	return tap_done();
}
