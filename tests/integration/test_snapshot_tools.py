#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ww snapshot: copies out of running nodes, lists, and clusters that begin from a copy."""
import json

from cluster import Cluster
from harness import Directory, check, check_equal, check_in, run_tests, ww, ww_fails

SMALL = "wal: {segment: 1MiB, prepare: 1MiB}\nmemory: {log_buffer: 1MiB}\n"
LINES = b"".join(b"line-%06d\n" % i for i in range(3000))


def succeed(*words):
    done = ww(*words)
    check_equal(done.returncode, 0, f"ww {words}: {done.errors}")
    return done


def save(cluster, node, file, group=0):
    """Takes one and copies it out; its index."""
    done = succeed("snapshot", "save", "--endpoint", cluster.endpoint(node), "-o", file,
                   "--group", group, "--format", "json")
    said = json.loads(done.text)
    check_equal((said["group"], said["bytes"]), (group, file.stat().st_size), "what was said")
    return said["index"]


def begin_from(source, directory, **more):
    """A cluster of a new name, not yet started, of which each node was restored from `source`."""
    directory.mkdir()
    cluster = Cluster(directory, name="second", **more)
    for node in cluster.nodes:
        done = succeed("snapshot", "restore", source, "--config", cluster.config(node))
        check_in("begins behind index", done.errors)
    return cluster


def test_a_cluster_of_keys_begins_from_a_snapshot():
    keys = {"yaml": SMALL, "node": "machine: kv, kv_map: 16MiB, "}
    with Directory() as directory:
        file = directory / "keys.snap"
        with Cluster(directory, **keys) as first:
            for i in range(20):
                succeed("kv", "put", f"k{i % 15}", f"value {i}", "--endpoint", first.endpoint(1))
            succeed("kv", "del", "k3", "--endpoint", first.endpoint(1))
            index = save(first, 2, file)
            listed = succeed("kv", "list", "--endpoint", first.endpoint(1)).text
            digest = first.wait_equal()[1]
            succeed("kv", "put", "later", "than the snapshot", "--endpoint", first.endpoint(1))
        with begin_from(file, directory / "2", **keys) as second:
            check_equal(succeed("kv", "list", "--endpoint", second.endpoint(1)).text, listed,
                        "all keys")
            check(second.wait_equal()[1] != digest, "the first entry of a term is in the digest")
            for node in second.nodes:
                check_equal(second.group(node)["snapshot_index"], index, f"node {node}")
                check_equal(second.group(node)["first_index"], index + 1, f"node {node}")
            succeed("kv", "put", "k0", "anew", "--endpoint", second.endpoint(2))
            second.kill(second.leader())
            second.leader()
            alive = next(iter(second.processes))
            check_equal(succeed("kv", "get", "k0", "--endpoint", second.endpoint(alive)).text,
                        "anew\n")


def test_a_log_begins_behind_a_snapshot_of_each_group():
    two = {"yaml": SMALL + "raft: {groups: 2, snapshot_keep: 0}"}
    with Directory() as directory:
        copies = directory / "copies"
        copies.mkdir()
        with Cluster(directory, **two) as first:
            first.append(1, LINES)
            first.append(1, b"one\ntwo\n", "--group", 1)
            applied = [save(first, 1, copies / f"{group}.snap", group) for group in (0, 1)]
            check(applied[0] > 3000, f"a snapshot at index {applied[0]}")
        with begin_from(copies, directory / "2", **two) as second:
            for group in (0, 1):
                second.leader(group=group)
                check_equal(second.group(1, group)["first_index"], applied[group] + 1, "the log")
            second.append(2, b"three\n", "--group", 1)
            check_equal(second.tail(3, "--group", "1", "--from", str(applied[1] + 1)), b"three\n")
            for group in (0, 1):
                second.wait_equal(group)
            for node in list(second.processes):
                second.stop(node)
            for node in second.nodes:
                second.start(node)
            second.leader(group=1)
            check_equal(second.tail(1, "--group", "1", "--from", str(applied[1] + 1)), b"three\n")


