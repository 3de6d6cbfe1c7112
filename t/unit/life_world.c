/*
 * The world of life_walk.c; see life_world.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life_world.h"

uint64_t
world_random(struct world *w)
{
	uint64_t z = w->seed += 0x9e3779b97f4a7c15U; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

int
world_below(struct world *w, int n)
{
	return (int)(world_random(w) % (uint64_t)n);
}

bool
world_one_in(struct world *w, int n)
{
	return world_below(w, n) == 0;
}

void
world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->failure[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
}

void
world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->boot = -1000;
	w->is_up = w->held_is_known = true;
	w->auth_count = 2 + world_below(w, WORLD_AUTHS - 1);
	w->neg_ttl = 60 + world_below(w, 2 * HOUR);
	w->pos_ttl = HOUR;
	w->by_hand = world_one_in(w, 8);
	for (int n = 0; n < WORLD_NAMES; n++) {
		w->primary[n] = (struct cell){ CELL_ABSENT, -1 };
		for (int a = 0; a < w->auth_count; a++)
			w->auths[a].cells[n] = w->primary[n];
	}
	for (int a = 0; a < w->auth_count; a++)
		w->auths[a].lag = world_one_in(w, 3) ? world_below(w, 6 * HOUR)
		                                     : world_below(w, 300);
}

time_t
world_wall(const struct world *w)
{
	return WORLD_EPOCH + (time_t)(w->now + w->skew);
}

void
world_moment(const struct world *w, struct moment *m)
{
	m->wall = world_wall(w);
	m->boottime = w->now - w->boot;
	snprintf(m->boot_id, sizeof(m->boot_id), "boot-%d", w->boots);
}

/* Keys. */

static int
name_of(struct world *w, const char *selector)
{
	for (int n = 0; n < w->name_count; n++) {
		if (strcmp(w->names[n], selector) == 0)
			return n;
	}
	if (w->name_count == WORLD_NAMES)
		abort();
	strcpy(w->names[w->name_count], selector);
	return w->name_count++;
}

int
world_new_key(struct world *w, const char *selector, enum key_alg alg)
{
	struct wkey *k;

	if (w->key_count == WORLD_KEYS)
		abort();
	k = &w->keys[w->key_count];
	strcpy(k->selector, selector);
	k->name = name_of(w, selector);
	k->alg = alg;
	k->has_file = true;
	k->made = w->now;
	k->activated = k->last_held = -1;
	k->seen_ttl = -1;
	return w->key_count++;
}

void
world_fingerprint(int key, unsigned char out[SHA256_LEN])
{
	memset(out, 0x5a, SHA256_LEN);
	memcpy(out, &key, sizeof(key));
}

int
world_key_of(const struct ring_key *k)
{
	int key;

	memcpy(&key, k->fingerprint, sizeof(key));
	return key;
}

/* The DNS. */

static void
enqueue(struct world *w, const struct update *u)
{
	if (w->queue_len == WORLD_QUEUE)
		abort();
	w->queue[w->queue_len++] = *u;
}

/* A change at the primary spreads. */
static void
spread(struct world *w, int name, struct cell cell)
{
	w->primary[name] = cell;
	for (int a = 0; a < w->auth_count; a++) {
		struct auth *auth = &w->auths[a];
		long long due = w->now + world_below(w, auth->lag + 2);

		if (world_one_in(w, 30))
			due += world_below(w, 3 * DAY);
		enqueue(w,
		    &(struct update){
		        .due = due,
		        .auth = a,
		        .name = name,
		    });
	}
}

/* The rules of publisher.h: nothing but what is named is overwritten. */
static bool
change_primary(struct world *w, int key, enum step step)
{
	int name = w->keys[key].name;
	int is = w->primary[name].val;
	bool is_own = is / 2 == key && is >= 0;
	int to = step == STEP_REVOKE ? 2 * key + 1
	    : step == STEP_REMOVE    ? CELL_ABSENT
	                             : 2 * key;

	if (step == STEP_REMOVE && is == CELL_ABSENT)
		return true;
	if (!is_own && (is != CELL_ABSENT || step == STEP_REVOKE))
		return false;
	if (step != STEP_REVOKE && step != STEP_REMOVE && is == 2 * key + 1)
		return false;
	if (is != to)
		spread(w, name, (struct cell){ to, -1 });
	return true;
}

