#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real input through the whole engine: what was appended comes back, the same from each node."""
import base64
import json
import os
import pty
import subprocess

from cluster import Cluster, wait_until
from harness import ROOT, WW, Directory, check, check_equal, check_in, environment, run_tests, ww

FIX = ROOT / "tests" / "data" / "fix44-session.txt"
SMALL = "wal: {segment: 16MiB, prepare: 16MiB}"


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


def test_a_consistent_tail_shows_what_was_acknowledged_before():
    with Directory() as directory, Cluster(directory) as cluster:
        leader = cluster.leader()
        for number in range(5):
            cluster.append(leader, b"%d\n" % number)
            for node in cluster.nodes:
                check_equal(cluster.tail(node, "--consistent").count(b"\n"), number + 1,
                            f"lines at node {node}")
        check_equal(cluster.status(leader)["stages"]["queries"], 15)
        for node in cluster.nodes:
            if node != leader:
                cluster.kill(node)
        alone = ww("tail", "--consistent", "--endpoint", cluster.endpoint(leader), "--timeout",
                   "500ms")
        check_equal(alone.returncode, 3, "a leader that lost its followers")
        check_in("no leader of group 0", alone.errors)


def test_many_clients_come_and_go():
    with Directory() as directory, Cluster(directory, nodes=1, yaml=SMALL) as cluster:
        for number in range(70): # more than there is room for sessions
            cluster.append(1, b"%d\n" % number)
        check_equal(cluster.tail(1), b"".join(b"%d\n" % number for number in range(70)))


def test_tail_follows():
    with Directory() as directory, Cluster(directory) as cluster:
        cluster.append(1, b"one\n")
        with subprocess.Popen([WW, "tail", "--follow", "--endpoint", cluster.endpoint(2)],
                              stdout=subprocess.PIPE, env=environment()) as tail:
            check_equal(tail.stdout.readline(), b"one\n")
            for line in (b"two\n", b"three\n"):
                cluster.append(3, line)
                check_equal(tail.stdout.readline(), line)
            cluster.append(1, FIX.read_bytes())
            check(tail.stdout.read(FIX.stat().st_size) == FIX.read_bytes(), "what follows")
            tail.terminate()
            check_equal(tail.stdout.read(), b"", "the rest")
        check_equal(tail.returncode, 0)


def test_tail_as_json():
    with Directory() as directory, Cluster(directory) as cluster:
        entries = [bytes(range(256))[:size] for size in range(8)] + [b'"\\', b"z" * 5000, b"\n"]
        frames = b"".join(len(entry).to_bytes(4, "little") + entry for entry in entries)
        cluster.append(1, frames, "--framing", "len32")
        cluster.wait_equal()
        lines = cluster.tail(2, "--format", "json").splitlines()
        objects = [json.loads(line) for line in lines]
        check_equal([base64.b64decode(each["data"], validate=True) for each in objects], entries)
        first = objects[0]["index"]
        check_equal([each["index"] for each in objects], list(range(first, first + len(entries))))
        check_equal({each["term"] for each in objects}, {cluster.group(1)["term"]})


def test_append_shows_its_progress_on_a_terminal_or_when_told_to():
    with Directory() as directory, Cluster(directory, nodes=1) as cluster:
        done = cluster.append(1, b"x\n" * 1000)
        check_equal(done.errors.count("\n"), 1, "lines without a terminal")
        done = cluster.append(1, b"x\n" * 1000, "--progress", "always")
        check_in("entries appended,", done.errors)
        check("\r" not in done.errors, done.errors)
        ours, terminal = pty.openpty()
        with subprocess.Popen([WW, "append", "--endpoint", cluster.endpoint(1)],
                              stdin=subprocess.PIPE, stderr=terminal, env=environment()) as append:
            os.close(terminal)
            append.stdin.write(b"x\ny\n")
            append.stdin.flush()
            seen = bytearray()
            wait_until(lambda: seen.extend(os.read(ours, 4096)) or
                       b"\r\033[K2 entries appended, 2 bytes; 0 on the way" in seen, 20, "progress")
            append.stdin.close()
            wait_until(lambda: seen.extend(os.read(ours, 4096)) or b"indexes" in seen, 20,
                       "the end")
        os.close(ours)
        check_in("\r\033[Kappended 2 entries", seen.decode())
        quiet = cluster.append(1, b"x\n", "--quiet")
        check_equal(quiet.errors, "")


def test_one_node_and_five_nodes():
    for count in (1, 5):
        with Directory() as directory, Cluster(directory, nodes=count, yaml=SMALL) as cluster:
            cluster.append(1, b"a\nb\n")
            cluster.wait_equal()
            for node in cluster.nodes:
                check_equal(cluster.tail(node), b"a\nb\n", f"{count} nodes, node {node}")


def test_a_thread_for_each_stage_and_each_durability():
    for durability in ("dsync", "fdatasync", "buffered", "memory"):
        yaml = (f"wal: {{durability: {durability}, segment: 16MiB, prepare: 16MiB}}\n"
                "stages: {threads: 3, idle: yield}")
        with Directory() as directory, Cluster(directory, yaml=yaml) as cluster:
            cluster.append(1, FIX.read_bytes())
            cluster.wait_equal()
            check(cluster.tail(2) == FIX.read_bytes(), durability)
            check_equal(len(cluster.status(1)["agents"]), 3, "agents")
            for node in cluster.nodes:
                cluster.stop(node)


if __name__ == "__main__":
    run_tests(globals())
