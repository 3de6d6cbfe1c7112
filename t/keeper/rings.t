#!/usr/bin/python3 -B
"""Rings through keyturnd and its worker: which keys sign, what becomes of a
ring that cannot be used, what names it in the tables, and that `reload rings`
leaves everything else as it is."""

import json
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import channel_client as cc  # noqa: E402
import lab                  # noqa: E402
import load                 # noqa: E402
import milter_client as mc  # noqa: E402
import verifiers            # noqa: E402

SEEN, NONE = "seen", "none"
TURNS = lab.scale(12, 3)
CONNECTIONS = 10


def message(author):
    return mc.Message.parse(b"From: %s\r\nTo: b@example.org\r\n"
                            b"Subject: rings\r\n\r\nSome text.\r\n" % author)


class Rig(lab.Lab):
    """keyturnd over rings, without tables."""

    def __init__(self, **conf):
        super().__init__(key_table=None, signing_table=None, **conf)
        os.makedirs(self.path("state/rings"), 0o700)
        self.write_conf(rings=self.path("state/rings"))

    def ring_path(self, *names):
        return self.path(os.path.join("state/rings", *names))

    def send(self, author):
        """(SMTP code, selectors that signed, all verify)"""
        with mc.Connection(self.spec, timeout=20 * lab.slow()) as c:
            result = c.send(message(author))
        if not result.passed:
            return result.code, [], True
        found = verifiers.verify("dkimpy", [result.sent], self.records)[0]
        return (result.code, [o.selector for o in found],
                all(o.passed for o in found))

    def status(self):
        return json.loads(self.keyturn("status", "--json").stdout)

    def ask(self, line):
        """By the control socket itself, whatever is in keyturn.conf."""
        return cc.ask(self.path("control.sock"), line)

    def raw_status(self):
        return json.loads(self.ask("status json")[1])

    def ring_status(self, domain):
        return [r for r in self.status()["rings"] if r["ring"] == domain][0]


def check_states(tap):
    """Which keys of a ring sign at start, and what is said of the others."""
    rig = Rig()
    new = "+s1:ed25519:"
    wants = [
        # domain, options, changes, SMTP code, selectors, state, what is said
        ("good", (), [new + "active:seen"], 250, ["s1"], "good", ""),
        ("both", (), ["+r1:rsa2048:active:seen", "+e1:ed25519:active:seen",
                      "+r2:rsa2048:ready"], 250, ["r1", "e1"], "good", ""),
        ("forced", (), [new + "active:forced"], 250, ["s1"], "good", ""),
        ("weak", (), [new + "active:weak"], 250, ["s1"], "good", ""),
        ("half", (), [new + "active:seen", "+r1:rsa2048:active"], 250, ["s1"],
         "good", "r1 is named active without evidence"),
        ("bare", (), [new + "active"], 451, [], "broken",
         "s1 is named active without evidence"),
        ("other", (), [new + "active:other"], 451, [], "broken",
         "s1 is named active without evidence"),
        ("quiet", (), [new + "published"], 250, [], "good", ""),
        ("ready", (), [new + "ready:seen"], 250, [], "good", ""),
        ("left", ("-l",), [new + "retiring:seen"], 250, [], "good", ""),
        ("stopped", (), [new + "retiring:seen"], 451, [], "broken",
         "has had an active key and has none now"),
        ("foreign", ("-h", "other.host"), [new + "active:seen"], 451, [],
         "broken", "other.host"),
    ]
    for name, options, changes, *_ in wants:
        rig.ring(name + ".example", *changes, options=options)
    done = rig.keyturn("check")
    tap.is_(done.returncode, 78, "check finds broken rings")
    rig.start()
    log = rig.log_text()
    for name, _, _, code, selectors, state, said in wants:
        domain = name + ".example"
        tap.is_(rig.send(b"a@" + domain.encode()), (code, selectors, True),
                "%s: signed by %s" % (name, selectors or "nobody"))
        r = rig.ring_status(domain)
        tap.ok(r["state"] == state and said in (r["problem"] or said),
               "%s: %s in the status" % (name, state), r)
        if said:
            tap.ok(any("ring %s: " % domain in l and said in l
                       for l in log.splitlines()),
                   "%s: the log names it" % name, log)
            tap.ok("ring %s: " % domain in done.stdout.decode(),
                   "%s: so does check" % name, done.stdout)
    for name, reason in (("quiet", "not yet active, ring quiet.example"),
                         ("left", "no active key, ring left.example"),
                         ("bare", "broken ring bare.example")):
        tap.ok(rig.wait_log("not signed: %s.*from=a@%s" % (reason, name)),
               "%s: the reason is logged" % name)
    tap.ok(lab.wait_for(lambda: rig.status()["counters"]["not_active"] == 3),
           "mail of rings that are not active is counted")
    tap.is_(rig.send(b"a@sub.good.example")[:2], (250, []),
            "a domain below is not signed for")
    rig.write_conf(subdomains=True)
    tap.is_(rig.reload()[0], 1, "taken, with broken rings")
    tap.is_(rig.send(b"a@sub.good.example"), (250, ["s1"], True),
            "with subdomains it is")
    text = rig.keyturn("status").stdout.decode()
    tap.ok("ring quiet.example: not yet active" in text
           and "s1: held since 2" in text and "last signed 2" in text,
           "status tells of rings and what was held", text)
    tap.is_(rig.stop(), 0, "it stops")
    rig.clean()


