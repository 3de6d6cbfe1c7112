/*
 * A message of keyturn's own through a milter socket: sent by milterclient.c,
 * verified by verify.c; why it came back unsigned is told from the
 * configuration on disk, by the worker's own matching code.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dnsname.h"
#include "message.h"
#include "milterclient.h"
#include "policy.h"
#include "probe.h"
#include "sigfield.h"
#include "snap.h"
#include "sockspec.h"

#define HOST_MAX 256

/* Lines that a bad canonicalization or a bad MTA would spoil. */
static const char body[] = "This message was made by `keyturn probe`; nobody "
                           "receives it.\r\n"
                           "\r\n"
                           ".\r\n"
                           "  white  space \t at an end \r\n"
                           "\r\n"
                           "\r\n";

const char *
probe_outcome_name(enum probe_outcome outcome)
{
	static const char *const names[] = {
		[PROBE_SIGNED] = "signed",
		[PROBE_NOT_GOOD] = "not-verified",
		[PROBE_UNANSWERED] = "dns-unanswered",
		[PROBE_UNSIGNED] = "not-signed",
		[PROBE_TEMPFAIL] = "tempfail",
		[PROBE_REJECTED] = "rejected",
		[PROBE_UNREACHABLE] = "unreachable",
	};

	return names[outcome];
}

/*
 * Why a message that should be signed was not.
 */

/* Why the policy on disk does not sign p's message; false if it does. */
static bool
explain_policy(const struct probe *p, const struct policy *policy, char *text,
    size_t size)
{
	struct policy_origin origin = { .is_authenticated = p->auth != NULL };
	const char *at = strrchr(p->from, '@');
	struct policy_match match = { .count = 0 };
	struct cidr client;
	char local[DNSNAME_MAX + 1];

	if (cidr_parse(p->client, &client))
		origin.client = client.net;
	origin.daemon = "smtpd";
	snprintf(local, sizeof(local), "%.*s", (int)(at - p->from), p->from);
	if (!policy_signs_for(policy, &origin))
		snprintf(text, size,
		    "mail from %s%s is not signed: sign_for does not name it; "
		    "try --client ADDRESS or --auth NAME",
		    p->client, p->auth != NULL ? ", authenticated," : "");
	else if (!policy_find(policy, local, at + 1, &match))
		snprintf(text, size,
		    "no line of the SigningTable matches %s, and its domain "
		    "has no ring",
		    p->from);
	else if (match.idle_ring != NULL && match.count == 0)
		snprintf(text, size,
		    match.idle == POLICY_KEY_NOT_YET
		        ? "the ring %s is not yet active: `keyturn status %s` "
		          "says what it waits for"
		        : "the ring %s has no active key: it is being removed "
		          "(`keyturn status %s`)",
		    match.idle_ring, match.idle_ring);
	else if (match.count == 0)
		snprintf(text, size,
		    "line %u of the SigningTable says that %s is not signed",
		    match.line, p->from);
	else if (match.keys[0].state == POLICY_KEY_BROKEN)
		snprintf(text, size,
		    "the key %s._domainkey.%s is broken: `keyturn check` says "
		    "why",
		    match.keys[0].selector, match.keys[0].domain);
	else
		return false;
	return true;
}

/* Put into text why a message came back unsigned, as far as can be told. */
static void
explain_unsigned(const struct probe *p, const char *qid, char *text,
    size_t size)
{
	struct err err = ERR_INIT;
	struct snap *snap = snap_load(p->conf_path, NULL, 1, &err);
	struct policy *policy = NULL;

	if (snap != NULL)
		policy = policy_map(snap->policy_fd, &err);
	if (policy == NULL)
		snprintf(text, size,
		    "the log of keyturn-milter says why, at %s; here it "
		    "cannot be told: %s",
		    qid, err.text);
	else if (!explain_policy(p, policy, text, size))
		snprintf(text, size,
		    "by the configuration on disk it would be signed: was "
		    "`keyturn reload` forgotten? The log of keyturn-milter "
		    "says why, at %s",
		    qid);
	policy_unmap(policy);
	snap_free(snap);
}

static void
explain_unreachable(const char *spec, const struct err *cause, int saved,
    struct probe_result *out)
{
	const char *path = sockspec_path(spec);
	const char *hint = "";

	if (saved == ENOENT)
		hint = "; no worker has made it: is keyturn-milter running?";
	else if (saved == ECONNREFUSED)
		hint = "; nobody listens: is keyturn-milter running? Its log "
		       "says why not";
	else if (saved == EACCES || saved == EPERM)
		hint = path != NULL
		    ? "; permissions: only root, the socket's owner and its "
		      "group may connect: try sudo"
		    : "; not permitted here";
	snprintf(out->text, sizeof(out->text), "%s%s", cause->text, hint);
	out->outcome = PROBE_UNREACHABLE;
}

/*
 * Verifying what came back.
 */

/* A message that is in memory. */
static int
read_message(const struct buf *text, struct message *msg, struct err *err)
{
	int fd = memfd_create("probe", MFD_CLOEXEC);
	int rc = -1;

	if (fd == -1)
		return err_errno(err, "memfd_create");
	if (write(fd, text->data, text->len) != (ssize_t)text->len ||
	    lseek(fd, 0, SEEK_SET) == -1)
		err_errno(err, "memfd");
	else
		rc = message_read(fd, msg, err);
	close(fd);
	return rc;
}

