/*
 * Warnings about the settings of rings.
 */
#include <string.h>

#include "conf_warnings.h"
#include "glob.h"
#include "when.h"

enum {
	HOUR = 3600,
	DAY = 24 * HOUR,
	RETIRE_AFTER_ADVISED = 7 * DAY,
	MIN_WAIT_ADVISED = 48 * HOUR,
	NEGATIVE_TTL_USUAL = DAY, /* RFC 2308 section 5: one to three hours,
	                             and a day at most */
	SLOTS_PER_ALGORITHM = 3,
};

/* A text about conf, or nothing, appended to out. */
typedef void warner(const struct ring_conf *conf, struct buf *out);

static void
warn_retire_after(const struct ring_conf *conf, struct buf *out)
{
	char text[DURATION_TEXT_MAX];

	if (conf->rotation.retire_after >= RETIRE_AFTER_ADVISED)
		return;
	duration_text(conf->rotation.retire_after, text);
	buf_printf(out,
	    "rotation.retire_after: less than 7d, messages wait in queues for "
	    "longer and would fail when they arrive: %s",
	    text);
}

/* What lead is for: there is a next key only then, or a person is to act. */
static void
warn_lead(const struct ring_conf *conf, struct buf *out)
{
	const struct rotation *rules = &conf->rotation;
	char lead[DURATION_TEXT_MAX], needed[DURATION_TEXT_MAX];

	if ((rules->standby && rules->mode == ROTATION_AUTO) ||
	    rules->lead >= rules->margin + NEGATIVE_TTL_USUAL)
		return;
	duration_text(rules->lead, lead);
	duration_text(rules->margin + NEGATIVE_TTL_USUAL, needed);
	buf_printf(out,
	    "rotation.lead: less than margin and a day (%s), turns would be "
	    "late: %s",
	    needed, lead);
}

/*
 * With three slots for an algorithm there is one for the old key: it must be
 * free before the turn after.
 */
static void
warn_slots(const struct ring_conf *conf, struct buf *out)
{
	const struct rotation *rules = &conf->rotation;
	char busy[DURATION_TEXT_MAX], interval[DURATION_TEXT_MAX];
	size_t count = 0;

	while (rules->slots != NULL && rules->slots[count] != NULL)
		count++;
	if (count == 0 ||
	    count > SLOTS_PER_ALGORITHM * rules->algorithm_count ||
	    rules->retire_after + rules->ttl < rules->interval)
		return;
	duration_text((long long)rules->retire_after + rules->ttl, busy);
	duration_text(rules->interval, interval);
	buf_printf(out,
	    "rotation.slots: no slot is free in time, an old key needs its own "
	    "for %s (retire_after and ttl), interval is %s",
	    busy, interval);
}

static void
warn_witnesses(const struct ring_conf *conf, struct buf *out)
{
	char text[DURATION_TEXT_MAX];

	if (conf->dns.witness != DNS_WITNESS_RESOLVERS ||
	    conf->dns.min_wait >= MIN_WAIT_ADVISED)
		return;
	duration_text(conf->dns.min_wait, text);
	buf_printf(out,
	    "dns.min_wait: less than 48h, resolvers are a weak proof: %s",
	    text);
}

/*
 * One warning about conf, behind prefix; none when it would be that about all,
 * from which conf has it then.
 */
static void
warn(warner *about, const struct ring_conf *conf, const struct ring_conf *all,
    struct buf *prefix, struct buf *out)
{
	struct buf text = BUF_INIT, inherited = BUF_INIT;

	about(conf, &text);
	if (all != NULL)
		about(all, &inherited);
	if (text.len > 0 &&
	    (text.len != inherited.len ||
	        memcmp(text.data, inherited.data, text.len) != 0)) {
		buf_add(out, prefix->data, prefix->len);
		buf_add(out, text.data, text.len);
		buf_addc(out, '\n');
	}
	out->has_failed |= text.has_failed || inherited.has_failed;
	buf_clear(&text);
	buf_clear(&inherited);
}

static void
warn_all(const struct ring_conf *conf, const struct ring_conf *all,
    struct buf *prefix, struct buf *out)
{
	static warner *const warners[] = { warn_retire_after, warn_lead,
		warn_slots, warn_witnesses };

	for (size_t i = 0; i < sizeof(warners) / sizeof(warners[0]); i++)
		warn(warners[i], conf, all, prefix, out);
	out->has_failed |= prefix->has_failed;
}

/* The first pattern before entry i and its pattern that matches all it does. */
static const char *
find_cover(const struct conf *conf, size_t i, char *const *pattern)
{
	for (size_t k = 0; k <= i; k++)
		for (char **p = conf->overrides[k].rings; *p != NULL; p++) {
			if (k == i && p == pattern)
				return NULL;
			if (glob_covers(*p, *pattern))
				return *p;
		}
	return NULL;
}

static void
warn_patterns(const struct conf *conf, size_t i, struct buf *out)
{
	for (char **p = conf->overrides[i].rings; *p != NULL; p++) {
		const char *cover = find_cover(conf, i, p);

		if (cover != NULL)
			buf_printf(out,
			    "%s: ring_settings: %s can never match, all that "
			    "it does comes under %s before it\n",
			    conf->path, *p, cover);
	}
}

void
conf_add_warnings(const struct conf *conf, struct buf *out)
{
	struct buf prefix = BUF_INIT;

	buf_printf(&prefix, "%s: ", conf->path);
	warn_all(&conf->ring_conf, NULL, &prefix, out);
	for (size_t i = 0; i < conf->override_count; i++) {
		buf_reset(&prefix);
		buf_printf(&prefix, "%s: ring_settings for %s: ", conf->path,
		    conf->overrides[i].rings[0]);
		warn_all(&conf->overrides[i].conf, &conf->ring_conf, &prefix,
		    out);
		warn_patterns(conf, i, out);
	}
	buf_clear(&prefix);
}
