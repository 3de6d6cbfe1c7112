#!/usr/bin/python3
"""A hostile worker: whatever it sends ends its own connection, and keyturnd
signs nothing but 32-byte digests with keys in force."""

import hashlib
import os
import resource
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import channel_client as cc
import lab

CONNECTIONS_MAX = 1024      # CHANNEL_CONNECTIONS_MAX
CLIENTS_MAX = 64            # CONTROL_CLIENTS_MAX
HELLO_S = 5                 # CHANNEL_HELLO_MS
MOST = 2 ** 64 - 1

lab.need("openssl")
tap = lab.Tap(180)
k = cc.Keeper(channel_timeout=1)
k.simple(("rsa", "ed25519"))
k.start()
rsa, ed = k.id_of("s-rsa"), k.id_of("s-ed25519")
digest = hashlib.sha256(b"any").digest()
silent_since = time.monotonic()
silent = k.channel(timeout=HELLO_S + 10)


def descriptors():
    """keyturnd's, or None where the system does not let us look."""
    try:
        return len(os.listdir("/proc/%d/fd" % k.keyturnd.pid))
    except OSError:
        return None


# Good requests.

with k.channel(cc.SIGNING) as c:
    got = c.sign([(rsa, digest)], 99)
    tap.is_((got.status, got.request, got.count, got.generation),
            (cc.OK, 99, 1, 1), "SIGN is answered")
    tap.ok(cc.verifies(k.path("s-rsa.pem"), digest, got.signatures[0]),
           "openssl verifies the RSA signature")
    tap.ok(not got.padding.strip(b"\0"), "nothing behind the signature")
    got = c.sign([(ed, digest), (rsa, digest)] * 4, 100)
    tap.is_((got.status, got.count), (cc.OK, 8), "8 pairs are answered")
    tap.ok(all(cc.verifies(k.path(f), digest, s) for f, s in zip(
        ["s-ed25519.pem", "s-rsa.pem"] * 4, got.signatures)),
           "in their order, each verifies")
    tap.ok(not got.padding.strip(b"\0"), "nothing behind them")
    for i in range(20):
        c.send(cc.sign([(ed, digest)], i))
    tap.is_([cc.Signed(c.recv()).request for _ in range(20)],
            list(range(20)), "20 at once are answered in order")
    for name, pairs in [("an id of nobody", [(1, digest)]),
                        ("id 0", [(0, digest)]),
                        ("the largest id", [(MOST, digest)]),
                        ("a good and a bad one", [(rsa, digest), (3, digest)]),
                        ("a bad one among 8", [(rsa, digest)] * 7 +
                         [(3, digest)])]:
        got = c.sign(pairs, 5)
        tap.is_((got.status, got.count, got.request), (cc.STALE, 0, 5),
                name + " is stale, nothing is signed")

with k.channel(cc.CONTROL, spec=b"unix:/a\"b\n\x1b\xff.sock") as c:
    tap.is_(c.policy(), 1, "a control connection gets the policy")
    c.send(cc.ack(1))
    tap.ok(lab.wait_for(lambda: k.status()["workers"][0]["generation"] == 1),
           "and status knows that it acknowledged")
    tap.is_(k.status()["workers"][0]["socket"],
            "unix:/a\"b\n\x1b\N{REPLACEMENT CHARACTER}.sock",
            "JSON survives a strange spec")
    tap.ok("unix:/a\"b\\x0a\\x1b\\xff.sock, generation 1" in
           k.ask("status")[1], "so does the text", k.ask("status")[1])
    c.send(cc.report(range(cc.COUNTERS)))
    c.send(cc.report([MOST] + [1] * (cc.COUNTERS - 1)))
    tap.ok(lab.wait_for(lambda: k.status()["counters"]["signed"] == MOST),
           "counters stop at their largest value")
    tap.is_(list(k.status()["counters"].values())[1:], list(range(2, cc.COUNTERS + 1)),
            "the others are summed")
    c.send(cc.report([MOST] * cc.COUNTERS))
    tap.ok(lab.wait_for(
        lambda: set(k.status()["counters"].values()) == {MOST}),
           "garbage in REPORT only spoils counters")
tap.ok(lab.wait_for(lambda: not k.status()["workers"]),
       "a worker that is gone is gone from status")

