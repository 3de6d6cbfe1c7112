#!/usr/bin/python3 -B
"""Bad input over the milter socket: every small header of the corpus cut at
every byte, random changes of all, and packets that break the protocol.  The
worker lives, every connection is answered or closed, nothing grows."""

import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import corpus            # noqa: E402
import lab               # noqa: E402
import milter_client as mc  # noqa: E402

SMALL = 4096            # header blocks up to here are cut at every byte
CHANGES = 6000          # random changes, over all cases together
LARGE = 200000          # messages beyond are not changed, only sent
GROWTH = 4096           # KiB
PLAIN = mc.Message.parse(b"From: a@example.com\r\nSubject: x\r\n\r\nHello.\r\n")

CHANGE_WITH = [b"", b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b";",
               b"=", b"<", b">", b"@", b"(", b")", b'"', b"\\", b",", b"\xff",
               b"\xc3\xa4", b"From: ", b"\r\nFrom: x@example.com\r\n",
               b"(" * 300, b'"' * 99, b"<" * 99, b"," * 500, b"x" * 5000,
               b" \r\n" * 200]


def header_length(data):
    at = data.find(b"\r\n\r\n")
    return len(data) if at < 0 else at + 4


class Worker:
    """A connection that is opened anew when it breaks; no answer may fail."""

    def __init__(self, rig):
        self.rig, self.connection, self.broken = rig, None, []

    def send(self, data, what):
        # NUL cannot be in a packet of strings: an MTA sends what is before.
        message = mc.Message.parse(data)
        message.fields = [(n.replace(b"\0", b""), v.replace(b"\0", b""))
                          for n, v in message.fields
                          if n.replace(b"\0", b"")]
        try:
            if self.connection is None:
                self.connection = mc.Connection(self.rig.spec, timeout=20)
            result = self.connection.send(message)
            if not result.passed:
                raise mc.MilterError("%s %r" % (result.verdict, result.reply))
        except (mc.MilterError, OSError) as e:
            self.broken.append("%s: %s" % (what, e))
            self.connection = None


def cut_headers(tap, worker, cases):
    count = 0
    for case in cases:
        if case.spec is not None:
            continue
        data = case.data
        length = header_length(data)
        if length > SMALL:
            continue
        for i in range(0, length, 1 if lab.SCALE >= 1 else 7):
            worker.send(data[:i], "%s cut at %d" % (case.name, i))
            count += 1
    tap.ok(not worker.broken, "%d cut headers, each answered" % count,
           "\n".join(worker.broken[:5]))


def change(data, chance):
    """A few random changes, most of them in the header."""
    out = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        end = header_length(bytes(out)) if chance.random() < 0.8 else len(out)
        at = chance.randrange(end + 1)
        gone = chance.choice((0, 0, 1, 1, 2, 20))
        kind = chance.random()
        if kind < 0.5:
            out[at:at + gone] = chance.choice(CHANGE_WITH)
        elif kind < 0.8:
            out[at:at + gone] = bytes([chance.randrange(256)])
        else:
            start = chance.randrange(end + 1)
            out[at:at] = out[start:start + chance.randrange(60)]
    return bytes(out)


def change_all(tap, worker, cases, chance):
    small = [c.data for c in cases if c.spec is None]
    small = [d for d in small if len(d) < LARGE]
    worker.broken.clear()
    count = lab.scale(CHANGES, 500)
    for i in range(count):
        worker.send(change(small[i % len(small)], chance), "change %d" % i)
    tap.ok(not worker.broken, "%d random changes, each answered" % count,
           "\n".join(worker.broken[:5]))


def packet(command, payload=b""):
    return struct.pack(">I", len(payload) + 1) + command + payload


NEGOTIATE = packet(b"O", struct.pack(">III", 6, mc.ALL_ACTIONS, mc.ALL_STEPS))
CONNECT = packet(b"C", b"x\0" + b"4" + struct.pack(">H", 25) + b"127.0.0.1\0")
MAIL = packet(b"M", b"<a@example.com>\0")
HEADER = packet(b"L", b"From\0 a@example.com\0")

