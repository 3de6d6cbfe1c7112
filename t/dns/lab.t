#!/usr/bin/python3 -B
"""The DNS laboratory itself: every server serves and reloads, delegations
lead there, the resolver validates, each fault of the proxy is one."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dns.flags         # noqa: E402
import dns.rcode         # noqa: E402
import dnslab            # noqa: E402
import lab               # noqa: E402

net = dnslab.DnsLab(dnssec=True)
lab.need("nsd", "named", "unbound")
tap = lab.Tap(60)


def txt(address, name, **more):
    """What a server says: the values, or the name of its rcode."""
    m = net.ask(address, name, "TXT", **more)
    if m is None:
        return None
    if m.rcode() != dns.rcode.NOERROR:
        return dns.rcode.to_text(m.rcode())
    return sorted(s.to_text() for r in m.answer for s in r
                  if r.rdtype == dns.rdatatype.TXT)


signed = net.zone("signed.example", {"ns1.signed.example": ["10.53.1.1"]})
plain = net.zone("plain.example", {"ns2.servers.test": ["10.53.1.2"],
                                   "ns3.servers.test": ["10.53.1.3",
                                                        "fd53::103"]})
for z in (signed, plain):
    z.set("k1", "TXT", '"one"')
a = net.knot("a", ["10.53.1.1"], [signed], dnssec=True)
b = net.nsd("b", ["10.53.1.2"], [plain], proxied=True)
c = net.bind("c", ["10.53.1.3", "fd53::103"], [plain], tsig=True)
net.start_root()

tap.is_(txt("10.53.1.1", "k1.signed.example"), ['"one"'], "knot serves")
for where in ("10.53.1.2", "10.53.1.3", "fd53::103"):
    tap.is_(txt(where, "k1.plain.example"), ['"one"'], where + " serves")
    tap.is_(txt(where, "k1.plain.example", tcp=True), ['"one"'],
            where + " serves by TCP")
m = net.ask(net.resolver, "k1.plain.example", "TXT", recursive=True)
tap.is_(m and len(m.answer), 1, "the resolver finds a plain zone")
m = net.ask(net.resolver, "k1.signed.example", "TXT", recursive=True,
            want_dnssec=True)
tap.ok(m and m.flags & dns.flags.AD, "and validates a signed one", m)

plain.set("k1", "TXT", '"two"')
b.load(plain)
tap.is_(txt("10.53.1.2", "k1.plain.example"), ['"two"'], "nsd reloads")
signed.set("k1", "TXT", '"two"')
a.load(signed)
tap.is_(txt("10.53.1.1", "k1.signed.example"), ['"two"'], "knot reloads")
c.update(plain, "k1", "TXT", '"by update"')
tap.is_(txt("10.53.1.3", "k1.plain.example"), ['"by update"'],
        "named takes an update")

FAULTS = [  # words, transport, what comes back
    ("drop", False, None), ("drop", True, None), ("drop-udp", False, None),
    ("drop-udp", True, ['"two"']), ("drop-tcp", True, None),
    ("refuse-tcp", True, None), ("refuse-tcp", False, ['"two"']),
    ("servfail", False, "SERVFAIL"), ("refused", True, "REFUSED"),
    ("nxdomain", False, "NXDOMAIN"), ("nodata", False, []),
    ("lame", False, []), ("formerr-edns", False, "FORMERR"),
    ("wrong-id", False, None), ("wrong-question", False, None),
    ("cut", False, None), ("second-record", False, ['"second"', '"two"']),
    ("loss=100", False, None), ("drop only=.org", False, ['"two"']),
    ("servfail only=.example", False, "SERVFAIL"),
    ("servfail delay=0.01", False, "SERVFAIL"), ("", False, ['"two"']),
]
for words, tcp, want in FAULTS:
    b.fault(words)
    # dnspython sends EDNS only when DNSSEC is wanted.
    tap.is_(txt("10.53.1.2", "k1.plain.example", tcp=tcp, timeout=0.2,
                want_dnssec=words == "formerr-edns"), want,
            "%s by %s" % (words or "no fault", "TCP" if tcp else "UDP"))
b.fault("truncate")
m = net.ask("10.53.1.2", "k1.plain.example", "TXT")
tap.ok(m and m.flags & dns.flags.TC and not m.answer, "truncate")
b.fault("wrong-ttl=7")
m = net.ask("10.53.1.2", "k1.plain.example", "TXT")
tap.is_(m and m.answer[0].ttl, 7, "wrong-ttl")
b.fault("not-authoritative")
m = net.ask("10.53.1.2", "k1.plain.example", "TXT")
tap.ok(m and not m.flags & dns.flags.AA and m.answer, "not-authoritative")
b.fault("servfail flap=2")
tap.is_([txt("10.53.1.2", "k1.plain.example") for _ in range(6)],
        ["SERVFAIL"] * 2 + [['"two"']] * 2 + ["SERVFAIL"] * 2, "flap")
b.fault("freeze")
txt("10.53.1.2", "k1.plain.example")
plain.set("k1", "TXT", '"three"')
b.load(plain)
tap.is_(txt("10.53.1.2", "k1.plain.example"), ['"two"'], "freeze")
b.fault()
tap.is_(txt("10.53.1.2", "k1.plain.example"), ['"three"'], "and thaw")

a.stop(hard=True)
tap.is_(txt("10.53.1.1", "k1.signed.example", timeout=0.2), None,
        "a server that was killed")
a.start()
tap.is_(txt("10.53.1.1", "k1.signed.example"), ['"two"'], "starts again")
tap.done()
