#!/usr/bin/python3 -B
"""The mistakes that people make with keys, each refused or harmless: the text
names the thing and the way out, and mail is signed and verifies all along.

A ring for each mistake, all under one keyturnd and one set of servers:
10.53.1.1 a knot that takes updates, 10.53.1.2 an nsd to which one zone moves,
10.53.1.3 a knot whose port 53 is closed to all but the resolvers.
"""

import os
import re
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import milter_client as mc  # noqa: E402
import ringlab           # noqa: E402

HOUR, DAY = 3600, 86400
A, B, C = "10.53.1.1", "10.53.1.2", "10.53.1.3"
SECOND_RESOLVER = "10.53.0.54"
NOBODY = 65534
OLD_SELECTOR = "s2019"

PLAIN = ["unpublished", "over", "reuse", "lost", "standby", "swapped",
         "oldconf", "olddir", "admins", "vanished", "vandal", "moved",
         "named", "dualstack"]


BY_HAND = ["unpublished", "vandal", "moved", "closed"]
CLOCKED = [n for n in PLAIN if n not in BY_HAND] + ["sending"]
BOOT = "/proc/sys/kernel/random/boot_id"


def domain_of(name):
    return name + ".example"


def quoted(value):
    return " ".join('"%s"' % value[i:i + 255]
                    for i in range(0, len(value), 255))


def settings():
    """What some of the rings have of their own."""
    by_hand = {"type": "manual"}
    return [
        {"rings": [domain_of(n) for n in ("unpublished", "moved")],
         "publisher": by_hand},
        # Says that all is well, and does nothing.
        {"rings": [domain_of("vandal")],
         "publisher": {"type": "exec", "command": ["/bin/true"]}},
        {"rings": [domain_of("over")], "rotation": {"selector": "key{seq}"}},
        {"rings": [domain_of("closed")], "publisher": by_hand,
         "dns": {"timeout": 1}},
    ]


