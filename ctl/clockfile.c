/*
 * The memory of the clocks: its judgement, and its file of one line,
 * "keyturn-clock 1 WALL BOOTTIME BOOT-ID CAREFUL-UNTIL EVEN-SINCE", "-" being
 * never.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "buf.h"
#include "clockfile.h"
#include "readfile.h"
#include "smallfile.h"
#include "when.h"

#define BOOT_ID_FILE   "/proc/sys/kernel/random/boot_id"
#define CLOCK_FILE_MAX 256
#define HEAD           "keyturn-clock 1 "

int
clock_now(struct moment *now, struct err *err)
{
	struct timespec boot;
	struct buf id = BUF_INIT;
	int rc = -1;

	memset(now, 0, sizeof(*now));
	now->wall = time(NULL);
	if (clock_gettime(CLOCK_BOOTTIME, &boot) == -1)
		return err_errno(err, "the boot-time clock");
	now->boottime = boot.tv_sec;
	if (readfile(BOOT_ID_FILE, sizeof(now->boot_id), &id, err) == -1)
		goto out;
	while (id.len > 0 && id.data[id.len - 1] == '\n')
		id.len--;
	if (id.len == 0 || id.len >= sizeof(now->boot_id) ||
	    memchr(id.data, ' ', id.len) != NULL) {
		err_set(err, ERR_IO, "%s: not a boot id", BOOT_ID_FILE);
		goto out;
	}
	memcpy(now->boot_id, id.data, id.len);
	rc = 0;
out:
	buf_clear(&id);
	return rc;
}

/* Why the time since then cannot be relied on, or NULL. */
static const char *
doubt(const struct moment *then, const struct moment *now, bool same_boot)
{
	long long wall = (long long)now->wall - (long long)then->wall;
	long long boot = now->boottime - then->boottime;

	if (wall < -CLOCK_JUMP_MAX)
		return "the clock was set back";
	if (same_boot && llabs(wall - boot) > CLOCK_JUMP_MAX)
		return "the clock was set forward";
	if (wall > CLOCK_GAP_MAX || (same_boot && boot > CLOCK_GAP_MAX))
		return "over 7 days since the last run, or the clock is wrong";
	return NULL;
}

/*
 * Whether the wall clock may not have run evenly since then.  A gap between
 * two runs is harmless where the boot-time clock ran through it.
 */
static bool
is_uneven(const struct moment *then, const struct moment *now, bool same_boot)
{
	long long wall = (long long)now->wall - (long long)then->wall;

	if (same_boot)
		return llabs(wall - (now->boottime - then->boottime)) >
		    CLOCK_JUMP_MAX;
	return wall < -CLOCK_JUMP_MAX || wall > CLOCK_GAP_MAX;
}

int
clock_judge(const struct clock_memory *before, const struct moment *now,
    struct clock_memory *after, const char **why)
{
	bool same_boot =
	    before != NULL && strcmp(before->last.boot_id, now->boot_id) == 0;
	long long left = 0; /* seconds of care */

	after->last = *now;
	after->even_since =
	    before == NULL || is_uneven(&before->last, now, same_boot)
	    ? now->wall
	    : before->even_since;
	*why = before == NULL ? "the clocks of the last run are not known"
	                      : doubt(&before->last, now, same_boot);
	/*
	 * How long this machine was off is nothing that a clock vouches for:
	 * what was left of the care at the last run is left still.
	 */
	if (*why != NULL)
		left = CLOCK_CAREFUL_FOR;
	else if (before->careful_until != 0)
		left = before->careful_until -
		    (same_boot ? now->boottime : before->last.boottime);
	after->careful_until = left > 0 ? now->boottime + left : 0;
	return left > 0 ? CLOCK_WAIT_CAREFUL : CLOCK_WAIT;
}

char *
clock_path(const char *rings)
{
	return smallfile_beside(rings, "clock");
}

/* One word of the line, which must be a number of seconds. */
static bool
take_seconds(char **rest, long long *out)
{
	const char *word = strsep(rest, " ");
	char *end;

	if (word == NULL || *word == '\0')
		return false;
	errno = 0;
	*out = strtoll(word, &end, 10);
	return *end == '\0' && errno == 0 && *out >= 0;
}

static bool
parse(char *line, struct clock_memory *m)
{
	const char *wall, *id;

	if (strncmp(line, HEAD, strlen(HEAD)) != 0)
		return false;
	line += strlen(HEAD);
	wall = strsep(&line, " ");
	if (!when_parse(wall, &m->last.wall) ||
	    !take_seconds(&line, &m->last.boottime))
		return false;
	id = strsep(&line, " ");
	if (id == NULL || *id == '\0' || strlen(id) >= sizeof(m->last.boot_id))
		return false;
	memcpy(m->last.boot_id, id, strlen(id) + 1);
	if (!take_seconds(&line, &m->careful_until))
		return false;
	return line != NULL &&
	    (strcmp(line, "-") == 0 || when_parse(line, &m->even_since));
}

bool
clock_load(const char *path, struct clock_memory *memory)
{
	struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	bool is_good = false;

	memset(memory, 0, sizeof(*memory));
	if (readfile(path, CLOCK_FILE_MAX, &text, &ignored) == 0 &&
	    text.len > 0 && text.data[text.len - 1] == '\n') {
		text.len--;
		is_good = buf_str(&text) != NULL && parse(text.data, memory);
	}
	buf_clear(&text);
	return is_good;
}

int
clock_write(const char *path, const struct clock_memory *memory,
    struct err *err)
{
	char wall[WHEN_TEXT_MAX], even[WHEN_TEXT_MAX], line[CLOCK_FILE_MAX];
	int len;

	when_text(memory->last.wall, wall);
	when_text(memory->even_since, even);
	len = snprintf(line, sizeof(line), HEAD "%s %lld %s %lld %s\n", wall,
	    memory->last.boottime, memory->last.boot_id, memory->careful_until,
	    even[0] != '\0' ? even : "-");
	return smallfile_write(path, line, (size_t)len, true, err);
}
