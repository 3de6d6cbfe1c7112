/*
 * KeyTable and SigningTable: what they give, every refusal with its place, the
 * limits, and that a large table costs little.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "table.h"
#include "tap.h"

static char dir[] = "/tmp/keyturn-table.XXXXXX";
static char file[64];

static void
put(const char *text, size_t len)
{
	FILE *f = fopen(file, "w");

	if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) == EOF)
		abort();
}

/* What one gets, on one line: the lines of the table, or the error. */
static const char *
show_keys(const char *path)
{
	static char out[4096];
	struct err err = ERR_INIT;
	struct key_table *t = key_table_load(path, &err);
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; t != NULL && i < t->count; i++) {
		const struct key_line *k = &t->lines[i];

		if (k->ring != NULL)
			len += (size_t)snprintf(out + len, sizeof(out) - len,
			    "%u %s=ring %s;", k->line, k->name, k->ring);
		else
			len += (size_t)snprintf(out + len, sizeof(out) - len,
			    "%u %s=%s:%s:%s;", k->line, k->name, k->domain,
			    k->selector, k->path);
	}
	if (t == NULL)
		snprintf(out, sizeof(out), "%s%s",
		    err.code == ERR_CONF ? "" : "(not ERR_CONF) ", err.text);
	key_table_free(t);
	return out;
}

static const char *
show_lines(const char *path)
{
	static char out[4096];
	struct err err = ERR_INIT;
	struct sign_table *t = sign_table_load(path, &err);
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; t != NULL && i < t->count; i++) {
		const struct sign_line *l = &t->lines[i];

		len += (size_t)snprintf(out + len, sizeof(out) - len,
		    "%u %s=", l->line, l->pattern);
		for (unsigned k = 0; k < l->key_count; k++)
			len += (size_t)snprintf(out + len, sizeof(out) - len,
			    "%s%s", k > 0 ? "," : "", l->keys[k]);
		len += (size_t)snprintf(out + len, sizeof(out) - len, ";");
	}
	if (t == NULL)
		snprintf(out, sizeof(out), "%s%s",
		    err.code == ERR_CONF ? "" : "(not ERR_CONF) ", err.text);
	sign_table_free(t);
	return out;
}

/*
 * want: what the table gives, or, after "!", the error behind the file's name.
 * NUL bytes: the text ends at the array's end.
 */
struct table_case {
	const char *name, *in, *want;
	size_t len; /* 0: that of the string */
};

