/*
 * Writing the directory of a ring, for who holds its lock.  The order: the new
 * ring.conf beside the old one, the journal line, and with its fsync the step
 * is done; then the rename.  Killed before that fsync the ring is as before,
 * killed after it the next lock does the rest.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "replacefile.h"
#include "ringdir.h"
#include "ringfile.h"

int
ringdir_cut_journal(const struct ringdir *d, off_t len, struct err *err)
{
	bool is_missing;
	int fd, rc = 0;

	fd = ringdir_open_file(d, d->journal_path, O_WRONLY, &is_missing, err);
	if (fd == -1)
		return -1;
	if (ftruncate(fd, len) == -1 || fsync(fd) == -1)
		rc = err_errno(err, "%s", d->journal_path);
	close(fd);
	return rc;
}

/*
 * The open journal, made if it is not there, whose name is then durable before
 * anything is in it.
 */
static int
open_journal(const struct ringdir *d, struct err *err)
{
	struct err fault = ERR_INIT;
	bool is_missing;
	int fd = ringdir_open_file(d, d->journal_path, O_WRONLY | O_APPEND,
	    &is_missing, &fault);

	if (fd == -1 && !is_missing)
		*err = fault;
	if (fd != -1 || !is_missing)
		return fd;
	fd = ringdir_open_file(d, d->journal_path,
	    O_WRONLY | O_APPEND | O_CREAT | O_EXCL, &is_missing, err);
	if (fd == -1)
		return -1;
	if (fchmod(fd, S_IRUSR | S_IWUSR) == 0 && fsync(d->fd) == 0)
		return fd;
	err_errno(err, "%s", d->journal_path);
	close(fd);
	unlinkat(d->fd, replacefile_name(d->journal_path), 0);
	return -1;
}

/*
 * Append the line.  On failure the journal is as it was, or it could not be
 * cut: then the line is incomplete, or the next lock takes it up.
 */
static int
append_line(const struct ringdir *d, const struct buf *line, off_t old_len,
    struct err *err)
{
	struct err ignored;
	int fd = open_journal(d, err);
	int rc;

	if (fd == -1)
		return -1;
	rc = write_all(fd, d->journal_path, line->data, line->len, err);
	if (rc == 0 && fsync(fd) == -1)
		rc = err_errno(err, "%s", d->journal_path);
	close(fd);
	if (rc == -1)
		ringdir_cut_journal(d, old_len, &ignored);
	return rc;
}

int
ringdir_prepare(const struct ringdir *d, const struct ring *ring,
    struct err *err)
{
	struct buf text = BUF_INIT;
	struct ring *again = NULL;
	int rc = -1;

	if (ringfile_write(ring, &text, err) == -1)
		goto out;
	if (buf_str(&text) == NULL) {
		err_nomem(err);
		goto out;
	}
	/* What is written must be read again, come what may. */
	again = ringfile_parse(d->conf_path, text.data, err);
	if (again == NULL)
		goto out;
	if (text.len > RINGFILE_BYTES_MAX ||
	    ring->journal_len > JOURNAL_BYTES_MAX)
		err_set(err, ERR_LIMIT, "%s: too large", d->path);
	else
		rc = replacefile_prepare(d->fd, d->conf_path, text.data,
		    text.len, err);
out:
	ring_free(again);
	buf_clear(&text);
	return rc;
}

int
ringdir_write(const struct ringdir *d, const struct ring *ring,
    const struct buf *line, off_t old_len, struct err *err)
{
	struct err ignored;

	if (ringdir_prepare(d, ring, err) == -1)
		return -1;
	if (line->len > 0 && append_line(d, line, old_len, err) == -1) {
		replacefile_cancel(d->fd, d->conf_path);
		return -1;
	}
	if (replacefile_rename(d->fd, d->conf_path, err) == -1) {
		if (line->len > 0)
			ringdir_cut_journal(d, old_len, &ignored);
		return -1;
	}
	/*
	 * The step is durable by its line in the journal: should the new name
	 * be lost, the next lock writes it again.
	 */
	fsync(d->fd);
	return 0;
}