# Bytes on a new connection; each is followed by the end of what we send.
MALFORMED = {
    "nothing": b"",
    "a length of 0": struct.pack(">I", 0),
    "half a length": b"\0\0",
    "a huge length": struct.pack(">I", 0xffffffff) + b"O",
    "a length of 2 GiB": struct.pack(">I", 0x80000000) + b"O" + b"x" * 99,
    "half a packet": struct.pack(">I", 100) + b"Oabc",
    "text": b"EHLO client.example.net\r\nMAIL FROM:<a@example.com>\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 200,
    "an unknown command": NEGOTIATE + packet(b"\xff", b"x"),
    "an unknown command first": packet(b"Z"),
    "no negotiation, connect": CONNECT,
    "no negotiation, mail": MAIL,
    "no negotiation, header": HEADER,
    "no negotiation, end of message": packet(b"E"),
    "negotiation without its numbers": packet(b"O"),
    "negotiation cut": packet(b"O", b"\0\0\0\6\0\0"),
    "negotiation of version 0": packet(b"O", struct.pack(">III", 0, 0, 0)),
    "negotiation of version 1": packet(b"O", struct.pack(">III", 1, 1, 0)),
    "negotiation of version 2": packet(b"O", struct.pack(">III", 2, 63, 127)),
    "negotiation of a version to come": packet(
        b"O", struct.pack(">III", 0xffffffff, 0xffffffff, 0xffffffff)),
    "negotiation without header changes": packet(
        b"O", struct.pack(">III", 6, 0, mc.ALL_STEPS)),
    "negotiation twice": NEGOTIATE + NEGOTIATE,
    "connect without anything": NEGOTIATE + packet(b"C"),
    "connect without NUL": NEGOTIATE + packet(b"C", b"x" * 50),
    "connect cut in the port": NEGOTIATE + packet(b"C", b"x\0" + b"4\0"),
    "connect of an unknown family": NEGOTIATE + packet(
        b"C", b"x\0" + b"9\0\x19abc\0"),
    "connect with a bad address": NEGOTIATE + packet(
        b"C", b"x\0" + b"4\0\x19" + b"999.1.1.1.1\0"),
    "connect with an address that is not ended": NEGOTIATE + packet(
        b"C", b"x\0" + b"6\0\x19" + b"::1"),
    "connect twice": NEGOTIATE + CONNECT + CONNECT,
    "mail without argument": NEGOTIATE + CONNECT + packet(b"M"),
    "mail without NUL": NEGOTIATE + CONNECT + packet(b"M", b"<a>"),
    "mail of many arguments": NEGOTIATE + CONNECT + packet(
        b"M", b"a\0" * 10000),
    "mail twice": NEGOTIATE + CONNECT + MAIL + MAIL + HEADER + HEADER,
    "header before mail": NEGOTIATE + CONNECT + HEADER,
    "header without value": NEGOTIATE + CONNECT + MAIL + packet(
        b"L", b"From\0"),
    "header without NUL": NEGOTIATE + CONNECT + MAIL + packet(b"L", b"From"),
    "header without name": NEGOTIATE + CONNECT + MAIL + packet(
        b"L", b"\0value\0"),
    "header of three strings": NEGOTIATE + CONNECT + MAIL + packet(
        b"L", b"a\0b\0c\0"),
    "header of nothing": NEGOTIATE + CONNECT + MAIL + packet(b"L"),
    "header after body": NEGOTIATE + CONNECT + MAIL + HEADER + packet(
        b"B", b"x") + HEADER + packet(b"E"),
    "body before header": NEGOTIATE + CONNECT + MAIL + packet(
        b"B", b"x") + HEADER + packet(b"E"),
    "end of header twice": NEGOTIATE + CONNECT + MAIL + HEADER + packet(
        b"N") + packet(b"N") + packet(b"E"),
    "end of message twice": NEGOTIATE + CONNECT + MAIL + HEADER + packet(
        b"N") + packet(b"E") + packet(b"E"),
    "end of message only": NEGOTIATE + CONNECT + packet(b"E"),
    "abort of nothing": NEGOTIATE + packet(b"A") * 50,
    "macros without NUL": NEGOTIATE + packet(b"D", b"Mi") + MAIL,
    "macros without command": NEGOTIATE + packet(b"D") + MAIL,
    # libmilter itself would walk past the end of these.
    "macros of an odd count": NEGOTIATE + packet(b"D", b"Mi\0x\0j\0") + MAIL,
    "a macro without value": NEGOTIATE + packet(
        b"D", b"Ci\0") + CONNECT + MAIL,
    "macros of an odd count for each step": NEGOTIATE + b"".join(
        packet(b"D", c + b"a\0b\0c\0") + p for c, p in (
            (b"C", CONNECT), (b"M", MAIL), (b"N", packet(b"N")),
            (b"E", packet(b"E")))),
    "macros for an unknown step": NEGOTIATE + packet(b"D", b"\xffi\0x\0"),
    "many macros": NEGOTIATE + packet(b"D", b"M" + b"x\0y\0" * 10000) + MAIL,
    "quit in a message": NEGOTIATE + CONNECT + MAIL + HEADER + packet(b"Q"),
    "close in a header": NEGOTIATE + CONNECT + MAIL + HEADER[:-5],
    "close before the answer": NEGOTIATE + CONNECT + MAIL + HEADER + packet(
        b"N") + packet(b"E"),
    "a packet of 2 MiB": NEGOTIATE + CONNECT + MAIL + packet(
        b"L", b"X\0 " + b"x" * (2 << 20) + b"\0"),
}


