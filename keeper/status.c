/*
 * Gathers the facts once and puts them into words or into JSON.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "problem.h"
#include "status.h"
#include "status_rings.h"

enum {
	DEGRADED_MAX = 5,
	TIME_MAX = 32,
	WORDS_KEYS_MAX = 100, /* good keys are listed in words up to so many */
};

struct facts {
	const struct snap *snap;
	const struct conf *conf; /* of the start: sockets, workers */
	time_t loaded;
	struct channel_status channel;
	struct outcome last[RELOAD_KINDS];
	const struct held *held;
	bool is_held_failing;              /* it could not be written */
	const char *reasons[DEGRADED_MAX]; /* why it is degraded */
	size_t reason_count;
};

/* RFC 3339, UTC. */
static const char *
time_text(time_t t, char text[TIME_MAX])
{
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&t, &tm) != NULL)
		strftime(text, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

/* Whether a socket should have a worker and has none. */
static bool
is_unserved(const struct facts *f, const struct conf_socket *socket)
{
	for (size_t i = 0; i < f->channel.worker_count; i++)
		if (strcmp(f->channel.workers[i].spec, socket->spec) == 0)
			return false;
	return !socket->optional;
}

static bool
has_unserved(const struct facts *f)
{
	for (size_t i = 0; i < f->conf->socket_count; i++)
		if (is_unserved(f, &f->conf->sockets[i]))
			return true;
	return false;
}

static bool
was_refused(const struct outcome *o)
{
	return o->when != 0 && o->code != RELOAD_TAKEN &&
	    o->code != RELOAD_DEGRADED;
}

/* What is wrong, if anything. */
static void
judge(struct facts *f)
{
	if (f->snap->kept_count + f->snap->broken_count > 0)
		f->reasons[f->reason_count++] = "keys are kept or broken";
	if (was_refused(&f->last[RELOAD_ALL]))
		f->reasons[f->reason_count++] = "the last reload was refused";
	if (was_refused(&f->last[RELOAD_RINGS]))
		f->reasons[f->reason_count++] =
		    "the last reload of rings was refused";
	if (f->is_held_failing)
		f->reasons[f->reason_count++] =
		    "what is held could not be written down";
	/* Other people's workers are for who starts them. */
	if (f->conf->workers == WORKERS_SPAWN && has_unserved(f))
		f->reasons[f->reason_count++] = "a socket has no worker";
}

static const char *
state_name(enum entry_state state)
{
	static const char *const names[] = {
		[ENTRY_GOOD] = "good",
		[ENTRY_KEPT] = "kept",
		[ENTRY_BROKEN] = "broken",
	};

	return names[state];
}

/*
 * In words.
 */

/* A text that may have several lines, each of them indented. */
static void
add_indented(struct buf *out, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		buf_adds(out, "  ");
		buf_add_escaped(out, text, len);
		buf_addc(out, '\n');
		text += len + (text[len] == '\n');
	}
}

static void
words_key(const struct snap *snap, const struct entry *e, struct buf *out)
{
	struct buf line = BUF_INIT;

	if (e->state == ENTRY_GOOD)
		buf_printf(&line, "%s: %s._domainkey.%s, %s, %lu signatures",
		    e->name, e->selector, e->domain,
		    key_alg_name(key_algorithm(e->key)),
		    atomic_load(&e->usage->signatures));
	else
		problem_describe(snap, e, &line);
	if (buf_str(&line) != NULL)
		add_indented(out, line.data);
	else
		out->has_failed = true;
	buf_clear(&line);
}

static void
words_keys(const struct facts *f, struct buf *out)
{
	const struct snap *snap = f->snap;
	char when[TIME_MAX];

	buf_printf(out, "generation %llu, loaded %s: ",
	    (unsigned long long)snap->generation, time_text(f->loaded, when));
	problem_summary(snap, out);
	buf_addc(out, '\n');
	for (size_t i = 0; i < snap->entry_count; i++)
		if (snap->entries[i].ring == NULL &&
		    (snap->entries[i].state != ENTRY_GOOD ||
		        snap->entry_count <= WORDS_KEYS_MAX))
			words_key(snap, &snap->entries[i], out);
}

