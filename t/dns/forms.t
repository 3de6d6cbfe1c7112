#!/usr/bin/python3 -B
"""Record forms: bind loaded into real servers and read back, nsupdate run by
real nsupdate programs against them, json and text read as their users would."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns.rcode                        # noqa: E402
import dnslab                           # noqa: E402
import lab                              # noqa: E402
from publishing import publish_one, record  # noqa: E402

net = dnslab.DnsLab()
lab.need("named", "knotd", "nsd", "nsupdate", "knsupdate")
tap = lab.Tap(60)

VALUES = {
    "rsa2048": record(294),
    "rsa4096": record(550),
    "rsa8192": record(1062),
    "ed25519": record(32, "ed25519"),
    "revoked": "v=DKIM1; k=rsa; p=",
    "c254": "v" * 254, "c255": "v" * 255, "c256": "v" * 256,
    "c510": "v" * 510, "c511": "v" * 511,
    # No record of ours has these, and still: the forms lose nothing.
    "hostile": "a\\b\"c\";d ( e ) $INCLUDE @ \\032 '",
    "octets": "\x01\t\n\x7f",
}


def form(which, name, value, ttl=3600):
    return publish_one({"form": which, "name": name, "value": value,
                        "ttl": ttl}).decode()


def strings(address, name):
    """(TTL, strings) of the one TXT record there; or what else there is."""
    m = net.ask(address, name, "TXT", tcp=True)
    if m is None or m.rcode() != dns.rcode.NOERROR or len(m.answer) != 1:
        return m and m.to_text()
    (r,) = m.answer[0]
    return m.answer[0].ttl, [s.decode("latin-1") for s in r.strings]


def cut(value):
    return [value[i:i + 255] for i in range(0, len(value), 255)]


def bind_form():
    zone = net.zone("example.com", {"ns1.example.net": ["10.53.1.1"],
                                    "ns2.example.net": ["10.53.1.2"],
                                    "ns3.example.net": ["10.53.1.3"]})
    for ttl, (label, value) in enumerate(VALUES.items(), 60):
        line = form("bind", label + ".example.com", value, ttl)
        tap.is_(line.count("\n"), 1, label + ": one line")
        # As it stands: a zone file of the laboratory has such lines.
        name, _, _, _, data = line.rstrip("\n").split(" ", 4)
        zone.set(name, "TXT", data, ttl=ttl)
        tap.ok(line in zone.text(), label + ": as it stands", line)
    for server in (net.knot("knot", ["10.53.1.1"], [zone]),
                   net.bind("bind", ["10.53.1.2"], [zone]),
                   net.nsd("nsd", ["10.53.1.3"], [zone])):
        for ttl, (label, value) in enumerate(VALUES.items(), 60):
            tap.is_(strings(server.addresses[0], label + ".example.com"),
                    (ttl, cut(value)), "%s: %s serves it" % (
                        label, server.name))


def nsupdate_form():
    zone = net.zone("example.org", {"ns4.example.net": ["10.53.1.4"],
                                    "ns5.example.net": ["10.53.1.5"]})
    for server, program in (
            (net.knot("knot2", ["10.53.1.4"], [zone], tsig=True), "nsupdate"),
            (net.bind("bind2", ["10.53.1.5"], [zone], tsig=True),
             "knsupdate")):
        address = server.addresses[0]
        # knsupdate takes the key in one argument.
        key = (["-k", net.tsig_file] if program == "nsupdate" else
               ["-y", "hmac-sha256:%s:%s" % (net.tsig_name, net.tsig_secret)])

        def run(text):
            return subprocess.run(
                [program, "-v", *key], check=False, timeout=20,
                input=("server %s\nzone example.org\n%s" % (address, text))
                .encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        for label in ("rsa2048", "rsa4096", "ed25519", "revoked", "hostile"):
            name = label + "._domainkey.example.org"
            done = run(form("nsupdate", name, VALUES[label]))
            tap.ok(done.returncode == 0, "%s takes %s" % (program, label),
                   done)
            tap.is_(strings(address, name), (3600, cut(VALUES[label])),
                    "%s: %s has it" % (label, server.name))
        done = run(form("nsupdate", "ed25519._domainkey.example.org",
                        VALUES["rsa2048"]))
        tap.ok(done.returncode != 0 and b"YXDOMAIN" in done.stdout,
               program + ": nothing is overwritten", done)
        tap.is_(strings(address, "ed25519._domainkey.example.org"),
                (3600, cut(VALUES["ed25519"])), program + ": it stays")


def other_forms():
    for label, value in VALUES.items():
        name = label + "._domainkey.example.com"
        data = json.loads(form("json", name, value))
        tap.is_(data, {"name": name, "type": "TXT", "ttl": 3600,
                       "value": value, "strings": cut(value)},
                "json: " + label)
        text = form("text", name, value)
        fields = dict(re.match(r"(\w+): +(.*)", l).groups()
                      for l in text.splitlines()[:4])
        if label not in ("hostile", "octets"):
            tap.is_(fields, {"Name": name, "Type": "TXT", "TTL": "3600",
                             "Value": value}, "text: " + label)
            pieces = re.findall('^"(.*)"$', text, re.M)
            tap.is_(pieces, cut(value) if len(value) > 255 else [],
                    "text: %s: its pieces" % label)
        else:
            tap.ok(text.count("\n") == 4 and text.replace(
                "\n", "").isprintable(), "text: " + label, text)


bind_form()
nsupdate_form()
other_forms()
tap.done()
