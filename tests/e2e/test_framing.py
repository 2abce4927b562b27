# SPDX-License-Identifier: MIT
"""What a message of one framing becomes on another, seen from outside."""
import select
import struct
import subprocess

import pytest
from peers import HOST


def packed(data):
    return struct.pack(">I", len(data)) + data


class Table:
    """One hub with a client of each framing."""

    def __init__(self, stage):
        self.run = stage.wye("tcp-listen://127.0.0.1:0#line", "tcp-listen://127.0.0.1:0,frame=len32#len32",
                             "tcp-listen://127.0.0.1:0,frame=raw#raw", "udp-listen://127.0.0.1:0#udp")
        self.line, self.len32, self.raw = (stage.tcp(self.run.port(i)) for i in range(3))
        for name in "line", "len32", "raw":
            self.run.links(name, 1)
        self.udp = stage.udp(self.run.port(3))
        self.udp.send(b"udp is here")
        self.heard(b"udp is here\n", b"udp is here", b"udp is here", None)

    def heard(self, line, len32, raw, udp):
        if line is not None:
            assert self.line.exactly(len(line)) == line
        if len32 is not None:
            assert self.len32.message() == len32
        if raw is not None:
            assert self.raw.exactly(len(raw)) == raw
        if udp is not None:
            assert self.udp.recv() == udp


def test_conversion__from_line(stage):
    table = Table(stage)
    for text in b"abc\n", b"\n", b"with\r\n", b"\x00\xff\n":
        table.line.send(text)
        table.heard(None, text, text, text)
    table.line.send(b"no newline").finish()
    table.heard(None, b"no newline", b"no newline", b"no newline")


def test_conversion__from_len32(stage):
    table = Table(stage)
    table.len32.send(packed(b"plain"))
    table.heard(b"plain\n", None, b"plain", b"plain")
    table.len32.send(packed(b"has one\n"))
    table.heard(b"has one\n", None, b"has one\n", b"has one\n")
    table.len32.send(packed(b"in\nside"))
    table.heard(b"in\nside\n", None, b"in\nside", b"in\nside")
    rows = table.run.stats()
    assert rows["line"]["split"] == 1


def test_conversion__from_len32_of_length_0__is_never_routed(stage):
    table = Table(stage)
    table.len32.send(packed(b"") + packed(b"") + packed(b"next"))
    table.heard(b"next\n", None, b"next", b"next")
    assert table.run.stats()["len32"]["in-empty"] == 2


def test_conversion__from_raw(stage):
    table = Table(stage)
    table.raw.send(b"bytes")
    table.heard(b"bytes", b"bytes", None, b"bytes")
    table.raw.send(b"two\nlines\n")
    table.heard(b"two\nlines\n", b"two\nlines\n", None, b"two\nlines\n")


def test_conversion__from_raw_to_datagrams__pieces_of_at_most_1400(stage):
    table = Table(stage)
    data = bytes(range(256)) * 40
    table.raw.send(data)
    got, sizes = b"", []
    while len(got) < len(data):
        piece = table.udp.recv()
        sizes.append(len(piece))
        got += piece
    assert got == data and max(sizes) <= 1400
    assert table.line.exactly(len(data)) == data


def test_conversion__from_datagram(stage):
    table = Table(stage)
    for text in b"no newline", b"newline\n", b"in\nside":
        table.udp.send(text)
        table.heard(text if text.endswith(b"\n") else text + b"\n", text, text, None)


@pytest.mark.parametrize("frame", ["line", "len32"])
def test_split__one_byte_at_a_time__the_same_messages(stage, frame):
    run = stage.wye(f"tcp-listen://127.0.0.1:0,frame={frame}#in", "tcp-listen://127.0.0.1:0,frame=len32,dir=out#out")
    source, reader = stage.tcp(run.port(0)), stage.tcp(run.port(1))
    run.links("out", 1)
    texts = [b"%d " % i + bytes([i % 256]) * (i % 50) for i in range(60)]
    texts = [t.replace(b"\n", b"_") + (b"\n" if frame == "line" else b"") for t in texts]
    for byte in b"".join(t if frame == "line" else packed(t) for t in texts):
        source.send(bytes([byte]))
    for text in texts:
        assert reader.message() == text


