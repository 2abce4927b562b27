# SPDX-License-Identifier: MIT
"""The rules that hold the tree in shape. Each is a function of a tree's root that answers its complaints as
"path:line: what is wrong"; no complaint, no line. test_rules.py asks them about this tree, and about bad ones
that it makes, so that no rule can go blind unseen."""
import pathlib
import re

# Which folder may include which, beside itself and base. Everybody may include <wye/...>.
FOLDERS = {
    "base": set(),
    "loop": set(),
    "feed": set(),
    "frame": set(),
    "pool": {"loop"},
    "net": {"loop", "pool"},
    "link": {"net", "feed", "frame", "loop"},
    "endpoint": {"link", "net", "feed", "loop"},
    "hub": {"endpoint", "feed", "frame", "loop"},
}

# Calls that go round the seam src/base/sys.c, where faults are injected.
SEAM = """
    accept accept4 aligned_alloc bind calloc clock_gettime close connect dup dup2 dup3 epoll_create epoll_create1
    epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd fchmod fcntl fdopen flock fopen fork free freeaddrinfo
    fstat ftruncate getaddrinfo getpeername getrandom getsockname getsockopt gettimeofday inotify_init1 ioctl isatty
    kill link lstat lseek malloc mkdir mkfifo mmap munmap nanosleep open openat pipe pipe2 poll posix_memalign ppoll
    pread preadv pthread_create pwrite pwritev rand random read readv realloc recv recvfrom recvmmsg recvmsg rename
    select send sendfile sendmmsg sendmsg sendto setsockopt shutdown sigaction signal signalfd sleep socket socketpair
    splice stat strdup strndup syscall time timerfd_create timerfd_settime unlink usleep write writev
""".split()

# Calls that nobody makes: no bound, or one that fd numbers over 1,023 overrun.
UNSAFE = "alloca asctime atoi atol ctime gets gmtime localtime mktemp select sprintf stpcpy strcat strcpy strtok tmpnam vsprintf".split()
UNSAFE_MACROS = "FD_SET FD_CLR FD_ISSET".split()

LONG = 500  # lines of a file; more is a warning

C_FOLDERS = ("src", "include", "cmd", "tests", "bench", "examples", "fuzz")


def c_files(root, *folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h") and path.is_file():
                yield path


def code_lines(path):
    """(number, line) with comments and the inside of strings blanked; #include lines keep their names."""
    text = path.read_text(encoding="utf-8")
    blank = lambda found: re.sub(r"[^\n]", " ", found.group())
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    keep = lambda found: found.group() if found.group()[0] in "\"'" else blank(found)
    uncommented = re.sub(pattern, keep, text, flags=re.DOTALL).split("\n")
    bare = re.sub(pattern, blank, text, flags=re.DOTALL).split("\n")
    for number, (line, hollow) in enumerate(zip(uncommented, bare), 1):
        yield number, line if re.match(r"\s*#\s*include", line) else hollow


def includes(path):
    for number, line in code_lines(path):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            yield number, found.group(1) == "<", found.group(2)
        elif re.match(r"\s*#\s*include", line):
            yield number, None, line.strip()


def at(root, path, number, text):
    return f"{path.relative_to(root)}:{number}: {text}"


def check_include(root, path, folder, system, name):
    """What is wrong with one #include of a file of src/FOLDER, cmd or include; None if nothing is."""
    first = name.split("/")[0]
    if system is None:
        return "an #include that can't be read"
    if system:
        inside = first in FOLDERS and (root / "src" / name).exists()
        return f"<{name}> is a header of ours: write it in quotes" if inside else None
    if first == "wye":
        return f'"{name}" is public: write <{name}>'
    if folder in ("cmd", "include"):
        return None if folder == "cmd" and "/" not in name else f'{folder} may include only <wye/...>, not "{name}"'
    if "/" not in name:
        return None if (path.parent / name).exists() else f'"{name}" is not in {folder}/'
    if first not in FOLDERS:
        return f'"{name}": no such folder'
    if first == folder or name == f"base/{name.split('/', 1)[1]}" and folder == "base":
        return None
    if first != "base" and first not in FOLDERS[folder]:
        allowed = ", ".join(sorted(FOLDERS[folder] | {"base"}))
        return f"{folder} may include {allowed}; not {first}"
    if name != f"{first}/{first}.h":
        return f'from outside {first} only "{first}/{first}.h" is included, not "{name}"'
    return None


def include_table(root):
    complaints = []
    for top in ("src", "include", "cmd"):
        for path in c_files(root, top):
            folder = path.relative_to(root / top).parts[0] if top == "src" else top
            if folder not in FOLDERS and top == "src":
                complaints.append(at(root, path, 1, f"{folder} is not a folder of the table"))
                continue
            for number, system, name in includes(path):
                wrong = check_include(root, path, folder, system, name)
                if wrong:
                    complaints.append(at(root, path, number, wrong))
    return complaints


def calls(root, files, names, exempt=()):
    """Calls by name; a member of that name (`ops->read(...)`, `.send(`) is somebody else's."""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(map(re.escape, names)) + r")\s*\(")
    complaints = []
    for path in files:
        if path.relative_to(root).as_posix() in exempt:
            continue
        for number, line in code_lines(path):
            for found in pattern.finditer(line):
                complaints.append(at(root, path, number, f"calls {found.group(1)}()"))
    return complaints


