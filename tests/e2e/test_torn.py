# SPDX-License-Identifier: MIT
"""No reader ever sees a torn line: others killed in the middle of one, and the smallest send buffer there is."""
import pathlib
import random
import signal
import subprocess
import threading

import pytest
from peers import HOST, in_namespace, tcp, unix
from wye import scaled, until

ROUNDS = scaled(40, 5)


def long_line(number, size):
    """A line that says what it is: number, length, and a filling that depends on both."""
    head = b"%d %d " % (number, size)
    filling = bytes([ord("a") + number % 26]) * (size - len(head) - 1)
    return head + filling + b"\n"


def check(line):
    """The number of a line, which must be whole."""
    number, size, _ = line[:40].split(b" ", 2)
    assert line == long_line(int(number), int(size)), f"torn: {line[:60]!r}...{line[-60:]!r} ({len(line)} bytes)"
    return int(number)


def bury(wye, source, witnesses):
    """Sends until the dead readers are found: one that left with FIN is a reader until a send fails."""

    def found():
        source.send(long_line(0, 100))
        assert [check(w.line()) for w in witnesses] == [0] * len(witnesses)
        rows = wye.stats()
        return rows["out"]["links"] == 1 == rows["out2"]["links"]

    until(found, 10, "the dead links to be found")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_torn__reader_killed_in_the_middle_of_a_60_kib_line__others_see_whole_lines(stage, how):
    wye = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "tcp-listen://127.0.0.1:0,dir=out#out",
                    "unix-listen://out.sock,dir=out#out2")
    source = stage.tcp(wye.port(0))
    witnesses = [stage.tcp(wye.port(1)), stage.unix(stage.path / "out.sock")]
    wye.links("out2", 1)
    for number in range(ROUNDS):
        victims = [stage.process("socat", "-u", f"TCP:{HOST}:{wye.port(1)},so-rcvbuf=4096", "-",
                                 stdout=subprocess.PIPE),
                   stage.process("socat", "-u", "UNIX-CONNECT:out.sock", "-", stdout=subprocess.PIPE)]
        wye.links("out", 2)
        wye.links("out2", 2)
        source.send(long_line(number, 60 << 10))
        for victim in victims:  # a pipe holds 64 KiB at most: socat is inside the line, or its kernel buffers are
            assert victim.stdout.read(1)
            victim.send_signal(how)
            victim.wait()
            victim.stdout.close()
        for witness in witnesses:
            assert check(witness.line()) == number
        bury(wye, source, witnesses)


def flow(wye, source, readers, seed):
    """Lines of many sizes to readers that read in small pieces, far too slowly: each line they get is whole."""
    rng = random.Random(seed)
    count = scaled(3000, 200)
    lines = [long_line(n, rng.choice((20, 100, 1000, 4000, 20_000, 60_000))) for n in range(count)]
    last, failures = count - 1, []

    def read(reader):
        try:
            before = -1
            while before < last:
                reader.sock.settimeout(60)
                number = check(reader.line())
                assert number > before
                before = number
        except Exception as e:  # handed to the test's thread
            failures.append(e)

    threads = [threading.Thread(target=read, args=(reader,), daemon=True) for reader in readers]
    for number, line in enumerate(lines):
        source.send(line)
        if number == count // 2:
            # so far nobody reads: the queue overflows
            wye.until_stats(lambda rows, n=number + 1: rows["in"]["received"] == n, 60, "the first half")
            for thread in threads:
                thread.start()
    for thread in threads:
        thread.join(100)
        assert not thread.is_alive(), "a reader does not get the last line"
    assert not failures, failures[0]


def test_torn__readers_that_lag__whole_lines_only_and_in_order(stage):
    wye = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "tcp-listen://127.0.0.1:0,dir=out,queue=256k,unsent=4k#out",
                    "unix-listen://out.sock,dir=out,queue=256k#out2")
    source = stage.tcp(wye.port(0), deadline=60)
    readers = [stage.tcp(wye.port(1), rcvbuf=2304), stage.unix(stage.path / "out.sock")]
    wye.links("out", 1)
    wye.links("out2", 1)
    flow(wye, source, readers, 1)
    assert wye.stats()["out"]["full"] > 0 or wye.stats()["out2"]["full"] > 0


def test_torn__so_sndbuf_at_its_minimum__whole_lines_only(stage):
    """A network of its own, where every TCP socket has the smallest send buffer."""

    def body():
        pathlib.Path("/proc/sys/net/ipv4/tcp_wmem").write_text("4608 4608 4608")
        wye = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "tcp-listen://127.0.0.1:0,dir=out,queue=256k#out")
        source = stage.keep(tcp(wye.port(0), deadline=60))
        readers = [stage.keep(tcp(wye.port(1), rcvbuf=2304)), stage.keep(tcp(wye.port(1)))]
        wye.links("out", 2)
        flow(wye, source, readers, 2)
        assert wye.stats()["out"]["full"] > 0

    if not in_namespace(body):
        pytest.skip("the kernel refuses a network namespace")


def test_torn__source_dies_inside_a_line__the_rest_of_the_stream_is_whole(stage):
    wye = stage.wye("tcp-listen://127.0.0.1:0#in", "unix-listen://out.sock#out")
    reader = stage.keep(unix(stage.path / "out.sock"))
    wye.links("out", 1)
    for number in range(20):
        dying, living = stage.tcp(wye.port()), stage.tcp(wye.port())
        dying.send(long_line(number, 10_000)[:5000])
        living.send(long_line(number, 10_000))
        assert check(reader.line()) == number, "a piece of one source never mixes with another's line"
        dying.reset()
        until(lambda: wye.stats()["in"]["links"] == 1, 10, "the dead source to be seen")
        living.send(long_line(number, 50_000))
        line = reader.line()
        if line.startswith(long_line(number, 10_000)[:5000]):  # the last piece of a stream counts as it is
            assert line == long_line(number, 10_000)[:5000] + b"\n"
            line = reader.line()
        assert check(line) == number
        living.reset()
        wye.links("in", 0)
