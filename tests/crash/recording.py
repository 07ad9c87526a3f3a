# SPDX-License-Identifier: Apache-2.0
"""Runs real nodes on a logged disk while a client writes; then rebuilds that disk as a crash may
have left it at any of its flushes, and looks what a node finds there."""
import errno
import json
import random
import subprocess
import time
from pathlib import Path

from disk import Disk, fault  # the first of ours: it says where the others are
from cluster import Cluster, wait_until
from harness import BUILD, Directory, check, check_equal, environment, ww

TOOLS = BUILD / "tests" / "crash"
SEGMENT_BYTES = 1 << 20

# What is recorded in turn: nodes, the options of Raft and of the log, and what disturbs node 1.
SNAPSHOTS = "snapshot_entries: 1000, snapshot_keep: 100"
KINDS = {
    "dsync": (1, SNAPSHOTS, "durability: dsync", "kill"),
    # Snapshots bring syncs of the file system's journal, which hide one that is missing elsewhere.
    "fdatasync": (1, "groups: 3", "durability: fdatasync, depth: 4", "kill"),
    "cluster": (3, f"groups: 2, {SNAPSHOTS}", "durability: dsync, depth: 4", "kill"),
    "buffered": (1, f"groups: 2, {SNAPSHOTS}", "durability: buffered, retain: 2MiB", "kill"),
    "errors": (1, f"groups: 2, {SNAPSHOTS}", "durability: fdatasync, depth: 4", "fail"),
    "buffered-errors": (1, SNAPSHOTS, "durability: buffered", "fail"),
}
FAULTS = [fault("flush", errno.EIO, once=True), fault("write", errno.EIO, once=True),
          fault("write", errno.ENOSPC)]


class DiskCluster(Cluster):
    """Node 1 lives on the disk, the others on an ordinary one."""

    def __init__(self, directory, disk, ordinary, nodes, raft, wal):
        self.disk = disk
        self.ordinary = ordinary
        yaml = (f"raft: {{{raft}}}\n"
                f"wal: {{segment: {SEGMENT_BYTES}, prepare: {SEGMENT_BYTES}, {wal}}}\n"
                "memory: {log_buffer: 1MiB}\n")
        super().__init__(directory, nodes=nodes, yaml=yaml)

    def data(self, node):
        return self.disk.mount_point / "data" if node == 1 else self.ordinary / f"data{node}"

    def fenced(self):
        """A node that fences itself says so, and ends soon."""
        status = self.status(1)
        return status["health"] != "ok" if status else self.processes[1].poll() is not None

    def restart_on_a_sound_disk(self):
        """After an error the file system may take no more writes until it is mounted anew."""
        self.kill(1)
        self.disk.fail()
        self.disk.unmount()
        self.disk.mount()
        self.start(1)


