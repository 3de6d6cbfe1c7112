/*
 * Settings that are kept as strings: what each kind must look like, and the
 * form in which it is kept.
 */
#include <arpa/inet.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "buf.h"
#include "confstring.h"
#include "dnsname.h"
#include "glob.h"
#include "selector.h"

enum { DNS_PORT = 53, PORT_MAX = 65535, PORT_DIGITS = 5 };

/*
 * Check the string s, whose text that is, and put a copy in the form in which
 * it is kept into *copy.  Returns 0, or -1 with the error set.
 */
typedef int taker(struct conf_reader *r, const config_setting_t *s,
    const char *text, char **copy);

/* text is NULL when there was no memory for it. */
static int
take_copy(struct conf_reader *r, const char *text, char **copy)
{
	*copy = text != NULL ? strdup(text) : NULL;
	if (*copy != NULL)
		return 0;
	err_nomem(r->err);
	return -1;
}

static int
take_lower(struct conf_reader *r, const char *text, char **copy)
{
	if (take_copy(r, text, copy) == -1)
		return -1;
	for (char *p = *copy; *p != '\0'; p++)
		*p = ascii_lower(*p);
	return 0;
}

static int
take_any(struct conf_reader *r, const config_setting_t *s, const char *text,
    char **copy)
{
	if (text[0] == '\0')
		return conf_refuse_value(r, s, "empty");
	return take_copy(r, text, copy);
}

/* A relative name is taken from the directory of the file. */
static int
take_path(struct conf_reader *r, const config_setting_t *s, const char *text,
    char **copy)
{
	const char *slash = strrchr(r->conf->path, '/');
	struct buf path = BUF_INIT;
	int rc;

	if (text[0] == '\0')
		return conf_refuse_value(r, s, "an empty path");
	if (text[0] != '/' && slash != NULL)
		buf_add(&path, r->conf->path,
		    (size_t)(slash - r->conf->path) + 1);
	buf_adds(&path, text);
	rc = take_copy(r, buf_str(&path), copy);
	buf_clear(&path);
	return rc;
}

static int
take_socket_path(struct conf_reader *r, const config_setting_t *s,
    const char *text, char **copy)
{
	if (take_path(r, s, text, copy) == -1)
		return -1;
	if (strlen(*copy) > CONF_SOCKET_PATH_MAX)
		return conf_refuse_value(r, s,
		    "longer than a socket's name can be");
	return 0;
}

static int
take_domain(struct conf_reader *r, const config_setting_t *s, const char *text,
    char **copy)
{
	if (!dnsname_is_valid(text, strlen(text)))
		return conf_refuse_value(r, s, "not a domain");
	return take_lower(r, text, copy);
}

static int
take_selector(struct conf_reader *r, const config_setting_t *s,
    const char *text, char **copy)
{
	if (!dnsname_is_valid(text, strlen(text)))
		return conf_refuse_value(r, s, "not a selector");
	return take_lower(r, text, copy);
}

static int
take_template(struct conf_reader *r, const config_setting_t *s,
    const char *text, char **copy)
{
	const char *problem = selector_template_problem(text);

	if (problem != NULL)
		return conf_refuse_value(r, s, problem);
	return take_lower(r, text, copy);
}

static int
take_pattern(struct conf_reader *r, const config_setting_t *s, const char *text,
    char **copy)
{
	const char *problem = glob_domain_problem(text);

	if (problem != NULL)
		return conf_refuse_value(r, s, problem);
	return take_lower(r, text, copy);
}

/* The number behind the @; -1: it is no port. */
static int
get_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	int port = 0;

	if (digits == 0 || digits > PORT_DIGITS || text[digits] != '\0')
		return -1;
	for (; *text != '\0'; text++)
		port = port * 10 + (*text - '0');
	return port >= 1 && port <= PORT_MAX ? port : -1;
}

