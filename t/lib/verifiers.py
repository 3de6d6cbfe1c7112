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
import time

import milter_client

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
        return call(paths, names)


def verify_maildkim(messages, records):
    def call(paths, names):
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


OPENDKIM_CONF = """Mode v
Socket local:%(dir)s/sock
Syslog no
TestPublicKeys %(records)s
AuthservID verifier
AlwaysAddARHeader yes
MaximumHeaders 0
"""


def verify_opendkim(messages, records):
    """opendkim as the milter that it is.

    Not opendkim -t, which does not read every message faithfully: it puts a
    space behind each colon, and a NUL or a long line ends a message for it.
    Each signature goes alone.
    """
    alone, owner = [], []
    for i, m in enumerate(messages):
        fields = signatures(m)
        for n, field in enumerate(fields):
            alone.append(keep_signature(m, n) if len(fields) > 1 else m)
            owner.append((i, tags(field)))
    out = [[] for _ in messages]
    with tempfile.TemporaryDirectory(prefix="keyturn-verify.") as tmp:
        for (i, t), text in zip(owner, _opendkim_says(tmp, alone, records)):
            out[i].append(Outcome(t.get("d"), t.get("s"), t.get("a"),
                                  text.startswith("dkim=pass"), text))
    return out


def _opendkim_says(tmp, messages, records):
    """What stands in Authentication-Results, for each message."""
    names, conf = os.path.join(tmp, "records"), os.path.join(tmp, "conf")
    with open(names, "w", encoding="ascii") as f:
        for name, record in records.items():
            f.write("%s %s\n" % (name, record))
    with open(conf, "w", encoding="ascii") as f:
        f.write(OPENDKIM_CONF % {"dir": tmp, "records": names})
    daemon = subprocess.Popen(
        ["opendkim", "-f", "-x", conf], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"] + ":/usr/sbin"})
    try:
        return list(_ask_all(os.path.join(tmp, "sock"), messages))
    finally:
        daemon.kill()  # it has nothing to save, and would take seconds
        daemon.wait()


def _ask_all(path, messages):
    connection = None
    for message in messages:
        try:
            if connection is None:
                connection = _connect(path)
                # Not from here: that it would sign, not verify.
                connection.greet(address="192.0.2.1")
            yield _authentication_results(connection, message)
        except milter_client.MilterError as e:
            connection = None
            yield "no verdict: %s" % e
    if connection is not None:
        connection.quit()


def _connect(path):
    end = time.monotonic() + 10
    while True:
        try:
            return milter_client.Connection("unix:" + path, timeout=60)
        except (OSError, milter_client.MilterError):
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _authentication_results(connection, message):
    result = connection.send(milter_client.Message.parse(message))
    for value in result.inserted(b"Authentication-Results"):
        text = re.sub(r"\s+", " ", value.decode("latin1")).strip()
        return text.partition("; ")[2]
    return "no verdict: %s at %s" % (result.verdict, result.stage)
