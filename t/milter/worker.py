"""A worker between a test that plays the MTA and one that plays keyturnd."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import fake_keyturnd
import lab
import milter_client as mc

A = b"<a@example.com>"


def message(*fields, body=b"Hello,\r\nworld.\r\n"):
    """A message; without fields an ordinary one of a@example.com."""
    return mc.Message(fields or [
        (b"From", b" A <a@example.com>"), (b"To", b" b@example.org"),
        (b"Subject", b" a test\n\tof folds"),
        (b"Date", b" Thu, 1 Jan 2026 00:00:00 +0000"),
        (b"Message-ID", b" <1@example.com>")], body)


class Worker:
    """A directory, a fake keyturnd in it, and keyturn-milter."""

    def __init__(self, **settings):
        self.dir = tempfile.mkdtemp(prefix="keyturn-test.")
        os.chmod(self.dir, 0o755)
        self.sock = self.path("milter.sock")
        self.spec = "unix:" + self.sock
        self.settings = {
            "sockets": [self.spec], "channel_socket": self.path("channel.sock"),
            "control_socket": self.path("control.sock"),
            "channel_timeout": 2, "drain": 5,
            "log": {"to": "stderr", "level": "info"}}
        self.settings.update(settings)
        self.conf = self.path("keyturn.conf")
        self.write_conf()
        self.keeper = fake_keyturnd.FakeKeyturnd(
            self.path("channel.sock"), lab.program("t/milter/mkpolicy"),
            self.conf)
        self.process = None
        atexit.register(self.clean)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, lambda *_: sys.exit(1))

    def path(self, name):
        return os.path.join(self.dir, name)

    def write_conf(self, **changes):
        self.settings.update(changes)
        with open(self.conf, "w") as f:
            for k, v in self.settings.items():
                f.write("%s = %s;\n" % (k, lab.setting(v)))

    def policy(self, *lines, **settings):
        """A policy with these lines and settings, in force when it returns."""
        self.write_conf(**settings)
        self.keeper.policy(*lines)
        return self.keeper.publish()

    def start(self, *args, keeper=True, wait=True, pass_fds=()):
        if keeper:
            self.keeper.start()
        self.log = open(self.path("log"), "ab")
        self.process = subprocess.Popen(
            [lab.program("keyturn-milter"), "-f", "-c", self.conf, *args],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            pass_fds=pass_fds)
        if wait and not lab.wait_for(lambda: self.is_there()):
            print("Bail out! no worker:\n" + self.text())
            sys.exit(1)
        if wait and keeper and self.keeper.block:
            self.keeper.wait(lambda: self.keeper.acks)
        return self

    def is_there(self):
        try:
            mc.Connection(self.spec, negotiate=False).close()
            return True
        except OSError:
            return False

    def text(self):
        with open(self.path("log"), "rb") as f:
            return f.read().decode("latin1")

    def lines(self, qid):
        """What the log says of a message."""
        self.wait_text(" %s: " % qid)
        return [l for l in self.text().splitlines() if " %s: " % qid in l]

    def wait_text(self, text, timeout=5):
        return lab.wait_for(lambda: text in self.text(), timeout)

    def count(self, name, want):
        """Wait until workers have reported so many."""
        return self.keeper.wait(
            lambda: self.keeper.counters[name] == want, 4 * lab.slow())

    def connect(self, **options):
        return mc.Connection(self.spec, **options)

    def send(self, msg=None, conn=None, **options):
        """One message over a connection of its own, or over conn."""
        c = conn or self.connect()
        try:
            return c.send(msg or message(), **options)
        finally:
            if conn is None:
                try:
                    c.quit()
                except mc.MilterError:
                    c.close()   # a worker that stops may be faster

    def wait_exit(self, timeout=15):
        """The exit status, or None when it lives on."""
        try:
            return self.process.wait(timeout * lab.slow())
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def clean(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def timed(call, *args, **options):
    """(result, seconds)"""
    start = time.monotonic()
    return call(*args, **options), time.monotonic() - start
