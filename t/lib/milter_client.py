"""The MTA's side of the milter protocol, version 6 and older.

One Connection is what an MTA holds open towards a milter: it negotiates, then
carries any number of messages.  It behaves as Postfix and Sendmail do: it waits
for an answer only where the milter did not negotiate it away, it sends only the
steps that the milter wants, folds travel as LF and the body as CRLF.  What the
milter asks for at the end of a message is kept, and Message.apply gives the
bytes that the MTA would send on.

Knows nothing of DKIM.  raw() sends anything at all.
"""

import re
import socket
import struct

# Actions, what the milter may ask for (SMFIF_*).
ADDHDRS, CHGBODY, ADDRCPT, DELRCPT, CHGHDRS, QUARANTINE = (
    0x01, 0x02, 0x04, 0x08, 0x10, 0x20)
CHGFROM, ADDRCPT_PAR, SETSYMLIST = 0x40, 0x80, 0x100
ALL_ACTIONS = 0x1ff

# Steps of the protocol (SMFIP_*): not sent, not answered, and the others.
NO_CONNECT, NO_HELO, NO_MAIL, NO_RCPT = 0x01, 0x02, 0x04, 0x08
NO_BODY, NO_HDRS, NO_EOH = 0x10, 0x20, 0x40
NR_HDR, NO_UNKNOWN, NO_DATA, SKIP = 0x80, 0x100, 0x200, 0x400
RCPT_REJ, NR_CONN, NR_HELO, NR_MAIL, NR_RCPT = (
    0x800, 0x1000, 0x2000, 0x4000, 0x8000)
NR_DATA, NR_UNKN, NR_EOH, NR_BODY = 0x10000, 0x20000, 0x40000, 0x80000
HDR_LEADSPC = 0x100000
MDS_256K, MDS_1M = 0x10000000, 0x20000000
ALL_STEPS = 0x1fffff

# What a milter answers to a step.
VERDICTS = {
    b"c": "continue", b"a": "accept", b"r": "reject", b"t": "tempfail",
    b"d": "discard", b"y": "reply", b"s": "skip", b"f": "connfail",
    b"4": "shutdown", b"q": "quarantine",
}
MODIFICATIONS = {
    b"h": "addheader", b"i": "insheader", b"m": "chgheader", b"b": "body",
    b"+": "addrcpt", b"-": "delrcpt", b"2": "addrcpt_par", b"e": "chgfrom",
    b"q": "quarantine",
}

# The largest body chunk that MTAs send.
CHUNK = 65535

RECEIVED = (b"Received", b" from client.example.net (client.example.net"
            b" [127.0.0.1])\n\tby mx.example.net (Postfix) with ESMTP id"
            b" 4F00\n\tfor <b@example.org>; Thu,  1 Jan 2026 00:00:00 +0000"
            b" (UTC)")


class MilterError(Exception):
    """The milter broke the protocol, or the connection ended."""


class Message:
    """Header fields as (name, value) and a body, as an MTA has them.

    A value is everything after the colon, its folds as LF.  The body is sent
    to the milter as it is: CRLF line ends, unless a test wants others.
    """

    def __init__(self, fields, body=b""):
        self.fields = list(fields)
        self.body = body

    @classmethod
    def parse(cls, data):
        """Read a message as it came over SMTP, dots already unstuffed.

        Line ends in the header are CRLF or LF; a lone CR is text.  The body
        keeps its bytes.  The first line that is no field ends the header, as
        in an MTA, and begins the body.
        """
        fields, at = [], 0
        while at < len(data):
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end + 1
            line = re.sub(rb"\r?\n\Z", b"", data[at:end])
            if line == b"":
                at = end
                break
            if line[:1] in b" \t" and fields:
                fields[-1][1] += b"\n" + line
            elif line.find(b":") > 0:
                fields.append(list(line.split(b":", 1)))
            else:
                break
            at = end
        return cls([tuple(f) for f in fields], data[at:])

    def apply(self, modifications, received=RECEIVED):
        """The bytes that an MTA sends on, its own Received on top.

        Fields are inserted where the milter asked (0 is above Received, which
        the milter never sees).  LF becomes CRLF, in added values too, and a CR
        that a milter added stays as it is, which is how Postfix would send it.
        """
        fields = [received] + self.fields if received else self.fields[:]
        body = self.body
        for mod in modifications:
            if mod[0] == "insheader":
                at = mod[1] if received else max(mod[1] - 1, 0)
                fields.insert(at, (mod[2], mod[3]))
            elif mod[0] == "addheader":
                fields.append((mod[1], mod[2]))
            elif mod[0] == "body":
                body = mod[1] if body is self.body else body + mod[1]
            else:
                raise MilterError("cannot apply %s" % mod[0])
        head = b"".join(n + b":" + v.replace(b"\n", b"\r\n") + b"\r\n"
                        for n, v in fields)
        body = wire_line_ends(body)
        if body and not body.endswith(b"\r\n"):
            body += b"\r\n"
        return head + b"\r\n" + body