bool
world_publish(struct world *w, int key, enum step step)
{
	if (w->by_hand) {
		long long due = w->now + world_below(w, 2 * DAY);

		if (due < w->hand_due)
			due = w->hand_due; /* one thing after the other */
		w->hand_due = due;
		enqueue(w,
		    &(struct update){
		        .due = due,
		        .auth = -1,
		        .name = w->keys[key].name,
		        .step = step,
		        .key = key,
		    });
		return true;
	}
	if (world_one_in(w, 15))
		return false; /* does not answer */
	return change_primary(w, key, step);
}

/* What authority a says now; false: nothing. */
static bool
serve(const struct world *w, int a, int name, struct cell *cell)
{
	const struct auth *auth = &w->auths[a];

	*cell = auth->cells[name];
	switch (auth->fault) {
	case FAULT_DOWN:
		return false;
	case FAULT_EMPTY:
		if (cell->val != CELL_ABSENT)
			*cell = (struct cell){ CELL_ABSENT, auth->fault_id };
		break;
	case FAULT_OLD:
		if (cell->val != auth->old[name].val)
			*cell = (struct cell){ auth->old[name].val,
				auth->fault_id };
		break;
	case FAULT_NONE:
		break;
	}
	return true;
}

void
world_look(struct world *w, int key, struct key_facts *f)
{
	struct wkey *k = &w->keys[key];
	int own = 0, empty = 0, absent = 0, other = 0, silent = 0;

	f->cache_ttl = w->neg_ttl;
	for (int a = 0; a < w->auth_count; a++) {
		struct cell c;

		if (!serve(w, a, k->name, &c)) {
			silent++;
			continue;
		}
		own += c.val == 2 * key;
		empty += c.val == 2 * key + 1;
		absent += c.val == CELL_ABSENT;
		if (c.val >= 0 && c.val / 2 != key) {
			other++;
			if (f->cache_ttl < w->pos_ttl)
				f->cache_ttl = w->pos_ttl;
		}
		if (c.val / 2 == key && c.val >= 0)
			f->record_ttl = w->pos_ttl;
	}
	f->is_missing = empty + absent + other > 0;
	if (other == 0 && silent > 0)
		f->sight = SIGHT_UNANSWERED;
	else if (other > 0 || (own > 0 && empty > 0))
		f->sight = SIGHT_MISMATCH;
	else if (absent == 0 && own > 0)
		f->sight = SIGHT_COMPLETE;
	else if (absent == 0 && empty > 0)
		f->sight = SIGHT_EMPTY;
	else
		f->sight = own + empty == 0 ? SIGHT_ABSENT : SIGHT_PARTIAL;
}

void
world_observe(struct world *w, int key)
{
	struct wkey *k = &w->keys[key];

	for (int a = 0; a < w->auth_count; a++) {
		struct cell c;

		if (serve(w, a, k->name, &c) && c.tag >= 0 &&
		    k->observed[c.tag] == 0)
			k->observed[c.tag] = w->now;
	}
	if (k->seen_ttl < w->neg_ttl)
		k->seen_ttl = w->neg_ttl;
}

/* A cache answers, from what it has or from an authority.  False: SERVFAIL. */
static bool
resolve(struct world *w, int cache, int name, struct entry *out)
{
	struct entry *e = &w->caches[cache][name];
	int first = world_below(w, w->auth_count);

	if (e->until > w->now) {
		*out = *e;
		return true;
	}
	for (int i = 0; i < w->auth_count; i++) {
		int a = (first + i) % w->auth_count;

		if (!serve(w, a, name, &e->cell))
			continue;
		e->ttl = e->cell.val == CELL_ABSENT ? w->neg_ttl : w->pos_ttl;
		e->until = w->now + e->ttl;
		*out = *e;
		return true;
	}
	return false;
}

void
world_probe(struct world *w, int name)
{
	struct entry e;

	(void)resolve(w, world_below(w, WORLD_CACHES), name, &e);
}

