# SPDX-License-Identifier: MIT
"""`wye --demo`: a line typed into any of its kinds comes out of all the others, and never out of where it came from."""
import os
import re
import subprocess

import pytest
from peers import HOST, cut_lines

KINDS = ("tcp-listen", "unix-listen", "udp-listen")


class Demo:
    def __init__(self, stage):
        env = {"XDG_RUNTIME_DIR": str(stage.path), "TMPDIR": str(stage.path)}
        self.wye = stage.wye("--demo", count=len(KINDS), ready=False, env=env)
        urls = self.wye.listening(len(KINDS))
        self.wye.ready()
        self.where = {url.split("://")[0]: re.split(r"[,?#]", url.split("://")[1])[0] for url in urls}
        self.port = {kind: int(where.rpartition(":")[2]) for kind, where in self.where.items() if ":" in where}
        self.path = os.path.join(stage.path, self.where["unix-listen"])

    @property
    def said(self):
        return self.wye.out.text + self.wye.log.text


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
    from wye import WYE
    at = f"{HOST}:{demo.port['tcp-listen']}"
    return {
        "nc": Program(stage, "nc", HOST, demo.port["tcp-listen"]),
        "ncat": Program(stage, "ncat", HOST, demo.port["tcp-listen"]),
        "socat-unix": Program(stage, "socat", "-", f"UNIX-CONNECT:{demo.path}"),
        "nc-unix": Program(stage, "nc", "-U", demo.path),
        "socat-udp": Program(stage, "socat", "-", f"UDP:{HOST}:{demo.port['udp-listen']}"),
        "nc-udp": Program(stage, "nc", "-u", HOST, demo.port["udp-listen"]),
        "wye": Program(stage, WYE, "-", f"tcp://{at}"),
    }


def all_up(demo, all_peers, udp=("socat-udp", "nc-udp")):
    """A UDP peer is one from its first datagram on: each greets, and all who are there hear it."""
    demo.wye.links(name_of(demo, "tcp"), 3)
    demo.wye.links(name_of(demo, "unix"), 2)
    for i, name in enumerate(udp):
        all_peers[name].send(b"here is %s\n" % name.encode())
        demo.wye.links(name_of(demo, "udp"), i + 1)
        for other in all_peers:
            if other != name and other not in udp[i + 1:]:
                assert all_peers[other].line() == b"here is %s\n" % name.encode()


def name_of(demo, kind):
    return next(name for name in demo.wye.stats() if name.startswith(kind))


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
    peers = [stage.tcp(demo.port["tcp-listen"]), stage.unix(demo.path)]
    dgram = stage.udp(demo.port["udp-listen"])
    demo.wye.links(name_of(demo, "tcp"), 1)
    demo.wye.links(name_of(demo, "unix"), 1)
    dgram.send(b"\xff\x00 hello\r\n")
    assert [peer.line() for peer in peers] == [b"\xff\x00 hello\r\n"] * 2
    mess = os.urandom(200_000) + b"\r\n\x00\n\n\r\r\n\xff\xfe\n" + bytes(range(256)) + b"\n"
    lines = cut_lines(mess)
    assert b"".join(lines) == mess and lines[-1][-1:] == b"\n"
    for i, line in enumerate(lines):  # one by one: a datagram socket may not be flooded
        sender = peers[i % 2]
        sender.send(line)
        assert dgram.recv() == line
        assert peers[1 - i % 2].exactly(len(line)) == line


def test_demo__says_how_to_talk_to_each_kind(stage):
    demo = Demo(stage)
    demo.wye.end(0)
    said = demo.said
    for kind in KINDS:
        assert demo.where[kind] in said or str(demo.port.get(kind)) in said
    for port in demo.port.values():
        assert re.search(rf"\b(nc|ncat|socat|telnet)\b.*\b{port}\b", said), f"a command for port {port}"
    assert re.search(rf"\b(nc|ncat|socat)\b.*{re.escape(os.path.basename(demo.path))}", said), "a command for the path"


def test_demo__commands_it_prints__work_as_they_stand(stage):
    demo = Demo(stage)
    shown = [line.strip() for line in demo.said.splitlines()]
    commands = [m.group(0) for line in shown if (m := re.search(r"\b(nc|ncat|socat) .*", line))]
    assert len(commands) >= len(KINDS)
    listener = stage.tcp(demo.port["tcp-listen"])
    demo.wye.links(name_of(demo, "tcp"), 1)
    for i, command in enumerate(commands):
        command = re.split(r"\s{2,}|\s+[#(]", command)[0]
        shell = stage.process("sh", "-c", f"exec {command}", stdin=subprocess.PIPE)
        shell.stdin.write(b"typed %d\n" % i)
        shell.stdin.flush()
        assert listener.line() == b"typed %d\n" % i, command


def test_demo__two_at_once__the_second_takes_the_next_free_ports(stage):
    one, two = Demo(stage), Demo(stage)
    assert not set(one.port.items()) & set(two.port.items())
    assert one.path != two.path
    for demo in one, two:
        peers = [stage.tcp(demo.port["tcp-listen"]), stage.unix(demo.path)]
        demo.wye.links(name_of(demo, "tcp"), 1)
        demo.wye.links(name_of(demo, "unix"), 1)
        peers[0].send(b"x\n")
        assert peers[1].line() == b"x\n"


@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM"])
def test_demo__signal__ends_with_0_and_leaves_nothing_behind(stage, end):
    import signal
    demo = Demo(stage)
    demo.wye.signal(getattr(signal, end))
    demo.wye.exit(0)
    assert not os.path.exists(demo.path)
