"""The test laboratory: TAP, keys, a private keyturnd, a private Postfix.

A test makes one Tap and one Lab.  The Lab has a directory of its own, ends by
pid what it started, and a test that overruns its time limit is ended too.
"""

import atexit
import collections
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
# make check says where the programs are; by hand they are in the tree, or where
# quickstart builds.
BUILD = os.environ.get("top_builddir") or (
    SOURCE if os.path.exists(os.path.join(SOURCE, "keyturnd"))
    else os.path.join(SOURCE, "build"))
PATH = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
os.environ["PATH"] = PATH

IN_CI = os.environ.get("CI", "") not in ("", "0", "false")


SCALE = float(os.environ.get("KEYTURN_TEST_SCALE", "1"))


def scale(count, least=1):
    """count, made smaller by KEYTURN_TEST_SCALE (for example 0.1)."""
    return max(least, int(count * SCALE))


class Tap:
    """Checks; a failed one shows why, and the test goes on."""

    def __init__(self, limit=120):
        self.count = self.failures = 0
        signal.signal(signal.SIGALRM, self._overrun)
        # Sanitizers and slow machines: KEYTURN_TEST_SLOW multiplies the limit.
        signal.alarm(int(limit * slow()))

    @staticmethod
    def _overrun(*_):
        print("Bail out! out of time", flush=True)
        sys.exit(99)

    def ok(self, good, name, why=""):
        self.count += 1
        print("%sok %d - %s" % ("" if good else "not ", self.count, name))
        if not good:
            self.failures += 1
            if why != "":
                self.note(why)
        sys.stdout.flush()
        return bool(good)

    def is_(self, got, want, name):
        return self.ok(got == want, name, "got:  %r\nwant: %r" % (got, want))

    def skip(self, name, why):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, name, why), flush=True)

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print("# " + line[:500], flush=True)

    def done(self):
        print("1..%d" % self.count, flush=True)
        sys.exit(1 if self.failures else 0)


def skip_all(why, is_fine=False):
    """End the test: it cannot run here.  In CI that is a failure, unless it
    is_fine there too."""
    if IN_CI and not is_fine:
        print("1..1\nnot ok 1 - can run here\n# %s" % why)
        sys.exit(1)
    print("1..0 # SKIP %s" % why)
    sys.exit(0)


def need(*tools, root=False):
    """Skip the whole test unless all tools are there (and we are root)."""
    if root and os.geteuid() != 0:
        skip_all("needs root")
    missing = [t for t in tools if not shutil.which(t, path=PATH)]
    if missing:
        skip_all("missing: " + ", ".join(missing))


def need_verifiers():
    """The names of all verifiers; skips unless all are there."""
    import verifiers
    have, missing = verifiers.available()
    if missing:
        skip_all("missing: " + ", ".join(missing))
    return have


def slow():
    return float(os.environ.get("KEYTURN_TEST_SLOW", "1"))


def program(name):
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        skip_all("%s is not built" % path)
    return path


def public_program(name, directory):
    """A copy that other users can run, wherever the tree was built."""
    copy = os.path.join(directory, name)
    if not os.path.exists(copy):
        shutil.copy(program(name), copy)
        os.chmod(copy, 0o755)
    return copy


def is_sanitized(name):
    """Built with a sanitizer: its memory says nothing."""
    with open(program(name), "rb") as f:
        data = f.read()
    return b"__asan_init" in data or b"__tsan_init" in data


def wait_for(condition, timeout=10, step=0.01):
    """Wait until condition() is true; its value, or the last false one."""
    end = time.monotonic() + timeout * slow()
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# Keys, made by openssl.

