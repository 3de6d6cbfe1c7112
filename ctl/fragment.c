/*
 * The $INCLUDE fragment.  A line is understood when it is exactly what
 * recordform.c would write for the record that zone.c reads in it.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "dnsname.h"
#include "fragment.h"
#include "monotime.h"
#include "readfile.h"
#include "recordform.h"
#include "replacefile.h"
#include "taglist.h"
#include "zone.h"

#define HEAD                                                                  \
	"; Written by keyturn, one record a line.  Lines of other kinds are " \
	"refused.\n"

enum { LOCK_STEP_MS = 20, TTL_DIGITS_MAX = 10, SHOWN_MAX = 80 };

void
fragment_clear(struct fragment *f)
{
	buf_clear(&f->text);
	buf_clear(&f->value);
	*f = (struct fragment)FRAGMENT_INIT;
}

static int
refuse(const char *path, unsigned number, const char *what, struct span line,
    struct err *err)
{
	struct buf shown = BUF_INIT;
	const char *text;

	buf_add_escaped(&shown, line.data,
	    line.len < SHOWN_MAX ? line.len : SHOWN_MAX);
	text = buf_str(&shown);
	if (text == NULL)
		err_nomem(err);
	else
		err_set(err, ERR_INPUT, "%s:%u: %s: %s", path, number, what,
		    text);
	buf_clear(&shown);
	return -1;
}

static bool
is_blank(struct span line)
{
	size_t i = 0;

	while (i < line.len && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	return i == line.len || line.data[i] == ';';
}

/* The TTL, which is the second word.  False if it is no number. */
static bool
line_ttl(struct span line, int *ttl)
{
	const char *space = memchr(line.data, ' ', line.len);
	unsigned long long number;
	struct span rest;
	const char *end;

	if (space == NULL)
		return false;
	rest.data = space + 1;
	rest.len = line.len - (size_t)(rest.data - line.data);
	end = memchr(rest.data, ' ', rest.len);
	if (end == NULL)
		return false;
	rest.len = (size_t)(end - rest.data);
	if (!span_number(rest, TTL_DIGITS_MAX, &number) || number > 0x7fffffff)
		return false;
	*ttl = (int)number;
	return true;
}

/* Whether line (without its end) is our writing of that record. */
static bool
is_ours(struct span line, const struct zone *z, const struct zone_txt *record)
{
	struct buf name = BUF_INIT, value = BUF_INIT, want = BUF_INIT;
	bool is_same = false;
	const char *n, *v;
	int ttl;

	buf_add(&name, z->text.data + record->name_at, record->name_len);
	buf_add(&value, z->text.data + record->data_at, record->data_len);
	n = buf_str(&name);
	v = buf_str(&value);
	if (n != NULL && v != NULL && line_ttl(line, &ttl)) {
		recordform_write(RECORDFORM_BIND, n, ttl, v, &want);
		is_same = !want.has_failed && want.len == line.len + 1 &&
		    memcmp(want.data, line.data, line.len) == 0;
	}
	buf_clear(&name);
	buf_clear(&value);
	buf_clear(&want);
	return is_same;
}

/* Note the record if it is the one that is looked for. */
static int
note(struct fragment *f, const struct zone *z, const struct zone_txt *record,
    const char *name, struct span line)
{
	if (record->name_len != strlen(name) ||
	    memcmp(z->text.data + record->name_at, name, record->name_len) != 0)
		return 0;
	if (f->has_record)
		return -1;
	f->has_record = true;
	f->at = (size_t)(line.data - f->text.data);
	f->len = line.len + 1;
	buf_add(&f->value, z->text.data + record->data_at, record->data_len);
	return 0;
}

