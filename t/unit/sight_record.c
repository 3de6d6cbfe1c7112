/*
 * Key records compared by meaning, RFC 6376 section 3.6.1.
 */
#include "../../ctl/sight_record.h"
#include "tap.h"

#define KEY   "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define OTHER "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define ED    "v=DKIM1; k=ed25519; p=" KEY

/* text is NULL: nothing to say. */
static const struct {
	const char *name, *found, *want;
	enum sight sight;
	const char *text;
} cases[] = {
	{ "the same bytes", ED, ED, SIGHT_COMPLETE, NULL },
	{ "no v=", "k=ed25519; p=" KEY, ED, SIGHT_COMPLETE, NULL },
	{ "white space", "v=DKIM1;k=ed25519 ;\tp=" KEY " ;", ED, SIGHT_COMPLETE,
	    NULL },
	{ "white space inside p=",
	    "v=DKIM1; k=ed25519; p=AQEBAQEBAQEBAQEBAQEBAQEB AQEBAQEBAQEBAQEBAQE"
	    "=",
	    ED, SIGHT_COMPLETE, NULL },
	{ "tags in another order", "v=DKIM1; p=" KEY "; k=ed25519", ED,
	    SIGHT_COMPLETE, NULL },
	{ "notes and unknown tags", ED "; n=hello; x=y", ED, SIGHT_COMPLETE,
	    NULL },
	{ "letter case of k=", "v=DKIM1; k=ED25519; p=" KEY, ED, SIGHT_COMPLETE,
	    NULL },
	{ "no k= is rsa", "p=" KEY, "k=rsa; p=" KEY, SIGHT_COMPLETE, NULL },
	{ "s=* is no s=", ED "; s=*", ED, SIGHT_COMPLETE, NULL },
	{ "s= with * among others", ED "; s=email:*", ED, SIGHT_COMPLETE,
	    NULL },
	{ "flags that nobody knows", ED "; t=q", ED, SIGHT_COMPLETE, NULL },
	{ "h= in another order", ED "; h=sha256:sha1", ED "; h=sha1:sha256",
	    SIGHT_COMPLETE, NULL },
	{ "an empty h=", ED "; h=", ED, SIGHT_COMPLETE, NULL },
	{ "p= empty", "v=DKIM1; k=ed25519; p=", ED, SIGHT_EMPTY, NULL },
	{ "p= blank", "p= ", ED, SIGHT_EMPTY, NULL },
	{ "p= empty, of another type", "v=DKIM1; p=", ED, SIGHT_EMPTY, NULL },
	{ "another key", "v=DKIM1; k=ed25519; p=" OTHER, ED, SIGHT_MISMATCH,
	    "another key in p=" },
	{ "another key that is no base64", "k=ed25519; p=%%%", ED,
	    SIGHT_MISMATCH, "another key in p=" },
	{ "another type", "v=DKIM1; p=" KEY, ED, SIGHT_MISMATCH,
	    "no k= instead of k=ed25519" },
	{ "testing", ED "; t=y", ED, SIGHT_MISMATCH, "t=y instead of no t=" },
	{ "no longer testing", ED, ED "; t=s:y", SIGHT_MISMATCH,
	    "no t= instead of t=s:y" },
	{ "strict", ED "; t=s", ED, SIGHT_MISMATCH, "t=s instead of no t=" },
	{ "a hash", ED "; h=sha256", ED, SIGHT_MISMATCH,
	    "h=sha256 instead of no h=" },
	{ "a service", ED "; s=tlsrpt", ED, SIGHT_MISMATCH,
	    "s=tlsrpt instead of no s=" },
	{ "a service less", ED "; s=email", ED, SIGHT_MISMATCH,
	    "s=email instead of no s=" },
	{ "bytes for a log", ED "; s=\x01\xff", ED, SIGHT_MISMATCH,
	    "not a key record: " },
	{ "v= elsewhere", "k=ed25519; v=DKIM1; p=" KEY, ED, SIGHT_MISMATCH,
	    "v= is not DKIM1, or not the first tag" },
	{ "v= of the future", "v=DKIM2; p=" KEY, ED, SIGHT_MISMATCH,
	    "v= is not DKIM1" },
	{ "a tag twice", ED "; p=" KEY, ED, SIGHT_MISMATCH,
	    "not a key record: " },
	{ "no p=", "v=DKIM1; k=ed25519", ED, SIGHT_MISMATCH,
	    "not a key record: it has no p=" },
	{ "nothing at all", "", ED, SIGHT_MISMATCH, "not a key record" },
	{ "another text", "google-site-verification", ED, SIGHT_MISMATCH,
	    "not a key record: " },
	{ "alone", ED, NULL, SIGHT_COMPLETE, NULL },
	{ "alone and empty", "p=", NULL, SIGHT_EMPTY, NULL },
	{ "alone, of a type that nobody knows", "k=x; p=" KEY, NULL,
	    SIGHT_MISMATCH, "k= is neither rsa nor ed25519" },
	{ "alone, not a key", "k=rsa; p=" KEY, NULL, SIGHT_MISMATCH, "" },
};

int
main(void)
{
	char why[200];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum sight sight = sight_compare(cases[i].found,
		    strlen(cases[i].found), cases[i].want, why, sizeof(why));

		is_int(sight, cases[i].sight, cases[i].name);
		if (cases[i].text == NULL)
			is_str(why, "", "and nothing is said");
		else if (!ok(strstr(why, cases[i].text) != NULL, "says %s",
		             cases[i].text))
			tap_show("got", why, strlen(why));
	}
	return tap_done();
}
