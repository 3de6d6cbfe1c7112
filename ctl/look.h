/*
 * One look: everybody who must serve a record is asked, along every chain of
 * CNAMEs.  What the answers amount to is for sight.c.
 */
#ifndef KEYTURN_LOOK_H
#define KEYTURN_LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsrun.h"
#include "nsmemory.h"
#include "reply.h"
#include "sight.h"

#define LOOK_NAMES_MAX 8 /* on chains of CNAMEs, the first included */

/* One server at one address, asked for one name. */
struct look_server {
	size_t name; /* index in struct look */
	char *host;
	struct dns_address at; /* text is "": its addresses are not known */
	struct reply reply;
	bool is_left_out; /* nobody can be reached over its family */
	bool is_remembered;
};

/* One name on a chain. */
struct look_name {
	char *name; /* as by dnswire_name */
	char *zone;
	char trouble[SIGHT_TEXT_MAX]; /* why nobody was asked, or "" */
};

struct look {
	struct dnsrun *run;
	struct nsmemory *memory; /* or NULL */
	const struct sight_query *query;
	struct look_name names[LOOK_NAMES_MAX];
	size_t name_count;
	bool is_too_long; /* there were more */
	struct look_server *servers;
	size_t server_count;
};

/*
 * Ask them all.  Returns 0, or -1 with err set: ERR_NOMEM, ERR_INPUT (not a
 * name).  look is to be cleared in both cases.
 */
int look_ask(struct look *look, struct err *err);
void look_clear(struct look *look);

/* The index of the name that an alias leads to, or LOOK_NAMES_MAX. */
size_t look_find(const struct look *look, const char *name);

#endif