def make_key(path, kind="rsa", bits=2048):
    """Write a private key; its record for the DNS."""
    args = (["-algorithm", "ed25519"] if kind == "ed25519" else
            ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:%d" % bits])
    old = os.umask(0o077)
    try:
        subprocess.run(["openssl", "genpkey", *args, "-out", path],
                       stderr=subprocess.DEVNULL, check=True, timeout=60)
    finally:
        os.umask(old)
    return key_record(path, kind)


def key_record(path, kind="rsa"):
    """The record of a private key, RFC 6376 section 3.6.1 and RFC 8463."""
    der = subprocess.run(
        ["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"],
        stdout=subprocess.PIPE, check=True, timeout=60).stdout
    if kind == "ed25519":
        der = der[-32:]
    import base64
    return "v=DKIM1; k=%s; p=%s" % (kind, base64.b64encode(der).decode())


# What the system says about processes.

def processes():
    """{pid: (ppid, command)}, zombies left out."""
    out = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat=,args="],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    table = {}
    for line in out.splitlines():
        pid, ppid, stat, args = (line.split(None, 3) + [""])[:4]
        if not stat.startswith("Z"):
            table[int(pid)] = (int(ppid), args)
    return table


def is_alive(pid):
    return pid in processes()


def usage(pid):
    """(resident KiB, descriptors, threads), from /proc."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        text = f.read()
    return (int(re.search(r"VmRSS:\s*(\d+)", text).group(1)),
            len(os.listdir("/proc/%d/fd" % pid)),
            int(re.search(r"Threads:\s*(\d+)", text).group(1)))


# keyturn.conf.

def setting(value):
    """A value in libconfig's syntax."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    if isinstance(value, dict):
        return "{ %s }" % " ".join(
            "%s = %s;" % (k, setting(v)) for k, v in value.items())
    if any(isinstance(v, dict) for v in value):
        return "( %s )" % ", ".join(setting(v) for v in value)
    return "[ %s ]" % ", ".join(setting(v) for v in value)


Held = collections.namedtuple(
    "Held", "fingerprint since last released steps")


class Lab:
    """One keyturnd with its directory.

    conf  settings over the defaults of the laboratory
    keys  SigningTable and KeyTable are written by the test: key(), tables()
    """

    def __init__(self, sockets=1, **conf):
        self.dir = tempfile.mkdtemp(prefix="keyturn-test.")
        os.chmod(self.dir, 0o755)
        self.specs = ["unix:%s/milter%d.sock" % (self.dir, i)
                      for i in range(sockets)]
        self.conf_path = self.path("keyturn.conf")
        self.settings = {
            "sockets": self.specs,
            "workers": "spawn",
            "channel_socket": self.path("channel.sock"),
            "control_socket": self.path("control.sock"),
            "key_table": self.path("KeyTable"),
            "signing_table": self.path("SigningTable"),
            "log": {"to": "stderr", "level": "info"},
        }
        self.settings.update(conf)
        self.records = {}
        self.started = []       # Popen objects
        self.postfixes = []
        self.keyturnd = None
        self.owner = os.getpid()
        atexit.register(self.clean)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, lambda *_: sys.exit(1))

    @property
    def spec(self):
        return self.specs[0]

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o644):
        """Put a file in place whole, by renaming."""
        data = text if isinstance(text, bytes) else text.encode()
        new = self.path(name + ".new")
        with open(new, "wb") as f:
            os.fchmod(f.fileno(), mode)
            f.write(data)
        os.rename(new, self.path(name))
        return self.path(name)

    def write_conf(self, **changes):
        self.settings.update(changes)
        self.write("keyturn.conf", "".join(
            "%s = %s;\n" % (k, setting(v)) for k, v in self.settings.items()
            if v is not None))

    def key(self, selector, domain="example.com", kind="rsa", bits=2048):
        """A key in selector.pem, its record known to the verifiers."""
        path = self.path("%s.pem" % selector)
        record = make_key(path, kind, bits)
        self.records["%s._domainkey.%s" % (selector, domain)] = record
        return path

    def tables(self, keys, lines):
        """keys: {name: (domain, selector)}; lines: of the SigningTable."""
        self.write("KeyTable", "".join(
            "%s %s:%s:%s\n" % (n, d, s, self.path(s + ".pem"))
            for n, (d, s) in keys.items()))
        self.write("SigningTable", "".join(l + "\n" for l in lines))

    def simple(self, kinds=("rsa",)):
        """One domain, example.com, one key of each kind on one line."""
        keys = {}
        for kind in kinds:
            selector = "s-" + kind
            self.key(selector, kind=kind)
            keys["k-" + kind] = ("example.com", selector)
        self.tables(keys, ["*@example.com " + ",".join(keys)])
        self.write_conf()

    # Rings, made by t/lib/mkring.

    def ring(self, domain, *changes, options=()):
        """Make or change a ring in state/rings, as mkring.c says; the records
        of new keys become known to the verifiers."""
        os.makedirs(self.path("state/rings"), 0o700, exist_ok=True)
        done = subprocess.run(
            [program("t/lib/mkring"), *options, self.path("state/rings"),
             domain, *changes], stdout=subprocess.PIPE, check=True,
            timeout=300 * slow())
        for line in done.stdout.decode().splitlines():
            name, _, record = line.partition(" ")
            self.records[name] = record

    def held(self):
        """The record of what is held: {(domain, selector): Held}, times as
        texts or None."""
        out = {}
        for line in self.log_text("state/held").splitlines():
            if not line.startswith("#"):
                domain, selector, *rest = line.split(" ")
                out[domain, selector] = Held(
                    *(None if v == "-" else v for v in rest))
        return out

    # Running it.

    def run(self, args, log, **more):
        """Start a program with its output in a file."""
        with open(self.path(log), "ab") as f:
            p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=f,
                                 stderr=f, start_new_session=True, **more)
        self.started.append(p)
        return p

    def start(self, wait=True):
        """Start keyturnd and wait until every socket answers."""
        self.keyturnd = self.run(
            [program("keyturnd"), "-f", "-c", self.conf_path,
             "-w", program("keyturn-milter")], "log")
        if wait:
            self.wait_ready()
        return self.keyturnd

    def start_worker(self, spec=None):
        """A worker of its own, for workers = "service"."""
        args = [program("keyturn-milter"), "-c", self.conf_path]
        return self.run(args + (["-s", spec] if spec else []), "log")

    def wait_ready(self, timeout=15):
        """Every socket negotiates, and its worker has a policy."""
        import milter_client
        probe = milter_client.Message([(b"From", b" a@unknown.example")])

        def answers(spec):
            try:
                with milter_client.Connection(spec, timeout=5) as c:
                    return c.send(probe).passed
            except (OSError, milter_client.MilterError):
                return False

        for spec in self.specs:
            if not wait_for(lambda s=spec: answers(s), timeout, 0.02):
                raise RuntimeError("%s does not answer; log:\n%s"
                                   % (spec, self.log_text()[-4000:]))

    def stop(self, timeout=15):
        """SIGTERM keyturnd; its exit status, or None if it had to be killed."""
        return stop_process(self.keyturnd, timeout)

    def reload(self, *what, timeout=30):
        """keyturn reload [rings]: (exit status, output)."""
        done = self.keyturn("reload", *what, timeout=timeout)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def keyturn(self, *args, timeout=30, stdin=None):
        return subprocess.run(
            [program("keyturn"), "-c", self.conf_path, *args], input=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            timeout=timeout * slow())

    def workers(self):
        """The pids of keyturnd's children."""
        return sorted(p for p, (ppid, args) in processes().items()
                      if ppid == self.keyturnd.pid and "milter" in args)

    def worker_of(self, number):
        """The pid of the worker of that socket."""
        spec = self.specs[number]
        for pid, (_, args) in processes().items():
            if "keyturn-milter" in args and spec in args.split():
                return pid
        return None

    def log_text(self, name="log"):
        try:
            with open(self.path(name), encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, timeout=5, after=0):
        """The match of pattern in the log behind that offset, or None."""
        return wait_for(
            lambda: re.search(pattern, self.log_text()[after:], re.M), timeout)

    def faults(self):
        """Lines of sanitizers in the log, or of a crash."""
        return [l for l in self.log_text().splitlines() if re.search(
            r"Sanitizer|runtime error:|Assertion|double free|killed by signal"
            r"|Segmentation", l)]

    def postfix(self, *settings, milter=None):
        """A private Postfix with our milter; see postfix-lab."""
        p = Postfix(self.path("postfix%d" % len(self.postfixes)),
                    self.spec if milter is None else milter, settings)
        self.postfixes.append(p)
        return p

    def forget(self):
        """Leave everything running and in place."""
        self.owner = None

    def clean(self):
        """End everything that was started here and remove the directory."""
        if os.getpid() != self.owner:
            return
        children = self.workers() if self.keyturnd else []
        for p in self.postfixes:
            p.stop()
        for p in self.started:
            if p.poll() is None:
                resume(p.pid)
        for p in self.started:
            stop_process(p, 5)
        for pid in children:
            if "milter" in processes().get(pid, (0, ""))[1]:
                os.kill(pid, signal.SIGKILL)
        if os.environ.get("KEYTURN_TEST_KEEP"):
            print("# kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


def pause(pid):
    """SIGSTOP, and wait until it has stopped."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE,
        check=False).stdout.startswith(b"T"))


def resume(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def stop_process(p, timeout=15):
    """SIGTERM and wait; the exit status, None if SIGKILL was needed."""
    if p.poll() is None:
        p.terminate()
    try:
        return p.wait(timeout * slow())
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        return None


class Postfix:
    """A private Postfix; mail for anybody lands in its mailbox."""

    def __init__(self, path, milter, settings=()):
        self.dir, self.port = path, free_port()
        self.running = True
        subprocess.run([os.path.join(HERE, "postfix-lab"), "start", path,
                        str(self.port), milter, *settings],
                       check=True, timeout=60, stdin=subprocess.DEVNULL)

    def stop(self):
        if self.running:
            self.running = False
            subprocess.run([os.path.join(HERE, "postfix-lab"), "stop",
                            self.dir], check=False, timeout=60)

    def delivered(self):
        """{file name: bytes as they would go over the wire}."""
        box = os.path.join(self.dir, "mail/new")
        out = {}
        for name in sorted(os.listdir(box)):
            with open(os.path.join(box, name), "rb") as f:
                out[name] = f.read().replace(b"\n", b"\r\n")
        return out

    def wait_delivered(self, count, timeout=30):
        """Wait until that many messages are there; all of them."""
        box = os.path.join(self.dir, "mail/new")
        wait_for(lambda: len(os.listdir(box)) >= count, timeout, 0.05)
        return self.delivered()

    def sendmail(self, message, sender="a@example.com", rcpt="b@example.org"):
        """Non-SMTP mail, by sendmail(1); root only."""
        return subprocess.run(
            ["sendmail", "-C", os.path.join(self.dir, "etc"), "-f", sender,
             "-i", rcpt], input=message, check=False, timeout=30,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def log_text(self):
        with open(os.path.join(self.dir, "mail.log"), encoding="utf-8",
                  errors="replace") as f:
            return f.read()
