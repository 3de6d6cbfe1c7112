#!/usr/bin/python3 -B
"""SIGTERM to everything under load: what is in hand is answered, all end with
0 and in time.  SIGHUP to the worker does nothing."""

import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import lab               # noqa: E402
import load              # noqa: E402
import milter_client as mc  # noqa: E402

STOPS = 200
HUPS = 200
IN_TIME = 5             # seconds; no message is in hand that long

MESSAGE = mc.Message.parse(
    b"From: a@example.com\r\nSubject: x\r\n\r\n" + b"Hello.\r\n" * 200)


class InHand:
    """A message that the worker surely has, and that has not ended."""

    def __init__(self, spec, at_body):
        self.connection = mc.Connection(spec, timeout=20)
        self.connection.greet()
        self.result = mc.Result()
        self.connection.envelope(self.result, b"<a@example.com>",
                                 (b"<b@example.org>",), "4F03", None)
        if at_body:
            self.connection.content(self.result, MESSAGE, [b"Hello.\r\n"])
        self.connection.flush()
        self.at_body = at_body

    def settle(self):
        """The worker has read what was sent: the socket is drained."""
        # SIOCOUTQ would tell, but not everywhere; so would an answer.  The
        # bytes are few and the peer is local.
        time.sleep(0.03)

    def end(self, may_defer=False):
        """Why it was lost, or nothing.

        may_defer  keyturnd may be gone: then on_error is an answer too
        """
        try:
            c, r = self.connection, self.result
            if not self.at_body:
                c.content(r, MESSAGE, [MESSAGE.body])
            c.eom(r, {"i": "4F03"})
            if r.passed and len(r.inserted(b"DKIM-Signature")) == 1:
                return ""
            if may_defer and r.code == 451:
                return ""
            return "%s %r" % (r.verdict, r.reply)
        except mc.MilterError as e:
            return str(e)
        finally:
            self.connection.close()


# What gets SIGTERM, in turn.
ONE = "keyturnd, which ends its worker"
APART = "the worker, and when it has ended keyturnd"
TOGETHER = "both services in one instant"
KINDS = (ONE, APART, ONE, TOGETHER)


def begin(rig, kind):
    """Everything running; the processes to be ended, the first one first."""
    rig.write_conf(workers="spawn" if kind == ONE else "service")
    rig.start(wait=False)
    workers = [] if kind == ONE else [rig.start_worker()]
    rig.wait_ready()
    return workers + [rig.keyturnd]


def stop_once(rig, kind, chance):
    """One stop under load; what went wrong, as a list of texts."""
    running = begin(rig, kind)
    sender = load.Load(rig.specs, 4, MESSAGE, processes=1)
    lab.wait_for(lambda: sender.count() > 4, 10, 0.005)
    held = [InHand(rig.spec, i % 2 == 0) for i in range(3)]
    held[0].settle()
    began = time.monotonic()
    for p in running[:1] if kind == APART else running:
        p.send_signal(signal.SIGTERM)
    time.sleep(chance.random() * 0.05)
    wrong = [why for h in held for why in [h.end(kind == TOGETHER)] if why]
    wrong += ends(running[0], began)
    if kind == APART:
        running[1].send_signal(signal.SIGTERM)
    wrong += ends(running[-1], began)
    sender.stop()
    wrong += judge(sum(sender.judge(load.all_answers), []), began,
                   kind == TOGETHER)
    sender.close()
    return wrong


def ends(process, began):
    try:
        status = process.wait(IN_TIME * lab.slow())
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return ["did not end in time"]
    if status != 0:
        return ["exit status %d" % status]
    if time.monotonic() - began > IN_TIME * lab.slow():
        return ["took %.1f s" % (time.monotonic() - began)]
    return []


def judge(answers, began, may_defer):
    """Only what began after the signal, or hardly before, may be cut."""
    wrong = []
    if not any(a.fields for a in answers):
        wrong.append("no load")
    for a in answers:
        if (not a.problem and len(a.fields) != 1 and a.start < began
                and not (may_defer and a.code == 451)):
            wrong.append("unsigned: %s %d" % (a.verdict, a.code))
        if a.problem and a.end < began:
            wrong.append("connection: " + a.problem)
    return wrong


def check_stops(tap, chance):
    rig = lab.Lab()
    rig.simple()
    stops = lab.scale(STOPS, 8)
    bad = []
    for number in range(stops):
        kind = KINDS[number % len(KINDS)]
        wrong = stop_once(rig, kind, chance)
        if wrong:
            bad.append("stop %d, %s: %s" % (number, kind,
                                            "; ".join(wrong[:3])))
    tap.ok(not bad, "%d stops: all in hand answered and signed, exit 0, in "
           "time" % stops, "%d bad\n%s" % (len(bad), "\n".join(bad[:10])))
    tap.is_(rig.faults(), [], "no sanitizer and no crash in the log")
    left = [p for p, (_, args) in lab.processes().items() if rig.dir in args]
    tap.is_(left, [], "no process is left")
    rig.clean()


def check_hups(tap, chance):
    """SIGHUP to the worker, as log rotation by mistake might send it."""
    rig = lab.Lab()
    rig.simple()
    rig.start()
    worker = rig.workers()[0]
    sender = load.Load(rig.specs, 4, MESSAGE, processes=1)
    for _ in range(HUPS):
        os.kill(worker, signal.SIGHUP)
        time.sleep(chance.choice((0, 0, 0.001, 0.01)))
    time.sleep(0.2)
    tap.is_(rig.workers(), [worker], "%d SIGHUPs: the worker lives" % HUPS)
    tap.is_(sender.stop(), 0, "SIGHUPs: no connection hangs")
    answers = sum(sender.judge(load.all_answers), [])
    sender.close()
    tap.ok(len(answers) > 100, "SIGHUPs: there was load", len(answers))
    tap.is_([a for a in answers if a.problem or len(a.fields) != 1], [],
            "SIGHUPs: every message is signed")
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    tap.is_(rig.faults(), [], "no sanitizer and no crash in the log")
    rig.clean()


def check_idle(tap):
    """Open connections without a message do not hold up a stop."""
    rig = lab.Lab(drain=10)
    rig.simple()
    rig.start()
    idle = [mc.Connection(rig.spec) for _ in range(20)]
    for c in idle[:10]:
        c.send(MESSAGE)
    began = time.monotonic()
    tap.is_(rig.stop(), 0, "with idle connections it ends with 0")
    took = time.monotonic() - began
    tap.ok(took < 2 * lab.slow(), "at once", took)
    rig.clean()


def check_drain_limit(tap):
    """A message that never ends is given up after drain."""
    rig = lab.Lab(drain=1)
    rig.simple()
    rig.start()
    held = InHand(rig.spec, True)
    held.settle()
    began = time.monotonic()
    tap.is_(rig.stop(), 0, "with a message that never ends it ends with 0")
    took = time.monotonic() - began
    tap.ok(0.8 < took < 4 * lab.slow(), "after drain", took)
    held.connection.close()
    rig.clean()


def main():
    lab.need("openssl")
    tap = lab.Tap(limit=240)
    seed = int(os.environ.get("KEYTURN_TEST_SEED", str(os.getpid())))
    tap.note("KEYTURN_TEST_SEED=%d" % seed)
    chance = random.Random(seed)
    check_hups(tap, chance)
    check_idle(tap)
    check_drain_limit(tap)
    check_stops(tap, chance)
    tap.done()


if __name__ == "__main__":
    main()
