#!/usr/bin/python3 -B
"""keyturn itself: the help from the table, wrong use, and control sockets that
are not there, not ours, silent, or talk nonsense."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli  # noqa: E402
import lab  # noqa: E402

SUBCOMMANDS = ["check", "check-key", "reload", "status", "plan", "journal",
               "dns", "sign", "verify", "probe", "keygen", "version"]

LONG = ".".join(["a" * 59] * 4) + "x"  # 240 characters

# Arguments, part of what stderr says.  All are exit code 64.
WRONG = [
    ([], "a subcommand is missing"),
    (["frobnicate"], "no such subcommand: frobnicate"),
    (["-x"], "unknown option: -x"),
    (["-c"], "-c: FILE is missing"),
    (["version", "-x"], "version: unknown option: -x"),
    (["version", "--jsonx"], "version: unknown option: --jsonx"),
    (["version", "--json=x"], "version: --json takes no value: x"),
    (["version", "more"], "version: surplus argument: more"),
    (["version", "--json", "--json"], "version: --json given twice"),
    (["sign", "-d"], "sign: --domain: DOMAIN is missing"),
    (["sign"], "sign: --domain is missing"),
    (["sign", "-d", "example.com"], "sign: --selector is missing"),
    (["sign", "-d", "example.com", "-s", "k"], "sign: --key is missing"),
    (["sign", "-d", "ex ample", "-s", "k", "-k", "f"], "not a domain: ex"),
    (["sign", "-d", "x.", "-s", "k", "-k", "f"], "not a domain: x."),
    (["sign", "-d", "-x.example", "-s", "k", "-k", "f"], "not a domain: -x"),
    (["sign", "-d", "x", "-s", "k;", "-k", "f"], "not a selector: k;"),
    # 241 + 1 + 12 is one more than a name has; without a byte, the key is next.
    (["sign", "-d", LONG + "x", "-s", "k", "-k", "f"],
     "too long together for the name of a key record, 253 characters"),
    (["sign", "-d", LONG, "-s", "k"], "sign: --key is missing"),
    (["sign", "-d", "x", "-s", "k", "-k", "f", "-C", "loose"],
     "not a canonicalization (simple or relaxed, one or two with a slash): "
     "loose"),
    (["sign", "-d", "x", "-s", "k", "-k", "f", "-t", "soon"],
     "not a time in seconds: soon"),
    (["verify", "--zone", "a", "--key", "b"], "either --zone or --key"),
    (["verify", "--zone", "a", "--at", "1e9"], "not a time in seconds: 1e9"),
]


def serve(path, act):
    """A socket that does act(connection, request) once."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    asked = []

    def one():
        connection, _ = server.accept()
        with connection:
            asked.append(connection.makefile("rb").readline())
            act(connection)

    thread = threading.Thread(target=one, daemon=True)
    thread.start()
    return server, asked


def test_help(tap, b):
    ran = b.run("--help")
    tap.is_(ran.code, 0, "--help: exit code")
    text = ran.out.decode()
    lines = text.splitlines()
    tap.ok(len(lines) <= 40 and max(map(len, lines)) <= 80,
           "--help is short", text)
    for name in SUBCOMMANDS:
        tap.ok("\n  %s " % name in text, "--help lists %s" % name, text)
        ran = b.run(name, "--help")
        own = ran.out.decode()
        tap.ok(ran.code == 0 and own.startswith(
            "usage: keyturn [-c FILE] %s" % name), "%s --help" % name, own)
        tap.ok(len(own.splitlines()) <= 24 and
               max(map(len, own.splitlines())) <= 80,
               "%s --help fits a screen" % name, own)
    tap.is_(b.run("-h").out.decode(), text, "-h is --help")


def test_manual(tap, b):
    """Every option of the tables is in keyturn(1), with its letter."""
    page = os.path.join(lab.SOURCE, "man", "keyturn.1")
    with open(page, encoding="utf-8") as f:
        text = f.read()
    for name in SUBCOMMANDS:
        own = b.run(name, "--help").out.decode()
        found = re.findall(r"(?m)^  (?:-(\w), |    )--([a-z]+)", own)
        tap.ok(found, "%s has options" % name, own)
        section = text.partition(".Ss %s\n" % name)[2].partition("\n.S")[0]
        for letter, option in found:
            if option == "json":
                continue
            entry = ".It Fl %s\\-%s" % (letter and letter + " , ", option)
            tap.ok(entry in section,
                   "%s --%s is in the manual" % (name, option), section)


def test_version(tap, b):
    ran = b.run("version")
    tap.ok(ran.code == 0 and ran.out.startswith(b"keyturn "), "version", ran)
    number = ran.out.split()[1].decode()
    tap.is_(json.loads(b.run("version", "--json").out), {"version": number},
            "version --json")
    tap.is_(b.run("--version").out, ran.out, "--version")


