#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ww experiment`: the list, the tables and files, and what an interrupted one leaves: nothing."""
import json
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import wait_until  # noqa
from harness import (WW, Directory, check, check_equal, check_in, environment, processes_of,  # noqa
                     run_tests, ww, ww_fails)

SHORT = ["--duration", "50ms", "--warmup", "20ms"]


def check_plots(result):
    check(result["plots"], "plots")
    for plot in result["plots"]:
        check(plot["title"] and plot["series"], f"{plot}")
        for axis in ("x", "y"):
            check_in(plot[axis]["scale"], ("linear", "log"))
            check(plot[axis]["label"], f"{plot}")
        for series in plot["series"]:
            check(series["name"] and series["points"], f"{series}")
            for x, y in series["points"]:
                check(plot["x"]["scale"] == "linear" or x > 0, f"{series} in {plot['title']}")
                check(plot["y"]["scale"] == "linear" or y > 0, f"{series} in {plot['title']}")


def check_medians(cell, figures):
    for figure in figures:
        runs = [run[figure] for run in cell["runs"]]
        median = statistics.median(runs)
        check(abs(cell[figure] - median) <= 1e-5 * abs(median), f"{figure} of {cell}")


def test_without_a_name_they_are_listed():
    listed = ww("experiment").text
    for name, flag in (("backtracking", "--terms"), ("election", "--delays"),
                       ("fsync", "--inflight"), ("heartbeats", "--windows"),
                       ("log-readers", "--rate"), ("trace-cost", "--repeats"),
                       ("vote-queue", "--slots")):
        check_in(f"{name} ", listed)
        check_in(flag, ww("experiment", name, "--help").text)


def test_fsync_goes_through_modes_windows_and_loads():
    with Directory() as data, Directory() as output:
        done = ww("experiment", "fsync", *SHORT, "--data", data, "-o", output, "--repeats", "2",
                  "--modes", "buffered,dsync", "--windows", "self,entry", "--inflight", "1,8",
                  "--replicas", "1", "--wal.prepare", "16MiB", "--wal.segment", "16MiB",
                  "--format", "json", timeout=120)
        check_equal(done.returncode, 0, done.errors)
        check_equal(os.listdir(data), [], "left behind")
        result = json.loads(done.text)
        check_equal(json.loads((output / "fsync.json").read_text()), result, "file and stdout")
    check_equal(result["schema"], "whitewater.experiment/1", "schema")
    check_equal(result["experiment"], "fsync", "name")
    check(result["environment"]["cores"] > 0, "environment")
    cells = result["cells"]
    check_equal([(c["durability"], c["window"], c["inflight"]) for c in cells],
                [(mode, window, inflight) for mode in ("dsync", "buffered")
                 for window in ("entry", "self") for inflight in (1, 8)], "cells")
    for cell in cells:
        check_equal(len(cell["runs"]), 2, "repeats")
        check_medians(cell, ("p50", "p99", "p999", "per_s", "entries_per_write"))
        check(0 < cell["p50"] <= cell["p99"] <= cell["p999"], f"{cell}")
        if cell["window"] == "entry":
            check(cell["entries_per_write"] < 1.2, f"one entry a write: {cell}")
    check(max(c["entries_per_write"] for c in cells) > 1.5, "eight in flight share writes")
    check_equal([limit["durability"] for limit in result["limits"]], ["dsync", "buffered"],
                "limits")
    check(result["verified"]["replicas_identical"], "verified")
    check(result["verified"]["acknowledged"] > 0, "acknowledged")
    check_plots(result)


def test_log_readers_compares_three_designs():
    with Directory() as output:
        done = ww("experiment", "log-readers", *SHORT, "--repeats", "1", "--readers", "2", "--rate",
                  "20k", "-o", output)
        check_equal(done.returncode, 0, done.errors)
        result = json.loads((output / "log-readers.json").read_text())
    cells = result["cells"]
    check_equal([(c["mix"], c["design"]) for c in cells],
                [(mix, design) for mix in ("no reader", "50/50", "80/20")
                 for design in ("mutex", "rwlock", "lock-free")], "cells")
    for cell in cells:
        check_medians(cell, ("took_p50", "took_p99", "p50", "p99", "appends_per_s", "reads_per_s"))
        check((cell["reads_per_s"] == 0) == (cell["mix"] == "no reader"), f"{cell}")
    check_plots(result)
    for word in ("mutex", "rwlock", "lock-free", "80/20", "took p50"):
        check_in(word, done.text)


