#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real input through the whole engine: what was appended comes back, the same from each node."""
import json

from cluster import Cluster
from harness import ROOT, Directory, check, check_equal, check_in, run_tests, ww

FIX = ROOT / "tests" / "data" / "fix44-session.txt"


def test_fix_messages_come_back_from_every_replica_also_after_a_restart():
    lines = FIX.read_bytes()
    check_equal(lines.count(b"\n"), 137, "messages in the file")
    with Directory() as directory, Cluster(directory) as cluster:
        done = ww("append", "--endpoint", cluster.endpoint(1), "--file", FIX)
        check_equal(done.returncode, 0, done.errors)
        check_in("appended 137 entries", done.errors)
        cluster.wait_equal()
        for node in cluster.nodes:
            check(cluster.tail(node) == lines, f"node {node} gives other bytes")
        for node in cluster.nodes:
            cluster.stop(node)
        for node in cluster.nodes:
            cluster.start(node)
        cluster.leader()
        cluster.wait_equal()
        for node in cluster.nodes:
            check(cluster.tail(node) == lines, f"node {node} gives other bytes after the restart")


def test_empty_and_largest_entries_and_binary_frames():
    with Directory() as directory, Cluster(directory) as cluster:
        limit = cluster.status(1)["entry_max"]
        entries = [b"", b"\x00\n\xff", bytes(range(256)) * (limit // 256), b"z" * limit, b""]
        frames = b"".join(len(entry).to_bytes(4, "little") + entry for entry in entries)
        cluster.append(2, frames, "--framing", "len32")
        cluster.wait_equal()
        for node in cluster.nodes:
            check(cluster.tail(node, "--framing", "len32") == frames, f"node {node}")
        done = ww("append", "--endpoint", cluster.endpoint(1), stdin=b"y" * (limit + 1))
        check_equal(done.returncode, 1, "an entry above the limit")
        check_in(str(limit), done.errors)


def test_groups_are_logs_of_their_own():
    with Directory() as directory, Cluster(directory, yaml="raft: {groups: 8}") as cluster:
        for group in range(8):
            cluster.leader(group=group)
            cluster.append(1, f"of group {group}\n".encode() * (group + 1), "--group", group)
        for group in range(8):
            cluster.wait_equal(group)
            for node in cluster.nodes:
                check_equal(cluster.tail(node, "--group", group),
                            f"of group {group}\n".encode() * (group + 1), f"group {group}")


def test_tail_begins_where_it_is_told_and_status_shows_all():
    with Directory() as directory, Cluster(directory) as cluster:
        done = cluster.append(1, b"one\ntwo\nthree\n", "--format", "json")
        report = json.loads(done.text)
        first = report["first_index"]
        cluster.wait_equal()
        check_equal(cluster.tail(3, "--from", first + 1), b"two\nthree\n", "tail --from")
        status = ww("status", "--endpoint", cluster.endpoint(2))
        check_equal(status.returncode, 0, status.errors)
        for word in ("leader", "follower"):
            check_in(word, status.text)


def test_one_node_and_five_nodes():
    for count in (1, 5):
        with Directory() as directory, Cluster(directory, nodes=count) as cluster:
            cluster.append(1, b"a\nb\n")
            cluster.wait_equal()
            for node in cluster.nodes:
                check_equal(cluster.tail(node), b"a\nb\n", f"{count} nodes, node {node}")


def test_a_thread_for_each_stage_and_each_durability():
    for durability in ("dsync", "fdatasync", "buffered", "memory"):
        yaml = f"wal: {{durability: {durability}}}\nstages: {{threads: 3, idle: yield}}"
        with Directory() as directory, Cluster(directory, yaml=yaml) as cluster:
            cluster.append(1, FIX.read_bytes())
            cluster.wait_equal()
            check(cluster.tail(2) == FIX.read_bytes(), durability)
            check_equal(len(cluster.status(1)["agents"]), 3, "agents")
            for node in cluster.nodes:
                cluster.stop(node)


if __name__ == "__main__":
    run_tests(globals())