class World:
    """The name servers, and the rings."""

    def __init__(self, tap):
        self.tap, self.net = tap, dnslab.DnsLab()
        lab.need("nsd", "unbound", "openssl")
        self.boots = 0
        self.sent = []
        self.fake = self.net.fake_env()
        self.start_dns()
        self.rings = self.ringlab(ringlab.RingLab)
        self.rings.start()

    def ringlab(self, kind, **more):
        return kind(
            self.net, ring_settings=settings(),
            dns={"resolver": [dnslab.RESOLVER], "timeout": 4},
            rotation={"interval": "60d", "stagger": False, "weekdays": "any",
                      "algorithms": ["rsa1024"], "margin": "1m", "ttl": 60,
                      "recheck": "1h", "retire_after": "7d"},
            **{"publisher": {"type": "rfc2136", "server": A,
                             "key_file": self.net.tsig_file}, **more})

    def start_dns(self):
        net = self.net
        others = {"dualstack": {"ns6.dns.test": [A, "2001:db8::1"]},
                  "only6": {"ns1.dns.test": [A],
                            "only6.dns.test": ["2001:db8::2"]},
                  "closed": {"ns3.dns.test": [C]}}
        self.zones = {n: net.zone(domain_of(n),
                                  others.get(n, {"ns1.dns.test": [A]}),
                                  soa_minimum=60)
                      for n in PLAIN + ["sending", "twins", "sudo", "only6",
                                 "closed"]}
        closed = self.zones["closed"]
        self.a = net.knot("a", [A], [z for z in self.zones.values()
                                     if z is not closed],
                          tsig=True, env=self.fake)
        self.b = net.nsd("b", [B], [self.zones["moved"]])
        self.c = net.knot("c", [C], [closed], proxied=True)
        self.c.fault("drop")
        net.start_root()
        inside = ["stub-zone:", 'name: "%s"' % closed.origin,
                  "stub-addr: %s@%d" % (C, dnslab.BEHIND)]
        for address in (dnslab.RESOLVER, SECOND_RESOLVER):
            net.unbound(address, env=self.fake, settings=inside)
        # No IPv6 from here, as with many.
        if net.has_ipv6:
            for what in (["route", "del", "local", "fd53::/16"],
                         ["addr", "del", dnslab.ROOT6 + "/128"]):
                subprocess.run(["ip", "-6", *what, "dev", "lo"], check=True,
                               timeout=30)

    # The DNS.

    def put(self, name, which, server=None):
        """Publish a key of the ring by hand."""
        zone, key = self.zones[name], self.rings.keys(domain_of(name))[which]
        where = key["selector"] + "._domainkey", "TXT", quoted(key["record"])
        zone.set(*where, ttl=60)
        if server is None:
            self.a.update(zone, *where, ttl=60)
        else:
            server.load(zone)

    def record(self, name, selector, address=A):
        m = self.net.ask(address, "%s._domainkey.%s" % (
            selector, domain_of(name)), "TXT")
        return (b"".join(m.answer[0][0].strings).decode() if m.answer
                else None)

    # The rings.

    def one(self, name, state):
        found = self.rings.selectors(domain_of(name), state)
        return found[0] if len(found) == 1 else found

    def tick(self, seconds=0):
        self.net.jump(seconds)
        return self.rings.keyturn("tick")

    def ticks(self, count, seconds=150):
        for _ in range(count):
            done = self.tick(seconds)
        return done

    def said(self, done, code, name, *words):
        """What keyturn ended with, and that it said all these words."""
        text = done.out + done.err
        self.tap.is_(done.code, code, "%s: exit %d" % (name, code))
        missing = [w for w in words if w not in text]
        self.tap.ok(not missing, "%s: said" % name,
                    "not there: %r\nsaid: %s" % (missing, text))
        if os.environ.get("KEYTURN_TEST_SHOW"):
            self.tap.note(text)

    def signs(self, name, selector, what):
        """Mail of the ring is signed with that selector, and verifies."""
        got, data = self.rings.sign(domain_of(name))
        why = self.rings.verify(data) if got else "not signed"
        self.sent.append((name, got, data))
        self.tap.is_((got, why), (selector, None), "%s: %s" % (name, what))

    def arrive(self, when):
        """All mail that was ever sent here verifies."""
        bad = ["%s: %s: %s" % (name, selector, why)
               for name, selector, data in self.sent
               for why in [self.rings.verify(data)] if why is not None]
        self.tap.ok(not bad, "%s: what was signed verifies" % when,
                    "\n".join(bad))

    def journal(self, name):
        with open(self.rings.path(domain_of(name), "journal"),
                  encoding="utf-8") as f:
            return f.read()


def begin(w):
    """Rings that sign, with one key ahead."""
    done = w.rings.keyturn("add", *map(domain_of, PLAIN))
    w.tap.is_(done.code, 0, "add: " + done.err)
    for name in ("unpublished", "moved", "vandal"):
        w.put(name, 0)
    w.ticks(4)
    for name in ("moved", "vandal"):
        w.put(name, 1)
    w.ticks(3)
    for name in PLAIN:
        w.tap.ok(isinstance(w.one(name, "active"), str), name + ": signs",
                 str(w.rings.keys(domain_of(name))))


def unpublished(w):
    """Activate a key that is not published."""
    old, new = w.one("unpublished", "active"), w.one("unpublished",
                                                     "published")
    done = w.rings.keyturn("rotate", domain_of("unpublished"))
    w.said(done, 75, "unpublished", new,
           "no server has a TXT record at %s._domainkey" % new,
           "keyturn dns check unpublished.example")
    w.signs("unpublished", old, "the old key signs on")
    w.put("unpublished", 1)
    done = w.rings.keyturn("rotate", domain_of("unpublished"))
    w.said(done, 75, "unpublished, published now", new, "20")
    w.ticks(2)
    done = w.rings.keyturn("rotate", domain_of("unpublished"))
    w.said(done, 0, "unpublished, the wait is over")
    w.signs("unpublished", new, "the new key signs")
    w.tick()
    w.put("unpublished", 2)


