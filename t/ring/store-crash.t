#!/usr/bin/python3 -B
"""The store of rings, killed at every call that changes a file, and with a disk
that is full, read-only or broken from there on: the ring is as before or as
after, it always loads, and the next one who locks it goes on."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
import killat  # noqa: E402
import lab  # noqa: E402

tap = lab.Tap(limit=300)
killat.need("t/ring/store")
# Thousands of fsyncs, of which none has to outlive this machine.
if os.access("/dev/shm", os.W_OK | os.X_OK):
    tempfile.tempdir = "/dev/shm"
rig = lab.Lab()
STORE = lab.program("t/ring/store")
RINGS = rig.path("rings")
RING = os.path.join(RINGS, "example.com")
BASE = rig.path("base")


def store(verb):
    return subprocess.run([STORE, RINGS, verb], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False)


def must(verb):
    done = store(verb)
    if done.returncode != 0:
        raise RuntimeError("%s: %s" % (verb, done.stdout))


def show():
    """The ring as it is read, and as it is with the lock."""
    lines = store("show").stdout.decode().splitlines()
    return [line.replace(rig.dir, "") for line in lines]


def files():
    """{name: bytes} of the ring, but for the lock."""
    found = {}
    if os.path.isdir(RING):
        for name in os.listdir(RING):
            if name != "lock":
                with open(os.path.join(RING, name), "rb") as f:
                    found[name] = f.read()
    return found


def keep_old(name):
    """Two steps, and the file as it was before them."""
    saved = files()[name]
    must("step")
    must("step")
    put(name, saved)


def put(name, data):
    with open(os.path.join(RING, name), "wb") as f:
        f.write(data)


def old_conf():
    keep_old("ring.conf")


def old_journal():
    keep_old("journal")


def damaged_journal():
    put("journal", files()["journal"].replace(b"a step", b"a stop", 1))


def torn_journal():
    put("journal", files()["journal"] + b'{"step":7,"ti')


def line_ahead():
    """What a writer left that died before the rename."""
    saved = files()["ring.conf"]
    must("step")
    put("ring.conf", saved)


def strangers():
    """What is not the store's."""
    put("notes.txt", b"not keyturn's\n")


# Name, steps that lead to it, what is then done to the files, the verb.
SCENES = (
    ("a first commit", (), None, "create"),
    ("a step", ("create", "step"), strangers, "step"),
    ("a step behind a line that was torn", ("create", "step"), torn_journal,
     "step"),
    ("a step behind a line that is ahead", ("create", "step"), line_ahead,
     "step"),
    ("a key more", ("create",), None, "add"),
    ("a key file less", ("create", "add"), None, "delete"),
    ("repair of an old ring.conf", ("create",), old_conf, "repair"),
    ("repair of an old journal", ("create",), old_journal, "repair"),
    ("repair of a damaged journal", ("create", "step"), damaged_journal,
     "repair"),
)


class Scene:
    """One verb from one state: what may be seen at any time."""

    def __init__(self, name, steps, spoil, verb):
        self.name, self.verb = name, verb
        shutil.rmtree(RINGS, ignore_errors=True)
        os.mkdir(RINGS, 0o700)
        for step in steps:
            must(step)
        if spoil:
            spoil()
        shutil.rmtree(BASE, ignore_errors=True)
        shutil.copytree(RINGS, BASE)
        self.files = files()
        self.before = show()
        self.again()
        self.command = [STORE, RINGS, verb]
        done = killat.run(self.command)
        self.points = done.calls
        self.after = show()
        tap.ok(done.returncode == 0 and self.after != self.before and
               not self.after[1].startswith("none"),
               "%s: %d calls" % (name, self.points), (done, self.after))
        # A key's file goes before the commit that says so.
        self.between = [line.replace("s1 generated good", "s1 generated lost")
                        for line in self.before]

    def again(self):
        shutil.rmtree(RINGS)
        shutil.copytree(BASE, RINGS)

    def is_known(self, seen):
        if seen in (self.before, self.after, self.between):
            return True
        # A repair that died may leave other work for the next one.
        return self.verb == "repair" and all("run `keyturn repair" in line
                                             for line in seen)

    def goes_on(self, seen):
        """From what was seen, the same verb leads to the end."""
        if seen == self.after:
            return True
        if store(self.verb).returncode != 0:
            return False
        seen = show()
        if self.verb == "repair":
            # Each repair is a step of its own.
            return [l.split(":")[1] for l in seen] == \
                [l.split(":")[1] for l in self.after]
        return seen == self.after

    def faults(self):
        """What must never be, whatever happened."""
        found = files()
        wrong = ["half a key: " + n for n, data in found.items()
                 if n.endswith(".pem") and
                 not data.endswith(b"-----END PRIVATE KEY-----\n")]
        if "notes.txt" in self.files and \
                found.get("notes.txt") != self.files["notes.txt"]:
            wrong.append("another's file is gone")
        seen = show()
        if not self.is_known(seen):
            wrong.append("the ring is %r" % seen)
        # show has locked it: nothing half-written outlives that.
        if seen[1].startswith("step"):
            wrong += ["left over: " + n for n in files() if n.endswith(".new")]
        if not wrong and not self.goes_on(seen):
            wrong.append("no way on: %r" % show())
        return wrong

    def kill(self):
        """Killed at each call, in each way."""
        wrong = []
        for what, done in killat.deaths(self.command, self.points, self.again):
            bad = self.faults()
            if not done.killed:
                bad.append("not killed: %r" % done)
            wrong += ["%s: %s" % (what, b) for b in bad]
        tap.is_(wrong[:9], [], "%s: killed at every call" % self.name)

    def fail(self, errno):
        """Every call fails from some call on."""
        wrong = []
        for what, done in killat.failures(self.command, self.points,
                                          self.again, errno):
            bad = []
            if done.returncode == 0:
                # What failed was not needed.
                if show() != self.after:
                    bad.append("done, but the ring is %r" % show())
            elif done.returncode != 1 or \
                    killat.ERRNOS[errno] not in done.output:
                bad.append("%r" % done)
            elif errno == "ENOSPC" and self.verb != "delete" and \
                    not self.is_untouched():
                bad.append("%r is left of %r" % (sorted(files()),
                                                 sorted(self.files)))
            wrong += ["%s: %s" % (what, b) for b in bad + self.faults()]
        tap.is_(wrong[:9], [], "%s: %s from every call on"
                % (self.name, errno))

    def is_untouched(self):
        """The files are as before, or with a crash's traces removed."""
        found = files()
        if self.verb == "repair":
            # Between the two renames there is no way back: the old journal
            # stays beside the new one, for the next repair.
            return set(found) - {"journal.1"} == set(self.files)
        return found == self.files or (
            sorted(found) == sorted(self.files) and show() == self.before)


for scene in SCENES:
    s = Scene(*scene)
    s.kill()
    for number in killat.ERRNOS:
        s.fail(number)
rig.clean()
tap.done()
