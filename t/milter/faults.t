#!/usr/bin/python3 -B
"""A domain in the tables never leaves unsigned, whatever dies or stops
answering; and what is not ours passes as it came, with one line that says why.
"""

import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import lab               # noqa: E402
import load              # noqa: E402
import milter_client as mc  # noqa: E402
import verifiers         # noqa: E402


def message(sender="a@example.com", subject="x", body=b"Hello.\r\n"):
    return mc.Message.parse(b"From: %s\r\nSubject: %s\r\n\r\n%s" % (
        sender.encode(), subject.encode(), body))


OURS, OTHERS = message(), message("x@example.net")

# What passes untouched, and the words of its line in the log.  Each: message,
# the client's address (None: local), macros of MAIL.
UNTOUCHED = {
    "a domain in no table": (OTHERS, "127.0.0.1", None,
                             "no line and no ring for its author"),
    "a subdomain that no line names": (
        message("a@sub.example.com"), "127.0.0.1", None,
        "no line and no ring for its author"),
    "a client outside sign_for": (OURS, "192.0.2.1", None, "sign_for"),
    "an IPv6 client outside sign_for": (OURS, "2001:db8::1", None,
                                        "sign_for"),
    "several From fields": (
        mc.Message.parse(b"From: a@example.com\r\nFrom: b@example.com\r\n"
                         b"\r\nx\r\n"), "127.0.0.1", None,
        "several From fields"),
    "no From field": (mc.Message.parse(b"Subject: x\r\n\r\nx\r\n"),
                      "127.0.0.1", None, "From"),
    "an empty From field": (message(""), "127.0.0.1", None, "not signed"),
    "no address in From": (message("Anna"), "127.0.0.1", None, "not signed"),
    "authors of different domains": (
        message("a@example.com, b@example.net"), "127.0.0.1", None,
        "domains"),
    "no header at all": (mc.Message([], b"x\r\n"), "127.0.0.1", None, "From"),
}

# What is signed nevertheless.
SIGNED = {
    "an authenticated client outside the networks": (
        OURS, "192.0.2.1", {"{auth_type}": "PLAIN", "{auth_authen}": "a"}),
    "non-SMTP mail": (OURS, None, None),
    "an IPv6 client of the networks": (OURS, "::1", None),
    "an IPv4 client of the networks": (OURS, "127.9.9.9", None),
    "a null sender": (OURS, "127.0.0.1", None),
}


def signatures(result):
    return len(result.inserted(b"DKIM-Signature"))


def send_from(rig, mail, address, macros, qid, sender=b"<a@example.com>"):
    with mc.Connection(rig.spec) as c:
        c.greet(address=address)
        return c.send(mail, macros=macros, qid=qid, sender=sender)


def check_untouched(tap, rig):
    for i, (name, (mail, address, macros, words)) in enumerate(
            UNTOUCHED.items()):
        qid = "UN%02dT" % i
        r = send_from(rig, mail, address, macros, qid)
        tap.ok(r.passed and r.modifications == [], "untouched: " + name,
               (r.verdict, r.modifications))
        rig.wait_log(r"\b%s: " % qid)
        lines = [l for l in rig.log_text().splitlines() if qid + ":" in l]
        tap.ok(len(lines) == 1 and "not signed: " in lines[0]
               and words in lines[0], "one line says why: " + name, lines)


def check_signed(tap, rig):
    for i, (name, (mail, address, macros)) in enumerate(SIGNED.items()):
        sender = b"<>" if "null" in name else b"<a@example.com>"
        r = send_from(rig, mail, address, macros, "SI%02d" % i, sender)
        tap.ok(r.passed and signatures(r) == 1, "signed: " + name,
               (r.verdict, r.modifications))
        line = rig.wait_log(r"SI%02d: signed d=example.com s=s-rsa "
                            r"a=rsa-sha256 from=a@example.com client=" % i)
        tap.ok(line, "its line: " + name, rig.log_text()[-500:])


def check_reply(tap, r, verdict, name):
    """on_error as the client sees it."""
    if verdict == "accept":
        tap.ok(r.passed and signatures(r) == 0, name, (r.verdict, r.reply))
        return
    want = {"tempfail": b"451 4.7.5", "reject": b"550 5.7.5"}[verdict]
    tap.ok(r.verdict == "reply" and r.reply.startswith(want), name,
           (r.verdict, r.reply))


