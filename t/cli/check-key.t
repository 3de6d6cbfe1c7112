#!/usr/bin/python3 -B
"""keyturn check-key without DNS: the published key is compared with the
private one, and what can be wrong is named with its cause and the way out.
Fingerprints are those of openssl."""

import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli  # noqa: E402
import lab  # noqa: E402

NAME = "k1._domainkey.example.com"


def fingerprint(path):
    der = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"],
        stdout=subprocess.PIPE, check=True, timeout=20).stdout
    return hashlib.sha256(der).hexdigest()


class Case:
    """Three keys of example.com in a KeyTable, k1 and k2 RSA, e1 Ed25519."""

    def __init__(self, b):
        self.b = b
        self.path, self.record = {}, {}
        for name, kind in (("k1", "rsa"), ("k2", "rsa"), ("e1", "ed25519"),
                           ("other", "rsa")):
            self.path[name] = b.path(name + ".pem")
            self.record[name] = lab.make_key(self.path[name], kind)
        self.small = lab.make_key(b.path("small.pem"), bits=512)
        self.conf = b.write("keyturn.conf", 'key_table = "KeyTable";\n', 0o644)
        self.table("k1:k1", "k2:k2", "e1:e1")

    def table(self, *lines):
        self.b.write("KeyTable", "".join(
            "%s example.com:%s:%s.pem\n" % (f, s, f)
            for f, s in (line.split(":") for line in lines)), 0o644)

    def run(self, records, *args, selector="k1"):
        zone = self.b.write("zone", cli.zone(records)
                            if isinstance(records, dict) else records)
        return self.b.run("-c", self.conf, "check-key", "--zone", zone,
                          "example.com", selector, *args)

    def json(self, *args, **more):
        ran = self.run(*args, "--json", **more)
        try:
            return json.loads(ran.out), ran
        except ValueError:
            return {}, ran


def test_good(tap, c):
    ran = c.run({NAME: c.record["k1"]})
    own = fingerprint(c.path["k1"])
    tap.is_((ran.code, ran.out.decode(), ran.err), (
        0, "DKIM key OK \u2014 2048 bits, selector=k1\n"
        "  name:        k1._domainkey.example.com\n"
        "  key file:    %s (%s:1)\n"
        "  private key: %s\n"
        "  published:   %s\n" % (c.path["k1"], c.b.path("KeyTable"), own, own),
        ""), "good")
    found, ran = c.json({NAME: c.record["k1"]})
    tap.is_((ran.code, found.get("finding"), found.get("private"),
             found.get("published")), (
        0, "good",
        {"algorithm": "rsa-sha256", "bits": 2048, "fingerprint": own},
        {"algorithm": "rsa-sha256", "bits": 2048, "fingerprint": own,
         "testing": False}), "the same as JSON")
    ran = c.run({"e1._domainkey.example.com": c.record["e1"]}, selector="e1")
    own = fingerprint(c.path["e1"])
    tap.ok(ran.code == 0 and ran.out.decode().startswith(
        "DKIM key OK \u2014 256 bits, selector=e1\n") and
        ran.out.decode().count(own) == 2, "Ed25519", ran)
    ran = c.run({NAME: c.record["other"]}, c.path["other"])
    tap.ok(ran.code == 0 and b"key file:    " + c.path["other"].encode() + b"\n"
           in ran.out, "a file that is named comes first", ran)
    ran = c.run({"x._domainkey.example.com": c.record["other"]}, selector="x")
    tap.ok(ran.code == 0 and ran.out.decode().startswith(
        "DKIM record OK \u2014 2048 bits, selector=x\n") and
        b"none here for this selector" in ran.out,
        "no private key here: the record alone", ran)
    ran = c.run({NAME: c.record["k1"].replace("k=rsa", "k=rsa; t=y")})
    tap.ok(ran.code == 0 and b"warning:     t=y is left over" in ran.out,
           "t=y warns", ran)
    ran = c.b.run("-c", c.conf, "check-key", "EXAMPLE.com", "K1", "--zone",
                  c.b.path("zone"))
    tap.ok(ran.code == 0, "letter case does not matter", ran)
    public = c.b.write("public.pem", subprocess.run(
        ["openssl", "pkey", "-in", c.path["k1"], "-pubout"],
        stdout=subprocess.PIPE, check=True, timeout=20).stdout)
    ran = c.b.run("-c", c.conf, "check-key", "--key", public, "example.com",
                  "k1")
    tap.ok(ran.code == 0 and b"DKIM key OK" in ran.out,
           "a public key in PEM in place of the record", ran)


