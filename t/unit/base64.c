/*
 * base64: the vectors of RFC 4648 section 10, folding, and what is refused.
 */
#include "base64.h"
#include "tap.h"

/* RFC 4648 section 10; the long ones are from coreutils' base64. */
static const struct {
	const char *plain, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xfe", "+//+" },
};

static const struct {
	const char *name;
	const char *text;
	size_t len;
	const char *want; /* NULL: refused */
} texts[] = {
#define TEXT(name, text, want)                     \
	{                                          \
		name, text, sizeof(text) - 1, want \
	}
	TEXT("folded", "Zm9v\r\n\tYmFy", "foobar"),
	TEXT("spaces anywhere", " Z m\t9 vYg = = ", "foob"),
	TEXT("only white space", "  \r\n ", ""),
	TEXT("folded twice", "Zm9v\r\n \r\n\tYmFy", "foobar"),
	TEXT("bits left over are no error", "Zh==", "f"),
	TEXT("CRLF without white space", "Zm9v\r\nYmFy", NULL),
	TEXT("CRLF at the end", "Zm9v\r\n", NULL),
	TEXT("lone LF", "Zm9v\nYmFy", NULL),
	TEXT("lone CR", "Zm9v\rYmFy", NULL),
	TEXT("one letter", "Z", NULL),
	TEXT("two letters", "Zg", NULL),
	TEXT("three letters", "Zm8", NULL),
	TEXT("one padding missing", "Zg=", NULL),
	TEXT("only padding", "====", NULL),
	TEXT("three paddings", "Z===", NULL),
	TEXT("padding too many", "Zm9v=", NULL),
	TEXT("a group of padding too many", "Zg======", NULL),
	TEXT("padding inside", "Zg==Zg==", NULL),
	TEXT("padding inside a group", "Zg=v", NULL),
	TEXT("hyphen", "Zm9-", NULL),
	TEXT("underscore", "Zm9_", NULL),
	TEXT("NUL", "Zm9\0", NULL),
	TEXT("semicolon", "Zm9v;", NULL),
	TEXT("8-bit", "Zm9\xe9", NULL),
};

static void
test_long(void)
{
	struct buf text = BUF_INIT, back = BUF_INIT;
	unsigned char data[3000];
	size_t bad = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 167 + (i >> 8));
	for (size_t len = 0; len <= sizeof(data); len++) {
		buf_reset(&text);
		buf_reset(&back);
		base64_encode(data, len, &text);
		bad += text.len != (len + 2) / 3 * 4 ||
		    !base64_decode(text.data, text.len, &back) ||
		    back.len != len ||
		    (len > 0 && memcmp(back.data, data, len) != 0);
	}
	is_int((long long)bad, 0, "every length to 3000 comes back");
	buf_clear(&text);
	buf_clear(&back);
}

int
main(void)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		buf_reset(&out);
		base64_encode(vectors[i].plain, strlen(vectors[i].plain), &out);
		is_str(buf_str(&out), vectors[i].text, "encoded");
		buf_reset(&out);
		ok(base64_decode(vectors[i].text, strlen(vectors[i].text),
		       &out),
		    "%s is base64", vectors[i].text);
		is_str(buf_str(&out), vectors[i].plain, "decoded");
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bool is_base64;

		buf_reset(&out);
		buf_adds(&out, "kept ");
		is_base64 = base64_decode(texts[i].text, texts[i].len, &out);
		ok(is_base64 == (texts[i].want != NULL), "%s", texts[i].name);
		is_int((long long)out.len,
		    5 + (long long)strlen(texts[i].want ? texts[i].want : ""),
		    "and the right length of output");
		is_str(buf_str(&out) + 5, texts[i].want ? texts[i].want : "",
		    "behind what was there");
	}
	buf_clear(&out);
	test_long();
	return tap_done();
}