def test_eol_strip__terminators_go_on_reading(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,eol=strip#in", "tcp-listen://127.0.0.1:0,frame=len32,dir=out#out")
    source, reader = stage.tcp(run.port(0)), stage.tcp(run.port(1))
    run.links("out", 1)
    source.send(b"one\ntwo\r\n\nlast\n")
    assert [reader.message() for _ in range(4)] == [b"one", b"two", b"", b"last"]
    row = run.stats()
    assert row["in"]["received"] == 4 and row["in"]["in-empty"] == 0


def test_eol_strip__line_to_line__has_its_newline_again(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,eol=strip#in", "tcp-listen://127.0.0.1:0#out")
    source, reader = stage.tcp(run.port(0)), stage.tcp(run.port(1))
    run.links("out", 1)
    source.send(b"one\r\n\ntwo\n")
    assert reader.lines(3) == [b"one\n", b"\n", b"two\n"]


def test_eol_crlf__lines_leave_with_it(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#in", "tcp-listen://127.0.0.1:0,eol=crlf#out")
    source, reader = stage.tcp(run.port(0)), stage.tcp(run.port(1))
    run.links("out", 1)
    source.send(b"one\ntwo\r\n\n")
    assert reader.lines(3) == [b"one\r\n", b"two\r\n", b"\r\n"]


def test_eol_keep__any_ending_passes(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#in", "tcp-listen://127.0.0.1:0#out")
    source, reader = stage.tcp(run.port(0)), stage.tcp(run.port(1))
    run.links("out", 1)
    source.send(b"one\r\ntwo\n\r\r\n\n")
    assert reader.lines(4) == [b"one\r\n", b"two\n", b"\r\r\n", b"\n"]


@pytest.mark.parametrize("frame", ["line", "len32"])
def test_max_message__longer_on_a_socket__closed_with_that_reason(stage, frame):
    run = stage.wye(f"tcp-listen://127.0.0.1:0,frame={frame},max-message=1000#in",
                    "tcp-listen://127.0.0.1:0,dir=out#out")
    source, other, reader = stage.tcp(run.port(0)), stage.tcp(run.port(0)), stage.tcp(run.port(1))
    run.links("in", 2)
    run.links("out", 1)
    fits, too_long = b"f" * 999 + b"\n", b"t" * 1000 + b"\n"
    source.send(fits + too_long if frame == "line" else packed(fits) + packed(too_long))
    assert reader.line() == fits
    assert source.rest() in (b"", fits)
    run.wait(r"(?i)down: in link \d+: .*(max-message|too long|longer)")
    other.send(fits if frame == "line" else packed(fits))
    assert reader.line() == fits
    assert run.stats()["in"]["links"] == 1


def test_max_message__length_of_4_gib_announced__nothing_is_allocated(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,frame=len32#in")
    source = stage.tcp(run.port())
    source.send(b"\xff\xff\xff\xff" + b"x" * 100)
    assert source.rest() == b""
    peak = next(line for line in open(f"/proc/{run.pid}/status") if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 1 << 20, "kB"
    run.wait(r"down: in link \d+: ")


def test_max_message__longer_on_standard_input__skipped_counted_and_1(stage):
    run = stage.wye("-,max-message=1000#std", "tcp-listen://127.0.0.1:0#net", stdin=subprocess.PIPE)
    reader = stage.tcp(run.port())
    run.links("net", 1)
    run.stdin.write(b"before\n" + b"x" * 5000 + b"\nbetween\n" + b"y" * 1001 + b"\nafter\n")
    run.stdin.close()
    run.process.stdin = None
    assert reader.rest() == b"before\nbetween\nafter\n"
    run.exit(1)
    assert "frame=raw" in run.log.text
    assert run.final["std"]["in-too-big"] == 2


def test_max_message__too_big_for_a_sink__dropped_there_and_the_link_stays(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "tcp-listen://127.0.0.1:0,dir=out,max-message=100#small",
                    "tcp-listen://127.0.0.1:0,dir=out#large")
    source, small, large = (stage.tcp(run.port(i)) for i in range(3))
    run.links("small", 1)
    run.links("large", 1)
    big = b"b" * 500 + b"\n"
    source.send(b"one\n" + big + b"two\n")
    assert large.lines(3) == [b"one\n", big, b"two\n"]
    assert small.lines(2) == [b"one\n", b"two\n"]
    rows = run.stats()
    assert rows["small"]["too-big"] == 1 and rows["small"]["links"] == 1
    assert rows["large"]["dropped"] == 0


def test_max_message__65507_in_len32_and_line__pass(stage):
    table = Table(stage)
    data = b"z" * 65506 + b"\n"
    table.line.send(data)
    table.heard(None, data, data, data)
    table.len32.send(packed(data))
    table.heard(data, None, data, data)


def test_binary__raw_relay_between_two_sockets__byte_exact(stage):
    server = stage.server()
    run = stage.wye("tcp-listen://127.0.0.1:0,frame=raw,once#in", f"tcp://{HOST}:{server.port},frame=raw#out")
    far, near = stage.keep(server.accept()), stage.tcp(run.port())
    run.links("in", 1)
    for data in b"\n\n\x00", bytes(range(256)) * 100, b"\r":
        near.send(data)
        assert far.exactly(len(data)) == data
        far.send(data[::-1])
        assert near.exactly(len(data)) == data[::-1]


def test_dir__out_is_no_source_and_in_is_no_sink(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "tcp-listen://127.0.0.1:0,dir=out#out",
                    "tcp-listen://127.0.0.1:0#both")
    source, sink, both = (stage.tcp(run.port(i)) for i in range(3))
    for name in "in", "out", "both":
        run.links(name, 1)
    sink.send(b"nobody hears a sink\n")
    source.send(b"from in\n")
    assert sink.line() == both.line() == b"from in\n"
    both.send(b"from both\n")
    assert sink.line() == b"from both\n"
    rows = run.stats()
    assert rows["in"]["routed"] == 0 and rows["both"]["received"] == 1
    assert not select.select([source.sock], [], [], 0)[0]
