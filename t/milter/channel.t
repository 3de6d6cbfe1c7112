#!/usr/bin/python3
"""The worker against keyturnds that are slow, gone, old or hostile."""

import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]

import dkim

import fake_keyturnd as fk
from lab import Tap, slow, usage
from worker import Worker, message, timed

tap = Tap(120)
SLOW = slow()
key = fk.RsaKey()
LINE = "*@example.com=0x11:example.com:s1:rsa"
NEW = "*@example.com=0x12:example.com:s2:rsa"
w = Worker()
k = w.keeper
k.keys = {0x11: key, 0x12: key}
k.policy(LINE)
w.start()
OTHER = message((b"From", b" a@example.net"))


def is_signed(r, selector=b"s1"):
    return (r.passed and len(r.modifications) == 1 and
            dkim.verify(r.sent, dnsfunc=lambda n, timeout=5: key.record
                        if n.startswith(selector) else None))


def hello(packet):
    return fk.struct.unpack_from("=Ii", packet, 16) + (
        packet[24:].rstrip(b"\0"),)


tap.ok(is_signed(w.send()), "an honest keyturnd: signed")
tap.is_(hello(k.hellos[0]), (fk.CONTROL, w.process.pid, w.spec.encode()),
        "HELLO of the control connection: role, pid, socket")
tap.is_(hello(k.hellos[1])[0], fk.SIGNING, "HELLO of a signing one")
tap.is_(len(k.requests[-1][1]), 1, "one pair for one key")

# Hostile answers to SIGN: each is an error, and the next message is signed.


def answer(**lies):
    def sign(keyturnd, conn, request, pairs):
        sig = [key.sign(d) for _, d in pairs]
        number = request + lies.get("add", 0)
        packet = fk.signed(
            number, lies.get("signatures", sig), lies.get("status", fk.OK),
            count=lies.get("count"), length=lies.get("length"))
        conn.send(lies.get("packet", packet)[:lies.get("cut")] +
                  lies.get("more", b""))
    return sign


HOSTILE = [
    ("the error status", answer(signatures=[], status=fk.ERROR)),
    ("an unknown status", answer(signatures=[], status=77)),
    ("no signature", answer(signatures=[])),
    ("two signatures for one", answer(signatures=[b"x" * 256] * 2)),
    ("a count of 65535", answer(count=65535)),
    ("an empty signature", answer(signatures=[b""])),
    ("a signature longer than its room", answer(length=1025)),
    ("a length of 4 GiB", answer(length=0xffffffff)),
    ("a number from the future", answer(add=1)),
    ("signatures with stale", answer(status=fk.STALE)),
    ("a packet cut short", answer(cut=-1)),
    ("a packet with more behind it", answer(more=b"x")),
    ("an empty packet of another type", answer(packet=fk.head(fk.REPORT))),
    ("another version", answer(packet=fk.head(fk.SIGNED, 0, 1, version=1))),
    ("a POLICY on a signing connection",
     answer(packet=fk.head(fk.POLICY, 0, 1) + b"\0" * 8)),
    ("one byte", answer(packet=b"x")),
    ("128 KiB of junk", answer(packet=b"x" * 131072)),
]
for name, sign in HOSTILE:
    k.sign = sign
    r, seconds = timed(w.send, qid="H")
    good = r.code == 451 and not r.modifications and seconds < 1.5 * SLOW
    k.sign = fk.honest
    tap.ok(good and is_signed(w.send()), "answered with %s: 451, then signed"
           % name, (r.code, r.modifications, seconds))


def refuses_descriptor(keyturnd, conn, request, pairs):
    fd = keyturnd.memfd(b"x")
    fk.socket.send_fds(conn, [fk.signed(request, [key.sign(pairs[0][1])])],
                       [fd] * 3)
    os.close(fd)


k.sign = refuses_descriptor
before = usage(w.process.pid)[1]
codes = {w.send().code for _ in range(20)}
k.sign = fk.honest
tap.ok(is_signed(w.send()), "descriptors with an answer, then signed")
tap.ok(usage(w.process.pid)[1] <= before + 4, "and none of them is kept")

# Connections that end.


