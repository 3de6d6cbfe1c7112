#!/usr/bin/python3 -B
"""keyturn verify: what others signed passes, what was damaged or never was
right is refused for the right reason, and python3-dkim agrees where it has an
opinion.  The messages of RFC 6376 appendix A and RFC 8463 appendix A pass."""

import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import cli               # noqa: E402
import lab               # noqa: E402
import milter_client     # noqa: E402
import verifiers         # noqa: E402

HEAD = (b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
        b"From: A <a@example.com>\r\n"
        b"To: b@example.org,\r\n\tc@example.net\r\n"
        b"Subject:  a   subject \r\n folded\t \r\n"
        b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n"
        b"Message-ID: <1@example.com>\r\n")

# Every canonicalization has something to do, or nothing at all.
BODIES = {
    "plain": b"Hello.\r\nTwo lines.\r\n",
    "white space": b"a  b \t c \r\n \t\r\n\r\nend \r\n\r\n\r\n",
    "empty": b"",
    "one line end": b"\r\n",
    "no final line end": b"text",
    "8-bit": b"gr\xfc\xdfe\r\n",
    "dots": b".\r\n..\r\n",
}
CANONS = [b"%s/%s" % (h, b) for h in (b"simple", b"relaxed")
          for b in (b"simple", b"relaxed")]
MESSAGE = HEAD + b"\r\n" + BODIES["plain"]

AT = 1700001000  # the clock of these tests; crafted ones say t=1700000000


def zone_file(b, records):
    return b.write("zone", cli.zone(records))


def verdicts(b, message, *args):
    """The signatures of the JSON report, and the exit code."""
    ran = b.run("verify", "--json", *args, stdin=message)
    try:
        return json.loads(ran.out)["signatures"], ran
    except ValueError:
        return [], ran


def all_pass(found, count):
    return len(found) == count and all(v["result"] == "pass" for v in found)


def test_dkimpy(tap, b, keys, records):
    import dkim
    zone = zone_file(b, records)
    for kind, path in keys.items():
        with open(path, "rb") as f:
            pem = f.read()
        if kind == "ed25519":  # python3-dkim wants the bare seed
            der = subprocess.run(
                ["openssl", "pkey", "-in", path, "-outform", "DER"],
                stdout=subprocess.PIPE, check=True, timeout=20).stdout
            import base64
            pem = base64.b64encode(der[-32:])
        for name, body in BODIES.items():
            for canon in CANONS:
                message = HEAD + b"\r\n" + body
                header, form = canon.split(b"/")
                field = dkim.sign(
                    message, b"s-" + kind.encode(), b"example.com", pem,
                    canonicalize=(header, form), signature_algorithm=(
                        b"ed25519-sha256" if kind == "ed25519"
                        else b"rsa-sha256"))
                what = "%s %s %s" % (kind, canon.decode(), name)
                found, ran = verdicts(b, field + message, "--zone", zone)
                tap.ok(all_pass(found, 1) and ran.code == 0,
                       "signed by python3-dkim: " + what, ran)
                # The same as a file with LF; a lone CR nowhere.
                found, ran = verdicts(
                    b, (field + message).replace(b"\r\n", b"\n"),
                    "--zone", zone)
                tap.ok(all_pass(found, 1), "with LF: " + what, ran)


SIGN_PL = r"""
use Mail::DKIM::Signer; use Mail::DKIM::PrivateKey;
my ($key, $canon) = @ARGV;
my $s = Mail::DKIM::Signer->new(Algorithm => 'rsa-sha256', Method => $canon,
    Domain => 'example.com', Selector => 's-rsa', KeyFile => $key);
binmode STDIN; binmode STDOUT; local $/; my $m = <STDIN>;
$s->PRINT($m); $s->CLOSE;
print $s->signature->as_string, "\r\n", $m;
"""


