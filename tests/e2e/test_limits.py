# SPDX-License-Identifier: MIT
"""Bounds: file descriptors, `max`, `once`, `idle`; and clients that leave at every possible moment."""
import os
import select
import socket
import struct
import time

import pytest
from peers import HOST, Dgram, stopwatch, tcp, unix
from wye import SLOWER, scaled, until


def test_fd_limit_64__10_000_connects__never_spins_old_links_flow_and_normal_afterwards(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#net", wrap=("prlimit", "--nofile=64:64"))
    port = run.port()
    old = [stage.tcp(port) for _ in range(40)]
    run.links("net", 40)
    newcomers, pings, period = [], 0, 5.0
    try:
        since, before = stopwatch(), run.cpu()
        for _ in range(scaled(10_000, 1000)):
            sock = socket.socket()
            sock.setblocking(False)
            # they leave with RST: with FIN each would rightly stay a reader until a send to it fails
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.connect_ex((HOST, port))
            newcomers.append(sock)
        while since() < period:  # the period over which use of the processor is measured; old links talk all the while
            text = b"ping %d\n" % pings
            old[pings % 2].send(text)
            assert old[1 - pings % 2].line() == text
            pings += 1
            select.select([], [], [], 0.05)
        share = (run.cpu() - before) / since()
        assert share < 0.05, f"{share:.1%} of a processor"
        assert pings > 20
        links = run.stats()["net"]["links"]
        assert 40 <= links < 64
        assert run.fds() <= 64
    finally:
        for sock in newcomers:
            sock.close()
    for conn in old[2:]:
        conn.reset()

    def normal():
        """A newcomer hears an old link, and is heard."""
        try:
            new = tcp(port)
            new.sock.settimeout(1)
            new.send(b"newcomer\n")
            before = [old[1].line()]
            while before[-1] != b"newcomer\n":
                before.append(old[1].line())
            new.close()
            return True
        except (TimeoutError, ConnectionError):
            return False

    old[1].sock.settimeout(1)
    until(normal, 20, "the hub to accept again")


def test_fd_limit_64__full_of_links__accepts_again_when_one_leaves(stage):
    run = stage.wye("unix-listen://s.sock#net", wrap=("prlimit", "--nofile=64:64"))
    path = stage.path / "s.sock"
    conns = [stage.unix(path) for _ in range(70)]
    rows = run.until_stats(lambda rows: rows["net"]["links"] > 40, what="a full table")
    assert rows["net"]["links"] < 64
    for conn in conns:
        conn.close()

    def only_us():
        """A newcomer may still be refused while the dead are being found; then it tries again."""
        try:
            new = unix(path)
            new.send(b"are you gone?\n")
            alone = run.stats()["net"]["links"] == 1
            new.close()
            return alone
        except ConnectionError:
            return False

    until(only_us, 20, "the dead to be found")


def closed(conn):
    """True once the other side has closed."""
    try:
        return conn.sock.recv(1) == b""
    except ConnectionError:
        return True


def test_max__newcomers_over_it__are_refused_at_once_and_no_fd_leaks(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,max=2#net")
    a, b = stage.tcp(run.port()), stage.tcp(run.port())
    run.links("net", 2)
    before, count = run.fds(), scaled(10_000)
    for _ in range(count):
        newcomer = tcp(run.port())
        assert closed(newcomer)
        newcomer.reset()
    row = run.stats()["net"]
    assert run.fds() == before
    assert row["links"] == 2
    a.send(b"still here\n")
    assert b.line() == b"still here\n"
    a.reset()
    run.links("net", 1)
    c = stage.tcp(run.port())
    run.links("net", 2)
    c.send(b"let in\n")
    assert b.line() == b"let in\n"


def test_max__on_a_unix_listener__the_same(stage):
    run = stage.wye("unix-listen://s.sock,max=1#net")
    stage.unix(stage.path / "s.sock")
    run.links("net", 1)
    before = run.fds()
    for _ in range(scaled(2000, 100)):
        newcomer = unix(stage.path / "s.sock")
        assert closed(newcomer)
        newcomer.close()
    assert run.fds() == before


def test_once__a_second_client__is_refused_and_the_first_talks_on(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,once#net", "-")
    first = stage.tcp(run.port())
    run.links("net", 1)
    try:
        assert closed(tcp(run.port()))
    except ConnectionRefusedError:
        pass  # the listener may be closed by then
    first.send(b"the one\n")
    run.out.expect(b"the one\n")
    first.close()
    run.exit(0)


def test_idle__silent_link__is_closed_and_one_that_speaks_is_not(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,idle=1s#net")
    silent, speaks = stage.tcp(run.port()), stage.tcp(run.port())
    run.links("net", 2)
    since = stopwatch()
    while not select.select([silent.sock], [], [], 0.1)[0] or silent.sock.recv(100) != b"":
        speaks.send(b"alive\n")
        assert since() < 10 * SLOWER
    assert since() >= 0.9
    run.wait(r"down: net link \d+: ")
    assert run.stats()["net"]["links"] == 1


def leave_at_once(port):
    tcp(port).close()


def leave_with_reset(port):
    tcp(port).reset()


def leave_before_accepted(port):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex((HOST, port))
    sock.close()


def leave_in_a_line(port):
    tcp(port).send(b"half a li").close()


def leave_in_a_line_with_reset(port):
    tcp(port).send(b"half a li").reset()


def leave_half_closed(port):
    tcp(port).send(b"from a leaver\n").finish().close()


def leave_without_reading(port):
    tcp(port, rcvbuf=2304).send(b"from a leaver\n" * 100).reset()


def leave_while_reading(port):
    conn = tcp(port, rcvbuf=2304)
    conn.send(b"from a leaver\n")
    select.select([conn.sock], [], [], 0)
    conn.close()


LEAVERS = [leave_at_once, leave_with_reset, leave_before_accepted, leave_in_a_line, leave_in_a_line_with_reset,
           leave_half_closed, leave_without_reading, leave_while_reading]


def test_leaving__1_000_clients_in_every_state__the_hub_goes_on(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#net", "tcp-listen://127.0.0.1:0#calm")
    a, b = stage.tcp(run.port(1), deadline=30), stage.tcp(run.port(1), deadline=30)
    run.links("calm", 2)
    before = run.fds()
    for i in range(scaled(1000, 200)):
        LEAVERS[i % len(LEAVERS)](run.port(0))
        if i % 10 == 0:
            a.send(b"witness %d\n" % i)
            while b.line() != b"witness %d\n" % i:
                pass

    def all_gone():
        a.send(b"anyone?\n")
        return run.stats()["net"]["links"] == 0

    until(all_gone, 20, "all leavers to be found")
    until(lambda: run.fds() == before, 5, "their descriptors to be closed")


def test_leaving__real_ncat_killed_while_others_talk__the_hub_goes_on(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#net")
    a, b = stage.tcp(run.port()), stage.tcp(run.port())
    for i in range(20):
        clients = [stage.process("ncat", HOST, run.port()), stage.process("nc", HOST, run.port())]
        clients[i % 2].kill()
        a.send(b"%d\n" % i)
        assert b.line() == b"%d\n" % i
        clients[1 - i % 2].kill()
        a.send(b"%d more\n" % i)
        assert b.line() == b"%d more\n" % i
        for client in clients:
            client.wait()


@pytest.mark.parametrize("what", ["http", "tls", "zeros", "noise"])
def test_garbage__on_every_framing__closed_or_taken_as_data_never_an_end(stage, what):
    run = stage.wye("tcp-listen://127.0.0.1:0#line", "tcp-listen://127.0.0.1:0,frame=len32#len32",
                    "tcp-listen://127.0.0.1:0,frame=raw#raw", "udp-listen://127.0.0.1:0#udp")
    garbage = {"http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
               "zeros": bytes(100_000), "noise": os.urandom(200_000)}[what]
    for _ in range(5):
        for which in range(3):
            conn = tcp(run.port(which))
            try:
                conn.send(garbage)
            except ConnectionError:
                pass  # refused in the middle: fine
            conn.reset()
        dgram = Dgram(run.port(3))
        dgram.send(garbage[:60_000])
        dgram.close()
    a, b = stage.tcp(run.port(0)), stage.tcp(run.port(0))
    run.until_stats(lambda rows: rows["line"]["links_ever"] == 7 and rows["line"]["links"] == 2, what="only the living")
    a.send(b"still here\n")
    while not b.line().endswith(b"still here\n"):
        pass  # what was raw and late has no line end of its own


def test_idle_hub__uses_no_processor(stage):
    """Nothing polls: with 50 silent links two seconds cost less than a tick or two."""
    run = stage.wye("tcp-listen://127.0.0.1:0#net", "udp-listen://127.0.0.1:0", "unix-listen://s.sock")
    for _ in range(50):
        stage.tcp(run.port(0))
    run.links("net", 50)
    before, end = run.cpu(), time.monotonic() + 2
    until(lambda: time.monotonic() >= end, 5, "the period that is measured")
    assert run.cpu() - before <= 0.03
