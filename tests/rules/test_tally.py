# SPDX-License-Identifier: MIT
"""scripts/tally adds up what the suites wrote, and does not let silence pass for success."""
import pathlib
import subprocess

import pytest

TALLY = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "tally"

CTEST = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="Linux" tests="3" failures="{failures}" disabled="0" skipped="0">
  <testcase name="feed/test_a" classname="feed/test_a" time="0.01" status="run"/>
  <testcase name="feed/test_b" classname="feed/test_b" time="0.01" status="{status}">{failure}</testcase>
  <testcase name="feed/test_c" classname="feed/test_c" time="0" status="notrun"><skipped message="no"/></testcase>
</testsuite>
"""
GOOD = CTEST.format(failures=0, status="run", failure="")
BAD = CTEST.format(failures=1, status="fail", failure='<failure message=""/>')
PYTEST = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="e2e" errors="1" failures="1" skipped="1" tests="4">
  <testcase classname="test_a" name="test_1" time="0.1"/>
  <testcase classname="test_a" name="test_2" time="0.1"><failure message="no">why</failure></testcase>
  <testcase classname="test_a" name="test_3" time="0.1"><error message="no">why</error></testcase>
  <testcase classname="test_a" name="test_4" time="0.1"><skipped message="no">why</skipped></testcase>
</testsuite></testsuites>
"""
EMPTY = '<testsuites><testsuite name="e2e" tests="0"/></testsuites>'


def tally(tmp_path, files, *arguments):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run([TALLY, *(str(a) for a in arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("files,status,last,named", [
    ({"unit.xml": GOOD}, 0, "2 passed, 0 failed, 1 skipped", []),
    ({"unit.xml": BAD}, 1, "1 passed, 1 failed, 1 skipped", ["feed/test_b"]),
    ({"unit.xml": PYTEST}, 1, "1 passed, 2 failed, 1 skipped", ["test_2", "test_3"]),
    ({}, 1, "0 passed, 1 failed, 0 skipped", ["no results"]),
    ({"unit.xml": EMPTY}, 1, "0 passed, 1 failed, 0 skipped", ["ran nothing"]),
    ({"unit.xml": ""}, 1, "0 passed, 1 failed, 0 skipped", ["no results"]),
    ({"unit.xml": GOOD, "report.7": "WARNING"}, 1, "2 passed, 1 failed, 1 skipped", ["report.7"]),
])
def test_tally__one_suite__says_what_came_of_it(tmp_path, files, status, last, named):
    code, lines = tally(tmp_path, files, "--reports", tmp_path / "report", "--results", tmp_path, "unit")
    assert code == status
    assert lines[-1] == last
    failures = [line for line in lines if line.startswith("FAILED")]
    assert len(failures) == len(named)
    for line, wanted in zip(failures, named):
        assert wanted in line


def test_tally__two_folders__are_summed(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "e2e.xml").write_text(PYTEST, encoding="utf-8")
    code, lines = tally(tmp_path, {"unit.xml": GOOD}, "--results", tmp_path, "unit", "--results", other, "e2e")
    assert (code, lines[-1]) == (1, "3 passed, 2 failed, 2 skipped")


def test_tally__nothing_asked__fails(tmp_path):
    assert tally(tmp_path, {}) == (1, ["FAILED nothing to add up", "0 passed, 1 failed, 0 skipped"])
