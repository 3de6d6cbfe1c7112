#!/usr/bin/python3 -B
"""Every message of the corpus, in all four canonicalizations, signed with RSA
and Ed25519 at once: the signatures verify elsewhere, the body hash is the one
in BODYHASH, and where the body was cut in transit makes no difference."""

import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import corpus            # noqa: E402
import lab               # noqa: E402
import milter_client as mc  # noqa: E402
import verifiers         # noqa: E402

FORMS = ("simple", "relaxed")
SELECTORS = ("s-rsa", "s-ed25519")


def ours(message):
    """{selector: tags} of the signatures that our keys made."""
    found = [verifiers.tags(f) for f in verifiers.signatures(message)]
    return {t["s"]: t for t in found if t.get("s") in SELECTORS}


def signed_right(case, result, header, body):
    """Why the milter's answer is not what it should be, or nothing."""
    if not result.passed:
        return "%s at %s %r" % (result.verdict, result.stage, result.reply)
    for mod in result.modifications:
        if mod[0] != "insheader" or mod[2] != b"DKIM-Signature":
            return "asks for %r" % (mod[:3],)
        if mod[1] != 1:
            return "inserted at %d, not below Received" % mod[1]
        if b"\r" in mod[3]:
            return "a CR in the added field: Postfix would double it"
    made = ours(result.sent)
    if sorted(made) != sorted(SELECTORS) or len(result.modifications) != 2:
        return "signatures: %s" % sorted(made)
    for t in made.values():
        if t["c"] != "%s/%s" % (header, body):
            return "c=%s" % t["c"]
        if t["bh"] != case.body_hash[body]:
            return "bh=%s, BODYHASH has %s" % (t["bh"], case.body_hash[body])
    return ""


def send(connection, case, **args):
    if "null-sender" in case.options:
        args["sender"] = b"<>"
    return connection.send(mc.Message.parse(case.data), **args)


def cut_wrong(connection, case, body):
    """Send it cut at every place and byte by byte; what went wrong."""
    length = len(mc.Message.parse(case.data).body)
    cuts = [[i] for i in range(1, length)] + [1]
    for chunks in cuts:
        result = send(connection, case, chunks=chunks)
        hashes = {t["bh"] for t in ours(result.sent or b"").values()}
        if hashes != {case.body_hash[body]}:
            return "cut %r: bh=%s" % (chunks, sorted(hashes))
    return ""


def verdicts(tools, messages, records):
    """{tool: [{selector: Outcome}]}; the slow ones side by side."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = {t: pool.submit(verifiers.verify, t, messages, records)
                for t in tools}
        return {t: [{o.selector: o for o in outcomes}
                    for outcomes in job.result()]
                for t, job in jobs.items()}


def judge(tap, cases, sent, said, form, wrong):
    """One check for each message."""
    for i, case in enumerate(cases):
        why = wrong[case.name]
        for tool, outcomes in said.items():
            if why or sent[i] is None or not case.asks(tool, *form):
                continue
            for selector in SELECTORS:
                if tool == "maildkim" and selector == "s-ed25519":
                    continue
                o = outcomes[i].get(selector)
                if o is None or not o.passed:
                    why = "%s, %s: %s" % (
                        tool, selector, o.reason if o else "not seen")
        tap.ok(not why, "%s in %s/%s" % (case.name, *form), why)


def run_form(tap, rig, connection, cases, form, tools):
    wrong, sent = {}, []
    for case in cases:
        try:
            result = send(connection, case)
            wrong[case.name] = signed_right(case, result, *form)
            # Cuts touch the body alone: once for each of its forms.
            if ("cut" in case.options and not wrong[case.name]
                    and form[0] == form[1]):
                wrong[case.name] = cut_wrong(connection, case, form[1])
            sent.append(result.sent)
        except mc.MilterError as e:
            wrong[case.name] = str(e)
            sent.append(None)
            connection = mc.Connection(rig.spec, timeout=60)
    said = verdicts(tools, [s or b"" for s in sent], rig.records)
    judge(tap, cases, sent, said, form, wrong)
    return connection


def check_verifiers(tap, rig, connection, tools):
    """The verifiers can say no, or their yes would be worth nothing."""
    case = corpus.Case("body-one-line", "", "")
    sent = send(connection, case).sent
    damaged = {"body": sent.replace(b"Hello", b"Hallo"),
               "header": sent.replace(b"Subject: a", b"Subject: b"),
               "added field": sent.replace(
                   b"Subject: a", b"Subject: x\r\nSubject: a")}
    for name, message in damaged.items():
        for tool in tools:
            outcomes = verifiers.verify(tool, [message], rig.records)[0]
            tap.ok(outcomes and not any(o.passed for o in outcomes),
                   "%s rejects: %s changed" % (tool, name), outcomes)


def main():
    tools = lab.need_verifiers()
    lab.need("openssl")
    tap = lab.Tap(limit=300)
    cases = corpus.load()
    tap.ok(len(cases) >= 150, "at least 150 cases")
    rig = lab.Lab()
    rig.simple(("rsa", "ed25519"))
    rig.start()
    connection = mc.Connection(rig.spec, timeout=60)
    check_verifiers(tap, rig, connection, tools)
    for form in [(h, b) for h in FORMS for b in FORMS]:
        if lab.SCALE < 1 and form[0] != form[1]:
            continue
        rig.write_conf(canonicalization="%s/%s" % form)
        tap.is_(rig.reload()[0], 0, "reload to %s/%s" % form)
        connection = run_form(tap, rig, connection, cases, form, tools)
    connection.quit()
    tap.is_(rig.stop(), 0, "keyturnd ends with 0")
    tap.is_(rig.faults(), [], "no sanitizer and no crash in the log")
    tap.done()


if __name__ == "__main__":
    main()
