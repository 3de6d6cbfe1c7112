/*
 * The linter.  Everything here is something that a verifier somewhere makes
 * mail fail for, or that makes a turn take longer than it must.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keyrecord.h"
#include "sight_lint.h"
#include "taglist.h"

void
sight_lint_add(struct sighting *s, const char *code, const char *fmt, ...)
{
	struct sight_lint *lint;
	va_list ap;

	for (size_t i = 0; i < s->lint_count; i++)
		if (strcmp(s->lints[i].code, code) == 0)
			return;
	if (s->lint_count == SIGHT_LINTS_MAX)
		return;
	lint = &s->lints[s->lint_count++];
	snprintf(lint->code, sizeof(lint->code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(lint->text, sizeof(lint->text), fmt, ap);
	va_end(ap);
}

/* k= as it should be, when another record is known to be right. */
static void
lint_type(struct sighting *s, const struct taglist *found, const char *want)
{
	const struct tag *k = taglist_find(found, "k");
	const struct tag *right = NULL;
	struct taglist list;
	struct err err = ERR_INIT;
	bool is_rsa = k == NULL || span_is(k->value, "rsa");

	if (want != NULL &&
	    taglist_parse(want, strlen(want), &list, &err) == 0) {
		right = taglist_find(&list, "k");
		if (is_rsa != (right == NULL || span_is(right->value, "rsa")))
			sight_lint_add(s, "key-type",
			    "k=%.*s, but the key is of another type",
			    k != NULL && k->value.len < 20 ? (int)k->value.len
			                                   : 3,
			    k != NULL ? k->value.data : "rsa");
	}
}

void
sight_lint_record(struct sighting *s, const char *found, size_t len,
    const char *want)
{
	static const struct {
		enum keyrecord_state state;
		const char *code;
	} codes[] = {
		{ KEYRECORD_TYPE, "key-type" },
		{ KEYRECORD_HASH, "hash" },
		{ KEYRECORD_SERVICE, "service" },
		{ KEYRECORD_SYNTAX, "syntax" },
		{ KEYRECORD_WEAK, "weak" },
	};
	struct keyrecord rec = KEYRECORD_INIT;
	struct taglist list;
	struct err err = ERR_INIT;
	enum keyrecord_state state = keyrecord_parse(found, len, &rec, &err);

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].state == state)
			sight_lint_add(s, codes[i].code, "%.300s", err.text);
	if (rec.is_testing)
		sight_lint_add(s, "testing",
		    "t=y: verifiers treat the domain as testing DKIM and may "
		    "ignore its signatures; leave it out");
	if (taglist_parse(found, len, &list, &err) == 0 &&
	    taglist_find(&list, "p") != NULL)
		lint_type(s, &list, want);
	keyrecord_clear(&rec);
}
