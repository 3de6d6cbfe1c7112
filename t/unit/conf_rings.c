/*
 * keyturn.conf: the settings of rings, for all of them and for some, and the
 * warnings about them.  What is refused is in conf_rings_bad.c.
 */
#include "conf.h"
#include "conf_file.h"
#include "conf_warnings.h"
#include "tap.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Strings with a blank between them, NULL for none. */
static void
is_strings(char *const *got, const char *want, const char *name)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; got != NULL && got[i] != NULL; i++) {
		buf_adds(&text, i > 0 ? " " : "");
		buf_adds(&text, got[i]);
	}
	is_str(got == NULL ? NULL : buf_str(&text), want, name);
	buf_clear(&text);
}

/* The defaults as the manual of rings states them. */
static void
test_defaults(void)
{
	struct err err = ERR_INIT;
	struct conf *c = conf_default(&err);
	const struct rotation *r = &c->ring_conf.rotation;
	const struct publisher_conf *p = &c->ring_conf.publisher;
	const struct dns_conf *d = &c->ring_conf.dns;

	is_str(c->rings, "/var/lib/keyturn/rings", "rings");
	ok(!c->subdomains, "subdomains");
	is_strings(c->on_event, NULL, "on_event");
	is_int((long long)c->override_count, 0, "ring_settings");
	is_int(r->mode, ROTATION_AUTO, "rotation.mode");
	is_int(r->interval, 90 * DAY, "rotation.interval");
	ok(r->standby && r->stagger && !r->ed25519_alone, "booleans");
	is_int(r->lead, 7 * DAY, "rotation.lead");
	is_int(r->margin, HOUR, "rotation.margin");
	is_int(r->retire_after, 14 * DAY, "rotation.retire_after");
	is_int(r->revoke, REVOKE_EMPTY, "rotation.revoke");
	is_int(r->revoke_for, 30 * DAY, "rotation.revoke_for");
	is_int(r->delete_after, 30 * DAY, "rotation.delete_after");
	is_int(r->recheck, 6 * HOUR, "rotation.recheck");
	ok(r->algorithm_count == 1 && r->algorithms[0].alg == KEY_RSA_SHA256 &&
	        r->algorithms[0].bits == 2048,
	    "rotation.algorithms");
	is_str(r->selector, "{yyyy}{mm}{seq}-{rand4}", "rotation.selector");
	is_strings(r->slots, NULL, "rotation.slots");
	is_str(r->provider_zone, NULL, "rotation.provider_zone");
	is_int((long long)r->blackout_count, 0, "rotation.blackout");
	is_int(r->weekdays, 2 + 4 + 8 + 16, "rotation.weekdays");
	is_int(r->ttl, 3600, "rotation.ttl");
	is_int(p->type, PUBLISHER_MANUAL, "publisher.type");
	ok(p->server == NULL && p->zone == NULL && p->key_file == NULL &&
	        p->file == NULL && p->command == NULL,
	    "nothing else of publisher");
	is_int(p->timeout, 30, "publisher.timeout");
	ok(d->resolver == NULL && d->authorities == NULL &&
	        d->witnesses == NULL,
	    "no servers");
	is_int(d->tcp, DNS_TCP_REQUIRE, "dns.tcp");
	is_int(d->timeout, 5, "dns.timeout");
	is_int(d->witness, DNS_WITNESS_AUTHORITIES, "dns.witness");
	is_int(d->min_wait, 48 * HOUR, "dns.min_wait");
	ok(conf_for_ring(c, "example.com") == &c->ring_conf,
	    "all rings have these");
	conf_free(c);
}

