/*
 * Making a ring whole again.  Of ring.conf and the journal one can be lost, old
 * or damaged; the other, being good by its sum or its chain and not behind,
 * makes it anew.  A journal that cannot be mended is kept beside the new one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replacefile.h"
#include "ringdir.h"
#include "ringfile.h"

enum { OLD_JOURNALS_MAX = 1000 };

/* What can be read of a ring's two files, and what is to be done. */
struct repair {
	const struct ringdir *d;
	const struct journal_note *note;
	struct buf *said;
	struct ring *conf;        /* of ring.conf, or NULL */
	struct ring *journal;     /* of the journal, or NULL */
	struct err conf_fault;    /* why there is none */
	struct err journal_fault; /* likewise */
	bool has_journal;         /* good or not */
	unsigned long last_step;  /* the highest in the journal, good or not */
	bool fits; /* ring.conf is what the journal says, to the byte */
};

static bool
is_damage(const struct err *err)
{
	return err->code == ERR_KEY || err->code == ERR_CONF;
}

/* The highest step of any line that is one. */
static unsigned long
find_last_step(const struct buf *text)
{
	const char *at = text->data, *end;
	size_t left = text->len;
	unsigned long step = 0;

	while (left > 0 && (end = memchr(at, '\n', left)) != NULL) {
		struct journal_entry e;
		struct err ignored;
		size_t len = (size_t)(end - at);

		if (journal_entry_parse(at, len, &e, &ignored) == 0) {
			step = e.step > step ? e.step : step;
			journal_entry_clear(&e);
		}
		at += len + 1;
		left -= len + 1;
	}
	return step;
}

static int
read_journal(struct repair *r)
{
	struct buf text = BUF_INIT;
	bool is_missing;
	int rc;

	rc = ringdir_read_journal(r->d, &text, &is_missing, &r->journal_fault);
	r->has_journal = !is_missing;
	if (rc == 0) {
		r->last_step = find_last_step(&text);
		r->journal = journal_replay(r->d->journal_path, text.data,
		    text.len, NULL, NULL, &r->journal_fault);
	}
	buf_clear(&text);
	return r->journal != NULL || is_missing || is_damage(&r->journal_fault)
	    ? 0
	    : -1;
}

static int
read_both(struct repair *r, struct err *err)
{
	struct file_id id;
	bool is_missing;

	r->conf = ringdir_read_conf(r->d, &id, &is_missing, &r->conf_fault);
	if (r->conf == NULL && !is_missing && !is_damage(&r->conf_fault)) {
		*err = r->conf_fault;
		return -1;
	}
	if (read_journal(r) == -1) {
		*err = r->journal_fault;
		return -1;
	}
	return 0;
}

/* Whether both files say the same of everything. */
static int
compare(struct repair *r, struct err *err)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	int rc = 0;

	if (r->conf == NULL || r->journal == NULL)
		return 0;
	if (ringfile_write(r->conf, &a, err) == -1 ||
	    ringfile_write(r->journal, &b, err) == -1)
		rc = -1;
	else
		r->fits = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
	buf_clear(&a);
	buf_clear(&b);
	return rc;
}

