/*
 * What is decided about each message.  Transport is for channel.c, the milter
 * protocol for callbacks.c, and how a signature is made for signing.c.
 */
#include <string.h>
#include <time.h>

#include "key.h"
#include "log.h"
#include "monotime.h"
#include "session.h"

enum {
	SIGN_TRIES = 3,     /* at first, and twice when told that it is stale */
	FIELD_OVERHEAD = 3, /* colon and CRLF */
	VALUE_MAX = 255,    /* bytes of each half of an address in the log */
};

/* How each outcome is logged. */
static const struct result {
	const char *text;
	int level;
} results[] = {
	[COUNT_SIGNED] = { "signed", LOG_INFO },
	[COUNT_NOT_OURS] = { "not signed", LOG_INFO },
	[COUNT_NO_MATCH] = { "not signed", LOG_INFO },
	[COUNT_NOT_ACTIVE] = { "not signed", LOG_INFO },
	[COUNT_MALFORMED] = { "not signed", LOG_INFO },
	[COUNT_ERROR] = { "not signed", LOG_WARNING },
	[COUNT_NO_POLICY] = { "not signed", LOG_WARNING },
};

static const char *const verdict_texts[] = {
	[VERDICT_TEMPFAIL] = "deferred",
	[VERDICT_REJECT] = "rejected",
};

static long long
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
session_init(struct session *s, struct channel *channel)
{
	*s = (struct session){
		.channel = channel,
		.client = ip_from_sockaddr(NULL),
		.daemon = BUF_INIT,
		.hdrs = HDRS_INIT,
		.author = AUTHOR_INIT,
		.body_hash = BODY_HASH_INIT,
		.fault = ERR_INIT,
		.text = BUF_INIT,
	};
	for (size_t i = 0; i < POLICY_SIGNATURES_MAX; i++)
		s->signings[i] = (struct signing)SIGNING_INIT;
}

void
session_clear(struct session *s)
{
	buf_clear(&s->daemon);
	hdrs_clear(&s->hdrs);
	author_clear(&s->author);
	body_hash_clear(&s->body_hash);
	for (size_t i = 0; i < POLICY_SIGNATURES_MAX; i++)
		signing_clear(&s->signings[i]);
	buf_clear(&s->text);
}

void
session_connect(struct session *s, const struct ip_addr *client,
    const char *daemon)
{
	s->client = *client;
	buf_reset(&s->daemon);
	if (daemon != NULL)
		buf_adds(&s->daemon, daemon);
}

/* Forget the message.  Idempotent. */
static void
forget(struct session *s)
{
	s->is_open = s->is_at_body = s->is_ours = false;
	s->is_authenticated = false;
	s->author.kind = AUTHOR_NO_FIELD;
	s->size = 0;
	s->fault.code = ERR_NONE;
	s->signing_count = 0;
	hdrs_reset(&s->hdrs);
	buf_reset(&s->text);
}

void
session_begin(struct session *s, bool is_authenticated)
{
	session_abort(s);
	s->is_open = true;
	s->is_authenticated = is_authenticated;
}

void
session_abort(struct session *s)
{
	if (s->is_open)
		channel_count(s->channel, COUNT_ABORTED, 1);
	forget(s);
}

void
session_header(struct session *s, const char *name, const char *value)
{
	size_t before = s->hdrs.text.len;

	if (s->fault.code != ERR_NONE)
		return;
	hdrs_add(&s->hdrs, name, strlen(name), value, strlen(value), &s->fault);
	s->size += s->hdrs.text.len - before + FIELD_OVERHEAD;
}

void
session_fault(struct session *s)
{
	if (s->fault.code == ERR_NONE)
		err_nomem(&s->fault);
}

/* Set the outcome; text becomes the reason. */
static void
conclude(struct session *s, enum counter result, const char *text)
{
	s->result = result;
	buf_reset(&s->text);
	buf_adds(&s->text, text);
}

/* The one place that turns a kind of error into an outcome. */
static void
conclude_fault(struct session *s, const struct err *err)
{
	switch (err->code) {
	case ERR_LIMIT:
		conclude(s, COUNT_MALFORMED, "limit");
		break;
	default:
		conclude(s, COUNT_ERROR, "");
		buf_add_escaped(&s->text, err->text, strlen(err->text));
		break;
	}
}

