# SPDX-License-Identifier: MIT
"""Programs to be measured: how each is started as a hub on one port of 127.0.0.1, and stopped.

Every hub is our own process on a port of our choice: services that a package may have started are
never used, because the listening socket must belong to the process that was started here.
"""
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

from kit import machine

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Contender:
    """One row of the report. `command(port, bytes, scratch)` gives the arguments."""

    def __init__(self, name, role, command, proto="plain", version=None, links_max=19000,
                 threads=False, join=200):
        self.name, self.role, self.command, self.proto = name, role, command, proto
        self.version, self.links_max, self.threads = version, links_max, threads
        self.join = join  # newcomers at a time, below the backlog


def mosquitto_arguments(path, port, scratch):
    config = pathlib.Path(scratch, "mosquitto.conf")
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    return [path, "-c", str(config)]


def contenders(build):
    """All there are, in the order of their turns; a program that is missing has command None."""
    gather = str(build / "bench/bench_gather")
    wye = os.environ.get("WYE", str(build / "wye"))
    ncat, nats, mosquitto = (machine.program(n) for n in ("ncat", "nats-server", "mosquitto"))

    def when(there, command):
        return command if there and os.access(there, os.X_OK) else None

    def said(path, *arguments):
        return machine.output(path, *arguments) if path and os.access(path, os.X_OK) else None

    def limit(port, _bytes, _scratch):
        return [gather, str(port)]

    return [
        Contender("gather", "limit", limit),
        Contender("wye", "wye", when(wye, lambda port, _b, _s: [
            wye, "-q", f"tcp-listen://127.0.0.1:{port}"]), version=said(wye, "--version")),
        Contender("gather again", "control", limit),
        Contender("each", "limit", lambda port, size, _s: [gather, str(port), str(size)]),
        # ncat's loop is select(2): 1,024 descriptors; its backlog is 10
        Contender("ncat --broker", "peer", when(ncat, lambda port, _b, _s: [
            ncat, "-l", "--broker", "-m", "2000", "127.0.0.1", str(port)]),
            version=said(ncat, "--version"), links_max=1015, join=8),
        Contender("nats-server", "peer", when(nats, lambda port, _b, _s: [
            nats, "-a", "127.0.0.1", "-p", str(port)]), "nats", said(nats, "--version"),
            threads=True),
        Contender("mosquitto", "peer", when(mosquitto, lambda port, _b, scratch:
                  mosquitto_arguments(mosquitto, port, scratch)), "mqtt", said(mosquitto, "-h")),
    ]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(cpu):
    """For preexec_fn: one CPU, and no life beyond ours."""
    def prepare():
        os.sched_setaffinity(0, {cpu})
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return prepare


class Hub:
    """with Hub(contender, size, cpu) as hub: ... hub.pid, hub.port"""

    def __init__(self, contender, size, cpu):
        self.contender, self.size, self.cpu = contender, size, cpu

    def __enter__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="wye-bench-")
        os.chmod(self.scratch.name, 0o755)  # mosquitto reads its file as another user
        self.port = free_port()
        self.log = open(os.path.join(self.scratch.name, "log"), "w+b")
        self.process = subprocess.Popen(
            self.contender.command(self.port, self.size, self.scratch.name),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.scratch.name,
            preexec_fn=pinned(self.cpu))
        self.pid = self.process.pid
        try:
            self.wait_until_listening(10)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        self.scratch.cleanup()

    def last_words(self):
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")

    def listening_inodes(self):
        """Of the sockets that listen on our port, whosever they are."""
        wanted = f"0100007F:{self.port:04X}"
        with open("/proc/net/tcp") as table:
            rows = (line.split() for line in table)
            return {row[9] for row in rows if row[1] == wanted and row[3] == "0A"}

    def owns(self, inodes):
        folder = f"/proc/{self.pid}/fd"
        for fd in os.listdir(folder):
            try:
                target = os.readlink(f"{folder}/{fd}")
            except OSError:
                continue
            if target.startswith("socket:[") and target[8:-1] in inodes:
                return True
        return False

    def wait_until_listening(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.contender.name} ended: {self.last_words()}")
            inodes = self.listening_inodes()
            if inodes and self.owns(inodes):
                return
            time.sleep(0.005)
        raise RuntimeError(f"{self.contender.name} does not listen: {self.last_words()}")

    def children(self):
        """A hub that works in other processes would be charged too little."""
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
                return file.read().split()
        except OSError:
            return []