def over(w):
    """Publish over a selector that is somebody else's."""
    w.a.update(w.zones["over"], "keyc._domainkey", "TXT",
               '"v=DKIM1; p=bGl2ZQ=="')
    w.rings.keyturn("rotate", domain_of("over"))
    done = w.ticks(2)
    w.said(done, 1, "over", "keyc", "published at its name already",
           "keyturn retire over.example keyc")
    done = w.rings.keyturn("dns", "publish", domain_of("over"))
    w.said(done, 1, "over, by hand", "keyc",
           "something else is published at its name already",
           "keyturn retire over.example keyc")
    w.tap.is_(w.record("over", "keyc"), "v=DKIM1; p=bGl2ZQ==",
              "over: it is as it was")
    w.signs("over", "keyb", "mail is signed meanwhile")
    done = w.rings.keyturn("retire", domain_of("over"), "keyc")
    w.said(done, 0, "over, the way out", "keyc")
    w.ticks(4)
    w.tap.is_((w.one("over", "ready"), w.record("over", "keyc")),
              ("keyd", "v=DKIM1; p=bGl2ZQ=="),
              "over: the next key has another selector")
    done = w.rings.keyturn("rotate", domain_of("over"))
    w.signs("over", "keyd", "which signs")


def reuse(w):
    """Use a selector again."""
    old = w.one("reuse", "active")
    path = w.rings.rig.path("another.pem")
    lab.make_key(path, bits=1024)
    done = w.rings.keyturn("add", "--adopt", "%s=%s" % (old, path),
                           domain_of("reuse"))
    w.said(done, 65, "reuse", old, "the ring has a key of that selector")
    w.signs("reuse", old, "as before")
    # In keyturn.conf.
    conf = w.rings.rig.path("fixed.conf")
    with open(w.rings.rig.conf_path, encoding="utf-8") as f:
        text = f.read()
    with open(conf, "w", encoding="utf-8") as f:
        f.write(text.replace("key{seq}", "key"))
    done = w.rings.keyturn("-c", conf, "tick")
    w.said(done, 78, "reuse by the template", "fixed.conf:",
           "rotation.selector", "two keys would have the same selector")


def lost(w):
    """Delete the file of the key that signs."""
    old, new = w.one("lost", "active"), w.one("lost", "ready")
    os.unlink(w.rings.path(domain_of("lost"), old + ".pem"))
    w.signs("lost", old, "keyturnd has it still")
    done = w.rings.keyturn("reload")
    w.said(done, 1, "lost, reload", "lost.example", old + ".pem")
    w.signs("lost", old, "and keeps it")
    done = w.tick(HOUR + 60)
    w.said(done, 0, "lost", new, "the file of the active key is lost or "
           "damaged; %s retires" % old)
    w.signs("lost", new, "the next key signs")
    done = w.rings.keyturn("reload")
    w.said(done, 0, "lost, reload after the turn")


def standby(w):
    """Delete the file of the key that stands by."""
    old, new = w.one("standby", "active"), w.one("standby", "ready")
    os.unlink(w.rings.path(domain_of("standby"), new + ".pem"))
    done = w.rings.keyturn("rotate", domain_of("standby"))
    w.said(done, 75, "standby", new, "lost")
    w.signs("standby", old, "the old key signs on")
    w.ticks(5)
    w.tap.ok(w.one("standby", "ready") not in ([], new),
             "standby: another takes its place",
             str(w.rings.keys(domain_of("standby"))))


def swapped(w):
    """Replace a private key by another one."""
    old, new = w.one("swapped", "active"), w.one("swapped", "ready")
    path = w.rings.path(domain_of("swapped"), old + ".pem")
    lab.make_key(path, bits=1024)
    done = w.rings.keyturn("reload")
    w.said(done, 1, "swapped, reload", path)
    w.signs("swapped", old, "keyturnd keeps the right one")
    done = w.tick()
    w.said(done, 0, "swapped", new, "the file of the active key is lost or "
           "damaged; %s retires" % old)
    w.signs("swapped", new, "the next key signs")


def oldconf(w):
    """Copy an old ring.conf over a newer one."""
    domain = domain_of("oldconf")
    conf = w.rings.path(domain, "ring.conf")
    shutil.copy2(conf, conf + ".bak")
    new = w.one("oldconf", "ready")
    w.said(w.rings.keyturn("rotate", domain), 0, "oldconf, a turn")
    w.ticks(4)
    shutil.copy2(conf + ".bak", conf)
    done = w.rings.keyturn("rotate", domain)
    w.said(done, 65, "oldconf", "an old copy (step",
           "keyturn repair oldconf.example")
    done = w.tick()
    w.said(done, 1, "oldconf, tick", "an old copy (step",
           "keyturn repair oldconf.example")
    done = w.rings.keyturn("reload")
    w.said(done, 1, "oldconf, reload", "keyturn repair oldconf.example")
    w.signs("oldconf", new, "keyturnd keeps what it has")
    done = w.rings.keyturn("repair", domain)
    w.said(done, 0, "oldconf, the way out", "ring.conf is as the journal says")
    w.said(w.rings.keyturn("reload"), 0, "oldconf, reload")
    w.signs("oldconf", new, "as before")


