/*
 * keyturn keygen: make a private key and say what to publish for it.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "dnsname.h"
#include "json.h"
#include "key.h"
#include "keyfile.h"
#include "keyrecord.h"
#include "output.h"
#include "taglist.h"

#define BITS_DEFAULT 2048
#define BITS_ADVISED 2048 /* RFC 8301 section 3.2 */

enum {
	OPT_ALGORITHM,
	OPT_BITS,
	OPT_DOMAIN,
	OPT_SELECTOR,
	OPT_OUTPUT,
	OPT_DIRECTORY,
	OPT_JSON,
};

static const struct ctl_option options[] = {
	[OPT_ALGORITHM] = { "algorithm", 'a', "NAME",
	    "rsa-sha256 (default) or ed25519-sha256" },
	[OPT_BITS] = { "bits", 'b', "BITS",
	    "of an RSA key, 1024 to 8192, default 2048" },
	[OPT_DOMAIN] = { "domain", 'd', "DOMAIN", "for the record's name" },
	[OPT_SELECTOR] = { "selector", 's', "SELECTOR", "the selector" },
	[OPT_OUTPUT] = { "output", 'o', "FILE", "the new key file" },
	[OPT_DIRECTORY] = { "directory", 'D', "DIR",
	    "the new key file is DIR/SELECTOR.pem" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* The key to make, and what was made. */
struct job {
	enum key_alg alg;
	unsigned bits;
	struct buf path, name, record; /* of the file, of the DNS, its text */
	struct buf selector, domain;   /* in lower case; domain may be empty */
	struct key *key;
};

static void
job_clear(struct job *j)
{
	buf_clear(&j->path);
	buf_clear(&j->name);
	buf_clear(&j->record);
	buf_clear(&j->selector);
	buf_clear(&j->domain);
	key_put(j->key);
}

static int
take_algorithm(const struct ctl_call *call, struct job *j)
{
	static const enum key_alg algs[] = { KEY_RSA_SHA256,
		KEY_ED25519_SHA256 };
	const char *wanted = call->values[OPT_ALGORITHM];

	if (wanted == NULL)
		wanted = key_alg_name(KEY_RSA_SHA256);
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		j->alg = algs[i];
		if (strcmp(wanted, key_alg_name(algs[i])) == 0 ||
		    strcmp(wanted, key_alg_type(algs[i])) == 0)
			return CTL_GOOD;
	}
	return out_usage(call, "neither rsa-sha256 nor ed25519-sha256: %s",
	    wanted);
}

static int
take_bits(const struct ctl_call *call, struct job *j)
{
	const char *bits = call->values[OPT_BITS];
	unsigned long long number;

	j->bits = BITS_DEFAULT;
	if (bits == NULL)
		return CTL_GOOD;
	if (j->alg != KEY_RSA_SHA256)
		return out_usage(call,
		    "--bits is for RSA; an %s key has one "
		    "size",
		    key_alg_type(j->alg));
	if (!span_number((struct span){ bits, strlen(bits) }, 5, &number) ||
	    number < KEY_RSA_BITS_MIN || number > KEY_RSA_BITS_MAX)
		return out_usage(call, "not a number from %d to %d: %s",
		    KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX, bits);
	j->bits = (unsigned)number;
	if (j->bits < BITS_ADVISED)
		out_error("warning: %u bits: RFC 8301 advises at least %d",
		    j->bits, BITS_ADVISED);
	return CTL_GOOD;
}

/* Selector and domain, and the record's name from them. */
static int
take_names(const struct ctl_call *call, struct job *j)
{
	const char *selector = call->values[OPT_SELECTOR];
	const char *domain = call->values[OPT_DOMAIN];

	if (selector == NULL)
		return out_usage(call, "--selector is missing");
	if (!dnsname_is_valid(selector, strlen(selector)))
		return out_usage(call, "not a selector: %s", selector);
	if (domain != NULL && !dnsname_is_valid(domain, strlen(domain)))
		return out_usage(call, "not a domain: %s", domain);
	dnsname_lower(selector, strlen(selector), &j->selector);
	if (domain != NULL) {
		if (!dnsname_of_key_fits(strlen(selector), strlen(domain)))
			return out_usage(call,
			    "the record's name is longer than the %d "
			    "characters that the DNS takes",
			    DNSNAME_MAX);
		dnsname_lower(domain, strlen(domain), &j->domain);
		dnsname_of_key(selector, strlen(selector), domain,
		    strlen(domain), &j->name);
	} else {
		dnsname_lower(selector, strlen(selector), &j->name);
		buf_adds(&j->name, "._domainkey");
	}
	return CTL_GOOD;
}

static int
take_path(const struct ctl_call *call, struct job *j)
{
	const char *file = call->values[OPT_OUTPUT];
	const char *dir = call->values[OPT_DIRECTORY];

	if ((file == NULL) == (dir == NULL))
		return out_usage(call, "either --output or --directory");
	if (file != NULL) {
		buf_adds(&j->path, file);
	} else {
		buf_printf(&j->path, "%s/", dir);
		buf_add(&j->path, j->selector.data, j->selector.len);
		buf_adds(&j->path, ".pem");
	}
	if (j->selector.has_failed)
		j->path.has_failed = true;
	return CTL_GOOD;
}

/* Make the key and its file.  Returns the exit code. */
static int
make(struct job *j)
{
	const char *path = buf_str(&j->path);
	struct err err = ERR_INIT;

	if (path == NULL)
		err_nomem(&err);
	else
		j->key = key_generate(j->alg, j->bits, &err);
	if (j->key == NULL || keyrecord_write(j->key, &j->record, &err) == -1 ||
	    keyfile_write(path, j->key, &err) == -1)
		return out_err(&err, CTL_CANNOT_WRITE);
	if (geteuid() == 0)
		out_error("note: %s belongs to root; if keyturnd runs as "
		          "another user, give it to that one: chown keyturn "
		          "%s",
		    path, path);
	return CTL_GOOD;
}

static void
write_hex(struct buf *out, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "%02x", data[i]);
}

