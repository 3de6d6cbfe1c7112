#!/usr/bin/python3 -B
"""The whole life of a ring: added, proven, signing, turned, its old key
withdrawn, under two authorities of which one lags; mail is signed all along and
verified through a caching resolver at once and again days later."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import lab
import ringlab

DOMAIN = "example.com"
HOUR, DAY = 3600, 86400

net = dnslab.DnsLab()
lab.need("nsd", "unbound")
tap = lab.Tap(180)
env = net.fake_env()
zone = net.zone(DOMAIN, {"ns1.example.com": ["10.53.1.1"],
                         "ns2.example.com": ["10.53.1.2"]}, soa_minimum=1800)
primary = net.knot("a", ["10.53.1.1"], [zone], tsig=True, env=env)
second = net.nsd("b", ["10.53.1.2"], [zone])
net.start_root()
net.unbound(env=env)
rings = ringlab.RingLab(
    net,
    rotation={"interval": "90d", "stagger": False, "weekdays": "any",
              "algorithms": ["rsa1024"], "margin": "1h", "recheck": "6h",
              "retire_after": "14d", "revoke_for": "30d",
              "delete_after": "30d"},
    publisher={"type": "rfc2136", "server": "10.53.1.1", "zone": DOMAIN,
               "key_file": net.tsig_file})
rings.start()


def tick(code=0):
    ran = rings.keyturn("tick")
    tap.is_(ran.code, code, "tick ends with %d" % code)
    if ran.code != code:
        tap.note(ran.out + ran.err)
    return ran


def states():
    return {k["selector"]: k["state"] for k in rings.keys(DOMAIN)}


def signs(selector, name):
    """Mail is signed with that selector and verifies now."""
    got, data = rings.sign(DOMAIN)
    tap.is_(got, selector, name)
    tap.is_(rings.verify(data), None, name + ": it verifies")
    return data


def transfer():
    second.copy_from(primary, [zone])


# Made: the primary has it, the secondary does not.
ran = rings.keyturn("add", DOMAIN)
tap.is_(ran.code, 0, "add")
tap.ok("v=DKIM1" in ran.out, "prints the record", ran.out + ran.err)
first, = states()
tap.is_(states()[first], "published", "the first key is published")
tap.ok(rings.send(DOMAIN) is not None and rings.sign(DOMAIN)[0] is None,
       "mail passes unsigned until a key may sign")
ran = tick(0)
net.jump(2 * HOUR)
ran = tick(1)
tap.ok("10.53.1.2" in ran.out, "the server that lags is named", ran.out)
tap.is_(states()[first], "published", "the gate holds")

# The wait begins when every server has it.
transfer()
tick()
net.jump(HOUR)
tick()
tap.is_(states()[first], "published", "an hour is too short")
ran = rings.keyturn("rotate", DOMAIN)
tap.is_(ran.code, 75, "rotate: not yet")
tap.ok("ready from 20" in ran.err and first in ran.err,
       "and says until when", ran.err)
net.jump(HOUR // 2 + 60)
tick()
tap.is_(states()[first], "ready", "ready when no cache can deny it")
tick()
tap.is_(states()[first], "active", "active in the next tick")
old = [signs(first, "the first key signs")]

# One key ahead.
for _ in range(3):
    tick()
    transfer()
net.jump(2 * HOUR)
tick()
tick()
second_key = next(s for s in states() if s != first)
tap.is_(states()[second_key], "ready", "the next key stands by")
ran = tick()
tap.is_(ran.out + ran.err, "", "with nothing to do tick says nothing")

# Only two relevant looks a day from here on; then the turn is due.
net.jump(89 * DAY)
tick()
tap.is_(states()[first], "active", "a day before, nothing turns")
old.append(signs(first, "the old key signs to the last day"))
net.jump(DAY)
ran = tick()
tap.is_((states()[first], states()[second_key]), ("retiring", "active"),
        "the turn")
signs(second_key, "the new key signs")
tap.is_([rings.verify(d) for d in old], [None, None],
        "what the old key signed verifies")
net.jump(5 * DAY)
tap.is_(rings.verify(old[1]), None, "5 days later too")

# The way down: 14 days past released, in two ticks.
for _ in range(3):
    tick()
    transfer()
net.jump(6 * DAY)
tick()
net.jump(3 * DAY - HOUR)
tick()
ran = rings.keyturn("revoke", DOMAIN, first)
tap.ok(ran.code == 75 and states()[first] == "retiring",
       "revoke: refused before retire_after is over", ran.out + ran.err)
net.jump(2 * HOUR)
tick()
tap.is_(states()[first], "retiring", "announced")
tick()
tap.is_(states()[first], "retiring", "not in the same hour")
net.jump(HOUR + 60)
tick()
tap.is_(states()[first], "revoked", "then p= is published")
transfer()
net.jump(2 * HOUR)
tick()
tap.ok("fail" in str(rings.verify(old[0])) or "p=" in str(
    rings.verify(old[0])) or rings.verify(old[0]) is not None,
       "what it signed does not verify any more")
key_file = rings.path(DOMAIN, first + ".pem")
tap.ok(os.path.exists(key_file), "its private key is there still")
for _ in range(6):
    net.jump(6 * DAY)
    tick()
    net.jump(2 * HOUR)
    tick()
    transfer()
tap.ok(not os.path.exists(key_file), "then its private key is deleted")
net.jump(2 * HOUR)
tick()
transfer()
tick()
tap.is_(states()[first], "gone", "and its record removed")
name = "%s._domainkey.%s" % (first, DOMAIN)
tap.is_([net.ask(a, name, "TXT").rcode() for a in ("10.53.1.1", "10.53.1.2")],
        [3, 3], "at both servers")
signs(second_key, "the new key signs on")
ran = rings.keyturn("tick", "--json")
tap.is_(json.loads(ran.out), {"count": 1, "rings": []}, "tick --json")
tap.is_(rings.rig.faults(), [], "keyturnd had no trouble")
tap.done()
