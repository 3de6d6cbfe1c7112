/*
 * keyturn.conf: the defaults, every setting, every refusal with its place, and
 * the limits.  Those of rings are in conf_rings.c; of the table, its defaults,
 * the sample and restarts in conf_table.c.
 */
#include <sys/stat.h>

#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <syslog.h>
#include <unistd.h>

#include "chan.h"
#include "conf.h"
#include "conf_file.h"
#include "key.h"
#include "tap.h"

_Static_assert(CONF_SPEC_MAX == CHAN_SPEC_MAX - 1,
    "the channel must have room for any socket's spec");

/* Defaults as the manual of the settings states them, one by one. */
static void
test_defaults(void)
{
	struct conf *c = load("");
	const char *const networks[] = { "127.0.0.1", "::1" };

	is_str(c->path, file, "path");
	ok(c->socket_count == 1 && c->sockets[0].mode == 0660 &&
	        c->sockets[0].group == NULL && !c->sockets[0].optional,
	    "one socket, mode 0660");
	is_str(c->sockets[0].spec, "unix:/run/keyturn-milter/milter.sock",
	    "its spec");
	is_int(c->workers, WORKERS_SPAWN, "workers");
	is_int((long long)c->channel_user_count, 0, "channel_users");
	is_str(c->channel_socket, "/run/keyturn/channel.sock",
	    "channel_socket");
	is_str(c->control_socket, "/run/keyturn/control.sock",
	    "control_socket");
	is_int(c->channel_timeout, 5, "channel_timeout");
	is_int(c->drain, 10, "drain");
	is_str(c->key_table, NULL, "key_table");
	is_str(c->signing_table, NULL, "signing_table");
	ok(c->sign_authenticated, "sign_for.authenticated");
	is_int((long long)c->sign_network_count, 2, "sign_for.networks");
	for (size_t i = 0; i < c->sign_network_count; i++) {
		char text[IP_TEXT_MAX];
		struct cidr addr;

		ok(cidr_parse(networks[i], &addr) &&
		        cidr_contains(&c->sign_networks[i], &addr.net),
		    "%s is in %s", networks[i],
		    ip_text(&c->sign_networks[i].net, text));
	}
	is_int(c->sign_networks[0].bits, 8, "127.0.0.0/8");
	is_int(c->sign_networks[1].bits, 128, "::1/128");
	ok(c->sign_daemons == NULL || c->sign_daemons[0] == NULL,
	    "sign_for.daemons");
	ok(c->canonicalization.header == CANON_RELAXED &&
	        c->canonicalization.body == CANON_RELAXED,
	    "canonicalization");
	is_str(c->sign_headers,
	    "from:sender:reply-to:subject:date:message-id:to:cc:mime-version:"
	    "content-type:content-transfer-encoding:content-id:"
	    "content-description:in-reply-to:references:resent-date:"
	    "resent-from:resent-sender:resent-to:resent-cc:resent-message-id:"
	    "list-id:list-help:list-unsubscribe:list-unsubscribe-post:"
	    "list-subscribe:list-post:list-owner:list-archive",
	    "sign_headers");
	is_str(c->oversign_headers,
	    "from:reply-to:subject:date:message-id:to:cc:mime-version:"
	    "content-type:content-transfer-encoding:in-reply-to:references",
	    "oversign_headers");
	ok(!c->multiple_signatures, "multiple_signatures");
	is_int(c->on_error, VERDICT_TEMPFAIL, "on_error");
	is_int(c->on_malformed, VERDICT_ACCEPT, "on_malformed");
	is_int(c->minimum_rsa_bits, 1024, "minimum_rsa_bits");
	is_int(c->log.to, LOG_TO_SYSLOG, "log.to");
	is_int(c->log.facility, LOG_MAIL, "log.facility");
	is_int(c->log.level, LOG_INFO, "log.level");
	conf_free(c);
	conf_free(NULL);
}

