#!/usr/bin/python3 -B
"""SIGTERM to everything under load: what is in hand is answered, all end with
0 and in time.  SIGHUP to the worker does nothing."""

import os
import random
import signal
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

    def end(self):
        """Why it was lost, or nothing."""
        try:
            c, r = self.connection, self.result
            if not self.at_body:
                c.content(r, MESSAGE, [MESSAGE.body])
            c.eom(r, {"i": "4F03"})
            if r.passed and len(r.inserted(b"DKIM-Signature")) == 1:
                return ""
            return "%s %r" % (r.verdict, r.reply)
        except mc.MilterError as e:
            return str(e)
        finally:
            self.connection.close()


def begin(rig, is_service):
    """Everything running; the processes that get SIGTERM."""
    rig.start(wait=False)
    workers = [rig.start_worker()] if is_service else []
    rig.wait_ready()
    return [rig.keyturnd] + workers


def stop_once(rig, number, chance):
    """One stop under load; what went wrong, as a list of texts."""
    is_service = number % 4 == 3
    rig.write_conf(workers="service" if is_service else "spawn")
    running = begin(rig, is_service)
    sender = load.Load(rig.specs, 4, MESSAGE, processes=1)
    lab.wait_for(lambda: sender.count() > 4, 10, 0.005)
    held = [InHand(rig.spec, i % 2 == 0) for i in range(3)]
    held[0].settle()
    time.sleep(chance.random() * 0.02)
    began = time.monotonic()
    # A worker of its own is told first: it still needs its keyturnd.
    for p in reversed(running):
        p.send_signal(signal.SIGTERM)
        if is_service and p is not rig.keyturnd:
            time.sleep(0.02)
    if not is_service:
        time.sleep(chance.random() * 0.05)
    wrong = [why for h in held for why in [h.end()] if why]
    wrong += ends(running, began)
    sender.stop()
    wrong += judge(sum(sender.judge(load.all_answers), []), began)
    sender.close()
    return wrong


def ends(running, began):
    wrong = []
    for p in running:
        try:
            status = p.wait(IN_TIME * lab.slow())
        except Exception:
            p.kill()
            p.wait()
            wrong.append("did not end in time")
            continue
        if status != 0:
            wrong.append("exit status %d" % status)
    if time.monotonic() - began > IN_TIME * lab.slow():
        wrong.append("took %.1f s" % (time.monotonic() - began))
    return wrong


def judge(answers, began):
    """Only what began after the signal, or hardly before, may be cut."""
    wrong = []
    if not any(a.fields for a in answers):
        wrong.append("no load")
    for a in answers:
        if not a.problem and len(a.fields) != 1 and a.start < began:
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
        wrong = stop_once(rig, number, chance)
        if wrong:
            bad.append("stop %d: %s" % (number, "; ".join(wrong[:3])))
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
