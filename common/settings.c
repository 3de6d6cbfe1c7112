/*
 * The table of settings.
 */
#include <string.h>
#include <syslog.h>

#include "key.h"
#include "settings.h"

/* Enums are read and written as int. */
_Static_assert(sizeof(enum verdict) == sizeof(int), "enum is not an int");
_Static_assert(sizeof(enum workers) == sizeof(int), "enum is not an int");
_Static_assert(sizeof(enum log_to) == sizeof(int), "enum is not an int");
_Static_assert(sizeof(enum rotation_mode) == sizeof(int), "not an int");
_Static_assert(sizeof(enum revoke_how) == sizeof(int), "not an int");
_Static_assert(sizeof(enum publisher_type) == sizeof(int), "not an int");
_Static_assert(sizeof(enum dns_tcp) == sizeof(int), "not an int");
_Static_assert(sizeof(enum dns_witness) == sizeof(int), "not an int");

static const struct setting_word workers_words[] = {
	{ "spawn", WORKERS_SPAWN },
	{ "service", WORKERS_SERVICE },
	{ NULL, 0 },
};

static const struct setting_word verdict_words[] = {
	{ "accept", VERDICT_ACCEPT },
	{ "tempfail", VERDICT_TEMPFAIL },
	{ "reject", VERDICT_REJECT },
	{ NULL, 0 },
};

static const struct setting_word log_to_words[] = {
	{ "syslog", LOG_TO_SYSLOG },
	{ "stderr", LOG_TO_STDERR },
	{ NULL, 0 },
};

/* Without kern, which syslog(3) keeps for the kernel. */
static const struct setting_word facility_words[] = {
	{ "auth", LOG_AUTH },
	{ "authpriv", LOG_AUTHPRIV },
	{ "cron", LOG_CRON },
	{ "daemon", LOG_DAEMON },
	{ "ftp", LOG_FTP },
	{ "lpr", LOG_LPR },
	{ "mail", LOG_MAIL },
	{ "news", LOG_NEWS },
	{ "syslog", LOG_SYSLOG },
	{ "user", LOG_USER },
	{ "uucp", LOG_UUCP },
	{ "local0", LOG_LOCAL0 },
	{ "local1", LOG_LOCAL1 },
	{ "local2", LOG_LOCAL2 },
	{ "local3", LOG_LOCAL3 },
	{ "local4", LOG_LOCAL4 },
	{ "local5", LOG_LOCAL5 },
	{ "local6", LOG_LOCAL6 },
	{ "local7", LOG_LOCAL7 },
	{ NULL, 0 },
};

static const struct setting_word level_words[] = {
	{ "err", LOG_ERR },
	{ "warning", LOG_WARNING },
	{ "notice", LOG_NOTICE },
	{ "info", LOG_INFO },
	{ "debug", LOG_DEBUG },
	{ NULL, 0 },
};

static const struct setting_word mode_words[] = {
	{ "auto", ROTATION_AUTO },
	{ "manual", ROTATION_MANUAL },
	{ NULL, 0 },
};

static const struct setting_word revoke_words[] = {
	{ "empty", REVOKE_EMPTY },
	{ "remove", REVOKE_REMOVE },
	{ NULL, 0 },
};

static const struct setting_word publisher_words[] = {
	{ "manual", PUBLISHER_MANUAL },
	{ "rfc2136", PUBLISHER_RFC2136 },
	{ "zonefile", PUBLISHER_ZONEFILE },
	{ "exec", PUBLISHER_EXEC },
	{ NULL, 0 },
};

static const struct setting_word tcp_words[] = {
	{ "require", DNS_TCP_REQUIRE },
	{ "when-truncated", DNS_TCP_WHEN_TRUNCATED },
	{ NULL, 0 },
};

