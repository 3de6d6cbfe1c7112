#!/usr/bin/python3 -B
"""The publisher rfc2136 against real knot and bind9: what it writes, what it
never overwrites, every refusal with its way out; and answers that no real
server gives, from one that lies."""

import base64
import os
import re
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns.message       # noqa: E402
import dns.name          # noqa: E402
import dns.opcode        # noqa: E402
import dns.rcode         # noqa: E402
import dns.rrset         # noqa: E402
import dns.tsig          # noqa: E402
import dns.tsigkeyring   # noqa: E402
import dnslab            # noqa: E402
import lab               # noqa: E402
from publishing import EMPTY, publish, record  # noqa: E402

net = dnslab.DnsLab()
lab.need("named", "knotd")
tap = lab.Tap(100)


def secret(length=32):
    return base64.b64encode(os.urandom(length)).decode()


net.more_keys = [("long-key.example", "hmac-sha512", secret(64), True),
                 ("poor-key", "hmac-sha256", secret(), False)]
VALUE, OTHER = record(294), record(294)
KEY = net.tsig_file
FILES = {
    "sha512": net.key_file("sha512", *net.more_keys[0]),
    "poor": net.key_file("poor", *net.more_keys[1]),
    "unknown": net.key_file("unknown", "no-such-key", "hmac-sha256", secret()),
    "wrong": net.key_file("wrong", net.tsig_name, "hmac-sha256", secret()),
    "alg": net.key_file("alg", net.tsig_name, "hmac-sha512", net.tsig_secret),
}


def send(action, server, key=KEY, value=VALUE, **more):
    return publish(action, type="rfc2136", server=server, key_file=key,
                   value=value, **more)


def served(server, name):
    """The strings of the TXT records there, or the rcode."""
    m = net.ask(server, name, "TXT", tcp=True)
    if m is None or m.rcode() != dns.rcode.NOERROR:
        return m and dns.rcode.to_text(m.rcode())
    return [b"".join(r.strings).decode() for rrset in m.answer
            for r in rrset if r.rdtype == dns.rdatatype.TXT]


class Case:
    """One name after another at one server."""

    def __init__(self, server, label):
        self.server, self.label, self.count = server, label, 0
        self.address = server.addresses[0]

    def next(self):
        self.count += 1
        self.selector = "k%d" % self.count
        self.name = "k%d._domainkey.example.com" % self.count

    def do(self, what, action, result, error="", **more):
        """One request, its outcome, part of its error."""
        got = send(action, self.address, selector=self.selector, **more)
        tap.ok(got[0] == result and (error in got[1] if error
                                     else got[1] == ""),
               "%s: %s" % (self.label, what), got)

    def there(self, *values):
        tap.is_(served(self.address, self.name), list(values) or "NXDOMAIN",
                "%s: %s" % (self.label, "that is there" if values
                            else "nothing is there"))


def life(c):
    """Put, revoke, remove; each twice."""
    c.next()
    c.do("put", "put", "done")
    c.there(VALUE)
    m = net.ask(c.address, c.name, "TXT", tcp=True)
    tap.is_(m.answer[0].ttl, 3600, c.label + ": with its TTL")
    c.do("the same again", "put", "done")
    c.do("another over it", "put", "refused",
         "%s: has another record, which is not overwritten: \"%s" % (
             c.name, VALUE[:100]), value=OTHER)
    c.do("revoke another", "revoke", "refused",
         "has another record than that of this key, and it stays",
         value=OTHER)
    c.do("remove another", "remove", "refused",
         "has another record than that of this key", value=OTHER)
    c.there(VALUE)
    c.do("revoke", "revoke", "done")
    c.there(EMPTY)
    c.do("revoke again", "revoke", "done")
    c.do("put over the empty one", "put", "refused", EMPTY)
    c.do("remove another's empty one", "remove", "refused", EMPTY,
         value=record(32, "ed25519"))
    c.there(EMPTY)
    c.do("remove", "remove", "done")
    c.there()
    c.do("remove again", "remove", "done")
    c.do("revoke what somebody removed", "revoke", "done")
    c.there(EMPTY)
    c.next()
    c.do("put", "put", "done")
    c.do("remove at once", "remove", "done")
    c.there()