def check_killed_worker(tap):
    """kill -9 a worker: a new one within a second, the other unharmed."""
    rig = lab.Lab(sockets=2)
    rig.simple()
    rig.start()
    victim, other = rig.worker_of(0), rig.worker_of(1)
    tap.ok(victim and other and victim != other, "one worker a socket")
    sender = load.Load(rig.specs[1:], 4, OURS)
    with mc.Connection(rig.specs[1]) as c:
        c.send(OURS)
        for _ in range(3):
            victim = rig.worker_of(0)
            killed = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            tap.ok(lab.wait_for(lambda: signs(rig.specs[0]), 5),
                   "the socket of a killed worker signs again")
            took = time.monotonic() - killed
            tap.ok(took < 1 * lab.slow(), "within a second", took)
            tap.ok(signatures(c.send(OURS)) == 1, "the other socket signs")
    sender.stop()
    answers = sum(sender.judge(load.all_answers), [])
    sender.close()
    tap.ok(len(answers) > 100, "there was load", len(answers))
    tap.is_([a for a in answers if a.problem or len(a.fields) != 1], [],
            "nothing was lost or unsigned over the other socket")
    tap.is_(rig.worker_of(1), other, "the other worker was not replaced")
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    rig.clean()


def signs(spec):
    try:
        with mc.Connection(spec, timeout=5) as c:
            r = c.send(OURS)
            return r.passed and signatures(r) == 1
    except (OSError, mc.MilterError):
        return False


def check_killed_keeper(tap, verdict):
    """kill -9 and restart of keyturnd under load, workers on their own."""
    rig = lab.Lab(workers="service", on_error=verdict, channel_timeout=1)
    rig.simple()
    rig.start(wait=False)
    worker = rig.start_worker()
    rig.wait_ready()
    ours = load.Load(rig.specs, 8, OURS, processes=1)
    others = load.Load(rig.specs, 2, OTHERS, processes=1)
    with mc.Connection(rig.spec) as c:
        tap.ok(signatures(c.send(OURS)) == 1, "%s: it signs" % verdict)
        for _ in range(3):
            time.sleep(0.3)
            rig.keyturnd.kill()
            rig.keyturnd.wait()
            check_reply(tap, c.send(OURS), verdict,
                        verdict + ": without keyturnd our mail gets on_error")
            r = c.send(OTHERS)
            tap.ok(r.passed and not r.modifications,
                   verdict + ": other mail passes meanwhile", r.verdict)
            time.sleep(0.3)
            rig.start(wait=False)
            tap.ok(lab.wait_for(lambda: signatures(c.send(OURS)) == 1, 10),
                   verdict + ": signing goes on over the same connection")
    # Every connection signs again, not only that one.
    time.sleep(1.5)
    mark = time.monotonic()
    time.sleep(0.3)
    ours.stop()
    others.stop()
    check_load(tap, ours, others, verdict, mark)
    tap.is_(worker.poll(), None, verdict + ": the worker lived on")
    tap.is_(rig.faults(), [], verdict + ": no sanitizer, no crash")
    tap.is_((lab.stop_process(worker), rig.stop()), (0, 0),
            verdict + ": both end with 0")
    rig.clean()


def check_load(tap, ours, others, verdict, mark):
    mine = sum(ours.judge(load.all_answers), [])
    theirs = sum(others.judge(load.all_answers), [])
    ours.close()
    others.close()
    tap.is_([a for a in mine + theirs if a.problem], [],
            verdict + ": no connection of an MTA was closed")
    bad = [a for a in mine if len(a.fields) != 1 and a.code != {
        "tempfail": 451, "reject": 550, "accept": 250}[verdict]]
    tap.is_(bad, [], verdict + ": under load, signed or on_error")
    failed = [a for a in mine if len(a.fields) != 1]
    tap.ok(failed, verdict + ": on_error was seen under load")
    tap.is_([a for a in mine if a.start > mark and len(a.fields) != 1], [],
            verdict + ": all connections sign again in the end")
    last = {a.connection: round(a.end - mark, 3) for a in mine}
    tap.ok(len(last) == 8 and min(last.values()) > 0,
           verdict + ": none of them hangs", last)
    tap.is_([a for a in theirs if a.fields or a.code != 250], [],
            verdict + ": other mail always passed")