/* Go through the lines and the records in step. */
static int
match(struct fragment *f, const struct zone *z, const char *path,
    const char *name, struct err *err)
{
	const char *end = f->text.data + f->text.len;
	unsigned number = 0;
	size_t record = 0;
	struct span line;

	for (const char *at = f->text.data; at < end; at += line.len + 1) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		number++;
		line.data = at;
		line.len = (size_t)((newline ? newline : end) - at);
		if (newline == NULL)
			return refuse(path, number,
			    "the last line has no end: restore the file", line,
			    err);
		if (is_blank(line))
			continue;
		if (record == z->count ||
		    !is_ours(line, z, &z->records[record]))
			return refuse(path, number,
			    "not written by keyturn: move it to another file",
			    line, err);
		if (note(f, z, &z->records[record], name, line) == -1)
			return refuse(path, number,
			    "a second record of that name: remove one", line,
			    err);
		record++;
	}
	return f->value.has_failed ? err_nomem(err) : 0;
}

int
fragment_read(struct fragment *f, const char *path, const char *name,
    struct err *err)
{
	struct zone z = ZONE_INIT;
	struct buf lower = BUF_INIT;
	struct stat st;
	const char *n;
	int rc = -1;

	if (stat(path, &st) == -1 && errno == ENOENT) {
		buf_adds(&f->text, HEAD);
		return f->text.has_failed ? err_nomem(err) : 0;
	}
	dnsname_lower(name, strlen(name), &lower);
	n = buf_str(&lower);
	if (n == NULL)
		err_nomem(err);
	else
		rc = readfile(path, FRAGMENT_BYTES_MAX, &f->text, err);
	if (rc == 0 && f->text.len > 0)
		rc = zone_parse(&z, path, f->text.data, f->text.len, err);
	if (rc == 0 && f->text.len > 0)
		rc = match(f, &z, path, n, err);
	zone_clear(&z);
	buf_clear(&lower);
	return rc;
}

int
fragment_lock(const char *path, int timeout, struct err *err)
{
	long long deadline = mono_now_ms() + timeout * 1000LL;
	int fd = replacefile_open_dir(path, err);

	if (fd == -1)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK || mono_until_ms(deadline) == 0) {
			err_errno(err, "%s: the lock on its directory", path);
			close(fd);
			return -1;
		}
		poll(NULL, 0, LOCK_STEP_MS);
	}
	return fd;
}

/* A name server of another user is to read the new file. */
static int
set_mode(int dir, const char *path, mode_t mode, struct err *err)
{
	struct buf name = BUF_INIT;
	const char *n;
	int fd = -1, rc = 0;

	buf_printf(&name, "%s" REPLACEFILE_SUFFIX, replacefile_name(path));
	n = buf_str(&name);
	if (n == NULL)
		rc = err_nomem(err);
	else
		fd = openat(dir, n, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (rc == 0 && (fd == -1 || fchmod(fd, mode) == -1 || fsync(fd) == -1))
		rc = err_errno(err, "%s" REPLACEFILE_SUFFIX, path);
	if (fd != -1)
		close(fd);
	buf_clear(&name);
	return rc;
}

static int
replace(const char *path, const struct buf *text, struct err *err)
{
	struct stat st;
	mode_t mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0644;
	int dir, rc;

	dir = replacefile_open_dir(path, err);
	if (dir == -1)
		return -1;
	rc = replacefile_prepare(dir, path, text->data, text->len, err);
	if (rc == 0 && set_mode(dir, path, mode, err) == -1) {
		replacefile_cancel(dir, path);
		rc = -1;
	}
	if (rc == 0)
		rc = replacefile_rename(dir, path, err);
	if (rc == 0 && fsync(dir) == -1)
		rc = err_errno(err, "%s: its directory", path);
	close(dir);
	return rc;
}

int
fragment_write(const struct fragment *f, const char *path, const char *line,
    struct err *err)
{
	size_t at = f->has_record ? f->at : f->text.len;
	size_t len = f->has_record ? f->len : 0;
	struct buf text = BUF_INIT;
	int rc = 0;

	if (line == NULL ? len == 0
	                 : len == strlen(line) &&
	            memcmp(f->text.data + at, line, len) == 0)
		return 0;
	buf_add(&text, f->text.data, at);
	if (line != NULL)
		buf_adds(&text, line);
	if (at + len < f->text.len)
		buf_add(&text, f->text.data + at + len, f->text.len - at - len);
	rc = text.has_failed ? err_nomem(err) : replace(path, &text, err);
	buf_clear(&text);
	return rc;
}