def test_lists_name_what_is_there_and_what_is_damaged():
    with Directory() as directory, Cluster(directory, yaml=SMALL) as cluster:
        cluster.append(1, LINES)
        ww_fails(1, "snapshot", "save", "--endpoint", cluster.endpoint(1), "--group", 5,
                 says=["there is no group 5"])
        succeed("snapshot", "save", "--endpoint", cluster.endpoint(2))
        asked = json.loads(succeed("snapshot", "list", "--format", "json",
                                   "--endpoint", cluster.endpoint(1)).text)
        there = {row["node"]: row["index"] for row in asked}
        check(there[2] > 3000 and there[1] == there[3] == 0, f"listed: {asked}")
        found = json.loads(succeed("snapshot", "list", "--format", "json",
                                   "--data", cluster.data(2)).text)
        check_equal([(row["group"], row["index"], row["machine"], row["check"]) for row in found],
                    [(0, there[2], "log", "WW_OK")], "in the directory")
        cluster.stop(2)
        file = cluster.data(2) / "snapshots" / f"00000000-{there[2]:016x}.snap"
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
        done = ww("snapshot", "list", "--data", cluster.data(2))
        check_equal(done.returncode, 4, done.errors)
        check_in("WW_EDAMAGED", done.text)
        for part in (str(file), "offset 72"):
            check_in(part, done.errors)
        ww_fails(1, "snapshot", "list", "--data", directory / "none", says=[f"{directory}/none"])


def test_what_cannot_be_restored_is_refused():
    with Directory() as directory:
        file = directory / "a.snap"
        with Cluster(directory, nodes=1, yaml=SMALL + "raft: {groups: 2}") as first:
            first.append(1, LINES, "--group", 1)
            save(first, 1, file, group=1)
            ww_fails(1, "snapshot", "restore", file, "--config", first.config(1),
                     says=[str(first.data(1)), "is not empty"])
            ww_fails(1, "snapshot", "save", "--endpoint", first.endpoint(1),
                     "-o", directory / "no" / "such", says=["cannot write", "/no/such"])
        (directory / "2").mkdir()
        second = Cluster(directory / "2", nodes=1, name="second", yaml=SMALL)
        config = second.config(1)
        ww_fails(1, "snapshot", "restore", file, "--config", config,
                 says=["of group 1; raft.groups is 1"])
        ww_fails(1, "snapshot", "restore", file, "--config", config, "--groups", 2,
                 "--machine", "kv", says=["machine 'log'", "'kv'"])
        ww_fails(1, "snapshot", "restore", directory / "none", "--config", config,
                 says=[f"{directory}/none"])
        data = bytearray(file.read_bytes())
        data[100] ^= 1
        file.write_bytes(data)
        ww_fails(4, "snapshot", "restore", file, "--config", config, "--groups", 2,
                 says=[str(file), "offset 72"])
        check(not second.data(1).exists(), "a directory was made")
        ww_fails(2, "snapshot", "restore", "--config", config, says=["FILE|DIR is missing"])
    ww_fails(3, "snapshot", "save", "--endpoint", "127.0.0.1:1", says=["127.0.0.1:1"])


def test_a_node_in_memory_takes_them_but_has_no_file():
    with Directory() as directory:
        yaml = SMALL.replace("wal: {", "wal: {durability: memory, ")
        with Cluster(directory, nodes=1, yaml=yaml) as cluster:
            cluster.append(1, LINES)
            succeed("snapshot", "save", "--endpoint", cluster.endpoint(1))
            ww_fails(1, "snapshot", "save", "--endpoint", cluster.endpoint(1),
                     "-o", directory / "a.snap", says=["keeps its snapshots in memory"])
            check(not list(directory.glob("a.snap*")), "something was left behind")


if __name__ == "__main__":
    run_tests(globals())
