# SPDX-License-Identifier: Apache-2.0
"""What integration tests share: finding `ww`, running it, and speaking TAP.

A suite is a file test_NAME.py, started as `test_NAME.py BUILD_DIRECTORY`, with functions test_*
and at its end `run_tests(globals())`. A test fails by an exception, and is skipped by `skip`.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
WW = BUILD / "ww"


class Skipped(Exception):
    pass


def skip(why):
    raise Skipped(why)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_equal(actual, wanted, message=""):
    check(actual == wanted, f"{message}: {actual!r} instead of {wanted!r}")


def check_in(part, text):
    check(part in text, f"{text!r} does not say {part!r}")


def environment(**variables):
    """The caller's environment without its WW_ variables, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WW_")}
    return {**kept, **variables}


def ww(*arguments, stdin=b"", timeout=60, **variables):
    """Runs ww to its end; the output is text."""
    done = subprocess.run([WW, *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=timeout, env=environment(**variables), check=False,
                          start_new_session=True)
    done.text = done.stdout.decode(errors="replace")
    done.errors = done.stderr.decode(errors="replace")
    return done


def ww_fails(exit_code, *arguments, says, **more):
    """Runs ww, which must fail with this exit code and name each of `says` on stderr."""
    done = ww(*arguments, **more)
    check_equal(done.returncode, exit_code, f"ww {arguments}: {done.errors!r}")
    for part in says:
        check_in(part, done.errors)
    check_equal(done.text, "", "stdout")
    return done


class Directory:
    """A temporary directory with a short path (sockets live in it), removed at the end."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="ww-test-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def processes_of(directory):
    """The processes that were given a path below this directory, as {pid: command line}."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{directory}/" in line:
            found[int(path.parent.name)] = line
    return found


def run_tests(names):
    """Runs the functions test_* of a module in their order and prints TAP."""
    tests = [value for name, value in names.items() if name.startswith("test_")]
    failed = 0
    print(f"TAP version 13\n1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        title = test.__name__.removeprefix("test_").replace("_", " ")
        try:
            test()
            print(f"ok {number} - {title}", flush=True)
        except Skipped as why:
            print(f"ok {number} - {title} # SKIP {why}", flush=True)
        except Exception:  # a test may fail in any way
            failed += 1
            print(f"not ok {number} - {title}")
            for line in traceback.format_exc().splitlines():
                print(f"#   {line}", flush=True)
    sys.exit(1 if failed else 0)
