"""Running one request of a publisher, by t/dns/publish_one."""

import base64
import json
import os
import subprocess

import lab

EMPTY = "v=DKIM1; k=rsa; p="


def publish_one(args, command=(), env=None, timeout=60):
    """Its stdout; a hanging one is killed."""
    program = lab.program("t/dns/publish_one")
    done = subprocess.run(
        [program, *("%s=%s" % a for a in args.items()),
         *(["--", *command] if command else [])],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
        timeout=timeout * lab.slow(), env=env and {**os.environ, **env})
    if done.returncode:
        raise RuntimeError("publish_one: exit code %d" % done.returncode)
    return done.stdout


def publish(action, command=(), env=None, **args):
    """(result, error, told)."""
    said = json.loads(publish_one({**args, "action": action}, command, env))
    return said["result"], said["error"], said["told"]


def record(length, kind="rsa"):
    """A record as long as that of a key with p= of so many bytes."""
    return "v=DKIM1; k=%s; p=%s" % (
        kind, base64.b64encode(os.urandom(length)).decode())
