#!/usr/bin/python3 -B
"""What goes wrong around the rings: a clock that jumps, a publisher that is
down while the DNS tells something, rings that cannot be read, another
administrator who has the lock; what is said of it, and how often."""

import fcntl
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import lab
import ringlab

HOUR, DAY = 3600, 86400
JUMP, DOWN, TORN = "jump.example", "down.example", "torn.example"

net = dnslab.DnsLab()
lab.need("unbound")
tap = lab.Tap(120)
env = net.fake_env()
zones = {d: net.zone(d, {"ns1." + d: ["10.53.1.1"]}, soa_minimum=60)
         for d in (JUMP, DOWN, TORN)}
server = net.knot("a", ["10.53.1.1"], list(zones.values()), tsig=True,
                  env=env)
net.start_root()
resolver = net.unbound(env=env, settings=["log-queries: yes",
                                          "verbosity: 1"])
events = os.path.join(net.dir, "events")
later = os.path.join(net.dir, "later")
rings = ringlab.RingLab(
    net,
    rotation={"weekdays": "any", "algorithms": ["rsa1024"], "margin": "1m",
              "interval": "365d", "stagger": False, "ttl": 60,
              "retire_after": "14d"},
    publisher={"type": "rfc2136", "server": "10.53.1.1",
               "key_file": net.tsig_file},
    on_event=["/bin/sh", "-c", "cat >>%s" % events],
    ring_settings=[
        {"rings": [DOWN], "publisher": {
            "type": "exec", "command": ["/bin/sh", "-c", "exit 75"]}}])
rings.start()
clock = os.path.join(os.path.dirname(rings.rings), "clock")


def told(domain):
    """The events of a domain so far."""
    if not os.path.exists(events):
        return []
    with open(events, encoding="utf-8") as f:
        return [e for e in map(json.loads, f) if e["domain"] == domain]


def ticks(count, step):
    for _ in range(count):
        rings.keyturn("tick")
        net.jump(step)


def clock_was_set(seconds):
    """As if the wall clock had been set forward by that since the last run."""
    with open(clock, encoding="ascii") as f:
        words = f.read().split(" ")
    words[3] = str(int(words[3]) + seconds)
    with open(clock, "w", encoding="ascii") as f:
        f.write(" ".join(words))


# A clock that jumps over retire_after vouches for none of it.
assert rings.keyturn("add", JUMP).code == 0
ticks(8, 150)
first, = rings.selectors(JUMP, "active")
ran = rings.keyturn("rotate", JUMP)
tap.is_(ran.code, 0, "rotate")
tap.is_(rings.selectors(JUMP, "retiring"), [first], "the first key retires")
ticks(2, HOUR)
net.jump(15 * DAY)
clock_was_set(15 * DAY)
ran = rings.keyturn("tick")
tap.ok("the clock was set forward" in ran.err, "a jump is seen", ran.err)
net.jump(2 * DAY)
ran = rings.keyturn("tick")
tap.is_((rings.selectors(JUMP, "retiring"), "arm" in ran.out),
        ([first], False), "the record stays: nobody knows how long it was")
ran = rings.keyturn("revoke", JUMP, first)
tap.ok(ran.code == 75 and "the clock was last set" in ran.err,
       "revoke says why, and until when", ran.err)
net.jump(6 * DAY)
rings.keyturn("tick")
net.jump(6 * DAY + HOUR)
ran = rings.keyturn("tick")
tap.ok("arm: done" in ran.out, "14 days after the jump it is announced",
       ran.out + ran.err)

# A publisher that is down: what the DNS told meanwhile is not forgotten.
ran = rings.keyturn("add", DOWN)
tap.is_(rings.keys(DOWN)[0]["state"], "generated", "nothing is published")
tap.is_(rings.keys(DOWN)[0].get("cache_ttl"), "60L",
        "how long caches may deny the record was noted")