def the_seam(root):
    return calls(root, c_files(root, "src"), SEAM, exempt=("src/base/sys.c",))


def unsafe_calls(root):
    return calls(root, c_files(root, *C_FOLDERS), UNSAFE + UNSAFE_MACROS)


def licence_line(root):
    complaints = []
    for path in c_files(root, *C_FOLDERS):
        with path.open(encoding="utf-8") as file:
            if file.readline().rstrip("\n") != "/* SPDX-License-Identifier: MIT */":
                complaints.append(at(root, path, 1, "the first line is not /* SPDX-License-Identifier: MIT */"))
    for path in scripts(root):
        head = path.read_text(encoding="utf-8").split("\n")[:2]
        if "# SPDX-License-Identifier: MIT" not in head:
            complaints.append(at(root, path, 1, "no line # SPDX-License-Identifier: MIT at the top"))
    return complaints


def scripts(root):
    """Python and shell: by ending, or by what the first line says."""
    for folder in ("scripts", "tests", "bench", "examples", ".ci"):
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts or path.suffix in (".c", ".h"):
                continue
            with path.open("rb") as file:
                if path.suffix in (".py", ".sh") or file.read(2) == b"#!":
                    yield path


def project_texts(root):
    """Every text of the project; build trees and hidden folders (but .ci) are not of it."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        foreign = any(p == "build" or p.startswith("build-") or p == "__pycache__" or p.startswith(".") and p != ".ci"
                      for p in parts[:-1])
        if foreign or not path.is_file() or path.stat().st_size > 1 << 20:
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def machine_paths(root, home=None):
    """Where this checkout happens to lie, or whose home is whose, is nobody's business."""
    home = pathlib.Path.home() if home is None else home
    secret = {str(root), str(home) + "/"}
    # The folder around the checkout, unless it is one that every machine has.
    common = {"/", "/tmp", "/var/tmp", "/home", "/usr", "/usr/src", "/usr/local", "/usr/local/src", "/opt", "/srv", "/mnt"}
    if str(root.parent) not in common:
        secret.add(str(root.parent) + "/")
    complaints = []
    for path, text in project_texts(root):
        for number, line in enumerate(text.split("\n"), 1):
            place = next((place for place in sorted(secret, key=len, reverse=True) if place in line), None)
            if place:
                complaints.append(at(root, path, number, f"names a place of this machine: {place}"))
    return complaints


def unfinished(root):
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK|not (yet )?implemented|unimplemented)\b")
    complaints = []
    for path in c_files(root, *C_FOLDERS):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if pattern.search(line):
                complaints.append(at(root, path, number, "a mark of unfinished work"))
    return complaints


def sleeping_tests(root):
    """A test waits for an event with a deadline. The helpers that do the waiting are no test files."""
    pattern = re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep)\s*\(")
    complaints = []
    for path in sorted((root / "tests").rglob("test_*")):
        if path.suffix not in (".c", ".py") or "rules" in path.parts:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if pattern.search(line):
                complaints.append(at(root, path, number, "a test that sleeps"))
    return complaints


def long_files(root):
    complaints = []
    for path in c_files(root, "src", "include", "cmd"):
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > LONG:
            complaints.append(at(root, path, lines, f"over {LONG} lines: is there a seam inside?"))
    return complaints


ALL = (include_table, the_seam, unsafe_calls, licence_line, machine_paths, unfinished, sleeping_tests)
