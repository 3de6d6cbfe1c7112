#!/usr/bin/python3
"""Signatures made with signing.h, judged by two other implementations.

Every message is signed in all four canonicalizations with RSA and Ed25519 and
then verified by python3-dkim and opendkim.  Keys and key records come from
openssl.  Each signed message is also changed in one place, and must fail.
"""

import base64
import os
import subprocess
import sys
import tempfile

import dkim

TOP = os.environ.get("top_srcdir", ".")
BUILD = os.environ.get("top_builddir", TOP)
SIGNFILE = os.environ.get("SIGNFILE", BUILD + "/t/lib/signfile")

CANONS = ["simple/simple", "simple/relaxed", "relaxed/simple",
          "relaxed/relaxed"]
SIGN = "from:sender:reply-to:subject:date:to:cc:x-odd-name"
OVERSIGN = "from:subject:to:reply-to:list-id"

FROM = b"From: Joe <joe@example.com>\r\n"
BODY = b"\r\nHi.\r\n\r\nWe lost the game.\r\n"

# What opendkim 2.11 makes of a message before it looks at the signature; what
# python3-dkim signs it refuses in the same cases:
# - in simple headers it changes the white space that a value begins with,
#   unless that is one space;
# - in relaxed bodies a CR is white space to it, not text;
# - it ends a line at a NUL, and refuses two From fields.
ALL = CANONS
RELAXED_HEADER = ["relaxed/simple", "relaxed/relaxed"]
SIMPLE_BODY = ["simple/simple", "relaxed/simple"]
NONE = []

# Name, message, the canonicalizations in which opendkim is asked as well.
MESSAGES = [
    ("plain", FROM + b"To: b@example.org\r\nSubject: x\r\n" + BODY, ALL),
    ("only From", FROM + BODY, ALL),
    ("no body", FROM + b"Subject: x\r\n\r\n", ALL),
    ("a body of line ends", FROM + b"\r\n\r\n\r\n\r\n", ALL),
    ("a body of white space", FROM + b"\r\n  \r\n\t\r\n", ALL),
    ("repeated fields", FROM + b"To: a@example.org\r\nSubject: x\r\n"
     b"To: b@example.org\r\nX-Not-Signed: 1\r\nTo: c@example.org\r\n" + BODY,
     ALL),
    ("repeated From", FROM + b"To: a@example.org\r\n" + FROM.upper() + BODY,
     NONE),
    ("empty values", FROM + b"To:\r\nSubject: \r\nCc:\t \r\n" + BODY,
     RELAXED_HEADER),
    ("values of a space", FROM + b"To: \r\nSubject: \r\nCc: \r\n" + BODY, ALL),
    ("folded values", FROM + b"To: a@example.org,\r\n\tb@example.org,\r\n"
     b"   c@example.org\r\nSubject: w \r\n x \t \r\n\t y  \r\n" + BODY, ALL),
    ("folded at once", FROM + b"Subject:\r\n x\r\nTo:\r\n\ty\r\n" + BODY,
     RELAXED_HEADER),
    ("a fold without text", FROM + b"Subject: \r\n \r\nTo: x\r\n" + BODY,
     RELAXED_HEADER),
    ("runs of white space", FROM + b"Subject: a \t\t b \t \r\nTo: x\r\n"
     b"\r\n a \t b \r\n\tc\t\r\n \r\nd\r\n \r\n\r\n", ALL),
    ("not one space behind the colon", FROM + b"Subject:x\r\nTo:\ty\r\n"
     b"Cc: \t z\r\nReply-To: \t \r\n" + BODY,
     RELAXED_HEADER),
    ("odd case", b"fROM: joe@example.com\r\nSUBJECT: X\r\nx-oDD-nAME: y\r\n"
     + BODY, ALL),
    ("8-bit", b"From: \xc3\x84 <joe@example.com>\r\nSubject: \xe9\xff \x80"
     b"\r\n\r\n\xe9 \xc3\xa4\r\n", ALL),
    ("lone CR in the body", FROM + b"\r\na\rb \r c\r\r\nd\r\n"
     b"e \r\r\n", SIMPLE_BODY),
    ("CR CR LF", FROM + b"\r\na\r\r\nb\r\r\n", ALL),
    ("lone CR in a field", FROM + b"Subject: x \r y\rz\r\n" + BODY,
     ["simple/simple", "simple/relaxed"]),
    ("NUL in the body", FROM + b"\r\na\0b \0 \r\n", NONE),
    ("long lines", FROM + b"Subject: " + b"x" * 2000 + b"\r\n\r\n"
     + b"y " * 3000 + b"\r\n", ALL),
    ("empty lines, then text", FROM + b"\r\n" + b"\r\n" * 3000 + b"x\r\n\r\n",
     ALL),
    ("100 signed fields", FROM + b"".join(
        b"X-Odd-Name: %d\r\n" % i for i in range(100)) + BODY, ALL),
    ("many lines", FROM + b"\r\n" + b"".join(
        b"%*d %s\t \r\n" % (i % 70, i, b"w" * (i % 60)) for i in range(3000)),
     ALL),
]

