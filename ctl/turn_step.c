/*
 * One step of one ring.  What is outside the ring (a file, the DNS) comes
 * first and can be done twice; the commit comes last and says that it was
 * done.  Killed between the two, the ring is as before, and the next tick does
 * the outside part again, to no effect.  Only where keyturnd acts on the ring
 * (activate, retire) is the commit first: it reads what is committed, and
 * turn_confirm.c sees that it did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "newkey.h"
#include "publisher.h"
#include "recordname.h"
#include "turn_job.h"

int
turn_commit(struct turner *t, struct ringlock *lock, struct job *j,
    const char *what, const char *evidence, struct err *err)
{
	struct journal_note note = { .when = t->clock.now.wall,
		.who = t->who,
		.what = what,
		.evidence = evidence };
	struct ring *now;

	now = ring_copy(j->k.ring, err);
	if (now == NULL ||
	    ringlock_commit(lock, j->base, now, &note, err) == -1 ||
	    known_take(t, &j->k, now, err) == -1) {
		ring_free(now);
		return -1;
	}
	ring_free(j->base);
	j->base = now;
	turn_take_seen(j);
	return 0;
}

/* What the journal gets as evidence for d. */
static int
write_evidence(const struct turner *t, const struct job *j,
    const struct decision *d, struct buf *out)
{
	const char *seen = d->key != LIFE_NEW_KEY
	    ? turn_evidence(j, &j->k.ring->keys[d->key])
	    : NULL;

	buf_addc(out, '{');
	json_text(out, "why", d->text);
	if (t->force != NULL)
		json_text(out, "forced", t->force);
	if (seen != NULL) {
		json_name(out, "seen");
		buf_adds(out, seen);
	}
	buf_addc(out, '}');
	return out->has_failed ? -1 : 0;
}

/*
 * Apply d to the ring and commit.  made as for life_apply.
 */
static int
apply(struct turner *t, struct ringlock *lock, struct job *j,
    const struct decision *d, struct ring_key *made, struct err *err)
{
	struct buf what = BUF_INIT, evidence = BUF_INIT;
	/* A wait begins when the look was over, not when it began. */
	const struct life_clock *clock =
	    d->step == STEP_SIGHT ? &t->looked : &t->clock;
	int rc = -1;

	buf_printf(&what, "%s %s", step_name(d->step),
	    made != NULL ? made->selector : j->k.ring->keys[d->key].selector);
	if (write_evidence(t, j, d, &evidence) == -1 ||
	    buf_str(&what) == NULL || buf_str(&evidence) == NULL)
		err_nomem(err);
	else if (life_apply(j->k.ring, d, &j->k.facts, &j->k.rules, clock, made,
	             err) == 0)
		rc = turn_commit(t, lock, j, what.data, evidence.data, err);
	buf_clear(&what);
	buf_clear(&evidence);
	return rc;
}

/*
 * The ring could not be committed.  The journal may have got its line all the
 * same, and then the new key counts; where it does not, its file is removed: a
 * full disk must not fill up with keys.
 */
void
turn_forget_file(struct ringlock *lock, const struct ring_key *made)
{
	struct err ignored = ERR_INIT;
	struct ring *ring = ringlock_load(lock, NULL, &ignored);

	if (ring != NULL &&
	    (ring_find(ring, made->selector) == NULL ||
	        memcmp(ring_find(ring, made->selector)->fingerprint,
	            made->fingerprint, SHA256_LEN) != 0))
		ringlock_delete_key(lock, made->file, &ignored);
	ring_free(ring);
}

/*
 * The key file first: O_EXCL, so that no other is ever lost; the ring then
 * never names a key that is not there.  Killed between, the file is one that
 * no ring knows: its selector is not used for another.
 */
static int
generate(struct turner *t, struct ringlock *lock, struct job *j,
    const struct decision *d, char selector[DNSNAME_MAX + 1], struct err *err)
{
	struct newkey_place place = { .lock = lock,
		.ring = j->k.ring,
		.rules = &j->k.rules,
		.now = t->clock.now.wall };
	struct ring_key made = { .record = NULL };
	char *directory = NULL;
	int rc;

	if (asprintf(&directory, "%s/%s", t->conf->rings, j->k.ring->domain) ==
	    -1)
		return err_nomem(err);
	place.directory = directory;
	rc = newkey_make(&place, d->alg, d->bits, d->slot, &made, err);
	if (rc == 0) {
		snprintf(selector, DNSNAME_MAX + 1, "%s", made.selector);
		rc = apply(t, lock, j, d, &made, err);
		if (rc == -1)
			turn_forget_file(lock, &made);
	}
	free(made.record);
	free(directory);
	return rc;
}

