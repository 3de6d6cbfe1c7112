/*
 * The tags of a DKIM-Signature field: one function each, called by a table.
 */
#include <limits.h>
#include <string.h>

#include "base64.h"
#include "dnsname.h"
#include "sha256.h"
#include "sigtags.h"

#define TIME_DIGITS  12 /* RFC 6376 section 3.5, t= */
#define LIMIT_DIGITS 76 /* likewise, l= */

void
sigtags_clear(struct sigtags *st)
{
	buf_clear(&st->signature);
	buf_clear(&st->body_hash);
}

static bool
check_v(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	(void)st;
	if (span_is(s, "1"))
		return true;
	return verdict_refuse_value(v, REASON_VERSION, "v= is not 1", s);
}

static bool
check_a(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	static const enum key_alg algs[] = { KEY_RSA_SHA256,
		KEY_ED25519_SHA256 };

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		st->alg = algs[i];
		if (span_is(s, key_alg_name(algs[i])))
			return true;
	}
	if (span_is(s, "rsa-sha1"))
		return verdict_refuse(v, REASON_ALGORITHM,
		    "a=rsa-sha1 is refused: RFC 8301 forbids it");
	return verdict_refuse_value(v, REASON_ALGORITHM,
	    "a= is not an algorithm we know", s);
}

static bool
check_b(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	if (s.len == 0)
		return verdict_refuse(v, REASON_SYNTAX, "b= is empty");
	if (base64_decode(s.data, s.len, &st->signature))
		return true;
	return verdict_refuse(v, REASON_SYNTAX, "b= is not base64");
}

static bool
check_bh(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	if (!base64_decode(s.data, s.len, &st->body_hash))
		return verdict_refuse(v, REASON_SYNTAX, "bh= is not base64");
	if (st->body_hash.len == SHA256_LEN || st->body_hash.has_failed)
		return true;
	return verdict_refuse(v, REASON_SYNTAX,
	    "bh= has %zu bytes, a SHA-256 hash has %d", st->body_hash.len,
	    SHA256_LEN);
}

static bool
check_c(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	if (canon_pair_parse(s.data, s.len, &st->canon))
		return true;
	return verdict_refuse_value(v, REASON_SYNTAX,
	    "c= is not a canonicalization (simple, relaxed, or two of them)",
	    s);
}

static bool
check_d(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	st->identity_domain = s;
	if (dnsname_is_valid(s.data, s.len))
		return true;
	return verdict_refuse_value(v, REASON_SYNTAX,
	    "d= is not a domain in A-labels", s);
}

/* ftext, RFC 5322 section 3.6.8; no colon is left in a name. */
static bool
is_ftext(char c)
{
	return c > ' ' && c < 0x7f;
}

/* h=: names between colons, From among them. */
static bool
check_h(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	struct span rest = s, name;
	bool has_from = false;

	(void)st;
	while (span_next(&rest, &name)) {
		if (name.len == 0)
			return verdict_refuse_value(v, REASON_SYNTAX,
			    "h= has an empty name in it", s);
		for (size_t i = 0; i < name.len; i++) {
			if (!is_ftext(name.data[i]))
				return verdict_refuse_value(v, REASON_SYNTAX,
				    "h= has something else than field names",
				    name);
		}
		if (span_is(name, "from"))
			has_from = true;
	}
	if (has_from)
		return true;
	return verdict_refuse_value(v, REASON_FROM_NOT_SIGNED,
	    "h= does not contain from, which must be signed", s);
}

static bool
check_i(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	const char *at = memrchr(s.data, '@', s.len);
	struct span d = st->tags[TAG_D]->value;

	if (at == NULL)
		return verdict_refuse_value(v, REASON_SYNTAX, "i= has no @", s);
	st->identity_domain.data = at + 1;
	st->identity_domain.len = (size_t)(s.data + s.len - (at + 1));
	if (dnsname_is_within(st->identity_domain.data, st->identity_domain.len,
	        d.data, d.len))
		return true;
	return verdict_refuse_value(v, REASON_IDENTITY,
	    "i= is neither of the domain d= nor of one below it", s);
}

static bool
check_l(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	st->has_limit = true;
	if (span_number(s, LIMIT_DIGITS, &st->limit))
		return true;
	return verdict_refuse_value(v, REASON_SYNTAX, "l= is not a number", s);
}

