# SPDX-License-Identifier: MIT
"""Unix sockets: who owns a path, alive, dead, and when two want it at once."""
import os
import signal
import stat
import subprocess

import pytest
from peers import unix
from wye import WYE, Stream, scaled, until

RACES = scaled(100, 20)


def talks(stage, run, path, name="local"):
    before = run.stats()[name]["links_ever"]
    a, b = stage.unix(path), stage.unix(path)
    run.until_stats(lambda rows: rows[name]["links_ever"] == before + 2, what="both links")
    a.send(b"hello\n")
    assert b.line() == b"hello\n"
    a.reset()
    b.reset()


def test_unix__killed_by_kill_9__the_next_start_takes_the_stale_socket_over(stage):
    path = stage.path / "s.sock"
    for _ in range(5):
        run = stage.wye("unix-listen://s.sock#local")
        talks(stage, run, path)
        run.kill()
        assert path.exists(), "kill -9 leaves the socket: it is stale now"
    run = stage.wye("unix-listen://s.sock#local")
    talks(stage, run, path)
    run.end(0)
    assert not path.exists()


def test_unix__live_socket__is_not_taken_and_the_error_names_the_pid(stage):
    run = stage.wye("unix-listen://s.sock#local")
    code, _, err = stage.run("unix-listen://s.sock")
    assert code == 4
    assert "s.sock" in err and str(run.pid) in err
    talks(stage, run, stage.path / "s.sock")
    code, _, err = stage.run("tcp-listen://127.0.0.1:0", "unix-listen://first.sock", "unix-listen://s.sock")
    assert code == 4
    assert not (stage.path / "first.sock").exists(), "what had been opened is gone again"
    talks(stage, run, stage.path / "s.sock")


def test_unix__socket_of_another_program__is_not_taken(stage):
    socat = stage.process("socat", "UNIX-LISTEN:s.sock,fork", "/dev/null")
    path = stage.path / "s.sock"
    until(path.exists, 5, "socat to listen")
    until(lambda: _accepts(path), 5, "socat to accept")
    code, _, err = stage.run("unix-listen://s.sock")
    assert code == 4 and "s.sock" in err
    assert path.exists() and _accepts(path)
    assert socat.poll() is None


def _accepts(path):
    try:
        unix(path).close()
        return True
    except (ConnectionRefusedError, FileNotFoundError):
        return False


@pytest.mark.parametrize("what", ["file", "directory", "symlink"])
def test_unix__path_is_no_socket__it_is_left_alone(stage, what):
    path = stage.path / "s.sock"
    target = stage.path / "precious"
    target.write_text("precious")
    if what == "file":
        path.write_text("precious")
    elif what == "directory":
        path.mkdir()
    else:
        path.symlink_to(target)
    code, _, err = stage.run("unix-listen://s.sock")
    assert code == 4 and "s.sock" in err
    assert path.is_dir() if what == "directory" else path.read_text() == "precious"
    assert path.is_symlink() == (what == "symlink")


def start_together(stage, n):
    """n starters that wait for one pipe's end: as near to at once as a machine has it."""
    gate, hold = os.pipe()
    starters = []
    for _ in range(n):
        starter = subprocess.Popen(["sh", "-c", f'read _; exec "{WYE}" -v unix-listen://s.sock </dev/null'],
                                   stdin=gate, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=stage.path)
        starter.log = Stream(os.dup(starter.stderr.fileno()))
        starter.stderr.close()
        stage.processes.append(starter)
        starters.append(starter)
    os.close(gate)
    os.close(hold)
    return starters


def test_unix__two_starters_at_once__exactly_one_wins(stage):
    """Every second race is for the stale socket that a killed winner has left."""
    path = stage.path / "s.sock"
    stale = False
    for race in range(RACES):
        assert path.exists() == stale
        starters = start_together(stage, 2)
        until(lambda: any(s.poll() is not None for s in starters), 10, "one to lose")
        loser = next(s for s in starters if s.poll() is not None)
        winner = next(s for s in starters if s is not loser)
        log = loser.log.end().decode()
        assert loser.returncode == 4, f"race {race}: {loser.returncode}: {log}"
        assert "listening: " not in log
        winner.log.expect(b"listening: ")
        assert winner.poll() is None, winner.log.text
        assert _accepts(path)
        stale = race % 2 == 0
        winner.send_signal(signal.SIGKILL if stale else signal.SIGTERM)
        assert winner.wait(10) == (-signal.SIGKILL if stale else 0)


def test_unix__eight_starters_at_once__exactly_one_wins(stage):
    starters = start_together(stage, 8)
    until(lambda: sum(s.poll() == 4 for s in starters) == 7, 20, "seven to lose")
    winner = next(s for s in starters if s.poll() is None)
    winner.log.expect(b"listening: ")
    winner.send_signal(signal.SIGTERM)
    assert winner.wait(10) == 0


@pytest.mark.parametrize("scheme", ["unix-listen", "unix"])
def test_unix__path_of_108_bytes__an_error_with_both_numbers(stage, scheme):
    name = "x" * 108
    code, _, err = stage.run(f"{scheme}://{name}")
    assert code == 2
    assert "108" in err and "107" in err


def test_unix__path_of_107_bytes__works(stage):
    name = "x" * 107
    run = stage.wye(f"unix-listen://{name}#local")
    before = os.getcwd()
    os.chdir(stage.path)  # the whole path is too long for us as well
    try:
        talks(stage, run, name)
    finally:
        os.chdir(before)


def test_unix__socket_is_for_its_owner_only(stage):
    stage.wye("unix-listen://s.sock")
    mode = os.stat(stage.path / "s.sock").st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_unix__abstract_name__works_and_leaves_no_file(stage):
    name = f"@wye-test-{os.getpid()}-{id(stage)}"
    run = stage.wye(f"unix-listen://{name}#local")
    talks(stage, run, "\0" + name[1:])
    assert not [p for p in os.listdir(stage.path) if "wye-test" in p]
    code, _, err = stage.run(f"unix-listen://{name}")
    assert code == 4 and name in err


def test_unix__path_replaced_by_another_program__is_not_removed_at_exit(stage):
    run = stage.wye("unix-listen://s.sock")
    path = stage.path / "s.sock"
    path.unlink()
    path.write_text("somebody else's")
    run.end(0)
    assert path.read_text() == "somebody else's"


def test_unix__dialler__connects_when_the_socket_appears_and_again_after_kill_9(stage):
    there = stage.wye("unix-listen://s.sock#local")
    here = stage.wye("tcp-listen://127.0.0.1:0#in", "unix://s.sock,retry=10ms..50ms#out")
    source = stage.tcp(here.port())
    for i in range(5):
        here.links("out", 1)
        there.links("local", 1)
        reader = stage.unix(stage.path / "s.sock")
        there.links("local", 2)
        source.send(b"line %d\n" % i)
        assert reader.line() == b"line %d\n" % i
        there.kill()
        here.links("out", 0)
        there = stage.wye("unix-listen://s.sock#local")
