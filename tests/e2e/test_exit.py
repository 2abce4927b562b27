# SPDX-License-Identifier: MIT
"""When the command ends by itself, with which status, and what it says about bytes that could not be written."""
import re
import signal
import socket
import subprocess
import time

import pytest
from peers import HOST, stopwatch
from wye import SLOWER, until


def echo(stage, text, *args, **how):
    """`printf text | wye args`"""
    source = stage.process("printf", text, stdout=subprocess.PIPE)
    run = stage.wye(*args, stdin=source.stdout, ready=False, **how)
    source.stdout.close()
    return run


def test_exit__echo_into_a_dialler__0(stage):
    server = stage.server()
    run = echo(stage, "hi\\n", "-", f"tcp://{HOST}:{server.port}")
    conn = stage.keep(server.accept())
    assert conn.rest() == b"hi\n"
    conn.close()
    run.exit(0)


def test_exit__answer_after_the_end_of_input__is_shown(stage):
    server = stage.server()
    run = echo(stage, "question\\n", "-", f"tcp://{HOST}:{server.port}", "--linger", "20s")
    conn = stage.keep(server.accept())
    assert conn.rest() == b"question\n"
    conn.send(b"answer 1\n")
    run.out.expect(b"answer 1\n")
    conn.send(b"answer 2\n")
    run.out.expect(b"answer 2\n")
    assert run.alive
    run.end(None)


def test_exit__linger__ends_after_that_much_silence(stage):
    server = stage.server()
    run = echo(stage, "question\\n", "-", f"tcp://{HOST}:{server.port}", "--linger", "1s")
    conn = stage.keep(server.accept())
    assert conn.rest() == b"question\n"
    since = stopwatch()
    run.exit(0)
    assert 0.9 <= since() < 5 * SLOWER


def test_exit__stay__never_by_itself(stage):
    server = stage.server()
    run = echo(stage, "question\\n", "--stay", "--linger", "1ms", "-#std", f"tcp://{HOST}:{server.port}#net")
    conn = stage.keep(server.accept())
    assert conn.line() == b"question\n"
    for i in range(5):  # without --stay, a millisecond of silence would be the end
        conn.send(b"later %d\n" % i)
        run.out.expect(b"later %d\n" % i)
        until(lambda end=time.monotonic() + 0.05: time.monotonic() > end, 5, "more than `linger` of silence")
    assert run.alive
    run.end(0)


def test_exit__dialler_without_retry_refused__ends_and_names_it(stage):
    port = stage.free_port()
    run = stage.wye(f"tcp://{HOST}:{port},retry=off#net", "-", ready=False)
    run.exit((1, 4))
    assert re.search(r"(?i)refused", run.log.text)


def test_exit__dialler_without_retry_whose_server_leaves__0(stage):
    server = stage.server()
    run = stage.wye(f"tcp://{HOST}:{server.port},retry=off#net", "-", ready=False)
    server.accept().send(b"bye\n").close()
    run.exit(0)
    assert run.out.end() == b"bye\n"


