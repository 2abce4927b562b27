# SPDX-License-Identifier: MIT
"""Standard input and output, which belong to somebody else: whatever they are, they are left as they were."""
import fcntl
import os
import pty
import socket
import subprocess

import pytest
from peers import HOST, cut_lines
from wye import WYE, Stream, scaled


def blocking(fd):
    return not fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK


def test_stdin__dev_null__has_no_end(stage):
    run = stage.wye("-", "tcp-listen://127.0.0.1:0#net")
    client = stage.tcp(run.port())
    run.links("net", 1)
    client.send(b"one\ntwo\n")
    run.out.expect(b"one\ntwo\n")
    assert run.alive
    run.end(0)


def test_stdin__regular_file__all_of_it_then_exit_0(stage):
    lines = scaled(200_000, 1000)
    data = b"".join(b"line %d\n" % i for i in range(lines))
    (stage.path / "file").write_bytes(data)
    server = stage.server()
    with open(stage.path / "file", "rb") as file:
        run = stage.wye("-", f"tcp://{HOST}:{server.port}", stdin=file, ready=False)
    assert server.accept().rest() == data
    run.exit(0)


def test_stdin__empty_regular_file__exit_0(stage):
    (stage.path / "file").write_bytes(b"")
    port = stage.free_port()
    with open(stage.path / "file", "rb") as file:
        run = stage.wye("-", f"tcp://{HOST}:{port}", stdin=file, ready=False)
    run.exit(0)


def test_stdin__file_read_half_before__goes_on_from_there(stage):
    (stage.path / "file").write_bytes(b"read before\nand this is left\n")
    server = stage.server()
    with open(stage.path / "file", "rb", buffering=0) as file:
        file.read(12)
        run = stage.wye("-", f"tcp://{HOST}:{server.port}", stdin=file, ready=False)
    assert server.accept().rest() == b"and this is left\n"
    run.exit(0)


def test_stdout__regular_file__gets_all(stage):
    data = b"".join(b"line %d\n" % i for i in range(scaled(100_000, 1000)))
    with open(stage.path / "out", "wb") as out:
        run = stage.wye("tcp-listen://127.0.0.1:0,once", "-,full=block", stdout=out)
        client = stage.tcp(run.port())
        client.send(data).finish()
        run.exit(0)
    assert (stage.path / "out").read_bytes() == data


def test_stdin__last_piece_without_newline__is_a_line(stage):
    run = stage.wye("-", "tcp-listen://127.0.0.1:0#net", stdin=subprocess.PIPE)
    reader = stage.tcp(run.port())
    run.links("net", 1)
    run.stdin.write(b"one\ntw")
    run.stdin.flush()
    assert reader.line() == b"one\n"
    run.stdin.write(b"o")
    run.stdin.close()
    run.process.stdin = None
    assert reader.rest() == b"two\n"
    run.exit(0)


class Inherited:
    """Two ends that the command inherits, and ours."""

    def __init__(self, what):
        if what == "pipe":
            self.stdin, self.feed = os.pipe()
            self.result, self.stdout = os.pipe()
        elif what == "pty":
            self.feed, self.stdin = pty.openpty()
            self.stdout, self.result = os.dup(self.stdin), os.dup(self.feed)
        else:
            ours, theirs = socket.socketpair()
            self.feed, self.stdin = ours.detach(), theirs.detach()
            self.stdout, self.result = os.dup(self.stdin), os.dup(self.feed)
        self.theirs = (self.stdin, self.stdout)

    def still_blocking(self):
        return [blocking(fd) for fd in self.theirs] == [True, True]

    def close(self):
        for fd in (*self.theirs, self.feed):
            os.close(fd)


@pytest.mark.parametrize("what", ["pipe", "pty", "socket"])
def test_inherited__descriptors__are_blocking_while_it_runs_and_afterwards(stage, what):
    fds = stage.keep(Inherited(what))
    run = stage.wye("-#std", "tcp-listen://127.0.0.1:0#net", stdin=fds.stdin, stdout=fds.stdout)
    out = Stream(fds.result)
    client = stage.tcp(run.port())
    run.links("net", 1)
    os.write(fds.feed, b"to the net\n")
    assert client.line() == b"to the net\n"
    client.send(b"to the screen\n")
    out.expect(b"to the screen")
    assert fds.still_blocking()
    run.end(0)
    assert fds.still_blocking()