def ends_first(keyturnd, conn, request, pairs):
    keyturnd.sign = fk.honest
    conn.close()


k.sign = ends_first
tap.ok(is_signed(w.send()), "the connection ends once: asked again, signed")
k.sign = lambda keyturnd, conn, request, pairs: conn.shutdown(2)
r, seconds = timed(w.send)
tap.ok(r.code == 451 and seconds < 1.5 * SLOW, "it always ends: 451 at once",
       (r.code, seconds))
k.sign = fk.honest

# Time: channel_timeout is 2 s.
late = []


def is_late(keyturnd, conn, request, pairs):
    late.append((conn, request, pairs))


k.sign = is_late
r, seconds = timed(w.send)
tap.ok(r.code == 451 and 1.9 < seconds < 4 * SLOW, "silence: 451 after 2 s",
       seconds)
k.sign = lambda keyturnd, conn, request, pairs: (
    [c.send(fk.signed(q, [b"\0" * 256])) for c, q, _ in late if c is conn],
    fk.honest(keyturnd, conn, request, pairs))
good = [is_signed(w.send()) for _ in range(8)]
tap.ok(all(good), "a late answer is thrown away, not taken for another", good)
late.clear()
k.sign = is_late
threads = [threading.Thread(target=w.send) for _ in range(24)]
_, seconds = timed(lambda: ([t.start() for t in threads],
                            [t.join() for t in threads]))
tap.ok(seconds < 5 * SLOW, "24 messages and silence: none waits longer",
       seconds)
r, seconds = timed(w.send, msg=OTHER)
tap.ok(r.passed and seconds < 1 * SLOW, "other mail does not wait", seconds)
k.sign = fk.honest
tap.ok(is_signed(w.send()), "and signing goes on")

# Stale: matched again under the policy that follows.


def changes(keyturnd, conn, request, pairs):
    conn.send(fk.signed(request, status=fk.STALE, generation=k.generation))
    keyturnd.sign = fk.honest
    time.sleep(0.3)     # the policy may come after the answer
    keyturnd.publish()


k.policy(NEW)
k.sign = changes
r = w.send()
tap.ok(is_signed(r, b"s2"), "stale, then a new policy: signed with its key",
       r.modifications)
k.policy("*@example.net=0x12:example.net:s2:rsa")
k.sign = changes
r = w.send()
tap.ok(r.passed and not r.modifications, "stale, then no line any more")
k.policy(LINE)
k.publish()
k.sign = lambda keyturnd, conn, request, pairs: (
    conn.send(fk.signed(request, status=fk.STALE, generation=k.generation)))
r, seconds = timed(w.send)
tap.ok(r.code == 451 and seconds < 4 * SLOW, "stale for ever: 451 in time", seconds)
k.sign = lambda keyturnd, conn, request, pairs: (
    time.sleep(0.5), fk.honest(keyturnd, conn, request, pairs))
tap.ok(is_signed(w.send()), "that was no silence: the next has its time")
tries = []


def always_new(keyturnd, conn, request, pairs):
    tries.append(request)
    k.policy(LINE)
    conn.send(fk.signed(request, status=fk.STALE, generation=k.generation))
    k.publish()


k.sign = always_new
r = w.send()
tap.is_((r.code, len(tries)), (451, 3), "always stale: two more tries, then 451")
k.sign = fk.honest
# The last policy is sent by the thread that would sign: let it finish.
k.wait(lambda: k.generation in k.acks)
tap.ok(is_signed(w.send()), "and signing goes on")

# A message in hand goes on under the policy that it was matched with: only when
# none does any more, the next one is acknowledged.
held = []


def holds(keyturnd, conn, request, pairs):
    held.append((conn, request, pairs))


results = []
k.sign = holds
thread = threading.Thread(target=lambda: results.append(w.send()))
thread.start()
k.wait(lambda: held)
k.sign = fk.honest
k.policy(NEW)
tap.ok(not k.publish(0.3), "a new policy and a message under the old one: no "
       "acknowledgement")
tap.ok(is_signed(w.send(), b"s2"), "but it is in force")
fk.honest(k, *held[0])
tap.ok(k.wait(lambda: k.generation in k.acks), "acknowledged after the message")
thread.join()
tap.ok(is_signed(results[0]), "which was signed")
k.policy(LINE)
k.publish()

