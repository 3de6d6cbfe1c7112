/*
 * Writes a policy to stdout, as keyturnd would send it, for tests that play
 * keyturnd themselves:
 *
 *     mkpolicy CONF GENERATION [PATTERN=KEY[,KEY...]]...
 * [ring:DOMAIN=KEY...]...
 *
 * KEY is ID:DOMAIN:SELECTOR:ALG, ALG one of rsa, ed25519, broken, not-yet,
 * no-active; without any key ("PATTERN=") the line says none.  Rings stand
 * behind all lines.  Settings are those of CONF.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"

enum { LINES_MAX = 64, RINGS_MAX = 64, KEYS_MAX = LINES_MAX * TABLE_LINE_KEYS };

static struct policy_key keys[KEYS_MAX];
static size_t key_count;
static struct sign_line lines[LINES_MAX];
static uint32_t line_keys[KEYS_MAX];
static struct policy_ring rings[RINGS_MAX];
static size_t ring_count;

__attribute__((format(printf, 2, 3), noreturn)) static void
die(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("mkpolicy: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static const char *
next_part(char **text)
{
	const char *part = strsep(text, ":");

	if (part == NULL)
		die(64, "a key is ID:DOMAIN:SELECTOR:ALG");
	return part;
}

static void
add_key(char *text)
{
	struct policy_key *k = &keys[key_count++];
	const char *alg;

	k->id = strtoull(next_part(&text), NULL, 0);
	k->domain = next_part(&text);
	k->selector = next_part(&text);
	alg = next_part(&text);
	k->alg =
	    strcmp(alg, "ed25519") == 0 ? KEY_ED25519_SHA256 : KEY_RSA_SHA256;
	if (strcmp(alg, "broken") == 0)
		k->state = POLICY_KEY_BROKEN;
	else if (strcmp(alg, "not-yet") == 0)
		k->state = POLICY_KEY_NOT_YET;
	else if (strcmp(alg, "no-active") == 0)
		k->state = POLICY_KEY_NO_ACTIVE;
}

static void
add_line(char *text, size_t number)
{
	struct sign_line *line = &lines[number];
	char *list = strchr(text, '=');
	char *key;

	if (list == NULL || number >= LINES_MAX)
		die(64, "not a line: %s", text);
	*list++ = '\0';
	line->pattern = text;
	line->line = (unsigned)number + 1;
	while (*list != '\0' && (key = strsep(&list, ",")) != NULL) {
		if (line->key_count == TABLE_LINE_KEYS)
			die(64, "more than %d keys", TABLE_LINE_KEYS);
		line_keys[number * TABLE_LINE_KEYS + line->key_count] =
		    (uint32_t)key_count;
		line->keys[line->key_count++] = "key";
		add_key(key);
		if (list == NULL)
			break;
	}
	/* What the table's own reader leaves for a line that says none. */
	if (line->key_count == 0)
		line->keys[0] = "none";
}

/* The keys of a ring stand behind those of all lines. */
static void
add_ring(char *text)
{
	struct policy_ring *ring = &rings[ring_count++];
	char *list = strchr(text, '=');
	char *key;

	if (list == NULL || ring_count > RINGS_MAX)
		die(64, "not a ring: %s", text);
	*list++ = '\0';
	ring->domain = text;
	ring->first_key = key_count;
	while (list != NULL && (key = strsep(&list, ",")) != NULL)
		add_key(key);
	ring->key_count = key_count - ring->first_key;
}

static void
copy_out(int fd)
{
	char data[65536];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) == -1)
		die(69, "policy: %s", strerrordesc_np(errno));
	while ((n = read(fd, data, sizeof(data))) > 0)
		if (fwrite(data, 1, (size_t)n, stdout) != (size_t)n)
			die(69, "stdout: %s", strerrordesc_np(errno));
	if (n == -1 || fflush(stdout) == EOF)
		die(69, "policy: %s", strerrordesc_np(errno));
}

int
main(int argc, char **argv)
{
	struct sign_table table = { .lines = lines };
	struct policy_source source = { .signing_table = &table,
		.keys = keys,
		.line_keys = line_keys,
		.rings = rings };
	struct conf *conf;
	struct err error;
	int fd;

	if (argc < 3)
		die(64, "usage: mkpolicy conf generation [line ...]");
	source.conf = conf = conf_load(argv[1], &error);
	if (conf == NULL)
		die(78, "%s", error.text);
	source.generation = strtoull(argv[2], NULL, 10);
	for (int i = 3; i < argc; i++) {
		if (strncmp(argv[i], "ring:", 5) == 0)
			add_ring(argv[i] + 5);
		else
			add_line(argv[i], table.count++);
	}
	source.key_count = key_count;
	source.ring_count = ring_count;
	fd = policy_build(&source, &error);
	if (fd == -1)
		die(69, "%s", error.text);
	conf_free(conf);
	copy_out(fd);
	return 0;
}
