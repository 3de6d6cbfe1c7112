#!/usr/bin/python3 -B
"""What ./quickstart shows: a message signed behind a real Postfix, the key
turned with one SIGHUP, and a second message over the same SMTP connection,
each as delivered and as python3-dkim judges it.

With --keep everything stays up, and DIR/stop ends it.
"""

import json
import os
import re
import signal
import smtplib
import subprocess
import sys

import lab
import verifiers

DOMAIN = "example.com"
MESSAGE = """From: Anna <anna@example.com>
To: Bert <bert@example.org>
Subject: message %d over one SMTP connection
Date: Thu, 01 Jan 2026 12:00:00 +0000
Message-ID: <%d@example.com>

Hello Bert,

this is message number %d.
"""


def say(text):
    print("\n==> " + text, flush=True)


def show(text):
    for line in text.splitlines():
        print("    " + line)
    sys.stdout.flush()


class Demo:
    def __init__(self):
        self.rig = lab.Lab()
        self.rig.settings["sockets"] = [
            {"spec": self.rig.spec, "mode": "0666"}]
        self.count = 0

    def new_key(self, selector):
        path = self.rig.path(selector + ".pem")
        done = subprocess.run(
            [lab.program("keyturn"), "keygen", "--json", "-d", DOMAIN,
             "-s", selector, "-o", path], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, check=True, timeout=60)
        made = json.loads(done.stdout)
        self.rig.records[made["name"]] = made["value"]
        show("keyturn keygen -d %s -s %s -o %s" % (DOMAIN, selector, path))
        show("to be published: %s TXT %s..." % (
            made["name"], made["value"][:40]))
        self.rig.write("KeyTable", "main %s:%s:%s\n" % (
            DOMAIN, selector, path))

    def generation(self):
        done = self.rig.keyturn("status")
        found = re.search(rb"generation\D*(\d+)", done.stdout)
        return int(found.group(1)) if found else 0

    def send(self, smtp):
        """One message; what was delivered."""
        self.count += 1
        text = (MESSAGE % ((self.count,) * 3)).replace("\n", "\r\n")
        smtp.sendmail("anna@example.com", ["bert@example.org"], text.encode())
        found = self.postfix.wait_delivered(self.count)
        for data in found.values():
            if b"<%d@example.com>" % self.count in data:
                return data
        raise RuntimeError("message %d was not delivered; log:\n%s"
                           % (self.count, self.rig.log_text()[-2000:]))

    def judge(self, message, selector):
        """Print d=, s= and the verdict; whether it is as it should be."""
        show(message.decode().replace("\r\n", "\n"))
        print()
        outcomes = verifiers.verify("dkimpy", [message], self.rig.records)[0]
        for o in outcomes:
            print("message %d: d=%s s=%s %s (python3-dkim)" % (
                self.count, o.domain, o.selector,
                "pass" if o.passed else "FAIL: " + o.reason))
        return [(o.selector, o.passed) for o in outcomes] == [(selector, True)]

    def turn(self):
        say("The key is turned: another KeyTable, then SIGHUP")
        before = self.generation()
        self.new_key("new")
        show("kill -HUP %d" % self.rig.keyturnd.pid)
        os.kill(self.rig.keyturnd.pid, signal.SIGHUP)
        if not lab.wait_for(lambda: self.generation() > before, 10):
            raise RuntimeError("no reload; log:\n" + self.rig.log_text())

    def run(self):
        say("keyturnd with a fresh key for " + DOMAIN)
        self.new_key("old")
        self.rig.write("SigningTable", "*@%s main\n" % DOMAIN)
        self.rig.write_conf()
        self.rig.start()
        show("keyturnd is process %d" % self.rig.keyturnd.pid)
        self.postfix = self.rig.postfix()
        show("Postfix listens on 127.0.0.1 port %d" % self.postfix.port)
        with smtplib.SMTP("127.0.0.1", self.postfix.port, timeout=60) as smtp:
            say("The first message, as delivered")
            good = self.judge(self.send(smtp), "old")
            self.turn()
            say("The second message, over the same SMTP connection")
            good = self.judge(self.send(smtp), "new") and good
        return good

    def keep(self):
        """Leave it all to the user, with a script that ends it."""
        rig = self.rig
        stop = rig.write("stop", "#!/bin/sh\n%s stop %s\nkill %d\n"
                         "sleep 1\nrm -rf %s\n" % (
                             os.path.join(lab.HERE, "postfix-lab"),
                             self.postfix.dir, rig.keyturnd.pid, rig.dir),
                         0o755)
        say("Kept running.  Try:")
        show("swaks --server 127.0.0.1 --port %d --from a@%s --to b@example."
             "org" % (self.postfix.port, DOMAIN))
        show("ls %s/mail/new         # what was delivered" % self.postfix.dir)
        show("%s -c %s status" % (lab.program("keyturn"), rig.conf_path))
        show("tail -f %s             # the log" % rig.path("log"))
        show("%s                     # ends it and removes everything" % stop)
        rig.forget()


def main():
    demo = Demo()
    try:
        good = demo.run()
    except (RuntimeError, OSError, subprocess.SubprocessError) as e:
        print("quickstart: %s" % e, file=sys.stderr)
        good = False
    if good:
        print("\nBoth messages are signed and verified, each with the key "
              "that was in force.")
        if "--keep" in sys.argv:
            demo.keep()
    elif demo.rig.keyturnd is not None:
        print(demo.rig.log_text()[-4000:], file=sys.stderr)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
