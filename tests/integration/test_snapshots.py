#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Snapshots in real processes: logs get shorter on disk, nodes begin with a snapshot and are
brought up by one, whoever dies or is cut off meanwhile; all end equal."""
import json
import random
import struct
import time
import urllib.error
import urllib.request

from cluster import Cluster, wait_until
from harness import Directory, check, check_equal, check_in, run_tests, ww_fails
from udp_cluster import HEADER, RelayedCluster, message

YAML = ("raft: {snapshot_entries: 2000, snapshot_keep: 100}\n"
        "memory: {log_buffer: 1MiB}\nwal: {segment: 1MiB, prepare: 2MiB}")
NEVER = YAML.replace("2000", "0")
LINES = b"".join(b"%08d-" % i + b"z" * 200 + b"\n" for i in range(3000))
SESSIONS = 60  # of clients that never came back: they make a snapshot of several parts
REGISTER, SNAPSHOT = 39, 8


def snapshots(cluster, node):
    """The index of each snapshot on the node's disk."""
    names = [path.name for path in (cluster.data(node) / "snapshots").iterdir()]
    check(all(name.endswith(".snap") and name.startswith("00000000-") for name in names), names)
    return [int(name[9:25], 16) for name in names]


def request_snapshot(cluster, node, group=0, body="{}"):
    """(HTTP code, the answer)."""
    request = urllib.request.Request(
        f"http://{cluster.endpoint(node)}/v1/groups/{group}/snapshot", data=body.encode(),
        headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def stages(cluster, node, name):
    return cluster.status(node)["stages"][name]


def check_brought_up(cluster, node):
    """All are equal, and the node got there by a snapshot."""
    applied, _ = cluster.wait_equal()
    state = cluster.group(node)
    check_equal(stages(cluster, node, "snapshots_installed"), 1, f"installed by node {node}")
    check(state["first_index"] > 2000, f"its log begins at {state['first_index']}")
    wait_until(lambda: snapshots(cluster, node) == [cluster.group(node)["snapshot_index"]], 10,
               "one snapshot on its disk")
    return applied


def test_a_log_gets_shorter_and_nodes_begin_with_their_snapshot():
    with Directory() as directory, Cluster(directory, yaml=YAML) as cluster:
        leader = cluster.leader()
        for _ in range(3):
            cluster.append(leader, LINES)
        applied, digest = cluster.wait_equal()
        for node in cluster.nodes:
            wait_until(lambda node=node: cluster.group(node)["snapshot_index"] >= 2000, 20,
                       f"node {node} takes one by itself")
            # When the last one is due depends on how long those before it took.
            wait_until(lambda node=node: request_snapshot(cluster, node)[0] in (200, 202), 20,
                       f"node {node} takes the last one")
            state = wait_until(lambda node=node: next(
                (state for state in [cluster.group(node)] if state["snapshot_step"] == "none"
                 and state["snapshot_index"] >= 8000), None), 20, f"node {node} took the last one")
            check_equal(state["first_index"], state["snapshot_index"] - 100 + 1, "what is kept")
            check(state["snapshot_bytes"] > 72, "a snapshot has a header")
            wait_until(lambda node=node, state=state:
                       snapshots(cluster, node) == [state["snapshot_index"]], 10,
                       f"older snapshots of node {node} go")
            check_equal(stages(cluster, node, "snapshots_failed"), 0, "failed")
        ww_fails(1, "tail", "--endpoint", cluster.endpoint(leader), "--from", 1,
                 says=["does not keep index 1", "its log begins at"])
        for node in cluster.nodes:
            cluster.kill(node)
        for node in cluster.nodes:
            cluster.start(node)
        cluster.leader()
        check(cluster.wait_equal()[0] > applied, "the log goes on")
        for node in cluster.nodes:
            state = cluster.group(node)
            check(state["snapshot_index"] >= 8000, "it began with it")
        cluster.append(cluster.leader(), LINES)
        check(cluster.wait_equal()[1] != digest, "it changed")


def test_a_follower_beyond_the_log_is_brought_up_however_often_it_dies():
    with Directory() as directory, Cluster(directory, yaml=YAML) as cluster:
        leader = cluster.leader()
        behind = leader % 3 + 1
        cluster.append(leader, LINES[:2100])
        cluster.wait_equal()
        cluster.kill(behind)
        for _ in range(2):
            cluster.append(leader, LINES)
        wait_until(lambda: cluster.group(leader)["first_index"] > 2000, 20, "the log is shorter")
        chance = random.Random(5)
        for _ in range(6):
            cluster.start(behind)
            time.sleep(chance.uniform(0.05, 0.4))
            cluster.kill(behind)
        cluster.start(behind)
        cluster.wait_equal()
        state = cluster.group(behind)
        check(state["snapshot_index"] >= 4000 and state["first_index"] > 2000, state)
        cluster.append(leader, LINES)
        cluster.wait_equal()
        cluster.stop(behind)
        cluster.start(behind)
        cluster.wait_equal()


def test_an_operator_gets_a_snapshot_at_once():
    with Directory() as directory, Cluster(directory, yaml=NEVER) as cluster:
        cluster.append(cluster.leader(), LINES)
        applied, _ = cluster.wait_equal()
        for node in cluster.nodes:
            check_equal(snapshots(cluster, node), [], "none was taken so far")
            check_equal(request_snapshot(cluster, node), (200, {"group": 0, "snapshot": applied}))
            check_equal(snapshots(cluster, node), [applied])
            check_equal(cluster.group(node)["first_index"], applied - 100 + 1, "what is kept")
            check_equal(request_snapshot(cluster, node), (200, {"group": 0, "snapshot": applied}))
            check_equal(stages(cluster, node, "snapshots_taken"), 1, "the second one is the first")
        check_equal(request_snapshot(cluster, 1, group=1)[0], 404, "no such group")
        code, answer = request_snapshot(cluster, 1, body='{"snapshot": 1}')
        check_equal(code, 400)
        check_in("the body is not {}", answer["error"])
        for node in cluster.nodes:
            cluster.stop(node)
        for node in cluster.nodes:
            cluster.start(node)
        cluster.append(cluster.leader(), LINES)
        cluster.wait_equal()


class Parts:
    """Lets the first part of every snapshot pass, and the others only when `open`."""

    def __init__(self, cluster):
        self.open = False
        self.cut = set()  # nodes that nothing comes from or goes to
        self.offsets = []  # of the parts that passed
        cluster.passes = self.passes

    def passes(self, a, b, data):
        if a in self.cut or b in self.cut:
            return False
        if data[HEADER.size] != SNAPSHOT:
            return True
        offset = struct.unpack_from("<Q", data, HEADER.size + 40)[0]
        if not self.open and offset > 0:
            return False
        self.offsets.append(offset)
        return True


class Midway:
    """A follower has the first part of a snapshot, and gets no more."""

    def __init__(self, directory):
        self.cluster = RelayedCluster(directory, NEVER, net=", mtu: 1280")

    def __enter__(self):
        cluster = self.cluster.__enter__()
        try:
            self.bring_midway()
        except BaseException:
            cluster.__exit__()
            raise
        return cluster, self.parts, self.leader, self.behind

    def __exit__(self, *_):
        self.cluster.__exit__()

    def bring_midway(self):
        cluster = self.cluster
        self.leader = cluster.leader()
        self.behind = self.leader % 3 + 1
        before = stages(cluster, self.leader, "registrations")
        for nonce in range(SESSIONS):
            cluster.send(self.leader, cluster.datagram(
                self.leader, message(REGISTER, sequence=1000 + nonce)))
        wait_until(lambda: stages(cluster, self.leader, "registrations") == before + SESSIONS, 20,
                   "all are registered")
        cluster.wait_equal()
        cluster.kill(self.behind)
        cluster.append(self.leader, LINES)
        for node in cluster.processes:
            wait_until(lambda node=node: cluster.group(node)["applied"] > len(LINES) // 210, 20,
                       "all is applied")
            check_equal(request_snapshot(cluster, node)[0], 200)
        check(cluster.group(self.leader)["snapshot_bytes"] > 2500, "it takes more than two parts")
        self.parts = Parts(cluster)
        cluster.start(self.behind)
        wait_until(lambda: (cluster.group(self.behind) or {}).get("snapshot_staged_bytes"), 20,
                   "the first part is there")
        time.sleep(0.2)
        check_equal(set(self.parts.offsets), {0}, "no more than that")


def test_a_link_that_breaks_midway_is_gone_on_with_where_it_broke():
    with Directory() as directory, Midway(directory) as (cluster, parts, leader, behind):
        parts.cut.add(behind)
        time.sleep(1)
        cluster.append(leader, LINES)
        parts.open = True
        parts.offsets.clear()
        parts.cut.clear()
        check_brought_up(cluster, behind)
        check(parts.offsets and 0 not in parts.offsets, f"it began anew: {parts.offsets}")


def test_a_follower_that_is_killed_midway_begins_anew():
    with Directory() as directory, Midway(directory) as (cluster, parts, leader, behind):
        cluster.kill(behind)
        parts.open = True
        parts.offsets.clear()
        cluster.start(behind)
        check_brought_up(cluster, behind)
        check(0 in parts.offsets, f"nothing was there, but it got only {parts.offsets}")
        cluster.append(leader, LINES)
        cluster.wait_equal()


def test_a_leader_that_is_killed_midway_is_no_harm():
    with Directory() as directory, Midway(directory) as (cluster, parts, leader, behind):
        cluster.kill(leader)
        other = ({1, 2, 3} - {leader, behind}).pop()
        check_equal(cluster.leader(besides=(behind,)), other, "only that one has all of the log")
        parts.open = True
        check_brought_up(cluster, behind)
        cluster.append(other, LINES)
        cluster.start(leader)
        cluster.wait_equal()


if __name__ == "__main__":
    run_tests(globals())
