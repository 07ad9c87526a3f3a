#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Logs that are kept within a size or an age: their files stay few, and nothing within is lost."""
import time
from pathlib import Path

from cluster import Cluster, wait_until
from harness import Directory, check, check_equal, check_in, run_tests, ww

SEGMENT = 1 << 20
LINE = 1000


def files(cluster, node):
    """The segments that a node's log takes, used again or not."""
    wal = Path(cluster.data(node)) / "wal"
    return len(list(wal.glob("*.seg"))) + len(list(wal.glob("*.spare")))


def append_mib(cluster, first, mib):
    """Lines from number `first` on; returns the next number."""
    count = mib * SEGMENT // LINE
    lines = b"".join(b"%09d-" % number + b"z" * (LINE - 11) + b"\n"
                     for number in range(first, first + count))
    cluster.append(cluster.leader(), lines)
    return first + count


def held(cluster, node):
    """The numbers of the lines that a node's log has from its begin on."""
    for _ in range(5):
        first = cluster.group(node)["first_index"]
        done = ww("tail", "--endpoint", cluster.endpoint(node), "--from", first)
        if done.returncode == 0:
            return [int(line[:9]) for line in done.stdout.splitlines()]
        check_in("its log begins at", done.errors)  # it moved on meanwhile: once a second at most
    raise AssertionError(f"the log of node {node} does not come to rest")


def check_whole(cluster, end, at_least):
    """The newest lines are there, in their order. A node that fell behind the others' limit got a
    snapshot, and has fewer."""
    cluster.wait_equal()
    for node in cluster.nodes:
        numbers = held(cluster, node)
        fell_behind = cluster.status(node)["stages"]["snapshots_installed"] > 0
        check(len(numbers) >= (1 if fell_behind else at_least),
              f"node {node} keeps {len(numbers)} lines")
        check_equal(numbers, list(range(end - len(numbers), end)), f"lines of node {node}")


def restart_all(cluster):
    for node in cluster.nodes:
        cluster.processes[node].kill()
    for node in cluster.nodes:
        cluster.processes.pop(node).wait()
    for node in cluster.nodes:
        cluster.start(node)


def test_the_files_of_a_log_stay_few_though_another_group_is_idle():
    yaml = ("raft: {groups: 2}\nmemory: {log_buffer: 1MiB}\n"
            "wal: {segment: 1MiB, prepare: 1MiB, retain: 8MiB}")
    with Directory() as directory, Cluster(directory, yaml=yaml) as cluster:
        cluster.append(1, b"of the idle group\n", "--group", 1)
        end = 0
        for _ in range(6):
            end = append_mib(cluster, end, 8)
            for node in cluster.nodes:
                # The limit, the segments at both ends, the one ahead, and what snapshots take.
                check(files(cluster, node) <= 8 + 6, f"{files(cluster, node)} files of {node}")
        for node in cluster.nodes:
            wal = wait_until(lambda node=node: cluster.status(node), 10, "a status")["wal"]
            check(wal["segments_recycled"] >= 20, f"recycled: {wal['segments_recycled']}")
            check(wal["released_position"] >= wal["head_position"] - 11 * SEGMENT, f"{wal}")
            check(wal["checkpoints"] > 0, "records of the idle group were repeated")
        check_whole(cluster, end, 5 * SEGMENT // LINE)
        idle = cluster.group(1, 1)
        check_equal(idle["first_index"], idle["last_index"] + 1, "the idle group's log")

        first = cluster.group(2)["first_index"]
        gone = ww("tail", "--endpoint", cluster.endpoint(2), "--from", 1)
        check(gone.returncode != 0, "entries that left are not there")
        check_in(f"its log begins at {first}", gone.errors)

        restart_all(cluster)
        cluster.leader(group=0)
        cluster.leader(group=1)
        check_whole(cluster, end, 5 * SEGMENT // LINE)
        check_equal(cluster.group(1, 1)["snapshot_index"] > 0, True, "the idle group's snapshot")
        end = append_mib(cluster, end, 12)
        check_whole(cluster, end, 5 * SEGMENT // LINE)
        cluster.append(1, b"goes on\n", "--group", 1)
        cluster.wait_equal(1)


def test_a_log_with_little_room_takes_many_times_as_much():
    yaml = ("memory: {log_buffer: 1MiB}\n"
            "wal: {segment: 1MiB, prepare: 1MiB, max: 6MiB, retain: 2MiB}")
    with Directory() as directory, Cluster(directory, yaml=yaml) as cluster:
        end = 0
        for _ in range(5):
            end = append_mib(cluster, end, 8)
            for node in cluster.nodes:
                check(files(cluster, node) <= 6, f"{files(cluster, node)} files of {node}")
        restart_all(cluster)
        cluster.leader()
        end = append_mib(cluster, end, 8)
        check_whole(cluster, end, SEGMENT // LINE // 2)


def test_entries_leave_when_newer_ones_are_old_enough():
    yaml = ("memory: {log_buffer: 1MiB}\n"
            "wal: {segment: 1MiB, prepare: 1MiB, retain_time: 2s}")
    with Directory() as directory, Cluster(directory, yaml=yaml) as cluster:
        end = append_mib(cluster, 0, 3)
        check_equal(held(cluster, 1)[0], 0, "the first line is still there")
        time.sleep(3)
        new = end
        end = append_mib(cluster, end, 3)
        for node in cluster.nodes:
            wait_until(lambda node=node: cluster.group(node)["first_index"] > new * 9 // 10, 10,
                       "the old lines leave")
        check_whole(cluster, end, 2 * SEGMENT // LINE)


if __name__ == "__main__":
    run_tests(globals())
