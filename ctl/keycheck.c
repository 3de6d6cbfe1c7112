/*
 * Comparing a private key with what is published for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "keycheck.h"
#include "keyrecord.h"
#include "taglist.h"

static const struct {
	const char *name, *title, *cause, *remedy;
} findings[] = {
	[KEYCHECK_GOOD] = { "good", "DKIM key OK", NULL, NULL },
	[KEYCHECK_PRIVATE] = { "private-key", "private key not usable",
	    "the file was copied or edited by hand, or belongs to another user",
	    "do what the text says, then check again as the user of keyturnd" },
	[KEYCHECK_ABSENT] = { "no-record", "DKIM key not published",
	    "the record was never published, or under another name: many "
	    "providers append the domain themselves, so that the name holds it "
	    "twice",
	    "publish the record that `keyturn dns show` or `keyturn keygen` "
	    "prints, and check again" },
	[KEYCHECK_CNAME] = { "no-cname", "CNAME of the slot missing or wrong",
	    "the owner of the domain has not set it yet, or to another name, "
	    "or has pasted a record instead",
	    "have the owner set the CNAME that the text names; `keyturn dns "
	    "show` prints all of them" },
	[KEYCHECK_LAG] = { "dns-lag", "DKIM key not at every server: DNS lag",
	    "the change has not reached every server of the zone yet, or one "
	    "does not transfer it any more",
	    "sign with another key until all servers agree; if they do not "
	    "within the hour, look at the one named" },
	[KEYCHECK_TAGS] = { "other-tags", "DKIM record differs",
	    "the key is right, but h=, s= or t= were changed by hand",
	    "publish the record as `keyturn dns show` prints it" },
	[KEYCHECK_SEVERAL] = { "several-records", "several DKIM records",
	    "a record was added where the old one should have been changed",
	    "remove all but one" },
	[KEYCHECK_SYNTAX] = { "syntax", "DKIM record malformed",
	    "it was mistyped, or quotes and backslashes of a zone file went "
	    "into the form of a provider",
	    "publish it again in the form that `keyturn dns show -f text` "
	    "prints for a form, -f bind for a zone file" },
	[KEYCHECK_CUT] = { "truncated", "DKIM record truncated",
	    "the provider takes 255 octets in one string, or the clipboard "
	    "lost the rest",
	    "publish it again as several strings of at most 255 octets, as "
	    "`keyturn dns show` prints it" },
	[KEYCHECK_REVOKED] = { "revoked", "DKIM key revoked",
	    "p= is empty: the key was withdrawn",
	    "sign with another key; a selector is not used again" },
	[KEYCHECK_TYPE] = { "key-type", "DKIM key of the wrong type",
	    "k= of the record is not that of the private key: it is the record "
	    "of another key, or was edited",
	    "publish the record of this key" },
	[KEYCHECK_USE] = { "key-use", "DKIM record forbids its use",
	    "h= or s= of the record were set by hand",
	    "remove h= and s= from the record" },
	[KEYCHECK_WEAK] = { "key-weak", "DKIM key too weak",
	    "verifiers refuse RSA keys under 1024 bits (RFC 8301)",
	    "make a new key: `keyturn keygen`, or `keyturn rotate` for a "
	    "ring" },
	[KEYCHECK_KEY] = { "key-mismatch", "DKIM key mismatch",
	    "the private key was replaced and the record not, or the other way "
	    "round; or a server still has the old record",
	    "publish the record of this key, or put the old private key back; "
	    "better make a new key under a new selector" },
	[KEYCHECK_SELECTOR] = { "selector-mismatch", "DKIM selector mismatch",
	    "the table names the wrong selector or the wrong key file, or the "
	    "record was published under the wrong name",
	    "name this selector and this file together in the KeyTable, or "
	    "publish the record under this selector" },
	[KEYCHECK_WILDCARD] = { "wildcard",
	    "DKIM key not published: a wildcard answers",
	    "the record was never published, or under another name; what is "
	    "found is what a wildcard (*) of the zone gives to every name",
	    "publish the record that `keyturn dns show` prints: then the "
	    "wildcard does not answer for its name any more" },
	[KEYCHECK_UNANSWERED] = { "unanswered", "DNS does not answer",
	    "a server is down or does not serve the zone, or port 53 is closed "
	    "from here, by TCP perhaps",
	    "try again; `dig @SERVER NAME TXT`, and once more with +tcp, shows "
	    "the same without keyturn" },
};

const char *
keycheck_name(enum keycheck_finding finding)
{
	return findings[finding].name;
}

const char *
keycheck_title(enum keycheck_finding finding)
{
	return findings[finding].title;
}

const char *
keycheck_cause(enum keycheck_finding finding)
{
	return findings[finding].cause;
}

const char *
keycheck_remedy(enum keycheck_finding finding)
{
	return findings[finding].remedy;
}

int
keycheck_exit(enum keycheck_finding finding)
{
	if (finding == KEYCHECK_GOOD)
		return CTL_GOOD;
	return finding == KEYCHECK_UNANSWERED ? CTL_UNAVAILABLE : CTL_PROBLEM;
}

void
keycheck_set(struct keycheck *kc, enum keycheck_finding finding,
    const char *fmt, ...)
{
	va_list ap;

	kc->finding = finding;
	va_start(ap, fmt);
	vsnprintf(kc->text, sizeof(kc->text), fmt, ap);
	va_end(ap);
}

/* The value of p= in a record, without its white space; empty if none. */
static void
take_p(const char *text, size_t len, struct buf *out)
{
	struct taglist list;
	const struct tag *p = NULL;
	struct err ignored;

	if (taglist_parse(text, len, &list, &ignored) == 0)
		p = taglist_find(&list, "p");
	for (size_t i = 0; p != NULL && i < p->value.len; i++)
		if (strchr(" \t\r\n", p->value.data[i]) == NULL)
			buf_addc(out, p->value.data[i]);
}

