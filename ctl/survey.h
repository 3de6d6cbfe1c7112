/*
 * One survey: everybody who must serve a record is asked, along every chain of
 * CNAMEs.  What the answers amount to is for sight.c.
 */
#ifndef KEYTURN_SURVEY_H
#define KEYTURN_SURVEY_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsrun.h"
#include "nsmemory.h"
#include "reply.h"
#include "sight.h"

#define SURVEY_NAMES_MAX 8 /* on chains of CNAMEs, the first included */

/*
 * So many times dns.timeout after it began a survey asks nobody any more who
 * was not asked yet: one hostile zone must not hold up all other rings.
 */
#define SURVEY_TIMEOUTS  12

/* One server at one address, asked for one name. */
struct survey_server {
	size_t name; /* index in struct survey */
	char *host;
	struct dns_address at; /* text is "": its addresses are not known */
	struct reply reply;
	bool is_left_out; /* nobody can be reached over its family */
	bool is_remembered;
};

/* One name on a chain. */
struct survey_name {
	char *name; /* as by dnswire_name */
	char *zone;
	char trouble[SIGHT_TEXT_MAX]; /* why nobody was asked, or "" */
};

struct survey {
	struct dnsrun *run;
	struct nsmemory *memory; /* or NULL */
	const struct sight_query *query;
	long long deadline; /* of monotime.h; set by survey_ask */
	struct survey_name names[SURVEY_NAMES_MAX];
	size_t name_count;
	bool is_too_long; /* there were more */
	struct survey_server *servers;
	size_t server_count;
};

/*
 * Ask them all.  Returns 0, or -1 with err set: ERR_NOMEM, ERR_INPUT (not a
 * name).  survey is to be cleared in both cases.
 */
int survey_ask(struct survey *survey, struct err *err);
void survey_clear(struct survey *survey);

/* The index of the name that an alias leads to, or SURVEY_NAMES_MAX. */
size_t survey_find(const struct survey *survey, const char *name);

#endif
