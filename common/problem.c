/*
 * Warnings and bad entries of a snapshot in words.
 */
#include <syslog.h>

#include "problem.h"

void
problem_describe(const struct snap *snap, const struct entry *e,
    struct buf *out)
{
	buf_printf(out, "%s:%u: %s: %s; ", snap->key_table->path, e->line,
	    e->name, e->problem);
	if (e->state == ENTRY_KEPT)
		buf_printf(out, "it signs on as before, as %s._domainkey.%s",
		    e->selector, e->domain);
	else
		buf_adds(out, "nothing is signed with it");
}

void
problem_describe_ring(const struct snap_ring *r, struct buf *out)
{
	buf_printf(out, "ring %s: %s; ", r->domain, r->problem);
	if (r->state == ENTRY_KEPT)
		buf_adds(out, "it signs on as before");
	else
		buf_adds(out, "nothing is signed with it");
}

void
problem_summary(const struct snap *snap, struct buf *out)
{
	size_t lines = snap->signing_table ? snap->signing_table->count : 0;

	buf_printf(out, "%zu key%s, %zu carried over, %zu line%s",
	    snap->entry_count, snap->entry_count == 1 ? "" : "s",
	    snap->carried_count, lines, lines == 1 ? "" : "s");
	if (snap->ring_count > 0)
		buf_printf(out, ", %zu ring%s", snap->ring_count,
		    snap->ring_count == 1 ? "" : "s");
	if (snap->kept_count > 0)
		buf_printf(out, ", %zu kept as before", snap->kept_count);
	if (snap->broken_count > 0)
		buf_printf(out, ", %zu broken", snap->broken_count);
}

void
problem_list(const struct snap *snap,
    void (*say)(void *arg, int level, const char *text), void *arg)
{
	struct buf text = BUF_INIT;
	const char *line;

	for (size_t i = 0; i < snap->warning_count; i++)
		say(arg, LOG_WARNING, snap->warnings[i]);
	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];

		/* Those of a ring are bad as a whole. */
		if (e->state == ENTRY_GOOD || e->ring != NULL)
			continue;
		buf_reset(&text);
		problem_describe(snap, e, &text);
		line = buf_str(&text);
		say(arg, LOG_ERR, line ? line : e->problem);
	}
	for (size_t i = 0; i < snap->ring_count; i++) {
		const struct snap_ring *r = &snap->rings[i];

		if (r->state == ENTRY_GOOD)
			continue;
		buf_reset(&text);
		problem_describe_ring(r, &text);
		line = buf_str(&text);
		say(arg, LOG_ERR, line ? line : r->problem);
	}
	buf_clear(&text);
}
