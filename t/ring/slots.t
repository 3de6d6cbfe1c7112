#!/usr/bin/python3 -B
"""The CNAME way: customers' zones on servers of their own, in which k1 to k3
point into the provider's zone, and keys that turn beneath.

The CNAMEs are those that `keyturn add` prints.  One customer has forgotten k2,
one points it elsewhere, one has pasted a record instead of a CNAME: their next
key does not become ready, the old one signs on, and it is said what is to be
set at whose server.  Mail is verified at once and again five days later.
"""

import calendar
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import ringlab           # noqa: E402

HOUR, DAY = 3600, 86400
TTL, RETIRE, INTERVAL = 3600, 6 * DAY, 12 * DAY
ROOF = "dkim.provider.example"
PRIMARY = "10.53.1.1"
SLOTS = ["k1", "k2", "k3"]
GOOD = ["a.example", "b.example"]
# What is wrong with k2, and what the customer's server is told to say.
BAD = {"none.example": "no CNAME",
       "else.example": "CNAME to k2.elsewhere.example",
       "paste.example": "a TXT record and no CNAME"}


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class Slots:
    def __init__(self, tap):
        self.tap, self.net = tap, dnslab.DnsLab()
        fake = self.net.fake_env()
        self.domains = GOOD + list(BAD)
        self.zones, self.servers, self.failures = {}, {}, []
        self.on_the_way = []
        self.last_signed = {}  # (domain, record): when
        self.shown = {}        # (domain, slot): record
        roof = self.net.zone(ROOF, {"ns1.dns.test": [PRIMARY],
                                    "ns2.dns.test": ["10.53.1.2"]})
        elsewhere = self.net.zone("elsewhere.example",
                                  {"ns1.dns.test": [PRIMARY]})
        elsewhere.set("k2", "TXT", '"v=spf1 -all"')
        self.roof = self.net.knot("roof", [PRIMARY, "10.53.1.2"],
                                  [roof, elsewhere], tsig=True, env=fake)
        for i, domain in enumerate(self.domains):
            self.zones[domain] = self.net.zone(
                domain, {"ns." + domain: [self.address(i)]})
            self.servers[domain] = self.net.nsd(
                "c%d" % i, [self.address(i)], [self.zones[domain]])
        self.net.start_root()
        self.net.unbound(env=fake)
        self.rings = ringlab.RingLab(
            self.net, publisher={"type": "rfc2136", "server": PRIMARY,
                                 "key_file": self.net.tsig_file},
            rotation={"interval": "12d", "retire_after": "6d", "lead": "3d",
                      "delete_after": "6d", "revoke_for": "6d",
                      "stagger": False, "weekdays": "any", "ttl": TTL,
                      "slots": SLOTS, "provider_zone": ROOF,
                      "algorithms": ["rsa1024"]})
        self.rings.start()

    @staticmethod
    def address(i):
        return "10.53.2.%d" % (i + 1)

    @staticmethod
    def target(slot, domain):
        return "%s.%s.%s" % (slot, domain, ROOF)

    # The customers.

    def add(self):
        done = self.rings.keyturn("add", *self.domains)
        self.tap.is_(done.code, 0, "add: " + done.err)
        cnames = re.findall(r"^(\S+) \d+ IN CNAME (\S+)$", done.out, re.M)
        self.tap.is_(cnames, [
            ("%s._domainkey.%s." % (s, d), self.target(s, d) + ".")
            for d in self.domains for s in SLOTS],
            "add prints the CNAMEs that the customers must set")
        done = self.rings.keyturn("add", "--json", GOOD[0])
        self.tap.is_(json.loads(done.out)["cnames"], [
            {"name": "%s._domainkey.%s" % (s, GOOD[0]),
             "target": self.target(s, GOOD[0])} for s in SLOTS],
            "and as JSON")
        self.tap.is_(json.loads(done.out)["records"][0]["name"],
                     self.target("k1", GOOD[0]),
                     "the record is one of the provider's zone")
        for domain, zone in self.zones.items():
            for name, target in cnames:
                if name.endswith("." + domain + "."):
                    zone.set(name, "CNAME", target)
        self.spoil()
        for domain in self.domains:
            self.load(domain)

    def load(self, domain):
        self.servers[domain].load(self.zones[domain])

    def spoil(self):
        k2 = "k2._domainkey"
        self.zones["none.example"].remove(k2, "CNAME")
        self.zones["else.example"].set(k2, "CNAME", "k2.elsewhere.example.")
        self.zones["paste.example"].remove(k2, "CNAME")

    def paste(self):
        """The very record, but in the customer's zone."""
        domain = "paste.example"
        key, = [k for k in self.rings.keys(domain) if k["selector"] == "k2"]
        self.zones[domain].set(
            "k2._domainkey", "TXT", " ".join(
                '"%s"' % key["record"][i:i + 255]
                for i in range(0, len(key["record"]), 255)))
        self.load(domain)

    def mend(self):
        for domain in BAD:
            self.zones[domain].remove("k2._domainkey", "TXT")
            self.zones[domain].set("k2._domainkey", "CNAME",
                                   self.target("k2", domain) + ".")
            self.load(domain)

    def free(self):
        """CNAMEs of slots that have no key yet are seen to beforehand."""
        tap, domain = self.tap, "none.example"
        done = self.rings.keyturn("dns", "check", domain)
        tap.is_(done.code, 1, "dns check: before any key needs the CNAMEs")
        tap.ok("%s k2 (free slot): Not configured: ns.%s (%s): no CNAME; "
               "the domain's owner must set k2._domainkey.%s. CNAME %s." % (
                   domain, domain, self.address(len(GOOD)), domain,
                   self.target("k2", domain)) in done.out,
               "names the one that is missing", done.out)
        tap.ok("%s k3 (free slot): DNS verified: the CNAME is set\n" %
               domain in done.out, "and the one that is set", done.out)
        done = self.rings.keyturn("dns", "check", "--json", "else.example")
        tap.is_([(k["selector"], k["status"], k["finding"])
                 for k in json.loads(done.out)["keys"][1:]],
                [("k2", "DNS mismatch", "no-cname"),
                 ("k3", "DNS verified", "good")], "dns check --json")
        done = self.rings.keyturn("dns", "show", domain)
        tap.is_(re.findall(r"^; CNAME of the customer: (\S+) IN CNAME (\S+)$",
                           done.out, re.M),
                [("%s._domainkey.%s." % (s, domain),
                  self.target(s, domain) + ".") for s in SLOTS],
                "dns show: all the CNAMEs")

    def too_long(self):
        """The name in the provider's zone has to be one."""
        domain = ".".join(3 * ["a" * 61] + ["b" * 43, "example"])
        limit = 253 - len("k1." + "." + ROOF)
        for length, code in ((limit, 0), (limit + 1, 78)):
            name = domain[len(domain) - length:]
            done = self.rings.keyturn("add", name)
            self.tap.is_(done.code, code, "add: a domain of %d" % length)
            self.tap.is_("rotation.provider_zone: %s: with this domain longer "
                         "than the 253 characters" % ROOF in
                         done.out + done.err, code != 0, "and the reason")
            self.rings.keyturn("remove", "--forget", name)

    def panic(self):
        """An emergency: p= at once, and the slot stays closed."""
        domain = GOOD[0]
        old = self.active(domain)
        done = self.rings.keyturn("panic", domain)
        self.tap.is_(done.code, 0, "panic: " + done.err)
        selector, data = self.rings.sign(domain)
        self.tap.ok(selector != old["selector"] and
                    self.rings.verify(data) is None,
                    "another slot signs at once", selector)
        m = self.net.ask(PRIMARY, self.target(old["selector"], domain), "TXT",
                         tcp=True)
        self.tap.ok(m.answer[0][0].strings[-1].endswith(b"p="),
                    "the record beneath the CNAME is revoked", m)

    # Time, mail and the DNS.

    def fail(self, text):
        self.failures.append(text)
        self.tap.note(text)

    def step(self, jump):
        self.net.jump(jump)
        done = self.rings.keyturn("tick")
        if done.code not in (0, 1, 75):
            self.fail("tick: exit %d: %s%s" % done)
        self.watch()
        for domain in self.domains:
            self.send(domain)
        self.deliver()
        return done

    def active(self, domain):
        key, = self.rings.keys(domain, "active")
        return key

    def send(self, domain):
        if not self.rings.keys(domain, "active"):
            return
        key = self.active(domain)
        selector, data = self.rings.sign(domain)
        if selector != key["selector"]:
            self.fail("%s: signed with %s, not %s" % (
                domain, selector, key["selector"]))
            return
        self.last_signed[domain, key["record"]] = self.net.now()
        self.verify(domain, data)
        self.on_the_way.append((self.net.now() + 5 * DAY, domain, data))

    def verify(self, domain, data):
        why = self.rings.verify(data)
        if why is not None:
            self.fail("%s: %s" % (domain, why.replace("\n", " ")))

    def deliver(self):
        """What was sent five days ago, or a little less."""
        due = [x for x in self.on_the_way if x[0] <= self.net.now() + DAY]
        self.on_the_way = [x for x in self.on_the_way if x not in due]
        for _, domain, data in due:
            self.verify(domain, data)

    def watch(self):
        """No record goes before its time."""
        for domain in self.domains:
            for slot in SLOTS:
                m = self.net.ask(PRIMARY, self.target(slot, domain), "TXT",
                                 tcp=True)
                now = (b"".join(m.answer[0][0].strings).decode()
                       if m.answer else None)
                before = self.shown.get((domain, slot))
                if before is not None and now != before:
                    self.withdrawn(domain, slot, before)
                self.shown[domain, slot] = now

    def withdrawn(self, domain, slot, record):
        last = self.last_signed.get((domain, record), 0)
        if self.net.now() - last < RETIRE:
            self.fail("%s: %s withdrawn %.1f days after its last message" % (
                domain, slot, (self.net.now() - last) / DAY))

    def day(self, count=1):
        for _ in range(count):
            self.step(2 * HOUR)
            done = self.step(22 * HOUR)
        return done

    # What is to be true.

    def turned(self, domain):
        return len([k for k in self.rings.keys(domain) if k.get("activated")]) - 1

    def stuck(self):
        """The next key of those with a bad k2 waits, and it is said why."""
        tap, rings = self.tap, self.rings
        for i, (domain, what) in enumerate(BAD.items(), len(GOOD)):
            tap.is_([(k["selector"], k["state"] in ("generated", "published"))
                     for k in rings.keys(domain)[1:]], [("k2", True)],
                    "%s: k2 is not ready" % domain)
            tap.is_(self.active(domain)["selector"], "k1",
                    "%s: k1 signs on" % domain)
            text = "ns.%s (%s): %s; the domain's owner must set " \
                "k2._domainkey.%s. CNAME %s." % (
                    domain, self.address(i), what, domain,
                    self.target("k2", domain))
            for args in (["status", domain], ["dns", "check", domain],
                         ["rotate", domain]):
                done = rings.keyturn(*args)
                tap.is_(done.code, 75 if args[0] == "rotate" else 1,
                        "%s: %s" % (domain, " ".join(args)))
                tap.ok(text in done.out + done.err,
                       "and it names the server and the CNAME",
                       done.out + done.err)
                if args[0] == "dns":
                    tap.ok("CNAME of the slot missing or wrong; likely: "
                           in done.out, "and the cause", done.out)

    def reused(self, domain):
        """Every later use of a slot is late enough; how many there are."""
        last, count = {}, 0
        for key in self.rings.keys(domain):
            old = last.get(key["selector"])
            last[key["selector"]] = key
            if old is None:
                continue
            count += 1
            made = seconds(key["made"])
            self.tap.ok(
                old["state"] == "gone" and
                made >= seconds(old["released"]) + RETIRE + TTL and
                made >= seconds(old["gone_seen"]) + TTL,
                "%s: %s is used again when it is free" % (
                    domain, key["selector"]),
                "%s\n%s" % (old, key))
        return count


