# SPDX-License-Identifier: MIT
"""`wye --demo`: a line typed into any of its kinds comes out of all the others, and never out of where it came from."""
import os
import re
import signal
import subprocess

import pytest
from peers import HOST, cut_lines
from wye import WYE

ENDPOINTS = 4  # tcp, udp, unix, and standard input and output


class Demo:
    """The demo; where its ends are is read from what it prints for people."""

    def __init__(self, stage):
        env = {"XDG_RUNTIME_DIR": str(stage.path), "TMPDIR": str(stage.path)}
        self.wye = stage.wye("--demo", count=ENDPOINTS, ready=False, env=env, stdin=subprocess.PIPE)
        self.tcp = int(self.wye.wait(r"\bnc 127\.0\.0\.1 (\d+)").group(1))
        self.udp = int(self.wye.wait(r"\bnc -u 127\.0\.0\.1 (\d+)").group(1))
        self.path = self.wye.wait(r"\bnc -U '?([^'\s]+)'?").group(1)
        self.wye.ready()
        self.read = 0

    def send(self, line):
        self.wye.stdin.write(line)
        self.wye.stdin.flush()

    def line(self):
        """The next line on standard output."""
        data = self.wye.out.until(lambda data: b"\n" in data[self.read:] and bytes(data[self.read:]), 10, "line")
        line = data[:data.index(b"\n") + 1]
        self.read += len(line)
        return line


class Program:
    """A real program of the kind's own world."""

    def __init__(self, stage, *command):
        self.process = stage.reading(*command, stdin=subprocess.PIPE)
        self.read = 0

    def send(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def line(self):
        data = self.process.out.until(lambda data: b"\n" in data[self.read:] and bytes(data[self.read:]), 10, "line")
        line = data[:data.index(b"\n") + 1]
        self.read += len(line)
        return line


def programs(stage, demo):
    at = f"{HOST}:{demo.tcp}"
    return {
        "nc": Program(stage, "nc", HOST, demo.tcp),
        "ncat": Program(stage, "ncat", HOST, demo.tcp),
        "socat-unix": Program(stage, "socat", "-", f"UNIX-CONNECT:{demo.path}"),
        "nc-unix": Program(stage, "nc", "-U", demo.path),
        "socat-udp": Program(stage, "socat", "-", f"UDP:{HOST}:{demo.udp}"),
        "nc-udp": Program(stage, "nc", "-u", HOST, demo.udp),
        "wye": Program(stage, WYE, "-", f"tcp://{at}"),
        "here": demo,
    }


def all_up(demo, everyone, udp=("socat-udp", "nc-udp")):
    """A UDP peer is one from its first datagram on: each greets, and all who are there hear it."""
    demo.wye.links("tcp", 3)
    demo.wye.links("unix", 2)
    for i, name in enumerate(udp):
        everyone[name].send(b"here is %s\n" % name.encode())
        demo.wye.links("udp", i + 1)
        for other in everyone:
            if other != name and other not in udp[i + 1:]:
                assert everyone[other].line() == b"here is %s\n" % name.encode()


def test_demo__a_line_into_any_kind__reaches_all_others_never_its_sender(stage):
    demo = Demo(stage)
    everyone = programs(stage, demo)
    all_up(demo, everyone)
    for turn in range(3):
        for name, peer in everyone.items():
            line = f"turn {turn} from {name}\n".encode()
            peer.send(line)
            for other in everyone:
                if other != name:
                    assert everyone[other].line() == line  # its own line would be the next it reads
    rows = demo.wye.stats()
    assert sum(row["received"] for row in rows.values()) == 2 + 3 * len(everyone)
    assert not any(row["dropped"] for row in rows.values())


def test_demo__lines_of_an_8_bit_mess__survive_unchanged(stage):
    demo = Demo(stage)
    peers = [stage.tcp(demo.tcp), stage.unix(demo.path)]
    dgram = stage.udp(demo.udp)
    demo.wye.links("tcp", 1)
    demo.wye.links("unix", 1)
    dgram.send(b"\xff\x00 hello\r\n")
    assert [peer.line() for peer in peers] == [b"\xff\x00 hello\r\n"] * 2
    at = len(demo.line())
    mess = os.urandom(200_000) + b"\r\n\x00\n\n\r\r\n\xff\xfe\n" + bytes(range(256)) + b"\n"
    lines = cut_lines(mess)
    assert b"".join(lines) == mess and lines[-1][-1:] == b"\n"
    for i, line in enumerate(lines):  # one by one: a datagram socket may not be flooded
        sender = peers[i % 2]
        sender.send(line)
        assert dgram.recv() == line
        assert peers[1 - i % 2].exactly(len(line)) == line
        demo.wye.out.until(lambda data, end=at + len(line): len(data) >= end, 10, "line")
        assert demo.wye.out.data[at:at + len(line)] == line
        at += len(line)


def test_demo__commands_it_prints__work_as_they_stand(stage):
    demo = Demo(stage)
    shown = [line.strip() for line in demo.wye.log.text.splitlines() if not line.startswith("wye:")]
    commands = [m.group(0) for line in shown if (m := re.search(r"\b(nc|ncat|socat) .*", line))]
    assert len(commands) >= 3
    listener = stage.tcp(demo.tcp)
    demo.wye.links("tcp", 1)
    for i, command in enumerate(commands):
        command = re.split(r"\s{2,}|\s+[#(]", command)[0]
        shell = stage.process("sh", "-c", f"exec {command}", stdin=subprocess.PIPE)
        shell.stdin.write(b"typed %d\n" % i)
        shell.stdin.flush()
        assert listener.line() == b"typed %d\n" % i, command


def test_demo__two_at_once__the_second_takes_the_next_free_ports(stage):
    one, two = Demo(stage), Demo(stage)
    assert one.tcp != two.tcp and one.udp != two.udp and one.path != two.path
    for demo in one, two:
        peers = [stage.tcp(demo.tcp), stage.unix(demo.path)]
        demo.wye.links("tcp", 1)
        demo.wye.links("unix", 1)
        peers[0].send(b"x\n")
        assert peers[1].line() == b"x\n"


@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM"])
def test_demo__signal__ends_with_0_and_leaves_nothing_behind(stage, end):
    demo = Demo(stage)
    demo.wye.signal(getattr(signal, end))
    demo.wye.exit(0)
    assert not os.path.exists(demo.path)
