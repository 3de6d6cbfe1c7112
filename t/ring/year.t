#!/usr/bin/python3 -B
"""A year of keys that turn by themselves, in minutes.

Rings with real name servers: a knot that takes the updates and an nsd that
copies from it and has bad days, at random: it lags, it loses its zones, it
flaps.  Time is faked for keyturn, keyturnd, the knot and the resolver, all
alike.  Mail is signed all along through the running milter and verified by
python3-dkim through the caching resolver, at once and again up to five days
later.  Everything is killed at times, and there are emergencies.

No message fails, none stays unsigned, no record goes early, all go in time.

    t/ring/year.t                       8 rings, two turns
    KEYTURN_YEAR=1 t/ring/year.t        50 rings, a year with quarterly turns
    KEYTURN_SEED=N                      the same chance again
"""

import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import milter_client as mc  # noqa: E402
import ringlab           # noqa: E402

HOUR, DAY = 3600, 86400


class Plan:
    """How long, how many, and the settings."""

    def __init__(self):
        self.is_year = os.environ.get("KEYTURN_YEAR", "") not in ("", "0")
        if self.is_year:
            self.rings, self.days, self.turns = 50, 400, 4
            self.interval, self.retire, self.revoke = 90, 14, 30
            self.kills, self.panics = 30, 6
            self.steps = [HOUR, 3 * HOUR, 6 * HOUR] + 5 * [DAY]
        else:
            self.rings, self.turns = lab.scale(8, 2), 2
            self.interval, self.retire, self.revoke = 16, 8, 6
            self.days, self.kills, self.panics = 56, 8, 1
            self.steps = [HOUR, 3 * HOUR, 12 * HOUR, DAY, DAY]

    def rotation(self):
        return {"interval": "%dd" % self.interval,
                "retire_after": "%dd" % self.retire,
                "revoke_for": "%dd" % self.revoke,
                "delete_after": "%dd" % (self.retire + self.revoke),
                "lead": "3d", "weekdays": "any"}


class Sent:
    """A message on its way."""

    def __init__(self, domain, selector, data, when, arrives):
        self.domain, self.selector = domain, selector
        self.data, self.when, self.arrives = data, when, arrives


class Signed:
    """What the test itself knows of a selector that has signed."""

    def __init__(self, now):
        self.last = now
        self.is_condemned = False  # by an emergency, until another signs
        self.is_revoked = False
        self.empty_at = None     # its record was first seen without a key
        self.gone_at = None      # it was first seen to be gone


