/*
 * Looking records up and judging them.
 */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "dnsname.h"
#include "json.h"
#include "keylook.h"
#include "keyrecord.h"
#include "ring.h"

/* In the zone file. */
static int
look_in_zone(struct keysource *ks, struct keylook *look, struct err *err)
{
	struct keycheck *kc = &look->check;
	struct buf name = BUF_INIT, *records = NULL;
	const char *text;
	int count, rc = -1;

	dnsname_of_key(kc->selector, strlen(kc->selector), kc->domain,
	    strlen(kc->domain), &name);
	text = buf_str(&name);
	count = text == NULL ? err_nomem(err)
	                     : keysource_records(ks, text, &records, err);
	if (count != -1)
		rc = keycheck_records(kc, records, count, err);
	keysource_free(records, count);
	buf_clear(&name);
	return rc;
}

/* In the DNS: all at once, for they wait for the same servers. */
static int
look_in_dns(struct keysource *ks, struct keylook *looks, size_t count,
    struct err *err)
{
	struct sight_query *queries = calloc(count, sizeof(*queries));
	int rc = 0;

	if (queries == NULL)
		return err_nomem(err);
	for (size_t i = 0; i < count; i++) {
		const struct keycheck *kc = &looks[i].check;

		queries[i].domain = kc->domain;
		queries[i].selector = kc->selector;
		queries[i].may_ask_resolver = looks[i].may_ask_resolver;
		queries[i].conf = conf_for_ring(ks->conf, kc->domain);
		if (kc->key != NULL)
			queries[i].record = buf_str(&looks[i].record);
	}
	sights_look(ks->sights, queries, count);
	for (size_t i = 0; i < count; i++) {
		looks[i].query = queries[i];
		looks[i].has_servers = queries[i].err.code == ERR_NONE;
		if (looks[i].has_servers)
			rc = rc == -1 ? -1
			              : keycheck_sighting(&looks[i].check,
			                    &looks[i].query.out, err);
		else
			keycheck_set(&looks[i].check, KEYCHECK_UNANSWERED, "%s",
			    queries[i].err.text);
	}
	free(queries);
	return rc;
}

int
keylook_run(struct keysource *ks, struct keylook *looks, size_t count,
    struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct keylook *l = &looks[i];
		int rc = 0;

		if (l->check.key != NULL)
			rc = keyrecord_write(l->check.key, &l->record, err);
		if (rc == 0 && ks->file_path != NULL)
			rc = keycheck_file(&l->check, &ks->file, err);
		else if (rc == 0 && ks->zone_path != NULL)
			rc = look_in_zone(ks, l, err);
		if (rc == -1)
			return -1;
	}
	if (count == 0 || !keysource_is_dns(ks))
		return 0;
	return look_in_dns(ks, looks, count, err);
}

void
keylook_clear(struct keylook *look)
{
	buf_clear(&look->record);
	if (look->has_servers)
		sighting_clear(&look->query.out);
}

static void
add_line(struct buf *out, const char *label, const char *text)
{
	buf_printf(out, "  %-12s ", label);
	buf_add_escaped(out, text, strlen(text));
	buf_addc(out, '\n');
}

void
keylook_words(const struct keylook *look, struct buf *out)
{
	const struct keycheck *kc = &look->check;
	const struct sighting *s = &look->query.out;
	char hex[RING_HEX_MAX], summary[RING_EVIDENCE_MAX];

	if (kc->has_published) {
		hex_text(kc->published, hex);
		add_line(out, "published:", hex);
	}
	if (look->has_servers) {
		sighting_summary(s, summary, sizeof(summary));
		add_line(out, "seen at:", summary);
	}
	for (size_t i = 0; look->has_servers && i < s->server_count; i++) {
		const struct sight_server *server = &s->servers[i];

		if (server->text[0] == '\0')
			continue;
		buf_printf(out, "  server:      %s (%s): ", server->name,
		    server->address);
		buf_add_escaped(out, server->text, strlen(server->text));
		buf_addc(out, '\n');
	}
	for (size_t i = 0; look->has_servers && i < s->lint_count; i++)
		add_line(out, "warning:", s->lints[i].text);
	if (!look->has_servers && kc->is_testing)
		add_line(out, "warning:",
		    "t=y is left over from testing: verifiers may ignore the "
		    "signature");
	if (keycheck_cause(kc->finding) != NULL)
		add_line(out, "likely:", keycheck_cause(kc->finding));
	if (keycheck_remedy(kc->finding) != NULL)
		add_line(out, "way out:", keycheck_remedy(kc->finding));
}

void
keylook_json(const struct keylook *look, struct buf *out)
{
	const struct keycheck *kc = &look->check;
	char hex[RING_HEX_MAX];

	json_text(out, "finding", keycheck_name(kc->finding));
	json_text(out, "text", kc->text);
	json_text(out, "cause", keycheck_cause(kc->finding));
	json_text(out, "remedy", keycheck_remedy(kc->finding));
	json_name(out, "published");
	if (kc->has_published) {
		hex_text(kc->published, hex);
		buf_addc(out, '{');
		json_text(out, "algorithm", key_alg_name(kc->alg));
		json_number(out, "bits", kc->bits);
		json_text(out, "fingerprint", hex);
		json_name(out, "testing");
		buf_adds(out, kc->is_testing ? "true}" : "false}");
	} else {
		buf_adds(out, "null");
	}
	json_name(out, "dns");
	if (look->has_servers)
		sighting_json(&look->query.out, out);
	else
		buf_adds(out, "null");
}
