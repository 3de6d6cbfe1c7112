#!/usr/bin/python3
"""What the worker decides about messages, and what it says of them."""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]

import dkim

import milter_client as mc
from fake_keyturnd import RsaKey
from lab import Tap
from worker import Worker, message

tap = Tap(90)
key = RsaKey()
LINE = "*@example.com=0x11:example.com:s1:rsa"
w = Worker()
w.keeper.keys = {0x11: key, 0x12: key, 0x13: key}


def verifies(sent, selector=b"s1", idx=0):
    name = selector + b"._domainkey.example.com."
    return dkim.DKIM(sent).verify(
        idx, dnsfunc=lambda n, timeout=5: key.record if n == name else None)


# Without any policy every message waits.
w.start()
r = w.send(qid="NOPOLICY")
tap.is_((r.code, r.reply[:9]), (451, b"451 4.7.5"), "no policy yet: 451 4.7.5")
tap.ok("not signed: no policy" in w.lines("NOPOLICY")[0], "and the log says so")
tap.ok(w.count("no_policy", 1), "and it is counted")
tap.ok(w.policy(LINE), "a policy is acknowledged")

# Signed, and what is inserted.
r = w.send(qid="Q1")
tap.ok(r.passed and len(r.modifications) == 1, "one field is added")
tap.is_(r.modifications[0][:3], ("insheader", 1, b"DKIM-Signature"),
        "below the MTA's own Received")
tap.ok(r.modifications[0][3].startswith(b" v=1;") and
       b"\r" not in r.modifications[0][3] and
       b"\n\t" in r.modifications[0][3],
       "its own leading space, LF at folds", r.modifications[0][3])
tap.ok(verifies(r.sent), "dkimpy verifies it", r.sent)
line = w.lines("Q1")
tap.is_(len(line), 1, "one line for it in the log")
tap.ok(re.search(r"Q1: signed d=example\.com s=s1 a=rsa-sha256"
                 r" from=a@example\.com client=127\.0\.0\.1 size=\d+ gen=1"
                 r" us=\d+$", line[0]), "the line has it all", line[0])
size = len(message().apply([], received=None))
tap.ok(" size=%d " % size in line[0], "size is that of the message (%d)" % size,
       line[0])

# A connection carries many messages, of all kinds.
c = w.connect()
kinds = [w.send(conn=c, qid="K%d" % i, msg=m) for i, m in enumerate([
    message(), message((b"From", b" a@example.net")), message(), message()])]
tap.is_([len(k.modifications) for k in kinds], [1, 0, 1, 1],
        "messages over one connection")
tap.ok(all(verifies(k.sent) for k in kinds if k.modifications),
       "each verifies")
c.quit()

# Older MTAs: no LEADSPC, an answer to each step.
for name, options in [
        ("no leading space", {"steps": mc.ALL_STEPS & ~mc.HDR_LEADSPC}),
        ("an answer to each step", {"steps": 0x7f | mc.HDR_LEADSPC}),
        ("version 2, nothing offered", {"version": 2, "steps": 0x7f})]:
    c = w.connect(**options)
    r = w.send(conn=c)
    got = r.modifications and r.modifications[0][3][:1]
    space = bool(c.steps & mc.HDR_LEADSPC)
    tap.ok(got == (b" " if space else b"v"),
           "%s: leading space where it belongs" % name, r.modifications)
    sent = r.sent
    if not space and r.modifications:
        m = r.modifications[0]
        sent = message().apply([m[:3] + (b" " + m[3],)])
    tap.ok(sent and verifies(sent), "%s: verifies" % name)
    c.quit()
try:
    w.connect(actions=mc.ALL_ACTIONS & ~mc.ADDHDRS)
    tap.ok(False, "an MTA that takes no fields is refused")
except mc.MilterError:
    tap.ok(w.wait_text("lets no milter add header fields"),
           "an MTA that takes no fields is refused, and the log says why")

# Outcomes: name, fields, the reason in the log, the counter.
A_FROM = (b"From", b" a@example.com")
for qid, fields, reason, counter in [
        ("M1", [(b"To", b" b@example.org")], "not signed: ", "malformed"),
        ("M2", [A_FROM, A_FROM], "not signed: several From fields",
         "malformed"),
        ("M3", [(b"From", b" a@example.com, b@example.net")], "not signed: ",
         "malformed"),
        ("M4", [(b"From", b" <<>")], "not signed: ", "malformed"),
        ("M5", [(b"From", b" a@example.net")],
         "not signed: no line and no ring for its author from=a@example.net",
         "no_match"),
        ("M6", [(b"From", b' "a d=evil.example\n x"@example.net')],
         r"from=a\x20d\x3devil.example", "no_match")]:
    before = w.keeper.counters[counter]
    r = w.send(msg=message(*fields), qid=qid)
    tap.ok(r.passed and not r.modifications, "%s: passes untouched" % reason)
    text = w.lines(qid)
    tap.ok(len(text) == 1 and reason in text[0], "one line: %s" % reason, text)
    tap.ok(w.count(counter, before + 1), "counted as %s" % counter)

