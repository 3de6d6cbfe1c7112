#!/usr/bin/python3 -B
"""on_event: the program gets one JSON object on its stdin when a record has
vanished and stays away, once a day; one that fails, hangs or is not there is
spoken of and keeps tick from nothing."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import ringlab           # noqa: E402

HOUR, DAY = 3600, 86400
# The first two will lose their records; the last has something to do then.
LOSERS = ["a.example", "b.example"]
DOMAINS = LOSERS + ["z.example"]
HANGS = "while :; do echo still here; sleep 0.1; done\n"


def quoted(value):
    return " ".join('"%s"' % value[i:i + 255]
                    for i in range(0, len(value), 255))


class Events:
    def __init__(self, tap):
        self.tap, self.net = tap, dnslab.DnsLab()
        fake = self.net.fake_env()
        self.zones = {d: self.net.zone(d, {"ns1.dns.test": ["10.53.1.1"]})
                      for d in DOMAINS}
        self.server = self.net.knot("a", ["10.53.1.1"],
                                    list(self.zones.values()))
        self.net.start_root()
        self.net.unbound(env=fake)
        self.told, self.does = self.net.path("told"), self.net.path("does")
        self.program = self.net.path("on event")
        with open(self.program, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nread -r line\necho \"$1 $line\" >>%s\n"
                    ". %s\n" % (self.told, self.does))
        os.chmod(self.program, 0o755)
        self.behave("")
        self.rings = ringlab.RingLab(
            self.net, publisher={"type": "manual"},
            on_event=[self.program, "an argument"],
            rotation={"interval": "60d", "lead": "3d", "standby": False,
                      "stagger": False, "weekdays": "any",
                      "algorithms": ["rsa1024"]})
        self.rings.start()

    def behave(self, script):
        """What the program does when it has read its event."""
        with open(self.does, "w", encoding="utf-8") as f:
            f.write(script)

    def events(self):
        """What it was told since the last time, as objects."""
        if not os.path.exists(self.told):
            return []
        with open(self.told, encoding="utf-8") as f:
            lines = f.read().splitlines()
        os.unlink(self.told)
        self.tap.is_([l[:14] for l in lines], len(lines) * ["an argument {\""],
                     "the program, its argument, one object a line")
        return [json.loads(l[12:]) for l in lines]

    def put(self, domain, is_there=True):
        zone = self.zones[domain]
        for key in self.rings.keys(domain):
            name = key["selector"] + "._domainkey"
            zone.remove(name, "TXT")
            if is_there:
                zone.set(name, "TXT", quoted(key["record"]))
        self.server.load(zone)

    def tick(self, jump):
        self.net.jump(jump)
        return self.rings.keyturn("tick")

    def state(self, domain):
        return self.rings.keys(domain)[0]["state"]

    def hang(self):
        """A tick whose program hangs, until time has passed it by."""
        tick = subprocess.Popen(
            self.rings.command("tick"), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.rings.environment)
        try:
            if not lab.wait_for(lambda: os.path.exists(self.told), 20, 0.02):
                self.tap.note("the program was not run")
            time.sleep(0.3)
            self.tap.is_(tick.poll(), None, "tick waits for the program")
            self.net.jump(40)
            out, err = tick.communicate(timeout=20 * lab.slow())
        finally:
            tick.kill()
        return tick.returncode, out.decode(), err.decode()


def main():
    tap = lab.Tap(120)
    e = Events(tap)
    rings = e.rings
    done = rings.keyturn("add", *DOMAINS)
    tap.is_(done.code, 0, "add: " + done.err)
    for domain in LOSERS:
        e.put(domain)
    for _ in range(5):
        done = e.tick(HOUR)
    tap.is_([e.state(d) for d in DOMAINS], ["active", "active", "published"],
            "two rings sign, one waits for its record")
    e.events()

    # The records are gone.
    for domain in LOSERS:
        e.put(domain, False)
    e.put("z.example")
    e.tick(6 * HOUR)
    tap.is_(e.events(), [], "they are to be published again before any alarm")
    done = e.tick(HOUR)
    told = e.events()
    tap.is_(done.code, 1, "tick ends with 1")
    tap.is_([(t["event"], t["domain"], t["step"]) for t in told],
            [("alarm", d, "republish") for d in LOSERS],
            "they stay away: an alarm of each")
    key = rings.keys(LOSERS[0])[0]
    tap.is_(sorted(told[0]), ["domain", "event", "host", "selector", "step",
                              "text", "time"], "what an event has")
    tap.is_((told[0]["selector"], told[0]["host"]),
            (key["selector"], os.uname().nodename), "whose key it is")
    tap.ok("no server has a TXT record at %s._domainkey.a.example" %
           key["selector"] in told[0]["text"], "the text says what is wrong",
           told[0]["text"])
    tap.is_(told[0]["time"], time.strftime(
        "%Y-%m-%dT%H", time.gmtime(e.net.now())) + told[0]["time"][13:],
        "and when")
    tap.ok(done.err.count("alarm: a.example: %s: " % key["selector"]) == 1,
           "the log has it too", done.err)
    e.tick(HOUR)
    tap.is_(e.events(), [], "not again within a day")

    # A program that fails.
    e.behave("echo no way >&2\nexit 3\n")
    done = e.tick(DAY)
    tap.is_([t["domain"] for t in e.events()], LOSERS, "a day later: again")
    tap.ok(done.code == 1 and
           "on_event: %s: exit code 3: no way" % e.program in done.err,
           "a program that fails is spoken of", done.err)
    tap.is_(e.state("z.example"), "active", "the other ring has gone on")

    # One that hangs.
    key = rings.keys("z.example")[0]["selector"]
    e.behave(HANGS)
    e.put("z.example", False)
    e.net.jump(DAY)
    code, _, err = e.hang()
    told = e.events()
    tap.is_(code, 1, "tick comes to its end")
    tap.ok("on_event: %s: did not end within 30 s and was killed" % e.program
           in err, "and says that the program hangs", err)
    tap.is_([t["domain"] for t in told], LOSERS[:1],
            "it is not waited for a second time")
    tap.ok(rings.keys("z.example")[0].get("republished"),
           "the other ring was worked on", rings.keys("z.example")[0])
    e.behave("")
    e.tick(HOUR)
    # By now there are new keys that want to be published too.
    tap.ok({t["domain"] for t in e.events()} >= {"b.example", "z.example"},
           "what it was not told of is told by the next tick")

    # One that is not there.
    rings.rig.write_conf(on_event=["/nonexistent/program"])
    done = e.tick(DAY)
    tap.ok(done.code == 1 and done.err.count("on_event: /nonexistent/program: "
                                             "No such file") >= 3,
           "a program that is not there", done.err)
    rings.rig.write_conf(on_event=[e.program, "an argument"])

    # Mended.
    for domain in DOMAINS:
        e.put(domain)
    done = e.tick(HOUR)
    done = e.tick(HOUR)
    tap.is_((done.code, e.events()), (0, []), "mended: nothing to tell")
    e.put("a.example", False)
    e.tick(6 * HOUR)
    e.tick(HOUR)
    tap.is_([t["domain"] for t in e.events()], ["a.example"],
            "what begins again is told at once")
    tap.done()


if __name__ == "__main__":
    lab.need("knotd", "unbound", root=True)
    main()
