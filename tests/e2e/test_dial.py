# SPDX-License-Identifier: MIT
"""Diallers and their retry; and the clients of a listener that do not follow the book."""
import socket
import subprocess

import pytest
from peers import HOST, Conn
from wye import scaled


def fed(stage, keys):
    """A hub that passes a source's lines to a dialler; nobody listens there yet."""
    port = stage.free_port()
    run = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", f"tcp://{HOST}:{port},retry=10ms..50ms{keys}#out")
    return run, stage.tcp(run.port()), port


def leave(server, conn):
    conn.close()
    server.close()


def test_retry__server_restarts__what_came_meanwhile_arrives_in_order(stage):
    run, source, port = fed(stage, "")
    number = 0
    for _ in range(10):
        for _ in range(10):  # while nobody is there
            source.send(b"%d\n" % number)
            number += 1
        run.until_stats(lambda rows, n=number: rows["in"]["received"] == n, what="all lines in the feed")
        server = stage.server(port)
        conn = stage.keep(server.accept())
        for _ in range(10):  # while it is there
            source.send(b"%d\n" % number)
            number += 1
        assert conn.lines(20) == [b"%d\n" % i for i in range(number - 20, number)]
        run.until_stats(lambda rows: rows["out"]["waiting"] == 0, what="an empty feed")
        leave(server, conn)
        run.links("out", 0)
    row = run.stats()["out"]
    assert row["written"] == number and row["dropped"] == 0


def test_retry__half_sent_message__again_from_its_start(stage):
    run, source, port = fed(stage, ",queue=8m,unsent=4k")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.settimeout(10)
    listener.bind((HOST, port))
    listener.listen()
    conn = Conn(listener.accept()[0])
    count = 100
    for i in range(count):
        source.send(b"%04d " % i + bytes([ord("a") + i % 26]) * 59_994 + b"\n")
    run.until_stats(lambda rows: rows["out"]["routed"] == count, what="all lines in the feed")
    assert conn.exactly(1000).startswith(b"0000 aaa")
    conn.reset()
    listener.close()
    run.links("out", 0)
    server = stage.server(port)
    conn = stage.keep(server.accept())
    first = conn.line()
    start = int(first[:4])
    line = first
    for i in range(start, count):
        assert line == b"%04d " % i + bytes([ord("a") + i % 26]) * 59_994 + b"\n"
        line = conn.line() if i < count - 1 else b""


def test_hold_0__while_down__forgotten_and_counted(stage):
    run, source, port = fed(stage, ",hold=0")
    for i in range(10):
        source.send(b"old %d\n" % i)
    rows = run.until_stats(lambda rows: rows["in"]["received"] == 10, what="the lines")
    assert rows["out"]["down"] == 10
    server = stage.server(port)
    conn = stage.keep(server.accept())
    run.links("out", 1)
    source.send(b"fresh\n")
    assert conn.line() == b"fresh\n"
    leave(server, conn)
    run.links("out", 0)
    source.send(b"old again\n")
    run.until_stats(lambda rows: rows["out"]["routed"] == 12, what="the line")
    server = stage.server(port)
    conn = stage.keep(server.accept())
    run.links("out", 1)
    source.send(b"fresh again\n")
    assert conn.line() == b"fresh again\n"


def test_hold_0__patient_source__does_not_wait_for_who_is_down(stage):
    port = stage.free_port()
    run = stage.wye("-#std", f"tcp://{HOST}:{port},hold=0#out", "tcp-listen://127.0.0.1:0#net", stdin=subprocess.PIPE)
    reader = stage.tcp(run.port())
    run.links("net", 1)
    line = b"x" * 999 + b"\n"
    for _ in range(3000):
        run.stdin.write(line)
        run.stdin.flush()
        assert reader.exactly(1000) == line
    assert run.stats()["out"]["down"] == 3000


def test_patient__sink_is_down__standard_input_waits_and_nothing_is_lost(stage):
    port = stage.free_port()
    data = b"".join(b"%0999d\n" % i for i in range(5000))
    (stage.path / "file").write_bytes(data)
    with open(stage.path / "file", "rb") as file:
        run = stage.wye("-#std", f"tcp://{HOST}:{port},retry=10ms..50ms#out", stdin=file)
    row = run.until_stats(lambda rows: rows["out"]["waiting"] > 500, what="a full feed")["out"]
    assert row["waiting"] < 2000, "queue is 1 MiB: the rest is still in the file"
    server = stage.server(port)
    assert stage.keep(server.accept()).rest() == data
    run.exit(0)
    assert run.final["out"]["dropped"] == 0


