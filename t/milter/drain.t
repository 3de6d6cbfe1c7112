#!/usr/bin/python3
"""Signals to the worker: it lives through SIGHUP, and cuts no message."""

import os
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]

import fake_keyturnd as fk
import milter_client as mc
from lab import Tap, scale, slow
from worker import Worker, message

tap = Tap(120)
key = fk.RsaKey()
LINE = "*@example.com=0x11:example.com:s1:rsa"


def worker(**settings):
    w = Worker(**settings)
    w.keeper.keys = {0x11: key}
    w.keeper.policy(LINE)
    return w.start()


def begin(c, steps):
    """A message up to some step."""
    m = message()
    c.greet()
    c.mail()
    if steps > 1:
        c.rcpt()
        for n, v in m.fields:
            c.header(n, v)
    if steps > 2:
        c.eoh()
        c.body(m.body[:7])
    c.flush()
    return m


def finish(c, m, steps):
    r = mc.Result()
    if steps < 2:
        c.rcpt()
        for n, v in m.fields:
            c.header(n, v)
    if steps < 3:
        c.eoh()
        c.body(m.body[:7])
    c.body(m.body[7:])
    c.eom(r)
    return r


w = worker()
for i in range(200):
    os.kill(w.process.pid, signal.SIGHUP)
    if i % 20 == 0:
        time.sleep(0.01)
tap.ok(w.send().modifications and w.process.poll() is None,
       "200 SIGHUPs: alive and signing")
for sig in (signal.SIGUSR1, signal.SIGPIPE, signal.SIGALRM):
    os.kill(w.process.pid, sig)
tap.ok(w.send().modifications, "and other signals")
c = w.connect()
c.greet()
start = time.monotonic()
w.process.terminate()
tap.is_(w.wait_exit(5), 0, "SIGTERM with an idle connection: exit 0")
tap.ok(time.monotonic() - start < 1.5 * slow(), "at once")
tap.ok(not os.path.exists(w.sock), "its socket is gone")
tap.ok("stopped, no message in hand" in w.text(), "and the log says so")

for steps, where in [(1, "after MAIL"), (2, "in the header"),
                     (3, "in the body")]:
    w = worker()
    idle = w.connect()
    idle.greet()
    c = w.connect()
    m = begin(c, steps)
    time.sleep(0.2)
    w.process.terminate()
    w.wait_text("stopping")
    time.sleep(0.3)
    tap.ok(w.process.poll() is None, "SIGTERM %s: waits" % where)
    tap.ok(not w.is_there(), "takes no new connection")
    os.kill(w.process.pid, signal.SIGHUP)
    idle.mail()
    idle.flush()
    r = finish(c, m, steps)
    tap.ok(r.passed and len(r.modifications) == 1,
           "the message is signed and answered")
    tap.is_(w.wait_exit(3), 0, "then exit 0, not waiting for a later message")

w = worker(drain=1)
c = w.connect()
begin(c, 3)
time.sleep(0.2)
start = time.monotonic()
w.process.send_signal(signal.SIGINT)
tap.is_(w.wait_exit(5), 0, "a message that does not go on: exit 0")
tap.ok(0.9 < time.monotonic() - start < 3 * slow(), "after the limit of 1 s")
tap.ok("with 1 messages in hand" in w.text(), "the log counts it", w.text())

w = worker()
c = w.connect()
begin(c, 3)
c.abort()
begin_again = w.connect()
begin(begin_again, 2)
begin_again.close()
time.sleep(0.2)
start = time.monotonic()
w.process.terminate()
tap.is_(w.wait_exit(5), 0, "aborted and broken-off messages: exit 0")
tap.ok(time.monotonic() - start < 1.5 * slow(), "are not waited for")

# SIGTERM while keyturnd signs: the answer still goes out.
w = worker()


def slowly(keyturnd, conn, request, pairs):
    w.process.terminate()
    time.sleep(0.5)
    fk.honest(keyturnd, conn, request, pairs)


w.keeper.sign = slowly
r = w.send()
tap.ok(r.passed and len(r.modifications) == 1, "SIGTERM while keyturnd signs")
tap.is_(w.wait_exit(3), 0, "exit 0")

# SIGTERM at every moment: each message that got its MAIL in before is answered.
lost = []
statuses = set()
rounds = scale(40, 5)
for i in range(rounds):
    w = worker()
    ready = threading.Barrier(5)

    def one(number):
        c = w.connect()
        m = begin(c, 2)
        time.sleep(0.05)
        ready.wait()
        time.sleep(number * 0.0004)
        try:
            if not finish(c, m, 2).modifications:
                lost.append("unsigned")
        except mc.MilterError as e:
            lost.append(str(e))
        c.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    ready.wait()
    time.sleep(i * 0.0002)
    w.process.terminate()
    for t in threads:
        t.join()
    statuses.add(w.wait_exit(5))
    w.clean()
tap.is_((lost, statuses), ([], {0}),
        "%d stops among 4 messages each: none lost, exit 0" % rounds)
tap.done()
