/*
 * Sightings as text: for people, the journal and --json.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "sight.h"

static const char *const sight_names[] = {
	[SIGHT_NONE] = "none",
	[SIGHT_COMPLETE] = "complete",
	[SIGHT_EMPTY] = "empty",
	[SIGHT_ABSENT] = "absent",
	[SIGHT_PARTIAL] = "partial",
	[SIGHT_MISMATCH] = "mismatch",
	[SIGHT_UNANSWERED] = "unanswered",
};

const char *
sight_name(enum sight sight)
{
	return sight_names[sight];
}

void
sighting_clear(struct sighting *s)
{
	for (size_t i = 0; i < s->server_count; i++) {
		free(s->servers[i].name);
		free(s->servers[i].address);
		free(s->servers[i].zone);
	}
	free(s->servers);
	free(s->record);
	memset(s, 0, sizeof(*s));
}

static void
json_seconds(struct buf *out, const char *name, int seconds)
{
	if (seconds >= 0)
		json_number(out, name, (unsigned long long)seconds);
	else
		json_text(out, name, NULL);
}

static void
json_server(struct buf *out, const struct sight_server *s)
{
	buf_addc(out, '{');
	json_text(out, "name", s->name);
	json_text(out, "address", s->address);
	json_text(out, "zone", s->zone);
	json_text(out, "sight", sight_name(s->sight));
	json_bool(out, "left_out", s->is_left_out);
	json_text(out, "text", s->text);
	buf_addc(out, '}');
}

/* What is never long, and the brace before it. */
static void
json_head(const struct sighting *s, struct buf *out)
{
	buf_addc(out, '{');
	json_text(out, "sight", sight_name(s->sight));
	json_text(out, "text", s->text);
	json_bool(out, "weak", s->is_weak);
	json_bool(out, "wildcard", s->is_wildcard);
	json_seconds(out, "cache_ttl", s->cache_ttl);
	json_seconds(out, "record_ttl", s->record_ttl);
}

void
sighting_json(const struct sighting *s, struct buf *out)
{
	json_head(s, out);
	json_text(out, "record", s->record);
	json_name(out, "servers");
	buf_addc(out, '[');
	for (size_t i = 0; i < s->server_count; i++) {
		if (i > 0)
			buf_addc(out, ',');
		json_server(out, &s->servers[i]);
	}
	buf_addc(out, ']');
	json_name(out, "lints");
	buf_addc(out, '[');
	for (size_t i = 0; i < s->lint_count; i++) {
		buf_adds(out, i > 0 ? ",{" : "{");
		json_text(out, "code", s->lints[i].code);
		json_text(out, "text", s->lints[i].text);
		buf_addc(out, '}');
	}
	buf_adds(out, "]}");
}

void
sighting_evidence(const struct sighting *s, struct buf *out)
{
	char summary[SIGHT_TEXT_MAX];
	struct buf all = BUF_INIT;

	sighting_json(s, &all);
	if (all.has_failed || all.len <= SIGHT_EVIDENCE_MAX) {
		buf_add(out, all.data, all.len);
		out->has_failed |= all.has_failed;
	} else {
		sighting_summary(s, summary, sizeof(summary));
		json_head(s, out);
		json_text(out, "summary", summary);
		json_number(out, "too_long", all.len);
		buf_addc(out, '}');
	}
	buf_clear(&all);
}

/* Whether an earlier server in the list has the same name. */
static bool
is_repeated(const struct sighting *s, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(s->servers[j].name, s->servers[i].name) == 0)
			return true;
	return false;
}

void
sighting_summary(const struct sighting *s, char *out, size_t size)
{
	size_t addresses = 0, servers = 0;
	bool left_out[2] = { false, false };
	const char *who = s->is_weak ? "resolver" : "server";

	for (size_t i = 0; i < s->server_count; i++) {
		const struct sight_server *server = &s->servers[i];

		servers += !is_repeated(s, i);
		if (server->is_left_out)
			left_out[strchr(server->address, ':') != NULL] = true;
		else
			addresses++;
	}
	snprintf(out, size, "%zu address%s of %zu %s%s%s%s", addresses,
	    addresses == 1 ? "" : "es", servers, who, servers == 1 ? "" : "s",
	    left_out[0] ? "; IPv4 left out: it does not work from here" : "",
	    left_out[1] ? "; IPv6 left out: it does not work from here" : "");
}

const char *
sight_status(enum sight sight, bool has_key)
{
	if (!has_key)
		return "Not configured";
	switch (sight) {
	case SIGHT_COMPLETE:
		return "DNS verified";
	case SIGHT_PARTIAL:
	case SIGHT_MISMATCH:
	case SIGHT_EMPTY:
		return "DNS mismatch";
	default:
		return "Key generated — DNS not verified";
	}
}
