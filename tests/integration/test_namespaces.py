#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole clusters over kernel interfaces: three nodes and a client, a network namespace each.

    this process' namespace: a bridge with 10.99.0.254
      |         |         |         |          two veth pairs to each:
    node 1    node 2    node 3    client         data  no IP address; DPDK sends and receives here
                                                 mgmt  10.99.0.N (client: 4), for HTTP

The suite runs in a namespace of its own, so that the machine's interfaces stay as they are.
"""
import os
import subprocess
import sys
from contextlib import contextmanager

from cluster import Cluster
from harness import ROOT, WW, Directory, check, check_equal, check_in, environment, run_tests, skip

FIX = ROOT / "tests" / "data" / "fix44-session.txt"
YAML = "memory: {log_buffer: 4MiB}\nwal: {segment: 4MiB, prepare: 8MiB}"
CLIENT = 4
OWN_NAMESPACE = "WW_TEST_OWN_NAMESPACE"


def ip(*words):
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"ip {words}: {done.stderr}")


def namespace(number):
    return f"ww-test-{os.getpid()}-{number}"


def inside(number):
    return ["ip", "netns", "exec", namespace(number)]


def add_interface(number, name, mtu):
    outer = f"{name}{number}"
    ip("link", "add", outer, "mtu", mtu, "type", "veth", "peer", "name", name, "mtu", mtu, "netns",
       namespace(number))
    ip("link", "set", outer, "master", "bridge", "up")
    ip("-n", namespace(number), "link", "set", name, "up")


@contextmanager
def network(mtu):
    if os.environ.get(OWN_NAMESPACE) is None:
        skip("needs root and network namespaces")
    try:
        ip("link", "add", "bridge", "mtu", mtu, "type", "bridge")
        ip("address", "add", "10.99.0.254/24", "dev", "bridge")
        ip("link", "set", "bridge", "up")
        ip("link", "set", "lo", "up")
        for number in range(1, CLIENT + 1):
            ip("netns", "add", namespace(number))
            ip("-n", namespace(number), "link", "set", "lo", "up")
            add_interface(number, "data", mtu)
            add_interface(number, "mgmt", mtu)
            ip("-n", namespace(number), "address", "add", f"10.99.0.{number}/24", "dev", "mgmt")
        yield
    finally:
        for number in range(1, CLIENT + 1):
            subprocess.run(["ip", "netns", "delete", namespace(number)], capture_output=True,
                           check=False)
        subprocess.run(["ip", "link", "delete", "bridge"], capture_output=True, check=False)


class NamespaceCluster(Cluster):
    def command(self, node):
        return [*inside(node), *super().command(node)]

    def endpoint(self, node):
        return f"10.99.0.{node}:7200"

    def client(self, *arguments):
        """Runs ww in the client's namespace; its stdout."""
        done = subprocess.run(
            [*inside(CLIENT), WW, *map(str, arguments)], capture_output=True, timeout=60,
            env=environment(WW_CLIENT_INTERFACE="data", WW_CLIENT_ADDRESS="10.77.1.1",
                            WW_CLIENT_MAC="02:57:57:00:01:01"), check=False)
        check(done.returncode == 0, f"ww {arguments}: {done.stderr.decode()}")
        return done.stdout


def append_and_tail(transport, mtu):
    with Directory() as directory, network(mtu), NamespaceCluster(
            directory, yaml=YAML,
            net=f", transport: {transport}, interface: data, mtu: {mtu}") as cluster:
        lines = FIX.read_bytes()
        check_equal(lines.count(b"\n"), 137, "messages in the file")
        cluster.client("append", "--file", FIX, "--endpoint", cluster.endpoint(1))
        cluster.wait_equal()
        for node in cluster.nodes:
            check(cluster.client("tail", "--endpoint", cluster.endpoint(node)) == lines,
                  f"the log of node {node}")
        leader = cluster.leader()
        check_equal(cluster.status(leader)["transport"]["name"], transport)
        cluster.kill(leader)
        cluster.leader(besides=(leader,))
        other = leader % 3 + 1
        cluster.client("append", "--file", FIX, "--endpoint", cluster.endpoint(other))
        cluster.start(leader)
        cluster.wait_equal()
        check(cluster.client("tail", "--endpoint", cluster.endpoint(leader)) == 2 * lines,
              "what the node that was away caught up with")
        for node in cluster.nodes:
            cluster.stop(node)


def test_append_and_tail_over_af_packet():
    append_and_tail("af_packet", 9000)


def test_append_and_tail_over_af_xdp():
    append_and_tail("af_xdp", 3400)


def test_a_client_without_an_interface_is_told_what_is_missing():
    with Directory() as directory, network(9000), NamespaceCluster(
            directory, nodes=1, yaml=YAML,
            net=", transport: af_packet, interface: data") as cluster:
        done = subprocess.run([*inside(CLIENT), WW, "append", "--endpoint", cluster.endpoint(1)],
                              input=b"x\n", capture_output=True, env=environment(), check=False)
        check_equal(done.returncode, 2, "exit code")
        for name in ("WW_CLIENT_INTERFACE", "WW_CLIENT_ADDRESS", "WW_CLIENT_MAC"):
            check_in(name, done.stderr.decode())


if __name__ == "__main__":
    enter = ["unshare", "--net", "--"]
    if OWN_NAMESPACE not in os.environ and os.geteuid() == 0 and subprocess.run(
            [*enter, "true"], capture_output=True, check=False).returncode == 0:
        os.environ[OWN_NAMESPACE] = "yes"
        os.execvp(enter[0], [*enter, sys.executable, *sys.argv])
    run_tests(globals())