count = failures = 0


def ok(good, name, why=""):
    global count, failures
    count += 1
    print("%sok %d - %s" % ("" if good else "not ", count, name), flush=True)
    if not good:
        failures += 1
        for line in str(why).splitlines():
            print("# " + line)


def run(*args, data=b""):
    return subprocess.run(["timeout", "-s", "KILL", "30", *args], input=data,
                          capture_output=True)


def openssl(*args):
    result = run("openssl", *args)
    if result.returncode != 0:
        sys.exit("Bail out! openssl: " + result.stderr.decode())
    return result.stdout


def make_keys(directory):
    """Two keys: selector, file, key record."""
    keys = []
    for kind, options in (("rsa", ("-pkeyopt", "rsa_keygen_bits:2048")),
                          ("ed25519", ())):
        path = os.path.join(directory, kind + ".pem")
        openssl("genpkey", "-algorithm", kind, "-out", path, *options)
        der = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")
        public = der if kind == "rsa" else der[-32:]
        keys.append((kind, path, "v=DKIM1; k=%s; p=%s" % (
            kind, base64.b64encode(public).decode())))
    return keys


def dkimpy(message, records):
    try:
        return dkim.DKIM(message).verify(
            dnsfunc=lambda name, timeout=5: records[name.decode()].encode())
    except dkim.DKIMException as e:
        return repr(e)


class Opendkim:
    def __init__(self, directory, records):
        self.conf = os.path.join(directory, "opendkim.conf")
        self.message = os.path.join(directory, "message")
        keys = os.path.join(directory, "opendkim.keys")
        with open(keys, "w") as f:
            for name, text in records.items():
                f.write("%s %s\n" % (name.rstrip("."), text))
        with open(self.conf, "w") as f:
            f.write("Mode v\nSocket inet:9999@127.0.0.1\nSyslog no\n"
                    "TestPublicKeys %s\n" % keys)

    def __call__(self, message):
        with open(self.message, "wb") as f:
            f.write(message)
        result = run("opendkim", "-x", self.conf, "-t", self.message)
        text = result.stdout.decode("latin1") + result.stderr.decode("latin1")
        good = "verification (s=" in text and "succeeded" in text
        return (result.returncode == 0 and good) or text or "no verdict"


def changed(signed):
    """The signed message with one letter of its From field changed."""
    at = signed.lower().index(b"\nfrom:") + 1
    at = signed.lower().index(b"joe", at)
    return signed[:at] + b"J0e" + signed[at + 3:]


def check(name, message, is_asked, key, canon, records, opendkim):
    selector, path, _ = key
    what = "%s, %s, %s" % (name, selector, canon)
    result = run(SIGNFILE, path, "example.com", selector, canon, SIGN,
                 OVERSIGN, "1000", data=message)
    if result.returncode != 0:
        ok(False, what, result.stderr.decode())
        return
    signed = result.stdout
    ok(signed.endswith(b"\r\n" + message), what + ": the message is untouched")
    verdict = dkimpy(signed, records)
    ok(verdict is True, what + ": python3-dkim", verdict)
    ok(dkimpy(changed(signed), records) is not True,
       what + ": python3-dkim, changed")
    ok(dkimpy(signed.replace(b"\r\nFrom:", b"\r\nSubject: new\r\nFrom:", 1)
              .replace(b"\r\nfROM:", b"\r\nSubject: new\r\nfROM:", 1),
              records) is not True, what + ": python3-dkim, a field added")
    if not is_asked:
        return
    verdict = opendkim(signed)
    ok(verdict is True, what + ": opendkim", verdict)
    ok(opendkim(changed(signed)) is not True, what + ": opendkim, changed")


def main():
    with tempfile.TemporaryDirectory() as directory:
        keys = make_keys(directory)
        records = {"%s._domainkey.example.com." % k[0]: k[2] for k in keys}
        opendkim = Opendkim(directory, records)
        for name, message, asked in MESSAGES:
            for key in keys:
                for canon in CANONS:
                    check(name, message, canon in asked, key, canon,
                          records, opendkim)
        # The same body however it is cut, and a message without From.
        message = MESSAGES[-1][1]
        for piece in ("1", "7", "64", "65536"):
            signed = run(SIGNFILE, keys[1][1], "example.com", "ed25519",
                         "relaxed/relaxed", SIGN, OVERSIGN, piece,
                         data=message).stdout
            verdict = dkimpy(signed, records)
            ok(verdict is True, "pieces of %s bytes" % piece, verdict)
        result = run(SIGNFILE, keys[0][1], "example.com", "rsa",
                     "relaxed/relaxed", SIGN, OVERSIGN, "1",
                     data=b"To: x\r\n\r\n")
        ok(result.returncode == 1 and b"no From field to sign" in
           result.stderr, "no From field: refused", result.stderr)
    print("1..%d" % count)
    return failures != 0


sys.exit(main())
