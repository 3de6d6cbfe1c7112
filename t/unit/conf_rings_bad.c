/*
 * keyturn.conf: what is refused of the settings of rings, with its place; the
 * limits; a damaged file.
 */
#include "conf.h"
#include "conf_file.h"
#include "settings.h"
#include "tap.h"
#include "when.h"

#define NO_DURATION \
	"neither a duration like \"90d\" or \"1h30m\" nor whole seconds: "
#define NO_SERVER                                                            \
	"not ADDRESS or ADDRESS@PORT, numerical and without brackets; names" \
	" of servers are not looked up: "
#define ENTRY "ring_settings = ( { rings = [\"a.example\"];\n"

/* want: the start of the error behind the file's name; "": taken. */
static const struct {
	const char *name, *in, *want;
} cases[] = {
	/* kinds of values */
	{ "no duration", "rotation = {\n interval = \"3 months\"; };",
	    ":2: rotation.interval: " NO_DURATION "\"3 months\"" },
	{ "no duration, fraction", "rotation = { interval = 1.5; };",
	    ":1: rotation.interval: " NO_DURATION "a number with a fraction" },
	{ "no duration, boolean", "rotation = { lead = true; };",
	    ":1: rotation.lead: " NO_DURATION "true" },
	{ "no duration, list", "rotation = { lead = [1]; };",
	    ":1: rotation.lead: " NO_DURATION "a list" },
	{ "too short", "rotation = { interval = \"23h59m59s\"; };",
	    ":1: rotation.interval: out of range, 1d to 3650d: "
	    "\"23h59m59s\"" },
	{ "too short in seconds", "rotation = { interval = 86399; };",
	    ":1: rotation.interval: out of range, 1d to 3650d: 86399" },
	{ "too long for an int", "rotation = { interval = 99999999999L; };",
	    ":1: rotation.interval: out of range, 1d to 3650d: 99999999999" },
	{ "negative", "rotation = { margin = -1; };",
	    ":1: rotation.margin: out of range, 0s to 30d: -1" },
	{ "no word", "rotation = { mode = \"Auto\"; };",
	    ":1: rotation.mode: not one of auto or manual: \"Auto\"" },
	{ "no algorithm", "rotation = { algorithms = [\n\"rsa\"]; };",
	    ":2: rotation.algorithms: not rsa with its bits, like rsa2048, "
	    "nor ed25519: \"rsa\"" },
	{ "algorithm by number", "rotation = { algorithms = [2048]; };",
	    ":1: rotation.algorithms: not a string in quotes: 2048" },
	{ "no algorithms", "rotation = { algorithms = []; };",
	    ":1: rotation.algorithms: an empty list: no keys" },
	{ "one algorithm twice",
	    "rotation = { algorithms = [\"rsa2048\", \"rsa4096\"]; };",
	    ":1: rotation.algorithms: one of each kind, and this kind is "
	    "there already: \"rsa4096\"" },
	{ "three algorithms",
	    "rotation = { algorithms = [\"rsa2048\", \"ed25519\", \"x\"]; };",
	    ":1: rotation.algorithms: more than 2 entries in the list: 3" },
	{ "no blackout", "rotation = { blackout = [\"christmas\"]; };",
	    ":1: rotation.blackout: not days like 2026-12-20/2027-01-03, or "
	    "of every year 12-20/01-03: \"christmas\"" },
	{ "no such day", "rotation = { blackout = [\"02-30\"]; };",
	    ":1: rotation.blackout: a day that does not exist: \"02-30\"" },
	{ "no weekdays", "rotation = { weekdays = \"weekend\"; };",
	    ":1: rotation.weekdays: not days of the week like mon-thu, "
	    "mon,wed,fri or any: \"weekend\"" },
	{ "unknown placeholder", "rotation = { selector = \"{year}{seq}\"; };",
	    ":1: rotation.selector: placeholders are {yyyy} {mm} {dd} {seq} "
	    "{rand4} {host}: \"{year}{seq}\"" },
	{ "no way to be unique", "rotation = { selector = \"{yyyy}{mm}\"; };",
	    ":1: rotation.selector: without {seq} and {rand4} two keys would "
	    "have the same selector: \"{yyyy}{mm}\"" },
	{ "no selector", "rotation = { selector = \"{seq}.\"; };",
	    ":1: rotation.selector: gives no valid selector: \"{seq}.\"" },
	{ "no slot", "rotation = { slots = [\"k 1\"]; };",
	    ":1: rotation.slots: not a selector: \"k 1\"" },
	{ "a slot twice", "rotation = { slots = [\"k1\", \"k2\", \"K1\"]; };",
	    ":1: rotation.slots: in the list already: \"K1\"" },
	{ "no zone", "rotation = { provider_zone = \"-.example\"; };",
	    ":1: rotation.provider_zone: not a domain: \"-.example\"" },
	{ "an empty program", "on_event = [\"\"];",
	    ":1: on_event: an empty path: \"\"" },
	{ "a program that is no list", "on_event = \"/bin/mail\";",
	    ":1: on_event: not a list [ ]: \"/bin/mail\"" },

	/* servers */
	{ "a name", "dns = { resolver = [\"ns1.example.com\"]; };",
	    ":1: dns.resolver: " NO_SERVER "\"ns1.example.com\"" },
	{ "a name and a port", "dns = { resolver = [\"ns1@53\"]; };",
	    ":1: dns.resolver: " NO_SERVER "\"ns1@53\"" },
	{ "brackets", "dns = { authorities = [\"[::1]\"]; };",
	    ":1: dns.authorities: " NO_SERVER "\"[::1]\"" },
	{ "a colon before the port",
	    "dns = { authorities = "
	    "[\"192.0.2.1:53\"]; };",
	    ":1: dns.authorities: " NO_SERVER "\"192.0.2.1:53\"" },
	{ "an address cut short", "dns = { authorities = [\"192.0.2\"]; };",
	    ":1: dns.authorities: " NO_SERVER },
	{ "an interface", "dns = { authorities = [\"fe80::1%lo\"]; };",
	    ":1: dns.authorities: " NO_SERVER },
	{ "nothing", "dns = { authorities = [\"\"]; };",
	    ":1: dns.authorities: " NO_SERVER "\"\"" },
	{ "only a port", "dns = { authorities = [\"@53\"]; };",
	    ":1: dns.authorities: " NO_SERVER "\"@53\"" },
	{ "port 0", "dns = { authorities = [\"192.0.2.1@0\"]; };",
	    ":1: dns.authorities: not a port, 1 to 65535, behind the @: "
	    "\"192.0.2.1@0\"" },
	{ "port 65535", "dns = { authorities = [\"192.0.2.1@65535\"]; };", "" },
	{ "port 65536", "dns = { authorities = [\"192.0.2.1@65536\"]; };",
	    ":1: dns.authorities: not a port" },
	{ "port 4294967349",
	    "dns = { authorities = [\"192.0.2.1@4294967349\"]; };",
	    ":1: dns.authorities: not a port" },
	{ "no port behind the @", "dns = { authorities = [\"192.0.2.1@\"]; };",
	    ":1: dns.authorities: not a port" },
	{ "two ports", "dns = { authorities = [\"192.0.2.1@53@53\"]; };",
	    ":1: dns.authorities: not a port" },
	{ "a server twice",
	    "dns = { authorities = [\"192.0.2.1\", \"192.0.2.1@53\"]; };",
	    ":1: dns.authorities: in the list already: \"192.0.2.1@53\"" },
	{ "a server twice, IPv6",
	    "dns = { authorities = [\"2001:db8::1\", \"2001:DB8:0::1\"]; };",
	    ":1: dns.authorities: in the list already: \"2001:DB8:0::1\"" },
	{ "a server twice with two ports",
	    "dns = { authorities = [\"192.0.2.1\", \"192.0.2.1@54\"]; };", "" },

	/* what must hold between settings */
	{ "lead as long as interval",
	    "rotation = { lead = \"30d\";\n interval = \"30d\"; };",
	    ":1: rotation.lead: lead must be shorter than interval: lead is "
	    "30d, interval is 30d" },
	{ "interval as short as the default of lead",
	    "rotation = {\n interval = \"7d\"; };",
	    ":2: rotation.interval: lead must be shorter than interval: lead "
	    "is 7d, interval is 7d" },
	{ "interval a second longer", "rotation = { interval = 604801; };",
	    "" },
	{ "no day is open", "rotation = { blackout = [\"01-01/12-31\"]; };",
	    ":1: rotation.blackout: blackout and weekdays leave years without "
	    "a day on which a turn may begin" },
	{ "one day is open",
	    "rotation = { weekdays = \"any\"; blackout = "
	    "[\"01-02/12-31\"]; };",
	    "" },
	{ "one day is open, on which it is not Monday",
	    "rotation = { weekdays = \"mon\"; blackout = [\"01-02/12-31\"]; "
	    "};",
	    ":1: rotation.blackout: blackout and weekdays leave years" },
	{ "too few bits",
	    "minimum_rsa_bits = 3072;\nrotation = { algorithms = "
	    "[\"rsa2048\"]; };",
	    ":2: rotation.algorithms: RSA keys of 2048 bits could not be used: "
	    "minimum_rsa_bits is 3072" },
	{ "just enough bits",
	    "minimum_rsa_bits = 3072; rotation = { algorithms = "
	    "[\"rsa3072\"]; };",
	    "" },
	{ "ed25519 alone", "rotation = { algorithms = [\"ed25519\"]; };",
	    ":1: rotation.algorithms: ed25519 without rsa: verifiers that do "
	    "not know it see no signature; rotation.ed25519_alone = true takes "
	    "that into account" },
	{ "ed25519 alone, forced",
	    "rotation = { algorithms = [\"ed25519\"]; ed25519_alone = true; };",
	    "" },
	{ "slots without a zone",
	    "rotation = { slots = [\"k1\", \"k2\", \"k3\"]; };",
	    ":1: rotation.slots: slots need provider_zone, where their CNAMEs "
	    "point to" },
	{ "three slots",
	    "rotation = { slots = [\"k1\", \"k2\", \"k3\"]; provider_zone = "
	    "\"p.example\"; };",
	    "" },
	{ "two slots",
	    "rotation = { slots = [\"k1\", \"k2\"]; provider_zone = "
	    "\"p.example\"; };",
	    ":1: rotation.slots: too few slots, at least 3 are needed, 3 for "
	    "each algorithm: 2" },
	{ "five slots for two algorithms",
	    "rotation = { algorithms = [\"rsa2048\", \"ed25519\"];\n"
	    " slots = [\"k1\", \"k2\", \"k3\", \"k4\", \"k5\"];\n"
	    " provider_zone = \"p.example\"; };",
	    ":2: rotation.slots: too few slots, at least 6 are needed, 3 for "
	    "each algorithm: 5" },
	{ "rfc2136 without a server",
	    "publisher = { key_file = \"/k\";\n type = \"rfc2136\"; };",
	    ":2: publisher.type: a publisher of type rfc2136 needs "
	    "publisher.server" },
	{ "rfc2136 without a key",
	    "publisher = { type = \"rfc2136\"; server = \"192.0.2.1\"; };",
	    ":1: publisher.type: a publisher of type rfc2136 needs "
	    "publisher.key_file" },
	{ "zonefile without a file", "publisher = { type = \"zonefile\"; };",
	    ":1: publisher.type: a publisher of type zonefile needs "
	    "publisher.file" },
	{ "exec without a command", "publisher = { type = \"exec\"; };",
	    ":1: publisher.type: a publisher of type exec needs "
	    "publisher.command" },
	{ "exec with an empty command",
	    "publisher = { type = \"exec\"; command = []; };",
	    ":1: publisher.type: a publisher of type exec needs" },
	{ "manual with a server", "publisher = {\n server = \"192.0.2.1\"; };",
	    ":2: publisher.server: not for a publisher of type manual" },
	{ "manual with a zone", "publisher = { zone = \"example.com\"; };",
	    ":1: publisher.zone: not for a publisher of type manual" },
	{ "manual with a key", "publisher = { key_file = \"k\"; };",
	    ":1: publisher.key_file: not for a publisher of type manual" },
	{ "manual with a file", "publisher = { file = \"f\"; };",
	    ":1: publisher.file: not for a publisher of type manual" },
	{ "manual with a command", "publisher = { command = [\"c\"]; };",
	    ":1: publisher.command: not for a publisher of type manual" },
	{ "manual with a timeout", "publisher = { timeout = 10; };", "" },
	{ "rfc2136 with a command",
	    "publisher = { type = \"rfc2136\"; server = \"192.0.2.1\"; "
	    "key_file = \"k\";\n command = [\"c\"]; };",
	    ":2: publisher.command: not for a publisher of type rfc2136" },
	{ "exec with a file",
	    "publisher = { type = \"exec\"; command = [\"c\"]; file = \"f\"; "
	    "};",
	    ":1: publisher.file: not for a publisher of type exec" },
	{ "resolvers without any", "dns = { witness = \"resolvers\"; };",
	    ":1: dns.witness: with dns.witness = \"resolvers\" dns.witnesses "
	    "must name at least 2: 0" },
	{ "one resolver",
	    "dns = { witness = \"resolvers\";\n witnesses = [\"192.0.2.1\"]; "
	    "};",
	    ":2: dns.witnesses: with dns.witness = \"resolvers\" "
	    "dns.witnesses must name at least 2: 1" },
	{ "one resolver twice",
	    "dns = { witness = \"resolvers\";\n witnesses = [\"192.0.2.1\", "
	    "\"192.0.2.1\"]; };",
	    ":2: dns.witnesses: in the list already: \"192.0.2.1\"" },

	/* ring_settings */
	{ "no entries", "ring_settings = ();", "" },
	{ "an entry that says nothing", ENTRY "} );", "" },
	{ "no list", "ring_settings = { rings = [\"a\"]; };",
	    ":1: ring_settings: not a list [ ]: a group { }" },
	{ "no group", "ring_settings = [\"a.example\"];",
	    ":1: ring_settings: not a group { rings = [...]; ... }: "
	    "\"a.example\"" },
	{ "without rings",
	    "ring_settings = (\n { rotation = { interval = \"30d\"; }; } );",
	    ":2: ring_settings: an entry without rings, the domains that it "
	    "is for" },
	{ "rings is no list", "ring_settings = ( { rings = \"a\"; } );",
	    ":1: ring_settings.rings: not a list [ ]: \"a\"" },
	{ "rings is empty", "ring_settings = ( { rings = []; } );",
	    ":1: ring_settings.rings: an empty list: no ring matches" },
	{ "an address", "ring_settings = ( { rings = [\"*@a.example\"]; } );",
	    ":1: ring_settings.rings: a domain has no @ in it: "
	    "\"*@a.example\"" },
	{ "no domain", "ring_settings = ( { rings = [\"a.example.\"]; } );",
	    ":1: ring_settings.rings: not a domain: \"a.example.\"" },
	{ "a setting that is for all", ENTRY " drain = 5; } );",
	    ":2: ring_settings.drain: unknown; an entry has rings, rotation, "
	    "publisher, dns" },
	{ "a group that is for all", ENTRY " log = { }; } );",
	    ":2: ring_settings.log: unknown; an entry has" },
	{ "an entry in an entry", ENTRY " ring_settings = (); } );",
	    ":2: ring_settings.ring_settings: unknown; an entry has" },
	{ "a setting without its group", ENTRY " interval = \"30d\"; } );",
	    ":2: ring_settings.interval: unknown; an entry has" },
	{ "an unknown setting", ENTRY " rotation = { x = 1; }; } );",
	    ":2: ring_settings.rotation.x: unknown setting" },
	{ "rings in a group", ENTRY " rotation = { rings = []; }; } );",
	    ":2: ring_settings.rotation.rings: unknown setting" },
	{ "a group as a value", ENTRY " rotation = \"30d\"; } );",
	    ":2: ring_settings.rotation: not a group { }: \"30d\"" },
	{ "a value out of range", ENTRY " rotation = { interval = 5; }; } );",
	    ":2: ring_settings.rotation.interval: out of range, 1d to 3650d: "
	    "5" },
	{ "a setting twice", ENTRY " dns = {}; dns = {}; } );",
	    ":2: duplicate setting name" },
	{ "against a setting for all",
	    "rotation = { lead = \"10d\"; };\n" ENTRY
	    " rotation = {\n interval = \"9d\"; }; } );",
	    ":4: ring_settings.rotation.interval: lead must be shorter than "
	    "interval: lead is 10d, interval is 9d" },
	{ "another publisher takes nothing from that for all",
	    "publisher = { type = \"rfc2136\"; server = \"192.0.2.1\"; "
	    "key_file = \"k\"; };\n" ENTRY
	    " publisher = { type = \"zonefile\"; }; } );",
	    ":3: ring_settings.publisher.type: a publisher of type zonefile "
	    "needs publisher.file" },
	{ "what the publisher for all does not take",
	    "publisher = { type = \"rfc2136\"; server = \"192.0.2.1\"; "
	    "key_file = \"k\"; };\n" ENTRY
	    " publisher = { file = \"f\"; }; } );",
	    ":3: ring_settings.publisher.file: not for a publisher of type "
	    "rfc2136" },
	{ "a type that is none", ENTRY " publisher = { type = \"ftp\"; }; } );",
	    ":2: ring_settings.publisher.type: not one of manual, rfc2136, "
	    "zonefile or exec: \"ftp\"" },
	{ "a type that is a number", ENTRY " publisher = { type = 5; }; } );",
	    ":2: ring_settings.publisher.type: not a string in quotes: 5" },
	{ "publisher is no group", ENTRY " publisher = \"manual\"; } );",
	    ":2: ring_settings.publisher: not a group { }: \"manual\"" },
	{ "fewer algorithms would do, fewer slots not",
	    "rotation = { slots = [\"k1\", \"k2\", \"k3\"]; provider_zone = "
	    "\"p.example\"; };\n" ENTRY
	    " rotation = { algorithms = [\"rsa2048\", \"ed25519\"]; }; } );",
	    ":3: ring_settings.rotation.algorithms: too few slots, at least 6 "
	    "are needed, 3 for each algorithm: 3" },
	{ "the second entry is bad",
	    ENTRY " },\n { rings = [\"*\"];\n dns = { tcp = \"no\"; }; } );",
	    ":4: ring_settings.dns.tcp: not one of require or when-truncated: "
	    "\"no\"" },
};