def check_names(tap):
    """Rings by names in the tables."""
    rig = Rig()
    rig.ring("a.example", "+a1:ed25519:active:seen", "+a2:rsa2048:active:seen")
    rig.ring("b.example", "+b1:ed25519:active:seen")
    rig.key("static", kind="ed25519")
    rig.write("KeyTable", "main ring:A.example\n"
              "static example.com:static:%s\n" % rig.path("static.pem"))
    rig.write("SigningTable", "x@b.example  main\n*@named.example static,main\n"
              "*@direct.example B.example\n")
    rig.write_conf(key_table=rig.path("KeyTable"),
                   signing_table=rig.path("SigningTable"))
    rig.start()
    for author, want in ((b"x@b.example", ["a1", "a2"]),
                         (b"y@b.example", ["b1"]),
                         (b"y@named.example", ["static", "a1", "a2"]),
                         (b"y@direct.example", ["b1"]),
                         (b"y@a.example", ["a1", "a2"])):
        tap.is_(rig.send(author), (250, want, True),
                "%s is signed by %s" % (author.decode(), want))
    good = {n: open(rig.path(n), encoding="utf-8").read()
            for n in ("KeyTable", "SigningTable")}
    for name, line, want in (
            ("SigningTable", "* nobody.example\n",
             "SigningTable:4: a key name that is not in the KeyTable and no "
             "ring: nobody.example"),
            ("KeyTable", "k ring:nobody.example\n",
             "KeyTable:3: there is no ring of that domain: nobody.example; "
             "`keyturn add nobody.example` makes it")):
        rig.write(name, good[name] + line)
        code, text = rig.reload()
        tap.ok(code == 78 and want in text, "%s: refused" % want, text)
        rig.write(name, good[name])

    # An edit that is half done is not for `reload rings` to take up.
    rig.write("KeyTable", "half an edit\n")
    rig.write("keyturn.conf", "half an edit\n")
    os.unlink(rig.path("static.pem"))
    rig.ring("b.example", "b1=retiring", "+b2:ed25519:active:seen")
    before = rig.raw_status()
    code, text = rig.ask("reload rings")
    tap.ok(code == 0 and ", 2 rings" in text, "reload rings", text)
    tap.is_(rig.send(b"y@direct.example"), (250, ["b2"], True),
            "the ring was turned")
    tap.is_(rig.send(b"y@named.example"), (250, ["static", "a1", "a2"], True),
            "everything else is as it was, a key whose file is gone too")
    after = rig.raw_status()
    tap.is_((after["lines"], [e["state"] for e in after["entries"]]),
            (before["lines"], ["good"]), "the tables too")
    rig.write("KeyTable", good["KeyTable"])
    rig.write_conf()
    done = rig.keyturn("reload", "ring")
    tap.ok(done.returncode == 64 and b'not "rings": ring' in done.stdout,
           "another operand is refused", done.stdout)
    code, text = rig.reload("rings")
    tap.ok(code == 0, "keyturn reload rings", text)
    shutil.rmtree(rig.ring_path("b.example"))
    code, text = rig.reload("rings")
    tap.ok(code == 1 and "ring b.example: " in text and "gone" in text and
           "it signs on as before" in text, "a ring that vanishes", text)
    tap.is_(rig.send(b"y@direct.example"), (250, ["b2"], True), "signs on")
    rig.stop()
    rig.clean()


