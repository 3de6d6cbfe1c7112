/*
 * Base64.  OpenSSL writes it; its decoders take line ends and stop at a hyphen
 * where we must refuse, so reading is our own.
 */

#include <openssl/evp.h>

#include "ascii.h"
#include "base64.h"

enum { ENCODE_BYTES = 768 }; /* at a time; a multiple of three */

void
base64_encode(const void *data, size_t len, struct buf *out)
{
	unsigned char text[ENCODE_BYTES / 3 * 4 + 1];
	const unsigned char *at = data;

	while (len > 0) {
		size_t step = len < ENCODE_BYTES ? len : ENCODE_BYTES;

		buf_add(out, text,
		    (size_t)EVP_EncodeBlock(text, at, (int)step));
		at += step;
		len -= step;
	}
}

/* The six bits a letter of the alphabet stands for, or -1. */
static int
letter_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* The state of a decoder. */
struct decoder {
	unsigned long bits; /* of the group of four letters */
	unsigned letters;   /* of that group so far, padding included */
	unsigned padding;   /* of that group */
};

/* Take one letter.  False if it cannot stand here. */
static bool
decoder_take(struct decoder *d, char c, struct buf *out)
{
	int value = letter_value(c);

	if (c == '=' && d->letters >= 2) {
		d->padding++;
		value = 0;
	} else if (value < 0 || d->padding > 0) {
		return false;
	}
	d->bits = d->bits << 6 | (unsigned)value;
	if (++d->letters < 4)
		return true;
	buf_addc(out, (char)(d->bits >> 16 & 0xff));
	if (d->padding < 2)
		buf_addc(out, (char)(d->bits >> 8 & 0xff));
	if (d->padding < 1)
		buf_addc(out, (char)(d->bits & 0xff));
	/* Padding stays set: nothing may follow it. */
	d->bits = 0;
	d->letters = 0;
	return true;
}

bool
base64_decode(const char *text, size_t len, struct buf *out)
{
	struct decoder d = { .bits = 0 };
	size_t before = out->len;

	for (size_t i = 0; i < len;) {
		size_t fws = ascii_fws_len(text + i, len - i);

		i += fws;
		if (fws > 0)
			continue;
		if (!decoder_take(&d, text[i++], out)) {
			out->len = before;
			return false;
		}
	}
	if (d.letters != 0) {
		out->len = before;
		return false;
	}
	return true;
}
