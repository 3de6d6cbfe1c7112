/*
 * A keyturn.conf in a directory of its own, and what is said of it.
 */
#ifndef KEYTURN_TEST_CONF_FILE_H
#define KEYTURN_TEST_CONF_FILE_H

#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "tap.h"

static char dir[] = "/tmp/keyturn-conf.XXXXXX";
static char file[64];

__attribute__((unused)) static void
conf_file_begin(void)
{
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(file, sizeof(file), "%s/keyturn.conf", dir);
}

__attribute__((unused)) static void
conf_file_end(void)
{
	unlink(file);
	rmdir(dir);
}

__attribute__((unused)) static void
put(const char *text, size_t len)
{
	FILE *f = fopen(file, "w");

	if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) == EOF)
		abort();
}

/* Load that text; the test ends if it is refused. */
__attribute__((unused)) static struct conf *
load(const char *text)
{
	struct err err = ERR_INIT;
	struct conf *conf;

	put(text, strlen(text));
	conf = conf_load(file, &err);
	if (conf == NULL) {
		printf("Bail out! %s: %s\n", text, err.text);
		exit(1);
	}
	return conf;
}

/* The error that text gives, behind the file's name; "" when it is taken. */
__attribute__((unused)) static const char *
refusal(const char *text, size_t len)
{
	static struct err err;
	struct conf *conf;

	err = (struct err)ERR_INIT;
	put(text, len);
	conf = conf_load(file, &err);
	if (conf != NULL)
		err.text[0] = '\0';
	conf_free(conf);
	if (err.text[0] == '\0')
		return "";
	if (err.code != ERR_CONF)
		return "(not ERR_CONF)";
	return strncmp(err.text, file, strlen(file)) == 0
	    ? err.text + strlen(file)
	    : err.text;
}

/*
 * Whether got, of refusal(), is as it should be: want is its start, "" for a
 * text that is taken.
 */
__attribute__((unused)) static void
check(const char *got, const char *want, const char *name)
{
	if (!ok(want[0] == '\0' ? got[0] == '\0'
	                        : strncmp(got, want, strlen(want)) == 0,
	        "%s", name))
		printf("# got: %s\n# want: %s\n", got, want);
}

/* before, then count times item (%u: its number), then after. */
__attribute__((unused)) static const char *
refusal_of_many(const char *before, unsigned count, const char *item,
    const char *after)
{
	struct buf text = BUF_INIT;
	const char *got;

	buf_adds(&text, before);
	for (unsigned i = 0; i < count; i++) {
		const char *percent = strchr(item, '%');

		if (percent == NULL) {
			buf_adds(&text, item);
			continue;
		}
		buf_add(&text, item, (size_t)(percent - item));
		buf_printf(&text, "%u", i);
		buf_adds(&text, percent + 1);
	}
	buf_adds(&text, after);
	got = refusal(text.data, text.len);
	buf_clear(&text);
	return got;
}

#endif
