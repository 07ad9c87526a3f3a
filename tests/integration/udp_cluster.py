# SPDX-License-Identifier: Apache-2.0
"""A cluster over kernel UDP: for tests that send datagrams of their own, or stand in the way."""
import os
import select
import socket
import struct
import threading

from cluster import Cluster, free_ports, wait_until
from log_files import crc32c

HEADER = struct.Struct("<HBBIQIIII")  # engine/wire/datagram.h
MESSAGE = struct.Struct("<BBHIIIQQQII")  # engine/wire/client_message.h
CLIENT = 0x80001234


def crc64(data):
    """CRC-64/XZ, the cluster's number."""
    crc = ~0 & 0xFFFFFFFFFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xC96C5795D7870F42 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFFFFFFFFFF


def message(kind, body_bytes=0, group=0, sequence=0, count=0, index=0):
    return MESSAGE.pack(kind, 0, 0, group, body_bytes, 65536, sequence, 0, index, count, 0)


class UdpCluster(Cluster):
    """A cluster over kernel UDP, and a socket that sends what it likes to one node of it."""

    def __init__(self, directory, yaml, net=""):
        self.udp_ports = dict(zip(range(1, 4), free_ports(3, socket.SOCK_DGRAM)))
        super().__init__(directory, yaml=yaml, net=f", transport: udp{net}")
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5)

    def __exit__(self, *_):
        self.socket.close()
        super().__exit__()

    def member(self, node):
        return f"{super().member(node)}, port: {self.udp_ports[node]}"

    def send(self, node, data):
        self.socket.sendto(data, ("127.0.0.1", self.udp_ports[node]))

    def datagram(self, node, messages=b"", body=b"", body_crc=None, **fields):
        """A good datagram for `node`, but for the fields that are given."""
        values = {"magic": 0x5757, "version": 3, "count": len(messages) // MESSAGE.size,
                  "size": HEADER.size + len(messages) + len(body),
                  "cluster": crc64(f"test-{os.getpid()}".encode()), "source": CLIENT,
                  "destination": node, "crc": 0,
                  "body_crc": crc32c(body) if body_crc is None and body else body_crc or 0}
        values.update(fields)
        values["crc"] = fields.get("crc", crc32c(HEADER.pack(*values.values()) + messages))
        return HEADER.pack(*values.values()) + messages + body

    def drops(self, node):
        status = self.status(node)
        return {**status["stages"]["drops"], **status["transport"]["counters"]}

    def wait_dropped(self, node, name, before, count=1):
        wait_until(lambda: self.drops(node)[name] >= before[name] + count, 10,
                   f"{count} more of {name} in {before}")

    def log(self, node):
        state = self.group(node)
        return state["last_index"], state["commit"], state["digest"]


class RelayedCluster(UdpCluster):
    """Between each two nodes stands a relay: for each datagram from `a` to `b` it asks
    `self.passes(a, b, data)`. A client reaches the node only whose endpoint it was given."""

    def __init__(self, directory, yaml, net=""):
        self.passes = lambda a, b, data: True
        self.relays = {}  # what stands at `a` in the place of `b`
        for pair in ((a, b) for a in range(1, 4) for b in range(1, 4) if a != b):
            self.relays[pair] = socket.socket(type=socket.SOCK_DGRAM)
            self.relays[pair].bind(("127.0.0.1", 0))
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        super().__init__(directory, yaml, net)
        self.thread.start()

    def __exit__(self, *_):
        super().__exit__()
        self.stopped.set()
        self.thread.join()
        for relay in self.relays.values():
            relay.close()

    def write_configs(self):
        real = dict(self.udp_ports)
        for viewer in self.nodes:
            self.udp_ports = {node: real[node] if node == viewer
                              else self.relays[viewer, node].getsockname()[1] for node in real}
            self.write_config(viewer)
        self.udp_ports = real

    def run(self):
        pairs = {relay: pair for pair, relay in self.relays.items()}
        while not self.stopped.is_set():
            for relay in select.select(list(pairs), [], [], 0.05)[0]:
                a, b = pairs[relay]
                data, source = relay.recvfrom(65536)
                if source[1] == self.udp_ports[a] and self.passes(a, b, data):
                    self.relays[b, a].sendto(data, ("127.0.0.1", self.udp_ports[b]))
