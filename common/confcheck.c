/*
 * What must hold between the settings of rings: one function for each reason
 * to refuse them, which names the setting that is most likely wrong.
 */
#include <stdio.h>
#include <string.h>

#include "confcheck.h"
#include "when.h"

enum { SLOTS_PER_ALGORITHM = 3, WITNESSES_MIN = 2 };

/*
 * The place of the first of two settings that is there, else the whole: what
 * is wrong then comes from what was taken from elsewhere.
 */
static const config_setting_t *
place_of(const struct conf_places *places, const char *first,
    const char *second)
{
	int a = setting_find(first), b = setting_find(second);

	if (a != -1 && places->rows[a] != NULL)
		return places->rows[a];
	if (b != -1 && places->rows[b] != NULL)
		return places->rows[b];
	return places->whole;
}

static size_t
count_strings(char *const *strings)
{
	size_t count = 0;

	while (strings != NULL && strings[count] != NULL)
		count++;
	return count;
}

static int
check_times(struct conf_reader *r, const struct conf_places *places)
{
	const struct rotation *rules = &r->ring->rotation;
	char lead[DURATION_TEXT_MAX], interval[DURATION_TEXT_MAX];

	if (rules->lead >= rules->interval) {
		duration_text(rules->lead, lead);
		duration_text(rules->interval, interval);
		return conf_refuse(r,
		    place_of(places, "rotation.lead", "rotation.interval"),
		    "lead must be shorter than interval: lead is %s, interval "
		    "is %s",
		    lead, interval);
	}
	if (!rotation_ever_opens(rules))
		return conf_refuse(r,
		    place_of(places, "rotation.blackout", "rotation.weekdays"),
		    "blackout and weekdays leave years without a day on which "
		    "a turn may begin");
	return 0;
}

static int
check_algorithms(struct conf_reader *r, const struct conf_places *places)
{
	const struct rotation *rules = &r->ring->rotation;
	const config_setting_t *place =
	    place_of(places, "rotation.algorithms", "minimum_rsa_bits");
	bool has_rsa = false;

	for (size_t i = 0; i < rules->algorithm_count; i++) {
		const struct key_spec *spec = &rules->algorithms[i];

		if (spec->alg != KEY_RSA_SHA256)
			continue;
		has_rsa = true;
		if (spec->bits < (unsigned)r->conf->minimum_rsa_bits)
			return conf_refuse(r, place,
			    "RSA keys of %u bits could not be used: "
			    "minimum_rsa_bits is %d",
			    spec->bits, r->conf->minimum_rsa_bits);
	}
	if (!has_rsa && !rules->ed25519_alone)
		return conf_refuse(r,
		    place_of(places, "rotation.algorithms",
		        "rotation.ed25519_alone"),
		    "ed25519 without rsa: verifiers that do not know it see no "
		    "signature; rotation.ed25519_alone = true takes that into "
		    "account");
	return 0;
}

static int
check_slots(struct conf_reader *r, const struct conf_places *places)
{
	const struct rotation *rules = &r->ring->rotation;
	size_t slots = count_strings(rules->slots);
	size_t needed = SLOTS_PER_ALGORITHM * rules->algorithm_count;

	if (slots == 0)
		return 0;
	if (rules->provider_zone == NULL)
		return conf_refuse(r,
		    place_of(places, "rotation.slots", "rotation.slots"),
		    "slots need provider_zone, where their CNAMEs point to");
	if (slots < needed)
		return conf_refuse(r,
		    place_of(places, "rotation.slots", "rotation.algorithms"),
		    "too few slots, at least %zu are needed, %d for each "
		    "algorithm: %zu",
		    needed, SLOTS_PER_ALGORITHM, slots);
	return 0;
}

/* Sets of publisher types. */
#define OF(type) (1U << (type))

/* Which types a member of publisher is for, and which do not work without. */
static int
check_publisher(struct conf_reader *r, const struct conf_places *places)
{
	const struct publisher_conf *p = &r->ring->publisher;
	const struct {
		const char *name;
		bool is_set;
		unsigned used, needed;
	} members[] = {
		{ "publisher.server", p->server != NULL, OF(PUBLISHER_RFC2136),
		    OF(PUBLISHER_RFC2136) },
		{ "publisher.zone", p->zone != NULL, OF(PUBLISHER_RFC2136), 0 },
		{ "publisher.key_file", p->key_file != NULL,
		    OF(PUBLISHER_RFC2136), OF(PUBLISHER_RFC2136) },
		{ "publisher.file", p->file != NULL, OF(PUBLISHER_ZONEFILE),
		    OF(PUBLISHER_ZONEFILE) },
		{ "publisher.command", p->command != NULL,
		    OF(PUBLISHER_ZONEFILE) | OF(PUBLISHER_EXEC),
		    OF(PUBLISHER_EXEC) },
	};
	const char *type;

	type = setting_word_text("publisher.type", (int)p->type);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *name = members[i].name;

		if (members[i].is_set && !(members[i].used & OF(p->type)))
			return conf_refuse(r,
			    place_of(places, name, "publisher.type"),
			    "not for a publisher of type %s", type);
		if (!members[i].is_set && (members[i].needed & OF(p->type)))
			return conf_refuse(r,
			    place_of(places, "publisher.type", name),
			    "a publisher of type %s needs %s", type, name);
	}
	return 0;
}

static int
check_dns(struct conf_reader *r, const struct conf_places *places)
{
	const struct dns_conf *dns = &r->ring->dns;
	size_t count = count_strings(dns->witnesses);

	if (dns->witness == DNS_WITNESS_RESOLVERS && count < WITNESSES_MIN)
		return conf_refuse(r,
		    place_of(places, "dns.witnesses", "dns.witness"),
		    "with dns.witness = \"resolvers\" dns.witnesses must name "
		    "at least %d: %zu",
		    WITNESSES_MIN, count);
	return 0;
}

int
conf_check_ring(struct conf_reader *r, const struct conf_places *places)
{
	static int (*const checks[])(struct conf_reader *,
	    const struct conf_places *) = { check_times, check_algorithms,
		check_slots, check_publisher, check_dns };

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i](r, places) == -1)
			return -1;
	return 0;
}
