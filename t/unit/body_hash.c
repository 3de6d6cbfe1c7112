/*
 * body_hash: digests from the RFCs, and from Python's hashlib over what
 * sections 3.4.3 and 3.4.4 of RFC 6376 make of the body.
 */
#include <stdint.h>

#include "base64.h"
#include "body_hash.h"
#include "file.h"
#include "tap.h"

/* Text, repeated. */
static const struct {
	const char *name;
	const char *text;
	size_t len;
	unsigned repeated;
	const char *last;
	const char *simple, *relaxed;
} bodies[] = {
	/* RFC 6376 sections 3.4.3 and 3.4.4. */
	{ "no body", "", 0, 0, "",
	    "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
	    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
	{ "a million empty lines", "\r\n", 2, 1000000, "",
	    "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=",
	    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
	/* hashlib: b"\r\n" * 1000000 + b"x\r\n" */
	{ "a million empty lines, text", "\r\n", 2, 1000000, "x",
	    "kU0iL80czqjq6SQJePD6CZIMMAbex2aXTKtTjb148mM=",
	    "kU0iL80czqjq6SQJePD6CZIMMAbex2aXTKtTjb148mM=" },
	{ "a million lone LF, text", "\n", 1, 1000000, "x",
	    "kU0iL80czqjq6SQJePD6CZIMMAbex2aXTKtTjb148mM=",
	    "kU0iL80czqjq6SQJePD6CZIMMAbex2aXTKtTjb148mM=" },
	/* hashlib: b"a\0 b\r\n" */
	{ "NUL, and LF at the end", "a\0 b\n", 5, 1, "",
	    "ASyrSmPSW9dsps+e796dUjXTeeQm2MmTV32s8O3L4Jc=",
	    "ASyrSmPSW9dsps+e796dUjXTeeQm2MmTV32s8O3L4Jc=" },
};

/* Hash text in pieces of that size. */
static bool
hash(struct body_hash *bh, enum canon c, const char *text, size_t len,
    size_t piece, const char *want)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	unsigned char digest[SHA256_LEN];
	int bad = body_hash_start(bh, c, &err);
	bool is_right;

	for (size_t at = 0; at < len; at += piece)
		bad |= body_hash_update(bh, text + at,
		    piece < len - at ? piece : len - at, &err);
	bad |= body_hash_final(bh, digest, &err);
	base64_encode(digest, SHA256_LEN, &out);
	is_right = bad == 0 && strcmp(buf_str(&out), want) == 0;
	if (!is_right)
		tap_show("got", out.data, out.len);
	buf_clear(&out);
	return is_right;
}

static void
test_pieces(struct body_hash *bh, const char *name, const char *text,
    size_t len, const char *simple, const char *relaxed)
{
	static const size_t pieces[] = { 1, 2, 3, 63, 64, 65, 127, 4095, 4096,
		65535, SIZE_MAX };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		ok(hash(bh, CANON_SIMPLE, text, len, pieces[i], simple),
		    "simple: %s, pieces of %zu", name, pieces[i]);
		ok(hash(bh, CANON_RELAXED, text, len, pieces[i], relaxed),
		    "relaxed: %s, pieces of %zu", name, pieces[i]);
	}
}

/* 20,000 lines with white space to leave out in each. */
static void
test_lines(struct body_hash *bh)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "%d  word\t \r\n", i);
	/*
	 * hashlib: b"".join(b"%d  word\t \r\n" % i for i in range(20000)), and
	 * with b"%d word\r\n".
	 */
	test_pieces(bh, "lines", text.data, text.len,
	    "lQDLiNocF4Nbit/LoXiDWJO4hgEmgjDXhlUgUOB8H/Y=",
	    "yDRw2uiRa76z+u+9vOdZxhiDurLLxVspwE9YA5BIGeA=");
	buf_clear(&text);
}

int
main(void)
{
	struct body_hash bh = BODY_HASH_INIT;
	struct buf text = BUF_INIT;
	size_t len, body_at;
	char *msg;

	body_hash_clear(&bh);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		buf_reset(&text);
		for (unsigned k = 0; k < bodies[i].repeated; k++)
			buf_add(&text, bodies[i].text, bodies[i].len);
		buf_adds(&text, bodies[i].last);
		test_pieces(&bh, bodies[i].name, text.data, text.len,
		    bodies[i].simple, bodies[i].relaxed);
	}
	buf_clear(&text);
	test_lines(&bh);

	/* Both RFCs print the same bh= for this body. */
	msg = file_read("rfc/6376-A.1.msg", &len);
	body_at = (size_t)(strstr(msg, "\r\n\r\n") + 4 - msg);
	test_pieces(&bh, "Appendix A", msg + body_at, len - body_at,
	    "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=",
	    "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
	free(msg);
	body_hash_clear(&bh);
	body_hash_clear(&bh);
	return tap_done();
}
