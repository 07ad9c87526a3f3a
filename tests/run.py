#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test suite on a build directory and ends with the true count of test cases.

Usage: run.py BUILD_DIRECTORY [--suite PART]: PART selects suites whose name contains it.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tap import Result, parse

TESTS = Path(__file__).resolve().parent
SUITE_TIMEOUT_S = 900
SHOWN_LINES = 40


def report(name, result, seconds, output):
    print(f"{name}: {result}  ({seconds:.1f} s)", flush=True)
    if any(not problem.startswith("not ok") for problem in result.problems):
        print(f"  the last lines of {name}:")
        for line in output.splitlines()[-SHOWN_LINES:]:
            print(f"  | {line}")
        sys.stdout.flush()
    result.problems = [f"{name}: {problem}" for problem in result.problems]


def run_unit(build, part):
    """The suites of meson, each an executable that speaks TAP; their output is in meson's log."""
    log = build / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    total = Result()
    listing = subprocess.run(["meson", "test", "-C", build, "--list"], capture_output=True,
                             text=True, stdin=subprocess.DEVNULL, check=True).stdout
    names = [line.split(" / ")[-1].strip() for line in listing.splitlines() if " / " in line]
    names = [name for name in names if part in name]
    if not names:
        return total
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--num-processes", "2", *names],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
    entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for entry in entries:
        output = entry.get("stdout", "") + entry.get("stderr", "")
        result = parse(entry.get("stdout", ""), entry["returncode"])
        report(entry["name"].split(" / ")[-1], result, entry["duration"], output)
        total.add(result)
    if len(entries) != len(names):
        total.fail(f"meson ran {len(entries)} of {len(names)} suites")
    return total


def run_script(script, build):
    command = [sys.executable, script] if script.suffix == ".py" else ["bash", script]
    began = time.monotonic()
    with subprocess.Popen([*command, build], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=SUITE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)  # the test ends what it started
            try:
                output, _ = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
            output += f"\nkilled after {SUITE_TIMEOUT_S} s\n"
    result = parse(output, process.returncode)
    report(script.stem.removeprefix("test_"), result, time.monotonic() - began, output)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=Path)
    parser.add_argument("--suite", default="", metavar="PART")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    total = run_unit(build, arguments.suite)
    scripts = [*TESTS.glob("test_*.py"), *TESTS.glob("tidy/test_*.py"),
               *TESTS.glob("sim/test_*.py"), *sorted(TESTS.glob("crash/test_*.py")),
               *sorted(TESTS.glob("integration/test_*.py")),
               *sorted(TESTS.glob("integration/test_*.sh"))]
    for script in scripts:
        if arguments.suite in script.stem:
            total.add(run_script(script, build))
    if total.passed + total.failed == 0:
        total.fail("nothing ran")
    for problem in total.problems:
        print(f"FAILED: {problem}")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