/* Remove what was being written when its writer died. */
static int
remove_new_files(const struct ringdir *d, struct err *err)
{
	const size_t suffix_len = strlen(REPLACEFILE_SUFFIX);
	int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (list == NULL) {
		err_errno(err, "%s", d->path);
		if (fd != -1)
			close(fd);
		return -1;
	}
	while ((entry = readdir(list)) != NULL) {
		char name[NAME_MAX + 1];
		size_t len = strlen(entry->d_name);

		if (len <= suffix_len || len > NAME_MAX ||
		    strcmp(entry->d_name + len - suffix_len,
		        REPLACEFILE_SUFFIX) != 0)
			continue;
		memcpy(name, entry->d_name, len - suffix_len);
		name[len - suffix_len] = '\0';
		if (ringfile_is_key_name(name) ||
		    strcmp(name, replacefile_name(d->conf_path)) == 0 ||
		    strcmp(name, replacefile_name(d->journal_path)) == 0)
			unlinkat(d->fd, entry->d_name, 0);
	}
	closedir(list);
	return 0;
}

int
ringdir_recover(const struct ringdir *d, struct err *err)
{
	static const struct buf no_line = BUF_INIT;
	struct err fault = ERR_INIT;
	struct ringdir_look look;
	int rc = 0;

	if (remove_new_files(d, err) == -1)
		return -1;
	/* What needs a repair can be locked, for just that. */
	if (ringdir_look(d, &look, &fault) == -1) {
		if (fault.code == ERR_KEY)
			return 0;
		*err = fault;
		return -1;
	}
	if (look.journal_size > look.journal_good)
		rc = ringdir_cut_journal(d, look.journal_good, err);
	if (rc == 0 && look.next != NULL)
		rc = ringdir_write(d, look.next, &no_line, look.journal_good,
		    err);
	ringdir_look_clear(&look);
	return rc;
}

/* Whether what is in the store is what the caller started from. */
static bool
is_base(const struct ring *now, const struct ring *before)
{
	if (now == NULL || before == NULL)
		return now == before;
	return now->steps == before->steps &&
	    now->journal_len == before->journal_len &&
	    memcmp(now->journal_hash, before->journal_hash, SHA256_LEN) == 0;
}

/* The line for the step, and all of it written. */
static int
write_step(const struct ringdir *d, const struct ring *before,
    struct ring *after, const struct journal_note *note, struct err *err)
{
	struct ring counts = *after; /* its keys are not touched */
	struct buf line = BUF_INIT;
	int rc = journal_line(before, after, note, &line, err);

	if (rc == 0)
		rc = ringdir_write(d, after, &line,
		    before != NULL ? before->journal_len : 0, err);
	if (rc == -1) {
		after->steps = counts.steps;
		after->journal_len = counts.journal_len;
		memcpy(after->journal_hash, counts.journal_hash, SHA256_LEN);
	}
	buf_clear(&line);
	return rc;
}

int
ringdir_commit(const struct ringdir *d, const struct ring *before,
    struct ring *after, const struct journal_note *note, struct err *err)
{
	struct ringdir_look look;
	int rc;

	if (strcmp(after->domain, d->domain) != 0)
		return err_set(err, ERR_KEY,
		    "%s: the ring of another domain: "
		    "%s",
		    d->path, after->domain);
	/* A commit before this one may have failed half-way. */
	if (ringdir_recover(d, err) == -1 || ringdir_look(d, &look, err) == -1)
		return -1;
	if (is_base(look.ring, before))
		rc = write_step(d, before, after, note, err);
	else
		rc = err_set(err, ERR_KEY,
		    "%s: changed by somebody else meanwhile: try again",
		    d->path);
	ringdir_look_clear(&look);
	return rc;
}