class Recording:
    """A directory with start.img, writes.log, acks.txt: what images are made of."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.about = json.loads((self.directory / "about.json").read_text())

    @classmethod
    def make(cls, directory, kind, seed, seconds, per_second=3000):
        """`directory` exists and is empty."""
        directory = Path(directory)
        nodes, raft, wal, how = KINDS[kind]
        (directory / "nodes").mkdir()
        with Disk(directory, log=True) as disk, Directory() as ordinary, \
                DiskCluster(directory / "nodes", disk, ordinary, nodes, raft, wal) as cluster:
            if nodes > 1:
                cluster.kill(3)  # so that nothing is acknowledged without node 1
            name = cluster.config(1).read_text().split("name: ")[1].split()[0]
            about = {"kind": kind, "cluster": name, "restarts": 0}
            client = subprocess.Popen(
                [TOOLS / "crash_client", cluster.endpoint(1), disk.path("writes.log"),
                 directory / "acks.txt", str(seed), str(seconds), str(per_second)],
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment(),
                start_new_session=True)
            try:
                about["restarts"] = disturb(cluster, client, how, seed, seconds)
                errors = client.communicate(timeout=60)[1].decode()
            finally:
                client.kill()
                client.wait()
            check(client.returncode == 0, f"{errors}{cluster.log(1)}")
            about["status"] = wait_until(lambda: cluster.status(1), 30, "node 1 answers")["wal"]
        (directory / "about.json").write_text(json.dumps(about))
        return cls(directory)


def fault_is_over(cluster, client, before):
    """The node fences itself. Or the fault hit a snapshot or a segment that is made ahead, which
    costs only that; or the client had ended, and the log wrote nothing more."""
    if cluster.fenced():
        return True
    now = cluster.status(1)
    return now is not None and \
        (now["stages"]["snapshots_failed"] > before["stages"]["snapshots_failed"] or
         now["wal"]["segments_failed"] > before["wal"]["segments_failed"] or
         (client.poll() is not None and now["wal"]["writes"] == before["wal"]["writes"]))


def break_the_disk(cluster, client, chance):
    """Until the node fences itself. An error that comes once may meet a write of the file system
    itself, and then the node goes on; one that stays meets its log."""
    before = wait_until(lambda: cluster.status(1), 30, "node 1 answers")
    cluster.disk.fail(chance.choice(FAULTS))
    try:
        wait_until(lambda: fault_is_over(cluster, client, before), 10, "node 1 fences itself")
    except AssertionError:
        cluster.disk.fail()
        cluster.disk.fail(fault("write", errno.EIO))
        wait_until(lambda: fault_is_over(cluster, client, before), 30,
                   "node 1 fences itself while all writes fail")


def disturb(cluster, client, how, seed, seconds):
    """Kills node 1 now and then, or lets its disk fail, and starts it again; where there are
    others, the leader changes. Returns how often it was started again."""
    chance = random.Random(seed)
    deadline = time.monotonic() + seconds
    restarts = 0
    while True:
        time.sleep(chance.uniform(0.3, 1.2))
        if time.monotonic() >= deadline:
            return restarts
        if how == "fail":
            break_the_disk(cluster, client, chance)
            cluster.restart_on_a_sound_disk()
            restarts += 1
        elif len(cluster.nodes) == 1 or chance.random() < 0.4:
            cluster.kill(1)
            cluster.start(1)
            restarts += 1
        else:
            group = chance.randrange(2)
            # It may be refused: the leader may be new itself.
            ww("leader", "transfer", str(chance.choice([1, 2])), "--group", str(group),
               "--endpoint", cluster.endpoint(2), timeout=30)


class Images:
    """`with Images(recording) as images:` rebuilds disks of it, one at a time."""

    def __init__(self, recording):
        self.recording = recording
        self.directory = recording.directory
        self.mount_point = self.directory / "mnt"
        self.process = None
        self.flushes = 0

    def __enter__(self):
        self.mount_point.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [TOOLS / "crash_images", *(self.directory / name for name in
                                       ["start.img", "writes.log", "acks.txt", "scratch.img"]),
             self.mount_point, self.recording.about["cluster"], "1", str(SEGMENT_BYTES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.flushes = int(self.process.stdout.readline().split()[1])
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        check(self.process.wait(60) == 0, f"crash_images ended with {self.process.returncode}")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        check(answer.startswith(("ok ", "failed ")), f"crash_images: {answer!r}")
        return answer

    def look(self, flush, seed, claimed=None):
        """(what was found, None) or (None, what is wrong)."""
        answer = self.ask(f"image {flush} {seed} {flush if claimed is None else claimed}")
        if answer.startswith("failed "):
            return None, answer.removeprefix("failed ")
        return dict((key, int(value)) for key, value in
                    (part.split("=") for part in answer.split()[1:])), None

    def boot(self, found):
        """Starts the node on the disk that is mounted, kills it, and looks at the disk again.
        Returns what is wrong, or None."""
        alone = KINDS[self.recording.about["kind"]][0] == 1
        try:
            with Booted(self.directory, self.mount_point) as node:
                status = wait_until(node.status, 30, "the node answers")
                check_equal(status["health"], "ok", "health")
                behind = found["required"] - found["covered"]
                read = node.entries() if alone else behind
        except AssertionError as what:
            return str(what)
        # Of what a snapshot covers it may let go at the start.
        if not behind <= read <= found["entries"]:
            return f"ww tail prints {read} entries of {found}"
        answer = self.ask("again")
        return answer.removeprefix("failed ") if answer.startswith("failed ") else None


class Booted(Cluster):
    """Node 1 of a recording, alone, on a rebuilt disk."""

    def __init__(self, directory, mount_point):
        self.directory = directory / "nodes"
        self.mount_point = mount_point
        self.nodes = [1]
        self.processes = {}
        self.variables = {}
        self.ports = {1: int(self.config(1).read_text().split('admin: "127.0.0.1:')[1]
                             .split('"')[0])}

    def __enter__(self):
        self.start(1)
        return self

    def __exit__(self, *_):
        self.kill(1)

    def command(self, node):
        return [*super().command(node), "--node.data", self.mount_point / "data",
                "--net.sockets", self.directory / "sockets",
                "--raft.snapshot_entries", "0", "--wal.repair", "never"]

    def status(self, node=1):
        check(self.processes[1].poll() is None, f"the node does not start: {self.log(1)}")
        return super().status(node)

    def log_of(self, group):
        """What `ww tail` prints of it, while the node may let go of entries."""
        while True:
            first = self.group(1, group)["first_index"]
            try:
                return self.tail(1, "--group", group, "--from", first, "--framing", "len32")
            except AssertionError:
                if self.group(1, group)["first_index"] == first:
                    raise

    def entries(self):
        """How many entries of clients its log holds, by `ww tail`."""
        count = 0
        for number in range(len(self.status()["groups"])):
            self.leader(group=number)
            printed = self.log_of(number)
            at = 0
            while at < len(printed):
                at += 4 + int.from_bytes(printed[at:at + 4], "little")
                count += 1
        return count