# Hostile ones: (name, role of a HELLO before or None, packets, descriptors).

good = cc.sign([(rsa, digest)])
fd = os.open("/dev/null", os.O_RDONLY)
hostile = [
    ("a short head", None, [b"kt"], 0),
    ("one byte", cc.SIGNING, [b"\0"], 0),
    ("random bytes", None, [os.urandom(64)], 0),
    ("64 KiB", None, [bytes(65536)], 0),
    ("64 KiB that begin well", cc.SIGNING, [good + bytes(65536)], 0),
    ("SIGN before HELLO", None, [good], 0),
    ("POLICY_ACK before HELLO", None, [cc.ack(1)], 0),
    ("HELLO of another version", None,
     [cc.hello(cc.SIGNING, version=cc.VERSION + 1)], 0),
    ("SIGN of another version", cc.SIGNING,
     [cc.sign([(rsa, digest)], version=cc.VERSION ^ 1 << 31)], 0),
    ("HELLO for role 0", None, [cc.hello(0)], 0),
    ("HELLO for role 3", None, [cc.hello(3)], 0),
    ("HELLO one byte short", None, [cc.hello(cc.SIGNING)[:-1]], 0),
    ("HELLO one byte long", None, [cc.hello(cc.SIGNING) + b"\0"], 0),
    ("HELLO with a count", None, [cc.hello(cc.SIGNING, count=1)], 0),
    ("HELLO without an end of its spec", None,
     [cc.hello(cc.SIGNING, spec=b"x" * 128)], 0),
    ("HELLO with a descriptor", None, [cc.hello(cc.SIGNING)], 1),
    ("two HELLOs", cc.SIGNING, [cc.hello(cc.SIGNING)], 0),
    ("two HELLOs on a control connection", cc.CONTROL,
     [cc.hello(cc.CONTROL)], 0),
    ("SIGN of no pair", cc.SIGNING, [cc.sign([])], 0),
    ("SIGN of 9 pairs", cc.SIGNING, [cc.sign([(rsa, digest)] * 9)], 0),
    ("SIGN of 65535 pairs, it says", cc.SIGNING,
     [cc.sign([(rsa, digest)], count=65535)], 0),
    ("SIGN of 2 pairs, it says", cc.SIGNING,
     [cc.sign([(rsa, digest)], count=2)], 0),
    ("SIGN of 1 pair, it says", cc.SIGNING,
     [cc.sign([(rsa, digest)] * 2, count=1)], 0),
    ("a digest of 31 bytes", cc.SIGNING, [good[:-1]], 0),
    ("a digest of 33 bytes", cc.SIGNING, [good + b"x"], 0),
    ("SIGN with a descriptor", cc.SIGNING, [good], 1),
    ("SIGN with 20 descriptors", cc.SIGNING, [good], 20),
    ("SIGN on a control connection", cc.CONTROL, [good], 0),
    ("REPORT on a signing connection", cc.SIGNING, [cc.report([1] * cc.COUNTERS)], 0),
    ("POLICY_ACK on a signing connection", cc.SIGNING, [cc.ack(1)], 0),
    ("POLICY from a worker", cc.CONTROL,
     [cc.head(cc.POLICY) + bytes(8)], 1),
    ("SIGNED from a worker", cc.SIGNING, [cc.head(cc.SIGNED) + bytes(16)], 0),
    ("type 0", cc.SIGNING, [cc.head(0)], 0),
    ("type 7", cc.CONTROL, [cc.head(7)], 0),
    ("type 65535", cc.CONTROL, [cc.head(65535)], 0),
    ("an acknowledgement of nothing", cc.CONTROL, [cc.ack(0)], 0),
    ("of a generation that is not there", cc.CONTROL, [cc.ack(2)], 0),
    ("of the largest generation", cc.CONTROL, [cc.ack(MOST)], 0),
    ("under another number", cc.CONTROL, [cc.ack(1, 5)], 0),
    ("two acknowledgements", cc.CONTROL, [cc.ack(1), cc.ack(1)], 0),
    ("REPORT one byte short", cc.CONTROL, [cc.report([1] * cc.COUNTERS)[:-1]], 0),
    ("REPORT with a descriptor", cc.CONTROL, [cc.report([1] * cc.COUNTERS)], 1),
]