static void
test_every_setting(void)
{
	struct conf *c = load(
	    "rings = \"rings\"; subdomains = true;\n"
	    "on_event = [\"bin/alarm\", \"\", \"-x\"];\n"
	    "rotation = { mode = \"manual\"; interval = \"30d\"; standby = "
	    "false;\n"
	    "  lead = 172800; margin = \"0s\"; retire_after = \"8d\";\n"
	    "  revoke = \"remove\"; revoke_for = 0; delete_after = \"1w\";\n"
	    "  recheck = \"90m\"; algorithms = [\"ed25519\", \"rsa3072\"];\n"
	    "  ed25519_alone = true; selector = \"S{rand4}.{host}\";\n"
	    "  slots = [\"K1\", \"k2\", \"k3\", \"k4\", \"k5\", \"k6\"];\n"
	    "  provider_zone = \"DKIM.provider.example\"; stagger = false;\n"
	    "  blackout = [\"12-20/01-03\", \"2026-05-01\"];\n"
	    "  weekdays = \"any\"; ttl = \"5m\"; };\n"
	    "publisher = { type = \"rfc2136\"; server = \"2001:DB8::1@5353\";\n"
	    "  zone = \"Example.com\"; key_file = \"k/tsig.key\"; timeout = "
	    "\"1m\"; };\n"
	    "dns = { resolver = [\"127.0.0.1@53\", \"::1\"];\n"
	    "  authorities = [\"192.0.2.1@1053\"]; tcp = "
	    "\"when-truncated\";\n"
	    "  timeout = 60; witness = \"resolvers\";\n"
	    "  witnesses = [\"192.0.2.7\", \"192.0.2.8\"]; min_wait = \"3d\"; "
	    "};\n");
	const struct rotation *r = &c->ring_conf.rotation;
	const struct publisher_conf *p = &c->ring_conf.publisher;
	const struct dns_conf *d = &c->ring_conf.dns;
	char path[128];

	snprintf(path, sizeof(path), "%s/rings", dir);
	is_str(c->rings, path, "rings, relative");
	ok(c->subdomains, "subdomains");
	snprintf(path, sizeof(path), "%s/bin/alarm  -x", dir);
	is_strings(c->on_event, path, "on_event, with an empty argument");
	is_int(r->mode, ROTATION_MANUAL, "mode");
	is_int(r->interval, 30 * DAY, "interval");
	ok(!r->standby && !r->stagger && r->ed25519_alone, "booleans");
	is_int(r->lead, 2 * DAY, "lead");
	is_int(r->margin, 0, "margin");
	is_int(r->retire_after, 8 * DAY, "retire_after");
	is_int(r->revoke, REVOKE_REMOVE, "revoke");
	is_int(r->revoke_for, 0, "revoke_for");
	is_int(r->delete_after, 7 * DAY, "delete_after");
	is_int(r->recheck, 90 * MINUTE, "recheck");
	ok(r->algorithm_count == 2 &&
	        r->algorithms[0].alg == KEY_ED25519_SHA256 &&
	        r->algorithms[1].bits == 3072,
	    "algorithms");
	is_str(r->selector, "s{rand4}.{host}", "selector");
	is_strings(r->slots, "k1 k2 k3 k4 k5 k6", "slots");
	is_str(r->provider_zone, "dkim.provider.example", "provider_zone");
	ok(r->blackout_count == 2 && r->blackout[0].last_month == 1 &&
	        r->blackout[1].first_year == 2026,
	    "blackout");
	is_int(r->weekdays, 127, "weekdays");
	is_int(r->ttl, 300, "ttl");
	is_int(p->type, PUBLISHER_RFC2136, "type");
	is_str(p->server, "2001:db8::1@5353", "server");
	is_str(p->zone, "example.com", "zone");
	snprintf(path, sizeof(path), "%s/k/tsig.key", dir);
	is_str(p->key_file, path, "key_file, relative");
	is_int(p->timeout, 60, "timeout");
	is_strings(d->resolver, "127.0.0.1 ::1", "resolver");
	is_strings(d->authorities, "192.0.2.1@1053", "authorities");
	is_int(d->tcp, DNS_TCP_WHEN_TRUNCATED, "tcp");
	is_int(d->timeout, 60, "dns.timeout");
	is_int(d->witness, DNS_WITNESS_RESOLVERS, "witness");
	is_strings(d->witnesses, "192.0.2.7 192.0.2.8", "witnesses");
	is_int(d->min_wait, 3 * DAY, "min_wait");
	conf_free(c);
}