def main():
    tap = lab.Tap(120)
    s = Slots(tap)
    start = time.time()
    s.add()
    s.free()
    s.step(HOUR)
    for _ in range(3):
        s.step(2 * HOUR)
    for domain in s.domains:
        tap.is_([k["state"] for k in s.rings.keys(domain)][:1], ["active"],
                "%s: k1 signs" % domain)
    s.paste()
    s.day(2)
    for domain in GOOD:
        tap.is_([k["state"] for k in s.rings.keys(domain)],
                ["active", "ready"], "%s: k2 is ready" % domain)
        done = s.rings.keyturn("dns", "check", domain)
        tap.is_(done.code, 0, "%s: dns check is content" % domain)
        done = s.rings.keyturn("dns", "show", domain)
        tap.ok("k2._domainkey.%s. IN CNAME %s.\n%s. %d IN TXT" % (
            domain, s.target("k2", domain), s.target("k2", domain), TTL)
            in done.out, "dns show: the record beneath, and the CNAME",
            done.out)
    done = s.day(11)
    tap.is_(done.code, 1, "tick ends with 1")
    tap.is_([s.turned(d) for d in s.domains], [1, 1, 0, 0, 0],
            "those whose CNAMEs are good turn, the others do not")
    s.stuck()
    s.mend()
    s.day(2)
    tap.is_([s.turned(d) for d in s.domains], 5 * [1],
            "when the CNAMEs are set, tick goes on by itself")
    s.day(26)
    tap.is_([s.turned(d) >= 3 for d in s.domains], 5 * [True],
            "at least three turns")
    tap.is_([s.reused(d) >= 1 for d in s.domains], 5 * [True],
            "slots are used again")
    tap.ok(not s.failures, "every message was signed and verified, at once "
           "and five days later; no record went early",
           "%d failures" % len(s.failures))
    s.panic()
    s.too_long()
    tap.is_(s.rings.rig.faults(), [], "no fault in the log")
    tap.note("%d messages, %d s" % (s.rings.messages, time.time() - start))
    tap.done()


if __name__ == "__main__":
    lab.need("knotd", "nsd", "unbound", root=True)
    lab.need_verifiers()
    main()