static const struct table_case key_cases[] = {
	{ "one line", "k example.com:s1:/etc/k.pem\n",
	    "1 k=example.com:s1:/etc/k.pem;", 0 },
	{ "empty file", "", "", 0 },
	{ "comments, blank lines, white space",
	    "# a\n\n \t \n \t# b\nk\t \texample.com:s1:k.pem \t# c # d\n#",
	    "5 k=example.com:s1:k.pem;", 0 },
	{ "no line end at the end", "k example.com:s1:k.pem",
	    "1 k=example.com:s1:k.pem;", 0 },
	{ "CRLF", "\r\nk example.com:s1:k.pem\r\nl example.com:s2:l.pem\r",
	    "2 k=example.com:s1:k.pem;3 l=example.com:s2:l.pem;", 0 },
	{ "# inside words", "k# example.com:s1:a#b\n",
	    "1 k#=example.com:s1:a#b;", 0 },
	{ "case", "Key EXAMPLE.Com:S1:K.pem\n", "1 Key=example.com:s1:K.pem;",
	    0 },
	{ "names differ by case", "k a.b:s:p\nK a.b:s:p\n",
	    "1 k=a.b:s:p;2 K=a.b:s:p;", 0 },
	{ "colons in the path", "k example.com:s1:a:b:\n",
	    "1 k=example.com:s1:a:b:;", 0 },
	{ "UTF-8 in the path", "k example.com:s1:\xc3\xa4\n",
	    "1 k=example.com:s1:\xc3\xa4;", 0 },
	{ "underscores, digits, hyphens, dots",
	    "!~ _a.1-2.xn--p1ai:a.b_c.9:p\n", "1 !~=_a.1-2.xn--p1ai:a.b_c.9:p;",
	    0 },

	{ "a name alone", "\n  k\n", "!2:4: domain:selector:path is missing",
	    0 },
	{ "a name and a comment", "k # x:y:z\n",
	    "!1:3: domain:selector:path is missing", 0 },
	{ "no colon", "k example.com\n",
	    "!1:3: not domain:selector:path: example.com", 0 },
	{ "one colon", "k example.com:s\n",
	    "!1:3: not domain:selector:path: example.com:s", 0 },
	{ "empty path", "k example.com:s:\n",
	    "!1:3: no path behind: example.com:s:", 0 },
	{ "empty domain", "k :s:p\n", "!1:3: not a domain", 0 },
	{ "empty selector", "k example.com::p\n", "!1:15: not a selector", 0 },
	{ "a third word", "k example.com:s:p q\n",
	    "!1:19: a surplus word behind domain:selector:path: q", 0 },
	{ "one label", "k localhost:s:p\n", "!1:3: not a domain", 0 },
	{ "final dot", "k example.com.:s:p\n", "!1:3: not a domain", 0 },
	{ "two dots", "k example..com:s:p\n", "!1:3: not a domain", 0 },
	{ "first dot", "k .example.com:s:p\n", "!1:3: not a domain", 0 },
	{ "hyphen at the start", "k -a.com:s:p\n", "!1:3: not a domain", 0 },
	{ "hyphen at the end", "k a-.com:s:p\n", "!1:3: not a domain", 0 },
	{ "slash", "k a.com/b:s:p\n", "!1:3: not a domain", 0 },
	{ "star", "k *.example.com:s:p\n", "!1:3: not a domain", 0 },
	{ "UTF-8 domain",
	    "k b\xc3\xbc"
	    "cher.example:s:p\n",
	    "!1:3: not a domain (two or more labels of letters, digits and "
	    "hyphens; international ones as xn--): "
	    "b\\xc3\\xbccher.example",
	    0 },
	{ "selector with @", "k a.b:s@t:p\n",
	    "!1:7: not a selector (labels of letters, digits and hyphens): "
	    "s@t",
	    0 },
	{ "% as domain", "k %:s:p\n",
	    "!1:3: % (the From domain) is not "
	    "supported yet",
	    0 },
	{ "% in the path", "k example.com:s:/k/%/p\n",
	    "!1:20: % (the From domain) is not supported yet: write a line "
	    "for each domain: %/p",
	    0 },
	{ "a ring", "k ring:Example.COM\n", "1 k=ring example.com;", 0 },
	{ "a ring without its domain", "k ring:\n",
	    "!1:3: no domain behind: ring:", 0 },
	{ "a ring of one label", "k ring:com\n", "!1:8: not a domain", 0 },
	{ "a ring and more", "k ring:example.com:s:p\n",
	    "!1:8: not a domain (two or more labels of letters, digits and "
	    "hyphens; international ones as xn--): example.com:s:p",
	    0 },
	{ "a ring for all domains", "k ring:%\n", "!1:8: not a domain", 0 },
	{ "comma in a name", "a,b example.com:s:p\n",
	    "!1:1: a key name is printable ASCII without comma and colon: a,b",
	    0 },
	{ "colon in a name", "a:b example.com:s:p\n",
	    "!1:1: a key name is printable", 0 },
	{ "UTF-8 in a name", "\xc3\xa4 example.com:s:p\n",
	    "!1:1: a key name is printable ASCII without comma and colon: "
	    "\\xc3\\xa4",
	    0 },
	{ "control character in a name", "a\x1b[2J example.com:s:p\n",
	    "!1:1: a key name is printable ASCII without comma and colon: "
	    "a\\x1b[2J",
	    0 },
	{ "the name none", "none example.com:s:p\n",
	    "!1:1: this name is reserved", 0 },
	{ "a name twice", "k a.b:s:p\nl a.b:s:p\n\n  k a.b:t:q\n",
	    "!4:3: a name that line 1 has already: k", 0 },
	{ "DEL in the path", "k a.b:s:p\x7fq\n",
	    "!1:10: a control character: \\x7f", 0 },
	{ "CR in the path", "k a.b:s:p\rq\n",
	    "!1:10: a control character: \\x0d", 0 },
	{ "NUL", "k a.b:s:p\nl a\0b:s:p\n", "!2:4: a NUL byte", 21 },
	{ "NUL at the end", "k a.b:s:p\n\0", "!2:1: a NUL byte", 11 },
	{ "byte order mark", "\xef\xbb\xbfk a.b:s:p\n",
	    "!1:1: a byte order mark", 0 },
};

