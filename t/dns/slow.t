#!/usr/bin/python3 -B
"""A hostile zone: a CNAME to a name of a hundred labels, at a server that takes
its time for each.  It holds up its own look, for a while, and no other's."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import dnslab            # noqa: E402
import lab               # noqa: E402
import looking           # noqa: E402

TIMEOUT = 1
BOUND = 12 * TIMEOUT  # SURVEY_TIMEOUTS of ctl/survey.h

net = dnslab.DnsLab()
lab.need("nsd", "unbound")
tap = lab.Tap(90)
GOOD = looking.key_record(1)
zone = net.zone("example.com", {"ns1.example.com": ["10.53.1.1"]})
far = "a." * 100 + "far.example."
zone.set("k1._domainkey", "CNAME", far)
zone.set("k2._domainkey", "TXT", '"%s"' % GOOD)
slow = net.zone("far.example", {"ns1.far.example": ["10.53.1.2"]})
slow.set(far, "TXT", '"%s"' % GOOD)
net.nsd("a", ["10.53.1.1"], [zone])
b = net.nsd("b", ["10.53.1.2"], [slow], proxied=True)
net.start_root()
see = looking.Looker(net, timeout=TIMEOUT)

got = see.look("example.com", "k1", GOOD)
tap.is_(got["sight"], "complete", "a long name alone is no fault")
b.fault("delay=0.3")
begin = time.monotonic()
got = see.look("example.com", "k1", GOOD)
took = time.monotonic() - begin
tap.is_(got["sight"], "unanswered", "no proof from a zone that takes so long")
tap.ok("it takes too long to find the zone of a.a." in got["text"],
       "which is said", got["text"])
tap.ok(took < (BOUND + 6) * lab.slow(), "it ends after %.1f s" % took, took)
b.fault()
tap.is_(see.look("example.com", "k2", GOOD)["sight"], "complete",
        "the other key of the zone is seen")
tap.done()