def others(c, zone):
    """What else can be at the name."""
    c.next()
    c.server.update(zone, c.name + ".", "CNAME", "elsewhere.example.net.")
    for action in ("put", "revoke", "remove"):
        c.do(action + " at a CNAME", action, "refused",
             "CNAME elsewhere.example.net.")
    m = net.ask(c.address, c.name, "CNAME", tcp=True)
    tap.is_(str(m.answer[0][0]), "elsewhere.example.net.",
            c.label + ": the CNAME stays")
    c.next()
    c.server.update(zone, c.name + ".", "CAA", '0 issue "x"')
    for action in ("put", "revoke"):
        c.do(action + " at another type", action, "refused",
             "a record that is not TXT")
    c.do("remove at another type", "remove", "done")
    tap.is_(len(net.ask(c.address, c.name, "CAA", tcp=True).answer), 1,
            c.label + ": that stays")
    c.next()
    c.server.update(zone, c.name + ".", "TXT", '"%s"' % VALUE[:50],
                    '"b\\"\\007c"')
    for action in ("put", "revoke", "remove"):
        c.do(action + " at two records", action, "refused", 'b"\\x07c')
    c.next()
    c.server.update(zone, c.name + ".", "TXT",
                    '"%s" "%s"' % (VALUE[:20], VALUE[20:200]) +
                    ' "%s"' % VALUE[200:])
    c.do("the same in other strings", "put", "done")
    c.do("and revoke it", "revoke", "done")
    c.there(EMPTY)


def wildcard(c):
    """What a wildcard gives is not there."""
    c.next()
    name = "%s._domainkey.wild.example.com" % c.selector
    tap.is_(served(c.address, name), ["wild"], c.label + ": a wildcard")
    more = {"domain": "wild.example.com"}
    c.do("remove nothing", "remove", "done", **more)
    c.do("put beside it", "put", "done", **more)
    tap.is_(served(c.address, name), [VALUE], c.label + ": is there")
    c.do("remove it", "remove", "done", **more)
    c.do("remove it again", "remove", "done", **more)
    tap.is_(served(c.address, name), ["wild"], c.label + ": is gone")
    c.do("revoke nothing", "revoke", "done", **more)
    tap.is_(served(c.address, name), [EMPTY], c.label + ": is revoked")


def keys(c):
    """Keys right and wrong."""
    c.next()
    c.do("hmac-sha512", "put", "done", key=FILES["sha512"])
    c.there(VALUE)
    c.next()
    c.do("a key that the server does not know", "put", "refused",
         "does not take the key no-such-key (BADKEY): name and algorithm "
         "(hmac-sha256) in %s must be those" % FILES["unknown"],
         key=FILES["unknown"])
    c.do("another secret", "put", "refused",
         "has another secret for the key test-key (BADSIG): put the server's "
         "into %s" % FILES["wrong"], key=FILES["wrong"])
    c.do("another algorithm", "put", "refused", "test-key", key=FILES["alg"])
    c.do("a key without leave", "put", "refused",
         {"knot": "does not take the key poor-key (BADKEY)",
          "bind": "does not let this key do that (REFUSED)"}[c.label],
         key=FILES["poor"])
    # Sanitizers hang under libfaketime.
    for seconds in () if lab.is_sanitized("keyturn") else (-3600, 3600):
        net.ahead = 0
        env = net.fake_env()
        net.jump(seconds)
        c.do("a clock %+d s off" % seconds, "put", "later",
             " s apart (BADTIME): set the wrong one", env=env)
    c.there()


def zones(c):
    """Which zone."""
    c.next()
    c.do("the zone is given", "put", "done", zone="example.com.")
    c.next()
    c.do("the zone is not above the name", "put", "refused",
         "is not in publisher.zone: example.net", zone="example.net")
    # Knot signs nothing that concerns a zone it does not have.
    unsigned = "the answer is not signed (TSIG); it says %s, as a server " \
        "does that does not have the zone: see publisher.server and " \
        "publisher.zone"
    if c.label == "knot":
        c.do("a zone that is not there", "put", "later",
             unsigned % "NOTAUTH", zone="_domainkey.example.com")
        c.do("no zone there", "put", "later", unsigned % "REFUSED",
             domain="example.org")
    else:
        c.do("a zone that is not there", "put", "refused", "is not the "
             "primary of the zone, or does not let this key update it "
             "(NOTAUTH)", zone="_domainkey.example.com")
        c.do("no zone there", "put", "refused", "%s: has no zone for "
             "%s._domainkey.example.org: name the primary" % (
                 c.address, c.selector), domain="example.org")
    c.do("a delegated zone", "put", "refused", "delegates the zone of",
         domain="below.example.com")
    c.do("a domain below the zone's", "put", "done", domain="sub.example.com")
    c.next()
    for address, error in (
            (c.address + "@53", ""), (c.server.addresses[1], ""),
            (c.server.addresses[1] + "@53", ""),
            (c.server.addresses[1] + "@54", "Connection refused")):
        got = send("put", address, selector=c.selector)
        tap.ok(got[1].endswith(error) and (got[0] == "done") == (not error),
               "%s: at %s" % (c.label, address), got)
    c.next()
    c.do("a long record", "put", "done", value=record(550))
    c.do("the least", "put", "refused", "another record", value="p=")
    m = net.ask(c.address, c.name, "TXT", tcp=True)
    tap.is_([len(s) for s in m.answer[0][0].strings], [255, 255, 244],
            c.label + ": in strings of at most 255")


