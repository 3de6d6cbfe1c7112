#!/usr/bin/python3 -B
"""keyturn add: what a new ring is, what is printed, keys that are taken over,
many domains at once, and what is refused."""

import base64
import json
import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import lab
import ringlab

DOMAIN = "example.com"

net = dnslab.DnsLab()
lab.need("unbound", "openssl")
tap = lab.Tap(120)
env = net.fake_env()
zones = [net.zone(d, {"ns1.example.com": ["10.53.1.1"]})
         for d in (DOMAIN, "example.net", "adopted.example")]
server = net.knot("a", ["10.53.1.1"], zones, tsig=True, env=env)
net.start_root()
net.unbound(env=env)
rings = ringlab.RingLab(net, rotation={
    "weekdays": "any", "algorithms": ["rsa1024"], "ttl": 1234})
RSA, ED = rings.rig.path("rsa.pem"), rings.rig.path("ed.pem")
lab.make_key(RSA, bits=1024)
lab.make_key(ED, kind="ed25519")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def refused(args, code, text, name, stdin=b""):
    ran = rings.keyturn("add", *args, stdin=stdin)
    tap.is_(ran.code, code, name)
    tap.ok(text in ran.err, name + ": says why",
           "got:  %s\nwant: %s" % (ran.err, text))


# A new ring, with keyturnd not even running and the zone not ours to change.
ran = rings.keyturn("add", DOMAIN)
tap.is_(ran.code, 0, "add needs no keyturnd")
key, = rings.keys(DOMAIN)
name = "%s._domainkey.%s" % (key["selector"], DOMAIN)
tap.is_(key["state"], "published", "handed over to a person")
tap.ok(re.fullmatch(r"20\d{4}a-[a-z2-9]{4}", key["selector"]),
       "the selector is the template's", key["selector"])
tap.ok("%s. 1234 IN TXT" % name in ran.out and "keyturn dns check" in ran.out,
       "prints what to publish", ran.out)
public = subprocess.run(
    ["openssl", "pkey", "-in", rings.path(DOMAIN, key["selector"] + ".pem"),
     "-pubout", "-outform", "DER"], check=True, stdout=subprocess.PIPE,
    timeout=30).stdout
tap.ok("p=" + base64.b64encode(public).decode() in key["record"],
       "the record is that of the private key, says openssl")
tap.is_([mode(rings.path(DOMAIN)),
         mode(rings.path(DOMAIN, key["selector"] + ".pem")),
         mode(rings.path(DOMAIN, "ring.conf"))], [0o700, 0o600, 0o600],
        "nobody else may read any of it")
tap.is_(ran.err, "", "and nothing to complain about")

tap.is_(ran.out.count(" IN TXT "), 1, "the record is printed once")

# Again: the same ring, the same key.
ran = rings.keyturn("add", DOMAIN)
tap.is_((ran.code, len(rings.keys(DOMAIN))), (0, 1), "add again: one key still")
tap.ok(key["record"][:40] in ran.out, "and the record is printed again",
       ran.out)

# What it prints is what a name server takes.
zones[0].set("x", "TXT", '"x"')
record = re.search(r"^%s\. .*$" % re.escape(name), ran.out, re.M).group(0)
ttl, value = re.match(r"\S+ (\d+) IN TXT (.*)$", record).groups()
zones[0].set(name + ".", "TXT", value, ttl=int(ttl))
server.load(zones[0])
got = net.ask("10.53.1.1", name, "TXT")
tap.is_(b"".join(got.answer[0][0].strings).decode(), key["record"],
        "the printed line, loaded by knot, is the record")
ran = rings.keyturn("tick")
tap.is_(ran.code, 0, "tick sees it")
tap.ok(": sight: done" in ran.out, "the first sighting", ran.out)

# JSON, and many.
ran = rings.keyturn("add", "--json", "-",
                    stdin=b"# two\nexample.net\n\n  Adopt.Example  # c\n")
tap.is_(ran.code, 0, "add - --json")
docs = [json.loads(line) for line in ran.out.splitlines()]
tap.is_([d["domain"] for d in docs], ["example.net", "adopt.example"],
        "one object a domain, in lower case")
tap.is_([len(d["records"]) for d in docs], [1, 1], "with its record")
tap.is_(docs[0]["records"][0]["value"],
        rings.keys("example.net")[0]["record"], "which is the ring's")

