#!/usr/bin/python3 -B
"""The publishers manual, exec and zonefile: what a program is given and what
becomes of what it says; what a fragment may hold, and that a name server's own
tool reads it."""

import fcntl
import json
import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli                                      # noqa: E402
import lab                                      # noqa: E402
from publishing import EMPTY, publish, record   # noqa: E402

lab.need("named-compilezone")
tap = lab.Tap(60)
VALUE, OTHER = record(294), record(294)
NAME = "k1._domainkey.example.com"
STRINGS = [VALUE[:255], VALUE[255:]]


def script(bench, text, name="program", mode=0o755):
    return bench.write(name, text, mode)


def run(action, command, **more):
    return publish(action, command=command,
                   **{"type": "exec", "value": VALUE, **more})


def given(bench):
    """The object on stdin, whole and alone."""
    out = bench.path("given")
    program = script(bench, "#!/bin/sh\ncat >'%s'\nprintf '%%s|' \"$@\"" % out)
    for action, strings in (("put", STRINGS), ("revoke", [EMPTY]),
                            ("remove", [])):
        got = run(action, [program, "a b", "$(id)", "", "*"], ttl=600)
        tap.is_(got, ("done", "", "a b|$(id)||*|\n"),
                action + ": done, its arguments as they are")
        with open(out, encoding="ascii") as f:
            text = f.read()
        tap.is_(json.loads(text), {
            "action": action, "domain": "example.com", "selector": "k1",
            "name": NAME, "ttl": 600, "value": VALUE, "empty": EMPTY,
            "strings": strings}, action + ": what it is given")
        tap.ok(text.count("\n") == 1 and text.endswith("}\n"),
               action + ": on one line", text)


# Scripts, the outcome, patterns of the error and of what is told.
ENDS = [
    ("exit 0", "done", "", ""),
    ("exit 75", "later", "exit code 75", ""),
    ("exit 1", "refused", "exit code 1", ""),
    ("exit 64", "refused", "exit code 64", ""),
    ("exit 255", "refused", "exit code 255", ""),
    ("kill -9 $$", "later", r"killed by signal 9 \(Killed\)", ""),
    ("kill -15 $$", "later", r"killed by signal 15 \(Terminated\)", ""),
    ("sleep 100 & sleep 100", "later", "did not end within 1 s and was killed",
     ""),
    ("echo made; echo warned >&2", "done", "", "made\n"),
    ("echo so far; echo no such zone >&2; exit 1", "refused",
     "exit code 1: no such zone", "so far\n"),
    (r"printf 'a\tb\033[2J\000c\377\n\ne\\'; printf '\033]0;x\007\000y' >&2;"
     " exit 1", "refused", r"exit code 1: \\x1b\]0;x\\x07\\x00y",
     "a\\x09b\\x1b[2J\\x00c\\xff\n\ne\\x5c\n"),
    ("exec 0<&-; exit 0", "done", "", ""),
]


def ends(bench):
    for text, result, error, told in ENDS:
        program = script(bench, "#!/bin/sh\n" + text + "\n")
        got = run("put", [program], timeout=1)
        want = re.escape(program) + ": " + error + "$" if error else "$"
        tap.ok(got[0] == result and re.match(want, got[1]) and
               got[2] == told, text, got)
    program = script(bench, "#!/bin/sh\nyes | head -c 5000000\n"
                     "yes | head -c 5000000 >&2\necho the end >&2\nexit 1\n")
    got = run("put", [program])
    tap.ok(got[0] == "refused" and got[2] == 2048 * "y\n" and
           len(got[1]) < 800 and got[1].endswith("y; y; the end"),
           "10 MB of output", got)
    for command, error in [
            ([bench.path("none")], "No such file or directory"),
            ([bench.dir], "Permission denied"),
            ([script(bench, "exit 0\n", "plain", 0o644)], "Permission denied"),
            ([script(bench, "exit 0\n", "textual", 0o755)],
             "Exec format error")]:
        tap.is_(run("put", command), (
            "refused", "%s: %s" % (command[0], error), ""),
            "cannot be started: " + error)