static void
test_refusals(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(refusal(cases[i].in, strlen(cases[i].in)), cases[i].want,
		    cases[i].name);
}

static void
test_limits(void)
{
	check(refusal_of_many("rotation = { provider_zone = \"p\"; slots = [",
	          ROTATION_SLOTS_MAX - 1, "\"k%\", ", "\"x\"]; };"),
	    "", "16 slots");
	check(refusal_of_many("rotation = { provider_zone = \"p\"; slots = [",
	          ROTATION_SLOTS_MAX, "\"k%\", ", "\"x\"]; };"),
	    ":1: rotation.slots: more than 16 entries in the list: 17",
	    "17 slots");
	check(refusal_of_many("rotation = { blackout = [", BLACKOUT_MAX - 1,
	          "\"12-24\", ", "\"12-25\"]; };"),
	    "", "32 blackouts");
	check(refusal_of_many("rotation = { blackout = [", BLACKOUT_MAX,
	          "\"12-24\", ", "\"12-25\"]; };"),
	    ":1: rotation.blackout: more than 32 entries in the list: 33",
	    "33 blackouts");
	check(refusal_of_many("dns = { witnesses = [", CONF_SERVERS_MAX - 1,
	          "\"192.0.2.%\", ", "\"::1\"]; };"),
	    "", "32 servers");
	check(refusal_of_many("dns = { witnesses = [", CONF_SERVERS_MAX,
	          "\"192.0.2.%\", ", "\"::1\"]; };"),
	    ":1: dns.witnesses: more than 32 entries in the list: 33",
	    "33 servers");
	check(refusal_of_many("on_event = [", CONF_ARGUMENTS_MAX - 1,
	          "\"/x\", ", "\"x\"];"),
	    "", "64 arguments");
	check(refusal_of_many("on_event = [", CONF_ARGUMENTS_MAX, "\"/x\", ",
	          "\"x\"];"),
	    ":1: on_event: more than 64 entries in the list: 65",
	    "65 arguments");
	check(refusal_of_many("ring_settings = (", CONF_OVERRIDES_MAX - 1,
	          "{ rings = [\"a%\"]; }, ", "{ rings = [\"*\"]; } );"),
	    "", "1024 entries");
	check(refusal_of_many("ring_settings = (", CONF_OVERRIDES_MAX,
	          "{ rings = [\"a%\"]; }, ", "{ rings = [\"*\"]; } );"),
	    ":1: ring_settings: more than 1024 entries in the list: 1025",
	    "1025 entries");
	check(refusal_of_many("ring_settings = ( { rings = [\"x\"]; }, "
	                      "{ rings = [",
	          CONF_PATTERNS_MAX - 2, "\"a%\", ", "\"*\"]; } );"),
	    "", "8192 patterns");
	check(refusal_of_many("ring_settings = ( { rings = [\"x\"]; },\n"
	                      "{ rings = [",
	          CONF_PATTERNS_MAX - 1, "\"a%\", ", "\"*\"]; } );"),
	    ":2: ring_settings.rings: more than 8191 entries in the list: 8192",
	    "8193 patterns");
	check(refusal_of_many("dns = { resolver = [\"", 100000, "1", "\"]; };"),
	    ":1: dns.resolver: " NO_SERVER "\"111", "a long server");
	check(refusal_of_many("rotation = { interval = \"", 100000, "9",
	          "d\"; };"),
	    ":1: rotation.interval: " NO_DURATION "\"999", "a long duration");
	check(refusal_of_many("rotation = { selector = \"", 100000, "{seq}",
	          "\"; };"),
	    ":1: rotation.selector: gives no valid selector: \"{seq}",
	    "a long template");
}