def real_servers():
    zone = net.zone("example.com", {"ns1.example.net": ["10.53.1.1"],
                                    "ns2.example.net": ["10.53.1.2"]})
    six = net.has_ipv6
    zone.set("*._domainkey.wild", "TXT", '"wild"')
    zone.set("below", "NS", "ns9.example.net.")
    for server in (net.knot("knot", ["10.53.1.1", "fd53::101" if six
                                     else "10.53.1.11"], [zone], tsig=True),
                   net.bind("bind", ["10.53.1.2", "fd53::102" if six
                                     else "10.53.1.12"], [zone], tsig=True)):
        c = Case(server, server.name)
        life(c)
        others(c, zone)
        wildcard(c)
        keys(c)
        zones(c)
        c.next()
        server.stop()
        c.do("the server is down", "put", "later",
             c.address + ": Connection refused")


class NarrowBind(dnslab.Bind):
    """The key may do what keyturn.conf(5) says it needs, and no more."""

    def configure(self):
        super().configure()
        with open(self.path("named.conf"), encoding="ascii") as f:
            text = f.read()
        self.write("named.conf", re.sub(
            r"allow-update \{[^}]*\};", "update-policy { grant %s subdomain "
            "_domainkey.example.com. TXT; };" % net.tsig_name, text))


class NarrowKnot(dnslab.Knot):
    def configure(self):
        super().configure()
        with open(self.path("knot.conf"), encoding="ascii") as f:
            text = f.read()
        self.write("knot.conf", text.replace(
            "   action: [update, transfer]",
            "   action: [update, query]\n   update-type: [TXT]"))


def narrow_keys():
    zone = net.zone("example.com", {"ns1.example.net": ["10.53.1.1"]})
    for cls, address in ((NarrowKnot, "10.53.1.3"), (NarrowBind, "10.53.1.4")):
        server = cls(net, cls.__name__, [address], [zone], tsig=True)
        life(Case(server, cls.__name__))
        try:
            server.update(zone, "x._domainkey", "CAA", '0 issue "x"')
            tap.ok(False, "the key may do no more")
        except (RuntimeError, dns.tsig.PeerBadKey) as e:
            tap.ok("REFUSED" in str(e) or cls is NarrowKnot,
                   "the key may do no more", e)
        server.stop()


# A server that lies.

NAME = dns.name.from_text(net.tsig_name)
RING = dns.tsigkeyring.from_text({net.tsig_name: net.tsig_secret})


class Clock:
    """Stands in for the module time in dns.message."""

    def __init__(self, age):
        self.age = age

    def time(self):
        return time.time() - self.age


def sign(query, answer, keyname=NAME, key=net.tsig_secret, age=0):
    """The answer's bytes, signed that many seconds ago."""
    ring = dns.tsigkeyring.from_text({keyname.to_text(): key})
    answer.use_tsig(ring, keyname, algorithm=dns.tsig.HMAC_SHA256)
    answer.request_mac = query.mac
    dns.message.time = Clock(age)
    try:
        return answer.to_wire()
    finally:
        dns.message.time = time


def answer_to(query, rcode="NOERROR"):
    answer = dns.message.make_response(query)
    answer.tsig = None
    answer.set_rcode(dns.rcode.from_text(rcode))
    return answer


def flip(data, at, bits):
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1:]


def txt_answer(query, text):
    a = answer_to(query)
    a.answer = [dns.rrset.from_text(a.question[0].name, 60, "IN", "TXT",
                                    '"%s"' % text)]
    return sign(query, a)


# How it lies: the bytes for a query; None: nothing at all.
LIES = {
    "unsigned": lambda q: answer_to(q).to_wire(),
    "unsigned-refused": lambda q: answer_to(q, "REFUSED").to_wire(),
    "another secret": lambda q: sign(q, answer_to(q), key=secret()),
    "another key": lambda q: sign(q, answer_to(q),
                                  dns.name.from_text("other-key")),
    "an old signature": lambda q: sign(q, answer_to(q), age=1000),
    "changed later": lambda q: flip(sign(q, answer_to(q, "REFUSED")), 3, 5),
    "another id": lambda q: flip(sign(q, answer_to(q)), 0, 1),
    "a question back": lambda q: q.to_wire()[:2] + b"\0" * 10,
    "garbage": lambda q: q.to_wire()[:2] + os.urandom(300),
    "three bytes": lambda q: b"abc",
    "nothing and the end": lambda q: b"",
    "no records where it counts some":
        lambda q: q.to_wire()[:2] + b"\x80\0" + b"\xff" * 8,
    "what follows the signature": lambda q: sign(q, answer_to(q)) + b"\0",
    "cut": lambda q: sign(q, answer_to(q))[:-20],
}
FAILS = [("another id", "the answer is not one to our question"),
         ("three bytes", "the answer is not one to our question"),
         ("nothing and the end", "closed the connection without an answer"),
         ("unsigned", "the answer is not signed (TSIG)"),
         ("unsigned-refused",
          "the answer is not signed (TSIG); it says REFUSED"),
         ("another secret", "the signature (TSIG) of the answer is wrong: "
          "not by who has the key test-key"),
         ("another key", "is signed (TSIG) with another key than test-key"),
         ("an old signature", "the signature (TSIG) of the answer is 100"),
         ("changed later", "the signature (TSIG) of the answer is wrong"),
         ("a question back", "the answer is not signed (TSIG)"),
         ("garbage", "the answer is not signed (TSIG)"),
         ("no records where it counts some", "is not signed (TSIG)"),
         ("what follows the signature", "is not signed (TSIG)"),
         ("cut", "is not signed (TSIG)")]