def olddir(w):
    """Bring the whole directory of a ring back from an old backup."""
    domain = domain_of("olddir")
    path, old = w.rings.path(domain).rstrip("/"), w.one("olddir", "active")
    backup = w.rings.rig.path("backup")
    shutil.copytree(path, backup)
    new = w.one("olddir", "ready")
    w.said(w.rings.keyturn("rotate", domain), 0, "olddir, a turn")
    w.ticks(4)
    w.said(w.rings.keyturn("rotate", domain), 0, "olddir, another turn")
    last = w.one("olddir", "active")
    w.ticks(4)
    shutil.copytree(path, path + ".newer")
    done = w.tick()
    w.said(done, 1, "olddir, a copy among the rings", "olddir.example.newer",
           "keep copies outside of the rings directory")
    shutil.rmtree(path + ".newer")
    shutil.rmtree(path)
    shutil.copytree(backup, path)
    done = w.rings.keyturn("reload")
    w.said(done, 1, "olddir, reload", "an old copy: it has",
           "bring the newer one back", "keyturn add olddir.example --adopt")
    w.signs("olddir", last, "keyturnd keeps what it has")
    done = w.tick()
    w.said(done, 1, "olddir, tick", "alarm: olddir.example", "an old copy: it")
    done = w.rings.keyturn("repair", domain)
    w.said(done, 65, "olddir, repair", "an old copy: it has",
           "bring the newer one back", "keyturn add olddir.example --adopt")
    w.signs("olddir", last, "keyturnd keeps what it has")
    shutil.rmtree(path)
    done = w.rings.keyturn("add", "--adopt", "%s=%s/%s.pem" % (
        new, backup, new), domain)
    w.said(done, 0, "olddir, the way out", "%s: activate: done" % new)
    w.signs("olddir", new, "a key of the old copy signs")


