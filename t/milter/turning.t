#!/usr/bin/python3 -B
"""Keys turned under load: 50 connections sending as fast as they can, 2,000
SIGHUPs in bursts, the KeyTable switched between two selectors and the key file
of the one that rests replaced.  No message is lost, unsigned, deferred or
signed with what was not in force; nothing restarts and nothing grows."""

import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import lab               # noqa: E402
import load              # noqa: E402
import milter_client as mc  # noqa: E402
import verifiers         # noqa: E402

CONNECTIONS = 50
HUPS = 2000
ROUND = 20              # SIGHUPs between two turns
KEYS = 8                # even ones are for selector a, odd ones for b
SELECTORS = ("turn-a", "turn-b")

# Between two signals, seconds: mostly none, so that many arrive while one
# reload runs.
GAPS = (0, 0, 0, 0, 0.001, 0.003, 0.01, 0.03)

# Allowances for memory, KiB: what an allocator may keep under such a load.
GROWTH = 3072

MESSAGE = mc.Message.parse(
    b"From: Anna <a@example.com>\r\nTo: b@example.org\r\n"
    b"Subject: turning\r\n\twhile it runs\r\n"
    b"Message-ID: <1@example.com>\r\n\r\n" + b"Some text. \r\n" * 80)


class Turn:
    """What was in force, and from when until when it may have been."""

    def __init__(self, selector, key, begin):
        self.selector, self.key = selector, key
        self.begin = begin      # it may sign from here on
        self.done = None        # keyturn reload has returned
        self.end = None         # the next one is done


def make_keys(rig):
    """[(PEM, record, modulus)]"""
    out = []
    for i in range(KEYS):
        path = rig.path("pool%d.pem" % i)
        record = lab.make_key(path)
        with open(path, "rb") as f:
            out.append((f.read(), record, load.modulus(path)))
        os.unlink(path)
    return out


def put_in_place(rig, keys, number):
    """Write the key file of the resting selector, then the KeyTable."""
    selector = SELECTORS[number % 2]
    path = rig.write(selector + ".pem", keys[number % KEYS][0], 0o600)
    turn = Turn(selector, number % KEYS, time.monotonic())
    rig.write("KeyTable", "main example.com:%s:%s\n" % (selector, path))
    return turn


def burst(pid, count, chance):
    for _ in range(count):
        os.kill(pid, signal.SIGHUP)
        time.sleep(chance.choice(GAPS))


def turn_once(rig, keys, number, turns, chance):
    """A burst with a turn somewhere inside it; the output of a bad reload."""
    before = chance.randrange(ROUND + 1)
    burst(rig.keyturnd.pid, before, chance)
    turn = put_in_place(rig, keys, number)
    burst(rig.keyturnd.pid, ROUND - before, chance)
    status, text = rig.reload()
    turn.done = turns[-1].end = time.monotonic()
    turns.append(turn)
    return "" if status == 0 else "exit %d: %s" % (status, text)


def judge(answers, turns, moduli, body_hash):
    """Look at each answer; {what: [count, example]} and samples to verify."""
    same = load.Same(MESSAGE, body_hash)
    bad, samples, good = {}, {}, 0
    for a in answers:
        why = fault(a, turns, moduli, same)
        if why:
            entry = bad.setdefault(why.partition(":")[0], [0, why])
            entry[0] += 1
            continue
        good += 1
        tags = load.Same.tags(a.fields[0])
        samples.setdefault(tags["s"], a.fields[0])
    return good, bad, list(samples.values())


def fault(a, turns, moduli, same):
    """What is wrong with one answer, or nothing."""
    if a.problem:
        return "connection: " + a.problem
    if a.verdict not in ("accept", "continue"):
        return "deferred: %s %d" % (a.verdict, a.code)
    if len(a.fields) != 1:
        return "unsigned: %d signatures" % len(a.fields)
    # All that may have been in force at some time of end of message.
    allowed = [t for t in turns if t.begin <= a.end
               and (t.end is None or t.end >= a.start)]
    selector = load.Same.tags(a.fields[0])["s"]
    mine = [t for t in allowed if t.selector == selector]
    if not mine:
        return "old selector: %s, in force: %s" % (
            selector, [t.selector for t in allowed])
    if not any(same.verify(a.fields[0], moduli[t.key]) for t in mine):
        return "does not verify: %s with key %s" % (
            selector, [t.key for t in mine])
    return ""


