#!/usr/bin/python3 -B
"""The linter: each remark where it is due, and none where nothing is."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import looking           # noqa: E402

net = dnslab.DnsLab(dnssec=True)
lab.need("nsd", "unbound", "openssl")
tap = lab.Tap(60)

GOOD = looking.key_record(1)
KEY = GOOD.split("p=")[1]
WEAK = lab.make_key(net.path("weak.pem"), bits=768)
LONG = "v=DKIM1; k=rsa; p=" + "A" * 2000

CASES = [  # selector, values, {code: text}
    ("good", [GOOD], {}),
    ("notes", [GOOD + "; n=t=y"], {}),
    ("testing", [GOOD + "; t=s:y"], {
        "testing": "^t=y: verifiers treat the domain as testing DKIM"}),
    ("type", [GOOD.replace("k=ed25519; ", "")], {
        "key-type": "^k=rsa, but the key is of another type$",
        "syntax": ""}),
    ("unknown", [GOOD.replace("ed25519", "x25519")], {
        "key-type": "^k= is neither rsa nor ed25519: x25519$"}),
    ("hash", [GOOD + "; h=sha1"], {
        "hash": "^h= does not permit sha256: sha1$"}),
    ("service", [GOOD + "; s=tlsrpt"], {
        "service": "^s= does not permit email: tlsrpt$"}),
    ("several", [GOOD, "v=spf1 -all"], {
        "several": "^2 TXT records at the name: "}),
    ("syntax", ["v=DKIM1; k=ed25519; p=" + KEY[:-3]], {
        "syntax": "^p= is not base64"}),
    ("weak", [WEAK], {
        "weak": "^an RSA key of 768 bits; verifiers must refuse less than "
                "1024", "key-type": ""}),
    ("revoked", [GOOD[:GOOD.index("p=")] + "p="], {}),
]

zone = net.zone("example.com", {"ns1.example.com": ["10.53.1.1"]})
for selector, values, _ in CASES:
    zone.set(selector + "._domainkey", "TXT", *['"%s"' % v for v in values])
zone.set("loop._domainkey", "CNAME", "loop._domainkey.example.com.")
zone.set("lasting._domainkey", "TXT", '"%s"' % GOOD, ttl=86400)
zone.set("large._domainkey", "TXT",
         " ".join('"%s"' % LONG[i:i + 250] for i in range(0, len(LONG), 250)))
wild = net.zone("wild.example", {"ns1.wild.example": ["10.53.1.2"]})
wild.set("*", "TXT", '"v=spf1 -all"', ttl=1234)
wild.set("k1._domainkey", "TXT", '"%s"' % GOOD)
bogus = net.zone("bogus.example", {"ns1.bogus.example": ["10.53.1.3"]})
bogus.set("k1._domainkey", "TXT", '"%s"' % GOOD)
signed = net.zone("signed.example", {"ns1.signed.example": ["10.53.1.4"]})
signed.set("k1._domainkey", "TXT", '"%s"' % GOOD)

a = net.nsd("a", ["10.53.1.1"], [zone], proxied=True)
net.nsd("b", ["10.53.1.2"], [wild])
net.nsd("c", ["10.53.1.3"], [bogus])
net.knot("d", ["10.53.1.4"], [signed], dnssec=True)
bogus.ds = list(signed.ds)   # the parent's DS, and no key that it fits
net.start_root()
net.unbound("10.53.0.54", settings=["log-queries: yes", "verbosity: 1"])
see = looking.Looker(net, resolver=["10.53.0.54"])


def check(what, got, want):
    """The remarks: exactly those codes, each text like its pattern."""
    found = {l["code"]: l["text"] for l in got["lints"]}
    tap.ok(set(found) == set(want) and
           all(re.search(want[c], found[c]) for c in want), what, found)
    return got


for selector, _, want in CASES:
    check(selector, see.look("example.com", selector, GOOD), want)
check("without a record to compare", see.look("example.com", "type"),
      {"syntax": ""})
check("a loop", see.look("example.com", "loop", GOOD), {
    "cname-loop": "a loop of CNAMEs at loop._domainkey.example.com"})
check("nothing", see.look("example.com", "nothing", GOOD), {})
check("a TTL longer than the plan's",
      see.look("example.com", "lasting", GOOD), {
          "ttl": "^the record's TTL is 86400, the plan says 3600: "})
see.set(rotation={"ttl": 86400})
check("a plan that allows it", see.look("example.com", "lasting", GOOD), {})
see.set()
check("a large record, and TCP", see.look("example.com", "large", LONG), {
    "syntax": ""})
a.fault("refuse-tcp")
check("a large record without TCP", see.look("example.com", "large", LONG), {
    "too-large": "^the answer is too large for UDP, and TCP fails$"})
a.fault()
check("a wildcard beside the record", see.look("wild.example", "k1", GOOD), {
    "wildcard": "^a wildcard answers for names beside this one: caches may "
                "hold what it says for 1234 s"})

got = check("a bogus zone, the resolver not to be asked",
            see.look("bogus.example", "k1", GOOD), {})
with open(net.path("unbound-10.53.0.54/log"), encoding="utf-8") as log:
    tap.ok("_domainkey" not in log.read(), "and it was not")
tap.is_(got["sight"], "complete", "its servers have the record")
net.unbound("10.53.0.55", dnssec=False)
check("a signed zone, the resolver asked",
      see.look("signed.example", "k1", GOOD, ask_resolver=True), {})
check("a bogus one", see.look("bogus.example", "k1", GOOD, ask_resolver=True),
      {"bogus": r"^resolver 10\.53\.0\.54: SERVFAIL; without validation it "
                "answers: DNSSEC of the zone is broken$"})
see.set(resolver=["10.53.0.55"])
check("a resolver that does not validate",
      see.look("bogus.example", "k1", GOOD, ask_resolver=True), {})
tap.done()
