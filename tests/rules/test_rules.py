# SPDX-License-Identifier: MIT
"""This tree keeps the rules of rules.py, and the rules catch trees that do not."""
import os
import pathlib
import re
import subprocess
import warnings

import pytest
import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = "/* SPDX-License-Identifier: MIT */\n"


@pytest.mark.parametrize("rule", rules.ALL, ids=lambda rule: rule.__name__)
def test_tree__as_it_is__keeps_the_rule(rule):
    assert not rule(ROOT), "\n" + "\n".join(rule(ROOT))


def test_tree__as_it_is__is_found_by_the_rules():
    """The rules look at the folders that there are, and at all of them."""
    folders = {path.name for path in (ROOT / "src").iterdir() if any(path.glob("*.[ch]"))}
    assert folders <= set(rules.FOLDERS)
    assert {"base", "loop", "feed", "hub"} <= folders
    assert len(list(rules.c_files(ROOT, "src"))) > 20


def test_tree__with_long_files__warns():
    for complaint in rules.long_files(ROOT):
        warnings.warn(complaint)


def tree(tmp_path, files):
    """A small tree that keeps every rule, with some files of its own on top."""
    good = {
        "src/base/base.h": LICENCE,
        "src/base/url.h": LICENCE,
        "src/base/sys.c": LICENCE + "int f(void) { return socket(1, 2, 3); }\n",
        "src/loop/loop.h": LICENCE + '#include <wye/loop.h>\n#include "base/base.h"\n',
        "src/loop/bulk.h": LICENCE,
        "src/loop/bulk.c": LICENCE + '#include "bulk.h"\n#include "loop/bulk.h"\n#include <stdint.h>\n',
        "src/feed/feed.h": LICENCE + '/* send(1) and "x" */\nvoid f(void) { ops->send(1); g("read("); }\n',
        "src/link/link.h": LICENCE + '#include "feed/feed.h"\n#include "loop/loop.h"\n',
        "src/hub/hub.h": LICENCE,
        "include/wye/loop.h": LICENCE + "#include <wye/error.h>\n#include <stddef.h>\n",
        "cmd/wye/main.c": LICENCE + '#include <wye/wye.h>\n#include "run.h"\nint f(void) { return write(1, 0, 0); }\n',
        "tests/unit/base/test_x.c": LICENCE,
        "scripts/x": "#!/bin/sh\n# SPDX-License-Identifier: MIT\n",
    }
    for name, text in {**good, **files}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("rule", rules.ALL, ids=lambda rule: rule.__name__)
def test_rule__good_tree__is_silent(tmp_path, rule):
    assert rule(tree(tmp_path, {})) == []


