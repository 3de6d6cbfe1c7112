"""The DNS of a test: a network of its own with a private root, real name
servers on port 53, and faults.

    import dnslab
    net = dnslab.DnsLab()        # before anything else: runs the test again in
                                 # a network namespace; skips where it cannot
    zone = net.zone("example.com", {"ns1.example.com": ["10.53.1.1"],
                                    "ns2.example.net": ["10.53.1.2"]})
    zone.set("k1._domainkey", "TXT", '"v=DKIM1; p=..."')
    a = net.knot("a", ["10.53.1.1"], [zone], tsig=True)
    b = net.nsd("b", ["10.53.1.2"], [zone], proxied=True)
    net.start_root()             # delegates every zone made so far
    zone.remove("k1._domainkey", "TXT")
    a.load(zone)                 # a has it now, b not yet
    b.fault("servfail")          # b.fault() ends it
    net.resolver                 # address of an unbound, once asked for

Addresses: all of 10.53.0.0/16 and fd53::/16 are there; 10.53.0.1 and fd53::1
are the root's, 10.53.0.53 is the resolver's.  Every other address of IPv4
and IPv6 is unreachable (but for 127/8, ::1).  "ADDRESS@PORT" works too.
/etc/resolv.conf names a dead address: tests must say whom to ask.

Zone(origin)     set(name, type, *values, ttl=), remove(name, type), copy().
                 Names are relative unless they end in a dot; "@" is the
                 origin.  origin without final dot; "" is the root.
net.zone(...)    a Zone with SOA, NS and addresses, known to the root.  Servers
                 with names in no zone of the test are in the root zone.
                 soa_minimum=, soa_ttl=, ttl=; nsec_ttl= signs it, with
                 that TTL of NSEC records; parent_ns={...} when the
                 delegation differs from the zone's own NS set.
net.knot/nsd/bind(name, addresses, zones, tsig=, dnssec= (knot), proxied=,
                  env=, keeps= (knot))
                 a Server: load(zone...), update(zone, name, type, *values),
                 fault(words, address=None), stop(), start(), pid.
                 knot gives transfers to anybody.
                 tsig: the zones take updates signed with net.tsig_name,
                 net.tsig_secret; net.tsig_file is that key for named.conf.
                 keeps: updates outlast a restart, but load() is no use.
                 dnssec: the zones are signed, the root has their DS.
                 proxied: a dnsproxy stands in front of each address.
net.more_keys    before servers start: [(name, algorithm, secret, may update)],
                 known to knot and bind beside that one.
net.unbound(address=, dnssec=)  a resolver; net.resolver starts the usual one.
net.ask(address, name, type, tcp=False)  a dns.message, or None: time-out.
net.fake_env(), net.jump(seconds)  libfaketime: programs run with that
                 environment live `seconds` ahead, all agreeing.  BIND's
                 programs hang under it.
"""

import atexit
import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest.mock

import lab

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.tsigkeyring
    import dns.update
    import dns.zone
except ImportError:
    dns = None

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT, ROOT6, RESOLVER = "10.53.0.1", "fd53::1", "10.53.0.53"
DEAD = "10.53.255.254"  # nobody listens there
BEHIND = 5300           # the port of a server that has a proxy in front
MARK = "KEYTURN_TEST_NETWORK"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def enter():
    """Run this test again in a network and mounts of its own."""
    here = os.readlink("/proc/self/ns/net")
    if os.environ.get(MARK, here) != here:
        return
    lab.need("unshare", "ip", "mount", "knotd", root=True)
    if dns is None:
        lab.skip_all("missing: python3-dnspython")
    if subprocess.run(["unshare", "-n", "-m", "true"], check=False, timeout=30,
                      stderr=subprocess.DEVNULL).returncode:
        lab.skip_all("no network namespaces here")
    os.environ[MARK] = here
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "-n", "-m", sys.executable, "-B",
                          *sys.argv])


