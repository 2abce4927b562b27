# SPDX-License-Identifier: MIT
"""The benches start and count right. Nothing here passes or fails on time.

Run by ctest (bench/smoke), or: BUILD=build /usr/bin/python3 -m unittest discover -s bench
"""
import json
import os
import pathlib
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BUILD", HERE.parent / "build")).resolve()
sys.path.insert(0, str(HERE))

from kit import hubs, report  # noqa: E402


class Plain:
    """A hub in a thread of this process whose output can be spoiled: what send() gets is spoil(n, bytes), n
    counting the sends of measured messages from 1. Probes of the joining phase pass as they are."""

    def __init__(self, spoil):
        self.spoil, self.sends, self.links = spoil, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.wake, self.stop = socket.socketpair()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.close()
        self.thread.join()
        for link in [*self.links, self.listener, self.wake]:
            link.close()

    def work(self):
        with selectors.DefaultSelector() as ready:
            ready.register(self.listener, selectors.EVENT_READ)
            ready.register(self.wake, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self.wake:
                        return
                    if key.fileobj is self.listener:
                        link = self.listener.accept()[0]
                        self.links.append(link)
                        ready.register(link, selectors.EVENT_READ)
                    elif not self.pass_on(key.fileobj):
                        ready.unregister(key.fileobj)

    def pass_on(self, talker):
        try:
            data = talker.recv(65536)
        except OSError:
            return False
        for link in self.links if data else []:
            out = data
            if link is not talker and data[:1].isdigit():
                self.sends += 1
                out = self.spoil(self.sends, data)
            if link is talker and not self.spoil(0, b""):
                continue
            try:
                link.sendall(out)
            except OSError:
                pass
        return bool(data)


def load(port, *more, hub=None, subscribers=5):
    """(exit code, what it printed)"""
    done = subprocess.run(
        [BUILD / "bench/bench_load", "--port", str(port), "--hub", str(hub or os.getpid()),
         "--subscribers", str(subscribers), "--bytes", "32", "--flight", "2", "--ms", "30", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


class Counting(unittest.TestCase):
    def void(self, spoil):
        with Plain(spoil) as hub:
            code, said = load(hub.port, "--stall-ms", "1000")
        self.assertEqual(code, 3, said)
        return said["void"]

    def test_load__faithful_hub__every_delivery_is_counted(self):
        with Plain(lambda n, data: data) as hub:
            code, said = load(hub.port)
            self.assertEqual(code, 0, said)
            self.assertIsNone(said["void"])
            self.assertEqual(said["deliveries"], said["rounds"] * 2 * 5)
            self.assertEqual(said["bytes"], said["deliveries"] * 32)
            self.assertGreater(said["rounds"], 0)
            self.assertGreaterEqual(hub.sends * 2, said["deliveries"])
            self.assertGreater(said["hub_ns"], 0)
            self.assertGreaterEqual(said["segments"] * 2, said["deliveries"])

    def test_load__one_byte_lost__is_void(self):
        self.assertRegex(self.void(lambda n, data: data[:-1] if n == 7 else data),
                         "1 of 5 subscribers are short by 1 bytes")

    def test_load__one_message_lost__is_void(self):
        self.assertRegex(self.void(lambda n, data: data[32:] if n == 7 else data), "wrong byte")

    def test_load__last_bytes_never_come__is_void(self):
        self.assertRegex(self.void(lambda n, data: data[:40] if n >= 7 else data),
                         "4 of 5 subscribers are short by 96 bytes")

    def test_load__one_byte_changed__is_void(self):
        self.assertRegex(self.void(lambda n, data: data.replace(b"x", b"y", 1) if n == 8 else data), "wrong byte")

    def test_load__messages_swapped__is_void(self):
        self.assertRegex(self.void(lambda n, data: data[32:] + data[:32] if n == 9 else data), "wrong byte")

    def test_load__message_twice__is_void(self):
        self.assertRegex(self.void(lambda n, data: data + data[32:] if n == 6 else data), "byte too many|wrong byte")

    def test_load__message_comes_back_to_its_sender__is_void(self):
        self.assertRegex(self.void(lambda n, data: data if n else b"echo"), "came back")

    def test_load__no_hub__says_so(self):
        code, said = load(hubs.free_port())
        self.assertEqual(code, 1)
        self.assertRegex(said, "Connection refused")


class Contenders(unittest.TestCase):
    def test_fanout__every_program_there_is__counts_right(self):
        names = [c.name for c in hubs.contenders(BUILD) if c.command]
        self.assertTrue({"gather", "each"} <= set(names))
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run([HERE / "fanout", BUILD, "--quick", "--rounds", "1", "--out", out],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=240, check=False)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
            figures = json.loads(pathlib.Path(out, "fanout.json").read_text())
            self.assertIn("<svg", pathlib.Path(out, "fanout.svg").read_text())
            self.assertEqual(pathlib.Path(out, "fanout.md").read_text(), done.stdout.removesuffix("\n"))
        for cell in figures["cells"]:
            self.assertEqual(sorted(cell["runs"]), sorted(names))
            for name, runs in cell["runs"].items():
                for run in runs:
                    self.assertEqual(run["deliveries"], run["rounds"] * cell["flight"] * cell["subscribers"], name)

    def test_each__messages_per_segment__is_one_and_gather_all(self):
        by_name = {c.name: c for c in hubs.contenders(BUILD)}
        for name, sends in (("each", 2), ("gather", 1)):
            with hubs.Hub(by_name[name], 32, min(os.sched_getaffinity(0))) as hub:
                code, said = load(hub.port, hub=hub.pid)
            self.assertEqual(code, 0, said)
            exact = said["rounds"] * 5 * sends
            # What TCP sends a second time on a busy machine counts, too.
            self.assertTrue(exact <= said["segments"] < exact * 1.4, f"{name}: {said['segments']} for {exact}")

    def test_fanout__unknown_contender__is_refused(self):
        done = subprocess.run([HERE / "fanout", BUILD, "--quick", "--contenders", "gathr"],
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("'gathr' is none of gather", done.stderr)


class Reporting(unittest.TestCase):
    def test_spread__odd_and_empty__median_and_void(self):
        self.assertEqual(report.spread([3, 1, 2]), "2.00 (1.00-3.00)")
        self.assertEqual(report.spread([]), "void")


if __name__ == "__main__":
    unittest.main()
