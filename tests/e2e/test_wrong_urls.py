# SPDX-License-Identifier: MIT
"""Wrong command lines: the error names the place, what was found and what was wanted; nothing is opened; status 2."""
import pathlib
import re

import pytest

TABLE = pathlib.Path(__file__).parents[1] / "data" / "wrong-urls.txt"


def rows():
    """(url, [what the message must contain]) of each line `url TAB offset TAB substring...`."""
    if not TABLE.exists():
        return []
    found = []
    for line in TABLE.read_text().splitlines():
        if "\t" not in line or line.startswith("# "):
            continue
        url, offset, *wanted = line.split("\t")
        found.append((url, offset, [w for w in wanted if w]))
    return found


def test_wrong_urls__table__has_at_least_60_rows():
    assert len(rows()) >= 60
    assert all(offset.strip().isdigit() and wanted for _, offset, wanted in rows())


@pytest.mark.parametrize("url,offset,wanted", rows(), ids=[f"{i}" for i in range(len(rows()))])
def test_wrong_url__through_the_command__status_2_and_nothing_opened(stage, url, offset, wanted):
    code, out, err = stage.run("unix-listen://good.sock", "tcp-listen://127.0.0.1:0", url)
    assert code == 2, err
    assert out == ""
    for text in wanted:
        assert text in err, f"{url}: no {text!r} in {err}"
    assert "listening" not in err
    assert not list(stage.path.iterdir()), "neither the socket nor its lock was made"
    assert all(re.match(r"wye: ", line) for line in err.splitlines() if line.strip() == line and line), err


@pytest.mark.parametrize("urls,wanted", [
    (["unix-listen://good.sock#a", "tcp-listen://127.0.0.1:0#a"], ["a"]),
    (["unix-listen://good.sock", "127.0.0.1:7000"], ["tcp://127.0.0.1:7000"]),
    (["unix-listen://good.sock", "./some/path"], ["unix://"]),
    (["unix-listen://good.sock", "tcp-listn://127.0.0.1:0"], ["tcp-listn", "tcp-listen"]),
    (["unix-listen://good.sock", "tcp-listen://127.0.0.1:0,fram=raw"], ["fram", "frame"]),
    (["unix-listen://good.sock", "tcp-listen://127.0.0.1:0,full=blok"], ["blok", "block"]),
])
def test_wrong_command_line__status_2_and_a_hint(stage, urls, wanted):
    code, out, err = stage.run(*urls)
    assert code == 2, err
    assert out == ""
    for text in wanted:
        assert text in err
    assert not list(stage.path.iterdir())
