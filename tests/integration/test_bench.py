#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`ww bench`: its report, result files and verification, and what it leaves behind: nothing."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import wait_until  # noqa
from harness import (ROOT, WW, Directory, check, check_equal, check_in, environment,  # noqa
                     processes_of, run_tests, skip, ww, ww_fails)

SHORT = ["--duration", "1s", "--warmup", "300ms"]
FIX_SESSION = ROOT / "tests" / "data" / "fix44-session.txt"
SEGMENT_HEADER = 4096


def check_nothing_left(directory):
    wait_until(lambda: not processes_of(directory), 10, "no process is left")
    check_equal(os.listdir(directory), [], "left behind")


def bench(directory, *arguments, **more):
    """A run that must succeed and leave nothing in its data directory; returns result.json."""
    with Directory() as output:
        done = ww("bench", "--data", directory, "-o", output, *SHORT, *arguments, timeout=300,
                  **more)
        check_equal(done.returncode, 0, f"ww bench {arguments}: {done.errors}\n{done.text}")
        check_nothing_left(directory)
        done.result = json.loads((output / "result.json").read_text())
        done.intervals = [json.loads(line)
                          for line in (output / "intervals.jsonl").read_text().splitlines()]
        done.hgrm = (output / "commit.hgrm").read_text()
        check_consistent(done)
    return done


def near(actual, wanted, what, tolerance=1e-4):
    check(abs(actual - wanted) <= tolerance * max(abs(actual), abs(wanted)),
          f"{what}: {actual} instead of {wanted}")


