"""Independent verifiers: what others say of a signed message.

Three of them: python3-dkim and opendkim for RSA and Ed25519, Mail::DKIM for
RSA.  Each takes many messages at once, so that hundreds do not start hundreds
of processes, and gives for each message one Outcome a signature, from the top.

Records are a dictionary: {"selector._domainkey.domain": "v=DKIM1; ..."}.
"""

import collections
import os
import re
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 300

Outcome = collections.namedtuple(
    "Outcome", "domain selector algorithm passed reason")

SIGNATURE = re.compile(rb"(?im)^dkim-signature[ \t]*:(?:.|\r?\n[ \t])*\r?\n")


def split(message):
    """Header block with its last line end, and the rest."""
    at = message.find(b"\r\n\r\n")
    if message.startswith(b"\r\n"):
        return b"", message
    return (message, b"") if at < 0 else (message[:at + 2], message[at + 2:])


def signatures(message):
    """Each DKIM-Signature field as bytes with its line end, top first."""
    return SIGNATURE.findall(split(message)[0])


def tags(field):
    """The tags of a DKIM-Signature field, all white space removed."""
    value = re.sub(rb"[ \t\r\n]", b"", field.split(b":", 1)[1]).decode("latin1")
    return dict(t.split("=", 1) for t in value.split(";") if "=" in t)


def keep_signature(message, number):
    """The message with only that one of its DKIM-Signature fields."""
    head, rest = split(message)
    count = iter(range(1 << 30))
    head = SIGNATURE.sub(
        lambda m: m.group(0) if next(count) == number else b"", head)
    return head + rest


def available():
    """The tools that are here, as names for verify(), and what is missing."""
    have, missing = [], []
    try:
        import dkim  # noqa: F401
        have.append("dkimpy")
    except ImportError:
        missing.append("python3-dkim")
    if shutil.which("opendkim", path=os.environ["PATH"] + ":/usr/sbin"):
        have.append("opendkim")
    else:
        missing.append("opendkim")
    if subprocess.run(["perl", "-MMail::DKIM::Verifier", "-e1"],
                      stderr=subprocess.DEVNULL, check=False).returncode == 0:
        have.append("maildkim")
    else:
        missing.append("libmail-dkim-perl")
    return have, missing


def verify(tool, messages, records):
    """A list of Outcomes for each message."""
    return {"dkimpy": verify_dkimpy, "opendkim": verify_opendkim,
            "maildkim": verify_maildkim}[tool](messages, records)


def verify_dkimpy(messages, records):
    import dkim

    def lookup(name, timeout=5):
        record = records.get(name.decode("latin1").rstrip(".").lower())
        return record.encode() if record is not None else None

    def one(message, number):
        t = tags(signatures(message)[number])
        try:
            good = dkim.DKIM(message).verify(idx=number, dnsfunc=lookup)
            reason = "" if good else "does not verify"
        except Exception as e:  # it raises many kinds on odd messages
            good, reason = False, "%s: %s" % (type(e).__name__, e)
        return Outcome(t.get("d"), t.get("s"), t.get("a"), good, reason)

    return [[one(m, i) for i in range(len(signatures(m)))] for m in messages]


def _with_files(messages, records, call):
    """call(paths, path of the records) with everything in files."""
    with tempfile.TemporaryDirectory(prefix="keyturn-verify.") as tmp:
        names = os.path.join(tmp, "records")
        with open(names, "w", encoding="ascii") as f:
            for name, record in records.items():
                f.write("%s %s\n" % (name, record))
        paths = []
        for i, m in enumerate(messages):
            paths.append(os.path.join(tmp, "%06d.eml" % i))
            with open(paths[-1], "wb") as f:
                f.write(m)
        return call(tmp, paths, names)


def verify_maildkim(messages, records):
    def call(_, paths, names):
        done = subprocess.run(
            ["perl", os.path.join(HERE, "maildkim.pl"), names],
            input="\n".join(paths).encode(), stdout=subprocess.PIPE,
            timeout=TIMEOUT, check=True)
        found = {p: [] for p in paths}
        for line in done.stdout.decode("latin1").splitlines():
            path, _, s, d, a, result, detail = line.split("\t")
            found[path].append(Outcome(d, s, a, result == "pass", detail))
        return [found[p] for p in paths]

    return _with_files(messages, records, call)


OPENDKIM_LINE = re.compile(r"^opendkim: (\S+\.eml): (.*)$")


def verify_opendkim(messages, records):
    """opendkim -t gives one verdict a message: each signature goes alone."""
    alone, owner = [], []
    for i, m in enumerate(messages):
        fields = signatures(m)
        for n, field in enumerate(fields):
            alone.append(keep_signature(m, n) if len(fields) > 1 else m)
            owner.append((i, tags(field)))

    def call(tmp, paths, names):
        conf = os.path.join(tmp, "conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write("Mode v\nSocket local:%s/sock\nSyslog no\n"
                    "TestPublicKeys %s\n" % (tmp, names))
        said = {}
        for at in range(0, len(paths), 200):
            done = subprocess.run(
                ["opendkim", "-x", conf, "-t", ",".join(paths[at:at + 200])],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                timeout=TIMEOUT, check=False, env={
                    "PATH": os.environ["PATH"] + ":/usr/sbin"})
            for line in done.stdout.decode("latin1").splitlines():
                m = OPENDKIM_LINE.match(line)
                if m:
                    said.setdefault(m.group(1), m.group(2))
        return [said.get(p, "no verdict") for p in paths]

    out = [[] for _ in messages]
    verdicts = _with_files(alone, records, call) if alone else []
    for (i, t), text in zip(owner, verdicts):
        out[i].append(Outcome(t.get("d"), t.get("s"), t.get("a"),
                              text.endswith(" succeeded"), text))
    return out