def test_inherited__killed_by_kill_9__descriptors_are_blocking(stage):
    fds = stage.keep(Inherited("pipe"))
    run = stage.wye("-#std", "tcp-listen://127.0.0.1:0#net", stdin=fds.stdin, stdout=fds.stdout)
    os.write(fds.feed, b"x\n")
    run.until_stats(lambda rows: rows["std"]["received"] == 1, what="the line")
    run.kill()
    assert fds.still_blocking()
    os.close(fds.result)


def test_inherited__cat_after_it_in_the_same_shell__reads_the_terminal(stage):
    feed, terminal = pty.openpty()
    server = stage.server()
    script = f'"{WYE}" - tcp://{HOST}:{server.port}; echo status $?; exec cat'
    shell = stage.process("sh", "-c", script, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    screen = Stream(os.dup(feed))
    conn = stage.keep(server.accept())
    os.write(feed, b"one\n")
    assert conn.line() == b"one\n"
    os.write(feed, b"\x04")  # end of file on a terminal
    assert conn.rest() == b""
    screen.expect(b"status 0")
    os.write(feed, b"for cat\n")
    screen.until(lambda data: data.count(b"for cat") == 2, 10, "the echo and cat's copy")
    os.write(feed, b"\x04")
    assert shell.wait(10) == 0
    os.close(feed)


@pytest.mark.parametrize("keys", ["dir=in", "once"])
def test_stdout__only_sink_and_its_reader_leaves__exit_0(stage, keys):
    head = stage.process("head", "-n", "1", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    run = stage.wye(f"tcp-listen://127.0.0.1:0,{keys}#net", "-", stdout=head.stdin)
    head.stdin.close()
    head.stdin = None
    client = stage.tcp(run.port())
    client.send(b"first\n")
    assert head.stdout.read() == b"first\n"
    assert head.wait(10) == 0
    client.send(b"this one breaks the pipe\n")
    run.exit(0)


def test_stdout__its_reader_leaves_and_others_hear_each_other__goes_on(stage):
    head = stage.process("head", "-n", "1", stdin=subprocess.PIPE)
    run = stage.wye("tcp-listen://127.0.0.1:0#net", "-", stdout=head.stdin)
    head.stdin.close()
    head.stdin = None
    a, b = stage.tcp(run.port()), stage.tcp(run.port())
    run.links("net", 2)
    for i in range(10):
        a.send(b"%d\n" % i)
        assert b.line() == b"%d\n" % i
        if i == 0:
            assert head.wait(10) == 0
    run.end(None)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_stdio__closed_by_the_shell__no_socket_takes_its_place(stage, closed):
    """What the command opens must not land on 0 or 1 and be taken for standard input or output."""
    wrap = ("sh", "-c", f'exec "$0" "$@" {closed}')
    run = stage.wye("tcp-listen://127.0.0.1:0#net", wrap=wrap)
    a, b = stage.tcp(run.port()), stage.tcp(run.port())
    run.links("net", 2)
    a.send(b"x\n")
    assert b.line() == b"x\n"


def test_stdin__terminal_that_nobody_types_on__does_not_stop_the_rest(stage):
    fds = stage.keep(Inherited("pty"))
    run = stage.wye("-", "tcp-listen://127.0.0.1:0#net", "unix-listen://s.sock#local", stdin=fds.stdin,
                    stdout=fds.stdout)
    Stream(fds.result)
    client, reader = stage.tcp(run.port()), stage.unix(stage.path / "s.sock")
    run.links("net", 1)
    run.links("local", 1)
    for i in range(100):
        client.send(b"%d\n" % i)
        assert reader.line() == b"%d\n" % i


def test_stdout__nobody_reads_the_pipe__a_listener_goes_on(stage):
    """`-` as sink of a listener drops: nobody is stopped by a full pipe."""
    fds = stage.keep(Inherited("pipe"))
    run = stage.wye("-#std", "tcp-listen://127.0.0.1:0#net", stdin=fds.stdin, stdout=fds.stdout)
    client, reader = stage.tcp(run.port(), deadline=30), stage.tcp(run.port(), deadline=30)
    run.links("net", 2)
    line = b"x" * 999 + b"\n"
    for _ in range(30):
        client.send(line * 100)
        assert reader.exactly(len(line) * 100) == line * 100
    out = Stream(fds.result)  # the reader wakes: it gets the newest, and what it missed is counted
    client.send(b"the end\n")
    out.expect(b"the end\n")
    row = run.until_stats(lambda rows: rows["std"]["waiting"] == 0, what="an empty feed")["std"]
    lines = cut_lines(bytes(out.data))
    assert set(lines) == {line, b"the end\n"}, "whole lines only"
    assert row["full"] == row["dropped"] == 3001 - len(lines) > 0
    assert len(lines) > 300, "the newest half of the queue is kept for a reader that lags"