def test_elections_are_the_same_for_the_same_seed():
    flags = ["--nodes", "3,5", "--delays", "1ms,10ms", "--elections", "50", "--format", "json"]
    results = [json.loads(ww("experiment", "election", *flags, "--seed", seed).text)
               for seed in (1, 1, 2)]
    cells = results[0]["cells"]
    check_equal(cells, results[1]["cells"], "the same seed")
    check(cells != results[2]["cells"], "another seed")
    check_plots(results[0])
    check_equal([(c["nodes"], c["delay_ns"], c["design"]) for c in cells],
                [(nodes, delay, design) for nodes in (3, 5) for delay in (10**6, 10**7)
                 for design in ("fixed", "random", "backoff", "engine", "adaptive")], "cells")
    for cell in cells:
        check_equal(cell["elections"], 50, f"{cell}")
        check(0 < cell["p50"] <= cell["p99"] <= cell["max"], f"{cell}")
        check(0 <= cell["split_rate"] <= 1 <= cell["terms_per_election"], f"{cell}")
    done = ww("experiment", "election", "--nodes", "3", "--delays", "1ms", "--elections", "20",
              "--designs", "engine", "--profile", "fast")
    for word in ("engine", "2.00 ms", "10.0 ms", "split"):
        check_in(word, done.text)


def test_backtracking_counts_round_trips():
    with Directory() as output:
        done = ww("experiment", "backtracking", "--terms", "1,8", "--entries", "1,50", "-o", output)
        check_equal(done.returncode, 0, done.errors)
        result = json.loads((output / "backtracking.json").read_text())
    check_plots(result)
    check_equal([(c["log"], c["terms"], c["entries"], c["engine"], c["one_by_one"])
                 for c in result["cells"]],
                [(log, terms, entries, 2 if log == "missing" else terms + 1, terms * entries + 1)
                 for log in ("diverged", "missing") for terms in (1, 8) for entries in (1, 50)],
                "cells")
    for word in ("diverged", "missing", "one by one", "halves"):
        check_in(word, done.text)


def test_trace_cost_compares_with_and_without():
    with Directory() as data, Directory() as output:
        done = ww("experiment", "trace-cost", "--duration", "200ms", "--warmup", "100ms", "--data",
                  data, "-o", output, "--repeats", "2", "--inflight", "1,64", "--durability",
                  "memory", "--trace.every", "4", timeout=120)
        check_equal(done.returncode, 0, done.errors)
        check_equal(os.listdir(data), [], "left behind")
        result = json.loads((output / "trace-cost.json").read_text())
    check_equal([cell["inflight"] for cell in result["cells"]], [1, 64], "cells")
    for cell in result["cells"]:
        check_equal(cell["trace_every"], 4, "as it was given")
        for side in ("off", "on"):
            check_equal(len(cell[side]["runs"]), 2, "repeats")
            check_medians(cell[side], ("p50", "p99", "per_s", "work_cycles", "recording"))
        check_equal(cell["off"]["recording"], 0, "nothing is recorded")
        check(0 < cell["on"]["recording"] < 1, f"{cell['on']}")
        for figure, change in cell["change"].items():
            check(-1 <= change["low"] <= change["mean"] <= change["high"], f"{figure}: {change}")
        check_in(f"{cell['inflight']} in flight, trace.every 4", done.text)
    check_plots(result)


def test_heartbeats_share_datagrams():
    with Directory() as output:
        done = ww("experiment", "heartbeats", *SHORT, "--repeats", "2", "--sizes", "1,16",
                  "--windows", "0us,1ms", "--groups", "256", "-o", output)
        check_equal(done.returncode, 0, done.errors)
        result = json.loads((output / "heartbeats.json").read_text())
    cells = result["cells"]
    check_plots(result)
    check_equal([(cell["transport"], cell["size"], cell["window_ns"]) for cell in cells],
                [(transport, size, window) for transport in ("memif", "udp")
                 for size, window in ((1, 0), (16, 0), (16, 10**6))], "cells")
    for cell in cells:
        check_medians(cell, ("groups_held", "leader_ns", "follower_ns", "p50", "p99"))
        check(0 < cell["p50"] <= cell["p99"] <= cell["p999"], f"{cell}")
        for run in cell["runs"]:
            held = run["groups_held"] * run["leader_ns"]
            check(abs(held - result["config"]["interval_ns"]) < 1e-3 * held, f"{run}")
            full = 1.05 if cell["size"] == 1 else cell["size"] * 1.05
            check(0.95 <= run["heartbeats_per_datagram"] <= full, f"{run}")
    for word in ("memif", "udp", "groups held", "16"):
        check_in(word, done.text)