/* Every setting away from its default, in the odder ways of writing. */
static void
test_every_setting(void)
{
	struct conf *c = load(
	    "/* every setting */ // here\n"
	    "sockets = ( \"inet:8891@127.0.0.1\", \"inet6:8891@[::1]\",\n"
	    "  { spec = \"local:/tmp/a\"; mode = \"0600\"; group = \"root\";\n"
	    "    optional = false; }, { optional = true; group = \"nobody-"
	    "has-this\"; spec = \"unix:/tmp/b\"; } );\n"
	    "workers : \"service\"\n"
	    "channel_users = ( \"root\", 12, 4294967294L );\n"
	    "channel_socket = \"/c\"; control_socket = \"d/e\",\n"
	    "channel_timeout = 60; drain = 300L;\n"
	    "key_table = \"KeyTable\"; signing_table = \"/s/SigningTable\";\n"
	    "sign_for = { authenticated = FALSE;\n"
	    "  networks = [ \"192.0.2.0/24\", \"2001:db8::1\" ];\n"
	    "  daemons = [ \"submission\", \"out\" ]; };\n"
	    "canonicalization = \"simple\";\n"
	    "sign_headers = [ \"X-A!\", \"FROM\" ]; oversign_headers = [];\n"
	    "multiple_signatures = true; on_error = \"reject\";\n"
	    "on_malformed = \"tempfail\"; minimum_rsa_bits = 8192;\n"
	    "log = { to = \"stderr\"; facility = \"local7\";\n"
	    "  level = \"debug\"; };\n");
	char text[IP_TEXT_MAX], path[128];

	is_int((long long)c->socket_count, 4, "four sockets");
	is_str(c->sockets[0].spec, "inet:8891@127.0.0.1", "the first");
	is_str(c->sockets[1].spec, "inet6:8891@[::1]", "the second");
	ok(strcmp(c->sockets[2].spec, "local:/tmp/a") == 0 &&
	        c->sockets[2].mode == 0600 &&
	        strcmp(c->sockets[2].group, "root") == 0 &&
	        !c->sockets[2].optional,
	    "the third");
	ok(strcmp(c->sockets[3].spec, "unix:/tmp/b") == 0 &&
	        c->sockets[3].mode == 0660 && c->sockets[3].optional,
	    "the fourth, whose group may be missing like its directory");
	is_int(c->workers, WORKERS_SERVICE, "workers");
	ok(c->channel_user_count == 3 && c->channel_users[0] == 0 &&
	        c->channel_users[1] == 12 && c->channel_users[2] == 4294967294U,
	    "channel_users");
	is_str(c->channel_socket, "/c", "channel_socket");
	snprintf(path, sizeof(path), "%s/d/e", dir);
	is_str(c->control_socket, path, "control_socket, relative");
	is_int(c->channel_timeout, 60, "channel_timeout");
	is_int(c->drain, 300, "drain");
	snprintf(path, sizeof(path), "%s/KeyTable", dir);
	is_str(c->key_table, path, "key_table, relative");
	is_str(c->signing_table, "/s/SigningTable", "signing_table");
	ok(!c->sign_authenticated, "sign_for.authenticated");
	ok(c->sign_network_count == 2 && c->sign_networks[0].bits == 24 &&
	        c->sign_networks[1].bits == 128,
	    "sign_for.networks");
	is_str(ip_text(&c->sign_networks[1].net, text), "2001:db8::1",
	    "the second network");
	ok(strcmp(c->sign_daemons[0], "submission") == 0 &&
	        strcmp(c->sign_daemons[1], "out") == 0 &&
	        c->sign_daemons[2] == NULL,
	    "sign_for.daemons");
	ok(c->canonicalization.header == CANON_SIMPLE &&
	        c->canonicalization.body == CANON_SIMPLE,
	    "canonicalization");
	is_str(c->sign_headers, "x-a!:from", "sign_headers");
	is_str(c->oversign_headers, "", "oversign_headers");
	ok(c->multiple_signatures, "multiple_signatures");
	is_int(c->on_error, VERDICT_REJECT, "on_error");
	is_int(c->on_malformed, VERDICT_TEMPFAIL, "on_malformed");
	is_int(c->minimum_rsa_bits, 8192, "minimum_rsa_bits");
	is_int(c->log.to, LOG_TO_STDERR, "log.to");
	is_int(c->log.facility, LOG_LOCAL7, "log.facility");
	is_int(c->log.level, LOG_DEBUG, "log.level");
	conf_free(c);
}

