#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ww sweep`: a tiny sweep that is interrupted and goes on, its files, and what is refused."""
import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import wait_until  # noqa
from harness import (ROOT, WW, Directory, check, check_equal, check_in, environment,  # noqa
                     processes_of, run_tests, ww, ww_fails)

TINY = """name: tiny
load: {duration: 150ms, warmup: 50ms}
config: {wal.durability: memory, memory.log_buffer: 1MiB}
vary: {inflight: [1, 64]}
repeat: 2
slo: p99<60s
"""
NAMES = ["p001-r01", "p001-r02", "p002-r01", "p002-r02"]


def write(path, text):
    path.write_text(text)
    return path


def start(file, output, data):
    return subprocess.Popen([WW, "sweep", file, "-o", output, "--data", data, "--progress",
                             "always"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment(WW_WAL_DEPTH="7"),
                            start_new_session=True)


def results(output):
    """When each run's result was written."""
    return {path.parent.name: path.stat().st_mtime_ns
            for path in output.glob("runs/*/result.json")}


def interrupt_second_run(file, output, data):
    """Returns what the first run left."""
    with start(file, output, data) as process:
        check(any("run 2 of 4" in line for line in process.stderr), "it ended early")
        wait_until(lambda: processes_of(data), 30, "the second run has its cluster")
        ww_fails(2, "sweep", file, "-o", output, "--data", data,
                 says=[f"--output {output}: a sweep is under way there"])
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        check_equal((process.returncode, out), (1, ""), errors)
        check_in(f"interrupted after 1 of 4 runs; ww sweep {file} -o {output} goes on", errors)
    wait_until(lambda: not processes_of(data), 10, "no process is left")
    check_equal(os.listdir(data), [], "left behind")
    kept = results(output)
    check_equal(len(os.listdir(output / "runs")), 1, "the run that was interrupted is forgotten")
    return kept


def check_result(result):
    check_equal(result["schema"], "whitewater.sweep/1", "schema")
    check_equal((result["name"], result["vary"]), ("tiny", ["inflight"]), "name and keys")
    check_equal(result["runs"], {"planned": 4, "kept": 4, "noisy": 0, "failed": 0, "missing": 0},
                "runs")
    check_equal(result["axes"], [{"key": "inflight", "unit": "count", "values": [
        {"text": "1", "value": 1}, {"text": "64", "value": 64}]}], "axes")
    check_equal([(p["id"], p["settings"]) for p in result["points"]],
                [("p001", {"inflight": "1"}), ("p002", {"inflight": "64"})], "points")
    check_equal([run["dir"] for p in result["points"] for run in p["runs"]],
                [f"runs/{name}" for name in NAMES], "directories")
    for point in result["points"]:
        for figure in ("per_s", "p50", "p99", "p999", "cpu_ns"):
            median = statistics.median(run[figure] for run in point["runs"])
            check(abs(point[figure] - median) <= 1e-5 * median, f"{figure} of {point}")
        check(point["meets_slo"], "every commit is faster than a minute")
    best = max(result["points"], key=lambda point: point["per_s"])
    check_equal(result["best"], best["id"], "best")
    check(best["pareto"], "the one with the most commits is on the front")


def test_a_sweep_is_interrupted_and_goes_on():
    with Directory() as data, Directory() as place:
        file, output = write(place / "tiny.yaml", TINY), place / "out"
        kept = interrupt_second_run(file, output, data)
        done = ww("sweep", file, "-o", output, "--data", data, "--format", "json", timeout=300)
        check_equal(done.returncode, 0, done.errors)
        after = results(output)
        check_equal(sorted(after), NAMES, "all runs")
        for name, time in kept.items():
            check_equal(after[name], time, f"{name} was not run again")
        result = json.loads(done.text)
        check_equal(json.loads((output / "sweep.json").read_text()), result, "file and stdout")
        check_equal((output / "sweep.yaml").read_text(), TINY, "the copy")
        check_result(result)
        for name in NAMES:
            config = json.loads((output / "runs" / name / "result.json").read_text())["config"]
            check_equal(config["inflight"], 1 if "p001" in name else 64, "as the point says")
            check_equal(config["wal_depth"], 2, "the environment does not reach the runs")
            check_in("Verified", (output / "runs" / name / "bench.txt").read_text())

        again = ww("sweep", file, "-o", output, "--data", data)
        check_equal(again.returncode, 0, again.errors)
        check_equal(results(output), after, "nothing is left to do")
        for part in ("Sweep tiny: 2 points, 4 runs of 4\n", "inflight=64", "Best: "):
            check_in(part, again.text)
        reported(output, result, again.text)
        recommended(output, place)
        refused_directories(file, output, data)


def reported(output, result, table):
    """`ww report` makes both files anew, and prints the same."""
    check_in("whitewater.sweep/1", (output / "report.html").read_text())
    for name in ("sweep.json", "report.html"):
        (output / name).unlink()
    done = ww("report", output)
    check_equal((done.returncode, done.text), (0, table), done.errors)
    check_equal(json.loads((output / "sweep.json").read_text()), result, "made anew")
    check_in("whitewater.sweep/1", (output / "report.html").read_text())


def recommended(output, place):
    written = place / "best.yaml"
    done = ww("sweep", "recommend", output, "--slo", "p99<50s", "-o", written)
    check_equal((done.returncode, done.text), (0, ""), done.errors)
    for part in ("From the sweep tiny", "p99<50s", "The runner-up is p00"):
        check_in(part, written.read_text())
    shown = ww("config", "show", "--config", written, "--format", "json")
    check_equal(json.loads(shown.text)["wal.durability"], "memory", "ww reads it")
    ww_fails(1, "sweep", "recommend", output, "--slo", "p99<1ns",
             says=["no point meets p99<1ns; the nearest is p00"])
    ww_fails(2, "sweep", "recommend", output, "--objective", "max p99", says=["min p99"])
    ww_fails(2, "sweep", "recommend", place, says=["sweep.yaml"])
    done = ww("sweep", "default", output)
    check_equal(done.returncode, 2, "there is nothing beside the default")
    check_in("has no load under which", done.errors)


def refused_directories(file, output, data):
    other = write(file.parent / "other.yaml", TINY.replace("150ms", "160ms"))
    ww_fails(2, "sweep", other, "-o", output, "--data", data,
             says=["holds another sweep", "other.yaml"])
    ww_fails(2, "sweep", file, "-o", output / "runs", says=["neither empty nor"])


def test_runs_that_fail_are_kept_and_tried_again():
    text = TINY.replace("vary: {inflight: [1, 64]}\nrepeat: 2", "loads: [{inflight: 8}]\n"
                        "points: [{}, {raft.election_min: 50ms}, {wal.depth: 4}]")
    with Directory() as data, Directory() as place:
        file, output = write(place / "fails.yaml", text), place / "out"
        done = ww("sweep", file, "-o", output, "--data", data, timeout=300)
        check_equal(done.returncode, 1, f"{done.text}{done.errors}")
        for part in ("1 of 3 runs failed; the same command tries them again", "election_min"):
            check_in(part, done.errors)
        check_in("runs/p002-r01  failed: ww bench ended with exit code", done.text)
        kept = results(output)
        check_equal(sorted(kept), ["p001-r01", "p003-r01"], "the others are there")
        failed = output / "runs" / "p002-r01" / "failed.json"
        before = failed.stat().st_mtime_ns
        again = ww("sweep", file, "-o", output, "--data", data, timeout=300)
        check_equal(again.returncode, 1, again.errors)
        check(failed.stat().st_mtime_ns > before, "it was tried again")
        check_equal(results(output), kept, "the good ones were not")
        check_equal(os.listdir(data), [], "left behind")
        check_default(output)


def check_default(output):
    """The default (p001) against the only other one (p003), whichever was faster today."""
    done = ww("sweep", "default", output, "--format", "json")
    result = json.loads(done.text)
    found, points = result["default"], {point["id"]: point for point in result["points"]}
    row = found["loads"][0]
    check_equal((row["load"], row["default"], row["best"]), ({"inflight": "8"}, "p001", "p003"),
                "who is compared")
    for ratio, figure in (("throughput_ratio", "per_s"), ("p99_ratio", "p99")):
        wanted = points["p001"][figure] / points["p003"][figure]
        check(abs(row[ratio] - wanted) < 1e-4 * wanted, f"{ratio}: {row}")
    holds = row["throughput_ratio"] >= 0.9 and row["p99_ratio"] <= 1.1
    check_equal((row["holds"], found["holds"]), (holds, holds), "as the goals say")
    check_equal(done.returncode, 0 if holds else 1, done.errors)
    check_in("holds" if holds else "MISSES", ww("sweep", "default", output).text)


def test_bad_files():
    with Directory() as place:
        for text, says in (
                ("name: x\nvary: {inflight: [0]}\n", ["line 2", "--inflight", "'0'"]),
                ("name: x\nvary: {inflght: [1]}\n", ["line 2", "'--inflight'"]),
                ("name: x\nvary:\n  groups: [1]\n", ["line 3", "raft.groups"]),
                ("name: x\nload: {keep: true}\nvary: {inflight: [1]}\n", ["line 2", "--keep"]),
                ("name: x\nload: {data: here}\nvary: {inflight: [1]}\n", ["line 2", "--data"]),
                ("name: x\nload: {size: 8KiB}\nvary: {net.mtu: [9000, 1500]}\n",
                 ["the point net.mtu=1500", "8192 bytes"]),
                ("name: x\nvary: {wal.durability: [maybe]}\n", ["line 2", "'maybe'", "dsync"])):
            file = write(place / "bad.yaml", text)
            ww_fails(2, "sweep", file, "-o", place / "out", says=["ww sweep", "bad.yaml", *says])
            check(not (place / "out").exists(), "nothing is made for a bad file")
        ww_fails(2, "sweep", place / "none.yaml", says=["cannot read", "none.yaml"])
        ww_fails(2, "sweep", file, "--config", file, says=["--config"])
        write(file, TINY)
        ww_fails(2, "sweep", file, "-o", place / "no" / "where", says=["--output", "no/where"])
        ww_fails(2, "sweep", file, "-o", place / "out", "--data", place / "no",
                 says=["--data", "/no: No such"])
        check(not (place / "out").exists(), "nothing is made")
        ww_fails(2, "sweep", says=["FILE is missing"])


def test_the_ready_sweeps_are_sound():
    files = sorted((ROOT / "bench" / "sweeps").glob("*.yaml"))
    check(len(files) >= 4, "they are there")
    for file in files:
        done = ww("sweep", file, "--plan")
        check_equal(done.returncode, 0, done.errors)
        check_in("p001  ", done.text)
        plan = done.text.splitlines()[-1].split()  # 12 points, 3 repeats: 36 runs
        check_equal(int(plan[0]) * int(plan[2]), int(plan[4]), done.text)
        check_in(f"{plan[0]} points, {plan[4]} runs:", file.read_text())


run_tests(globals())
