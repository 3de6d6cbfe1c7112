#!/usr/bin/python3 -B
"""keyturn verify and check-key with real name servers: what verify finds by
the resolver is what python3-dkim finds there; check-key sees what each server
has; what is wrong is named, and no answer is a temporary error."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli     # noqa: E402
import dnslab  # noqa: E402
import lab     # noqa: E402

MESSAGE = (b"From: a@%s\r\nTo: b@example.org\r\nSubject: hello\r\n"
           b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
           b"Message-ID: <1@example.com>\r\n\r\nHello.\r\n")
CONF = ('key_table = "KeyTable";\n'
        'dns = { resolver = ["%s"]; timeout = 2; };\n' % dnslab.RESOLVER)


class World:
    """Two authorities that differ in some records, and keys."""

    def __init__(self, net, b):
        self.net, self.b = net, b
        self.path, self.record = {}, {}
        for name, kind, bits in (("k1", "rsa", 2048), ("long", "rsa", 4096),
                                 ("e1", "ed25519", 0), ("x", "rsa", 2048)):
            self.path[name] = b.path(name + ".pem")
            self.record[name] = lab.make_key(self.path[name], kind, bits)
        self.conf = b.write("keyturn.conf", CONF, 0o644)
        b.write("KeyTable", "t-long example.com:long:long.pem\n", 0o644)
        self.zones()
        self.net.start_root()

    def zones(self):
        both = {"ns1.example.com": ["10.53.1.1"],
                "ns2.example.com": ["10.53.1.2"]}
        com = self.net.zone("example.com", both)
        dead = self.net.zone("dead.example", {
            "ns1.dead.example": ["10.53.1.1"],
            "ns2.dead.example": ["10.53.1.2"]})
        other = self.net.zone("example.net", {"ns.example.net":
                                              ["10.53.1.2"]})
        k1 = cli.quoted(self.record["k1"])
        for name, values in (
                ("k1", [k1]), ("long", [cli.quoted(self.record["long"])]),
                ("e1", [cli.quoted(self.record["e1"])]),
                ("two", [k1, '"v=DKIM1; p="']),
                ("revoked", ['"v=DKIM1; k=rsa; p="']),
                ("other", [cli.quoted(self.record["x"])]),
                ("cut", ['"%s"' % self.record["k1"][:255]]),
                ("tags", [cli.quoted(self.record["k1"].replace(
                    "k=rsa", "k=rsa; t=s"))])):
            com.set(name + "._domainkey", "TXT", *values)
        com.set("alias._domainkey", "CNAME", "k1.keys.example.net.")
        com.set("nowhere._domainkey", "CNAME", "none.keys.example.net.")
        other.set("k1.keys", "TXT", k1)
        dead.set("k1._domainkey", "TXT", k1)
        # What has not reached the second server.
        lagging = com.copy()
        com.set("lag._domainkey", "TXT", k1)
        com.set("old._domainkey", "TXT", k1)
        lagging.set("old._domainkey", "TXT", cli.quoted(self.record["x"]))
        self.a = self.net.knot("a", ["10.53.1.1"], [com, dead], proxied=True)
        self.nsd = self.net.nsd("b", ["10.53.1.2"], [lagging, dead, other],
                                proxied=True)
        for server in (self.a, self.nsd):
            server.fault("servfail only=dead.example")

    def signed(self, selector, key="k1", domain="example.com"):
        ran = self.b.run("sign", "-d", domain, "-s", selector, "-k",
                         self.path[key], stdin=MESSAGE % domain.encode())
        assert ran.code == 0, ran
        return ran.out

    def verify(self, message, *args):
        ran = self.b.run("-c", self.conf, "verify", "--json", *args,
                         stdin=message)
        try:
            return json.loads(ran.out)["signatures"][0], ran
        except (ValueError, IndexError):
            return {}, ran

    def dkimpy(self, message):
        import dkim
        import dns.exception
        import dns.resolver
        r = dns.resolver.Resolver(configure=False)
        r.nameservers, r.lifetime = [dnslab.RESOLVER], 5

        def txt(name, timeout=5):
            try:
                found = r.resolve(name.decode(), "TXT")
            except dns.exception.DNSException:
                return None
            return b"".join(found[0].strings)
        try:
            return dkim.verify(message, dnsfunc=txt)
        except dkim.DKIMException:
            return False

    def check(self, selector, key="k1", domain="example.com"):
        args = [self.path[key]] if key else []
        ran = self.b.run("-c", self.conf, "check-key", domain, selector, *args)
        found = self.b.run("-c", self.conf, "check-key", "--json", domain,
                           selector, *args)
        try:
            return ran, json.loads(found.out)
        except ValueError:
            return ran, {}


def test_verify(tap, w):
    for name, selector, key, result, reason, text in (
            ("good", "k1", "k1", "pass", "good", ""),
            ("a record of four strings", "long", "long", "pass", "good", ""),
            ("Ed25519", "e1", "e1", "pass", "good", ""),
            ("a CNAME to another zone", "alias", "k1", "pass", "good", ""),
            ("no such name", "none", "k1", "permerror", "no-key",
             "no TXT record at none._domainkey.example.com"),
            ("a CNAME to nowhere", "nowhere", "k1", "permerror", "no-key",
             "no TXT record at nowhere._domainkey.example.com"),
            ("two records", "two", "k1", "permerror", "several-keys",
             "2 TXT records at two._domainkey.example.com"),
            ("revoked", "revoked", "k1", "permerror", "key-revoked",
             "key revoked"),
            ("another key", "other", "k1", "fail", "key-mismatch",
             "key mismatch"),
            ("a cut record", "cut", "k1", "permerror", "key-syntax",
             "key record at cut._domainkey.example.com")):
        message = w.signed(selector, key)
        v, ran = w.verify(message)
        tap.ok((v.get("result"), v.get("reason")) == (result, reason) and
               text in v["text"] and
               ran.code == (0 if result == "pass" else 1),
               "verify: " + name, ran)
        if reason not in ("several-keys",):  # it takes either
            tap.is_(w.dkimpy(message), result == "pass",
                    name + ": python3-dkim agrees")
    message = w.signed("k1", domain="dead.example")
    v, ran = w.verify(message)
    tap.ok((ran.code, v.get("result"), v.get("reason")) ==
           (69, "temperror", "dns"), "verify: SERVFAIL is temporary", ran)
    ran = w.b.run("-c", w.conf, "verify", stdin=message)
    tap.ok(ran.out.startswith(
        b"temperror d=dead.example s=k1 a=rsa-sha256: no answer: "
        b"k1._domainkey.dead.example: ") and b"likely cause: " in ran.out,
        "in words", ran)
    conf = w.b.write("dead.conf", 'dns = { resolver = ["%s"]; timeout = 1; };'
                     % dnslab.DEAD)
    ran = w.b.run("-c", conf, "verify", stdin=w.signed("k1"))
    tap.ok(ran.code == 69 and ran.out.startswith(b"temperror ") and
           dnslab.DEAD.encode() in ran.out, "no resolver: temporary too", ran)
    both = cli.craft(w.signed("k1"), w.path["k1"], d=b"dead.example")
    v, ran = w.verify(both)
    tap.ok(ran.code == 0 and v.get("result") == "temperror",
           "one passes, one has no answer: good", ran)


def test_check_key(tap, w):
    for name, selector, key, code, finding, parts in (
            ("good", "k1", "k1", 0, "good", ("DKIM key OK \u2014 2048 bits, "
                                             "selector=k1\n", "seen at:")),
            ("of the KeyTable", "long", None, 0, "good", (
                "DKIM key OK \u2014 4096 bits, selector=long\n",
                "KeyTable:1)")),
            ("through a CNAME", "alias", "k1", 0, "good", ("DKIM key OK",)),
            ("without a private key", "k1", None, 0, "good", (
                "DKIM record OK \u2014 2048 bits",)),
            ("DNS lag: not at the second server", "lag", "k1", 1, "dns-lag",
             ("DKIM key not at every server: DNS lag", "ns2.example.com",
              "10.53.1.2")),
            ("DNS lag: the second server has the old one", "old", "k1", 1,
             "dns-lag", ("DNS lag", "ns2.example.com")),
            ("no record", "none", "k1", 1, "no-record", (
                "DKIM key not published",)),
            ("key mismatch", "other", "k1", 1, "key-mismatch", (
                "DKIM key mismatch",)),
            ("published under another selector", "none", "long", 1,
             "selector-mismatch", ("DKIM selector mismatch", "is published at "
                                   "long._domainkey.example.com")),
            ("several", "two", "k1", 1, "several-records", (
                "several DKIM records",)),
            ("revoked", "revoked", "k1", 1, "revoked", ("DKIM key revoked",)),
            ("cut", "cut", "k1", 1, "truncated", ("DKIM record truncated",)),
            ("another t=", "tags", "k1", 1, "other-tags", (
                "DKIM record differs",))):
        ran, found = w.check(selector, key)
        out = ran.out.decode()
        tap.ok(ran.code == code and all(p in out for p in parts) and
               found.get("finding") == finding, "check-key: " + name,
               (ran, found.get("finding")))
        tap.ok(len((found.get("dns") or {}).get("servers", [])) >= 2,
               name + ": every server is told of", found)
    ran, found = w.check("k1", "k1", "dead.example")
    tap.ok((ran.code, found.get("finding")) == (69, "unanswered") and
           ran.out.startswith("DNS does not answer \u2014 ".encode()),
           "check-key: SERVFAIL", (ran, found))
    w.nsd.fault("drop-udp drop-tcp only=example.com")
    conf = w.b.write("quick.conf", CONF.replace("= 2;", "= 1;"))
    ran = w.b.run("-c", conf, "check-key", "example.com", "k1", w.path["k1"])
    w.nsd.fault("")
    tap.ok(ran.code == 69 and ran.out.startswith(b"DNS does not answer") and
           b"10.53.1.2" in ran.out, "check-key: a server that is silent is "
           "named", ran)


def main():
    net = dnslab.DnsLab()
    lab.need("nsd", "unbound", "openssl")
    tap = lab.Tap(150)
    with cli.Bench() as b:
        w = World(net, b)
        w.net.resolver  # is started by that
        test_verify(tap, w)
        test_check_key(tap, w)
    tap.done()


main()
