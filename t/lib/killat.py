"""Programs that die, or run out of room, at a chosen call.

killat.c says which calls count.  A test asks how many there are and then goes
through them all:

    killat.need("keyturn")
    command = [lab.program("keyturn"), "-c", conf, "tick"]
    prepare()
    points = killat.points(command)
    for what, done in killat.deaths(command, points, prepare):
        ... done.killed, and the state is as before or as after ...
    for what, done in killat.failures(command, points, prepare, "ENOSPC"):
        ... done.returncode, killat.ERRNOS["ENOSPC"] in done.output ...

prepare() is called before each run and makes the state from which the command
starts; what names the run in an error.  The program itself must be started, not
a shell around it; the programs that it runs are left alone.
"""

import os
import signal
import struct
import subprocess
import tempfile

import lab

ERRNOS = {"ENOSPC": "No space left on device",
          "EROFS": "Read-only file system",
          "EIO": "Input/output error"}

LIBRARY = os.path.join(lab.BUILD, "t/lib/killat.so")


def need(*programs):
    """Skip the test where it cannot work."""
    for name in programs:
        if lab.is_sanitized(name):
            lab.skip_all("a sanitizer and a preloaded library exclude each "
                         "other", is_fine=True)
    if not os.path.exists(LIBRARY):
        lab.skip_all("%s is not built" % LIBRARY)


NAMES_MAX, NAME_BYTES = 2048, 64


class Done:
    """How a run ended: killed, or returncode; its output; how many calls it
    made, whether the one that was acted on is a write, and the calls by name:
    ["rename ring.conf"]."""

    def __init__(self, returncode, output, calls, is_write, names):
        self.killed = returncode == -signal.SIGKILL
        self.returncode, self.output = returncode, output
        self.calls, self.is_write, self.names = calls, is_write, names

    def __repr__(self):
        return "status %d after %d calls: %s" % (self.returncode, self.calls,
                                                 self.output)


def run(command, point=0, after=False, half=False, errno=None, timeout=60,
        env=None, **more):
    """Run command and let it end at that point (0: not at all)."""
    env = dict(os.environ if env is None else env)
    preload = env.get("LD_PRELOAD", "")
    env["LD_PRELOAD"] = LIBRARY + (":" + preload if preload else "")
    env["KILLAT"] = str(point)
    if after:
        env["KILLAT_AFTER"] = "1"
    if half:
        env["KILLAT_HALF"] = "1"
    if errno:
        env["KILLAT_ERRNO"] = errno
    with tempfile.NamedTemporaryFile(prefix="keyturn-killat.") as count:
        count.truncate(16 + NAMES_MAX * NAME_BYTES)
        # The program may run as somebody else after a while.
        os.chmod(count.name, 0o666)
        env["KILLAT_COUNT"] = count.name
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, env=env,
                              timeout=timeout * lab.slow(),
                              **{"stdin": subprocess.DEVNULL, **more})
        count.seek(0)
        calls, is_write = struct.unpack("=QQ", count.read(16))
        names = [count.read(NAME_BYTES).split(b"\0")[0].decode()
                 for _ in range(min(calls, NAMES_MAX))]
    return Done(done.returncode, done.stdout.decode("utf-8", "replace"),
                calls, bool(is_write), names)


def points(command, **more):
    """How many points a run of command has that goes to its end."""
    return run(command, **more).calls


def deaths(command, count, prepare, **more):
    """Kill command before, after and, if it writes, in the middle of each
    call."""
    for point in range(1, count + 1):
        for how in ("before", "after", "half of"):
            prepare()
            done = run(command, point, after=how == "after",
                       half=how == "half of", **more)
            yield "killed %s call %d" % (how, point), done
            if how == "after" and not done.is_write:
                break


def failures(command, count, prepare, errno, **more):
    """Let each call and all later ones fail."""
    for point in range(1, count + 1):
        prepare()
        yield ("%s from call %d" % (errno, point),
               run(command, point, errno=errno, **more))
