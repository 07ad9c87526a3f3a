#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys and values on real processes: ww kv, leaders that are killed, restarts, snapshots."""
import base64
import json
import subprocess
import threading

from cluster import Cluster, wait_until
from harness import (WW, Directory, check, check_equal, check_in, environment, run_tests, ww,
                     ww_fails)

YAML = """
wal: {segment: 1MiB, prepare: 1MiB}
memory: {log_buffer: 1MiB}
raft: {snapshot_entries: %d, snapshot_keep: %d}
"""


class KvCluster(Cluster):
    """A cluster whose machine is kv, and `ww kv` for it."""

    def __init__(self, directory, snapshot_entries=0, keep=10, kv_map="64MiB", **more):
        super().__init__(directory, yaml=YAML % (snapshot_entries, keep),
                         node=f"machine: kv, kv_map: {kv_map}, ", **more)

    def kv(self, node, *words, **more):
        done = ww("--endpoint", self.endpoint(node), "kv", *words, **more)
        check_equal(done.returncode, 0, f"ww kv {words}: {done.errors}")
        return done.text

    def kv_fails(self, node, exit_code, *words, says):
        ww_fails(exit_code, "--endpoint", self.endpoint(node), "kv", *words, says=says)

    def append_puts(self, node, keys, value):
        """Many operations at once, as any client may propose them."""
        data = b"".join(frame(put_operation(key, value)) for key in keys)
        return self.append(node, data, "--framing", "len32")

    def lists_equal(self, wanted):
        """The listed state, which must be the same whoever leads, and what was acknowledged."""
        check_equal(dict(line.split("\t") for line in self.kv(1, "list").splitlines()), wanted,
                    "all keys")


def put_operation(key, value):
    return bytes([1, 0]) + len(key).to_bytes(2, "little") + key.encode() + value.encode()


def frame(data):
    return len(data).to_bytes(4, "little") + data


def move_leader(cluster, node):
    done = ww("leader", "transfer", node, "--endpoint", cluster.endpoint(node))
    check_equal(done.returncode, 0, done.errors)


def test_keys_are_put_read_listed_and_deleted():
    with Directory() as directory, KvCluster(directory) as cluster:
        check_equal(cluster.kv(1, "put", "name", "value"), "")
        check_equal(cluster.kv(2, "get", "name"), "value\n")
        check_equal(cluster.kv(3, "put", "--", "-x", "-"), "", "stdin is empty")
        check_equal(cluster.kv(3, "put", "name/b", "-", stdin=b"b\n"), "")
        check_equal(cluster.kv(1, "list"), "-x\t\nname\tvalue\nname/b\tb\n\n")
        check_equal(cluster.kv(1, "list", "--prefix", "name/", "--keys"), "name/b\n")
        check_equal(cluster.kv(1, "list", "--limit", "2", "--keys"), "-x\nname\n")
        check_equal(cluster.kv(1, "list", "--count", "--prefix", "name"), "2\n")
        check_equal(cluster.kv(2, "del", "name/b"), "")
        cluster.kv_fails(2, 1, "del", "name/b", says=["ww kv del", "'name/b' is not there"])
        cluster.kv_fails(1, 1, "get", "name/b", says=["ww kv get", "'name/b' is not there"])
        cluster.wait_equal()


def test_a_revision_guards_a_key():
    with Directory() as directory, KvCluster(directory, nodes=1) as cluster:
        first = json.loads(cluster.kv(1, "put", "k", "1", "--revision", 0, "--format", "json"))
        read = json.loads(cluster.kv(1, "get", "k", "--format", "json"))
        check_equal(read, {"key": base64.b64encode(b"k").decode(),
                           "value": base64.b64encode(b"1").decode(), **first}, "the key")
        cluster.kv_fails(1, 1, "put", "k", "2", "--revision", 0, says=["'k' is there already"])
        cluster.kv(1, "put", "k", "2", "--revision", first["revision"])
        cluster.kv_fails(1, 1, "put", "k", "3", "--revision", first["revision"],
                         says=["not at revision"])
        check_equal(cluster.kv(1, "get", "k"), "2\n")


