#!/usr/bin/python3 -B
"""Killed at every call that changes a file, and with every such call failing:
after each the ring loads, its promises hold, and it comes to where it would
have come without that.

Each kind of call of each command (rename ring.conf, say) is tried once, by
turns killed and failing; KEYTURN_TEST_SCALE=10 tries each call of each command
both ways, in a quarter of an hour."""

import ctypes
import os
import re
import shutil
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import killat
import lab
import ringlab
import ringoracle

DOMAIN, ADOPTED, FILED = "example.com", "adopted.example", "filed.example"
HOUR, DAY = 3600, 86400
WAYS = ({}, {"errno": "ENOSPC"}, {"half": True}, {"errno": "EROFS"},
        {"after": True}, {"errno": "EIO"})
ALL = lab.SCALE >= 10

killat.need("keyturn")
net = dnslab.DnsLab()
# Thousands of fsyncs, of which none has to outlive this machine.  The lab has
# mounted one of its own there.
if os.access("/dev/shm", os.W_OK | os.X_OK):
    tempfile.tempdir = "/dev/shm"
tap = lab.Tap(120 if not ALL else 3600)
env = net.fake_env()
zones = {d: net.zone(d, {"ns1." + d: ["10.53.1.1"]}, soa_minimum=60)
         for d in (DOMAIN, ADOPTED, FILED)}
for z in zones.values():
    z.set("stranger._domainkey", "TXT", '"v=DKIM1; p=QQ=="')
adopted_file = os.path.join(net.dir, "adopted.pem")
zones[ADOPTED].set("old._domainkey", "TXT", '"%s"' % lab.make_key(
    adopted_file, bits=1024))
server = net.knot("a", ["10.53.1.1"], list(zones.values()), tsig=True, env=env)
net.start_root()
net.unbound(env=env)
rings = ringlab.RingLab(
    net,
    minimum_rsa_bits=1024,
    rotation={"weekdays": "any", "algorithms": ["rsa1024"], "margin": "1m",
              "interval": "365d", "stagger": False, "ttl": 60,
              "retire_after": "1d", "revoke_for": "1d", "delete_after": "2d"},
    publisher={"type": "rfc2136", "server": "10.53.1.1",
               "key_file": net.tsig_file},
    ring_settings=[{"rings": [FILED], "publisher": {
        "type": "zonefile", "file": "FRAGMENT", "command": ["true"]}}])
STATE, SAVED = rings.rig.path("state"), rings.rig.path("saved")
FRAGMENT = os.path.join(STATE, "fragment")
rings.rig.settings["ring_settings"][0]["publisher"]["file"] = FRAGMENT
rings.rig.write_conf()
oracle = ringoracle.Oracle(rings, server, zones)
tried = set()


def is_write(name):
    return name.startswith(("write ", "pwrite"))


class Saved:
    """A state to come back to: files, records, the time."""

    def __init__(self):
        shutil.rmtree(SAVED, ignore_errors=True)
        shutil.copytree(STATE, SAVED, symlinks=True)
        self.ahead, self.began = net.ahead, net.now()
        self.records = {d: oracle.records(d) for d in zones}

    def restore(self):
        shutil.rmtree(STATE)
        shutil.copytree(SAVED, STATE, symlinks=True)
        net.jump(int(self.began - net.now()))
        for d, zone in zones.items():
            now = oracle.records(d)
            for s in now.keys() | self.records[d].keys():
                if now.get(s) != self.records[d].get(s):
                    server.update(zone, s + "._domainkey", "TXT",
                                  *self.records[d].get(s, ()), ttl=60)


