#!/usr/bin/python3 -B
"""The mistakes that people make with keys that turn: each is refused, with the
reason and the way out, or harmless."""

import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import lab
import ringlab

HOUR, DAY = 3600, 86400
GATE, LIVE, LOST, SWAP, OLD, WHOLE, TWINS, GONE, NAMED = (
    "%s.example" % d for d in ("gate", "live", "lost", "swap", "old", "whole",
                               "twins", "gone", "named"))
DOMAINS = (GATE, LIVE, LOST, SWAP, OLD, WHOLE, TWINS, GONE, NAMED)

net = dnslab.DnsLab()
lab.need("unbound", "knsupdate")
tap = lab.Tap(150)
env = net.fake_env()
zones = {d: net.zone(d, {"ns1." + d: ["10.53.1.1"]}, soa_minimum=60)
         for d in DOMAINS}
zones[LIVE].set("sa._domainkey", "TXT", '"v=DKIM1; p=c29tZWJvZHkncw=="')
server = net.knot("a", ["10.53.1.1"], list(zones.values()), tsig=True,
                  env=env)
net.start_root()
net.unbound(env=env)
events = os.path.join(net.dir, "events")
rings = ringlab.RingLab(
    net,
    rotation={"weekdays": "any", "algorithms": ["rsa1024"], "margin": "1m",
              "interval": "365d", "stagger": False, "ttl": 60},
    publisher={"type": "rfc2136", "server": "10.53.1.1",
               "key_file": net.tsig_file},
    on_event=["/bin/sh", "-c", "cat >>%s" % events],
    ring_settings=[
        {"rings": [GATE], "publisher": {"type": "manual"}},
        {"rings": [LIVE], "rotation": {"selector": "s{seq}"}}])
KEY = os.path.join(net.dir, "knsupdate.key")
with open(KEY, "w", encoding="ascii") as f:
    f.write("hmac-sha256:%s:%s\n" % (net.tsig_name, net.tsig_secret))
rings.start()


def one(domain, state):
    found = rings.selectors(domain, state)
    return found[0] if len(found) == 1 else found


def ticks(count=1, step=150):
    for _ in range(count):
        ran = rings.keyturn("tick")
        net.jump(step)
    return ran