static void
words_reload(const char *name, const struct outcome *last, struct buf *out)
{
	char when[TIME_MAX];

	if (last->when == 0) {
		buf_printf(out, "%s: none since the start\n", name);
		return;
	}
	buf_printf(out, "%s: %s, exit code %d\n", name,
	    time_text(last->when, when), last->code);
	if (last->text != NULL)
		add_indented(out, last->text);
}

static void
words_workers(const struct facts *f, struct buf *out)
{
	const struct channel_status *ch = &f->channel;
	char when[TIME_MAX];

	buf_printf(out,
	    "workers: %zu, connections: %u, ended as malformed: "
	    "%llu\n",
	    ch->worker_count, ch->connections, (unsigned long long)ch->refused);
	for (size_t i = 0; i < ch->worker_count; i++) {
		const struct channel_worker *w = &ch->workers[i];

		buf_printf(out, "  worker %ld (uid %ld), ", (long)w->pid,
		    (long)w->uid);
		buf_add_escaped(out, w->spec, strlen(w->spec));
		buf_printf(out, ", generation %llu, connected since %s\n",
		    (unsigned long long)w->generation,
		    time_text(w->since, when));
	}
	for (size_t i = 0; i < f->conf->socket_count; i++)
		if (is_unserved(f, &f->conf->sockets[i]))
			buf_printf(out, "  no worker for %s\n",
			    f->conf->sockets[i].spec);
}

static void
words_counters(const struct channel_status *ch, struct buf *out)
{
	buf_adds(out, "counters:");
	for (int i = 0; i < COUNTER_COUNT; i++)
		buf_printf(out, " %s %llu", counter_name((enum counter)i),
		    (unsigned long long)ch->counters[i]);
	buf_printf(out, "\nlog lines dropped: %lu\n", log_dropped());
}

static void
words(const struct facts *f, struct buf *out)
{
	buf_printf(out, "keyturnd %s, pid %ld: %s", PACKAGE_VERSION,
	    (long)getpid(), f->reason_count > 0 ? "degraded" : "good");
	for (size_t i = 0; i < f->reason_count; i++)
		buf_printf(out, "%s%s", i == 0 ? ": " : ", ", f->reasons[i]);
	buf_addc(out, '\n');
	words_keys(f, out);
	status_rings_words(f->snap, f->held, out);
	words_reload("last reload", &f->last[RELOAD_ALL], out);
	if (f->snap->ring_count > 0)
		words_reload("last reload of rings", &f->last[RELOAD_RINGS],
		    out);
	words_workers(f, out);
	words_counters(&f->channel, out);
}

/*
 * In JSON, RFC 8259.
 */

static void
json_time(struct buf *out, const char *name, time_t t)
{
	char text[TIME_MAX];

	json_text(out, name, time_text(t, text));
}

static void
json_entries(const struct snap *snap, struct buf *out)
{
	bool is_first = true;

	json_name(out, "entries");
	buf_addc(out, '[');
	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];

		if (e->ring != NULL)
			continue;
		buf_adds(out, is_first ? "{" : ",{");
		is_first = false;
		json_text(out, "name", e->name);
		json_text(out, "state", state_name(e->state));
		json_text(out, "file", snap->key_table->path);
		json_number(out, "line", e->line);
		json_text(out, "domain", e->domain);
		json_text(out, "selector", e->selector);
		json_text(out, "algorithm",
		    e->key ? key_alg_name(key_algorithm(e->key)) : NULL);
		json_number(out, "signatures",
		    e->usage ? atomic_load(&e->usage->signatures) : 0);
		json_text(out, "problem", e->problem);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void
json_reload(const char *name, const struct outcome *last, struct buf *out)
{
	json_name(out, name);
	if (last->when == 0) {
		buf_adds(out, "null");
		return;
	}
	buf_addc(out, '{');
	json_time(out, "at", last->when);
	json_number(out, "exit", (unsigned long long)last->code);
	json_text(out, "text", last->text ? last->text : "");
	buf_addc(out, '}');
}

