#!/usr/bin/python3 -B
"""Turns by the calendar: those of fifty domains are spread over the interval,
and none begins on a day that is closed, says `keyturn plan`."""

import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import ringlab           # noqa: E402

COUNT, INTERVAL, YEARS = 50, 90, 2
DOMAINS = ["d%02d.example" % i for i in range(COUNT)]
# One that goes over the end of the year, and one day; see closed_once.
BLACKOUT = ["12-18/01-06", "05-01"]


def closed_once(now):
    """Three weeks of next year, and of that only."""
    return (datetime.date(now.year + 1, 3, 10),
            datetime.date(now.year + 1, 3, 30))


def is_open(day, once, weekdays):
    if weekdays == "mon-thu" and day.weekday() > 3:
        return False
    if (day.month, day.day) >= (12, 18) or (day.month, day.day) <= (1, 6):
        return False
    return (day.month, day.day) != (5, 1) and not once[0] <= day <= once[1]


class Calendar:
    def __init__(self, tap):
        self.tap, self.net = tap, dnslab.DnsLab()
        self.net.fake_env()
        self.net.start_root()
        self.net.unbound(env=self.net.fake_env())
        now = datetime.datetime.fromtimestamp(self.net.now(),
                                              datetime.timezone.utc)
        self.once = closed_once(now)
        self.until = now + datetime.timedelta(days=YEARS * 365)
        self.rings = ringlab.RingLab(self.net, publisher={"type": "manual"},
                                     rotation=self.rotation())

    def rotation(self, **changes):
        rules = {"interval": "%dd" % INTERVAL, "retire_after": "14d",
                 "weekdays": "mon-thu", "algorithms": ["rsa1024"],
                 "blackout": BLACKOUT + ["%s/%s" % self.once]}
        rules.update(changes)
        return rules

    def turns(self, **changes):
        """When each ring turns, its first key aside."""
        self.rings.rig.write_conf(rotation=self.rotation(**changes))
        done = self.rings.keyturn(
            "plan", "--json", "--until",
            self.until.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.tap.is_((done.code, done.err), (0, ""), "plan: %s" % changes)
        out = {d: [] for d in DOMAINS}
        for step in json.loads(done.out)["steps"]:
            if step["step"] == "activate":
                out[step["domain"]].append(datetime.datetime.strptime(
                    step["when"], "%Y-%m-%dT%H:%M:%SZ"))
        return {d: sorted(t)[1:] for d, t in out.items()}

    def spread(self, turns, begin):
        """How many turns begin in each ninth of the interval from begin."""
        parts = 9 * [0]
        for times in turns.values():
            for t in times:
                days = (t - begin).total_seconds() / 86400
                if 0 <= days < INTERVAL:
                    parts[int(days * 9 / INTERVAL)] += 1
        return parts


def main():
    tap = lab.Tap(120)
    c = Calendar(tap)
    done = c.rings.keyturn("add", "-", stdin="\n".join(DOMAINS).encode())
    tap.is_((done.code, done.err), (0, ""), "fifty domains, added together")

    turns = c.turns()
    days = [t.date() for times in turns.values() for t in times]
    tap.ok(len(days) >= COUNT * (YEARS * 365 // INTERVAL - 1),
           "every ring turns every quarter", len(days))
    bad = [str(d) for d in days if not is_open(d, c.once, "mon-thu")]
    tap.is_(bad, [], "no turn on a closed day, in two years")
    tap.ok({d.weekday() for d in days} == {0, 1, 2, 3},
           "turns on each of the open days of the week")
    gaps = [(b - a).days for times in turns.values()
            for a, b in zip(times, times[1:])]
    tap.ok(gaps and max(gaps) <= INTERVAL + 24 and min(gaps) >= INTERVAL / 4,
           "no key lives much longer or shorter than the interval",
           "%s to %s days" % (min(gaps), max(gaps)))

    free = c.turns(weekdays="any", blackout=[])
    begin = min(t for times in free.values() for t in times)
    parts = c.spread(free, begin)
    tap.is_(sum(parts), COUNT, "one turn a domain in an interval")
    tap.ok(min(parts) >= 1 and max(parts) <= 14,
           "spread over the interval: %s a ninth" % parts)
    gaps = {round((b - a).total_seconds()) for times in free.values()
            for a, b in zip(times, times[1:])}
    tap.is_(gaps, {INTERVAL * 86400}, "and each exactly an interval apart")

    together = c.turns(weekdays="any", blackout=[], stagger=False)
    firsts = [times[0] for times in together.values()]
    tap.ok((max(firsts) - min(firsts)).total_seconds() < 86400,
           "stagger = false: all on one day")
    tap.done()


if __name__ == "__main__":
    lab.need("knotd", "unbound", root=True)
    main()