/* The other publishers, and where programs are. */
static void
test_publishers(void)
{
	struct conf *c = load("publisher = { type = \"zonefile\"; file = "
	                      "\"/z/dkim.inc\"; command = [\"nsd-control\", "
	                      "\"reload\"]; };");

	is_str(c->ring_conf.publisher.file, "/z/dkim.inc", "a zone file");
	is_strings(c->ring_conf.publisher.command, "nsd-control reload",
	    "a program without a slash stays as it is");
	conf_free(c);
	c = load("publisher = { type = \"zonefile\"; file = \"/z\"; };");
	is_strings(c->ring_conf.publisher.command, NULL, "without a command");
	conf_free(c);
	c = load("publisher = { type = \"exec\"; command = [\"/p\"]; };");
	is_strings(c->ring_conf.publisher.command, "/p", "a program");
	conf_free(c);
}

#define ENTRY "ring_settings = ( { rings = [\"a.example\"];\n"

/* An entry has what it says, and everything else as it is for all. */
static void
test_inheritance(void)
{
	struct conf *c = load(
	    "rotation = { interval = \"60d\"; blackout = [\"12-24\"];\n"
	    "  algorithms = [\"rsa2048\", \"ed25519\"]; };\n"
	    "publisher = { type = \"rfc2136\"; server = \"192.0.2.1\";\n"
	    "  key_file = \"/k\"; zone = \"example.com\"; timeout = 7; };\n"
	    "dns = { resolver = [\"127.0.0.1\"]; };\n"
	    "ring_settings = (\n"
	    "  { rings = [\"One.example\", \"*.one.example\"];\n"
	    "    rotation = { interval = \"30d\"; blackout = []; };\n"
	    "    dns = { resolver = []; authorities = [\"192.0.2.5\"]; }; },\n"
	    "  { rotation = { slots = [\"a\", \"b\", \"c\"]; provider_zone =\n"
	    "      \"p.example\"; algorithms = [\"rsa3072\"]; };\n"
	    "    publisher = { type = \"exec\"; command = [\"/x\", \"y\"]; };\n"
	    "    rings = [\"two.example\"]; },\n"
	    "  { rings = [\"three.example\"];\n"
	    "    publisher = { type = \"rfc2136\"; zone = \"three.example\"; };"
	    " } );\n");
	const struct ring_conf *all = conf_for_ring(c, "other.example");
	const struct ring_conf *one = conf_for_ring(c, "one.example");
	const struct ring_conf *two = conf_for_ring(c, "two.example");
	const struct ring_conf *three = conf_for_ring(c, "three.example");

	is_int((long long)c->override_count, 3, "three entries");
	ok(all == &c->ring_conf, "no entry: as for all");
	is_strings(c->overrides[0].rings, "one.example *.one.example",
	    "patterns are kept in lower case");
	ok(one == &c->overrides[0].conf && two == &c->overrides[1].conf &&
	        three == &c->overrides[2].conf,
	    "each its entry");
	ok(conf_for_ring(c, "A.ONE.example") == one, "letter case aside");
	ok(conf_for_ring(c, "a.two.example") == all, "no glob, no more");

	is_int(one->rotation.interval, 30 * DAY, "one: interval");
	is_int((long long)one->rotation.blackout_count, 0, "one: no blackout");
	is_int((long long)one->rotation.algorithm_count, 2, "one: algorithms");
	is_int(one->rotation.lead, 7 * DAY, "one: lead");
	is_strings(one->dns.resolver, NULL, "one: no resolver");
	is_strings(one->dns.authorities, "192.0.2.5", "one: authorities");
	is_int(one->publisher.type, PUBLISHER_RFC2136, "one: publisher");
	is_str(one->publisher.server, "192.0.2.1", "one: its server");
	is_str(one->publisher.key_file, "/k", "one: its key");
	is_int(one->publisher.timeout, 7, "one: its timeout");

	is_int(two->rotation.interval, 60 * DAY, "two: interval");
	ok(two->rotation.algorithm_count == 1 &&
	        two->rotation.algorithms[0].bits == 3072,
	    "two: algorithms");
	is_strings(two->rotation.slots, "a b c", "two: slots");
	is_str(two->rotation.provider_zone, "p.example", "two: provider_zone");
	is_strings(two->publisher.command, "/x y", "two: command");
	ok(two->publisher.server == NULL && two->publisher.key_file == NULL &&
	        two->publisher.zone == NULL,
	    "two: nothing else of another type of publisher");
	is_int(two->publisher.timeout, 7, "two: but the timeout");
	is_strings(two->dns.resolver, "127.0.0.1", "two: resolver");

	is_str(three->publisher.zone, "three.example", "three: zone");
	is_str(three->publisher.server, "192.0.2.1",
	    "three: the same type, the same server");

	is_int(all->rotation.interval, 60 * DAY, "all: interval");
	is_int((long long)all->rotation.blackout_count, 1, "all: blackout");
	is_strings(all->dns.resolver, "127.0.0.1", "all: resolver");
	is_str(all->publisher.zone, "example.com", "all: zone");
	conf_free(c);
}