/* want: the start of the error behind the file's name; "": taken. */
static const struct {
	const char *name, *in, *want;
} cases[] = {
	/* the file */
	{ "unknown", "\nkey_tabel = \"x\";", ":2: key_tabel: unknown setting" },
	{ "case matters", "Drain = 5;", ":1: Drain: unknown setting" },
	{ "unknown in a group", "log = {\n to = \"stderr\";\n x = 1;\n};",
	    ":3: log.x: unknown setting" },
	{ "unknown group", "lag = { to = \"stderr\"; };",
	    ":1: lag: unknown setting" },
	{ "a setting of a group outside it", "networks = [];",
	    ":1: networks: unknown setting" },
	{ "a group in a group", "log = { log = { to = \"stderr\"; }; };",
	    ":1: log.log: unknown setting" },
	{ "a group as a value", "log = \"stderr\";",
	    ":1: log: not a group { }: \"stderr\"" },
	{ "a value as a group", "drain = { seconds = 5; };",
	    ":1: drain: not a whole number: a group { }" },
	{ "an empty group", "log = {};", "" },
	{ "a setting twice", "drain = 5;\n\ndrain = 6;",
	    ":3: duplicate setting name: drain = 6;" },
	{ "twice in a group", "log = { to = \"stderr\";\n to = \"stderr\"; };",
	    ":2: duplicate setting name: to = \"stderr\"; };" },
	{ "a group twice", "log = {};\nlog = {};",
	    ":2: duplicate setting name" },
	{ "syntax", "drain = 5;\nkey_table = ;\n",
	    ":2: syntax error: key_table = ;" },
	{ "syntax with odd bytes", "drain = \x1b[2J;",
	    ":1: syntax error: drain = \\x1b[2J;" },
	{ "no closing brace", "log = {\n\n", ":1: syntax error: log = {" },
	{ "junk before an empty line", "drain = 5;\njunk\n\n",
	    ":2: syntax error: junk" },
	{ "byte order mark",
	    "\xef\xbb\xbf"
	    "drain = 5;",
	    ":1: syntax error" },
	{ "no final line end, no semicolon", "drain = 5", "" },
	{ "CRLF", "drain = 5;\r\nworkers = \"spawn\";\r\n", "" },
	{ "@include", "drain = 5;\n@include \"other.conf\"\n",
	    ":2: @include is not supported: write everything into one file" },
	{ "@include in the middle of a line", "drain = 5; @include \"x\"",
	    ":1: @include is not supported" },
	{ "@include in comments and strings",
	    "# @include \"x\"\n/*\n@include \"x\"\n*/ // @include \"x\"\n"
	    "sign_for = { daemons = [ \"\n@include \\\"x\\\"\n\" ]; };",
	    "" },
	{ "no end of a comment", "drain = 5;\n/* drain\n = 6;\n",
	    ":2: a comment without its end" },
	{ "/*/ is no whole comment", "/*/ drain = 5;",
	    ":1: a comment without its end" },
	{ "no end of a string", "\nkey_table = \"x;\n\n",
	    ":2: a string without its closing quote" },
	{ "a string that ends in a backslash", "key_table = \"x\\",
	    ":1: a string without its closing quote" },
	{ "the line after a long string and a long comment",
	    "key_table = \"a\nb\\\n\"; /*\n*/ x = 1;", ":4: x: unknown" },
	{ "two strings", "sign_headers = [ \"From\" /**/ # x\n \"To\" ];",
	    ":2: two strings without a comma between" },
	{ "a string before anything", "\"x\" drain = 5;",
	    ":1: a string where none belongs" },
	{ "a string behind a semicolon", "drain = 5;\n\"x\"",
	    ":2: a string where none belongs" },
	{ "a string between settings", "key_table = \"x\", \"y\"",
	    ":1: a string where none belongs" },
	{ "a string as a name", "log = { \"to\" = \"stderr\"; };",
	    ":1: a string where none belongs" },
	{ "a string behind a comma in a group",
	    "log = { to = \"stderr\", \"x\" };",
	    ":1: a string where none belongs" },
	{ "a string behind a list", "sockets = [ \"unix:/a\" ] \"x\";",
	    ":1: a string where none belongs" },
	{ "brackets that do not match", "sockets = ] } ) \"x\";",
	    ":1: a string where none belongs" },
	{ "NUL in a string", "key_table = \"a\\x00b\";",
	    ":1: a NUL in a string: \\x00" },
	{ "an escaped backslash before x00", "key_table = \"a\\\\x00b\";", "" },

	/* numbers, which the library would cut to 32 bits */
	{ "0 is a number", "drain = 0;",
	    ":1: drain: out of range, 1 to 300 seconds: 0" },
	{ "2^32 + 5", "drain = 4294967301;",
	    ":1: a number of more than 9 digits needs an L: 4294967301" },
	{ "2^32 + 5 as a long", "drain = 4294967301L;",
	    ":1: drain: out of range, 1 to 300 seconds: 4294967301" },
	{ "2^64 + 5", "drain = 18446744073709551621L;",
	    ":1: a number of more than 18 digits: 18446744073709551621" },
	{ "2^64 + 5, negative", "drain = -18446744073709551621L;",
	    ":1: a number of more than 18 digits" },
	{ "hexadecimal", "drain = 0x100000005;",
	    ":1: numbers are decimal here" },
	{ "octal", "drain = 010;", ":1: numbers are decimal here" },
	{ "digits in names and strings",
	    "log = { facility = \"local1234567890\"; };",
	    ":1: log.facility: not one of auth" },
	{ "digits in an unknown name", "x1234567890 = 1;",
	    ":1: x1234567890: unknown" },
	{ "a fraction", "drain = 5.0;",
	    ":1: drain: not a whole number: a number with a fraction" },
	{ "a number in quotes", "drain = \"5\";",
	    ":1: drain: not a whole number: \"5\"" },
	{ "a truth", "drain = true;", ":1: drain: not a whole number: true" },
	{ "a list", "drain = [ 5 ];", ":1: drain: not a whole number: a list" },

	/* ranges: at the limit and one over */
	{ "channel_timeout 1", "channel_timeout = 1;", "" },
	{ "channel_timeout 0", "channel_timeout = 0;",
	    ":1: channel_timeout: out of range, 1 to 60 seconds: 0" },
	{ "channel_timeout 60", "channel_timeout = 60;", "" },
	{ "channel_timeout 61", "channel_timeout = 61;",
	    ":1: channel_timeout: out of range" },
	{ "channel_timeout -1", "channel_timeout = -1;",
	    ":1: channel_timeout: out of range, 1 to 60 seconds: -1" },
	{ "drain 1", "drain = 1;", "" },
	{ "drain 300", "drain = 300;", "" },
	{ "drain 301", "drain = 301;", ":1: drain: out of range" },
	{ "minimum_rsa_bits 1023", "minimum_rsa_bits = 1023;",
	    ":1: minimum_rsa_bits: out of range, 1024 to 8192 bits: 1023" },
	{ "minimum_rsa_bits 1024", "minimum_rsa_bits = 1024;", "" },
	{ "minimum_rsa_bits 8192", "minimum_rsa_bits = 8192;", "" },
	{ "minimum_rsa_bits 8193", "minimum_rsa_bits = 8193;",
	    ":1: minimum_rsa_bits: out of range" },

	/* words and truths */
	{ "a wrong word", "\n\non_error = \"drop\";",
	    ":3: on_error: not one of accept, tempfail or reject: \"drop\"" },
	{ "a word in capitals", "on_error = \"Accept\";",
	    ":1: on_error: not one of" },
	{ "an empty word", "on_error = \"\";",
	    ":1: on_error: not one of accept, tempfail or reject: \"\"" },
	{ "a word without quotes", "on_error = accept;", ":1: syntax error" },
	{ "a truth as a word", "on_error = true;",
	    ":1: on_error: not a string in quotes: true" },
	{ "a value with odd bytes", "workers = \"\\n\\x1b\xff\";",
	    ":1: workers: not one of spawn or service: \"\\x0a\\x1b\\xff\"" },
	{ "a truth in quotes", "multiple_signatures = \"true\";",
	    ":1: multiple_signatures: neither true nor false: \"true\"" },
	{ "a truth as a number", "sign_for = { authenticated = 1; };",
	    ":1: sign_for.authenticated: neither true nor false: 1" },
	{ "facility kern", "log = { facility = \"kern\"; };",
	    ":1: log.facility: not one of" },
	{ "canonicalization of three", "canonicalization = \"a/b/c\";",
	    ":1: canonicalization: not header/body, each simple or relaxed: "
	    "\"a/b/c\"" },
	{ "canonicalization nofws", "canonicalization = \"nofws\";",
	    ":1: canonicalization: not header/body" },
	{ "canonicalization, empty", "canonicalization = \"\";",
	    ":1: canonicalization: not header/body" },

	/* lists */
	{ "a string as a list", "sign_headers = \"From\";",
	    ":1: sign_headers: not a list [ ]: \"From\"" },
	{ "a number in a list of strings",
	    "sign_for = { daemons = ( \"a\",\n 5 ); };",
	    ":2: sign_for.daemons: not a string in quotes: 5" },
	{ "a list in a list", "sign_for = { networks = ( [ ] ); };",
	    ":1: sign_for.networks: not a string in quotes: a list" },
	{ "an empty daemon name", "sign_for = { daemons = [ \"\" ]; };",
	    ":1: sign_for.daemons: empty: \"\"" },
	{ "empty lists", "sign_for = { daemons = (); networks = []; };", "" },
	{ "types mixed in an array", "channel_users = [ \"root\", 5 ];",
	    ":1: mismatched element type in array" },
	{ "a network with bits behind",
	    "sign_for = {\n networks = [\n \"192.0.2.0/24\",\n "
	    "\"192.0.2.1/24\" ]; };",
	    ":4: sign_for.networks: not an address, nor a network without "
	    "bits set behind its prefix: \"192.0.2.1/24\"" },
	{ "a host as a network", "sign_for = { networks = [\"localhost\"]; };",
	    ":1: sign_for.networks: not an address" },

	/* users */
	{ "no such user", "channel_users = [ \"nobody-has-this\" ];",
	    ":1: channel_users: no such user (a number goes without quotes): "
	    "\"nobody-has-this\"" },
	{ "an empty user", "channel_users = [ \"\" ];",
	    ":1: channel_users: no such user" },
	{ "a number in quotes", "channel_users = [ \"4294967293\" ];",
	    ":1: channel_users: no such user" },
	{ "a negative user", "channel_users = [ -1 ];",
	    ":1: channel_users: out of range, the number of a user: -1" },
	{ "the user that is none", "channel_users = [ 4294967295L ];",
	    ":1: channel_users: out of range, the number of a user" },
	{ "a truth as a user", "channel_users = [ true ];",
	    ":1: channel_users: not a whole number: true" },

	/* header fields */
	{ "From missing", "sign_headers = [ \"To\" ];",
	    ":1: sign_headers: From is missing: it must be signed, RFC 6376 "
	    "section 5.4" },
	{ "nothing signed", "sign_headers = [];",
	    ":1: sign_headers: From is missing" },
	{ "nearly From", "sign_headers = [ \"From-\", \"XFrom\", \"Fro\" ];",
	    ":1: sign_headers: From is missing" },
	{ "From not oversigned", "oversign_headers = [ \"To\" ];", "" },
	{ "a name twice", "sign_headers = [ \"From\", \"To\", \"FROM\" ];",
	    ":1: sign_headers: a name that is in the list already: "
	    "\"FROM\"" },
	{ "an empty name", "sign_headers = [ \"From\", \"\" ];",
	    ":1: sign_headers: not the name of a header field: \"\"" },
	{ "a colon in a name", "sign_headers = [ \"From:\" ];",
	    ":1: sign_headers: not the name of a header field: \"From:\"" },
	{ "a space in a name", "sign_headers = [ \"From \" ];",
	    ":1: sign_headers: not the name" },
	{ "a semicolon in a name", "oversign_headers = [ \"X;Y\" ];",
	    ":1: oversign_headers: not the name" },
	{ "DEL in a name", "oversign_headers = [ \"X\\x7f\" ];",
	    ":1: oversign_headers: not the name" },
	{ "UTF-8 in a name", "oversign_headers = [ \"\xc3\xa4\" ];",
	    ":1: oversign_headers: not the name of a header field: "
	    "\"\\xc3\\xa4\"" },
	{ "! and ~ in a name", "oversign_headers = [ \"!~\" ];", "" },
	{ "Received", "sign_headers = [ \"From\",\n \"received\" ];",
	    ":2: sign_headers: a field that changes on the way and is never "
	    "signed: \"received\"" },
	{ "Return-Path", "oversign_headers = [ \"Return-Path\" ];",
	    ":1: oversign_headers: a field that changes" },
	{ "DKIM-Signature", "oversign_headers = [ \"DKIM-Signature\" ];",
	    ":1: oversign_headers: a field that changes" },
	{ "Comments", "oversign_headers = [ \"Comments\" ];",
	    ":1: oversign_headers: a field that changes" },
	{ "Keywords", "oversign_headers = [ \"Keywords\" ];",
	    ":1: oversign_headers: a field that changes" },
	{ "Bcc", "oversign_headers = [ \"BCC\" ];",
	    ":1: oversign_headers: a field that changes" },
	{ "Resent-Bcc", "oversign_headers = [ \"Resent-Bcc\" ];",
	    ":1: oversign_headers: a field that changes" },

	/* paths and sockets */
	{ "an empty path", "key_table = \"\";",
	    ":1: key_table: an empty path: \"\"" },
	{ "no sockets", "sockets = [];",
	    ":1: sockets: an empty list: nobody could connect" },
	{ "a string as sockets", "sockets = \"unix:/a\";",
	    ":1: sockets: not a list [ ]: \"unix:/a\"" },
	{ "a number as a socket", "sockets = [ 8891 ];",
	    ":1: sockets: neither a string nor a group { spec = ...; }: "
	    "8891" },
	{ "a bare path", "sockets = [ \"/run/milter\" ];",
	    ":1: sockets: not unix:/path, local:/path, inet:port@host or "
	    "inet6:port@host: \"/run/milter\"" },
	{ "an empty spec", "sockets = [ \"\" ];",
	    ":1: sockets: not unix:/path" },
	{ "a relative socket", "sockets = [ \"unix:milter.sock\" ];",
	    ":1: sockets: the path of a socket must be absolute: "
	    "\"unix:milter.sock\"" },
	{ "Postfix's order", "sockets = [ \"inet:127.0.0.1:8891\" ];",
	    ":1: sockets: not port@host: \"inet:127.0.0.1:8891\"" },
	{ "no host", "sockets = [ \"inet:8891@\" ];",
	    ":1: sockets: not a host name or IPv4 address behind the @" },
	{ "no port", "sockets = [ \"inet:@localhost\" ];",
	    ":1: sockets: not a port, 1 to 65535, before the @" },
	{ "port 0", "sockets = [ \"inet:0@localhost\" ];",
	    ":1: sockets: not a port" },
	{ "port 65535", "sockets = [ \"inet:65535@localhost\" ];", "" },
	{ "port 65536", "sockets = [ \"inet:65536@localhost\" ];",
	    ":1: sockets: not a port" },
	{ "port of 20 digits", "sockets = [\"inet:18446744073709560507@a\"];",
	    ":1: sockets: not a port" },
	{ "a port with a sign", "sockets = [ \"inet:+25@a\" ];",
	    ":1: sockets: not a port" },
	{ "IPv6 as inet", "sockets = [ \"inet:8891@[::1]\" ];",
	    ":1: sockets: not a host name or IPv4 address" },
	{ "IPv4 as inet6", "sockets = [ \"inet6:8891@[127.0.0.1]\" ];",
	    ":1: sockets: not a host name or IPv6 address" },
	{ "IPv6 without brackets", "sockets = [ \"inet6:8891@::1\" ];", "" },
	{ "empty brackets", "sockets = [ \"inet6:8891@[]\" ];",
	    ":1: sockets: not a host name or IPv6 address" },
	{ "a space in a host", "sockets = [ \"inet:8891@a b\" ];",
	    ":1: sockets: not a host name" },
	{ "a socket twice", "sockets = [ \"unix:/a\",\n \"unix:/a\" ];",
	    ":2: sockets: a socket that is in the list already: "
	    "\"unix:/a\"" },
	{ "a socket twice by two names",
	    "sockets = ( \"unix:/a\", { spec = \"local:/a\"; } );",
	    ":1: sockets.spec: a socket that is in the list already" },
	{ "an inet socket twice", "sockets = [\"inet:1@a\", \"inet:1@a\"];",
	    ":1: sockets: a socket that is in the list already" },
	{ "no spec", "sockets = ( { optional = true; } );",
	    ":1: sockets: a socket without spec" },
	{ "unknown in a socket",
	    "sockets = (\n{ spec = \"unix:/a\";\n user = \"root\"; } );",
	    ":3: sockets.user: unknown; a socket has spec, mode, group, "
	    "optional" },
	{ "spec is a number", "sockets = ( { spec = 5; } );",
	    ":1: sockets.spec: not a string in quotes: 5" },
	{ "spec is wrong", "sockets = ( { mode = \"0600\"; spec = \"x\"; } );",
	    ":1: sockets.spec: not unix:/path" },
	{ "mode of an inet socket",
	    "sockets = ( { spec = \"inet:1@a\"; mode = \"0600\"; } );",
	    ":1: sockets.spec: mode, group and optional are for unix sockets "
	    "only: \"inet:1@a\"" },
	{ "an inet socket as a group", "sockets = ({ spec = \"inet:1@a\"; });",
	    "" },
	{ "mode as a number",
	    "sockets = ( { spec = \"unix:/a\"; mode = 660; } );",
	    ":1: sockets.mode: not a string in quotes: 660" },
	{ "mode as an octal number",
	    "sockets = ( { spec = \"unix:/a\"; mode = 0660; } );",
	    ":1: numbers are decimal here (a mode is a string, \"0660\"): "
	    "0660" },
	{ "mode 0777", "sockets = ( { spec = \"unix:/a\"; mode = \"777\"; } );",
	    "" },
	{ "mode 1000", "sockets = ({ spec = \"unix:/a\"; mode = \"1000\"; });",
	    ":1: sockets.mode: out of range, 0 to 0777: \"1000\"" },
	{ "mode 0668", "sockets = ({ spec = \"unix:/a\"; mode = \"0668\"; });",
	    ":1: sockets.mode: not an octal mode: \"0668\"" },
	{ "mode of five digits",
	    "sockets = ({ spec = \"unix:/a\"; mode = \"00660\"; });",
	    ":1: sockets.mode: not an octal mode" },
	{ "mode in words",
	    "sockets = ( { spec = \"unix:/a\"; mode = \"u=rw\"; } );",
	    ":1: sockets.mode: not an octal mode" },
	{ "empty mode", "sockets = ( { spec = \"unix:/a\"; mode = \"\"; } );",
	    ":1: sockets.mode: not an octal mode" },
	{ "no such group",
	    "sockets = ({ spec = \"unix:/a\";\n group = \"nobody-has-it\"; });",
	    ":2: sockets.group: no such group: \"nobody-has-it\"" },
	{ "optional is a word",
	    "sockets = ({ spec = \"unix:/a\"; optional = \"yes\"; });",
	    ":1: sockets.optional: neither true nor false: \"yes\"" },
};

