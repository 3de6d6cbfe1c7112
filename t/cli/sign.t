#!/usr/bin/python3 -B
"""keyturn sign: what it signs verifies elsewhere, the message's own bytes stay
as they are, and an error leaves standard output empty."""

import os
import re
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli        # noqa: E402
import corpus     # noqa: E402
import lab        # noqa: E402
import verifiers  # noqa: E402

MESSAGE = (b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
           b"From: A <a@example.com>\r\n"
           b"To: b@example.org,\r\n\tc@example.net\r\n"
           b"Subject:  a   subject \r\n folded\t \r\n"
           b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
           b"\r\n"
           b"a  b \t c \r\n \t\r\n\r\nend \r\n\r\n\r\n")
CANONS = ["%s/%s" % (h, b) for h in ("simple", "relaxed")
          for b in ("simple", "relaxed")]


def sign(b, key, message, *more, selector="s1"):
    return b.run("sign", "-d", "example.com", "-s", selector, "-k", key,
                 *more, stdin=message)


def wire(message):
    """As an MTA sends it on: CRLF."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", message)


def keeps(ran, message):
    """The message's own bytes are the end of the output, untouched."""
    return (ran.code == 0 and ran.out.endswith(message) and
            ran.out.startswith(b"DKIM-Signature: "))


def test_verifies(tap, b, keys, records, tools):
    """Signed in each way; every verifier that knows the algorithm agrees."""
    made, names = [], []
    for kind, path in keys.items():
        for canon in CANONS:
            for form, message in (("CRLF", MESSAGE),
                                  ("LF", MESSAGE.replace(b"\r\n", b"\n"))):
                ran = sign(b, path, message, "-C", canon, selector=kind)
                name = "%s %s %s" % (kind, canon, form)
                field = ran.out[:len(ran.out) - len(message)]
                tap.ok(keeps(ran, message), name + ": bytes kept", ran)
                tap.ok((b"\r" in field) == (form == "CRLF"),
                       name + ": line ends of the field", field)
                made.append(wire(ran.out))
                names.append((kind, name))
    for tool in tools:
        for (kind, name), found in zip(
                names, verifiers.verify(tool, made, records)):
            if kind == "ed25519" and tool == "maildkim":
                continue
            tap.ok(len(found) == 1 and found[0].passed,
                   "%s: %s" % (tool, name), found)


def test_corpus(tap, b, keys, records):
    """The corpus: the body hash is the one in BODYHASH."""
    for case in corpus.load():
        if not wants_it(case):
            continue
        for form in ("simple", "relaxed"):
            ran = sign(b, keys["rsa"], case.data, "-C", "relaxed/" + form,
                       selector="rsa")
            if not keeps(ran, case.data):
                tap.ok(False, "%s: signed" % case.name, ran[2])
                continue
            tags = verifiers.tags(verifiers.signatures(wire(ran.out))[0])
            tap.is_(tags["bh"], case.body_hash[form],
                    "%s: body hash, %s" % (case.name, form))


def wants_it(case):
    """Under a megabyte, and a body that ends as it will be sent on."""
    return len(case.data) < 1 << 20 and case.data.endswith(b"\n")


def test_time(tap, b, keys):
    first = sign(b, keys["rsa"], MESSAGE, "-t", "1700000000")
    again = sign(b, keys["rsa"], MESSAGE, "-t", "1700000000")
    tags = verifiers.tags(verifiers.signatures(first.out)[0])
    tap.is_((tags["t"], tags["c"], tags["d"], tags["s"], tags["a"]),
            ("1700000000", "relaxed/relaxed", "example.com", "s1",
             "rsa-sha256"), "what the tags say")
    tap.is_(again.out, first.out, "the same twice: RSA has no chance in it")
    ran = b.run("sign", "-d", "Example.COM", "-s", "S1", "-k", keys["rsa"],
                "-t", "1700000000", stdin=MESSAGE)
    tap.is_(ran.out, first.out, "domain and selector are written lower case")
    # The defaults: every From, To ... listed once more than it occurs.
    tap.ok(tags["h"].split(":").count("from") == 2 and
           tags["h"].split(":").count("date") == 2 and
           "received" not in tags["h"], "h= by default", tags["h"])


def test_conf(tap, b, keys):
    conf = b.write("keyturn.conf",
                   'canonicalization = "simple/simple";\n'
                   'sign_headers = ["From", "Subject"];\n'
                   'oversign_headers = [];\n')
    ran = b.run("-c", conf, "sign", "-d", "example.com", "-s", "s", "-k",
                keys["rsa"], stdin=MESSAGE)
    found = verifiers.signatures(ran.out)
    tags = verifiers.tags(found[0]) if found else {}
    tap.is_((tags.get("c"), tags.get("h")), ("simple/simple", "from:subject"),
            "settings of -c FILE are taken")
    ran = b.run("-c", b.write("bad.conf", "x = 1;\n"), "sign", "-d", "a",
                "-s", "s", "-k", keys["rsa"], stdin=MESSAGE)
    tap.ok(ran.code == 78 and "bad.conf:1:" in ran.err and ran.out == b"",
           "a configuration that is wrong", ran)


