/*
 * A table by zone, and its file.  Losing the file loses nothing but the
 * memory, so it is not synced; what is half-written never gets its name.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "nsmemory.h"
#include "readfile.h"
#include "smallfile.h"
#include "when.h"

enum {
	BUCKETS = 4096,
	BYTES_MAX = 64 << 20,
	WORD_MAX = 1024,
	/* A server that was noted less than that ago is not noted again. */
	GRAIN = 3600,
};

struct entry {
	struct entry *next;
	time_t seen;
	const char *host, *address; /* inside zone[] */
	char zone[];
};

struct nsmemory {
	pthread_mutex_t lock;
	char *path;
	bool is_changed;
	struct entry *buckets[BUCKETS];
};

static struct entry **
bucket_of(struct nsmemory *m, const char *zone)
{
	size_t hash = 2166136261U;

	for (; *zone != '\0'; zone++)
		hash = (hash ^ (unsigned char)*zone) * 16777619U;
	return &m->buckets[hash % BUCKETS];
}

/* False without memory. */
static bool
insert(struct nsmemory *m, const char *zone, const char *host,
    const char *address, time_t seen)
{
	struct entry **first = bucket_of(m, zone);
	size_t zone_size = strlen(zone) + 1;
	size_t host_size = strlen(host) + 1;
	size_t address_size = strlen(address) + 1;
	struct entry *e;

	e = malloc(sizeof(*e) + zone_size + host_size + address_size);
	if (e == NULL)
		return false;
	memcpy(e->zone, zone, zone_size);
	memcpy(e->zone + zone_size, host, host_size);
	memcpy(e->zone + zone_size + host_size, address, address_size);
	e->host = e->zone + zone_size;
	e->address = e->host + host_size;
	e->seen = seen;
	e->next = *first;
	*first = e;
	return true;
}

/* Take a line in if it is one of ours and recent. */
static bool
take_line(struct nsmemory *m, const char *line, time_t now)
{
	char zone[WORD_MAX], host[WORD_MAX], address[64], when[WHEN_TEXT_MAX];
	time_t seen;

	if (sscanf(line, "%1023s %1023s %63s %31s", zone, host, address,
	        when) != 4 ||
	    !when_parse(when, &seen) || seen <= now - NSMEMORY_SECONDS) {
		m->is_changed = true;
		return true;
	}
	/* The clock has been set back: count from now. */
	return insert(m, zone, host, address, seen < now ? seen : now);
}

struct nsmemory *
nsmemory_load(const char *path, time_t now, struct err *err)
{
	struct nsmemory *m = calloc(1, sizeof(*m));
	struct buf text = BUF_INIT;
	char *line, *rest = NULL;
	bool is_good = true;

	if (m == NULL || (m->path = strdup(path)) == NULL) {
		free(m);
		err_nomem(err);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	if (access(path, F_OK) == 0 || errno != ENOENT) {
		if (readfile(path, BYTES_MAX, &text, err) == -1) {
			buf_clear(&text);
			nsmemory_free(m);
			return NULL;
		}
	}
	if (buf_str(&text) == NULL)
		is_good = text.len == 0 && !text.has_failed;
	for (line = text.data ? strtok_r(text.data, "\n", &rest) : NULL;
	     line != NULL && is_good; line = strtok_r(NULL, "\n", &rest))
		is_good = take_line(m, line, now);
	buf_clear(&text);
	if (!is_good) {
		nsmemory_free(m);
		err_nomem(err);
		return NULL;
	}
	return m;
}

void
nsmemory_free(struct nsmemory *m)
{
	struct entry *next;

	if (m == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct entry *e = m->buckets[i]; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	}
	pthread_mutex_destroy(&m->lock);
	free(m->path);
	free(m);
}

void
nsmemory_each(struct nsmemory *m, const char *zone,
    void (*each)(void *arg, const char *host, const char *address), void *arg)
{
	pthread_mutex_lock(&m->lock);
	for (struct entry *e = *bucket_of(m, zone); e != NULL; e = e->next)
		if (strcmp(e->zone, zone) == 0)
			each(arg, e->host, e->address);
	pthread_mutex_unlock(&m->lock);
}

void
nsmemory_note(struct nsmemory *m, const char *zone, const char *host,
    const char *address, time_t now)
{
	struct entry *e;

	pthread_mutex_lock(&m->lock);
	for (e = *bucket_of(m, zone); e != NULL; e = e->next)
		if (strcmp(e->zone, zone) == 0 && strcmp(e->host, host) == 0 &&
		    strcmp(e->address, address) == 0)
			break;
	if (e == NULL) {
		m->is_changed |= insert(m, zone, host, address, now);
	} else if (now - e->seen >= GRAIN) {
		e->seen = now;
		m->is_changed = true;
	}
	pthread_mutex_unlock(&m->lock);
}

static void
write_text(const struct nsmemory *m, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct entry *e = m->buckets[i]; e != NULL; e = e->next) {
			when_text(e->seen, when);
			buf_printf(out, "%s %s %s %s\n", e->zone, e->host,
			    e->address, when);
		}
	}
}

int
nsmemory_save(struct nsmemory *m, struct err *err)
{
	struct buf text = BUF_INIT;
	int rc;

	if (!m->is_changed)
		return 0;
	write_text(m, &text);
	rc = text.has_failed
	    ? err_nomem(err)
	    : smallfile_write(m->path, text.data, text.len, false, err);
	if (rc == 0)
		m->is_changed = false;
	buf_clear(&text);
	return rc;
}
