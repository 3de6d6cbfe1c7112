"""Looks records up with t/dns/look, for the tests here."""

import base64
import json
import os
import subprocess

import lab


def key_record(fill, bits="a"):
    """A record that is right in form; its key, an Ed25519 one, is made up."""
    return "v=DKIM1; k=ed25519; p=" + base64.b64encode(
        bytes([fill]) * 32).decode()


class Looker:
    """settings: those of `dns` in keyturn.conf."""

    def __init__(self, net, name="look", **settings):
        self.conf = net.path(name + ".conf")
        self.memory = net.path(name + ".servers")
        self.base = {"resolver": [net.resolver], "timeout": 1, **settings}
        self.set()

    def set(self, rotation=None, **settings):
        """Other settings, until the next set()."""
        with open(self.conf, "w", encoding="ascii") as f:
            f.write("dns = %s;\n" % lab.setting({**self.base, **settings}))
            if rotation:
                f.write("rotation = %s;\n" % lab.setting(rotation))

    def run(self, lines, memory=False, env=None):
        done = subprocess.run(
            [lab.program("t/dns/look"), self.conf,
             *([self.memory] if memory else [])],
            input="".join(l + "\n" for l in lines).encode(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
            timeout=60 * lab.slow(), env=env and {**os.environ, **env})
        if done.returncode or done.stderr:
            raise RuntimeError("look: exit %d, %s" % (
                done.returncode, done.stderr.decode()))
        return [json.loads(l) for l in done.stdout.decode().splitlines()]

    def look(self, domain, selector, record="", ask_resolver=False, **more):
        line = "%s %s %s" % (domain, selector, record)
        return self.run(["? " + line if ask_resolver else line], **more)[0]
