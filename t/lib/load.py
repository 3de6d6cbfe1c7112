"""Load: many connections, each sending one message after another.

A Load runs in processes of its own, a thread for each connection, so that the
test itself can turn keys and kill things meanwhile.  What was answered is kept
as Answers and looked at afterwards, in those processes, where it is.
"""

import base64
import collections
import hashlib
import multiprocessing
import random
import re
import subprocess
import threading
import time

import milter_client as mc

# start: just before end of message was sent; end: when its answer was there;
# times of CLOCK_MONOTONIC.  problem: what became of the connection, or "".
Answer = collections.namedtuple(
    "Answer", "connection start end verdict code fields problem")


class Sender(threading.Thread):
    """One connection."""

    def __init__(self, number, spec, message, pauses, reconnects, stop,
                 running):
        super().__init__(daemon=True)
        self.number, self.spec, self.message = number, spec, message
        self.pauses, self.reconnects = pauses, reconnects
        self.stopping, self.running = stop, running
        self.answers = []
        self.random = random.Random(number)

    def run(self):
        connection, count = None, 0
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = mc.Connection(self.spec, timeout=60)
                    connection.greet()
                self.running.wait()
                self.answers.append(self.one(connection))
            except (mc.MilterError, OSError) as e:
                now = time.monotonic()
                self.answers.append(Answer(
                    self.number, now, now, None, 0, (), str(e)))
                connection = None
                time.sleep(0.05)
                continue
            count += 1
            if self.reconnects and count % 100 == 0:
                connection.quit()
                connection = None
        if connection is not None:
            connection.close()

    def one(self, connection):
        result = mc.Result()
        if (connection.envelope(result, b"<a@example.com>",
                                (b"<b@example.org>",), "Q%d" % self.number,
                                None)
                and connection.content(result, self.message,
                                       mc.cut(self.message.body))):
            if self.pauses:
                # The MTA is in the middle of a message for a while.
                connection.flush()
                time.sleep(self.random.random() * self.pauses)
            start = time.monotonic()
            connection.eom(result, {"i": "Q%d" % self.number})
        else:
            start = time.monotonic()
            connection.abort()
        fields = tuple(result.inserted(b"DKIM-Signature"))
        return Answer(self.number, start, time.monotonic(), result.verdict,
                      result.code, fields, "")


def _process(pipe, first, count, specs, message, pauses, reconnects):
    stop, running = threading.Event(), threading.Event()
    running.set()
    senders = [
        Sender(n, specs[n % len(specs)], message,
               pauses if n % 5 == 0 else 0, reconnects and n % 10 == 1, stop,
               running)
        for n in range(first, first + count)]
    for s in senders:
        s.start()
    while True:
        order, *rest = pipe.recv()
        if order == "count":
            pipe.send(sum(len(s.answers) for s in senders))
        elif order == "hold":
            running.clear()
            pipe.send(None)
        elif order == "go":
            running.set()
            pipe.send(None)
        elif order == "stop":
            stop.set()
            running.set()
            for s in senders:
                s.join(90)
            pipe.send(sum(s.is_alive() for s in senders))
        elif order == "judge":
            function, args = rest
            pipe.send(function([a for s in senders for a in s.answers],
                               *args))
        else:
            return


class Load:
    """connections over specs, in two processes.

    pauses     every fifth connection rests up to that many seconds inside a
               message
    reconnects  every tenth connection is opened anew after 100 messages
    """

    def __init__(self, specs, connections, message, pauses=0.0,
                 reconnects=False, processes=2):
        context = multiprocessing.get_context("fork")
        self.pipes, self.processes = [], []
        share = -(-connections // processes)
        for first in range(0, connections, share):
            here, there = context.Pipe()
            p = context.Process(
                target=_process, daemon=True, args=(
                    there, first, min(share, connections - first), specs,
                    message, pauses, reconnects))
            p.start()
            self.pipes.append(here)
            self.processes.append(p)

    def _ask(self, *order):
        for pipe in self.pipes:
            pipe.send(order)
        return [pipe.recv() for pipe in self.pipes]

    def count(self):
        """Answers so far."""
        return sum(self._ask("count"))

    def hold(self):
        """Finish the messages in hand and wait, connections open."""
        self._ask("hold")

    def go(self):
        self._ask("go")

    def stop(self):
        """End after the messages in hand; how many connections hang."""
        return sum(self._ask("stop"))

    def judge(self, function, *args):
        """function(answers, *args) in each process; a list of what it gives.

        function must be one that a module has by name.
        """
        return self._ask("judge", function, args)

    def close(self):
        for pipe in self.pipes:
            pipe.send(("end",))
        for p in self.processes:
            p.join(10)
            if p.is_alive():
                p.kill()


def all_answers(answers):
    """For judge: the answers themselves."""
    return answers


def modulus(path):
    """n of an RSA key, by openssl; e is 65537 with all keys made here."""
    text = subprocess.run(
        ["openssl", "rsa", "-in", path, "-noout", "-modulus"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        check=True, timeout=60).stdout.decode()
    return int(text.partition("=")[2], 16)


# DigestInfo of SHA-256, RFC 8017 section 9.2, note 1.
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class Same:
    """Verifies many signatures over one and the same message, fast.

    RSA, relaxed header.  The bodies' hashes are compared with body_hash.  The
    tests hold a sample of what it says against the real verifiers.
    """

    def __init__(self, message, body_hash):
        self.message, self.body_hash = message, body_hash
        self.prefixes = {}

    @staticmethod
    def relaxed(name, value):
        """RFC 6376 section 3.4.2."""
        value = re.sub(rb"[ \t]+", b" ", re.sub(rb"\r?\n", b"", value))
        return name.strip(b" \t").lower() + b":" + value.strip(b" ")

    def prefix(self, names):
        """The canonical fields that h= names, section 5.4.2."""
        if names not in self.prefixes:
            left = list(self.message.fields)
            out = []
            for name in names.lower().split(":"):
                for i in range(len(left) - 1, -1, -1):
                    if left[i][0].decode("latin1").lower() == name:
                        out.append(self.relaxed(*left.pop(i)) + b"\r\n")
                        break
            self.prefixes[names] = b"".join(out)
        return self.prefixes[names]

    @staticmethod
    def tags(value):
        text = re.sub(r"[ \t\r\n]", "", value.decode("latin1"))
        return dict(t.split("=", 1) for t in text.split(";") if "=" in t)

    def verify(self, value, n):
        """Whether that DKIM-Signature value was made with the key of n."""
        tags = self.tags(value)
        if tags["bh"] != self.body_hash or tags["a"] != "rsa-sha256":
            return False
        empty = re.sub(rb"([;\s]b=)[^;]*", rb"\1", value, count=1)
        digest = hashlib.sha256(
            self.prefix(tags["h"])
            + self.relaxed(b"dkim-signature", empty)).digest()
        length = (n.bit_length() + 7) // 8
        want = DIGEST_INFO + digest
        want = b"\0\1" + b"\xff" * (length - len(want) - 3) + b"\0" + want
        signature = int.from_bytes(base64.b64decode(tags["b"]), "big")
        return pow(signature, 65537, n) == int.from_bytes(want, "big")