# The resolver is asked for keys that are ready at least, and for no others.
before = os.path.getsize(resolver.path("log"))
rings.keyturn("dns", "check", JUMP, DOWN)
with open(resolver.path("log"), encoding="utf-8") as f:
    f.seek(before)
    asked = f.read()
tap.ok(rings.selectors(JUMP, "active")[0] + "._domainkey." in asked,
       "dns check asks the resolver for a key that signs")
tap.ok(rings.keys(DOWN)[0]["selector"] + "._domainkey." not in asked,
       "and never for one that is not ready")

# A ring that cannot be read.
assert rings.keyturn("add", TORN).code == 0
with open(rings.path(TORN, "ring.conf"), encoding="utf-8") as f:
    good = f.read()
with open(rings.path(TORN, "ring.conf"), "w", encoding="utf-8") as f:
    f.write(good[:len(good) // 2])
for args in (["tick", "--dry-run"], ["tick"], ["tick"]):
    ran = rings.keyturn(*args)
    tap.is_(ran.code, 1, "%s: exit 1" % " ".join(args))
    tap.is_(len(re.findall(re.escape(TORN + ": "), ran.out + ran.err)), 1,
            "%s: it is named once" % " ".join(args))
    tap.ok("keyturn repair " + TORN in ran.err, "with the way out", ran.err)
tap.is_(len(told(TORN)), 1, "on_event is told once a day")
net.jump(DAY)
rings.keyturn("tick")
tap.is_(len(told(TORN)), 2, "and again the next day")
tap.is_(rings.keyturn("repair", TORN).code, 0, "repaired")
rings.keyturn("tick")

# Somebody else has the lock.
net.jump(HOUR)
with open(rings.path(JUMP, "lock"), "ab") as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    before = len(told(JUMP))
    ran = rings.keyturn("tick")
tap.ok(ran.code == 75 and "held by pid" in ran.err,
       "a ring that somebody else is at work on is left for the next tick",
       ran.out + ran.err)
tap.ok("alarm: " + JUMP not in ran.err, "which is no alarm", ran.err)
tap.is_(len(told(JUMP)), before, "and nobody is told")

# A record of a key that signs vanishes while the publisher does not work.
active, = rings.selectors(JUMP, "active")
name = active + "._domainkey." + JUMP
server.update(zones[JUMP], active + "._domainkey", "TXT")
os.rename(net.tsig_file, net.tsig_file + ".away")
net.jump(7 * HOUR)
ran = rings.keyturn("tick")
tap.ok("alarm: %s: %s: %s: No such file" % (JUMP, active, net.tsig_file)
       in ran.err, "a record that cannot be published again", ran)
os.rename(net.tsig_file + ".away", net.tsig_file)
net.jump(60)
ran = rings.keyturn("tick")
tap.ok("%s: republish: done" % active in ran.out and
       net.ask("10.53.1.1", name, "TXT").answer,
       "the next tick has it published", ran)
net.jump(60)
rings.keyturn("tick")

# An alarm is told once to who stands before it.
active = rings.keys(JUMP, "active")[0]["selector"]
for selector in rings.selectors(JUMP, "ready"):
    rings.keyturn("retire", JUMP, selector)
os.unlink(rings.path(JUMP, active + ".pem"))
ran = rings.keyturn("rotate", JUMP)
tap.ok("alarm: %s: %s: its private key file" % (JUMP, active) in ran.err,
       "rotate: a key that is lost is an alarm", ran.out + ran.err)
tap.is_((ran.out + ran.err).count("its private key file"), 1,
        "which is told once")

# keyturnd cannot be asked: why is said, and once.
ticks(6, 150)
tap.is_(len(rings.selectors(TORN, "ready")), 1, "a key is ready")
rings.rig.write_conf(control_socket=rings.rig.path("elsewhere.sock"))
ran = rings.keyturn("rotate", TORN)
tap.ok(ran.code == 75 and "elsewhere.sock" in ran.err and
       "No such file" in ran.err,
       "the socket that does not answer is named", ran)
tap.is_(ran.err.count("elsewhere.sock"), 1, "once")
tap.done()
