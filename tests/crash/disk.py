# SPDX-License-Identifier: Apache-2.0
"""A small disk with an ext4 file system, whose writes and flushes are logged or made to fail.

    disk.img <- qemu-storage-daemon (blklogwrites, blkdebug) <- FUSE <- loop device <- ext4

The file system's writes reach the daemon as they are, and its flushes as FUSE's fsync: the daemon
takes one request after the other, so that the log has them in the order of their completion.
"""
import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from harness import check, skip  # noqa: E402

CLONE_NEWNS = 0x20000
TOOLS = ["qemu-storage-daemon", "fusermount3", "mkfs.ext4", "filefrag", "mount", "umount"]
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 2 << 30
DISK_BYTES = 64 << 20


def run(*command):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    check(done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}")


def why_not():
    """What this machine lacks, or None."""
    if os.geteuid() != 0:
        return "needs root, to mount file systems"
    for path in ["/dev/fuse", "/dev/loop-control"]:
        if not os.path.exists(path):
            return f"no {path}"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {' '.join(missing)}" if missing else None


def own_mounts():
    """What this process and its children mount is seen by nobody else, and ends with them."""
    reason = why_not()
    if reason:
        skip(reason)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        skip(f"no namespace for mounts: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")


def fast_directory():
    """A temporary directory in memory, where there is enough of it."""
    memory = MEMORY if MEMORY.is_dir() else None
    if memory and shutil.disk_usage(memory).free < MEMORY_NEEDED:
        memory = None
    return Path(tempfile.mkdtemp(prefix="ww-crash-", dir=memory))


def fault(kind, errno, **more):
    """A rule of blkdebug: requests of this kind (read, write, flush) fail so."""
    return {"event": "none", "iotype": kind, "errno": errno, **more}


class Disk:
    """`with Disk(directory) as disk:` makes and mounts it at disk.mount_point; directory/start.img
    is what it was before, directory/writes.log the log."""

    def __init__(self, directory, log=False):
        self.directory = Path(directory)
        self.log = log
        self.mount_point = self.directory / "mnt"
        self.daemon = None
        self.mounted = False

    def path(self, name):
        return self.directory / name

    def __enter__(self):
        start = self.path("start.img")
        with open(start, "wb") as image:
            image.truncate(DISK_BYTES)
        run("mkfs.ext4", "-q", "-b", "4096", "-J", "size=4", "-E",
            "lazy_itable_init=0,lazy_journal_init=0,nodiscard", start)
        run("cp", "--sparse=always", start, self.path("disk.img"))
        for name in ["writes.log", "export"]:
            self.path(name).touch()
        self.mount_point.mkdir(exist_ok=True)
        try:
            self.start_daemon()
            self.mount()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.mounted:
            self.unmount()
        if self.daemon:
            self.daemon.terminate()
            self.daemon.wait(20)
            self.daemon = None

    def start_daemon(self):
        # The files are in memory or will not be needed after a crash of this machine: no syncs.
        file = "driver=file,node-name={0},filename={1},cache.no-flush=on"
        nodes = [file.format("disk", self.path("disk.img"))]
        if self.log:
            nodes += [file.format("log", self.path("writes.log")),
                      "driver=blklogwrites,node-name=below,file=disk,log=log"]
        nodes += [f"driver=raw,node-name=top,file={'below' if self.log else 'disk'}"]
        command = ["qemu-storage-daemon"]
        for node in nodes:
            command += ["--blockdev", node]
        command += ["--export", "type=fuse,id=export,node-name=top,writable=on,allow-other=off,"
                    f"mountpoint={self.path('export')}",
                    "--chardev", f"socket,id=qmp,path={self.path('qmp')},server=on,wait=off",
                    "--monitor", "chardev=qmp"]
        with open(self.path("daemon.log"), "wb") as log:
            self.daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, start_new_session=True)
        deadline = time.monotonic() + 10
        while os.stat(self.path("export")).st_size != DISK_BYTES:
            check(self.daemon.poll() is None and time.monotonic() < deadline,
                  f"qemu-storage-daemon: {self.path('daemon.log').read_text()}")
            time.sleep(0.01)

    def mount(self):
        # Without a sync ext4 would write its metadata after a while; here it is never that kind.
        run("mount", "-o", "loop,noatime,commit=300", self.path("export"), self.mount_point)
        self.mounted = True

    def unmount(self):
        """The file system may be busy for a moment after the last process has ended."""
        deadline = time.monotonic() + 10
        while subprocess.run(["umount", self.mount_point], stderr=subprocess.DEVNULL,
                             check=False).returncode != 0:
            check(time.monotonic() < deadline, f"{self.mount_point} stays busy")
            time.sleep(0.05)
        self.mounted = False

    def qmp(self, *commands):
        """Runs commands of the daemon's monitor, each a (name, arguments)."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.path("qmp")))
            lines = connection.makefile("rw")
            lines.readline()
            for name, arguments in [("qmp_capabilities", {}), *commands]:
                lines.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
                lines.flush()
                answer = {"event": None}
                while "event" in answer:
                    answer = json.loads(lines.readline())
                check("return" in answer, f"{name}: {answer}")

    def sectors(self, *paths):
        """A sector of each page of these files."""
        found = []
        for path in paths:
            listing = subprocess.run(["filefrag", "-b512", "-v", path], capture_output=True,
                                     text=True, check=True).stdout
            for first, last in re.findall(r"^ *\d+: +\d+\.\. +\d+: +(\d+)\.\. +(\d+):", listing,
                                          re.M):
                found += range(int(first), int(last), 8)
        return found

    def fail(self, *rules):
        """From now on requests fail as the rules of blkdebug say; without any they succeed."""
        below = "below" if self.log else "disk"
        top = {"driver": "raw", "node-name": "top", "file": "faults" if rules else below}
        faults = {"driver": "blkdebug", "node-name": "faults", "image": below,
                  "inject-error": list(rules)}
        self.qmp(*[("blockdev-add", faults)] if rules else [],
                 ("blockdev-reopen", {"options": [top]}),
                 *[] if rules else [("blockdev-del", {"node-name": "faults"})])