def test_exit__listener_with_once__ends_with_its_link(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,once#net", "-")
    client = stage.tcp(run.port())
    run.links("net", 1)
    client.send(b"all\n")
    run.out.expect(b"all\n")
    client.close()
    run.exit(0)


def test_exit__sink_down_for_its_timeout__1_and_its_bytes_are_named(stage):
    port = stage.free_port()
    run = echo(stage, "abc\\n", "-", f"tcp://{HOST}:{port},timeout=300ms,retry=10ms..20ms#lost-sink")
    run.exit(1, 20)
    said = [line for line in run.log.text.splitlines() if "stats:" not in line]
    assert any("lost-sink" in line and re.search(r"\b4\b", line) for line in said), run.log.text
    assert run.final["lost-sink"]["written"] == 0


def test_exit__sink_that_moves_no_byte__given_up_after_10_s_with_1(stage):
    server = stage.server()
    server.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    (stage.path / "file").write_bytes(b"".join(b"%0999d\n" % i for i in range(700)))
    with open(stage.path / "file", "rb") as file:
        run = stage.wye("-", f"tcp://{HOST}:{server.port},unsent=16k#net", stdin=file, ready=False)
    conn = stage.keep(server.accept())
    since = stopwatch()
    assert conn.line() == b"%0999d\n" % 0
    run.exit(1, 30)
    assert 9.5 < since() < 10 + 6 * SLOWER
    said = [line for line in run.log.text.splitlines() if "stats:" not in line]
    assert any(re.search(r"\bnet\b.*\d{4,}|\d{4,}.*\bnet\b", line) for line in said), run.log.text


def test_sigterm__queued_data__is_written_out_first(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "tcp-listen://127.0.0.1:0,dir=out,unsent=16k#out")
    source, reader = stage.tcp(run.port(0)), stage.tcp(run.port(1), rcvbuf=4096)
    run.links("out", 1)
    lines = b"".join(b"%0999d\n" % i for i in range(700))
    source.send(lines)
    run.until_stats(lambda rows: rows["out"]["routed"] == 700, what="all lines in the feed")
    run.signal(signal.SIGTERM)
    assert reader.rest() == lines
    run.exit(0)
    assert run.final["out"]["written"] == 700


def stuck(stage):
    """A hub with a reader that never reads, and more in the feed than the kernel takes."""
    run = stage.wye("tcp-listen://127.0.0.1:0,dir=in#in", "tcp-listen://127.0.0.1:0,dir=out,unsent=16k#out")
    source, reader = stage.tcp(run.port(0)), stage.tcp(run.port(1), rcvbuf=4096)
    run.links("out", 1)
    source.send(b"".join(b"%0999d\n" % i for i in range(700)))
    run.until_stats(lambda rows: rows["out"]["routed"] == 700, what="all lines in the feed")
    return run, reader


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal__reader_never_reads__1_after_5_s_and_the_bytes_are_named(stage, number):
    run, _ = stuck(stage)
    since = stopwatch()
    run.signal(number)
    run.exit(1, 12)
    assert since() < 9 * SLOWER
    said = [line for line in run.log.text.splitlines() if "stats:" not in line]
    assert any(re.search(r"\bout\b.*\d{4,}|\d{4,}.*\bout\b", line) for line in said), run.log.text


def test_signal__while_ending__newcomers_are_not_accepted(stage):
    run, _ = stuck(stage)
    run.signal(signal.SIGTERM)
    until(lambda: refused(run.port(1)), 4, "the listener to close")
    run.exit(1, 12)


def refused(port):
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) != 0


def test_sigint__a_second_one__ends_at_once(stage):
    run, _ = stuck(stage)
    run.signal(signal.SIGINT)
    until(lambda: refused(run.port(1)), 4, "the first to be taken")
    since = stopwatch()
    run.signal(signal.SIGINT)
    run.exit(1, 10)
    assert since() < 2 * SLOWER, "not after the 5 s"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal__nothing_queued__0(stage, number):
    run = stage.wye("tcp-listen://127.0.0.1:0", "udp-listen://127.0.0.1:0", "unix-listen://s.sock")
    run.signal(number)
    run.exit(0)
    assert not (stage.path / "s.sock").exists()


def test_sigusr1__statistics_and_it_goes_on(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#net", "udp-listen://127.0.0.1:0")
    for _ in range(3):
        rows = run.stats()
        assert rows["net"]["state"] == "up" and "mode" in rows["net"]
        assert len(rows) == 2
    assert any(name.startswith("udp-listen") for name in rows)


@pytest.mark.parametrize("scheme", ["tcp-listen", "udp-listen"])
def test_exit__address_in_use__4_and_nothing_stays(stage, scheme):
    kind = socket.SOCK_STREAM if scheme == "tcp-listen" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        port = holder.getsockname()[1]
        code, _, err = stage.run("unix-listen://first.sock", f"{scheme}://{HOST}:{port}")
    assert code == 4
    assert str(port) in err and re.search(r"(?i)in use", err)
    assert not (stage.path / "first.sock").exists()


def test_exit__path_that_cannot_be__4(stage):
    code, _, err = stage.run("unix-listen://no/such/directory/s.sock")
    assert code == 4 and "no/such/directory" in err


def test_exit__no_endpoint__help_and_2(stage):
    code, out, err = stage.run()
    assert code == 2
    assert "tcp-listen" in out + err and "--help" in out + err


@pytest.mark.parametrize("option", ["--no-such-option", "--lingr", "-Z", "--linger"])
def test_exit__wrong_option__2_and_it_is_named(stage, option):
    code, out, err = stage.run("unix-listen://s.sock", option)
    assert code == 2 and out == ""
    assert option.lstrip("-") in err
    assert not (stage.path / "s.sock").exists()


def test_exit__wrong_duration__2(stage):
    code, _, err = stage.run("--linger", "soon", "unix-listen://s.sock")
    assert code == 2 and "soon" in err


def test_exit__only_sinks_without_an_end__runs_on(stage):
    """Standard input is /dev/null here: it has no end, so nothing that can end is there."""
    run = stage.wye("-#std", "tcp-listen://127.0.0.1:0#net")
    client = stage.tcp(run.port())
    run.links("net", 1)
    client.send(b"x\n")
    client.close()
    run.out.expect(b"x\n")
    assert stage.tcp(run.port()) and run.alive
