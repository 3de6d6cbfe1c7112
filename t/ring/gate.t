#!/usr/bin/python3 -B
"""The gate holds: whatever is wrong with the record of the next key at one
server of three, the key does not sign before it may, the old one signs on, the
reason is shown, tick ends with 1; when it is mended tick goes on by itself.

One ring for each fault, all at the same time, records published by hand (that
is, by this test).  Servers: a knot, an nsd, and a second knot that has an
address, with a proxy for faults in front, for each ring.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import ringlab           # noqa: E402

HOUR, DAY = 3600, 86400
OTHER_KEY = None


class Case:
    """A fault of the third server.

    put    its record instead of the good one: a function of the good value
           that gives values, or (type, values); None: the good one
    fault  words for the proxy
    says   what `status` must say
    """

    def __init__(self, name, says, put=None, fault="", zone=None,
                 before=None, hours=0):
        self.name, self.says, self.put, self.fault = name, says, put, fault
        self.zone = zone or {}   # of the zone, until the key is published
        self.before = before     # served before, at every server
        self.hours = hours       # that the wait takes because of it
        self.domain = name + ".example"


def quoted(value):
    return " ".join('"%s"' % value[i:i + 255]
                    for i in range(0, len(value), 255))


CASES = [
    Case("missing", "no TXT record", put=lambda v: []),
    Case("another", "another key", put=lambda v: [OTHER_KEY]),
    Case("two", "2 TXT records", put=lambda v: [v, OTHER_KEY]),
    Case("cut", "another key", put=lambda v: [v[:200]]),
    Case("udp", "no answer by TCP", fault="refuse-tcp"),
    Case("flapping", "SERVFAIL", fault="servfail flap=3"),
    Case("cname", "nowhere.other.example", put=lambda v: ("CNAME", ["nowhere.other.example."])),
    Case("lame", "is lame", fault="lame"),
    Case("servfail", "SERVFAIL", fault="servfail"),
    Case("silent", "no answer by UDP", fault="drop"),
    Case("lowered", "", zone={"soa_minimum": 7200, "soa_ttl": 7200},
         hours=3),
    Case("signed", "", zone={"nsec_ttl": 2 * HOUR, "soa_ttl": 60}, hours=3),
    Case("wildcard", "", before=("*._domainkey", 5 * HOUR), hours=6),
]


class Gate:
    def __init__(self, tap):
        self.tap, self.net = tap, dnslab.DnsLab()
        fake = self.net.fake_env()
        self.zones = {c: self.zone(c, i) for i, c in enumerate(CASES)}
        other = self.net.zone("other.example", {"ns1.dns.test": ["10.53.1.1"]})
        zones = list(self.zones.values())
        self.a = self.net.knot("a", ["10.53.1.1"], zones + [other])
        self.b = self.net.nsd("b", ["10.53.1.2"], zones)
        self.c = self.net.knot("c", [self.third(i)
                                     for i in range(len(CASES))],
                               zones, proxied=True)
        self.net.start_root()
        self.unbound = self.net.unbound(env=fake)
        self.rings = ringlab.RingLab(
            self.net, publisher={"type": "manual"},
            dns={"resolver": [dnslab.RESOLVER], "timeout": 1},
            rotation={"interval": "20d", "lead": "3d", "stagger": False,
                      "weekdays": "any", "margin": "1h", "recheck": "6h"})
        self.rings.start()

    @staticmethod
    def third(i):
        return "10.53.3.%d" % (i + 1)

    def zone(self, case, i):
        zone = self.net.zone(
            case.domain, {"ns1.dns.test": ["10.53.1.1"],
                          "ns2.dns.test": ["10.53.1.2"],
                          "ns3-%d.dns.test" % i: [self.third(i)]},
            **case.zone)
        if case.before:
            name, ttl = case.before
            zone.set(name, "TXT", '"something else"', ttl=ttl)
        return zone

    # The DNS.

    def load(self, at_third=None):
        """All servers have all zones; the third as at_third(case) says."""
        zones = self.zones.values()
        self.a.load(*zones)
        self.b.load(*zones)
        if at_third:
            zones = [at_third(c, z) for c, z in self.zones.items()]
        self.c.load(*zones)

    def put_good(self, which):
        for case, zone in self.zones.items():
            key = self.rings.keys(case.domain)[which]
            zone.set(key["selector"] + "._domainkey", "TXT",
                     quoted(key["record"]))

    def faulty(self, case, zone):
        """What the third server has of the second key."""
        copy = zone.copy()
        if case.put is None:
            return copy
        key = self.rings.keys(case.domain)[1]
        name = key["selector"] + "._domainkey"
        copy.remove(name, "TXT")
        values = case.put(key["record"])
        if isinstance(values, tuple):
            copy.set(name, *values[:1], *values[1])
        elif values:
            copy.set(name, "TXT", *map(quoted, values))
        return copy

    # The rings.

    def hours(self, count):
        """Ticks an hour apart; the last one's exit code and output."""
        for _ in range(count):
            self.net.jump(HOUR)
            done = self.rings.keyturn("tick")
            if done.code not in (0, 1):
                self.tap.note("tick: exit %d: %s%s" % done)
        return done

    def state(self, case, which):
        return self.rings.keys(case.domain)[which]["state"]

    def signs_with(self, case, which, what):
        want = self.rings.keys(case.domain)[which]["selector"]
        selector, data = self.rings.sign(case.domain)
        self.tap.is_(selector, want, "%s: %s" % (case.name, what))
        if data is not None and selector is not None:
            # unbound takes the empty answer of a lame server for a true one.
            server = dnslab.RESOLVER if case.fault != "lame" else "10.53.1.1"
            self.tap.is_(self.rings.verify(data, server), None,
                         "%s: and it verifies" % case.name)

    def status(self, case):
        done = self.rings.keyturn("status", case.domain)
        return done.out