static const struct table_case line_cases[] = {
	{ "every form of pattern",
	    "user@example.com k\n*@example.com k\n*@*.example.com k\n"
	    "*+list@* k\n* k\n",
	    "1 user@example.com=k;2 *@example.com=k;3 *@*.example.com=k;"
	    "4 *+list@*=k;5 *=k;",
	    0 },
	{ "case", "User@Example.COM Key\n", "1 user@example.com=Key;", 0 },
	{ "several keys", "* a,b,c\n", "1 *=a,b,c;", 0 },
	{ "8 keys", "* a,b,c,d,e,f,g,h\n", "1 *=a,b,c,d,e,f,g,h;", 0 },
	{ "the same pattern twice", "* a\n* b\n", "1 *=a;2 *=b;", 0 },
	{ "UTF-8 as it is",
	    "\xc3\x84@b\xc3\xbc"
	    "cher.example k\n",
	    "1 \xc3\x84@b\xc3\xbc"
	    "cher.example=k;",
	    0 },
	{ "@ in the local part", "\"a@b\"@example.com k\n",
	    "1 \"a@b\"@example.com=k;", 0 },
	{ "comments, CRLF, no line end", "#\r\n* k # c\r\n*@a.b k\t#",
	    "2 *=k;3 *@a.b=k;", 0 },

	{ "9 keys", "* a,b,c,d,e,f,g,h,i\n",
	    "!1:19: more than 8 keys in one line: i", 0 },
	{ "a domain", "example.com k\n",
	    "!1:1: a pattern without @; for a domain write *@example.com: "
	    "example.com",
	    0 },
	{ "a domain with a first dot", ".example.com k\n",
	    "!1:1: a pattern without @; for a domain write *@*.example.com: "
	    ".example.com",
	    0 },
	{ "a glob of domains", "*.example.com k\n",
	    "!1:1: a pattern without @; for a domain write *@*.example.com: "
	    "*.example.com",
	    0 },
	{ "two stars", "** k\n", "!1:1: a pattern without @", 0 },
	{ "no user", "@example.com k\n",
	    "!1:1: nothing before the @; for every user write *@: "
	    "@example.com",
	    0 },
	{ "no host", "user@ k\n", "!1:1: nothing behind the @: user@", 0 },
	{ "final dot", "*@example.com. k\n",
	    "!1:1: a domain that ends with a dot never matches", 0 },
	{ "a pattern alone", "\n*@a.b\n", "!2:6: the name of a key is missing",
	    0 },
	{ "a condition", "* k client=10.0.0.0/8\n",
	    "!1:5: conditions and options are not supported yet: "
	    "client=10.0.0.0/8",
	    0 },
	{ "a third word", "* a b\n",
	    "!1:5: a surplus word behind the key names: b", 0 },
	{ "space behind a comma", "* a, b\n",
	    "!1:6: a surplus word behind the key names: b", 0 },
	{ "an identity", "* k:@example.com\n",
	    "!1:4: an identity (i=) is not supported yet: :@example.com", 0 },
	{ "none", "* none\n", "!1:3: this name is reserved", 0 },
	{ "comma at the start", "* ,k\n", "!1:3: an empty key name before: ,",
	    0 },
	{ "two commas", "* k,,l\n", "!1:5: an empty key name before: ,", 0 },
	{ "comma at the end", "* k,\n",
	    "!1:3: a comma without a key name behind it: k,", 0 },
	{ "comma alone", "* ,\n", "!1:3: a comma without a key name", 0 },
	{ "control character in a pattern", "a\x01@b.c k\n",
	    "!1:2: a control character: \\x01", 0 },
	{ "vertical tab is no white space", "*\vk\n",
	    "!1:2: a control character: \\x0b", 0 },
	{ "UTF-8 in a key name", "* \xc3\xa4\n",
	    "!1:3: a key name is printable ASCII", 0 },
	{ "NUL", "*\0 k\n", "!1:2: a NUL byte", 5 },
	{ "byte order mark", "\xef\xbb\xbf* k\n", "!1:1: a byte order mark",
	    0 },
};

/* Compare a whole result, or the start of an error. */
static void
check(const char *got, const char *want, const char *name)
{
	size_t len = strlen(file);

	if (want[0] != '!') {
		is_str(got, want, name);
		return;
	}
	if (!ok(strncmp(got, file, len) == 0 && got[len] == ':' &&
	            strncmp(got + len + 1, want + 1, strlen(want + 1)) == 0,
	        "%s", name))
		printf("# got: %s\n# want: %s:%s\n", got, file, want + 1);
}

