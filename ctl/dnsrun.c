/*
 * One table for servers and one for things learned, under one lock; nobody
 * holds it while asking.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsrun.h"

enum { BUCKETS = 1024 };

/* How a server did by UDP or by TCP. */
struct record {
	bool has_answered, has_timed_out;
	bool has_been_hasty; /* timed out, which proves nothing */
};

struct server {
	struct server *next;
	char address[DNSASK_ADDRESS_MAX];
	unsigned asked; /* questions under way */
	struct record by[2];
};

struct thing {
	struct thing *next;
	char *key;
	void *value;
	void (*release)(void *value);
	bool is_made;
};

struct dnsrun {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct server *servers[BUCKETS];
	struct thing *things[BUCKETS];
	bool was_heard[2]; /* IPv4, IPv6 */
};

struct dnsrun *
dnsrun_new(struct err *err)
{
	struct dnsrun *run = calloc(1, sizeof(*run));

	if (run == NULL) {
		err_nomem(err);
		return NULL;
	}
	pthread_mutex_init(&run->lock, NULL);
	pthread_cond_init(&run->changed, NULL);
	return run;
}

static void
free_servers(struct server *s)
{
	struct server *next;

	for (; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
}

static void
free_things(struct thing *t)
{
	struct thing *next;

	for (; t != NULL; t = next) {
		next = t->next;
		if (t->value != NULL)
			t->release(t->value);
		free(t->key);
		free(t);
	}
}

void
dnsrun_free(struct dnsrun *run)
{
	if (run == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		free_servers(run->servers[i]);
		free_things(run->things[i]);
	}
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	free(run);
}

static size_t
bucket_of(const char *key)
{
	size_t hash = 2166136261U;

	for (; *key != '\0'; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619U;
	return hash % BUCKETS;
}

/* Locked.  NULL without memory. */
static struct server *
server_of(struct dnsrun *run, const struct dns_address *address)
{
	struct server **first = &run->servers[bucket_of(address->text)];
	struct server *s;

	for (s = *first; s != NULL; s = s->next)
		if (strcmp(s->address, address->text) == 0)
			return s;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	memcpy(s->address, address->text, sizeof(s->address));
	s->next = *first;
	*first = s;
	return s;
}

/* Wait for a place.  False: it is not worth asking. */
static bool
server_enter(struct dnsrun *run, struct server *s, bool by_tcp)
{
	const struct record *r = &s->by[by_tcp];
	bool is_dead;

	pthread_mutex_lock(&run->lock);
	while (s->asked >= DNSRUN_PER_SERVER)
		pthread_cond_wait(&run->changed, &run->lock);
	is_dead = r->has_timed_out && !r->has_answered;
	if (!is_dead)
		s->asked++;
	pthread_mutex_unlock(&run->lock);
	return !is_dead;
}

static void
server_leave(struct dnsrun *run, struct server *s, bool ipv6,
    const struct dns_question *q, const struct dns_answer *a)
{
	pthread_mutex_lock(&run->lock);
	s->asked--;
	if (a->state == DNSASK_ANSWERED) {
		s->by[a->is_tcp].has_answered = true;
		if (!q->is_recursive)
			run->was_heard[ipv6] = true;
	} else if (a->state == DNSASK_TIMEOUT && q->is_hasty)
		s->by[a->is_tcp].has_been_hasty = true;
	else if (a->state == DNSASK_TIMEOUT)
		s->by[a->is_tcp].has_timed_out = true;
	if (a->is_truncated)
		s->by[false].has_answered = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

void
dnsrun_ask(struct dnsrun *run, const struct dns_address *to,
    const struct dns_question *q, int timeout_ms, struct dns_answer *out)
{
	struct server *s;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&run->lock);
	s = server_of(run, to);
	pthread_mutex_unlock(&run->lock);
	if (s == NULL) {
		out->state = DNSASK_FAILED;
		snprintf(out->text, sizeof(out->text), "out of memory");
		return;
	}
	if (!server_enter(run, s, q->by_tcp)) {
		out->state = DNSASK_TIMEOUT;
		out->is_tcp = q->by_tcp;
		snprintf(out->text, sizeof(out->text),
		    "no answer by %s within %.3g s", q->by_tcp ? "TCP" : "UDP",
		    timeout_ms / 1000.0);
		return;
	}
	dnsask(to, q, timeout_ms, out);
	server_leave(run, s, dns_address_is_ipv6(to), q, out);
}

bool
dnsrun_is_silent(struct dnsrun *run, const struct dns_address *at)
{
	const struct server *s;
	bool is_silent;

	pthread_mutex_lock(&run->lock);
	s = server_of(run, at);
	is_silent = s != NULL && !s->by[0].has_answered &&
	    (s->by[0].has_timed_out || s->by[0].has_been_hasty);
	pthread_mutex_unlock(&run->lock);
	return is_silent;
}

bool
dnsrun_was_heard(struct dnsrun *run, bool ipv6)
{
	bool was_heard;

	pthread_mutex_lock(&run->lock);
	was_heard = run->was_heard[ipv6];
	pthread_mutex_unlock(&run->lock);
	return was_heard;
}

/* Locked.  The thing of that key; *is_new when it was not there before. */
static struct thing *
thing_of(struct dnsrun *run, const char *key, void (*release)(void *),
    bool *is_new)
{
	struct thing **first = &run->things[bucket_of(key)];
	struct thing *t;

	*is_new = false;
	for (t = *first; t != NULL; t = t->next)
		if (strcmp(t->key, key) == 0)
			return t;
	t = calloc(1, sizeof(*t));
	if (t == NULL || (t->key = strdup(key)) == NULL) {
		free(t);
		return NULL;
	}
	t->release = release;
	t->next = *first;
	*first = t;
	*is_new = true;
	return t;
}

void *
dnsrun_once(struct dnsrun *run, const char *key, void *(*make)(void *arg),
    void *arg, void (*release)(void *value))
{
	struct thing *t;
	bool is_new;
	void *value = NULL;

	pthread_mutex_lock(&run->lock);
	t = thing_of(run, key, release, &is_new);
	while (t != NULL && !is_new && !t->is_made)
		pthread_cond_wait(&run->changed, &run->lock);
	if (t != NULL && !is_new)
		value = t->value;
	pthread_mutex_unlock(&run->lock);
	if (t == NULL || !is_new)
		return value;

	value = make(arg);
	pthread_mutex_lock(&run->lock);
	t->value = value;
	t->is_made = true;
	pthread_cond_broadcast(&run->changed);
	pthread_mutex_unlock(&run->lock);
	return value;
}