/* What has no effect is not there, and what is set for all may wait for use. */
static void
test_idle(void)
{
	struct conf *c =
	    load("rotation = { provider_zone = \"p.example\"; };\n" ENTRY
	         " rotation = { slots = [\"a\", \"b\", \"c\"]; }; } );");

	is_str(c->ring_conf.rotation.provider_zone, NULL,
	    "no slots, no provider_zone");
	is_str(conf_for_ring(c, "a.example")->rotation.provider_zone,
	    "p.example", "that for all, where there are slots");
	conf_free(c);
	c = load("rotation = { provider_zone = \"p.example\"; slots = [\"a\", "
	         "\"b\", \"c\"]; };\n" ENTRY " rotation = { slots = []; }; } "
	         ");");
	is_strings(conf_for_ring(c, "a.example")->rotation.slots, NULL,
	    "slots given up");
	is_str(conf_for_ring(c, "a.example")->rotation.provider_zone, NULL,
	    "and the zone with them");
	conf_free(c);
	c = load("minimum_rsa_bits = 4096;");
	is_int(c->ring_conf.rotation.algorithms[0].bits, 4096,
	    "the default has as many bits as it must");
	conf_free(c);
}

/* The first entry wins, whichever fits better. */
static void
test_order(void)
{
	struct conf *c =
	    load("ring_settings = ( { rings = [\"*.example\"]; },\n"
	         "{ rings = [\"a.example\", \"b*\"]; },\n"
	         "{ rings = [\"*\"]; } );");

	ok(conf_for_ring(c, "a.example") == &c->overrides[0].conf, "first");
	ok(conf_for_ring(c, "b.com") == &c->overrides[1].conf, "second");
	ok(conf_for_ring(c, "c.com") == &c->overrides[2].conf, "third");
	conf_free(c);
}

/* A change of where the rings are needs a restart, all else does not. */
static void
test_restart(void)
{
	struct conf *a = load("rings = \"/a\";");
	struct conf *b = load("rings = \"/b\"; subdomains = true; on_event = "
	                      "[\"x\"]; dns = { timeout = 9; }; " ENTRY "} );");
	char *names = conf_restart_differences(a, b);

	is_str(names, "rings", "restart for rings alone");
	free(names);
	conf_free(a);
	conf_free(b);
}

