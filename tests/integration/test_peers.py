#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ww experiment peers` and its drivers: counts that add up, and nothing that stays behind."""
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import free_ports, wait_until  # noqa
from harness import (BUILD, WW, Directory, check, check_equal, check_in, environment,  # noqa
                     processes_of, run_tests, skip, ww, ww_fails)

SHORT = ["--duration", "300ms", "--warmup", "50ms", "--wal.prepare", "16MiB", "--wal.segment",
         "16MiB"]
THERE = {"whitewater": True,
         "libraft": (BUILD / "ww-peer-raft").exists(),
         "etcd": (BUILD / "ww-peer-etcd").exists() and shutil.which("etcd") is not None}


def needs(system):
    if not THERE[system]:
        skip(f"{system} is not there")


def experiment(*flags, **variables):
    """Runs it in a fresh directory, in which nothing may stay."""
    with Directory() as data:
        done = ww("experiment", "peers", *SHORT, "--data", data, "--format", "json", *flags,
                  timeout=300, **variables)
        check_equal(os.listdir(data), [], "left behind")
        check_equal(processes_of(data), {}, "still running")
    check_equal(done.returncode, 0, done.errors)
    return json.loads(done.text)


def test_all_systems_that_are_there_in_one_report():
    with Directory() as output:
        result = experiment("--repeats", "2", "--sizes", "64", "--inflight", "1,16", "-o", output)
        check_equal(json.loads((output / "peers.json").read_text()), result, "file and stdout")
    check_equal(result["schema"], "whitewater.experiment/1", "schema")
    there = [system for system, is_there in THERE.items() if is_there]
    systems = {system["system"]: system for system in result["systems"]}
    check_equal(sorted(systems), sorted(THERE), "systems")
    for system, about in systems.items():
        if system not in there:
            check_in("missing" if system == "libraft" else "", about["left_out"])
            continue
        check(about["version"] and about["acknowledged"] > 0, f"{about}")
    check_equal([(c["inflight"], c["system"]) for c in result["cells"]],
                [(inflight, system) for inflight in (1, 16) for system in there], "cells")
    for cell in result["cells"]:
        check_equal(len(cell["runs"]), 2, "repeats")
        check(0 < cell["p50"] <= cell["p99"] <= cell["p999"], f"{cell}")
        check(cell["per_s"] > 0 and cell["nodes_cpu_us"] > 0, f"{cell}")
        check_equal("client_cpu_us" in cell, cell["system"] != "libraft", "a client of its own")
    check(0 < result["limits"]["p50"] <= result["limits"]["p99"], f"{result['limits']}")
    config = result["config"]
    check_equal((config["durability"], config["transport"], config["groups"]),
                ("dsync", "memif", 1), "how ours ran")
    check_ratios(result, there)
    for plot in result["plots"]:
        check_equal([series["name"] for series in plot["series"]], there, plot["title"])
        check(all(len(series["points"]) == 2 for series in plot["series"]), "points")


def check_ratios(result, there):
    """Each is of one repeat; the best peer is the one that leaves the smallest."""
    if len(there) < 2:
        check("ratios" not in result, "ratios")
        return
    rates = {(c["inflight"], c["system"]): [run["per_s"] for run in c["runs"]]
             for c in result["cells"]}
    for ratio in result["ratios"]:
        for number, run in enumerate(ratio["runs"]):
            ours = rates[ratio["inflight"], "whitewater"][number]
            over = {system: ours / rates[ratio["inflight"], system][number] for system in there[1:]}
            for system, value in over.items():
                check(abs(run[f"over_{system}"] / value - 1) < 1e-4, f"{ratio}")
            check(abs(run["over_best_peer"] / min(over.values()) - 1) < 1e-4, f"{ratio}")


def test_several_sizes_on_one_cluster_of_libraft():
    needs("libraft")
    result = experiment("--systems", "libraft", "--repeats", "1", "--sizes", "8B,4KiB",
                        "--inflight", "64")
    check_equal([c["entry_bytes"] for c in result["cells"]], [8, 4096], "sizes")
    check("ratios" not in result, "one system alone has no ratio")


