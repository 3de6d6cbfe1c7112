/*
 * libmilter's callbacks.  A connection may come on another thread with each of
 * them, so everything about it is in its private data.  They may come in odd
 * orders: close alone, without private data; MAIL without a negotiation.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <libmilter/mfapi.h>

#include "callbacks.h"
#include "drain.h"
#include "log.h"
#include "session.h"
#include "sigfield.h"

/*
 * Below the Received field of the MTA itself, for Postfix and Sendmail alike;
 * 0 would be above it.
 */
enum { INSERT_AT = 1 };

enum {
	QID_MAX = 64,           /* bytes of a queue id that are logged */
	TEXT_KEEP_MAX = 1 << 16 /* bytes kept between two fields */
};

/* What is asked for where it is offered: steps left out ... */
#define STEPS_LEFT_OUT (SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN)

/* ... steps without a reply: the one reply is that of end of message ... */
#define STEPS_WITHOUT_REPLY                                             \
	(SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_HDR | \
	    SMFIP_NR_EOH | SMFIP_NR_BODY)

/* ... and the white space at the start of a field's value. */
#define STEPS_WANTED (STEPS_LEFT_OUT | STEPS_WITHOUT_REPLY | SMFIP_HDR_LEADSPC)

/* A connection from the MTA. */
struct conn {
	bool is_negotiated;
	bool has_leading_space; /* SMFIP_HDR_LEADSPC */
	bool is_counted;        /* drain.h waits for its message */
	unsigned long no_reply; /* SMFIP_NR_* */
	struct buf text;        /* a field's value on its way in or out */
	struct session session;
};

/* The answers to a message. */
static const struct answer {
	sfsistat status;
	char code[4], extended[6], text[64];
} answers[] = {
	[VERDICT_ACCEPT] = { SMFIS_CONTINUE, "", "", "" },
	[VERDICT_TEMPFAIL] = { SMFIS_TEMPFAIL, "451", "4.7.5",
	    "Message cannot be signed now, try again later" },
	[VERDICT_REJECT] = { SMFIS_REJECT, "550", "5.7.5",
	    "Message cannot be signed" },
};

static struct channel *channel;

/* Log once in the life of the process that the MTA does not send a macro. */
static void
say_missing(atomic_flag *is_said, const char *qid, const char *macro,
    const char *consequence)
{
	if (!atomic_flag_test_and_set(is_said))
		log_msg(LOG_WARNING, qid,
		    "the MTA sends no macro %s: %s (this is said once)", macro,
		    consequence);
}

/* The value of a macro, or NULL when it is empty or was not sent. */
static const char *
macro(SMFICTX *ctx, const char *name)
{
	const char *value = smfi_getsymval(ctx, (char *)(uintptr_t)name);

	return value != NULL && *value != '\0' ? value : NULL;
}

/* The connection's data, made if need be.  NULL: no memory. */
static struct conn *
conn_get(SMFICTX *ctx)
{
	struct conn *c = smfi_getpriv(ctx);

	if (c != NULL)
		return c;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	session_init(&c->session, channel);
	if (smfi_setpriv(ctx, c) != MI_SUCCESS) {
		session_clear(&c->session);
		free(c);
		return NULL;
	}
	return c;
}

/* The end of whatever message there is.  Idempotent. */
static void
msg_clear(struct conn *c)
{
	session_abort(&c->session);
	if (c->is_counted)
		drain_end();
	c->is_counted = false;
}

/* What to return for a step; c may be NULL. */
static sfsistat
reply(const struct conn *c, unsigned long step)
{
	if (c == NULL)
		return SMFIS_TEMPFAIL;
	return (c->no_reply & step) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused2, unsigned long unused3, unsigned long *want_actions,
    unsigned long *want_steps, unsigned long *want2, unsigned long *want3)
{
	struct conn *c = conn_get(ctx);

	(void)unused2;
	(void)unused3;
	if (c == NULL)
		return SMFIS_REJECT;
	if ((actions & SMFIF_ADDHDRS) == 0) {
		log_msg(LOG_ERR, NULL,
		    "the MTA lets no milter add header fields (it offers "
		    "actions %#lx): its connection is refused",
		    actions);
		return SMFIS_REJECT;
	}
	*want_actions = SMFIF_ADDHDRS;
	*want_steps = steps & STEPS_WANTED;
	*want2 = *want3 = 0;
	c->is_negotiated = true;
	c->has_leading_space = (*want_steps & SMFIP_HDR_LEADSPC) != 0;
	c->no_reply = *want_steps & STEPS_WITHOUT_REPLY;
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	struct conn *c = conn_get(ctx);
	struct ip_addr client;

	(void)host;
	if (c != NULL) {
		client = ip_from_sockaddr((const struct sockaddr *)addr);
		session_connect(&c->session, &client,
		    macro(ctx, "{daemon_name}"));
	}
	return reply(c, SMFIP_NR_CONN);
}

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	struct conn *c = conn_get(ctx);

	(void)args;
	drain_no_answer();
	if (c != NULL) {
		msg_clear(c);
		c->is_counted = drain_begin();
		session_begin(&c->session,
		    macro(ctx, "{auth_type}") != NULL ||
		        macro(ctx, "{auth_authen}") != NULL);
	}
	return reply(c, SMFIP_NR_MAIL);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	(void)args;
	return reply(conn_get(ctx), SMFIP_NR_RCPT);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct conn *c = conn_get(ctx);

	if (c == NULL)
		return reply(c, SMFIP_NR_HDR);
	if (c->has_leading_space) {
		session_header(&c->session, name, value);
		return reply(c, SMFIP_NR_HDR);
	}
	/* The MTA has taken the space away and will put one there again. */
	buf_reset(&c->text);
	buf_addc(&c->text, ' ');
	buf_adds(&c->text, value);
	if (buf_str(&c->text) == NULL)
		session_fault(&c->session);
	else
		session_header(&c->session, name, buf_str(&c->text));
	if (c->text.size > TEXT_KEEP_MAX)
		buf_clear(&c->text);
	return reply(c, SMFIP_NR_HDR);
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct conn *c = conn_get(ctx);

	if (c != NULL)
		session_eoh(&c->session);
	return reply(c, SMFIP_NR_EOH);
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *data, size_t len)
{
	struct conn *c = conn_get(ctx);

	if (c != NULL)
		session_body(&c->session, data, len);
	return reply(c, SMFIP_NR_BODY);
}

