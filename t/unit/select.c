/*
 * select: RFC 6376 section 5.4.2, for signing with oversigning and for
 * verifying.
 */
#include <time.h>

#include "select.h"
#include "tap.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The fields of a case are one letter for each name, in wire order. */
static const struct {
	char letter;
	const char *name;
} letters[] = {
	{ 'f', "From" },
	{ 's', "SUBJECT" },
	{ 't', "to" },
	{ 'T', "To \t" },
	{ 'x', "X-Other" },
};

static const struct {
	const char *name;
	const char *fields;
	const char *sign, *oversign;
	const char *want; /* h= */
	const char *indices;
} signings[] = {
	{ "one of each", "fst", "from:to:subject", "", "from:to:subject",
	    "0 2 1" },
	{ "the order is the list's", "fst", "subject:to:from", "",
	    "subject:to:from", "1 2 0" },
	{ "not there, not named", "f", "from:to:subject", "", "from", "0" },
	{ "from below", "ftxTt", "to:from", "", "to:to:to:from", "4 3 1 0" },
	{ "oversigned", "ft", "from:to", "from", "from:from:to", "0 1" },
	{ "oversigned, several", "ftft", "from:to", "to:from",
	    "from:from:from:to:to:to", "2 0 3 1" },
	{ "oversigned, not there", "f", "from:to", "to", "from:to", "0" },
	{ "only oversigned", "fst", "from", "subject:from",
	    "from:from:subject:subject", "0 1" },
	{ "only oversigned, not there", "f", "from", "to:subject",
	    "from:to:subject", "0" },
	{ "no sign list", "fs", "", "from", "from:from", "0" },
	{ "no lists", "fs", "", "", "", "" },
	{ "no fields", "", "from:to", "from", "from", "" },
	{ "part of a name is another name", "f", "fro:from:fromm", "fr",
	    "from:fr", "0" },
	{ "empty names are none", "f", ":from::", "::", "from", "0" },
};

static const struct {
	const char *name;
	const char *fields;
	const char *names;
	const char *indices;
} verifyings[] = {
	{ "one of each", "fst", "from:to:subject", "0 2 1" },
	{ "case and white space", "fst", " FROM :\tTo: \r\n\tsubject \r\n ",
	    "0 2 1" },
	{ "the last one first", "ttt", "to:to", "2 1" },
	{ "more than there are", "tft", "to:from:to:to:from", "2 1 0" },
	{ "not there", "f", "to:from:x-other", "0" },
	{ "the last one first, names mixed", "tTfxtTf",
	    "to:from:to:x-other:from:to:to:from:to", "5 6 4 3 2 1 0" },
	{ "names between", "xtxt", "to:x-other:to:x-other:to", "3 2 1 0" },
	{ "nothing", "f", "", "" },
	{ "only colons", "f", ":::", "" },
	{ "a line end that is no white space", "f", "from\r\n", "" },
	{ "white space inside a name", "f", "fr om", "" },
};

static void
fill(struct hdrs *h, const char *fields)
{
	struct err err = ERR_INIT;

	hdrs_reset(h);
	for (; *fields != '\0'; fields++)
		for (size_t i = 0; i < LEN(letters); i++)
			if (letters[i].letter == *fields)
				hdrs_add(h, letters[i].name,
				    strlen(letters[i].name), " v", 2, &err);
}

static void
is_indices(const struct selection *s, const char *want, const char *name)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < s->count; i++)
		buf_printf(&out, "%s%zu", i ? " " : "", s->fields[i]);
	is_str(buf_str(&out), want, name);
	buf_clear(&out);
}

static void
test_verifying_limits(struct hdrs *h, struct selection *s)
{
	struct err err = ERR_INIT;
	struct buf names = BUF_INIT;
	size_t last = HDRS_FIELDS_MAX - 1;
	bool is_right = true;

	hdrs_reset(h);
	for (size_t i = 0; i <= last; i++)
		hdrs_add(h, "to", 2, "", 0, &err);
	for (size_t i = 0; i <= last + 1; i++)
		buf_adds(&names, "to:");
	is_int(select_for_verifying(h, names.data, names.len, s, &err), 0,
	    "as many fields as may be, named once more");
	is_int((long long)s->count, HDRS_FIELDS_MAX, "all selected");
	for (size_t i = 0; i < s->count; i++)
		is_right = is_right && s->fields[i] == last - i;
	ok(is_right, "from the last one to the first");

	/* White space that begins again and again costs no more. */
	buf_reset(&names);
	for (int i = 0; i < 300000; i++)
		buf_adds(&names, " x");
	is_int(select_for_verifying(h, names.data, names.len, s, &err), 0,
	    "much white space in a name");
	buf_clear(&names);
}

/* Processor time for a long h= over count fields that it does not name. */
static clock_t
time_verifying(struct hdrs *h, size_t count, struct selection *s)
{
	enum { NAMES_LEN = 200000 };
	struct err err = ERR_INIT;
	char *names = calloc(1, NAMES_LEN);
	clock_t start;

	hdrs_reset(h);
	for (size_t i = 0; i < count; i++)
		hdrs_add(h, "b", 1, "", 0, &err);
	for (size_t i = 0; i < NAMES_LEN; i++)
		names[i] = i % 2 ? ':' : 'a';
	start = clock();
	is_int(select_for_verifying(h, names, NAMES_LEN, s, &err), 0,
	    "names of nothing");
	start = clock() - start;
	is_int((long long)s->count, 0, "select nothing");
	free(names);
	return start;
}

/* Both are the sender's: their product must not be what is paid. */
static void
test_verifying_time(struct hdrs *h, struct selection *s)
{
	clock_t few = time_verifying(h, HDRS_FIELDS_MAX / 100, s);
	clock_t many = time_verifying(h, HDRS_FIELDS_MAX, s);

	ok(many < (few + CLOCKS_PER_SEC / 1000) * 10,
	    "a hundred times the fields: %ld and %ld us", (long)few,
	    (long)many);
}

int
main(void)
{
	struct selection s = SELECTION_INIT;
	struct hdrs h = HDRS_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < LEN(signings); i++) {
		fill(&h, signings[i].fields);
		is_int(select_for_signing(&h, signings[i].sign,
		           signings[i].oversign, &s, &err),
		    0, signings[i].name);
		is_str(buf_str(&s.names), signings[i].want, "h=");
		is_indices(&s, signings[i].indices, "fields");
	}
	for (size_t i = 0; i < LEN(verifyings); i++) {
		fill(&h, verifyings[i].fields);
		is_int(select_for_verifying(&h, verifyings[i].names,
		           strlen(verifyings[i].names), &s, &err),
		    0, verifyings[i].name);
		is_indices(&s, verifyings[i].indices, "fields");
	}
	test_verifying_limits(&h, &s);
	test_verifying_time(&h, &s);
	selection_clear(&s);
	selection_clear(&s);
	hdrs_clear(&h);
	return tap_done();
}
