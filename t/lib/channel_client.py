"""Plays a worker on keyturnd's channel, and a client on its control socket.

The layout of packets is that of common/chan.h; numbers are in host order.
"""

import array
import hashlib
import json
import os
import socket
import struct
import subprocess
import tempfile

import lab

VERSION = 0x6B740002
HELLO, POLICY, POLICY_ACK, SIGN, SIGNED, REPORT = range(1, 7)
CONTROL, SIGNING = 1, 2
OK, STALE, ERROR = 1, 2, 3
COUNTERS = 11
SIGNATURE = struct.Struct("=I1024s")
BIG = 1 << 16


def head(kind, count=0, request=0, version=VERSION):
    return struct.pack("=IHHQ", version, kind, count, request)


def hello(role, spec=b"unix:/test.sock", pid=None, **more):
    pid = os.getpid() if pid is None else pid
    return head(HELLO, **more) + struct.pack("=Ii128s", role, pid, spec)


def ack(generation, request=None):
    return head(POLICY_ACK, request=generation if request is None else request
                ) + struct.pack("=Q", generation)


def sign(pairs, request=1, count=None, **more):
    return head(SIGN, len(pairs) if count is None else count, request, **more
                ) + b"".join(struct.pack("=Q32s", i, d) for i, d in pairs)


def report(counters):
    return head(REPORT) + struct.pack("=%dQ" % COUNTERS, *counters)


class Closed(Exception):
    """keyturnd has ended the connection."""


class Signed:
    """A SIGNED packet taken apart."""

    def __init__(self, data):
        (self.version, self.kind, self.count, self.request, self.status, _,
         self.generation) = struct.unpack_from("=IHHQIIQ", data)
        self.signatures, self.padding = [], b""
        if self.kind != SIGNED or len(data) != 32 + self.count * 1028:
            raise ValueError("not a SIGNED packet: %r" % data[:64])
        for i in range(self.count):
            length, room = SIGNATURE.unpack_from(data, 32 + i * 1028)
            self.signatures.append(room[:length])
            self.padding += room[length:]


class Channel:
    """One connection."""

    def __init__(self, path, role=None, timeout=10, **more):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Waits where a connection with a time-out would fail: a full queue.
        self.s.connect(path)
        self.s.settimeout(timeout * lab.slow())
        if role is not None:
            self.send(hello(role, **more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.s.close()

    def send(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                   array.array("i", fds))] if fds else []
        try:
            self.s.sendmsg([data], rights)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Closed() from e

    def recv(self):
        """The next packet; descriptors that come with it are closed."""
        try:
            data, rights, _, _ = self.s.recvmsg(BIG, 256)
        except ConnectionResetError as e:
            raise Closed() from e
        for _, _, fds in rights:
            for fd in array.array("i", fds[:len(fds) // 4 * 4]):
                os.close(fd)
        if not data:
            raise Closed()
        return data

    def sign(self, pairs, request=1):
        self.send(sign(pairs, request))
        return Signed(self.recv())

    def policy(self):
        """Wait for a POLICY; its generation."""
        _, kind, _, request, generation = struct.unpack(
            "=IHHQQ", self.recv())
        if kind != POLICY or request != generation:
            raise ValueError("not a POLICY")
        return generation

    def is_ended(self):
        """Whether keyturnd ends it, without an answer."""
        try:
            self.recv()
        except Closed:
            return True
        except socket.timeout:
            pass
        return False


def ask(path, line, timeout=30):
    """A request to the control socket: (exit code, text)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(timeout * lab.slow())
        s.connect(path)
        s.sendall(line if isinstance(line, bytes) else line.encode() + b"\n")
        return answer(s)


def answer(s):
    data = b""
    while True:
        try:
            piece = s.recv(BIG)
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    code, _, text = data.decode().partition("\n")
    return int(code), text


# Keys, by openssl alone.

def public_der(path):
    return subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"],
        stdout=subprocess.PIPE, check=True, timeout=30).stdout


def key_id(domain, selector, path):
    """The number of (domain, selector, key): see snap_key_id."""
    data = (domain.encode() + b"\0" + selector.encode() + b"\0" +
            hashlib.sha256(public_der(path)).digest())
    return struct.unpack("=Q", hashlib.sha256(data).digest()[:8])[0]


def verifies(path, digest, signature):
    """Whether openssl accepts the signature of that key over the digest."""
    der = public_der(path)
    is_rsa = len(der) > 100
    with tempfile.TemporaryDirectory() as d:
        names = [os.path.join(d, n) for n in ("key", "digest", "signature")]
        for name, data in zip(names, (der, digest, signature)):
            with open(name, "wb") as f:
                f.write(data)
        options = (["-pkeyopt", "digest:sha256"] if is_rsa else ["-rawin"])
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER",
             "-inkey", names[0], "-in", names[1], "-sigfile", names[2],
             *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False, timeout=30).returncode == 0


class Keeper(lab.Lab):
    """keyturnd without workers of its own."""

    def __init__(self, **conf):
        conf.setdefault("workers", "service")
        super().__init__(**conf)

    def start(self, *args, wait=True, **more):
        program = lab.program("keyturnd")
        if "user" in more:
            program = lab.public_program("keyturnd", self.dir)
        self.keyturnd = self.run(
            [program, "-f", "-c", self.conf_path, *args], "log", **more)
        if wait and not lab.wait_for(self.answers, 15):
            raise RuntimeError("keyturnd does not answer; log:\n%s"
                               % self.log_text()[-4000:])
        return self.keyturnd

    def answers(self):
        try:
            return self.ask("status")[0] in (0, 1)
        except OSError:
            return False

    def ask(self, line, timeout=30):
        return ask(self.path("control.sock"), line, timeout)

    def reload(self, timeout=30):
        return self.ask("reload", timeout)

    def status(self):
        return json.loads(self.ask("status json")[1])

    def test(self):
        """keyturnd -t: (exit code, stderr)."""
        done = subprocess.run(
            [lab.program("keyturnd"), "-t", "-c", self.conf_path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=30 * lab.slow())
        return done.returncode, done.stderr.decode("utf-8", "replace")

    def channel(self, role=None, **more):
        return Channel(self.path("channel.sock"), role, **more)

    def id_of(self, selector, domain="example.com", file=None):
        return key_id(domain, selector, self.path(file or selector + ".pem"))

    def signs(self, selector, domain="example.com", file=None):
        """Whether keyturnd signs with that key, verified by openssl."""
        digest = hashlib.sha256(os.urandom(8)).digest()
        key = self.path(file or selector + ".pem")
        with self.channel(SIGNING) as c:
            got = c.sign([(key_id(domain, selector, key), digest)], 7)
        return (got.status == OK and got.request == 7 and got.count == 1 and
                verifies(key, digest, got.signatures[0]))

    def knows(self, number):
        """Whether that key id is in force."""
        with self.channel(SIGNING) as c:
            return c.sign([(number, bytes(32))]).status == OK