def cases(c):
    """name, records, finding, title, part of the text or of the report."""
    k1, k2 = c.record["k1"], c.record["k2"]
    p = k1.partition("p=")[2]
    yield ("no record", {"a._domainkey.example.com": k2}, "no-record",
           "DKIM key not published", "there is no TXT record at " + NAME)
    yield ("the name twice", {NAME + ".example.com": k1}, "no-record",
           "DKIM key not published", "append the domain themselves")
    yield ("key mismatch", {NAME: c.record["other"]}, "key-mismatch",
           "DKIM key mismatch", "not the public part of the private key")
    yield ("selector mismatch: the record of k2 at k1", {NAME: k2},
           "selector-mismatch", "DKIM selector mismatch",
           "the record at %s is that of %s, which is the key of selector k2"
           % (NAME, c.path["k2"]))
    yield ("selector mismatch: published at k2",
           {"k2._domainkey.example.com": k1}, "selector-mismatch",
           "DKIM selector mismatch", "this key is published at "
           "k2._domainkey.example.com, not at " + NAME)
    yield ("selector mismatch: swapped",
           {NAME: k2, "k2._domainkey.example.com": k1}, "selector-mismatch",
           "DKIM selector mismatch", "is the key of selector k2")
    yield ("revoked", {NAME: "v=DKIM1; k=rsa; p="}, "revoked",
           "DKIM key revoked", "p= is empty")
    yield ("Ed25519 in place of RSA", {NAME: lab.key_record(
        c.path["e1"], "ed25519").replace("p=", "p=")}, "selector-mismatch",
        "DKIM selector mismatch", "is the key of selector e1")
    yield ("k= edited", {NAME: "v=DKIM1; k=dsa; p=" + p}, "key-type",
           "DKIM key of the wrong type", "k= is neither rsa nor ed25519: dsa")
    yield ("h= without sha256", {NAME: "v=DKIM1; h=sha1; p=" + p}, "key-use",
           "DKIM record forbids its use", "h= does not permit sha256: sha1")
    yield ("s= without email", {NAME: "v=DKIM1; s=tlsrpt; p=" + p}, "key-use",
           "DKIM record forbids its use", "s= does not permit email")
    yield ("weak", {NAME: c.small}, "key-weak", "DKIM key too weak",
           "an RSA key of 512 bits")
    yield ("cut at 255", {NAME: k1[:255]}, "truncated",
           "DKIM record truncated", "p= ends after %d of its %d characters"
           % (255 - len("v=DKIM1; k=rsa; p="), len(p)))
    yield ("cut to a multiple of four", {NAME: k1[:len(k1) - 100]},
           "truncated", "DKIM record truncated", "of its %d characters"
           % len(p))
    yield ("SPF", {NAME: "v=spf1 -all"}, "syntax", "DKIM record malformed",
           "v= is not DKIM1: spf1")
    yield ("quotes in it", {NAME: '"' + k1 + '"'}, "syntax",
           "DKIM record malformed", "")
    yield ("empty", {NAME: ""}, "syntax", "DKIM record malformed", "")
    yield ("several", '%s. TXT "%s"\n%s. TXT "v=DKIM1; p="\n' % (
        NAME, "v=DKIM1; p=AAAA", NAME), "several-records",
        "several DKIM records", "2 TXT records at " + NAME)


def test_cases(tap, c):
    for name, records, finding, title, text in cases(c):
        ran = c.run(records)
        out = ran.out.decode()
        tap.ok(ran.code == 1 and out.startswith(
            "%s \u2014 selector=k1" % title) and text in out and
            "\n  likely:      " in out and "\n  way out:     " in out,
            name, ran)
        found, ran = c.json(records)
        tap.ok(ran.code == 1 and found.get("finding") == finding and
               found["cause"] and found["remedy"],
               name + ": " + finding, (ran, found))
    ran = c.run({"x._domainkey.example.com": c.record["k1"]}, selector="x")
    tap.ok(ran.code == 1 and b"DKIM selector mismatch" in ran.out and
           b"is that of " + c.path["k1"].encode() in ran.out,
           "no key for the selector, the record of another", ran)
    ran = c.run({NAME: "v=DKIM1; k=rsa; p=\x1b[2J"})
    tap.ok(ran.code == 1 and b"\x1b" not in ran.out, "what comes from the "
           "record is escaped", ran)


def test_private(tap, c):
    """The private key: permissions, and what is none."""
    records = {NAME: c.record["k1"]}
    os.chmod(c.path["k1"], 0o644)
    ran = c.run(records)
    tap.ok(ran.code == 1 and ran.out.decode().startswith(
        "private key not usable \u2014 selector=k1: ") and
        b"chmod" in ran.out, "permissions: the chmod that mends it", ran)
    os.chmod(c.path["k1"], 0o600)
    for name, path, text in (
            ("no such file", c.b.path("none.pem"), b"No such file"),
            ("a public key", c.b.path("public.pem"), b"public key"),
            ("an empty file", c.b.write("empty.pem", ""), b"empty")):
        found, ran = c.json(records, path)
        tap.ok(ran.code == 1 and found.get("finding") == "private-key" and
               text in ran.out, name, ran)


def test_usage(tap, c):
    zone = c.b.write("zone", "")
    for name, args, code, text in (
            ("no selector", ("example.com",), 64, "an argument is missing"),
            ("not a domain", ("a..b", "k1"), 64, "not a domain: a..b"),
            ("not a selector", ("example.com", "a/b"), 64,
             "not a selector: a/b"),
            ("too long", ("example.com", ".".join(["a" * 60] * 4)), 64,
             "not a selector"),
            ("zone and key", ("example.com", "k1", "--key", zone), 64,
             "either --zone or --key")):
        ran = c.b.run("-c", c.conf, "check-key", "--zone", zone, *args)
        tap.ok(ran.code == code and text in ran.err, name, ran)
    c.b.write("KeyTable", "k1 example.com\n", 0o644)
    ran = c.run({NAME: c.record["k1"]})
    tap.ok(ran.code == 78 and "KeyTable:1:" in ran.err, "a bad KeyTable", ran)


def main():
    lab.need("openssl")
    tap = lab.Tap()
    with cli.Bench() as b:
        c = Case(b)
        test_good(tap, c)
        test_cases(tap, c)
        test_private(tap, c)
        test_usage(tap, c)
    tap.done()


main()