static const struct setting_word witness_words[] = {
	{ "authorities", DNS_WITNESS_AUTHORITIES },
	{ "resolvers", DNS_WITNESS_RESOLVERS },
	{ NULL, 0 },
};

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* RFC 6376 section 5.4.1, and what lists add since. */
#define SIGN_HEADERS_DEFAULT                                           \
	"[\"From\", \"Sender\", \"Reply-To\", \"Subject\", \"Date\", " \
	"\"Message-ID\", \"To\", \"Cc\", \"MIME-Version\", "           \
	"\"Content-Type\", \"Content-Transfer-Encoding\", "            \
	"\"Content-ID\", \"Content-Description\", \"In-Reply-To\", "   \
	"\"References\", \"Resent-Date\", \"Resent-From\", "           \
	"\"Resent-Sender\", \"Resent-To\", \"Resent-Cc\", "            \
	"\"Resent-Message-ID\", \"List-Id\", \"List-Help\", "          \
	"\"List-Unsubscribe\", \"List-Unsubscribe-Post\", "            \
	"\"List-Subscribe\", \"List-Post\", \"List-Owner\", "          \
	"\"List-Archive\"]"

#define OVERSIGN_HEADERS_DEFAULT                                           \
	"[\"From\", \"Reply-To\", \"Subject\", \"Date\", \"Message-ID\", " \
	"\"To\", \"Cc\", \"MIME-Version\", \"Content-Type\", "             \
	"\"Content-Transfer-Encoding\", \"In-Reply-To\", \"References\"]"

#define RELOAD          false
#define RESTART         true

/* A number's text, when it is a macro too. */
#define TEXT(number)    TEXT_OF(number)
#define TEXT_OF(number) #number

/* A table, and the macros that keep its rows short. */
/* clang-format off */
#define ROW(kind_, name, type, member, text, range, change) \
	.info = { name, type, text, range, (change) }, .kind = (kind_), \
	.at = offsetof(struct conf, member)
#define BOOLEAN(name, member, text) \
	{ ROW(SETTING_BOOL, name, "boolean", member, text, \
	    "true or false", RELOAD) }
#define INTEGER(name, member, text, lo, hi, unit) \
	{ ROW(SETTING_INT, name, "integer", member, text, \
	    TEXT(lo) " to " TEXT(hi) " " unit, RELOAD), \
	    .min = (lo), .max = (hi) }
#define WORD(name, member, text, words_, range, change) \
	{ ROW(SETTING_WORD, name, "word", member, text, range, change), \
	    .words = (words_) }
#define LIST(kind_, name, type, member, count, text, range, change) \
	{ ROW(kind_, name, type, member, text, range, change), \
	    .count_at = offsetof(struct conf, count) }

