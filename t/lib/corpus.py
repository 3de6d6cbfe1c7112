"""The corpus: messages as files, or as lines of GENERATED, and MANIFEST.

See t/sign/corpus/MANIFEST for the meaning of its columns.
"""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(os.path.dirname(HERE), "sign", "corpus")

PLAIN = (b"From: Anna <a@example.com>\r\nTo: b@example.org\r\n"
         b"Subject: a plain message\r\n"
         b"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n"
         b"Message-ID: <1@example.com>\r\n\r\n")
FROM = b"From: Anna <a@example.com>\r\n"

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\", '"': b'"'}
PART = re.compile(r'@plain|@from|(?:(\d+)\*)?"((?:[^"\\]|\\.)*)"')


class Case:
    def __init__(self, name, options, text):
        self.name, self.text = name, text
        words = [o.partition("=") for o in options.split() if o != "-"]
        self.options = {w[0] for w in words if not w[1]}
        self.excepted = {w[2] for w in words if w[0] == "except"}
        self.spec = None                    # of GENERATED
        self.body_hash = {}                 # {"simple": ..., "relaxed": ...}

    @property
    def data(self):
        if self.spec is not None:
            return generate(self.spec)
        with open(os.path.join(CORPUS, self.name + ".eml"), "rb") as f:
            return f.read()

    def asks(self, verifier, header, body):
        """Whether that verifier is right on this case in header/body."""
        return not self.excepted & {
            verifier, "%s:header-%s" % (verifier, header),
            "%s:body-%s" % (verifier, body)}


def generate(spec):
    """The bytes that a line of GENERATED describes."""
    out, at = [], 0
    for m in PART.finditer(spec):
        if spec[at:m.start()].strip():
            raise ValueError("GENERATED: %r" % spec[at:m.start()])
        at = m.end()
        if m.group(0) == "@plain":
            out.append(PLAIN)
        elif m.group(0) == "@from":
            out.append(FROM)
        else:
            text = re.sub(rb"\\(.)", lambda e: ESCAPES[e.group(1).decode()],
                          m.group(2).encode())
            out.append(text * int(m.group(1) or 1))
    if spec[at:].strip():
        raise ValueError("GENERATED: %r" % spec[at:])
    return b"".join(out)


def _lines(name):
    with open(os.path.join(CORPUS, name), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def load():
    """All cases, in the order of MANIFEST.  Files and lists must agree."""
    cases = {c[0]: Case(*c) for c in _lines("MANIFEST")}
    for name, spec in _lines("GENERATED"):
        cases[name].spec = spec
    for name, simple, relaxed in _lines("BODYHASH"):
        cases[name].body_hash = {"simple": simple, "relaxed": relaxed}
    files = {f[:-4] for f in os.listdir(CORPUS) if f.endswith(".eml")}
    listed = {n for n, c in cases.items() if c.spec is None}
    if files != listed:
        raise ValueError("MANIFEST and files differ: %s"
                         % sorted(files ^ listed))
    return list(cases.values())
