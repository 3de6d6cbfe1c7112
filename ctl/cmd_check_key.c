/*
 * keyturn check-key: whether what the DNS has at a selector is the public part
 * of the private key here; if not, what is wrong and the way out.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "ctl.h"
#include "dnsname.h"
#include "json.h"
#include "keyfile.h"
#include "keylook.h"
#include "keysource.h"
#include "knownkeys.h"
#include "output.h"
#include "ringstore.h"

#define OTHERS_MAX 32 /* selectors that are looked at for a stray key */

enum { OPT_ZONE, OPT_KEY, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_ZONE] = { "zone", 'z', "FILE",
	    "records from a zone file, not from the DNS" },
	[OPT_KEY] = { "key", 'k', "FILE",
	    "one key record, or a public key in PEM" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

struct job {
	struct keysource source;
	struct known_keys known;
	struct buf domain, selector; /* lower case */
	struct key *key;             /* the private key, or NULL */
	const char *path, *from;     /* where it is, who names it; or NULL */
	struct keylook look;
};

/* Take the names apart.  Returns the exit code. */
static int
take_names(const struct ctl_call *call, struct job *j)
{
	const char *domain = call->operands[0], *selector = call->operands[1];
	struct keycheck *kc = &j->look.check;

	if (!dnsname_is_valid(domain, strlen(domain)))
		return out_usage(call, "not a domain: %s", domain);
	if (!dnsname_is_valid(selector, strlen(selector)) ||
	    !dnsname_of_key_fits(strlen(selector), strlen(domain)))
		return out_usage(call, "not a selector: %s", selector);
	dnsname_lower(domain, strlen(domain), &j->domain);
	dnsname_lower(selector, strlen(selector), &j->selector);
	kc->domain = buf_str(&j->domain);
	kc->selector = buf_str(&j->selector);
	return kc->domain != NULL && kc->selector != NULL ? CTL_GOOD
	                                                  : CTL_NOT_YET;
}

/* The key files are those of keyturnd's user, who owns the rings. */
static int
become_owner(const struct conf *conf)
{
	struct err err = ERR_INIT;

	if (access(conf->rings, F_OK) == 0 &&
	    ringstore_become_owner(conf->rings, &err) == -1)
		return out_err(&err, CTL_NO_PERMISSION);
	return CTL_GOOD;
}

/* Take the private key that is known for the selector, if there is one. */
static void
take_known(struct job *j, struct err *err)
{
	struct keycheck *kc = &j->look.check;
	const struct known_key *k = known_keys_find(&j->known, kc->selector);

	if (k == NULL)
		return;
	j->path = k->path;
	j->from = k->from;
	j->key = k->key != NULL ? key_get(k->key) : NULL;
	*err = k->err;
	/* A static key is in use already: no cache is spoilt by asking. */
	j->look.may_ask_resolver = strncmp(k->from, "ring", 4) != 0;
}

/*
 * Find the private key.  That it cannot be read is a finding.  Returns the
 * exit code.
 */
static int
take_private(const struct ctl_call *call, struct job *j)
{
	const char *file = call->operand_count > 2 ? call->operands[2] : NULL;
	struct keycheck *kc = &j->look.check;
	const struct conf *conf = j->source.conf;
	struct err err = ERR_INIT, why = ERR_INIT;
	struct file_id id;
	int code;

	if (file != NULL) { /* read by who has called */
		j->path = file;
		j->key = keyfile_load(file, (unsigned)conf->minimum_rsa_bits,
		    &id, &why);
	}
	code = become_owner(conf);
	if (code != CTL_GOOD)
		return code;
	if (known_keys_load_ring(conf, kc->domain, &j->known, &err) == -1 ||
	    known_keys_load(conf, kc->domain, &j->known, &err) == -1)
		return out_err(&err, CTL_CONFIG);
	if (file == NULL)
		take_known(j, &why);
	kc->key = j->key;
	if (j->path != NULL && j->key == NULL)
		keycheck_set(kc, KEYCHECK_PRIVATE, "%s", why.text);
	return CTL_GOOD;
}

/*
 * Whether the private key is published, under another selector that is in use
 * here.
 */
static int
find_astray(struct job *j, struct err *err)
{
	struct keycheck *kc = &j->look.check;
	struct keylook others[OTHERS_MAX];
	size_t count = 0;
	int rc;

	memset(others, 0, sizeof(others));
	for (size_t i = 0; i < j->known.count && count < OTHERS_MAX; i++) {
		const char *selector = j->known.keys[i].selector;

		if (strcmp(selector, kc->selector) == 0)
			continue;
		others[count].check = (struct keycheck){ .domain = kc->domain,
			.selector = selector,
			.key = j->key };
		count++;
	}
	rc = keylook_run(&j->source, others, count, err);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && others[i].check.finding == KEYCHECK_GOOD)
			keycheck_set(kc, KEYCHECK_SELECTOR,
			    "this key is published at "
			    "%s._domainkey.%s, not at %s._domainkey.%s",
			    others[i].check.selector, kc->domain, kc->selector,
			    kc->domain);
		keylook_clear(&others[i]);
	}
	return rc;
}

/*
 * Refine "no record" and "another key" by what other keys there are for the
 * domain.
 */