def wire_line_ends(data):
    """A lone LF becomes CRLF: no MTA sends it on as it is."""
    return re.sub(rb"(?<!\r)\n", b"\r\n", data)


class Result:
    """What became of one message."""

    def __init__(self):
        self.verdict = None     # a word of VERDICTS, of the last answer
        self.stage = None       # the step that gave it: "mail", "eom", ...
        self.reply = b""        # SMTP reply line, if verdict is "reply"
        self.modifications = []
        self.sent = None        # bytes sent on, None if not accepted

    def inserted(self, name):
        """The values of inserted fields of that name, top first."""
        return [m[3] for m in reversed(self.modifications)
                if m[0] == "insheader" and m[2].lower() == name.lower()]

    @property
    def passed(self):
        return self.stage == "eom" and self.verdict in ("continue", "accept")

    @property
    def code(self):
        """The SMTP code the client would see."""
        words = {"tempfail": 451, "reject": 554, "discard": 250,
                 "continue": 250, "accept": 250}
        if self.verdict == "reply":
            return int(self.reply[:3])
        return words.get(self.verdict, 0)


def open_socket(spec, timeout):
    """Connect to unix:/path, local:/path, inet:port@host, inet6:port@host."""
    kind, sep, rest = spec.partition(":")
    if not sep or kind not in ("unix", "local", "inet", "inet6"):
        kind, rest = "unix", spec
    if kind in ("unix", "local"):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(timeout)
        s.connect(rest)
        return s
    port, _, host = rest.partition("@")
    s = socket.create_connection((host or "localhost", int(port)), timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def listens(spec):
    """Whether somebody does; a socket's file is there a little earlier."""
    try:
        open_socket(spec, 5).close()
        return True
    except OSError:
        return False


class Connection:
    """One connection of an MTA to a milter."""

    def __init__(self, spec, timeout=20, version=6, actions=ALL_ACTIONS,
                 steps=ALL_STEPS, negotiate=True):
        self.sock = open_socket(spec, timeout)
        self.data = b""
        self.out = []
        self.actions = self.steps = 0
        self.symlist = {}
        self.greeted = False
        if negotiate:
            self.negotiate(version, actions, steps)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Packets.

    def put(self, command, payload=b""):
        """Queue one packet; it goes out with the next flush."""
        self.out.append(struct.pack(">I", len(payload) + 1) + command)
        self.out.append(payload)

    def flush(self):
        if self.out:
            data, self.out = b"".join(self.out), []
            self.raw(data)

    def raw(self, data):
        """Send bytes as they are."""
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise MilterError("send: %s" % e) from e

    def _need(self, count):
        while len(self.data) < count:
            try:
                more = self.sock.recv(65536)
            except socket.timeout as e:
                raise MilterError("timed out") from e
            except OSError as e:
                raise MilterError("receive: %s" % e) from e
            if not more:
                raise MilterError("connection closed by the milter")
            self.data += more

    def get(self):
        """Receive one packet: (command, payload)."""
        self.flush()
        self._need(4)
        length = struct.unpack(">I", self.data[:4])[0]
        if length == 0 or length > 1 << 24:
            raise MilterError("packet of %d bytes" % length)
        self._need(4 + length)
        packet = self.data[4:4 + length]
        self.data = self.data[4 + length:]
        return packet[:1], packet[1:]

    def answer(self):
        """One answer to a step, past progress notes: (verdict, payload)."""
        while True:
            command, payload = self.get()
            if command == b"p":
                continue
            if command not in VERDICTS:
                raise MilterError("unexpected answer %r" % command)
            return VERDICTS[command], payload

    # Steps.

    def negotiate(self, version=6, actions=ALL_ACTIONS, steps=ALL_STEPS):
        self.put(b"O", struct.pack(">III", version, actions, steps))
        command, payload = self.get()
        if command != b"O" or len(payload) < 12:
            raise MilterError("no negotiation: %r" % command)
        self.version, self.actions, self.steps = struct.unpack(
            ">III", payload[:12])
        if self.actions & ~actions:
            raise MilterError("asks for actions that were not offered: 0x%x"
                              % self.actions)
        if self.steps & ~steps & ~(MDS_256K | MDS_1M):
            raise MilterError("asks for steps that were not offered: 0x%x"
                              % self.steps)
        rest = payload[12:]
        while len(rest) >= 5:
            stage = struct.unpack(">I", rest[:4])[0]
            names, _, rest = rest[4:].partition(b"\0")
            self.symlist[stage] = names.split()

    def macros(self, command, values):
        """Macros for a step, a dictionary of bytes or text."""
        if not values:
            return
        parts = [command]
        for name, value in values.items():
            parts += [_bytes(name), b"\0", _bytes(value), b"\0"]
        self.put(b"D", b"".join(parts))

    def step(self, command, payload, skip, no_reply):
        """Send a step, if wanted, and wait for its answer, if there is one."""
        if skip and self.steps & skip:
            return "continue", b""
        self.put(command, payload)
        if no_reply and self.steps & no_reply:
            return "continue", b""
        return self.answer()

    def connect(self, host="client.example.net", address="127.0.0.1",
                port=40000, macros=None):
        """address: IPv4, IPv6, or None for a local one (non-SMTP mail)."""
        self.macros(b"C", {"j": "mx.example.net", "{daemon_name}": "smtpd",
                           "v": "Postfix 3.7"} if macros is None else macros)
        payload = _bytes(host) + b"\0"
        if address is None:
            payload += b"U"
        else:
            family = b"6" if ":" in address else b"4"
            payload += family + struct.pack(">H", port)
            payload += address.encode() + b"\0"
        return self.step(b"C", payload, NO_CONNECT, NR_CONN)

    def helo(self, name="client.example.net", macros=None):
        self.macros(b"H", macros)
        return self.step(b"H", _bytes(name) + b"\0", NO_HELO, NR_HELO)

    def mail(self, sender=b"<a@example.com>", args=(), macros=None):
        self.macros(b"M", macros)
        payload = b"".join(_bytes(x) + b"\0" for x in (sender, *args))
        return self.step(b"M", payload, NO_MAIL, NR_MAIL)

    def rcpt(self, rcpt=b"<b@example.org>", args=(), macros=None):
        self.macros(b"R", macros)
        payload = b"".join(_bytes(x) + b"\0" for x in (rcpt, *args))
        return self.step(b"R", payload, NO_RCPT, NR_RCPT)

    def data_step(self, macros=None):
        self.macros(b"T", macros)
        return self.step(b"T", b"", NO_DATA, NR_DATA)

    def header(self, name, value):
        """value as in Message: with its leading space, folds as LF."""
        if not self.steps & HDR_LEADSPC and value[:1] == b" ":
            value = value[1:]
        return self.step(b"L", name + b"\0" + value + b"\0", NO_HDRS, NR_HDR)

    def eoh(self, macros=None):
        self.macros(b"N", macros)
        return self.step(b"N", b"", NO_EOH, NR_EOH)

    def body(self, chunk):
        return self.step(b"B", chunk, NO_BODY, NR_BODY)

    def eom(self, result, macros=None):
        """End of message: collects modifications into result."""
        self.macros(b"E", macros)
        self.put(b"E")
        self.finish(result)

    def finish(self, result):
        """What follows an end of message that was sent."""
        while True:
            command, payload = self.get()
            if command == b"p":
                continue
            if command in MODIFICATIONS:
                result.modifications.append(_modification(command, payload))
                continue
            if command not in VERDICTS:
                raise MilterError("unexpected answer %r" % command)
            result.verdict, result.stage = VERDICTS[command], "eom"
            result.reply = payload.rstrip(b"\0")
            return

    def abort(self):
        self.put(b"A")
        self.flush()

    def quit(self):
        self.put(b"Q")
        self.flush()
        self.close()

    def quit_nc(self):
        """End the SMTP connection but keep this one for the next."""
        self.put(b"K")
        self.flush()
        self.greeted = False

    # Whole messages.

    def greet(self, **args):
        """connect and helo, as at the start of an SMTP session."""
        verdict = self.connect(**args)[0]
        if verdict == "continue" and args.get("address", "") is not None:
            verdict = self.helo()[0]
        self.greeted = True
        return verdict

    def envelope(self, result, sender, rcpts, qid, macros):
        """mail to data; True to go on."""
        # The queue id is known at MAIL in Sendmail and Postfix's non-SMTP
        # path, in smtpd only from the first recipient on.
        steps = [("mail", lambda: self.mail(sender, macros=macros))]
        steps += [("rcpt", lambda r=r: self.rcpt(r, macros={"i": qid}))
                  for r in rcpts]
        steps += [("data", lambda: self.data_step({"i": qid}))]
        return self._run(result, steps)

    def _run(self, result, steps):
        for stage, call in steps:
            verdict, payload = call()
            if verdict not in ("continue", "skip"):
                result.verdict, result.stage = verdict, stage
                result.reply = payload.rstrip(b"\0")
                return False
        return True

    def content(self, result, message, chunks):
        """Header and body; True to go on."""
        steps = [("header", lambda n=n, v=v: self.header(n, v))
                 for n, v in message.fields] + [("eoh", self.eoh)]
        if not self._run(result, steps):
            return False
        for chunk in chunks:
            verdict, payload = self.body(chunk)
            if verdict == "skip":
                break
            if verdict != "continue":
                result.verdict, result.stage = verdict, "body"
                result.reply = payload.rstrip(b"\0")
                return False
        return True

    def send(self, message, sender=b"<a@example.com>",
             rcpts=(b"<b@example.org>",), qid="4F00", macros=None, chunks=None,
             received=RECEIVED):
        """Carry one message over this connection; Result.

        macros  those of MAIL, for example {"{auth_authen}": "a"}
        chunks  the body in pieces as they are to be sent, or a list of the
                lengths of the pieces, or a length; default: as MTAs do
        """
        if not self.greeted:
            self.greet()
        result = Result()
        if (self.envelope(result, sender, rcpts, qid, macros)
                and self.content(result, message, cut(message.body, chunks))):
            self.eom(result, {"i": qid})
        if result.stage != "eom" and result.verdict != "accept":
            self.abort()
        if result.passed or result.verdict == "accept":
            result.sent = message.apply(result.modifications, received)
        return result


def cut(body, chunks=None):
    """Cut a body: None or a length, or a list of pieces or of lengths."""
    size = chunks if isinstance(chunks, int) else CHUNK
    if chunks is None or isinstance(chunks, int):
        return [body[i:i + size] for i in range(0, len(body), size)]
    pieces, at = [], 0
    for c in chunks:
        if isinstance(c, bytes):
            pieces.append(c)
        else:
            pieces.append(body[at:at + c])
            at += c
    if pieces and isinstance(chunks[0], int) and at < len(body):
        pieces.append(body[at:])
    return pieces


def _bytes(x):
    return x if isinstance(x, bytes) else str(x).encode()


def _modification(command, payload):
    """A modification as a tuple: its name, then its arguments."""
    name = MODIFICATIONS[command]
    if name == "body":
        return name, payload
    if name in ("insheader", "chgheader"):
        index = struct.unpack(">I", payload[:4])[0]
        return (name, index) + _strings(payload[4:], 2)
    if name == "addheader":
        return (name,) + _strings(payload, 2)
    return (name,) + tuple(payload.rstrip(b"\0").split(b"\0"))


def _strings(payload, count):
    """Exactly count NUL-terminated strings."""
    parts = payload.split(b"\0")
    if len(parts) != count + 1 or parts[-1] != b"":
        raise MilterError("a modification that is not %d strings: %r"
                          % (count, payload[:100]))
    return tuple(parts[:-1])
