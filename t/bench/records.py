#!/usr/bin/python3
"""What `load -o FILE` wrote: reading it, and verifying it offline.

    records.py [-t VERIFIER] [-m COUNT] FILE RECORDS

RECORDS has a line for each key: its name in the DNS, a space, its record.
Prints how many messages had which outcome and how many signatures verify, and
exits with 1 if one does not, or if a message counted as signed has none.
"""

import argparse
import collections
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

# Times in ns of CLOCK_MONOTONIC, as time.monotonic_ns() gives them: MAIL was
# sent, end of message was sent, the verdict was there.  outcome is signed,
# unsigned, tempfail, reject or lost.  message is what an MTA would send on,
# the inserted fields on top.
Record = collections.namedtuple(
    "Record", "mail asked answered connection number outcome inserted message")


def read(path):
    """All records of a file, one after the other, in order of their end."""
    with open(path, "rb") as f:
        while True:
            line = f.readline()
            if not line:
                return
            words = line.split()
            if len(words) != 8 or not line.endswith(b"\n"):
                raise ValueError("%s: not a record: %r" % (path, line[:100]))
            numbers = [int(w) for w in words[:5] + words[6:]]
            inserted, message = f.read(numbers[5]), f.read(numbers[6])
            if len(inserted) + len(message) != sum(numbers[5:]):
                raise ValueError("%s: cut short" % path)
            yield Record(*numbers[:5], words[5].decode(), inserted,
                         inserted + message)


def read_keys(path):
    with open(path, encoding="ascii") as f:
        return dict(line.strip().split(None, 1) for line in f if line.strip())


def verify(records, keys, tool="dkimpy"):
    """(good, [(record, outcome)]): what signatures verify and which not.

    A signed message without any signature is among the bad, with None.
    """
    import verifiers
    records = [r for r in records if r.outcome == "signed"]
    good, bad = 0, []
    outcomes = verifiers.verify(tool, [r.message for r in records], keys)
    for record, found in zip(records, outcomes):
        if not found:
            bad.append((record, None))
        for outcome in found:
            if outcome.passed:
                good += 1
            else:
                bad.append((record, outcome))
    return good, bad


def main():
    parser = argparse.ArgumentParser(
        description="Verify what the load generator recorded.")
    parser.add_argument("-t", default="dkimpy", metavar="VERIFIER",
                        help="dkimpy, opendkim or maildkim")
    parser.add_argument("-m", type=int, metavar="COUNT",
                        help="verify only the first COUNT messages")
    parser.add_argument("file")
    parser.add_argument("records")
    args = parser.parse_args()
    records = list(read(args.file))
    counts = collections.Counter(r.outcome for r in records)
    good, bad = verify(records[:args.m], read_keys(args.records), args.t)
    for outcome, count in sorted(counts.items()):
        print("%s: %d" % (outcome, count))
    print("signatures that verify: %d" % good)
    print("signatures that do not: %d" % len(bad))
    for record, outcome in bad[:10]:
        print("message %d: %s" % (record.number, outcome or "no signature"))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
