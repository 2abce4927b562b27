# SPDX-License-Identifier: MIT
"""
conftest.py: the stage: what a test starts or opens, ended in the right order whatever happens.

Peers go first (a stopped reader would hold the command's last bytes), then the commands, each of which must end by
SIGTERM with 0 or 1, free of reports, and conserved.
"""
import os
import resource
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import peers  # noqa: E402
import wye  # noqa: E402

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pytest_configure(config):
    config.addinivalue_line("markers", "long: a long load; one at a time, whatever the number of workers")


def pytest_collection_modifyitems(items):
    for item in items:  # with -n 2 --dist loadgroup all long loads share one worker
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.xdist_group("long"))


def pytest_report_header(config):
    return f"wye: {wye.WYE}, loads cut by {wye.SCALE}"


class Stage:
    def __init__(self, path):
        self.path = path
        self.wyes = []
        self.processes = []
        self.things = []

    def wye(self, *args, ready=True, **how):
        """Starts the command; ready: waits until it listens and takes signals."""
        run = wye.Wye(args, cwd=self.path, **how)
        self.wyes.append(run)
        return run.ready() if ready else run

    def hub(self, *args, **how):
        return self.wye(*args, **how)

    def run(self, *args, stdin=subprocess.DEVNULL, deadline=10):
        """The command to its end, for command lines that never get to run: (status, stdout, stderr)."""
        done = subprocess.run([wye.WYE, *map(str, args)], stdin=stdin, capture_output=True, cwd=self.path,
                              timeout=deadline * wye.SLOWER)
        err = done.stderr.decode("utf-8", "replace")
        assert not wye.SANITIZER.search(err), err
        return done.returncode, done.stdout.decode("utf-8", "replace"), err

    def process(self, *command, **how):
        """A peer: any program."""
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen([str(c) for c in command], cwd=self.path, **how)
        self.processes.append(process)
        return process

    def reading(self, *command, **how):
        """A peer whose output is collected in .out."""
        process = self.process(*command, stdout=subprocess.PIPE, **how)
        process.out = wye.Stream(os.dup(process.stdout.fileno()))
        process.stdout.close()
        return process

    def keep(self, thing):
        """Closed at the end."""
        self.things.append(thing)
        return thing

    def tcp(self, port, **how):
        return self.keep(peers.tcp(port, **how))

    def unix(self, path, **how):
        return self.keep(peers.unix(path, **how))

    def udp(self, port, **how):
        return self.keep(peers.Dgram(port, **how))

    def server(self, port=0, **how):
        return self.keep(peers.Server(port, **how))

    def free_port(self, kind=peers.socket.SOCK_STREAM):
        port, holder = peers.reserve_port(kind)
        self.keep(holder)
        return port

    def close(self, failed):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdin:
                try:
                    process.stdin.close()
                except BrokenPipeError:
                    pass
        for thing in self.things:
            thing.close()
        trouble = []
        for run in self.wyes:
            if run.process.stdin:
                try:
                    run.process.stdin.close()
                except BrokenPipeError:
                    pass
            try:
                if failed and run.alive:
                    run.kill()
                elif run.final is None:
                    run.end(None if run.alive else (0, 1, 2, 4, -signal.SIGKILL))
            except AssertionError as e:
                run.kill()
                trouble.append(e)
        if trouble and not failed:
            raise trouble[0]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed = report.failed


@pytest.fixture
def stage(tmp_path, request):
    it = Stage(tmp_path)
    yield it
    it.close(getattr(request.node, "failed", True))
