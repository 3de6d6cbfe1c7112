/*
 * Keys of a domain as the DNS should know them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnskeys.h"
#include "dnsname.h"
#include "keyrecord.h"
#include "knownkeys.h"
#include "output.h"
#include "publisher.h"
#include "recordname.h"

void
dnskeys_clear(struct dnskeys *k)
{
	for (size_t i = 0; i < k->count; i++) {
		free(k->list[i].name);
		free(k->list[i].value);
		free(k->list[i].empty);
		free(k->list[i].key_name);
	}
	free(k->list);
	k->list = NULL;
	k->count = 0;
}

const char *
dnskey_value(const struct dnskey *k)
{
	if (k->expect == DNSKEY_NONE || k->expect == DNSKEY_SLOT)
		return NULL;
	return k->expect == DNSKEY_EMPTY ? k->empty : k->value;
}

bool
dnskey_is_good(const struct dnskey *k, const struct sighting *s)
{
	static const enum sight wanted[] = {
		[DNSKEY_RECORD] = SIGHT_COMPLETE,
		[DNSKEY_EMPTY] = SIGHT_EMPTY,
		[DNSKEY_NONE] = SIGHT_ABSENT,
	};

	return k->expect == DNSKEY_SLOT ? !s->is_astray
	                                : s->sight == wanted[k->expect];
}

const char *
dnskey_status(const struct dnskey *k, const struct sighting *s)
{
	bool has_key = k->expect != DNSKEY_SLOT;

	if (s == NULL || s->sight == SIGHT_UNANSWERED)
		return sight_status(SIGHT_UNANSWERED, has_key);
	/* A revoked key whose record says so is as it should be. */
	if (dnskey_is_good(k, s))
		return sight_status(SIGHT_COMPLETE, true);
	return sight_status(s->sight, has_key || s->sight == SIGHT_MISMATCH);
}

/* The content of text as a string; empties it.  NULL: no memory. */
static char *
take_text(struct buf *text)
{
	const char *s = buf_str(text);
	char *copy = s != NULL ? strdup(s) : NULL;

	buf_clear(text);
	return copy;
}

/*
 * Append a key; name, value are taken.  Returns it, or NULL with err set.
 */
static struct dnskey *
add(struct dnskeys *out, const char *domain, const char *selector,
    struct buf *name, struct buf *value, struct err *err)
{
	struct dnskey *more, *k;
	struct buf key_name = BUF_INIT, empty = BUF_INIT;

	more = reallocarray(out->list, out->count + 1, sizeof(*more));
	if (more == NULL) {
		buf_clear(name);
		buf_clear(value);
		err_nomem(err);
		return NULL;
	}
	out->list = more;
	k = &more[out->count++];
	memset(k, 0, sizeof(*k));
	snprintf(k->domain, sizeof(k->domain), "%s", domain);
	snprintf(k->selector, sizeof(k->selector), "%s", selector);
	dnsname_of_key(selector, strlen(selector), domain, strlen(domain),
	    &key_name);
	k->name = take_text(name);
	k->value = take_text(value);
	k->key_name = take_text(&key_name);
	if (k->value != NULL)
		publish_empty_record(k->value, &empty);
	k->empty = take_text(&empty);
	if (k->name != NULL && k->value != NULL && k->key_name != NULL &&
	    k->empty != NULL)
		return k;
	err_nomem(err);
	return NULL;
}

static int
add_ring_key(const struct known *known, const struct ring_key *rk,
    struct dnskeys *out, struct err *err)
{
	struct buf name = BUF_INIT, value = BUF_INIT;
	struct dnskey *k;

	recordname_write(known->ring, rk, &known->rules, &name);
	buf_adds(&value, rk->record);
	k = add(out, known->ring->domain, rk->selector, &name, &value, err);
	if (k == NULL)
		return -1;
	snprintf(k->state, sizeof(k->state), "%s", key_state_name(rk->state));
	k->is_generated = rk->state == KEY_GENERATED;
	k->is_in_use = rk->state >= KEY_READY && rk->state <= KEY_RETIRING;
	if (rk->removed != 0)
		k->expect = DNSKEY_NONE;
	else if (rk->state == KEY_REVOKED)
		k->expect = DNSKEY_EMPTY;
	return 0;
}

/* The slots that have no key now: their CNAMEs can be seen to beforehand. */
static int
add_slots(const struct known *known, struct dnskeys *out, struct err *err)
{
	const struct rotation *rules = &known->rules;

	if (rules->slots == NULL || rules->provider_zone == NULL)
		return 0;
	for (size_t i = 0; rules->slots[i] != NULL; i++) {
		const char *slot = rules->slots[i];
		const struct ring_key *rk = ring_find(known->ring, slot);
		struct buf name = BUF_INIT, value = BUF_INIT;
		struct dnskey *k;

		if (rk != NULL && rk->state != KEY_GONE)
			continue;
		recordname_of_slot(slot, known->ring->domain, rules, &name);
		buf_adds(&value, ""); /* nobody knows it yet */
		k = add(out, known->ring->domain, slot, &name, &value, err);
		if (k == NULL)
			return -1;
		snprintf(k->state, sizeof(k->state), "free slot");
		k->expect = DNSKEY_SLOT;
	}
	return 0;
}

static int
add_ring(struct turner *t, const char *domain, struct dnskeys *out,
    struct err *err)
{
	struct known known;
	int rc = 0;

	if (known_load(t, domain, NULL, &known, err) == -1)
		return -1;
	for (size_t i = 0; i < known.ring->key_count && rc == 0; i++)
		if (known.ring->keys[i].state != KEY_GONE)
			rc = add_ring_key(&known, &known.ring->keys[i], out,
			    err);
	if (rc == 0 && !known.ring->is_leaving)
		rc = add_slots(&known, out, err);
	known_clear(&known);
	return rc;
}

static int
add_known(const struct known_key *known, const char *domain,
    struct dnskeys *out, struct err *err)
{
	struct buf name = BUF_INIT, value = BUF_INIT;
	struct dnskey *k;

	if (known->key == NULL) {
		out_error("%s: %s", known->from, known->err.text);
		return 0;
	}
	dnsname_of_key(known->selector, strlen(known->selector), domain,
	    strlen(domain), &name);
	if (keyrecord_write(known->key, &value, err) == -1) {
		buf_clear(&name);
		return -1;
	}
	k = add(out, domain, known->selector, &name, &value, err);
	if (k == NULL)
		return -1;
	snprintf(k->state, sizeof(k->state), "%s", known->from);
	k->is_in_use = true;
	return 0;
}

int
dnskeys_load(struct turner *t, const char *domain, struct dnskeys *out,
    struct err *err)
{
	struct known_keys known = { .keys = NULL };
	int rc = 0;

	if (ringstore_has(t->store, domain))
		rc = add_ring(t, domain, out, err);
	if (rc == 0)
		rc = known_keys_load(t->conf, domain, &known, err);
	for (size_t i = 0; i < known.count && rc == 0; i++)
		rc = add_known(&known.keys[i], domain, out, err);
	known_keys_clear(&known);
	return rc;
}