def check_kept(tap):
    """What a running keyturnd does about rings that cannot be used."""
    rig = Rig()
    domain, author = "a.example", b"x@a.example"
    rig.ring(domain, "+s1:ed25519:active:seen", "+s2:ed25519:ready:seen")
    rig.start()
    tap.is_(rig.send(author), (250, ["s1"], True), "s1 signs")
    rig.ring(domain, "s1=retiring", "s2=active")
    key, conf = rig.ring_path(domain, "s2.pem"), rig.ring_path(domain,
                                                               "ring.conf")

    def put_back(path):
        if os.path.lexists(path):
            os.unlink(path)
        shutil.copy2(path + ".good", path)

    def other_key(path):
        os.unlink(path)
        lab.make_key(path, "ed25519")

    def cut(path):
        with open(path, "r+b") as f:
            f.truncate(os.path.getsize(path) // 2)

    for name, path, spoil in (
            ("key file gone", key, os.unlink),
            ("another key in its file", key, other_key),
            ("key file open to all", key, lambda p: os.chmod(p, 0o644)),
            ("ring.conf gone", conf, os.unlink),
            ("ring.conf cut", conf, cut)):
        shutil.copy2(path, path + ".good")
        spoil(path)
        code, text = rig.reload("rings")
        tap.ok(code == 1 and "ring a.example: " in text and
               "it signs on as before" in text, "%s: named" % name, text)
        tap.is_(rig.send(author), (250, ["s1"], True),
                "%s: the old key signs on" % name)
        tap.ok(rig.held()[domain, "s1"].released is None,
               "%s: and is held on" % name)
        done = rig.keyturn("check")
        tap.ok(done.returncode == 78 and b"ring a.example: " in done.stdout,
               "%s: at start it would be broken" % name, done.stdout)
        put_back(path)
        os.unlink(path + ".good")
    code, text = rig.reload("rings")
    tap.is_(code, 0, "mended")
    tap.is_(rig.send(author), (250, ["s2"], True), "the new key signs")

    # A backup of the whole directory.
    backup = rig.path("backup")
    shutil.copytree(rig.ring_path(domain), backup)
    rig.ring(domain, "s2=retiring", "+s3:ed25519:active:seen")
    tap.is_(rig.reload("rings")[0], 0, "turned once more")
    shutil.rmtree(rig.ring_path(domain))
    shutil.copytree(backup, rig.ring_path(domain))
    for when in ("running", "at start"):
        if when == "running":
            code, text = rig.reload("rings")
        else:
            rig.stop()
            size = len(rig.log_text())
            rig.start()
            code, text = 1, rig.log_text()[size:]
        tap.ok(code == 1 and "an old copy: it has 2 steps, and keyturnd has "
               "seen 3 of it" in text, "%s: an old copy is refused" % when,
               text)
        tap.is_(rig.send(author)[:2], (250, ["s3"]) if when == "running"
                else (451, []), "%s: it does not sign with it" % when)
    rig.stop()
    rig.clean()


def check_carried(tap):
    """What has not changed is not read again."""
    rig = Rig(workers="service")
    rig.ring("r#.example", "+s1:ed25519:active:seen", options=("-n", "60"))
    rig.ring("quiet.example", "+s1:ed25519:ready")
    time.sleep(2.1)     # files must be older than that
    rig.start(wait=False)
    lab.wait_for(lambda: os.path.exists(rig.path("control.sock")))
    for what in ((), ("rings",)):
        code, text = rig.reload(*what)
        tap.ok(code == 0 and "60 keys, 60 carried over" in text and
               ", 61 rings" in text, "all of it is carried over", text)
    rig.ring("r7.example", "s1=retiring", "+s2:ed25519:active:seen")
    code, text = rig.reload("rings")
    tap.ok(code == 0 and "60 keys, 59 carried over" in text,
           "all but the ring that turned", text)
    rig.write_conf(minimum_rsa_bits=2048)
    code, text = rig.reload()
    tap.ok(code == 0 and "60 carried over" not in text,
           "a key written just now is read again", text)
    rig.stop()
    rig.clean()


MESSAGE = mc.Message.parse(
    b"From: Anna <a@a.example>\r\nTo: b@example.org\r\n"
    b"Subject: turning\r\nMessage-ID: <1@a.example>\r\n\r\nSome text.\r\n")


def judge(answers, turns, moduli, body_hash):
    """What is wrong with any of the answers; how many are right."""
    same = load.Same(MESSAGE, body_hash)
    bad, good = [], 0
    for a in answers:
        if (a.problem or a.verdict not in ("accept", "continue")
                or len(a.fields) != 1):
            bad.append(repr(a)[:300])
            continue
        selector = load.Same.tags(a.fields[0])["s"]
        begin, end = turns[selector]
        if end and a.start > end or a.end < begin:
            bad.append("%s, which is not in force: %r" % (selector, a[:3]))
        elif not same.verify(a.fields[0], moduli[selector]):
            bad.append("%s does not verify" % selector)
        else:
            good += 1
    return good, bad


def check_turning(tap):
    """A ring turned under load, over connections that stay open."""
    import base64
    import hashlib
    from dkim.canonicalization import Relaxed
    rig = Rig()
    selectors = ["t%d" % i for i in range(TURNS + 1)]
    for s in selectors:
        lab.make_key(rig.path(s + ".pem"))
    moduli = {s: load.modulus(rig.path(s + ".pem")) for s in selectors}
    rig.ring("a.example", "+t0:rsa2048:active:seen:" + rig.path("t0.pem"))
    rig.start()
    turns = {"t0": [time.monotonic(), None]}
    sender = load.Load(rig.specs, CONNECTIONS, MESSAGE)
    for old, new in zip(selectors, selectors[1:]):
        seen = sender.count()
        lab.wait_for(lambda n=seen: sender.count() > n + CONNECTIONS, 20)
        begin = time.monotonic()
        rig.ring("a.example", old + "=retiring",
                 "+%s:rsa2048:active:seen:%s" % (new, rig.path(new + ".pem")))
        code, text = rig.reload("rings")
        if code != 0:
            tap.ok(False, "turned to %s" % new, text)
        turns[old][1] = time.monotonic()
        turns[new] = [begin, None]
        held = rig.held()
        if (held["a.example", new].released or
                not held["a.example", old].released):
            tap.ok(False, "%s is held, %s released" % (new, old), held)
    tap.is_(sender.stop(), 0, "no connection hangs")
    body_hash = base64.b64encode(hashlib.sha256(Relaxed.canonicalize_body(
        MESSAGE.body)).digest()).decode()
    good, bad = 0, []
    for g, b in sender.judge(judge, turns, moduli, body_hash):
        good, bad = good + g, bad + b
    tap.is_(bad[:5], [], "no message of %d was lost, unsigned, deferred or "
                         "signed with what was not in force" % good)
    tap.ok(good > TURNS * CONNECTIONS, "there was load", good)
    sender.close()
    tap.is_(rig.stop(), 0, "it stops")
    tap.is_(rig.faults(), [], "no fault in its log")
    rig.clean()


def main():
    lab.need("openssl")
    lab.need_verifiers()
    tap = lab.Tap(240)
    check_states(tap)
    check_names(tap)
    check_kept(tap)
    check_carried(tap)
    check_turning(tap)
    tap.done()


if __name__ == "__main__":
    main()