class Year:
    def __init__(self, tap, net, plan, chance):
        self.tap, self.net, self.plan, self.chance = tap, net, plan, chance
        self.domains = ["d%02d.example" % i for i in range(plan.rings)]
        self.signed = {}       # (domain, selector): Signed
        self.on_the_way = []
        self.checks = self.deferred = self.kills = 0
        self.failures = []
        self.begin = net.now()
        self.copies_at = 0     # until then nsd does not copy
        self.start_dns()
        self.rings = ringlab.RingLab(
            net, rotation=plan.rotation(),
            publisher={"type": "rfc2136", "server": "10.53.1.1",
                       "key_file": net.tsig_file})
        self.rings.start()

    def start_dns(self):
        fake = self.net.fake_env()
        servers = {"ns1.dns.test": ["10.53.1.1"], "ns2.dns.test": ["10.53.1.2"]}
        self.zones = [self.net.zone(d, servers) for d in self.domains]
        self.a = self.net.knot("a", ["10.53.1.1"],
                               [z.copy() for z in self.zones], tsig=True,
                               keeps=True, env=fake)
        self.b = self.net.nsd("b", ["10.53.1.2"], self.zones, proxied=True)
        self.net.start_root()
        self.unbound = self.net.unbound(env=fake)

    def now(self):
        return self.net.now()

    def day(self):
        return (self.now() - self.begin) / DAY

    def fail(self, text):
        if len(self.failures) < 20:
            self.tap.note("day %.1f: %s" % (self.day(), text))
        self.failures.append(text)

    # Mail.

    def send_all(self):
        """One message from each domain; deferred ones are sent again."""
        for domain in self.domains:
            selector = data = None
            for _ in range(200):
                try:
                    selector, data = self.rings.sign(domain)
                except (OSError, mc.MilterError):
                    pass  # the worker was killed: the MTA tries again
                if data is not None:
                    break
                self.deferred += 1
                time.sleep(0.05)
            if selector is None:
                self.fail("%s: a message was not signed" % domain)
            else:
                self.take(domain, selector, data)

    def take(self, domain, selector, data):
        known = self.signed.setdefault((domain, selector), Signed(self.now()))
        known.last = self.now()
        if known.is_revoked:
            self.fail("%s: signed with %s after panic" % (domain, selector))
        for (d, s), other in self.signed.items():
            if d == domain and s != selector and other.is_condemned:
                other.is_revoked = True
        sent = Sent(domain, selector, data, self.now(),
                    self.now() + self.chance.uniform(0, 5 * DAY))
        self.verify(sent)
        self.on_the_way.append(sent)

    def verify(self, sent):
        self.checks += 1
        why = self.rings.verify(sent.data)
        known = self.signed[sent.domain, sent.selector]
        if why is not None and not known.is_revoked:
            self.fail("%s: %s, signed day %.1f: %s" % (
                sent.domain, sent.selector, (sent.when - self.begin) / DAY,
                why.replace("\n", " ")))

    def deliver(self):
        """What has arrived by now is verified again."""
        due = [s for s in self.on_the_way if s.arrives <= self.now()]
        self.on_the_way = [s for s in self.on_the_way
                           if s.arrives > self.now()]
        for sent in due:
            self.verify(sent)

    # Records: what became of those that have signed.

    def record(self, domain, selector):
        """At the primary: "key", "empty" or "none"; None: no answer."""
        m = self.net.ask("10.53.1.1", "%s._domainkey.%s" % (selector, domain),
                         "TXT", tcp=True)
        if m is None or m.rcode() not in (0, 3):
            return None
        if not m.answer:
            return "none"
        text = b"".join(m.answer[0][0].strings).decode()
        return "empty" if text.rstrip().endswith("p=") else "key"

    def watch_records(self):
        for (domain, selector), known in self.signed.items():
            if known.gone_at:
                continue
            state = self.record(domain, selector)
            if state in ("empty", "none") and known.empty_at is None:
                known.empty_at = self.now()
                age = (self.now() - known.last) / DAY
                if age < self.plan.retire and not known.is_revoked:
                    self.fail("%s: %s withdrawn %.1f days after its last "
                              "message" % (domain, selector, age))
            if state == "none":
                known.gone_at = self.now()
                age = (self.now() - known.empty_at) / DAY
                # The test looks once a day at the most.
                if age < self.plan.revoke - 1:
                    self.fail("%s: %s removed %.1f days after p=" % (
                        domain, selector, age))

    def late_records(self):
        """Those that should be gone: two ticks for each step, and bad days."""
        limit = self.plan.retire + self.plan.revoke + 6
        return ["%s %s" % k for k, v in self.signed.items()
                if v.gone_at is None and
                (self.now() - v.last) / DAY > limit]

    # Trouble.

    def bad_day(self):
        """Something else about the second server."""
        what = self.chance.choice(["fine", "fine", "lag", "lost", "flap"])
        self.b.fault({"lost": "refused", "flap": "servfail flap=3"}.get(
            what, ""))
        self.copies_at = self.now() + (
            self.chance.uniform(0, 2 * DAY) if what == "lag" else 0)

    def kill(self):
        """One of them, without warning."""
        self.kills += 1
        what = self.chance.choice(["keyturnd", "worker", "tick", "tick",
                                   "knot", "nsd", "unbound"])
        rings = self.rings
        if what == "keyturnd":
            rings.keyturnd.kill()
            rings.keyturnd.wait()
            rings.start_keyturnd()
        elif what == "worker":
            rings.worker.kill()
            rings.worker.wait()
            rings.start_worker()
        elif what == "tick":
            tick = subprocess.Popen(
                rings.command("tick"), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=rings.environment)
            time.sleep(self.chance.uniform(0, 0.4))
            tick.kill()
            tick.wait()
        else:
            server = {"unbound": self.unbound, "knot": self.a,
                      "nsd": self.b}[what]
            server.process.kill()
            server.process.wait()
            server.start()

    def panic(self):
        """A key is known to be in other hands."""
        domain = self.chance.choice(self.domains)
        before = self.rings.selectors(domain, "active")
        done = self.rings.keyturn("panic", domain)
        if done.code not in (0, 75):
            self.fail("panic %s: exit %d: %s" % (domain, *done[:2]))
        after, _ = self.rings.sign(domain)
        if done.code == 0 and after in before:
            self.fail("panic %s: %s signs on" % (domain, after))
        for s in before:
            known = self.signed.setdefault((domain, s), Signed(self.now()))
            known.is_condemned = True
            known.is_revoked = after not in before

    # The year.

    def tick(self):
        done = self.rings.keyturn("tick", timeout=300)
        if done.code not in (0, 1, 75):
            self.fail("tick: exit %d: %s %s" % done)

    def step(self):
        self.net.jump(self.chance.choice(self.plan.steps))
        if self.now() >= self.copies_at:
            self.b.copy_from(self.a, self.zones)
        self.tick()
        self.send_all()
        self.deliver()
        self.watch_records()

    def run(self):
        done = self.rings.keyturn("add", "-",
                                  stdin="\n".join(self.domains).encode())
        if done.code != 0:
            self.fail("add: exit %d: %s %s" % done)
        self.settle()
        kills = self.spread(self.plan.kills)
        panics = self.spread(self.plan.panics, 0.5)
        while self.day() < self.plan.days:
            if self.chance.random() < 0.2:
                self.bad_day()
            while kills and self.day() >= kills[0]:
                kills.pop(0)
                self.kill()
            while panics and self.day() >= panics[0]:
                panics.pop(0)
                self.panic()
            self.step()
        self.finish()

    def spread(self, count, after=0.02):
        return sorted(self.chance.uniform(after, 0.9) * self.plan.days
                      for _ in range(count))

    def settle(self):
        """Until every ring signs."""
        for _ in range(12):
            self.net.jump(HOUR)
            self.b.copy_from(self.a, self.zones)
            self.tick()
        self.begin = self.now()

    def finish(self):
        """The last messages arrive, the second server is well again."""
        self.b.fault("")
        for _ in range(5):
            self.net.jump(DAY)
            self.b.copy_from(self.a, self.zones)
            self.tick()
            self.deliver()
            self.watch_records()

    def turns(self):
        """How often each ring has turned."""
        return [len([1 for d, s in self.signed if d == domain]) - 1
                for domain in self.domains]