def other_key(directory):
    path = os.path.join(directory, "other.pem")
    return lab.make_key(path)


def main():
    global OTHER_KEY  # one key, that of nobody
    tap = lab.Tap(240)
    gate = Gate(tap)
    OTHER_KEY = other_key(gate.net.dir)
    rings = gate.rings

    done = rings.keyturn("add", *[c.domain for c in CASES])
    tap.is_(done.code, 0, "add: " + done.err)
    gate.hours(1)
    gate.put_good(0)
    gate.load()
    # The second key is made, and looked for before it is published.
    gate.hours(11)
    for case in CASES:
        tap.is_(gate.state(case, 0), "active",
                "%s: the first key is active" % case.name)

    # The second key is published, with the fault.
    for case, zone in gate.zones.items():
        if case.before:
            zone.remove(case.before[0], "TXT")
        if "soa_minimum" in case.zone:
            ttl, (soa,) = zone.records[zone.full("@"), "SOA"]
            zone.set("@", "SOA", soa.rsplit(" ", 1)[0] + " 60", ttl=ttl)
    gate.put_good(1)
    for i, case in enumerate(CASES):
        gate.c.fault(case.fault, gate.third(i))
    gate.load(gate.faulty)
    for hour in range(1, 9):
        gate.hours(1)
        for case in CASES:
            # Sighted after the first hour, ready once the wait has passed.
            early = not case.hours or hour <= case.hours
            if early and gate.state(case, 1) not in ("published", "generated"):
                tap.ok(False, "%s: not ready after %d h" % (case.name, hour))
    for case in CASES:
        late = "ready" if case.hours else "published"
        tap.is_(gate.state(case, 1), late, "%s: %s" % (case.name, late))

    gate.net.jump(20 * DAY)
    done = gate.hours(2)
    tap.is_(done.code, 1, "tick ends with 1")
    for case in CASES:
        if case.hours:
            continue
        gate.signs_with(case, 0, "the old key signs on")
        text = gate.status(case)
        tap.ok(case.says in text, "%s: the reason is shown" % case.name, text)
        done = rings.keyturn("rotate", case.domain)
        tap.is_(done.code, 75, "%s: rotate is refused" % case.name)
        tap.note(done.err.strip())
        tap.ok(gate.third(CASES.index(case)) in done.err + done.out or
               case.name == "cname",
               "%s: and names the server" % case.name, done.err)

    # Mended.
    gate.c.fault("")
    gate.load()
    gate.hours(7)
    gate.put_good(2)
    gate.load()
    done = gate.hours(1)
    tap.is_(done.code, 0, "tick is content: " + done.err + done.out)
    for case in CASES:
        tap.is_(gate.state(case, 1), "active", "%s: turned" % case.name)
        gate.signs_with(case, 1, "the new key signs")
    tap.is_(rings.rig.faults(), [], "no fault in the log")
    tap.done()


if __name__ == "__main__":
    lab.need("knotd", "nsd", "unbound", root=True)
    lab.need_verifiers()
    main()
