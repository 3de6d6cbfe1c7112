"""A keyturnd for tests, and as hostile a one as a test wants it to be.

It answers on the channel socket.  What it does with a SIGN packet is decided by
the function `sign`, called with (keyturnd, connection, request number, pairs),
which sends whatever it likes; `honest` is the default and makes true RSA
signatures with KEY.  Everything that workers sent is kept.
"""

import fcntl
import hashlib
import os
import socket
import struct
import subprocess
import threading
import time

VERSION = 0x6b740002
HELLO, POLICY, POLICY_ACK, SIGN, SIGNED, REPORT = range(1, 7)
OK, STALE, ERROR = 1, 2, 3
CONTROL, SIGNING = 1, 2
SIG_MAX = 1024
COUNTERS = ("signed signatures not_ours no_match not_active malformed error no_policy "
            "aborted stale log_dropped").split()
HEAD = "=IHHQ"
F_ADD_SEALS = 1033
ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8

# DigestInfo for SHA-256, RFC 8017 section 9.2 note 1.
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def head(kind, count=0, request=0, version=VERSION):
    return struct.pack(HEAD, version, kind, count, request)


def signed(request, signatures=(), status=OK, generation=1, count=None,
           length=None):
    """A SIGNED packet; count and length lie when given."""
    out = head(SIGNED, len(signatures) if count is None else count, request)
    out += struct.pack("=IIQ", status, 0, generation)
    for s in signatures:
        out += struct.pack("=I", len(s) if length is None else length)
        out += s.ljust(SIG_MAX, b"\0")
    return out


class RsaKey:
    """A key made by openssl, and RSASSA-PKCS1-v1_5 by hand."""

    def __init__(self, bits=2048):
        pem = subprocess.run(
            ["openssl", "genrsa", str(bits)], check=True, timeout=30,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        from dkim.crypto import parse_pem_private_key
        parts = parse_pem_private_key(pem)
        self.n, self.d = parts["modulus"], parts["privateExponent"]
        self.size = (self.n.bit_length() + 7) // 8
        public = subprocess.run(
            ["openssl", "rsa", "-pubout", "-outform", "DER"], input=pem,
            check=True, timeout=30, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout
        import base64
        self.record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def sign(self, digest):
        block = SHA256_PREFIX + digest
        block = b"\0\1" + b"\xff" * (self.size - len(block) - 3) + b"\0" + block
        return pow(int.from_bytes(block, "big"), self.d, self.n).to_bytes(
            self.size, "big")


def honest(keyturnd, conn, request, pairs):
    keys = [keyturnd.keys.get(i) for i, _ in pairs]
    if None in keys:
        conn.send(signed(request, status=STALE,
                         generation=keyturnd.generation))
    else:
        conn.send(signed(request, [k.sign(d) for k, (_, d) in zip(keys, pairs)],
                         generation=keyturnd.generation))


def fill(path):
    """Connect until there is no room in the queue of the socket at path."""
    full = []
    while True:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.setblocking(False)
        try:
            s.connect(path)
        except BlockingIOError:
            s.close()
            return full
        full.append(s)


class FakeKeyturnd:
    def __init__(self, path, mkpolicy, conf):
        self.path, self.mkpolicy, self.conf = path, mkpolicy, conf
        self.lock = threading.Lock()
        self.keys = {}          # id: RsaKey
        self.generation = 0
        self.block = None       # of the policy
        self.sign = honest
        self.send_policy = self.offer   # what a control connection gets first
        self.hellos, self.acks, self.requests = [], [], []
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.listener = None
        self.conns = []

    # The policy.

    def policy(self, *lines, generation=None):
        """Make the next generation; it is sent by publish()."""
        self.generation = generation or self.generation + 1
        self.block = subprocess.run(
            [self.mkpolicy, self.conf, str(self.generation), *lines],
            check=True, timeout=20, stdout=subprocess.PIPE).stdout
        return self

    @staticmethod
    def memfd(data, seals=ALL_SEALS):
        fd = os.memfd_create("policy", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.write(fd, data)
        if seals:
            fcntl.fcntl(fd, F_ADD_SEALS, seals)
        return fd

    def offer(self, conn, block=None, seals=ALL_SEALS, announce=None):
        """Send POLICY over one control connection."""
        block = self.block if block is None else block
        if block is None:
            return
        fd = self.memfd(block, seals)
        packet = head(POLICY, 0, self.generation) + struct.pack(
            "=Q", self.generation if announce is None else announce)
        try:
            socket.send_fds(conn, [packet], [fd])
        finally:
            os.close(fd)

    def publish(self, timeout=5):
        """Send the policy to all control connections; wait for one ack."""
        want = self.generation
        with self.lock:
            conns = [c for c, role in self.conns if role == CONTROL]
        for c in conns:
            try:
                self.offer(c)
            except OSError:
                pass
        return self.wait(lambda: want in self.acks, timeout)

    @staticmethod
    def wait(condition, timeout=5):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    # Serving.

    def start(self, queue=64, accepts=True):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(queue)
        if not accepts:
            return self
        threading.Thread(target=self._accept, args=(self.listener,),
                         daemon=True).start()
        return self

    def stop(self):
        """Gone as after kill -9: all connections end, nobody listens."""
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.drop()

    def drop(self, role=None):
        """End all connections (of that role)."""
        with self.lock:
            for c, r in self.conns:
                if role is None or r == role:
                    try:
                        c.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass

    def _accept(self, listener):
        while True:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,),
                             daemon=True).start()

    def _serve(self, conn):
        role = None
        try:
            while True:
                packet = conn.recv(1 << 16)
                if not packet:
                    break
                _, kind, count, request = struct.unpack_from(HEAD, packet)
                if kind == HELLO:
                    role = struct.unpack_from("=I", packet, 16)[0]
                    with self.lock:
                        self.hellos.append(packet)
                        self.conns.append((conn, role))
                    if role == CONTROL:
                        self.send_policy(conn)
                elif kind == POLICY_ACK:
                    self.acks.append(struct.unpack_from("=Q", packet, 16)[0])
                elif kind == REPORT:
                    with self.lock:
                        for n, v in zip(COUNTERS, struct.unpack_from(
                                "=%dQ" % len(COUNTERS), packet, 16)):
                            self.counters[n] += v
                elif kind == SIGN:
                    pairs = [struct.unpack_from("=Q32s", packet, 16 + 40 * i)
                             for i in range(count)]
                    self.requests.append((request, pairs))
                    self.sign(self, conn, request, pairs)
        except OSError:
            pass
        finally:
            with self.lock:
                self.conns = [c for c in self.conns if c[0] is not conn]
            conn.close()


assert hashlib.sha256(b"").digest_size == 32