# Whose mail it is.
for qid, address, auth, signs in [
        ("O1", "192.0.2.1", None, False), ("O2", "192.0.2.1", "plain", True),
        ("O3", "127.0.0.9", None, True), ("O4", "::1", None, True),
        ("O5", "2001:db8::1", None, False), ("O6", None, None, True)]:
    c = w.connect()
    c.greet(address=address)
    r = w.send(conn=c, qid=qid,
               macros={"{auth_type}": auth} if auth else None)
    tap.is_(len(r.modifications), int(signs),
            "from %s%s: %s" % (address or "here", ", authenticated"
                               if auth else "", "signed" if signs else "not"))
    c.quit()
tap.ok("O1: not signed: sign_for does not include it client=192.0.2.1 " in
       w.text().replace("O1: not signed: sign_for does not include it from="
                        "a@example.com", "O1: not signed: sign_for does not "
                        "include it"), "the reason is sign_for")

# Limits: 2,000 fields and 1 MiB of names and values (after the colon).
many = [A_FROM] + [(b"X", b" y")] * 1999
big = 16 * [(b"X-Big", b" " + b"y" * 65000)]
left = (1 << 20) - sum(len(n) + len(v) for n, v in [A_FROM] + big)
for qid, fields, signs in [
        ("L1", many, True), ("L2", many + [(b"X", b" y")], False),
        ("L3", [A_FROM] + big + [(b"Y", b" " + b"z" * (left - 2))], True),
        ("L4", [A_FROM] + big + [(b"Y", b" " + b"z" * (left - 1))], False)]:
    r = w.send(msg=message(*fields), qid=qid)
    tap.ok(r.passed and len(r.modifications) == int(signs),
           "%s: %d fields: %s" % (qid, len(fields),
                                  "signed" if signs else "limit"))
tap.ok("not signed: limit" in w.lines("L2")[0] and
       "not signed: limit" in w.lines("L4")[0], "the reason is the limit")

# Several keys, a line that has a broken one, verdicts.
w.policy("*@example.com=0x11:example.com:s1:rsa,0x12:example.com:s2:rsa")
r = w.send(qid="TWO")
tap.is_([m[3].split(b"s=")[1][:2] for m in reversed(r.modifications)],
        [b"s1", b"s2"], "two keys, two fields, in the order of the line")
tap.ok(verifies(r.sent, b"s1", 0) and verifies(r.sent, b"s2", 1),
       "both verify")
tap.ok("d=example.com,example.com s=s1,s2 a=rsa-sha256,rsa-sha256 " in
       w.lines("TWO")[0], "and the line names both")
eight = ",".join("%d:example.com:t%d:rsa" % (0x100 + i, i) for i in range(8))
w.keeper.keys.update({0x100 + i: key for i in range(8)})
w.policy("*@example.com=" + eight)
r = w.send()
tap.is_(len(r.modifications), 8, "eight keys, eight signatures")
tap.ok(all(verifies(r.sent, b"t%d" % i, i) for i in range(8)), "all verify")

# Rings: a message that no line matches; RSA and Ed25519 together; without a key.
w.policy("*@example.net=0x12:example.net:s2:rsa",
         "ring:example.com=0x11:example.com:s1:rsa",
         "ring:quiet.example=0:quiet.example::not-yet",
         "ring:left.example=0:left.example::no-active",
         "ring:bad.example=0:bad.example::broken")
sent = w.send(qid="R1").sent
tap.ok(verifies(sent), "the ring of the author's domain signs")
tap.ok("signed d=example.com s=s1 " in w.lines("R1")[0], "and is logged so",
       w.lines("R1"))
for qid, author, code, counter, reason in [
        ("R2", b" a@quiet.example", 250, "not_active",
         "not signed: not yet active, ring quiet.example from=a@quiet."),
        ("R3", b" a@left.example", 250, "not_active",
         "not signed: no active key, ring left.example from=a@left."),
        ("R4", b" a@bad.example", 451, "error",
         "not signed: broken ring bad.example, see keyturnd; deferred"),
        ("R5", b" a@x.example.com", 250, "no_match", "no ring for its author")]:
    before = w.keeper.counters[counter]
    r = w.send(msg=message((b"From", author)), qid=qid)
    tap.is_((r.code, r.modifications), (code, []), reason)
    tap.ok(reason in w.lines(qid)[0], "the line says so", w.lines(qid))
    tap.ok(w.count(counter, before + 1), "counted as %s" % counter)
w.policy("ring:example.com=0x11:example.com:s1:rsa", subdomains=True)
r = w.send(msg=message((b"From", b" a@x.example.com")), qid="R6")
tap.ok("signed d=example.com s=s1 " in w.lines("R6")[0],
       "with subdomains the ring above signs", w.lines("R6"))
