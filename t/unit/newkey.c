/*
 * newkey: selectors by the template, never one that is taken.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../ctl/newkey.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define LABEL      "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define NOW        1790000000 /* 2026-09-21 */

static char dir[] = "/tmp/keyturn-newkey.XXXXXX";

/*
 * The selector that the template gives a ring that has these already.  A #
 * in want is any letter or digit.
 */
static const struct {
	const char *template, *host, *taken, *want;
} good[] = {
	{ "{yyyy}{mm}{seq}-{rand4}", "h", "", "202609a-####" },
	{ "{yyyy}{mm}{seq}-{rand4}", "h", "202609a-xxxx", "202609b-####" },
	{ "{yyyy}{mm}{seq}-{rand4}", "h", "202608a-xxxx", "202609a-####" },
	{ "{yyyy}{mm}{seq}-{rand4}", "h", "202609aa-xxxx", "202609a-####" },
	{ "{yyyy}{mm}{seq}", "h", "202609a 202609b", "202609c" },
	{ "{rand4}", "h", "", "####" },
	{ "{host}-{seq}", "MX1.Example.com", "", "mx1-example-com-a" },
	{ "{host}-{seq}", ".._", "", "host-a" },
	{ "Mail.{dd}{seq}", "h", "", "mail.21a" },
	/* a is in the directory, though not in the ring. */
	{ "orphan-{seq}", "h", "", "orphan-b" },
}, bad[] = {
	{ LABEL "." LABEL "." LABEL "." LABEL "{seq}", "h", "",
	    "rotation.selector: " LABEL "." LABEL "." LABEL "." LABEL
	    "a: with this domain longer than the 253 characters that the DNS "
	    "takes" },
};

static struct ring *
ring_with(const char *host, const char *taken)
{
	struct err err = ERR_INIT;
	struct ring *ring = ring_new("example.com", host, &err);
	char text[256], *rest = text;
	const char *one;

	snprintf(text, sizeof(text), "%s", taken);
	while (ring != NULL && (one = strsep(&rest, " ")) != NULL) {
		struct ring_key *key = ring_add_key(ring, &err);

		if (key == NULL)
			exit(1);
		snprintf(key->selector, sizeof(key->selector), "%s", one);
	}
	return ring;
}

static bool
fits(const char *got, const char *want)
{
	static const char any[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (; *want != '\0'; got++, want++) {
		if (*want == '#' ? *got == '\0' || !strchr(any, *got)
		                 : *got != *want)
			return false;
	}
	return *got == '\0';
}

static int
select_for(const char *template, const char *host, const char *taken,
    char out[DNSNAME_MAX + 1], struct err *err)
{
	struct ring *ring = ring_with(host, taken);
	char copy[300];
	struct rotation rules = { .selector = copy };
	struct newkey_place place = {
		.directory = dir, .ring = ring, .rules = &rules, .now = NOW
	};
	int rc;

	snprintf(copy, sizeof(copy), "%s", template);
	rc = newkey_selector(&place, out, err);
	ring_free(ring);
	return rc;
}

int
main(void)
{
	char got[DNSNAME_MAX + 1], again[DNSNAME_MAX + 1], path[64];
	struct err err = ERR_INIT;
	int fd;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/orphan-a.pem", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd == -1)
		return 1;
	close(fd);
	for (size_t i = 0; i < LEN(good); i++) {
		int rc = select_for(good[i].template, good[i].host,
		    good[i].taken, got, &err);

		if (!ok(rc == 0 && fits(got, good[i].want), "%s after \"%s\"",
		        good[i].template, good[i].taken))
			printf("# got: %s %s\n# want: %s\n", got, err.text,
			    good[i].want);
	}
	for (size_t i = 0; i < LEN(bad); i++) {
		is_int(select_for(bad[i].template, bad[i].host, bad[i].taken,
		           got, &err),
		    -1, bad[i].template);
		is_int(err.code, ERR_CONF, "by the configuration");
		is_str(err.text, bad[i].want, bad[i].template);
	}
	ok(select_for("{rand4}", "h", "", got, &err) == 0 &&
	        select_for("{rand4}", "h", "", again, &err) == 0 &&
	        strcmp(got, again) != 0,
	    "random: %s, %s", got, again);
	is_int(newkey_check_selector("k1", "example.com", &err), 0,
	    "a selector that will do");
	unlink(path);
	rmdir(dir);
	return tap_done();
}