static int
new_fault(struct world *w)
{
	if (w->fault_count == WORLD_FAULTS)
		return -1;
	return w->fault_count++;
}

void
world_fault(struct world *w)
{
	struct auth *auth = &w->auths[world_below(w, w->auth_count)];
	int id;

	if (auth->fault != FAULT_NONE)
		return;
	id = new_fault(w);
	if (id == -1)
		return;
	auth->fault_id = id;
	auth->fault = (enum fault)(1 + world_below(w, 3));
	auth->fault_until = w->now + 60 +
	    world_below(w, world_one_in(w, 4) ? 3 * DAY : 3 * HOUR);
	if (auth->fault == FAULT_OLD && !auth->has_old)
		auth->fault = FAULT_EMPTY;
}

/* What a server may go back to later. */
static void
take_copies(struct world *w)
{
	for (int a = 0; a < w->auth_count; a++) {
		struct auth *auth = &w->auths[a];

		if (auth->fault != FAULT_NONE || !world_one_in(w, 20))
			continue;
		memcpy(auth->old, auth->cells, sizeof(auth->old));
		auth->has_old = true;
	}
}

void
world_steal(struct world *w)
{
	int name, id;

	if (w->name_count == 0)
		return;
	name = world_below(w, w->name_count);
	if (w->primary[name].val < 0)
		return;
	id = new_fault(w);
	if (id != -1)
		spread(w, name, (struct cell){ CELL_ABSENT, id });
}

/* keyturnd. */

static void
release(struct world *w, struct wkey *k)
{
	if (k->is_entered && k->released == 0)
		k->released = world_wall(w) + 5;
}

/* The keys of the ring that may sign; false: some of them cannot be read. */
static bool
load(struct world *w, const struct ring *ring, bool signs[WORLD_KEYS])
{
	for (size_t i = 0; i < ring->key_count; i++) {
		int key = world_key_of(&ring->keys[i]);

		if (!ring_key_signs(&ring->keys[i]))
			continue;
		if (!w->keys[key].is_loaded && !w->keys[key].has_file)
			return false;
		signs[key] = true;
	}
	return true;
}

void
keyturnd_reload(struct world *w, const struct ring *ring)
{
	bool signs[WORLD_KEYS] = { false };

	if (!w->is_up)
		return;
	if (!load(w, ring, signs)) { /* it keeps what it has */
		for (int i = 0; i < w->key_count; i++)
			signs[i] = w->keys[i].signs;
	}
	for (int i = 0; i < w->key_count; i++) {
		struct wkey *k = &w->keys[i];

		if (signs[i]) {
			if (!k->is_entered || k->released != 0)
				k->since = world_wall(w);
			k->is_entered = true;
			k->released = 0;
			k->is_loaded = true;
		} else {
			if (k->signs)
				k->last_held = w->now + 5;
			release(w, k);
			k->is_loaded = false;
		}
		k->signs = signs[i];
		w->has_signed |= signs[i];
	}
}

void
keyturnd_die(struct world *w)
{
	for (int i = 0; i < w->key_count; i++) {
		if (w->keys[i].signs)
			w->keys[i].last_held = w->now;
		w->keys[i].signs = w->keys[i].is_loaded = false;
	}
	w->is_up = false;
}

void
keyturnd_start(struct world *w, const struct ring *ring)
{
	if (w->is_up)
		return;
	w->is_up = true;
	keyturnd_reload(w, ring);
}

/* Mail. */

void
world_send(struct world *w)
{
	static const int latest[] = { 1, HOUR, DAY, 5 * DAY, 10 * DAY };

	for (int i = 0; i < w->key_count && w->is_up; i++) {
		struct wkey *k = &w->keys[i];
		int late = latest[world_below(w, 5)];

		if (!k->signs || w->mail_len == WORLD_MAILS)
			continue;
		k->last_signed = world_wall(w);
		k->last_held = w->now;
		w->mail_sent++;
		w->mails[w->mail_len++] = (struct mail){ i, w->now,
			w->now +
			    (late < 5 * DAY ? world_below(w, late) : late) };
	}
}

