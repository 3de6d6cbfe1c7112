#!/usr/bin/python3
"""How the worker starts, or says why it does not."""

import grp
import os
import resource
import signal
import socket
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lib")]

import milter_client as mc
from lab import Tap, free_port, is_alive, processes, program, wait_for
from worker import Worker

tap = Tap(60)


def run(w, *args, conf=True):
    """(status, output) of a start that does not succeed."""
    args = [*(["-c", w.conf] if conf else []), *args]
    p = subprocess.run([program("keyturn-milter"), *args], timeout=20,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    return p.returncode, p.stdout.decode()


def fails(w, status, text, name, *args, conf=True):
    got = run(w, *args, conf=conf)
    tap.ok(got[0] == status and text in got[1],
           "%s: exit %d, %s" % (name, status, text), got)


w = Worker()
fails(w, 0, "keyturn-milter ", "-V", "-V")
fails(w, 64, "usage: keyturn-milter", "an unknown option", "-x")
fails(w, 64, "usage: keyturn-milter", "an argument", "x")
fails(w, 64, "-P: invalid: x", "-P without a number", "-P", "x")
fails(w, 69, "which started this one, is gone", "another parent", "-P", "1")
fails(w, 78, "/nonexistent/keyturn.conf", "no configuration", "-c",
      "/nonexistent/keyturn.conf", conf=False)
fails(w, 78, "sockets: does not have unix:/other", "a socket that is not there",
      "-s", "unix:/other")
with open(w.conf, "a") as f:
    f.write("nonsense = 1;\n")
fails(w, 78, "nonsense", "a setting that is none")

w.write_conf(sockets=["unix:%s/none/m.sock" % w.dir])
fails(w, 69, "none/m.sock: cannot make a socket in its directory",
      "a missing directory")
w.write_conf(sockets=[w.spec])
with open(w.sock, "w") as f:
    f.write("precious")
fails(w, 69, "milter.sock: is there and is no socket", "a file in the place")
tap.ok(os.path.getsize(w.sock) == 8, "which stays as it is")
os.unlink(w.sock)
other = socket.socket(socket.AF_UNIX)
other.bind(w.sock)
other.listen(1)
fails(w, 69, "milter.sock: another process listens on it", "a live socket")
other.close()
tap.ok(os.path.exists(w.sock), "a socket is left from a dead process")
w.start(keeper=False)
tap.ok(w.is_there(), "and replaced")
tap.is_(stat.S_IMODE(os.stat(w.sock).st_mode), 0o660, "mode 0660 by default")
fails(w, 69, "another process listens on it", "a second worker")
tap.ok(w.is_there(), "and the first one still serves")
w.stop()

inherited = socket.socket()
inherited.listen(1)
w.start(keeper=False, pass_fds=[inherited.fileno()])
fds = "/proc/%d/fd" % w.process.pid
tap.ok(os.readlink("/proc/self/fd/%d" % inherited.fileno()) not in
       [os.readlink(os.path.join(fds, fd)) for fd in os.listdir(fds)],
       "a listening socket that was inherited is closed")
w.stop()

limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
w.start(keeper=False)
resource.setrlimit(resource.RLIMIT_NOFILE, limits)
soft = resource.prlimit(w.process.pid, resource.RLIMIT_NOFILE)[0]
tap.is_(soft, min(limits[1], 65536), "256 descriptors: it takes more")
w.stop()

group = grp.getgrnam("daemon")
w.write_conf(sockets=[{"spec": w.spec, "mode": "0606", "group": group.gr_name}])
if os.geteuid() == 0:
    w.start(keeper=False)
    st = os.stat(w.sock)
    tap.is_((stat.S_IMODE(st.st_mode), st.st_gid), (0o606, group.gr_gid),
            "mode and group of the configuration")
    w.process.terminate()
    tap.is_(w.wait_exit(), 0, "stops")
    os.chmod(w.dir, 0o777)
    p = subprocess.run([program("keyturn-milter"), "-c", w.conf], timeout=20,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, user=65534, group=65534,
                       extra_groups=[])
    tap.ok(p.returncode == 69 and b"cannot give it to group" in p.stdout,
           "a group that it may not give it to: 69", p.stdout)
    tap.ok(not os.path.exists(w.sock), "and no socket is left")
    os.chmod(w.dir, 0o755)
else:
    tap.skip("mode and group of the configuration", "needs root")
    tap.skip("stops", "needs root")
w.write_conf(sockets=[{"spec": w.spec, "group": "no-such-group"}])
fails(w, 78, "no-such-group", "an unknown group")

# inet, and a port that is taken.
port = free_port()
w.write_conf(sockets=["inet:%d@127.0.0.1" % port])
w.spec = "inet:%d@127.0.0.1" % port
w.start(keeper=False)
tap.ok(w.is_there(), "an inet socket")
fails(w, 69, "libmilter cannot listen", "a port that is taken")
w.process.terminate()
tap.is_(w.wait_exit(), 0, "stops")

# Several sockets: a supervisor with one child each.
v = Worker()
specs = ["unix:%s/%d.sock" % (v.dir, i) for i in range(2)]
v.write_conf(sockets=specs)
v.spec = specs[1]
v.start(keeper=False)
v.spec = specs[0]
tap.ok(wait_for(v.is_there), "two sockets, both served")


def children():
    return [p for p, parent in parents().items() if parent == v.process.pid]


def parents():
    found = {}
    for pid in os.listdir("/proc"):
        if pid.isdigit():
            try:
                with open("/proc/%s/stat" % pid) as f:
                    text = f.read()
                found[int(pid)] = int(text[text.rindex(")") + 2:].split()[1])
            except OSError:
                pass
    return found


kids = children()
tap.is_(len(kids), 2, "two children")
os.kill(v.process.pid, signal.SIGHUP)
os.kill(kids[0], signal.SIGKILL)
tap.ok(wait_for(lambda: len(children()) == 2 and kids[0] not in children(), 5),
       "one is killed and started again; SIGHUP does nothing")
tap.ok(wait_for(v.is_there), "and serves")
kids = children()
v.process.terminate()
tap.is_(v.wait_exit(), 0, "SIGTERM: exit 0")
tap.ok(wait_for(lambda: not any(is_alive(p) for p in kids)),
       "and no child is left")

# A worker whose parent dies.
code = ("import subprocess, os, sys, time; "
        "p = subprocess.Popen([sys.argv[1], '-c', sys.argv[2], '-s', "
        "sys.argv[3], '-P', str(os.getpid())]); print(p.pid, flush=True); "
        "time.sleep(30)")
parent = subprocess.Popen(
    ["/usr/bin/python3", "-c", code, program("keyturn-milter"), v.conf,
     specs[0]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
child = int(parent.stdout.readline())
tap.ok(wait_for(v.is_there), "started by a parent")
parent.kill()
parent.wait()
if not tap.ok(wait_for(lambda: not is_alive(child)), "ends when it dies"):
    os.kill(child, signal.SIGKILL)
parent.stdout.close()
tap.done()