class Stage:
    """One command, tried from one state.

    goal    whether it is done
    served  keyturnd and a worker run, and mail is sent
    may_go  the selectors of which the record may be withdrawn
    """

    def __init__(self, name, domain, command, goal, served=False, may_go=(),
                 lost_before=False):
        self.name, self.domain, self.goal = name, domain, goal
        self.command, self.served = command, served
        self.may_go, self.lost_before = may_go, lost_before
        # Nobody serves the file: the records are missed, sooner or later.
        self.any_code = domain == FILED

    def begin(self):
        self.saved.restore()
        if self.served:
            rings.start()

    def end(self):
        if self.served:
            for p in (rings.worker, rings.keyturnd):
                p.kill()
                p.wait()

    def run(self, point=0, **how):
        return killat.run(rings.command(*self.command), point,
                          env=rings.environment, **how)

    def settle(self):
        """Tick until nothing moves; the last exit status and all output."""
        said = ""
        for _ in range(6):
            before = oracle.picture(self.domain)
            ran = rings.keyturn("tick")
            said += ran.out + ran.err
            if oracle.picture(self.domain) == before:
                break
        return ran.code, said

    def wrong(self):
        """What is wrong now with the ring, or None."""
        return (oracle.wrong(self.domain, self.before, self.may_go) or
                (oracle.mail(self.domain) if self.served else None))

    def after(self, done, how):
        """What is wrong after a run that was cut short, or None."""
        bad = None
        if "errno" in how:
            bad = oracle.failure(
                done, self.goal, None if self.lost_before else STATE,
                how["errno"])
        elif not done.killed:
            bad = "not killed"
        # A ring that was damaged before may be so still.
        if not bad and not self.lost_before:
            bad = self.wrong()
        said = ""
        if not bad:
            ran = None
            for _ in range(3):
                if self.goal():
                    break
                ran = rings.keyturn(*self.command)
                said += ran.out + ran.err
            code, more = self.settle()
            said += more
            bad = self.wrong() or (
                None if self.goal() else "does not go on") or (
                    None if code == self.code or self.any_code else
                    "tick ends with %d, not %d" % (code, self.code)) or (
                        None if oracle.picture(self.domain) == self.picture
                        else "%s is not %s" % (oracle.picture(self.domain),
                                               self.picture)) or \
                oracle.left_over(STATE, how.get("errno") != "ENOSPC")
        return bad and "%s\n%s" % (bad, said)

    def points(self, names):
        """Which points are tried, each with its ways."""
        for i, name in enumerate(names):
            if ALL:
                # Killed after it is killed before the next one.
                yield i + 1, [{}, WAYS[i % 3 * 2 + 1]] + (
                    [{"half": True}] if is_write(name) else [])
                continue
            kind = (self.command[0], re.sub(r"\d{6}[\w.-]*", "KEY", name))
            if kind not in tried:
                tried.add(kind)
                n = len(tried) % len(WAYS)
                yield i + 1, WAYS[n:n + 1]

    def go(self):
        """Try all; then it is done."""
        self.saved = Saved()
        self.before = oracle.history(self.domain)
        self.begin()
        was = self.goal()
        done = self.run()
        names = done.names
        good = self.goal() and not was
        self.code, said = self.settle()
        self.picture = oracle.picture(self.domain)
        bad = self.wrong()
        tap.ok(good and not bad, "%s: %d points" % (self.name, len(names)),
               "%s %s %s\n%s\n%s\n%s" % (was, good, bad, done, said,
                                         self.picture))
        self.end()
        wrong, count = [], 0
        for point, ways in self.points(names):
            for how in ways:
                if "half" in how and not is_write(names[point - 1]):
                    how = {}
                count += 1
                self.begin()
                done = self.run(point, **how)
                bad = self.after(done, how)
                self.end()
                if bad:
                    wrong.append("%d %s %s: %s\nby then: %s" % (
                        point, names[point - 1], how, bad, done.output))
        tap.ok(not wrong, "%s: %d runs cut short" % (self.name, count),
               "%d wrong:\n%s" % (len(wrong), "\n".join(
                   wrong if ALL else wrong[:3])))
        self.begin()
        self.run()
        self.end()

    def aside(self):
        """Try all; then it is as before."""
        self.go()
        self.saved.restore()


def ticks(count, step):
    for _ in range(count):
        rings.keyturn("tick")
        net.jump(step)


def served_ticks(count, step):
    rings.start()
    ticks(count, step)
    Stage("", "", [], None, True).end()


def is_in(domain, selector, *states):
    return lambda: oracle.states(domain).get(selector) in states


def noted(domain, what):
    """Whether that stands in the journal more often than now."""
    before = oracle.noted(domain, what)
    return lambda: oracle.noted(domain, what) > before


def each_tick(domain, count, step, may_go=()):
    """Go through time; each step that tick has not shown yet is a stage."""
    for _ in range(count):
        due = re.findall(r"^%s: (\S+): ([a-z-]+): due" % re.escape(domain),
                         rings.keyturn("tick", "-n").out, re.M)
        new = [d for d in due if d[1] not in shown]
        if new:
            shown.update(d[1] for d in new)
            selector, what = new[0]
            Stage("tick, " + what, domain, ["tick"],
                  noted(domain, "%s %s" % (what, selector)),
                  may_go=may_go).go()
        else:
            rings.keyturn("tick")
        net.jump(step)


shown = set()

# The first key.
Stage("add", DOMAIN, ["add", DOMAIN],
      lambda: "published" in oracle.states(DOMAIN).values()).go()
first, = oracle.states(DOMAIN)
net.jump(150)
Stage("tick, ready", DOMAIN, ["tick"], is_in(DOMAIN, first, "ready")).go()
Stage("tick, activate", DOMAIN, ["tick"], is_in(DOMAIN, first, "active"),
      True).go()