/* A second name for the journal, one that is free; aside has 32 bytes. */
static int
link_aside(const struct repair *r, char *aside, size_t size, struct err *err)
{
	const char *name = replacefile_name(r->d->journal_path);

	for (int i = 1; i <= OLD_JOURNALS_MAX; i++) {
		snprintf(aside, size, "%s.%d", name, i);
		if (linkat(r->d->fd, name, r->d->fd, aside, 0) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return err_errno(err, "%s/%s", r->d->path, aside);
}

/* Rename both new files into their places, or neither. */
static int
rename_both(const struct repair *r, const char *aside, struct err *err)
{
	const struct ringdir *d = r->d;
	const char *name = replacefile_name(d->journal_path);

	if (replacefile_rename(d->fd, d->journal_path, err) == -1) {
		replacefile_cancel(d->fd, d->conf_path);
		if (r->has_journal)
			unlinkat(d->fd, aside, 0);
		return -1;
	}
	if (replacefile_rename(d->fd, d->conf_path, err) == 0)
		return 0;
	if (r->has_journal)
		renameat(d->fd, aside, d->fd, name);
	else
		unlinkat(d->fd, name, 0);
	return -1;
}

/*
 * Put a journal of one line in place of what is there, and ring.conf with it.
 * Killed between the two, ring.conf is behind, and the next repair goes on.
 */
static int
replace_journal(const struct repair *r, const struct ring *after,
    const struct buf *line, struct err *err)
{
	const struct ringdir *d = r->d;
	char aside[32] = "";

	if (ringdir_prepare(d, after, err) == -1)
		return -1;
	if (replacefile_prepare(d->fd, d->journal_path, line->data, line->len,
	        err) == -1 ||
	    (r->has_journal &&
	        link_aside(r, aside, sizeof(aside), err) == -1)) {
		replacefile_cancel(d->fd, d->conf_path);
		replacefile_cancel(d->fd, d->journal_path);
		return -1;
	}
	if (rename_both(r, aside, err) == -1)
		return -1;
	if (r->has_journal)
		buf_printf(r->said, "the old journal is kept as %s/%s\n",
		    d->path, aside);
	return fsync(d->fd) == -1 ? err_errno(err, "%s", d->path) : 0;
}

/* A new journal, with all of ring.conf in its first line. */
static int
begin_journal(const struct repair *r, struct ring *after, struct err *err)
{
	struct journal_note first = *r->note;
	unsigned long step = r->conf->steps;
	struct buf line = BUF_INIT;
	int rc;

	if (first.steps_seen < step)
		first.steps_seen = step;
	rc = journal_line(NULL, after, &first, &line, err);
	if (rc == 0)
		rc = replace_journal(r, after, &line, err);
	buf_clear(&line);
	if (rc == -1)
		return -1;
	if (r->journal != NULL)
		buf_printf(r->said, "%s: not what ring.conf says (step %lu)\n",
		    r->d->journal_path, r->journal->steps);
	else
		buf_printf(r->said, "%s\n", r->journal_fault.text);
	buf_printf(r->said,
	    "ring.conf is good (step %lu): a new journal begins with it\n",
	    step);
	return 0;
}

/* Make ring.conf from the journal, and note that in it. */
static int
follow_journal(const struct repair *r, struct ring *after, struct err *err)
{
	struct buf line = BUF_INIT;
	int rc;

	/* A line that was not finished. */
	rc = ringdir_cut_journal(r->d, (off_t)r->journal->journal_len, err);
	if (rc == 0)
		rc = journal_line(r->journal, after, r->note, &line, err);
	if (rc == 0)
		rc = ringdir_write(r->d, after, &line, r->journal->journal_len,
		    err);
	buf_clear(&line);
	if (rc == -1)
		return -1;
	if (r->conf == NULL)
		buf_printf(r->said, "%s\n", r->conf_fault.text);
	else if (!r->fits)
		buf_printf(r->said,
		    "%s: not what the journal says (step %lu)\n",
		    r->d->conf_path, r->conf->steps);
	buf_printf(r->said, "ring.conf is as the journal says (step %lu)\n",
	    r->journal->steps);
	return 0;
}

/* What there is does not do.  Returns -1. */
static int
refuse(const struct repair *r, struct err *err)
{
	static const char backup[] = "bring one of the two back from a backup";

	if (!r->has_journal && r->conf_fault.code == ERR_IO)
		return err_set(err, ERR_KEY,
		    "%s: there is no such ring: `keyturn add %s` makes it",
		    r->d->path, r->d->domain);
	if (r->conf != NULL)
		return err_set(err, ERR_KEY,
		    "%.600s; and ring.conf is an old copy (step %lu, the "
		    "journal has %lu): %s",
		    r->journal_fault.text, r->conf->steps, r->last_step,
		    backup);
	return err_set(err, ERR_KEY, "%.400s; and %.400s: %s",
	    r->journal_fault.text, r->conf_fault.text, backup);
}

/*
 * Which of the two is true: ring.conf, which has a sum of its own, unless the
 * journal knows of a later step; of its last line only ring.conf has the sum.
 */
static bool
is_conf_true(const struct repair *r)
{
	return r->conf != NULL && !r->fits && r->conf->steps >= r->last_step;
}

/* host  whose the ring is to be, or NULL */
static int
repair(struct repair *r, const char *host, struct err *err)
{
	bool by_conf = is_conf_true(r);
	const struct ring *base = by_conf ? r->conf : r->journal;
	struct ring *after;
	bool is_moved;
	int rc;

	if (base == NULL)
		return refuse(r, err);
	is_moved = host != NULL && strcmp(base->host, host) != 0;
	if (r->fits && !is_moved && r->note->steps_seen <= base->steps) {
		buf_adds(r->said, "nothing to repair\n");
		return 0;
	}
	after = ring_copy(base, err);
	if (after == NULL)
		return -1;
	if (is_moved)
		strlcpy(after->host, host, sizeof(after->host));
	rc = by_conf ? begin_journal(r, after, err)
	             : follow_journal(r, after, err);
	if (rc == 0 && is_moved)
		buf_printf(r->said, "the ring was of host %s, now of %s\n",
		    base->host, host);
	ring_free(after);
	return rc;
}

int
ringdir_repair(const struct ringdir *d, const char *host,
    const struct journal_note *note, struct buf *said, struct err *err)
{
	struct repair r = { .d = d, .note = note, .said = said };
	int rc = -1;

	/* A crash's traces first: they need no repair. */
	if (ringdir_recover(d, err) == 0 && read_both(&r, err) == 0 &&
	    compare(&r, err) == 0)
		rc = repair(&r, host, err);
	ring_free(r.conf);
	ring_free(r.journal);
	if (rc == 0 && said->has_failed)
		rc = err_nomem(err);
	return rc;
}
