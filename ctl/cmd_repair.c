/*
 * keyturn repair: make a ring's ring.conf or journal again from the other.
 */
#include "json.h"
#include "output.h"
#include "turncmd.h"

enum { OPT_FOREIGN, OPT_JSON };

static const struct ctl_option options[] = {
	[OPT_FOREIGN] = { "foreign", '\0', NULL,
	    "take a ring over from a host that signs no more" },
	[OPT_JSON] = { "json", '\0', NULL, "one JSON object" },
	{ .name = NULL },
};

static int
exit_of(const struct err *err)
{
	switch (err->code) {
	case ERR_IO:
		return CTL_CANNOT_WRITE;
	case ERR_LIMIT: /* somebody else has its lock */
		return CTL_NOT_YET;
	default:
		return CTL_DATA;
	}
}

static int
repair(struct turner *t, const char *domain, bool is_foreign, struct buf *said)
{
	struct journal_note note = { .when = t->clock.now.wall,
		.who = t->who,
		.what = is_foreign ? "repair --foreign" : "repair",
		.evidence = NULL };
	struct err err = ERR_INIT;
	struct ringlock *lock;
	struct ring *ring;
	int rc;

	lock = ringstore_lock(t->store, domain, false, TURN_LOCK_WAIT, &err);
	if (lock == NULL)
		return out_err(&err, exit_of(&err));
	rc = ringlock_repair(lock, is_foreign ? t->host : NULL, &note, said,
	    &err);
	/*
	 * Whole, but it may be old as a whole: what has happened to its keys
	 * since then is not known, so no repair makes it good.
	 */
	ring = rc == 0 ? turner_load(t, domain, lock, &err) : NULL;
	if (ring == NULL)
		rc = -1;
	ring_free(ring);
	ringstore_unlock(lock);
	if (rc == 0)
		return CTL_GOOD;
	return out_err(&err, exit_of(&err));
}

static int
run(const struct ctl_call *call)
{
	bool is_json = call->values[OPT_JSON] != NULL;
	char domain[DNSNAME_MAX + 1];
	struct buf said = BUF_INIT, out = BUF_INIT;
	struct turner t;
	int code;

	if (!turncmd_domain(call, call->operands[0], domain))
		return CTL_USAGE;
	if (turner_open(&t, call, true, &code) == -1)
		return code;
	code = repair(&t, domain, call->values[OPT_FOREIGN] != NULL, &said);
	if (code == CTL_GOOD && buf_str(&said) != NULL) {
		if (is_json) {
			buf_addc(&out, '{');
			json_text(&out, "domain", domain);
			json_text(&out, "said", said.data);
			buf_adds(&out, "}\n");
		} else {
			buf_printf(&out, "%s: %s\n", domain, said.data);
		}
		code = out_write(&out, code);
	}
	buf_clear(&said);
	buf_clear(&out);
	turner_close(&t);
	return code;
}

const struct command cmd_repair = {
	.name = "repair",
	.arguments = "[--foreign] [--json] DOMAIN",
	.summary = "Make a ring's ring.conf or journal again",
	.help = "\n"
	        "For a ring.conf or a journal that is damaged, lost or from an "
	        "old backup: the\n"
	        "other makes it anew, if it is whole and not behind.\n",
	.options = options,
	.operand_min = 1,
	.operand_max = 1,
	.run = run,
};
