#!/usr/bin/python3 -B
"""keyturn panic: the compromised key is replaced and revoked within the
command when another is ready, and as soon as another is proven when none is;
nothing is revoked before a replacement signs."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import lab
import ringlab

ONE, TWO = "one.example", "two.example"
HOUR = 3600

net = dnslab.DnsLab()
lab.need("unbound")
tap = lab.Tap(120)
env = net.fake_env()
zones = [net.zone(d, {"ns1." + d: ["10.53.1.1"]}, soa_minimum=60)
         for d in (ONE, TWO)]
server = net.knot("a", ["10.53.1.1"], zones, tsig=True, env=env)
net.start_root()
net.unbound(env=env)
rings = ringlab.RingLab(
    net,
    rotation={"weekdays": "any", "algorithms": ["rsa1024"], "margin": "1m",
              "interval": "365d", "stagger": False, "ttl": 60},
    publisher={"type": "rfc2136", "server": "10.53.1.1",
               "key_file": net.tsig_file})
rings.start()


def record(domain, selector):
    m = net.ask("10.53.1.1", "%s._domainkey.%s" % (selector, domain), "TXT")
    return b"".join(m.answer[0][0].strings).decode() if m.answer else None


def one(domain, state):
    found = rings.selectors(domain, state)
    return found[0] if len(found) == 1 else found


def grow(domain):
    """A ring with an active and a ready key."""
    for _ in range(12):
        if rings.selectors(domain, "ready") and rings.selectors(
                domain, "active"):
            break
        rings.keyturn("tick")
        net.jump(150)
    return one(domain, "active"), one(domain, "ready")


def status(domain, selector):
    """What `keyturn status` says of a key."""
    found = json.loads(rings.keyturn("status", "--json", domain).out)["life"]
    return [k for k in found[0]["keys"] if k.get("selector") == selector][0]


for args, text in (([], "either DOMAIN or --all"),
                   (["--all", ONE], "either DOMAIN or --all"),
                   (["--force", "", ONE], "--force wants a reason"),
                   (["nonsense..x"], "not a domain: nonsense..x")):
    ran = rings.keyturn("panic", *args)
    tap.ok(ran.code == 64 and text in ran.err, "wrong use: %s" % text, ran.err)

tap.is_(rings.keyturn("add", ONE, TWO).code, 0, "two rings")
old, ready = grow(ONE)
got, before = rings.sign(ONE)
tap.is_((got, rings.verify(before)), (old, None), "the first key signs")

# keyturnd is down: nothing is activated, nothing revoked.
lab.stop_process(rings.keyturnd, 10)
ran = rings.keyturn("panic", ONE)
tap.is_(ran.code, 75, "without keyturnd: 75")
tap.is_((one(ONE, "active"), one(ONE, "ready")), (old, ready),
        "nothing is activated")
tap.ok("start keyturnd" in ran.out + ran.err, "and it says so",
       ran.out + ran.err)
tap.ok("p=M" in record(ONE, old), "and nothing revoked")
rings.start_keyturnd()
tap.ok(rings.wait_keyturnd(), "keyturnd is back")

# A ready key: all of it within the command.
ran = rings.keyturn("panic", ONE)
tap.is_(ran.code, 0, "panic")
if ran.code:
    tap.note(ran.out + ran.err)
tap.is_(one(ONE, "active"), ready, "the ready key is active")
tap.is_(record(ONE, old), "v=DKIM1; k=rsa; p=", "the old one is revoked")
key = status(ONE, old)
tap.is_((key["state"], key["dns"], key["dns_text"]),
        ("revoked", "DNS verified",
         "every server says that the key is revoked (p= is empty)"),
        "status: what was seen afterwards")
got, after = rings.sign(ONE)
tap.is_((got, rings.verify(after)), (ready, None), "the new one signs")
net.jump(61)
tap.ok(rings.verify(before) is not None,
       "what the compromised key signed fails")
with open(rings.path(ONE, "journal"), encoding="utf-8") as f:
    lines = [json.loads(line) for line in f]
whats = [l["what"] for l in lines]
at = whats.index("activate " + ready)
tap.ok(at < whats.index("revoke " + old),
       "the journal: activated before revoked", "\n".join(whats))
tap.ok("compromised" in json.dumps(lines[at:]), "and why")
ran = rings.keyturn("panic", TWO, "nosuch")
tap.is_((ran.code, ran.err),
        (65, "keyturn: two.example: the ring has no key of the selector "
             "nosuch; see `keyturn status two.example`\n"),
        "a selector that the ring has not")
ran = rings.keyturn("panic", "nosuch.example")
tap.ok(ran.code == 65 and "nosuch.example" in ran.err,
       "a ring that is not there", ran.err)

# No ready key: the old one signs on until another is proven.
old = ready
ran = rings.keyturn("panic", "--json", ONE)
tap.is_(ran.code, 75, "without a ready key: 75")
doc = json.loads(ran.out)["rings"][0]
tap.ok("condemn" in [s["step"] for s in doc["steps"]] and
       len(rings.selectors(ONE, "published")) == 1, "one is on its way",
       ran.out)
tap.ok("still signing, until another key is ready" in ran.err, "it says so",
       ran.err)
got, data = rings.sign(ONE)
tap.is_((got, rings.verify(data)), (old, None), "the old one signs on")
for _ in range(4):
    net.jump(150)
    rings.keyturn("tick")
new = one(ONE, "active")
tap.ok(new != old, "tick turns as soon as the new one is proven")
tap.is_(record(ONE, old), "v=DKIM1; k=rsa; p=", "and revokes the old one")
got, data = rings.sign(ONE)
tap.is_((got, rings.verify(data)), (new, None), "the new one signs")

# A turn without an emergency: at once it is known how long the record stays.
old, _ = grow(ONE)
tap.is_(rings.keyturn("rotate", ONE).code, 0, "rotate")
key = status(ONE, old)
tap.ok(key["state"] == "retiring" and key["released"] and
       key["next_text"].startswith("mail that it signed can be on its way "
                                   "until " + key["next_when"]),
       "status: until when the record stays", key)

# All at once.
grow(ONE)
grow(TWO)
pairs = [(d, one(d, "active"), one(d, "ready")) for d in (ONE, TWO)]
ran = rings.keyturn("panic", "--all")
tap.is_(ran.code, 0, "panic --all")
if ran.code:
    tap.note(ran.out + ran.err)
tap.is_([one(d, "active") for d, _, _ in pairs], [r for _, _, r in pairs],
        "both turned")
tap.is_([record(d, o) for d, o, _ in pairs], ["v=DKIM1; k=rsa; p="] * 2,
        "both revoked")

# Unsigned rather than with that key.
last = one(TWO, "active")
ran = rings.keyturn("panic", "--unsigned", TWO)
tap.is_(rings.selectors(TWO, "active"), [], "--unsigned: nothing is active")
tap.is_(rings.sign(TWO)[0], None, "and nothing is signed")
tap.is_(record(TWO, last), "v=DKIM1; k=rsa; p=", "it is revoked at once")
grow(TWO)
got, data = rings.sign(TWO)
tap.is_((got != last, rings.verify(data)), (True, None),
        "until the next key is proven")
tap.is_(rings.rig.faults(), [], "keyturnd had no trouble")
tap.done()