def relay(w):
    """Copy the rings to a second relay."""
    rig = lab.Lab(key_table=None, signing_table=None,
                  ring_settings=settings(), **{
                      k: w.rings.rig.settings[k]
                      for k in ("dns", "rotation", "publisher")})
    shutil.copytree(w.rings.rig.path("state"), rig.path("state"))
    rig.write_conf(rings=rig.path("state/rings"))
    there = ["unshare", "-u", "sh", "-c",
             'hostname relay2.example; exec "$@"', "sh"]
    before = w.record("lost", w.one("lost", "active"))

    def keyturn(*args):
        done = subprocess.run(
            [*there, lab.program("keyturn"), "-c", rig.conf_path, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False, env=w.rings.environment,
            timeout=60 * lab.slow())
        return ringlab.Ran(done.returncode, done.stdout.decode(),
                           done.stderr.decode())

    done = keyturn("tick")
    w.said(done, 1, "relay, tick", "the ring of another host",
           "this is relay2.example", "keyturn repair --foreign lost.example")
    done = keyturn("rotate", domain_of("lost"))
    w.said(done, 65, "relay, rotate", "the ring of another host",
           "keyturn repair --foreign lost.example")
    keyturnd = rig.run([*there, lab.program("keyturnd"), "-f", "-c",
                        rig.conf_path, "-w", lab.program("keyturn-milter")],
                       "log", env=w.rings.environment)
    rig.keyturnd = keyturnd
    rig.wait_ready()
    w.tap.ok("the ring of another host" in rig.log_text(),
             "relay: keyturnd says so too", rig.log_text()[-2000:])
    with mc.Connection(rig.spec, timeout=20 * lab.slow()) as c:
        result = c.send(w.rings.message(domain_of("lost")))
    w.tap.is_(str(result.code), "451", "relay: it does not sign with them")
    rig.stop()
    w.tap.is_(w.record("lost", w.one("lost", "active")), before,
              "relay: the DNS is as before")


def admins(w):
    """Two administrators at once."""
    domain = domain_of("admins")
    old, new = w.one("admins", "active"), w.one("admins", "ready")
    both = [subprocess.Popen(w.rings.command(*args), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=w.rings.environment)
            for args in (["rotate", domain], ["rotate", domain], ["tick"],
                         ["tick"])]
    ran = []
    for p in both:
        out, err = p.communicate(timeout=60 * lab.slow())
        ran.append(ringlab.Ran(p.returncode, out.decode(), err.decode()))
    w.tap.is_((w.one("admins", "active"), w.one("admins", "retiring")),
              (new, old), "admins: one turn")
    w.tap.ok(sorted(r.code for r in ran[:2]) in ([0, 0], [0, 75]),
             "admins: who came second is told to wait, or sees it done")
    w.tap.is_([r.code for r in ran[2:]], [0, 0], "admins: the ticks are well")
    w.signs("admins", new, "signs")
    w.tap.is_(sorted(f for f in os.listdir(w.rings.path(domain))
                     if not f.endswith(".pem")),
              ["journal", "lock", "looks", "ring.conf"],
              "admins: nothing is left over")


def twins(w):
    """Two administrators add the same domain at once."""
    domain = domain_of("twins")
    both = [subprocess.Popen(w.rings.command("add", domain),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=w.rings.environment)
            for _ in range(2)]
    said = [p.communicate(timeout=60 * lab.slow()) for p in both]
    w.tap.is_([p.returncode for p in both], [0, 0], "twins: both are well")
    key, = w.rings.keys(domain)
    w.tap.is_([key["selector"] in s[0].decode() for s in said], [True, True],
              "twins: there is one key, which both are told")
    w.ticks(4)
    w.signs("twins", key["selector"], "it signs")


def vanished(w):
    """Somebody removes the record of the key that signs."""
    old = w.one("vanished", "active")
    record = w.record("vanished", old)
    w.a.update(w.zones["vanished"], old + "._domainkey", "TXT")
    w.tap.is_(w.record("vanished", old), None, "vanished: it is gone")
    done = w.tick(HOUR + 60)
    w.said(done, 0, "vanished", old, "republish")
    w.tap.ok("alarm" not in done.err, "vanished: no alarm", done.err)
    w.tap.is_(w.record("vanished", old), record, "vanished: there again")
    w.net.jump(61)  # the answers of caches that it is not there
    w.signs("vanished", old, "it signs on")


def vandal(w):
    """The record of the key that signs stays away."""
    old, new = w.one("vandal", "active"), w.one("vandal", "ready")
    zone = w.zones["vandal"]
    kept = zone.records[zone.full(old + "._domainkey"), "TXT"][1]
    w.a.update(zone, old + "._domainkey", "TXT")
    done = w.tick(HOUR + 60)
    w.said(done, 0, "vandal", old, "republish")
    w.tap.ok("alarm" not in done.err, "vandal: no alarm yet", done.err)
    done = w.tick(HOUR)
    w.said(done, 0, "vandal, it stays away", "%s: activate: done: the record "
           "of the active key is lost; %s retires" % (new, old))
    w.signs("vandal", new, "the next key signs")
    w.tick()
    w.put("vandal", 2)
    done = w.ticks(2, HOUR)
    w.said(done, 1, "vandal, the alarm", old,
           "mail on its way needs its record", "no server has a TXT record")
    w.a.update(zone, old + "._domainkey", "TXT", *kept, ttl=60)
    w.said(w.tick(HOUR), 0, "vandal, the record is back")


def moved(w):
    """The zone moves to other name servers in the middle."""
    old, new = w.one("moved", "active"), w.one("moved", "ready")
    zone = w.zones["moved"]
    there = zone.copy()
    there.set("@", "NS", "ns2.dns.test.")
    there.remove(new + "._domainkey", "TXT")
    w.b.load(there)
    zone.delegation = {"ns2.dns.test.": [B]}
    w.net.strangers["ns2.dns.test."] = [B]
    w.net.start_root()
    done = w.tick(2 * HOUR)
    w.said(done, 0, "moved, tick", new, "its record is not what it was", B,
           "it has to pass the gate again")
    done = w.rings.keyturn("rotate", domain_of("moved"))
    w.said(done, 75, "moved, the new server has not the key", new, B)
    w.signs("moved", old, "the old key signs on, by the new server")
    there.records.update(zone.records)
    there.set("@", "NS", "ns2.dns.test.")
    w.b.load(there)
    w.a.update(zone, new + "._domainkey", "TXT")
    done = w.rings.keyturn("rotate", domain_of("moved"))
    w.said(done, 75, "moved, the old server has lost it", new, A,
           "it served the zone in the last 48 hours")
    w.net.jump(2 * DAY)
    w.ticks(3)
    done = w.rings.keyturn("rotate", domain_of("moved"))
    w.said(done, 0, "moved, after 48 hours", new)
    w.signs("moved", new, "the new key signs")
    w.tick()
    key = w.rings.keys(domain_of("moved"))[2]
    there.set(key["selector"] + "._domainkey", "TXT", quoted(key["record"]))
    w.b.load(there)


def tables(w):
    """Add a domain that is sending; remove a ring that a table names."""
    rig = w.rings.rig
    path = rig.path(OLD_SELECTOR + ".pem")
    record = lab.make_key(path, bits=1024)
    w.a.update(w.zones["sending"], OLD_SELECTOR + "._domainkey", "TXT",
               quoted(record))
    rig.write("KeyTable", "old %s:%s:%s\n" % (domain_of("sending"),
                                               OLD_SELECTOR, path))
    rig.write("SigningTable", "*@sending.example old\n"
              "*@named.example named.example\n")
    rig.write_conf(key_table=rig.path("KeyTable"),
                   signing_table=rig.path("SigningTable"))
    w.tap.is_(w.rings.keyturn("reload").code, 0, "tables")
    done = w.rings.keyturn("add", domain_of("sending"))
    w.said(done, 1, "sending", "KeyTable:1: signs for it: --adopt %s=%s" % (
        OLD_SELECTOR, path))
    w.tap.ok(not os.path.exists(w.rings.path(domain_of("sending"))),
             "sending: nothing is made")
    w.signs("sending", OLD_SELECTOR, "it signs by the table")
    done = w.rings.keyturn("add", "--adopt", "%s=%s" % (OLD_SELECTOR, path),
                           domain_of("sending"))
    w.said(done, 0, "sending, the way out")
    w.ticks(2)
    old = w.one("named", "active")
    done = w.rings.keyturn("remove", domain_of("named"))
    w.said(done, 1, "named", "SigningTable:2: names the ring named.example",
           "remove that line and run `keyturn reload` first")
    w.signs("named", old, "it signs on")
    rig.write("KeyTable", "# none\n")
    rig.write("SigningTable", "# none\n")
    w.tap.is_(w.rings.keyturn("reload").code, 0, "no tables")
    w.signs("sending", OLD_SELECTOR, "the ring signs with the key")
    w.signs("named", old, "signs as before")


def no_ipv6(w):
    """No IPv6 from here."""
    old = w.one("dualstack", "active")
    text = w.journal("dualstack")
    w.tap.ok("IPv6 left out: it does not work from here" in text and
             re.search(r'"address":"2001:db8::1",[^}]*"left_out":true', text),
             "dualstack: the evidence says so", text)
    w.signs("dualstack", old, "a server with IPv4 too is enough")
    w.rings.keyturn("add", domain_of("only6"))
    w.tick(300)
    done = w.tick(300)
    w.said(done, 1, "only6", "only6.dns.test (2001:db8::2): has only IPv6 "
           "addresses, which cannot be reached from here")
    w.tap.is_(w.one("only6", "active"), [], "only6: the gate holds")
    w.rings.keyturn("remove", "--forget", domain_of("only6"))


def closed(w):
    """Port 53 is closed to the outside."""
    domain = domain_of("closed")
    w.rings.keyturn("add", domain)
    w.put("closed", 0, w.c)
    w.tick(300)
    done = w.rings.keyturn("rotate", domain)
    w.said(done, 1, "closed", C, "no answer by UDP",
           "if port 53 is closed to the outside, see dns.witness")
    sets = settings()
    sets[-1]["dns"].update(witness="resolvers", min_wait="48h",
                           witnesses=[dnslab.RESOLVER, SECOND_RESOLVER])
    w.rings.rig.write_conf(ring_settings=sets)
    w.tick()
    w.tick(47 * HOUR)
    w.tap.is_(w.one("closed", "published"), w.rings.keys(domain)[0]["selector"],
              "closed: resolvers as witnesses: 48 hours")
    w.ticks(3, HOUR)
    w.tap.ok('"weak":true' in w.journal("closed"),
             "closed: the journal says that this is the weaker proof")
    w.signs("closed", w.rings.keys(domain)[0]["selector"], "then it signs")


class Users(ringlab.RingLab):
    """Everything runs as a user; root may run a command too."""

    def begin(self, names):
        self.commands = names
        self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        for path in (self.rig.dir, self.rig.path("state"), self.rings):
            os.chown(path, NOBODY, NOBODY)
        self.keyturnd = self.rig.keyturnd = self.rig.run(
            [names["keyturnd"], "-f", "-c", self.rig.conf_path], "log",
            env=self.environment, **self.user)
        self.worker = self.rig.run(
            [names["keyturn-milter"], "-c", self.rig.conf_path, "-s",
             self.rig.spec], "log", **self.user)
        self.rig.wait_ready()

    def as_user(self, *args):
        done = subprocess.run(
            [self.commands["keyturn"], "-c", self.rig.conf_path, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False, env=self.environment,
            timeout=60 * lab.slow(), **self.user)
        return ringlab.Ran(done.returncode, done.stdout.decode(),
                           done.stderr.decode())

    def strangers(self):
        """Files in the rings directory and beside it that are others', or
        that others may have to do with."""
        out = []
        for directory, _, files in os.walk(self.rig.path("state")):
            may = 0o022 if directory == self.rig.path("state") else 0o077
            for path in [directory] + [os.path.join(directory, f)
                                       for f in files]:
                st = os.lstat(path)
                if st.st_uid != NOBODY or st.st_gid != NOBODY or (
                        stat.S_IMODE(st.st_mode) & may):
                    out.append("%s %d:%d %o" % (path, st.st_uid, st.st_gid,
                                                st.st_mode))
        return out


def sudo(w):
    """sudo and the timer take turns."""
    domain = domain_of("sudo")
    key = w.net.key_file("tsig.user", *w.net.keys()[0])
    os.chown(key, NOBODY, NOBODY)
    users = w.ringlab(Users, publisher={"type": "rfc2136", "server": A,
                                        "key_file": key})
    bin_ = users.rig.path("bin")
    os.mkdir(bin_)
    users.begin({n: lab.public_program(n, bin_)
                 for n in ("keyturn", "keyturnd", "keyturn-milter")})
    ran = []
    for i, args in enumerate((("add", domain), *[("tick",)] * 9,
                              ("rotate", domain), *[("tick",)] * 6,
                              ("rotate", domain))):
        w.net.jump(150)
        run = users.as_user if i % 2 else users.keyturn
        done = run(*args)
        ran.append(done.code)
        if done.code:
            w.tap.note("%s %s" % (args, done))
    w.tap.is_(sorted(set(ran)), [0], "sudo: every command is well")
    w.tap.is_(users.strangers(), [], "sudo: all files are the user's")
    selectors = users.selectors(domain, "active")
    got, data = users.sign(domain)
    w.tap.is_(([got], users.verify(data)), (selectors, None),
              "sudo: mail is signed")
    w.tap.is_(len(users.selectors(domain)) >= 3, True, "sudo: after two turns")
    with open(users.path(domain, "journal"), encoding="utf-8") as f:
        who = sorted(set(re.findall(r'"who":"([^"]*)"', f.read())))
    w.tap.is_(who, ["nobody", "root", "tick by nobody", "tick by root"],
              "sudo: the journal says who it was")


def again(w):
    """Give rings up, and use a selector again."""
    rig, gone = w.rings.rig, w.one("unpublished", "active")
    for name in BY_HAND:
        w.said(w.rings.keyturn("remove", "--forget", domain_of(name)), 0,
               name + ", forgotten")
    w.tap.is_(w.rings.sign(domain_of("unpublished"))[0], None,
              "unpublished: no longer signed")
    path = rig.path("again.pem")
    lab.make_key(path, bits=1024)
    done = w.rings.keyturn("add", "--adopt", "%s=%s" % (gone, path),
                           domain_of("unpublished"))
    w.said(done, 65, "again", gone,
           "the ring has a key of that selector, which is gone")
    w.tap.is_(w.tick().code, 0, "again: nothing has come of it")
    w.tap.is_(w.rings.selectors(domain_of("unpublished"), "generated",
                                "published", "ready", "active"), [],
              "again: the ring is still given up")
    w.arrive("removed rings")


def all_sign(w, when):
    """Every ring signs with its active key, and that verifies."""
    bad = []
    for name in CLOCKED:
        got, data = w.rings.sign(domain_of(name))
        why = w.rings.verify(data) if got else "not signed"
        if why is not None or got != w.one(name, "active"):
            bad.append("%s: %s %s: %s" % (name, got, w.one(name, "active"),
                                          why))
    w.tap.ok(not bad, when + ": every ring signs, and it verifies",
             "\n".join(bad))
    w.arrive(when)


def boot(w, ahead):
    """The machine starts anew, its clock off by so many seconds."""
    lab.stop_process(w.rings.keyturnd, 10)
    if not w.boots:
        w.rings.rig.write("boot-id", "\n")
        subprocess.run(["mount", "--bind", w.rings.rig.path("boot-id"), BOOT],
                       check=True, timeout=30)
    w.boots += 1
    with open(w.rings.rig.path("boot-id"), "w", encoding="ascii") as f:
        f.write("00000000-0000-4000-8000-%012d\n" % w.boots)
    w.net.jump(ahead)
    w.rings.start_keyturnd()
    w.tap.ok(w.rings.wait_keyturnd(), "keyturnd starts")


def clocks(w):
    """Boot with a clock a year ahead, and with one a year behind."""
    def withdrawn():
        return sorted((d, s) for d in map(domain_of, CLOCKED)
                      for s in w.rings.selectors(d, "revoked", "gone"))

    before = withdrawn()
    all_sign(w, "before")
    for ahead, name, wrong, right in (
            (365 * DAY, "a year ahead",
             "over 7 days since the last run, or the clock is wrong",
             "the clock was set back"),
            (-365 * DAY, "a year behind", "the clock was set back",
             "over 7 days since the last run, or the clock is wrong")):
        boot(w, ahead)
        done = w.tick()
        w.tap.ok(wrong + ": for a day, steps that cannot be taken back wait "
                 "24 hours" in done.err, name + ": said", done.err)
        all_sign(w, name)
        for _ in range(3):
            w.said(w.tick(HOUR), 0, name + ", tick")
        all_sign(w, name + ", hours later")
        w.tap.is_(withdrawn(), before, name + ": nothing is withdrawn")
        w.net.jump(-ahead)
        done = w.tick()
        w.tap.ok(right in done.err, name + ", set right: said", done.err)
        all_sign(w, name + ", set right")
        for _ in range(3):
            w.said(w.tick(HOUR), 0, name + ", tick")
        all_sign(w, name + ", hours later")
        w.tap.is_(withdrawn(), before, name + ", set right: nothing is "
                  "withdrawn")
        new = w.one("lost", "ready")
        done = w.rings.keyturn("rotate", domain_of("lost"))
        w.said(done, 0, name + ", set right, rotate", new)
        w.signs("lost", new, name + ": the next key signs")
        w.ticks(3)


CASES = [unpublished, over, reuse, lost, standby, swapped, oldconf, olddir,
         relay, admins, twins, vanished, vandal, moved, tables, no_ipv6,
         closed, sudo, again, clocks]


def main():
    """All cases, or those that are named (the last needs all others)."""
    tap = lab.Tap(300)
    world = World(tap)
    begin(world)
    for case in CASES:
        if not sys.argv[1:] or case.__name__ in sys.argv[1:]:
            tap.note(case.__doc__)
            case(world)
    tap.is_(world.rings.rig.faults(), [], "no fault in the log")
    tap.done()


if __name__ == "__main__":
    lab.need("knotd", "unshare", "openssl", root=True)
    lab.need_verifiers()
    main()
