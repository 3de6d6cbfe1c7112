/*
 * Publishers: which one, and what none of them may do.
 */
#include <string.h>

#include "publish.h"
#include "publisher.h"
#include "taglist.h"

enum publish_result
publisher_run(const struct publisher_conf *conf,
    const struct publish_request *request, struct buf *told, struct err *err)
{
	enum publish_result result = PUBLISH_LATER;

	switch (conf->type) {
	case PUBLISHER_MANUAL:
		result = publish_manual(conf, request, told, err);
		break;
	case PUBLISHER_RFC2136:
		result = publish_rfc2136(conf, request, told, err);
		break;
	case PUBLISHER_ZONEFILE:
		result = publish_zonefile(conf, request, told, err);
		break;
	case PUBLISHER_EXEC:
		result = publish_exec(conf, request, told, err);
		break;
	}
	if (told->has_failed &&
	    (result == PUBLISH_DONE || result == PUBLISH_BY_HAND)) {
		/* It can be done again, and be told then. */
		err_nomem(err);
		return PUBLISH_LATER;
	}
	return result;
}

const char *
publish_action_name(enum publish_action action)
{
	static const char *const names[] = {
		[PUBLISH_PUT] = "put",
		[PUBLISH_REVOKE] = "revoke",
		[PUBLISH_REMOVE] = "remove",
	};

	return names[action];
}

/*
 * RFC 6376 section 3.6.1: an empty p= revokes; k= keeps the record right for
 * verifiers that look at it first.
 */
void
publish_empty_record(const char *record, struct buf *out)
{
	struct taglist list;
	struct err ignored;
	const struct tag *k = NULL;

	if (taglist_parse(record, strlen(record), &list, &ignored) == 0)
		k = taglist_find(&list, "k");
	buf_adds(out, "v=DKIM1; k=");
	if (k != NULL && k->value.len > 0)
		buf_add(out, k->value.data, k->value.len);
	else
		buf_adds(out, "rsa");
	buf_adds(out, "; p=");
}

enum publish_there
publish_compare(const struct publish_request *request, const char *text)
{
	if (text == NULL)
		return PUBLISH_THERE_NOTHING;
	if (strcmp(text, request->value) == 0)
		return PUBLISH_THERE_VALUE;
	if (strcmp(text, request->empty) == 0)
		return PUBLISH_THERE_EMPTY;
	return PUBLISH_THERE_OTHER;
}

enum publish_next
publish_decide(enum publish_action action, enum publish_there there)
{
	static const enum publish_next table[][PUBLISH_THERE_OTHER + 1] = {
		[PUBLISH_PUT] = { PUBLISH_NEXT_WRITE, PUBLISH_NEXT_NOTHING,
		    PUBLISH_NEXT_REFUSE, PUBLISH_NEXT_REFUSE },
		/* Where somebody removed the record, p= says more. */
		[PUBLISH_REVOKE] = { PUBLISH_NEXT_WRITE, PUBLISH_NEXT_WRITE,
		    PUBLISH_NEXT_NOTHING, PUBLISH_NEXT_REFUSE },
		[PUBLISH_REMOVE] = { PUBLISH_NEXT_NOTHING, PUBLISH_NEXT_WRITE,
		    PUBLISH_NEXT_WRITE, PUBLISH_NEXT_REFUSE },
	};

	return table[action][there];
}

const char *
publish_goal(const struct publish_request *request)
{
	switch (request->action) {
	case PUBLISH_PUT:
		return request->value;
	case PUBLISH_REVOKE:
		return request->empty;
	case PUBLISH_REMOVE:
		break;
	}
	return NULL;
}

enum publish_result
publish_refuse(const struct publish_request *request, const char *shown,
    struct err *err)
{
	struct buf text = BUF_INIT;
	size_t len = strlen(shown);
	const char *s;

	buf_add_escaped(&text, shown, len < 200 ? len : 200);
	if (len > 200)
		buf_adds(&text, "...");
	s = buf_str(&text);
	if (s == NULL)
		err_nomem(err);
	else if (request->action == PUBLISH_PUT)
		err_set(err, ERR_INPUT,
		    "%s: has another record, which is not overwritten: \"%s\"; "
		    "remove it if nobody needs it, or let the key have another "
		    "selector",
		    request->name, s);
	else
		err_set(err, ERR_INPUT,
		    "%s: has another record than that of this key, and it "
		    "stays: \"%s\"; see who put it there",
		    request->name, s);
	buf_clear(&text);
	return s == NULL ? PUBLISH_LATER : PUBLISH_REFUSED;
}
