#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real processes, real faults, under load: nothing acknowledged is lost, all replicas end equal."""
from cluster import Cluster, Feeder, wait_until
from harness import Directory, check, check_equal, run_tests


def check_all_there(cluster, lines):
    """Each line is in the log once, in the order of the input, on all nodes alike."""
    cluster.wait_equal()
    contents = [cluster.tail(node) for node in cluster.nodes]
    for node, content in zip(cluster.nodes, contents):
        check(content == contents[0], f"node {node} holds another log than node 1")
    stored = contents[0].decode().splitlines()
    missing = set(lines) - set(stored)
    check(not missing, f"{len(missing)} acknowledged entries are lost: {sorted(missing)[:3]}")
    check(set(stored) <= set(lines), "the log holds lines that nobody appended")
    check_equal(len(stored) - len(set(stored)), 0, "lines that stand in the log twice")
    check(stored == lines, "the lines do not stand in the order in which they were appended")


def test_the_leader_is_killed_under_load_and_comes_back():
    with Directory() as directory, Cluster(directory) as cluster:
        leader = cluster.leader()
        feeder = Feeder(cluster, leader % 3 + 1)
        feeder.feed(2)
        before = cluster.group(leader)["commit"]
        check(before > 1000, "the load is on its way")
        cluster.kill(leader)
        feeder.feed(3)
        successor = cluster.leader(besides=(leader,))
        wait_until(lambda: cluster.group(successor)["commit"] > before, 30, "commits go on")
        cluster.start(leader)
        feeder.feed(2)
        lines = feeder.finish()
        check_all_there(cluster, lines)
        cluster.append(successor, b"served again\n")


def test_all_three_are_killed_at_once_under_load():
    with Directory() as directory, Cluster(directory) as cluster:
        feeder = Feeder(cluster, 1)
        feeder.feed(2)
        for node in cluster.nodes:
            cluster.processes[node].kill()
        for node in cluster.nodes:
            cluster.processes.pop(node).wait()
        for node in cluster.nodes:
            cluster.start(node)
        cluster.leader()
        feeder.feed(2)
        check_all_there(cluster, feeder.finish())


def test_a_paused_follower_holds_nobody_up_and_catches_up_from_disk():
    yaml = "memory: {log_buffer: 4MiB}\nwal: {segment: 16MiB, prepare: 16MiB}"
    with Directory() as directory, Cluster(directory, yaml=yaml) as cluster:
        leader = cluster.leader()
        paused = leader % 3 + 1
        cluster.append(leader, b"before\n")
        cluster.wait_equal()
        cluster.pause(paused)
        lines = b"".join(b"%08d-" % i + b"y" * 1000 + b"\n" for i in range(16000))
        for _ in range(2):
            cluster.append(leader, lines)
        state = cluster.status(leader)
        check(state["groups"][0]["commit"] > 32000, "commits went on")
        check(state["wal"]["head_position"] > 6 * (4 << 20), "more was written than memory holds")
        check_equal(state["stages"]["disk_reads"], 0, "reads of the log before anyone needed them")
        cluster.go_on(paused)
        cluster.wait_equal()
        sent_by = [cluster.status(node)["stages"]["disk_reads"] for node in cluster.nodes]
        check(sum(sent_by) > 0, f"caught up from disk: {sent_by}")
        for node in cluster.nodes:
            check(cluster.tail(node) == b"before\n" + lines + lines, f"node {node}")


def test_a_follower_that_lost_all_it_had_is_served_again():
    with Directory() as directory, Cluster(directory, yaml="wal: {durability: memory}") as cluster:
        leader = cluster.leader()
        follower = leader % 3 + 1
        cluster.append(leader, b"one\ntwo\n")
        cluster.wait_equal()
        cluster.kill(follower)
        cluster.start(follower)
        cluster.wait_equal()
        cluster.append(leader, b"three\n")
        cluster.wait_equal()
        check_equal(cluster.tail(follower), b"one\ntwo\nthree\n", "what the others gave it")


def test_the_leader_is_killed_ten_times():
    with Directory() as directory, Cluster(directory) as cluster:
        feeder = Feeder(cluster, 1, per_second=5000)
        for _ in range(10):
            leader = cluster.leader()
            feeder.feed(0.3)
            cluster.kill(leader)
            feeder.feed(0.2)
            cluster.start(leader)
        check_all_there(cluster, feeder.finish())


if __name__ == "__main__":
    run_tests(globals())