/* One way of writing for each address, so that two alike are found. */
static int
take_server(struct conf_reader *r, const config_setting_t *s, const char *text,
    char **copy)
{
	static const int families[] = { AF_INET, AF_INET6 };
	size_t len = strcspn(text, "@");
	char address[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN + 8];
	unsigned char bytes[sizeof(struct in6_addr)];
	int port = text[len] == '@' ? get_port(text + len + 1) : DNS_PORT;
	bool is_address = false;

	if (len < sizeof(address)) {
		memcpy(address, text, len);
		address[len] = '\0';
		for (int i = 0; i < 2 && !is_address; i++)
			is_address =
			    inet_pton(families[i], address, bytes) == 1 &&
			    inet_ntop(families[i], bytes, address,
			        sizeof(address)) != NULL;
	}
	if (!is_address)
		return conf_refuse_value(r, s,
		    "not ADDRESS or ADDRESS@PORT, numerical and without "
		    "brackets; names of servers are not looked up");
	if (port == -1)
		return conf_refuse_value(r, s,
		    "not a port, 1 to 65535, behind the @");
	if (port == DNS_PORT)
		return take_copy(r, address, copy);
	snprintf(out, sizeof(out), "%s@%d", address, port);
	return take_copy(r, out, copy);
}

/* The first names a program: a path, or what PATH is searched for. */
static int
take_argument(struct conf_reader *r, const config_setting_t *s,
    const char *text, char **copy)
{
	if (config_setting_index(s) > 0)
		return take_copy(r, text, copy);
	if (text[0] != '\0' && strchr(text, '/') == NULL)
		return take_copy(r, text, copy);
	return take_path(r, s, text, copy);
}

int
conf_set_string(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	static taker *const takers[] = {
		[SETTING_PATH] = take_path,
		[SETTING_SOCKET_PATH] = take_socket_path,
		[SETTING_DOMAIN] = take_domain,
		[SETTING_SERVER] = take_server,
		[SETTING_TEMPLATE] = take_template,
	};
	const char *text = conf_get_string(r, s);

	if (text == NULL)
		return -1;
	return takers[row->kind](r, s, text, conf_member(r, row));
}

/* What the strings of a list must be. */
struct list_rule {
	taker *take;
	int max;        /* how many */
	bool is_unique; /* no two alike */
};

static bool
has_string(char *const *strings, int count, const char *text)
{
	for (int i = 0; i < count; i++)
		if (strcmp(strings[i], text) == 0)
			return true;
	return false;
}

/* An empty list is NULL. */
static int
get_strings(struct conf_reader *r, const config_setting_t *s,
    const struct list_rule *rule, char ***out)
{
	int count = conf_get_length(r, s, rule->max);
	char **strings;

	if (count <= 0)
		return count;
	strings = calloc((size_t)count + 1, sizeof(*strings));
	if (strings == NULL)
		return err_nomem(r->err);
	*out = strings;
	for (int i = 0; i < count; i++) {
		const config_setting_t *e = conf_element(s, i);
		const char *text = conf_get_string(r, e);

		if (text == NULL || rule->take(r, e, text, &strings[i]) == -1)
			return -1;
		if (rule->is_unique && has_string(strings, i, strings[i]))
			return conf_refuse_value(r, e, "in the list already");
	}
	return 0;
}

int
conf_set_strings(struct conf_reader *r, const struct setting *row,
    const config_setting_t *s)
{
	static const struct list_rule rules[] = {
		[SETTING_STRINGS] = { take_any, INT_MAX, false },
		[SETTING_SELECTORS] = { take_selector, ROTATION_SLOTS_MAX,
		    true },
		[SETTING_SERVERS] = { take_server, CONF_SERVERS_MAX, true },
		[SETTING_COMMAND] = { take_argument, CONF_ARGUMENTS_MAX,
		    false },
	};

	return get_strings(r, s, &rules[row->kind], conf_member(r, row));
}

int
conf_get_patterns(struct conf_reader *r, const config_setting_t *s, int max,
    char ***patterns)
{
	const struct list_rule rule = { take_pattern, max, false };

	return get_strings(r, s, &rule, patterns);
}