class Liar:
    """Answers each query with the next of its replies, the last for ever."""

    def __init__(self):
        self.socket = socket.create_server(("10.53.7.7", 53), backlog=20)
        self.replies, self.kept = [], []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            link, _ = self.socket.accept()
            self.kept.append(link)
            data = link.recv(65537)
            while len(data) < 2 or len(data) - 2 < struct.unpack(
                    ">H", data[:2])[0]:
                data += link.recv(65537)
            query = dns.message.from_wire(data[2:], keyring=RING)
            reply = self.replies[0]
            if len(self.replies) > 1:
                self.replies.pop(0)
            out = reply(query)
            if out is None:
                continue
            if out:
                link.sendall(struct.pack(">H", len(out)) + out)
            link.close()


def liar():
    fake = Liar()

    def ask(name, result, error, *replies, **more):
        fake.replies = list(replies)
        got = send(more.pop("action", "put"), "10.53.7.7", **{
            "zone": "example.com", "timeout": 3, **more})
        tap.ok(got[0] == result and (error in got[1] if error
                                     else got[1] == ""), name, got)

    ask("the liar tells the truth once", "done", "",
        lambda q: sign(q, answer_to(q)))
    for what, error in FAILS:
        ask("answers with " + what, "later", error, LIES[what])
    ask("is silent", "later", "10.53.7.7: no answer in time: is it up, and "
        "is TCP to it open?", lambda q: None, timeout=1)
    for rcode, result, error in [
            ("SERVFAIL", "later", "failed (SERVFAIL): its log says why"),
            ("NOTIMP", "refused", "takes no updates (NOTIMP)"),
            ("FORMERR", "refused", "does not understand the message"),
            ("NOTZONE", "refused", "the name is not in the zone (NOTZONE)"),
            ("REFUSED", "refused", "give it leave")]:
        ask("answers " + rcode, result, error,
            lambda q, r=rcode: sign(q, answer_to(q, r)))
    ask("SERVFAIL to the search for the zone", "later", "zone not known yet",
        lambda q: sign(q, answer_to(q, "SERVFAIL")), zone="")
    changed = lambda q: sign(q, answer_to(q, "NXRRSET"))  # noqa: E731
    ask("replaced at the same moment", "refused", "has another record than",
        lambda q: txt_answer(q, VALUE[:99]), changed,
        lambda q: txt_answer(q, "another"), action="revoke",
        value=VALUE[:99])
    ask("back at the same moment", "later",
        "was changed by somebody at the same moment",
        lambda q: txt_answer(q, VALUE[:99]), changed,
        lambda q: txt_answer(q, VALUE[:99]), action="revoke",
        value=VALUE[:99])
    ask("revoked at the same moment", "done", "",
        lambda q: txt_answer(q, VALUE[:99]), changed,
        lambda q: txt_answer(q, EMPTY), action="revoke", value=VALUE[:99])


real_servers()
narrow_keys()
liar()
bad = net.path("bad.key")
with open(bad, "w", encoding="ascii") as f:
    f.write("key x { algorithm hmac-md5; secret \"QQ==\"; };\n")
os.chmod(bad, 0o644)
got = send("put", "10.53.7.7", key=bad)
tap.ok(got[0] == "refused" and "mode 0644 lets others read it: chmod 0600"
       in got[1], "a key file that others read", got)
os.chmod(bad, 0o600)
got = send("put", "10.53.7.7", key=bad)
tap.is_(got[:2], ("refused", bad + ":1: algorithm is neither hmac-sha256 nor "
                  "hmac-sha512: hmac-md5"), "an algorithm of old")
for server in ("ns1.example.com", "10.53.1.1@", "10.53.1.1@dns"):
    got = send("put", server)
    tap.ok(got[0] == "refused" and "not the address of a server" in got[1],
           "a server that is no address: " + server, got)
tap.done()