/* Whether all keys of a match can sign; if not, conclude. */
static bool
has_good_keys(struct session *s, const struct policy_match *match)
{
	for (size_t i = 0; i < match->count; i++) {
		const struct policy_key *k = &match->keys[i];

		if (k->state == POLICY_KEY_GOOD)
			continue;
		conclude(s, COUNT_ERROR, "");
		if (k->selector[0] == '\0')
			buf_printf(&s->text, "broken ring %s, see keyturnd",
			    k->domain);
		else
			buf_printf(&s->text,
			    "broken key d=%s s=%s, see keyturnd", k->domain,
			    k->selector);
		return false;
	}
	return true;
}

/* Conclude for a match without a key. */
static void
conclude_without_key(struct session *s, const struct policy_match *match)
{
	if (match->idle_ring != NULL) {
		conclude(s, COUNT_NOT_ACTIVE,
		    match->idle == POLICY_KEY_NOT_YET ? "not yet active"
		                                      : "no active key");
		buf_printf(&s->text, ", ring %s", match->idle_ring);
		return;
	}
	conclude(s, COUNT_NO_MATCH, "");
	buf_printf(&s->text, "line %u of the SigningTable says none",
	    match->line);
}

/*
 * What should become of the message under a policy.  The author has been
 * found.  Returns whether a line or a ring wants it signed; s->result is
 * then COUNT_SIGNED, or COUNT_ERROR when its keys cannot.
 */
static bool
decide(struct session *s, const struct channel_policy *cp,
    struct policy_match *match)
{
	const struct policy_origin origin = { .client = s->client,
		.is_authenticated = s->is_authenticated,
		.daemon = s->daemon.len > 0 ? buf_str(&s->daemon) : NULL };
	const char *local, *domain;

	if (s->daemon.has_failed) {
		conclude(s, COUNT_ERROR, "out of memory");
		return false;
	}
	if (!policy_signs_for(cp->policy, &origin)) {
		conclude(s, COUNT_NOT_OURS, "sign_for does not include it");
		return false;
	}
	if (s->fault.code != ERR_NONE) {
		conclude_fault(s, &s->fault);
		return false;
	}
	if (s->author.kind != AUTHOR_OK) {
		conclude(s, COUNT_MALFORMED, author_kind_text(s->author.kind));
		return false;
	}
	local = buf_str(&s->author.local);
	domain = buf_str(&s->author.domain);
	if (local == NULL || domain == NULL) {
		conclude(s, COUNT_ERROR, "out of memory");
		return false;
	}
	if (!policy_find(cp->policy, local, domain, match)) {
		conclude(s, COUNT_NO_MATCH,
		    "no line and no ring for its author");
		return false;
	}
	if (match->count == 0) {
		conclude_without_key(s, match);
		return false;
	}
	if (has_good_keys(s, match))
		s->result = COUNT_SIGNED;
	return true;
}

void
session_eoh(struct session *s)
{
	const struct channel_policy *cp;
	struct policy_match match;

	if (s->is_at_body)
		return;
	s->is_at_body = true;
	s->size += 2; /* the empty line */
	if (s->fault.code == ERR_NONE)
		author_find(&s->hdrs, &s->author, &s->fault);
	cp = channel_policy_get(s->channel);
	if (cp == NULL) {
		conclude(s, COUNT_NO_POLICY, "no policy from keyturnd so far");
		return;
	}
	s->is_ours = decide(s, cp, &match);
	if (s->is_ours) {
		s->body_canon = cp->options.canonicalization.body;
		body_hash_start(&s->body_hash, s->body_canon, &s->fault);
	}
	channel_policy_put(s->channel, cp);
}

void
session_body(struct session *s, const void *data, size_t len)
{
	session_eoh(s);
	s->size += len;
	if (s->is_ours && s->fault.code == ERR_NONE)
		body_hash_update(&s->body_hash, data, len, &s->fault);
}