/* Whether a verdict is on a signature of the domain that was asked for. */
static bool
is_wanted(const struct probe *p, const struct sig_verdict *v)
{
	return v->domain.data != NULL &&
	    dnsname_is_within(p->domain, strlen(p->domain), v->domain.data,
	        v->domain.len);
}

static int
verify_fields(const struct probe *p, struct verifier *v,
    struct probe_result *out, struct err *err)
{
	const struct hdrs *h = &v->msg->hdrs;
	size_t wanted = 0, passed = 0, unanswered = 0;
	struct sig_verdict verdict;

	for (size_t i = 0; i < h->count; i++) {
		if (!hdrs_is(h, i, SIGFIELD_NAME, strlen(SIGFIELD_NAME)))
			continue;
		if (verify_field(v, i, &verdict, err) == -1)
			return -1;
		if (is_wanted(p, &verdict)) {
			wanted++;
			passed += verdict.result == VERIFY_PASS;
			unanswered += verdict.result == VERIFY_TEMPERROR;
		}
		verdict_line(&verdict, &out->lines);
		if (v->count > 1)
			buf_addc(&out->json, ',');
		verdict_json(&verdict, &out->json);
	}
	out->outcome = wanted == 0          ? PROBE_UNSIGNED
	    : passed == wanted              ? PROBE_SIGNED
	    : passed + unanswered == wanted ? PROBE_UNANSWERED
	                                    : PROBE_NOT_GOOD;
	if (v->count == 0)
		explain_unsigned(p, out->qid, out->text, sizeof(out->text));
	else if (wanted == 0)
		snprintf(out->text, sizeof(out->text),
		    "signed, but no signature is of %s (d=)", p->domain);
	return 0;
}

static int
verify_message(const struct probe *p, const struct milter_result *r,
    struct probe_result *out, struct err *err)
{
	struct message msg = MESSAGE_INIT;
	struct verifier v = {
		.msg = &msg, .source = p->source, .now = time(NULL)
	};
	int rc;

	rc = read_message(&r->message, &msg, err);
	if (rc == 0)
		rc = verify_fields(p, &v, out, err);
	message_clear(&msg);
	return rc;
}

/*
 * Sending it.
 */

struct fields {
	char from[600], to[600], date[64], id[600];
	char received[800];
};

static void
write_fields(const struct probe *p, const char *host, const char *qid,
    struct fields *f)
{
	char date[48] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) != NULL)
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000",
		    &tm);
	snprintf(f->from, sizeof(f->from), "From: keyturn probe <%s>", p->from);
	snprintf(f->to, sizeof(f->to), "To: <postmaster@%s>", p->domain);
	snprintf(f->date, sizeof(f->date), "Date: %s", date);
	snprintf(f->id, sizeof(f->id), "Message-ID: <%s@%s>", qid, p->domain);
	snprintf(f->received, sizeof(f->received),
	    "Received: from localhost (localhost [%s])\n\tby %s (keyturn "
	    "probe) with ESMTP id %s;\n\t%s",
	    p->client, host, qid, date);
}

/* Send the message.  Returns 0, or -1 with *saved the errno of it. */
static int
send_message(const struct probe *p, const char *spec, const char *qid,
    struct milter_result *r, int *saved, struct err *err)
{
	char host[HOST_MAX] = "localhost", rcpt[300];
	struct fields f = { .from = "" };
	const char *fields[] = { f.from, f.to,
		"Subject: a probe of the signer:\n\tfolded,  with  spaces ",
		f.date, f.id, "MIME-Version: 1.0",
		"Content-Type: text/plain; charset=us-ascii", NULL };
	struct milter_mail mail = { .client = p->client,
		.auth = p->auth,
		.host = host,
		.qid = qid,
		.sender = p->from,
		.rcpt = rcpt,
		.received = f.received,
		.fields = fields,
		.body = body };
	int rc;

	if (gethostname(host, sizeof(host) - 1) == -1)
		return err_errno(err, "gethostname");
	snprintf(rcpt, sizeof(rcpt), "postmaster@%s", p->domain);
	write_fields(p, host, qid, &f);
	errno = 0;
	rc = milter_send(spec, &mail, p->timeout_s, r, err);
	*saved = errno;
	return rc;
}

int
probe_socket(const struct probe *p, const char *spec, struct probe_result *out,
    struct err *err)
{
	struct milter_result r = { .added = 0 };
	struct timespec now = { .tv_sec = 0 };
	int saved = 0, rc = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(out->qid, sizeof(out->qid), "PROBE%llX",
	    (unsigned long long)now.tv_sec * 1000 +
	        (unsigned long long)now.tv_nsec / 1000000);
	if (send_message(p, spec, out->qid, &r, &saved, err) == -1) {
		if (err->code == ERR_NOMEM)
			rc = -1;
		else
			explain_unreachable(spec, err, saved, out);
	} else if (r.outcome == MILTER_ACCEPTED) {
		rc = verify_message(p, &r, out, err);
	} else {
		out->outcome = r.outcome == MILTER_TEMPFAIL ? PROBE_TEMPFAIL
		                                            : PROBE_REJECTED;
		snprintf(out->text, sizeof(out->text),
		    "%s%sthe log of keyturn-milter says why, at %s; `keyturn "
		    "status` and `keyturn check` show whether keyturnd answers "
		    "and the key is good",
		    r.reply, r.reply[0] != '\0' ? ": " : "", out->qid);
	}
	milter_result_clear(&r);
	return rc;
}

void
probe_result_clear(struct probe_result *r)
{
	buf_clear(&r->lines);
	buf_clear(&r->json);
}
