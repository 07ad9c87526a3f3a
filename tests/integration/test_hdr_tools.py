#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tools of HdrHistogram read what `ww bench` leaves: its JavaScript library is asked."""
import json
import subprocess
import tempfile
import time
from pathlib import Path

from harness import BUILD, ROOT, check, check_equal, run_tests, ww

PACKAGE = "hdr-histogram-js@3.0.1"


def packages():
    """The folder with the package, got from the npm registry once for a build."""
    folder = BUILD / "npm"
    if not (folder / "node_modules" / "hdr-histogram-js").is_dir():
        done = subprocess.run(["npm", "install", "--no-save", "--ignore-scripts", "--no-audit",
                               "--no-fund", "--prefix", folder, PACKAGE], capture_output=True,
                              text=True, timeout=120, check=False)
        check_equal(done.returncode, 0, f"npm install {PACKAGE}: {done.stderr}")
    return folder


def near(value, wanted):
    """Equal but for the width of a bucket: three digits."""
    return abs(value - wanted) <= wanted / 1000 + 1


def test_hlog_is_read_by_hdr_histogram():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began_ms = time.time() * 1000
        done = ww("bench", "--inflight", "64", "--duration", "1500ms", "--rounds", "2", "--warmup",
                  "200ms", "--durability", "memory", "-o", folder, "--progress", "never")
        check_equal(done.returncode, 0, done.errors)
        result = json.loads((folder / "result.json").read_text())
        read = subprocess.run(["node", ROOT / "tests/integration/read_hlog.js", packages(),
                               folder / "commit.hlog"], capture_output=True, text=True, timeout=60,
                              check=False)
        check_equal(read.returncode, 0, read.stderr)
        read = json.loads(read.stdout)
        commit, total = result["commit"], read["total"]
        check_equal(total["count"], commit["count"], "every measured commit is in the log")
        for name in ("p50", "p90", "p99", "p999", "max"):
            check(near(total[name], commit["latency"][name]),
                  f"{name}: {total[name]} read, {commit['latency'][name]} in result.json")
        measured = [line for line in map(json.loads, open(folder / "intervals.jsonl"))
                    if line["phase"] == "measure"]
        check_equal([one["count"] for one in read["intervals"]],
                    [line["entries"] for line in measured], "the same seconds as intervals.jsonl")
        for one, line in zip(read["intervals"], measured):
            check(near(one["p99"], line["p99"]), f"p99 of an interval: {one}, {line}")
            check(one["end_ms"] > one["begin_ms"], f"an interval without time: {one}")
        check(began_ms < read["start_ms"] < time.time() * 1000, "the time at which it began")


if __name__ == "__main__":
    run_tests(globals())