def _run(*args):
    return subprocess.run(args, check=True, timeout=30 * lab.slow(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT).stdout.decode()


def _split(address):
    host, _, port = address.partition("@")
    return host, int(port or 53)


class Zone:
    """The records of a zone."""

    def __init__(self, origin, ttl=3600):
        self.origin = origin.rstrip(".")
        self.ttl = ttl
        self.records = {}  # (full name, type): (ttl, [values])
        self.delegation = {}
        self.ds = []

    def full(self, name):
        if name == "@":
            return self.origin + "."
        if name.endswith("."):
            return name.lower()
        return ("%s.%s." % (name, self.origin)).replace("..", ".").lower()

    def set(self, name, rtype, *values, ttl=None):
        self.records[self.full(name), rtype] = (
            self.ttl if ttl is None else ttl, list(values))
        return self

    def remove(self, name, rtype):
        self.records.pop((self.full(name), rtype), None)
        return self

    def empty(self):
        return Zone(self.origin, self.ttl)

    def copy(self):
        other = self.empty()
        other.records = {k: (t, list(v))
                         for k, (t, v) in self.records.items()}
        other.delegation = dict(self.delegation)
        return other

    def text(self):
        """As a zone file, the SOA first."""
        order = sorted(self.records.items(), key=lambda r: r[0][1] != "SOA")
        return "".join("%s %d IN %s %s\n" % (name, ttl, rtype, value)
                       for (name, rtype), (ttl, values) in order
                       for value in values)


class SignedZone(Zone):
    """Signed by BIND's tools; NSEC records may have a TTL of their own."""

    def __init__(self, origin, ttl, directory, nsec_ttl):
        super().__init__(origin, ttl)
        self.directory, self.nsec_ttl = directory, nsec_ttl

    def empty(self):
        return SignedZone(self.origin, self.ttl, self.directory,
                          self.nsec_ttl)

    def text(self):
        if not os.path.exists(self.directory):
            os.makedirs(self.directory)
            for more in ([], ["-f", "KSK"]):
                self._bind("dnssec-keygen", "-a", "ECDSAP256SHA256", *more,
                           self.origin)
        path = os.path.join(self.directory, "zone")
        with open(path, "w", encoding="ascii") as f:
            f.write(super().text())
        self._bind("dnssec-signzone", "-S", "-O", "full", "-o", self.origin,
                   "-f", path + ".signed", path)
        with open(path + ".signed", encoding="ascii") as f:
            return re.sub(r"^(\S+\s+)\d+(\s+IN\s+NSEC\s)",
                          r"\g<1>%d\2" % self.nsec_ttl, f.read(),
                          flags=re.M)

    def _bind(self, tool, *args):
        subprocess.run([tool, "-q", *args], cwd=self.directory, check=True,
                       timeout=30 * lab.slow(), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Server:
    """A name server that runs in a directory of its own."""

    def __init__(self, net, name, addresses, zones, tsig=False, dnssec=False,
                 proxied=False, env=None, keeps=False):
        self.keeps = keeps
        self.net, self.name, self.dir = net, name, net.path(name)
        self.tsig, self.dnssec, self.env = tsig, dnssec, env
        self.addresses = addresses
        self.inner = [_split(a)[0] + "@%d" % BEHIND if proxied else a
                      for a in addresses]
        self.origins = []
        self.versions = {}
        self.process = self.proxy = None
        for sub in ("", "db"):
            os.makedirs(os.path.join(self.dir, sub))
        for zone in zones:
            self._write(zone)
        self.start()
        if proxied:
            self.proxy = net.proxies(
                [(a, b, self._faults(a))
                 for a, b in zip(addresses, self.inner)])
        if dnssec:
            for zone in zones:
                zone.ds = self._ds(zone.origin)

    # What each kind of server has of its own.

    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    # What is common.

    @property
    def pid(self):
        return self.process.pid

    def path(self, name):
        return os.path.join(self.dir, name)

    def file(self, origin):
        return self.path((origin or "root") + ".zone")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def _write(self, zone):
        """The zone file, with a record that tells its versions apart."""
        number = self.versions[zone.origin] = (
            self.versions.get(zone.origin, 0) + 1)
        if zone.origin not in self.origins:
            self.origins.append(zone.origin)
        copy = zone.copy()
        copy.set("version-of-test", "TXT", '"%d"' % number, ttl=0)
        ttl, (soa,) = copy.records[copy.full("@"), "SOA"]
        copy.set("@", "SOA", soa.replace("SERIAL", str(number)), ttl=ttl)
        new = self.file(zone.origin) + ".new"
        with open(new, "w", encoding="utf-8") as f:
            f.write(copy.text())
        os.rename(new, self.file(zone.origin))

    def start(self):
        for stale in ("knot.pid", "nsd.pid"):
            if os.path.exists(self.path(stale)):
                os.unlink(self.path(stale))
        self.configure()
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=self.dir, start_new_session=True,
                env=self.env and {**os.environ, **self.env})
        self.net.started.append(self.process)
        self._wait()

    def stop(self, hard=False):
        if hard:
            self.process.kill()
        lab.stop_process(self.process, 5)

    def _wait(self, origins=None):
        for origin in self.origins if origins is None else origins:
            if not lab.wait_for(lambda o=origin: self._serves(o), 15, 0.01):
                raise RuntimeError("%s does not serve %s:\n%s" % (
                    self.name, origin or ".", self.log()[-3000:]))

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def _serves(self, origin):
        """The version last written, and signed if it should be."""
        # By TCP first, which says at once that nobody listens yet.  A server
        # that reloads may have an old process that still answers by UDP.
        return (self._says_version(origin, tcp=True) and
                all(self._says_version(origin, tcp=False) for _ in range(3)))

    def _says_version(self, origin, tcp):
        m = self.net.ask(self.inner[0], "version-of-test." + origin, "TXT",
                         tcp=tcp, timeout=1, want_dnssec=self.dnssec)
        if m is None or not m.answer:
            return False
        want = '"%d"' % self.versions[origin]
        return (any(want in str(r) for r in m.answer[0]) and
                (not self.dnssec or len(m.answer) == 2))

    def load(self, *zones):
        """Serve these zones as they are now."""
        for zone in zones:
            self._write(zone)
        self.reload()
        self._wait([z.origin for z in zones])

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def update(self, zone, name, rtype, *values, ttl=3600):
        """A dynamic update: these values and no others; none: removal."""
        up = dns.update.Update(
            zone.origin + ".", keyalgorithm="hmac-sha256.",
            keyring=dns.tsigkeyring.from_text(
                {self.net.tsig_name: self.net.tsig_secret}))
        if values:
            up.replace(zone.full(name), ttl, rtype, *values)
        else:
            up.delete(zone.full(name), rtype)
        host, port = _split(self.inner[0])
        # What is signed says when; the server may live in another time.
        now = self.net.now() if self.env else time.time()
        with unittest.mock.patch("time.time", lambda: now):
            answer = dns.query.tcp(up, host, port=port, timeout=10)
        if answer.rcode() != dns.rcode.NOERROR:
            raise RuntimeError("update: %s" % dns.rcode.to_text(
                answer.rcode()))

    def copy_from(self, other, zones):
        """Serve what the other one serves now, as after a transfer."""
        changed = []
        host, port = _split(other.inner[0])
        for zone in zones:
            copy = dns.zone.from_xfr(dns.query.xfr(
                host, zone.origin + ".", port=port, relativize=False,
                timeout=10 * lab.slow()), relativize=False)
            records = {}
            for name, ttl, data in copy.iterate_rdatas():
                kind = dns.rdatatype.to_text(data.rdtype)
                name = name.to_text().lower()
                if kind != "SOA" and not name.startswith("version-of-test."):
                    records.setdefault((name, kind), (ttl, []))[1].append(
                        data.to_text())
            soa = zone.full("@"), "SOA"
            records[soa] = zone.records[soa]
            if records != zone.records:
                zone.records = records
                self._write(zone)
                changed.append(zone)
        if changed:
            self.reload()
            self._wait([z.origin for z in changed])

    def _faults(self, address):
        return self.path("faults-" + address)

    def fault(self, words="", address=None):
        """Faults of dnsproxy, at one address or at all; "" ends them."""
        for a in [address] if address else self.addresses:
            new = self._faults(a) + ".new"
            with open(new, "w", encoding="ascii") as f:
                f.write(words)
            os.rename(new, self._faults(a))

    def _ds(self, origin):
        """The DS records of a zone, as text."""
        raise NotImplementedError


class Knot(Server):
    def configure(self):
        lines = ["server:", ' rundir: "%s"' % self.dir,
                 " listen: [%s]" % ", ".join('"%s"' % a for a in self._all()),
                 " udp-workers: 1", " tcp-workers: 1",
                 " background-workers: 1", "log:", " - target: stderr",
                 "   any: info", "database:",
                 ' storage: "%s"' % self.path("db"),
                 "key:"]
        for key in self.net.keys():
            lines += [" - id: %s" % key[0], "   algorithm: %s" % key[1],
                      "   secret: %s" % key[2]]
        lines += ["acl:", " - id: up",
                  "   key: [%s]" % ", ".join(k[0] for k in self.net.keys()
                                             if k[3]),
                  "   action: [update, transfer]", " - id: copy",
                  "   address: 0.0.0.0/0", "   action: transfer", "policy:",
                  " - id: quick", "   nsec3: off", "   ksk-shared: off",
                  "zone:"]
        for origin in self.origins:
            lines += [' - domain: "%s."' % origin,
                      '   file: "%s"' % self.file(origin),
                      "   zonefile-sync: -1",
                      "   zonefile-load: %s" % (
                          "whole" if self.keeps else "difference-no-serial"),
                      "   journal-content: %s" % (
                          "changes" if self.keeps else "all")]
            lines.append("   acl: [copy%s]" % (", up" if self.tsig else ""))
            if self.dnssec:
                lines += ["   dnssec-signing: on", "   dnssec-policy: quick"]
        self.write("knot.conf", "\n".join(lines) + "\n")

    def _all(self):
        return ["%s@%d" % _split(a) for a in self.inner]

    def command(self):
        return ["knotd", "-c", self.path("knot.conf")]

    def _ds(self, origin):
        out = _run("keymgr", "-c", self.path("knot.conf"), origin + ".", "ds")
        return [l.split(" DS ", 1)[1] for l in out.splitlines()
                if " DS " in l and l.split()[4] == "2"]


class Nsd(Server):
    def configure(self):
        lines = ["server:", " server-count: 1", ' zonesdir: "%s"' % self.dir,
                 ' xfrdir: "%s"' % self.dir, ' database: ""',
                 ' username: ""', ' chroot: ""',
                 ' pidfile: "%s"' % self.path("nsd.pid"),
                 ' xfrdfile: "%s"' % self.path("xfrd.state"),
                 ' zonelistfile: "%s"' % self.path("zone.list"),
                 " xfrd-reload-timeout: 0", "remote-control:",
                 " control-enable: no"]
        lines[1:1] = [" ip-address: %s@%d" % _split(a) for a in self.inner]
        for origin in self.origins:
            lines += ["zone:", ' name: "%s."' % origin,
                      ' zonefile: "%s"' % self.file(origin)]
        self.write("nsd.conf", "\n".join(lines) + "\n")

    def command(self):
        return ["nsd", "-d", "-c", self.path("nsd.conf")]


class Bind(Server):
    def configure(self):
        lines = ["options {", ' directory "%s";' % self.dir,
                 ' pid-file "%s";' % self.path("named.pid"),
                 " recursion no; dnssec-validation no; notify no;",
                 " listen-on-v6 { none; };"]
        for address in self.inner:
            host, port = _split(address)
            self.net.own(host)
            if ":" in host:
                lines[4] = (" listen-on-v6 port %d { %s; };" % (port, host))
            else:
                lines.append(" listen-on port %d { %s; };" % (port, host))
        lines += ["};", "controls {};", 'include "%s";' % self.net.tsig_file]
        lines += ['key "%s" { algorithm %s; secret "%s"; };' % k[:3]
                  for k in self.net.more_keys]
        may = "".join("key %s; " % k[0] for k in self.net.keys() if k[3])
        for origin in self.origins:
            lines.append('zone "%s" { type primary; file "%s"; %s};' % (
                origin or ".", self.file(origin),
                "allow-update { %s}; " % may if self.tsig else ""))
        self.write("named.conf", "\n".join(lines) + "\n")

    def command(self):
        return ["named", "-g", "-n", "1", "-c", self.path("named.conf")]


class DnsLab:
    """The network, and everything that runs in it."""

    def __init__(self, dnssec=False):
        enter()
        self.dnssec = dnssec
        self.dir = tempfile.mkdtemp(prefix="keyturn-dns.")
        os.chmod(self.dir, 0o755)
        self.started, self.zones, self.strangers = [], [], {}
        self.root = self._resolver = None
        self.owner = os.getpid()
        atexit.register(self.clean)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, lambda *_: sys.exit(1))
        self._network()
        self.tsig_name = "test-key"
        self.tsig_secret = base64.b64encode(os.urandom(32)).decode()
        self.more_keys = []
        self.tsig_file = self.key_file("tsig.key", *self.keys()[0])

    def keys(self):
        return [(self.tsig_name, "hmac-sha256", self.tsig_secret,
                 True)] + self.more_keys

    def key_file(self, name, key, algorithm, secret, _may=True):
        """A key as tsig-keygen(8) writes it; the path."""
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT, 0o600),
                  "w", encoding="ascii") as f:
            f.write('key "%s" {\n\talgorithm %s;\n\tsecret "%s";\n};\n' % (
                key, algorithm, secret))
        return self.path(name)

    def path(self, name):
        return os.path.join(self.dir, name)

    def _network(self):
        # What libfaketime leaves behind there of killed programs goes with it.
        _run("mount", "-t", "tmpfs", "tmpfs", "/dev/shm")
        _run("ip", "link", "set", "lo", "up")
        _run("ip", "addr", "add", ROOT + "/16", "dev", "lo")
        self.has_ipv6 = os.path.exists("/proc/net/if_inet6")
        if self.has_ipv6:
            _run("ip", "-6", "addr", "add", ROOT6 + "/128", "dev", "lo",
                 "nodad")
            _run("ip", "-6", "route", "add", "local", "fd53::/16", "dev",
                 "lo")
        with open(self.path("resolv.conf"), "w", encoding="ascii") as f:
            f.write("nameserver %s\n" % DEAD)
        _run("mount", "--bind", self.path("resolv.conf"),
             os.path.realpath("/etc/resolv.conf"))

    @staticmethod
    def own(address):
        """An interface has that address itself, as named wants it."""
        shown = _run("ip", "addr", "show", "dev", "lo")
        if " %s/" % address not in shown:
            more = ["nodad"] if ":" in address else []
            _run("ip", "addr", "add",
                 address + ("/128" if ":" in address else "/32"), "dev", "lo",
                 *more)

    # Zones and servers.

    def zone(self, origin, servers, parent_ns=None, soa_minimum=300,
             soa_ttl=3600, ttl=3600, nsec_ttl=None):
        """servers, parent_ns: {name: [addresses without port]}."""
        zone = Zone(origin, ttl)
        if nsec_ttl is not None:
            lab.need("dnssec-signzone")
            zone = SignedZone(origin, ttl, self.path("signing-" + origin),
                              nsec_ttl)
        servers = {n.rstrip(".") + ".": a for n, a in servers.items()}
        zone.set("@", "SOA", "%s hostmaster.%s. SERIAL 3600 600 864000 %d" % (
            next(iter(servers)), zone.origin, soa_minimum), ttl=soa_ttl)
        zone.set("@", "NS", *servers)
        for name, addresses in servers.items():
            if name.endswith("." + zone.full("@")):
                add_addresses(zone, name, addresses)
        self.strangers.update(servers)
        zone.delegation = servers
        if parent_ns is not None:
            zone.delegation = {n.rstrip(".") + ".": a
                               for n, a in parent_ns.items()}
            self.strangers.update(zone.delegation)
        self.zones.append(zone)
        return zone

    def knot(self, name, addresses, zones, **more):
        return Knot(self, name, addresses, zones, **more)

    def nsd(self, name, addresses, zones, **more):
        lab.need("nsd")
        return Nsd(self, name, addresses, zones, **more)

    def bind(self, name, addresses, zones, **more):
        lab.need("named")
        return Bind(self, name, addresses, zones, **more)

    def root_zone(self):
        """Delegations of all zones, and the servers outside of them."""
        root = Zone("", 3600)
        root.set("@", "SOA", "root-server. nobody. SERIAL 3600 600 864000 60")
        root.set("@", "NS", "root-server.")
        add_addresses(root, "root-server.",
                      [ROOT, ROOT6] if self.has_ipv6 else [ROOT])
        tops = [z for z in self.zones if not self._above(z.full("@"), z)]
        for zone in self.zones:
            parent = self._above(zone.full("@"), zone)
            target = root if zone in tops else parent
            target.set(zone.full("@"), "NS", *zone.delegation)
            if zone.ds:
                target.set(zone.full("@"), "DS", *zone.ds)
            for name, addresses in zone.delegation.items():
                if name.endswith("." + zone.full("@")):
                    add_addresses(target, name, addresses)
        for name, addresses in self.strangers.items():
            if not self._above(name, None):
                add_addresses(root, name, addresses)
        return root

    def _above(self, name, zone):
        """The closest other zone that name is below, or None."""
        best = None
        for z in self.zones:
            if z is not zone and ("." + name).endswith("." + z.full("@")) and (
                    best is None or len(z.origin) > len(best.origin)):
                best = z
        return best

    def start_root(self):
        """Start the root, or have it serve what the zones are now."""
        zone = self.root_zone()
        if self.root:
            self.root.load(zone)
            return self.root
        self.root = self.knot(
            "root", [ROOT] + ([ROOT6] if self.has_ipv6 else []), [zone],
            dnssec=self.dnssec)
        self.root_ds = zone.ds
        return self.root

    def proxies(self, triples):
        """One dnsproxy for [(listen, upstream, fault file)]."""
        args = [x for t in triples for x in t]
        p = subprocess.Popen([os.path.join(HERE, "dnsproxy"), *args],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             start_new_session=True)
        self.started.append(p)
        if p.stdout.readline() != b"ready\n":
            raise RuntimeError("dnsproxy %s did not start" % args)
        return p

    def unbound(self, address=RESOLVER, dnssec=None, env=None, settings=()):
        """A caching resolver; Server.stop and .pid as of the others."""
        lab.need("unbound")
        return Unbound(self, address,
                       self.dnssec if dnssec is None else dnssec, env,
                       settings)

    @property
    def resolver(self):
        """The address of a resolver, which is started when first needed."""
        if self._resolver is None:
            self._resolver = self.unbound()
        return RESOLVER

    # Asking.

    @staticmethod
    def ask(address, name, rtype, tcp=False, timeout=3, want_dnssec=False,
            recursive=False):
        host, port = _split(address)
        m = dns.message.make_query(name.rstrip(".") + ".", rtype,
                                   want_dnssec=want_dnssec)
        if not recursive:
            m.flags &= ~dns.flags.RD
        try:
            return (dns.query.tcp if tcp else dns.query.udp)(
                m, host, port=port, timeout=timeout * lab.slow())
        except (OSError, EOFError, dns.exception.DNSException):
            return None

    # Time.

    def fake_env(self):
        """The environment of programs that live in the lab's time."""
        if not os.path.exists(FAKETIME):
            lab.skip_all("missing: libfaketime")
        if any(map(lab.is_sanitized, ("keyturn", "keyturnd"))):
            lab.skip_all("sanitizers hang under libfaketime", is_fine=True)
        if not os.path.exists(self.path("time")):
            self.ahead = 0
            self.jump(0)
        return {"LD_PRELOAD": FAKETIME, "FAKETIME_NO_CACHE": "1",
                "NO_FAKE_STAT": "1",
                "FAKETIME_TIMESTAMP_FILE": self.path("time")}

    def jump(self, seconds):
        """Go forward (or back) by seconds, everybody at once."""
        self.ahead += seconds
        with open(self.path("time.new"), "w", encoding="ascii") as f:
            f.write("%+d\n" % self.ahead)
        os.rename(self.path("time.new"), self.path("time"))

    def now(self):
        """The time of those programs."""
        return time.time() + getattr(self, "ahead", 0)

    def clean(self):
        if os.getpid() != self.owner:
            return
        for p in self.started:
            if p.poll() is None:
                lab.resume(p.pid)
                p.terminate()
        for p in self.started:
            lab.stop_process(p, 5)
        if os.environ.get("KEYTURN_TEST_KEEP"):
            print("# kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


class Unbound:
    def __init__(self, net, address, dnssec, env, settings):
        self.net, self.address = net, address
        self.dir = net.path("unbound-" + address)
        self.env = env
        os.mkdir(self.dir)
        self._configure(dnssec, settings)
        self.start()

    def path(self, name):
        return os.path.join(self.dir, name)

    def _configure(self, dnssec, settings):
        host, port = _split(self.address)
        lines = ["server:", " interface: %s@%d" % (host, port),
                 " port: %d" % port, ' directory: "%s"' % self.dir,
                 ' pidfile: "%s"' % self.path("pid"), ' chroot: ""',
                 ' username: ""', " use-syslog: no", " num-threads: 1",
                 " do-not-query-localhost: no",
                 # It knows by itself that there is no "test".
                 ' local-zone: "test." nodefault',
                 ' root-hints: "%s"' % self.path("hints"),
                 " access-control: 0.0.0.0/0 allow",
                 " access-control: ::/0 allow",
                 ' module-config: "%s"' % (
                     "validator iterator" if dnssec else "iterator")]
        if not self.net.has_ipv6:
            lines.append(" do-ip6: no")
        if dnssec:
            lines += [' trust-anchor: ". DS %s"' % ds
                      for ds in self.net.root_ds]
        lines += [" " + s for s in settings]
        lines += ["remote-control:", " control-enable: no"]
        with open(self.path("hints"), "w", encoding="ascii") as f:
            f.write(". 3600 IN NS root-server.\n"
                    "root-server. 3600 IN A %s\n" % ROOT)
        with open(self.path("unbound.conf"), "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(
                ["unbound", "-d", "-c", self.path("unbound.conf")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                env=self.env and {**os.environ, **self.env})
        self.net.started.append(self.process)
        if not lab.wait_for(
                lambda: self.net.ask(self.address, ".", "NS", tcp=True,
                                     timeout=1, recursive=True), 15, 0.02):
            with open(self.path("log"), encoding="utf-8") as f:
                raise RuntimeError("unbound does not answer:\n" + f.read())

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        lab.stop_process(self.process, 5)


def add_addresses(zone, name, addresses):
    """A and AAAA records."""
    for rtype, mark in (("A", "."), ("AAAA", ":")):
        values = [_split(a)[0] for a in addresses
                  if ("AAAA" if ":" in a else "A") == rtype]
        if values:
            zone.set(name, rtype, *values)
