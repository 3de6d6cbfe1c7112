/*
 * The publisher that is a file: a fragment that a zone file includes, and a
 * command that has the zone loaded.
 */
#include <unistd.h>

#include "fragment.h"
#include "publish.h"
#include "recordform.h"
#include "runprog.h"

/* Bring the line of this name about, if it may be. */
static enum publish_result
change(const struct publisher_conf *conf, const struct publish_request *request,
    const struct fragment *f, const char *value, struct err *err)
{
	enum publish_there there = publish_compare(request, value);
	const char *goal = publish_goal(request);
	struct buf line = BUF_INIT;
	enum publish_result result = PUBLISH_LATER;
	const char *text = NULL;

	if (publish_decide(request->action, there) == PUBLISH_NEXT_REFUSE)
		return publish_refuse(request, value, err);
	if (goal != NULL) {
		recordform_write(RECORDFORM_BIND, request->name, request->ttl,
		    goal, &line);
		text = buf_str(&line);
		if (text == NULL)
			err_nomem(err);
	}
	if ((goal == NULL || text != NULL) &&
	    fragment_write(f, conf->file, text, err) == 0)
		result = PUBLISH_DONE;
	buf_clear(&line);
	return result;
}

static enum publish_result
update_file(const struct publisher_conf *conf,
    const struct publish_request *request, struct err *err)
{
	struct fragment f = FRAGMENT_INIT;
	enum publish_result result = PUBLISH_LATER;
	int lock;

	lock = fragment_lock(conf->file, conf->timeout, err);
	if (lock == -1)
		return PUBLISH_LATER;
	if (fragment_read(&f, conf->file, request->name, err) == -1) {
		if (err->code == ERR_INPUT || err->code == ERR_LIMIT)
			result = PUBLISH_REFUSED;
	} else {
		const char *value = NULL;

		if (f.has_record)
			value = f.value.len > 0 ? buf_str(&f.value) : "";
		if (f.has_record && value == NULL)
			err_nomem(err);
		else
			result = change(conf, request, &f, value, err);
	}
	fragment_clear(&f);
	close(lock);
	return result;
}

/*
 * Have the zone loaded.  Also when the file was right before: the command may
 * have failed the last time.
 */
static enum publish_result
run_command(const struct publisher_conf *conf, struct err *err)
{
	struct runprog r = { .argv = conf->command, .timeout = conf->timeout };
	enum publish_result result = PUBLISH_LATER;

	if (runprog(&r, err) == 0) {
		if (r.end == RUNPROG_EXITED && r.code == 0)
			result = PUBLISH_DONE;
		else
			runprog_explain(&r, err);
	}
	if (result != PUBLISH_DONE)
		err_prefix(err, "%s is written, but the zone may not be loaded",
		    conf->file);
	runprog_clear(&r);
	return result;
}

enum publish_result
publish_zonefile(const struct publisher_conf *conf,
    const struct publish_request *request, struct buf *told, struct err *err)
{
	enum publish_result result = update_file(conf, request, err);

	(void)told;
	if (result == PUBLISH_DONE && conf->command != NULL &&
	    conf->command[0] != NULL)
		result = run_command(conf, err);
	return result;
}