static bool
check_q(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	struct span rest = s, method;

	(void)st;
	while (span_next(&rest, &method)) {
		if (span_is(method, "dns/txt"))
			return true;
	}
	return verdict_refuse_value(v, REASON_QUERY,
	    "q= does not contain dns/txt", s);
}

static bool
check_s(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	(void)st;
	if (dnsname_is_valid(s.data, s.len))
		return true;
	return verdict_refuse_value(v, REASON_SYNTAX, "s= is not a selector",
	    s);
}

static bool
check_t(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	st->has_time = true;
	if (span_number(s, TIME_DIGITS, &st->time))
		return true;
	return verdict_refuse_value(v, REASON_SYNTAX,
	    "t= is not a time (seconds since 1970)", s);
}

static bool
check_x(struct sigtags *st, struct span s, struct sig_verdict *v)
{
	if (!span_number(s, TIME_DIGITS, &st->expiry))
		return verdict_refuse_value(v, REASON_SYNTAX,
		    "x= is not a time (seconds since 1970)", s);
	if (!st->has_time || st->expiry > st->time)
		return true;
	return verdict_refuse(v, REASON_SYNTAX,
	    "x=%llu is not later than t=%llu", st->expiry, st->time);
}

static const struct {
	const char *name;
	bool is_required;
	bool (*check)(struct sigtags *st, struct span s, struct sig_verdict *v);
} rules[TAG_COUNT] = {
	[TAG_V] = { "v", true, check_v },
	[TAG_A] = { "a", true, check_a },
	[TAG_B] = { "b", true, check_b },
	[TAG_BH] = { "bh", true, check_bh },
	[TAG_C] = { "c", false, check_c },
	[TAG_D] = { "d", true, check_d },
	[TAG_H] = { "h", true, check_h },
	[TAG_I] = { "i", false, check_i },
	[TAG_L] = { "l", false, check_l },
	[TAG_Q] = { "q", false, check_q },
	[TAG_S] = { "s", true, check_s },
	[TAG_T] = { "t", false, check_t },
	[TAG_X] = { "x", false, check_x },
};

/* Find every tag; those that tell whose signature it is go to v. */
static bool
find_tags(struct sigtags *st, struct sig_verdict *v)
{
	const char *missing = NULL;
	const struct tag *tag;

	for (size_t i = 0; i < TAG_COUNT; i++) {
		st->tags[i] = taglist_find(&st->list, rules[i].name);
		if (st->tags[i] == NULL && rules[i].is_required && !missing)
			missing = rules[i].name;
	}
	if ((tag = st->tags[TAG_A]) != NULL)
		v->algorithm = tag->value;
	if ((tag = st->tags[TAG_D]) != NULL)
		v->domain = tag->value;
	if ((tag = st->tags[TAG_I]) != NULL)
		v->identity = tag->value;
	if ((tag = st->tags[TAG_S]) != NULL)
		v->selector = tag->value;
	if (missing == NULL)
		return true;
	return verdict_refuse(v, REASON_SYNTAX, "%s= is missing", missing);
}

/* x= and t= against the clock. */
static bool
check_clock(const struct sigtags *st, time_t now, struct sig_verdict *v)
{
	unsigned long long seconds = now > 0 ? (unsigned long long)now : 0;

	if (st->has_time && st->time > seconds)
		verdict_warn(v,
		    "t=%llu is %llu s in the future: is a clock wrong?",
		    st->time, st->time - seconds);
	if (st->tags[TAG_X] == NULL || seconds <= st->expiry)
		return true;
	return verdict_refuse(v, REASON_EXPIRED,
	    "the signature expired %llu s ago (x=%llu)", seconds - st->expiry,
	    st->expiry);
}

int
sigtags_parse(struct sigtags *st, const char *value, size_t len, time_t now,
    struct sig_verdict *v, struct err *err)
{
	st->limit = ULLONG_MAX;
	if (taglist_parse(value, len, &st->list, err) == -1) {
		verdict_refuse(v, REASON_SYNTAX, "%s", err->text);
		return 0;
	}
	if (!find_tags(st, v))
		return 0;
	for (size_t i = 0; i < TAG_COUNT; i++) {
		if (st->tags[i] != NULL &&
		    !rules[i].check(st, st->tags[i]->value, v))
			return 0;
	}
	if (st->signature.has_failed || st->body_hash.has_failed)
		return err_nomem(err);
	return check_clock(st, now, v);
}
