/*
 * Gathers the facts once and puts them into words or into JSON.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "problem.h"
#include "status.h"

enum { DEGRADED_MAX = 3, TIME_MAX = 32 };

struct facts {
	const struct snap *snap;
	time_t loaded;
	struct channel_status channel;
	struct outcome last;
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

/* What is wrong, if anything. */
static void
judge(const struct parts *parts, struct facts *f)
{
	const struct conf *conf = generations_conf(parts->all);

	if (f->snap->kept_count + f->snap->broken_count > 0)
		f->reasons[f->reason_count++] = "keys are kept or broken";
	if (f->last.when != 0 && f->last.code != RELOAD_TAKEN &&
	    f->last.code != RELOAD_DEGRADED)
		f->reasons[f->reason_count++] = "the last reload was refused";
	if (conf->workers == WORKERS_SPAWN && f->channel.worker_count == 0)
		f->reasons[f->reason_count++] = "no worker is connected";
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
words_keys(const struct facts *f, struct buf *out)
{
	const struct snap *snap = f->snap;
	char when[TIME_MAX];
	struct buf line = BUF_INIT;

	buf_printf(out, "generation %llu, loaded %s: ",
	    (unsigned long long)snap->generation, time_text(f->loaded, when));
	problem_summary(snap, out);
	buf_addc(out, '\n');
	for (size_t i = 0; i < snap->entry_count; i++) {
		if (snap->entries[i].state == ENTRY_GOOD)
			continue;
		buf_reset(&line);
		problem_describe(snap, &snap->entries[i], &line);
		if (buf_str(&line) != NULL)
			add_indented(out, line.data);
		else
			out->has_failed = true;
	}
	buf_clear(&line);
}

static void
words_reload(const struct outcome *last, struct buf *out)
{
	char when[TIME_MAX];

	if (last->when == 0) {
		buf_adds(out, "last reload: none since the start\n");
		return;
	}
	buf_printf(out, "last reload: %s, exit code %d\n",
	    time_text(last->when, when), last->code);
	if (last->text != NULL)
		add_indented(out, last->text);
}

static void
words_workers(const struct channel_status *ch, struct buf *out)
{
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
	words_reload(&f->last, out);
	words_workers(&f->channel, out);
	words_counters(&f->channel, out);
}

/*
 * In JSON, RFC 8259.
 */

/*
 * A string.  File names are bytes and not always UTF-8: each byte that is not
 * printable ASCII is given as the character of its number.
 */
static void
json_string(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else if (*p >= ' ' && *p < 0x7f)
			buf_addc(out, (char)*p);
		else
			buf_printf(out, "\\u%04x", *p);
	}
	buf_addc(out, '"');
}

/* A member of an object, with the comma after the one before it. */
static void
json_name(struct buf *out, const char *name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_printf(out, "\"%s\":", name);
}

static void
json_text(struct buf *out, const char *name, const char *text)
{
	json_name(out, name);
	json_string(out, text);
}

static void
json_number(struct buf *out, const char *name, unsigned long long number)
{
	json_name(out, name);
	buf_printf(out, "%llu", number);
}

static void
json_time(struct buf *out, const char *name, time_t t)
{
	char text[TIME_MAX];

	json_text(out, name, time_text(t, text));
}

static void
json_problems(const struct snap *snap, struct buf *out)
{
	bool is_first = true;

	json_name(out, "problems");
	buf_addc(out, '[');
	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];

		if (e->state == ENTRY_GOOD)
			continue;
		buf_adds(out, is_first ? "{" : ",{");
		is_first = false;
		json_text(out, "name", e->name);
		json_text(out, "state",
		    e->state == ENTRY_KEPT ? "kept" : "broken");
		json_text(out, "file", snap->key_table->path);
		json_number(out, "line", e->line);
		json_text(out, "domain", e->domain);
		json_text(out, "selector", e->selector);
		json_text(out, "problem", e->problem);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

static void
json_reload(const struct outcome *last, struct buf *out)
{
	json_name(out, "last_reload");
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
		json_string(out, f->reasons[i]);
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
	json_problems(snap, out);
	json_reload(&f->last, out);
	json_workers(&f->channel, out);
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
	struct facts f = { .snap = g->snap, .loaded = g->since };
	struct err err;

	if (channel_status(parts->channel, &f.channel, &err) == -1)
		out->has_failed = true;
	reload_last(parts->reloader, &f.last);
	judge(parts, &f);
	if (as_json)
		json(&f, out);
	else
		words(&f, out);
	generation_put(parts->all, g);
	free(f.channel.workers);
	outcome_clear(&f.last);
	return f.reason_count > 0;
}
