#!/usr/bin/python3 -B
"""What the subcommands that look and report say of a ring through its life:
dns show, dns check, dns publish, status, plan, journal, check-key; with two
authorities of which one lags, with and without keyturnd."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import lab
import ringlab

DOMAIN = "example.com"
HOUR, DAY = 3600, 86400
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"

net = dnslab.DnsLab()
lab.need("nsd", "unbound", "nsupdate")
tap = lab.Tap(180)
env = net.fake_env()
NS = {"ns1.example.com": ["10.53.1.1"], "ns2.example.com": ["10.53.1.2"]}
zone = net.zone(DOMAIN, NS)
auto = net.zone("auto.example", {"ns.auto.example": ["10.53.1.1"]})
primary = net.knot("a", ["10.53.1.1"], [zone, auto], tsig=True, env=env)
second = net.nsd("b", ["10.53.1.2"], [zone])
net.start_root()
net.unbound(env=env)
rings = ringlab.RingLab(
    net, rotation={"weekdays": "any", "algorithms": ["rsa2048"],
                   "stagger": False, "ttl": 1234},
    ring_settings=[{
        "rings": ["auto.example"],
        "publisher": {"type": "rfc2136", "server": "10.53.1.1",
                      "zone": "auto.example", "key_file": net.tsig_file}}])


def run(*args):
    """The outcome, and the object of --json."""
    ran = rings.keyturn(*args)
    found = None
    if "--json" in args:
        try:
            found = json.loads(ran.out)
        except ValueError:
            tap.ok(False, "JSON: " + " ".join(args), ran)
            found = {}
    return ran, found


def check(code, status, finding, name):
    ran, _ = run("dns", "check", DOMAIN)
    _, found = run("dns", "check", "--json", DOMAIN)
    key = found["keys"][0]
    tap.is_((ran.code, key["status"], key.get("finding")),
            (code, status, finding), "dns check: " + name)
    tap.ok(": %s" % status in ran.out.splitlines()[0], name + ": in words",
           ran.out)
    return ran, key


# Nothing there yet, and nobody to ask.
ran, _ = check(1, "Not configured", None, "no ring")
tap.ok("`keyturn add example.com`" in ran.out, "the way out", ran.out)
ran, _ = run("dns", "show", DOMAIN)
tap.ok(ran.code == 1 and "`keyturn add example.com` makes one" in ran.err,
       "dns show: no ring", ran)
ran, _ = run("journal", DOMAIN)
tap.ok(ran.code == 1 and ran.err, "journal: no ring", ran)
ran, _ = run("status", DOMAIN)
tap.ok(ran.code == 69, "status: no ring, no keyturnd", ran)
ran, _ = run("plan")
tap.is_((ran.code, ran.out), (0, "nothing to come in that time\n"),
        "plan: no rings")

rings.start()
ran, _ = run("add", DOMAIN)
selector, = rings.selectors(DOMAIN)
key, = rings.keys(DOMAIN)
name = "%s._domainkey.%s" % (selector, DOMAIN)

# The record, in every form.
ran, _ = run("dns", "show", DOMAIN)
tap.ok(ran.code == 0 and ran.out.startswith(
    "; %s, published\n%s. 1234 IN TXT ( " % (selector, name)),
    "dns show: a zone file by default", ran.out)
line = ran.out.splitlines()[1]
strings = re.findall(r'"([^"]*)"', line)
tap.ok("".join(strings) == key["record"] and max(map(len, strings)) <= 255,
       "the record, in strings of 255 at most", line)
ran, _ = run("dns", "show", DOMAIN, selector, "--format", "text")
tap.ok("Name:  %s\n" % name in ran.out and
       "Value: %s\n" % key["record"] in ran.out, "dns show: text", ran.out)
ran, _ = run("dns", "show", DOMAIN, "--format", "json")
tap.is_(json.loads(ran.out)["value"], key["record"], "dns show: JSON, a line")
ran, found = run("dns", "show", DOMAIN, "--json")
tap.is_([(r["selector"], r["state"], r["value"], "".join(r["strings"]),
          r["cname"]) for r in found["records"]],
        [(selector, "published", key["record"], key["record"], None)],
        "dns show: one object")
ran, _ = run("dns", "show", DOMAIN, "--format", "nsupdate")
tap.ok("update add %s" % name in ran.out, "dns show: nsupdate", ran.out)
ran, _ = run("dns", "show", DOMAIN, "nosuch")
tap.ok(ran.code == 1 and "no key with selector nosuch" in ran.err,
       "dns show: no such selector", ran)
for args, text in ((["show"], "DOMAIN is missing"),
                   (["look", DOMAIN], "neither show, check nor publish: look"),
                   (["show", DOMAIN, "a", "b"], "surplus argument: b"),
                   (["show", "--all"], "--all: of check"),
                   (["check", "--all", DOMAIN], "--all: of check"),
                   (["check", "a..b"], "not a domain or selector: a..b"),
                   (["check", DOMAIN, "--format", "text"], "--format: of show"),
                   (["show", DOMAIN, "--format", "x"],
                    "neither bind, text, json nor nsupdate: x")):
    ran, _ = run("dns", *args)
    tap.ok(ran.code == 64 and text in ran.err, "dns %s: refused"
           % " ".join(args), ran)

# Seen by nobody, by one, by all.
check(1, "Key generated \u2014 DNS not verified", "no-record", "not there yet")
zone.set("*", "TXT", '"v=spf1 -all"')
primary.load(zone)
second.load(zone)
ran, _ = check(1, "DNS mismatch", "wildcard", "a wildcard answers")
tap.ok("what a wildcard (*) of the zone gives to every name" in ran.out,
       "it is named", ran.out)
ran, _ = run("check-key", DOMAIN, selector)
tap.ok(ran.code == 1 and ran.out.startswith(
    "DKIM key not published: a wildcard answers \u2014 selector=%s: what is "
    "at %s is a wildcard's: " % (selector, name)), "check-key: the same", ran)
zone.remove("*", "TXT")
second.load(zone)
zone.set(name + ".", "TXT", " ".join('"%s"' % s for s in strings), ttl=1234)
primary.load(zone)
ran, _ = check(1, "DNS mismatch", "dns-lag", "the second server lags")
tap.ok("ns2.example.com (10.53.1.2): no TXT record" in ran.out and
       "DNS lag" in ran.out, "the server that lags is named", ran.out)
second.load(zone)
ran, found = check(0, "DNS verified", "good", "everywhere")
tap.is_([s["sight"] for s in found["dns"]["servers"]], ["complete"] * 2,
        "what each server said")
ran, _ = run("check-key", DOMAIN, selector)
tap.ok(ran.code == 0 and ran.out.startswith(
    "DKIM key OK \u2014 2048 bits, selector=%s\n" % selector) and
    "(ring, published)" in ran.out, "check-key: the ring's own key", ran)

# Before it signs: what is to come.
run("tick")
ran, found = run("plan", "--json", "--until", "2099-01-01")
steps = [s for s in found["steps"] if s["selector"] == selector]
tap.is_([s["step"] for s in steps][:2], ["ready", "activate"],
        "plan: the steps of the key in order")
tap.ok([s["when"] for s in found["steps"]] ==
       sorted(s["when"] for s in found["steps"]), "plan: in order of time")
revoke = [s for s in steps if s["step"] == "revoke"][0]
tap.ok((revoke["name"], revoke["record"], revoke["by_hand"]) ==
       (name, "v=DKIM1; k=rsa; p=", True), "plan: the record for a step",
       revoke)
tap.ok("more than 1000 steps" in ran.err, "plan: bounded", ran.err)
ready = steps[0]["when"]
ran, _ = run("status", DOMAIN)
tap.ok("\n    next: ready from %s: " % ready in ran.out,
       "status: the same next step at the same time", (ready, ran.out))
ran, _ = run("plan", "--until", ready, DOMAIN)
tap.ok(re.match(r"%s  example\.com  ready %s: " % (ready, selector), ran.out)
       and ran.out.count("\n") == 1, "plan --until that time: no more",
       ran.out)
for args, text in ((["--until", "tomorrow"], "not a date"),
                   (["--until", "2026-02-30"], "not a date")):
    ran, _ = run("plan", *args)
    tap.ok(ran.code == 64 and text in ran.err, "plan %s: refused"
           % " ".join(args), ran)
ran, _ = run("plan", "nosuch.example")
tap.ok(ran.code == 1 and "nosuch.example" in ran.err, "plan: no such ring",
       ran)

# dns publish, while the clocks of all agree.
ran, _ = run("add", "auto.example")
other, = rings.selectors("auto.example")
record = "%s._domainkey.auto.example" % other
primary.update(auto, record + ".", "TXT")
ran, _ = run("dns", "check", "auto.example")
tap.ok(ran.code == 1 and "DKIM key not published" in ran.out,
       "a record that somebody removed", ran)
ran, _ = run("dns", "publish", "auto.example", other)
tap.ok(ran.code == 0 and ran.out.count("publish: done") == 1,
       "dns publish, once", ran)
ran, found = run("dns", "publish", "--json", "auto.example")
tap.ok(ran.code == 0 and found["domain"] == "auto.example" and
       ran.out.endswith("}\n"), "dns publish --json: a line", ran)
ran, _ = run("dns", "check", "auto.example")
tap.ok(ran.code == 0 and "DNS verified" in ran.out, "is there again", ran)
ran, _ = run("dns", "check", "--all")
tap.ok(ran.code in (0, 1) and "auto.example" in ran.out and
       "example.com" in ran.out, "dns check --all", ran)
ran, _ = run("dns", "publish", "auto.example", "nosuch")
tap.ok(ran.code == 1 and "no key with selector nosuch" in ran.err,
       "dns publish: no such key", ran)

# It signs.
net.jump(2 * DAY)
for _ in range(3):
    run("tick")
got, data = rings.sign(DOMAIN)
tap.is_(got, selector, "the key signs")
ran, found = run("status", "--json")
life = [r for r in found["life"] if r["domain"] == DOMAIN][0]
mine = life["keys"][0]
tap.is_((ran.code, life["domain"], mine["selector"], mine["state"],
         mine["held"], mine["released"], mine["dns"], life["stuck"]),
        (0, DOMAIN, selector, "active", True, None, "DNS verified", False),
        "status: the ring joined to what keyturnd says")
tap.ok(found["state"] == "good" and found["pid"] == rings.keyturnd.pid and
       all(re.fullmatch(TIME, mine[w])
           for w in ("since", "activated", "held_since", "looked")),
       "status: keyturnd's own report is still there", found)
ran, _ = run("status", DOMAIN)
tap.ok(re.match(r"example\.com\n  %s: active for \w+, rsa 2048, held since %s"
                % (selector, TIME), ran.out) and
       "keyturnd" not in ran.out, "status of one ring", ran.out)
ran, _ = run("probe", DOMAIN)
tap.ok(ran.code == 0 and "pass d=example.com s=%s" % selector in ran.out,
       "probe: signed and verified by the DNS", ran)

# The journal.
ran, found = run("journal", DOMAIN, "--verify", "--json")
tap.is_((ran.code, found["result"], [l["what"] for l in found["lines"]][:3]),
        (0, "good", ["add", "generate " + selector, "publish " + selector]),
        "journal: good")
tap.is_([l["step"] for l in found["lines"]],
        list(range(1, len(found["lines"]) + 1)), "journal: every step")
sight = [l for l in found["lines"] if l["what"] == "ready " + selector][0]
tap.is_([s["address"] for s in sight["evidence"]["seen"]["servers"]],
        ["10.53.1.1", "10.53.1.2"], "journal: with the evidence")
ran, _ = run("journal", DOMAIN)
tap.ok(re.match(r"   1  %s  root[^:]*: add\n" % TIME, ran.out),
       "journal: in words", ran.out)
path = rings.path(DOMAIN, "journal")
with open(path, "rb") as f:
    whole = f.read()
for what, bad in (("a word changed", whole.replace(b'"add"', b'"odd"', 1)),
                  ("a line removed", whole.split(b"\n", 1)[1]),
                  ("cut", whole[:len(whole) // 2]),
                  ("the last line removed",
                   whole[:whole[:-1].rindex(b"\n") + 1]),
                  ("rubbish", b"\x1b[2J\n"), ("empty", b"")):
    with open(path, "wb") as f:
        f.write(bad)
    ran, _ = run("journal", DOMAIN, "--verify")
    tap.ok(ran.code == 1 and "journal" in ran.err and "\x1b" not in
           ran.out + ran.err, "journal --verify: " + what, ran)
with open(path, "wb") as f:
    f.write(whole)
ran, _ = run("journal", DOMAIN, "--verify")
tap.is_(ran.code, 0, "journal --verify: put back")

# Revoked by hand, and the person has not done it yet.
ran, _ = run("panic", "--unsigned", DOMAIN)
tap.ok(selector + ": revoke: by hand: Replace the TXT record" in ran.out,
       "panic: what a person has to do", ran)
_, found = run("status", "--json", DOMAIN)
mine = found["life"][0]["keys"][0]
tap.is_((mine["state"], mine["dns"], mine["dns_text"]),
        ("revoked", "DNS mismatch", "every server had the record of the key"),
        "status: the record is as it was")
tap.ok(mine["next_text"].endswith("every server has the record of the key"),
       "and that is waited for", mine)

# A ring that cannot be read, and keyturnd gone.
os.rename(rings.path(DOMAIN, "ring.conf"), rings.path(DOMAIN, "away"))
ran, found = run("status", "--json")
tap.ok(ran.code == 1 and any("error" in r for r in found["life"]) and
       any(r["domain"] == "auto.example" and "keys" in r
           for r in found["life"]), "status: a ring that cannot be read", ran)
os.rename(rings.path(DOMAIN, "away"), rings.path(DOMAIN, "ring.conf"))
rings.rig.stop()
ran, found = run("status", "--json")
tap.is_((ran.code, found["state"], found["life"][1]["keys"][0]["state"]),
        (69, "unreachable", "revoked"), "status without keyturnd")
ran, _ = run("status")
tap.ok(ran.code == 69 and ran.out.startswith(
    "keyturnd does not answer; the rings by their files:\n") and
    "is keyturnd running?" in ran.err, "in words", ran)
tap.is_(rings.rig.faults(), [], "no fault in the log")
tap.done()