/*
 * Whether the failure of a message is not the doing of whoever turned: the
 * operator's force, a revoked key, a fault of the DNS that nobody had seen
 * when the key was taken into use.
 */
static bool
is_excused(const struct world *w, const struct mail *m, const struct entry *e)
{
	const struct wkey *k = &w->keys[m->key];

	if (k->is_compromised || k->is_forced || k->is_forced_off)
		return true;
	if (k->is_adopted && e->cell.tag >= 0)
		return true; /* it was in use already */
	if (e->cell.val == CELL_ABSENT && e->ttl > k->seen_ttl)
		return true; /* the longer TTL was never there for a look */
	if (e->cell.tag < 0)
		return false;
	return k->observed[e->cell.tag] == 0 ||
	    k->observed[e->cell.tag] >= k->activated;
}

static void
deliver(struct world *w, struct mail *m)
{
	struct entry e;
	int cache = world_below(w, WORLD_CACHES);
	const struct wkey *k = &w->keys[m->key];

	if (!resolve(w, cache, k->name, &e)) {
		m->arrives = w->now + HOUR / 2; /* 4xx, tried again */
		return;
	}
	if (e.cell.val != 2 * m->key) {
		if (!is_excused(w, m, &e))
			world_fail(w,
			    "mail of %s sent at %lld and verified at %lld by "
			    "cache %d found %d (fault %d), cached for %d "
			    "until %lld",
			    k->selector, m->sent, w->now, cache, e.cell.val,
			    e.cell.tag, e.ttl, e.until);
		w->mail_excused++;
	}
	m->key = -1;
}

/* Time. */

static void
arrive(struct world *w, struct update *u)
{
	if (u->auth == -1)
		(void)change_primary(w, u->key, u->step);
	else
		/* A transfer brings what is there now. */
		w->auths[u->auth].cells[u->name] = w->primary[u->name];
}

/* A server that is well again takes over what the primary has. */
static void
end_faults(struct world *w)
{
	for (int a = 0; a < w->auth_count; a++) {
		struct auth *auth = &w->auths[a];

		if (auth->fault == FAULT_NONE || auth->fault_until > w->now)
			continue;
		auth->fault = FAULT_NONE;
		memcpy(auth->cells, w->primary, sizeof(auth->cells));
	}
}

/* The next thing that happens until then; true if there was one. */
static bool
happen(struct world *w, long long until)
{
	long long first = until + 1;
	int mail = -1, update = -1;

	for (int i = 0; i < w->mail_len; i++) {
		if (w->mails[i].arrives < first) {
			first = w->mails[i].arrives;
			mail = i;
		}
	}
	for (int i = 0; i < w->queue_len; i++) {
		if (w->queue[i].due < first ||
		    (w->queue[i].due == first && mail != -1)) {
			first = w->queue[i].due;
			update = i;
			mail = -1;
		}
	}
	if (update == -1 && mail == -1)
		return false;
	if (first > w->now)
		w->now = first;
	end_faults(w);
	if (update != -1) {
		struct update u = w->queue[update];

		/* In order, for those of one name are. */
		memmove(&w->queue[update], &w->queue[update + 1],
		    (size_t)(--w->queue_len - update) * sizeof(u));
		arrive(w, &u);
		return true;
	}
	deliver(w, &w->mails[mail]);
	if (w->mails[mail].key == -1)
		w->mails[mail] = w->mails[--w->mail_len];
	return true;
}

void
world_advance(struct world *w, long long seconds)
{
	long long until = w->now + seconds;

	while (happen(w, until))
		;
	w->now = until;
	end_faults(w);
	take_copies(w);
	for (int i = 0; i < w->key_count; i++) {
		if (w->keys[i].signs)
			w->keys[i].last_held = w->now;
	}
	if (w->ntp != 0 && w->now >= w->ntp) {
		w->ntp = 0;
		w->skew = w->drift;
	}
}

void
world_heal(struct world *w)
{
	for (int a = 0; a < w->auth_count; a++)
		w->auths[a].fault_until = 0;
	w->skew = w->drift;
	w->ntp = 0;
	w->held_is_known = true;
}
