#!/usr/bin/python3 -B
"""keyturn check: what keyturnd would refuse or hold broken is named, all of it,
and what is good is called good."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli  # noqa: E402
import lab  # noqa: E402

CONF = ('key_table = "KeyTable"; signing_table = "SigningTable";\n'
        'sockets = ["inet:8891@127.0.0.1"];\n')


def setup(b, **changes):
    """Three good keys and three lines, then changes."""
    files = {
        "keyturn.conf": CONF,
        "KeyTable": "".join("%s example.%s:s1:%s.pem\n" % (n, n, n)
                            for n in ("com", "net", "org")),
        "SigningTable": "*@example.com com\n*@example.net net\n"
                        "*@example.org org,com\n",
    }
    files.update({n.replace("_conf", ".conf"): v for n, v in changes.items()})
    for name, text in files.items():
        b.write(name, text, 0o644)
    return b.path("keyturn.conf")


def check(b, conf, *args):
    return b.run("-c", conf, "check", *args)


# What is put in place of a key, part of what is said of it.
BROKEN = [
    ("missing", None, 0, "No such file"),
    ("empty", b"", 0o600, "empty"),
    ("rubbish", b"rubbish\n", 0o600, ""),
    ("cut", "half", 0o600, ""),
    ("public", "public", 0o600, "public"),
    ("512 bits", "small", 0o600, "512"),
    ("read by others", "good", 0o644, "chmod"),
]


def contents(b):
    import subprocess
    good = b.path("good.pem")
    lab.make_key(good)
    lab.make_key(b.path("small.pem"), bits=512)
    with open(good, "rb") as f:
        pem = f.read()
    with open(b.path("small.pem"), "rb") as f:
        small = f.read()
    public = subprocess.run(["openssl", "pkey", "-in", good, "-pubout"],
                            stdout=subprocess.PIPE, check=True,
                            timeout=20).stdout
    return {"good": pem, "half": pem[:len(pem) // 2], "small": small,
            "public": public}


def test_broken(tap, b):
    what = contents(b)
    conf = setup(b)
    for name, data, mode, part in BROKEN:
        path = b.path("net.pem")
        os.rename(path, path + ".kept")
        if data is not None:
            b.write("net.pem", what.get(data, data), mode)
        ran = check(b, conf)
        tap.ok(ran.code == 78 and "KeyTable:2: net: " in ran.err and
               "net.pem" in ran.err and part in ran.err and
               "com.pem" not in ran.err and
               ran.out == b"3 keys, 3 lines: 1 broken\n",
               "a key that is %s" % name, ran)
        ran = check(b, conf, "--json")
        out = json.loads(ran.out)
        tap.ok(ran.code == 78 and out["result"] == "broken" and
               out["broken"] == 1 and len(out["errors"]) == 1 and
               "net.pem" in out["errors"][0], "the same in JSON", ran)
        if os.path.exists(path):
            os.unlink(path)
        os.rename(path + ".kept", path)
    for name in ("net", "org"):
        os.rename(b.path(name + ".pem"), b.path(name + ".kept"))
    ran = check(b, conf)
    tap.ok(ran.code == 78 and "net.pem" in ran.err and "org.pem" in ran.err
           and ran.out == b"3 keys, 3 lines: 2 broken\n",
           "two broken: both are named", ran)
    for name in ("net", "org"):
        os.rename(b.path(name + ".kept"), b.path(name + ".pem"))


def test_refused(tap, b):
    for name, changes, part in (
            ("keyturn.conf", {"keyturn_conf": CONF + "nonsense = 1;\n"},
             "keyturn.conf:3:"),
            ("KeyTable", {"KeyTable": "com example.com:s1:com.pem\nbad\n"},
             "KeyTable:2:"),
            ("SigningTable", {"SigningTable": "*@example.com com\nbad\n"},
             "SigningTable:2:"),
            ("a name nobody has", {"SigningTable": "*@example.com nobody\n"},
             "nobody")):
        conf = setup(b, **changes)
        ran = check(b, conf)
        tap.ok(ran.code == 78 and ran.out == b"" and part in ran.err and
               ran.err.startswith("keyturn: "), "refused: " + name, ran)
        ran = check(b, conf, "--json")
        out = json.loads(ran.out)
        tap.ok(ran.code == 78 and out["result"] == "refused" and
               part in out["errors"][0] and ran.err == "",
               "refused, JSON: " + name, ran)
    ran = check(b, b.path("missing.conf"))
    tap.ok(ran.code == 78 and "missing.conf" in ran.err, "no keyturn.conf",
           ran)


def test_user(tap, b):
    """As root a key of another user's is checked as that user."""
    conf = setup(b)
    ran = check(b, conf, "--user", "no-such-user-here")
    tap.ok(ran.code == 64 and "no such user: no-such-user-here" in ran.err,
           "--user: nobody has that name", ran)
    if os.geteuid() != 0:
        tap.skip("--user", "needs root")
        return
    for name in ("com", "net", "org"):
        os.chown(b.path(name + ".pem"), 65534, 65534)
    ran = check(b, conf, "--user", "nobody")
    tap.ok(ran.code == 0 and ran.out == b"3 keys, 3 lines: good\n",
           "--user nobody, whose keys they are", ran)
    ran = check(b, conf)
    tap.ok(ran.code == 78 and "check --user NAME" in ran.err,
           "as root, the way out is named", ran)
    os.chown(b.path("com.pem"), 0, 0)
    ran = check(b, conf, "--user", "nobody")
    tap.ok(ran.code == 78 and "com.pem" in ran.err,
           "--user nobody, who may not read one of them", ran)
    ran = b.run("-c", conf, "check", "--user", "root", user=65534,
                group=65534, extra_groups=[])
    tap.ok(ran.code == 77 and "only root can" in ran.err,
           "--user without being root", ran)
    for name in ("com", "net", "org"):
        os.chown(b.path(name + ".pem"), 0, 0)


def main():
    tap = lab.Tap(limit=120)
    lab.need("openssl")
    with cli.Bench() as b:
        lab.make_key(b.path("com.pem"))
        lab.make_key(b.path("net.pem"), kind="ed25519")
        lab.make_key(b.path("org.pem"))
        ran = check(b, setup(b))
        tap.is_((ran.code, ran.out, ran.err),
                (0, b"3 keys, 3 lines: good\n", ""), "good")
        out = json.loads(check(b, setup(b), "--json").out)
        tap.is_(out, {"result": "good", "keys": 3, "broken": 0, "lines": 3,
                      "errors": [], "warnings": []}, "good, JSON")
        test_broken(tap, b)
        test_refused(tap, b)
        test_user(tap, b)
        # A warning leaves the exit code at 0.
        weak = b.path("com.pem")
        os.unlink(weak)
        lab.make_key(weak, bits=1024)
        ran = check(b, setup(b))
        tap.ok(ran.code == 0 and "warning: " in ran.err and
               "1024" in ran.err and
               ran.out == b"3 keys, 3 lines: good\n", "1024 bits: a warning",
               ran)
    tap.done()


main()
