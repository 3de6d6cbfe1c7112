#!/usr/bin/python3 -B
"""Behind a real Postfix: the corpus over SMTP, mail by sendmail(1), where the
signatures stand, and that verifiers accept what was delivered."""

import os
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import corpus            # noqa: E402
import lab               # noqa: E402
import milter_client as mc  # noqa: E402
import verifiers         # noqa: E402

SELECTORS = ["s-rsa", "s-ed25519"]

# What this test gives Postfix: no rewriting of its own, room for the large
# messages.  A header beyond 100 KiB it would cut.
SETTINGS = ("local_header_rewrite_clients=", "message_size_limit=60000000",
            "header_size_limit=1000000")

# Fields that delivery puts on top.
DELIVERY = [b"return-path", b"x-original-to", b"delivered-to"]


def smtp_data(message):
    """The message as an SMTP client sends it: the last line ends in CRLF."""
    if message.endswith(b"\r\n"):
        return message
    return (message[:-1] if message.endswith(b"\n") else message) + b"\r\n"


def send_corpus(postfix, cases):
    """All of them over one SMTP connection; {case name: what was refused}."""
    refused = {}
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as smtp:
        for i, case in enumerate(cases):
            sender = "" if "null-sender" in case.options else "a@example.com"
            try:
                smtp.sendmail(sender, ["case%d@example.org" % i],
                              smtp_data(case.data))
            except smtplib.SMTPResponseException as e:
                refused[case.name] = "%d %r" % (e.smtp_code, e.smtp_error)
    return refused


def by_recipient(delivered):
    """{number: message} by the local part of Delivered-To, case17."""
    out = {}
    for data in delivered.values():
        for name, value in mc.Message.parse(data).fields:
            if name == b"Delivered-To":
                out[int(value.strip()[4:].partition(b"@")[0])] = data
                break
    return out


def misplaced(message):
    """Why the fields are not where they belong, or nothing."""
    names = [n.lower() for n, _ in mc.Message.parse(message).fields]
    want = DELIVERY + [b"received", b"dkim-signature", b"dkim-signature"]
    return "" if names[:6] == want else "fields: %r" % names[:7]


def content(message, strip=0):
    """What a test compares: fields behind the first strip ones, and body."""
    m = mc.Message.parse(message)
    wire = mc.Message(m.fields[strip:], m.body).apply([], None)
    return wire


def why_bad(case, got, outcomes, form):
    """What is wrong with a delivered message, or nothing."""
    if got is None:
        return "not delivered"
    why = misplaced(got)
    if why:
        return why
    changes = case is not None and "postfix-changes" in case.options
    if case is not None and changes == (
            content(got, 6) == content(case.data)):
        return "option postfix-changes is wrong"
    for tool, said in outcomes.items():
        # What makes a verifier err here, a lone CR, is gone then.
        if case is not None and not changes and not case.asks(tool, *form):
            continue
        passed = sorted(o.selector for o in said if o.passed)
        want = ["s-rsa"] if tool == "maildkim" else sorted(SELECTORS)
        if [s for s in passed if s in want] != want:
            return "%s: %s" % (tool, [o.reason for o in said])
    return ""


def verify_all(tools, messages, records):
    said = {t: verifiers.verify(t, messages, records) for t in tools}
    return [{t: said[t][i] for t in tools} for i in range(len(messages))]


def over_smtp(tap, rig, postfix, cases, form, tools):
    """The corpus in one canonicalization."""
    name = "/".join(form)
    rig.write_conf(canonicalization=name)
    tap.is_(rig.reload()[0], 0, "reload to " + name)
    before = set(postfix.delivered())
    refused = send_corpus(postfix, cases)
    files = postfix.wait_delivered(len(before) + len(cases) - len(refused))
    got = by_recipient({f: d for f, d in files.items() if f not in before})
    messages = [got.get(i) for i in range(len(cases))]
    outcomes = verify_all(tools, [m or b"" for m in messages], rig.records)
    for i, case in enumerate(cases):
        why = refused.get(case.name) or why_bad(
            case, messages[i], outcomes[i], form)
        tap.ok(not why, "SMTP, %s: %s" % (name, case.name), why)


# Mail as programs give it to sendmail(1): LF line ends.
LOCAL = {
    "plain": b"From: a@example.com\nTo: b@example.org\nSubject: x\n\nHello.\n",
    "no body": b"From: a@example.com\nSubject: x\n\n",
    "no Date, no Message-ID, no To": b"From: a@example.com\n\nHello.\n",
    "folded, 8-bit": "From: Änna\n <a@example.com>\nSubject: ü\n\tü\n\nü \n\n"
                     .encode(),
    "no final line end": b"From: a@example.com\nSubject:  x \n\nHello.  ",
    "a dot": b"From: a@example.com\n\n.\n..\n",
    "long lines": b"From: a@example.com\n\n" + b"x" * 5000 + b"\n",
}


def by_sendmail(tap, rig, postfix, tools):
    before = set(postfix.delivered())
    for i, message in enumerate(LOCAL.values()):
        done = postfix.sendmail(message, rcpt="case%d@example.org" % i)
        tap.is_(done.returncode, 0, "sendmail takes %d" % i)
    files = postfix.wait_delivered(len(before) + len(LOCAL))
    got = by_recipient({f: d for f, d in files.items() if f not in before})
    messages = [got.get(i, b"") for i in range(len(LOCAL))]
    outcomes = verify_all(tools, messages, rig.records)
    for i, name in enumerate(LOCAL):
        why = why_bad(None, messages[i] or None, outcomes[i], None)
        tap.ok(not why, "sendmail(1): " + name, why)


def others_mail(tap, rig, postfix):
    """Mail of a domain in no table goes through as it came."""
    before = set(postfix.delivered())
    message = b"From: x@example.net\r\nSubject: x\r\n\r\nHello.\r\n"
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as smtp:
        smtp.sendmail("x@example.net", ["case0@example.org"], message)
    files = postfix.wait_delivered(len(before) + 1)
    new = [d for f, d in files.items() if f not in before]
    tap.ok(len(new) == 1 and content(new[0], 4) == message,
           "mail of others is not touched", new)


def main():
    lab.need("postconf", "sendmail", "openssl", root=True)
    tools = lab.need_verifiers()
    tap = lab.Tap(limit=240)
    rig = lab.Lab()
    rig.settings["sockets"] = [{"spec": rig.spec, "mode": "0666"}]
    rig.simple(("rsa", "ed25519"))
    rig.start()
    postfix = rig.postfix(*SETTINGS)
    cases = corpus.load()
    forms = (("relaxed", "relaxed"), ("simple", "simple"))
    for form in forms if lab.SCALE >= 1 else forms[:1]:
        over_smtp(tap, rig, postfix, cases, form, tools)
    by_sendmail(tap, rig, postfix, tools)
    others_mail(tap, rig, postfix)
    tap.is_(rig.faults(), [], "no sanitizer and no crash in the log")
    tap.done()


if __name__ == "__main__":
    main()