def provoke(role, packets, fds):
    """Send it; whether the connection is ended."""
    with k.channel(role, timeout=5) as c:
        if role == cc.CONTROL:
            c.policy()
        try:
            for packet in packets:
                c.send(packet, [fd] * fds)
        except cc.Closed:
            return True
        return c.is_ended()


witness = k.channel(cc.SIGNING)
witness.sign([(rsa, digest)])
before, ended = descriptors(), k.status()["ended_as_malformed"]
for name, role, packets, fds in hostile:
    tap.ok(provoke(role, packets, fds) and
           witness.sign([(ed, digest)]).status == cc.OK,
           name + ": its connection ends, another is served")
tap.is_(k.status()["ended_as_malformed"] - ended, len(hostile),
        "status counts them")
tap.ok(lab.wait_for(lambda: descriptors() == before),
       "no descriptor is left", "%r, %r" % (before, descriptors()))
tap.ok(k.wait_log(r"channel: connection of process %d \(uid %d\) ended: "
                  r"malformed packet" % (os.getpid(), os.geteuid())),
       "the log names process, user and reason", k.log_text()[-2000:])
lines = k.log_text().count("channel: connection of process")
tap.ok(lines < len(hostile), "and is not flooded: %d lines" % lines)
try:
    witness.send(b"")
    ended = witness.is_ended()
except cc.Closed:
    ended = True
tap.ok(ended, "an empty packet ends a connection too")

# A peer that comes and goes at every point.

for i in range(200):
    c = k.channel([None, cc.SIGNING, cc.CONTROL][i % 3])
    if i % 2 and i % 3 == 1:
        c.send(good)
    c.close()
tap.ok(lab.wait_for(lambda: k.status()["connections"] <= 1),
       "200 connections that break off leave nothing")

# A signer that does not read holds nobody up for long.

deaf = k.channel(cc.SIGNING)
deaf.s.setblocking(False)
while select.select([], [deaf.s], [], 0.2)[1]:
    try:
        deaf.send(good)
    except BlockingIOError:
        time.sleep(0.01)
begun = time.monotonic()
code = k.reload()[0]
took = time.monotonic() - begun
hung_up = select.poll()
hung_up.register(deaf.s, 0)
tap.ok(hung_up.poll(250 * lab.slow()),
       "a signer that does not read: a reload ends after its last request")
tap.ok(code == 0 and took < 8 * lab.slow(), "which is given up in time",
       "%d %.1f s" % (code, took))
tap.ok(k.signs("s-rsa"), "others are served")
deaf.close()

# Workers and reloads: channel_timeout is 1 s here.

prompt, mute = k.channel(cc.CONTROL), k.channel(cc.CONTROL)
generation = prompt.policy()
mute.policy()
prompt.send(cc.ack(generation))
begun = time.monotonic()
with socket.socket(socket.AF_UNIX) as s:
    s.connect(k.path("control.sock"))
    s.sendall(b"reload\n")
    tap.is_(prompt.policy(), generation + 1, "a reload reaches every worker")
    tap.is_(mute.policy(), generation + 1, "each of them")
    s.settimeout(0.3)
    try:
        early = s.recv(1)
    except socket.timeout:
        early = None
    tap.is_(early, None, "it does not return before they acknowledge")
    prompt.send(cc.ack(generation + 1))
    s.settimeout(20)
    code, text = cc.answer(s)
took = time.monotonic() - begun
tap.ok(code == 0 and "1 worker has it" in text,
       "a worker that stays mute is not waited for", text)
tap.ok(1 <= took < 4 * lab.slow(), "longer than channel_timeout: %.1f s" % took)
tap.ok(mute.is_ended(), "it is disconnected")
# Its thread in keyturnd may be about to end.
lab.wait_for(lambda: len(k.status()["workers"]) == 1, 5)
tap.is_([w["generation"] for w in k.status()["workers"]], [generation + 1],
        "the other one stays")
with k.channel(cc.CONTROL) as c:
    tap.is_(c.policy(), generation + 1, "who comes back gets the newest")
prompt.close()

# Silence.

tap.ok(silent.is_ended() and
       time.monotonic() - silent_since >= HELLO_S - 0.1,
       "a connection without HELLO ends after %d s" % HELLO_S)

