#!/usr/bin/python3 -B
"""What keyturnd writes down about the keys it can sign with: entered before,
released after, through restarts, kills, refused writes and a second keyturnd;
the record is never behind what was signed."""

import calendar
import os
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import channel_client as cc  # noqa: E402
import lab                  # noqa: E402

KILLS = lab.scale(15, 4)
DOMAIN = "a.example"


def seconds(text):
    """A time of the record, as time.time() has it."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class Rig(cc.Keeper):
    """keyturnd without a worker, over rings alone."""

    def __init__(self, **conf):
        super().__init__(key_table=None, signing_table=None, **conf)
        os.makedirs(self.path("state/rings"), 0o700)
        self.write_conf(rings=self.path("state/rings"))

    def pem(self, selector, domain=DOMAIN):
        return self.path("state/rings/%s/%s.pem" % (domain, selector))

    def can_sign(self, selector):
        return self.signs(selector, DOMAIN,
                          "state/rings/%s/%s.pem" % (DOMAIN, selector))

    def turn(self, old, new, *more):
        self.ring(DOMAIN, old + "=retiring", "+%s:ed25519:active:seen" % new,
                  *more)

    def get(self, selector, domain=DOMAIN):
        return self.held().get((domain, selector))

    def kill(self):
        self.keyturnd.kill()
        self.keyturnd.wait()


def started(**conf):
    rig = Rig(**conf)
    rig.ring(DOMAIN, "+s1:ed25519:active:seen")
    rig.start()
    return rig


def check_life(tap):
    """One key after the other."""
    begin = int(time.time())
    rig = started()
    k = rig.get("s1")
    tap.ok(k and begin <= seconds(k.since) <= time.time() and
           not k.last and not k.released, "the first key is entered", k)
    tap.ok(rig.can_sign("s1"), "it signs")
    shown = rig.status()["rings"][0]["keys"][0]
    tap.ok(shown["selector"] == "s1" and shown["held_since"] == k.since and
           shown["released"] is None and shown["last_signed"] and
           begin <= seconds(shown["last_signed"]) <= time.time() and
           shown["fingerprint"] == k.fingerprint,
           "status shows what is on record, and what was signed since", shown)
    rig.turn("s1", "s2")
    code, text = rig.ask("reload rings")
    old, new = rig.get("s1"), rig.get("s2")
    tap.ok(code == 0 and new and not new.released and old.released and
           old.last and seconds(old.released) >= seconds(old.last),
           "turned: one is entered and the other released, with the time of "
           "its last signature", (text, rig.held()))
    tap.is_((old.since, old.steps), (k.since, "2"),
            "held since stays, the steps of the ring go on")
    tap.ok(not rig.knows(cc.key_id(DOMAIN, "s1", rig.pem("s1"))),
           "the old key does not sign")
    shown = {x["selector"]: x for x in rig.status()["rings"][0]["keys"]}
    tap.is_((shown["s1"]["state"], shown["s1"]["released"],
             shown["s2"]["state"]), ("released", old.released, "good"),
            "status shows both")

    # Stop and start.
    tap.ok(rig.can_sign("s2"), "the new one signs")
    tap.is_(rig.get("s2").last, None, "which is not on record yet")
    tap.is_(rig.stop(), 0, "it stops")
    new = rig.get("s2")
    tap.ok(new.last and not new.released,
           "then it is, and the key is not released by that", new)
    rig.start()
    tap.is_(rig.get("s2"), new, "a start changes nothing")

    # Turned while nobody was there.
    rig.kill()
    rig.turn("s2", "s3")
    tap.is_(rig.get("s2").released, None, "killed: nothing is released")
    before = int(time.time())
    rig.start()
    old, new = rig.get("s2"), rig.get("s3")
    tap.ok(old.released and seconds(old.released) >= before and
           not new.released, "at the next start it is: whoever held it has "
           "ended", rig.held())

    # Gone.
    rig.ring(DOMAIN, "s1=gone", "s2=revoked")
    tap.is_(rig.ask("reload rings")[0], 0, "one key is gone")
    tap.is_(sorted(s for _, s in rig.held()), ["s2", "s3"],
            "its entry goes, others stay")

    # Back again.
    rig.ring(DOMAIN, "s3=retiring", "s2=active")
    rig.ask("reload rings")
    again = rig.get("s2")
    tap.ok(not again.released and seconds(again.since) >= before and
           rig.get("s3").released, "a key that signs again is held again",
           rig.held())
    rig.stop()
    rig.clean()


def check_table(tap):
    """A key that the KeyTable has too is held as long as that one."""
    rig = Rig()
    rig.key("s1", DOMAIN, kind="ed25519")
    rig.ring(DOMAIN, "+s1:ed25519:active:seen:" + rig.path("s1.pem"))
    rig.tables({"k": (DOMAIN, "s1")}, ["*@b.example k"])
    rig.write_conf(key_table=rig.path("KeyTable"),
                   signing_table=rig.path("SigningTable"))
    rig.start()
    rig.turn("s1", "s2")
    tap.ok(rig.ask("reload rings")[0] == 0 and not rig.get("s1").released and
           rig.can_sign("s1"), "an adopted key that the KeyTable still has is "
           "not released", rig.held())
    rig.tables({}, [])
    tap.ok(rig.reload()[0] == 0 and rig.get("s1").released,
           "without that line it is", rig.held())
    rig.tables({"k": (DOMAIN, "s1")}, ["*@b.example k"])
    tap.ok(rig.reload()[0] == 0 and rig.can_sign("s1") and
           not rig.get("s1").released, "with that line back it is held again",
           rig.held())
    rig.stop()
    tap.ok(rig.get("s1").last, "and when it signed last is on record",
           rig.held())
    rig.start()
    tap.ok(not rig.get("s1").released, "a start changes nothing", rig.held())
    rig.tables({}, [])
    tap.ok(rig.reload()[0] == 0 and rig.get("s1").released,
           "and released when the line goes", rig.held())
    rig.stop()
    rig.clean()


def check_refused(tap):
    """A record that cannot be written, one that is damaged, and two of us."""
    rig = started()
    record = rig.path("state/held")
    shutil.move(record, record + ".good")
    os.makedirs(record + "/in the way")
    rig.turn("s1", "s2")
    code, text = rig.ask("reload rings")
    tap.ok(code == 75 and "reload of rings refused" in text and record in text,
           "it cannot be written: refused, and says why", (code, text))
    tap.ok(rig.can_sign("s1") and not rig.knows(
        cc.key_id(DOMAIN, "s2", rig.pem("s2"))), "the old key signs on")
    code, text = rig.ask("status")
    tap.ok(code == 1 and "what is held could not be written" in text and
           "the last reload of rings was refused" in text, "status knows",
           text)
    shutil.rmtree(record)
    tap.is_(rig.ask("reload rings")[0], 0, "mended, it is taken")
    tap.ok(rig.can_sign("s2") and rig.get("s1").released and
           not rig.get("s2").released, "and on record", rig.held())
    tap.is_(rig.ask("status")[0], 0, "status is good")

    # Another keyturnd on the same rings.
    other = Rig()
    other.write_conf(rings=rig.path("state/rings"))
    other.start(wait=False)
    code = other.keyturnd.wait(20 * lab.slow())
    tap.ok(code == 78 and "another keyturnd (process %d) signs with these "
           "rings" % rig.keyturnd.pid in other.log_text(),
           "a second keyturnd is refused", (code, other.log_text()))
    code, text = other.test()
    tap.is_((code, text), (0, ""), "though -t may look at them")
    other.clean()
    rig.stop()

    # At start.
    with open(record, "a", encoding="ascii") as f:
        f.write("half a line")
    rig.start(wait=False)
    code = rig.keyturnd.wait(20 * lab.slow())
    tap.ok(code == 78 and record + ":" in rig.log_text(),
           "damaged: no start, and the line is named",
           (code, rig.log_text()[-500:]))
    os.unlink(record)
    os.makedirs(record + "/in the way")
    rig.start(wait=False)
    code = rig.keyturnd.wait(20 * lab.slow())
    tap.ok(code in (71, 78) and record in rig.log_text(),
           "not to be read: no start", (code, rig.log_text()[-500:]))
    rig.clean()


class Signer(threading.Thread):
    """Signs with whatever signs, all the time."""

    def __init__(self, rig, ids):
        super().__init__(daemon=True)
        self.rig, self.ids = rig, ids   # {selector: key id}
        self.seen = []                  # (time before, selector)
        self.stopping = False

    def run(self):
        channel = None
        while not self.stopping:
            try:
                channel = channel or self.rig.channel(cc.SIGNING)
                for selector, number in list(self.ids.items())[-3:]:
                    before = time.time()
                    if channel.sign([(number, bytes(32))]).status == cc.OK:
                        self.seen.append((before, selector))
            except (OSError, cc.Closed):
                channel = None
                time.sleep(0.005)


def wrong_with(record, seen):
    """Signatures that the record denies."""
    out = []
    for before, selector in seen:
        k = record.get((DOMAIN, selector))
        if k is None:
            out.append((selector, "not on record"))
        elif seconds(k.since) > before + 1:
            out.append((selector, "signed %.1f" % before, k))
        elif k.released and seconds(k.released) < int(before):
            out.append((selector, "signed after its release", before, k))
    return out


def check_kills(tap):
    """kill -9 at any time, while it signs and turns."""
    chance = random.Random(int(os.environ.get("KEYTURN_TEST_SEED", "1")))
    rig = started()
    ids = {"s1": cc.key_id(DOMAIN, "s1", rig.pem("s1"))}
    signer = Signer(rig, ids)
    signer.start()
    number, reloads, wrong = 1, 0, []

    def reload():
        try:
            rig.ask("reload rings")
        except (OSError, ValueError):
            pass            # it was killed

    for _ in range(KILLS):
        for last in (False, True):
            rig.turn("s%d" % number, "s%d" % (number + 1))
            number += 1
            name = "s%d" % number
            ids[name] = cc.key_id(DOMAIN, name, rig.pem(name))
            asking = threading.Thread(target=reload)
            asking.start()
            reloads += 1
            if not last:
                asking.join()
        time.sleep(chance.random() * 0.02)
        rig.kill()
        asking.join()
        record = rig.held()
        wrong += wrong_with(record, signer.seen)
        rig.start()
        record = rig.held()
        wrong += wrong_with(record, signer.seen)
        held = [s for (_, s), k in record.items() if not k.released]
        if held != ["s%d" % number]:
            wrong.append((held, "held after a start, not", number))
    signer.stopping = True
    signer.join(20 * lab.slow())
    tap.is_(wrong[:3], [], "%d kills, %d turns, %d signatures: none is denied"
            % (KILLS, reloads, len(signer.seen)))
    tap.ok(len({s for _, s in signer.seen}) > KILLS,
           "most keys did sign", len(signer.seen))
    tap.is_(sorted(n for n in os.listdir(rig.path("state"))),
            ["held", "held.lock", "rings"], "and nothing is left behind")
    tap.is_(rig.stop(), 0, "it stops")
    tap.is_(rig.faults(), [], "no fault in its log")
    rig.clean()


def main():
    lab.need("openssl")
    tap = lab.Tap(180)
    check_life(tap)
    check_table(tap)
    check_refused(tap)
    check_kills(tap)
    tap.done()


if __name__ == "__main__":
    main()
