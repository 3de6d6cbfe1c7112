"""What must be true of a ring at any time, whatever was killed: see crash.t.

    oracle = Oracle(rings, server, zones)
    before = oracle.history(domain)
    ...
    oracle.wrong(domain, before)    # None, or what is broken
"""

import json
import os
import re

import dns.query
import dns.rdatatype
import dns.zone

import dkim
import killat
import lab
import ringlab

ORDER = ("generated", "published", "ready", "active", "retiring", "revoked",
         "gone")
CANNOT_WRITE = 73
CACHES = ("clock.new", "looks.new", "servers.new")


class Oracle:
    def __init__(self, rings, server, zones):
        self.rings, self.server, self.zones = rings, server, zones

    # What there is.

    def records(self, domain):
        """{selector: (value in quotes, ...)} as the server has them."""
        zone = dns.zone.from_xfr(dns.query.xfr(
            self.server.addresses[0], domain + ".", relativize=True,
            timeout=10 * lab.slow()))
        return {name.to_text().rsplit("._domainkey", 1)[0]:
                tuple(sorted(r.to_text() for r in data))
                for name, data in zone.iterate_rdatasets("TXT")
                if name.to_text().endswith("._domainkey")}

    def keys(self, domain):
        """As every reader takes them: a line that the journal is ahead
        counts."""
        path = self.rings.path(domain, "ring.conf")
        keys = self.rings.keys(domain) if os.path.exists(path) else []
        if self.is_ahead(domain):
            more = ringlab.parse_keys(self.last_line(domain)["keys"])
            names = [k["selector"] for k in more]
            old = [k["selector"] for k in keys]
            keys = [more[names.index(s)] if s in names else k
                    for s, k in zip(old, keys)]
            keys += [k for k in more if k["selector"] not in old]
        return keys

    def last_line(self, domain):
        lines = self.journal(domain).split(b"\n")[:-1]
        return json.loads(lines[-1]) if lines else {"step": 0}

    def is_ahead(self, domain):
        """The journal is ahead of ring.conf by one line: its writer died."""
        path, steps = self.rings.path(domain, "ring.conf"), 0
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                steps = int(re.search(r"^steps = (\d+)", f.read(), re.M)[1])
        return self.last_line(domain)["step"] == steps + 1

    def states(self, domain):
        return {k["selector"]: k["state"] for k in self.keys(domain)}

    def flags(self, domain, selector):
        """"armed", "condemned": what is marked of a key."""
        key, = [k for k in self.keys(domain) if k["selector"] == selector]
        found = set()
        if key.get("compromised") == "true":
            found.add("condemned")
        if key.get("step"):
            found.add("armed")
        return found

    def journal(self, domain):
        path = self.rings.path(domain, "journal")
        if not os.path.exists(path):
            return b""
        with open(path, "rb") as f:
            return f.read()

    def noted(self, domain, what):
        """How often the journal has that, in complete lines."""
        lines = self.journal(domain).split(b"\n")[:-1]
        return len([l for l in lines if b'"what":"%s"' % what.encode() in l])

    def history(self, domain):
        """What must not be undone."""
        return self.keys(domain), self.journal(domain)

    def picture(self, domain):
        """How far it is, without names that differ each time."""
        there = self.records(domain)
        return sorted(
            (k["state"], sorted(self.flags(domain, k["selector"])),
             self.is_whole(k, there.get(k["selector"])),
             bool(there.get(k["selector"])),
             bool(k.get("file")) and
             os.path.exists(self.rings.path(domain, k["file"])))
            for k in self.keys(domain))

    # What must be.

    @staticmethod
    def is_whole(key, values):
        text = "".join(re.findall(r'"([^"]*)"', values[0])) if values else ""
        return len(values or ()) == 1 and text == key["record"]

    def wrong(self, domain, before, may_go=()):
        return (self._loads(domain) or self._promises(domain, may_go) or
                self._history(domain, *before))

    def _loads(self, domain):
        if b"\n" not in self.journal(domain) and not self.keys(domain):
            return None  # nothing yet
        for args, codes in ((["journal", "--verify", domain], (0,)),
                            (["status", domain], (0, 1, 69))):
            ran = self.rings.keyturn(*args)
            if ran.code not in codes or "keyturn repair" in ran.out + ran.err:
                return "%s: %s" % (" ".join(args), ran)
        return None

    def _promises(self, domain, may_go):
        keys, there = self.keys(domain), self.records(domain)
        by_file = self.rings.rig.settings["ring_settings"][0]["rings"]
        if len({k["selector"] for k in keys}) != len(keys):
            return "a selector twice"
        if len({k["fingerprint"] for k in keys}) != len(keys):
            return "a key twice"
        for state in ("active", "ready"):
            if len([k for k in keys if k["state"] == state]) > 1:
                return "two keys %s" % state
        if there.pop("stranger", None) != ('"v=DKIM1; p=QQ=="',):
            return "a stranger's record was changed"
        for k in keys:
            values = there.pop(k["selector"], None)
            path = k.get("file") and self.rings.path(domain, k["file"])
            if k["state"] in ORDER[:4] and (
                    not path or not os.path.exists(path)):
                return "no key file of %s, %s" % (k["selector"], k["state"])
            if k["state"] in ORDER[1:5] and domain not in by_file and \
                    k["selector"] not in may_go and \
                    not self.is_whole(k, values):
                return "%s is %s, and the record: %s" % (
                    k["selector"], k["state"], values)
            if values and not self.is_whole(k, values) and not (
                    len(values) == 1 and "p=" in values[0] and
                    re.search(r'p=(;|"|$)', values[0])):
                return "%s has another record: %s" % (k["selector"], values)
            if k["state"] == "active" and k["selector"] in may_go and \
                    not self.is_whole(k, values):
                return "%s signs, and the record is %s" % (k["selector"],
                                                           values)
        # An adopted one is there before the ring knows it.
        there.pop("old", None)
        return there and "records that no ring knows: %s" % there

    def _history(self, domain, keys, journal):
        if not self.journal(domain).startswith(journal):
            return "the journal is not continued"
        now = {k["selector"]: k for k in self.keys(domain)}
        for k in keys:
            other = now.get(k["selector"])
            if other is None:
                return "%s is forgotten" % k["selector"]
            if other["fingerprint"] != k["fingerprint"]:
                return "%s is another key" % k["selector"]
            # A record that has vanished has to pass the gate again.
            if ORDER.index(other["state"]) < ORDER.index(k["state"]) and \
                    (k["state"], other["state"]) != ("ready", "published"):
                return "%s was %s, is %s" % (k["selector"], k["state"],
                                             other["state"])
        return None

    def mail(self, domain):
        """Mail is signed with the active key, and verifies at the server."""
        active = [s for s, state in self.states(domain).items()
                  if state == "active"]
        selector, data = self.rings.sign(domain)
        if data is None:
            return "mail is not taken"
        if not active:
            # What was committed a moment ago and not confirmed may sign.
            return None if selector is None or self._verify(data) else \
                "signed with %s, which does not verify" % selector
        if selector is None:
            return None if not self._was_active(domain) else "not signed"
        return None if self._verify(data) else \
            "does not verify: %s" % selector

    def _was_active(self, domain):
        """Whether keyturnd was told that a key signs."""
        return any(d == domain for d, _ in self.rings.rig.held())

    def _verify(self, data):
        def lookup(name, timeout=5):
            name = name.decode().rstrip(".")
            m = self.server.net.ask(self.server.addresses[0], name, "TXT")
            for rrset in m.answer if m is not None else ():
                if rrset.rdtype == dns.rdatatype.TXT:
                    return b"".join(rrset[0].strings)
            return None
        try:
            return dkim.verify(data, dnsfunc=lookup)
        except dkim.DKIMException:
            return False

    # Commands whose calls failed.

    def failure(self, done, goal, state, errno):
        if done.returncode == 0:
            return None if goal() else "fails and says nothing"
        if killat.ERRNOS[errno] not in done.output:
            return "does not say why"
        if "keyturn: " not in done.output:
            return "does not say who"
        if done.returncode != CANNOT_WRITE:
            return "ends with %d" % done.returncode
        # What frees room goes on working when the disk is full.
        return self.left_over(state) if state and errno == "ENOSPC" else None

    def left_over(self, state, died=False):
        """Half-written files, keys that no ring knows.  Where nothing could
        be removed, the next one who writes there does it."""
        for where, _, names in os.walk(state):
            domain = os.path.basename(where)
            known = {k.get("file") for k in self.keys(domain)} \
                if "ring.conf" in names else set()
            idle = ()
            if died:
                idle = CACHES
                if self.is_ahead(domain):
                    idle += ("ring.conf.new",)
            for n in names:
                if n.endswith(".new") and n not in idle:
                    return "left over: " + n
                # Its selector is not used for another.
                if n.endswith(".pem") and n not in known and not died:
                    return "a key that no ring knows: " + n
        return None

    def in_file(self, path, domain):
        """Whether the file has its other line, and all records whole."""
        with open(path, encoding="ascii") as f:
            text = f.read()
        records = [k["record"] for k in self.keys(domain)
                   if k["state"] in ORDER[1:4]]
        flat = re.sub(r'"\s*"', "", text)
        return text.startswith("; Other lines stay.\n") and all(
            r in flat for r in records)
