# SPDX-License-Identifier: MIT
"""The harness itself: a check that can't fail checks nothing."""
import os
import socket
import subprocess
import sys

import pytest
from peers import Conn, cut_lines, in_namespace, reserve_port, state_of
from wye import Row, Stream, parse_stats, until

LINE = ("wye: stats: a state=up links=3 received=10 routed=30 written=29 dropped=1 lost=0 waiting=0 mode=drop full=1\n"
        "wye: info stats: udp-listen-1 state=opening routed=5 written=1 dropped=0 lost=2 waiting=2 in-empty=4\n"
        "wye: stats: cut off")


def test_stats__are_read_from_whole_lines():
    rows = parse_stats("wye: up: a link 1 from x\n" + LINE)
    assert [name for name, _ in rows] == ["a", "udp-listen-1"]
    a, u = rows[0][1], rows[1][1]
    assert a["links"] == 3 and a["state"] == "up" and a["full"] == 1 and a["stalled"] == 0
    assert a.causes == {"full": 1}
    assert u["in-empty"] == 4 and u.conserved and a.conserved


def test_conserved__a_message_missing__is_seen():
    assert not Row(routed=3, written=1, dropped=1, lost=0, waiting=0).conserved


def test_until__never_true__fails_at_the_deadline():
    with pytest.raises(AssertionError, match="waited"):
        until(lambda: False, 0.05)


def test_stream__end_without_what_was_wanted__fails_at_once():
    r, w = os.pipe()
    stream = Stream(r)
    os.write(w, b"abc")
    stream.expect(b"abc")
    os.close(w)
    with pytest.raises(AssertionError):
        stream.expect(b"abd", 30)


def test_conn__reads_lines_and_bytes_however_they_come():
    ours, theirs = socket.socketpair()
    conn = Conn(ours)
    theirs.sendall(b"one\ntwo\nrest")
    assert conn.line() == b"one\n" and conn.exactly(2) == b"tw" and conn.line() == b"o\n"
    theirs.close()
    assert conn.line() == b"rest"
    conn.close()


def test_cut_lines__carriage_returns__are_no_newlines():
    assert cut_lines(b"a\rb\r\n\nc") == [b"a\rb\r\n", b"\n", b"c"]


def test_reserved_port__refuses_and_can_be_listened_on():
    port, holder = reserve_port()
    with holder, socket.socket() as client, socket.socket() as server:
        assert client.connect_ex(("127.0.0.1", port)) != 0
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        assert socket.create_connection(("127.0.0.1", port)).close() is None


def test_namespace__a_failure_inside__is_a_failure():
    def fails():
        raise ValueError("inside")

    try:
        assert in_namespace(fails) is False
    except ValueError as e:
        assert str(e) == "inside"


def test_generator__digest_is_of_what_it_wrote():
    gen = os.path.join(os.path.dirname(__file__), "gen.py")
    made = subprocess.run([sys.executable, gen, str((1 << 20) * 3 + 17)], capture_output=True, check=True)
    found = subprocess.run(["sha256sum"], input=made.stdout, capture_output=True, check=True).stdout
    assert len(made.stdout) == (1 << 20) * 3 + 17 and found[:64] == made.stderr[:64]


def test_state_of__stopped_process__is_T(stage):
    process = stage.process("cat", stdin=subprocess.PIPE)
    process.send_signal(19)
    until(lambda: state_of(process.pid) == "T", 5, "the stop")
