/*
 * looks: what was seen last comes back as it was; lines that are not
 * understood are nothing known.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <unistd.h>

#include "../../ctl/looks.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))
#define HEX        "00000000000000000000000000000000000000000000000000000000000000ff"

static char dir[] = "/tmp/keyturn-looks.XXXXXX";
static char path[64];

static struct ring_key
key_named(const char *selector, unsigned char mark)
{
	struct ring_key key = { .state = KEY_ACTIVE };

	snprintf(key.selector, sizeof(key.selector), "%s", selector);
	key.fingerprint[SHA256_LEN - 1] = mark;
	return key;
}

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF) {
		printf("Bail out! cannot write %s\n", path);
		exit(1);
	}
}

static void
test_round(void)
{
	struct ring_key a = key_named("a", 1), b = key_named("b", 2);
	struct looks looks = { .count = 0 }, got;
	struct err err = ERR_INIT;
	struct look *l = looks_of(&looks, &a, &err);
	const struct look *r;

	l->when = 1790000000;
	l->sight = SIGHT_PARTIAL;
	l->cache_ttl = 300;
	l->is_weak = true;
	strcpy(l->text, "ns2.example.net: no such name\nnext");
	l->file_read = 1790000001;
	l->file = (struct file_id){ .dev = 3,
		.ino = 4,
		.size = 5,
		.mtime = { 6, 7 },
		.ctime = { 8, 9 },
		.is_settled = true };
	l->alarmed = 1790000002;
	l->alarm_step = STEP_CONDEMN;
	looks_of(&looks, &b, &err);
	ok(looks_of(&looks, &a, &err)->when == 1790000000 && looks.count == 2,
	    "one entry a key");
	is_int(looks_write(path, &looks, &err), 0, "written");
	is_int(looks_load(path, &got, &err), 0, "read");
	is_int((long long)got.count, 2, "two entries");
	r = looks_find(&got, &a);
	ok(r != NULL && r->when == 1790000000 && r->sight == SIGHT_PARTIAL &&
	        r->cache_ttl == 300 && r->record_ttl == -1 && r->is_weak,
	    "what was seen");
	is_str(r->text, "ns2.example.net: no such name next",
	    "the text, on one line");
	ok(r->file_read == 1790000001 && r->file.dev == 3 && r->file.ino == 4 &&
	        r->file.size == 5 && r->file.mtime.tv_sec == 6 &&
	        r->file.mtime.tv_nsec == 7 && r->file.ctime.tv_sec == 8 &&
	        r->file.ctime.tv_nsec == 9 && r->file.is_settled,
	    "the file");
	ok(r->alarmed == 1790000002 && r->alarm_step == STEP_CONDEMN,
	    "the alarm");
	a.fingerprint[0] = 1;
	ok(looks_find(&got, &a) == NULL, "another key of that selector: none");
	looks_clear(&got);
	looks_clear(&looks);
}

static void
test_bad(void)
{
	static const char *const bad[] = {
		"",
		"\n\n",
		"a\n",
		"a " HEX "\n",
		"a 00ff 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 text\n",
		"a " HEX " 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0\n",
		"a " HEX " 1 99 1 1 0 0 0 0 0 0 0 0 0 0 0 0 text\n",
		"a " HEX " 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 99 text\n",
		"a " HEX " 1 -1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 text\n",
		"a " HEX " 1  1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 text\n",
		"a " HEX " 1 x 1 1 0 0 0 0 0 0 0 0 0 0 0 0 text\n",
		"a..b " HEX " 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 text\n",
	};
	struct err err = ERR_INIT;
	struct looks got;

	for (size_t i = 0; i < LEN(bad); i++) {
		put(bad[i]);
		ok(looks_load(path, &got, &err) == 0 && got.count == 0,
		    "bad text %zu is nothing known", i);
		looks_clear(&got);
	}
	put("x\na " HEX " 1 1 2 3 0 0 0 0 0 0 0 0 0 0 0 0 good\ny");
	ok(looks_load(path, &got, &err) == 0 && got.count == 1 &&
	        strcmp(got.list[0].text, "good") == 0,
	    "a good line between bad ones");
	looks_clear(&got);
	unlink(path);
	ok(looks_load(path, &got, &err) == 0 && got.count == 0, "no file");
}

static void
test_prune(void)
{
	struct ring_key keys[] = { key_named("a", 1), key_named("b", 2) };
	struct ring_key lost = key_named("c", 3);
	struct ring_key none = key_named(LOOKS_NO_KEY, 0);
	struct ring ring = { .keys = keys, .key_count = LEN(keys) };
	struct looks looks = { .count = 0 };
	struct err err = ERR_INIT;

	keys[1].state = KEY_GONE;
	looks_of(&looks, &keys[0], &err);
	looks_of(&looks, &keys[1], &err);
	looks_of(&looks, &lost, &err);
	looks_of(&looks, &none, &err);
	looks_prune(&looks, &ring);
	ok(looks.count == 2 && looks_find(&looks, &keys[0]) != NULL &&
	        looks_find(&looks, &none) != NULL && looks.has_changed,
	    "what the ring has not, and what is gone, is forgotten");
	looks_clear(&looks);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/looks", dir);
	test_round();
	test_bad();
	test_prune();
	rmdir(dir);
	return tap_done();
}