BAD = [
    # the include table
    (rules.include_table, "src/loop/a.c", '#include "link/link.h"\n', "loop may include base; not link"),
    (rules.include_table, "src/feed/a.h", '#include "loop/loop.h"\n', "feed may include base; not loop"),
    (rules.include_table, "src/link/a.c", '#  include  "loop/bulk.h"\n', 'only "loop/loop.h"'),
    (rules.include_table, "src/link/a.c", '#include "base/url.h"\n', 'only "base/base.h"'),
    (rules.include_table, "src/link/a.c", '#include "../hub/hub.h"\n', "no such folder"),
    (rules.include_table, "src/link/a.c", '#include "url.h"\n', "not in link/"),
    (rules.include_table, "src/link/a.c", "#include <hub/hub.h>\n", "in quotes"),
    (rules.include_table, "src/link/a.c", '#include "wye/loop.h"\n', "<wye/loop.h>"),
    (rules.include_table, "src/link/a.c", "#include WHAT\n", "can't be read"),
    (rules.include_table, "src/misc/a.c", "", "not a folder of the table"),
    (rules.include_table, "cmd/wye/a.c", '#include "base/base.h"\n', "only <wye/...>"),
    (rules.include_table, "include/wye/a.h", '#include "base/base.h"\n', "only <wye/...>"),
    # calls
    (rules.the_seam, "src/link/a.c", "int x = socket(1, 2, 3);\n", "calls socket()"),
    (rules.the_seam, "src/link/a.c", "x = malloc (1);\n", "calls malloc()"),
    (rules.the_seam, "src/link/a.c", "/* a */ read(0, b, 1); // c\n", "calls read()"),
    (rules.the_seam, "src/base/a.c", "\tfree(p);\n", "calls free()"),
    (rules.the_seam, "src/base/a.c", "\tclock_gettime(1, &t);\n", "calls clock_gettime()"),
    (rules.unsafe_calls, "cmd/wye/a.c", "strcpy(a, b);\n", "calls strcpy()"),
    (rules.unsafe_calls, "src/base/sys.c", "FD_SET(1, &s);\n", "calls FD_SET()"),
    (rules.unsafe_calls, "tests/unit/base/a.c", "sprintf(a, b);\n", "calls sprintf()"),
    # texts
    (rules.licence_line, "src/link/a.c", None, "the first line"),
    (rules.licence_line, "scripts/a", "#!/bin/sh\n", "no line"),
    (rules.licence_line, "tests/e2e/a.py", "import os\n", "no line"),
    (rules.machine_paths, "README.md", "cd {root}/build\n", "a place of this machine"),
    (rules.machine_paths, "tests/a.py", "open('{home}/x')\n", "a place of this machine"),
    (rules.unfinished, "src/link/a.c", "/* TO" "DO: later */\n", "unfinished"),
    (rules.sleeping_tests, "tests/unit/base/test_a.c", "usleep(1);\n", "sleeps"),
    (rules.sleeping_tests, "tests/e2e/test_a.py", "time.sleep(1)\n", "sleeps"),
    (rules.long_files, "src/link/a.c", "\n" * 501, "over 500 lines"),
]


@pytest.mark.parametrize("rule,name,text,wanted", BAD, ids=[f"{b[0].__name__}-{n}" for n, b in enumerate(BAD)])
def test_rule__bad_tree__names_the_place(tmp_path, rule, name, text, wanted):
    if text is None:
        text = "int x;\n"
    else:
        text = text.replace("{root}", str(tmp_path)).replace("{home}", str(pathlib.Path.home()))
        if name.endswith((".c", ".h")):
            text = LICENCE + text
    complaints = rule(tree(tmp_path, {name: text}))
    assert len(complaints) == 1, complaints
    assert complaints[0].startswith(name + ":") and wanted in complaints[0]


def compile_alone(header, *command):
    done = subprocess.run(
        [*command, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
         f"-I{ROOT}/include", str(header)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


PUBLIC = sorted((ROOT / "include" / "wye").glob("*.h"))
PRIVATE = sorted((ROOT / "src").glob("*/*.h"))


@pytest.mark.parametrize("header", PUBLIC, ids=lambda path: path.name)
@pytest.mark.parametrize("language", [("gcc", "-x", "c", "-std=c11", "-pedantic"), ("clang", "-x", "c++", "-std=c++17")],
                         ids=["c11", "c++17"])
def test_public_header__alone__compiles(header, language):
    compile_alone(header, *language)


@pytest.mark.parametrize("header", PRIVATE, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_private_header__alone__compiles(header):
    compile_alone(header, "gcc", "-x", "c", "-std=c17", "-D_GNU_SOURCE", f"-I{ROOT}/src")


def test_shared_library__its_symbols__are_those_of_the_headers():
    library = pathlib.Path(os.environ.get("WYE_BUILD", ROOT / "build")) / "libwye.so"
    listing = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", library], capture_output=True, text=True, check=True)
    exported = {line.split()[0].split("@")[0] for line in listing.stdout.splitlines()} - {"WYE_0"}
    promised = set()
    for header in PUBLIC:
        code = "\n".join(line for _, line in rules.code_lines(header))
        promised |= set(re.findall(r"^WYE_API\b[^;(]*?\b(wye_\w+)\s*\(", code, flags=re.MULTILINE))
    assert len(promised) > 20
    assert exported == promised
