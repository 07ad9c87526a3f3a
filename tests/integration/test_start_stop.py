#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command ends when it is told to, and leaves no process, socket, lock or directory."""
import os
import random
import signal
import subprocess
import time

from cluster import Cluster, free_port_row, wait_until
from harness import WW, Directory, check, check_equal, check_in, environment, run_tests

SMALL = "memory: {log_buffer: 1MiB}\nwal: {segment: 1MiB, prepare: 2MiB}"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def names(directory):
    """All files but the segments of logs, which come with what is appended."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*")
            if path.suffix != ".seg"}


def start(*arguments, **variables):
    return subprocess.Popen([WW, *map(str, arguments)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment(**variables))


def end(process, number, exit_code):
    """Sends the signal and waits, the input being open still; returns stdout and stderr."""
    process.send_signal(number)
    try:
        check_equal(process.wait(20), exit_code, f"{process.args} after signal {number}")
    finally:
        process.kill()
    process.stdin.close()
    with process.stdout as out, process.stderr as errors:
        return out.read().decode(), errors.read().decode()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def test_a_node_starts_and_stops_fifty_times():
    with Directory() as directory, Cluster(directory, yaml=SMALL) as cluster:
        cluster.append(1, b"before\n")
        node = cluster.leader() % 3 + 1
        cluster.stop(node)
        left = names(directory)
        check(not any(name.startswith(f"sockets/node-{node}.") for name in left), f"{left}")
        said = cluster.log(node)
        check_equal(said.count("\n"), 2, f"lines that it said: {said}")
        for _ in range(50):
            cluster.start(node)
            wait_until(lambda: cluster.status(node), 20, "the node answers")
            cluster.stop(node)
            check_equal(names(directory), left, "files")
        lines = cluster.log(node).splitlines()
        check_equal(len(lines), 2 * 51, "lines that it said")
        check_equal(set(lines[::2]), {said.splitlines()[0]}, "how it is configured")
        check(all(line.startswith("log: ") for line in lines[1::2]), "what it found")
        cluster.start(node)
        cluster.wait_equal()


def test_a_node_may_be_stopped_at_any_moment():
    chance = random.Random(11)
    with Directory() as directory, Cluster(directory, yaml=SMALL) as cluster:
        node = cluster.leader() % 3 + 1
        cluster.stop(node)
        left = names(directory)
        for _ in range(30):
            cluster.start(node)
            time.sleep(chance.random() * 0.3)  # any moment is the point
            process = cluster.processes.pop(node)
            process.terminate()
            # Before it listens for the signal, the signal itself ends it.
            check(process.wait(20) in (0, -signal.SIGTERM), f"ended with {process.returncode}:\n"
                  f"{cluster.log(node)}")
            check_equal(names(directory), left, "files")
        cluster.start(node)
        cluster.wait_equal()


def test_a_lone_node_ends_by_each_signal():
    for number in SIGNALS:
        with Directory() as directory:
            cluster = Cluster(directory, nodes=1, yaml=SMALL)
            process = start("node", "--config", cluster.config(1))
            cluster.processes[1] = process
            cluster.leader()
            check_equal(names(directory / "sockets"), {"node-1.sock", "node-1.lock"})
            out, errors = end(process, number, 0)
            check_equal(out, "", "stdout")
            check_equal(errors.count("\n"), 2, errors)
            check_equal(names(directory / "sockets"), set())


def test_up_ends_by_each_signal_and_keeps_only_what_it_is_told_to():
    for number in SIGNALS:
        for keep in ((), ("--keep",)):
            with Directory() as directory:
                process = start("up", "--port", free_port_row(3), "--segment", "1MiB",
                                "--prepare", "2MiB", "--log_buffer", "1MiB", *keep,
                                TMPDIR=str(directory))
                first_line = process.stdout.readline().decode()
                check("The cluster is up" in first_line,
                      first_line or process.communicate()[1].decode())
                nodes = children(process.pid)
                check_equal(len(nodes), 3, "nodes")
                end(process, number, 0)
                for node in nodes:
                    check(not os.path.exists(f"/proc/{node}"), f"process {node} is left")
                left = names(directory)
                check_equal(len([name for name in left if name.endswith("/identity")]),
                            3 if keep else 0, f"logs in {left}")
                check(not any(name.endswith((".sock", "node-1.lock")) for name in left), f"{left}")
                check(keep or not left, f"{left} is left")


def test_up_ends_while_it_starts():
    with Directory() as directory:
        process = start("up", "--port", free_port_row(3), "--durability", "memory",
                        TMPDIR=str(directory))
        wait_until(lambda: len(children(process.pid)) == 3, 20, "three nodes")
        nodes = children(process.pid)
        end(process, signal.SIGINT, 0)
        check_equal(names(directory), set(), "files")
        for node in nodes:
            check(not os.path.exists(f"/proc/{node}"), f"process {node} is left")


def test_append_and_tail_end_by_each_signal():
    with Directory() as directory, Cluster(directory, nodes=1, yaml=SMALL) as cluster:
        cluster.append(1, b"first\n")
        left = names(directory / "sockets")
        for number in SIGNALS:
            process = start("append", "--endpoint", cluster.endpoint(1), "--progress", "always")
            process.stdin.write(b"second\n")
            process.stdin.flush()
            while not process.stderr.readline().startswith(b"1 entries appended, 6 bytes"):
                pass
            check("client-0.lock" in names(directory / "sockets"), "it holds a link")
            _, errors = end(process, number, 1)
            check_in("appended 1 entries", errors)
            check_in("interrupted", errors)
            check_equal(names(directory / "sockets"), left, "after append")
            process = start("tail", "--follow", "--endpoint", cluster.endpoint(1))
            check_equal(process.stdout.readline(), b"first\n")
            _, errors = end(process, number, 0)
            check_equal(errors, "", "stderr of tail")
            check_equal(names(directory / "sockets"), left, "after tail")


def test_a_killed_client_leaves_its_place_to_the_next():
    with Directory() as directory, Cluster(directory, nodes=1, yaml=SMALL) as cluster:
        cluster.append(1, b"first\n")
        for _ in range(8):  # more than there are client links
            process = start("tail", "--follow", "--endpoint", cluster.endpoint(1))
            check_equal(process.stdout.readline(), b"first\n")
            end(process, signal.SIGKILL, -signal.SIGKILL)
        check_equal(cluster.tail(1), b"first\n")


if __name__ == "__main__":
    run_tests(globals())