static void
test_cases(const struct table_case *cases, size_t count,
    const char *(*show)(const char *))
{
	for (size_t i = 0; i < count; i++) {
		put(cases[i].in,
		    cases[i].len ? cases[i].len : strlen(cases[i].in));
		check(show(file), cases[i].want, cases[i].name);
	}
}

/* A text of count bytes c in a static place, NUL-terminated. */
static const char *
repeat(char c, size_t count)
{
	static char text[4][TABLE_LINE_MAX + 16];
	static unsigned next;
	char *p = text[next++ % 4];

	memset(p, c, count);
	p[count] = '\0';
	return p;
}

/* Write a table by printf. */
__attribute__((format(printf, 1, 2))) static void
putf(const char *fmt, ...)
{
	FILE *f = fopen(file, "w");
	va_list ap;

	va_start(ap, fmt);
	if (f == NULL || vfprintf(f, fmt, ap) < 0 || fclose(f) == EOF)
		abort();
	va_end(ap);
}

static void
test_limits(void)
{
	static const char label[] = "a123456789b123456789c123456789"
	                            "d123456789e123456789f123456789ghi";
	static const char longer[] = "a123456789b123456789c123456789"
	                             "d123456789e123456789f123456789ghij";
	const char *line = "* k #";
	int rest = TABLE_LINE_MAX - (int)strlen(line);

	putf("%s%s\n", line, repeat('x', (size_t)rest));
	check(show_lines(file), "1 *=k;", "a line at the limit");
	putf("%s%s\r\n", line, repeat('x', (size_t)rest));
	check(show_lines(file), "1 *=k;", "the same, its CR not counted");
	putf("\n%s%s\n", line, repeat('x', (size_t)rest + 1));
	check(show_lines(file),
	    "!2:65537: a line of more than 65536 bytes: 65537",
	    "a line one over");
	putf("%s%s", line, repeat('x', (size_t)rest + 1));
	check(show_lines(file), "!1:65537: a line of more than",
	    "the same without a line end");

	putf("k %s.com:s:p", label);
	ok(strstr(show_keys(file), ".com:s:p;") != NULL, "a label of 63");
	putf("k %s.com:s:p", longer);
	check(show_keys(file), "!1:3: not a domain", "a label of 64");
	putf("k a.b:%s:p", label);
	ok(strstr(show_keys(file), "ghi:p;") != NULL, "a selector of 63");
	putf("k a.b:%s:p", longer);
	check(show_keys(file), "!1:7: not a selector", "a selector of 64");

	/* selector._domainkey.domain: 1 + 12 + 240 = 253 octets. */
	putf("k %s.%s.%s.%.48s:s:p", label, label, label, label);
	ok(strstr(show_keys(file), ":s:p;") != NULL, "a record name of 253");
	putf("k %s.%s.%s.%.48s:s2:p", label, label, label, label);
	check(show_keys(file),
	    "!1:3: selector and domain are too long together",
	    "a record name of 254");
	putf("k %s.%s.%s.%s.%s:s:p", label, label, label, label, label);
	check(show_keys(file), "!1:3: not a domain", "a domain of 319");

	putf("%s a.b:s:p\nk", repeat('n', 60000));
	check(show_keys(file), "!2:2: domain:selector:path is missing",
	    "a name of 60000 bytes is a name");
	putf("k %s\n", repeat('\xff', 60000));
	ok(strlen(show_keys(file)) == ERR_TEXT_MAX - 1,
	    "a long value is cut in the error, four bytes for one");
}

/* What is not a file to read. */
static void
test_files(void)
{
	struct err err = ERR_INIT;
	int fd;

	unlink(file);
	check(show_keys(file), "! No such file or directory", "no file");
	check(show_lines(file), "! No such file or directory", "no file");
	if (mkdir(file, 0700) == -1)
		abort();
	check(show_keys(file), "! not a regular file", "a directory");
	rmdir(file);
	if (mkfifo(file, 0600) == -1)
		abort();
	alarm(10);
	check(show_keys(file), "! not a regular file", "a FIFO is not read");
	alarm(0);
	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	if (fd == -1 || ftruncate(fd, (off_t)UINT32_MAX + 1) == -1)
		abort();
	close(fd);
	check(show_lines(file), "! larger than 4294967295 bytes: 4294967296",
	    "4 GiB is too large");
	unlink(file);
	ok(key_table_load("/proc/self/mem", &err) == NULL,
	    "a file that lies about its size");
	key_table_free(NULL);
	sign_table_free(NULL);
}