/* The same for rings: the name of the setting is that of its member. */
#define RING(kind_, member, type, text, range) \
	.info = { #member, type, text, range, RELOAD }, .kind = (kind_), \
	.is_of_rings = true, .at = offsetof(struct ring_conf, member)
#define RING_BOOLEAN(member, text) \
	{ RING(SETTING_BOOL, member, "boolean", text, "true or false") }
#define RING_DURATION(member, text, lo, hi, range) \
	{ RING(SETTING_DURATION, member, "duration", text, range), \
	    .min = (lo), .max = (hi) }
#define RING_WORD(member, text, words_, range) \
	{ RING(SETTING_WORD, member, "word", text, range), .words = (words_) }
#define RING_SERVERS(member) \
	{ RING(SETTING_SERVERS, member, "list of servers", "[]", \
	    "at most " TEXT(CONF_SERVERS_MAX) " times ADDRESS or " \
	    "ADDRESS@PORT") }

static const struct setting settings[] = {
	LIST(SETTING_SOCKETS, "sockets", "list of sockets", sockets,
	    socket_count, "[\"unix:/run/keyturn-milter/milter.sock\"]",
	    "1 to " TEXT(CONF_SOCKETS_MAX) " sockets", RESTART),
	WORD("workers", workers, "\"spawn\"", workers_words, "spawn or service",
	    RESTART),
	LIST(SETTING_USERS, "channel_users", "list of users", channel_users,
	    channel_user_count, "[]", "names or numbers of users", RESTART),
	{ ROW(SETTING_SOCKET_PATH, "channel_socket", "path", channel_socket,
	    "\"/run/keyturn/channel.sock\"",
	    "at most " TEXT(CONF_SOCKET_PATH_MAX) " bytes", RESTART) },
	{ ROW(SETTING_SOCKET_PATH, "control_socket", "path", control_socket,
	    "\"/run/keyturn/control.sock\"",
	    "at most " TEXT(CONF_SOCKET_PATH_MAX) " bytes", RESTART) },
	INTEGER("channel_timeout", channel_timeout, "5", 1, 60, "seconds"),
	INTEGER("drain", drain, "10", 1, 300, "seconds"),
	{ ROW(SETTING_PATH, "key_table", "path", key_table, "none",
	    "a KeyTable", RELOAD) },
	{ ROW(SETTING_PATH, "signing_table", "path", signing_table, "none",
	    "a SigningTable", RELOAD) },
	{ ROW(SETTING_PATH, "rings", "path", rings,
	    "\"/var/lib/keyturn/rings\"", "a directory", RESTART) },
	BOOLEAN("subdomains", subdomains, "false"),
	BOOLEAN("sign_for.authenticated", sign_authenticated, "true"),
	LIST(SETTING_NETWORKS, "sign_for.networks", "list of networks",
	    sign_networks, sign_network_count, "[\"127.0.0.0/8\", \"::1/128\"]",
	    "addresses, or networks as address/bits", RELOAD),
	{ ROW(SETTING_STRINGS, "sign_for.daemons", "list of strings",
	    sign_daemons, "[]", "daemon names of the MTA", RELOAD) },
	{ ROW(SETTING_CANON, "canonicalization", "word", canonicalization,
	    "\"relaxed/relaxed\"", "header/body, each simple or relaxed",
	    RELOAD) },
	{ ROW(SETTING_FIELDS, "sign_headers", "list of field names",
	    sign_headers, SIGN_HEADERS_DEFAULT,
	    "at most " TEXT(CONF_FIELDS_MAX) " names, From among them",
	    RELOAD) },
	{ ROW(SETTING_FIELDS, "oversign_headers", "list of field names",
	    oversign_headers, OVERSIGN_HEADERS_DEFAULT,
	    "at most " TEXT(CONF_FIELDS_MAX) " names", RELOAD) },
	BOOLEAN("multiple_signatures", multiple_signatures, "false"),
	WORD("on_error", on_error, "\"tempfail\"", verdict_words,
	    "accept, tempfail or reject", RELOAD),
	WORD("on_malformed", on_malformed, "\"accept\"", verdict_words,
	    "accept, tempfail or reject", RELOAD),
	INTEGER("minimum_rsa_bits", minimum_rsa_bits, "1024", KEY_RSA_BITS_MIN,
	    KEY_RSA_BITS_MAX, "bits"),
	WORD("log.to", log.to, "\"syslog\"", log_to_words, "syslog or stderr",
	    RELOAD),
	WORD("log.facility", log.facility, "\"mail\"", facility_words,
	    "auth, authpriv, cron, daemon, ftp, lpr, mail, news, syslog, "
	    "user, uucp or local0 to local7",
	    RELOAD),
	WORD("log.level", log.level, "\"info\"", level_words,
	    "err, warning, notice, info or debug", RELOAD),

	RING_WORD(rotation.mode, "\"auto\"", mode_words, "auto or manual"),
	RING_DURATION(rotation.interval, "\"90d\"", DAY, 3650 * DAY,
	    "1d to 3650d"),
	RING_BOOLEAN(rotation.standby, "true"),
	RING_DURATION(rotation.lead, "\"7d\"", HOUR, 365 * DAY, "1h to 365d"),
	RING_DURATION(rotation.margin, "\"1h\"", 0, 30 * DAY, "0s to 30d"),
	RING_DURATION(rotation.retire_after, "\"14d\"", HOUR, 365 * DAY,
	    "1h to 365d"),
	RING_WORD(rotation.revoke, "\"empty\"", revoke_words,
	    "empty or remove"),
	RING_DURATION(rotation.revoke_for, "\"30d\"", 0, 3650 * DAY,
	    "0s to 3650d"),
	RING_DURATION(rotation.delete_after, "\"30d\"", 0, 3650 * DAY,
	    "0s to 3650d"),
	RING_DURATION(rotation.recheck, "\"6h\"", MINUTE, 7 * DAY,
	    "1m to 7d"),
	{ RING(SETTING_KEY_SPECS, rotation.algorithms, "list of algorithms",
	    "[\"rsa2048\"]", "rsa1024 to rsa8192 or ed25519, one of each"),
	    .count_at = offsetof(struct ring_conf, rotation.algorithm_count) },
	RING_BOOLEAN(rotation.ed25519_alone, "false"),
	{ RING(SETTING_TEMPLATE, rotation.selector, "string",
	    "\"{yyyy}{mm}{seq}-{rand4}\"",
	    "a selector with {yyyy} {mm} {dd} {seq} {rand4} {host}") },
	{ RING(SETTING_SELECTORS, rotation.slots, "list of selectors", "[]",
	    "at least 3 for each algorithm, at most " TEXT(
	    ROTATION_SLOTS_MAX)) },
	{ RING(SETTING_DOMAIN, rotation.provider_zone, "domain", "none",
	    "needed with slots") },
	RING_BOOLEAN(rotation.stagger, "true"),
	{ RING(SETTING_BLACKOUTS, rotation.blackout, "list of days", "[]",
	    "at most " TEXT(BLACKOUT_MAX) " times MM-DD or YYYY-MM-DD, "
	    "or two of them with / between"),
	    .count_at = offsetof(struct ring_conf, rotation.blackout_count) },
	{ RING(SETTING_WEEKDAYS, rotation.weekdays, "string", "\"mon-thu\"",
	    "days like mon-thu, mon,wed,fri or any") },
	RING_DURATION(rotation.ttl, "3600", MINUTE, 7 * DAY, "1m to 7d"),

	RING_WORD(publisher.type, "\"manual\"", publisher_words,
	    "manual, rfc2136, zonefile or exec"),
	{ RING(SETTING_SERVER, publisher.server, "server", "none",
	    "ADDRESS or ADDRESS@PORT") },
	{ RING(SETTING_DOMAIN, publisher.zone, "domain", "none",
	    "the name of a zone") },
	{ RING(SETTING_PATH, publisher.key_file, "path", "none",
	    "a TSIG key") },
	{ RING(SETTING_PATH, publisher.file, "path", "none",
	    "a fragment of a zone file") },
	{ RING(SETTING_COMMAND, publisher.command, "list of strings", "[]",
	    "a program and its arguments") },
	RING_DURATION(publisher.timeout, "30", 1, 10 * MINUTE, "1s to 10m"),

	RING_SERVERS(dns.resolver),
	RING_SERVERS(dns.authorities),
	RING_WORD(dns.tcp, "\"require\"", tcp_words,
	    "require or when-truncated"),
	RING_DURATION(dns.timeout, "5", 1, MINUTE, "1s to 1m"),
	RING_WORD(dns.witness, "\"authorities\"", witness_words,
	    "authorities or resolvers"),
	RING_SERVERS(dns.witnesses),
	RING_DURATION(dns.min_wait, "\"48h\"", HOUR, 30 * DAY, "1h to 30d"),

	LIST(SETTING_OVERRIDES, "ring_settings", "list of groups", overrides,
	    override_count, "()",
	    "at most " TEXT(CONF_OVERRIDES_MAX) " groups", RELOAD),
	{ ROW(SETTING_COMMAND, "on_event", "list of strings", on_event, "[]",
	    "a program and its arguments", RELOAD) },
};
/* clang-format on */

enum { SETTING_COUNT = sizeof(settings) / sizeof(settings[0]) };
_Static_assert(SETTING_COUNT <= SETTINGS_MAX, "raise SETTINGS_MAX");

const struct setting *
setting_get(size_t i)
{
	return i < SETTING_COUNT ? &settings[i] : NULL;
}

const struct setting_info *
conf_setting(size_t i)
{
	return i < SETTING_COUNT ? &settings[i].info : NULL;
}

int
setting_find(const char *name)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		if (strcmp(settings[i].info.name, name) == 0)
			return i;
	return -1;
}

const char *
setting_word_text(const char *name, int value)
{
	const struct setting *row = setting_get((size_t)setting_find(name));
	const struct setting_word *w = row != NULL ? row->words : NULL;

	for (; w != NULL && w->text != NULL; w++)
		if (w->value == value)
			return w->text;
	return "";
}

/* Whether row is one of the group name. */
static bool
is_in_group(const struct setting *row, const char *name)
{
	size_t len = strlen(name);

	return strncmp(row->info.name, name, len) == 0 &&
	    row->info.name[len] == '.';
}

bool
setting_is_group(const char *name)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (is_in_group(&settings[i], name))
			return true;
	return false;
}

bool
setting_is_group_of_rings(const char *name)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].is_of_rings && is_in_group(&settings[i], name))
			return true;
	return false;
}
