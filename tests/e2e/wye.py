# SPDX-License-Identifier: MIT
"""
wye.py: one run of the command, its log and its statistics; and how a test waits.

Happy path: Wye([...]) starts the command with `-v`, wait() for log lines, port()/path() of an endpoint, stats(),
end(). A thread per pipe collects what comes and wakes whoever waits: nothing sleeps, a full pipe stops nobody.

Failure modes: every wait has a deadline and fails with the log; check_end() fails on a report of a sanitizer, on a
missing final statistic, and where `routed = written + dropped + lost + waiting` does not hold.
"""
import os
import pathlib
import re
import select
import signal
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WYE = os.path.abspath(os.environ.get("WYE", ROOT / "build" / "wye"))
SCALE = max(1, int(os.environ.get("WYE_SCALE", "1")))
SLOWER = 1 if SCALE == 1 else 4  # sanitizers: deadlines stretch, loads shrink
CAUSES = ("full too-big empty loop duplicate corrupt memory stalled down nospace unreachable").split()
SANITIZER = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer)")


def scaled(n, least=1):
    """A long load, cut for slow builds."""
    return max(least, n // SCALE)


def until(cond, deadline=10.0, what="the event"):
    """Waits for cond() to be true and answers it; for state that has no file descriptor to wait on."""
    end = time.monotonic() + deadline * SLOWER
    while True:
        found = cond()
        if found:
            return found
        assert time.monotonic() < end, f"waited {deadline * SLOWER:g} s for {what}"
        select.select([], [], [], 0.003)


class Stream:
    """What came out of a pipe so far; wakes those who wait for more."""

    def __init__(self, fd):
        self.data = bytearray()
        self.ended = False
        self.news = threading.Condition()
        self.fd = fd
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        while True:
            try:
                piece = os.read(self.fd, 1 << 16)
            except OSError:
                piece = b""
            with self.news:
                self.data += piece
                self.ended = not piece
                self.news.notify_all()
            if not piece:
                os.close(self.fd)
                return

    def until(self, cond, deadline, what):
        """cond(bytes) -> true; answers that. Fails at the deadline, or when the pipe has ended without it."""
        end = time.monotonic() + deadline * SLOWER
        with self.news:
            while True:
                found = cond(self.data)
                if found:
                    return found
                left = end - time.monotonic()
                assert left > 0 and not self.ended, f"no {what} in:\n{bytes(self.data[-4000:])!r}"
                self.news.wait(left)

    def expect(self, wanted, deadline=10):
        return self.until(lambda data: wanted in data, deadline, repr(wanted))

    def end(self, deadline=10):
        """All of it, once the other side has closed."""
        with self.news:
            self.news.wait_for(lambda: self.ended, deadline * SLOWER)
            assert self.ended, f"no end of file after {len(self.data)} bytes"
        return bytes(self.data)

    @property
    def text(self):
        with self.news:
            return self.data.decode("utf-8", "replace")


class Row(dict):
    """One endpoint's statistics; a figure that isn't printed is 0."""

    def __missing__(self, key):
        return 0

    @property
    def conserved(self):
        return self["routed"] == self["written"] + self["dropped"] + self["lost"] + self["waiting"]

    @property
    def causes(self):
        return {cause: self[cause] for cause in CAUSES if self[cause]}


STATS = re.compile(r"^wye: (?:\w+:? )?stats: (\S+) (.*)\n", re.M)


def parse_stats(text):
    """[(name, Row)] in the order printed, from the log's text."""
    found = []
    for name, rest in STATS.findall(text):
        row = Row()
        for word in rest.split():
            key, _, value = word.partition("=")
            row[key] = int(value) if value.isdigit() else value
        found.append((name.lstrip("#"), row))
    return found


def options_of(args):
    """The endpoints among the arguments."""
    return [a for a in args if a == "-" or a.startswith("-,") or a.startswith("-#") or a.startswith("-?")
            or "://" in a]


class Wye:
    def __init__(self, args, stdin=subprocess.DEVNULL, stdout=None, wrap=(), env=None, cwd=None, count=None,
                 verbose=True):
        """args: as typed. stdout None: collected in .out. count: endpoints, where args don't tell (--demo)."""
        self.args = [str(a) for a in args]
        self.count = len(options_of(self.args)) if count is None else count
        self.asked = 0
        self.final = None
        self.killed = False
        read_end = write_end = None
        if stdout is None:
            read_end, write_end = os.pipe()
        command = [*wrap, WYE, *(["-v"] if verbose else []), *self.args]
        self.process = subprocess.Popen(command, stdin=stdin, stderr=subprocess.PIPE, cwd=cwd,
                                        stdout=write_end if stdout is None else stdout,
                                        env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        if write_end is not None:
            os.close(write_end)
        if stdin == subprocess.PIPE:
            self.stdin = self.process.stdin
        self.out = Stream(read_end) if stdout is None else None
        self.log = Stream(os.dup(self.process.stderr.fileno()))
        self.process.stderr.close()

    # The log ----------------------------------------------------------------------------------------------------
    def wait(self, pattern, deadline=10, after=0):
        """The first match of a regular expression in the log after that offset."""
        compiled = re.compile(pattern, re.M)

        def found(data):
            whole = bytes(data[:data.rfind(b"\n") + 1])
            return compiled.search(whole.decode("utf-8", "replace"), after)

        return self.log.until(found, deadline, f"log line /{pattern}/")

    def mark(self):
        return len(self.log.text)

    def listening(self, n=None, deadline=10):
        """The canonical URLs that listen, in order, once there are n (default: one per listener typed)."""
        if n is None:
            n = sum("-listen://" in a for a in self.args)
        pattern = re.compile(r"^wye: (?:\w+:? )?listening: (\S+).*\n", re.M)

        def enough(data):
            urls = pattern.findall(data.decode("utf-8", "replace"))
            return urls if len(urls) >= n else None

        return self.log.until(enough, deadline, f"{n} lines `listening`") if n else []

    def port(self, which=0):
        """The port of the which-th TCP or UDP listener."""
        urls = [u for u in self.listening() if not u.startswith("unix")]
        return int(re.search(r"^[a-z-]+://[^,?#]*:(\d+)", urls[which]).group(1))

    # The process ------------------------------------------------------------------------------------------------
    @property
    def alive(self):
        return self.process.poll() is None

    def ready(self, deadline=10):
        """Signals are taken (before that, SIGUSR1 would end the process) and every listener listens."""
        self.listening(deadline=deadline)
        bit = 1 << (signal.SIGUSR1 - 1)

        def takes():
            assert self.alive, f"ended with {self.process.returncode}:\n{self.log.text}"
            masks = re.findall(r"^Sig(?:Cgt|Blk):\s*(\w+)", pathlib.Path(f"/proc/{self.pid}/status").read_text(), re.M)
            return any(int(mask, 16) & bit for mask in masks)

        until(takes, deadline, "the command to take SIGUSR1")
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def cpu(self):
        """Seconds of processor time used so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    # Statistics -------------------------------------------------------------------------------------------------
    def stats(self, deadline=10):
        """{name: Row} as of now; every row is conserved at any time."""
        self.asked += 1
        mark = self.mark()
        self.signal(signal.SIGUSR1)
        self.log.until(lambda data: len(STATS.findall(data.decode("utf-8", "replace")[mark:])) >= self.count, deadline,
                       "statistics")
        rows = parse_stats(self.log.text[mark:])
        for name, row in rows:
            assert row.conserved, f"{name}: not conserved: {dict(row)}"
        return dict(rows)

    def until_stats(self, cond, deadline=10, what="those statistics"):
        """Asks until cond({name: Row}) is true; answers the rows."""
        last = {}

        def asked():
            last["rows"] = self.stats(deadline)
            return last["rows"] if cond(last["rows"]) else None

        try:
            return until(asked, deadline, what)
        except AssertionError as e:
            raise AssertionError(f"{e}; last: {last.get('rows')}") from None

    def links(self, name, n, deadline=10):
        return self.until_stats(lambda rows: rows[name]["links"] == n, deadline, f"{n} links on {name}")[name]

    # The end ----------------------------------------------------------------------------------------------------
    def kill(self):
        """kill -9: nothing is promised after that."""
        self.killed = True
        self.process.kill()
        self.process.wait()

    def exit(self, want=0, deadline=10):
        """Waits for the end; the exit status must be that (or one of those; None: any of 0 and 1)."""
        try:
            code = self.process.wait(deadline * SLOWER)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {deadline * SLOWER:g} s:\n{self.log.text[-4000:]}") from None
        self.check_end()
        wanted = (0, 1) if want is None else want if isinstance(want, tuple) else (want,)
        assert code in wanted, f"exit status {code}, wanted {want}:\n{self.log.text[-4000:]}"
        return code

    def end(self, want=0, deadline=15):
        if self.alive:
            self.signal(signal.SIGTERM)
        return self.exit(want, deadline)

    def check_end(self):
        """What holds after every run."""
        text = self.log.end().decode("utf-8", "replace")
        if self.killed:
            return
        report = SANITIZER.search(text)
        assert not report, text[report.start():][:6000]
        if self.process.returncode not in (0, 1):
            return  # it never ran: a wrong command line, or nothing could be opened
        rows = parse_stats(text)
        assert len(rows) >= self.count * (self.asked + 1), f"no final statistics:\n{text[-4000:]}"
        last = rows[-self.count:]
        self.final = dict(last)
        for name, row in last:
            assert row.conserved, f"{name}: not conserved at the end: {dict(row)}\n{text[-4000:]}"
            assert sum(row.causes.values()) == row["dropped"], f"{name}: drops without a cause: {dict(row)}"