def test_maildkim(tap, b, keys, records):
    zone = zone_file(b, records)
    script = b.write("sign.pl", SIGN_PL)
    for name, body in BODIES.items():
        for canon in CANONS:
            # It signs such a body in simple as if section 3.4.3 did not add
            # a CRLF.
            if name == "no final line end" and canon.endswith(b"/simple"):
                continue
            signed = subprocess.run(
                ["perl", script, keys["rsa"], canon.decode()],
                input=HEAD + b"\r\n" + body, stdout=subprocess.PIPE,
                check=True, timeout=20).stdout
            found, ran = verdicts(b, signed, "--zone", zone)
            tap.ok(all_pass(found, 1), "signed by Mail::DKIM: %s %s"
                   % (canon.decode(), name), ran)


OPENDKIM = """Mode s
Socket local:%s
Syslog no
Domain example.com
Selector %s
KeyFile %s
Canonicalization %s
SignatureAlgorithm %s
InternalHosts 0.0.0.0/0
RequireSafeKeys no
OversignHeaders From
"""


def opendkim_signs(b, key, kind, canon, messages):
    """The messages as opendkim, the milter, signs them."""
    path = b.path("opendkim.sock")
    if os.path.exists(path):
        os.unlink(path)
    conf = b.write("opendkim.conf", OPENDKIM % (
        path, "s-" + kind, key, canon, kind + "-sha256"))
    daemon = subprocess.Popen(
        ["opendkim", "-f", "-x", conf], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        lab.wait_for(lambda: milter_client.listens("unix:" + path))
        with milter_client.Connection("unix:" + path) as c:
            c.greet()
            return [c.send(milter_client.Message.parse(m)).sent
                    for m in messages]
    finally:
        daemon.kill()
        daemon.wait()


def test_opendkim(tap, b, keys, records):
    zone = zone_file(b, records)
    # Messages without a final line end are none for an MTA.
    names = [n for n in BODIES if n != "no final line end"]
    for kind in keys:
        for canon in CANONS:
            # opendkim itself does not verify what it signs so.
            if kind == "ed25519" and canon.startswith(b"simple/"):
                continue
            signed = opendkim_signs(
                b, keys[kind], kind, canon.decode(),
                [HEAD + b"\r\n" + BODIES[n] for n in names])
            for name, message in zip(names, signed):
                found, ran = verdicts(b, message, "--zone", zone)
                tap.ok(all_pass(found, 1), "signed by opendkim: %s %s %s"
                       % (kind, canon.decode(), name), ran)


def test_rfc(tap, b):
    """The signed messages of the RFCs, with the records of the RFCs."""
    top = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../rfc")
    records = {}
    for path in glob.glob(os.path.join(top, "*.records")):
        with open(path, encoding="ascii") as f:
            records.update(line.rstrip("\n").split(" ", 1) for line in f)
    zone = zone_file(b, records)
    for name, count in (("6376-A.2.msg", 1), ("6376-A.3.msg", 1),
                        ("8463-A.3.msg", 2)):
        with open(os.path.join(top, name), "rb") as f:
            message = f.read()
        found, ran = verdicts(b, message, "--zone", zone)
        tap.ok(all_pass(found, count), name, ran)
        found, ran = verdicts(b, message.replace(b"hungry", b"Hungry"),
                              "--zone", zone)
        tap.is_([v["reason"] for v in found], ["body-hash"] * count,
                name + ", the body changed")


def cases(keys, records):
    """name, message, records, verdict, reason, part of the text, dkimpy.

    dkimpy: what python3-dkim must say, True or False; None where it has no
    verdict or, as noted, another one.
    """
    rsa, ed = keys["rsa"], keys["ed25519"]
    k1 = "k1._domainkey.example.com"
    good = {k1: records["s-rsa._domainkey.example.com"]}
    edrec = {k1: records["s-ed25519._domainkey.example.com"]}
    p = good[k1].partition("p=")[2]

    def c(**changes):
        return cli.craft(MESSAGE, rsa, **changes)

    def rec(text):
        return {k1: text}

    signed = c()
    long = b"from:to:subject:date:from"
    expired = AT - 1
    yield "untouched", signed, good, "pass", "good", "", True
    yield ("Ed25519", cli.craft(MESSAGE, ed, "ed25519"), edrec,
           "pass", "good", "", True)

    # The message was changed.
    for name, old, new in (
            ("body: a word", b"Two lines", b"Too lines"),
            ("body: appended", b"lines.\r\n", b"lines.\r\nmore\r\n"),
            ("body: cut", b"Two lines.\r\n", b""),
            ("body: a case", b"Hello", b"hello")):
        yield (name, signed.replace(old, new), good, "fail", "body-hash",
               "the body was changed after signing (the header is as signed)",
               False)
    for name, old, new in (
            ("header: subject", b"a   subject", b"another"),
            ("header: from", b"a@example.com", b"x@example.com"),
            ("header: one removed", b"Date: Mon, 1 Jan 2024 00:00:00 +0000"
             b"\r\nMess", b"Mess"),
            ("header: a tag of the signature", b"t=1700000000",
             b"t=1700000001")):
        yield (name, signed.replace(old, new), good, "fail", "signature",
               "the body is as signed", False)
    yield ("header and body", signed.replace(b"a   subject", b"x")
           .replace(b"Hello", b"x"), good, "fail", "body-hash",
           "the body was changed after signing (and the header too)", False)
    yield ("header: white space, relaxed",
           signed.replace(b"a   subject \r\n folded\t ", b"a subject folded"),
           good, "pass", "good", "", True)
    yield ("header: white space, simple",
           c(c=b"simple/simple").replace(b"a   subject", b"a  subject"),
           good, "fail", "signature", "", False)
    yield ("header: another order", signed.replace(
        b"Message-ID: <1@example.com>\r\n", b"").replace(
        b"From: A", b"Message-ID: <1@example.com>\r\nFrom: A"), good,
        "pass", "good", "", True)
    yield ("an unsigned field changed", signed.replace(b"<1@", b"<2@"), good,
           "pass", "good", "", True)
    yield ("a From added, oversigned", c(h=long).replace(
        b"Received:", b"From: evil@example.net\r\nReceived:"), good,
        "fail", "signature", "", False)
    yield ("oversigned, untouched", c(h=long), good, "pass", "good", "", True)

    # Keys.
    yield ("no key", signed, {}, "permerror", "no-key",
           "there is no TXT record at k1._domainkey.example.com", False)
    yield ("wrong key", signed, rec(records["other"]), "fail",
           "key-mismatch", "not made by the key whose record is published",
           False)
    yield ("key revoked", signed, rec("v=DKIM1; p="), "permerror",
           "key-revoked", "key revoked: p= is empty at k1._domainkey.", False)
    yield ("key record: syntax", signed, rec("v=DKIM1 p=" + p), "permerror",
           "key-syntax", "key record at k1._domainkey.example.com:", False)
    yield ("key record: SPF", signed, rec("v=spf1 -all"), "permerror",
           "key-syntax", "v= is not DKIM1: spf1", False)
    # python3-dkim takes the last of two.
    yield ("key record: a tag twice", signed, rec(good[k1] + "; k=rsa"),
           "permerror", "key-syntax", "tag twice: k=", None)
    yield ("key of another type", signed, edrec, "permerror", "key-type",
           "is of type ed25519, a=rsa-sha256 wants rsa", False)
    yield ("signature of another type", cli.craft(MESSAGE, ed, "ed25519"),
           good, "permerror", "key-type", "is of type rsa", False)
    yield ("key of 512 bits", cli.craft(MESSAGE, keys["small"]),
           rec(records["small"]), "permerror", "key-weak",
           "RSA key of 512 bits", False)
    # python3-dkim does not look at these four.
    yield ("key for sha1 only", signed, rec("v=DKIM1; h=sha1; p=" + p),
           "permerror", "key-use", "h= does not permit sha256", None)
    yield ("key for another service", signed, rec("v=DKIM1; s=x; p=" + p),
           "permerror", "key-use", "s= does not permit email", None)
    yield ("t=s and i= below d=", c(i=b"@sub.example.com"),
           rec("v=DKIM1; t=s; p=" + p), "permerror", "key-use", "t=s", None)
    yield ("t=s and i= of d=", c(i=b"x@example.com"),
           rec("v=DKIM1; t=s; p=" + p), "pass", "good", "", True)
    yield ("t=y", signed, rec("v=DKIM1; t=y; p=" + p), "pass", "good", "",
           None)

    # Time.
    yield ("expired", c(x=b"%d" % expired), good, "fail", "expired",
           "expired 1 s ago", None)
    yield ("x= is now", c(x=b"%d" % AT), good, "pass", "good", "", None)
    yield ("x= before t=", c(x=b"1699999999"), good, "permerror", "syntax",
           "x=1699999999 is not later than t=1700000000", False)
    yield ("x= is t=", c(x=b"1700000000"), good, "permerror", "syntax",
           "is not later", None)
    yield ("t= of 13 digits", c(t=b"1700000000000"), good, "permerror",
           "syntax", "t= is not a time", None)
    yield ("t= with a sign", c(t=b"-1"), good, "permerror", "syntax",
           "t= is not a time (seconds since 1970): -1", None)

    # Tags.
    for tag in ("v", "a", "d", "h", "s"):
        message = c(**{tag: None, **(
            {"hash_names": [b"from"]} if tag == "h" else {})})
        yield (tag + "= missing", message, good, "permerror", "syntax",
               tag + "= is missing", False)
    yield ("bh= missing", c(bh=None), good, "permerror", "syntax",
           "bh= is missing", False)
    yield ("b= missing", c().replace(b"; b=", b"; zz="), good, "permerror",
           "syntax", "b= is missing", False)
    yield ("b= cut short", signed.replace(b"=\r\nReceived", b"\r\nReceived"),
           good, "permerror", "syntax", "b= is not base64", None)
    at = signed.index(b"; b=") + 4
    yield ("b= half", signed[:at + 100] + signed[signed.index(b"\r\nRec"):],
           good, "fail", "truncated",
           "b= has 75 bytes, those of the published key have 256", False)
    yield ("b= empty", signed[:at] + signed[signed.index(b"\r\nRec"):], good,
           "permerror", "syntax", "b= is empty", None)
    yield ("b= with rubbish", signed[:at] + b"*" + signed[at:], good,
           "permerror", "syntax", "b= is not base64", None)
    yield ("b= of zeros", signed[:at] + b"A" * 344 +
           signed[signed.index(b"\r\nRec"):], good, "fail", "key-mismatch",
           "", False)
    yield ("bh= short", c(bh=b"YWJj"), good, "permerror", "syntax",
           "bh= has 3 bytes, a SHA-256 hash has 32", None)
    yield ("v=2", c(v=b"2"), good, "permerror", "version", "v= is not 1: 2",
           False)
    # python3-dkim passes it, against section 6.1.1.
    yield ("h= without from", c(h=b"to:subject"), good, "permerror",
           "from-not-signed", "h= does not contain from", None)
    yield ("h= with an empty name", c(h=b"from::to"), good, "permerror",
           "syntax", "h= has an empty name in it: from::to", None)
    yield ("h= with a byte above 127", c(h=b"from:t\xe9"), good, "permerror",
           "syntax", "something else than field names: t\\xe9", None)
    yield ("a tag twice", c(extra=[b"t=1700000000"]), good, "permerror",
           "syntax", "tag twice: t=", False)
    yield ("h= twice", c(extra=[b"h=from"]), good, "permerror", "syntax",
           "tag twice: h=", False)
    yield ("two semicolons", c(extra=[b""]), good, "permerror", "syntax",
           "a tag name expected", False)
    yield ("an unknown tag", c(extra=[b"zz=1"]), good, "pass", "good", "",
           True)
    yield ("i= foreign", c(i=b"@example.net"), good, "permerror", "identity",
           "i= is neither of the domain d= nor of one below it: "
           "@example.net", False)
    yield ("i= with d= at its end", c(i=b"@xexample.com"), good, "permerror",
           "identity", "", None)
    yield ("i= without @", c(i=b"example.com"), good, "permerror", "syntax",
           "i= has no @", None)
    yield ("i= below d=", c(i=b"u@sub.example.com"), good, "pass", "good",
           "", True)
    yield ("i= in capitals", c(i=b"@EXAMPLE.com"), good, "pass", "good", "",
           None)
    yield ("d= in capitals", c(d=b"EXAMPLE.COM"), good, "pass", "good", "",
           None)
    yield ("d= not a domain", c(d=b"exa mple.com"), good, "permerror",
           "syntax", "d= is not a domain in A-labels: exa mple.com", None)
    yield ("s= not a selector", c(s=b"k1."), good, "permerror", "syntax",
           "s= is not a selector: k1.", None)
    yield ("c=nothing", c(c=b"nowsp"), good, "permerror", "syntax",
           "c= is not a canonicalization", False)
    yield ("c= missing", c(c=None), good, "pass", "good", "", True)
    yield ("c=relaxed", c(c=b"relaxed"), good, "pass", "good", "", True)
    yield ("q=dns/txt", c(q=b"x : dns/txt"), good, "pass", "good", "", None)
    yield ("q=dns", c(q=b"dns"), good, "permerror", "query",
           "q= does not contain dns/txt: dns", False)
    yield ("a=rsa-sha1", c(a=b"rsa-sha1"), good, "permerror", "algorithm",
           "a=rsa-sha1 is refused: RFC 8301", None)
    yield ("a= unknown", c(a=b"rsa-md5"), good, "permerror", "algorithm",
           "a= is not an algorithm we know: rsa-md5", False)

    # l=
    assert len(BODIES["plain"]) == 20
    yield "l= all", c(l=b"20"), good, "pass", "good", "", True
    yield ("l= and text behind it", c(l=b"20") + b"footer\r\n", good, "pass",
           "good", "", True)
    yield "l= part", c(l=b"5"), good, "pass", "good", "", True
    yield "l=0", c(l=b"0"), good, "pass", "good", "", True
    yield ("l= and the signed part changed", c(l=b"20").replace(
        b"Hello", b"hello") + b"x\r\n", good, "fail", "body-hash", "", False)
    yield ("l= one too many", c(l=b"21"), good, "fail", "body-short",
           "l=21 bytes were signed, 20 are there", None)
    yield ("l= not a number", c(l=b"ten"), good, "permerror", "syntax",
           "l= is not a number: ten", None)
    yield ("l= of 76 digits", c(l=b"9" * 76), good, "fail", "body-short", "",
           None)
    yield ("l= of 77 digits", c(l=b"9" * 77), good, "permerror", "syntax",
           "l= is not a number", None)

    # Where b= stands and what stands around it, RFC 6376 section 3.7.
    def wrap(b64):
        return b"\r\n\t" + b"\r\n\t".join(
            b64[i:i + 60] for i in range(0, len(b64), 60))
    for form in CANONS:
        n = form.decode()
        yield ("b= folded, " + n, c(c=form, fold=wrap), good, "pass", "good",
               "", True)
        yield ("b= with a blank in it, " + n,
               c(c=form, fold=lambda x: x[:9] + b" " + x[9:]), good, "pass",
               "good", "", True)
        # Below, python3-dkim keeps the white space behind the value, which
        # section 3.7 takes out with it.
        yield ("b= before another tag, " + n,
               c(c=form, tail=b"; zz=1"), good, "pass", "good", "", True)
        yield ("white space behind b=, " + n,
               c(c=form, tail=b" \r\n\t; zz=1"), good, "pass", "good", "",
               None)
        yield ("tags on lines of their own, " + n,
               c(c=form, sep=b";\r\n\t"), good, "pass", "good", "", True)
    yield ("semicolons without blanks", c(sep=b";"), good, "pass", "good",
           "", True)
    yield ("a final semicolon", c(tail=b";"), good, "pass", "good", "", True)

    # Other DKIM-Signature fields can be signed, never the one itself.
    yield ("h= names dkim-signature, of which there is no other",
           c(h=b"from:dkim-signature",
             hash_names=[b"from"]), good, "pass", "good", "", None)


def dkimpy_says(message, records):
    return verifiers.verify("dkimpy", [message], records)[0][0].passed


def test_cases(tap, b, keys, records):
    for name, message, recs, result, reason, text, dkimpy in cases(
            keys, records):
        zone = zone_file(b, recs)
        found, ran = verdicts(b, message, "--zone", zone, "--at", str(AT))
        v = found[0] if found else {}
        tap.ok((v.get("result"), v.get("reason")) == (result, reason) and
               text in v["text"] and
               ran.code == (0 if result == "pass" else 1), name, ran)
        if dkimpy is not None:
            tap.is_(dkimpy_says(message, recs), dkimpy,
                    name + ": python3-dkim agrees")


def test_report(tap, b, keys, records):
    """The lines, the warnings, several signatures, the exit code."""
    k1 = "k1._domainkey.example.com"
    zone = zone_file(b, {k1: records["s-rsa._domainkey.example.com"]})
    signed = cli.craft(MESSAGE, keys["rsa"])
    at = ("--zone", zone, "--at", str(AT))
    ran = b.run("verify", *at, stdin=signed)
    tap.is_((ran.code, ran.out, ran.err), (
        0, b"pass d=example.com s=k1 a=rsa-sha256\n", ""), "a line")
    two = cli.craft(signed, keys["rsa"], s=b"k2")
    ran = b.run("verify", *at, stdin=two)
    tap.is_((ran.code, ran.out), (
        0, b"permerror d=example.com s=k2 a=rsa-sha256: no key: there is no "
        b"TXT record at k2._domainkey.example.com\n"
        b"  likely cause: the record was never published, is not yet at every "
        b"server (DNS lag), was removed too early, or the signer uses another "
        b"selector (selector mismatch); `keyturn check-key DOMAIN SELECTOR` "
        b"asks every server\n"
        b"pass d=example.com s=k1 a=rsa-sha256\n"),
        "two signatures, one passes")
    ran = b.run("verify", *at, stdin=MESSAGE)
    tap.is_((ran.code, ran.out), (
        1, b"none: there is no DKIM-Signature field\n"), "none")
    ran = b.run("verify", "--json", *at, stdin=MESSAGE)
    tap.is_((ran.code, json.loads(ran.out)), (
        1, {"result": "none", "signatures": []}), "none, JSON")
    for name, message, part in (
            ("l= with a footer", cli.craft(MESSAGE, keys["rsa"], l=b"20")
             + b"x\r\n", "l=20 leaves the last 3 bytes of the body unsigned"),
            ("t= in the future", cli.craft(
                MESSAGE, keys["rsa"], t=b"%d" % (AT + 7)),
             "7 s in the future")):
        ran = b.run("verify", *at, stdin=message)
        tap.ok(ran.code == 0 and b"; warning: " in ran.out and
               part.encode() in ran.out, "warning: " + name, ran)
    evil = cli.craft(MESSAGE, keys["rsa"], d=b"\xffx\xc3\xa9")
    ran = b.run("verify", *at, stdin=evil)
    tap.ok(b" d=\\xffx\\xc3\\xa9 " in ran.out, "what comes from the message "
           "is escaped", ran)
    found, ran = verdicts(b, evil, *at)
    tap.is_(found[0]["domain"], "\ufffdx\u00e9", "and in JSON")
    evil = cli.craft(MESSAGE, keys["rsa"], d=b"\x1b[2J")
    ran = b.run("verify", *at, stdin=evil)
    tap.ok(b"\\x1b[2J" in ran.out and b"\x1b" not in ran.out,
           "so are control characters", ran)
    # The limit, and one more.
    many = signed
    field = signed[:len(signed) - len(MESSAGE)]
    for count, last in ((64, b"pass"), (65, b"permerror")):
        many = field * count + MESSAGE
        ran = b.run("verify", *at, stdin=many)
        lines = ran.out.splitlines()
        tap.ok(len(lines) == count and lines[-1].startswith(last) and
               lines[63].startswith(b"pass"), "%d signatures" % count,
               lines[-1])
    two = zone_file(b, {})
    with open(two, "ab") as f:
        f.write(b"%s. TXT \"v=DKIM1; p=\"\n" % k1.encode() * 2)
    found, ran = verdicts(b, signed, *at)
    tap.ok(found and found[0]["reason"] == "several-keys", "two records", ran)


def test_keys(tap, b, keys, records):
    """--key FILE in each form, and what is no key."""
    for kind in ("rsa", "ed25519"):
        signed = cli.craft(MESSAGE, keys[kind], kind)
        record = records["s-%s._domainkey.example.com" % kind]
        public = b.path("public.pem")
        subprocess.run(["openssl", "pkey", "-in", keys[kind], "-pubout",
                        "-out", public], check=True, timeout=20)
        for name, path in (("a record", b.write("record", record + "\n")),
                           ("PEM", public)):
            found, ran = verdicts(b, signed, "--key", path)
            tap.ok(all_pass(found, 1), "--key: %s, %s" % (kind, name), ran)
        found, ran = verdicts(b, signed, "--key", keys[kind])
        tap.ok(found and found[0]["reason"] == "key-syntax" and
               "a private key" in found[0]["text"],
               "--key: %s, a private key" % kind, ran)
    ran = b.run("verify", "--key", b.path("missing"), stdin=MESSAGE)
    tap.ok(ran.code == 65 and "missing" in ran.err, "--key: no file", ran)
    ran = b.run("verify", "--zone", b.write("bad", "x\n"), stdin=MESSAGE)
    tap.ok(ran.code == 65 and "bad:1: not a record" in ran.err,
           "--zone: syntax", ran)


def test_no_message(tap, b):
    key = b.write("record", "v=DKIM1; p=")
    for name, message, part in (
            ("nothing", b"", "standard input is empty"),
            ("mbox", b"From a@example.com Mon Jan  1 00:00:00 2024\n"
             + MESSAGE, "an mbox \"From \" line"),
            ("no header", b"\r\nbody\r\n", "no header field"),
            ("text", b"just some text\n", "standard input")):
        ran = b.run("verify", "--key", key, stdin=message)
        tap.ok(ran.code == 65 and ran.out == b"" and part in ran.err,
               "not a message: " + name, ran)
    ran = b.run("verify", "--key", key, stdin=b"From : a@example.com\n\n")
    tap.is_(ran.code, 1, "From with the obsolete blank is a field")
    ran = b.run("verify", "--key", key, stdin=MESSAGE,
                env={"TMPDIR": "/nonexistent"})
    tap.ok(ran.code == 73 and "TMPDIR" in ran.err, "no temporary file", ran)


def main():
    lab.need_verifiers()
    tap = lab.Tap(limit=300)
    with cli.Bench() as b:
        keys, records = {}, {}
        for kind in ("rsa", "ed25519"):
            keys[kind] = b.path(kind + ".pem")
            records["s-%s._domainkey.example.com" % kind] = lab.make_key(
                keys[kind], kind)
        records["other"] = lab.make_key(b.path("other.pem"))
        small, keys["small"] = b.path("small.pem"), b.path("small.pem")
        records["small"] = lab.make_key(small, bits=512)
        signers = {k: keys[k] for k in ("rsa", "ed25519")}
        dns = {k: v for k, v in records.items() if "." in k}
        test_cases(tap, b, keys, records)
        test_report(tap, b, keys, records)
        test_keys(tap, b, keys, records)
        test_no_message(tap, b)
        test_rfc(tap, b)
        test_dkimpy(tap, b, signers, dns)
        test_maildkim(tap, b, signers, dns)
        test_opendkim(tap, b, signers, dns)
    tap.done()


main()
