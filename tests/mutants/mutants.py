#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do the tests find broken code? Each patch in this folder breaks one thing on purpose, in a copy.

Every mutant is built and run against the scenarios, then the simulator with growing numbers of
seeds, then unit tests, then crash tests, until something fails that passes without it. With --both
the simulator and the crash tests are asked in any case. Exit code 1: one survived, or a patch does
not apply.
"""
import argparse
import datetime
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DOCS = ROOT / "docs" / "mutants.md"
NAME = re.compile(r"c(0[1-9]|1[0-9]|20)-[a-z0-9-]+")
SCENARIO = "tests/scenario/ww_scenario"
SIM = "tests/sim/ww_sim"
UNIT = ["raft", "groups", "session", "snapshot", "stages", "wire_batch", "wire_block", "wal_uring"]
CRASH = ["ww", "tests/crash/crash_client", "tests/crash/crash_images"]
CRASH_IMAGES = 900
CRASH_SECONDS = 3            # of each recording
NO_CRASH_TESTS = 2           # their exit code where this machine lacks what they need
SEED_STEPS = [4, 20, 100, 500]  # and then all
SECONDS_MAX = 600            # of one run
COPIED = ["bench", "dpdk_io", "engine", "include", "meson.build", "meson_options.txt", "tests",
          "wal_uring"]


class Broken(Exception):
    """The mutants cannot be judged."""


def end_session(leader):
    """Also those that left the process group, as the workers of unit tests do."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except OSError:
            pass  # it ended by itself


