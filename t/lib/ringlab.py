"""Rings at work: a keyturnd with its worker and the command line tool, all in
the time of a dnslab.DnsLab, mail signed through them, and signatures verified
by python3-dkim with what the resolver says.

    net = dnslab.DnsLab()
    rings = ringlab.RingLab(net, rotation={...}, publisher={...})
    rings.start()
    rings.keyturn("add", "example.com")     # Ran(code, out, err)
    rings.keys("example.com")               # [{"selector": ..., "state": ...}]
    selector, data = rings.sign("example.com")
    rings.verify(data)                      # None, or why not

The worker lives in real time: what it writes into t= is then good for
verifiers, which do too.
"""

import collections
import os
import re
import subprocess

import dnslab
import lab
import milter_client as mc
import verifiers

Ran = collections.namedtuple("Ran", "code out err")
PUBLISHED = ("published", "ready", "active", "retiring")


def parse_keys(text):
    """The keys in the text of a ring.conf or of a line of a journal."""
    out = []
    for line in re.findall(r"\{ (selector = .*?) \}(?=,\s*\{ sel|\s*$|\s*\))",
                           text, re.M):
        key = dict(re.findall(r'(\w+) = "?([^";]*)"?;', line))
        key["record"] = re.search(r'record = "([^"]*)"', line).group(1)
        out.append(key)
    return out


class RingLab:
    def __init__(self, net, **settings):
        self.net = net
        self.messages = 0
        settings.setdefault("dns", {"resolver": [dnslab.RESOLVER],
                                    "timeout": 2})
        self.rig = lab.Lab(workers="service", key_table=None,
                           signing_table=None, **settings)
        self.rings = self.rig.path("state/rings")
        os.makedirs(self.rings, 0o700)
        self.rig.write_conf(rings=self.rings)
        self.environment = {**os.environ, **net.fake_env()}
        self.keyturnd = self.worker = None
        self.looked = "no key was looked up"
        self.asked = dnslab.RESOLVER

    # The programs.

    def start(self):
        self.start_keyturnd()
        self.start_worker()
        self.rig.wait_ready()

    def start_keyturnd(self):
        self.keyturnd = self.rig.keyturnd = self.rig.run(
            [lab.program("keyturnd"), "-f", "-c", self.rig.conf_path], "log",
            env=self.environment)

    def start_worker(self):
        self.worker = self.rig.start_worker(self.rig.spec)

    def wait_keyturnd(self):
        """Until it answers; a test that needs it to tick waits for that."""
        return lab.wait_for(
            lambda: self.keyturn("status").code in (0, 1), 15, 0.02)

    def command(self, *args):
        return [lab.program("keyturn"), "-c", self.rig.conf_path, *args]

    def keyturn(self, *args, stdin=b"", timeout=120):
        done = subprocess.run(
            self.command(*args), input=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=False, env=self.environment,
            timeout=timeout * lab.slow())
        return Ran(done.returncode, done.stdout.decode("utf-8", "replace"),
                   done.stderr.decode("utf-8", "replace"))

    # Rings.

    def path(self, domain, name=""):
        return os.path.join(self.rings, domain, name)

    def keys(self, domain, *states):
        """The keys in ring.conf, all or those in the states, as strings."""
        with open(self.path(domain, "ring.conf"), encoding="utf-8") as f:
            return [k for k in parse_keys(f.read())
                    if not states or k["state"] in states]

    def selectors(self, domain, *states):
        return [k["selector"] for k in self.keys(domain, *states)]

    # Mail.

    def message(self, domain):
        self.messages += 1
        return mc.Message.parse(
            b"From: a@%s\r\nTo: b@example.org\r\nSubject: hello\r\n"
            b"Message-ID: <%d@%s>\r\n\r\nHello.\r\n" % (
                domain.encode(), self.messages, domain.encode()))

    def send(self, domain):
        """What the MTA sends on, or None: it has to try again."""
        message = self.message(domain)
        with mc.Connection(self.rig.spec, timeout=20 * lab.slow()) as c:
            result = c.send(message)
        if result.code == b"451":
            return None
        return message.apply(result.modifications)

    def sign(self, domain):
        """(selector, message); the selector is None if it is not signed."""
        data = self.send(domain)
        fields = verifiers.signatures(data) if data is not None else []
        if not fields:
            return None, data
        return verifiers.tags(fields[0])["s"], data

    def lookup(self, name, timeout=5):
        """TXT through the resolver, as a receiver asks."""
        for _ in range(3):
            m = self.net.ask(self.asked, name.decode(), "TXT",
                             timeout=timeout, recursive=True)
            if m is not None and m.rcode() in (0, 3):
                break
        self.looked = "%s: %s" % (name.decode(), m and m.to_text())
        for rrset in m.answer if m is not None else ():
            if rrset.rdtype == 16:
                return b"".join(rrset[0].strings)
        return None

    def verify(self, data, server=dnslab.RESOLVER):
        """None if every signature is good, or what is wrong."""
        import dkim
        self.asked = server
        try:
            good = dkim.verify(data, dnsfunc=self.lookup)
        except dkim.DKIMException as e:
            return str(e)
        return None if good else "dkim=fail; " + self.looked
