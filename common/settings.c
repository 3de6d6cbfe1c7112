/*
 * The table of settings, and what can be done with a struct conf by going
 * through it.
 */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "buf.h"
#include "key.h"
#include "settings.h"

/* Enums are read and written as int. */
_Static_assert(sizeof(enum verdict) == sizeof(int), "enum is not an int");
_Static_assert(sizeof(enum workers) == sizeof(int), "enum is not an int");
_Static_assert(sizeof(enum log_to) == sizeof(int), "enum is not an int");

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

bool
setting_is_group(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strncmp(settings[i].info.name, name, len) == 0 &&
		    settings[i].info.name[len] == '.')
			return true;
	return false;
}

static void
sockets_free(struct conf_socket *sockets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(sockets[i].spec);
		free(sockets[i].group);
	}
	free(sockets);
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	sockets_free(conf->sockets, conf->socket_count);
	for (char **d = conf->sign_daemons; d != NULL && *d != NULL; d++)
		free(*d);
	free(conf->sign_daemons);
	free(conf->path);
	free(conf->channel_users);
	free(conf->channel_socket);
	free(conf->control_socket);
	free(conf->key_table);
	free(conf->signing_table);
	free(conf->sign_networks);
	free(conf->sign_headers);
	free(conf->oversign_headers);
	free(conf);
}

/* Strings, of which NULL is one. */
static bool
text_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
sockets_equal(const struct conf *a, const struct conf *b)
{
	if (a->socket_count != b->socket_count)
		return false;
	for (size_t i = 0; i < a->socket_count; i++) {
		const struct conf_socket *x = &a->sockets[i];
		const struct conf_socket *y = &b->sockets[i];

		if (!text_equal(x->spec, y->spec) || x->mode != y->mode ||
		    !text_equal(x->group, y->group) ||
		    x->optional != y->optional)
			return false;
	}
	return true;
}

static bool
users_equal(const struct conf *a, const struct conf *b)
{
	size_t len = a->channel_user_count * sizeof(*a->channel_users);

	return a->channel_user_count == b->channel_user_count &&
	    (len == 0 || memcmp(a->channel_users, b->channel_users, len) == 0);
}

/* Compares the kinds that a restart-only setting may have. */
static bool
setting_equal(const struct setting *s, const struct conf *a,
    const struct conf *b)
{
	const void *x = (const char *)a + s->at, *y = (const char *)b + s->at;

	switch (s->kind) {
	case SETTING_SOCKETS:
		return sockets_equal(a, b);
	case SETTING_USERS:
		return users_equal(a, b);
	case SETTING_PATH:
	case SETTING_SOCKET_PATH:
		return text_equal(*(char *const *)x, *(char *const *)y);
	case SETTING_INT:
	case SETTING_WORD:
		return *(const int *)x == *(const int *)y;
	default:
		abort(); /* a new row of a kind that is missing here */
	}
}

char *
conf_restart_differences(const struct conf *a, const struct conf *b)
{
	struct buf names = BUF_INIT;
	char *text = NULL;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];

		if (!s->info.needs_restart || setting_equal(s, a, b))
			continue;
		buf_adds(&names, names.len > 0 ? ", " : "");
		buf_adds(&names, s->info.name);
	}
	if (names.len > 0 && buf_str(&names) != NULL)
		text = strdup(names.data);
	buf_clear(&names);
	return text;
}