def run(command, cwd, seconds=SECONDS_MAX):
    """Returns (exit code, output); the code is None when it did not end in time."""
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(Path(cwd).parent)}
    with subprocess.Popen([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", start_new_session=True, env=environment) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            end_session(process.pid)
            output, _ = process.communicate()
            return None, output
    return process.returncode, output


class Mutant:
    def __init__(self, path):
        self.path = path
        self.name = path.stem
        self.breaks = path.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")
        self.caught_by = {}  # sieve: what failed there
        self.why_not = ""

    def is_caught(self):
        return any(what and not what.startswith("no, ") for what in self.caught_by.values())

    def verdict(self):
        found = "; ".join(f"{sieve} {what}" for sieve, what in self.caught_by.items() if what)
        return found if self.is_caught() else f"{self.why_not} {found}".strip()

    def check(self):
        """What is wrong with the patch, or None."""
        if not NAME.fullmatch(self.name):
            return "its name does not begin with a row, c01- to c20-"
        if not self.path.read_text(encoding="utf-8").startswith("# "):
            return "its first line does not say what is broken"
        code, output = run(["git", "apply", "--check", self.path], ROOT)
        return None if code == 0 else output.strip()


def unlike(one, other):
    return not other.exists() or one.read_bytes() != other.read_bytes()


def copy_sources(to):
    """Brings a copy up to date; what is equal keeps its time, so that little is built anew."""
    kept = set()
    for top in COPIED:
        source = ROOT / top
        files = [source] if source.is_file() else [path for path in source.rglob("*")
                                                   if path.is_file()]
        for path in files:
            target = to / path.relative_to(ROOT)
            kept.add(target)
            if unlike(path, target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    for top in COPIED:
        for path in (to / top).rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()


class Bench:
    """A copy of the sources with a build; breaks it, runs the tests on it, mends it."""

    def __init__(self, directory, seeds):
        self.source = directory / "source"
        self.build = directory / "build"
        self.sound_sim = directory / "sound_sim"
        self.seeds = seeds
        self.source.mkdir(parents=True, exist_ok=True)
        copy_sources(self.source)
        if not (self.build / "build.ninja").exists():
            self.must(["meson", "setup", self.build, "--buildtype=release", "-Doptimization=2",
                       "-Ddebug=false", "-Dwerror=false"])
        self.must(["ninja", "-C", self.build, "--quiet", "build.ninja"])
        suites = json.loads(self.must(["meson", "introspect", self.build, "--tests"]))
        self.units = {suite["name"].removeprefix("unit "): suite["cmd"] for suite in suites
                      if suite["name"].removeprefix("unit ") in UNIT}
        missing = [name for name in UNIT if name not in self.units]
        if missing:
            raise Broken(f"no unit tests of {' '.join(missing)}")
        self.executables = [self.build / SCENARIO, self.build / SIM,
                            *(Path(self.units[name][0]) for name in UNIT),
                            *(self.build / name for name in CRASH)]
        self.must(self.ninja())
        self.sound = {path: self.digest(path) for path in self.executables}
        shutil.copy(self.build / SIM, self.sound_sim)

    def ninja(self):
        targets = [path.relative_to(self.build) for path in self.executables]
        return ["ninja", "-C", self.build, "-j1", "--quiet", *targets]

    def must(self, command):
        code, output = run(command, self.source)
        if code != 0:
            raise Broken(f"{' '.join(map(str, command[:2]))} failed:\n{output[-4000:]}")
        return output

    @staticmethod
    def digest(path):
        return hashlib.sha256(path.read_bytes()).digest()

    def differs(self, path):
        return self.digest(path) != self.sound[path]

    def scenarios(self, prefer=""):
        code, output = run([self.build / SCENARIO, self.source / "tests" / "scenario"], self.source)
        if code == 0:
            return None
        failed = [Path(path).stem for path in re.findall(r"^not ok \d+ - (\S+)", output, re.M)]
        if not failed:
            raise Broken(f"the scenarios ended with {code}:\n{output[-2000:]}")
        name = next((name for name in failed if name.startswith(prefer)), failed[0])
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        return f"`{name}`{more}"

    def sim(self, first, count, executable=None):
        """The first seed that fails and what it violates, or None."""
        code, output = run([executable or self.build / SIM, "--workers", 1, "--seeds", count,
                            "--seed", first], self.source)
        if code == 0:
            return None
        failed = re.search(r"^FAILED: seed (\d+): (.*)", output, re.M)
        if code is None or not failed:
            raise Broken(f"the simulator ended with {code}:\n{output[-2000:]}")
        return int(failed.group(1)), failed.group(2)

    def simulate(self):
        first = 1
        for last in [*(step for step in SEED_STEPS if step < self.seeds), self.seeds]:
            failed = self.sim(first, last - first + 1)
            if failed:
                seed, violation = failed
                if self.sim(seed, 1, self.sound_sim):
                    raise Broken(f"seed {seed} fails without the mutant, too")
                return f"seed {seed} ({violation.split(':')[0]})"
            first = last + 1
        return None

    def failed_units(self, name):
        code, output = run(self.units[name], self.source)
        failed = re.findall(r"^not ok\b[ -]*(\S+)", output, re.M)
        if code != 0 and not failed:
            raise Broken(f"the unit tests of {name} ended with {code}:\n{output[-2000:]}")
        return failed

    def unit(self, name):
        """A test that fails twice: one that fails now and then must not vouch for a mutant."""
        failed = self.failed_units(name)
        again = self.failed_units(name) if failed else []
        return next((f"`{test}`" for test in failed if test in again), None)

    def crash(self):
        """The first disk that no crash should leave, or None."""
        code, output = run([sys.executable, "tests/crash/crash.py", self.build, "--images",
                            CRASH_IMAGES, "--seconds", CRASH_SECONDS, "--boot", 0], self.source)
        if code in (0, NO_CRASH_TESTS):
            return None
        failed = re.search(r"^FAILED: (\S+, (?:recording|image \d+)) .*?: (.*)", output, re.M)
        if not failed:
            raise Broken(f"the crash tests ended with {code}:\n{output[-2000:]}")
        where, what = failed.groups()
        return where + (" (lost)" if "lost: " in what else "")

    def check_sound(self):
        """Without a mutant nothing may fail, or all that follows says nothing."""
        failed = [self.scenarios(), *(self.unit(name) for name in UNIT), self.crash()]
        seed = self.sim(1, SEED_STEPS[1])
        failed.append(seed and f"seed {seed[0]}: {seed[1]}")
        failed = [what for what in failed if what]
        if failed:
            raise Broken(f"without any mutant, this fails: {'; '.join(failed)}")

    def sieve(self, mutant, both):
        caught = mutant.caught_by
        if self.differs(self.build / SCENARIO):
            caught["scenario"] = self.scenarios(mutant.name.split("-")[0])
        if self.differs(self.build / SIM) and (both or not any(caught.values())):
            caught["simulator"] = self.simulate() or f"no, {self.seeds} seeds"
        for name in UNIT:
            if not mutant.is_caught() and self.differs(Path(self.units[name][0])):
                caught["unit test"] = self.unit(name)
        if "/wal_uring/" in mutant.path.read_text(encoding="utf-8") and \
                (both or not mutant.is_caught()):
            caught["crash"] = self.crash()

    def judge(self, mutant, both):
        code, output = run(["git", "apply", mutant.path], self.source)
        if code != 0:
            mutant.why_not = f"the patch does not apply: {output.strip()}"
            return
        try:
            code, output = run(self.ninja(), self.source)
            if code != 0:
                mutant.why_not = f"it does not build:\n{output[-3000:]}"
            elif not any(self.differs(path) for path in self.executables):
                mutant.why_not = "it changes nothing that is tested"
            else:
                self.sieve(mutant, both)
                mutant.why_not = "SURVIVED"
        except Broken as why:
            mutant.why_not = str(why)
        finally:
            code, output = run(["git", "apply", "-R", mutant.path], self.source)
            if code != 0:
                raise Broken(f"{mutant.name} cannot be taken back: {output}")


def judge_all(mutants, directory, arguments):
    benches = Queue()

    def prepare(number):
        benches.put(Bench(directory / str(number), arguments.seeds))

    def judge(mutant):
        bench = benches.get()
        began = time.monotonic()
        bench.judge(mutant, arguments.both)
        benches.put(bench)
        took = time.monotonic() - began
        print(f"{mutant.name:40} {mutant.verdict()}  ({took:.0f} s)", flush=True)

    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(prepare, range(arguments.jobs)))
        bench = benches.get()
        bench.check_sound()
        benches.put(bench)
        list(pool.map(judge, mutants))


def write_docs(mutants, seeds):
    caught = {sieve: sum(1 for mutant in mutants
                         if not (mutant.caught_by.get(sieve) or "no, ").startswith("no, "))
              for sieve in ("scenario", "simulator", "unit test", "crash")}
    today = datetime.date.today().isoformat()
    text = f"""# Mutants

`tests/mutants/*.patch` break the engine on purpose, one thing each; `./dev mutants` shows that the
tests notice (`./dev mutants NAME...` for some). Each mutant goes through four sieves until one
holds it: all scenarios; the simulator, from seed 1 on, up to a bound; the unit tests; for those of
the log on disk the crash tests, {CRASH_IMAGES} images ([crash-tests.md](crash-tests.md)). With
`--both` the simulator and the crash tests are asked in any case: they are tested by this as well.
The first two do not contain the log on disk (`wal_uring`), so that most breaks of C16 to C19 are
left to the others. A seed counts only when it passes without the mutant, a unit test when it fails
twice. A mutant that no sieve holds shows a check that is missing: add it.

Names begin with the row of the requirement that is broken, c01 to c20. That every patch still
applies is part of `./dev check`; one that does not is to be made anew for the code that it broke.

This table was written by `./dev mutants --both --seeds {seeds} --write-docs` on {today}:
{len(mutants)} mutants, all caught; {caught["scenario"]} by scenarios, {caught["simulator"]} by the
simulator, {caught["unit test"]} by neither but by unit tests; {caught["crash"]} by crash tests. The
simulator's column says which seed was the first that failed, which is how many it took, and what
was violated; that of the crash tests, what was recorded and which of its images failed.

| mutant | what is broken | scenario | simulator | unit test | crash |
|---|---|---|---|---|---|
"""
    for mutant in mutants:
        columns = [mutant.caught_by.get(sieve) or "" for sieve in caught]
        text += f"| {mutant.name} | {mutant.breaks} | {' | '.join(columns)} |\n"
    DOCS.write_text(text, encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="dev mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutants; all when none is named")
    parser.add_argument("--check", action="store_true", help="only: do all patches apply?")
    parser.add_argument("--seeds", type=int, default=2000, metavar="N",
                        help="seeds of the simulator at most (2000)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N",
                        help="mutants at a time")
    parser.add_argument("--keep", type=Path, metavar="FOLDER",
                        help="keep the copies there: the next run builds less")
    parser.add_argument("--both", action="store_true",
                        help="ask the simulator also when a scenario failed")
    parser.add_argument("--write-docs", action="store_true",
                        help="write docs/mutants.md; needs --both")
    arguments = parser.parse_args()
    if arguments.write_docs and (arguments.names or not arguments.both):
        parser.error("--write-docs needs --both, and no names")
    return arguments


def choose(names):
    mutants = {path.stem: Mutant(path) for path in sorted(HERE.glob("*.patch"))}
    unknown = [name for name in names if name not in mutants]
    if unknown or not mutants:
        raise Broken(f"no such mutant: {' '.join(unknown)}" if unknown else "there are no mutants")
    return [mutants[name] for name in names] if names else list(mutants.values())


def main():
    arguments = parse_arguments()
    mutants = choose(arguments.names)
    wrong = {mutant.name: why for mutant in mutants if (why := mutant.check())}
    for name, why in wrong.items():
        print(f"{name}: {why}")
    if wrong or arguments.check:
        return 1 if wrong else 0
    if arguments.keep:
        judge_all(mutants, arguments.keep.resolve(), arguments)
    else:
        with tempfile.TemporaryDirectory(prefix="ww-mutants-") as directory:
            judge_all(mutants, Path(directory), arguments)
    caught = sum(mutant.is_caught() for mutant in mutants)
    if arguments.write_docs and caught == len(mutants):
        write_docs(mutants, arguments.seeds)
    print(f"{caught} of {len(mutants)} mutants caught")
    return 0 if caught == len(mutants) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as why:
        print(f"mutants: {why}", file=sys.stderr)
        sys.exit(1)