/* No descriptor stays open, whatever happens. */
static void
test_descriptors(void)
{
	int before = open("/dev/null", O_RDONLY), after;

	close(before);
	put("k a.b:s:p\n", 10);
	show_keys(file);
	put("junk", 4);
	show_keys(file);
	put("\0", 1);
	show_lines(file);
	show_lines(dir);
	after = open("/dev/null", O_RDONLY);
	close(after);
	is_int(after, before, "no descriptor is left open");
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A million lines, and every name found again. */
static void
test_million(void)
{
	enum { LINES = 1000000 };
	FILE *f = fopen(file, "w");
	struct err err = ERR_INIT;
	struct sign_table *s;
	struct key_table *k;
	double start, took;
	size_t found = 0;
	char name[32];

	for (int i = 0; f != NULL && i < LINES; i++)
		fprintf(f, "*@customer%d.example.com key%d\n", i, i);
	if (f == NULL || fclose(f) == EOF)
		abort();
	start = now();
	s = sign_table_load(file, &err);
	took = now() - start;
	ok(s != NULL && s->count == LINES &&
	        strcmp(s->lines[LINES - 1].keys[0], "key999999") == 0,
	    "a SigningTable of a million lines");
	printf("# %.3f s\n", took);
	ok(took < 5,
	    "in less than 5 s"); /* with sanitizers, on a busy machine */
	sign_table_free(s);

	f = fopen(file, "w");
	for (int i = 0; f != NULL && i < LINES; i++)
		fprintf(f, "key%d c%d.example.com:s1:keys/%d.pem\n", i, i, i);
	if (f == NULL || fclose(f) == EOF)
		abort();
	start = now();
	k = key_table_load(file, &err);
	took = now() - start;
	ok(k != NULL && k->count == LINES, "a KeyTable of a million lines");
	printf("# %.3f s\n", took);
	ok(took < 10, "in less than 10 s");
	start = now();
	for (int i = 0; k != NULL && i < LINES; i++) {
		const struct key_line *line;

		snprintf(name, sizeof(name), "key%d", i);
		line = key_table_find(k, name);
		found += line == &k->lines[i];
	}
	took = now() - start;
	is_int((long long)found, LINES, "every name is found");
	printf("# %.3f s\n", took);
	ok(k != NULL && key_table_find(k, "key1000000") == NULL &&
	        key_table_find(k, "") == NULL &&
	        key_table_find(k, "KEY1") == NULL,
	    "no other is");
	key_table_free(k);

	f = fopen(file, "w");
	for (int i = 0; f != NULL && i < LINES; i++)
		fputc('\n', f);
	if (f == NULL || fputs("k a.b:s:p", f) == EOF || fclose(f) == EOF)
		abort();
	check(show_keys(file), "1000001 k=a.b:s:p;", "a million blank lines");
}

/* The samples that are installed. */
static void
test_samples(void)
{
	const char *top = getenv("top_srcdir");
	struct err err = ERR_INIT;
	struct sign_table *s;
	struct key_table *k;
	char path[1024];
	bool good;

	snprintf(path, sizeof(path), "%s/conf/KeyTable", top ? top : ".");
	k = key_table_load(path, &err);
	if (!ok(k != NULL && k->count > 0, "conf/KeyTable"))
		printf("# %s\n", err.text);
	snprintf(path, sizeof(path), "%s/conf/SigningTable", top ? top : ".");
	s = sign_table_load(path, &err);
	if (!ok(s != NULL && s->count > 0, "conf/SigningTable"))
		printf("# %s\n", err.text);
	good = k != NULL && s != NULL;
	for (size_t i = 0; good && i < s->count; i++)
		for (unsigned n = 0; n < s->lines[i].key_count; n++)
			good = good &&
			    key_table_find(k, s->lines[i].keys[n]) != NULL;
	ok(good, "every key of the one is in the other");
	key_table_free(k);
	sign_table_free(s);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		abort();
	snprintf(file, sizeof(file), "%s/table", dir);
	test_cases(key_cases, sizeof(key_cases) / sizeof(key_cases[0]),
	    show_keys);
	test_cases(line_cases, sizeof(line_cases) / sizeof(line_cases[0]),
	    show_lines);
	test_limits();
	test_files();
	test_descriptors();
	test_million();
	test_samples();
	unlink(file);
	rmdir(dir);
	return tap_done();
}
