# SPDX-License-Identifier: MIT
"""
200 readers, one of them stopped while a million lines pass. The stopped one is a real socat under SIGSTOP; the other
199 and the source are fan.py, which checks every byte.
"""
import json
import pathlib
import signal
import subprocess
import sys

import pytest
from peers import HOST, cut_lines, state_of
from wye import SLOWER, scaled, until

LINES = scaled(1_000_000)
READERS = 199
FAN = pathlib.Path(__file__).with_name("fan.py")


class Fan:
    def __init__(self, stage, wye, window):
        how = {"source": wye.port(0), "readers": wye.port(1), "n": READERS, "lines": LINES, "window": window,
               "deadline": 40 * SLOWER}
        self.process = stage.reading(sys.executable, FAN, json.dumps(how), stdin=subprocess.PIPE)
        self.process.out.expect(b"ready\n", 30)

    def run(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()
        end = self.process.out.until(lambda data: data.count(b"\n") >= 2 and bytes(data), 50, "result")
        result = json.loads(end.split(b"\n")[1])
        assert not result["trouble"], result
        assert result["whole"] == READERS, result
        return result


def stopped_reader(stage, wye):
    """A socat that connects and is stopped before anything is sent; what it gets goes to the file `got`."""
    # a small buffer of its own, so that the test's load exceeds it
    socat = stage.process("socat", "-u", f"TCP:{HOST}:{wye.port(1)},so-rcvbuf=4096", "CREATE:got")
    wye.links("out", 1)
    until((stage.path / "got").exists, 5, "socat to open its file")
    socat.send_signal(signal.SIGSTOP)
    until(lambda: state_of(socat.pid) == "T", 5, "socat to stop")
    return socat


def hub(stage, keys):
    return stage.wye("tcp-listen://127.0.0.1:0,dir=in#in",
                     f"tcp-listen://127.0.0.1:0,dir=out,queue=256k,unsent=16k{keys}#out")


@pytest.mark.long
def test_drop__one_of_200_readers_stopped__others_get_all_and_its_drops_are_counted(stage, tmp_path):
    wye = hub(stage, "")
    socat = stopped_reader(stage, wye)
    fan = Fan(stage, wye, window=16 << 10)
    wye.links("out", READERS + 1)
    fan.run()
    socat.send_signal(signal.SIGCONT)
    got = tmp_path / "got"
    last = b"%d\n" % LINES
    until(lambda: got.read_bytes()[-len(last):] == last, 20, "the newest line at the stopped reader")
    rows = wye.until_stats(lambda rows: rows["out"]["waiting"] == 0, what="an empty feed")
    lines = cut_lines(got.read_bytes())
    numbers = [int(line) for line in lines]
    assert numbers == sorted(set(numbers)) and b"".join(b"%d\n" % n for n in numbers) == got.read_bytes()
    out = rows["out"]
    assert len(lines) < LINES
    assert out["full"] == out["dropped"] == LINES - len(lines)
    assert out["written"] == READERS * LINES + len(lines)
    assert out["routed"] == (READERS + 1) * LINES
    assert rows["in"]["received"] == LINES


@pytest.mark.long
def test_close__one_of_200_readers_stopped__it_is_closed_with_that_reason(stage):
    wye = hub(stage, ",full=close")
    socat = stopped_reader(stage, wye)
    fan = Fan(stage, wye, window=16 << 10)
    wye.links("out", READERS + 1)
    fan.run()
    wye.wait(r"down: out link \d+: .*fell behind by more than the queue")
    wye.links("out", READERS)
    socat.send_signal(signal.SIGCONT)
    socat.wait(10 * SLOWER)
    row = wye.stats()["out"]
    assert row["written"] >= READERS * LINES
    assert row["dropped"] + row["lost"] > 0


@pytest.mark.long
def test_block__one_of_200_readers_stopped__sources_pause_then_it_is_closed(stage):
    wye = hub(stage, ",full=block,stall=2s")
    stopped_reader(stage, wye)
    fan = Fan(stage, wye, window=0)
    wye.links("out", READERS + 1)
    result = fan.run()
    wye.wait(r"(?i)down: out link \d+: .*(stall|moved no byte)")
    assert result["pause"] >= 1.9, "the stall limit is never early, and nothing flows before"
    wye.links("out", READERS)
    row = wye.stats()["out"]
    assert row["written"] >= READERS * LINES
    assert row["full"] == 0


def test_drop__stopped_less_on_a_listener__stops_nobody(stage, tmp_path):
    """A patient source does not wait for a link of a listener."""
    wye = stage.wye("-", "tcp-listen://127.0.0.1:0,queue=256k,unsent=16k#out", stdin=subprocess.PIPE)
    less = stage.process("socat", "-u", f"TCP:{HOST}:{wye.port()},so-rcvbuf=4096", "CREATE:got")
    wye.links("out", 1)
    until((stage.path / "got").exists, 5, "socat to open its file")
    less.send_signal(signal.SIGSTOP)
    until(lambda: state_of(less.pid) == "T", 5, "socat to stop")
    line = b"x" * 999 + b"\n"
    for _ in range(1000):
        wye.stdin.write(line)
    wye.stdin.flush()
    wye.until_stats(lambda rows: rows["out"]["routed"] == 1000, what="all lines read though the reader is stopped")