def test_name__localhost__is_resolved(stage):
    server = stage.server()
    run = stage.wye(f"tcp://localhost:{server.port}#out", "tcp-listen://localhost:0#in")
    conn = stage.keep(server.accept())
    source = stage.tcp(run.port())
    source.send(b"hello\n")
    assert conn.line() == b"hello\n"


def test_name__that_does_not_exist__is_said_and_the_rest_flows(stage):
    run = stage.wye("tcp://no-such-host.invalid:1,retry=10ms..50ms#out", "tcp-listen://127.0.0.1:0#net")
    run.wait(r"(?i)no-such-host\.invalid|out.*(address|resolve|name)")
    a, b = stage.tcp(run.port()), stage.tcp(run.port())
    run.links("net", 2)
    for i in range(20):
        a.send(b"%d\n" % i)
        assert b.line() == b"%d\n" % i


@pytest.mark.parametrize("program", [["ncat", HOST], ["nc", "-N", HOST], ["nc", HOST]])
def test_half_closed_client__goes_on_listening(stage, program):
    run = stage.wye("tcp-listen://127.0.0.1:0#net")
    client = stage.reading(*program, run.port())
    source = stage.tcp(run.port())
    run.links("net", 2)
    for i in range(5):
        source.send(b"line %d\n" % i)
        client.out.expect(b"line %d\n" % i)
    client.kill()
    client.wait()

    # it is a reader until a send fails, then it is gone
    def gone(rows):
        source.send(b"anyone?\n")
        return rows["net"]["links"] == 1

    run.until_stats(gone, what="the dead client to be found")


def test_dialler__half_closed_by_its_server__dials_again(stage):
    server = stage.server()
    run = stage.wye(f"tcp://{HOST}:{server.port},retry=10ms..50ms#out", "tcp-listen://127.0.0.1:0,dir=in#in")
    source = stage.tcp(run.port())
    for i in range(5):
        conn = stage.keep(server.accept())
        source.send(b"line %d\n" % i)
        assert conn.line() == b"line %d\n" % i
        conn.finish()
        assert conn.rest() == b""
        conn.close()


def test_restart__listening_command_at_once_on_the_same_port(stage):
    """SO_REUSEADDR: the links of the one before are in TIME_WAIT."""
    run = stage.wye("tcp-listen://127.0.0.1:0#net")
    port = run.port()
    for _ in range(5):
        client = stage.tcp(port)
        run.links("net", 1)
        run.end(0)
        assert client.rest() == b""
        run = stage.wye(f"tcp-listen://127.0.0.1:{port}#net")


def test_kill_9__hub_under_load__all_diallers_are_back(stage):
    port = stage.free_port()
    hub = stage.wye(f"tcp-listen://127.0.0.1:{port}#net")
    diallers = [stage.wye(f"tcp://{HOST}:{port},retry=10ms..50ms#out", f"unix-listen://{i}.sock,dir=in#in")
                for i in range(4)]
    sources = [stage.unix(stage.path / f"{i}.sock") for i in range(4)]
    for _ in range(scaled(10, 2)):
        hub.links("net", 4)
        reader = stage.tcp(port)
        hub.links("net", 5)
        for i, source in enumerate(sources):
            diallers[i].links("out", 1)
            source.send(b"from %d\n" % i)
        assert sorted(reader.lines(4)) == [b"from %d\n" % i for i in range(4)]
        hub.kill()
        for run in diallers:
            run.links("out", 0)
        hub = stage.wye(f"tcp-listen://127.0.0.1:{port}#net")


def test_public__only_where_typed(stage):
    run = stage.wye("tcp-listen://:0#local", "tcp-listen://0.0.0.0:0#public", "tcp-listen://any:0#both")
    for host in "127.0.0.1", "::1":
        stage.tcp(run.port(0), host=host)
        stage.tcp(run.port(2), host=host)
    run.links("local", 2)
    run.links("both", 2)
    addresses = subprocess.run(["ip", "-4", "-o", "addr", "show", "scope", "global"], capture_output=True, check=True,
                               text=True).stdout.split()
    public = [a.split("/")[0] for a in addresses if "/" in a and a[0].isdigit()]
    for address in public[:1]:
        stage.tcp(run.port(1), host=address)
        with socket.socket() as sock:
            assert sock.connect_ex((address, run.port(0))) != 0