def test_a_table_for_people():
    needs("libraft")
    with Directory() as data:
        done = ww("experiment", "peers", *SHORT, "--data", data, "--repeats", "1", "--sizes", "64",
                  "--inflight", "4", "--systems", "whitewater,libraft", timeout=120)
    check_equal(done.returncode, 0, done.errors)
    for words in ("64 B, 4 in flight", "whitewater", "libraft 0.", "times the best peer (goal 5)",
                  "limit", "dsync over memif", "acknowledged entries"):
        check_in(words, done.text)


def test_what_is_not_there_is_left_out_with_the_reason():
    result = experiment("--systems", "whitewater", "--repeats", "1", "--sizes", "64",
                        "--inflight", "1")
    check_equal([system["system"] for system in result["systems"]], ["whitewater"], "asked for")
    ww_fails(2, "experiment", "peers", "--systems", "etcd", PATH="/nonexistent",
             says=["--systems: etcd", "etcd-server"])


def test_bad_flags():
    for arguments, says in (
            (["--systems", "raft"], ["--systems", "'raft'", "libraft"]),
            (["--sizes", "4"], ["--sizes", "'4'"]),
            (["--inflight", "0"], ["--inflight", "'0'"]),
            (["--wal.durability", "memory"], ["memory", "disk"]),
            (["--systems", "whitewater", "--data", "/nonexistent"], ["--data /nonexistent"])):
        ww_fails(2, "experiment", "peers", *arguments, says=["ww experiment peers", *says])


def test_interrupted_it_leaves_nothing():
    for system in THERE:
        if not THERE[system]:
            continue
        with Directory() as data:
            with subprocess.Popen([WW, "experiment", "peers", "--systems", system, "--data", data,
                                   "--duration", "60s", "--wal.prepare", "16MiB",
                                   "--wal.segment", "16MiB", "--progress", "always"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env=environment(),
                                  start_new_session=True) as process:
                check(any("in flight" in line for line in process.stderr), f"{system} ended early")
                os.killpg(process.pid, signal.SIGINT)
                out, errors = process.communicate(timeout=60)
                check_equal((process.returncode, out), (1, ""), errors)
                check_in("interrupted", errors)
            wait_until(lambda data=data: not processes_of(data), 10, "no process is left")
            check_equal(os.listdir(data), [], "left behind")


def test_a_node_that_dies_is_named():
    needs("libraft")
    with Directory() as data:
        with subprocess.Popen([WW, "experiment", "peers", "--systems", "libraft", "--data", data,
                               "--duration", "60s", "--progress", "always"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, env=environment(),
                              start_new_session=True) as process:
            check(any("in flight" in line for line in process.stderr), "it ended early")
            os.kill(leader_of(data), signal.SIGKILL)
            _, errors = process.communicate(timeout=60)
        check_equal(process.returncode, 1, errors)
        check_in("libraft node 1 ended with signal 9", errors)
        check_equal((os.listdir(data), processes_of(data)), ([], {}), "left behind")


def leader_of(directory):
    """The process of node 1."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if words[0].endswith(b"/ww-peer-raft") and words[1] == b"1" and \
                words[2].startswith(bytes(directory) + b"/"):
            return int(path.parent.name)
    raise AssertionError("no leader")


def test_the_driver_of_libraft_refuses_what_it_does_not_know():
    needs("libraft")
    with Directory() as data:
        address = f"127.0.0.1:{free_ports(1)[0]}"
        for line, says in (("dance\n", "'dance'"), ("run 1 64\n", "no cell")):
            (data / line[:3]).mkdir()
            done = subprocess.run([BUILD / "ww-peer-raft", "1", data / line[:3], address],
                                  input=line, capture_output=True, text=True, timeout=60,
                                  check=False)
            check_equal(done.returncode, 1, done.stderr)
            check_in(says, done.stderr)
        done = subprocess.run([BUILD / "ww-peer-raft"], capture_output=True, text=True, check=False)
        check_equal(done.returncode, 2, done.stderr)


run_tests(globals())
