/*
 * sight_text: what the journal keeps of a sighting is bounded, whatever servers
 * say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ctl/sight.h"
#include "tap.h"

enum { SERVERS = 512, RECORD = 60000 };

static void
set_text(struct sight_server *s, size_t len)
{
	memset(s->text, '\x1b', len);
	s->text[len] = '\0';
}

/* A sighting of count servers, each with a text of that length. */
static struct sighting
make(size_t count, size_t text_len, size_t record_len)
{
	struct sighting s = { .sight = SIGHT_MISMATCH,
		.cache_ttl = 300,
		.record_ttl = -1,
		.server_count = count };

	s.servers = calloc(count, sizeof(*s.servers));
	s.record = calloc(1, record_len + 1);
	if (s.servers == NULL || s.record == NULL)
		exit(1);
	memset(s.record, '"', record_len);
	strcpy(s.text, "ns1: another key in p=");
	for (size_t i = 0; i < count; i++) {
		s.servers[i].name = strdup("ns1.example.com");
		s.servers[i].address = strdup("192.0.2.1");
		s.servers[i].zone = strdup("example.com");
		set_text(&s.servers[i], text_len);
	}
	return s;
}

static void
test_one(const char *name, size_t count, size_t text_len, size_t record_len,
    bool is_whole)
{
	struct sighting s = make(count, text_len, record_len);
	struct buf all = BUF_INIT, kept = BUF_INIT;

	sighting_json(&s, &all);
	sighting_evidence(&s, &kept);
	if (buf_str(&all) == NULL || buf_str(&kept) == NULL)
		exit(1);
	ok(kept.len <= SIGHT_EVIDENCE_MAX, "%s: %zu of %zu bytes", name,
	    kept.len, all.len);
	if (is_whole)
		is_str(kept.data, all.data, name);
	else
		ok(strstr(kept.data,
		       "{\"sight\":\"mismatch\",\"text\":\"ns1: another key "
		       "in p=\",") == kept.data &&
		        strstr(kept.data, "\"cache_ttl\":300") != NULL &&
		        strstr(kept.data, "addresses of 1 server\"") != NULL &&
		        kept.data[kept.len - 1] == '}',
		    "%s: what matters: %s", name, kept.data);
	buf_clear(&all);
	buf_clear(&kept);
	sighting_clear(&s);
}

int
main(void)
{
	test_one("26 addresses", 26, 10, 400, true);
	test_one("a record of 60,000 bytes", 2, 10, RECORD, false);
	test_one("512 servers, each with a text", SERVERS, SIGHT_TEXT_MAX - 1,
	    400, false);
	return tap_done();
}
