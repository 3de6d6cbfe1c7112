/*
 * Makes and changes rings, without asking anybody whether that is wise:
 *
 *     mkring [-ls] [-h HOST] [-n COUNT] DIRECTORY DOMAIN CHANGE...
 *
 * DIRECTORY  of the rings, which must exist
 * -h HOST    whose ring it is; default: this host's
 * -l         the ring is leaving
 * -s         as if each record had just been seen, and each file been read
 * -n COUNT   the same for so many domains: the # in DOMAIN is 1 to COUNT
 *
 * All changes together are one step of each ring.  A CHANGE is one of
 *
 *     +SELECTOR:KIND:STATE[:EVIDENCE[:FILE]]   a new key
 *     @SELECTOR:KIND:STATE[:EVIDENCE[:FILE]]   the same, its selector a slot
 *     SELECTOR=STATE[:EVIDENCE]                the key becomes so
 *
 * KIND      rsa2048, ed25519 ...
 * STATE     generated, published, ready, active, retiring, revoked, gone
 * EVIDENCE  none (the default), seen, weak, forced, or other: of other bytes
 * FILE      takes this private key; otherwise one is made
 *
 * Times are those of a ring that was quick.  The record of each new key is
 * printed: "SELECTOR._domainkey.DOMAIN v=DKIM1; ...".
 */
#include <sys/stat.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keyfile.h"
#include "ringstore.h"
#include "rotation.h"

#include "../../ctl/looks.h"

struct order {
	const char *host;
	const char *directory;
	bool is_leaving;
	bool is_seen;
	char **changes;
	struct ringstore *store;
};

static struct err err = ERR_INIT;

/* In the place of the one of libc: no ring made here outlives a power cut. */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

