#!/usr/bin/python3
"""keyturnd's options, its start, its children and its stop."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import channel_client as cc
import lab

lab.need("openssl")
tap = lab.Tap(120)
KEYTURND = lab.program("keyturnd")


def run(*args):
    done = subprocess.run([KEYTURND, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          check=False, timeout=20 * lab.slow())
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def keeper(**conf):
    k = cc.Keeper(**conf)
    k.simple(("ed25519",))
    return k


# Options.

k = keeper()
code, out, err = run("-V")
tap.ok(code == 0 and out.startswith("keyturnd ") and err == "", "-V", out)
for name, args in (("an unknown option", ["-x"]),
                   ("-c without a file", ["-c"]),
                   ("a surplus argument", ["-f", "surplus"])):
    code, out, err = run(*args)
    tap.ok(code == 64 and "usage: keyturnd" in err and out == "", name, err)
code, out, err = run("-t", "-c", k.conf_path)
tap.is_((code, out, err), (0, "", ""), "-t on a good configuration")
code, out, err = run("-ft", "-c", k.path("none"))
tap.ok(code == 78 and "keyturnd: " in err and k.path("none") in err,
       "-t without a configuration", err)
tap.ok(not os.path.exists(k.path("channel.sock")), "-t opens no socket")

# Start.

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(k.path("notify.sock"))
manager.settimeout(10 * lab.slow())
os.environ["NOTIFY_SOCKET"] = k.path("notify.sock")
k.start()
del os.environ["NOTIFY_SOCKET"]
tap.is_(manager.recv(4096), b"READY=1", "the service manager hears of it")
pid = k.keyturnd.pid
status = k.status()
tap.ok(status["pid"] == pid and status["generation"] == 1 and
       status["state"] == "good" and status["last_reload"] is None and
       status["keys"] == 1 and status["lines"] == 1 and
       status["workers"] == [] and status["log_lines_dropped"] == 0,
       "status of a fresh one: no worker is needed of a service", status)
code, text = k.ask("status")
tap.ok(code == 0 and text.startswith("keyturnd ") and
       "pid %d: good\n" % pid in text, "the same in words", text)
if os.geteuid() == 0:
    tap.ok(k.wait_log("running as root"), "root is warned")
if os.path.exists("/proc/self/limits"):
    with open("/proc/%d/limits" % pid, encoding="ascii") as f:
        limits = f.read()
    tap.ok(any(l.split()[:6] == ["Max", "core", "file", "size", "0", "0"]
               for l in limits.splitlines()), "no core file", limits)
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        tap.ok("NoNewPrivs:\t1" in f.read(), "no new rights")

size = len(k.log_text())
again = k.run([KEYTURND, "-f", "-c", k.conf_path], "log2")
tap.ok(again.wait(20 * lab.slow()) == 78 and
       "another process listens" in k.log_text("log2"),
       "a second one does not start", k.log_text("log2"))
tap.ok(k.signs("s-ed25519"), "and does the first no harm")

# Signals.

for name in ("USR1", "USR2", "PIPE", "ALRM", "WINCH", "CHLD"):
    k.keyturnd.send_signal(getattr(signal, "SIG" + name))
tap.ok(k.signs("s-ed25519") and k.keyturnd.poll() is None,
       "signals that mean nothing here do nothing")
k.keyturnd.send_signal(signal.SIGHUP)
news = manager.recv(4096)
now = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
tap.ok(news.startswith(b"RELOADING=1\nMONOTONIC_USEC=") and
       0 <= now - int(news.split(b"=")[-1]) < 60e6,
       "SIGHUP: RELOADING=1 with the time", news)
tap.ok(manager.recv(4096).startswith(b"READY=1\nSTATUS=generation 2 "),
       "then READY=1")
k.write("KeyTable", "junk\n")
k.keyturnd.send_signal(signal.SIGHUP)
manager.recv(4096)
tap.ok(manager.recv(4096).startswith(b"READY=1\nSTATUS=reload refused"),
       "READY=1 after a refused one too")
k.keyturnd.send_signal(signal.SIGTERM)
tap.is_(k.keyturnd.wait(20 * lab.slow()), 0, "SIGTERM: exit 0")
tap.is_(manager.recv(4096), b"STOPPING=1", "the manager is told")
tap.ok(not os.path.exists(k.path("channel.sock")) and
       not os.path.exists(k.path("control.sock")), "no socket is left")
tap.ok("stopped\n" in k.log_text()[size:], "the last line is logged")
tap.is_(k.faults(), [], "no fault in its log")

k = keeper()
k.start()
k.keyturnd.send_signal(signal.SIGKILL)
k.keyturnd.wait()
tap.ok(os.path.exists(k.path("channel.sock")), "killed, it leaves its sockets")
k.start()
tap.ok(k.signs("s-ed25519"), "the next one replaces them")
k.keyturnd.send_signal(signal.SIGINT)
tap.is_(k.keyturnd.wait(20 * lab.slow()), 0, "SIGINT: exit 0")

for name, change, want in (
        ("a file where a socket should be", "file", "no socket"),
        ("no directory for a socket", "directory", "No such file")):
    k = keeper()
    if change == "file":
        k.write("control.sock", "precious")
    else:
        k.write_conf(control_socket=k.path("none/control.sock"))
    k.start(wait=False)
    code = k.keyturnd.wait(20 * lab.slow())
    tap.ok(code in (71, 78) and want in k.log_text(), name + ": no start",
           "%d %s" % (code, k.log_text()))
    tap.ok(not os.path.exists(k.path("channel.sock")) and
           (change != "file" or os.path.isfile(k.path("control.sock"))),
           name + ": nothing is left, nothing is removed")

# As a user without rights, where root can make one.

if os.geteuid() == 0:
    NOBODY = 65534
    k = keeper(channel_users=["root"])
    for name in [""] + os.listdir(k.dir):
        os.chown(k.path(name), NOBODY, NOBODY)
    k.start(user=NOBODY, group=NOBODY, extra_groups=[])
    tap.ok(k.signs("s-ed25519"), "it serves as nobody")
    tap.ok("running as root" not in k.log_text(), "without a warning")
    if os.path.exists("/proc/self/mem"):
        # The memory of a process that may not be dumped belongs to root.
        tap.is_(os.stat("/proc/%d/mem" % k.keyturnd.pid).st_uid, 0,
                "other processes of that user cannot read its memory")
    tap.is_(k.stop(), 0, "and stops")

# Children: played by a script that notes how it was started.

CHILD = """#!/bin/sh
echo "$@" >>%(dir)s/started
trap 'sleep %(last)s; echo ended >>%(dir)s/ended; exit 0' TERM
%(more)s
while :; do sleep 0.05; done
"""


def spawner(last="0.1", more="", **conf):
    k = keeper(workers="spawn", **conf)
    program = k.write("child", CHILD % {
        "dir": k.dir, "last": last, "more": more})
    os.chmod(program, 0o755)
    k.start("-w", program)
    lab.wait_for(lambda: started(k))
    return k


def started(k):
    return k.log_text("started").splitlines()


def children(k):
    return [p for p, (ppid, _) in lab.processes().items()
            if ppid == k.keyturnd.pid]


k = spawner(last="1")
pid = k.keyturnd.pid
tap.is_(started(k), ["-c %s -s %s -P %d" % (k.conf_path, k.spec, pid)],
        "a worker is started for the socket")
code, text = k.ask("status")
tap.ok(code == 1 and "a socket has no worker" in text.splitlines()[0] and
       "no worker for " + k.spec in text,
       "without a connected worker of its own it is degraded", text)
tap.is_(k.status()["sockets_without_worker"], [k.spec], "the same in JSON")
with k.channel(cc.CONTROL, spec=k.spec.encode()) as c:
    c.policy()
    tap.is_(k.ask("status")[0], 0, "with one it is not")
os.kill(children(k)[0], signal.SIGKILL)
tap.ok(lab.wait_for(lambda: len(started(k)) == 2, 1),
       "killed, it is there again within a second")
tap.ok(k.wait_log(r"killed by signal 9"), "and the log says why")
with k.channel(cc.SIGNING) as c:
    pairs = [(k.id_of("s-ed25519"), hashlib.sha256(b"").digest())]
    tap.ok(c.sign(pairs).status == cc.OK, "a signing connection")
    begun = time.monotonic()
    k.keyturnd.send_signal(signal.SIGTERM)
    answers = 0
    try:
        while not os.path.exists(k.path("ended")):
            answers += c.sign(pairs).status == cc.OK
            time.sleep(0.05)
    except cc.Closed:
        pass
    tap.ok(answers >= 5, "is served while the worker ends: %d" % answers)
tap.is_(k.keyturnd.wait(20 * lab.slow()), 0, "then keyturnd ends")
tap.ok(time.monotonic() - begun < 5 * lab.slow(), "in time")
tap.is_(len(started(k)), 2, "and starts none any more")

k = spawner(more="trap '' TERM", drain=1)
child = children(k)[0]
begun = time.monotonic()
k.keyturnd.send_signal(signal.SIGTERM)
k.keyturnd.send_signal(signal.SIGHUP)
tap.is_(k.keyturnd.wait(30 * lab.slow()), 0, "a worker that does not end")
took = time.monotonic() - begun
tap.ok(3 <= took < 6 * lab.slow(), "is waited for, drain + 2 s: %.1f" % took)
tap.ok(not lab.is_alive(child), "and then killed")
tap.is_(k.faults() and [l for l in k.faults() if "signal 9" not in l], [],
        "no fault in its log")

k = keeper(workers="spawn")
k.start("-w", k.path("missing"))
tap.ok(k.wait_log("missing: cannot be started") and k.signs("s-ed25519"),
       "without its program it says so and serves", k.log_text())
tap.is_(k.stop(), 0, "and stops")
tap.done()