/* The value of p= that should be published; empty if that is not known. */
static void
take_own_p(const struct keycheck *kc, struct buf *out)
{
	struct err ignored;

	if (kc->key != NULL)
		(void)key_public(kc->key, out, &ignored);
	else if (kc->record != NULL)
		take_p(kc->record, strlen(kc->record), out);
}

/*
 * Whether p= of the record is the beginning of the right one, and so neither
 * mistyped nor that of another key.
 */
static bool
is_cut(const struct keycheck *kc, const char *text, size_t len, size_t *have,
    size_t *want)
{
	struct buf published = BUF_INIT, own = BUF_INIT;
	bool cut;

	take_p(text, len, &published);
	take_own_p(kc, &own);
	cut = !own.has_failed && !published.has_failed && published.len > 0 &&
	    published.len < own.len &&
	    memcmp(published.data, own.data, published.len) == 0;
	*have = published.len;
	*want = own.len;
	buf_clear(&published);
	buf_clear(&own);
	return cut;
}

/* What the state of a record means. */
static const enum keycheck_finding states[] = {
	[KEYRECORD_GOOD] = KEYCHECK_GOOD,
	[KEYRECORD_SYNTAX] = KEYCHECK_SYNTAX,
	[KEYRECORD_REVOKED] = KEYCHECK_REVOKED,
	[KEYRECORD_TYPE] = KEYCHECK_TYPE,
	[KEYRECORD_HASH] = KEYCHECK_USE,
	[KEYRECORD_SERVICE] = KEYCHECK_USE,
	[KEYRECORD_WEAK] = KEYCHECK_WEAK,
};

/* What the published key should be. */
struct wanted {
	bool is_known;
	enum key_alg alg;
	unsigned char fingerprint[SHA256_LEN];
};

static int
take_wanted(const struct keycheck *kc, struct wanted *w, struct err *err)
{
	struct keyrecord rec = KEYRECORD_INIT;
	struct err why;
	int rc = 0;

	w->is_known = false;
	if (kc->key != NULL) {
		w->is_known = true;
		w->alg = key_algorithm(kc->key);
		memcpy(w->fingerprint, key_fingerprint(kc->key), SHA256_LEN);
	} else if (kc->record != NULL &&
	    keyrecord_parse(kc->record, strlen(kc->record), &rec, &why) ==
	        KEYRECORD_GOOD) {
		w->is_known = true;
		w->alg = rec.alg;
		rc = pubkey_fingerprint(rec.key, w->fingerprint, err);
	}
	keyrecord_clear(&rec);
	return rc;
}

/* Compare a good record with what it should be. */
static int
compare(struct keycheck *kc, const struct keyrecord *rec, struct err *err)
{
	struct wanted w;

	kc->has_published = true;
	kc->alg = rec->alg;
	kc->bits = pubkey_bits(rec->key);
	kc->is_testing = rec->is_testing;
	kc->finding = KEYCHECK_GOOD;
	kc->text[0] = '\0';
	if (pubkey_fingerprint(rec->key, kc->published, err) == -1 ||
	    take_wanted(kc, &w, err) == -1)
		return -1;
	if (!w.is_known ||
	    memcmp(kc->published, w.fingerprint, SHA256_LEN) == 0)
		return 0;
	if (rec->alg != w.alg)
		keycheck_set(kc, KEYCHECK_TYPE,
		    "the record has k=%s, the private key is of type %s",
		    key_alg_type(rec->alg), key_alg_type(w.alg));
	else
		keycheck_set(kc, KEYCHECK_KEY,
		    "the published key is not the public part of the private "
		    "key");
	return 0;
}