def test_errors(tap, b, keys):
    """Exit code and part of the text; standard output stays empty."""
    loose = b.write("loose.pem", open(keys["rsa"], "rb").read(), 0o644)
    link = b.path("link.pem")
    os.symlink(keys["rsa"], link)
    public = b.path("public.pem")
    subprocess.run(["openssl", "pkey", "-in", keys["rsa"], "-pubout", "-out",
                    public], check=True, timeout=20)
    os.chmod(public, 0o600)
    small = b.path("small.pem")
    lab.make_key(small, bits=512)
    table = [
        ("empty", keys["rsa"], b"", 65, "standard input is empty"),
        ("mbox", keys["rsa"], b"From a@b Mon Jan  1 00:00:00 2024\n"
         + MESSAGE, 65, "From a@b Mon Jan  1 00:00:00 2024"),
        ("mbox with CRLF", keys["rsa"], b"From a@b Mon Jan  1 00:00:00 2024"
         b"\r\n" + MESSAGE, 65, "an mbox \"From \" line"),
        ("no From", keys["rsa"], b"To: b@example.org\r\n\r\nx\r\n", 65,
         "From"),
        ("no header", keys["rsa"], b"\r\nx\r\n", 65, "no header field"),
        ("no colon", keys["rsa"], b"From: a@example.com\nrubbish\n\nx\n", 65,
         "line 2"),
        ("header too large", keys["rsa"],
         b"From: a@example.com\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n", 65,
         "header"),
        ("no key file", b.path("missing.pem"), MESSAGE, 78, "missing.pem"),
        ("a key that others read", loose, MESSAGE, 78, "chmod"),
        ("a key behind a link", link, MESSAGE, 78, "link.pem"),
        ("a public key", public, MESSAGE, 78, "public"),
        ("a key of 512 bits", small, MESSAGE, 78, "512"),
        ("an empty key", b.write("empty.pem", ""), MESSAGE, 78, "empty"),
    ]
    for name, key, message, code, part in table:
        ran = sign(b, key, message)
        tap.ok(ran.code == code and ran.out == b"" and part in ran.err and
               ran.err.startswith("keyturn: ") and ran.err.count("\n") == 1,
               "%s: %d, says why" % (name, code), ran)
    ran = b.run("sign", "-d", "example.com", "-s", "s", "-k", keys["rsa"],
                stdin=MESSAGE, env={"TMPDIR": "/nonexistent"})
    tap.ok(ran.code == 73 and "TMPDIR" in ran.err, "no temporary file", ran)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [b.program, "sign", "-d", "example.com", "-s", "s", "-k",
             keys["rsa"]], input=MESSAGE, stdout=full,
            stderr=subprocess.PIPE, check=False, timeout=20)
    tap.ok(done.returncode == 73 and b"standard output" in done.stderr,
           "a full disk", done)


def test_large(tap, b, keys, records):
    """A body of 200 MB in an address space with little beside its mapping."""
    if lab.is_sanitized("keyturn"):
        tap.skip("a body of 200 MB", "sanitizers want address space")
        return
    size = 200 << 20
    line = b"x" * 76 + b" \r\n"
    path = b.write("large", b"From: a@example.com\r\n\r\n")
    with open(path, "ab") as f:
        for _ in range(size // (len(line) * 4096)):
            f.write(line * 4096)

    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (32 << 20, 32 << 20))

    out = b.path("signed")
    with open(path, "rb") as i, open(out, "wb") as o:
        done = subprocess.run(
            [b.program, "sign", "-d", "example.com", "-s", "rsa", "-k",
             keys["rsa"]], stdin=i, stdout=o, stderr=subprocess.PIPE,
            check=False, timeout=100 * lab.slow(), preexec_fn=limit,
            env={"TMPDIR": b.dir})
    tap.is_((done.returncode, done.stderr), (0, b""),
            "a body of 200 MB is signed within 32 MB of data")
    record = b.write("record", records["rsa._domainkey.example.com"])
    with open(out, "rb") as i:
        done = subprocess.run(
            [b.program, "verify", "--key", record], stdin=i,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=100 * lab.slow(), preexec_fn=limit,
            env={"TMPDIR": b.dir})
    tap.ok(done.returncode == 0 and done.stdout.startswith(b"pass"),
           "and verified within 32 MB of data", done)
    digest = subprocess.run(
        "tail -c %d signed | cmp - large" % os.path.getsize(path),
        shell=True, cwd=b.dir, check=False, timeout=60)
    tap.is_(digest.returncode, 0, "its bytes are the same")
    tap.is_([n for n in os.listdir(b.dir) if n.startswith("keyturn.")], [],
            "no temporary file is left")


def main():
    tools = lab.need_verifiers()
    tap = lab.Tap(limit=300)
    with cli.Bench() as b:
        keys, records = {}, {}
        for kind in ("rsa", "ed25519"):
            keys[kind] = b.path(kind + ".pem")
            records["%s._domainkey.example.com" % kind] = lab.make_key(
                keys[kind], kind)
        test_verifies(tap, b, keys, records, tools)
        test_corpus(tap, b, keys, records)
        test_time(tap, b, keys)
        test_errors(tap, b, keys)
        test_large(tap, b, keys, records)
        test_conf(tap, b, keys)
    tap.done()


main()
