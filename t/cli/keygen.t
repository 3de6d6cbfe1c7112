#!/usr/bin/python3 -B
"""keyturn keygen: openssl(1) reads the key, the record is that key's, a name
server reads the record, and no file is ever overwritten."""

import base64
import json
import os
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli  # noqa: E402
import lab  # noqa: E402

MESSAGE = b"From: a@example.com\r\nSubject: x\r\n\r\nHello.\r\n"

# Arguments after "-s k", part of the text; all are exit code 64, no file.
WRONG = [
    (["-o", "f", "-a", "dsa"], "neither rsa-sha256 nor ed25519-sha256: dsa"),
    (["-o", "f", "-b", "1023"], "not a number from 1024 to 8192: 1023"),
    (["-o", "f", "-b", "8193"], "not a number from 1024 to 8192: 8193"),
    (["-o", "f", "-b", "2k"], "not a number from 1024 to 8192: 2k"),
    (["-o", "f", "-b", "2048", "-a", "ed25519-sha256"], "--bits is for RSA"),
    (["-o", "f", "-d", "a..b"], "not a domain: a..b"),
    (["-o", "f", "-d", ".".join(["a" * 60] * 4)],
     "the record's name is longer than the 253 characters"),
    (["-o", "f", "-D", "."], "either --output or --directory"),
    ([], "either --output or --directory"),
]


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=True, timeout=20).stdout


def fingerprint(path):
    import hashlib
    return hashlib.sha256(openssl("pkey", "-in", path, "-pubout", "-outform",
                                  "DER")).hexdigest()


def read_zone(text):
    """What dnspython, another reader of zone files, finds in it."""
    import dns.zone
    z = dns.zone.from_text("$TTL 300\n" + text, origin="example.com",
                           check_origin=False, relativize=False)
    return {str(name): b"".join(rdata.strings).decode()
            for name, _, rdata in z.iterate_rdatas("TXT")}


def test_kind(tap, b, args, kind, bits, name):
    path = b.path(name + ".pem")
    ran = b.run("keygen", "-s", "k1", "-d", "Example.com", "-o", path, *args)
    tap.is_(ran.code, 0, name + ": made")
    st = os.stat(path)
    tap.is_(stat.S_IMODE(st.st_mode), 0o600, name + ": mode")
    text = openssl("pkey", "-in", path, "-noout", "-text").decode()
    tap.ok(("(%d bit" % bits if kind == "rsa" else "ED25519") in text,
           name + ": openssl reads it", text)
    want = lab.key_record(path, kind)
    tap.is_(read_zone(ran.out.decode()),
            {"k1._domainkey.example.com.": want},
            name + ": dnspython reads the record, which is the key's")
    tap.ok(fingerprint(path) in ran.out.decode(), name + ": fingerprint",
           ran.out)
    tap.ok(b"example.com example.com:k1:" + os.path.realpath(path).encode()
           in ran.out, name + ": the line for the KeyTable", ran.out)
    zone = b.write("zone", ran.out)
    signed = b.run("sign", "-d", "example.com", "-s", "k1", "-k", path,
                   stdin=MESSAGE)
    ran = b.run("verify", "--zone", zone, stdin=signed.out)
    tap.ok(ran.code == 0 and ran.out.startswith(b"pass"),
           name + ": what it signs verifies with what it prints", ran)


def test_json(tap, b):
    ran = b.run("keygen", "--json", "-s", "K2", "-d", "example.com", "-D",
                b.dir)
    path = b.path("k2.pem")
    out = json.loads(ran.out)
    record = lab.key_record(path)
    tap.is_(out, {
        "file": path, "algorithm": "rsa-sha256", "bits": 2048,
        "fingerprint": fingerprint(path), "selector": "k2",
        "domain": "example.com", "name": "k2._domainkey.example.com",
        "type": "TXT", "value": record, "strings": [
            record[i:i + 255] for i in range(0, len(record), 255)]},
        "--json, and --directory")
    ran = b.run("keygen", "--json", "-s", "k3", "-a", "ed25519-sha256", "-o",
                b.path("k3"))
    out = json.loads(ran.out)
    tap.is_((out["domain"], out["name"], out["bits"]),
            (None, "k3._domainkey", 256), "--json without a domain")
    tap.is_(len(base64.b64decode(out["value"].partition("p=")[2])), 32,
            "an Ed25519 key has 32 bytes")


def test_never_over(tap, b):
    old = b.write("there.pem", "precious")
    os.symlink(b.path("nowhere"), b.path("dangling.pem"))
    for name in ("there.pem", "dangling.pem", "no/such/dir.pem"):
        ran = b.run("keygen", "-s", "k", "-a", "ed25519", "-o", b.path(name))
        tap.ok(ran.code == 73 and ran.out == b"" and name in ran.err,
               "exit code 73: " + name, ran)
    with open(old, "rb") as f:
        tap.is_(f.read(), b"precious", "the file that was there")
    tap.ok(not os.path.lexists(b.path("nowhere")), "no way through a link")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [b.program, "keygen", "-s", "k", "-a", "ed25519", "-o",
             b.path("full.pem")], stdout=full, stderr=subprocess.PIPE,
            check=False, timeout=20)
    tap.ok(done.returncode == 73 and b"the key was made all the same" in
           done.stderr, "a full disk under standard output", done)


def main():
    tap = lab.Tap(limit=120)
    lab.need("openssl")
    with cli.Bench() as b:
        test_kind(tap, b, [], "rsa", 2048, "default")
        test_kind(tap, b, ["-a", "rsa-sha256", "-b", "1024"], "rsa", 1024,
                  "rsa-1024")
        test_kind(tap, b, ["-b", "3072"], "rsa", 3072, "rsa-3072")
        test_kind(tap, b, ["-a", "ed25519-sha256"], "ed25519", 256,
                  "ed25519")
        test_json(tap, b)
        ran = b.run("keygen", "-s", "k", "-b", "1024", "-o", b.path("weak"))
        tap.ok(ran.code == 0 and "warning: 1024 bits" in ran.err,
               "1024 bits: a warning", ran)
        for args, part in WRONG:
            ran = b.run("keygen", "-s", "k", *args)
            tap.ok(ran.code == 64 and part in ran.err and
                   not os.path.exists(b.path("f")),
                   "wrong: " + " ".join(args)[:60], ran)
        ran = b.run("keygen", "-o", b.path("f"))
        tap.ok(ran.code == 64 and "--selector is missing" in ran.err,
               "no selector", ran)
        test_never_over(tap, b)
    tap.done()


main()