/* Judge what a record turned out to be; why is what is wrong with it. */
static int
judge_state(struct keycheck *kc, enum keyrecord_state state,
    const struct keyrecord *rec, const struct err *why, struct err *err)
{
	if (state == KEYRECORD_NOMEM)
		return err_nomem(err);
	if (state == KEYRECORD_GOOD)
		return compare(kc, rec, err);
	keycheck_set(kc, states[state], "%s", why->text);
	return 0;
}

/* Judge the one record at the name. */
static int
judge(struct keycheck *kc, const char *text, size_t len, struct err *err)
{
	struct keyrecord rec = KEYRECORD_INIT;
	struct err why = ERR_INIT;
	enum keyrecord_state state;
	size_t have, want;
	int rc;

	state = keyrecord_parse(text, len, &rec, &why);
	rc = judge_state(kc, state, &rec, &why, err);
	if (state == KEYRECORD_SYNTAX && is_cut(kc, text, len, &have, &want))
		keycheck_set(kc, KEYCHECK_CUT,
		    "p= ends after %zu of its %zu characters", have, want);
	keyrecord_clear(&rec);
	return rc;
}

int
keycheck_file(struct keycheck *kc, struct buf *file, struct err *err)
{
	struct keyrecord rec = KEYRECORD_INIT;
	const char *text = buf_str(file);
	struct err why = ERR_INIT;
	enum keyrecord_state state;
	int rc;

	if (text == NULL)
		return err_nomem(err);
	state = keyrecord_parse_file(text, file->len, &rec, &why);
	rc = judge_state(kc, state, &rec, &why, err);
	keyrecord_clear(&rec);
	return rc;
}

int
keycheck_records(struct keycheck *kc, const struct buf *records, int count,
    struct err *err)
{
	if (count == 1)
		return judge(kc, records[0].data ? records[0].data : "",
		    records[0].len, err);
	if (count == 0)
		keycheck_set(kc, KEYCHECK_ABSENT,
		    "there is no TXT record at %s._domainkey.%s", kc->selector,
		    kc->domain);
	else
		keycheck_set(kc, KEYCHECK_SEVERAL,
		    "%d TXT records at %s._domainkey.%s: verifiers may take "
		    "any of them",
		    count, kc->selector, kc->domain);
	return 0;
}

static bool
has_lint(const struct sighting *s, const char *code)
{
	for (size_t i = 0; i < s->lint_count; i++)
		if (strcmp(s->lints[i].code, code) == 0)
			return true;
	return false;
}

/* Whether some server has exactly the right record. */
static bool
has_good_server(const struct sighting *s)
{
	for (size_t i = 0; i < s->server_count; i++)
		if (s->servers[i].sight == SIGHT_COMPLETE)
			return true;
	return false;
}

int
keycheck_sighting(struct keycheck *kc, const struct sighting *s,
    struct err *err)
{
	if (s->is_astray) {
		keycheck_set(kc, KEYCHECK_CNAME, "%s", s->text);
		return 0;
	}
	if (s->record != NULL &&
	    judge(kc, s->record, strlen(s->record), err) == -1)
		return -1;
	if (s->is_wildcard && s->sight == SIGHT_MISMATCH) {
		keycheck_set(kc, KEYCHECK_WILDCARD,
		    "what is at %s._domainkey.%s is a wildcard's: %s",
		    kc->selector, kc->domain, s->text);
		return 0;
	}
	switch (s->sight) {
	case SIGHT_COMPLETE:
		break;
	case SIGHT_EMPTY:
		keycheck_set(kc, KEYCHECK_REVOKED, "p= is empty");
		break;
	case SIGHT_ABSENT:
		return keycheck_records(kc, NULL, 0, err);
	case SIGHT_NONE:
	case SIGHT_UNANSWERED:
		keycheck_set(kc, KEYCHECK_UNANSWERED, "%s", s->text);
		break;
	case SIGHT_PARTIAL:
	case SIGHT_MISMATCH:
		if (has_lint(s, "several"))
			keycheck_set(kc, KEYCHECK_SEVERAL, "%s", s->text);
		else if (has_good_server(s) ||
		    (s->sight == SIGHT_PARTIAL && kc->finding == KEYCHECK_GOOD))
			keycheck_set(kc, KEYCHECK_LAG, "%s", s->text);
		else if (kc->finding == KEYCHECK_GOOD)
			keycheck_set(kc, KEYCHECK_TAGS, "%s", s->text);
		break;
	}
	return 0;
}