/* The range of each duration, in words and as it is enforced. */
static void
test_ranges(void)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_get(i)) != NULL; i++) {
		const char *name = s->info.name, *dot = strchr(name, '.');
		char low[32] = "", high[32] = "", text[128];
		int min = -1, max = -1;

		if (s->kind != SETTING_DURATION || dot == NULL)
			continue;
		ok(sscanf(s->info.range, "%31s to %31s", low, high) == 2 &&
		        duration_parse(low, &min) &&
		        duration_parse(high, &max) && min == s->min &&
		        max == s->max,
		    "%s: %s", name, s->info.range);
		snprintf(text, sizeof(text), "%.*s = { %s = %d; };",
		    (int)(dot - name), name, dot + 1, max + 1);
		ok(strstr(refusal(text, strlen(text)), "out of range") != NULL,
		    "%s", text);
		snprintf(text, sizeof(text), "%.*s = { %s = %d; };",
		    (int)(dot - name), name, dot + 1, min - 1);
		ok(strstr(refusal(text, strlen(text)), "out of range") != NULL,
		    "%s", text);
	}
}

/*
 * Whatever is cut off or replaced in a good file, it is taken or refused with
 * a place; the sanitizers say the rest.
 */
static void
test_damage(void)
{
	static const char good[] =
	    "rotation={interval=\"30d\";algorithms=[\"rsa2048\",\"ed25519\"];"
	    "selector=\"{yyyy}{seq}\";slots=[\"a\",\"b\",\"c\",\"d\",\"e\","
	    "\"f\"];provider_zone=\"p\";blackout=[\"12-20/01-03\"];"
	    "weekdays=\"mon-thu,sat\";};publisher={type=\"exec\";command=["
	    "\"x\"];};dns={resolver=[\"::1@53\"];witness=\"resolvers\";"
	    "witnesses=[\"192.0.2.1\",\"192.0.2.2@5\"];};ring_settings=({"
	    "rings=[\"*.a\"];rotation={lead=\"1d\";};publisher={type="
	    "\"manual\";};});";
	static const char bytes[] = "\"{}[]();=,@*-/ 0z\x80\n";
	char text[sizeof(good)];
	int bad = 0;

	check(refusal(good, sizeof(good) - 1), "", "the good file");
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		const char *got = refusal(good, i);

		bad += got[0] != '\0' && got[0] != ':';
		for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
			memcpy(text, good, sizeof(good));
			text[i] = bytes[k];
			got = refusal(text, sizeof(good) - 1);
			bad += got[0] != '\0' && got[0] != ':';
		}
	}
	is_int(bad, 0, "every damage is taken or refused with a place");
}

int
main(void)
{
	conf_file_begin();
	test_refusals();
	test_limits();
	test_ranges();
	test_damage();
	conf_file_end();
	return tap_done();
}
