/*
 * Every key of a snapshot against the DNS.
 */
#include <stdlib.h>

#include "buf.h"
#include "checkdns.h"
#include "keylook.h"

/* The name of a key's record, and what is wrong with it. */
static void
tell(struct checkdns *c, const struct keylook *look, const char *what,
    const char *text, bool is_warning)
{
	const struct keycheck *kc = &look->check;
	const char *cause = keycheck_cause(kc->finding);
	struct buf line = BUF_INIT;

	buf_printf(&line, "%s._domainkey.%s: %s", kc->selector, kc->domain,
	    what);
	if (text[0] != '\0') {
		buf_adds(&line, ": ");
		buf_adds(&line, text);
	}
	if (!is_warning && cause != NULL)
		buf_printf(&line,
		    "; likely: %s; `keyturn check-key %s %s` "
		    "says more",
		    cause, kc->domain, kc->selector);
	c->tell(c->arg, buf_str(&line) != NULL ? line.data : "out of memory",
	    is_warning);
	buf_clear(&line);
}

static void
tell_all(struct checkdns *c, const struct keylook *look)
{
	const struct sighting *s = &look->query.out;

	if (look->check.finding == KEYCHECK_UNANSWERED)
		c->unanswered++;
	else if (look->check.finding != KEYCHECK_GOOD)
		c->bad++;
	if (look->check.finding != KEYCHECK_GOOD)
		tell(c, look, keycheck_title(look->check.finding),
		    look->check.text, false);
	for (size_t i = 0; look->has_servers && i < s->lint_count; i++)
		tell(c, look, "DNS", s->lints[i].text, true);
}

int
checkdns(const struct snap *snap, struct checkdns *c, struct err *err)
{
	struct keysource source = KEYSOURCE_INIT;
	struct keylook *looks;
	size_t count = 0;
	int rc = -1;

	/* One more than there are: no keys are no lack of memory. */
	looks = calloc(snap->entry_count + 1, sizeof(*looks));
	if (looks == NULL)
		return err_nomem(err);
	source.conf = snap->conf; /* borrowed */
	source.sights = sights_new(NULL, err);
	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];

		if (e->key == NULL)
			continue;
		looks[count].check.domain = e->domain;
		looks[count].check.selector = e->selector;
		looks[count].check.key = e->key;
		/* It signs: caches ask for it already. */
		looks[count].may_ask_resolver = true;
		count++;
	}
	if (source.sights != NULL)
		rc = keylook_run(&source, looks, count, err);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0)
			tell_all(c, &looks[i]);
		keylook_clear(&looks[i]);
	}
	sights_free(source.sights);
	free(looks);
	return rc;
}
