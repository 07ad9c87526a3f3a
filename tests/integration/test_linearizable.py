#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real processes: what several clients saw through kills and pauses is the history of one log."""
import subprocess

from cluster import Cluster, wait_until
from harness import BUILD, Directory, check, check_equal, check_in, environment, run_tests

CLIENT = BUILD / "tests" / "integration" / "history_client"
CHECKER = BUILD / "tests" / "lincheck" / "ww_lincheck"


class Clients:
    """Processes that each write a history until they are stopped."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.running = []
        self.paths = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
            process.wait()

    def start(self, kind, node, last, seconds=120):
        """`last`: operations per second, or the node to read; `node` is asked first."""
        number = len(self.paths) + 1
        self.paths.append(self.cluster.directory / f"history{number}")
        with open(self.paths[-1], "wb") as file:
            self.running.append(subprocess.Popen(
                [CLIENT, kind, self.cluster.endpoint(node), str(number), str(seconds), str(last)],
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.PIPE, env=environment(),
                start_new_session=True))

    def start_some(self):
        for node in self.cluster.nodes:
            self.start("append", node, 1000)
        for node in (1, 2):
            self.start("query", node, 200)
            self.start("read", node, node)
        leader = self.cluster.leader()
        self.wait_for_commits(leader)

    def wait_for_commits(self, node):
        """They all had the time to connect."""
        before = self.cluster.group(node)["commit"]
        wait_until(lambda: self.cluster.group(node)["commit"] > before + 500, 30, "commits")

    def wait(self):
        for process, path in zip(self.running, self.paths[-len(self.running):]):
            errors = process.communicate(timeout=90)[1].decode()
            check_equal(process.returncode, 0, f"{path}: {errors}")
        self.running = []

    def finish(self):
        """Stops them, reads every node's whole log once all are equal, and checks all."""
        for process in self.running:
            process.terminate()
        self.wait()
        self.cluster.wait_equal()
        for node in self.cluster.nodes:
            self.start("read", node, node, seconds=0)
        self.wait()
        lines = [line for path in self.paths for line in path.read_text().splitlines()]
        for kind, wanted in ("append", 2000), ("position", 100):
            answered = sum(f" {kind} " in line and " ? " not in line for line in lines)
            check(answered >= wanted, f"only {answered} of kind {kind} were answered")
        done = lincheck(*self.paths)
        check_equal(done.returncode, 0, f"ww_lincheck: {done.stdout.decode()}")


def lincheck(*arguments, stdin=b""):
    return subprocess.run([CHECKER, *arguments], input=stdin, capture_output=True, timeout=120,
                          check=False)


def test_the_checker_answers_by_its_exit_code():
    good = b"1 0 10 append 0 7 1\n2 20 30 position 0 - 1\n"
    bad = b"1 0 10 append 0 7 2\n2 20 30 position 0 - 1\n"
    done = lincheck("-", stdin=good)
    check_equal((done.returncode, done.stdout),
                (0, b"linearizable: 2 operations, 0 of them with an unknown outcome\n"))
    done = lincheck("-", stdin=bad)
    check_equal(done.returncode, 1)
    check_in("not linearizable: key 0: ", done.stdout.decode())
    check(done.stdout.endswith(bad), f"{done.stdout} names both operations")
    done = lincheck("-", stdin=b"1 0 10 append 0 7\n")
    check_equal((done.returncode, done.stdout), (2, b""))
    check_in("line 1: less than 7 columns", done.stderr.decode())
    register = b"1 0 1 write 0 5 ok\n2 2 3 read 0 - 5\n"
    check_equal(lincheck("--steps", "1", "-", stdin=register).returncode, 3)
    check_equal(lincheck("--steps", "100", "-", stdin=register).returncode, 0)
    check_equal(lincheck().returncode, 2)
    check_equal(lincheck("no/such/file").returncode, 2)


def lose_leaders(stop, go_on):
    """Three leaders in turn; each goes on when another one leads."""
    with Directory() as directory, Cluster(directory, net=", clients: 8") as cluster, \
            Clients(cluster) as clients:
        clients.start_some()
        for _ in range(3):
            leader = cluster.leader()
            stop(cluster, leader)
            clients.wait_for_commits(cluster.leader(besides=(leader,)))
            go_on(cluster, leader)
        clients.finish()


def test_leaders_are_killed_and_come_back():
    lose_leaders(Cluster.kill, Cluster.start)


def test_leaders_are_paused_and_go_on_as_if_nothing_had_happened():
    lose_leaders(Cluster.pause, Cluster.go_on)


if __name__ == "__main__":
    run_tests(globals())