__attribute__((format(printf, 2, 3), noreturn)) static void
die(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("mkring: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

/* The next part of text, which a colon ends; or NULL. */
static const char *
next_part(char **text)
{
	return *text != NULL ? strsep(text, ":") : NULL;
}

static void
set_evidence(struct ring_key *rk, const char *what)
{
	struct evidence *e = &rk->evidence;
	time_t now = time(NULL);

	*e = (struct evidence){ .wait = 1 };
	if (what == NULL || strcmp(what, "none") == 0)
		return;
	e->first = now - 4;
	e->second = now - 2;
	e->is_weak = strcmp(what, "weak") == 0;
	e->is_forced = strcmp(what, "forced") == 0;
	if (!e->is_weak && !e->is_forced && strcmp(what, "seen") != 0 &&
	    strcmp(what, "other") != 0)
		die(64, "not a kind of evidence: %s", what);
	strlcpy(e->text, "mkring", sizeof(e->text));
	memcpy(e->fingerprint, rk->fingerprint, SHA256_LEN);
	if (strcmp(what, "other") == 0)
		e->fingerprint[0] ^= 0xff;
}

/* Every state up to the one it is in has its time. */
static void
set_state(struct ring_key *rk, const char *name)
{
	time_t now = time(NULL);
	time_t *times[] = {
		[KEY_GENERATED] = &rk->made,
		[KEY_PUBLISHED] = &rk->published,
		[KEY_READY] = &rk->ready,
		[KEY_ACTIVE] = &rk->activated,
		[KEY_RETIRING] = &rk->retired,
		[KEY_REVOKED] = &rk->revoked,
		[KEY_GONE] = &rk->removed,
	};

	if (name == NULL || !key_state_parse(name, &rk->state))
		die(64, "not a state: %s", name ? name : "");
	for (unsigned s = KEY_GENERATED; s <= (unsigned)rk->state; s++)
		if (*times[s] == 0)
			*times[s] = now - 1;
}

/* The record of key: RFC 6376 section 3.6.1. */
static char *
make_record(const struct key *key)
{
	struct buf record = BUF_INIT;

	buf_printf(&record,
	    "v=DKIM1; k=%s; p=", key_alg_type(key_algorithm(key)));
	if (key_public(key, &record, &err) == -1 || buf_str(&record) == NULL)
		die(70, "%s", err.text);
	return record.data;
}

static struct key *
get_key(const struct key_spec *spec, const char *file)
{
	struct file_id id;
	struct key *key;

	if (file != NULL)
		key = keyfile_load(file, KEY_RSA_BITS_MIN, &id, &err);
	else
		key = key_generate(spec->alg, spec->bits, &err);
	if (key == NULL)
		die(65, "%s", err.text);
	return key;
}

/* "+SELECTOR:KIND:STATE[:EVIDENCE[:FILE]]" or the same with "@". */
static void
add_key(struct ring *ring, struct ringlock *lock, char *text)
{
	struct ring_key *rk = ring_add_key(ring, &err);
	const char *kind, *state, *evidence, *file;
	char hex[RING_HEX_MAX];
	struct key_spec spec;
	struct key *key;

	if (rk == NULL)
		die(70, "%s", err.text);
	rk->is_slot = *text++ == '@';
	strlcpy(rk->selector, next_part(&text), sizeof(rk->selector));
	kind = next_part(&text);
	state = next_part(&text);
	evidence = next_part(&text);
	file = next_part(&text);
	if (kind == NULL || key_spec_parse(kind, &spec, &err) == -1)
		die(64, "not a kind of key: %s", kind ? kind : "");
	key = get_key(&spec, file);
	rk->alg = key_algorithm(key);
	rk->bits = key_bits(key);
	memcpy(rk->fingerprint, key_fingerprint(key), SHA256_LEN);
	rk->record = make_record(key);
	hex_text(rk->fingerprint, hex);
	if (rk->is_slot)
		snprintf(rk->file, sizeof(rk->file), "%s-%.8s.pem",
		    rk->selector, hex);
	else
		snprintf(rk->file, sizeof(rk->file), "%s.pem", rk->selector);
	set_state(rk, state);
	set_evidence(rk, evidence);
	if (ringlock_write_key(lock, rk->file, key, &err) == -1)
		die(73, "%s", err.text);
	printf("%s._domainkey.%s %s\n", rk->selector, ring->domain, rk->record);
	key_put(key);
}

/* "SELECTOR=STATE[:EVIDENCE]" */
static void
change_key(struct ring *ring, char *text)
{
	char *rest = strchr(text, '=');
	struct ring_key *rk;
	const char *evidence;

	if (rest == NULL)
		die(64, "not a change: %s", text);
	*rest++ = '\0';
	rk = ring_find(ring, text);
	if (rk == NULL)
		die(65, "%s: no such key: %s", ring->domain, text);
	set_state(rk, next_part(&rest));
	evidence = next_part(&rest);
	if (evidence != NULL)
		set_evidence(rk, evidence);
}

/* A look at key, which found all as it should be. */
static void
add_look(const char *directory, const struct ring *ring,
    const struct ring_key *key, struct looks *looks)
{
	struct look *look = looks_of(looks, key, &err);
	struct timespec later = { .tv_sec = time(NULL) + 60 };
	char *path = NULL;
	struct stat st;

	if (look == NULL ||
	    asprintf(&path, "%s/%s/%s", directory, ring->domain, key->file) ==
	        -1)
		die(70, "out of memory");
	if (stat(path, &st) == -1)
		die(73, "%s: cannot stat it", path);
	look->when = look->file_read = time(NULL);
	look->sight = SIGHT_COMPLETE;
	look->cache_ttl = look->record_ttl = 1;
	file_id_set(&look->file, &st, &later);
	free(path);
}

static void
write_looks(const char *directory, const struct ring *ring)
{
	struct looks looks = { .count = 0 };
	char *path;

	for (size_t i = 0; i < ring->key_count; i++)
		if (ring->keys[i].state != KEY_GONE)
			add_look(directory, ring, &ring->keys[i], &looks);
	if (asprintf(&path, "%s/%s/looks", directory, ring->domain) == -1)
		die(70, "out of memory");
	if (looks_write(path, &looks, &err) == -1)
		die(73, "%s", err.text);
	looks_clear(&looks);
	free(path);
}

static void
make_ring(const struct order *o, const char *domain)
{
	const struct journal_note note = { .when = time(NULL),
		.who = "mkring",
		.what = "what the test wants" };
	bool is_there = ringstore_has(o->store, domain);
	struct ringlock *lock =
	    ringstore_lock(o->store, domain, true, 60, &err);
	struct ring *before = NULL, *after = NULL;

	if (lock == NULL)
		die(75, "%s", err.text);
	if (is_there)
		before = ringlock_load(lock, NULL, &err);
	if (is_there && before == NULL)
		die(65, "%s", err.text);
	after =
	    before ? ring_copy(before, &err) : ring_new(domain, o->host, &err);
	if (after == NULL)
		die(70, "%s", err.text);
	if (before == NULL)
		after->made = time(NULL) - 5;
	after->is_leaving |= o->is_leaving;
	for (char **c = o->changes; *c != NULL; c++) {
		char *text = strdup(*c);

		if (text == NULL)
			die(70, "out of memory");
		if (*text == '+' || *text == '@')
			add_key(after, lock, text);
		else
			change_key(after, text);
		free(text);
	}
	if (ringlock_commit(lock, before, after, &note, &err) == -1)
		die(73, "%s", err.text);
	ringstore_unlock(lock);
	if (o->is_seen)
		write_looks(o->directory, after);
	ring_free(before);
	ring_free(after);
}

/* DOMAIN with each number for its #. */
static void
make_rings(const struct order *o, const char *domain, long count)
{
	const char *mark = strchr(domain, '#');
	char name[DNSNAME_MAX + 1];

	if (mark == NULL)
		die(64, "no # in %s", domain);
	for (long i = 1; i <= count; i++) {
		snprintf(name, sizeof(name), "%.*s%ld%s", (int)(mark - domain),
		    domain, i, mark + 1);
		make_ring(o, name);
	}
}

int
main(int argc, char **argv)
{
	char host[RING_HOST_MAX + 1];
	struct order o = { .host = host };
	long count = 0;
	int c;

	umask(077);
	if (ringstore_host(host, &err) == -1)
		die(71, "%s", err.text);
	while ((c = getopt(argc, argv, "h:ln:s")) != -1) {
		if (c == 'h')
			o.host = optarg;
		else if (c == 'l')
			o.is_leaving = true;
		else if (c == 's')
			o.is_seen = true;
		else if (c == 'n')
			count = strtol(optarg, NULL, 10);
		else
			return 64;
	}
	if (argc - optind < 2)
		die(64,
		    "usage: mkring [-ls] [-h host] [-n count] directory "
		    "domain change ...");
	o.directory = argv[optind];
	o.store = ringstore_open_dir(o.directory, &err);
	if (o.store == NULL)
		die(69, "%s", err.text);
	o.changes = &argv[optind + 2];
	if (count > 0)
		make_rings(&o, argv[optind + 1], count);
	else
		make_ring(&o, argv[optind + 1]);
	ringstore_close(o.store);
	return 0;
}