def check_answers(tap, rig, keys, turns, sender, body_hash):
    good, bad, samples = 0, {}, []
    for g, b, s in sender.judge(judge, turns, [k[2] for k in keys],
                                body_hash):
        good += g
        samples += s
        for what, (count, example) in b.items():
            entry = bad.setdefault(what, [0, example])
            entry[0] += count
    tap.note("%d messages signed right, %d turns" % (good, len(turns)))
    tap.ok(good > 20 * len(turns), "there was load", good)
    for what in ("connection", "deferred", "unsigned", "old selector",
                 "does not verify"):
        count, example = bad.pop(what, (0, ""))
        tap.ok(count == 0, "no message: " + what,
               "%d of them, one: %s" % (count, example))
    tap.is_(bad, {}, "nothing else went wrong")
    check_samples(tap, keys, samples)


def check_samples(tap, keys, samples):
    """The real verifiers agree with what judged them all."""
    for field in samples:
        message = MESSAGE.apply([("insheader", 1, b"DKIM-Signature", field)])
        selector = load.Same.tags(field)["s"]
        first = SELECTORS.index(selector)
        for tool in ("dkimpy", "opendkim"):
            passed = sum(
                verifiers.verify(tool, [message], {
                    selector + "._domainkey.example.com": keys[k][1]
                })[0][0].passed for k in range(first, KEYS, 2))
            tap.is_(passed, 1, "%s: a sample of %s verifies with exactly one "
                               "of its keys" % (tool, selector))


def usage(sender, pids):
    """{name: (KiB, descriptors, threads)} while all connections rest."""
    sender.hold()
    last = now = None
    for _ in range(40):
        time.sleep(0.1)
        last, now = now, {n: lab.usage(p) for n, p in pids.items()}
        if last and all(now[n][1:] == last[n][1:] for n in now):
            break
    sender.go()
    return now


def check_flat(tap, early, late):
    for name, (rss, fds, threads) in late.items():
        tap.note("%s: %d KiB, %d descriptors, %d threads; before: %d, %d, %d"
                 % (name, rss, fds, threads, *early[name]))
        tap.is_(fds, early[name][1], "%s: descriptors are flat" % name)
        tap.is_(threads, early[name][2], "%s: threads are flat" % name)
        program = "keyturnd" if name == "keyturnd" else "keyturn-milter"
        if lab.is_sanitized(program):
            tap.skip("%s: memory is flat" % name, "built with a sanitizer")
            continue
        tap.ok(rss - early[name][0] <= GROWTH, "%s: memory is flat" % name,
               "grew from %d to %d KiB" % (early[name][0], rss))


def run(tap, rig, keys, rounds, chance):
    """All the turns under one load; (turns, load)."""
    turns = [put_in_place(rig, keys, 0)]
    rig.start()
    pids = {"keyturnd": rig.keyturnd.pid}
    pids.update(("worker %d" % i, p) for i, p in enumerate(rig.workers()))
    tap.is_(len(pids), 3, "keyturnd and a worker for each socket")
    turns[0].done = time.monotonic()
    sender = load.Load(rig.specs, CONNECTIONS, MESSAGE, pauses=0.05,
                       reconnects=True)
    lab.wait_for(lambda: sender.count() > CONNECTIONS, 20)
    refused, early = [], None
    for number in range(1, rounds + 1):
        why = turn_once(rig, keys, number, turns, chance)
        if why:
            refused.append(why)
        if number == max(1, rounds // 10):
            early = usage(sender, pids)
    late = usage(sender, pids)
    tap.is_(refused, [], "every keyturn reload exits 0")
    tap.is_(sender.stop(), 0, "no connection hangs")
    tap.is_((rig.keyturnd.poll(), rig.workers()),
            (None, [p for n, p in pids.items() if n != "keyturnd"]),
            "no process was replaced")
    check_flat(tap, early, late)
    return turns, sender


def main():
    lab.need("openssl")
    lab.need_verifiers()
    tap = lab.Tap(limit=240)
    seed = int(os.environ.get("KEYTURN_TEST_SEED", str(os.getpid())))
    tap.note("KEYTURN_TEST_SEED=%d" % seed)
    chance = random.Random(seed)
    rounds = lab.scale(HUPS // ROUND, 4)
    rig = lab.Lab(sockets=2)
    keys = make_keys(rig)
    rig.write("SigningTable", "*@example.com main\n")
    rig.write_conf()
    turns, sender = run(tap, rig, keys, rounds, chance)
    check_answers(tap, rig, keys, turns, sender, body_hash_of(MESSAGE))
    sender.close()
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    tap.is_(rig.faults(), [], "no sanitizer and no crash in the log")
    tap.done()


def body_hash_of(message):
    """The body hash, relaxed, by python3-dkim."""
    import base64
    import hashlib
    from dkim.canonicalization import Relaxed
    return base64.b64encode(hashlib.sha256(
        Relaxed.canonicalize_body(message.body)).digest()).decode()


if __name__ == "__main__":
    main()
