/*
 * Having keyturnd take the rings, and seeing that it did: in its own record of
 * what it holds.
 */
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "turn_job.h"

/* Why keyturnd has not taken the ring as it is, or NULL: it has. */
static const char *
missing(const struct turner *t, const struct ring *ring)
{
	for (size_t i = 0; i < ring->key_count; i++) {
		const struct ring_key *key = &ring->keys[i];
		const struct held_key *h = held_find(&t->held, ring->domain,
		    key->selector, key->fingerprint);
		bool is_held = h != NULL && h->released == 0;

		if (ring_key_signs(key) && !is_held)
			return "keyturnd does not hold the new key";
		if (key->state != KEY_ACTIVE && is_held)
			return "keyturnd still holds the old key";
	}
	return NULL;
}

static void
set_text(struct turned *turned, const char *text)
{
	free(turned->text);
	turned->text = strdup(text);
}

/* Settle what waits for keyturnd in one report; why is NULL: it has it. */
static void
settle(struct turn_report *r, const char *why)
{
	for (size_t i = 0; i < r->count; i++) {
		struct turned *turned = &r->turned[i];

		if (turned->decision.step != STEP_ACTIVATE &&
		    turned->decision.step != STEP_RETIRE &&
		    turned->decision.step != STEP_CONFIRM)
			continue;
		/* Not what failed, nor what is none of keyturnd's affair. */
		if (turned->result != TURN_LATER)
			continue;
		turned->result = why == NULL ? TURN_DONE : TURN_LATER;
		if (why != NULL)
			set_text(turned, why);
	}
}

/* Returns 0, or -1 with text and err. */
static int
reload(struct turner *t, struct buf *text, struct err *err)
{
	int code;

	if (control_ask(t->conf->control_socket, "reload rings",
	        TURN_RELOAD_WAIT, text, &code, err) == -1)
		return -1;
	/* 1: taken, but some entry is broken; held says whether ours is. */
	if (code != CTL_GOOD && code != CTL_PROBLEM) {
		buf_str(text);
		return err_set(err, ERR_IO, "keyturnd refused: %.*s",
		    (int)text->len, text->data != NULL ? text->data : "");
	}
	return turner_read_held(t, err);
}

void
turn_confirm(struct turner *t, struct job *jobs, size_t count)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	bool is_asked = false;
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		if (!jobs[i].is_open || !jobs[i].wants_confirm)
			continue;
		if (!is_asked)
			rc = reload(t, &text, &err);
		is_asked = true;
		settle(jobs[i].report,
		    rc == -1 ? err.text : missing(t, jobs[i].k.ring));
	}
	buf_clear(&text);
}