static int
refine(struct job *j, struct err *err)
{
	struct keycheck *kc = &j->look.check;
	const struct known_key *k = NULL;

	if (kc->has_published)
		k = known_keys_of(&j->known, kc->published);
	if (k != NULL && strcmp(k->selector, kc->selector) != 0 &&
	    (j->key == NULL || kc->finding == KEYCHECK_KEY ||
	        kc->finding == KEYCHECK_TYPE)) {
		keycheck_set(kc, KEYCHECK_SELECTOR,
		    "the record at %s._domainkey.%s is that of %s, which is "
		    "the key of selector %s (%s)",
		    kc->selector, kc->domain, k->path, k->selector, k->from);
		return 0;
	}
	if (j->key == NULL || j->source.file_path != NULL ||
	    (kc->finding != KEYCHECK_ABSENT && kc->finding != KEYCHECK_KEY))
		return 0;
	return find_astray(j, err);
}

/* "DKIM key OK — 2048 bits, selector=k1" */
static void
write_title(const struct job *j, struct buf *out)
{
	const struct keycheck *kc = &j->look.check;

	if (kc->finding == KEYCHECK_GOOD && j->key == NULL)
		buf_adds(out, "DKIM record OK");
	else
		buf_adds(out, keycheck_title(kc->finding));
	buf_adds(out, " \xe2\x80\x94 "); /* a dash */
	if (kc->finding == KEYCHECK_GOOD)
		buf_printf(out, "%u bits, ", kc->bits);
	buf_printf(out, "selector=%s", kc->selector);
	if (kc->text[0] != '\0')
		buf_printf(out, ": %s", kc->text);
	buf_addc(out, '\n');
}

static void
write_words(const struct job *j, struct buf *out)
{
	const struct keycheck *kc = &j->look.check;
	char hex[RING_HEX_MAX];

	write_title(j, out);
	buf_printf(out, "  name:        %s._domainkey.%s\n", kc->selector,
	    kc->domain);
	if (j->path != NULL)
		buf_printf(out, "  key file:    %s%s%s%s\n", j->path,
		    j->from != NULL ? " (" : "", j->from != NULL ? j->from : "",
		    j->from != NULL ? ")" : "");
	else
		buf_adds(out,
		    "  key file:    none here for this selector: "
		    "only the record was looked at\n");
	if (j->key != NULL) {
		hex_text(key_fingerprint(j->key), hex);
		buf_printf(out, "  private key: %s\n", hex);
	}
	keylook_words(&j->look, out);
}

static void
write_json(const struct job *j, struct buf *out)
{
	const struct keycheck *kc = &j->look.check;
	char hex[RING_HEX_MAX];

	buf_addc(out, '{');
	json_text(out, "domain", kc->domain);
	json_text(out, "selector", kc->selector);
	json_text(out, "file", j->path);
	json_text(out, "file_from", j->from);
	json_name(out, "private");
	if (j->key != NULL) {
		hex_text(key_fingerprint(j->key), hex);
		buf_addc(out, '{');
		json_text(out, "algorithm",
		    key_alg_name(key_algorithm(j->key)));
		json_number(out, "bits", key_bits(j->key));
		json_text(out, "fingerprint", hex);
		buf_addc(out, '}');
	} else {
		buf_adds(out, "null");
	}
	keylook_json(&j->look, out);
	buf_adds(out, "}\n");
}

/* Look, compare, report.  Returns the exit code. */
static int
check(const struct ctl_call *call, struct job *j)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	int code;

	if (j->look.check.finding == KEYCHECK_GOOD &&
	    (keylook_run(&j->source, &j->look, 1, &err) == -1 ||
	        refine(j, &err) == -1))
		return out_err(&err, CTL_UNAVAILABLE);
	if (call->values[OPT_JSON] != NULL)
		write_json(j, &out);
	else
		write_words(j, &out);
	code = out_write(&out, keycheck_exit(j->look.check.finding));
	buf_clear(&out);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct job j = { .source = KEYSOURCE_INIT };
	int code;

	code = take_names(call, &j);
	if (code == CTL_GOOD)
		code = keysource_open(&j.source, call, call->values[OPT_ZONE],
		    call->values[OPT_KEY]);
	if (code == CTL_GOOD)
		code = take_private(call, &j);
	if (code == CTL_GOOD)
		code = check(call, &j);
	keylook_clear(&j.look);
	known_keys_clear(&j.known);
	key_put(j.key);
	keysource_clear(&j.source);
	buf_clear(&j.domain);
	buf_clear(&j.selector);
	return code;
}

const struct command cmd_check_key = {
	.name = "check-key",
	.arguments = "[OPTION]... DOMAIN SELECTOR [FILE]",
	.summary = "Compare a private key with what is published for it",
	.help =
	    "\n"
	    "The private key is FILE, or that of the ring or the KeyTable for "
	    "the selector.\n"
	    "Every authoritative server is asked.  What is wrong is named, "
	    "with the likely\n"
	    "cause and the way out.  0: the published key is that of the "
	    "private one.\n"
	    "1: it is not, or not everywhere.  69: the DNS does not answer.\n",
	.options = options,
	.operand_min = 2,
	.operand_max = 3,
	.run = run,
};