# The control socket.

for name, line, want in [
        ("an unknown request", b"stop\n", 64), ("an empty one", b"\n", 64),
        ("one with more behind it", b"status x\n", 64),
        ("a NUL in it", b"status\0\n", 64),
        ("bytes of all kinds", bytes(range(128, 200)) + b"\n", 64),
        ("128 bytes without an end", b"x" * 128, 64),
        ("127 bytes and an end", b"x" * 127 + b"\n", 64),
        ("64 KiB", b"x" * 65536, 64)]:
    code, text = k.ask(line)
    tap.ok(code == want and text, name, "%d %s" % (code, text))
clients = []
for i in range(CLIENTS_MAX + 1):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20 * lab.slow())
    s.connect(k.path("control.sock"))
    clients.append(s)
tap.is_(cc.answer(clients[-1])[0], 75, "client %d is told to try again"
        % (CLIENTS_MAX + 1))
clients[0].sendall(b"status\n")
tap.ok(cc.answer(clients[0])[0] == 0, "client 1 is answered still")
code, text = cc.answer(clients[1])
tap.ok(code == 64 and "no request came" in text,
       "a client that says nothing is told so", text)
for s in clients:
    s.close()
tap.ok(lab.wait_for(k.answers), "and then there is room again")

# The largest number of connections.

def is_served():
    try:
        return k.signs("s-ed25519")
    except cc.Closed:
        return False



soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
room = min(CONNECTIONS_MAX, min(hard, 4096) // 2)
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    lab.wait_for(lambda: k.status()["connections"] == 0)
    many = [k.channel(cc.SIGNING) for _ in range(room)]
    tap.ok(lab.wait_for(lambda: k.status()["connections"] == room, 30),
           "%d connections" % room)
    tap.is_([c.sign([(ed, digest)]).status for c in (many[0], many[-1])],
            [cc.OK, cc.OK], "the first and the last are served")
    tap.ok(k.channel().is_ended(), "one more is refused")
    many.pop().close()
    tap.ok(lab.wait_for(is_served), "until one has gone")
    for c in many:
        c.close()
finally:
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
tap.ok(lab.wait_for(lambda: k.signs("s-rsa")), "then all are served again")

tap.is_(k.keyturnd.poll(), None, "keyturnd has lived through it")
tap.is_(k.stop(), 0, "and stops well")
tap.is_(k.faults(), [], "no fault in its log")

# Other users.

if os.geteuid() != 0:
    tap.skip("other users", "needs root")
    tap.done()


def as_user(name, run):
    """run() as that user, in a child; whether it returned true."""
    import pwd
    user = pwd.getpwnam(name)
    pid = os.fork()
    if pid == 0:
        good = False
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            good = run()
        finally:
            os._exit(0 if good else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def may_connect(keeper):
    try:
        with keeper.channel(cc.SIGNING) as c:
            return c.sign([(rsa, digest)]).status == cc.STALE
    except (OSError, cc.Closed):
        return False


def is_turned_away(keeper):
    """Connected and closed, without an answer."""
    try:
        with keeper.channel(cc.SIGNING) as c:
            c.send(good)
            return c.is_ended()
    except cc.Closed:
        return True


closed = cc.Keeper()
closed.simple(("ed25519",))
closed.start()
tap.is_(os.stat(closed.path("channel.sock")).st_mode & 0o777, 0o600,
        "without channel_users the socket is 0600")
tap.is_(os.stat(closed.path("control.sock")).st_mode & 0o777, 0o660,
        "the control socket is 0660")
tap.ok(may_connect(closed), "our own user may connect")
tap.ok(not as_user("nobody", lambda: may_connect(closed)), "nobody may not")

named = cc.Keeper(channel_users=["daemon"])
named.simple(("ed25519",))
named.start()
tap.ok(may_connect(named), "with channel_users: our own user")
tap.ok(as_user("daemon", lambda: may_connect(named)), "one of them")
tap.ok(as_user("nobody", lambda: is_turned_away(named)), "nobody else")
tap.ok(named.wait_log(r"may not connect: it is another user"),
       "and the log says so", named.log_text())
tap.ok(not as_user("daemon", lambda: named.ask("status")[0] in (0, 1)),
       "none of them may use the control socket")
tap.done()