# Hostile policies: refused, the old one stays.
good_block = k.block


def offering(*args, **options):
    def offer(conn):
        offered.append(conn)
        k.offer(conn, *args, **options)
    return offer


def without_descriptor(conn):
    offered.append(conn)
    conn.send(fk.head(fk.POLICY, 0, k.generation) + b"\0" * 8)


def other_packet(conn):
    offered.append(conn)
    conn.send(fk.signed(1, [b"x"]))


for name, offer in [
        ("not sealed", offering(good_block, seals=0)),
        ("empty", offering(b"")),
        ("junk", offering(os.urandom(4096))),
        ("cut short", offering(good_block[:-1])),
        ("of another generation than announced", offering(announce=99)),
        ("without a descriptor", without_descriptor),
        ("a SIGNED instead", other_packet)]:
    offered = []
    k.send_policy = offer
    k.drop(fk.CONTROL)
    k.wait(lambda: len(offered) >= 2)
    acks = len(k.acks)
    tap.ok(len(offered) >= 2 and is_signed(w.send()) and len(k.acks) == acks,
           "a policy %s: refused, and tried again" % name)
k.send_policy = k.offer
acks = len(k.acks)
tap.ok(k.wait(lambda: len(k.acks) > acks), "a good one is taken again")

# keyturnd gone, and back.
c = w.connect()
tap.ok(is_signed(w.send(conn=c)), "before: signed")
k.stop()
r, seconds = timed(w.send, conn=c)
tap.ok(r.code == 451 and seconds < 0.5 * SLOW, "keyturnd gone: ours 451 at once",
       (r.code, seconds))
tap.ok(w.send(conn=c, msg=OTHER).passed, "other mail passes")
k.start()
_, seconds = timed(k.wait, lambda: any(r == fk.CONTROL for _, r in k.conns))
tap.ok(seconds < 3 * SLOW, "back again: connected within the back-off", seconds)
tap.ok(is_signed(w.send(conn=c)), "signed over the same MTA connection")
k.stop()
k.start()
tap.ok(is_signed(w.send(conn=c)), "restarted between two messages: signed")
c.quit()

# A keyturnd that hangs: nobody accepts, and its queue is full.
k.stop()
k.start(queue=0, accepts=False)
full = fk.fill(k.path)
r, seconds = timed(w.send)
tap.ok(r.code == 451 and seconds < 4 * SLOW, "nobody accepts, the queue is full: 451 "
       "after 2 s", (r.code, seconds))
r, seconds = timed(w.send)
tap.ok(r.code == 451 and seconds < 1 * SLOW, "and then sooner", (r.code, seconds))
for s in full:
    s.close()
k.stop()
k.start()
k.wait(lambda: any(r == fk.CONTROL for _, r in k.conns))
tap.ok(k.wait(lambda: is_signed(w.send())), "and signing goes on")
acks = len(k.acks)
k.drop(fk.CONTROL)
k.wait(lambda: len(k.acks) > acks)
before = w.text().count("no keyturnd: ")
k.stop()
time.sleep(1.5)
tap.is_(w.text().count("no keyturnd: ") - before, 1,
        "that it is away is said once, not at each try")
k.start()
k.wait(lambda: any(r == fk.CONTROL for _, r in k.conns))

# 50 policies under load: nothing grows.
stop = threading.Event()
failed = []


def load():
    conn = w.connect()
    while not stop.is_set():
        if not w.send(conn=conn).modifications:
            failed.append(1)
    conn.quit()


k.keys[0x12] = key
threads = [threading.Thread(target=load) for _ in range(2)]
before = usage(w.process.pid)
for t in threads:
    t.start()
acked = 0
for i in range(50):
    k.policy(LINE if i % 2 else NEW)
    acked += k.publish()
stop.set()
for t in threads:
    t.join()
after = usage(w.process.pid)
tap.is_((acked, failed), (50, []), "50 policies under load, all signed")
tap.ok(after[1] <= before[1] + 4, "descriptors stay", (before, after))
w.process.terminate()
tap.is_(w.wait_exit(), 0, "stops with 0")
tap.done()