/* want: without the name of the file; "": no warning. */
static const struct {
	const char *name, *in, *want;
} warnings[] = {
	{ "defaults", "", "" },
	{ "retire_after", "rotation = { retire_after = \"7d\"; };", "" },
	{ "short retire_after",
	    "rotation = { retire_after = \"6d23h59m59s\"; };",
	    "rotation.retire_after: less than 7d, messages wait in queues for "
	    "longer and would fail when they arrive: 6d23h59m59s\n" },
	{ "short lead with a standby", "rotation = { lead = \"1h\"; };", "" },
	{ "short lead without",
	    "rotation = { lead = \"24h\"; standby = false; };",
	    "rotation.lead: less than margin and a day (1d1h), turns would be "
	    "late: 1d\n" },
	{ "enough lead", "rotation = { lead = \"25h\"; standby = false; };",
	    "" },
	{ "short lead by hand",
	    "rotation = { lead = \"1h\"; mode = \"manual\"; };",
	    "rotation.lead: less than margin and a day (1d1h), turns would be "
	    "late: 1h\n" },
	{ "three slots",
	    "rotation = { slots = [\"a\", \"b\", \"c\"]; provider_zone = "
	    "\"p\"; interval = \"14d\"; };",
	    "rotation.slots: no slot is free in time, an old key needs its own "
	    "for 14d1h (retire_after and ttl), interval is 14d\n" },
	{ "four slots",
	    "rotation = { slots = [\"a\", \"b\", \"c\", \"d\"]; "
	    "provider_zone = \"p\"; interval = \"14d\"; };",
	    "" },
	{ "three slots, slowly",
	    "rotation = { slots = [\"a\", \"b\", \"c\"]; provider_zone = "
	    "\"p\"; interval = \"15d\"; };",
	    "" },
	{ "min_wait of nothing", "dns = { min_wait = \"1h\"; };", "" },
	{ "short min_wait",
	    "dns = { min_wait = \"47h\"; witness = \"resolvers\"; witnesses = "
	    "[\"192.0.2.1\", \"192.0.2.2\"]; };",
	    "dns.min_wait: less than 48h, resolvers are a weak proof: "
	    "1d23h\n" },
	{ "of one entry",
	    "ring_settings = ( { rings = [\"a\", \"b\"]; rotation = { "
	    "retire_after = \"1d\"; }; }, { rings = [\"c\"]; } );",
	    "ring_settings for a: rotation.retire_after: less than 7d, "
	    "messages wait in queues for longer and would fail when they "
	    "arrive: 1d\n" },
	{ "of all is said once",
	    "rotation = { retire_after = \"1d\"; };" ENTRY "} );",
	    "rotation.retire_after: less than 7d, messages wait in queues for "
	    "longer and would fail when they arrive: 1d\n" },
	{ "a pattern in the shadow",
	    "ring_settings = ( { rings = [\"*.example\"]; }, { rings = "
	    "[\"b.com\", \"a.example\", \"*.b.example\"]; } );",
	    "ring_settings: a.example can never match, all that it does comes "
	    "under *.example before it\n"
	    "ring_settings: *.b.example can never match, all that it does "
	    "comes under *.example before it\n" },
	{ "a pattern twice",
	    "ring_settings = ( { rings = [\"a.example\", \"A.example\"]; } );",
	    "ring_settings: a.example can never match, all that it does comes "
	    "under a.example before it\n" },
	{ "special before general",
	    "ring_settings = ( { rings = [\"a.example\"]; }, { rings = "
	    "[\"*.example\"]; }, { rings = [\"*\"]; } );",
	    "" },
};

static void
test_warnings(void)
{
	for (size_t i = 0; i < sizeof(warnings) / sizeof(warnings[0]); i++) {
		struct conf *c = load(warnings[i].in);
		struct buf got = BUF_INIT, cut = BUF_INIT;
		const char *p, *text;

		conf_add_warnings(c, &got);
		text = buf_str(&got);
		/* Each line begins with the name of the file. */
		while ((p = strstr(text, file)) == text && p != NULL) {
			p += strlen(file) + 2;
			buf_add(&cut, p, strcspn(p, "\n") + 1);
			text = p + strcspn(p, "\n") + 1;
		}
		buf_adds(&cut, text);
		is_str(buf_str(&cut), warnings[i].want, warnings[i].name);
		buf_clear(&got);
		buf_clear(&cut);
		conf_free(c);
	}
}

int
main(void)
{
	conf_file_begin();
	test_defaults();
	test_every_setting();
	test_publishers();
	test_inheritance();
	test_idle();
	test_order();
	test_restart();
	test_warnings();
	conf_file_end();
	return tap_done();
}
