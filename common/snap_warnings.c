/*
 * Warnings about a snapshot: weak keys, sockets that are too open or cannot be
 * made, settings of rings, and configurations under which nothing is ever
 * signed.
 */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "conf_warnings.h"
#include "snap_warnings.h"
#include "sockspec.h"

enum { RSA_BITS_ADVISED = 2048 };

/* Add a warning; takes the content of text. */
static int
add(struct snap *snap, struct buf *text, struct err *err)
{
	const char *line = buf_str(text);
	char *copy = line ? strdup(line) : NULL;
	char **warnings;

	buf_clear(text);
	warnings = reallocarray(snap->warnings, snap->warning_count + 1,
	    sizeof(*warnings));
	if (warnings != NULL)
		snap->warnings = warnings;
	if (copy == NULL || warnings == NULL) {
		free(copy);
		return err_nomem(err);
	}
	warnings[snap->warning_count++] = copy;
	return 0;
}

static int
warn_weak_keys(struct snap *snap, struct err *err)
{
	for (size_t i = 0; i < snap->entry_count; i++) {
		const struct entry *e = &snap->entries[i];
		struct buf text = BUF_INIT;

		if (e->key == NULL || key_algorithm(e->key) != KEY_RSA_SHA256 ||
		    key_bits(e->key) >= RSA_BITS_ADVISED)
			continue;
		if (e->ring != NULL)
			buf_printf(&text, "ring %s: ", e->ring);
		else
			buf_printf(&text, "%s:%u: ", snap->key_table->path,
			    e->line);
		buf_printf(&text,
		    "%s._domainkey.%s: an RSA key of %u bits; at least %d are "
		    "advised",
		    e->selector, e->domain, key_bits(e->key), RSA_BITS_ADVISED);
		if (add(snap, &text, err) == -1)
			return -1;
	}
	return 0;
}

/* Whether an inet socket listens on loopback only. */
static bool
is_loopback(const char *spec)
{
	const char *host = strchr(spec, '@');

	if (host == NULL)
		return false;
	host++;
	if (strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	    strcmp(host, "[::1]") == 0)
		return true;
	/* 127.0.0.0/8, and not the name of a host that begins like it. */
	host += host[0] == '[';
	return strncmp(host, "127.", 4) == 0 &&
	    host[strspn(host, "0123456789.]")] == '\0';
}

/* Append the directory of path to text if it is missing. */
static void
add_missing_directory(const char *path, struct buf *text)
{
	char *copy = strdup(path);
	const char *dir = copy ? dirname(copy) : NULL;

	if (copy == NULL)
		text->has_failed = true;
	else if (access(dir, F_OK) == -1 && errno == ENOENT)
		buf_printf(text,
		    "directory %s is missing: create it, owned by the user of "
		    "keyturn-milter",
		    dir);
	free(copy);
}

static int
warn_sockets(struct snap *snap, struct err *err)
{
	for (size_t i = 0; i < snap->conf->socket_count; i++) {
		const struct conf_socket *s = &snap->conf->sockets[i];
		const char *path = sockspec_path(s->spec);
		struct buf what = BUF_INIT, text = BUF_INIT;
		int rc = 0;

		if (path == NULL && !is_loopback(s->spec))
			buf_adds(&what,
			    "reachable from other machines: whoever can "
			    "connect is trusted to say where mail comes from");
		if (path != NULL && !s->optional)
			add_missing_directory(path, &what);
		if (what.len > 0 || what.has_failed) {
			buf_printf(&text, "%s: sockets: %s: ", snap->conf->path,
			    s->spec);
			buf_add(&text, what.data, what.len);
			text.has_failed |= what.has_failed;
			rc = add(snap, &text, err);
		}
		buf_clear(&what);
		if (rc == -1)
			return -1;
	}
	return 0;
}

/* Keys of rings that do not sign, although others of the ring do. */
static int
warn_unproven(struct snap *snap, struct err *err)
{
	for (size_t i = 0; i < snap->ring_count; i++) {
		const struct snap_ring *r = &snap->rings[i];
		struct buf text = BUF_INIT;

		if (r->unproven == NULL)
			continue;
		buf_printf(&text,
		    "ring %s: %s is named active without evidence for it and "
		    "does not sign",
		    r->domain, r->unproven);
		if (add(snap, &text, err) == -1)
			return -1;
	}
	return 0;
}

/* Tables that sign nothing: left out, cut short, or not written yet. */
static int
warn_empty_tables(struct snap *snap, struct err *err)
{
	const struct conf *conf = snap->conf;
	struct buf text = BUF_INIT;

	/* Rings sign without any table. */
	if (snap->ring_count > 0)
		return 0;
	if (snap->signing_table == NULL)
		buf_printf(&text,
		    "%s: signing_table is not set: no mail is signed",
		    conf->path);
	else if (snap->signing_table->count == 0)
		buf_printf(&text, "%s: has no line: no mail is signed",
		    conf->signing_table);
	return text.len > 0 ? add(snap, &text, err) : 0;
}

/* What conf_warnings.c has to say, a warning for each line. */
static int
warn_rings(struct snap *snap, struct err *err)
{
	struct buf lines = BUF_INIT;
	const char *p;
	int rc = 0;

	conf_add_warnings(snap->conf, &lines);
	p = buf_str(&lines);
	while (p != NULL && rc == 0 && p[0] != '\0') {
		struct buf text = BUF_INIT;
		size_t len = strcspn(p, "\n");

		buf_add(&text, p, len);
		rc = add(snap, &text, err);
		p += len + (p[len] == '\n');
	}
	buf_clear(&lines);
	return p != NULL ? rc : err_nomem(err);
}

int
snap_add_warnings(struct snap *snap, struct err *err)
{
	if (warn_weak_keys(snap, err) == -1 || warn_unproven(snap, err) == -1 ||
	    warn_sockets(snap, err) == -1 || warn_rings(snap, err) == -1)
		return -1;
	return warn_empty_tables(snap, err);
}