old_conf = open(rings.path(DOMAIN, "ring.conf"), "rb").read()

# Without a ready key.
Stage("panic, no key", DOMAIN, ["panic", DOMAIN],
      lambda: "condemned" in oracle.flags(DOMAIN, first) and
      len(oracle.states(DOMAIN)) > 1, True).aside()
Stage("tick, generate", DOMAIN, ["tick"],
      lambda: len(oracle.states(DOMAIN)) == 2).go()
served_ticks(3, 150)
second, = [s for s, state in oracle.states(DOMAIN).items() if state == "ready"]

# A ready key.
kept = oracle.records(DOMAIN)[second]
server.update(zones[DOMAIN], second + "._domainkey", "TXT")
Stage("dns publish", DOMAIN, ["dns", "publish", DOMAIN, second],
      lambda: second in oracle.records(DOMAIN), may_go=(second,)).aside()
server.update(zones[DOMAIN], second + "._domainkey", "TXT", *kept, ttl=60)
Stage("retire", DOMAIN, ["retire", DOMAIN, second],
      is_in(DOMAIN, second, "retiring", "gone", "revoked"),
      may_go=(second,)).aside()
Stage("rotate", DOMAIN, ["rotate", DOMAIN], is_in(DOMAIN, second, "active"),
      True).go()

# What was restored from an old backup; the rings of another host.
new_conf = open(rings.path(DOMAIN, "ring.conf"), "rb").read()
with open(rings.path(DOMAIN, "ring.conf"), "wb") as f:
    f.write(old_conf)
Stage("repair", DOMAIN, ["repair", DOMAIN], is_in(DOMAIN, second, "active"),
      lost_before=True).aside()
with open(rings.path(DOMAIN, "ring.conf"), "wb") as f:
    f.write(new_conf)
was_host = socket.gethostname()
if ctypes.CDLL(None, use_errno=True).unshare(0x04000000) == 0:
    socket.sethostname("relay2.example")
    Stage("repair --foreign", DOMAIN, ["repair", "--foreign", DOMAIN],
          noted(DOMAIN, "repair --foreign"), lost_before=True).aside()
    socket.sethostname(was_host)

# Withdrawing, by hand and by tick.
served_ticks(3, 150)
net.jump(DAY + 60)
Stage("revoke announced", DOMAIN, ["revoke", DOMAIN, first],
      lambda: "armed" in oracle.flags(DOMAIN, first)).aside()
each_tick(DOMAIN, 1, 2 * HOUR, may_go=(first,))
Stage("revoke", DOMAIN, ["revoke", DOMAIN, first],
      is_in(DOMAIN, first, "revoked"), may_go=(first,)).aside()
each_tick(DOMAIN, 16, 8 * HOUR, may_go=(first,))
tap.is_(sorted(shown & {"arm", "revoke", "note-empty", "remove", "gone",
                        "delete-file"}),
        ["arm", "delete-file", "gone", "note-empty", "remove", "revoke"],
        "all that tick does to an old key was tried")

# The emergency, and the end.
Stage("panic", DOMAIN, ["panic", DOMAIN],
      is_in(DOMAIN, second, "revoked"), True, may_go=(second,)).go()
Stage("remove --forget", DOMAIN, ["remove", "--forget", DOMAIN],
      lambda: set(oracle.states(DOMAIN).values()) == {"gone"}, True,
      may_go=tuple(oracle.states(DOMAIN))).aside()
Stage("remove", DOMAIN, ["remove", DOMAIN],
      lambda: "active" not in oracle.states(DOMAIN).values(), True,
      may_go=tuple(oracle.states(DOMAIN))).go()

# A key that signs already; a file of records.
shutil.rmtree(rings.path(DOMAIN))
Stage("add --adopt", ADOPTED,
      ["add", "--adopt", "old=" + adopted_file, ADOPTED],
      lambda: oracle.states(ADOPTED).get("old") in ("active", "published",
                                                    "ready")).go()
shutil.rmtree(rings.path(ADOPTED))
with open(FRAGMENT, "w", encoding="ascii") as f:
    f.write("; Other lines stay.\n")
Stage("add to a file", FILED, ["add", FILED],
      lambda: "published" in oracle.states(FILED).values()).go()
tap.ok(oracle.in_file(FRAGMENT, FILED), "the file has the record")
filed, = oracle.states(FILED)
Stage("retire from a file", FILED, ["retire", FILED, filed],
      is_in(FILED, filed, "retiring", "revoked", "gone")).go()
shown.clear()
each_tick(FILED, 6, 8 * HOUR, may_go=(filed,))
tap.is_(rings.rig.faults(), [], "keyturnd had no trouble")
tap.done()
