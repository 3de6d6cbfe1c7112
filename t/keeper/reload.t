#!/usr/bin/python3
"""Reloads, good and bad: a mistake in syntax or references changes nothing; a
bad key file concerns its own entry alone; start and -t say the same."""

import os
import re
import shutil
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
tap = lab.Tap(180)
GOOD, SPARE, TURNED, SMALL = "good", "spare", "turned", "small"


def openssl(*args, **more):
    return subprocess.run(["openssl", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True, timeout=30,
                          **more).stdout


store = cc.Keeper()     # for keys that are made once
for name, bits in ((GOOD, 2048), (SPARE, 2048), (SMALL, 1024)):
    lab.make_key(store.path(name), bits=bits)


def keeper():
    """Two domains with a key each, victim.pem and other.pem; started."""
    k = cc.Keeper()
    for name in ("victim", "other"):
        k.key(name, kind="ed25519")
    shutil.copy(store.path(GOOD), k.path("victim.pem"))
    os.chmod(k.path("victim.pem"), 0o600)
    write_tables(k)
    k.write_conf()
    return k


def write_tables(k):
    k.tables({"v": ("example.com", "victim"), "o": ("example.net", "other")},
             ["*@example.com v", "*@example.net o"])


def both_sign(k):
    return k.signs("victim", file="victim.good") and k.signs(
        "other", "example.net")


def logs(k, wants, size=0):
    """Whether all of that is logged behind size: by a thread of its own."""
    return lab.wait_for(lambda: all(
        w in k.log_text()[size:] for w in wants), 5)


# Syntax and references: all or nothing.

k = keeper()
k.start()
shutil.copy(k.path("victim.pem"), k.path("victim.good"))
conf = open(k.conf_path, encoding="utf-8").read()
key_table = open(k.path("KeyTable"), encoding="utf-8").read()
signing_table = open(k.path("SigningTable"), encoding="utf-8").read()

refused = [
    # name, file, its new text (None: no file), what the error names
    ("junk in the KeyTable", "KeyTable", key_table + "junk line\n",
     ["KeyTable:3:", "domain:selector:path"]),
    ("a name twice", "KeyTable", key_table + "v a.example:s:x.pem\n",
     ["KeyTable:3:", "v"]),
    ("a bad domain", "KeyTable", "v exa mple.com:s:x.pem\n", ["KeyTable:1:"]),
    ("a NUL in the KeyTable", "KeyTable", key_table + "x\0\n",
     ["KeyTable:3:"]),
    ("no KeyTable", "KeyTable", None, ["KeyTable"]),
    ("an empty KeyTable", "KeyTable", "", ["SigningTable:1:", "v"]),
    ("junk in the SigningTable", "SigningTable", "# a comment\njunk\n",
     ["SigningTable:2:", "junk"]),
    ("a key name that nobody has", "SigningTable",
     signing_table + "*@example.org nobody\n",
     ["SigningTable:3:", "nobody"]),
    ("no SigningTable", "SigningTable", None, ["SigningTable"]),
    ("junk in keyturn.conf", "keyturn.conf", conf + "junk\n",
     ["keyturn.conf:"]),
    ("an unknown setting", "keyturn.conf", conf + "key_tabel = \"x\";\n",
     ["keyturn.conf:%d:" % (conf.count("\n") + 1), "key_tabel"]),
    ("a value out of range", "keyturn.conf", conf + "drain = 0;\n",
     ["keyturn.conf:%d:" % (conf.count("\n") + 1), "drain", "0"]),
    ("a value of the wrong type", "keyturn.conf", conf + "on_error = 1;\n",
     ["keyturn.conf:%d:" % (conf.count("\n") + 1), "on_error"]),
    ("no keyturn.conf", "keyturn.conf", None, ["keyturn.conf"]),
]
for name, file, text, wants in refused:
    before = k.status()["generation"]
    if text is None:
        os.rename(k.path(file), k.path(file + ".away"))
    else:
        k.write(file, text)
    size = len(k.log_text())
    code, answer = k.reload()
    tap.ok(code == 78 and all(w in answer for w in wants),
           name + ": refused, the answer says where and what", answer)
    tap.ok(logs(k, ["reload refused"] + wants, size),
           name + ": the log too", k.log_text()[size:])
    code, errors = k.test()
    tap.ok(code == 78 and errors.startswith("keyturnd: /") and
           all(w in errors for w in wants) and
           errors.strip()[len("keyturnd: "):] in answer,
           name + ": -t says the same and exits 78", "%d %s" % (code, errors))
    code, status = k.ask("status")
    tap.ok(code == 1 and "the last reload was refused" in status and
           all(w in status for w in wants), name + ": status shows it", status)
    tap.ok(k.status()["generation"] == before and both_sign(k),
           name + ": the old generation signs on")
    for f, good in (("keyturn.conf", conf), ("KeyTable", key_table),
                    ("SigningTable", signing_table)):
        k.write(f, good)
tap.is_(k.reload()[0], 0, "mended, it is taken")
code, status = k.ask("status")
tap.ok(code == 0 and "good" in status.splitlines()[0], "status is good",
       status)

# What may be different the next time is no mistake of the configuration: 75,
# and at start the system's 71, after which a service manager tries again.  A
# file that is never as long as the system says stands for one that is edited.

if os.path.exists("/proc/self/environ"):
    k.write("keyturn.conf", conf.replace(k.path("KeyTable"),
                                         "/proc/self/environ"))
    code, answer = k.reload()
    tap.ok(code == 75 and "try again" in answer,
           "a table that changes while it is read: 75", "%d %s" % (code, answer))
    code, errors = k.test()
    tap.ok(code == 71 and "try again" in errors, "-t: 71",
           "%d %s" % (code, errors))
    k.write("keyturn.conf", conf)
    tap.is_(k.reload()[0], 0, "a moment later it is taken")

# Each of them at start: exit 78.

for name, file, text, wants in refused:
    s = keeper()
    if text is None:
        os.unlink(s.path(file))
    elif file == "keyturn.conf":
        s.write(file, open(s.conf_path, encoding="utf-8").read() +
                text[len(conf):])
    else:
        s.write(file, text)
    s.start(wait=False)
    code = s.keyturnd.wait(20 * lab.slow())
    tap.ok(code == 78 and all(
        w in s.log_text() for w in wants if "conf:" not in w),
           name + ": no start, exit 78", "%r %s" % (code, s.log_text()))
    tap.ok(not os.path.exists(s.path("channel.sock")),
           name + ": no socket is left")
    s.clean()

# Key files: each entry on its own.


def spoil_missing(path):
    os.unlink(path)


def spoil_directory(path):
    os.unlink(path)
    os.mkdir(path)


def spoil_fifo(path):
    os.unlink(path)
    os.mkfifo(path, 0o600)


def spoil_link(path):
    os.rename(path, path + ".behind")
    os.symlink(path + ".behind", path)


def put(data, mode=0o600):
    def spoil(path):
        with open(path + ".new", "wb") as f:
            os.fchmod(f.fileno(), mode)
            f.write(data(path) if callable(data) else data)
        os.rename(path + ".new", path)
    return spoil


def file_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def change_owner(path):
    os.chown(path, 65534, 65534)


SMALL_KEY = openssl("genrsa", "512")
spoils = [
    ("missing", spoil_missing, "victim.pem"),
    ("a directory", spoil_directory, "victim.pem"),
    ("a FIFO", spoil_fifo, "victim.pem"),
    ("a link", spoil_link, "victim.pem"),
    ("empty", put(b""), "victim.pem"),
    ("truncated", put(lambda p: file_bytes(p)[:500]), "victim.pem"),
    ("cut in its last line", put(lambda p: file_bytes(p)[:-10]),
     "victim.pem"),
    ("public only", put(lambda p: openssl("pkey", "-in", p, "-pubout")),
     "public"),
    ("512 bits", put(SMALL_KEY), "512"),
    ("no key", put(b"hello\n"), "victim.pem"),
    ("random bytes", put(os.urandom(2000)), "victim.pem"),
    ("over 64 KiB", put(b"x" * 65537), "victim.pem"),
    ("readable by others", lambda p: os.chmod(p, 0o644), "chmod"),
    ("writable by others", lambda p: os.chmod(p, 0o602), "chmod"),
]
if os.geteuid() == 0:
    spoils.append(("of another owner", change_owner, "victim.pem"))
else:
    spoils.append(("unreadable", lambda p: os.chmod(p, 0), "victim.pem"))

path = k.path("victim.pem")


def mend():
    for name in (path, path + ".behind"):
        if os.path.islink(name) or os.path.isfile(name):
            os.unlink(name)
        elif os.path.isdir(name):
            os.rmdir(name)
        elif os.path.exists(name):
            os.unlink(name)
    put(file_bytes(k.path("victim.good")))(path)


for name, spoil, want in spoils:
    spoil(path)
    size = len(k.log_text())
    code, answer = k.reload()
    tap.ok(code == 1 and "KeyTable:1: v: " in answer and want in answer and
           "signs on as before" in answer,
           name + ": taken, exit 1, the entry is named", answer)
    tap.ok(logs(k, ["KeyTable:1: v: ", want], size),
           name + ": the log names it")
    tap.ok(both_sign(k), name + ": the entry signs as before, and the others")
    status = k.status()
    tap.ok(status["state"] == "degraded" and status["kept"] == 1 and
           [e["name"] for e in status["entries"]
            if e["state"] == "kept" and e["problem"]] == ["v"],
           name + ": status names it", status)
    code, errors = k.test()
    tap.ok(code == 78 and "KeyTable:1: v: " in errors and want in errors and
           "example.net" not in errors, name + ": -t exits 78", errors)
    mend()
    tap.is_(k.reload()[0], 0, name + ": mended")

# Another key under the same selector: its public key is not in the DNS.

shutil.copy(store.path(SPARE), path + ".new")
os.rename(path + ".new", path)
code, answer = k.reload()
tap.ok(code == 1 and "KeyTable:1: v: " in answer and "selector" in answer,
       "another key in place: exit 1 names it", answer)
tap.ok(both_sign(k), "the old key signs on under its selector")
tap.ok(not k.knows(k.id_of("victim", file="victim.pem")),
       "the new key does not")
with open(path, "r+b") as f:        # in place, the same inode and size
    f.write(file_bytes(store.path(SPARE)))
tap.is_(k.reload()[0], 1, "written into the same file: the same")
tap.ok(both_sign(k), "the old key signs on")
mend()
tap.is_(k.reload()[0], 0, "mended")

# A turn: new selector, new key, the old one is out of force at return.

old = k.id_of("victim", file="victim.good")
shutil.copy(store.path(SPARE), k.path("next.pem"))
k.tables({"v": ("example.com", "next"), "o": ("example.net", "other")},
         ["*@example.com v", "*@example.net o"])
with k.channel(cc.SIGNING) as c:
    tap.is_(c.sign([(old, bytes(32))]).status, cc.OK, "before a turn")
    code, answer = k.reload()
    tap.ok(code == 0 and "generation" in answer, "a turn", answer)
    got = c.sign([(old, bytes(32))])
    tap.is_((got.status, got.generation), (cc.STALE, k.status()["generation"]),
            "on a connection opened before, the old key is stale at once")
tap.ok(k.signs("next"), "the new key signs")
os.unlink(k.path("next.pem"))
k.tables({"v": ("example.com", "gone"), "o": ("example.net", "other")},
         ["*@example.com v", "*@example.net o"])
code, answer = k.reload()
tap.ok(code == 1 and k.signs("next", file=store.path(SPARE)),
       "a turn to a key that is not there: selector and key stay as a whole",
       answer)

# Several names for one file; an entry that goes.

k.tables({"o": ("example.net", "other")}, ["*@example.net o"])
tap.is_(k.reload()[0], 0, "an entry goes")
tap.ok(not k.knows(k.id_of("next", file=store.path(SPARE))),
       "and is out of force")
write_tables(k)
tap.is_(k.reload()[0], 0, "and comes back")
tap.ok(both_sign(k), "both sign")

# Carried over: what is as it was is not read again.

time.sleep(2.1)     # files must be older than two seconds
k.reload()
code, answer = k.reload()
tap.ok(code == 0 and "2 carried over" in answer, "unchanged keys are carried "
       "over", answer)

time.sleep(0.1)
before = lab.usage(k.keyturnd.pid)
for _ in range(50):
    k.reload()
# The thread that gave the last answer may be about to end.
lab.wait_for(lambda: lab.usage(k.keyturnd.pid)[1:] == before[1:], 5)
tap.is_(lab.usage(k.keyturnd.pid)[1:], before[1:],
        "50 reloads leave no descriptor, no thread")

# Restart-only settings, and those that are not.

k.write_conf(workers="spawn", control_socket=k.path("other.sock"))
for turn in ("a change", "the second time too"):
    code, answer = k.reload()
    tap.ok(code == 0 and "workers" in answer and "control_socket" in answer
           and "restarted" in answer and "channel_socket" not in answer,
           turn + " that needs a restart is named", answer)
# Whoever writes the log may be behind.
k.wait_log(re.escape(answer.split(";")[0]))
k.write_conf(workers="service", control_socket=k.path("control.sock"),
             drain=7, log={"to": "stderr", "level": "err"})
code, answer = k.reload()
tap.ok(code == 0 and "restarted" not in answer, "one that does not is not",
       answer)
size = len(k.log_text())
k.reload()
time.sleep(0.2)
tap.is_(k.log_text()[size:], "", "the new log level counts")
k.write_conf(log={"to": "stderr", "level": "info"})

# A warning is no degradation.

shutil.copy(store.path(SMALL), k.path("small.pem"))
k.tables({"v": ("example.com", "small")}, ["*@example.com v"])
code, answer = k.reload()
tap.ok(code == 0 and "KeyTable:1: " in answer and "1024 bits" in answer,
       "a weak key is taken with a warning", answer)
code, errors = k.test()
tap.ok(code == 0 and "KeyTable:1: " in errors and "1024 bits" in errors,
       "-t warns and exits 0", errors)

# Many at once: one reload for all that came while another ran.

write_tables(k)
first = k.status()["generation"]
for _ in range(200):
    k.keyturnd.send_signal(signal.SIGHUP)
tap.ok(lab.wait_for(lambda: k.status()["generation"] > first),
       "SIGHUP reloads")
time.sleep(0.5)
after = k.status()["generation"]
tap.ok(after - first < 200, "200 SIGHUPs make %d reloads" % (after - first))
with k.channel(cc.CONTROL) as worker:       # it holds a reload up
    worker.policy()
    clients = []
    for _ in range(1 + 20):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20 * lab.slow())
        s.connect(k.path("control.sock"))
        s.sendall(b"reload\n")
        clients.append(s)
        if len(clients) == 1:
            running = worker.policy()
    time.sleep(0.5 * lab.slow())            # all have been read by now
    worker.send(cc.ack(running))
    following = worker.policy()
    worker.send(cc.ack(following))
    answers = [cc.answer(s) for s in clients]
tap.is_({code for code, _ in answers}, {0}, "21 reloads at once: all answered")
tap.ok("generation %d " % running in answers[0][1] and all(
    "generation %d " % following in text for _, text in answers[1:]),
       "20 that came during the first by one after it", answers)
tap.is_(k.status()["generation"], following, "and no more were made")
tap.ok(both_sign(k), "it signs")
tap.is_(k.stop(), 0, "it stops well")
tap.is_(k.faults(), [], "no fault in its log")

# The same bad key files at start: the entry is broken, others are served.

for name, spoil, want in spoils:
    s = keeper()
    spoil(s.path("victim.pem"))
    s.start()
    code, text = s.ask("status")
    status = s.status()
    tap.ok(code == 1 and status["broken"] == 1 and "KeyTable:1: v: " in text
           and want in text, name + " at start: degraded, named", text)
    tap.ok(logs(s, ["KeyTable:1: v: ", want]), name + " at start: logged")
    tap.ok(s.signs("other", "example.net"),
           name + " at start: the other signs")
    tap.is_(s.stop(), 0, name + " at start: stops")
    s.clean()

tap.done()