static void
json_unserved(const struct facts *f, struct buf *out)
{
	bool is_first = true;

	json_name(out, "sockets_without_worker");
	buf_addc(out, '[');
	for (size_t i = 0; i < f->conf->socket_count; i++) {
		const char *spec = f->conf->sockets[i].spec;

		if (!is_unserved(f, &f->conf->sockets[i]))
			continue;
		buf_adds(out, is_first ? "" : ",");
		json_string(out, spec, strlen(spec));
		is_first = false;
	}
	buf_addc(out, ']');
}

static void
json_workers(const struct channel_status *ch, struct buf *out)
{
	json_name(out, "workers");
	buf_addc(out, '[');
	for (size_t i = 0; i < ch->worker_count; i++) {
		const struct channel_worker *w = &ch->workers[i];

		buf_adds(out, i == 0 ? "{" : ",{");
		json_number(out, "pid", (unsigned long long)w->pid);
		json_number(out, "uid", (unsigned long long)w->uid);
		json_text(out, "socket", w->spec);
		json_number(out, "generation", w->generation);
		json_time(out, "connected_since", w->since);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void
json(const struct facts *f, struct buf *out)
{
	const struct snap *snap = f->snap;

	buf_addc(out, '{');
	json_text(out, "version", PACKAGE_VERSION);
	json_number(out, "pid", (unsigned long long)getpid());
	json_text(out, "state", f->reason_count > 0 ? "degraded" : "good");
	json_name(out, "reasons");
	buf_addc(out, '[');
	for (size_t i = 0; i < f->reason_count; i++) {
		buf_adds(out, i == 0 ? "" : ",");
		json_string(out, f->reasons[i], strlen(f->reasons[i]));
	}
	buf_addc(out, ']');
	json_number(out, "generation", snap->generation);
	json_time(out, "loaded_at", f->loaded);
	json_number(out, "keys", snap->entry_count);
	json_number(out, "lines",
	    snap->signing_table ? snap->signing_table->count : 0);
	json_number(out, "carried_over", snap->carried_count);
	json_number(out, "kept", snap->kept_count);
	json_number(out, "broken", snap->broken_count);
	json_entries(snap, out);
	status_rings_json(snap, f->held, out);
	json_reload("last_reload", &f->last[RELOAD_ALL], out);
	json_reload("last_reload_of_rings", &f->last[RELOAD_RINGS], out);
	json_workers(&f->channel, out);
	json_unserved(f, out);
	json_number(out, "connections", f->channel.connections);
	json_number(out, "ended_as_malformed", f->channel.refused);
	json_name(out, "counters");
	buf_addc(out, '{');
	for (int i = 0; i < COUNTER_COUNT; i++)
		json_number(out, counter_name((enum counter)i),
		    f->channel.counters[i]);
	buf_addc(out, '}');
	json_number(out, "log_lines_dropped", log_dropped());
	buf_adds(out, "}\n");
}

int
status_report(const struct parts *parts, bool as_json, struct buf *out)
{
	struct generation *g = generation_get(parts->all);
	struct facts f = { .snap = g->snap,
		.conf = generations_conf(parts->all),
		.loaded = g->since };
	struct err err;

	if (channel_status(parts->channel, &f.channel, &err) == -1)
		out->has_failed = true;
	for (int kind = 0; kind < RELOAD_KINDS; kind++)
		reload_last(parts->reloader, (enum reload_kind)kind,
		    &f.last[kind]);
	f.held = holding_look(parts->holding, &f.is_held_failing);
	judge(&f);
	if (as_json)
		json(&f, out);
	else
		words(&f, out);
	holding_done(parts->holding);
	generation_put(parts->all, g);
	free(f.channel.workers);
	for (int kind = 0; kind < RELOAD_KINDS; kind++)
		outcome_clear(&f.last[kind]);
	return f.reason_count > 0;
}