/* The record in the form of a zone file, what to do being comments. */
static void
write_text(struct job *j, struct buf *out)
{
	const char *domain = j->domain.len > 0 ? buf_str(&j->domain) : NULL;
	const char *selector = buf_str(&j->selector);
	char full[PATH_MAX];
	const char *path = realpath(buf_str(&j->path), full);

	buf_printf(out, "; %s: %s, %u bits, fingerprint SHA-256 ",
	    buf_str(&j->path), key_alg_name(j->alg), key_bits(j->key));
	write_hex(out, key_fingerprint(j->key), SHA256_LEN);
	buf_adds(out, "\n; Publish this record:\n\n");
	buf_printf(out, "%s%s IN TXT ( ", buf_str(&j->name), domain ? "." : "");
	dnsname_txt(j->record.data, j->record.len, "\n\t", out);
	buf_printf(out,
	    " )\n\n; When every server of the zone serves it, name the key in "
	    "the KeyTable\n; and run `keyturn reload`:\n"
	    ";   %s %s:%s:%s\n",
	    domain ? domain : "NAME", domain ? domain : "DOMAIN", selector,
	    path ? path : buf_str(&j->path));
}

static void
write_json(struct job *j, struct buf *out)
{
	struct buf strings = BUF_INIT;

	buf_addc(out, '{');
	json_text(out, "file", buf_str(&j->path));
	json_text(out, "algorithm", key_alg_name(j->alg));
	buf_printf(out, ",\"bits\":%u,\"fingerprint\":\"", key_bits(j->key));
	write_hex(out, key_fingerprint(j->key), SHA256_LEN);
	buf_addc(out, '"');
	json_text(out, "selector", buf_str(&j->selector));
	json_text(out, "domain",
	    j->domain.len > 0 ? buf_str(&j->domain) : NULL);
	json_text(out, "name", buf_str(&j->name));
	json_text(out, "type", "TXT");
	json_text(out, "value", buf_str(&j->record));
	/* A record's text has nothing that either form would escape. */
	dnsname_txt(j->record.data, j->record.len, ",", &strings);
	buf_adds(out, ",\"strings\":[");
	buf_add(out, strings.data, strings.len);
	buf_adds(out, "]}\n");
	out->has_failed = out->has_failed || strings.has_failed;
	buf_clear(&strings);
}

/* Report on what was made. */
static int
report(const struct ctl_call *call, struct job *j)
{
	struct buf out = BUF_INIT;
	int code = CTL_NOT_YET;

	if (buf_str(&j->path) == NULL || buf_str(&j->name) == NULL ||
	    buf_str(&j->record) == NULL || buf_str(&j->selector) == NULL ||
	    buf_str(&j->domain) == NULL)
		out_error("out of memory");
	else {
		if (call->values[OPT_JSON] != NULL)
			write_json(j, &out);
		else
			write_text(j, &out);
		code = out_write(&out, CTL_GOOD);
	}
	if (code != CTL_GOOD)
		out_error("the key was made all the same: remove its file "
		          "before another try");
	buf_clear(&out);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct job j = { .alg = KEY_RSA_SHA256 };
	int code;

	code = take_algorithm(call, &j);
	if (code == CTL_GOOD)
		code = take_bits(call, &j);
	if (code == CTL_GOOD)
		code = take_names(call, &j);
	if (code == CTL_GOOD)
		code = take_path(call, &j);
	if (code == CTL_GOOD)
		code = make(&j);
	if (code == CTL_GOOD)
		code = report(call, &j);
	job_clear(&j);
	return code;
}

const struct command cmd_keygen = {
	.name = "keygen",
	.arguments = "[-a NAME] [-b BITS] [-d DOMAIN] -s SELECTOR\n"
	             "       -o FILE | -D DIR [--json]",
	.summary = "Make a private key and print the DNS record for it",
	.help = "\n"
	        "The file is new, with mode 0600; one that is there is never "
	        "overwritten (73).\n",
	.options = options,
	.run = run,
};
