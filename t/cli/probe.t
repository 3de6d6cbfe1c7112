#!/usr/bin/python3 -B
"""keyturn probe: a message through real workers, and through opendkim, comes
back signed and verified; whatever is wrong on the way is named; what is no
milter does no harm."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli            # noqa: E402
import lab            # noqa: E402
import milter_client  # noqa: E402

NAME = "s-rsa._domainkey.example.com"


def probe(l, *args, timeout=60):
    """Exit code, stdout, stderr and, of --json, the object."""
    done = subprocess.run(
        [lab.program("keyturn"), "-c", l.conf_path, "probe", *args],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False, timeout=timeout * lab.slow())
    out = done.stdout.decode()
    found = None
    if "--json" in args and out:
        found = json.loads(out)
    return done.returncode, out, done.stderr.decode(), found


def test_good(tap, l, zone):
    code, out, err, _ = probe(l, "example.com", "--zone", zone)
    want = "".join("%s: signed\n  pass d=example.com s=s-rsa a=rsa-sha256\n"
                   % s for s in l.specs)
    tap.is_((code, out, err), (0, want, ""), "signed at a unix and a TCP "
            "socket, and verified")
    code, _, _, found = probe(l, "example.com", "--zone", zone, "--json")
    tap.is_((code, found["domain"], found["from"],
             [s["outcome"] for s in found["sockets"]],
             [s["signatures"][0]["result"] for s in found["sockets"]]),
            (0, "example.com", "keyturn-probe@example.com",
             ["signed"] * 2, ["pass"] * 2), "the same as JSON")
    qid = found["sockets"][0]["queue_id"]
    tap.ok(l.wait_log(r"%s: signed d=example\.com s=s-rsa" % qid),
           "the worker logs it under that queue id", qid)
    code, out, _, _ = probe(l, "example.com", "--zone", zone, "--from",
                            "Someone@example.com", "-s", l.specs[1])
    tap.ok(code == 0 and out.startswith(l.specs[1] + ": signed\n") and
           out.count("\n") == 2, "another author, one socket", out)


def test_unsigned(tap, l, zone):
    """What is not signed, and why, as far as the configuration tells."""
    spec = ("-s", l.specs[0], "--zone", zone)
    for name, args, want, text in (
            ("no line", ("example.org",), "not-signed",
             "no line of the SigningTable matches keyturn-probe@example.org"),
            ("a client that is not ours",
             ("example.com", "--client", "192.0.2.1"), "not-signed",
             "mail from 192.0.2.1 is not signed: sign_for does not name it"),
            ("an IPv6 client", ("example.com", "--client", "2001:db8::1"),
             "not-signed", "mail from 2001:db8::1 is not signed"),
            ("signed for another domain",
             ("example.net", "--from", "a@example.com"), "not-signed",
             "no signature is of example.net"),
            ("a broken key", ("broken.example",), "tempfail",
             "451 4.7.5 Message cannot be signed now")):
        code, out, err, _ = probe(l, *args, *spec)
        tap.ok(code == 1 and out.startswith("%s: %s: " % (l.specs[0], want))
               and text in out, name, (code, out, err))
    code, out, _, _ = probe(l, "example.com", "--client", "192.0.2.1",
                            "--auth", "alice", *spec)
    tap.ok(code == 0 and ": signed\n" in out,
           "that client is signed for when it has logged in", out)
    with open(l.path("SigningTable"), "a", encoding="ascii") as f:
        f.write("*@new.example k-rsa\n")
    code, out, _, _ = probe(l, "new.example", *spec)
    tap.ok(code == 1 and "was `keyturn reload` forgotten?" in out,
           "a line that keyturnd has not read", out)


def test_verdicts(tap, l):
    """Signed, but what is published does not fit."""
    other = lab.make_key(l.path("other.pem"))
    good = l.records[NAME]
    for name, records, reason, text in (
            ("no record", {}, "no-key", "there is no TXT record at " + NAME),
            ("another key's record", {NAME: other}, "key-mismatch",
             "not made by the key whose record is published"),
            ("a cut record", {NAME: good[:200]}, "key-syntax",
             "key record at " + NAME),
            ("revoked", {NAME: "v=DKIM1; k=rsa; p="}, "key-revoked",
             "key revoked: p= is empty")):
        path = l.write("zone2", cli.zone(records))
        code, out, err, _ = probe(l, "example.com", "-s", l.specs[0],
                                  "--zone", path)
        tap.ok(code == 1 and ": not-verified\n" in out and text in out and
               "  likely cause: " in out, name, (code, out, err))
        _, _, _, found = probe(l, "example.com", "-s", l.specs[0], "--zone",
                               path, "--json")
        tap.is_(found["sockets"][0]["signatures"][0]["reason"], reason,
                name + ": the reason")


class Impostor:
    """Listens, and answers every connection with the same bytes."""

    def __init__(self, path, answer):
        self.answer = answer
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(10)
                try:
                    peer.recv(65536)
                    peer.sendall(self.answer)
                    while peer.recv(65536):
                        pass
                except OSError:
                    pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listener.close()


class Dripper(Impostor):
    """Sends a packet that never ends, a byte at a time."""

    def serve(self):
        peer, _ = self.listener.accept()
        with peer:
            try:
                while True:
                    peer.sendall(b"\0")
                    time.sleep(0.2)
                    self.sent = getattr(self, "sent", 0) + 1
                    if self.sent == 2:
                        peer.sendall(b"\x0f\xff")
            except OSError:
                pass


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


# Negotiated: fields may be added, no answer to any step.
AGREED = packet(b"O", struct.pack("!III", 6, 1, 0x1ff1ff & ~0x7f | 0xff280))


def test_hostile(tap, l, zone):
    """A peer that is no milter, or a bad one."""
    accept = packet(b"c")
    for number, (name, answer, text) in enumerate((
            ("SMTP", b"220 mail.example.com ESMTP\r\n", "is that a milter?"),
            ("a length of 0", b"\0\0\0\0", "a packet of 0 bytes"),
            ("a length of 4 GiB", b"\xff\xff\xff\xff", "is that a milter?"),
            ("a short negotiation", packet(b"O", b"\0\0\0\6"),
             "no negotiation"),
            ("refuses", packet(b"r"), "the milter refuses the connection"),
            ("an unknown answer", AGREED + packet(b"X"),
             "an answer 0x58 that was not to be expected"),
            ("a field without a value", AGREED + packet(b"h", b"Name\0"),
             "adds a malformed header field"),
            ("a field without its NUL", AGREED + packet(b"h", b"Name\0value"),
             "adds a malformed header field"),
            ("an empty field packet", AGREED + packet(b"h"),
             "adds a malformed header field"),
            ("a short place", AGREED + packet(b"i", b"\0\0"),
             "adds a malformed header field"),
            ("progress for ever", AGREED + packet(b"p") * 1100,
             "over 1000 packets"),
            ("fields for ever", AGREED + packet(b"h", b"N\0v\0") * 100,
             "over 64 header fields"),
            ("changes the body", AGREED + packet(b"b", b"x") + accept,
             "an answer 0x62 that was not to be expected"))):
        path = l.path("bad%d.sock" % number)
        peer = Impostor(path, answer)
        code, out, err, _ = probe(l, "example.com", "--zone", zone, "-s",
                                  "unix:" + path)
        tap.ok(code == 69 and ": unreachable: " in out and text in out,
               "no milter: " + name, (code, out, err))
        peer.close()
    if lab.scale(10) == 10:  # it takes as long as an answer may
        peer = Dripper(l.path("drip.sock"), b"")
        code, out, err, _ = probe(l, "example.com", "--zone", zone, "-s",
                                  "unix:" + l.path("drip.sock"))
        tap.ok(code == 69 and "no answer from the milter within" in out,
               "no milter: a byte at a time", (code, out, err))
        peer.close()
    # A reply with control characters, a field far behind the last, a NUL.
    for name, answer, text in (
            ("a reply with control characters",
             AGREED + packet(b"y", b"550 \x1b[2J\xff\0"),
             ": rejected: 550 \\x1b[2J\\xff"),
            ("discarded", AGREED + packet(b"d"), ": rejected: "),
            ("accepted as it is", AGREED + packet(b"a"), ": not-signed: "),
            ("a signature far below", AGREED + packet(
                b"i", b"\xff\xff\xff\xffDKIM-Signature\0 d=example.com\0")
             + accept, "v= is missing")):
        path = l.path("odd.sock")
        peer = Impostor(path, answer)
        code, out, err, _ = probe(l, "example.com", "--zone", zone, "-s",
                                  "unix:" + path)
        tap.ok(code == 1 and text in out and "\x1b" not in out, name,
               (code, out, err))
        peer.close()
        os.unlink(path)


def test_unreachable(tap, l, zone):
    for name, spec, text in (
            ("no socket", "unix:" + l.path("missing.sock"),
             "No such file or directory; no worker has made it"),
            ("nobody listens", "inet:%d@127.0.0.1" % lab.free_port(),
             "Connection refused; nobody listens"),
            ("not a spec", "tcp:25", "not unix:/path, local:/path")):
        code, out, err, _ = probe(l, "example.com", "--zone", zone, "-s", spec)
        tap.ok(code == 69 and out.startswith(spec + ": unreachable: ") and
               text in out, name, (code, out, err))
    if os.geteuid() == 0:
        program = lab.public_program("keyturn", l.dir)
        done = subprocess.run(
            [program, "-c", l.conf_path, "probe", "example.com", "--zone",
             zone, "-s", l.specs[0]], stdout=subprocess.PIPE, check=False,
            timeout=30 * lab.slow(), user="nobody", group="nogroup",
            extra_groups=[])
        tap.ok(done.returncode == 69 and b"Permission denied; permissions: "
               b"only root" in done.stdout, "no permission for the socket",
               done)
    else:
        tap.skip("no permission for the socket", "needs root")


def test_usage(tap, l):
    for name, args, text in (
            ("no domain", (), "an argument is missing"),
            ("two domains", ("a.example", "b.example"), "surplus argument"),
            ("not a domain", ("a b",), "not a domain: a b"),
            ("not an author", ("a.example", "--from", "x"),
             "not an address: x"),
            ("an author with a line end",
             ("a.example", "--from", "a\r\nBcc: b@a.example"),
             "not an address"),
            ("not an address", ("a.example", "--client", "::g"),
             "not an IP address: ::g")):
        code, _, err, _ = probe(l, *args)
        tap.ok(code == 64 and text in err, name, (code, err))
    code, _, err, _ = probe(l, "a.example", "--zone", l.path("none"))
    tap.ok(code == 65 and "none: No such file" in err, "no zone file", err)


OPENDKIM = """Mode s
Socket local:%s
Syslog no
Domain example.com
Selector s-rsa
KeyFile %s
RequireSafeKeys no
"""


def test_opendkim(tap, l, zone):
    """Another implementation at the other end."""
    path = l.path("opendkim.sock")
    conf = l.write("opendkim.conf", OPENDKIM % (path, l.path("s-rsa.pem")))
    l.run(["opendkim", "-f", "-x", conf], "opendkim.log")
    lab.wait_for(lambda: milter_client.listens("unix:" + path))
    code, out, err, _ = probe(l, "example.com", "--zone", zone, "-s",
                              "local:" + path)
    tap.ok(code == 0 and "pass d=example.com s=s-rsa a=rsa-sha256" in out,
           "through opendkim", (code, out, err))


def main():
    lab.need("opendkim", "openssl")
    tap = lab.Tap()
    l = lab.Lab()
    l.specs.append("inet:%d@127.0.0.1" % lab.free_port())
    l.key("s-rsa")
    l.key("bad", "broken.example")
    l.tables({"k-rsa": ("example.com", "s-rsa"),
              "bad": ("broken.example", "bad")},
             ["*@example.com k-rsa", "*@broken.example bad"])
    os.chmod(l.path("bad.pem"), 0o644)
    l.write_conf()
    zone = l.write("zone", cli.zone(l.records))
    l.start()
    test_good(tap, l, zone)
    test_unsigned(tap, l, zone)
    test_verdicts(tap, l)
    test_hostile(tap, l, zone)
    test_unreachable(tap, l, zone)
    test_usage(tap, l)
    test_opendkim(tap, l, zone)
    tap.is_(l.faults(), [], "no fault in the log")
    tap.done()


main()
