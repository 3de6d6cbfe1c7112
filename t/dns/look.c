/*
 * Looks records up, for the tests: keyturn.conf with the settings `dns`, and on
 * stdin lines of "DOMAIN SELECTOR [RECORD]"; "?" before the domain lets the
 * linter ask the resolver, and "= NAME" resolves a name as `verify` does.
 * Writes one line of JSON each.
 *
 *     look CONF [MEMORY]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/conf.h"
#include "../../common/json.h"
#include "../../ctl/sight.h"

enum { QUERIES_MAX = 256 };

static char lines[QUERIES_MAX][4096];

static void
resolve(struct sights *s, const struct conf *conf, const char *name)
{
	struct err err = ERR_INIT;
	struct buf *records = NULL, out = BUF_INIT;
	int n;

	n = sights_resolve_txt(s, &conf->ring_conf.dns, name, &records, &err);
	buf_addc(&out, '{');
	if (n == -1)
		json_text(&out, "error", err.text);
	for (int i = 0; i < n; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d", i);
		json_text(&out, number, buf_str(&records[i]));
		buf_clear(&records[i]);
	}
	buf_addc(&out, '}');
	puts(buf_str(&out));
	buf_clear(&out);
	free(records);
}

/* Take a line apart in place. */
static void
parse(char *line, struct sight_query *q)
{
	char *rest = NULL;

	q->domain = strtok_r(line, " \n", &rest);
	if (q->domain != NULL && strcmp(q->domain, "?") == 0) {
		q->may_ask_resolver = true;
		q->domain = strtok_r(NULL, " \n", &rest);
	}
	q->selector = strtok_r(NULL, " \n", &rest);
	q->record = strtok_r(NULL, "\n", &rest);
}

static void
answer(struct sight_query *q)
{
	struct buf out = BUF_INIT;

	if (q->err.code == ERR_NONE)
		sighting_json(&q->out, &out);
	else {
		buf_addc(&out, '{');
		json_text(&out, "error", q->err.text);
		buf_addc(&out, '}');
	}
	puts(buf_str(&out));
	buf_clear(&out);
	sighting_clear(&q->out);
}

int
main(int argc, char **argv)
{
	static struct sight_query queries[QUERIES_MAX];
	struct err err = ERR_INIT;
	struct conf *conf = argc > 1 ? conf_load(argv[1], &err) : NULL;
	struct sights *s =
	    conf != NULL ? sights_new(argc > 2 ? argv[2] : NULL, &err) : NULL;
	size_t count = 0;

	if (s == NULL) {
		fprintf(stderr, "look: %s\n", err.text);
		return 78;
	}
	while (count < QUERIES_MAX &&
	    fgets(lines[count], sizeof(lines[count]), stdin) != NULL) {
		if (lines[count][0] == '=') {
			resolve(s, conf, strtok(lines[count] + 2, "\n"));
			continue;
		}
		parse(lines[count], &queries[count]);
		queries[count].conf = &conf->ring_conf;
		count++;
	}
	sights_look(s, queries, count);
	for (size_t i = 0; i < count; i++)
		answer(&queries[i]);
	if (sights_save(s, &err) == -1)
		fprintf(stderr, "look: %s\n", err.text);
	sights_free(s);
	conf_free(conf);
	return 0;
}