static void
test_refusals(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(refusal(cases[i].in, strlen(cases[i].in)), cases[i].want,
		    cases[i].name);
	check(refusal("drain = 5;\n \0", 13), ":2:2: a NUL byte", "a NUL");
}

static void
test_limits(void)
{
	check(refusal_of_many("", CONF_BYTES_MAX, "\n", ""), "",
	    "a file of 1 MiB");
	check(refusal_of_many("", CONF_BYTES_MAX + 1, "\n", ""),
	    ": larger than 1048576 bytes: 1048577", "one byte more");
	check(refusal_of_many("sockets = [", CONF_SOCKETS_MAX - 1,
	          "\"unix:/%\", ", "\"unix:/x\"];"),
	    "", "64 sockets");
	check(refusal_of_many("sockets = [", CONF_SOCKETS_MAX, "\"unix:/%\", ",
	          "\"unix:/x\"];"),
	    ":1: sockets: more than 64 entries in the list: 65", "65 sockets");
	check(refusal_of_many("sign_headers = [", CONF_FIELDS_MAX - 1,
	          "\"X-%\", ", "\"From\"];"),
	    "", "256 fields");
	check(refusal_of_many("sign_headers = [", CONF_FIELDS_MAX, "\"X-%\", ",
	          "\"From\"];"),
	    ":1: sign_headers: more than 256 entries", "257 fields");
	check(refusal_of_many("oversign_headers = [", CONF_FIELDS_MAX,
	          "\"X-%\", ", "\"From\"];"),
	    ":1: oversign_headers: more than 256 entries", "257 fields");

	/* 107 bytes of path: the slash and these. */
	check(refusal_of_many("sockets = [\"unix:/", 106, "x", "\"];"), "",
	    "a socket's path of 107 bytes");
	check(refusal_of_many("sockets = [\"unix:/", 107, "x", "\"];"),
	    ":1: sockets: longer than a socket's name can be",
	    "a socket's path of 108 bytes");
	check(refusal_of_many("channel_socket = \"/", 106, "x", "\";"), "",
	    "a channel_socket of 107 bytes");
	check(refusal_of_many("channel_socket = \"/", 107, "x", "\";"),
	    ":1: channel_socket: longer than a socket's name can be",
	    "a channel_socket of 108 bytes");
	check(refusal_of_many("control_socket = \"", 106, "x", "\";"),
	    ":1: control_socket: longer than",
	    "a control_socket too long with its directory");
	check(refusal_of_many("sockets = [\"inet:1@", 127 - 7, "x", "\"];"), "",
	    "a spec of 127 bytes");
	check(refusal_of_many("sockets = [\"inet:1@", 128 - 7, "x", "\"];"),
	    ":1: sockets: longer than a socket's spec can be",
	    "a spec of 128 bytes");

	check(refusal_of_many("", 63, "x", " = 1;"), ":1: xxx",
	    "an unknown name of 63 bytes");
	check(refusal_of_many("", 100000, "x", " = 1;"), ":1: xxx",
	    "an unknown name of 100000 bytes");
	check(refusal_of_many("log = ", 100000, "{a=", ""),
	    ":1: nested more than 16 deep", "groups nested 100000 times");
	check(refusal_of_many("drain = ", 16, "(", "))))))))))))))))"),
	    ":1: drain: not a whole number: a list", "16 lists");
	check(refusal_of_many("drain = ", 17, "(", ")))))))))))))))))"),
	    ":1: nested more than 16 deep", "17 lists");
	check(refusal_of_many("drain = ", 100000, "(", ""),
	    ":1: nested more than 16 deep", "lists nested 100000 times");
	check(refusal_of_many("workers = \"", 100000, "x", "\";"),
	    ":1: workers: not one of spawn or service: \"xxx", "a long value");
}

static void
test_files(void)
{
	struct err err = ERR_INIT;
	char name[128];

	snprintf(name, sizeof(name), "%s/nothing/keyturn.conf", dir);
	ok(conf_load(name, &err) == NULL && err.code == ERR_CONF &&
	        strstr(err.text, "nothing/keyturn.conf: No such file") != NULL,
	    "no file");
	ok(conf_load(dir, &err) == NULL && err.code == ERR_CONF &&
	        strstr(err.text, "not a regular file") != NULL,
	    "a directory");
	unlink(file);
	if (mkfifo(file, 0600) == -1)
		abort();
	alarm(10);
	ok(conf_load(file, &err) == NULL && err.code == ERR_CONF, "a FIFO");
	alarm(0);
	unlink(file);
}

int
main(void)
{
	conf_file_begin();
	test_defaults();
	test_every_setting();
	test_refusals();
	test_limits();
	test_files();
	conf_file_end();
	return tap_done();
}
