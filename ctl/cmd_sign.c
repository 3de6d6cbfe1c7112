/*
 * keyturn sign: sign one message from standard input, with the code that the
 * milter signs with.  The message's own bytes stay as they are.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "body_hash.h"
#include "conf.h"
#include "ctl.h"
#include "dnsname.h"
#include "keyfile.h"
#include "message.h"
#include "output.h"
#include "sigfield.h"
#include "signing.h"
#include "taglist.h"

#define TIME_DIGITS 12

enum { OPT_DOMAIN, OPT_SELECTOR, OPT_KEY, OPT_CANON, OPT_TIME };

static const struct ctl_option options[] = {
	[OPT_DOMAIN] = { "domain", 'd', "DOMAIN", "the signing domain, d=" },
	[OPT_SELECTOR] = { "selector", 's', "SELECTOR", "the selector, s=" },
	[OPT_KEY] = { "key", 'k', "FILE", "the private key, in PEM" },
	[OPT_CANON] = { "canon", 'C', "HEADER/BODY",
	    "canonicalization, default relaxed/relaxed" },
	[OPT_TIME] = { "time", 't', "SECONDS",
	    "the time t= says, since 1970; default now" },
	{ .name = NULL },
};

/* All that is needed to sign. */
struct job {
	struct buf domain, selector; /* in lower case */
	struct conf *conf;
	struct key *key;
	struct canon_pair canon;
	time_t now;
	struct message msg;
	struct signing signing;
};

static void
job_clear(struct job *j)
{
	buf_clear(&j->domain);
	buf_clear(&j->selector);
	conf_free(j->conf);
	key_put(j->key);
	message_clear(&j->msg);
	signing_clear(&j->signing);
}

/* A name from the command line, in lower case. */
static int
take_name(const struct ctl_call *call, int option, const char *what,
    struct buf *out)
{
	const char *text = call->values[option];

	if (text == NULL)
		return out_usage(call, "--%s is missing", options[option].name);
	if (!dnsname_is_valid(text, strlen(text)))
		return out_usage(call, "%s: %s", what, text);
	dnsname_lower(text, strlen(text), out);
	return CTL_GOOD;
}

/* The options that are values. */
static int
take_options(const struct ctl_call *call, struct job *j)
{
	const char *canon = call->values[OPT_CANON];
	const char *when = call->values[OPT_TIME];
	unsigned long long seconds;
	int code;

	code = take_name(call, OPT_DOMAIN, "not a domain", &j->domain);
	if (code == CTL_GOOD)
		code = take_name(call, OPT_SELECTOR, "not a selector",
		    &j->selector);
	if (code != CTL_GOOD)
		return code;
	if (!dnsname_of_key_fits(strlen(call->values[OPT_SELECTOR]),
	        strlen(call->values[OPT_DOMAIN])))
		return out_usage(call,
		    "selector and domain are too long together for the name "
		    "of a key record, %d characters",
		    DNSNAME_MAX);
	if (call->values[OPT_KEY] == NULL)
		return out_usage(call, "--key is missing");
	j->canon = j->conf->canonicalization;
	if (canon != NULL && !canon_pair_parse(canon, strlen(canon), &j->canon))
		return out_usage(call,
		    "not a canonicalization (simple or relaxed, one or two "
		    "with a slash): %s",
		    canon);
	j->now = time(NULL);
	if (when != NULL) {
		struct span text = { when, strlen(when) };

		if (!span_number(text, TIME_DIGITS, &seconds))
			return out_usage(call, "not a time in seconds: %s",
			    when);
		j->now = (time_t)seconds;
	}
	return CTL_GOOD;
}

/* The settings: those of -c FILE if it was given, else the defaults. */
static int
take_conf(const struct ctl_call *call, struct job *j, struct err *err)
{
	if (call->conf_given)
		j->conf = conf_load(call->conf_path, err);
	else
		j->conf = conf_default(err);
	return j->conf != NULL ? CTL_GOOD : out_err(err, CTL_CONFIG);
}

