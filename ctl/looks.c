/*
 * The file of looks: one line a key, fields separated by spaces, the text for
 * a person last.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "looks.h"
#include "readfile.h"
#include "smallfile.h"

/* After selector and fingerprint, before the text. */
#define LOOK_NUMBERS 16

static const struct look nothing = { .cache_ttl = -1, .record_ttl = -1 };

void
looks_clear(struct looks *looks)
{
	free(looks->list);
	memset(looks, 0, sizeof(*looks));
}

static bool
is_of(const struct look *l, const struct ring_key *key)
{
	return strcmp(l->selector, key->selector) == 0 &&
	    memcmp(l->fingerprint, key->fingerprint, SHA256_LEN) == 0;
}

const struct look *
looks_find(const struct looks *looks, const struct ring_key *key)
{
	for (size_t i = 0; i < looks->count; i++) {
		if (is_of(&looks->list[i], key))
			return &looks->list[i];
	}
	return NULL;
}

/* One more entry, all nothing.  NULL with err set. */
static struct look *
append(struct looks *looks, struct err *err)
{
	struct look *more;

	more = reallocarray(looks->list, looks->count + 1, sizeof(*more));
	if (more == NULL) {
		err_nomem(err);
		return NULL;
	}
	looks->list = more;
	more += looks->count++;
	*more = nothing;
	return more;
}

struct look *
looks_of(struct looks *looks, const struct ring_key *key, struct err *err)
{
	struct look *l;

	for (size_t i = 0; i < looks->count; i++) {
		if (is_of(&looks->list[i], key))
			return &looks->list[i];
	}
	l = append(looks, err);
	if (l == NULL)
		return NULL;
	memcpy(l->selector, key->selector, sizeof(l->selector));
	memcpy(l->fingerprint, key->fingerprint, SHA256_LEN);
	return l;
}

void
looks_prune(struct looks *looks, const struct ring *ring)
{
	size_t kept = 0, k;

	for (size_t i = 0; i < looks->count; i++) {
		for (k = 0; k < ring->key_count; k++) {
			if (is_of(&looks->list[i], &ring->keys[k]))
				break;
		}
		if (strcmp(looks->list[i].selector, LOOKS_NO_KEY) != 0 &&
		    (k == ring->key_count || ring->keys[k].state == KEY_GONE))
			looks->has_changed = true;
		else
			looks->list[kept++] = looks->list[i];
	}
	looks->count = kept;
}

static void
take_numbers(struct look *l, const intmax_t n[LOOK_NUMBERS])
{
	l->when = (time_t)n[0];
	l->sight = (enum sight)n[1];
	l->cache_ttl = (int)n[2];
	l->record_ttl = (int)n[3];
	l->is_weak = n[4] != 0;
	l->file_read = (time_t)n[5];
	l->file.dev = (dev_t)n[6];
	l->file.ino = (ino_t)n[7];
	l->file.size = (off_t)n[8];
	l->file.mtime.tv_sec = (time_t)n[9];
	l->file.mtime.tv_nsec = (long)n[10];
	l->file.ctime.tv_sec = (time_t)n[11];
	l->file.ctime.tv_nsec = (long)n[12];
	l->file.is_settled = n[13] != 0;
	l->alarmed = (time_t)n[14];
	l->alarm_step = (enum step)n[15];
}

/* One line without its end into l, which is all nothing. */
static bool
parse_line(char *line, struct look *l)
{
	char *selector = strsep(&line, " ");
	const char *hex = strsep(&line, " ");
	intmax_t numbers[LOOK_NUMBERS];
	char *end;

	if (hex == NULL || !hex_parse(hex, l->fingerprint) ||
	    !dnsname_is_valid(selector, strlen(selector)))
		return false;
	for (size_t i = 0; i < LOOK_NUMBERS; i++) {
		const char *number = strsep(&line, " ");

		if (number == NULL || *number == '\0')
			return false;
		numbers[i] = strtoimax(number, &end, 10);
		if (*end != '\0')
			return false;
	}
	if (line == NULL || numbers[1] < SIGHT_NONE ||
	    numbers[1] > SIGHT_UNANSWERED || numbers[15] < STEP_NONE ||
	    numbers[15] > STEP_CONDEMN)
		return false;
	snprintf(l->selector, sizeof(l->selector), "%s", selector);
	snprintf(l->text, sizeof(l->text), "%s", line);
	take_numbers(l, numbers);
	return true;
}

int
looks_load(const char *path, struct looks *looks, struct err *err)
{
	struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct look one;
	char *rest, *line;
	int rc = 0;

	memset(looks, 0, sizeof(*looks));
	if (readfile(path, LOOKS_BYTES_MAX, &text, &ignored) == -1 ||
	    buf_str(&text) == NULL)
		text.len = 0;
	rest = text.len > 0 ? text.data : NULL;
	while (rc == 0 && (line = strsep(&rest, "\n")) != NULL) {
		struct look *l;

		one = nothing;
		if (!parse_line(line, &one))
			continue;
		l = append(looks, err);
		if (l != NULL)
			*l = one;
		else
			rc = -1;
	}
	buf_clear(&text);
	return rc;
}

static void
write_line(const struct look *l, struct buf *out)
{
	char hex[RING_HEX_MAX];

	hex_text(l->fingerprint, hex);
	buf_printf(out, "%s %s %jd %d %d %d %d", l->selector, hex,
	    (intmax_t)l->when, (int)l->sight, l->cache_ttl, l->record_ttl,
	    (int)l->is_weak);
	buf_printf(out, " %jd %jd %jd %jd %jd %ld %jd %ld %d",
	    (intmax_t)l->file_read, (intmax_t)l->file.dev,
	    (intmax_t)l->file.ino, (intmax_t)l->file.size,
	    (intmax_t)l->file.mtime.tv_sec, l->file.mtime.tv_nsec,
	    (intmax_t)l->file.ctime.tv_sec, l->file.ctime.tv_nsec,
	    (int)l->file.is_settled);
	buf_printf(out, " %jd %d ", (intmax_t)l->alarmed, (int)l->alarm_step);
	for (const char *p = l->text; *p != '\0'; p++)
		buf_addc(out, *p == '\n' ? ' ' : *p);
	buf_addc(out, '\n');
}

int
looks_write(const char *path, struct looks *looks, struct err *err)
{
	struct buf out = BUF_INIT;
	int rc;

	for (size_t i = 0; i < looks->count; i++)
		write_line(&looks->list[i], &out);
	rc = out.has_failed
	    ? err_nomem(err)
	    : smallfile_write(path, out.data, out.len, false, err);
	if (rc == 0)
		looks->has_changed = false;
	buf_clear(&out);
	return rc;
}