w.write_conf(subdomains=False)

BROKEN = "*@example.com=0x11:example.com:s1:broken"
for verdict, code, more in [
        ("tempfail", 451, b"451 4.7.5"), ("reject", 550, b"550 5.7.5"),
        ("accept", 250, b"")]:
    w.policy(BROKEN, on_error=verdict, on_malformed=verdict)
    r = w.send(qid="E" + verdict)
    tap.is_((r.code, r.reply[:9], r.modifications), (code, more, []),
            "on_error = %s: broken key" % verdict)
    r = w.send(msg=message(A_FROM, A_FROM), qid="F" + verdict)
    tap.is_((r.code, r.reply[:9], r.modifications), (code, more, []),
            "on_malformed = %s: two From fields" % verdict)
tap.ok("not signed: broken key d=example.com s=s1" in
       w.lines("Etempfail")[0] and "deferred" in w.lines("Etempfail")[0],
       "the line names the key and the verdict", w.lines("Etempfail"))
tap.ok("passed without a signature" in w.lines("Eaccept")[0],
       "passing it unsigned is said loudly", w.lines("Eaccept"))

# A policy that changes between end of header and end of message.
w.policy(LINE, on_error="tempfail", on_malformed="accept")
for name, lines, selector in [
        ("another key", ["*@example.com=0x13:example.com:s3:rsa"], b"s3"),
        ("no line any more", ["*@example.net=0x13:example.net:s3:rsa"], None),
        ("back again", [LINE], b"s1")]:
    w.policy(LINE)
    c = w.connect()
    c.greet()
    res = mc.Result()
    msg = message()
    c.envelope(res, b"<a@example.com>", [b"<b@example.org>"], "CH", None)
    c.content(res, msg, [msg.body])
    c.flush()
    w.keeper.wait(lambda: False, 0.2)   # until the worker is at the body
    w.policy(*lines)
    c.eom(res)
    got = [m for m in res.modifications if b"s=" + (selector or b"-") in m[3]]
    tap.is_(len(got), int(selector is not None),
            "while the message is in hand: %s" % name)
    if got:
        tap.ok(verifies(msg.apply(res.modifications), selector),
               "and it verifies")
    c.quit()

tap.is_(w.text().count("said once"), 0, "no macro was missing so far")

# Odd orders.
c = w.connect()
c.greet()
c.mail()
c.rcpt()
c.abort()
tap.ok(w.send(conn=c).modifications, "abort, then a message: signed")
tap.ok(w.count("aborted", 1), "the aborted one is counted")
res = mc.Result()
c.mail()
c.rcpt()
c.eom(res)
tap.ok(res.passed and not res.modifications, "no header, no body: passes")
c.quit()
w.connect(negotiate=False).close()
c = w.connect(negotiate=False)
c.raw(b"\0\0\0\1Q")
c.close()
tap.ok(w.send().modifications, "connections without anything")
c = w.connect(negotiate=False)
c.raw(b"\0\0\0\5Ma\0b\0" b"\0\0\0\5Ra\0b\0"
      b"\0\0\0\024LFrom\0a@example.com\0" b"\0\0\0\1N" b"\0\0\0\1E")
try:
    for _ in range(5):      # MAIL, RCPT, header, EOH, end of message
        verdict = c.answer()[0]
except mc.MilterError as e:
    verdict = str(e)
tap.is_(verdict, "reply", "nothing negotiated: never passed as if signed")
for name, data in [
        ("a length of 4 GiB", b"\xff\xff\xff\xff"),
        ("no length", b"\0\0\0\0"), ("junk", bytes(range(256)) * 40),
        ("an unknown command", b"\0\0\0\2zz"),
        ("odd macros", b"\0\0\0\4DM{\0"),
        ("a header without a value", b"\0\0\0\3La\0"),
        ("a cut packet", b"\0\0\1\0L")]:
    c = w.connect()
    c.greet()
    c.mail()
    try:
        c.raw(data)
        c.close()
    except mc.MilterError:
        pass
tap.ok(w.process.poll() is None and w.send().modifications,
       "malformed packets end their connection only")
c = w.connect()
c.greet()
for _ in range(3):
    c.mail()
    c.rcpt()
    c.header(b"From", b" a@example.com")
    c.eoh()
    c.eom(mc.Result())
c.quit()
tap.ok(w.wait_text("the MTA sends no macro i: "), "a missing queue id is said")
tap.is_(w.text().count("said once"), 1, "once")
tap.ok(w.keeper.wait(lambda: w.keeper.counters["signed"] ==
                     w.text().count(": signed d=") > 20, 5),
       "as many are reported signed as the log has", w.keeper.counters)
w.process.terminate()
tap.is_(w.wait_exit(), 0, "stops with 0")
tap.done()
