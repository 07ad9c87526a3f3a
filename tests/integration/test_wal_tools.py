#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ww wal inspect, verify and dump, on stopped and running nodes, and the comparison of replicas."""
import base64
import json
import struct
from contextlib import contextmanager

from cluster import Cluster, Feeder
from harness import Directory, check, check_equal, check_in, run_tests, ww, ww_fails
from log_files import blocks, crc32c, flip

LINES = [f"line {number}" for number in range(500)]
BATCH_HEADER_BYTES = 56
BLOCK_HEADER_BYTES = 64


def tool(*arguments):
    done = ww("wal", *arguments)
    check_equal(done.returncode, 0, f"ww wal {arguments}: {done.errors}")
    return done.text


def tool_json(*arguments):
    return json.loads(tool(*arguments, "--format", "json"))


def damaged(*arguments, says):
    """Exit code 4, with what is wrong on stderr; returns what was found, from stdout."""
    done = ww("wal", *arguments)
    check_equal(done.returncode, 4, f"ww wal {arguments}: {done.errors}")
    check_in(says, done.errors)
    return done.text


@contextmanager
def filled_cluster():
    """Three nodes with LINES in their logs."""
    with Directory() as directory, Cluster(directory) as cluster:
        cluster.append(1, ("\n".join(LINES) + "\n").encode())
        cluster.wait_equal()
        yield cluster


def test_a_running_node_is_looked_at():
    with filled_cluster() as cluster:
        found = tool_json("inspect", cluster.data(1))
        check_equal((found["in_use"], found["damage_count"], found["node"]), (True, 0, 1))
        group = found["groups"][0]
        check(group["last_index"] == cluster.group(1)["last_index"], f"{group}")
        check_equal((group["term"], group["missing_from"]), (cluster.group(1)["term"], 0))
        check_in("in use", tool("inspect", "--config", cluster.config(1)))
        feeder = Feeder(cluster, 1)
        for _ in range(5):
            feeder.feed(0.2)
            for node in cluster.nodes:
                check_in("whole", tool("verify", cluster.data(node)))
        feeder.finish()
        compared = tool_json("verify", "--peers", "--endpoint", cluster.endpoint(2))
        check_equal((compared[0]["equal"], compared[0]["replicas"]), (True, 3))
        check(compared[0]["to"] > len(LINES) + len(feeder.lines), f"{compared}")
        cluster.kill(2)
        check_in("of 2 replicas are equal", tool("verify", "--peers", "--endpoint",
                                                 cluster.endpoint(1)))
        cluster.kill(3)
        ww_fails(3, "wal", "verify", "--peers", "--endpoint", cluster.endpoint(1),
                 says=["two are needed"])


def test_a_stopped_log_is_dumped():
    with filled_cluster() as cluster:
        cluster.stop(2)
        lines = [json.loads(line) for line in
                 tool("dump", cluster.data(2), "--entries", "--format", "json").splitlines()]
        data = [base64.b64decode(line["data"]).decode() for line in lines
                if line["type"] == "data"]
        check_equal(data, LINES)
        check_equal([line["index"] for line in lines], list(range(1, len(lines) + 1)))
        some = tool("dump", cluster.data(2), "--entries", "--from", "10", "--to", "12")
        check_equal(len(some.splitlines()), 3)
        check_in("line ", some)
        batches = tool("dump", cluster.data(2), "--group", "0")
        check_in("hard_state group 0", batches)
        check_equal(tool("dump", cluster.data(2), "--group", "1"), "")


def test_damage_is_named_and_ends_with_exit_code_4():
    with filled_cluster() as cluster:
        cluster.stop(3)
        found = blocks(cluster.data(3))
        path, offset, _ = found[len(found) // 2]
        flip(path, offset + 100)
        check_in(f"damaged: wal/{path.name} offset {offset}",
                 damaged("verify", cluster.data(3), says="1 damaged places"))
        damage = json.loads(damaged("verify", cluster.data(3), "--format", "json",
                                    says="damaged places"))["damage"]
        check_equal(len(damage), 1)
        check_equal((damage[0]["file"], damage[0]["offset"]), (f"wal/{path.name}", offset))
        check_in("damaged: ", damaged("inspect", cluster.data(3), says="damaged places"))
        check_in("hard_state", damaged("dump", cluster.data(3), says="left out"))


def forge_last_entry(data):
    """Another byte in the last block's last batch, all checksums right: as only a bug would."""
    path, offset, used = blocks(data)[-1]
    with open(path, "r+b") as file:
        file.seek(offset)
        block = bytearray(file.read(used))
        at = BLOCK_HEADER_BYTES
        while at + struct.unpack_from("<I", block, at + 4)[0] < used:
            at += struct.unpack_from("<I", block, at + 4)[0]
        padding = block[at + 15]
        block[used - padding - 1] ^= 1
        struct.pack_into("<I", block, at, crc32c(bytes(block[at + 4:used])))
        struct.pack_into("<I", block, 0, crc32c(bytes(block[4:used])))
        file.seek(offset)
        file.write(block)


def test_replicas_that_differ_are_found_with_their_first_index():
    with filled_cluster() as cluster:
        for node in cluster.nodes:
            cluster.stop(node)
        last = tool_json("inspect", cluster.data(2))["groups"][0]["last_index"]
        forge_last_entry(cluster.data(2))
        check_in("whole", tool("verify", cluster.data(2)))
        for node in cluster.nodes:
            cluster.start(node)
        cluster.leader()
        check_in(f"differ first at index {last}: node 1",
                 damaged("verify", "--peers", "--endpoint", cluster.endpoint(1),
                         says=f"the replicas differ at index {last}"))


def test_what_makes_no_sense_is_refused():
    ww_fails(2, "wal", "verify", says=["which log?", "--config"])
    ww_fails(2, "wal", "dump", "/", "--from", "0", says=["--from"])
    ww_fails(1, "wal", "inspect", "/no/such/directory", says=["/no/such/directory"])


if __name__ == "__main__":
    run_tests(globals())
