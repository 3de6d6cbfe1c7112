#!/usr/bin/python3 -B
"""The failures that bring people here, each made on purpose, each found and
named by a command: a table of failure, command, what is printed."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import cli     # noqa: E402
import dnslab  # noqa: E402
import lab     # noqa: E402

MESSAGE = (b"From: a@example.com\r\nTo: b@example.org\r\n"
           b"Subject: a subject that is long enough to be cut\r\n"
           b"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
           b"Message-ID: <1@example.com>\r\n\r\nHello,\r\nworld.\r\n")
KEYS = ("good", "wrong", "swapped", "other", "lag", "cut", "open")


def conf(b, name, *selectors):
    """keyturn.conf of its own with those keys: {file: selector}."""
    b.write("KeyTable-" + name, "".join(
        "%s example.com:%s:%s.pem\n" % (s, s, s) for s in selectors), 0o644)
    return b.write(name + ".conf", (
        'key_table = "KeyTable-%s"; rings = "%s";\n'
        'sockets = ["inet:8891@127.0.0.1"];\n'
        'control_socket = "%s";\n'
        'dns = { resolver = ["%s"]; timeout = 2; };\n') % (
            name, b.path("rings"), b.path("control.sock"), dnslab.RESOLVER),
        0o644)


def start(net, b):
    """Keys, and two authorities that serve what went wrong."""
    os.mkdir(b.path("rings"), 0o700)
    record = {k: lab.make_key(b.path(k + ".pem")) for k in KEYS}
    ns = {"ns1.example.com": ["10.53.1.1"], "ns2.example.com": ["10.53.1.2"]}
    zone = net.zone("example.com", ns)
    for selector, value in (("good", record["good"]), ("open", record["open"]),
                            ("wrong", lab.make_key(b.path("new.pem"))),
                            ("swapped", record["other"]),
                            ("other", record["swapped"]),
                            ("cut", record["cut"][:255])):
        zone.set(selector + "._domainkey", "TXT", cli.quoted(value))
    lagging = zone.copy()
    zone.set("lag._domainkey", "TXT", cli.quoted(record["lag"]))
    net.knot("a", ["10.53.1.1"], [zone])
    net.nsd("b", ["10.53.1.2"], [lagging])
    net.start_root()
    os.chmod(b.path("open.pem"), 0o644)
    return net.resolver


def sign(b, selector):
    ran = b.run("sign", "-d", "example.com", "-s", selector, "-k",
                b.path(selector + ".pem"), stdin=MESSAGE)
    assert ran.code == 0, ran
    return ran.out


def cut_b(message, count):
    """b= ends early, as after a relay that limits header lines."""
    head, sep, rest = message.partition(b"\r\nFrom:")
    at = head.rindex(b"b=") + 2
    return head[:at] + b"".join(head[at:].split())[:count] + sep + rest


def table(b):
    """failure, command, its input, exit code, texts."""
    def verify(message):
        return ["verify"], message

    good = sign(b, "good")
    yield ("key mismatch", ["check-key", "example.com", "wrong"], 1,
           ("DKIM key mismatch", "likely:      the private key was replaced",
            "way out:"))
    yield ("key mismatch", ["dns", "check", "example.com"], 1,
           ("example.com wrong (", ": DNS mismatch: ", "DKIM key mismatch"))
    yield ("key mismatch", ["check", "--dns"], 1,
           ("wrong._domainkey.example.com: DKIM key mismatch: ",))
    yield ("key mismatch", *verify(sign(b, "wrong")), 1,
           ("key mismatch: the signature was not made by the key",
            "likely cause: the key was replaced"))
    yield ("selector mismatch", ["check-key", "example.com", "swapped"], 1,
           ("DKIM selector mismatch", "which is the key of selector other"))
    yield ("selector mismatch",
           ["check-key", "example.com", "nowhere", b.path("good.pem")], 1,
           ("DKIM selector mismatch", "this key is published at "
            "good._domainkey.example.com"))
    yield ("selector mismatch", *verify(good.replace(b"s=good", b"s=gone")), 1,
           ("no key: there is no TXT record at gone._domainkey.example.com",
            "selector mismatch"))
    yield ("DNS lag", ["check-key", "example.com", "lag"], 1,
           ("DKIM key not at every server: DNS lag", "ns2.example.com"))
    yield ("DNS lag", ["dns", "check", "example.com"], 1,
           ("example.com lag (", ": DNS mismatch: ", "DNS lag",
            "ns2.example.com (10.53.1.2): no TXT record"))
    yield ("DNS lag", ["check", "--dns"], 1,
           ("lag._domainkey.example.com: DKIM key not at every server: DNS "
            "lag",))
    yield ("permissions", ["check-key", "example.com", "open"], 1,
           ("private key not usable", "chmod 0600", "open.pem"))
    yield ("permissions", ["check"], 78, ("open.pem", "chmod 0600"))
    yield ("truncated record", ["check-key", "example.com", "cut"], 1,
           ("DKIM record truncated", "p= ends after 237 of its 392 "
            "characters"))
    yield ("truncated record", *verify(sign(b, "cut")), 1,
           ("key record at cut._domainkey.example.com",
            "the record was cut or mistyped"))
    yield ("truncated header", *verify(cut_b(good, 100)), 1,
           ("signature truncated: b= has 75 bytes",
            "cut the DKIM-Signature field"))
    yield ("truncated header", *verify(cut_b(good, 101)), 1,
           ("b= is not base64", "the DKIM-Signature field was cut"))
    yield ("truncated header",
           *verify(good.replace(b" long enough to be cut", b"")), 1,
           ("signature mismatch: a signed header field was changed",
            "cut or refolded a long one"))
    yield ("modified body", *verify(good + b"-- \r\nA footer.\r\n"), 1,
           ("body hash mismatch: the body was changed after signing (the "
            "header is as signed)", "a footer was added"))
    yield ("nothing", *verify(good), 0, ("pass d=example.com s=good",))
    yield ("nothing", ["check-key", "example.com", "good"], 0,
           ("DKIM key OK \u2014 2048 bits, selector=good",))


def main():
    net = dnslab.DnsLab()
    lab.need("nsd", "unbound", "openssl")
    tap = lab.Tap(120)
    with cli.Bench() as b:
        start(net, b)
        # `check --dns` and `dns check` are to find the DNS at fault alone.
        some = conf(b, "some", "good", "wrong", "lag")
        every = conf(b, "every", *KEYS)
        for failure, args, *rest in table(b):
            stdin = rest.pop(0) if len(rest) == 3 else b""
            code, texts = rest
            path = some if args[0] == "dns" or "--dns" in args else every
            ran = b.run("-c", path, *args, stdin=stdin)
            said = ran.out.decode() + ran.err
            tap.ok(ran.code == code and all(t in said for t in texts),
                   "%s: %s" % (failure, " ".join(args[:2])
                               if args[0] == "dns" else " ".join(
                                   a for a in args if "/" not in a)),
                   (code, texts, ran))
    tap.done()


main()