# Refused.
for args, code, text, why in (
        (["-x"], 64, "unknown option: -x", "an unknown option"),
        ([], 64, "an argument is missing", "no domain"),
        (["example..com"], 65, "not a domain: example..com", "not a domain"),
        (["../etc"], 65, "not a domain: ../etc", "a path"),
        (["a" * 64 + ".com"], 65, "not a domain: ", "a label too long"),
        (["localhost"], 65, "localhost: a domain has two labels or more",
         "one label"),
        (["--adopt", "s1", "x.example"], 64,
         "--adopt: not SELECTOR=FILE: s1", "--adopt without a file"),
        (["--adopt", "a..b=f", "x.example"], 64, "not a selector: a..b",
         "--adopt with no selector"),
        (["--adopt", "a=b,c=d,e=f", "x.example"], 64, "at most 2 keys",
         "--adopt of three"),
        (["--adopt", "s1=" + RSA, "x.example", "y.example"], 64,
         "--adopt is for one domain", "--adopt for two"),
        (["--adopt", "s1=" + RSA, "-"], 64, "--adopt is for one domain",
         "--adopt for a list"),
        (["--adopt", "s1=/nonexistent", "x.example"], 65,
         "/nonexistent: No such file", "--adopt of no file"),
        (["--force", "", "x.example"], 64, "--force wants a reason",
         "--force without a reason")):
    refused(args, code, text, why)
tap.is_(sorted(os.listdir(rings.rings)),
        ["adopt.example", DOMAIN, "example.net"], "nothing was made")
refused(["-"], 65, "standard input: no domain in it", "no line at all")
refused(["-"], 65, "-:1: a line of over", "a line too long",
        b"x" * 600 + b"\n")
refused(["-"], 65, "-:2: not a domain of two labels or more: no\\x1b_domain",
        "a line that names no domain", b"# c\nno\x1b_domain\n")

# Somebody who may not.  (Without faked time, which has a lock of its own.)
done = subprocess.run(
    rings.command("tick"), check=False, timeout=30 * lab.slow(),
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    user="nobody", group="nogroup", extra_groups=[])
tap.is_((done.returncode, done.stderr.decode()),
        (77, "keyturn: %s: Permission denied; root and keyturnd's user may: "
             "try sudo\n" % rings.rings), "no permission")

# A domain that sends already.
rings.rig.write("KeyTable", "k adopted.example:s1:%s\n" % RSA)
rings.rig.write("SigningTable", "*@adopted.example k\n")
rings.rig.write_conf(key_table=rings.rig.path("KeyTable"),
                     signing_table=rings.rig.path("SigningTable"))
refused(["adopted.example"], 1,
        "KeyTable:1: signs for it: --adopt s1=%s" % RSA,
        "a domain that the KeyTable signs for")
refused(["--adopt", "s9=" + RSA, "adopted.example"], 1,
        "KeyTable:1: signs for it: --adopt s1=%s, not s9" % RSA,
        "adopted under another selector than the table's")
tap.ok(not os.path.exists(rings.path("adopted.example")),
       "and nothing was made")
rings.start()
got, data = rings.sign("adopted.example")
tap.is_(got, "s1", "it signs by the table")
ran = rings.keyturn("add", "--adopt", "s1=" + RSA, "adopted.example")
tap.is_(ran.code, 0, "add --adopt")
key, = rings.keys("adopted.example")
tap.is_((key["selector"], key["state"]), ("s1", "published"),
        "waits until its record is seen")
tap.is_(rings.sign("adopted.example")[0], "s1", "and it signs as before")
zones[2].set("s1._domainkey", "TXT",
             '"%s"' % lab.key_record(RSA))
server.load(zones[2])
ran = rings.keyturn("tick")
key = next(k for k in rings.keys("adopted.example") if k["selector"] == "s1")
tap.is_(key["state"], "active", "active as soon as every server has it")
rings.rig.write("SigningTable", "# empty\n")
rings.rig.write("KeyTable", "# empty\n")
tap.ok(rings.keyturn("reload").code == 0, "the table's lines are taken out")
got, data = rings.sign("adopted.example")
tap.is_((got, rings.verify(data)), ("s1", None), "the ring signs with it")
refused(["--adopt", "s2=" + ED, "adopted.example"], 65,
        "this ring has signed", "--adopt into a ring that signs")

# Given up, and then an adoption that is refused: it is given up still.
tap.is_(rings.keyturn("remove", "--forget", "adopted.example").code, 0,
        "remove --forget")
refused(["--adopt", "s2=" + RSA, "adopted.example"], 65, "",
        "the key that it has had, under another name")
rings.keyturn("tick")
tap.is_([k["state"] for k in rings.keys("adopted.example")
         if k["state"] != "gone"], [], "no key is made for it")
tap.done()
