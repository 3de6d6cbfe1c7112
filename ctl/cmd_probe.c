/*
 * keyturn probe: a message through every milter socket, as an MTA sends it,
 * and whether what comes back verifies.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "ctl.h"
#include "dnsname.h"
#include "json.h"
#include "keysource.h"
#include "output.h"
#include "probe.h"

#define TIMEOUT_S   20 /* for each answer of a milter */
#define ADDRESS_MAX 254

enum { OPT_FROM, OPT_CLIENT, OPT_AUTH, OPT_SOCKET, OPT_ZONE, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_FROM] = { "from", 'f', "ADDRESS",
	    "author; default keyturn-probe@DOMAIN" },
	[OPT_CLIENT] = { "client", '\0', "ADDRESS",
	    "IP address of the client; default 127.0.0.1" },
	[OPT_AUTH] = { "auth", '\0', "NAME", "who has logged in" },
	[OPT_SOCKET] = { "socket", 's', "SPEC",
	    "only this milter socket; default all configured" },
	[OPT_ZONE] = { "zone", 'z', "FILE",
	    "key records from a zone file, not from the DNS" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

/* What was found at all sockets. */
struct findings {
	size_t good, bad, unanswered;
	struct buf out;
	bool is_json;
};

static bool
is_optional(const struct conf_socket *s, const struct probe_result *r)
{
	return s->optional && r->outcome == PROBE_UNREACHABLE;
}

static void
count(struct findings *f, const struct conf_socket *s,
    const struct probe_result *r)
{
	if (r->outcome == PROBE_SIGNED)
		f->good++;
	else if (r->outcome == PROBE_UNREACHABLE ||
	    r->outcome == PROBE_UNANSWERED)
		f->unanswered += !is_optional(s, r);
	else
		f->bad++;
}

/* The verdicts, indented, below the line of their socket. */
static void
write_words(struct findings *f, const struct conf_socket *s,
    struct probe_result *r)
{
	const char *line = buf_str(&r->lines);

	buf_add_escaped(&f->out, s->spec, strlen(s->spec));
	buf_printf(&f->out, ": %s", probe_outcome_name(r->outcome));
	if (is_optional(s, r))
		buf_adds(&f->out, " (optional)");
	buf_printf(&f->out, "%s%s\n", r->text[0] != '\0' ? ": " : "", r->text);
	for (; line != NULL && *line != '\0'; line += strcspn(line, "\n") + 1)
		buf_printf(&f->out, "  %.*s\n", (int)strcspn(line, "\n"), line);
	if (line == NULL)
		f->out.has_failed = true;
}

static void
write_json(struct findings *f, const struct conf_socket *s,
    const struct probe_result *r, bool is_first)
{
	buf_adds(&f->out, is_first ? "{" : ",{");
	json_text(&f->out, "socket", s->spec);
	json_text(&f->out, "outcome", probe_outcome_name(r->outcome));
	json_name(&f->out, "optional");
	buf_adds(&f->out, s->optional ? "true" : "false");
	json_text(&f->out, "queue_id", r->qid);
	json_text(&f->out, "text", r->text);
	json_name(&f->out, "signatures");
	buf_addc(&f->out, '[');
	buf_add(&f->out, r->json.data, r->json.len);
	buf_adds(&f->out, "]}");
	f->out.has_failed = f->out.has_failed || r->json.has_failed;
}

/* Probe each socket.  Returns the exit code. */
static int
probe_all(const struct probe *p, const struct conf_socket *sockets,
    size_t socket_count, bool is_json)
{
	struct findings f = { .is_json = is_json };
	struct err err = ERR_INIT;
	int code = CTL_GOOD;

	if (is_json) {
		buf_addc(&f.out, '{');
		json_text(&f.out, "domain", p->domain);
		json_text(&f.out, "from", p->from);
		json_name(&f.out, "sockets");
		buf_addc(&f.out, '[');
	}
	for (size_t i = 0; i < socket_count && code == CTL_GOOD; i++) {
		struct probe_result r = { .outcome = PROBE_SIGNED };

		if (probe_socket(p, sockets[i].spec, &r, &err) == -1) {
			code = out_err(&err, CTL_DATA);
		} else {
			count(&f, &sockets[i], &r);
			if (is_json)
				write_json(&f, &sockets[i], &r, i == 0);
			else
				write_words(&f, &sockets[i], &r);
		}
		probe_result_clear(&r);
	}
	if (is_json)
		buf_adds(&f.out, "]}\n");
	if (code == CTL_GOOD)
		code = out_write(&f.out,
		    f.bad > 0              ? CTL_PROBLEM
		        : f.unanswered > 0 ? CTL_UNAVAILABLE
		        : f.good > 0       ? CTL_GOOD
		                           : CTL_UNAVAILABLE);
	buf_clear(&f.out);
	return code;
}

/* Whether text can stand in an envelope and in a From field as it is. */
static bool
is_address(const char *text)
{
	const char *at = strrchr(text, '@');

	if (at == NULL || at == text || strlen(text) > ADDRESS_MAX)
		return false;
	for (const char *c = text; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~' || strchr("<>()[]\\,;:\"", *c))
			return false;
	return dnsname_is_valid(at + 1, strlen(at + 1));
}

/* Take what the options say about the message.  Returns the exit code. */
static int
take_options(const struct ctl_call *call, struct probe *p, struct buf *from)
{
	unsigned char address[sizeof(struct in6_addr)];

	p->domain = call->operands[0];
	p->client = call->values[OPT_CLIENT];
	p->auth = call->values[OPT_AUTH];
	p->from = call->values[OPT_FROM];
	if (!dnsname_is_valid(p->domain, strlen(p->domain)))
		return out_usage(call, "not a domain: %s", p->domain);
	if (p->client == NULL)
		p->client = "127.0.0.1";
	if (inet_pton(AF_INET, p->client, address) != 1 &&
	    inet_pton(AF_INET6, p->client, address) != 1)
		return out_usage(call, "not an IP address: %s", p->client);
	if (p->from == NULL) {
		buf_printf(from, "keyturn-probe@%s", p->domain);
		p->from = buf_str(from);
	}
	if (p->from == NULL)
		return CTL_NOT_YET;
	if (!is_address(p->from))
		return out_usage(call, "not an address: %s", p->from);
	return CTL_GOOD;
}

/* Probe the socket that was named. */
static int
probe_one(const struct ctl_call *call, const struct probe *p)
{
	struct conf_socket given = { .spec = strdup(call->values[OPT_SOCKET]) };
	int code;

	if (given.spec == NULL)
		return CTL_NOT_YET;
	code = probe_all(p, &given, 1, call->values[OPT_JSON] != NULL);
	free(given.spec);
	return code;
}

static int
run(const struct ctl_call *call)
{
	struct keysource keys = KEYSOURCE_INIT;
	struct probe p = { .timeout_s = TIMEOUT_S,
		.conf_path = call->conf_path,
		.source = &keys.source };
	struct err err = ERR_INIT;
	struct conf *conf = NULL;
	struct buf from = BUF_INIT;
	int code;

	code = take_options(call, &p, &from);
	if (code == CTL_GOOD)
		code =
		    keysource_open(&keys, call, call->values[OPT_ZONE], NULL);
	if (code == CTL_GOOD && call->values[OPT_SOCKET] != NULL) {
		code = probe_one(call, &p);
	} else if (code == CTL_GOOD) {
		conf = conf_load(call->conf_path, &err);
		code = conf == NULL
		    ? out_err(&err, CTL_CONFIG)
		    : probe_all(&p, conf->sockets, conf->socket_count,
		          call->values[OPT_JSON] != NULL);
	}
	conf_free(conf);
	keysource_clear(&keys);
	buf_clear(&from);
	return code;
}

const struct command cmd_probe = {
	.name = "probe",
	.arguments = "[OPTION]... DOMAIN",
	.summary = "Send a message through each milter socket and verify it",
	.help =
	    "\n"
	    "The message goes to the milter as an MTA would give it, from "
	    "127.0.0.1; nobody\n"
	    "receives it.  What comes back is verified against the DNS.  For "
	    "each socket:\n"
	    "signed, with a verdict for each signature; or why not.\n"
	    "0: signed by DOMAIN and verified, at every socket.  1: at some "
	    "socket not.\n"
	    "69: a socket or the DNS does not answer.\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
