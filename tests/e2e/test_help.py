# SPDX-License-Identifier: MIT
"""What the command says about itself, and the form of its log."""
import re

import pytest
from peers import HOST
from wye import until

SCHEMES = "tcp-listen:// tcp:// unix-listen:// unix:// udp-listen:// udp://".split()
OPTIONS = "--demo --linger --stay --version --help -v -q".split()
KEYS = "dir frame eol max-message retry timeout queue full stall hold unsent max idle once".split()


@pytest.fixture
def text(stage):
    code, out, err = stage.run("--help")
    assert code == 0 and err == ""
    return out


@pytest.mark.parametrize("word", SCHEMES + OPTIONS + KEYS)
def test_help__names_every_scheme_option_and_key(text, word):
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])" if word[-1].isalnum() else re.escape(word), text)


def test_help__lets_a_newcomer_act(text):
    assert re.search(r"(?i)usage: wye \[OPTION", text)
    examples = [line for line in text.splitlines() if re.match(r"\s+wye .*(://|--demo)", line)]
    assert len(examples) >= 2
    assert max(map(len, text.splitlines())) <= 100
    assert "\t" not in text


def test_help__names_only_options_that_exist(stage, text):
    """Each option in the help is known: none is answered as an unknown one."""
    for option in set(re.findall(r"(?<!\S)--[a-z-]+", text)):
        _, _, err = stage.run(option, "no-such-scheme://x")
        assert not re.search(rf"(?i)(unknown|unrecognized|invalid) option.*{option}", err), err


def test_version__one_line(stage):
    code, out, err = stage.run("--version")
    assert code == 0 and err == ""
    assert re.fullmatch(r"wye \d+\.\d+\S*\n", out)


def test_log__one_line_per_event_in_one_form(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#net", "udp-listen://127.0.0.1:0#udp", "unix-listen://s.sock#local")
    client = stage.tcp(run.port(0))
    run.wait(r"^wye: (?:\w+:? )?up: net link \d+ from 127\.0\.0\.1:\d+$")
    client.reset()
    run.wait(r"^wye: (?:\w+:? )?down: net link \d+: .+$")
    run.stats()
    run.end(0)
    for line in run.log.text.splitlines():
        assert re.match(r"wye: (\w+:? )?[\w -]+: .+", line), line


def test_log__name_in_the_line_of_a_listener(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0#net", "unix-listen://s.sock#local")
    run.wait(r"^wye: .*listening: tcp-listen://127\.0\.0\.1:\d+\S* \(net\)")
    run.wait(r"^wye: .*listening: unix-listen://s\.sock\S* \(local\)")


@pytest.mark.parametrize("host", ["0.0.0.0", "any", "[::]"])
def test_log__public_listener__is_pointed_out(stage, host):
    run = stage.wye(f"tcp-listen://{host}:0#open", "tcp-listen://127.0.0.1:0#closed")
    said = [line for line in run.log.text.splitlines() if re.search("public|other hosts", line)]
    assert said and all("closed" not in line for line in said)


def test_quiet__says_nothing_when_all_is_well(stage):
    run = stage.wye("-q", "unix-listen://s.sock", ready=False, verbose=False, count=0)
    until((stage.path / "s.sock").exists, 10, "the socket")
    a = b = None

    def connected():
        nonlocal a, b
        try:
            a, b = stage.unix(stage.path / "s.sock"), stage.unix(stage.path / "s.sock")
            return True
        except ConnectionRefusedError:
            return False

    until(connected, 5, "the socket to listen")
    b.send(b"I am up\n")
    assert a.line() == b"I am up\n"
    run.end(0)
    assert run.log.text == ""


def test_peer_given_bytes__never_reach_the_log_raw(stage):
    run = stage.wye("tcp-listen://127.0.0.1:0,max-message=100#net")
    client = stage.tcp(run.port())
    client.send(b"\x1b]0;owned\x07" * 50)
    assert client.rest() == b""
    run.wait(r"down: net link \d+: ")
    assert "\x1b" not in run.log.text and "\x07" not in run.log.text


def test_dialler__logs_where_it_goes(stage):
    server = stage.server()
    run = stage.wye(f"tcp://{HOST}:{server.port}#out", "unix-listen://s.sock")
    stage.keep(server.accept())
    run.wait(r"^wye: (?:\w+:? )?up: out ")
