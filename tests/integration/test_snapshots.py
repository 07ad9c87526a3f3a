#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Snapshots of real nodes on their disks: taken, sent, restored from, and tidied up."""
from cluster import Cluster, wait_until
from harness import Directory, check, check_equal, run_tests

YAML = ("raft: {snapshot_entries: 2000, snapshot_keep: 100}\n"
        "memory: {log_buffer: 4MiB}\nwal: {segment: 1MiB, prepare: 2MiB}")
LINES = b"".join(b"line-%08d-%s\n" % (i, b"x" * 60) for i in range(20000))


def files(cluster, node):
    return sorted(path.name for path in (cluster.data(node) / "snapshots").iterdir())


def wait_one_snapshot(cluster, node, above=0):
    """Waits until the newest one of a node is the only file and its log begins there; its index."""
    def found():
        group = cluster.group(node)
        index = group["snapshot_index"] if group else 0
        if index <= above or group["snapshot_step"] != "none" or group["first_index"] <= above:
            return 0
        return index if files(cluster, node) == [f"00000000-{index:016x}.snap"] else 0
    return wait_until(found, 20, f"one snapshot above {above} on the disk of node {node}")


def test_a_follower_that_was_down_gets_one_and_goes_on_from_there():
    with Directory() as directory, Cluster(directory, yaml=YAML) as cluster:
        leader = cluster.leader()
        behind = leader % 3 + 1
        cluster.kill(behind)
        cluster.append(leader, LINES)
        index = wait_one_snapshot(cluster, leader)
        check(index > 2000, f"the first is at {index}")
        cluster.start(behind)
        cluster.wait_equal()
        check(wait_one_snapshot(cluster, behind) >= 2000, "the follower has none")
        check(cluster.group(behind)["first_index"] > 1, "the follower got all of the log")
        cluster.append(leader, LINES)
        cluster.wait_equal()


def test_every_node_restores_its_own_after_it_was_killed():
    with Directory() as directory, Cluster(directory, yaml=YAML) as cluster:
        for node in cluster.nodes:
            leader = cluster.leader()
            cluster.append(leader, LINES)
            before = wait_one_snapshot(cluster, node)
            cluster.kill(node)
            # What a crash in the middle of a write leaves.
            for name in ("00000000-00000000ffffffff.new", "00000000-00000000ffffffff.part"):
                (cluster.data(node) / "snapshots" / name).write_bytes(b"WSNP")
            cluster.start(node)
            wait_until(lambda node=node: cluster.status(node), 20, f"node {node} answers")
            check(cluster.group(node)["snapshot_index"] >= before, "it does not know its snapshot")
            wait_one_snapshot(cluster, node)
        applied, _ = cluster.wait_equal()
        check(applied >= 3 * LINES.count(b"\n"), f"{applied} entries are applied")
        for node in cluster.nodes:
            index = wait_one_snapshot(cluster, node)
            cluster.stop(node)
            check_equal(files(cluster, node), [f"00000000-{index:016x}.snap"], "files")


if __name__ == "__main__":
    run_tests(globals())
