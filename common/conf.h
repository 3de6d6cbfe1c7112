/*
 * keyturn.conf: reads it whole into a typed struct, or refuses it.  The table
 * of settings is in settings.c; keyturn.conf(5) is compared with it by a test.
 */
#ifndef KEYTURN_CONF_H
#define KEYTURN_CONF_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "canon.h"
#include "cidr.h"
#include "err.h"
#include "rotation.h"

#define CONF_PATH_DEFAULT    "/etc/keyturn/keyturn.conf"
#define CONF_RINGS_DEFAULT   "/var/lib/keyturn/rings"

/* Limits: bytes of the file, entries of lists, bytes without the final NUL. */
#define CONF_BYTES_MAX       (1 << 20)
#define CONF_SOCKETS_MAX     64
#define CONF_FIELDS_MAX      256 /* names in sign_headers, in oversign_headers */
#define CONF_SPEC_MAX        127
#define CONF_SOCKET_PATH_MAX 107 /* what sun_path holds on Linux */
#define CONF_OVERRIDES_MAX   1024
#define CONF_PATTERNS_MAX    8192 /* in all of ring_settings */
#define CONF_SERVERS_MAX     32
#define CONF_ARGUMENTS_MAX   64 /* of a program, itself included */

/* A milter socket: a string, or a group { spec, mode, group, optional }. */
struct conf_socket {
	char *spec;    /* as libmilter takes it: unix:/path, inet:port@host */
	mode_t mode;   /* of a unix socket, default 0660 */
	char *group;   /* of a unix socket, or NULL */
	bool optional; /* no directory for it: no worker, a notice */
};

enum workers { WORKERS_SPAWN, WORKERS_SERVICE };

/* What becomes of a message that cannot be handled as it should. */
enum verdict { VERDICT_ACCEPT, VERDICT_TEMPFAIL, VERDICT_REJECT };

enum log_to { LOG_TO_SYSLOG, LOG_TO_STDERR };

struct conf_log {
	enum log_to to;
	int facility; /* of syslog(3) */
	int level;    /* the least urgent level written, of syslog(3) */
};

/* What the rings that match have of their own. */
struct conf_override {
	char **rings; /* domains and globs as in a SigningTable, lower case,
	                 NULL-terminated */
	struct ring_conf conf; /* complete: what is not set is as for all */
};

struct conf {
	char *path; /* the file it was read from */

	struct conf_socket *sockets;
	size_t socket_count;
	enum workers workers;
	uid_t *channel_users;
	size_t channel_user_count;
	char *channel_socket;
	char *control_socket;
	int channel_timeout; /* seconds */
	int drain;           /* seconds */

	char *key_table;     /* path or NULL */
	char *signing_table; /* path or NULL */
	char *rings;         /* directory; not there: no rings */

	bool sign_authenticated;
	struct cidr *sign_networks;
	size_t sign_network_count;
	char **sign_daemons; /* NULL-terminated, or NULL */

	struct canon_pair canonicalization;
	char *sign_headers;     /* names, lower case, separated by ":" */
	char *oversign_headers; /* likewise */
	bool multiple_signatures;
	bool subdomains; /* rings also serve the domains below theirs */
	enum verdict on_error;
	enum verdict on_malformed;
	int minimum_rsa_bits;
	struct conf_log log;

	struct ring_conf ring_conf;      /* rotation, publisher, dns */
	struct conf_override *overrides; /* ring_settings; the first wins */
	size_t override_count;
	char **on_event; /* program and arguments, NULL-terminated, or NULL */
};

/* The settings for the ring of domain: of the first override that matches. */
const struct ring_conf *conf_for_ring(const struct conf *conf,
    const char *domain);

/*
 * Read path.  All of it is checked: unknown names, wrong types, values out of
 * range, a setting twice.  Relative file names in it are taken from the
 * directory of path.
 * Returns the configuration with every default filled in, or NULL with err
 * set: ERR_CONF ("file:line: what: value"), ERR_IO, ERR_NOMEM.
 */
struct conf *conf_load(const char *path, struct err *err);

/*
 * The configuration that an empty file would give; path is CONF_PATH_DEFAULT.
 * Returns NULL with err set: ERR_NOMEM.
 */
struct conf *conf_default(struct err *err);

/* Release; NULL is fine. */
void conf_free(struct conf *conf);

/*
 * The names of the restart-only settings in which a and b differ, separated
 * by ", ", as one string to be freed; NULL when there is none (or no memory).
 */
char *conf_restart_differences(const struct conf *a, const struct conf *b);

/* One row of the table of settings, for the manual's test and for tools. */
struct setting_info {
	const char *name; /* "sign_for.networks" */
	const char *type; /* "string", "boolean", "integer", "list" ... */
	const char *default_text;
	const char *range; /* "1 to 60 seconds", "simple or relaxed ..." */
	bool needs_restart;
};

/* Row i of the table; NULL past its end. */
const struct setting_info *conf_setting(size_t i);

#endif
