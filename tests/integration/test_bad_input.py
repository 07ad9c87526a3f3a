#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Directories and log files that a node must not start on, a torn tail that it must, a full disk.

What `ww` says to bad flags, keys and places is in test_cli.py, bad datagrams in
test_bad_datagrams.py.
"""
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from cluster import Cluster, free_ports, wait_until
from harness import (WW, Directory, check, check_equal, check_in, environment, run_tests, skip, ww,
                     ww_fails)
from log_files import blocks, fingerprint, flip, segments, set_version

SMALL = "memory: {log_buffer: 1MiB}\nwal: {segment: 1MiB, prepare: 2MiB}"
LINES = b"".join(b"%08d-" % i + b"x" * 1000 + b"\n" for i in range(3000))


class Template:
    """The directory of a node that wrote LINES, in blocks of several sizes, and was stopped."""
    made = None

    @classmethod
    def get(cls):
        if cls.made is None:
            cls.made = Path(tempfile.mkdtemp(prefix="ww-test-"))
            with Cluster(cls.made, nodes=1, yaml=SMALL) as cluster:
                cluster.append(1, LINES)
                cluster.stop(1)
            check(len(segments(cls.made / "data1")) >= 4, "the log has several segments")
        return cls.made

    @classmethod
    def remove(cls):
        if cls.made is not None:
            shutil.rmtree(cls.made)


@contextmanager
def stopped_node():
    """A copy of the template: (directory, its data, the arguments that start the node on it)."""
    template = Template.get()
    with Directory() as directory:
        data = directory / "data"
        shutil.copytree(template / "data1", data)
        text = (template / "node1.yaml").read_text().replace(str(template), str(directory))
        (directory / "node.yaml").write_text(text)
        yield directory, data, ["node", "--config", directory / "node.yaml", "--data", data,
                                "--quiet"]


def refused(exit_code, data, arguments, says):
    """The node does not start, says why, and leaves every file as it was."""
    before = fingerprint(data)
    ww_fails(exit_code, *arguments, says=["ww node", *map(str, says)])
    check(fingerprint(data) == before, "the attempt changed files of the log")


def test_an_undamaged_copy_starts():
    with stopped_node() as (directory, data, arguments):
        endpoint = f"127.0.0.1:{free_ports(1)[0]}"
        config = directory / "node.yaml"
        text = config.read_text()
        start = text.index("127.0.0.1:")
        config.write_text(text[:start] + endpoint + text[text.index('"', start):])
        with subprocess.Popen([WW, *arguments], env=environment()) as node:
            wait_until(lambda: ww("status", "--endpoint", endpoint).returncode == 0, 20, "a leader")
            done = ww("tail", "--endpoint", endpoint)
            check(done.stdout == LINES, "the log of the copy")
            ww_fails(1, *arguments, says=["ww node", str(data), f"process {node.pid}"])
            node.terminate()
        check_equal(node.returncode, 0)


def test_a_directory_of_another_node_or_cluster_names_whose_it_is():
    with stopped_node() as (directory, data, arguments):
        config = directory / "node.yaml"
        text = config.read_text()
        name = text.split("name: ")[1].split()[0]
        config.write_text(text.replace("    - {id: 1,", "    - {id: 4,"))
        refused(1, data, [*arguments, "--id", "4"], [data, "node 1"])
        config.write_text(text.replace(name, "another"))
        refused(1, data, arguments, [data, "node 1", "cluster"])


def test_another_segment_size_is_named():
    with stopped_node() as (_, data, arguments):
        refused(2, data, [*arguments, "--segment", "2MiB", "--prepare", "2MiB"],
                [data, "1048576", "2097152"])


def test_a_format_version_from_the_future():
    with stopped_node() as (_, data, arguments):
        set_version(segments(data)[1], 7, 4096)
        refused(1, data, arguments, [segments(data)[1], "format version 7", "knows version 4"])
    with stopped_node() as (_, data, arguments):
        set_version(data / "identity", 1, 64)
        refused(1, data, arguments, [data / "identity", "format version 1", "knows version 4"])


def test_a_truncated_segment():
    with stopped_node() as (_, data, arguments):
        path = segments(data)[1]
        os.truncate(path, 100000)
        refused(4, data, arguments, [path, "truncated", "100000 bytes instead of"])


def test_a_missing_segment_in_the_middle():
    with stopped_node() as (_, data, arguments):
        path = segments(data)[1]
        path.unlink()
        refused(4, data, arguments, [path, "missing"])


def test_a_flipped_bit_in_the_middle_of_the_log():
    with stopped_node() as (_, data, arguments):
        path, offset, used = blocks(data)[len(blocks(data)) // 2]
        flip(path, offset + used - 1)
        refused(4, data, arguments, [path, f"offset {offset}", "checksum", "was durable"])


def test_a_flipped_bit_in_the_last_block_of_a_log_that_was_closed():
    with stopped_node() as (_, data, arguments):
        path, offset, _ = blocks(data)[-1]
        flip(path, offset + 64)
        refused(4, data, arguments, [path, f"offset {offset}", "was durable up to"])


def test_a_flipped_bit_in_a_segment_header():
    with stopped_node() as (_, data, arguments):
        path = segments(data)[-1]
        flip(path, 20)
        refused(4, data, arguments, [path, "offset 0", "checksum"])


def test_a_damaged_or_missing_identity():
    with stopped_node() as (_, data, arguments):
        flip(data / "identity", 30)
        refused(4, data, arguments, [data / "identity", "checksum"])
    with stopped_node() as (_, data, arguments):
        os.truncate(data / "identity", 10)
        refused(4, data, arguments, [data / "identity", "10 bytes long instead of 64"])
    with stopped_node() as (_, data, arguments):
        (data / "identity").unlink()
        refused(4, data, arguments, [data / "identity", "missing"])


def test_a_torn_tail_is_cut_and_written_again_by_the_others():
    with Directory() as directory, Cluster(directory, yaml=SMALL) as cluster:
        leader = cluster.leader()
        torn = leader % 3 + 1
        for part in (b"first\n", b"second\n", b"third\n"):
            cluster.append(leader, part)
            cluster.wait_equal()
        cluster.kill(torn)
        path, offset, _ = blocks(cluster.data(torn))[-1]
        flip(path, offset + 64)
        cluster.start(torn)
        cluster.wait_equal()
        check_equal(cluster.tail(torn), b"first\nsecond\nthird\n", "after the cut")
        cluster.append(leader, b"fourth\n")
        cluster.wait_equal()
        for node in cluster.nodes:
            check_equal(cluster.tail(node), b"first\nsecond\nthird\nfourth\n", f"node {node}")


def test_a_file_system_in_memory_is_refused_with_advice():
    shm = Path("/dev/shm")
    if not shm.is_dir() or not os.access(shm, os.W_OK):
        skip("no /dev/shm")
    with stopped_node() as (_, _, arguments):
        data = Path(tempfile.mkdtemp(prefix="ww-test-", dir=shm))
        try:
            arguments[arguments.index("--data") + 1] = data
            ww_fails(2, *arguments, says=[str(data), "in memory", "buffered or memory"])
        finally:
            shutil.rmtree(data)


def test_sockets_with_a_path_that_is_too_long():
    with stopped_node() as (directory, _, arguments):
        path = directory / ("d" * (100 - len(str(directory))))
        ww_fails(2, *arguments, "--sockets", path, says=[str(path), "too long", "net.sockets"])
        ww_fails(2, *arguments, "--sockets", "d" * 200, says=["sockets", "107"])


def test_a_socket_directory_of_another_cluster():
    with stopped_node() as (directory, _, arguments), \
            Cluster(directory, nodes=1, yaml=SMALL) as other:
        other.leader()
        ww_fails(1, *arguments, "--sockets", directory / "sockets",
                 says=["ww node", f"{directory}/sockets", "another process holds"])
        other.append(1, b"goes on\n")


@contextmanager
def small_disk(directory, size):
    """An ext4 file system of so many bytes, in a file."""
    if os.geteuid() != 0:
        skip("mounting needs root")
    image, place = directory / "image", directory / "disk"
    place.mkdir()
    with open(image, "wb") as file:
        file.truncate(size)
    for command in (["mkfs.ext4", "-q", "-O", "^has_journal", image],
                    ["mount", "-o", "loop", image, place]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            skip(f"{error}")
        if done.returncode != 0:
            skip(f"{command[0]}: {done.stderr.strip()}")
    try:
        yield place
    finally:
        # The kernel closes the files of an io_uring a little after the process has ended.
        wait_until(lambda: subprocess.run(["umount", place], capture_output=True,
                                          check=False).returncode == 0, 10, "umount")


def test_a_file_system_that_may_only_be_read():
    with Directory() as directory, small_disk(directory, 24 << 20) as disk, \
            stopped_node() as (_, stopped, arguments):
        data = disk / "data"
        shutil.copytree(stopped, data)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        arguments[arguments.index("--data") + 1] = data
        refused(1, data, arguments, [data, "Read-only file system"])
        arguments[arguments.index("--data") + 1] = disk / "new"
        ww_fails(1, *arguments, says=[str(disk / "new"), "Read-only file system"])


def test_a_full_disk_refuses_and_the_node_lives():
    with Directory() as directory, small_disk(directory, 24 << 20) as disk:
        cluster = Cluster(directory, nodes=1, yaml=SMALL)
        cluster.data = lambda node: disk / f"data{node}"
        cluster.write_configs()
        with cluster:
            cluster.append(1, b"before\n")
            done = ww("append", "--endpoint", cluster.endpoint(1), "--timeout", "2s",
                      stdin=LINES * 10)
            check_equal(done.returncode, 3, done.errors)
            check_in("BUSY", done.errors)
            taken = int(done.errors.split("appended ")[1].split()[0])
            check(taken > 10000, f"{taken} entries until the disk was full")
            state = cluster.status(1)
            check_equal(state["health"], "ok")
            check_equal(state["groups"][0]["role"], "leader")
            check(state["stages"]["busy_refusals"] > 0, "refusals are counted")
            stored = cluster.tail(1)
            check(stored.startswith(b"before\n" + LINES * 4), "what was acknowledged is there")
            cluster.stop(1)
            cluster.start(1)
            cluster.leader()
            check(cluster.tail(1).startswith(stored), "and after the restart")
            cluster.stop(1)


if __name__ == "__main__":
    try:
        run_tests(globals())
    finally:
        Template.remove()
