#!/usr/bin/python3 -B
"""What a look says when every authority serves the record, and when one of
them does not: real servers, real delegations, faults in front of one."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import looking           # noqa: E402

net = dnslab.DnsLab()
lab.need("nsd", "named", "unbound", "dnssec-signzone", "dnssec-keygen")
tap = lab.Tap(180)

RECORD = looking.key_record(1)
OTHER = looking.key_record(2)
EMPTY = "v=DKIM1; k=ed25519; p="


def txt(record):
    return '"%s"' % record


# example.com: three servers, each of another make.
EXAMPLE = {"ns1.example.com": ["10.53.1.1"],
           "ns2.servers.test": ["10.53.1.2"],
           "ns3.example.com": ["10.53.1.3", "fd53::103"]}
example = net.zone("example.com", EXAMPLE)
example.set("k1._domainkey", "TXT", txt(RECORD), ttl=1800)
example.set("gone._domainkey", "TXT", txt(EMPTY))
example.set("wide._domainkey", "TXT",
            txt("v=DKIM1;k=Ed25519 ; s=email:*; h=; n=a note;x=y;" +
                RECORD.split(";")[2]))
for name, target in (
        ("good", "k1.provider.test."), ("lost", "nobody.provider.test."),
        ("nowhere", "k1.no-such-zone.test."), ("half", "k2.provider.test."),
        ("loop", "loop.provider.test."),
        ("self", "self._domainkey.example.com."),
        ("long", "c1.provider.test.")):
    example.set(name + "._domainkey", "CNAME", target, ttl=5000)

# provider.test: two servers, one of which lacks k2.
provider = net.zone("provider.test", {"ns1.provider.test": ["10.53.2.1"],
                                      "ns2.provider.test": ["10.53.2.2"]},
                    soa_minimum=700)
provider.set("k1", "TXT", txt(RECORD))
provider.set("loop", "CNAME", "loop._domainkey.example.com.")
for i in range(1, 12):
    provider.set("c%d" % i, "CNAME", "c%d.provider.test." % (i + 1))
half = provider.copy().set("k2", "TXT", txt(RECORD))

# Two lists of servers, and a cut at _domainkey.
split = net.zone("split.test", {"ns1.split.test": ["10.53.3.1"],
                                "ns2.split.test": ["10.53.3.2"]},
                 parent_ns={"ns1.split.test": ["10.53.3.1"],
                            "ns3.split.test": ["10.53.3.3"]})
split.set("k1._domainkey", "TXT", txt(RECORD))
cut = net.zone("cut.test", {"ns1.cut.test": ["10.53.4.1"]})
below = net.zone("_domainkey.cut.test", {"ns2.servers.test": ["10.53.1.2"]},
                 soa_minimum=11)
below.set("k1", "TXT", txt(RECORD))
cut.set("_domainkey", "NS", "ns2.servers.test.")

# A signed zone; wildcards; only IPv6; too many servers; one that moves.
signed = net.zone("signed.test", {"ns1.signed.test": ["10.53.5.1"]},
                  soa_minimum=60, soa_ttl=60, nsec_ttl=7200)
signed.set("k1._domainkey", "TXT", txt(RECORD))
wild = net.zone("wild.test", {"ns1.wild.test": ["10.53.6.1"]})
wild.set("*._domainkey", "TXT", txt("v=spf1 -all"), ttl=4000)
wild.set("k1._domainkey", "TXT", txt(RECORD))
six = net.zone("six.test", {"ns1.six.test": ["10.53.6.1"],
                            "ns2.six.test": ["fd53::602"]})
six.set("k1._domainkey", "TXT", txt(RECORD))
lost6 = net.zone("lost6.test", {"ns1.lost6.test": ["10.53.6.1", "2001:db8::1"]})
lost6.set("k1._domainkey", "TXT", txt(RECORD))
many = net.zone("many.test", {"ns%d.many.test" % i: ["10.53.6.1"]
                              for i in range(33)})
moving = net.zone("moving.test", {"old.moving.test": ["10.53.7.1"]})
moving.set("k1._domainkey", "TXT", txt(RECORD))
lists = net.zone("nameless.test", {"ns1.nameless.test": ["10.53.6.1"],
                                   "ns2.servers-without.test": []})

a = net.knot("a", ["10.53.1.1"], [example])
b = net.nsd("b", ["10.53.1.2"], [example, below], proxied=True)
c = net.bind("c", ["10.53.1.3", "fd53::103"], [example])
d = net.knot("d", ["10.53.2.1", "10.53.3.1", "10.53.4.1"],
             [half, split, cut, below])
e = net.nsd("e", ["10.53.2.2", "10.53.5.1"], [provider, signed])
f = net.knot("f", ["10.53.6.1", "fd53::602"], [wild, six, lost6, many, lists])
f2 = net.knot("f2", ["10.53.3.2"], [split])
f3 = net.nsd("f3", ["10.53.3.3"], [split])
old = net.knot("old", ["10.53.7.1"], [moving])
net.start_root()
resolver = net.unbound("10.53.0.54", settings=["log-queries: yes",
                                               "verbosity: 1"])
see = looking.Looker(net, resolver=["10.53.0.54"])


def check(what, got, sight, text="", **more):
    """The sight, a pattern for its text, other members."""
    problems = []
    if got.get("sight") != sight:
        problems.append("sight is not " + sight)
    if not re.search(text, got.get("text", "")):
        problems.append("the text is not like " + text)
    problems += ["%s is not %r" % (k, v) for k, v in more.items()
                 if got.get(k) != v]
    return tap.ok(not problems, what, "%s\n%s" % (", ".join(problems), got))


# Everything in order.
got = see.look("example.com", "k1", RECORD)
check("every server has it", got, "complete", "^4 addresses of 3 servers$",
      cache_ttl=300, record_ttl=1800, record=RECORD, lints=[])
tap.is_(sorted((s["name"], s["address"]) for s in got["servers"]),
        [("ns1.example.com", "10.53.1.1"), ("ns2.servers.test", "10.53.1.2"),
         ("ns3.example.com", "10.53.1.3"), ("ns3.example.com", "fd53::103")],
        "asked were all addresses, with glue and without")
check("letter case of names", see.look("EXAMPLE.com", "K1", RECORD),
      "complete")
check("equal by meaning", see.look("example.com", "wide", RECORD), "complete")
check("another key", see.look("example.com", "k1", OTHER), "mismatch",
      r"^ns1.*\(10\.53\.1\.1\): another key in p=$", cache_ttl=1800)
check("nothing there", see.look("example.com", "k9", RECORD), "absent",
      "^no server has a TXT record at k9._domainkey.example.com$",
      cache_ttl=300, record=None)
check("revoked", see.look("example.com", "gone", RECORD), "empty",
      "revoked", record=EMPTY)
check("without a record to compare", see.look("example.com", "k1"),
      "complete", record=RECORD)
tap.is_(see.run(["example.com bad..selector " + RECORD])[0],
        {"error": "not the name of a key record: "
                  "bad..selector._domainkey.example.com"},
        "what is no name is refused")

# Faults of one server in three.
NS2 = r"^ns2\.servers\.test \(10\.53\.1\.2\): "
FAULTS = [  # words, sight, text
    ("servfail", "unanswered", NS2 + "answers SERVFAIL$"),
    ("refused", "unanswered", NS2 + "answers REFUSED$"),
    ("nxdomain", "unanswered", NS2 + "is lame: it answers without authority$"),
    ("lame", "unanswered", NS2 + "is lame"),
    ("not-authoritative", "unanswered", NS2 + "is lame"),
    ("nodata", "unanswered", NS2 + "gives no SOA record"),
    ("drop", "unanswered", NS2 + "no answer by UDP within 1 s$"),
    ("drop-udp", "unanswered", NS2 + "no answer by UDP within 1 s$"),
    ("drop-tcp", "unanswered", NS2 + "no answer by TCP within 1 s$"),
    ("refuse-tcp", "unanswered", NS2 + "no answer by TCP: "),
    ("wrong-id", "unanswered", NS2 + "no answer by UDP within 1 s$"),
    ("wrong-question", "unanswered", NS2 + "no answer by UDP within 1 s$"),
    ("cut", "unanswered", NS2 + "an answer by UDP that cannot be read$"),
    ("truncate refuse-tcp", "unanswered", NS2 + "too large for UDP, and no "
     "answer by TCP"),
    ("second-record", "mismatch", NS2 + "2 TXT records$"),
    ("servfail only=k1._domainkey.example.com", "unanswered",
     NS2 + "answers SERVFAIL$"),
    ("servfail flap=3", "unanswered", NS2),
    ("truncate", "complete", ""),
    ("formerr-edns", "complete", ""),
    ("delay=0.05", "complete", ""),
    ("wrong-ttl=999999999", "complete", ""),
    ("", "complete", ""),
]
for words, sight, text in FAULTS:
    b.fault(words)
    check("one of three: " + (words or "well again"),
          see.look("example.com", "k1", RECORD), sight, text)
b.fault("wrong-ttl=999999999")
got = see.look("example.com", "k1", RECORD)
tap.is_((got["record_ttl"], got["cache_ttl"]), (604800, 300),
        "no cache keeps a record for longer than a week")
b.fault("truncate refuse-tcp")
got = see.look("example.com", "k1", RECORD)
tap.is_([l["code"] for l in got["lints"]], ["too-large"], "and its lint")
b.fault("refuse-tcp")
see.set(tcp="when-truncated")
check("TCP is not required", see.look("example.com", "k1", RECORD),
      "complete")
see.set()
b.fault()

# What one server in three has.
for what, values, sight, text in (
        ("nothing", [], "partial",
         NS2 + "no TXT record at k1._domainkey.example.com$"),
        ("another key", [txt(OTHER)], "mismatch", NS2 + "another key in p=$"),
        ("two records", [txt(RECORD), txt(OTHER)], "mismatch",
         NS2 + "2 TXT records$"),
        ("a record cut short", [txt(RECORD[:-20])], "mismatch",
         NS2 + "another key in p=$"),
        ("another type", [txt(RECORD.replace("ed25519", "rsa"))], "mismatch",
         NS2 + "k=rsa instead of k=ed25519$"),
        ("t=y", [txt(RECORD + "; t=y")], "mismatch",
         NS2 + "t=y instead of no t=$"),
        ("s=", [txt("v=DKIM1; s=other; k=ed25519; p=" +
                    RECORD.split("p=")[1])],
         "mismatch", NS2 + r"s=other instead of no s=$"),
        ("h=", [txt(RECORD + "; h=sha1")], "mismatch",
         NS2 + "h=sha1 instead of no h=$"),
        ("v= last", [txt(RECORD[9:] + "; v=DKIM1")], "mismatch",
         NS2 + "v= is not DKIM1, or not the first tag$"),
        ("no key record", [txt("v=spf1 -all")], "mismatch",
         NS2 + "v= is not DKIM1, or not the first tag$"),
        ("p= empty", [txt(EMPTY)], "partial", NS2 + "p= is empty: revoked$"),
        ("the same in two strings",
         ['"%s" "%s"' % (RECORD[:20], RECORD[20:])], "complete", "")):
    other = example.copy()
    if values:
        other.set("k1._domainkey", "TXT", *values, ttl=1800)
    else:
        other.remove("k1._domainkey", "TXT")
    b.load(other)
    check("one of three has " + what, see.look("example.com", "k1", RECORD),
          sight, text)
    if what == "another key":
        check("without a record to compare, all must have the same",
              see.look("example.com", "k1"), "mismatch", "another key")
b.load(example)

# Negative TTLs.
other = example.copy()
other.set("@", "SOA", "ns1.example.com. hostmaster.example.com. SERIAL 3600 "
          "600 864000 900", ttl=500)
b.load(other)
check("min(SOA minimum, SOA TTL), the largest of all servers",
      see.look("example.com", "k1", RECORD), "complete", cache_ttl=500)
b.load(example)
check("NSEC records are kept as long as their TTL says",
      see.look("signed.test", "k1", RECORD), "complete", cache_ttl=7200)
check("also where there is no record",
      see.look("signed.test", "k2", RECORD), "absent", cache_ttl=7200)
check("a wildcard was served at the name",
      see.look("wild.test", "k1", RECORD), "complete", cache_ttl=4000,
      wildcard=False)
check("a wildcard is served at the name",
      see.look("wild.test", "k2", RECORD), "mismatch", "v= is not DKIM1",
      cache_ttl=4000, wildcard=True)

# CNAMEs.
check("a CNAME to another zone", see.look("example.com", "good", RECORD),
      "complete", "^6 addresses of 5 servers$", cache_ttl=700)
check("one of its servers lacks the record",
      see.look("example.com", "half", RECORD), "partial",
      r"^ns2\.provider\.test \(10\.53\.2\.2\): no TXT record at "
      r"k2\.provider\.test$", cache_ttl=5000)
check("a CNAME to nothing", see.look("example.com", "lost", RECORD),
      "absent", cache_ttl=5000)
check("a CNAME to no zone", see.look("example.com", "nowhere", RECORD),
      "absent")
check("a loop", see.look("example.com", "loop", RECORD), "mismatch",
      "a loop of CNAMEs at ")
check("a CNAME to itself", see.look("example.com", "self", RECORD),
      "mismatch", "a loop of CNAMEs at ")
check("too many CNAMEs", see.look("example.com", "long", RECORD), "mismatch",
      "CNAMEs over more than 8 names")

# Who is asked.
got = see.look("split.test", "k1", RECORD)
check("the parent's and the child's servers", got, "complete",
      "^3 addresses of 3 servers$")
f3.load(split.copy().remove("k1._domainkey", "TXT"))
check("a server that only the parent names",
      see.look("split.test", "k1", RECORD), "partial", r"^ns3\.split\.test")
f3.load(split)
f2.load(split.copy().remove("k1._domainkey", "TXT"))
check("a server that only the child names",
      see.look("split.test", "k1", RECORD), "partial", r"^ns2\.split\.test")
f2.load(split)
got = see.look("cut.test", "k1", RECORD)
check("a zone cut at _domainkey", got, "complete", "", cache_ttl=11)
tap.is_([s["zone"] for s in got["servers"]], ["_domainkey.cut.test"],
        "only its servers are asked")
check("too many servers", see.look("many.test", "k1", RECORD), "unanswered",
      "many.test has more than 32 servers or 64 addresses")
check("a server without address", see.look("nameless.test", "k1", RECORD),
      "unanswered", r"^ns2\.servers-without\.test: has no address$")
check("no such zone", see.look("none.test", "k1", RECORD), "absent")

# IPv6.
if net.has_ipv6:
    check("a server with only IPv6", see.look("six.test", "k1", RECORD),
          "complete", "^2 addresses of 2 servers$")
    check("an address that cannot be reached, though IPv6 works",
          see.look("lost6.test", "k1", RECORD), "unanswered",
          r"^ns1\.lost6\.test \(2001:db8::1\): cannot be reached by UDP")
    dnslab._run("ip", "-6", "addr", "flush", "dev", "lo")
    dnslab._run("ip", "-6", "route", "flush", "table", "local")
    check("IPv6 is dead from here", see.look("example.com", "k1", RECORD),
          "complete", "^3 addresses of 3 servers; IPv6 left out")
    check("a server has nothing else", see.look("six.test", "k1", RECORD),
          "unanswered", r"^ns2\.six\.test \(fd53::602\): has only IPv6 "
          "addresses, which cannot be reached from here$")
    got = see.look("lost6.test", "k1", RECORD)
    check("the unreachable address is left out too", got, "complete",
          "IPv6 left out")
    tap.is_([s["left_out"] for s in got["servers"]], [False, True],
            "and named")

# Who is not asked.
with open(resolver.path("log"), encoding="utf-8") as log:
    asked = log.read()
tap.ok("ns2.servers.test. A IN" in asked and "_domainkey" not in asked,
       "the resolver never hears of a key's name",
       [l for l in asked.splitlines() if "_domainkey" in l][:5])
see.set(resolver=[dnslab.DEAD])
check("no resolver", see.look("example.com", "k1", RECORD), "unanswered",
      "^the servers of the root are not known: resolver 10.53.255.254: ")
see.set()

# Those that are named.
see.set(authorities=["10.53.1.1", "10.53.1.3@53"], resolver=[dnslab.DEAD])
check("authorities by the configuration",
      see.look("example.com", "k1", RECORD), "complete",
      "^2 addresses of 2 servers$", cache_ttl=300)
see.set(authorities=["10.53.1.1", dnslab.DEAD])
check("one of them is dead", see.look("example.com", "k1", RECORD),
      "unanswered", "^10.53.255.254: no answer by UDP: Connection refused$")
see.set(authorities=["10.53.1.1"])
check("a CNAME leads to others", see.look("example.com", "good", RECORD),
      "complete", "^3 addresses of 3 servers$")
see.set(witness="resolvers", witnesses=["10.53.0.54", net.resolver])
check("witnesses", see.look("example.com", "good", RECORD), "complete",
      "^2 addresses of 2 resolvers$", weak=True)
check("that know of nothing", see.look("example.com", "k9", RECORD),
      "absent", weak=True, cache_ttl=300)
see.set()

# The memory.
new = moving.copy()
new.set("@", "NS", "new.moving.test.").set("new", "A", "10.53.7.2")
new.remove("old", "A")
check("before the move", see.look("moving.test", "k1", RECORD, memory=True),
      "complete", "^1 address of 1 server$")
moved = net.knot("new", ["10.53.7.2"], [new])
net.zones[net.zones.index(moving)].delegation = {
    "new.moving.test.": ["10.53.7.2"]}
old.load(moving.copy().remove("k1._domainkey", "TXT"))
net.start_root()
check("without memory the old server is forgotten",
      see.look("moving.test", "k1", RECORD), "complete")
check("with it, it counts", see.look("moving.test", "k1", RECORD, memory=True),
      "partial", r"^old\.moving\.test \(10\.53\.7\.1\): no TXT record")
old.load(moving)
check("it may serve the record", see.look(
    "moving.test", "k1", RECORD, memory=True), "complete",
    "^2 addresses of 2 servers$")
old.stop()
check("it is silent", see.look("moving.test", "k1", RECORD, memory=True),
      "unanswered", r"^old\.moving\.test \(10\.53\.7\.1\): no answer by UDP: ")
refusing = net.knot("refusing", ["10.53.7.1"],
                    [net.zone("elsewhere.test", {"x.test": ["10.53.7.1"]})])
check("it refuses the zone", see.look("moving.test", "k1", RECORD,
                                      memory=True), "complete",
      "^1 address of 1 server$")
refusing.stop()
with open(see.memory, encoding="ascii") as f:
    text = f.read()
tap.ok(re.search(r"^moving\.test old\.moving\.test 10\.53\.7\.1 20\S+Z$", text,
                 re.M), "the file", text)
ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 48 * 3600))
with open(see.memory, "w", encoding="ascii") as f:
    f.write("nonsense\nmoving.test old.moving.test 10.53.7.1 %s\n" % ago)
check("after 48 hours it is forgotten",
      see.look("moving.test", "k1", RECORD, memory=True), "complete")
with open(see.memory, encoding="ascii") as f:
    text = f.read()
tap.ok("old.moving" not in text and "nonsense" not in text and
       "new.moving.test 10.53.7.2" in text, "and gone from the file", text)

# Many at once, with the names of servers and the delegation asked for once.
before = len(asked.splitlines())
lines = ["example.com k%d %s" % (i % 3 or 1, RECORD) for i in range(60)]
answers = see.run(lines)
tap.is_([a["sight"] for a in answers],
        ["absent" if i % 3 == 2 else "complete" for i in range(60)],
        "sixty looks in one run")

# What a verifier resolves.
lines = see.run(["= good._domainkey.example.com", "= k9._domainkey.example.com",
                 "= K1._domainkey.Example.com"])
tap.is_(lines, [{"0": RECORD}, {}, {"0": RECORD}], "TXT by the resolver")
see.set(resolver=[dnslab.DEAD])
tap.ok("resolver 10.53.255.254: no answer" in
       see.run(["= k1._domainkey.example.com"])[0].get("error", ""),
       "or no answer")
tap.done()
