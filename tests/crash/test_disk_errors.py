#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node whose disk reports errors stops at once and acknowledges nothing more; the others go on,
and it comes back with all that it had acknowledged (docs/crash-tests.md)."""
import errno
import shutil
import time
from contextlib import contextmanager

from recording import DiskCluster
from disk import Disk, fast_directory, fault, own_mounts, why_not
from cluster import Feeder, wait_until
from harness import Directory, check, check_equal, check_in, run_tests, skip, ww

ELECTION_MAX_S = 2
RAFT = f"election_min: 1s, election_max: {ELECTION_MAX_S}s"
PER_SECOND = 3000


@contextmanager
def three_nodes(leader, wal="durability: dsync"):
    if why_not():
        skip(why_not())
    directory = fast_directory()
    try:
        (directory / "nodes").mkdir()
        with Disk(directory) as disk, Directory() as ordinary, \
                DiskCluster(directory / "nodes", disk, ordinary, 3, RAFT, wal) as cluster:
            lead(cluster, leader)
            yield cluster
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def lead(cluster, node):
    def transferred():
        ww("leader", "transfer", str(node), "--endpoint", cluster.endpoint(node))
        return cluster.leader() == node
    wait_until(transferred, 30, f"node {node} leads")


def break_disk(cluster, feeder, *rules):
    """From here on node 1's disk fails; it must notice within an election timeout."""
    feeder.feed(0.5)
    cluster.disk.fail(*rules)
    began = time.monotonic()
    while not cluster.fenced():
        check(time.monotonic() < began + ELECTION_MAX_S,
              f"node 1 goes on for {ELECTION_MAX_S} s: {cluster.log(1)}")
        feeder.feed(0.05)
    check_in("fenced", cluster.log(1))


def check_goes_on_and_comes_back(cluster, feeder):
    successor = cluster.leader(besides=(1,))
    before = cluster.group(successor)["commit"]
    feeder.feed(1)
    wait_until(lambda: cluster.group(successor)["commit"] > before + PER_SECOND / 4, 30,
               "the others go on")
    cluster.restart_on_a_sound_disk()
    feeder.feed(0.5)
    lines = feeder.finish()
    cluster.wait_equal()
    for node in cluster.nodes:
        check(cluster.tail(node).decode().splitlines() == lines, f"node {node} holds other lines")


def survives(leader, kind, number, wal="durability: dsync", **more):
    with three_nodes(leader, wal) as cluster:
        feeder = Feeder(cluster, 2, PER_SECOND)
        break_disk(cluster, feeder, fault(kind, number, **more))
        check_goes_on_and_comes_back(cluster, feeder)


def test_one_flush_fails_at_the_leader():
    survives(1, "flush", errno.EIO, once=True)


def test_one_flush_fails_at_a_follower_that_writes_through_the_cache():
    survives(2, "flush", errno.EIO, wal="durability: buffered", once=True)


def test_one_write_fails_at_a_follower():
    survives(2, "write", errno.EIO, once=True)


def fail_on_sectors(leader, kind, number):
    with three_nodes(leader) as cluster:
        feeder = Feeder(cluster, 2, PER_SECOND)
        segments = (cluster.data(1) / "wal").glob("*.seg")
        break_disk(cluster, feeder, *(fault(kind, number, sector=sector)
                                      for sector in cluster.disk.sectors(*segments)))
        check_goes_on_and_comes_back(cluster, feeder)


def test_the_sectors_of_the_leaders_log_cannot_be_written():
    fail_on_sectors(1, "write", errno.EIO)


def test_the_sectors_of_a_followers_log_find_no_room():
    fail_on_sectors(2, "write", errno.ENOSPC)


def test_nothing_is_acknowledged_that_the_disk_lost():
    """With the third node down every acknowledgement needs node 1."""
    with three_nodes(1) as cluster:
        cluster.kill(3)
        feeder = Feeder(cluster, 2, PER_SECOND)
        break_disk(cluster, feeder, fault("write", errno.EIO))
        committed = cluster.group(2)["commit"]
        feeder.feed(0.3)
        check_equal(cluster.group(2)["commit"], committed, "what commits without node 1")
        cluster.kill(2)
        cluster.restart_on_a_sound_disk()
        held = wait_until(lambda: cluster.group(1), 30, "node 1 answers")["last_index"]
        check(held >= committed, f"{committed} entries are committed, but node 1 holds {held}")
        cluster.start(2)
        cluster.start(3)
        lines = feeder.finish()
        cluster.wait_equal()
        check(cluster.tail(1).decode().splitlines() == lines, "all lines are there, once")


def stop_and_break_a_page(cluster):
    """A page in the middle of node 1's log cannot be read any more; returns its file."""
    cluster.stop(1)
    segment = min((cluster.data(1) / "wal").glob("*.seg"))
    sector = cluster.disk.sectors(segment)[2]
    cluster.disk.unmount()  # what the kernel has in its cache does not count
    cluster.disk.mount()
    cluster.disk.fail(fault("read", errno.EIO, sector=sector))
    return segment


def test_a_log_that_cannot_be_read_is_refused_where_repair_is_not_wanted():
    with three_nodes(2, "durability: dsync, repair: never") as cluster:
        feeder = Feeder(cluster, 2, PER_SECOND)
        feeder.feed(0.5)
        segment = stop_and_break_a_page(cluster)
        cluster.start(1)
        check(cluster.processes[1].wait(20) != 0, "the node starts")
        check_in(str(segment), cluster.log(1))
        check_in("Input/output error", cluster.log(1))
        check_goes_on_and_comes_back(cluster, feeder)


def test_a_page_that_cannot_be_read_comes_back_from_the_peers():
    with three_nodes(2) as cluster:
        feeder = Feeder(cluster, 2, PER_SECOND)
        feeder.feed(0.5)
        segment = stop_and_break_a_page(cluster)
        cluster.start(1)
        feeder.feed(0.5)
        last = cluster.group(2)["commit"]
        wait_until(lambda: (cluster.group(1) or {"commit": 0})["commit"] >= last, 30,
                   "node 1 has all of the log again")
        check_in(str(segment), cluster.log(1))
        check_goes_on_and_comes_back(cluster, feeder)


def test_a_leader_that_cannot_read_its_log_back_makes_way():
    with three_nodes(1) as cluster:
        cluster.pause(3)
        feeder = Feeder(cluster, 2, 10 * PER_SECOND)
        feeder.feed(2)
        before = cluster.status(1)["wal"]["head_position"]
        check(before > 2 << 20, "more was written than memory holds")
        cluster.disk.fail(fault("read", errno.EIO))
        cluster.go_on(3)
        wait_until(cluster.fenced, 30, "node 1 fences itself")
        check_goes_on_and_comes_back(cluster, feeder)


if __name__ == "__main__":
    if why_not() is None:
        own_mounts()
    run_tests(globals())
