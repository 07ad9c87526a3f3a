#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes on small file systems that are full: no proposals, but reads and elections; and they go on
by themselves when there is room again."""
import contextlib
import ctypes
import os
import shutil
import subprocess

from cluster import Cluster, wait_until
from harness import Directory, check, check_equal, check_in, run_tests, skip, ww

CLONE_NEWNS = 0x20000
DISK_BYTES = 96 << 20
FREE_BYTES = 8 << 20
YAML = "wal: {segment: 1MiB, prepare: 2MiB}\nmemory: {log_buffer: 1MiB}\n"
LINES = b"".join(b"line-%08d-%s\n" % (i, b"z" * 1000) for i in range(30000))
MORE = b"there is room again\n"


def own_mounts():
    """What is mounted from now on is seen by this process and its children only."""
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        skip("mounts a file system: needs root and loop devices")
    if shutil.which("mkfs.ext4") is None or shutil.which("mount") is None:
        skip("needs mkfs.ext4 and mount")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        skip(f"no namespace for mounts: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")


def run(*command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


class SmallDisk:
    """`with SmallDisk(directory, 1) as disk:` mounts one at disk.path. A ballast fills it."""

    def __init__(self, directory, number):
        self.image = directory / f"disk{number}.img"
        self.path = directory / f"disk{number}"
        self.ballast = self.path / "ballast"

    def __enter__(self):
        with open(self.image, "wb") as image:
            image.truncate(DISK_BYTES)
        run("mkfs.ext4", "-q", "-m", "0", self.image)
        self.path.mkdir()
        run("mount", "-o", "loop", self.image, self.path)
        return self

    def __exit__(self, *_):
        """The kernel takes an io_uring apart a moment after its process has ended."""
        wait_until(lambda: subprocess.run(["umount", self.path], check=False).returncode == 0, 10,
                   f"umount {self.path}")

    def free(self):
        return shutil.disk_usage(self.path).free

    def fill(self):
        with open(self.ballast, "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, self.free() - FREE_BYTES)


class ClusterOn(Cluster):
    """Each node on its disk."""

    def __init__(self, directory, disks, **more):
        self.disks = disks
        super().__init__(directory, **more)

    def data(self, node):
        return self.disks[node].path / "data"


@contextlib.contextmanager
def cluster_on_small_disks():
    own_mounts()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(Directory())
        disks = {node: stack.enter_context(SmallDisk(directory, node)) for node in (1, 2, 3)}
        yield stack.enter_context(ClusterOn(directory, disks, yaml=YAML))


def append_until_full(cluster, node):
    done = ww("append", "--endpoint", cluster.endpoint(node), "--timeout", "3s", stdin=LINES)
    check_equal(done.returncode, 3, f"ww append: {done.errors}")
    check_in("BUSY", done.errors)


def check_healthy(cluster):
    for node in cluster.processes:
        check_equal(cluster.status(node)["health"], "ok", f"node {node}")


def leading(cluster):
    """Elected; it may hold entries that the others have no room for, and so commit nothing yet."""
    for node in cluster.processes:
        state = cluster.group(node)
        if state and state["role"] == "leader":
            return node
    return None


def test_the_leaders_disk_is_full():
    with cluster_on_small_disks() as cluster:
        full = cluster.leader()
        cluster.disks[full].fill()
        append_until_full(cluster, full)
        check(cluster.disks[full].free() < 2 << 20, "its disk is full")
        check_healthy(cluster)
        kept = cluster.tail(full)
        check(0 < len(kept) < len(LINES) and LINES.startswith(kept), "a part of it, in order")

        cluster.kill(full)
        after = cluster.leader(besides=[full])
        check_equal(cluster.tail(after)[:len(kept)], kept, "read from the new leader")
        cluster.append(after, MORE)
        cluster.start(full)
        wait_until(lambda: cluster.status(full), 30, "it starts on a full disk")
        cluster.append(cluster.leader(), MORE)
        check_healthy(cluster)

        cluster.disks[full].ballast.unlink()
        cluster.wait_equal()
        check_equal(cluster.tail(full), cluster.tail(after), "all that it had no room for")


def test_all_disks_are_full():
    with cluster_on_small_disks() as cluster:
        for disk in cluster.disks.values():
            disk.fill()
        leader = cluster.leader()
        append_until_full(cluster, leader)
        kept = cluster.tail(leader)
        check(0 < len(kept) < len(LINES) and LINES.startswith(kept), "a part of it, in order")
        for _ in range(3):
            cluster.kill(leader)
            wait_until(lambda: leading(cluster), 30, "a vote and a no-op find room")
            cluster.start(leader)
            wait_until(lambda node=leader: cluster.status(node), 30, "it starts on a full disk")
            leader = wait_until(lambda: leading(cluster), 30, "a leader")
        check_healthy(cluster)

        for disk in cluster.disks.values():
            disk.ballast.unlink()
        cluster.append(cluster.leader(), MORE)
        cluster.wait_equal()
        for node in cluster.nodes:
            check_equal(cluster.tail(node)[:len(kept)], kept, f"node {node}")
        check_healthy(cluster)


if __name__ == "__main__":
    run_tests(globals())
