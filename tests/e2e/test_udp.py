# SPDX-License-Identifier: MIT
"""udp and udp-listen: peers are links that come by speaking and go by silence."""
import os
import socket

import pytest
from peers import HOST, Dgram


def hub(stage, keys="", *more):
    run = stage.wye(f"udp-listen://127.0.0.1:0{keys}#udp", *more)
    return run


def joined(stage, run, n):
    """n peers, each known to the hub and with an empty socket."""
    peers = []
    for i in range(n):
        peer = stage.udp(run.port())
        peer.send(b"I am %d" % i)
        for other in peers:
            assert other.recv() == b"I am %d" % i
        peers.append(peer)
        run.links("udp", i + 1)
    return peers


def test_udp_listen__peers__hear_each_other_never_themselves(stage):
    run = hub(stage)
    peers = joined(stage, run, 4)
    for turn in range(3):
        for i, peer in enumerate(peers):
            text = b"%d says %d" % (i, turn)
            peer.send(text)
            for other in peers:
                if other is not peer:
                    assert other.recv() == text
    assert all(peer.nothing() for peer in peers)


def test_udp_listen__and_streams__both_ways(stage):
    run = hub(stage, "", "tcp-listen://127.0.0.1:0#net")
    client = stage.tcp(run.port(1))
    run.links("net", 1)
    peer = stage.udp(run.port(0))
    peer.send(b"datagram")
    assert client.line() == b"datagram\n"
    client.send(b"line\n")
    assert peer.recv() == b"line\n"


def test_udp_listen__silent_for_idle__is_gone_and_may_come_again(stage):
    run = hub(stage, ",idle=400ms", "tcp-listen://127.0.0.1:0,dir=in#in")
    peer = stage.udp(run.port(0))
    source = stage.tcp(run.port(1))
    peer.send(b"hello")
    run.links("udp", 1)
    run.links("udp", 0)
    run.wait(r"down: udp link \d+: ")
    source.send(b"nobody hears this\n")
    run.until_stats(lambda rows: rows["in"]["received"] == 1, what="the line")
    peer.send(b"back")
    run.links("udp", 1)
    source.send(b"heard\n")
    assert peer.recv() == b"heard\n"


def test_udp_listen__full__the_longest_silent_makes_room(stage):
    run = hub(stage, ",max=3")
    a, b, c = joined(stage, run, 3)
    a.send(b"still here")
    assert b.recv() == c.recv() == b"still here"
    d = stage.udp(run.port())
    d.send(b"new")
    assert a.recv() == c.recv() == b"new"
    d.send(b"again")
    assert a.recv() == c.recv() == b"again"
    assert b.nothing(), "b was silent longest"
    assert run.stats()["udp"]["links"] == 3


def test_udp_listen__empty_datagram__is_no_end_and_no_message(stage):
    run = hub(stage)
    a, b = joined(stage, run, 2)
    for i in range(5):
        a.send(b"")
        a.send(b"%d" % i)
        assert b.recv() == b"%d" % i
    row = run.stats()["udp"]
    assert row["links"] == 2 and row["in-empty"] == 5


def test_udp_listen__empty_datagram_first__makes_a_peer(stage):
    run = hub(stage)
    a, = joined(stage, run, 1)
    b = stage.udp(run.port())
    b.send(b"")
    run.links("udp", 2)
    a.send(b"x")
    assert b.recv() == b"x"


@pytest.mark.parametrize("size", [1, 1400, 1473, 9000, 65507])
def test_udp__datagram_of_any_size__passes_whole(stage, size):
    run = hub(stage)
    a, b = joined(stage, run, 2)
    for _ in range(3):
        data = os.urandom(size)
        a.send(data)
        assert b.recv() == data
        b.send(data)
        assert a.recv() == data


def test_udp__dialler__both_ways_and_never_its_own(stage):
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    there.bind((HOST, 0))
    there.settimeout(10)
    stage.keep(there)
    run = stage.wye(f"udp://{HOST}:{there.getsockname()[1]}#out", "tcp-listen://127.0.0.1:0#net")
    client = stage.tcp(run.port())
    run.links("net", 1)
    client.send(b"out\n")
    data, address = there.recvfrom(100)
    assert data == b"out\n"
    for text in b"one", b"", b"two":
        there.sendto(text, address)
    assert client.lines(2) == [b"one\n", b"two\n"]
    assert run.stats()["out"]["received"] >= 2


def test_udp__dialler_that_is_refused__goes_on_and_counts(stage):
    port, holder = stage_port(stage)
    run = stage.wye(f"udp://{HOST}:{port}#out", "tcp-listen://127.0.0.1:0,dir=in#in")
    source = stage.tcp(run.port())
    holder.close()
    for i in range(20):
        source.send(b"into the void %d\n" % i)
        run.until_stats(lambda rows, n=i + 1: rows["in"]["received"] == n, what="the line")
    assert run.alive
    there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stage.keep(there)
    there.bind((HOST, port))
    there.settimeout(0.2)
    heard = None
    for _ in range(100):  # one may be refused still: the error of the datagram before is told on the next
        source.send(b"now\n")
        try:
            heard = there.recv(100)
            break
        except TimeoutError:
            continue
    assert heard == b"now\n"


def stage_port(stage):
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    holder.bind((HOST, 0))
    stage.keep(holder)
    return holder.getsockname()[1], holder


def test_udp_listen__a_peer_that_is_gone__the_others_hear_on(stage):
    """Its port is closed: the kernel's refusals belong to it alone."""
    run = hub(stage)
    a, b, c = joined(stage, run, 3)
    b.close()
    for i in range(50):
        a.send(b"%d" % i)
        assert c.recv() == b"%d" % i
        c.send(b"%d" % i)
        assert a.recv() == b"%d" % i


def test_udp_listen__many_sources__the_table_is_bounded(stage):
    run = hub(stage, ",max=16")
    last = None
    for i in range(300):
        last = stage.udp(run.port())
        last.send(b"%d" % i)
        if i % 50 == 49:
            run.until_stats(lambda rows, n=i + 1: rows["udp"]["received"] == n, what="the datagrams")
    row = run.stats()["udp"]
    assert row["links"] == 16
    other = Dgram(run.port())
    stage.keep(other)
    other.send(b"are you there?")
    while last.recv() != b"are you there?":
        pass


def test_udp__two_commands__a_line_through_both(stage):
    one = stage.wye("udp-listen://127.0.0.1:0#udp", "tcp-listen://127.0.0.1:0#net")
    two = stage.wye(f"udp://{HOST}:{one.port(0)}#udp", "tcp-listen://127.0.0.1:0#net")
    a, b = stage.tcp(one.port(1)), stage.tcp(two.port())
    one.links("net", 1)
    two.links("net", 1)
    b.send(b"from two\n")
    assert a.line() == b"from two\n"
    a.send(b"from one\n")
    assert b.line() == b"from one\n"


def test_udp_listen__ipv6_and_ipv4_loopback__where_no_host_is_typed(stage):
    run = stage.wye("udp-listen://:0#udp", "tcp-listen://:0#net")
    client = stage.tcp(run.port(1), host="::1")
    other = stage.tcp(run.port(1), host="127.0.0.1")
    run.links("net", 2)
    four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for sock, host in (four, "127.0.0.1"), (six, "::1"):
        stage.keep(sock)
        sock.settimeout(10)
        sock.connect((host, run.port(0)))
        sock.send(b"hello from " + host.encode())
        assert client.line() == other.line() == b"hello from " + host.encode() + b"\n"
    assert four.recv(100) == b"hello from ::1"
