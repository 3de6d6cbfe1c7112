/*
 * Recursive resolvers.  resolv.conf(5) is read by us: of all that libraries
 * make of it only the addresses are wanted.
 */
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "readfile.h"
#include "resolver.h"

#define RESOLV_CONF     "/etc/resolv.conf"
#define RESOLV_CONF_MAX ((size_t)65536)

/* Read "nameserver ADDRESS" from a line. */
static bool
parse_line(const char *line, struct dns_address *out)
{
	char word[16], address[DNSASK_ADDRESS_MAX];

	return sscanf(line, "%15s %63s", word, address) == 2 &&
	    strcmp(word, "nameserver") == 0 && dns_address_parse(address, out);
}

static size_t
system_list(struct dns_address out[RESOLVERS_MAX])
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	const char *line = NULL;
	size_t count = 0;

	if (readfile(RESOLV_CONF, RESOLV_CONF_MAX, &text, &err) == 0)
		line = buf_str(&text);
	while (line != NULL && count < RESOLVERS_MAX) {
		if (parse_line(line, &out[count]))
			count++;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	buf_clear(&text);
	/* resolv.conf(5): without any, the one of this machine. */
	if (count == 0 && dns_address_parse("127.0.0.1", &out[0]))
		count = 1;
	return count;
}

size_t
resolver_list(const struct dns_conf *conf,
    struct dns_address out[RESOLVERS_MAX])
{
	size_t count = 0;

	if (conf->resolver == NULL || conf->resolver[0] == NULL)
		return system_list(out);
	for (char *const *r = conf->resolver;
	     *r != NULL && count < RESOLVERS_MAX; r++)
		if (dns_address_parse(*r, &out[count]))
			count++;
	return count;
}

/* Whether an answer settles the question; otherwise says why not. */
static bool
settles(const struct dns_address *who, struct dns_answer *a)
{
	char why[DNSASK_TEXT_MAX];
	ldns_pkt_rcode rcode;

	if (a->state == DNSASK_ANSWERED) {
		rcode = ldns_pkt_get_rcode(a->pkt);
		if (rcode == LDNS_RCODE_NOERROR || rcode == LDNS_RCODE_NXDOMAIN)
			return true;
		dnswire_rcode(a->pkt, why);
	} else
		memcpy(why, a->text, sizeof(why));
	snprintf(a->text, sizeof(a->text), "resolver %.63s: %.80s", who->text,
	    why);
	return false;
}

bool
resolver_ask(struct dnsrun *run, const struct dns_conf *conf,
    const struct dns_question *q, struct dns_answer *out)
{
	struct dns_address list[RESOLVERS_MAX];
	size_t count = resolver_list(conf, list);

	memset(out, 0, sizeof(*out));
	snprintf(out->text, sizeof(out->text), "no resolver is configured");
	out->state = DNSASK_FAILED;
	for (size_t i = 0; i < count; i++) {
		dns_answer_clear(out);
		dnsrun_ask(run, &list[i], q, conf->timeout * 1000, out);
		if (settles(&list[i], out))
			return true;
	}
	return false;
}

void
resolver_key(const struct dns_conf *conf, struct buf *out)
{
	for (char *const *r = conf->resolver; r != NULL && *r != NULL; r++) {
		buf_adds(out, *r);
		buf_addc(out, ',');
	}
	buf_addc(out, ' ');
}