def hgrm_value(text, quantile):
    """The value of the first line of the percentile table that covers the quantile."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 3 and fields[0][0].isdigit() and float(fields[1]) >= quantile:
            return float(fields[0])
    raise AssertionError(f"no line for {quantile} in {text}")


def check_limits(result):
    """Rounds of the limits lie around and between those of the load; most is measured in all."""
    limits, rounds = result["limits"], result["limits"]["rounds"]
    check_equal([each["between"] for each in rounds],
                [False] + [True] * (result["config"]["rounds"] - 1) + [False], "between")
    check(all(each["counts"] for each in rounds), "the nodes were stopped")
    check(all(each["cycles_per_ns"] > 0.1 for each in rounds), "clock")
    ends = [rounds[0], rounds[-1]]
    names = ["net_rtt", "memcpy_bytes_per_s"]
    if result["config"]["durability"] != "memory":
        names += ["wal_write", "wal_bytes_per_s"]
    check(all(name in each for each in ends for name in names), f"{ends}")
    for name in names:
        values = [each[name] for each in rounds if name in each]
        if name.endswith("per_s"):
            near(limits[name], sum(values) / len(values), name)
        else:
            p50s = [value["p50"] for value in values]
            check(min(p50s) <= limits[name]["p50"] <= max(p50s), f"{name}: {p50s} {limits[name]}")


def check_honest(done):
    """What stands behind the figures is in every file."""
    result, conditions = done.result, done.result["conditions"]
    check_in(result["config"]["durability"], conditions)
    check_in(f"#[Conditions = {conditions}]", done.hgrm)
    check(all(line["conditions"] == conditions for line in done.intervals), "intervals")
    for line in done.intervals:
        check_equal(line.get("offered_per_s"), result["config"].get("rate"), "offered")
    seen = {each["process"] for each in result["placement"]}
    check(seen <= {"bench"} | {f"node {i}" for i in range(1, 8)} | {f"load {i}" for i in range(16)},
          f"{seen}")
    check(all(each["cores"] and each["allowed"] for each in result["placement"]), "placement")
    check(result["cpu"]["others_cores"] >= 0 and 0 <= result["cpu"]["steal_fraction"] <= 1, "cpu")
    codes = [warning["code"] for warning in result["warnings"]]
    check_equal(len(codes), len(set(codes)), "each warning once")
    check_equal("few_cores" in codes, result["config"]["pollers"] > result["environment"]["cores"],
                "few cores")
    check_equal("few_samples" in codes, result["commit"]["count"] < 100000, "few samples")
    check(all(len(warning["text"]) > 40 for warning in result["warnings"]), "what to do")


def check_consistent(done):
    """Counts add up, percentiles rise and agree between the files, ratios are what they say."""
    result, config, commit = done.result, done.result["config"], done.result["commit"]
    check_equal(result["schema"], "whitewater.bench/1", "schema")
    latency, limits, ratios = commit["latency"], result["limits"], result["ratios"]
    for each in (latency, limits["net_rtt"], limits.get("wal_write", latency)):
        order = [each[name] for name in ("min", "p50", "p90", "p99", "p999", "p9999", "max")]
        check_equal(order, sorted(order), "percentiles")
    for name, quantile in (("p50", 0.5), ("p90", 0.9), ("p999", 0.999)):
        check(hgrm_value(done.hgrm, quantile) >= latency[name], f"hgrm {name}: {done.hgrm}")
    check_in(f"Total count    = {commit['count']:12d}]", done.hgrm)
    near(hgrm_value(done.hgrm, 1.0), latency["max"], "largest latency", 0.001)
    near(commit["bytes"] / commit["count"], config["entry_bytes"], "bytes per entry", 0.05)
    near(commit["per_s"] * commit["elapsed_s"], commit["count"], "rate", 0.001)
    measured = [line for line in done.intervals if line["phase"] == "measure"]
    check_equal(sum(line["entries"] for line in measured), commit["count"], "intervals")
    check_equal({line["round"] for line in measured}, set(range(1, config["rounds"] + 1)),
                "every slice has intervals")
    times = [line["at_s"] for line in done.intervals]
    check_equal(times, sorted(times), "in the order of time")
    check_limits(result)
    check_honest(done)
    check(any(line.get("entries_per_write", 0) > 0 for line in measured), "entries per write")
    check(all(0 <= line.get("steal_fraction", 0) <= 1 for line in measured), "steal_fraction")
    load, verified = result["load"], result["verified"]
    check_equal(load["acknowledged"], load["proposed"], "acknowledged")
    check_equal(verified["acknowledged"], load["acknowledged"], "verified")
    check(verified["entries"] >= verified["acknowledged"] >= commit["count"], f"{verified}")
    check(verified["replicas_identical"], "replicas differ")
    check(all(0 < share <= 1 for share in result["cpu"]["busy_fraction"]), "busy_fraction")
    check_equal(len(result["cpu"]["busy_fraction"]), config["replicas"], "busy_fraction")
    check(all(size > 1 << 20 for size in result["memory"]["node_resident_bytes"]), "memory")
    if config["durability"] == "memory":
        near(ratios["commit_p50_over_two_net_rtt_p50"],
             latency["p50"] / 2 / limits["net_rtt"]["p50"], "ratio to the round trip")
        return
    near(ratios["commit_p50_over_wal_write_p50"], latency["p50"] / limits["wal_write"]["p50"],
         "p50 ratio")
    near(ratios["commit_p99_over_wal_write_p99"], latency["p99"] / limits["wal_write"]["p99"],
         "p99 ratio")
    near(ratios["bandwidth_over_limit"],
         config["replicas"] * commit["bytes_per_s"] / limits["wal_bytes_per_s"], "bandwidth ratio")
    wal = result["wal"]
    near(wal["bytes_per_write_avg"], wal["bytes"] / wal["writes"], "bytes per write")
    check(ratios["wal_bytes_over_payload"] > 1, "the log holds the payload")
    check_equal(verified["read_back"], True, "read back")
    check_equal(verified["lost"], 0, "lost")


def test_durable_run_with_eight_groups():
    with Directory() as data:
        done = bench(data, "--groups", "8", "--inflight", "64", "--progress", "always")
        result = done.result
        check_equal(result["config"]["groups"], 8, "groups")
        check_equal(result["config"]["durability"], "dsync", "the default")
        check_equal(result["config"]["loop"], "closed", "loop")
        check(result["environment"]["filesystem"] not in ("", "tmpfs"), "file system")
        for part in ("Latency", "commit", "durable write", "Ratios", "Verified", "0 lost",
                     "p50 by round"):
            check_in(part, done.text)
        for part in ("measuring the limits", "limits between two rounds", "starting the nodes",
                     "commits/s", "in flight"):
            check_in(part, done.errors)


def test_commits_at_a_new_segment_are_set_apart():
    with Directory() as data:
        done = bench(data, "--inflight", "256", "--size", "1KiB", "--wal.segment", "1MiB",
                     "--memory.log_buffer", "1MiB", "--wal.prepare", "32MiB")
        result, rotation = done.result, done.result["rotation"]
        check(rotation["count"] > 0, "segments were entered")
        check_equal(rotation["crossing_commits"] + rotation["other_commits"],
                    result["commit"]["count"], "every commit is on one side")
        if rotation["other_commits"] > 0:
            near(result["ratios"]["rotation_p999_over_others_p999"],
                 rotation["crossing"]["p999"] / rotation["others"]["p999"], "ratio")
        check_in("at a new segment", done.text)


def test_memory_run_prints_json():
    with Directory() as data:
        done = bench(data, "--durability", "memory", "--groups", "8", "--inflight", "32",
                     "--trace.every", "0", "--format", "json")
        check_equal(json.loads(done.text), done.result, "stdout and result.json")
        check_equal(done.errors, "", "stderr")
        result = done.result
        check_equal(result["verified"]["read_back"], False, "read back")
        for part, name in (("verified", "lost"), ("limits", "wal_write"),
                           ("limits", "wal_bytes_per_s"), ("ratios", "bandwidth_over_limit"),
                           ("ratios", "commit_p50_over_wal_write_p50")):
            check(name not in result[part], f"{part}.{name} was not measured")
        for absent in ("stages", "critical_path"):
            check(absent not in result, f"{absent} was not measured")
        check("trace_every" not in result["config"], "trace_every")
        check("Where the time goes" not in done.text, done.text)


def test_open_loop_keeps_its_rate_or_says_so():
    with Directory() as data:
        slow = bench(data, "--rate", "200")
        check_equal(slow.result["config"]["loop"], "open", "loop")
        check_equal(slow.result["config"]["rate"], 200, "rate")
        check("inflight" not in slow.result["config"], "inflight belongs to the closed loop")
        fast = bench(data, "--rate", "500M", "--durability", "memory")
        check(fast.result["config"]["achieved_rate"] < 500e6, "nobody is that fast")
        check_in("NOT REACHED", fast.text)


def test_several_load_processes():
    with Directory() as data:
        closed = bench(data, "--clients", "5", "--inflight", "13", "--rounds", "2",
                       "--groups", "2").result
        check_equal(closed["config"]["clients"], 5, "clients, more than net.clients has by default")
        check_equal(closed["config"]["rounds"], 2, "rounds")
        opened = bench(data, "--clients", "2", "--rate", "300", "--arrivals", "poisson",
                       "--durability", "memory").result
        check_equal(opened["config"]["arrivals"], "poisson", "arrivals")


def test_limits_beside_nodes_that_cannot_be_stopped_do_not_count():
    with Directory() as data, Directory() as output:
        done = ww("bench", "--data", data, "-o", output, *SHORT, "--raft.election_min", "80ms",
                  "--raft.heartbeat", "30ms", "--raft.retry", "20ms", timeout=300)
        check_equal(done.returncode, 0, done.errors)
        rounds = json.loads((output / "result.json").read_text())["limits"]["rounds"]
        check_equal([each["counts"] for each in rounds], [True, False, False, True], "counts")


def test_what_goes_on_beside_is_warned_of():
    with Directory() as data, Directory() as output:
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
            try:
                done = ww("bench", "--data", data, "-o", output, *SHORT, "--rate", "500M",
                          "--durability", "memory", timeout=300)
            finally:
                neighbour.kill()
        result = json.loads((output / "result.json").read_text())
        check_equal(done.returncode, 0, done.errors)
        codes = [warning["code"] for warning in result["warnings"]]
        check("other_processes" in codes and "rate_missed" in codes, f"{codes}")
        check(result["cpu"]["others_cores"] > 0.05, f"{result['cpu']}")
        check_in("other_processes", done.text)


def test_lines_of_a_file_over_udp_with_one_replica():
    with Directory() as data:
        result = bench(data, "--payload", FIX_SESSION, "--transport", "udp", "--replicas", "1",
                       "--inflight", "16").result
        lines = FIX_SESSION.read_bytes().splitlines()
        near(result["config"]["entry_bytes"], sum(map(len, lines)) / len(lines), "mean size")
        check_equal(result["config"]["payload"], str(FIX_SESSION), "payload")
        check_equal(result["config"]["transport"], "udp", "transport")


def kept_run(data):
    done = ww("bench", "--data", data, *SHORT, "--inflight", "16", "--keep", timeout=300)
    check_equal(done.returncode, 0, done.errors)
    kept = next(Path(data).glob("ww-bench-*"))
    check_in(f"kept {kept}", done.errors)
    return kept


def test_a_changed_byte_in_a_log_is_found():
    with Directory() as data:
        kept = kept_run(data)
        again = ww("probe", "--verify", kept)
        check_equal(again.returncode, 0, again.errors)
        check_in("lost 0", again.text)
        segment = sorted((kept / "node2" / "wal").glob("*.seg"))[0]
        content = bytearray(segment.read_bytes())
        place = SEGMENT_HEADER + 8 * 4096 + 100
        content[place] ^= 1
        segment.write_bytes(content)
        found = ww("probe", "--verify", kept)
        check_equal(found.returncode, 1, found.text)
        for part in ("verification failed", "node 2", segment.name):
            check_in(part, found.errors)
        check_in("replicas_identical false", found.text)
        content[place] ^= 1
        segment.write_bytes(content)
        check_equal(ww("probe", "--verify", kept).returncode, 0, "the byte is back")


def test_an_acknowledgement_without_entry_is_found():
    with Directory() as data:
        kept = kept_run(data)
        acks = kept / "load.0.acks"
        content = bytearray(acks.read_bytes())
        content[8] += 1  # one more entry in the first run
        acks.write_bytes(content)
        found = ww("probe", "--verify", kept)
        check_equal(found.returncode, 1, found.text)
        check_in("lost 1\n", found.text)


def start(data, *arguments):
    return subprocess.Popen([WW, "bench", "--data", data, "--duration", "60s", "--progress",
                             "always", *arguments], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                            text=True, start_new_session=True)


def wait_for(process, words):
    """Reads the progress until it says one of `words`."""
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"ww bench ended before it said {words!r}")


def ends(process, exit_code, says):
    out, errors = process.communicate(timeout=60)
    check_equal(process.returncode, exit_code, f"{out}{errors}")
    check_equal(out, "", "no report")
    check_in(says, errors)


def test_interrupted_at_any_moment_leaves_nothing():
    moments = [("measuring the limits", signal.SIGINT), ("starting the nodes", signal.SIGTERM),
               ("connecting the load generator", signal.SIGINT), ("measure ", signal.SIGINT),
               ("measure ", signal.SIGTERM)]
    with Directory() as data, Directory() as other:
        for words, number in moments:
            with start(data) as process:
                wait_for(process, words)
                # As the terminal does: the whole group gets it.
                os.killpg(process.pid, number)
                ends(process, 1, "interrupted")
            check_nothing_left(data)
        with start(data, "-o", other) as process:
            wait_for(process, "measure ")
            process.send_signal(signal.SIGINT)
            ends(process, 1, "interrupted")
        check_nothing_left(data)
        check_equal(os.listdir(other), [], "no result of half a run")


def test_a_child_that_dies_ends_the_run():
    with Directory() as data:
        for verb, says in ((" node ", "was ended by signal 9"),
                           (" load ", "the load generator ended with signal 9")):
            with start(data) as process:
                wait_for(process, "measure ")
                victim = next(pid for pid, line in processes_of(data).items() if verb in line)
                os.kill(victim, signal.SIGKILL)
                ends(process, 1, says)
            check_nothing_left(data)


def test_children_do_not_outlive_a_killed_bench():
    with Directory() as data:
        with start(data) as process:
            wait_for(process, "measure ")
            check(len(processes_of(data)) >= 4, "three nodes and a load generator")
            process.kill()
        wait_until(lambda: not processes_of(data), 10, "no process is left")


def test_bad_flags():
    for arguments, says in (
            (["--size", "0"], ["--size", "'0'"]),
            (["--size", "1MiB"], ["--size"]),
            (["--size", "2KiB", "--mtu", "1500"], ["--size 2KiB", "net.mtu 1500"]),
            (["--replicas", "2"], ["1, 3, 5 or 7"]),
            (["--groups", "0"], ["--groups", "'0'"]),
            (["--inflight", "0"], ["--inflight"]),
            (["--inflight", "many"], ["--inflight", "'many'"]),
            (["--rate", "0"], ["--rate"]),
            (["--clients", "17", "--inflight", "64"], ["--clients", "'17'"]),
            (["--clients", "4"], ["--clients 4", "--inflight 1", "at least 4"]),
            (["--clients", "4", "--rate", "3"], ["--clients 4", "--rate 3", "at least 4"]),
            (["--clients", "3", "--inflight", "3", "--net.clients", "2"],
             ["--clients 3", "net.clients"]),
            (["--rounds", "11", "--duration", "1s"], ["--rounds 11", "100ms"]),
            (["--arrivals", "poisson"], ["--arrivals", "--rate"]),
            (["--arrivals", "never", "--rate", "10"], ["'never'", "poisson"]),
            (["--duration", "5"], ["--duration", "'5'"]),
            (["--durability", "maybe"], ["'maybe'", "dsync"]),
            (["--transport", "tcp"], ["'tcp'", "memif"]),
            (["--payload", "itch", "--size", "64B"], ["--size", "itch"]),
            (["--size", "uniform:1KiB-64B"], ["--size uniform:1KiB-64B", "before it begins"]),
            (["--payload", "/nonexistent/file"], ["/nonexistent/file"]),
            (["--data", "/nonexistent/directory"], ["/nonexistent/directory"]),
            (["-o", "/nonexistent/directory/results"], ["/nonexistent/directory/results"]),
            (["--durabilty", "dsync"], ["'--durabilty'", "'--durability'"])):
        ww_fails(2, "bench", *arguments, says=["ww bench", *says])
    ww_fails(2, "probe", says=["--verify"])
    ww_fails(2, "probe", "--verify", "/nonexistent", says=["/nonexistent/verify.json"])


def test_durable_runs_refuse_a_directory_in_memory():
    memory = Path("/dev/shm")
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    if not any(line.split()[1:3] == [str(memory), "tmpfs"] for line in mounts):
        skip("no tmpfs here")
    ww_fails(2, "bench", "--data", memory, says=["tmpfs", "--durability memory"])


run_tests(globals())