def test_control(tap, b):
    for sub, word in (("reload", "taken"), ("status", None)):
        path = b.path(sub + ".sock")
        ran = b.run(sub, "--socket", path)
        tap.ok(ran.code == 69 and path in ran.err and
               "is keyturnd running? Its log says" in ran.err,
               "%s: no socket" % sub, ran)
        with socket.socket(socket.AF_UNIX) as left_over:
            left_over.bind(path)
        ran = b.run(sub, "--socket", path)
        tap.ok(ran.code == 69 and "is keyturnd running?" in ran.err,
               "%s: a socket left over" % sub, ran)
        for code, text in ((0, b"good\n"), (1, b"a\nb\n"), (78, b"no\n")):
            os.unlink(path)
            server, asked = serve(path, lambda c, a=b"%d\n%s" % (code, text):
                                  c.sendall(a))
            ran = b.run(sub, "--socket", path)
            server.close()
            tap.is_((ran.code, ran.out, ran.err, asked[0]),
                    (code, text, "", sub.encode() + b"\n"),
                    "%s: exit code %d" % (sub, code))
        for name, answer, part in (
                ("nothing", b"", "without an answer"),
                ("no number", b"good\n", "does not understand"),
                ("no line end", b"0", "does not understand"),
                ("a number too large", b"256\n", "does not understand"),
                ("four digits", b"0001\n", "does not understand"),
                ("a minus", b"-1\n", "does not understand")):
            os.unlink(path)
            server, _ = serve(path, lambda c, a=answer: c.sendall(a))
            ran = b.run(sub, "--socket", path)
            server.close()
            tap.ok(ran.code == 69 and ran.out == b"" and part in ran.err,
                   "%s: %s" % (sub, name), ran)
        os.unlink(path)
    server, asked = serve(b.path("j"), lambda c: c.sendall(b"1\nx: \"y\"\nz"))
    ran = b.run("reload", "--json", "--socket", b.path("j"))
    server.close()
    tap.is_((ran.code, json.loads(ran.out)),
            (1, {"result": "degraded", "exit": 1, "lines": ['x: "y"', "z"]}),
            "reload --json")
    server, asked = serve(b.path("k"), lambda c: c.sendall(b"0\n{}\n"))
    ran = b.run("status", "--json", "--socket", b.path("k"))
    server.close()
    tap.is_((ran.code, ran.out, asked[0]), (0, b"{}\n", b"status json\n"),
            "status --json asks for it")


def test_silent(tap, b):
    """A keyturnd that hangs: status gives up after 10 s, not before."""
    path = b.path("silent")
    server, _ = serve(path, lambda c: time.sleep(30))
    start = time.monotonic()
    ran = b.run("status", "--socket", path, timeout=20)
    took = time.monotonic() - start
    tap.ok(ran.code == 69 and "no answer within 10 s" in ran.err and
           9 < took < 15, "status: a keyturnd that is silent",
           "%s %.1f s" % (ran, took))
    server.close()


def test_full(tap, b):
    """A keyturnd that does not even accept, its queue full."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(b.path("full"))
    server.listen(0)
    clients = []
    for _ in range(4):
        c = socket.socket(socket.AF_UNIX)
        c.setblocking(False)
        clients.append(c)
        try:
            c.connect(b.path("full"))
        except BlockingIOError:
            break
    ran = b.run("status", "--socket", b.path("full"), timeout=20)
    tap.ok(ran.code == 69 and "no answer within 10 s" in ran.err,
           "status: a keyturnd that accepts nobody", ran)


def test_conf(tap, b):
    conf = b.write("keyturn.conf", 'control_socket = "%s";\n' % b.path("c"))
    server, asked = serve(b.path("c"), lambda c: c.sendall(b"0\nok\n"))
    ran = b.run("-c", conf, "status")
    server.close()
    tap.is_((ran.code, ran.out), (0, b"ok\n"), "the socket as configured")
    bad = b.write("bad.conf", "nonsense = 1;\n")
    ran = b.run("-c", bad, "reload")
    tap.ok(ran.code == 78 and "bad.conf:1:" in ran.err and
           "keyturnd was not asked" in ran.err,
           "reload: a configuration that cannot be read", ran)
    ran = b.run("-c", bad, "status")
    tap.ok(ran.code in (69, 77) and "bad.conf:1:" in ran.err and
           "trying the default socket" in ran.err and
           "/run/keyturn/control.sock" in ran.err,
           "status: a configuration that cannot be read", ran)
    if os.geteuid() != 0:
        tap.skip("a socket that is not ours", "needs root")
        return
    os.unlink(b.path("c"))
    server, _ = serve(b.path("c"), lambda c: None)
    os.chmod(b.path("c"), 0o660)
    ran = b.run("status", "--socket", b.path("c"), user=65534, group=65534,
                extra_groups=[])
    server.close()
    tap.ok(ran.code == 77 and "try sudo" in ran.err,
           "a socket that is not ours", ran)


def main():
    tap = lab.Tap(limit=120)
    with cli.Bench() as b:
        test_help(tap, b)
        test_manual(tap, b)
        test_version(tap, b)
        for args, part in WRONG:
            ran = b.run(*args)
            tap.ok(ran.code == 64 and part in ran.err and "--help" in ran.err
                   and ran.out == b"", "wrong: %s" % " ".join(args), ran)
        with open("/dev/full", "wb") as full:
            for args in (["version"], ["--help"]):
                done = subprocess.run([b.program, *args], stdout=full,
                                      stderr=subprocess.PIPE, check=False,
                                      timeout=20)
                tap.ok(done.returncode == 73 and
                       b"standard output" in done.stderr,
                       "%s: a full disk" % args[0], done)
        test_control(tap, b)
        test_conf(tap, b)
        test_silent(tap, b)
        test_full(tap, b)
    tap.done()


main()