def test_vote_queue_compares_three_queues():
    with Directory() as data, Directory() as output:
        done = ww("experiment", "vote-queue", *SHORT, "--repeats", "2", "--slots", "15", "--data",
                  data, "-o", output)
        check_equal(done.returncode, 0, done.errors)
        check_equal(os.listdir(data), [], "left behind")
        result = json.loads((output / "vote-queue.json").read_text())
    cells = result["cells"]
    check_plots(result)
    check_equal([cell["queue"] for cell in cells], ["blocking", "bounded", "votes-first"], "cells")
    for cell in cells:
        check_medians(cell, ("p50", "p90", "max", "votes", "appends_per_s"))
        check(0 < cell["p50"] <= cell["p90"] <= cell["max"], f"{cell}")
        check(cell["votes"] > 0, f"{cell}")
        blocks = cell["queue"] == "blocking"
        check_equal((cell["refused_per_s"] == 0, cell["network_still"] > 0), (blocks, blocks),
                    f"{cell}")
    for word in ("votes-first", "stands still", "refused"):
        check_in(word, done.text)


def test_interrupted_it_leaves_nothing():
    with Directory() as data:
        on_disk = ["--data", data, "--wal.prepare", "16MiB", "--wal.segment", "16MiB"]
        for name, words, more in (("fsync", "in flight", ["--duration", "60s", *on_disk]),
                                  ("log-readers", "run 1 of", ["--duration", "60s"]),
                                  ("heartbeats", "run 1 of", ["--duration", "60s"]),
                                  ("vote-queue", "run 1 of", ["--duration", "60s", "--data", data]),
                                  ("election", "one way", ["--elections", "1000000"])):
            with subprocess.Popen([WW, "experiment", name, "--progress", "always", *more],
                                  stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=environment(), start_new_session=True) as process:
                check(any(words in line for line in process.stderr), f"{name} ended early")
                os.killpg(process.pid, signal.SIGINT)
                out, errors = process.communicate(timeout=60)
                check_equal((process.returncode, out), (1, ""), errors)
                check_in("interrupted", errors)
            wait_until(lambda: not processes_of(data), 10, "no process is left")
            check_equal(os.listdir(data), [], "left behind")


def test_bad_flags():
    for arguments, says in (
            (["fsnyc"], ["'fsnyc'", "'experiment fsync'"]),
            (["fsync", "--modes", "dsync,memory"], ["--modes", "'memory'", "buffered"]),
            (["fsync", "--windows", "2s"], ["--windows", "'2s'", "200us"]),
            (["fsync", "--inflight", "1,,2"], ["--inflight", "''"]),
            (["fsync", "--inflight", "1,2,3,4,5,6,7,8,9"], ["--inflight", "more than 8"]),
            (["fsync", "--replicas", "2"], ["1, 3, 5 or 7"]),
            (["fsync", "--data", "/nonexistent"], ["--data /nonexistent"]),
            (["fsync", "-o", "/nonexistent/deep"], ["--output /nonexistent/deep"]),
            (["log-readers", "--repeats", "0"], ["--repeats"]),
            (["log-readers", "--rate", "0"], ["--rate"]),
            (["election", "--nodes", "2"], ["--nodes", "'2'", "3 .. 7"]),
            (["election", "--designs", "lucky"], ["--designs", "'lucky'", "backoff"]),
            (["election", "--delays", "2s", "--elections", "1"], ["longer timeouts"]),
            (["backtracking", "--terms", "0"], ["--terms", "'0'"]),
            (["heartbeats", "--sizes", "33"], ["--sizes", "'33'", "1 .. 32"]),
            (["heartbeats", "--transports", "pigeons"], ["--transports", "'pigeons'", "memif"]),
            (["vote-queue", "--slots", "500"], ["--slots 500", "power of two"]),
            (["vote-queue", "--data", "/nonexistent"], ["--data /nonexistent"]),
            (["log-readers", "--modes", "dsync"], ["unknown flag '--modes'"])):
        ww_fails(2, "experiment", *arguments, says=["ww experiment", *says])


run_tests(globals())