/* Everything about each signature but the signature itself. */
static int
prepare(struct session *s, const struct channel_policy *cp,
    const struct policy_match *match, const unsigned char *body_hash,
    struct chan_pair *pairs, struct err *err)
{
	struct signing_order order = {
		.canon = { .header = cp->options.canonicalization.header,
		    .body = s->body_canon },
		.sign_headers = cp->options.sign_headers,
		.oversign_headers = cp->options.oversign_headers,
		.body_hash = body_hash,
		.now = time(NULL),
	};

	for (size_t i = 0; i < match->count; i++) {
		struct signing *signing = &s->signings[i];

		order.alg = match->keys[i].alg;
		order.domain = match->keys[i].domain;
		order.selector = match->keys[i].selector;
		if (signing_prepare(signing, &s->hdrs, &order, err) == -1)
			return -1;
		pairs[i].key_id = match->keys[i].id;
		memcpy(pairs[i].digest, signing->digest,
		    sizeof(pairs[i].digest));
	}
	return 0;
}

/* Complete the fields with what keyturnd made. */
static int
complete(struct session *s, const struct policy_match *match,
    const struct chan_signed *reply, struct err *err)
{
	for (size_t i = 0; i < match->count; i++)
		if (signing_finish(&s->signings[i], reply->signatures[i].bytes,
		        reply->signatures[i].len, err) == -1)
			return -1;
	s->signing_count = match->count;
	return 0;
}

/* A list "name=a,b" of one property of each key. */
static void
add_keys(struct buf *out, const char *name, const struct policy_match *match,
    const char *(*property)(const struct policy_key *))
{
	for (size_t i = 0; i < match->count; i++) {
		buf_adds(out, i == 0 ? name : ",");
		buf_adds(out, property(&match->keys[i]));
	}
}

static const char *
key_domain(const struct policy_key *k)
{
	return k->domain;
}

static const char *
key_selector(const struct policy_key *k)
{
	return k->selector;
}

static const char *
key_alg_text(const struct policy_key *k)
{
	return key_alg_name(k->alg);
}

static void
conclude_signed(struct session *s, const struct policy_match *match)
{
	conclude(s, COUNT_SIGNED, "");
	add_keys(&s->text, "d=", match, key_domain);
	add_keys(&s->text, " s=", match, key_selector);
	add_keys(&s->text, " a=", match, key_alg_text);
	if (match->is_cut)
		buf_printf(&s->text, " (more keys match, %d is the most)",
		    POLICY_SIGNATURES_MAX);
}

/*
 * Match and sign under one policy.  Returns true when the answer was stale:
 * generation is then that of the policy to wait for.
 */
static bool
sign_under(struct session *s, const struct channel_policy *cp,
    const unsigned char *body_hash, long long deadline, uint64_t *generation)
{
	struct chan_pair pairs[POLICY_SIGNATURES_MAX];
	struct policy_match match;
	union chan_packet reply;
	struct err err;

	if (!decide(s, cp, &match) || s->result != COUNT_SIGNED)
		return false;
	if (prepare(s, cp, &match, body_hash, pairs, &err) == -1 ||
	    channel_sign(s->channel, pairs, match.count, deadline, &reply,
	        &err) == -1) {
		conclude_fault(s, &err);
		return false;
	}
	if (reply.signed_.status == CHAN_STALE) {
		channel_count(s->channel, COUNT_STALE, 1);
		conclude(s, COUNT_ERROR, "its keys changed at every try");
		*generation = reply.signed_.generation;
		return true;
	}
	if (complete(s, &match, &reply.signed_, &err) == -1)
		conclude_fault(s, &err);
	else
		conclude_signed(s, &match);
	return false;
}

/* What the outcome means for the message, under the policy that decided. */
static void
set_verdict(struct session *s, const struct channel_policy *cp)
{
	s->generation = cp->options.generation;
	switch (s->result) {
	case COUNT_MALFORMED:
		s->verdict = cp->options.on_malformed;
		break;
	case COUNT_ERROR:
		s->verdict = cp->options.on_error;
		break;
	case COUNT_NO_POLICY:
		s->verdict = VERDICT_TEMPFAIL;
		break;
	default:
		s->verdict = VERDICT_ACCEPT;
		break;
	}
}