def manual():
    for action, words in (
            ("put", "Publish this record for example.com:\n"),
            ("revoke", "Replace the TXT record at %s\nby this one" % NAME),
            ("remove", "Delete the TXT record at %s\n" % NAME)):
        got = publish(action, type="manual", value=VALUE)
        tap.ok(got[0] == "by hand" and got[1] == "" and words in got[2] and
               "\tkeyturn dns check example.com\n" in got[2],
               "manual: " + action, got)
        if action != "remove":
            goal = VALUE if action == "put" else EMPTY
            tap.ok("%s. 3600 IN TXT ( %s )\n" % (NAME, cli.quoted(goal)) in
                   got[2] and "\nValue: %s\n" % goal in got[2],
                   "manual: %s: the record in both forms" % action, got)


# The fragment.

def put(path, action="put", command=(), **more):
    return publish(action, command=command, **{
        "type": "zonefile", "file": path, "value": VALUE, **more})


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def records(bench, path):
    """What BIND makes of a zone that includes the fragment."""
    zone = bench.write("zone", "$ORIGIN example.com.\n$TTL 60\n"
                       "@ SOA ns.example.net. h.example.net. 1 2 3 4 5\n"
                       "@ NS ns.example.net.\n$INCLUDE %s\n" % path)
    done = subprocess.run(
        ["named-compilezone", "-q", "-s", "full", "-f", "text", "-o", "-",
         "example.com", zone], check=True, stdout=subprocess.PIPE, timeout=20)
    found = {}
    for line in done.stdout.decode().splitlines():
        name, ttl, _, rtype, data = line.split(None, 4)
        if rtype == "TXT":
            found[name.split(".")[0]] = (
                int(ttl), "".join(re.findall('"([^"]*)"', data)))
    return found


def fragment(bench):
    path = bench.path("fragment")
    tap.is_(put(path), ("done", "", ""), "a new fragment")
    tap.is_(stat.S_IMODE(os.stat(path).st_mode), 0o644, "its mode")
    tap.is_(records(bench, path), {"k1": (3600, VALUE)}, "BIND reads it")
    before = os.stat(path).st_ino
    tap.is_(put(path)[0], "done", "the same again")
    tap.is_(os.stat(path).st_ino, before, "is not written again")
    os.chmod(path, 0o640)
    tap.is_(put(path, selector="k2", value=OTHER, ttl=60)[0], "done",
            "another name")
    tap.is_(stat.S_IMODE(os.stat(path).st_mode), 0o640, "the mode stays")
    long = record(550)
    put(path, selector="k3", value=long)
    tap.is_(records(bench, path), {"k1": (3600, VALUE), "k2": (60, OTHER),
                                   "k3": (3600, long)}, "all three are read")
    got = put(path, value=OTHER)
    tap.ok(got[0] == "refused" and NAME + ": has another record, which is not "
           "overwritten" in got[1], "another record over it", got)
    for action in ("revoke", "remove"):
        got = put(path, action, value=OTHER)
        tap.ok(got[0] == "refused" and "has another record than" in got[1],
               action + " another's", got)
    tap.is_(put(path, "revoke")[0], "done", "revoke")
    tap.is_(put(path, "revoke")[0], "done", "revoke again")
    tap.is_(records(bench, path)["k1"], (3600, EMPTY), "is revoked")
    tap.is_(put(path)[0], "refused", "put over a revoked one")
    tap.is_(put(path, "remove")[0], "done", "remove")
    tap.is_(put(path, "remove")[0], "done", "remove again")
    tap.is_(records(bench, path), {"k2": (60, OTHER), "k3": (3600, long)},
            "the others stay")
    tap.is_(put(path, "remove", selector="k3", value=long)[0], "done",
            "remove at once")
    tap.is_(put(path, selector="k2", value=OTHER, ttl=90)[0], "done",
            "the same with another TTL")
    tap.is_(records(bench, path), {"k2": (90, OTHER)}, "has that TTL")
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write("half a li")
    tap.is_(put(path)[0], "done", "what a writer that died left behind")
    tap.is_(sorted(os.listdir(bench.dir)), ["fragment", "zone"],
            "nothing is left lying about")