static int
take_key(const struct ctl_call *call, struct job *j, struct err *err)
{
	struct file_id id;

	j->key = keyfile_load(call->values[OPT_KEY],
	    (unsigned)j->conf->minimum_rsa_bits, &id, err);
	return j->key != NULL ? CTL_GOOD : out_err(err, CTL_CONFIG);
}

static int
hash_body(const struct job *j, unsigned char digest[SHA256_LEN],
    struct err *err)
{
	const struct message *msg = &j->msg;
	struct body_hash bh = BODY_HASH_INIT;
	int rc = -1;

	if (body_hash_start(&bh, j->canon.body, err) == 0 &&
	    body_hash_update(&bh, msg->data + msg->body_at,
	        msg->len - msg->body_at, err) == 0)
		rc = body_hash_final(&bh, digest, err);
	body_hash_clear(&bh);
	return rc;
}

/* Make the signature field's value.  Returns 0, or -1 with err set. */
static int
sign(struct job *j, struct err *err)
{
	unsigned char body[SHA256_LEN], sig[KEY_SIG_MAX];
	size_t sig_len;
	struct signing_order order = { .alg = key_algorithm(j->key),
		.domain = buf_str(&j->domain),
		.selector = buf_str(&j->selector),
		.canon = j->canon,
		.sign_headers = j->conf->sign_headers,
		.oversign_headers = j->conf->oversign_headers,
		.body_hash = body,
		.now = j->now };

	if (order.domain == NULL || order.selector == NULL)
		return err_nomem(err);
	if (hash_body(j, body, err) == -1 ||
	    signing_prepare(&j->signing, &j->msg.hdrs, &order, err) == -1 ||
	    key_sign(j->key, j->signing.digest, sig, &sig_len, err) == -1)
		return -1;
	return signing_finish(&j->signing, sig, sig_len, err);
}

/*
 * Write the field, with the message's kind of line ends, and the message.
 */
static int
write_signed(const struct job *j)
{
	const struct buf *value = &j->signing.value;
	bool is_lf = strcmp(j->msg.line_end, "\n") == 0;
	struct buf field = BUF_INIT;
	int code;

	buf_adds(&field, SIGFIELD_NAME ":");
	for (size_t i = 0; i < value->len; i++) {
		if (!is_lf || value->data[i] != '\r')
			buf_addc(&field, value->data[i]);
	}
	buf_adds(&field, j->msg.line_end);
	code = out_write(&field, CTL_GOOD);
	if (code == CTL_GOOD)
		code = out_bytes(j->msg.data, j->msg.len, CTL_GOOD);
	buf_clear(&field);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct job j = { .msg = MESSAGE_INIT, .signing = SIGNING_INIT };
	struct err err = ERR_INIT;
	int code;

	code = take_conf(call, &j, &err);
	if (code == CTL_GOOD)
		code = take_options(call, &j);
	if (code == CTL_GOOD)
		code = take_key(call, &j, &err);
	if (code == CTL_GOOD && message_read(STDIN_FILENO, &j.msg, &err) == -1)
		code = out_err(&err, message_exit_code(&err));
	if (code == CTL_GOOD && sign(&j, &err) == -1)
		code = out_err(&err, CTL_DATA);
	if (code == CTL_GOOD)
		code = write_signed(&j);
	job_clear(&j);
	return code;
}

const struct command cmd_sign = {
	.name = "sign",
	.arguments = "-d DOMAIN -s SELECTOR -k FILE\n"
	             "       [-C HEADER/BODY] [-t SECONDS]",
	.summary = "Sign one message from standard input to standard output",
	.help =
	    "\n"
	    "The DKIM-Signature comes on top; the message's own bytes stay as "
	    "they are.  A\n"
	    "message with LF line ends is signed as it is sent, with CRLF.  "
	    "Which fields\n"
	    "are signed is as in keyturn.conf if -c FILE is given, else the "
	    "default.\n"
	    "Nothing is written after an error.\n",
	.options = options,
	.run = run,
};
