#!/usr/bin/python3 -B
"""Killed at every call that changes a file, and with every such call failing:
after each the ring loads, is as before or as after, and goes on from there."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import dnslab
import killat
import lab
import ringlab

DOMAIN = "example.com"
DAY = 86400
KILLS = ({}, {"after": True}, {"half": True})

net = dnslab.DnsLab()
killat.need("keyturn")
tap = lab.Tap(900)
env = net.fake_env()
zone = net.zone(DOMAIN, {"ns1.example.com": ["10.53.1.1"]}, soa_minimum=60)
server = net.knot("a", ["10.53.1.1"], [zone], tsig=True, env=env)
net.start_root()
net.unbound(env=env)
rings = ringlab.RingLab(
    net,
    rotation={"weekdays": "any", "algorithms": ["rsa1024"], "margin": "1m",
              "interval": "365d", "stagger": False, "ttl": 60,
              "retire_after": "1d", "revoke_for": "1d", "delete_after": "3d"},
    publisher={"type": "rfc2136", "server": "10.53.1.1",
               "key_file": net.tsig_file})
STATE, SAVED = rings.rig.path("state"), rings.rig.path("saved")
# KEYTURN_TEST_SCALE=10 tries every point, in five minutes.
STEP = max(1, round(10 / lab.SCALE))


def states():
    if not os.path.exists(rings.path(DOMAIN, "ring.conf")):
        return {}
    return {k["selector"]: k["state"] for k in rings.keys(DOMAIN)}


def of(*wanted):
    return [s for s, state in states().items() if state in wanted]


def restore():
    shutil.rmtree(STATE)
    shutil.copytree(SAVED, STATE, symlinks=True)


def begin(with_keyturnd):
    restore()
    if with_keyturnd:
        rings.start_keyturnd()
        rings.wait_keyturnd()


def end(with_keyturnd):
    if with_keyturnd:
        rings.keyturnd.kill()
        lab.stop_process(rings.keyturnd, 10)


def broken():
    """What promises of a ring are broken, or None."""
    keys = rings.keys(DOMAIN) if states() else []
    if len({k["selector"] for k in keys}) != len(keys):
        return "a selector twice"
    if len([k for k in keys if k["state"] == "active"]) > 1:
        return "two active keys"
    for k in keys:
        path = rings.path(DOMAIN, k["file"]) if k.get("file") else None
        if k["state"] in ("generated", "published", "ready", "active") and (
                not path or not os.path.exists(path)):
            return "no key file of %s, %s" % (k["selector"], k["state"])
    return None


def finish(command, goal):
    """Go on after a crash; what is wrong, or None."""
    wrong = broken()
    out = ""
    for _ in range(4):
        if wrong or goal():
            break
        ran = rings.keyturn("tick")
        out += ran.out + ran.err
        if not goal() and command[0] != "tick":
            ran = rings.keyturn(*command)
            out += ran.out + ran.err
        wrong = broken()
    ran = rings.keyturn("tick")
    wrong = wrong or broken() or (None if goal() else "does not go on")
    if wrong is None and ran.code not in (0, 1, 75):
        wrong = "tick ends with %d" % ran.code
    return wrong and "%s\n%s%s" % (wrong, out, ran.out + ran.err)


def failed(done, goal):
    """What is wrong with how a command ended whose calls failed, or None."""
    if done.returncode == 0:
        return None if goal() else "fails and says nothing"
    if not any(t in done.output for t in killat.ERRNOS.values()):
        return "does not say why: " + done.output
    return None


def stage(name, command, goal, with_keyturnd=False):
    """Try all points of command, then do it."""
    end(rings.keyturnd is not None and rings.keyturnd.poll() is None)
    shutil.rmtree(SAVED, ignore_errors=True)
    shutil.copytree(STATE, SAVED, symlinks=True)
    begin(with_keyturnd)
    before = goal()
    count = killat.points(rings.command(*command), env=rings.environment)
    if not tap.ok(goal() and not before, name + ": %d points" % count):
        tap.note("%s\n%s" % (states(), killat.run(
            rings.command(*command), env=rings.environment)))
    end(with_keyturnd)
    wrong = []
    errnos = sorted(killat.ERRNOS)
    for point in range(1, count + 1, STEP):
        ways = [KILLS[point % 3]]
        if point % 2:
            ways.append({"errno": errnos[point // 2 % len(errnos)]})
        for how in ways:
            begin(with_keyturnd)
            done = killat.run(rings.command(*command), point,
                              env=rings.environment, **how)
            bad = None
            if "errno" in how:
                bad = failed(done, goal)
            bad = bad or finish(command, goal)
            if bad:
                wrong.append("%d %s: %s\n%s" % (point, how, bad,
                                                done.output))
            end(with_keyturnd)
    tap.ok(not wrong, name + ": as before or as after, and on from there",
           "%d wrong:\n%s" % (len(wrong), "\n".join(wrong[:3])))
    begin(False)
    rings.start_keyturnd()
    rings.wait_keyturnd()
    if not goal():
        rings.keyturn(*command)


def tick(seconds=0):
    rings.keyturn("tick")
    net.jump(seconds)


stage("add", ["add", DOMAIN], lambda: of("published"))
net.jump(150)
stage("tick, ready", ["tick"], lambda: of("ready", "active"))
stage("tick, active", ["tick"], lambda: of("active"), True)
first, = of("active")
stage("tick, the next key", ["tick"],
      lambda: len(states()) == 2)
for _ in range(5):
    tick(150)
second, = of("ready")
stage("rotate", ["rotate", DOMAIN],
      lambda: states().get(second) == "active", True)
for _ in range(5):
    tick(150)
net.jump(DAY + 60)
stage("revoke announced", ["revoke", DOMAIN, first],
      lambda: any(k["selector"] == first and "revoke" in k.get("step", "")
                  for k in rings.keys(DOMAIN)) or
      states()[first] == "revoked")
net.jump(7200)
stage("revoke", ["revoke", DOMAIN, first],
      lambda: states()[first] == "revoked")
third, = of("ready")
stage("panic", ["panic", DOMAIN], lambda: (
    states().get(third) == "active" and states()[second] == "revoked"), True)
tap.is_(rings.keyturn("tick").code in (0, 1), True, "all is well")
for _ in range(12):
    if "delete-file: due" in rings.keyturn("tick", "-n").out:
        break
    tick(DAY // 3)
stage("delete the private key", ["tick"],
      lambda: not os.path.exists(rings.path(DOMAIN, first + ".pem")))
stage("remove", ["remove", DOMAIN], lambda: not of("active"), True)
tap.is_(rings.rig.faults(), [], "keyturnd had no trouble")
tap.done()
