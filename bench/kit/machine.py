# SPDX-License-Identifier: MIT
"""The machine and the programs on it: what a figure is worth depends on these."""
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def output(*command):
    """First line that a program says about itself, or None."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    return lines[0] if lines else None


def program(name):
    """Path of an installed program; servers may live outside a user's PATH."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def cpus():
    """(hub, load): the CPUs of a run; the same one twice where there is no second."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[1] if len(allowed) > 1 else allowed[0]


def allow_many_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_model():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^(?:model name|Processor)\s*:\s*(.+)$", text, re.M)
    virtual = ", virtual" if re.search(r"^flags\s*:.*\bhypervisor\b", text, re.M) else ""
    return (found.group(1) if found else os.uname().machine) + virtual


def build_settings(build):
    cache = (build / "CMakeCache.txt").read_text()
    return dict(re.findall(r"^(CMAKE_BUILD_TYPE|CMAKE_C_COMPILER|WYE_SANITIZE|WYE_CHECKS):\w+=(.*)$",
                           cache, re.M))


def unfit(build):
    """Why figures of this build would mean nothing, or None."""
    settings = build_settings(build)
    if settings.get("WYE_SANITIZE"):
        return "it is built with sanitizers"
    if settings.get("WYE_CHECKS") == "ON":
        return "it recounts its invariants (WYE_CHECKS)"
    if settings.get("CMAKE_BUILD_TYPE") not in ("Release", "RelWithDebInfo"):
        return f"its build type is {settings.get('CMAKE_BUILD_TYPE') or 'none'}"
    return None


def facts(build):
    """Ordered (what, value) pairs for the head of a report."""
    hub, load = cpus()
    done = subprocess.run([build / "bench/bench_probe", str(hub), str(load)], check=True,
                          stdout=subprocess.PIPE, timeout=60)
    probe = json.loads(done.stdout)
    settings = build_settings(build)
    commit = output("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    elsewhere = os.environ.get("WYE")
    return [
        ("CPU", f"{cpu_model()}; {os.cpu_count()} cores, hub on {hub}, load on {load}"),
        ("kernel", os.uname().release),
        ("empty system call", f"{probe['empty_call_ns']:.0f} ns"),
        ("waking the other CPU and back", f"{probe['wake_round_trip_us']:.1f} us"),
        ("load average before", " ".join(f"{x:.2f}" for x in os.getloadavg())),
        ("wye's source", commit or "no git"),
        ("compiler", f"{output(settings.get('CMAKE_C_COMPILER', 'cc'), '--version')}, "
                     f"{settings.get('CMAKE_BUILD_TYPE')}"),
    ] + ([("wye's build", "unknown: the command was given by WYE")] if elsewhere else [])
