# SPDX-License-Identifier: MIT
"""Much data from one command into another: not a byte lost, and both end by themselves with 0."""
import pathlib
import subprocess
import sys
import time

import pytest
from peers import HOST
from wye import scaled, until

GEN = pathlib.Path(__file__).with_name("gen.py")
GIB = scaled(1 << 30)
LINES = scaled(10_000_000)


def random_bytes(stage, n):
    """(process, its output for somebody's stdin)."""
    return stage.process(sys.executable, GEN, n, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def digest_of(command):
    """sha256 of what a shell command prints."""
    return subprocess.run(f"{command} | sha256sum", shell=True, check=True, capture_output=True).stdout[:64]


def receiver(stage, *urls, **how):
    """The command with its standard output into sha256sum: (run, the program)."""
    digest = stage.reading("sha256sum", stdin=subprocess.PIPE)
    run = stage.wye(*urls, stdout=digest.stdin, **how)
    digest.stdin.close()
    digest.stdin = None
    return run, digest


def sender(stage, *urls, source):
    run = stage.wye(*urls, stdin=source.stdout, ready=False)
    source.stdout.close()
    return run


def both_end(source, digest, sending, receiving):
    sending.exit(0, 150)
    receiving.exit(0, 150)
    assert source.wait(10) == 0
    return digest.out.end(60)[:64]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_raw__1_gib_of_random_bytes__same_digest_and_both_end(stage, kind):
    where = "unix-listen://bulk.sock" if kind == "unix" else "tcp-listen://127.0.0.1:0"
    receiving, digest = receiver(stage, f"{where},frame=raw,once#net", "-,frame=raw#out")
    to = "unix://bulk.sock" if kind == "unix" else f"tcp://{HOST}:{receiving.port()}"
    source = random_bytes(stage, GIB)
    sending = sender(stage, "-,frame=raw#in", f"{to},frame=raw#net", source=source)
    found = both_end(source, digest, sending, receiving)
    assert found == source.stderr.read()[:64]
    assert sending.final["net"]["written_bytes"] == GIB
    assert receiving.final["net"]["received_bytes"] == GIB
    source.stderr.close()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_line__seq__same_digest_and_both_end(stage, kind):
    where = "unix-listen://bulk.sock" if kind == "unix" else "tcp-listen://127.0.0.1:0"
    # standard output waits by itself for patient sources only; the network is told to
    receiving, digest = receiver(stage, f"{where},once#net", "-,full=block#out")
    to = "unix://bulk.sock" if kind == "unix" else f"tcp://{HOST}:{receiving.port()}"
    source = stage.process("seq", "1", LINES, stdout=subprocess.PIPE)
    sending = sender(stage, "-#in", f"{to}#net", source=source)
    assert both_end(source, digest, sending, receiving) == digest_of(f"seq 1 {LINES}")
    for run in sending, receiving:
        assert run.final["net"]["dropped"] == 0
    assert sending.final["net"]["written"] == LINES
    assert receiving.final["net"]["received"] == LINES


@pytest.mark.long
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_late__receiver_started_3_s_after_the_sender__nothing_lost(stage, kind):
    lines = scaled(1_000_000)
    port = stage.free_port()
    to, where = (("unix://late.sock", "unix-listen://late.sock") if kind == "unix" else
                 (f"tcp://{HOST}:{port}", f"tcp-listen://{HOST}:{port}"))
    source = stage.process("seq", "1", lines, stdout=subprocess.PIPE)
    start = time.monotonic()
    sending = sender(stage, "-#in", f"{to},retry=100ms..500ms#net", source=source)
    sending.wait(r"(?i)net.*(refused|no such file|retry|again)|(refused|no such file|retry|again).*net")
    until(lambda: time.monotonic() >= start + 3, 10, "the third second")  # what is tested is the lateness
    assert sending.alive
    receiving, digest = receiver(stage, f"{where},once#net", "-,full=block#out")
    assert both_end(source, digest, sending, receiving) == digest_of(f"seq 1 {lines}")
    assert sending.final["net"]["written"] == lines


@pytest.mark.long
def test_order__three_sources_into_one_sink_that_blocks__each_in_order_and_complete(stage):
    """At most once, in order per source, nothing lost with full=block typed."""
    lines = scaled(200_000)
    wye = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "unix-listen://in.sock,dir=in#in2",
                    "tcp-listen://127.0.0.1:0,dir=out,full=block#out")
    reader = stage.tcp(wye.port(1), deadline=60)
    wye.links("out", 1)
    feeds = [f"TCP:{HOST}:{wye.port(0)}", "UNIX-CONNECT:in.sock", f"TCP:{HOST}:{wye.port(0)}"]
    for i, to in enumerate(feeds):
        stage.process("sh", "-c", f"seq -f '{i} %.0f' 1 {lines} | socat -u - {to}")
    next_of, seen, kept = [1, 1, 1], 0, b""
    while seen < 3 * lines:
        piece = reader.some(1 << 18)
        assert piece, f"end of file after {seen} lines"
        *whole, kept = (kept + piece).split(b"\n")
        for line in whole:
            who, number = line.split()
            assert int(number) == next_of[int(who)], line
            next_of[int(who)] += 1
        seen += len(whole)
    assert wye.stats()["out"]["dropped"] == 0