FOREIGN = [
    ("$TTL 60\n", ":1: not written by keyturn: move it to another file: "
     "$TTL 60"),
    ("a.example.com. 60 IN A 192.0.2.1\n", ":1: not written by keyturn"),
    ('a.example.com. 60 IN TXT "x"\n', ":1: not written by keyturn"),
    ('a.example.com. 60 IN TXT ( "x"\n\t"y" )\n', ":1: not written by"),
    ('a 60 IN TXT ( "x" )\n', ":1: not written by keyturn"),
    ('\n; c\n\ta.example.com. 60 IN TXT ( "x" )\n', ":3: "),
    ('a.example.com. 60 IN TXT ( "x" ) ; mine\n', ":1: not written by"),
    ('a.example.com. 1h IN TXT ( "x" )\n', ":1: not written by keyturn"),
    ('a.example.com. 060 IN TXT ( "x" )\n', ":1: not written by keyturn"),
    ('a.example.com. 9999999999 IN TXT ( "x" )\n', ":1: not written by"),
    ('a.example.com. 60 IN TXT ( "x\\000" )\n', ":1: not written by"),
    ('A.example.com. 60 IN TXT ( "x" )\n', ":1: not written by keyturn"),
    ('a.example.com. 60 IN TXT ( "x" )', ":1: the last line has no end"),
    (2 * ('%s. 60 IN TXT ( "x" )\n' % NAME), ":2: a second record of that "
     "name"),
    ('a.example.com. 60 IN TXT ( "x )\n', ":1: the closing quote is missing"),
    ("a.example.com. 60 IN TXT ( \n", ":1: the closing parenthesis"),
    ("$INCLUDE /etc/passwd\n", ":1: only $ORIGIN and $TTL are understood"),
    ("\0\x1b\n", ":1: "),
]


def foreign(bench):
    for text, error in FOREIGN:
        path = bench.write("foreign", text)
        got = put(path)
        tap.ok(got[0] == "refused" and got[1].startswith(path + error) and
               got[1].isprintable(), repr(text), got)
        tap.is_(read(path), text, "and it stays")
    path = bench.write("foreign", "; mine\n\n  \n\t; too\n")
    tap.is_(put(path)[0], "done", "comments and empty lines")
    tap.ok(read(path).startswith("; mine\n\n  \n\t; too\nk1."), "stay",
           read(path))


def commands(bench):
    path, ran = bench.path("fragment"), bench.path("ran")
    failing = script(bench, "#!/bin/sh\necho x >>%s\necho no such zone >&2\n"
                     "exit 3\n" % ran, "failing")
    working = script(bench, "#!/bin/sh\necho y >>%s\necho said\n" % ran,
                     "working")
    for _ in range(2):
        tap.is_(put(path, command=[failing]), (
            "later", "%s is written, but the zone may not be loaded: %s: exit "
            "code 3: no such zone" % (path, failing), ""), "a failing command")
    tap.is_(records(bench, path)["k1"], (3600, VALUE), "the file is right")
    tap.is_(put(path, command=[working])[0], "done", "a working one")
    tap.is_(read(ran), "x\nx\ny\n", "is run though the file was right")
    got = put(path, command=[working], value=OTHER)
    tap.ok(got[0] == "refused" and read(ran) == "x\nx\ny\n",
           "is not run when the record is refused", got)
    got = put(path, command=[script(bench, "#!/bin/sh\nsleep 100\n")],
              timeout=1)
    tap.ok(got[0] == "later" and "did not end within 1 s" in got[1],
           "one that does not end", got)
    got = put(path, command=[bench.path("none")])
    tap.ok(got[0] == "later" and "may not be loaded: %s: No such file" %
           bench.path("none") in got[1], "one that is not there", got)


def trouble(bench):
    path = bench.path("d/fragment")
    got = put(path)
    tap.ok(got[0] == "later" and got[1] == path +
           ": its directory: No such file or directory", "no directory", got)
    os.mkdir(bench.path("d"))
    lock = os.open(bench.path("d"), os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    got = put(path, timeout=1)
    tap.ok(got[0] == "later" and ": the lock on its directory: " in got[1],
           "locked by somebody", got)
    os.close(lock)
    os.mkdir(path)
    got = put(path)
    tap.ok(got[0] == "later" and got[1].startswith(path + ": Is a directory"),
           "a directory", got)
    os.rmdir(path)
    program = lab.program("t/dns/publish_one")
    many = [subprocess.Popen(
        [program, "action=put", "type=zonefile", "file=" + path,
         "selector=s%d" % i], stdout=subprocess.PIPE) for i in range(30)]
    out = [p.communicate(timeout=60)[0] for p in many]
    tap.ok(all(b'"done"' in o for o in out), "30 at once", out)
    tap.is_(len(records(bench, path)), 30, "all are there")


for test in (given, ends, fragment, foreign, commands, trouble):
    with cli.Bench() as b:
        test(b)
manual()
tap.done()