def check_silence(tap):
    """A channel that does not answer: on_error in time, late answers lost."""
    rig = lab.Lab(channel_timeout=1)
    rig.simple()
    rig.start()
    connections = [mc.Connection(rig.spec) for _ in range(12)]
    for c in connections:
        c.send(OURS)
    lab.pause(rig.keyturnd.pid)
    try:
        began = time.monotonic()
        results = send_side_by_side(connections[1:])
        r = connections[0].send(OTHERS)
        tap.ok(r.passed and time.monotonic() - began < 0.9 * lab.slow(),
               "silence: other mail passes at once", r.verdict)
        collect(connections[1:], results)
        took = time.monotonic() - began
        # From now on nobody waits long: not for libmilter's few threads either.
        began = time.monotonic()
        collect(connections, send_at_once(connections))
        took_again = time.monotonic() - began
    finally:
        lab.resume(rig.keyturnd.pid)
    for r in results:
        check_reply(tap, r, "tempfail", "silence: on_error")
    tap.ok(0.5 < took < 3 * lab.slow(), "silence: after channel_timeout, for "
           "all at once", took)
    tap.ok(took_again < 3 * lab.slow(), "silence: once it is known, those "
           "who come in one instant do not queue up", took_again)
    # The late answers must not be taken for those to other messages.
    sent = []
    for n in range(60):
        mail = message(subject="after the silence %d" % n,
                       body=b"Nr. %d\r\n" % n)
        r = connections[n % len(connections)].send(mail)
        sent.append(r.sent or b"")
        if n == 0 and signatures(r) == 0:
            # keyturnd may still be at the old requests.
            lab.wait_for(lambda: signs(rig.spec), 5)
            sent.pop()
    for c in connections:
        c.quit()
    for tool in ("dkimpy", "opendkim"):
        said = verifiers.verify(tool, sent, rig.records)
        bad = [o for o in said if len(o) != 1 or not o[0].passed]
        tap.is_(bad, [], "silence: %s verifies everything afterwards" % tool)
    tap.is_(rig.stop(), 0, "silence: keyturnd ends with 0")
    rig.clean()


def send_side_by_side(connections, pause=0.02):
    """One message over each connection, all waiting at the same time.

    Not all in one instant: libmilter wakes its idle threads for as many as
    come together, starts none for the others, and these queue up behind.
    """
    results = []
    for c in connections:
        r = mc.Result()
        c.envelope(r, b"<a@example.com>", (b"<b@example.org>",), "4F09", None)
        c.content(r, OURS, [OURS.body])
        c.put(b"E")
        c.flush()
        results.append(r)
        time.sleep(pause)
    return results


def send_at_once(connections):
    return send_side_by_side(connections, 0)


def collect(connections, results):
    for c, r in zip(connections, results):
        c.finish(r)


def check_broken_key(tap):
    """A key that cannot be used: its domain gets on_error, the rest signs."""
    rig = lab.Lab()
    rig.key("good", domain="example.com")
    rig.write("bad.pem", "no key\n", 0o600)
    rig.tables({"good": ("example.com", "good"), "bad": ("example.net", "bad")},
               ["*@example.com good", "*@example.net bad",
                "*@both.example good,bad"])
    rig.write_conf()
    rig.start()
    with mc.Connection(rig.spec) as c:
        tap.ok(signatures(c.send(OURS)) == 1, "the good key signs")
        check_reply(tap, c.send(OTHERS), "tempfail",
                    "a broken key: on_error")
        r = c.send(message("a@both.example"))
        check_reply(tap, r, "tempfail", "one of two broken: on_error, not "
                    "half the signatures")
    tap.ok(re.search(r"bad\.pem", rig.log_text()), "the log names the file")
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    rig.clean()


