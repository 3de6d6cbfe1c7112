"""Running keyturn, and making DKIM signatures without it.

craft() writes a DKIM-Signature with any tags whatever and signs it with
python3-dkim's canonicalization and openssl, so that signatures that no signer
would make can be had too.
"""

import base64
import collections
import hashlib
import os
import shutil
import subprocess
import tempfile

import lab

TIMEOUT = 60
Ran = collections.namedtuple("Ran", "code out err")


class Bench:
    """A directory, and keyturn run in it."""

    def __init__(self):
        self.program = lab.program("keyturn")  # skips if it is not built
        self.dir = tempfile.mkdtemp(prefix="keyturn-cli.")
        os.chmod(self.dir, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data, mode=0o600):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        return path

    def run(self, *args, stdin=b"", timeout=TIMEOUT, **more):
        """Exit code, stdout and stderr; a hanging one is killed."""
        program = self.program
        if "user" in more:
            program = lab.public_program("keyturn", self.dir)
        done = subprocess.run(
            [program, *args], input=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=self.dir, check=False,
            timeout=timeout * lab.slow(), **more)
        return Ran(done.returncode, done.stdout,
                   done.stderr.decode("utf-8", "replace"))


def quoted(record):
    """A record as strings of a zone file, of at most 255 octets."""
    return " ".join('"%s"' % record[i:i + 255].replace("\\", "\\\\")
                    .replace('"', '\\"')
                    for i in range(0, max(1, len(record)), 255))


def zone(records):
    """A zone file of {name: record}."""
    return "".join("%s. 3600 IN TXT %s\n" % (n, quoted(r))
                   for n, r in records.items())


def body_hash(body, form, length=None):
    """bh= of a body with CRLF, by python3-dkim."""
    from dkim.canonicalization import CanonicalizationPolicy
    policy = CanonicalizationPolicy.from_c_value(b"simple/" + form)
    text = policy.canonicalize_body(body)
    if length is not None:
        text = text[:length]
    return base64.b64encode(hashlib.sha256(text).digest())


class Kept:
    """Stands in for a hash: keeps what it is fed."""

    def __init__(self):
        self.data = b""

    def update(self, data):
        self.data += data


def header_text(message, value, names, form):
    """What is hashed of the header, by python3-dkim."""
    import dkim
    from dkim.canonicalization import CanonicalizationPolicy
    policy = CanonicalizationPolicy.from_c_value(form)
    headers, _ = dkim.rfc822_parse(message)
    kept = Kept()
    dkim.hash_headers(kept, policy, policy.canonicalize_headers(headers), names,
                      [b"DKIM-Signature", value], {})
    return kept.data


def openssl_sign(key, data, kind):
    """RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519 over the hash."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(hashlib.sha256(data).digest())
        f.flush()
        more = (["-rawin"] if kind == "ed25519"
                else ["-pkeyopt", "digest:sha256"])
        return subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-inkey", key, "-in", f.name,
             *more], stdout=subprocess.PIPE, check=True, timeout=20).stdout


def craft(message, key, kind="rsa", sep=b"; ", tail=b"", hash_names=None,
          fold=lambda b: b, **changes):
    """message with a DKIM-Signature on top.

    changes     tags as bytes, None to leave one out; extra=[b"x=y"] adds as is
    hash_names  what is really hashed, when that is not h=
    fold        what becomes of the base64 of b=; tail follows it
    """
    tags = collections.OrderedDict(
        v=b"1", a=b"rsa-sha256" if kind == "rsa" else b"ed25519-sha256",
        c=b"relaxed/relaxed", d=b"example.com", s=b"k1", t=b"1700000000",
        h=b"from:to:subject:date", bh=b"")
    extra = changes.pop("extra", [])
    tags.update((n, v) for n, v in changes.items() if n != "bh")
    c = (tags["c"] or b"simple").split(b"/") + [b"simple"]
    length = tags.get("l")
    body = message.partition(b"\r\n\r\n")[2]
    tags["bh"] = changes.get("bh", body_hash(
        body, c[1] if c[1] in (b"simple", b"relaxed") else b"simple",
        int(length) if length and length.isdigit() else None))
    listed = [n.encode() + b"=" + v for n, v in tags.items() if v is not None]
    value = b" " + sep.join(listed + list(extra) + [b"b="])
    names = hash_names or [n.strip(b" \t\r\n").lower()
                           for n in (tags["h"] or b"").split(b":")]
    form = c[0] if c[0] in (b"simple", b"relaxed") else b"simple"
    # Exactly what RFC 6376 section 3.7 says: b= empty, white space around its
    # value gone, what follows it kept.
    text = header_text(message, value + tail.lstrip(b" \t\r\n") + b"\r\n",
                       names, form + b"/simple")
    b = base64.b64encode(openssl_sign(key, text, kind))
    return b"DKIM-Signature:" + value + fold(b) + tail + b"\r\n" + message