def main():
    net = dnslab.DnsLab()
    plan = Plan()
    seed = int(os.environ.get("KEYTURN_SEED", random.SystemRandom()
                              .randrange(1 << 32)))
    tap = lab.Tap(3600 if plan.is_year else 300)
    tap.note("KEYTURN_SEED=%d" % seed)
    start = time.time()
    year = Year(tap, net, plan, random.Random(seed))
    year.run()
    turns = year.turns()
    messages = year.rings.messages
    tap.note("%d days, %d rings, %d messages, %d verifications, %d deferred "
             "and sent again, %d kills, %d emergencies; turns %d to %d; %d s" %
             (year.day(), plan.rings, messages, year.checks, year.deferred,
              year.kills, plan.panics, min(turns), max(turns),
              time.time() - start))
    tap.ok(not year.failures,
           "no message failed or stayed unsigned, no record went early",
           "%d failures" % len(year.failures))
    tap.ok(messages >= plan.rings * plan.days / 2, "mail all along")
    tap.ok(min(turns) >= plan.turns,
           "every ring turned at least %d times" % plan.turns, str(turns))
    late = year.late_records()
    tap.ok(not late, "every record of a retired key is gone in time",
           "\n".join(late[:10]))
    tap.is_(year.rings.rig.faults(), [], "no fault in the log")
    tap.done()


if __name__ == "__main__":
    lab.need("knotd", "nsd", "unbound", root=True)
    lab.need_verifiers()
    main()
