#!/usr/bin/python3 -B
"""Private keys are in keyturnd and nowhere in the worker: the bytes of the
primes, in both orders, are looked for in the memory of both."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import lab               # noqa: E402
import milter_client as mc  # noqa: E402

MESSAGE = mc.Message.parse(b"From: a@example.com\r\n\r\nHello.\r\n")

# The public counterpart shows that the search finds anything in the worker.
MARK = b"X-Marker-0123456789abcdef: in the worker's memory"


def numbers(path):
    """{name: bytes, most significant first} of an RSA key, by openssl."""
    text = subprocess.run(
        ["openssl", "rsa", "-in", path, "-noout", "-text"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
        timeout=60).stdout.decode()
    out = {}
    for name, block in re.findall(r"^(\w+):[^\n]*\n((?:    .*\n)+)", text,
                                  re.M):
        digits = re.sub(r"[\s:]", "", block)
        out[name] = bytes.fromhex(digits).lstrip(b"\0")
    return out


def secret_ed25519(path):
    """The 32 bytes of the private key, the end of its PKCS#8 form."""
    return subprocess.run(
        ["openssl", "pkey", "-in", path, "-outform", "DER"],
        stdout=subprocess.PIPE, check=True, timeout=60).stdout[-32:]


def memory(pid):
    """Each readable region of a process."""
    with open("/proc/%d/maps" % pid, encoding="ascii") as maps, \
            open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            where, rights = line.split()[:2]
            if "r" not in rights or re.search(r"\[v(var|syscall)", line):
                continue
            start, end = (int(x, 16) for x in where.split("-"))
            try:
                mem.seek(start)
                yield mem.read(end - start)
            except (OSError, OverflowError):
                continue


def found(pid, needles):
    """The names of what is there, in either order of bytes."""
    out = set()
    for region in memory(pid):
        for name, value in needles.items():
            # A part is enough: half of it from the middle.
            part = value[len(value) // 4:-(len(value) // 4)]
            if part in region or part[::-1] in region:
                out.add(name)
    return sorted(out)


def main():
    lab.need("openssl", root=True)
    if lab.is_sanitized("keyturn-milter"):
        lab.skip_all("built with a sanitizer: too much memory to look at",
                     is_fine=True)
    tap = lab.Tap(limit=60)
    rig = lab.Lab()
    rig.simple(("rsa", "ed25519"))
    rig.start()
    worker = rig.workers()[0]
    try:
        next(memory(worker))
    except PermissionError as e:
        lab.skip_all("root may not read the memory of processes here: %s" % e)
    secrets = {n: v for n, v in numbers(rig.path("s-rsa.pem")).items()
               if n.startswith("prime") or n in (
                   "privateExponent", "exponent1", "exponent2", "coefficient")}
    tap.is_(sorted(secrets), ["coefficient", "exponent1", "exponent2",
                              "prime1", "prime2", "privateExponent"],
            "openssl shows the secret numbers")
    secrets["ed25519"] = secret_ed25519(rig.path("s-ed25519.pem"))
    with mc.Connection(rig.spec) as c:
        for _ in range(20):
            result = c.send(MESSAGE)
        tap.is_(len(result.inserted(b"DKIM-Signature")), 2, "it signs")
        c.send(MESSAGE, qid="4F01")
        # Inside a message, so that there is something to find.
        c.envelope(mc.Result(), b"<a@example.com>", (b"<b@example.org>",),
                   "4F02", None)
        c.header(*MARK.split(b":"))
        c.flush()
        lab.wait_for(lambda: found(worker, {"mark": MARK.split(b":")[0]}), 5)
        tap.is_(found(worker, {"mark": MARK.split(b":")[0]}), ["mark"],
                "the search finds what is in the worker")
        tap.is_(found(worker, secrets), [], "no secret is in the worker")
    in_keeper = found(rig.keyturnd.pid, secrets)
    for name in ("prime1", "prime2", "ed25519"):
        tap.ok(name in in_keeper, "keyturnd has %s" % name, in_keeper)
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    tap.done()


if __name__ == "__main__":
    main()
