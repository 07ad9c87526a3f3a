#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load of `ww bench`: faults that are injected while it runs, and what they cost."""
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from harness import Directory, check, check_equal, check_in, run_tests, ww, ww_fails  # noqa

ELECTION_MAX_NS = 200_000_000
FAST = ["--raft.heartbeat", "20ms", "--raft.election_min", "100ms", "--raft.election_max", "200ms"]


def bench(*arguments, durable=True):
    """A run that must succeed, verify everything and leave nothing; returns result.json."""
    with Directory() as data, Directory() as output:
        done = ww("bench", "--data", data, "-o", output, "--warmup", "300ms", *FAST,
                  *([] if durable else ["--durability", "memory"]), *arguments, timeout=300)
        check_equal(done.returncode, 0, f"ww bench {arguments}: {done.errors}\n{done.text}")
        check_equal(os.listdir(data), [], "left behind")
        result = json.loads((output / "result.json").read_text())
    verified = result["verified"]
    check(verified["replicas_identical"], "replicas differ")
    check_equal(verified["acknowledged"], result["load"]["proposed"], "everything got its answer")
    if durable:
        check_equal(verified["lost"], 0, "lost")
    return result, done.text


def check_row(row, action, at_s, replicas=3):
    check_equal(row["action"], action, "action")
    check(at_s <= row["at_s"] < at_s + 1, f"at: {row}")
    check(1 <= row["node"] <= replicas, f"node: {row}")
    check(row["outage_ns"] > 0, f"outage: {row}")
    over = row["outage_ns"] / ELECTION_MAX_NS
    check(abs(row["outage_over_election_timeout"] - over) < 1e-6 * over, f"ratio: {row}")


def test_a_killed_leader_comes_back_and_everything_is_there():
    result, text = bench("--duration", "2500ms", "--inflight", "32",
                         "--inject", "leader-kill@500ms:1s")
    row, = result["injections"]
    check_row(row, "leader-kill", 0.5)
    check(row["down_ns"] >= 1_000_000_000, f"{row}")
    check(row["outage_ns"] >= 0.3 * ELECTION_MAX_NS, f"an election takes its time: {row}")
    check(result["load"]["redirects"] > 0, "the client found another leader")
    check(result["load"]["resent"] > 0, "... and proposed again what had no answer")
    check_equal(result["config"]["inject"], "leader-kill@500ms:1s", "as it was given")
    check_equal(result["config"]["rounds"], 1, "the measured phase is one piece")
    check_equal(result["config"]["election_timeout_ns"], ELECTION_MAX_NS, "election timeout")
    missing = result["cpu"]["busy_fraction"]
    check_equal(missing[row["node"] - 1], None, "the killed node's counters are not complete")
    check_equal(sum(share is None for share in missing), 1, f"{missing}")
    for part in ("Faults", "leader-kill", "raft.election_max, 200ms"):
        check_in(part, text)


def test_killed_nodes_that_stay_down_are_there_at_the_end():
    # Two of three: nothing commits any more until the measured phase ends.
    result, _ = bench("--duration", "2s", "--clients", "2", "--inflight", "8", "--groups", "2",
                      "--inject", "follower-kill@500ms", "--inject", "leader-kill@1s")
    first, second = result["injections"]
    check_row(first, "follower-kill", 0.5)
    check_row(second, "leader-kill", 1)
    check(first["node"] != second["node"], "another node")
    check(second["outage_ns"] > 900_000_000, f"no quorum until the end: {second}")
    check_equal(sum(size is None for size in result["memory"]["node_resident_bytes"]), 2,
                "nodes that did not run at the end")


def test_pauses_and_a_transfer_under_an_open_loop():
    result, text = bench("--duration", "3s", "--rate", "500", "--arrivals", "poisson", "--inject",
                         "follower-pause@200ms:300ms,leader-transfer@1s,leader-pause@1500ms:800ms",
                         durable=False)
    rows = result["injections"]
    for row, action, at_s in zip(rows, ("follower-pause", "leader-transfer", "leader-pause"),
                                 (0.2, 1, 1.5)):
        check_row(row, action, at_s)
    check(rows[0]["pause_ns"] >= 300_000_000, f"{rows[0]}")
    check(rows[1]["transfer_ns"] > 0, f"{rows[1]}")
    check(rows[2]["pause_ns"] >= 800_000_000, f"{rows[2]}")
    check(rows[2]["outage_ns"] >= 0.3 * ELECTION_MAX_NS, f"an election: {rows[2]}")
    check(result["commit"]["latency"]["max"] >= rows[2]["outage_ns"] * 0.9,
          "what was due when the outage began waited for its end")
    check(None not in result["cpu"]["busy_fraction"], "all nodes ran through")
    check(0 <= result["load"]["behind_fraction"] <= 1, f"{result['load']}")
    check_in("the generator itself", text)


def test_bad_faults():
    for fault, says in (("leader-kil@1s", ["leader-kil", "there are leader-kill"]),
                        ("leader-kill", ["leader-kill", "ACTION@TIME"]),
                        ("leader-kill@now", ["'now'"]),
                        ("leader-pause@1s", ["leader-pause@1s", "needs its length"]),
                        ("leader-kill@1s,follower-pause@4s:2s",
                         ["follower-pause@4s:2s", "5s", "--duration"]),
                        ("leader-kill@5s", ["leader-kill@5s", "5s", "--duration"])):
        ww_fails(2, "bench", "--inject", fault, says=["ww bench", "--inject", *says])
    ww_fails(2, "bench", "--inject", "follower-kill@1s", "--replicas", "1", says=["--replicas 1"])
    ww_fails(2, "bench", "--inject", "leader-kill@1s", "--rounds", "2",
             says=["--rounds 2", "--inject"])


run_tests(globals())