/* Sign, under newer policies if need be. */
static void
sign(struct session *s, const unsigned char *body_hash)
{
	const struct channel_policy *cp = channel_policy_get(s->channel),
	                            *newer;
	long long deadline =
	    mono_now_ms() + cp->options.channel_timeout * 1000LL;
	uint64_t generation;

	for (int tries = 1; sign_under(s, cp, body_hash, deadline, &generation);
	     tries++) {
		if (tries == SIGN_TRIES)
			break;
		channel_policy_wait(s->channel, cp, generation, deadline);
		newer = channel_policy_get(s->channel);
		channel_policy_put(s->channel, cp);
		cp = newer;
	}
	set_verdict(s, cp);
	channel_policy_put(s->channel, cp);
}

/* The verdict on a message without signatures, under the newest policy. */
static void
end_unsigned(struct session *s)
{
	const struct channel_policy *cp = channel_policy_get(s->channel);

	if (cp == NULL) {
		s->verdict = VERDICT_TEMPFAIL;
		s->generation = 0;
		return;
	}
	set_verdict(s, cp);
	channel_policy_put(s->channel, cp);
}

void
session_end(struct session *s)
{
	unsigned char body_hash[SHA256_LEN];

	s->started = now_us();
	session_eoh(s);
	if (s->is_ours && s->fault.code == ERR_NONE)
		body_hash_final(&s->body_hash, body_hash, &s->fault);
	if (s->is_ours && s->fault.code != ERR_NONE)
		conclude_fault(s, &s->fault);
	if (s->is_ours && s->fault.code == ERR_NONE)
		sign(s, body_hash);
	else
		end_unsigned(s);
}

void
session_insert_failed(struct session *s)
{
	conclude(s, COUNT_ERROR, "the MTA did not take the field");
	s->signing_count = 0;
	end_unsigned(s);
}

/*
 * Add text from mail as the value of one item of a line: what separates items
 * is escaped too.
 */
static void
add_value(struct buf *out, const char *data, size_t len)
{
	size_t start = 0;

	if (len == 0)
		return;
	if (len > VALUE_MAX)
		len = VALUE_MAX;
	for (size_t i = 0; i < len; i++) {
		if (data[i] != ' ' && data[i] != '=')
			continue;
		buf_add_escaped(out, data + start, i - start);
		buf_printf(out, "\\x%02x", data[i]);
		start = i + 1;
	}
	buf_add_escaped(out, data + start, len - start);
}

/* The one line about a message, and its counters. */
static void
account(struct session *s, const char *qid)
{
	const struct result *r = &results[s->result];
	bool is_risky =
	    s->result == COUNT_ERROR && s->verdict == VERDICT_ACCEPT;
	char client[IP_TEXT_MAX];

	if (s->result != COUNT_SIGNED && s->verdict != VERDICT_ACCEPT)
		buf_printf(&s->text, "; %s", verdict_texts[s->verdict]);
	else if (is_risky)
		buf_adds(&s->text, "; passed without a signature");
	if (s->author.kind == AUTHOR_OK && s->is_at_body) {
		buf_adds(&s->text, " from=");
		add_value(&s->text, s->author.local.data, s->author.local.len);
		buf_addc(&s->text, '@');
		add_value(&s->text, s->author.domain.data,
		    s->author.domain.len);
	}
	log_msg(is_risky ? LOG_ERR : r->level, qid,
	    "%s%s%s client=%s size=%llu gen=%llu us=%lld", r->text,
	    s->result == COUNT_SIGNED ? " " : ": ",
	    buf_str(&s->text) != NULL ? buf_str(&s->text) : "out of memory",
	    ip_text(&s->client, client), (unsigned long long)s->size,
	    (unsigned long long)s->generation, now_us() - s->started);
	channel_count(s->channel, s->result, 1);
	if (s->result == COUNT_SIGNED)
		channel_count(s->channel, COUNT_SIGNATURES,
		    (unsigned)s->signing_count);
}

void
session_finish(struct session *s, const char *qid)
{
	account(s, qid);
	forget(s);
}
