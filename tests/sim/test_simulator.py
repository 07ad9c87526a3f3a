#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many seeds of the simulator, and a failing one that replays. Usage: test_simulator.py BUILD."""
import re
import subprocess
import sys
from pathlib import Path

SEEDS = 10000
EVENTS = 2000
SECONDS = 480

SUM = re.compile(r"^(\d+) seeds, (\d+) events .* (\d+) failed$", re.MULTILINE)
FAILED = re.compile(r"^FAILED: seed (\d+): .*\n  trace hash ([0-9a-f]{16}); "
                    r"replay: \./dev sim (.*)$", re.MULTILINE)


def simulate(program, *flags):
    run = subprocess.run([program, *flags], capture_output=True, text=True, check=False,
                         stdin=subprocess.DEVNULL, timeout=2 * SECONDS)
    return run.returncode, run.stdout


def many_seeds(program):
    code, output = simulate(program, "--seeds", str(SEEDS), "--events", str(EVENTS))
    found = SUM.search(output)
    if code != 0 or found is None:
        return output
    seeds, events, failed = (int(text) for text in found.groups())
    if seeds != SEEDS or events < SEEDS * EVENTS or failed != 0:
        return output
    print(f"# {found.group(0)}")
    return None


def replay(program):
    """A planted fault is found; its replay line finds it again, with the same hash and a trace."""
    code, output = simulate(program, "--seeds", "200", "--plant")
    found = FAILED.search(output)
    if code != 1 or found is None:
        return f"exit code {code}\n{output}"
    code, output = simulate(program, *found.group(3).split())
    again = FAILED.search(output)
    if code != 1 or again is None or again.group(0) != found.group(0):
        return f"exit code {code}\n{output}"
    lines = [line for line in output.splitlines() if re.match(r"^ *\d+\.\d{3} ms  ", line)]
    return None if len(lines) == 200 else f"{len(lines)} lines of trace\n{output}"


def usage(program):
    code, _ = simulate(program, "--seeds", "many")
    return None if code == 2 else f"exit code {code}"


def main():
    program = Path(sys.argv[1]) / "tests" / "sim" / "ww_sim"
    cases = {
        f"{SEEDS} seeds of {EVENTS} events violate nothing": many_seeds,
        "a failing seed replays with the same trace": replay,
        "a flag that makes no sense is refused": usage,
    }
    print(f"1..{len(cases)}")
    failed = 0
    for number, (name, case) in enumerate(cases.items(), 1):
        problem = case(program)
        print(f"{'ok' if problem is None else 'not ok'} {number} - {name}")
        if problem is not None:
            failed += 1
            for line in problem.splitlines()[-15:]:
                print(f"  {line}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
