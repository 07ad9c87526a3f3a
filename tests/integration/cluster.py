# SPDX-License-Identifier: Apache-2.0
"""A cluster of `ww node` processes under the test's control: kill, pause, restart, ask.

Whatever polls gets a session of its own, as `ww up` does it (docs/decisions/0011).
"""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from harness import WW, check, environment, ww


def free_ports(count, kind=socket.SOCK_STREAM):
    """Ports that nobody listens on now, all held until all are known."""
    sockets = [socket.socket(type=kind) for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def free_port_row(count):
    """The first of so many neighbouring ports that nobody listens on, as `ww up --port` asks."""
    for _ in range(100):
        first = free_ports(1)[0]
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except (OSError, OverflowError):
            continue
        finally:
            for each in sockets:
                each.close()
    raise AssertionError(f"no {count} neighbouring ports are free")


def wait_until(condition, seconds, what):
    """Polls `condition` until it is true and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Cluster:
    """`with Cluster(directory) as cluster:` starts it; extra YAML goes to every node, `net` to its
    section, `node` in front of the others of theirs. The spares, behind the other nodes, wait to
    be added."""

    def __init__(self, directory, nodes=3, yaml="", net="", node="", spares=0, name=None):
        self.directory = Path(directory)
        self.nodes = range(1, nodes + spares + 1)
        self.spares = range(nodes + 1, nodes + spares + 1)
        self.processes = {}
        self.variables = {}  # more of the nodes' environment
        self.ports = dict(zip(self.nodes, free_ports(nodes + spares)))
        # The default is written ahead with 128 MiB a node: too much for one disk and many tests.
        self.net = net
        self.node = node
        self.name = name or f"test-{os.getpid()}"
        self.yaml = yaml if "wal:" in yaml else f"wal: {{segment: 16MiB, prepare: 16MiB}}\n{yaml}"
        self.write_configs()

    def write_configs(self):
        for node in self.nodes:
            self.write_config(node)

    def write_config(self, node):
        members = "\n".join(f"    - {{{self.member(n)}}}" for n in self.nodes)
        self.config(node).write_text(
            f"cluster:\n  name: {self.name}\n  nodes:\n{members}\n"
            f"node: {{{self.node}id: {node}, data: {self.data(node)}}}\n"
            f"net: {{sockets: {self.directory}/sockets{self.net}}}\n{self.yaml}\n",
            encoding="utf-8")

    def __enter__(self):
        try:
            for node in self.nodes:
                self.start(node)
            for node in self.nodes:
                wait_until(lambda node=node: self.status(node), 30, f"node {node} answers")
            self.leader()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def member(self, node):
        join = ", join: true" if node in self.spares else ""
        return f'id: {node}, admin: "{self.endpoint(node)}"{join}'

    def command(self, node):
        return [WW, "node", "--config", self.config(node)]

    def endpoint(self, node):
        return f"127.0.0.1:{self.ports[node]}"

    def config(self, node):
        return self.directory / f"node{node}.yaml"

    def data(self, node):
        return self.directory / f"data{node}"

    def log(self, node):
        return (self.directory / f"node{node}.log").read_text(errors="replace")

    def start(self, node):
        with open(self.directory / f"node{node}.log", "ab") as log:
            self.processes[node] = subprocess.Popen(
                self.command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(**self.variables), start_new_session=True)

    def kill(self, node):
        self.processes[node].kill()
        self.processes.pop(node).wait()

    def stop(self, node):
        """SIGTERM; the exit code must be 0."""
        process = self.processes.pop(node)
        process.terminate()
        check(process.wait(20) == 0, f"node {node} ended with {process.returncode}:\n"
              f"{self.log(node)}")

    def pause(self, node):
        self.processes[node].send_signal(signal.SIGSTOP)

    def go_on(self, node):
        self.processes[node].send_signal(signal.SIGCONT)

    def status(self, node):
        """The node's status, or None when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.endpoint(node)}/v1/status",
                                        timeout=3) as answer:
                return json.load(answer)
        except OSError:
            return None

    def group(self, node, group=0):
        status = self.status(node)
        return status["groups"][group] if status else None

    def leader(self, besides=(), group=0, seconds=30):
        """Waits for a leader that has committed in its term."""
        def find():
            for node in self.nodes:
                if node in besides or node not in self.processes:
                    continue
                state = self.group(node, group)
                if state and state["role"] == "leader" and state["applied"] == state["commit"] > 0:
                    return node
            return None
        return wait_until(find, seconds, "a leader")

    def wait_equal(self, group=0, seconds=60):
        """Waits until all running nodes applied the same; returns (applied, digest)."""
        def equal():
            states = [self.group(node, group) for node in self.processes]
            if any(state is None for state in states):
                return None
            seen = {(state["applied"], state["commit"], state["last_index"], state["digest"])
                    for state in states}
            applied, commit, last, digest = seen.pop()
            # The end of a client's session may still be on its way.
            return (applied, digest) if not seen and applied == commit == last else None
        return wait_until(equal, seconds, "equal, quiet replicas")

    def tail(self, node, *arguments):
        done = ww("tail", "--endpoint", self.endpoint(node), *arguments, timeout=120)
        check(done.returncode == 0, f"ww tail of node {node}: {done.errors}")
        return done.stdout

    def append(self, node, data, *arguments):
        done = ww("append", "--endpoint", self.endpoint(node), *arguments, stdin=data, timeout=120)
        check(done.returncode == 0, f"ww append: {done.errors}")
        return done


class Feeder:
    """`ww append` that gets numbered lines at a steady pace, while the test does harm."""

    def __init__(self, cluster, node, per_second=20000, prefix="entry"):
        self.process = subprocess.Popen(
            [WW, "append", "--endpoint", cluster.endpoint(node), "--timeout", "60s"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment(), start_new_session=True)
        self.prefix = prefix
        self.per_second = per_second
        self.lines = []

    def feed(self, seconds):
        """Writes lines for so long; returns when they are written (not when they are committed)."""
        step = max(1, self.per_second // 100)
        for _ in range(int(seconds * 100)):
            chunk = [f"{self.prefix}-{len(self.lines) + i:08d}-" + "x" * 40 for i in range(step)]
            self.lines += chunk
            self.process.stdin.write(("\n".join(chunk) + "\n").encode())
            self.process.stdin.flush()
            time.sleep(0.01)

    def finish(self):
        """Closes the input and waits until every line was acknowledged."""
        self.process.stdin.close()
        errors = self.process.stderr.read().decode()
        check(self.process.wait(120) == 0, f"ww append: {errors}")
        check(f"appended {len(self.lines)} entries" in errors, f"ww append said {errors!r}")
        return self.lines