def check_failing_signature(tap):
    """keyturnd cannot sign, or signs wrong: on_error, and nothing else."""
    name = "a signature that cannot be made"
    if lab.is_sanitized("keyturnd"):
        tap.skip(name, "a sanitizer and a preloaded library exclude each "
                 "other")
        return
    rig = lab.Lab()
    rig.simple()
    library = rig.path("failsign.so")
    source = os.path.join(os.path.dirname(lab.__file__), "failsign.c")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC",
                    "-D_GNU_SOURCE", "-o", library, source, "-ldl"],
                   check=True, timeout=60)
    rig.write("failsign", "flip\n")
    os.environ.update(LD_PRELOAD=library,
                      KEYTURN_TEST_FAILSIGN=rig.path("failsign"))
    try:
        rig.start(wait=False)
    finally:
        del os.environ["LD_PRELOAD"]
    # What is not ours needs no signature: the worker is there once it passes.
    tap.ok(lab.wait_for(lambda: passes(rig.spec, OTHERS), 10),
           "other mail passes")
    with mc.Connection(rig.spec) as c:
        check_reply(tap, c.send(OURS), "tempfail",
                    "a first signature that does not verify: on_error")
        rig.write("failsign", "fail\n")
        check_reply(tap, c.send(OURS), "tempfail", name + ": on_error")
        r = c.send(OTHERS)
        tap.ok(r.passed and not r.modifications, "other mail passes still")
        os.unlink(rig.path("failsign"))
        tap.ok(signatures(c.send(OURS)) == 1, "and then it signs again")
        rig.write("failsign", "fail\n")
        check_reply(tap, c.send(OURS), "tempfail",
                    name + " after good ones: on_error")
    tap.ok(rig.wait_log(r"s-rsa\._domainkey\.example\.com: .*does not verify"),
           "the log says which key and why", rig.log_text())
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    rig.clean()


def passes(spec, mail):
    try:
        with mc.Connection(spec, timeout=5) as c:
            return c.send(mail).passed
    except (OSError, mc.MilterError):
        return False


def check_no_policy(tap):
    """A worker that never had a policy defers everything."""
    rig = lab.Lab(workers="service")
    rig.simple()
    worker = rig.start_worker()
    lab.wait_for(lambda: mc.listens(rig.spec), 10)

    def ask(mail):
        with mc.Connection(rig.spec) as c:
            return c.send(mail)

    lab.wait_for(lambda: rig.wait_log("serving", 1), 5)
    for name, mail in (("ours", OURS), ("others", OTHERS)):
        r = ask(mail)
        tap.ok(r.code == 451, "no policy yet: 451 for mail of " + name,
               (r.verdict, r.reply))
    rig.start(wait=False)
    tap.ok(lab.wait_for(lambda: signs(rig.spec), 10),
           "it signs as soon as keyturnd is there")
    tap.is_((lab.stop_process(worker), rig.stop()), (0, 0), "both end with 0")
    rig.clean()


def check_first_messages(tap):
    """Who comes before there is a policy waits for it a little."""
    rig = lab.Lab(workers="service")
    rig.simple()
    worker = rig.start_worker()
    lab.wait_for(lambda: mc.listens(rig.spec), 10)
    connections = [mc.Connection(rig.spec, negotiate=False) for _ in range(4)]
    rig.start(wait=False)
    for c in connections:
        c.negotiate()
        r = c.send(OURS)
        tap.ok(signatures(r) == 1, "the first messages are signed, not "
               "deferred", (r.verdict, r.reply))
        c.quit()
    tap.is_((lab.stop_process(worker), rig.stop()), (0, 0), "both end with 0")
    rig.clean()


def main():
    lab.need("openssl")
    lab.need_verifiers()
    tap = lab.Tap(limit=180)
    rig = lab.Lab()
    rig.simple()
    rig.start()
    check_untouched(tap, rig)
    check_signed(tap, rig)
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    tap.is_(rig.faults(), [], "no sanitizer and no crash in the log")
    rig.clean()
    check_broken_key(tap)
    check_failing_signature(tap)
    check_no_policy(tap)
    check_first_messages(tap)
    check_killed_worker(tap)
    for verdict in ("tempfail", "accept", "reject"):
        check_killed_keeper(tap, verdict)
    check_silence(tap)
    tap.done()


if __name__ == "__main__":
    main()