/*
 * A field's value as the MTA wants it: LF at folds, and the leading space only
 * if it does not put one there itself.  NULL: no memory.
 */
static char *
value_for_mta(struct conn *c, const struct buf *value)
{
	const char *text = value->data;
	size_t start = !c->has_leading_space && text[0] == ' ';

	buf_reset(&c->text);
	/* A CR stands nowhere else in a value that we wrote. */
	for (size_t i = start; i < value->len; i++) {
		if (text[i] != '\r')
			continue;
		buf_add(&c->text, text + start, i - start);
		start = i + 1;
	}
	buf_add(&c->text, text + start, value->len - start);
	return buf_str(&c->text) != NULL ? c->text.data : NULL;
}

/*
 * Insert the fields, the last one first, for each goes above the one before.
 * Where nothing was negotiated nobody knows what becomes of a leading space,
 * so nothing is inserted either.
 */
static bool
insert_fields(SMFICTX *ctx, struct conn *c)
{
	static char name[] = SIGFIELD_NAME;

	if (!c->is_negotiated)
		return false;
	for (size_t i = c->session.signing_count; i-- > 0;) {
		char *value = value_for_mta(c, &c->session.signings[i].value);

		if (value == NULL ||
		    smfi_insheader(ctx, INSERT_AT, name, value) != MI_SUCCESS)
			return false;
	}
	return true;
}

/* Macros whose absence explains why a message was treated as it was. */
static void
check_macros(const struct conn *c, const char *qid)
{
	static atomic_flag no_qid = ATOMIC_FLAG_INIT;
	static atomic_flag no_daemon = ATOMIC_FLAG_INIT;

	if (qid == NULL)
		say_missing(&no_qid, "-", "i", "log lines lack the queue id");
	if (c->session.result == COUNT_NOT_OURS && c->session.daemon.len == 0)
		say_missing(&no_daemon, qid != NULL ? qid : "-",
		    "{daemon_name}", "sign_for.daemons cannot include it");
}

/* The queue id, safe for the log. */
static const char *
safe_qid(struct conn *c, const char *qid)
{
	const char *text;

	if (qid == NULL)
		return "-";
	buf_reset(&c->text);
	buf_add_escaped(&c->text, qid, strnlen(qid, QID_MAX));
	text = buf_str(&c->text);
	return text != NULL ? text : "-";
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct conn *c = conn_get(ctx);
	const struct answer *a;
	const char *qid;

	/* Without a message only when there was no memory at MAIL. */
	if (c == NULL || !c->session.is_open)
		return SMFIS_TEMPFAIL;
	session_end(&c->session);
	if (c->session.signing_count > 0 && !insert_fields(ctx, c))
		session_insert_failed(&c->session);
	qid = macro(ctx, "i");
	check_macros(c, qid);
	a = &answers[c->session.verdict];
	session_finish(&c->session, safe_qid(c, qid));
	/* If that fails, libmilter gives the same answer in its own words. */
	if (a->status != SMFIS_CONTINUE)
		(void)smfi_setreply(ctx, (char *)(uintptr_t)a->code,
		    (char *)(uintptr_t)a->extended, (char *)(uintptr_t)a->text);
	if (c->is_counted)
		drain_answer();
	c->is_counted = false;
	return a->status;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct conn *c = smfi_getpriv(ctx);

	drain_no_answer();
	if (c != NULL)
		msg_clear(c);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct conn *c = smfi_getpriv(ctx);

	drain_no_answer();
	if (c == NULL)
		return SMFIS_CONTINUE;
	msg_clear(c);
	session_clear(&c->session);
	buf_clear(&c->text);
	free(c);
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

int
callbacks_register(struct err *err)
{
	static char name[] = "keyturn-milter";
	const struct smfiDesc filter = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS,
		.xxfi_connect = on_connect,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	if (smfi_register(filter) != MI_SUCCESS)
		return err_set(err, ERR_IO,
		    "libmilter refuses this program: built for another "
		    "version of it");
	return 0;
}

void
callbacks_set_channel(struct channel *ch)
{
	channel = ch;
}
