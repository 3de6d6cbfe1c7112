/*
 * signing: what the two steps leave behind; that the result verifies is shown
 * in t/sign with other implementations.
 */
#include "signing.h"
#include "base64.h"
#include "tap.h"

static const unsigned char body_hash[SHA256_LEN];

static const struct {
	const char *name;
	const char *header;
	const char *sign, *oversign;
	const char *want; /* h=, NULL: refused */
} cases[] = {
	{ "From and To", "From: a@example.com\r\nTo: b\r\n", "from:to", "",
	    " h=from:to;" },
	{ "From in odd case", "fROM : a@example.com\r\n", "from", "from",
	    " h=from:from;" },
	{ "From only oversigned", "From: a@example.com\r\nTo: b\r\n", "to",
	    "from", " h=to:from:from;" },
	{ "no From field", "To: b\r\n", "from:to", "", NULL },
	{ "no From field, oversigned", "To: b\r\n", "from:to", "from", NULL },
	{ "From not in the lists", "From: a@example.com\r\nTo: b\r\n", "to",
	    "to", NULL },
	{ "no fields", "", "from", "from", NULL },
};

int
main(void)
{
	struct signing s = SIGNING_INIT;
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;
	struct signing_order order = {
		.alg = KEY_ED25519_SHA256,
		.domain = "example.com",
		.selector = "s1",
		.canon = { CANON_RELAXED, CANON_RELAXED },
		.body_hash = body_hash,
		.now = 1700000000,
	};
	unsigned char first[SHA256_LEN];
	size_t body_at;

	signing_clear(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int result;

		hdrs_parse(&h, cases[i].header, strlen(cases[i].header),
		    &body_at, &err);
		order.sign_headers = cases[i].sign;
		order.oversign_headers = cases[i].oversign;
		result = signing_prepare(&s, &h, &order, &err);
		is_int(result, cases[i].want ? 0 : -1, cases[i].name);
		if (cases[i].want == NULL) {
			is_int(err.code, ERR_INPUT, "the code");
			is_str(err.text,
			    "no From field to sign (RFC 6376 section 5.4)",
			    "the error");
			continue;
		}
		ok(strstr(buf_str(&s.value), cases[i].want) != NULL, "it has%s",
		    cases[i].want);
		is_str(s.value.data + s.value.len - 5,
		    "\r\n\tb=", "and an empty b= last");
		is_int(signing_finish(&s, (const unsigned char *)"foobar", 6,
		           &err),
		    0, "finished");
		is_str(buf_str(&s.value) + s.value.len - 13, "\r\n\tb=Zm9vYmFy",
		    "with the signature");
	}

	/* Whatever was signed before, the same order gives the same. */
	hdrs_parse(&h, cases[0].header, strlen(cases[0].header), &body_at,
	    &err);
	order.sign_headers = "from:to";
	order.oversign_headers = "from";
	signing_prepare(&s, &h, &order, &err);
	memcpy(first, s.digest, sizeof(first));
	order.now++;
	signing_prepare(&s, &h, &order, &err);
	ok(memcmp(first, s.digest, sizeof(first)) != 0,
	    "another second, another digest");
	order.now--;
	signing_prepare(&s, &h, &order, &err);
	is_mem(s.digest, sizeof(s.digest), first, sizeof(first),
	    "the same again");
	signing_clear(&s);
	signing_clear(&s);
	is_int(signing_prepare(&s, &h, &order, &err), 0, "cleared, used again");
	signing_clear(&s);
	hdrs_clear(&h);
	return tap_done();
}