static enum publish_action
action_of(const struct known *k, enum step step)
{
	if (step == STEP_REMOVE ||
	    (step == STEP_REVOKE && k->rules.revoke == REVOKE_REMOVE))
		return PUBLISH_REMOVE;
	return step == STEP_REVOKE ? PUBLISH_REVOKE : PUBLISH_PUT;
}

/* Hand it to the DNS. */
static enum publish_result
publish(const struct known *k, const struct ring_key *key, enum step step,
    struct buf *told, struct err *err)
{
	struct buf name = BUF_INIT, empty = BUF_INIT;
	struct publish_request request = {
		.action = action_of(k, step),
		.domain = k->ring->domain,
		.selector = key->selector,
		.value = key->record,
		.ttl = k->rules.ttl,
	};
	enum publish_result result = PUBLISH_LATER;

	recordname_write(k->ring, key, &k->rules, &name);
	publish_empty_record(key->record, &empty);
	request.name = buf_str(&name);
	request.empty = buf_str(&empty);
	if (request.name == NULL || request.empty == NULL)
		err_nomem(err);
	else
		result =
		    publisher_run(&k->conf->publisher, &request, told, err);
	buf_clear(&name);
	buf_clear(&empty);
	return result;
}

/*
 * What the ring says of the DNS follows the DNS: the publisher first, which
 * may be asked for the same twice.
 */
static enum turn_result
publish_step(struct turner *t, struct ringlock *lock, struct job *j,
    const struct decision *d, struct buf *text, bool *is_lost, struct err *err)
{
	const struct ring_key *key = &j->k.ring->keys[d->key];
	enum publish_result result = publish(&j->k, key, d->step, text, err);

	if (result == PUBLISH_LATER)
		return TURN_LATER;
	if (result == PUBLISH_REFUSED)
		return TURN_FAILED;
	if (apply(t, lock, j, d, NULL, err) == -1) {
		*is_lost = true;
		return TURN_FAILED;
	}
	return result == PUBLISH_BY_HAND ? TURN_BY_HAND : TURN_DONE;
}

/*
 * The file first: a ring that says that it is deleted while it is there would
 * leave a secret behind that nobody looks for.  No such file is success.
 */
static int
delete_file(struct turner *t, struct ringlock *lock, struct job *j,
    const struct decision *d, struct err *err)
{
	const struct ring_key *key = &j->k.ring->keys[d->key];

	if (*key->file != '\0' &&
	    ringlock_delete_key(lock, key->file, err) == -1)
		return -1;
	return apply(t, lock, j, d, NULL, err);
}

enum turn_result
turn_step(struct turner *t, struct ringlock *lock, struct job *j,
    const struct decision *d, struct buf *text, bool *is_lost, struct err *err)
{
	char selector[DNSNAME_MAX + 1] = "";
	bool signs = d->key != LIFE_NEW_KEY &&
	    j->k.ring->keys[d->key].state == KEY_ACTIVE;
	int rc;

	switch (d->step) {
	case STEP_NONE:
		return TURN_NOTHING;
	case STEP_CONFIRM: /* nothing in the ring changes */
		j->wants_confirm = true;
		return TURN_LATER;
	case STEP_PUBLISH:
	case STEP_REPUBLISH:
	case STEP_REVOKE:
	case STEP_REMOVE:
		return publish_step(t, lock, j, d, text, is_lost, err);
	case STEP_GENERATE:
		rc = generate(t, lock, j, d, selector, err);
		buf_adds(text, selector);
		break;
	case STEP_DELETE_FILE:
		rc = delete_file(t, lock, j, d, err);
		break;
	default:
		rc = apply(t, lock, j, d, NULL, err);
		break;
	}
	if (rc == -1) {
		*is_lost = true;
		return TURN_FAILED;
	}
	if (d->step != STEP_ACTIVATE && !(d->step == STEP_RETIRE && signs))
		return TURN_DONE;
	j->wants_confirm = true;
	return TURN_LATER; /* until keyturnd has confirmed it */
}