def test_bad_words_are_refused():
    with Directory() as directory, KvCluster(directory, nodes=1) as cluster:
        cluster.kv_fails(1, 2, "put", "k", says=["VALUE is missing", "ww kv put --help"])
        cluster.kv_fails(1, 2, "get", "", says=["a key has 1 to 500 bytes"])
        cluster.kv_fails(1, 2, "get", "k" * 501, says=["a key has 1 to 500 bytes, not 501"])
        cluster.kv_fails(1, 2, "get", "k", "--group", 1, says=["group 1 is not there"])
        cluster.kv_fails(1, 1, "put", "k", "v" * 9000, says=["they fit an entry of"])
        check_equal(cluster.kv(1, "list"), "")
    ww_fails(3, "kv", "get", "k", "--endpoint", "127.0.0.1:1", says=["127.0.0.1:1"])
    with Directory() as directory, Cluster(directory, nodes=1) as log:
        for words in (("put", "k", "v"), ("get", "k"), ("list",)):
            ww_fails(1, "kv", *words, "--endpoint", log.endpoint(1), says=["no keys", "not kv"])
        check_equal(log.tail(1), b"", "nothing was appended")


def test_what_is_no_operation_changes_nothing():
    with Directory() as directory, KvCluster(directory) as cluster:
        cluster.kv(1, "put", "k", "v")
        cluster.append(1, b"no operation\n\n")
        cluster.lists_equal({"k": "v"})
        cluster.wait_equal()


def test_a_killed_leader_takes_nothing_with_it():
    with Directory() as directory, KvCluster(directory) as cluster:
        leader = cluster.leader()
        others = [node for node in cluster.nodes if node != leader]
        for i in range(5):
            cluster.kv(others[0], "put", f"k{i}", f"before {i}")
        cluster.kill(leader)
        cluster.leader(besides=(leader,))
        cluster.kv(others[1], "put", "k0", "after")
        cluster.kv(others[1], "del", "k1")
        cluster.start(leader)
        cluster.leader()
        cluster.wait_equal()
        move_leader(cluster, leader)
        check_equal(cluster.kv(leader, "list"),
                    "k0\tafter\nk2\tbefore 2\nk3\tbefore 3\nk4\tbefore 4\n")


def test_snapshots_are_taken_while_puts_flow_and_a_restart_begins_from_them():
    with Directory() as directory, KvCluster(directory, snapshot_entries=500) as cluster:
        wanted = {}
        for turn in range(8):
            keys = [f"{i:04d}" for i in range(turn * 100, turn * 100 + 400)]
            cluster.append_puts(1, keys, f"of turn {turn}")
            wanted.update(dict.fromkeys(keys, f"of turn {turn}"))
        for node in cluster.nodes:
            wait_until(lambda node=node: cluster.group(node)["snapshot_index"] > 1000, 20,
                       f"node {node} takes snapshots")
        cluster.wait_equal()
        cluster.lists_equal(wanted)
        for node in list(cluster.processes):
            cluster.stop(node)
        for node in cluster.nodes:
            cluster.start(node)
        cluster.leader()
        for node in cluster.nodes:
            check(cluster.group(node)["first_index"] > 1000, f"node {node} has its whole log")
        cluster.lists_equal(wanted)
        cluster.wait_equal()


def test_a_follower_is_brought_up_by_a_snapshot():
    with Directory() as directory, KvCluster(directory, snapshot_entries=500) as cluster:
        behind = next(node for node in cluster.nodes if node != cluster.leader())
        running = [node for node in cluster.nodes if node != behind]
        cluster.kv(running[0], "put", "stale", "deleted later")
        cluster.wait_equal()
        cluster.stop(behind)
        cluster.kv(running[0], "del", "stale")
        wanted = {}
        for turn in range(4):
            keys = [f"{i:04d}" for i in range(400)]
            cluster.append_puts(running[0], keys, f"of turn {turn} " + "x" * 500)
            wanted.update(dict.fromkeys(keys, f"of turn {turn} " + "x" * 500))
        wait_until(lambda: cluster.group(cluster.leader())["first_index"] > 1000, 20,
                   "the leader's log begins behind what the follower has")
        cluster.start(behind)
        wait_until(lambda: (cluster.status(behind) or {"stages": {"snapshots_installed": 0}})
                   ["stages"]["snapshots_installed"] > 0, 30, "the follower takes a snapshot")
        cluster.wait_equal()
        move_leader(cluster, behind)
        cluster.lists_equal(wanted)