def journal(domain):
    with open(rings.path(domain, "journal"), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def signs(domain, selector, name):
    got, data = rings.sign(domain)
    tap.is_((got, rings.verify(data)), (selector, None), name)


def refused(ran, code, text, name):
    tap.is_(ran.code, code, name)
    tap.ok(re.search(text, ran.err + ran.out), name + ": says why",
           "got:  %s\nwant: %s" % (ran.err + ran.out, text))


ran = rings.keyturn("add", *DOMAINS, timeout=60)
tap.is_(ran.code, 0, "rings for all")
ticks(8)
tap.is_([bool(rings.selectors(d, "active") and rings.selectors(d, "ready"))
         for d in DOMAINS[2:]], [True] * 7,
        "in their steady state: one signs, one stands by")

# Activate before publishing.
first = one(GATE, "published")
refused(rings.keyturn("rotate", GATE), 1,
        "%s: %s: .*no server has a TXT record.*keyturn dns check %s" % (
            GATE, first, GATE), "rotate before the record is there")
tap.is_(rings.selectors(GATE, "active"), [], "nothing is active")
refused(rings.keyturn("retire", LOST, one(LOST, "active")), 1,
        "it signs: `keyturn rotate %s` first" % LOST, "retire what signs")
refused(rings.keyturn("revoke", LOST, one(LOST, "active")), 1,
        "it signs", "revoke what signs")
refused(rings.keyturn("revoke", LOST, "nosuch"), 65,
        "no key of the selector nosuch", "revoke what is not there")
refused(rings.keyturn("rotate", "nosuch.example"), 65, "nosuch.example",
        "rotate a ring that is not there")
ran = rings.keyturn("rotate", "--force", "because I say so", GATE)
tap.is_((ran.code, rings.selectors(GATE, "active")), (0, [first]),
        "--force overrides")
tap.ok("because I say so" in json.dumps(journal(GATE)[-1]),
       "and stands in the journal")

# Publish over a live selector; use it again.
tap.is_(rings.selectors(LIVE, "generated"), ["sa"],
        "a selector that is in use: the key is made and not published")
ran = ticks()
refused(ran, 1, "something else is published at its name already",
        "a selector that is in use")
m = net.ask("10.53.1.1", "sa._domainkey." + LIVE, "TXT")
tap.is_(m.answer[0][0].strings[0], b"v=DKIM1; p=c29tZWJvZHkncw==",
        "what is there stays")
with open(events, encoding="utf-8") as f:
    told = [json.loads(line) for line in f]
tap.is_([(e["event"], e["selector"], e["step"]) for e in told
         if e["domain"] == LIVE], [("alarm", "sa", "publish")],
        "on_event is run, once")
tap.is_(rings.keyturn("retire", LIVE, "sa").code, 0, "the key is given up")
ticks(2)
tap.is_(rings.keys(LIVE)[-1]["selector"], "sb", "the next has another name")

# The private key: deleted, replaced.
old, ready = one(LOST, "active"), one(LOST, "ready")
os.unlink(rings.path(LOST, old + ".pem"))
ran = ticks()
tap.is_(one(LOST, "active"), ready,
        "a lost key file: tick turns to the ready key at once")
signs(LOST, ready, "which signs")
old, ready = one(SWAP, "active"), one(SWAP, "ready")
os.unlink(rings.path(SWAP, ready + ".pem"))
lab.make_key(rings.path(SWAP, ready + ".pem"), bits=1024)
os.chmod(rings.path(SWAP, ready + ".pem"), 0o600)
refused(rings.keyturn("rotate", SWAP), 75,
        "%s: retire: done: .*its private key is lost" % ready,
        "rotate to a key that was replaced")
tap.is_(one(SWAP, "active"), old, "the old one stays active")
signs(SWAP, old, "and signs")
ticks(4)
tap.ok(one(SWAP, "ready") != ready, "another key takes its place")

# An old copy of ring.conf; of the whole directory.
shutil.copy2(rings.path(OLD, "ring.conf"), rings.rig.path("ring.old"))
shutil.copytree(rings.path(WHOLE), rings.rig.path("whole.old"))
new = [one(d, "ready") for d in (OLD, WHOLE)]
tap.is_([rings.keyturn("rotate", d).code for d in (OLD, WHOLE)], [0, 0],
        "two rings turn")
ticks(2)
shutil.copy2(rings.rig.path("ring.old"), rings.path(OLD, "ring.conf"))
shutil.rmtree(rings.path(WHOLE))
shutil.copytree(rings.rig.path("whole.old"), rings.path(WHOLE))
ran = ticks()
refused(ran, 1, "%s.*old copy.*keyturn repair %s" % (OLD, OLD),
        "an old ring.conf")
refused(ran, 1, "%s.*an old copy.*keyturnd has seen" % WHOLE,
        "an old directory")
signs(OLD, new[0], "keyturnd signs on with what it has")
refused(rings.keyturn("rotate", OLD), 65, "keyturn repair " + OLD,
        "no command touches it")
ran = rings.keyturn("repair", OLD)
tap.is_((ran.code, one(OLD, "active")), (0, new[0]),
        "repair makes it again from the journal")
tap.is_(rings.keyturn("rotate", WHOLE).code, 65,
        "for an old directory there is no journal to repair from")
shutil.rmtree(rings.path(WHOLE))

# The rings on a second relay.
away = ["unshare", "-u", "sh", "-c", 'hostname elsewhere.test; exec "$@"',
        "sh"]
there = subprocess.run(
    away + rings.command("tick"), stdout=subprocess.PIPE, timeout=60,
    stderr=subprocess.PIPE, env=rings.environment, check=False)
tap.is_(there.returncode, 1, "rings of another host")
tap.ok(b"elsewhere.test" in there.stderr and b"--foreign" in there.stderr,
       "are refused, with the way out", there.stderr.decode()[:400])

# Two administrators at once.
ready = one(TWINS, "ready")
both = [subprocess.Popen(rings.command("rotate", TWINS),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=rings.environment) for _ in range(2)]
out = [p.communicate(timeout=60 * lab.slow())[0].decode() for p in both]
tap.is_(one(TWINS, "active"), ready, "two rotate at once: one turn")
tap.is_([w["what"] for w in journal(TWINS)].count("activate " + ready), 1,
        "and no other")
tap.ok(0 in [p.returncode for p in both], "one of them did it",
       "\n".join(out))

# Clocks: a year ahead, a year behind.
before = {d: {k["selector"]: k["state"] for k in rings.keys(d)}
          for d in (LOST, SWAP, TWINS)}


def fallen(domain):
    return [k["selector"] for k in rings.keys(domain)
            if k["state"] in ("revoked", "gone")]


net.jump(-365 * DAY)
ticks(3)
tap.is_([fallen(d) for d in (LOST, TWINS)], [[], []],
        "a year behind: nothing is withdrawn")
signs(TWINS, ready, "and the key signs")
net.jump(2 * 365 * DAY)
ran = rings.keyturn("tick")
tap.ok("for a day" in ran.err, "a year ahead: said", ran.err)
net.jump(2 * HOUR)
rings.keyturn("tick")
tap.is_([fallen(d) for d in (LOST, TWINS)], [[], []],
        "and nothing is withdrawn within two hours")
net.jump(-365 * DAY - 2 * HOUR)
rings.keyturn("tick")

# Somebody removes the record.
active = one(GONE, "active")
subprocess.run(["knsupdate", "-k", KEY], check=True, timeout=30,
               env=rings.environment, stdout=subprocess.DEVNULL,
               input=("server 10.53.1.1\nzone %s.\nupdate delete "
                      "%s._domainkey.%s. TXT\nsend\n" % (
                          GONE, active, GONE)).encode())
name = "%s._domainkey.%s" % (active, GONE)
tap.ok(not net.ask("10.53.1.1", name, "TXT").answer, "a record is removed")
net.jump(7 * HOUR)
ran = rings.keyturn("tick")
tap.ok(net.ask("10.53.1.1", name, "TXT").answer, "tick publishes it again",
       ran.out + ran.err)

# A table names the ring.
rings.rig.write("KeyTable", "")
rings.rig.write("SigningTable", "*@x.example %s\n" % NAMED)
rings.rig.write_conf(key_table=rings.rig.path("KeyTable"),
                     signing_table=rings.rig.path("SigningTable"))
refused(rings.keyturn("remove", NAMED), 1,
        "SigningTable:1: names the ring %s" % NAMED,
        "remove what a table names")
tap.ok(rings.selectors(NAMED, "active"), "and it signs on")
rings.rig.write("SigningTable", "")
ran = rings.keyturn("remove", NAMED)
tap.is_((ran.code, rings.selectors(NAMED, "active")), (0, []), "remove",)
tap.is_(rings.sign(NAMED)[0], None, "its mail is no longer signed")
refused(rings.keyturn("add", NAMED), 65, "it is being removed",
        "add what is being removed")

# Who it was.
rings.environment["SUDO_USER"] = "alice"
rings.keyturn("remove", "--forget", GONE)
tap.is_(journal(GONE)[-1]["who"][-21:] if journal(GONE) else "",
        "root by sudo from alice"[-21:], "the journal says who")
tap.is_(sorted(set(rings.selectors(GONE)) - set(rings.selectors(
    GONE, "gone"))), [], "--forget: nothing is asked of the DNS any more")
tap.is_(rings.sign(GONE)[0], None, "and nothing is signed")
tap.is_(rings.rig.faults(), [], "keyturnd had no trouble")
tap.done()