def send_raw(rig, data):
    """Send it and wait for the end of the connection."""
    c = mc.Connection(rig.spec, timeout=10, negotiate=False)
    try:
        c.raw(data)
        c.sock.shutdown(1)
        while c.sock.recv(65536):
            pass
    except (mc.MilterError, OSError):
        pass        # it may reset us: that ends this connection
    finally:
        c.close()


def beside(rig, data):
    """Send data while a message is in hand on another connection; what became
    of that message, "" if it was signed."""
    try:
        with mc.Connection(rig.spec, timeout=20) as other:
            other.greet()
            r = mc.Result()
            other.envelope(r, b"<a@example.com>", (b"<b@example.org>",),
                           "4F04", None)
            send_raw(rig, data)
            other.content(r, PLAIN, [PLAIN.body])
            other.eom(r)
    except (mc.MilterError, OSError) as e:
        return "%s; the log ends:\n%s" % (e, rig.log_text()[-1000:])
    if r.passed and len(r.inserted(b"DKIM-Signature")) == 1:
        return ""
    return "%s %r" % (r.verdict, r.reply)


def malformed(tap, rig):
    for name, data in MALFORMED.items():
        why = beside(rig, data)
        tap.ok(not why, "malformed: " + name, why)


def random_packets(tap, rig, chance):
    """Well-formed packets in any order with any content."""
    count = lab.scale(1500, 200)
    for _ in range(count):
        data = NEGOTIATE
        for _ in range(chance.randrange(1, 12)):
            command = chance.choice(b"OCHMRTLNBEAQKUXD\0").to_bytes(1, "big")
            payload = bytes(chance.choice(b"ab\0\0 <>@:\r\n4U\xff")
                            for _ in range(chance.randrange(30)))
            data += packet(command, payload)
        send_raw(rig, data)
    with mc.Connection(rig.spec) as c:
        tap.ok(len(c.send(PLAIN).inserted(b"DKIM-Signature")) == 1,
               "%d connections of random packets" % count)


def limits(tap, rig):
    """2,000 fields and 1 MiB are taken, one more is not signed but passes."""
    with mc.Connection(rig.spec, timeout=30) as c:
        for fields, want in ((2000, 1), (2001, 0)):
            m = mc.Message(PLAIN.fields[:1]
                           + [(b"X", b" y")] * (fields - 1), b"x\r\n")
            r = c.send(m, qid="LF%d" % fields)
            tap.ok(r.passed and len(r.inserted(b"DKIM-Signature")) == want,
                   "%d fields" % fields, (r.verdict, len(r.modifications)))
        tap.ok(rig.wait_log(r"LF2001: not signed: limit"), "the line says so")
        size = 1 << 20
        first = sum(len(n) + len(v) for n, v in PLAIN.fields)
        for total, want in ((size, 1), (size + 1, 0)):
            left = total - first
            m = mc.Message(PLAIN.fields + [
                (b"X-%d" % i, b"y" * (left // 4 - 3)) for i in range(3)],
                b"x\r\n")
            rest = total - sum(len(n) + len(v) for n, v in m.fields)
            m.fields.append((b"X-L", b"z" * (rest - 3)))
            r = c.send(m, qid="LB%d" % total)
            tap.ok(r.passed and len(r.inserted(b"DKIM-Signature")) == want,
                   "%d bytes of header" % total,
                   (r.verdict, len(r.modifications)))


def main():
    lab.need("openssl")
    tap = lab.Tap(limit=240)
    seed = int(os.environ.get("KEYTURN_TEST_SEED", str(os.getpid())))
    tap.note("KEYTURN_TEST_SEED=%d" % seed)
    chance = random.Random(seed)
    rig = lab.Lab()
    rig.simple()
    rig.start()
    pids = (rig.keyturnd.pid, rig.workers())
    cases = corpus.load()
    limits(tap, rig)
    malformed(tap, rig)
    worker = Worker(rig)
    for case in cases[:40]:
        worker.send(case.data, case.name)
    early = lab.usage(pids[1][0])
    cut_headers(tap, worker, cases)
    change_all(tap, worker, cases, chance)
    random_packets(tap, rig, chance)
    worker.connection.quit()
    tap.is_((rig.keyturnd.pid, rig.workers()), pids, "no process was replaced")
    check_growth(tap, pids[1][0], early)
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    tap.is_(rig.faults(), [], "no sanitizer and no crash in the log")
    rig.clean()
    tap.done()


def check_growth(tap, pid, early):
    if lab.is_sanitized("keyturn-milter"):
        tap.skip("memory and descriptors are flat", "a sanitizer is built in")
        return
    lab.wait_for(lambda: lab.usage(pid)[1] <= early[1], 10)
    late = lab.usage(pid)
    tap.ok(late[0] - early[0] <= GROWTH and late[1] <= early[1],
           "memory and descriptors are flat", (early, late))


if __name__ == "__main__":
    main()