def test_a_large_snapshot_brings_a_follower_up_while_load_goes_on():
    with Directory() as directory, KvCluster(directory, kv_map="256MiB") as cluster:
        behind = next(node for node in cluster.nodes if node != cluster.leader())
        first, second = [node for node in cluster.nodes if node != behind]
        cluster.kv(first, "put", "stale", "deleted later")
        cluster.wait_equal()
        cluster.stop(behind)
        cluster.kv(first, "del", "stale")
        cluster.append_puts(first, [f"{i:04d}" for i in range(4000)], "x" * 8000)
        leader = cluster.leader()
        done = ww("snapshot", "save", "--endpoint", cluster.endpoint(leader), "-o",
                  directory / "copy", timeout=60)
        check_equal(done.returncode, 0, done.errors)
        check(cluster.group(leader)["snapshot_bytes"] > 30 << 20, "it is large")

        installed, answered = threading.Event(), []

        def load():
            while not installed.is_set() or len(answered) < 2:
                answered.append(cluster.append_puts(second, [f"b{i:04d}" for i in range(200)],
                                                    f"of turn {len(answered)}"))

        loader = threading.Thread(target=load, daemon=True)
        loader.start()
        cluster.start(behind)
        try:
            done = wait_until(lambda: next((status for status in [cluster.status(behind)] if status
                                            and status["stages"]["snapshots_installed"] > 0), None),
                              30, "the follower takes a snapshot")
        finally:
            installed.set()
        loader.join(60)
        check(not loader.is_alive() and len(answered) >= 2, "puts are answered meanwhile")
        check(done["groups"][0]["snapshot_bytes"] > 30 << 20, "what it took is large")
        cluster.wait_equal()
        move_leader(cluster, behind)
        check_equal(cluster.kv(behind, "list", "--count"), "4200\n")
        check_equal(cluster.kv(behind, "get", "b0199"), f"of turn {len(answered) - 1}\n")
        for key in ("0000", "2000", "3999"):
            check_equal(cluster.kv(behind, "get", key), "x" * 8000 + "\n", key)


def test_a_full_map_stops_the_node_and_a_larger_one_goes_on():
    with Directory() as directory:
        cluster = KvCluster(directory, nodes=1)
        cluster.node = "machine: kv, kv_map: 1MiB, "
        cluster.write_configs()
        with cluster:
            data = b"".join(frame(put_operation(f"{i:04d}", "x" * 4000)) for i in range(400))
            feeder = subprocess.Popen(
                [WW, "append", "--framing", "len32", "--endpoint", cluster.endpoint(1),
                 "--timeout", "2s"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, env=environment(), start_new_session=True)
            threading.Thread(target=feeder.communicate, args=(data,), daemon=True).start()
            check_equal(cluster.processes.pop(1).wait(30), 1, "the exit code")
            feeder.wait(60)
            check_in("node.kv_map (1MiB) is full", cluster.log(1))
            cluster.node = "machine: kv, kv_map: 64MiB, "
            cluster.write_configs()
            cluster.start(1)
            cluster.leader()
            count = int(cluster.kv(1, "list", "--count"))
            check(50 < count <= 400, f"{count} keys")


def test_in_memory_nothing_is_left():
    with Directory() as directory:
        cluster = KvCluster(directory, nodes=1)
        cluster.config(1).write_text(cluster.config(1).read_text().replace(
            "wal: {", "wal: {durability: memory, "))
        with Directory() as base:
            cluster.variables["TMPDIR"] = str(base)
            with cluster:
                cluster.kv(1, "put", "k", "v")
                check_equal(len(list(base.iterdir())), 1, "directories of the machine")
                cluster.stop(1)
                check_equal(list(base.iterdir()), [], "left behind")


if __name__ == "__main__":
    run_tests(globals())
