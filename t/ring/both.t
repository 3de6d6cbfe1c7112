#!/usr/bin/python3 -B
"""RSA and Ed25519 in one ring: both sign each message, python3-dkim verifies
both at once and five days later, both turn; the setting that names Ed25519 no
more retires its keys, and RSA signs on alone."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import ringlab           # noqa: E402
import verifiers         # noqa: E402

HOUR, DAY = 3600, 86400
DOMAIN = "both.example"
RSA, ED = "rsa-sha256", "ed25519-sha256"
ROTATION = {"interval": "10d", "retire_after": "6d", "revoke_for": "2d",
            "delete_after": "6d", "lead": "3d", "stagger": False,
            "weekdays": "any", "algorithms": ["rsa1024", "ed25519"]}


class Both:
    def __init__(self, tap):
        self.tap, self.net = tap, dnslab.DnsLab()
        fake = self.net.fake_env()
        zone = self.net.zone(DOMAIN, {"ns1.dns.test": ["10.53.1.1"],
                                      "ns2.dns.test": ["10.53.1.2"]})
        self.net.knot("a", ["10.53.1.1", "10.53.1.2"], [zone], tsig=True,
                      env=fake)
        self.net.start_root()
        self.net.unbound(env=fake)
        self.rings = ringlab.RingLab(
            self.net, rotation=ROTATION,
            publisher={"type": "rfc2136", "server": "10.53.1.1",
                       "key_file": self.net.tsig_file})
        self.rings.start()
        self.failures, self.on_the_way, self.checks = [], [], 0
        self.seen = []  # which algorithms signed, each time that changed

    def fail(self, text):
        self.failures.append(text)
        self.tap.note(text)

    def signatures(self, data):
        return [verifiers.tags(f) for f in verifiers.signatures(data)]

    def verify(self, data):
        import dkim
        for i, tags in enumerate(self.signatures(data)):
            self.checks += 1
            try:
                if dkim.DKIM(data).verify(idx=i, dnsfunc=self.rings.lookup):
                    continue
                why = "does not verify"
            except dkim.DKIMException as e:
                why = str(e)
            self.fail("%s %s: %s; %s" % (tags["a"], tags["s"], why,
                                         self.rings.looked))

    def step(self, jump):
        self.net.jump(jump)
        done = self.rings.keyturn("tick")
        if done.code != 0:
            self.fail("tick: exit %d: %s%s" % done)
        data = self.rings.send(DOMAIN)
        algorithms = sorted(t["a"] for t in self.signatures(data))
        if algorithms != (self.seen[-1:] or [None])[0]:
            self.seen.append(algorithms)
        self.verify(data)
        self.on_the_way.append((self.net.now() + 5 * DAY, data))
        for arrives, data in [x for x in self.on_the_way
                              if x[0] <= self.net.now() + DAY]:
            self.on_the_way.remove((arrives, data))
            self.verify(data)

    def days(self, count):
        for _ in range(count):
            self.step(2 * HOUR)
            self.step(22 * HOUR)

    def of(self, algorithm, *states):
        return [k for k in self.rings.keys(DOMAIN, *states)
                if k["algorithm"] == algorithm]

    def used(self, algorithm):
        return len([k for k in self.of(algorithm) if k.get("activated")])


def main():
    tap = lab.Tap(120)
    b = Both(tap)
    done = b.rings.keyturn("add", DOMAIN)
    tap.is_(done.code, 0, "add: " + done.err)
    tap.is_([len(b.of(RSA)), len(b.of(ED))], [1, 1], "one key of each kind")
    tap.ok(" ed25519" not in done.err and "k=ed25519" in done.out and
           "k=rsa" in done.out, "add prints both records", done.out)
    for _ in range(5):
        b.step(2 * HOUR)
    b.days(1)
    tap.is_([[k["state"] for k in b.of(a)] for a in (RSA, ED)],
            2 * [["active", "ready"]], "each has a successor")
    tap.ok([ED] not in b.seen, "Ed25519 never signed alone", b.seen)
    tap.is_(b.seen[-1], [ED, RSA], "both sign")
    b.days(22)
    tap.ok(b.used(RSA) >= 3 and b.used(ED) >= 3, "both have turned twice",
           "%d, %d" % (b.used(RSA), b.used(ED)))
    tap.is_(b.seen[-1], [ED, RSA], "and both sign in the end")
    tap.is_(len([s for s in b.seen if s == [ED, RSA]]), 1,
            "from the first to the last message")
    tap.is_([k["state"] for k in b.of(ED)][:1], ["gone"],
            "the first Ed25519 key is gone")

    b.rings.rig.write_conf(rotation=dict(ROTATION, algorithms=["rsa1024"]))
    b.rings.keyturn("reload")
    b.step(HOUR)
    b.step(HOUR)
    tap.is_(b.seen[-1], [RSA], "Ed25519 is named no more: RSA signs alone")
    tap.is_([k["state"] for k in b.of(ED, "active", "ready", "published")], [],
            "and no Ed25519 key is kept for a turn")
    retiring = [k["selector"] for k in b.of(ED, "retiring") if
                k.get("activated")]
    tap.ok(len(retiring) >= 1, "the one that signed retires, its record stays",
           b.rings.keyturn("status", DOMAIN).out)
    b.days(10)
    tap.is_({k["state"] for k in b.of(ED)}, {"gone"},
            "in the end all of them are gone")
    tap.is_(b.rings.lookup(b"%s._domainkey.%s." % (
        retiring[0].encode(), DOMAIN.encode())), None, "and their records")
    tap.is_([k["selector"] for k in b.of(ED) if os.path.exists(
        b.rings.path(DOMAIN, k["file"] or "nosuch"))], [],
        "and their private keys")
    tap.is_(len(b.of(RSA, "active")), 1, "RSA signs on")
    tap.is_(b.seen, [x for x in b.seen if x in ([], [RSA], [ED, RSA])],
            "RSA is in every signed message")
    tap.ok(not b.failures, "%d signatures verified, at once and five days "
           "later" % b.checks, "%d failures" % len(b.failures))
    tap.is_(b.rings.rig.faults(), [], "no fault in the log")
    tap.done()


if __name__ == "__main__":
    lab.need("knotd", "unbound", root=True)
    lab.need_verifiers()
    main()
