#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sampled entries: what nodes tell of their way, and what `ww bench` makes of it."""
import json
import sys
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cluster import Cluster  # noqa
from harness import Directory, check, check_equal, check_in, run_tests, ww, ww_fails  # noqa

CLIENT = ["client_wait", "client_to_leader"]
OWN = ["leader_batching", "wal_queue", "wal_write", "wal_report"]
FOLLOWER = ["leader_send", "replicate", "follower_batching", "follower_queue", "follower_write",
            "follower_report", "ack"]
END = ["commit_to_apply", "apply_queue", "apply", "answer", "leader_to_client"]


def take(cluster, node):
    """The records of a node as {(group, index): {(point, peer): ns}}."""
    with urllib.request.urlopen(f"http://{cluster.endpoint(node)}/v1/trace", timeout=10) as answer:
        told = json.load(answer)
    check_equal(told["node"], node, "node")
    entries = {}
    for group, index, point, peer, ns in told["records"]:
        entries.setdefault((group, index), {})[told["points"][point], peer] = ns
    return entries


def test_a_sampled_entry_is_told_by_every_node_once():
    with Directory() as directory, Cluster(directory, yaml="trace: {every: 4}\n") as cluster:
        leader = cluster.leader()
        for node in cluster.nodes:
            take(cluster, node)
        cluster.append(leader, b"".join(b"entry %d\n" % i for i in range(40)))
        cluster.wait_equal()
        told = {node: take(cluster, node) for node in cluster.nodes}
        last = max(index for (_, index), way in told[leader].items() if ("answered", 0) in way)
        for node, entries in told.items():
            check(all(index % 4 == 0 for _, index in entries), f"{sorted(entries)}")
            ways = [(point, peer) for point, peer in entries[0, last]]
            wanted = {"appended", "closed", "submitted", "written", "durable", "committed", "fed",
                      "taken", "applied"}
            wanted |= {"answered", "sent", "acked"} if node == leader else {"ack_sent"}
            check_equal({point for point, _ in ways}, wanted, f"node {node}")
            others = {other for other in cluster.nodes if other != node}
            check_equal({peer for point, peer in ways if point in ("sent", "acked")},
                        others if node == leader else set(), "peers")
            times = entries[0, last]
            order = [times[point, 0] for point in ("appended", "closed", "submitted", "written",
                                                   "durable")]
            check_equal(order, sorted(order), f"node {node}: the log's points in order")
            check(times["written", 0] > times["submitted", 0], "a write takes time")
            if node != leader:
                check(times["ack_sent", 0] >= times["durable", 0], "acknowledged when durable")
                check(times["appended", 0] >= told[leader][0, last]["sent", node], "sent before")
        check_equal(take(cluster, leader).get((0, last)), None, "told once")


def test_tracing_begins_and_ends_while_a_node_runs():
    with Directory() as directory, Cluster(directory) as cluster:
        leader = cluster.leader()
        cluster.append(leader, b"one\ntwo\n")
        check_equal(take(cluster, leader), {}, "nothing is traced by default")
        check_equal(cluster.status(leader)["trace"]["every"], 0, "the default")
        for every, wanted in ((1, True), (0, False)):
            done = ww("config", "set", "--endpoint", cluster.endpoint(leader), "trace.every", every)
            check_equal(done.returncode, 0, done.errors)
            check_equal(cluster.status(leader)["trace"]["every"], every, "in force")
            take(cluster, leader)
            cluster.append(leader, b"three\n")
            cluster.wait_equal()
            told = take(cluster, leader)
            check_equal((0, cluster.group(leader)["commit"]) in told, wanted, f"{told}")
        ww_fails(2, "config", "set", "--endpoint", cluster.endpoint(leader), "trace.every", "3",
                 says=["trace.every (3) must be a power of two"])


def bench(directory, *arguments):
    with Directory() as output:
        done = ww("bench", "--data", directory, "-o", output, "--duration", "600ms", "--warmup",
                  "200ms", *arguments, timeout=300)
        check_equal(done.returncode, 0, f"ww bench {arguments}: {done.errors}\n{done.text}")
        done.result = json.loads((output / "result.json").read_text())
    return done


def check_stages(result, wanted):
    stages, path = result["stages"], result["critical_path"]
    check_equal(list(stages), wanted, "stages in the order of the way")
    check(path["samples"] > 0, f"{path}")
    check(path["incomplete"] <= path["samples"], f"most ways are known: {path}")
    check_equal(path["dropped_records"], 0, f"{path}")
    shares = sum(stage["share"] for stage in stages.values())
    check(abs(shares - 1) < 1e-4, f"shares: {shares}")
    for name, stage in stages.items():
        check(stage["p50"] <= stage["p99"] <= stage["p999"], f"{name}: {stage}")
        check(0 <= stage["on_path"] <= 1, f"{name}: {stage}")
        check(name not in CLIENT + END or stage["on_path"] == 1, f"{name} is on every path")
    largest = max(stages, key=lambda name: stages[name]["share"])
    check(abs(stages[largest]["share"] - path["limit_share"]) < 1e-5, f"{path}")
    check_equal(path["limit"], largest, "what limits")
    check_equal(sum(path["replica_paths"].values()), path["samples"], "a replica completed each")
    check(0 < path["recording_share_of_work"] < 1, f"{path}")
    check(path["mean_ns"] <= result["commit"]["latency"]["max"], f"{path}")
    writes = sum(count for _, count in result["batches"]["entries_per_write"])
    # One is counted when a write begins, the other when it is done.
    check(0 < writes <= 1.05 * result["wal"]["writes"] + 20,
          f"{result['batches']}, {result['wal']}")


def test_bench_takes_the_latency_apart():
    with Directory() as directory:
        done = bench(directory, "--trace.every", "8")
        check_stages(done.result, CLIENT + OWN + FOLLOWER + END)
        check_equal(done.result["config"]["trace_every"], 8, "as it was asked")
        check_in("Where the time goes", done.text)
        check_in(f"{done.result['critical_path']['limit']} limits: ", done.text)
        check(done.result["critical_path"]["samples"] >= 0.9 * done.result["commit"]["count"] / 8,
              "every eighth entry is sampled")


def test_bench_with_several_load_processes_groups_and_threads():
    with Directory() as directory:
        done = bench(directory, "--clients", "2", "--rounds", "2", "--groups", "3", "--inflight",
                     "64", "--threads", "3", "--trace.every", "256")
        check_stages(done.result, CLIENT + OWN + FOLLOWER + END)


def test_one_replica_has_no_followers_and_memory_no_disk():
    with Directory() as directory:
        done = bench(directory, "--replicas", "1", "--durability", "memory", "--rate", "2000")
        check_stages(done.result, CLIENT + OWN + END)
        check_equal(set(done.result["critical_path"]["replica_paths"]), {"leader"}, "alone")


def test_only_powers_of_two_can_be_asked_for():
    ww_fails(2, "bench", "--trace.every", "12", says=["trace.every (12) must be a power of two"])


run_tests(globals())
